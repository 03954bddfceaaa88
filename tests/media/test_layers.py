"""A camera in three layers with real SRTP, without a network: which one a viewer gets, and that it sees no seam."""

from __future__ import annotations

import itertools
import struct
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import rtcp
from media.codecs import EXTENSION_IDS, TRANSPORT_CC
from media.egress import Downlink
from media.layer import LIVE_FOR, WAKES_IN, Layer
from media.limits import Limits
from media.picture import numbers
from media.track import Track
from protocol.control import RoomReport
from tests.media.wire import RTX_SSRC, Seen, Wire

RIDS = ("q", "h", "f")
SSRC = {"q": 5000, "h": 5001, "f": 5002}
SIZES = {"q": (240, 135), "h": (480, 270), "f": (960, 540)}


class Camera:
    """Sends packets of VP8 layers, each with its own beginning of everything, as a browser does."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        wire.publish(rids=RIDS)
        self.seq = {"q": 65_530, "h": 40, "f": 20_000}
        self.picture = {"q": 100, "h": 0x7FFE, "f": 9_000}
        self.base = {"q": 250, "h": 7, "f": 99}
        self.clock = {"q": 0xFFFFFF00, "h": 5, "f": 3_000_000_000}
        self.time = self.asked = 0

    @property
    def track(self) -> Track:
        return self.wire.room.tracks["anna/video"]

    def layer(self, rid: str) -> Layer:
        found = self.track.layer(rid)
        assert found is not None
        return found

    @property
    def viewer(self) -> Downlink:
        return next(iter(self.track.viewers))

    def packet(self, rid: str, key: bool = False, body: bytes = b"", named: bool = True) -> bytes:
        """The next picture of a layer in one packet, protected."""
        self.seq[rid] = (self.seq[rid] + 1) & 0xFFFF
        self.picture[rid] = (self.picture[rid] + 1) & 0x7FFF
        self.base[rid] = (self.base[rid] + 1) & 0xFF
        stamp = (self.clock[rid] + 90 * self.time) & 0xFFFFFFFF
        width, height = SIZES[rid]
        descriptor = struct.pack("!BBHBB", 0x90, 0xE0, 0x8000 | self.picture[rid], self.base[rid], 0)
        frame = b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) if key else b"\x01\x00\x00"
        return self.whole(
            self.seq[rid], stamp, SSRC[rid], descriptor + frame + rid.encode() + body, rid if named else ""
        )

    def whole(self, seq: int, stamp: int, ssrc: int, payload: bytes, rid: str, pt: int = 120, id: int = 7) -> bytes:
        values = b"\x60" + b"1" + (bytes((id << 4 | len(rid) - 1,)) + rid.encode() if rid else b"")
        block = struct.pack("!HH", 0xBEDE, (len(values) + 3) // 4) + values + bytes(-len(values) % 4)
        return self.wire.protected(struct.pack("!BBHII", 0x90, 0x80 | pt, seq, stamp, ssrc) + block + payload)

    def send(self, rid: str, key: bool = False, body: bytes = b"") -> list[Seen]:
        """The next picture of a layer; what the viewer gets."""
        return self.wire.receive_together([self.packet(rid, key, body)])

    def choose(self, rid: str | None) -> None:
        self.viewer.choose(None if rid is None else self.layer(rid), time.monotonic())

    def plis(self) -> list[str]:
        """The layers that are asked for a key frame now."""
        self.asked += 1
        now = time.monotonic() + self.asked
        return [layer.rid for layer in self.track.layers if layer.keyframes.due(now)]


def rid_of(packet: Seen) -> str:
    return next(
        rid for rid in RIDS if packet.payload[9:].startswith(rid.encode()) or packet.payload[16:17] == rid.encode()
    )


def pictures(packet: Seen) -> tuple[int, int]:
    found = numbers("VP8", packet.payload)
    assert found is not None
    return found.picture, found.base


def unbroken(seen: list[Seen]) -> None:
    """Numbers, timestamps and picture ids of packets that hold one picture each go on over all of them."""
    for before, after in itertools.pairwise(seen):
        assert after.ssrc == before.ssrc
        assert (after.seq - before.seq) & 0xFFFF == 1
        assert 0 < (after.timestamp - before.timestamp) & 0xFFFFFFFF < 90_000
        assert (pictures(after)[0] - pictures(before)[0]) & 0x7FFF == 1
        assert (pictures(after)[1] - pictures(before)[1]) & 0xFF == 1


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.close()


@pytest.fixture
def camera(wire: Wire) -> Camera:
    return Camera(wire)


# --- binding ----------------------------------------------------------------------------------------


def test_each_layers_ssrc_is_bound_by_the_name_its_packets_carry(camera: Camera) -> None:
    for rid in RIDS:
        camera.send(rid, key=True)
    assert [layer.rid for layer in camera.track.layers] == list(RIDS)
    assert [layer.stream.ssrc for layer in camera.track.layers if layer.stream] == [5000, 5001, 5002]
    assert [(layer.width, layer.height) for layer in camera.track.layers] == list(SIZES.values())
    # The names end with the first receiver report.
    camera.wire.receive_together([camera.packet("h", named=False)])
    assert camera.layer("h").received == 2


def test_an_ssrc_without_a_name_is_of_no_layer(camera: Camera) -> None:
    camera.wire.receive_together([camera.packet("h", key=True, named=False)])
    assert camera.track.received == 0 and camera.wire.dropped["unbound"] == 1


@pytest.mark.parametrize("rids", [RIDS, ()])
def test_probes_for_bandwidth_before_there_is_a_picture_are_reported(wire: Wire, rids: tuple[str, ...]) -> None:
    """Chromium's, padding of the RTX payload type under SSRC 0."""
    uplink = wire.publish(rids=rids)
    uplink.bind(list(uplink.lines.values()), {5: EXTENSION_IDS[TRANSPORT_CC]}, True)
    for number in range(20):
        head = struct.pack("!BBHIIHHBHx", 0xB0, 124, 100 + number, 0, 0, 0xBEDE, 1, 0x51, number)
        wire.receive(wire.protected(head + bytes(199) + b"\xc8"), wire.publisher_socket.getsockname())
    wire.tick(1.0)
    feedback = [each for each in wire.reports(wire.publisher_socket) if isinstance(each, rtcp.TransportFeedback)]
    assert [at is not None for each in feedback for at in each.arrivals] == [True] * 20
    assert not uplink.streams and wire.dropped == {"rtx_probe": 20}


def test_the_order_of_the_layers_is_that_of_their_sizes(wire: Wire) -> None:
    camera = Camera(wire)
    wire.publish(rids=("f", "q", "h"))
    for rid in RIDS:
        camera.send(rid, key=True)
    assert [layer.rid for layer in camera.track.layers] == ["q", "h", "f"]


def test_a_repetition_is_bound_by_the_name_of_what_it_repeats(camera: Camera) -> None:
    camera.send("q", key=True)
    for rid in ("q", "h"):
        camera.send(rid, key=True)
    lost = camera.seq["q"] + 1
    camera.packet("q")  # lost on the way
    before = camera.send("q")[0]
    payload = (lost & 0xFFFF).to_bytes(2, "big") + b"\x90\xe0\x80\x66\xfd\x00\x01\x00\x00q"
    repeated = camera.whole(1, 0, RTX_SSRC, payload, "q", pt=124, id=8)
    (late,) = camera.wire.receive_together([repeated])
    assert (before.seq - late.seq) & 0xFFFF == 1 and late.payload == payload[2:]
    assert camera.layer("q").stream is not None and camera.track.lost == 0


def test_a_repetition_of_what_nobody_misses_is_not_the_first_packet_of_a_new_viewer(camera: Camera) -> None:
    """Browsers probe for bandwidth with repetitions of what they sent lately."""
    camera.send("q", key=True)
    old = camera.seq["f"] + 1
    camera.send("f", key=True)
    for _ in range(3):
        camera.send("f")
    camera.choose("f")
    payload = old.to_bytes(2, "big") + b"\x90\xe0\x80\x66\xfd\x00\x00\x00\x00\x9d\x01\x2a\xf0\0\xf0\0f"
    assert camera.wire.receive_together([camera.whole(1, 0, RTX_SSRC, payload, "f", pt=124, id=8)]) == []
    assert camera.wire.dropped["rtx_not_needed"] == 1
    assert [rid_of(packet) for packet in camera.send("f", key=True)] == ["f"]


def test_a_source_that_is_published_again_under_the_same_ssrcs_is_known_without_names(camera: Camera) -> None:
    for rid in RIDS:
        camera.send(rid, key=True)
    wire = camera.wire
    uplink = wire.room.uplinks["anna"]
    uplink.unbind(camera.track)
    camera.wire.receive_together([camera.packet("q", named=False)])
    assert wire.dropped["unbound"] == 1
    wire.bind(uplink, rids=RIDS)
    before = camera.track.received
    seen = camera.wire.receive_together([camera.packet("q", key=True, named=False)])
    assert camera.track.received == before + 1 and len(seen) == 1


def test_a_source_that_is_published_again_long_after_can_still_be_decrypted(wire: Wire) -> None:
    """Its sender has counted beyond 65,536 meanwhile, which no packet says."""
    uplink = wire.room.uplinks["anna"]
    for seq in range(65_000, 65_600, 50):
        wire.video(seq & 0xFFFF, b"\x10\x00" + bytes(20))
    uplink.unbind(wire.room.tracks["anna/video"])
    wire.bind(uplink)
    assert len(wire.video(70, b"\x10\x00" + bytes(20))) == 1


def test_the_layers_of_a_hostile_publisher_are_bounded(camera: Camera) -> None:
    for number in range(4 * Limits().ssrcs):
        camera.wire.receive_together([camera.whole(1, 0, 9000 + number, b"\x10\x01x", "q")])
    uplink = camera.wire.room.uplinks["anna"]
    assert len(uplink.streams) <= Limits().ssrcs and camera.wire.dropped["ssrc_limit"] > 0


# --- switching --------------------------------------------------------------------------------------


def test_a_viewer_gets_the_highest_layer_that_is_live(camera: Camera) -> None:
    assert len(camera.send("q", key=True)) == 1
    assert camera.send("f", key=True) == [], "not before it is known to be live"
    now = time.monotonic()
    camera.track.tick(now)
    assert [layer.live for layer in camera.track.layers] == [True, False, True]
    assert [rid_of(packet) for packet in camera.send("q")] == ["q"], "it goes on until the key frame"
    assert camera.send("f") == []
    assert [rid_of(packet) for packet in camera.send("f", key=True)] == ["f"]
    assert camera.send("q") == []
    for _ in range(3):
        camera.send("q")
    camera.track.tick(now + 0.1)
    camera.track.tick(now + 0.1 + LIVE_FOR + 0.01)
    assert not camera.layer("f").live and camera.layer("f").bitrate == 0
    camera.send("q")
    camera.track.tick(now + 0.2 + LIVE_FOR)
    assert [rid_of(packet) for packet in camera.send("q", key=True)] == ["q"]


class Hours:
    """The worker's ticks, with a publisher that sends 25 pictures a second of the layers it sends."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.sends = list(RIDS)
        self.now = time.monotonic()
        self.heard: list[tuple[str, ...]] = []

    def settle(self) -> None:
        """The viewer has the highest layer, and the publisher sends no other."""
        assert self(10.0)[-1] == "f"
        assert self.heard[0] == RIDS and self.heard[-1] == ("f",)
        self.sends = ["f"]
        self(1.0)
        self.heard.clear()

    def shows(self, height: int) -> None:
        """The viewer draws the picture so high from now on."""
        viewer = self.camera.viewer.viewer
        assert viewer is not None
        viewer.prefer({"anna/video": height}, self.now)

    def __call__(self, seconds: float) -> list[str]:
        """So much time goes by. Which layers the viewer gets pictures of, in order."""
        seen: list[str] = []
        for step in range(round(seconds / 0.02)):
            self.now += 0.02
            rids = self.camera.track.tick(self.now)
            if rids is not None:
                self.heard.append(rids)
            for layer in self.camera.track.layers:
                if step % 2 or layer.rid not in self.sends:
                    continue
                layer.frames.frame(self.now)
                for packet in self.camera.send(layer.rid, key=layer.keyframes.due(self.now)):
                    if [rid_of(packet)] != seen[-1:]:
                        seen.append(rid_of(packet))
        return seen


def test_layers_that_nobody_watches_are_not_wanted_and_are_chosen_all_the_same(camera: Camera) -> None:
    hours = Hours(camera)
    hours.settle()
    assert [layer.live for layer in camera.track.layers] == [False, False, True]
    assert all(layer.available for layer in camera.track.layers)
    hours.shows(270)
    assert hours(0.5) == ["f"], "it goes on while the other one wakes"
    assert hours.heard == [("h", "f")]
    hours.sends = ["h", "f"]
    assert hours(0.5) == ["h"]
    hours(10.0)
    assert hours.heard[1:] == [("h",)]


def test_a_layer_that_does_not_wake_is_given_up_and_comes_back_when_it_comes(camera: Camera) -> None:
    hours = Hours(camera)
    hours.settle()
    hours.sends = ["h", "f"]
    hours.shows(135)
    assert hours(WAKES_IN - 0.1) == ["f"] and camera.viewer.next is camera.layer("q")
    assert hours(0.5) == ["f", "h"]
    hours(60.0)
    assert all("q" in rids for rids in hours.heard), "until it has come it is wanted"
    hours.sends = list(RIDS)
    assert hours(10.0)[-1] == "q"
    assert hours.heard[-1] == ("q",)


def test_a_track_that_nobody_watches_sleeps_and_who_comes_sees_whatever_wakes_first(camera: Camera) -> None:
    hours = Hours(camera)
    hours.settle()
    hours.shows(0)
    hours(10.0)
    assert hours.heard == [()]
    hours.sends = []
    hours(60.0)
    assert all(layer.available and not layer.live for layer in camera.track.layers)
    hours.shows(540)
    assert hours(0.1) == []
    assert hours.heard[1:] == [RIDS]
    hours.sends = ["q"]
    assert hours(0.4) == ["q"]
    hours.sends = list(RIDS)
    assert hours(0.5) == ["q", "f"]
    hours(10.0)
    assert hours.heard[-1] == ("f",)


def test_a_layer_that_the_publisher_stops_is_left_for_one_that_goes_on(camera: Camera) -> None:
    hours = Hours(camera)
    hours(1.0)
    hours.sends = ["q", "h"]
    assert hours(0.25) == []
    # The silence is noticed by the pictures of the others, before that of a network's hiccup would be.
    assert hours(0.1) == ["h"]


def test_a_pause_of_the_whole_network_is_not_a_layers_end(camera: Camera) -> None:
    hours = Hours(camera)
    hours(1.0)
    hours.sends = []
    hours(0.4)
    hours.sends = list(RIDS)
    hours(0.1)
    assert all(layer.live for layer in camera.track.layers) and camera.viewer.layer is camera.layer("f")


def test_what_is_switched_off_says_nothing_and_comes_back_whole(camera: Camera) -> None:
    hours = Hours(camera)
    hours.settle()
    camera.wire.routes(video=False)
    hours.sends = []
    hours(60.0)
    assert hours.heard == []
    camera.wire.routes()
    hours(0.02)
    assert hours.heard == [RIDS]


def test_a_switch_leaves_no_seam(camera: Camera) -> None:
    seen: list[Seen] = []
    for target in ("q", "f", "h", "q", "h", "f", "q"):
        camera.time += 33
        for rid in RIDS:
            seen += camera.send(rid, key=not seen)
        camera.choose(target)
        for _ in range(3):
            camera.time += 33
            for rid in RIDS:
                seen += camera.send(rid)
        camera.time += 33
        for rid in RIDS:
            seen += camera.send(rid, key=rid == target)
    camera.time += 33
    for rid in RIDS:
        seen += camera.send(rid)
    assert {rid_of(packet) for packet in seen} == set(RIDS) and len(seen) >= 36
    unbroken(seen)


def test_what_comes_in_the_turn_of_the_switch_is_sent_in_order(camera: Camera) -> None:
    first = camera.send("q", key=True)
    camera.send("f", key=True)
    camera.choose("f")
    packets = []
    for rid, key in (("q", False), ("f", False), ("f", True), ("q", False), ("f", False)):
        camera.time += 20
        packets.append(camera.packet(rid, key))
    seen = camera.wire.receive_together(packets)
    assert [rid_of(packet) for packet in seen] == ["q", "q", "f", "f"]
    unbroken(first + seen)


def test_timestamps_go_by_the_sender_reports_of_both_layers(camera: Camera) -> None:
    camera.send("q", key=True)
    camera.send("f", key=True)
    at = rtcp.ntp(1_700_000_000.0)
    for rid in ("q", "f"):
        camera.wire.from_publisher(rtcp.sender_report(SSRC[rid], at, camera.clock[rid], 1, 100))
    camera.time += 40
    last = camera.send("q")[0]
    camera.choose("f")
    camera.time += 120  # the clocks say so, the arrival does not
    (switched,) = camera.send("f", key=True)
    assert abs(((switched.timestamp - last.timestamp) & 0xFFFFFFFF) - 90 * 120) <= 1
    camera.choose("q")
    camera.time += 10
    (back,) = camera.send("q", key=True)
    assert abs(((back.timestamp - switched.timestamp) & 0xFFFFFFFF) - 90 * 10) <= 1


def test_a_picture_of_the_same_moment_gets_a_later_timestamp(camera: Camera) -> None:
    camera.send("q", key=True)
    camera.send("f", key=True)
    for rid in ("q", "f"):
        camera.wire.from_publisher(rtcp.sender_report(SSRC[rid], rtcp.ntp(1_700_000_000.0), camera.clock[rid], 1, 1))
    camera.time += 40
    last = camera.send("q")[0]
    camera.choose("f")
    (switched,) = camera.send("f", key=True)
    assert (switched.timestamp - last.timestamp) & 0xFFFFFFFF == 90


def test_a_viewer_that_changes_its_mind_stays(camera: Camera) -> None:
    for rid in RIDS:
        camera.send(rid, key=True)
    camera.choose("f")
    camera.choose("q")
    assert not camera.layer("f").watched
    assert camera.send("f", key=True) == [] and len(camera.send("q")) == 1
    camera.choose("f")
    camera.choose("h")
    assert camera.send("f", key=True) == [] and len(camera.send("h", key=True)) == 1


def test_a_paused_viewer_gets_nothing_and_goes_on_at_a_key_frame(camera: Camera) -> None:
    last = camera.send("q", key=True)[0]
    camera.choose(None)
    assert camera.send("q", key=True) == [] and not camera.layer("q").watched
    camera.choose("h")
    assert camera.send("h") == []
    (again,) = camera.send("h", key=True)
    unbroken([last, again])


def test_key_frames_are_asked_of_the_layer_that_is_waited_for(camera: Camera) -> None:
    for rid in RIDS:
        camera.send(rid, key=True)
    assert camera.plis() == [], "all who needed one have got it"
    camera.choose("f")
    assert camera.plis() == ["f"]
    camera.send("f", key=True)
    assert camera.plis() == []
    camera.wire.from_viewer(rtcp.pli(1, camera.viewer.ssrc))
    assert camera.plis() == ["f"]
    camera.choose(None)
    assert camera.plis() == []


def test_packets_are_repeated_from_the_layer_they_were_sent_of(camera: Camera) -> None:
    old = [camera.send("q", key=True)[0], camera.send("q")[0]]
    camera.send("f", key=True)
    camera.choose("f")
    new = [camera.send("f", key=True, body=b"one")[0], camera.send("f", body=b"two")[0]]
    camera.wire.from_viewer(rtcp.nack(1, new[0].ssrc, [packet.seq for packet in (*old, *new)]))
    repeated = camera.wire.seen()
    assert [packet.payload for packet in repeated] == [packet.seq.to_bytes(2, "big") + packet.payload for packet in new]
    assert [packet.timestamp for packet in repeated] == [packet.timestamp for packet in new]


def test_a_late_packet_of_the_former_layer_is_not_sent(camera: Camera) -> None:
    camera.send("q", key=True)
    late = camera.packet("q")
    camera.send("q")
    camera.send("f", key=True)
    camera.choose("f")
    before_the_key_frame = camera.packet("f")
    camera.send("f", key=True)
    assert camera.wire.receive_together([late, before_the_key_frame]) == []


def test_a_layer_that_nobody_watches_is_counted_and_goes_no_further(camera: Camera) -> None:
    camera.send("q", key=True)
    for seq in range(5):
        camera.send("f", key=seq == 0)
        camera.packet("f")  # lost: nobody needs it
    assert not camera.layer("f").pending and camera.layer("f").cache.get(camera.seq["f"]) is None
    camera.wire.reports(camera.wire.publisher_socket)
    camera.wire.tick(0.05)
    found = camera.wire.reports(camera.wire.publisher_socket)
    assert not [packet for packet in found if isinstance(packet, rtcp.Nack)]
    report = camera.wire.room.report(time.monotonic())
    assert isinstance(report, RoomReport)
    video = next(each for each in report.tracks if each.track == "anna/video")
    assert (video.received, video.forwarded, video.lost) == (6, 1, 4)


def test_a_closed_track_is_silent_in_all_layers_and_opens_where_it_was(camera: Camera) -> None:
    for rid in RIDS:
        camera.send(rid, key=True)
    camera.choose("f")
    last = camera.send("f", key=True)[0]
    camera.choose("h")
    camera.wire.routes(video=False)
    assert [camera.send(rid, key=True) for rid in RIDS] == [[], [], []]
    camera.wire.routes()
    assert camera.plis() == ["h", "f"]
    assert camera.send("f") == []
    (again,) = camera.send("h", key=True)
    assert (again.seq - last.seq) & 0xFFFF == 1 and camera.send("f", key=True) == []


def test_whoever_was_shut_out_for_half_of_all_numbers_is_in_step_again(camera: Camera) -> None:
    camera.choose("h")
    assert len(camera.send("h", key=True)) == 1
    camera.wire.routes(video=False)
    for _ in range(3):
        camera.seq["h"] += 12_000
        assert camera.send("h") == []
    camera.wire.routes()
    assert len(camera.send("h", key=True)) == 1 and len(camera.send("h")) == 1
    assert camera.viewer.cohort is not None


def test_a_publisher_that_comes_back_in_one_layer_is_seen(camera: Camera) -> None:
    camera.send("q", key=True)
    last = camera.send("q")[0]
    before = camera.track.received
    camera.wire.publish()
    (again,) = camera.wire.video(7, b"\x10\x00" + bytes(20), timestamp=77)
    assert again.ssrc == last.ssrc and (again.seq - last.seq) & 0xFFFF == 1
    assert len(camera.track.layers) == 1 and camera.track.received == before + 1


def test_the_bitrate_of_a_layer_is_measured(camera: Camera) -> None:
    now = time.monotonic()
    camera.send("q", key=True)
    layer = camera.layer("q")
    for step in range(1, 101):
        camera.send("q", body=bytes(1000))
        camera.track.tick(now + step * 0.02)
    assert 0.95 < layer.bitrate / (50 * 8 * 1030) < 1.05


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["q", "h", "f"]), st.booleans(), st.sampled_from(["send", "send", "choose", "turn"])),
        max_size=60,
    )
)
def test_whatever_is_chosen_and_whenever_key_frames_come_the_viewer_sees_one_stream(
    steps: list[tuple[str, bool, str]],
) -> None:
    wire = Wire()
    try:
        camera = Camera(wire)
        seen: list[Seen] = []
        turn: list[bytes] = []
        for rid, key, what in steps:
            camera.time += 10
            if what == "choose":
                camera.choose(rid)
            turn.append(camera.packet(rid, key))
            if what != "turn":
                seen += wire.receive_together(turn)
                turn = []
        for before, after in itertools.pairwise(seen):
            assert (after.seq - before.seq) & 0xFFFF == 1
            assert 0 < (after.timestamp - before.timestamp) & 0xFFFFFFFF < 90_000
            if rid_of(before) != rid_of(after):
                unbroken([before, after])
    finally:
        wire.close()
