"""A large stage at the worker: the viewer gets the microphones that are heard, whole, and no others."""

from __future__ import annotations

import struct
import time
from collections import defaultdict
from collections.abc import Iterator

import pytest

from media import codecs
from media.codecs import Choice
from media.limits import Limits
from media.red import join
from media.srtp import PacketBuffer, session
from media.stream import Line
from media.transport import Transport
from protocol.control import Routes, SubscribeOffer, TrackRoute
from protocol.names import Source
from tests.media.wire import KEY, PROFILE, Seen, Wire

PEOPLE = ("anna", "ben", "cyd", "dan", "eve")
TALKING, SILENT = 0x80 | 25, 127
FRAME = b"\x78" + bytes(60)


class Stage(Wire):
    """Five people with open microphones, of which two are forwarded, and Vera who hears them."""

    def __init__(self) -> None:
        self.clock = time.monotonic()
        super().__init__()
        self._sessions = {peer: session(PROFILE, KEY, inbound=False) for peer in PEOPLE}
        self._sockets = {peer: self._socket() for peer in PEOPLE}
        self.numbers = dict.fromkeys(PEOPLE, 100)
        for index, peer in enumerate(PEOPLE):
            uplink = self.router._new_uplink(self.room, peer)
            assert isinstance(uplink.transport, Transport)
            self._secure(uplink.transport, self._sockets[peer])
            track = self.room.tracks[f"{peer}/audio"]
            line = Line("0", track, Choice(codecs.OPUS, 109, None, 63), [3000 + index], {})
            uplink.bind([line], {5: codecs.EXTENSION_IDS[codecs.AUDIO_LEVEL]}, False)
            self.room.bound(track)
        self.router.tick(self.clock)
        self.answer()
        self.heard: dict[str, list[Seen]] = defaultdict(list)

    def routes(self, audio: bool = True, video: bool = True, to: str = "g", **closed: bool) -> None:
        self.say_routes()

    def say_routes(self, closed: str = "", pinned: str = "") -> None:
        """The next version of the routes."""
        self.version += 1
        tracks = [
            TrackRoute(
                track=f"{peer}/audio",
                peer=peer,
                source=Source.AUDIO,
                open=peer != closed,
                to=("g",),
                pinned=peer == pinned,
            )
            for peer in PEOPLE
        ]
        tracks.append(TrackRoute(track="anna/video", peer="anna", source=Source.VIDEO, open=True, to=("g",)))
        peers = {**dict.fromkeys(PEOPLE, "s"), "vera": "g"}
        self.router.routes(Routes(room="r", epoch=1, version=self.version, peers=peers, tracks=tuple(tracks)))

    def talk(self, peer: str, level: int = TALKING, frame: bytes = FRAME, *, lost: bool = False) -> None:
        """One packet of somebody; `lost` on the way to the worker. Redundant, as browsers send it."""
        number = self.numbers[peer] = self.numbers[peer] + 1
        if lost:
            return
        block = struct.pack("!HHBBH", 0xBEDE, 1, 0x50, level, 0)
        ssrc = 3000 + PEOPLE.index(peer)
        packet = struct.pack("!BBHII", 0x90, 63, number, 960 * number, ssrc) + block + join(109, [(960, frame)], frame)
        buffer = PacketBuffer(1600)
        buffer.view[: len(packet)] = packet
        length = self._sessions[peer].protect(buffer, len(packet))
        self.receive(bytes(buffer.view[:length]), self._sockets[peer].getsockname())

    def seconds(self, monkeypatch: pytest.MonkeyPatch, seconds: float, levels: dict[str, int], **frames: bytes) -> None:
        """So much time in which everybody sends a packet each 20 ms, silent ones where nothing else is said."""
        for _ in range(round(seconds * 50)):
            self.clock += 0.02
            monkeypatch.setattr(time, "monotonic", lambda: self.clock)
            for peer in PEOPLE:
                self.talk(peer, levels.get(peer, SILENT), frames.get(peer, FRAME))
        self.listen()

    def listen(self) -> None:
        """Sort what came to Vera by whose it is."""
        [offer] = [message for message in self.said if isinstance(message, SubscribeOffer)][-1:]
        mids = {line.downlink.ssrc: line.mid for line in self.subscription.lines}
        for packet in self.seen():
            self.heard[offer.tracks[mids[packet.ssrc]].partition("/")[0]].append(packet)

    def close(self) -> None:
        for each in self._sockets.values():
            each.close()
        super().close()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr("tests.media.wire.Limits", lambda: Limits(audio_tracks=2, audio_everybody=3))
    found = Stage()
    yield found
    found.close()


def numbers(packets: list[Seen]) -> list[int]:
    return [packet.seq - packets[0].seq & 0xFFFF for packet in packets]


def test_who_speaks_is_forwarded_and_who_is_silent_costs_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.seconds(monkeypatch, 1.0, {})
    stage.heard.clear()
    stage.seconds(monkeypatch, 2.0, {"ben": TALKING, "eve": TALKING})
    assert {peer: len(packets) for peer, packets in stage.heard.items()} == {"ben": 100, "eve": 100}
    assert all(packet.payload == FRAME for packets in stage.heard.values() for packet in packets)


def test_the_numbers_of_who_falls_silent_and_speaks_again_have_no_gap(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.seconds(monkeypatch, 1.0, {})
    stage.heard.clear()
    for talking in (1.0, 0.0, 1.0, 0.0, 1.0):
        stage.seconds(monkeypatch, 1.0, {"ben": TALKING if talking else SILENT})
    packets = stage.heard["ben"]
    assert numbers(packets) == list(range(len(packets)))
    ends = [packet for packet in packets if len(packet.payload) == 1]
    assert len(ends) == 2, "each pause is said to the decoder"
    starts = [packet for packet in packets if packet.marker]
    assert len(starts) == 3
    assert (starts[1].timestamp - starts[0].timestamp) & 0xFFFFFFFF == 2 * 48000, "time goes on meanwhile"


def test_more_than_the_places_are_not_forwarded_however_many_speak(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.seconds(monkeypatch, 1.0, {})
    stage.heard.clear()
    stage.seconds(monkeypatch, 2.0, dict.fromkeys(PEOPLE, TALKING))
    assert sum(len(packets) for packets in stage.heard.values()) == 2 * 100


def test_whoever_is_pinned_is_heard_whatever_the_others_do(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.say_routes(pinned="eve")
    stage.seconds(monkeypatch, 1.0, dict.fromkeys(PEOPLE[:4], TALKING))
    stage.heard.clear()
    stage.seconds(monkeypatch, 1.0, {**dict.fromkeys(PEOPLE[:4], TALKING), "eve": 0x80 | 60})
    assert len(stage.heard["eve"]) == 50
    assert sum(len(packets) for peer, packets in stage.heard.items() if peer != "eve") == 2 * 50, "beside the others"


def test_who_is_muted_leaves_the_place_to_the_next(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.seconds(monkeypatch, 1.0, {})
    stage.seconds(monkeypatch, 1.0, {"anna": TALKING, "ben": TALKING, "cyd": TALKING})
    [refused] = {"anna", "ben", "cyd"} - {peer for peer, packets in stage.heard.items() if len(packets) > 25}
    stage.say_routes(closed="ben" if refused != "ben" else "anna")
    stage.heard.clear()
    stage.seconds(monkeypatch, 0.1, {"anna": TALKING, "ben": TALKING, "cyd": TALKING})
    assert len(stage.heard[refused]) == 5


def test_frames_that_are_silent_are_not_believed_to_be_loud(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.seconds(monkeypatch, 1.0, {})
    stage.heard.clear()
    stage.seconds(monkeypatch, 1.0, {"anna": 0x80, "ben": 0x80, "cyd": TALKING}, anna=b"\x78", ben=b"\x78\x00")
    assert {peer: len(packets) for peer, packets in stage.heard.items()} == {"cyd": 50}
    assert [peer for peer, _ in stage.room.loudness.speakers(stage.clock)] == ["cyd"]


def test_of_a_small_stage_everything_is_forwarded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.media.test_stage.PEOPLE", PEOPLE[:3])
    stage.seconds(monkeypatch, 1.0, {"anna": TALKING})
    assert {peer: len(packets) for peer, packets in stage.heard.items()} == dict.fromkeys(PEOPLE[:3], 50)


def test_what_is_lost_on_the_way_to_the_worker_reaches_the_viewers(stage: Stage) -> None:
    for number in range(30):
        stage.talk("ben", lost=number % 3 == 1)
    stage.listen()
    packets = stage.heard["ben"]
    assert numbers(packets) == list(range(30))
    assert [packet.timestamp - packets[0].timestamp & 0xFFFFFFFF for packet in packets] == [960 * n for n in range(30)]
    track = stage.room.tracks["ben/audio"]
    assert (track.received, track.lost) == (20, 0)
