"""Packets on their way out: whatever the kernel can do, each arrives once, whole, where it belongs."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import select
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from media import outbox
from media.outbox import BATCH, MAX_SEGMENTS, Abilities, Audience, Outbox, Target, probe, slots_of
from media.srtp import PROFILES, PacketBuffer, session

_SO_NO_CHECK = 11
PROFILE = PROFILES[0]
KEY = bytes(range(PROFILE.key + PROFILE.salt))
EVERYTHING = Abilities(batches=True, segments=True)


class Post:
    """A socket to send from, another to receive with, and an outbox between them."""

    def __init__(self, host: str, abilities: Abilities) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.out, self.sink = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        self.sink.bind((host, 0))
        self.sink.setblocking(False)
        self.dropped: Counter[str] = Counter()
        self.outbox = Outbox(self.out, self.dropped, abilities)
        self.target = Target(self.sink.getsockname())
        self.sender, self._receiver = (session(PROFILE, KEY, inbound=inbound) for inbound in (False, True))
        self._seq = 0

    def packets(self, *sizes: int) -> list[bytes]:
        """RTP packets that become so long when they are protected."""
        made = []
        for size in sizes:
            self._seq += 1
            made.append(struct.pack("!HHII", 0x8060, self._seq, 0, 7) + bytes((self._seq,)) * (size - 12 - PROFILE.tag))
        return made

    def put(self, *packets: bytes, target: Target | None = None, first: int = 0) -> int:
        """Written from slot `first` on and put; returns the next slot."""
        lengths = []
        for packet in packets:
            assert self.outbox.fill(first, packet, [self.sender.context]) == [0]
            lengths.append((first, len(packet) + PROFILE.tag))
            first += slots_of(len(packet))
        self.outbox.put(target or self.target, lengths)
        return first

    def received(self) -> list[bytes]:
        """What has come, decrypted."""
        buffer = PacketBuffer(2000)
        found = []
        for datagram in self.received_raw():
            buffer.view[: len(datagram)] = datagram
            length = self._receiver.unprotect(buffer, len(datagram))
            assert length > 0
            found.append(bytes(buffer.view[:length]))
        return found

    def received_raw(self) -> list[bytes]:
        """What has come."""
        found = []
        while True:
            try:
                found.append(self.sink.recv(2000))
            except BlockingIOError:
                return found

    def close(self) -> None:
        """Close the sockets."""
        self.out.close()
        self.sink.close()


@pytest.fixture(params=["127.0.0.1", "::1"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(
    params=[EVERYTHING, Abilities(True, False), Abilities(False, False)], ids=["segments", "batches", "plain"]
)
def post(request: pytest.FixtureRequest, host: str) -> Iterator[Post]:
    with closing(Post(host, request.param)) as found:
        yield found


def test_this_kernel_sends_batches_and_cuts_messages_up() -> None:
    assert probe() == EVERYTHING


def test_packets_of_one_viewer_arrive_as_they_were_whatever_their_sizes(post: Post) -> None:
    packets = post.packets(300, 300, 300, 120, 120, 400, 90, 300, 310)
    post.put(*packets)
    post.outbox.flush()
    assert post.received() == packets and not post.dropped


def test_as_many_as_fit_into_one_message_and_more_arrive(post: Post) -> None:
    packets = post.packets(*[1516] * (MAX_SEGMENTS + 2))
    post.put(*packets)
    post.outbox.flush()
    assert post.received() == packets


def test_a_packet_is_spread_to_each_of_an_audience_under_its_own_key(post: Post) -> None:
    """More of them than go into one batch, each with a key and a socket of its own."""
    keys = [bytes((n,)) * len(KEY) for n in range(BATCH + 3)]
    with contextlib.ExitStack() as stack:
        sinks = [stack.enter_context(socket.socket(post.sink.family, socket.SOCK_DGRAM)) for _ in keys]
        for sink in sinks:
            sink.bind((post.sink.getsockname()[0], 0))
            sink.settimeout(1)
        targets = [Target(sink.getsockname()) for sink in sinks]
        audience = Audience(PROFILE.tag, targets, [session(PROFILE, key, inbound=False) for key in keys])
        packets = post.packets(200, 300, 300, 100, 200)
        assert post.outbox.spread(packets[:1], audience) == len(keys)
        assert post.outbox.spread(packets[1:], audience) == 4 * len(keys)
        buffer = PacketBuffer(2000)
        for sink, key in zip(sinks, keys, strict=True):
            receiver = session(PROFILE, key, inbound=True)
            for packet in packets:
                length = receiver.unprotect(buffer, sink.recv_into(buffer.bytes))
                assert buffer.view[:length] == packet


def test_an_audience_that_nobody_of_can_be_reached_by_udp_gets_nothing(post: Post) -> None:
    assert post.outbox.spread(post.packets(200), Audience(PROFILE.tag, [], [])) == 0
    assert post.received() == [] and not post.dropped


def test_a_number_that_was_sent_before_is_refused_and_the_others_go_out(post: Post) -> None:
    others = [session(PROFILE, KEY, inbound=False) for _ in range(2)]
    (packet,) = post.packets(200)
    used = Audience(PROFILE.tag, [post.target], [post.sender])
    assert post.outbox.spread([packet], used) == 1
    everybody = Audience(PROFILE.tag, [post.target] * 3, [others[0], post.sender, others[1]])
    further = post.packets(80)
    assert post.outbox.spread([packet, *further], everybody) == 4
    assert len(post.received_raw()) == 5
    assert post.dropped == {"srtp_protect": 2}
    assert post.outbox.fill(0, packet, [others[0].context]) != [0]


def test_an_outbox_is_empty_after_a_flush_and_can_be_used_again(post: Post) -> None:
    post.outbox.flush()
    for size in (100, 50):
        packets = post.packets(size)
        post.put(*packets)
        post.outbox.flush()
        assert post.received() == packets


def test_what_is_discarded_is_not_sent(post: Post) -> None:
    post.put(*post.packets(100, 100))
    post.outbox.discard()
    post.outbox.flush()
    packets = post.packets(80)
    post.put(*packets)
    post.outbox.flush()
    assert post.received() == packets


def test_a_target_that_cannot_be_reached_is_counted_and_the_others_get_theirs(post: Post) -> None:
    # Broadcast is not allowed on this socket; an IPv6 socket does not take a multicast address without an interface.
    nowhere = Target(("255.255.255.255", 9) if post.sink.family == socket.AF_INET else ("ff02::1", 9, 0, 99999))
    sessions = [session(PROFILE, bytes((n,)) * len(KEY), inbound=False) for n in range(2)]
    (packet,) = post.packets(100)
    targets = [post.target, nowhere, post.target]
    post.outbox.spread([packet], Audience(PROFILE.tag, targets, [post.sender, *sessions]))
    assert len(post.received_raw()) == 2 and post.dropped == {"send": 1}
    lost, reached = post.packets(100, 100)
    slot = post.put(lost, target=nowhere)
    post.put(reached, first=slot)
    post.outbox.flush()
    assert post.received() == [reached] and post.dropped == {"send": 2}


def test_a_message_the_kernel_does_not_cut_up_is_sent_packet_by_packet() -> None:
    with closing(Post("127.0.0.1", EVERYTHING)) as post:
        # udp(7) needs checksums for segmentation; without them plain packets still go.
        post.out.setsockopt(socket.SOL_SOCKET, _SO_NO_CHECK, 1)
        packets = post.packets(200, 200, 90, 400, 400)
        post.put(*packets)
        post.outbox.flush()
        assert post.received() == packets and post.dropped == {"segments_refused": 2}


class Full:
    """A kernel whose buffer is full after one message."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.calls: list[int] = []
        really = outbox._sendmmsg

        def send(fileno: int, headers: int, count: int, flags: int) -> int:
            self.calls.append(count)
            if self.full:
                ctypes.set_errno(errno.EAGAIN)
                return -1
            self.full = True
            return int(really(fileno, headers, 1, flags))

        monkeypatch.setattr(outbox, "_sendmmsg", send)


def test_for_a_moment_the_rest_waits_for_room_in_the_kernels_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Post("127.0.0.1", EVERYTHING)) as post:
        kernel = Full(monkeypatch)

        def has_room() -> bool:
            kernel.full = False
            return True

        monkeypatch.setattr(post.outbox, "_has_room_soon", has_room)
        packets = post.packets(100, 300, 300, 300)
        post.put(*packets)
        post.outbox.flush()
        assert post.received() == packets and not post.dropped


def test_what_the_kernel_has_no_room_for_in_time_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Post("127.0.0.1", EVERYTHING)) as post:
        kernel = Full(monkeypatch)
        monkeypatch.setattr(post.outbox, "_has_room_soon", lambda: False)
        packets = post.packets(100, 300, 300, 300)
        post.put(*packets)
        post.outbox.flush()
        assert post.received() == packets[:1] and post.dropped == {"send": 3} and kernel.calls == [2, 1]


def test_a_socket_with_room_is_not_waited_for_and_one_without_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Post("127.0.0.1", EVERYTHING)) as post:
        assert post.outbox._has_room_soon()
        waits: list[float] = []

        class Poll:
            def register(self, *_: object) -> None:
                pass

            def poll(self, timeout: float) -> list[object]:
                waits.append(timeout)
                return []

        monkeypatch.setattr(select, "poll", Poll)
        assert not post.outbox._has_room_soon() and not post.outbox._has_room_soon()
        assert waits == [1000 * outbox.MAX_WAIT]


@pytest.mark.parametrize("abilities", [EVERYTHING, Abilities(True, False), Abilities(False, False)])
def test_one_socket_for_both_versions_sends_to_both(abilities: Abilities) -> None:
    """An IPv4 viewer of a socket bound to `::` has an address mapped into IPv6."""
    post = Post("127.0.0.1", abilities)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as both:
        both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        post.outbox = Outbox(both, post.dropped, abilities)
        packets = post.packets(900, 900, 900, 300)
        post.put(*packets, target=Target((f"::ffff:{post.target.address[0]}", post.target.address[1], 0, 0)))
        post.outbox.flush()
        assert post.received() == packets and not post.dropped
    post.close()
