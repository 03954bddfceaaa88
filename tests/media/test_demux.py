"""Whatever comes in at the UDP port: it is counted and dropped, never raised, never answered to a stranger."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import rtcp, stun
from media.demux import LATE, MOVES_PER_S
from media.limits import Limits
from media.srtp import session
from media.transport import CLOSED_AFTER, LOST_AFTER, MAX_ADDRESSES, STALE_AFTER, Transport
from protocol.control import (
    RoomClosed,
    SubscribeOffer,
    SubscribeOpen,
    SubscribeRestart,
    TransportChanged,
    TransportState,
)
from tests.media.test_stun import check
from tests.media.wire import KEY, KEYFRAME, PROFILE, VIDEO_SSRC, Wire

STRANGER = ("127.0.0.1", 9)


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.close()


@pytest.fixture
def fresh() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.close()


anything = st.one_of(
    st.binary(max_size=1500),
    st.builds(lambda first, rest: bytes((first,)) + rest, st.sampled_from((0, 1, 22, 128, 144, 191)), st.binary()),
    st.builds(lambda cut, at: check("a:b")[:cut] + bytes((at,)), st.integers(0, 120), st.integers(0, 255)),
)


@settings(max_examples=150, deadline=None)
@given(datagrams=st.lists(anything, max_size=5), who=st.sampled_from(("stranger", "publisher", "viewer")))
def test_any_datagram_from_anybody_is_taken_without_an_exception(wire: Wire, datagrams: list[bytes], who: str) -> None:
    address = {
        "stranger": STRANGER,
        "publisher": wire.publisher_socket.getsockname(),
        "viewer": wire.viewer_socket.getsockname(),
    }[who]
    for datagram in datagrams:
        wire.receive(datagram[:1500], address)
    wire.tick()


_headers = st.builds(
    lambda first, second, seq, timestamp, ssrc, rest: struct.pack("!BBHII", first, second, seq, timestamp, ssrc) + rest,
    st.integers(0x80, 0xBF),
    st.sampled_from((120, 124, 109, 96, 248, 0, 63)),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.sampled_from((VIDEO_SSRC, 1001, 2000, 7)),
    st.binary(max_size=200),
)


@settings(max_examples=150, deadline=None)
@given(packets=st.lists(_headers, max_size=8))
def test_a_publisher_with_good_keys_and_bad_packets_breaks_nothing(wire: Wire, packets: list[bytes]) -> None:
    for packet in packets:
        wire._buffer.view[: len(packet)] = packet
        length = wire._protect.protect(wire._buffer, len(packet))
        if length > 0:
            wire.receive(bytes(wire._buffer.view[:length]), wire.publisher_socket.getsockname())
    wire.tick()
    wire.seen()


@settings(max_examples=150, deadline=None)
@given(kind=st.integers(192, 223), count=st.integers(0x80, 0xBF), body=st.binary(max_size=120), viewer=st.booleans())
def test_a_peer_with_good_keys_and_bad_rtcp_breaks_nothing(
    wire: Wire, kind: int, count: int, body: bytes, viewer: bool
) -> None:
    body = body[: len(body) // 4 * 4]
    packet = struct.pack("!BBHI", count, kind, len(body) // 4 + 1, 1) + body
    (wire.from_viewer if viewer else wire.from_publisher)(packet)
    wire.tick()


# --- addresses --------------------------------------------------------------------------------------


def from_address(wire: Wire, port: int, nominated: bool = False, username: str = "") -> None:
    """An authentic check for Vera's connection from another address."""
    transport = wire.subscription.transport
    data = check(username or f"{transport.ufrag}:x", transport.password.encode(), nominated)
    assert stun.parse(data) is not None
    wire.receive(data, ("127.0.0.1", port))


def test_the_newest_nominated_address_wins_and_others_are_only_validated(fresh: Wire) -> None:
    transport = fresh.subscription.transport
    first = transport.address
    from_address(fresh, 40001)
    assert transport.address == first and ("127.0.0.1", 40001) in transport.validated
    from_address(fresh, 40002, nominated=True)
    assert transport.address == ("127.0.0.1", 40002)


def test_an_address_without_checks_gives_way_to_one_that_has_them(fresh: Wire) -> None:
    transport = fresh.subscription.transport
    assert transport.address is not None
    transport.validated[transport.address] -= STALE_AFTER + 1
    from_address(fresh, 40003)
    assert transport.address == ("127.0.0.1", 40003)


def test_addresses_are_limited_and_the_oldest_is_forgotten(fresh: Wire) -> None:
    for port in range(40000, 40000 + 3 * MAX_ADDRESSES):
        from_address(fresh, port)
    assert len(fresh.subscription.transport.validated) <= MAX_ADDRESSES
    assert len(fresh.demux.addresses) <= MAX_ADDRESSES + 1


def test_dtls_is_limited_and_costs_media_nothing(fresh: Wire) -> None:
    fresh.video(1, KEYFRAME)
    noise = b"\x17\xfe\xfd" + bytes(1400)
    for _ in range(3 * Limits().dtls_per_s):
        fresh.receive(noise, fresh.publisher_socket.getsockname())
    assert fresh.dropped == {"dtls_rate": 2 * Limits().dtls_per_s}
    assert len(fresh.video(2)) == 1
    transport = fresh.room.uplinks["anna"].transport
    assert isinstance(transport, Transport)
    transport.watch(time.monotonic())
    fresh.receive(noise, fresh.publisher_socket.getsockname())
    assert fresh.dropped == {"dtls_rate": 2 * Limits().dtls_per_s}


def test_checks_of_strangers_are_limited_and_those_of_a_known_address_are_not(fresh: Wire) -> None:
    transport = fresh.subscription.transport
    forged = check(f"{transport.ufrag}:x", b"a guess")
    for _ in range(2 * Limits().checks_per_s):
        fresh.receive(forged, STRANGER)
    assert fresh.dropped == {"stun_forged": Limits().checks_per_s, "check_rate": Limits().checks_per_s}
    heard = transport.heard
    from_address(fresh, fresh.viewer_socket.getsockname()[1])
    assert transport.heard > heard
    from_address(fresh, 40001)
    assert ("127.0.0.1", 40001) not in transport.validated
    transport.watch(time.monotonic())
    from_address(fresh, 40001)
    assert ("127.0.0.1", 40001) in transport.validated


def test_the_address_of_somebody_else_cannot_be_claimed(fresh: Wire) -> None:
    port = fresh.publisher_socket.getsockname()[1]
    from_address(fresh, port, nominated=True)
    assert fresh.dropped["address_taken"] == 1
    assert len(fresh.video(1, KEYFRAME)) == 1


def test_the_address_of_somebody_who_is_silent_may_be_used_by_another(fresh: Wire) -> None:
    assert fresh.uplink.transport is not None
    fresh.uplink.transport.heard -= 10
    port = fresh.publisher_socket.getsockname()[1]
    from_address(fresh, port, nominated=True)
    assert fresh.subscription.transport.address == ("127.0.0.1", port)


def test_a_closed_connection_is_deaf(fresh: Wire) -> None:
    transport = fresh.subscription.transport
    transport.close()
    from_address(fresh, 40004)
    assert fresh.dropped["stun_unknown"] == 1
    assert fresh.viewer_socket.getsockname() not in fresh.demux.addresses
    assert fresh.video(1, KEYFRAME) == []


# --- a NAT that was restarted ------------------------------------------------------------------------


@pytest.fixture
def keyed(fresh: Wire) -> Wire:
    """The viewer has keys of its own, as it has in the world: whose a packet is can be told."""
    key = bytes(reversed(KEY))
    fresh._viewer_protect = session(PROFILE, key, inbound=False)
    fresh.subscription.transport.inbound = session(PROFILE, key, inbound=True)
    fresh.demux.each_second()
    return fresh


def report(wire: Wire, number: int) -> bytes:
    """The viewer's SRTCP, each time another packet."""
    packet = rtcp.receiver_report(number, [])
    wire._buffer.view[: len(packet)] = packet
    return bytes(wire._buffer.view[: wire._viewer_protect.protect_rtcp(wire._buffer, len(packet))])


def test_a_publisher_whose_port_changes_is_heard_with_its_second_packet(keyed: Wire) -> None:
    assert len(keyed.audio(1)) == 1
    moved = ("127.0.0.1", 50001)
    transport = keyed.uplink.transport
    assert isinstance(transport, Transport)
    keyed.receive(keyed.protected_audio(2), moved)
    assert keyed.dropped == {"moved": 1} and transport.address == moved and keyed.seen() == []
    keyed.receive(keyed.protected_audio(3), moved)
    assert len(keyed.seen()) == 1
    # A check from where the publisher really is, should somebody else have repeated its packet, settles it.
    data = check(f"{transport.ufrag}:x", transport.password.encode(), True)
    keyed.receive(data, keyed.publisher_socket.getsockname())
    assert transport.address == keyed.publisher_socket.getsockname()


def test_a_viewer_whose_port_changes_is_sent_to_where_its_reports_come_from(keyed: Wire) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(1)
        keyed.receive(report(keyed, 1), other.getsockname())
        keyed.video(1, KEYFRAME)
        assert keyed.seen() == [] and len(other.recv(2000)) > len(KEYFRAME)


def test_a_viewer_who_is_given_a_former_port_again_is_sent_there(keyed: Wire) -> None:
    transport = keyed.subscription.transport
    first, second = keyed.viewer_socket.getsockname(), ("127.0.0.1", 50005)
    keyed.receive(report(keyed, 1), second)
    assert transport.address == second
    # This one may have been sent before the other.
    late = report(keyed, 2)
    keyed.receive(late, first)
    assert transport.address == second
    transport.validated[second] -= LATE
    keyed.receive(late, first)
    assert transport.address == second, "it was said before"
    keyed.receive(report(keyed, 3), first)
    assert transport.address == first and keyed.dropped["moved"] == 2
    assert len(keyed.video(1, KEYFRAME)) == 1


def test_a_packet_that_has_come_before_or_comes_from_another_host_moves_nobody(keyed: Wire) -> None:
    transport = keyed.subscription.transport
    before = transport.address
    old = report(keyed, 1)
    keyed.receive(old, keyed.viewer_socket.getsockname())
    keyed.receive(old, ("127.0.0.1", 50002))
    keyed.receive(report(keyed, 2), ("127.0.0.2", 50002))
    keyed.receive(keyed.protected_audio(1)[:-1], ("127.0.0.1", 50002))
    assert transport.address == before and keyed.dropped == {"unknown_address": 3}


def test_how_often_somebody_is_looked_for_is_limited(keyed: Wire) -> None:
    forged = bytes(report(keyed, 1)[:-4]) + b"nope"
    for _ in range(MOVES_PER_S):
        keyed.receive(forged, ("127.0.0.1", 50003))
    keyed.receive(report(keyed, 2), ("127.0.0.1", 50004))
    assert keyed.dropped == {"unknown_address": MOVES_PER_S + 1}
    keyed.demux.each_second()
    keyed.receive(report(keyed, 3), ("127.0.0.1", 50004))
    assert keyed.dropped["moved"] == 1


# --- silence ----------------------------------------------------------------------------------------


def states(wire: Wire) -> list[TransportState]:
    return [message.state for message in wire.said if isinstance(message, TransportChanged)]


def test_a_silent_peer_is_lost_comes_back_and_is_freed_in_the_end(fresh: Wire) -> None:
    transport = fresh.subscription.transport
    now = time.monotonic()
    transport.watch(now + LOST_AFTER + 0.1)
    assert states(fresh) == [TransportState.LOST]
    from_address(fresh, 40005)
    assert states(fresh) == [TransportState.LOST, TransportState.CONNECTED]
    transport.watch(now + CLOSED_AFTER + 1)
    assert states(fresh)[-1] is TransportState.CLOSED
    assert transport not in fresh.router.transports and fresh.room.subscriptions == {}


def test_an_ice_restart_keeps_the_old_password_until_the_new_one_is_used(fresh: Wire) -> None:
    transport = fresh.subscription.transport
    old = transport.ufrag
    old_password = transport.password.encode()
    transport.new_credentials()
    fresh.demux.register(transport)
    fresh.receive(check(f"{old}:x", old_password), ("127.0.0.1", 40006))
    assert ("127.0.0.1", 40006) in transport.validated
    from_address(fresh, 40007, nominated=True)
    fresh.receive(check(f"{old}:x", old_password), ("127.0.0.1", 40008))
    assert fresh.dropped["stun_unknown"] == 1
    assert ("127.0.0.1", 40008) not in transport.validated


def test_a_subscribe_connection_is_offered_anew_on_request_and_what_is_late_is_ignored(fresh: Wire) -> None:
    transport, generation = fresh.subscription.transport, fresh.subscription.generation
    offers = [message for message in fresh.said if isinstance(message, SubscribeOffer)]
    former = transport.ufrag, transport.password.encode()
    fresh.router.subscribe_restart(SubscribeRestart(room="r", peer="vera", generation=generation + 1))
    fresh.router.subscribe_restart(SubscribeRestart(room="r", peer="nobody", generation=generation))
    fresh.router.subscribe_restart(SubscribeRestart(room="elsewhere", peer="vera", generation=generation))
    assert len([message for message in fresh.said if isinstance(message, SubscribeOffer)]) == len(offers)
    # Twice: the second does not wait for an answer to the first, which may be lost.
    for _ in range(2):
        fresh.router.subscribe_restart(SubscribeRestart(room="r", peer="vera", generation=generation))
    offer = [message for message in fresh.said if isinstance(message, SubscribeOffer)][-1]
    assert offer.revision == offers[-1].revision + 2 and offer.tracks == offers[-1].tracks
    assert f"a=ice-ufrag:{transport.ufrag}\r\n" in offer.sdp and former[0] not in offer.sdp
    # Pictures go on where they went until the new way is found, and then there.
    fresh.video(1, KEYFRAME)
    assert transport.address == fresh.viewer_socket.getsockname()
    from_address(fresh, 40010, nominated=True)
    assert transport.address == ("127.0.0.1", 40010)
    fresh.receive(check(f"{former[0]}:x", former[1]), ("127.0.0.1", 40011))
    assert fresh.dropped["stun_unknown"] == 1


def test_connections_that_come_and_go_leave_nothing_behind(fresh: Wire) -> None:
    for generation in range(2, 60):
        fresh.router.subscribe_open(SubscribeOpen(room="r", peer="vera", generation=generation))
        fresh.publish()
        from_transport = fresh.room.subscriptions["vera"].transport
        data = check(f"{from_transport.ufrag}:x", from_transport.password.encode())
        fresh.receive(data, ("127.0.0.1", 41000 + generation))
    assert len(fresh.router.transports) == len(fresh.demux.ufrags) == 2
    assert len(fresh.demux.addresses) == 2
    assert len(fresh.room.tracks["anna/video"].viewers) <= 1
    fresh.router.room_closed(RoomClosed(room="r"))
    assert not fresh.router.transports and not fresh.demux.ufrags and not fresh.demux.addresses
