"""A camera in several layers of one stream with real SRTP, without a network: what a viewer gets can be decoded."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import codecs, rtcp
from media.limits import Limits
from media.scalable import Unit, Vp9Reader
from media.spatial import NAMES, Carrier, Share
from media.track import Track
from protocol.control import RoomReport
from protocol.names import Source
from tests.media.camera import BYTES, PACKETS, SIZES, Camera, Decoder, Frame
from tests.media.wire import VIDEO_SSRC, Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.close()


@pytest.fixture(params=(codecs.VP9, codecs.AV1), ids=("vp9", "av1"))
def camera(wire: Wire, request: pytest.FixtureRequest) -> Camera:
    return Camera(wire, request.param)


def test_one_stream_becomes_layers_of_their_sizes(wire: Wire) -> None:
    camera = Camera(wire)
    camera.send(key=True)
    for _ in range(3):
        camera.send()
    camera.track.tick(time.monotonic())
    assert [layer.rid for layer in camera.track.layers] == list(NAMES)
    assert [(layer.width, layer.height) for layer in camera.track.layers] == list(SIZES)
    assert all(layer.live for layer in camera.track.layers)
    assert [layer.received for layer in camera.track.layers] == [4, 8, 12]
    assert camera.track.received == 24
    assert camera.track.received_bytes == 4 * sum(n * (size + 12) for n, size in zip(PACKETS, BYTES, strict=True))
    # What a layer takes: of the key picture all up to it, then itself alone.
    own = [n * (size + 12) for n, size in zip(PACKETS, BYTES, strict=True)]
    assert [layer.received_bytes for layer in camera.track.layers] == [
        sum(own[: spatial + 1]) + 3 * own[spatial] for spatial in range(3)
    ]


def test_a_viewer_of_a_lower_layer_gets_less_and_sees_every_picture(camera: Camera) -> None:
    took = []
    for spatial in (2, 0, 1):
        camera.choose(spatial)
        camera.send(key=True)
        before = camera.decoder.bytes
        for _ in range(10):
            camera.send()
        assert camera.decoder.shown[-10:] == [spatial] * 10
        took.append(camera.decoder.bytes - before)
    own = [n * size for n, size in zip(PACKETS, BYTES, strict=True)]
    assert took == [10 * own[2], 10 * own[0], 10 * own[1]]
    assert len(camera.decoder.shown) == 33


@pytest.mark.parametrize("together", [True, False])
def test_a_switch_is_at_a_key_picture_and_leaves_no_seam(camera: Camera, together: bool) -> None:
    camera.send(key=True)
    at = 0
    for target in (2, 0, 1, 0, 2, 1, 2):
        camera.choose(target)
        for _ in range(3):
            camera.send(together=together)
            assert camera.decoder.shown[-1] == at, "not before the key picture"
        camera.send(key=True, together=together)
        at = target
        assert camera.decoder.shown[-1] == at
    assert len(camera.decoder.shown) == 29 and camera.decoder.missed == 0, "every picture was shown"
    assert camera.viewer.timestamp_offset == 0, "the same clock as before"


def test_a_switch_in_a_turn_with_the_pictures_around_it(camera: Camera) -> None:
    camera.choose(1)
    camera.send(key=True)
    camera.choose(2)
    packets = [packet for key in (False, True, False) for _, packet in camera.packets(key)]
    sound = camera.wire.protected_audio(1)
    camera.wire.port.received.view[: len(sound)] = sound
    seen = camera.wire.receive_together([sound, *(camera.wire.protected(packet) for packet in packets)])
    camera.decoder.take([packet for packet in seen if packet.payload_type == camera.codec.payload_type])
    assert camera.decoder.shown == [1, 1, 2, 2]
    assert len([packet for packet in seen if packet.payload_type == codecs.OPUS.payload_type]) == 1


def test_whoever_was_paused_goes_on_with_the_next_picture_id(camera: Camera) -> None:
    camera.choose(1)
    camera.send(key=True)
    camera.choose(None)
    for _ in range(5):
        assert camera.send() == []
    camera.choose(2)
    assert camera.send() == []
    camera.send(key=True)
    camera.send()
    assert camera.decoder.shown == [1, 2, 2] and camera.decoder.missed == 0


def test_whoever_was_shut_out_for_half_of_all_numbers_sees_it_again(camera: Camera) -> None:
    camera.choose(1)
    camera.send(key=True)
    camera.wire.routes(video=False)
    for _ in range(3):
        camera.seq += 12_000
        assert camera.send(key=True) == []
    camera.wire.routes()
    camera.send(key=True)
    camera.send()
    assert camera.decoder.shown == [1, 1, 1]
    assert camera.viewer.cohort is not None


def test_a_key_picture_is_asked_for_once_for_all_layers(camera: Camera) -> None:
    camera.send(key=True)
    camera.choose(1)
    camera.choose(2)
    now = time.monotonic() + 1.0
    camera.wire.router.tick(now)
    asked = [packet for packet in camera.wire.reports(camera.wire.publisher_socket) if isinstance(packet, rtcp.Pli)]
    assert [packet.media_ssrc for packet in asked] == [VIDEO_SSRC]
    camera.send(key=True)
    assert not camera.carrier.keyframes.wanted


def test_a_stream_without_upper_layers_gives_those_who_wait_for_them_what_there_is(camera: Camera) -> None:
    """A browser begins with the lowest layer, and gives the others up when its network grows narrow."""
    camera.choose(2)
    camera.send(key=True)
    camera.layers = 1
    camera.send(key=True)
    camera.send()
    assert camera.decoder.shown == [2, 0, 0]
    camera.layers = 3
    camera.send(key=True)
    camera.send()
    assert camera.decoder.shown[3:] == [2, 2]


def test_the_allocator_moves_viewers_away_from_a_layer_that_is_not_sent_any_more(camera: Camera) -> None:
    now = time.monotonic()
    camera.send(key=True)
    for step in range(40):
        camera.layers = 3 if step < 20 else 2
        now += 0.04
        camera.track.tick(now)
        camera.send(key=camera.carrier.keyframes.due(now))
        for layer in camera.track.layers[: camera.layers]:
            layer.frames.frame(now)
    assert not camera.layer(2).live and camera.viewer.layer is camera.layer(1)
    assert camera.decoder.shown[19] == 2 and camera.decoder.shown[-1] == 1
    assert camera.decoder.missed <= 8, "0.3 s: it is noticed by the pictures of the other layers"


def test_a_stream_without_layers_is_the_lowest_one(wire: Wire) -> None:
    camera = Camera(wire)
    seen = []
    for number, payload in enumerate((b"\x8c\x01<key", b"\xcc\x02<next", b"\xcc\x03<next")):
        packet = struct.pack("!BBHII", 0x80, 0x80 | 120, number, 3000 * number, VIDEO_SSRC) + payload
        seen += wire.receive_together([wire.protected(packet)])
    camera.track.tick(time.monotonic())
    assert [packet.payload for packet in seen] == [b"\x8c\x01<key", b"\xcc\x02<next", b"\xcc\x03<next"]
    assert [layer.live for layer in camera.track.layers] == [True, False, False]


def test_a_payload_that_is_cut_off_is_nobodys_and_leaves_no_gap(wire: Wire) -> None:
    camera = Camera(wire)
    camera.choose(0)
    camera.send(key=True)
    camera.seq += 1
    packet = struct.pack("!BBHII", 0x80, 120, camera.seq & 0xFFFF, camera.stamp, VIDEO_SSRC) + b"\xb0\x81"
    assert camera.wire.receive_together([camera.wire.protected(packet)]) == []
    assert camera.wire.dropped["no_layer"] == 1
    assert camera.carrier.keyframes.wanted, "somebody may have needed it"
    camera.send()
    assert camera.decoder.shown == [0, 0]


def test_what_was_lost_of_another_layer_is_filled_with_nothing(camera: Camera) -> None:
    camera.choose(0)
    camera.send(key=True)
    packets = camera.packets()
    # The last packet of layer 1 and the first of layer 2: nobody knows whose they are, until they come again.
    lost = packets[2:4]
    seen = camera.wire.receive_together([camera.wire.protected(p) for n, p in packets if (n, p) not in lost])
    assert [Frame(packet.payload).spatial for packet in seen] == [0]
    packets = camera.packets()
    (after,) = camera.wire.receive_together([camera.wire.protected(packet) for _, packet in packets])
    assert (after.seq - seen[0].seq) & 0xFFFF == 3
    filled = [each for number, packet in lost for each in camera.repeated(number, packet)]
    assert [packet.payload for packet in filled] == [b"", b""]
    assert [(packet.seq - seen[0].seq) & 0xFFFF for packet in filled] == [1, 2]


def test_what_was_lost_within_a_frame_of_another_layer_leaves_no_hole(camera: Camera) -> None:
    camera.choose(0)
    camera.send(key=True)
    packets = camera.packets()
    lost = packets[4]  # in the middle of layer 2
    camera.decoder.take(camera.wire.receive_together([camera.wire.protected(p) for n, p in packets if n != lost[0]]))
    camera.send()
    assert camera.decoder.shown == [0, 0, 0]
    assert camera.repeated(*lost) == []


def test_what_was_lost_of_the_own_layer_comes_in_its_place(camera: Camera) -> None:
    camera.choose(2)
    camera.send(key=True)
    packets = camera.packets()
    lost = packets[4]
    seen = camera.wire.receive_together([camera.wire.protected(p) for n, p in packets if n != lost[0]])
    repeated = camera.repeated(*lost)
    camera.decoder.take(sorted(seen + repeated, key=lambda packet: packet.seq))
    assert camera.decoder.shown == [2, 2]


def test_a_viewer_can_have_repeated_what_its_layer_sent(camera: Camera) -> None:
    camera.choose(1)
    camera.send(key=True)
    seen = camera.send()
    viewer = camera.viewer
    camera.wire.from_viewer(rtcp.nack(1, viewer.ssrc, [packet.seq for packet in seen]))
    again = camera.wire.seen()
    assert [packet.payload[2:] for packet in again] == [packet.payload for packet in seen]


def test_a_key_picture_whose_beginning_comes_late_is_no_place_to_change_over(camera: Camera) -> None:
    camera.choose(0)
    camera.send(key=True)
    camera.choose(2)
    packets = camera.packets(key=True)
    seen = camera.wire.receive_together([camera.wire.protected(packet) for _, packet in packets[1:]])
    seen += camera.repeated(*packets[0])
    assert camera.viewer.layer is camera.layer(0)
    camera.decoder.take([packet for packet in sorted(seen, key=lambda packet: packet.seq) if packet.payload])
    assert camera.carrier.keyframes.wanted
    camera.decoder.take(camera.send(key=True) and [])
    assert camera.decoder.shown[-1] == 2


def test_another_codec_makes_other_layers(camera: Camera) -> None:
    wire = camera.wire
    camera.send(key=True)
    before = camera.track.received
    wire.publish()
    wire.room.bound(camera.track)
    wire.room.show_some(9, time.monotonic())
    wire.answer()
    assert [layer.rid for layer in camera.track.layers] == [""]
    assert len(wire.video(1, b"\x10\x00" + bytes(20))) == 1
    assert camera.track.received == before + 1, "the counters go on"


def test_statistics_count_the_stream_once(camera: Camera) -> None:
    now = time.monotonic()
    camera.send(key=True)
    camera.track.tick(now)
    camera.wire.room.report(now)
    for _ in range(50):
        camera.send()
        now += 0.04
        camera.track.tick(now)
    report = camera.wire.room.report(now)
    assert isinstance(report, RoomReport)
    (track,) = (track for track in report.tracks if track.track == "anna/video")
    assert (track.received, track.lost, track.codec) == (51 * 6, 0, camera.codec.name)
    assert [layer.rid for layer in track.layers] == list(NAMES) and all(layer.live for layer in track.layers)
    rates = [layer.kbps for layer in track.layers]
    assert 0 < rates[0] < rates[1] < rates[2]


def test_sizes_and_layers_of_av1_are_those_that_its_descriptors_say(wire: Wire) -> None:
    camera = Camera(wire, codecs.AV1)
    camera.layers = 2
    camera.send(key=True)
    camera.track.tick(time.monotonic())
    assert [(layer.width, layer.height) for layer in camera.track.layers] == list(SIZES)
    assert [layer.live for layer in camera.track.layers] == [True, True, False]
    assert isinstance(camera.carrier, Carrier) and camera.carrier.top == 1


def test_a_structure_that_was_lost_is_asked_for_and_that_of_a_former_stream_forgotten(wire: Wire) -> None:
    camera = Camera(wire, codecs.AV1)
    camera.choose(1)
    camera.send(key=True)
    stream = camera.carrier.stream
    assert stream is not None
    camera.carrier.begin(stream, time.monotonic())
    camera.carrier.keyframes.keyframe_seen(time.monotonic())
    assert camera.send() == [] and wire.dropped["no_layer"] == 6
    assert camera.carrier.keyframes.wanted
    camera.decoder = Decoder(codecs.AV1)
    camera.send(key=True)
    camera.send()
    assert camera.decoder.shown == [1, 1]


def test_structures_without_end_are_not_read_until_the_next_second(wire: Wire) -> None:
    camera = Camera(wire, codecs.AV1)
    camera.layers = 1
    camera.choose(0)
    read = 0
    while camera.send(key=True):
        read += 1
    assert 500 < read < 2000 and wire.dropped["no_layer"] == 1, "a browser sends three a second"
    assert wire.dropped["publisher_rate"] == 0
    wire.uplink.each_second(0.0)
    assert camera.send(key=True)


def test_av1_without_descriptors_is_forwarded_whole(wire: Wire) -> None:
    uplink = wire.publish(codec=codecs.AV1)
    uplink.bind(list(uplink.lines.values()), {}, False)
    track = wire.room.tracks["anna/video"]
    assert [layer.rid for layer in track.layers] == [""]
    assert track.sources == track.layers


def test_av1_whose_descriptors_never_come_is_the_lowest_layer(wire: Wire) -> None:
    camera = Camera(wire, codecs.AV1)
    seen = []
    for number in range(20):
        payload = b"\x18\x0a<key" if number == 0 else b"\x10\x30<next"
        packet = struct.pack("!BBHII", 0x80, 0x80 | 120, number, 3000 * number, VIDEO_SSRC) + payload
        seen += wire.receive_together([wire.protected(packet)])
    camera.track.tick(time.monotonic())
    assert [(packet.seq - seen[0].seq, packet.marker) for packet in seen] == [(n, 1) for n in range(20)]
    assert {packet.payload[1:] for packet in seen} == {b"\x0a<key", b"\x30<next"}
    assert [layer.live for layer in camera.track.layers] == [True, False, False]
    assert camera.layer(0).frames.frames == 20 and wire.dropped["no_layer"] == 0


# --- sharing out ------------------------------------------------------------------------------------


def shared(lost: set[int], late: dict[int, int], pictures: int, key_each: int, z: bool) -> dict[str, list[Share]]:
    """What the layers get of a stream of which some packets come later, or never: layer → what it got."""
    carrier = Carrier(Track("t", "p", Source.VIDEO, True, frozenset(), Limits()), Vp9Reader, 0.4)
    for layer in carrier.layers:
        layer.downlinks[object()] = None  # type: ignore[index]
    units = []
    for picture in range(pictures):
        key = picture % key_each == 0
        for spatial in range(3):
            for part in range(PACKETS[spatial]):
                begins, ends = part == 0, part == PACKETS[spatial] - 1
                start = key and begins and not spatial
                units.append((Unit(spatial, begins, ends, key or not z, start, 3), 3000 * picture))
    order = sorted(range(len(units)), key=lambda index: (index + late.get(index, 0), index))
    found: dict[str, list[Share]] = {name: [] for name in NAMES}
    for index in order:
        unit, timestamp = units[index]
        marker = unit.spatial == 2 and unit.ends
        if index not in lost:
            for share in carrier.share(unit, (index + 65_500) & 0xFFFF, timestamp, marker, 100, 0.0, lambda: None):
                found[share.layer.rid].append(share)
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.integers(1, 150), st.integers(1, 40), max_size=20),
    st.integers(1, 30),
    st.booleans(),
)
def test_what_comes_late_fills_every_hole_of_every_layer(late: dict[int, int], key_each: int, z: bool) -> None:
    whole = shared(set(), {}, 30, key_each, z)
    found = shared(set(), late, 30, key_each, z)
    for spatial, name in enumerate(NAMES):
        numbers = [share.number for share in found[name]]
        first = found[name][0].number
        places = sorted((number - first) & 0xFFFF for number in numbers)
        assert places == list(range(len(numbers))), "each number once, and no gap"
        packets = [share for share in found[name] if not share.empty]
        assert len(packets) == len(whole[name])
        assert sum(share.marker for share in packets) == 30, "each picture ends"
        assert not any(share.empty for share in whole[name])
        if spatial == 2 and not z:
            assert not any(share.empty for share in found[name])


def test_where_layers_always_build_upon_each_other_all_below_are_needed() -> None:
    found = shared(set(), {}, 10, 100, z=False)
    assert [len(found[name]) for name in NAMES] == [10, 30, 60]
    found = shared(set(), {}, 10, 100, z=True)
    assert [len(found[name]) for name in NAMES] == [10, 1 + 2 * 10, 3 + 3 * 10]


def test_a_long_outage_is_a_hole_of_bounded_memory() -> None:
    carrier = Carrier(Track("t", "p", Source.VIDEO, True, frozenset(), Limits()), Vp9Reader, 0.4)
    layer = carrier.layers[0]
    layer.downlinks[object()] = None  # type: ignore[index]
    unit = Unit(0, True, True, False)
    random.seed(1)
    seq = 0
    for _ in range(300):
        seq += random.choice((1, 2, 700, 20_000))
        carrier.share(unit, seq & 0xFFFF, seq, 1, 100, 0.0, lambda: None)
    assert len(layer.sieve._holes) <= 512
