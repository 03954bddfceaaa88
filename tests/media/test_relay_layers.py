"""A camera in several layers over a link between two workers in one process: what crosses is what somebody looks at."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from media import codecs, rtcp
from media.layer import Layer
from media.relay.feed import Feed
from media.relay.source import RelayUplink
from media.wanted import DESERTED
from protocol.control import LayersWanted, PeerClose, Prefer, RelayChanged, RelayLink, RoomRelays
from tests.media import camera as spatial
from tests.media import test_layers as simulcast
from tests.media.wire import VIDEO_SSRC, Seen, Wire

# Seconds: between two turns of the workers, and between two pictures of the camera.
TURN, PICTURE = 0.02, 0.06


class Clock:
    """The time both workers live in."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


class Linked:
    """Anna publishes on `first` and Vera watches on `further`; on `first` somebody may watch as well. `film(asked)` is
    the camera: it makes one picture, as a key picture in the streams that were asked for one.

    `crossed`: media packets on the link, by layer; `seen`: what Vera got, and `seen_first`: who is at the first worker;
    `asked`: requests to the publisher, by SSRC.
    """

    def __init__(self, clock: Clock) -> None:
        self.first, self.further = Wire(), Wire()
        self.crossed: Counter[str] = Counter()
        self.seen: list[Seen] = []
        self.seen_first: list[Seen] = []
        self.asked: Counter[int] = Counter()
        self._clock = clock
        self._film: Callable[[set[int]], list[Seen]]

    def join(self, film: Callable[[set[int]], list[Seen]]) -> None:
        """The camera is there: link the workers, and let Vera answer."""
        self.film(film)
        self.looks(0, self.first)
        self.further.router.peer_close(PeerClose(room="r", peer="anna"))
        link, secret = secrets.token_hex(8), secrets.token_hex(32)
        to_first, to_further = (
            RelayLink(link=link, secret=secret, far=(("127.0.0.1", wire.port.port),))
            for wire in (self.first, self.further)
        )
        self.first.router.relays(RoomRelays(room="r", revision=1, feeds=(to_further,)))
        self.further.router.relays(RoomRelays(room="r", revision=1, source=to_first))
        self.pass_time(0.5)
        for wire in (self.first, self.further):
            assert RelayChanged(room="r", link=link, connected=True) in wire.said
        self.further.answer()
        # The bitrates of the layers become known.
        self.pass_time(3.0)

    def film(self, film: Callable[[set[int]], list[Seen]]) -> None:
        """Another camera."""
        self._film = film

    def pass_time(self, seconds: float) -> None:
        """Both workers' turns, and the camera's pictures."""
        for _ in range(round(seconds / PICTURE)):
            asked = [
                packet.media_ssrc
                for packet in self.first.reports(self.first.publisher_socket)
                if isinstance(packet, rtcp.Pli)
            ]
            self.asked.update(asked)
            self.seen_first += self._film(set(asked))
            self._carry()
            for _ in range(round(PICTURE / TURN)):
                self._clock.now += TURN
                for wire in (self.first, self.further):
                    wire.tick(0.0)
                self._carry()

    def _carry(self) -> None:
        """What the workers have sent to each other arrives."""
        layers = {line.ssrc: rid for (_, rid), line in self._feed._lines.items()} if self._linked else {}
        for here, there in ((self.further, self.first), (self.first, self.further)):
            for datagram in here._datagrams(here.port._socket):
                if not 192 <= datagram[1] <= 223:
                    self.crossed[layers[int.from_bytes(datagram[8:12], "big")]] += 1
                here.receive(datagram, ("127.0.0.1", there.port.port))
        self.seen += self.further.seen()

    @property
    def _linked(self) -> bool:
        return bool(self.first.router.relay_table.revisions)

    @property
    def _feed(self) -> Feed:
        (links,) = self.first.router.relay_table._rooms.values()
        (feed,) = links.open.values()
        assert isinstance(feed, Feed)
        return feed

    @property
    def layers(self) -> list[Layer]:
        """Of the picture, as the further worker knows them."""
        return self.further.room.tracks["anna/video"].layers

    @property
    def wanted(self) -> tuple[str, ...]:
        """The streams that the publisher was asked to send."""
        return [message.rids for message in self.first.said if isinstance(message, LayersWanted)][-1]

    def looks(self, height: int, at: Wire | None = None) -> None:
        """The picture is shown in this many lines, to Vera or to who watches at the first worker; 0: not at all."""
        wire = at or self.further
        wire.router.prefer(Prefer(room="r", peer="vera", heights={"anna/video": height}))

    def settle(self, height: int) -> None:
        """Vera looks at the picture in another height; the counters begin when that is done."""
        self.looks(height)
        self.asked.clear()
        self.pass_time(0.6)
        self.crossed.clear()
        self.pass_time(1.2)

    def close(self) -> None:
        self.first.close()
        self.further.close()


@pytest.fixture
def linked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Linked]:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    found = Linked(clock)
    yield found
    found.close()


@pytest.fixture
def simulcasting(linked: Linked) -> Linked:
    camera = simulcast.Camera(linked.first)

    def film(asked: set[int]) -> list[Seen]:
        camera.time += round(PICTURE * 1000)
        return [seen for rid in simulcast.RIDS for seen in camera.send(rid, key=simulcast.SSRC[rid] in asked)]

    for rid in simulcast.RIDS:
        camera.send(rid, key=True)
    linked.join(film)
    return linked


@pytest.fixture(params=[codecs.VP9, codecs.AV1], ids=["VP9", "AV1"])
def scalable(linked: Linked, request: pytest.FixtureRequest) -> Linked:
    camera = spatial.Camera(linked.first, request.param)
    camera.send(key=True)
    linked.join(lambda asked: camera.send(key=VIDEO_SSRC in asked))
    return linked


def test_of_a_camera_in_three_streams_that_one_crosses_which_somebody_looks_at(simulcasting: Linked) -> None:
    linked = simulcasting
    for height, rid in ((135, "q"), (540, "f"), (270, "h"), (540, "f")):
        linked.settle(height)
        assert linked.crossed == {rid: 20}
        # The request for a key frame has gone all the way up, for that stream alone.
        assert set(linked.asked) == {simulcast.SSRC[rid]}
        assert {simulcast.rid_of(packet) for packet in linked.seen[-20:]} == {rid}
    simulcast.unbroken(linked.seen)
    assert [(layer.rid, layer.height) for layer in linked.layers] == [("q", 135), ("h", 270), ("f", 540)]
    linked.settle(0)
    assert not linked.crossed and not linked.asked


def test_what_is_looked_at_here_and_what_there_do_not_concern_each_other(simulcasting: Linked) -> None:
    linked = simulcasting
    linked.looks(135, linked.first)
    linked.settle(540)
    assert set(linked.crossed) == {"f"}
    assert {simulcast.rid_of(packet) for packet in linked.seen_first[-10:]} == {"q"}
    # The publisher sends what is needed anywhere, and nothing when nobody looks.
    linked.pass_time(3.0)
    assert list(linked.wanted) == ["q", "f"]
    linked.looks(0, linked.first)
    linked.looks(0)
    linked.pass_time(DESERTED + 1)
    assert linked.wanted == ()


def test_of_a_camera_in_one_stream_that_layer_crosses_which_somebody_looks_at(scalable: Linked) -> None:
    linked = scalable
    decoder = spatial.Decoder(linked.first.room.tracks["anna/video"].codec or codecs.VP9)
    for height, number in ((135, 0), (540, 2), (270, 1), (540, 2)):
        linked.settle(height)
        assert set(linked.crossed) == {f"s{number}"}
        # Between key pictures a layer is its own packets alone.
        assert linked.crossed[f"s{number}"] == 20 * spatial.PACKETS[number]
        decoder.take(linked.seen)
        linked.seen.clear()
        assert decoder.shown[-20:] == [number] * 20
    assert decoder.missed == 0
    linked.settle(0)
    assert not linked.crossed


def test_a_key_picture_that_names_all_sizes_says_nothing_of_the_layer_it_comes_in(scalable: Linked) -> None:
    linked = scalable
    for height in (135, 270, 540):
        linked.looks(height)
        for _ in range(20):
            linked.pass_time(PICTURE)
            assert [(layer.rid, layer.height) for layer in linked.layers] == [("s0", 135), ("s1", 270), ("s2", 540)]


def test_of_a_track_that_is_sent_otherwise_than_before_the_former_ssrcs_are_forgotten(scalable: Linked) -> None:
    linked = scalable
    linked.settle(540)
    assert linked.crossed
    table, source = linked.further.router.relay_table, linked.further.room.source
    assert isinstance(source, RelayUplink)
    before = set(source.announced)
    camera = simulcast.Camera(linked.first)

    def film(asked: set[int]) -> list[Seen]:
        camera.time += round(PICTURE * 1000)
        return [seen for rid in simulcast.RIDS for seen in camera.send(rid, key=simulcast.SSRC[rid] in asked)]

    linked.film(film)
    linked.pass_time(0.6)
    linked.further.answer()
    linked.pass_time(3.0)
    linked.settle(540)
    assert linked.crossed == {"f": 20}
    assert {binding.rid for binding in source.announced.values() if binding.mid == "anna/video"} == {"q", "h", "f"}
    gone = before - set(source.announced)
    assert len(gone) == 6, "three layers, and their repetitions"
    assert {ssrc for _, ssrc in table._media} == set(source.announced)
