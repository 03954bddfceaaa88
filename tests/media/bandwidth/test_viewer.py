"""A viewer at the worker, with real SRTP: it gets what it shows and its link takes, and padding while it waits."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from media import rtcp
from media.bandwidth.controller import Controller
from media.bandwidth.estimator import Sent
from media.bandwidth.viewer import WISHES, Viewer
from media.codecs import send_time
from protocol.control import Paused, PeerClose, Prefer
from tests.media.test_layers import Camera, rid_of
from tests.media.wire import Seen, Wire

USUAL = {"q": 150e3, "h": 500e3, "f": 1.7e6}


class Call:
    """Anna's camera in three layers, which Vera watches on a link that has been heard of."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.camera = Camera(self.wire)
        self.now = time.monotonic()
        for rid in USUAL:
            self.camera.send(rid, key=True)
        self.camera.track.tick(self.now)
        self.settle()

    @property
    def viewer(self) -> Viewer:
        return self.wire.subscription.viewer

    def settle(self) -> list[Seen]:
        """Every layer sends a key frame, so that what was decided is done; what the viewer gets then."""
        for layer in self.camera.track.layers:
            layer.usual = USUAL[layer.rid]
        self.camera.track._offer(self.now)
        self.viewer.reconsider(self.now)
        for rid in USUAL:
            self.camera.send(rid, key=True)
        return [packet for rid in USUAL for packet in self.camera.send(rid)]

    def prefer(self, height: int) -> list[str]:
        self.wire.router.prefer(Prefer(room="r", peer="vera", heights={"anna/video": height}))
        return [rid_of(packet) for packet in self.settle()]

    def hears(self, estimate: float, monkeypatch: pytest.MonkeyPatch, sent: float) -> None:
        """From here on the viewer has said that its link takes so much, and so much is sent."""
        self.viewer.controller = Controller(self.now, hears=True, most=1e8)
        self.viewer.controller.estimator.step(Sent(0, 0), self.now + 10)
        monkeypatch.setattr(self.viewer, "_sent", lambda now: Sent(sent, sent))
        for bitrate in (1.5 * sent, estimate):
            self.wire.from_viewer(rtcp.remb(1, int(bitrate), [self.camera.viewer.ssrc]))


@pytest.fixture
def call() -> Iterator[Call]:
    found = Call()
    yield found
    found.wire.close()


def test_a_picture_comes_as_large_as_it_is_drawn_and_not_at_all_where_it_is_not(call: Call) -> None:
    assert [rid_of(packet) for packet in call.settle()] == ["f"]
    assert call.prefer(270) == ["h"]
    assert call.prefer(100) == ["q"]
    assert call.prefer(0) == []
    assert call.prefer(540) == ["f"]
    assert [message for message in call.wire.said if isinstance(message, Paused)] == [], "nobody's network is slow"


def test_what_is_looked_at_is_kept_for_a_new_connection_and_forgotten_with_the_page(call: Call) -> None:
    call.prefer(270)
    room = call.wire.room
    assert room.heights == {"vera": {"anna/video": 270}}
    call.wire.router.prefer(Prefer(room="r", peer="nobody", heights={"anna/video": 1}))
    call.wire.router.prefer(Prefer(room="elsewhere", peer="vera", heights={"anna/video": 1}))
    assert room.heights == {"vera": {"anna/video": 270}}
    call.wire.router.peer_close(PeerClose(room="r", peer="vera"))
    assert room.heights == {}


def test_an_estimate_that_falls_takes_the_large_picture_away_and_says_which_it_does_not_take(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    call.hears(700e3, monkeypatch, sent=1.7e6)
    assert [rid_of(packet) for packet in call.settle()] == ["h"]
    call.hears(60e3, monkeypatch, sent=1.7e6)
    assert call.settle() == []
    assert [message.tracks for message in call.wire.said if isinstance(message, Paused)] == [("anna/video",)]


def test_padding_fills_up_while_a_larger_picture_is_waited_for(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    call.hears(400e3, monkeypatch, sent=1.7e6)
    (small,) = call.settle()
    assert rid_of(small) == "q"
    monkeypatch.setattr(call.viewer, "_sent", lambda now: Sent(150e3, 150e3))
    call.wire.seen()
    begun = time.monotonic()
    padding: list[Seen] = []
    for step in range(400):
        call.wire.router.tick(begun + 3.0 + step * 0.02)
        padding += call.wire.seen()
    assert {packet.ssrc for packet in padding} == {call.camera.viewer.rtx_ssrc}
    numbers = [packet.seq for packet in padding]
    assert len(set(numbers)) == len(numbers), "no number is protected twice"
    # To a fifth above the estimate, for as long as one burst without success lasts.
    assert 250e3 < 8 * sum(len(packet.whole) for packet in padding) / 5 < 400e3


def test_every_packet_of_a_picture_says_when_it_was_sent_also_when_it_is_repeated(call: Call) -> None:
    before = time.monotonic()
    (packet,) = call.settle()
    call.wire.from_viewer(rtcp.nack(1, packet.ssrc, [packet.seq]))
    (repeated,) = call.wire.seen()
    after = time.monotonic()
    for each in (packet, repeated):
        block = each.whole[12:20]
        assert block[:5] == send_time(0)[:5] == b"\xbe\xde\x00\x01\x22"
        moment = int.from_bytes(block[5:], "big") / 2**18
        assert 0 <= (moment - before) % 64 <= after - before + 1e-3
    assert repeated.payload[2:] == packet.payload


def test_a_viewer_that_changes_its_mind_all_the_time_has_one_key_frame_a_second_made(call: Call) -> None:
    track, now = call.camera.track, call.now
    asked = 0
    for number in range(500):  # in 10 s
        now += 0.02
        call.wire.router.prefer(Prefer(room="r", peer="vera", heights={"anna/video": (135, 270, 540)[number % 3]}))
        if number % 50 == 0:
            call.wire.subscription.each_second(now)
        for layer in track.layers:
            if layer.keyframes.due(now):
                asked += 1
                call.camera.send(layer.rid, key=True)
    assert asked <= 10 + WISHES
    assert call.viewer.heights["anna/video"] in (135, 270, 540)


def test_the_last_wish_of_many_is_taken_up_within_a_second(call: Call) -> None:
    for height in [100, 270] * WISHES:
        call.wire.router.prefer(Prefer(room="r", peer="vera", heights={"anna/video": height}))
    call.wire.router.prefer(Prefer(room="r", peer="vera", heights={"anna/video": 540}))
    call.wire.subscription.each_second(call.now)
    assert {rid_of(packet) for packet in call.settle()} == {"f"}
