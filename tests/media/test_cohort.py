"""Viewers in step: whatever happens, each gets what it would get if it were looked at alone, packet by packet."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media.egress import Downlink
from media.rtp import parse as parse_rtp
from media.sdp import LocalTransport, parse, write
from media.srtp import PacketBuffer, session
from protocol.control import Routes, SubscribeAnswer, SubscribeOffer, SubscribeOpen, TrackRoute
from protocol.names import Source
from tests.media.wire import CONTEXT, DELTA, KEY, KEYFRAME, PROFILE, Wire

NAMES = ("vera", "ben", "cleo", "dora")


class Watcher:
    """One viewer: what it has got, and a model of what it should have got, which knows of no other viewer."""

    def __init__(self, hall: Hall, name: str) -> None:
        wire = hall.wire
        self.hall, self.name = hall, name
        wire.router.subscribe_open(SubscribeOpen(room="r", peer=name, generation=2))
        self.subscription = wire.room.subscriptions[name]
        self.socket = wire._socket()
        hall.sockets.append(self.socket)
        wire._secure(self.subscription.transport, self.socket)
        offer = [m for m in wire.said if isinstance(m, SubscribeOffer) and m.peer == name][-1]
        description = parse(offer.sdp)
        for section in description.sections:
            section.direction = "recvonly" if section.direction == "sendonly" else "inactive"
        text = write(description, LocalTransport(name * 2, "p" * 24, CONTEXT.fingerprint, (), 9), "active", 1, 1)
        answer = SubscribeAnswer(room="r", peer=name, generation=2, revision=offer.revision, sdp=text)
        wire.router.subscribe_answer(answer)
        self.subscription.connected(time.monotonic())
        (self.downlink,) = (
            line.downlink for line in self.subscription.lines if line.track is wire.room.tracks["anna/video"]
        )
        self._keys = session(PROFILE, KEY, inbound=True)
        self._first: int | None = None  # the number it began with after the last gap
        self._distance = 0
        self.should: list[tuple[int, bytes]] = []
        self.got: list[tuple[int, bytes]] = []
        self.ssrcs: set[int] = set()

    def sent(self, seq: int, payload: bytes) -> None:
        """The model: a packet has come from the publisher (its number never wraps here)."""
        if self._first is None:
            if payload[1] & 1:
                return
            # The numbers go on where they were; the very first may be any.
            self._distance = max(number for number, _ in self.should) + 1 - seq if self.should else 0
            self._first = seq
        if seq >= self._first:
            self.should.append((seq + self._distance, payload))

    def held(self) -> None:
        """The model: it waits for a key frame from here on."""
        self._first = None

    def read(self) -> None:
        """Take in what has arrived."""
        buffer = PacketBuffer(2000)
        while True:
            try:
                datagram = self.socket.recv(2000)
            except BlockingIOError:
                return
            if 192 <= datagram[1] <= 223:
                continue
            buffer.view[: len(datagram)] = datagram
            length = self._keys.unprotect(buffer, len(datagram))
            assert length > 0, "it cannot be decrypted"
            parsed = parse_rtp(buffer.bytes, length)
            assert parsed is not None
            self.got.append((parsed[2], bytes(buffer.view[parsed[5] : length - parsed[9]])))
            self.ssrcs.add(parsed[4])

    def check(self) -> None:
        """What came is what should have come, and is counted so."""
        begin = self.got[0][0] - self.should[0][0] if self.got else 0
        assert sorted((seq - begin, payload) for seq, payload in self.got) == sorted(self.should)
        assert len(self.ssrcs) <= 1
        assert self.downlink.packets == len(self.should)
        assert self.downlink.octets == sum(len(payload) for _, payload in self.should)


class Hall:
    """Anna's picture and up to four viewers."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.sockets: list[socket.socket] = []
        self.open = True
        self.route()
        self.wire.router._end_subscription(self.wire.room, "vera")
        self.watchers: dict[str, Watcher] = {}
        self.seq = 1000
        self._oldest: int | None = None  # what is older than the first packet that was needed is none of the stream

    def route(self) -> None:
        """The next version of the routes."""
        self.wire.version += 1
        tracks = tuple(
            TrackRoute(track=f"anna/{source}", peer="anna", source=source, open=open, to=("g",))
            for source, open in ((Source.AUDIO, True), (Source.VIDEO, self.open))
        )
        peers = {"anna": "s"} | dict.fromkeys(NAMES, "g")
        self.wire.router.routes(Routes(room="r", epoch=1, version=self.wire.version, peers=peers, tracks=tracks))

    def join(self, name: str) -> None:
        """Somebody comes, or comes anew."""
        self.leave(name)
        if not self.watchers:
            self._oldest = None
        self.watchers[name] = Watcher(self, name)

    def leave(self, name: str) -> None:
        """Somebody goes; what came until then is checked."""
        watcher = self.watchers.pop(name, None)
        if watcher is not None:
            watcher.read()
            watcher.check()
            self.wire.router._end_subscription(self.wire.room, name)

    def move(self, name: str) -> None:
        """Somebody has another address."""
        watcher = self.watchers.get(name)
        if watcher is not None:
            watcher.read()
            watcher.socket = self.wire._socket()
            self.sockets.append(watcher.socket)
            watcher.subscription.transport.use(watcher.socket.getsockname())

    def toggle(self) -> None:
        """The route closes or opens."""
        self.open = not self.open
        self._oldest = None
        self.route()
        for watcher in self.watchers.values():
            watcher.held()

    def turn(self, keyframe: bool, count: int, late: int) -> None:
        """So many packets come in one turn; one of them, `late` numbers from the end, comes last."""
        seqs = [self.seq + n for n in range(1, count + 1)]
        self.seq += count
        if 0 < late < count:
            seqs.append(seqs.pop(-1 - late))
        first = min(seqs)
        datagrams = []
        for seq in seqs:
            payload = (KEYFRAME if keyframe and seq == first else DELTA) + struct.pack("!I", seq) + bytes(seq % 3)
            datagrams.append(self.wire.protected_video(seq, payload, timestamp=90 * seq))
            self._oldest = seq if self._oldest is None else self._oldest
            if self.open and seq >= self._oldest:
                for watcher in self.watchers.values():
                    watcher.sent(seq, payload)
        self.wire.receive_together(datagrams)
        for watcher in self.watchers.values():
            watcher.read()

    def close(self) -> None:
        """Close all sockets."""
        self.wire.close()
        for each in self.sockets:
            each.close()


@pytest.fixture
def hall() -> Iterator[Hall]:
    found = Hall()
    yield found
    found.close()


def cohorts(hall: Hall) -> list[set[Downlink]]:
    """Who is in step with whom."""
    (layer,) = hall.wire.room.tracks["anna/video"].layers
    return [set(cohort.members) for cohort in layer.cohorts.values()]


def test_whoever_has_got_everything_gets_the_same_bytes_whenever_it_came(hall: Hall) -> None:
    hall.join("vera")
    hall.turn(True, 1, 0)
    hall.join("ben")
    hall.turn(True, 2, 0)
    hall.turn(False, 1, 0)
    vera, ben = hall.watchers["vera"], hall.watchers["ben"]
    assert cohorts(hall) == [{vera.downlink, ben.downlink}]
    assert vera.ssrcs == ben.ssrcs and vera.got[-3:] == ben.got and len(ben.got) == 3


def test_numbers_that_went_on_over_a_pause_make_a_cohort_of_their_own(hall: Hall) -> None:
    hall.join("vera")
    hall.turn(True, 1, 0)
    hall.toggle()
    hall.turn(False, 3, 0)
    hall.join("ben")
    hall.toggle()
    hall.turn(True, 2, 0)
    assert sorted(map(len, cohorts(hall))) == [1, 1]


def test_a_late_packet_keeps_those_in_step_who_were_there_before_it(hall: Hall) -> None:
    for name in ("vera", "ben"):
        hall.join(name)
    hall.turn(True, 1, 0)
    hall.turn(False, 4, 2)
    assert sorted(map(len, cohorts(hall))) == [2]
    hall.turn(True, 3, 1)
    assert sorted(map(len, cohorts(hall))) == [2]


def test_a_late_packet_reaches_those_alone_who_were_there(hall: Hall) -> None:
    def sound(seq: int) -> None:
        packet = hall.wire.protected_audio(seq, payload=b"frame %d" % seq)
        hall.wire.receive(packet, hall.wire.publisher_socket.getsockname())

    hall.join("vera")
    sound(1)
    hall.join("ben")
    for seq in (3, 4, 2, 5):
        sound(seq)
    got = {}
    for name, watcher in hall.watchers.items():
        watcher.read()
        got[name] = [int(payload[-1:]) for _, payload in watcher.got]
    assert got == {"vera": [1, 3, 4, 2, 5], "ben": [3, 4, 5]}


def test_an_address_that_changes_is_used_from_the_next_packet_on(hall: Hall) -> None:
    hall.join("vera")
    hall.join("ben")
    hall.turn(True, 1, 0)
    hall.turn(False, 1, 0)
    hall.move("vera")
    hall.turn(False, 1, 0)
    assert [len(watcher.got) for watcher in hall.watchers.values()] == [3, 3]


def test_whose_number_was_used_before_gets_nothing_rather_than_something_unprotected(hall: Hall) -> None:
    hall.join("vera")
    hall.join("ben")
    hall.turn(True, 1, 0)
    vera, ben = hall.watchers["vera"], hall.watchers["ben"]
    outbound = vera.subscription.transport.outbound
    assert outbound is not None
    for ahead in (1, 2, 3):
        buffer = PacketBuffer(100)
        buffer.view[:12] = struct.pack("!HHII", 0x8060, vera.got[0][0] + ahead, 0, *vera.ssrcs)
        assert outbound.protect(buffer, 12) > 0
    hall.turn(False, 1, 0)
    hall.turn(False, 2, 0)
    assert len(vera.got) == 1 and len(ben.got) == 4
    assert hall.wire.dropped["srtp_protect"] == 3


STEP = st.one_of(
    st.tuples(st.just("turn"), st.booleans(), st.integers(1, 6), st.integers(0, 3)),
    st.tuples(st.just("turn"), st.just(True), st.integers(1, 3), st.just(0)),
    st.tuples(st.sampled_from(("join", "leave", "move")), st.sampled_from(NAMES)),
    st.tuples(st.just("toggle")),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, max_size=25))
def test_each_viewer_gets_what_it_would_get_alone(steps: list[tuple[object, ...]]) -> None:
    hall = Hall()
    try:
        hall.join("vera")
        for name, *values in steps:
            getattr(hall, str(name))(*values)
        for name in list(hall.watchers):
            hall.leave(name)
    finally:
        hall.close()
