"""The packet path with real SRTP, without a network: what a viewer gets of what a publisher sends."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from media import rtcp
from media.codecs import H264_CONSTRAINED_BASELINE
from media.limits import Limits
from media.nack import WAIT
from media.transport import Transport
from protocol.control import PublishAnswer, PublishOffer, RoomReport, SubscribeOffer
from tests.media.test_sdp import CHROMIUM
from tests.media.wire import AUDIO_SSRC, DELTA, KEYFRAME, RTX_SSRC, VIDEO_SSRC, Seen, Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.close()


def downlink_ssrc(wire: Wire, track: str) -> int:
    line = next(line for line in wire.subscription.lines if line.track is not None and line.track.id == track)
    return line.downlink.ssrc


def report(wire: Wire, track: str) -> tuple[int, int, int]:
    found = wire.room.report(time.monotonic())
    assert isinstance(found, RoomReport)
    return next((each.received, each.forwarded, each.dropped) for each in found.tracks if each.track == track)


# As browsers send H.264: the parameter sets of a key frame together, then its slice in fragments.
PARAMETERS = b"\x78\x00\x04\x67\x42\xe0\x1f\x00\x02\x68\xce"
SLICE = b"\x7c\x85" + bytes(60)


def _h264(wire: Wire, *, watched: bool = True) -> None:
    """Anna's picture is H.264 from now on."""
    wire.publish(codec=H264_CONSTRAINED_BASELINE)
    if watched:
        _watch(wire)


def _watch(wire: Wire) -> None:
    wire.subscription.show(wire.room.visible("vera"), time.monotonic())
    wire.answer()


# --- what goes out ----------------------------------------------------------------------------------


def test_a_packet_arrives_with_the_rooms_payload_type_and_the_viewers_ssrc(wire: Wire) -> None:
    (packet,) = wire.video(100, KEYFRAME, timestamp=9000)
    assert packet.payload == KEYFRAME and packet.marker == 1
    assert packet.payload_type == 96, "the publisher used 120"
    assert packet.ssrc == downlink_ssrc(wire, "anna/video") != VIDEO_SSRC


def test_of_the_extensions_the_audio_level_goes_on_and_the_mid_does_not(wire: Wire) -> None:
    (packet,) = wire.audio(7, level=33)
    assert packet.payload == b"opus" and packet.payload_type == 111
    assert packet.whole[12:20] == bytes.fromhex("bede0001") + bytes((0x10, 33, 0, 0))
    assert len(packet.whole) == 20 + 4


def test_a_viewer_begins_with_a_key_frame(wire: Wire) -> None:
    assert wire.video(1, DELTA) == []
    assert wire.video(2, DELTA) == []
    assert len(wire.video(3, KEYFRAME)) == 1
    assert len(wire.video(4, DELTA)) == 1


def test_sequence_numbers_and_timestamps_keep_their_distances(wire: Wire) -> None:
    first = wire.video(65534, KEYFRAME, 0xFFFFF000)[0]
    second = wire.video(65535, DELTA, 0xFFFFFF00)[0]
    third = wire.video(1, DELTA, 0x100)[0]  # one packet was lost
    assert (second.seq - first.seq) & 0xFFFF == 1 and (third.seq - second.seq) & 0xFFFF == 2
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 0xF00
    assert (third.timestamp - second.timestamp) & 0xFFFFFFFF == 0x200


def test_a_late_packet_fills_its_gap(wire: Wire) -> None:
    first = wire.video(10, KEYFRAME)[0]
    wire.video(12)
    (late,) = wire.video(11)
    assert (late.seq - first.seq) & 0xFFFF == 1


def test_padding_is_taken_off_and_a_packet_of_padding_keeps_its_number(wire: Wire) -> None:
    first = wire.video(10, KEYFRAME)[0]
    padded = struct.pack("!BBHII", 0xA0, 120, 11, 0, VIDEO_SSRC) + DELTA + b"\0\0\0\4"
    wire.receive(wire.protected(padded), wire.publisher_socket.getsockname())
    empty = struct.pack("!BBHII", 0xA0, 120, 12, 0, VIDEO_SSRC) + bytes(19) + b"\x14"
    wire.receive(wire.protected(empty), wire.publisher_socket.getsockname())
    second, third = wire.seen()
    assert second.payload == DELTA and not second.whole[0] & 0x20
    assert third.payload == b"" and (third.seq - first.seq) & 0xFFFF == 2


# --- many in one turn -------------------------------------------------------------------------------


def test_packets_of_nearly_one_size_are_padded_to_one_and_arrive_whole(wire: Wire) -> None:
    wire.video(1, KEYFRAME)
    payloads = [DELTA + bytes((seq,)) * (900 - seq % 3) for seq in range(2, 12)]
    seen = wire.receive_together([wire.protected_video(seq, payload) for seq, payload in enumerate(payloads, 2)])
    assert [packet.payload for packet in seen] == payloads
    assert len({len(packet.whole) for packet in seen}) == 1, "that is what lets the kernel cut them apart"
    largest = max(map(len, payloads))
    assert [bool(packet.whole[0] & 0x20) for packet in seen] == [len(each) < largest for each in payloads]


def test_packets_of_very_different_sizes_are_not_padded(wire: Wire) -> None:
    wire.video(1, KEYFRAME)
    payloads = [DELTA + bytes(size) for size in (1000, 1000, 200, 1000, 30)]
    seen = wire.receive_together([wire.protected_video(seq, payload) for seq, payload in enumerate(payloads, 2)])
    assert [packet.payload for packet in seen] == payloads
    assert not any(packet.whole[0] & 0x20 for packet in seen)


def test_sound_of_one_size_needs_no_padding(wire: Wire) -> None:
    seen = wire.receive_together([wire.protected_audio(seq, payload=bytes(80)) for seq in range(1, 5)])
    assert len(seen) == 4 and not any(packet.whole[0] & 0x20 for packet in seen)


def test_sound_and_picture_that_come_together_reach_the_viewer_in_their_orders(wire: Wire) -> None:
    wire.video(1, KEYFRAME)
    seen = wire.receive_together(
        [
            wire.protected_audio(1, payload=b"one"),
            wire.protected_video(2, DELTA + bytes(700)),
            wire.protected_video(3, DELTA + bytes(690)),
            wire.protected_audio(2, payload=b"two"),
        ]
    )
    audio = [packet for packet in seen if packet.payload_type == 111]
    video = [packet for packet in seen if packet.payload_type == 96]
    assert [packet.payload for packet in audio] == [b"one", b"two"] and len(video) == 2
    assert (audio[1].seq - audio[0].seq) & 0xFFFF == (video[1].seq - video[0].seq) & 0xFFFF == 1


def test_a_publisher_that_begins_anew_in_the_middle_of_a_turn_is_followed(wire: Wire) -> None:
    first = wire.video(1, KEYFRAME)[0]
    datagrams = [
        wire.protected_video(2),
        wire.protected_video(500, KEYFRAME + b"new", ssrc=VIDEO_SSRC + 7),
        wire.protected_video(501, DELTA + b"next", ssrc=VIDEO_SSRC + 7),
    ]
    seen = wire.receive_together(datagrams)
    assert [packet.payload for packet in seen] == [KEYFRAME + b"new", DELTA + b"next"]
    assert [(packet.seq - first.seq) & 0xFFFF for packet in seen] == [1, 2]


def test_a_mistake_of_ours_in_one_turn_is_not_in_the_next(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.video(1, KEYFRAME)

    def broken(*_: object) -> None:
        raise RuntimeError

    outbox = wire.port.outbox
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "put", broken)
        with pytest.raises(RuntimeError):
            wire.receive_together([wire.protected_video(2), wire.protected_video(3), wire.protected_audio(1)])
    wire.routes(audio=False)
    seen = wire.receive_together([wire.protected_video(4), wire.protected_audio(2), wire.protected_video(5)])
    assert [packet.payload_type for packet in seen] == [96, 96]


def test_when_each_track_was_forwarded_last_is_known_however_they_came(wire: Wire) -> None:
    wire.video(1, KEYFRAME)
    before = wire.room.tracks["anna/video"].forwarded_at
    wire.routes(video=False)
    wire.receive_together([wire.protected_audio(1), wire.protected_video(2), wire.protected_audio(2)])
    assert wire.room.tracks["anna/video"].forwarded_at == before
    wire.routes()
    wire.receive_together([wire.protected_audio(3), wire.protected_video(3), wire.protected_audio(4)])
    assert wire.room.tracks["anna/video"].forwarded_at == before, "no key frame yet"
    audio = wire.room.tracks["anna/audio"].forwarded_at
    wire.receive_together([wire.protected_audio(5), wire.protected_video(4, KEYFRAME)])
    after = wire.room.tracks["anna/video"].forwarded_at
    assert before is not None and after is not None and audio is not None and after > audio > before


def test_padding_counts_neither_in_reports_nor_in_repetitions(wire: Wire) -> None:
    first = wire.video(1, KEYFRAME)[0]
    payloads = [DELTA + bytes(size) for size in (500, 480, 500)]
    seen = wire.receive_together([wire.protected_video(seq, payload) for seq, payload in enumerate(payloads, 2)])
    assert seen[1].whole[0] & 0x20
    assert wire.subscription.bytes_out == len(KEYFRAME) + sum(map(len, payloads))
    wire.from_viewer(rtcp.nack(1, first.ssrc, [seen[1].seq]))
    (repeated,) = wire.seen()
    assert repeated.payload == seen[1].seq.to_bytes(2, "big") + payloads[1] and not repeated.whole[0] & 0x20


def test_a_packet_of_padding_alone_is_not_padded_further(wire: Wire) -> None:
    wire.video(1, KEYFRAME)
    empty = wire.protected(struct.pack("!BBHII", 0xA0, 120, 2, 0, VIDEO_SSRC) + bytes(199) + b"\xc8")
    seen = wire.receive_together([empty, wire.protected_video(3, DELTA + bytes(160))])
    assert [packet.payload for packet in seen] == [b"", DELTA + bytes(160)]


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 3]), min_size=1, max_size=40),
    swaps=st.sets(st.integers(0, 38), max_size=4),
    cuts=st.sets(st.integers(1, 39), max_size=12),
    keyframe=st.integers(0, 5),
)
def test_how_packets_fall_into_turns_changes_nothing_but_padding(
    steps: list[int], swaps: set[int], cuts: set[int], keyframe: int
) -> None:
    """Lost, late and swapped packets, a viewer that begins in the middle: one at a time or many in a turn."""
    numbers = [sum(steps[: n + 1]) + 65_500 for n in range(len(steps))]
    for at in swaps:
        if at + 1 < len(numbers):
            numbers[at], numbers[at + 1] = numbers[at + 1], numbers[at]
    turns: list[list[int]] = [[]]
    for place, number in enumerate(numbers):
        if place in cuts:
            turns.append([])
        turns[-1].append(number)
    found = []
    for together in (False, True):
        wire = Wire()
        try:
            seen: list[Seen] = []
            for turn in turns:
                datagrams = [
                    wire.protected_video(
                        number & 0xFFFF,
                        (KEYFRAME if number == numbers[min(keyframe, len(numbers) - 1)] else DELTA)
                        + bytes(number % 7)
                        + number.to_bytes(3, "big"),
                        timestamp=90 * number,
                    )
                    for number in turn
                ]
                if together:
                    seen += wire.receive_together(datagrams)
                else:
                    for datagram in datagrams:
                        seen += wire.receive_together([datagram])
        finally:
            wire.close()
        start = seen[0] if seen else None
        found.append(
            [
                ((packet.seq - start.seq) & 0xFFFF, (packet.timestamp - start.timestamp) & 0xFFFFFFFF, packet.payload)
                for packet in seen
                if start is not None
            ]
        )
    assert found[0] == found[1]


# --- closing and opening ----------------------------------------------------------------------------


def test_nothing_of_a_closed_track_is_forwarded_and_it_is_counted(wire: Wire) -> None:
    wire.video(1, KEYFRAME)
    wire.routes(video=False)
    assert wire.video(2, DELTA) == wire.video(3, KEYFRAME) == []
    assert report(wire, "anna/video") == (3, 1, 2)
    assert len(wire.audio(1)) == 1, "the other track goes on"


def test_after_opening_a_viewer_goes_on_without_a_gap_at_the_next_key_frame(wire: Wire) -> None:
    last = wire.video(10, KEYFRAME, 1000)[0]
    wire.routes(video=False)
    for seq in range(11, 400):
        wire.video(seq, DELTA, 1000 + seq)
    wire.reports(wire.publisher_socket)
    wire.routes(video=True)
    wire.tick()
    assert [packet for packet in wire.reports(wire.publisher_socket) if isinstance(packet, rtcp.Pli)]
    assert wire.video(400, DELTA, 91000) == []
    (again,) = wire.video(401, KEYFRAME, 91000)
    assert (again.seq - last.seq) & 0xFFFF == 1
    assert (again.timestamp - last.timestamp) & 0xFFFFFFFF == 90000, "the picture was away for a second"


def redundant(wire: Wire, seq: int) -> bytes:
    """An audio packet of the publisher that carries the one before it too: `frame 1` and on."""
    former = b"frame %d" % (seq - 1)
    heads = struct.pack("!I", 1 << 31 | 109 << 24 | 960 << 10 | len(former)) + bytes((109,))
    block = bytes.fromhex("bede0001") + bytes((0x50, 30, 0x60)) + b"0"
    header = struct.pack("!BBHII", 0x90, 63, seq, 960 * seq, AUDIO_SSRC)
    return wire.protected(header + block + heads + former + b"frame %d" % seq)


def test_what_is_said_while_closed_does_not_come_with_the_first_packet_afterwards(wire: Wire) -> None:
    heard = wire.receive_together([redundant(wire, 11)])
    wire.routes(audio=False)
    assert wire.receive_together([redundant(wire, 12)]) == []
    wire.routes()
    heard += wire.receive_together([redundant(wire, 13)]) + wire.receive_together([redundant(wire, 15)])
    assert [packet.payload for packet in heard] == [b"frame 11", b"frame 13", b"frame 14", b"frame 15"]


@pytest.mark.parametrize("late", ["answer", "connected"])
def test_what_is_taken_away_does_not_come_back_before_its_viewer_is_looked_at(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    assert len(wire.video(1, KEYFRAME)) == 1
    wire.subscription._stale = True
    wire.subscription.offer(time.monotonic())
    # In a room of thousands it takes several turns until everybody has been looked at.
    monkeypatch.setattr("media.router.OFFERS_PER_TICK", 0)
    wire.routes(to="others")
    if late == "answer":
        wire.answer()
    else:
        wire.subscription.connected(time.monotonic())
    assert wire.video(2, KEYFRAME) == [] and wire.audio(1) == []
    monkeypatch.undo()
    wire.routes()
    wire.answer()
    wire.routes(to="g")
    wire.answer()
    assert len(wire.video(3, KEYFRAME)) == 1


def test_what_was_sent_while_closed_cannot_be_asked_for(wire: Wire) -> None:
    wire.video(10, KEYFRAME)
    wire.routes(video=False)
    wire.video(11, KEYFRAME)
    wire.routes(video=True)
    last = wire.video(12, KEYFRAME)[0]
    wire.from_viewer(rtcp.nack(1, last.ssrc, [(last.seq + n) & 0xFFFF for n in range(-3, 3)]))
    repeated = wire.seen()
    assert [packet.payload[:2] for packet in repeated] == [last.seq.to_bytes(2, "big")]
    wire.routes(video=False)
    wire.from_viewer(rtcp.nack(1, last.ssrc, [last.seq]))
    assert wire.seen() == []


def test_a_layer_is_watched_again_half_a_round_of_its_numbers_later(wire: Wire) -> None:
    for seq in range(1000, 1600):
        wire.video(seq, KEYFRAME if seq == 1000 else DELTA)
    (downlink,) = wire.room.tracks["anna/video"].viewers
    layer = downlink.layer
    downlink.choose(None, time.monotonic())
    for seq in range(2000, 41_000, 1000):
        wire.video(seq)
    downlink.choose(layer, time.monotonic())
    assert [len(wire.video(seq, KEYFRAME if seq == 41_000 else DELTA)) for seq in range(41_000, 41_010)] == [1] * 10


def test_a_late_packet_from_before_the_gate_opened_is_not_sent_under_anothers_number(wire: Wire) -> None:
    wire.video(10, KEYFRAME)
    wire.routes(video=False)
    wire.routes(video=True)
    wire.video(21, KEYFRAME)
    assert wire.video(20, DELTA) == []


def test_a_viewer_that_is_routed_away_gets_nothing_more_at_once(wire: Wire) -> None:
    wire.video(1, KEYFRAME)
    wire.routes(to="others")
    assert wire.video(2, KEYFRAME) == [] and wire.audio(1) == []
    wire.routes()
    wire.answer()  # to the offer without tracks; the next one follows
    assert wire.video(3, KEYFRAME) == [], "not before it has answered the new offer"
    wire.answer()
    assert len(wire.video(4, KEYFRAME)) == 1


def test_a_publisher_that_comes_back_continues_the_viewers_sequence(wire: Wire) -> None:
    last = wire.video(10, KEYFRAME, 1000)[0]
    offers = len([message for message in wire.said if isinstance(message, SubscribeOffer)])
    wire.publish(video_ssrc=VIDEO_SSRC + 7)
    (again,) = wire.video(40_000, KEYFRAME, 3_000_000_000, ssrc=VIDEO_SSRC + 7)
    assert again.ssrc == last.ssrc and (again.seq - last.seq) & 0xFFFF == 1
    assert (again.timestamp - last.timestamp) & 0xFFFFFFFF < 90000, "as much time as has really passed"
    assert len([message for message in wire.said if isinstance(message, SubscribeOffer)]) == offers


# --- retransmission ---------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [600, 20_000, 32_767])
def test_a_publisher_that_jumps_does_not_cost_a_viewer_the_count_of_its_srtp(wire: Wire, step: int) -> None:
    """The line is somebody else's some day. `Wire.seen` decrypts with one session for all that comes."""
    wire.video(1, KEYFRAME)
    wire.audio(1)
    for n in range(1, 400):
        seq = (1 + n * step) & 0xFFFF
        publisher = wire.publisher_socket.getsockname()
        wire.receive(wire.protected_video(seq, KEYFRAME), publisher)
        wire.receive(wire.protected_audio(seq), publisher)
        if n % 80:
            wire.lose()
        else:
            assert len(wire.seen()) == 2


def test_viewers_are_not_looked_at_again_for_a_description_that_changes_nothing_for_them(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[float] = []
    monkeypatch.setattr(wire.subscription, "show", lambda visible, now: shown.append(now))
    offer = PublishOffer(request=1, room="r", peer="anna", sdp=CHROMIUM, bindings={"1": "anna/video"}, restart=False)
    h264 = CHROMIUM.replace("UDP/TLS/RTP/SAVPF 96 ", "UDP/TLS/RTP/SAVPF 108 96 ")
    for sdp, looks in (CHROMIUM, 0), (CHROMIUM, 0), (h264, 1), (h264, 1), (CHROMIUM, 2):
        wire.router.publish_offer(replace(offer, sdp=sdp))
        assert isinstance(wire.said[-1], PublishAnswer)
        assert len(shown) == looks


def test_what_a_viewer_misses_is_repeated_on_the_rtx_stream_under_its_own_numbers(wire: Wire) -> None:
    packets = [wire.video(seq, KEYFRAME if seq == 1 else DELTA + bytes((seq,)))[0] for seq in range(1, 6)]
    wire.from_viewer(rtcp.nack(1, packets[0].ssrc, [packets[2].seq, packets[3].seq]))
    third, fourth = wire.seen()
    assert third.ssrc != packets[0].ssrc and third.payload_type == 97
    assert third.payload == packets[2].seq.to_bytes(2, "big") + packets[2].payload
    assert third.timestamp == packets[2].timestamp
    assert (fourth.seq - third.seq) & 0xFFFF == 1


def test_a_storm_of_requests_is_repeated_once(wire: Wire) -> None:
    packet = wire.video(1, KEYFRAME)[0]
    for _ in range(50):
        wire.from_viewer(rtcp.nack(1, packet.ssrc, [packet.seq]))
    assert len(wire.seen()) == 1


def test_without_rtx_in_the_answer_nothing_is_repeated(wire: Wire) -> None:
    wire.routes(to="others")
    wire.routes()
    wire.answer()
    wire.answer(rtx=False)
    packet = wire.video(1, KEYFRAME)[0]
    wire.from_viewer(rtcp.nack(1, packet.ssrc, [packet.seq]))
    assert wire.seen() == []


def test_a_packet_lost_on_the_uplink_is_asked_for_and_its_retransmission_is_forwarded(wire: Wire) -> None:
    first = wire.video(1, KEYFRAME)[0]
    wire.video(3)
    wire.tick(0.05)
    (nack,) = [packet for packet in wire.reports(wire.publisher_socket) if isinstance(packet, rtcp.Nack)]
    assert nack.seqs == (2,) and nack.media_ssrc == VIDEO_SSRC
    (repaired,) = wire.video(900, (2).to_bytes(2, "big") + DELTA, ssrc=RTX_SSRC, pt=124)
    assert (repaired.seq - first.seq) & 0xFFFF == 1 and repaired.payload == DELTA
    assert wire.room.tracks["anna/video"].lost == 0, "it was recovered"
    assert wire.video(901, (2).to_bytes(2, "big") + DELTA, ssrc=RTX_SSRC, pt=124) == [], "once is enough"


def test_of_h264_the_parameter_sets_before_a_key_frame_are_asked_for_again_too(wire: Wire) -> None:
    _h264(wire)
    wire.video(1, PARAMETERS, 3000)
    wire.video(2, SLICE, 3000)
    wire.video(3, b"\x41" + bytes(60), 6000)
    wire.video(5, SLICE, 9000)
    wire.tick(0.05)
    (nack,) = [packet for packet in wire.reports(wire.publisher_socket) if isinstance(packet, rtcp.Nack)]
    assert nack.seqs == (4,)
    (repaired,) = wire.video(900, (4).to_bytes(2, "big") + PARAMETERS, 9000, RTX_SSRC, 124)
    assert repaired.payload == PARAMETERS


def test_of_h264_a_viewer_does_not_begin_behind_the_parameter_sets(wire: Wire) -> None:
    _h264(wire)
    wire.video(1, b"\x41" + bytes(60), 3000)
    assert wire.video(3, SLICE, 6000) == [], "what is missing may be of this frame"
    assert wire.video(4, b"\x7c\x05" + bytes(60), 6000) == []
    assert [packet.payload for packet in wire.video(2, PARAMETERS, 6000)] == [PARAMETERS], "it was only late"
    (after,) = wire.video(5, b"\x65" + bytes(60), 6000)
    wire.from_viewer(rtcp.nack(1, after.ssrc, [after.seq - 2, after.seq - 1]))
    assert [packet.payload[2:4] for packet in wire.seen()] == [b"\x7c\x85", b"\x7c\x05"]


def test_of_h264_a_viewer_begins_at_the_first_slice_where_parameter_sets_never_come(wire: Wire) -> None:
    _h264(wire)
    wire.video(1, b"\x41" + bytes(60), 3000)
    assert len(wire.video(2, b"\x65" + bytes(60), 6000)) == 1


def test_of_h264_a_viewer_does_not_begin_in_the_middle_of_a_key_frame(wire: Wire) -> None:
    _h264(wire, watched=False)
    wire.video(1, PARAMETERS, 3000)
    wire.video(2, b"\x65" + bytes(60), 3000)
    _watch(wire)
    assert wire.video(3, b"\x65" + bytes(60), 3000) == []
    assert wire.room.tracks["anna/video"].layers[0].keyframes.wanted, "there was none for this viewer"


def test_a_probe_on_the_rtx_stream_is_counted_and_dropped(wire: Wire) -> None:
    wire.video(1, KEYFRAME)
    assert wire.video(5, b"", ssrc=RTX_SSRC, pt=124) == []
    assert wire.dropped["rtx_probe"] == 1


# --- requests and reports ---------------------------------------------------------------------------


def test_the_requests_of_viewers_become_one_request_to_the_publisher(wire: Wire) -> None:
    packet = wire.video(1, KEYFRAME)[0]
    wire.reports(wire.publisher_socket)
    for _ in range(20):
        wire.from_viewer(rtcp.pli(1, packet.ssrc))
        wire.from_viewer(rtcp.fir(1, [(packet.ssrc, 1)]))
        wire.tick(0.0)
    assert len(wire.reports(wire.publisher_socket)) == 1
    wire.tick(1.0)
    assert len(wire.reports(wire.publisher_socket)) == 1, "no key frame has come: it is asked for again"
    assert len(wire.video(2, KEYFRAME)) == 1
    wire.tick(2.0)
    assert wire.reports(wire.publisher_socket) == []


def test_a_viewers_flood_of_rtcp_is_not_acted_upon(wire: Wire) -> None:
    packet = wire.video(1, KEYFRAME)[0]
    for _ in range(1000):
        wire.from_viewer(rtcp.pli(1, packet.ssrc))
    assert wire.dropped["rtcp_rate"] >= 500


def test_sender_reports_carry_the_publishers_clock_in_the_viewers_timestamps(wire: Wire) -> None:
    wire.video(1, KEYFRAME, 5000)
    wire.from_publisher(rtcp.sender_report(VIDEO_SSRC, rtcp.ntp(1_700_000_000.0), 5000, 1, 100))
    packet = wire.video(2, DELTA, 8000)[0]
    wire.subscription.feedback.each_second(b"cname", time.monotonic())
    found = wire.reports(wire.viewer_socket)
    (sender,) = [each for each in found if isinstance(each, rtcp.SenderReport)]
    assert sender.ssrc == packet.ssrc and sender.packets == 2
    ahead = (sender.timestamp - (packet.timestamp - 3000)) & 0xFFFFFFFF
    assert ahead < 45000, "the report is of now, half a second after the publisher's at most"
    wire.subscription.feedback.each_second(b"cname", time.monotonic())
    assert wire.reports(wire.viewer_socket) == [], "a viewer that is sent nothing costs nothing"


def test_a_report_that_was_held_up_puts_no_track_behind_the_others(wire: Wire) -> None:
    wire.video(1, KEYFRAME, 5000)
    wire.audio(1)
    began = 1_700_000_000.0
    wire.from_publisher(rtcp.sender_report(VIDEO_SSRC, rtcp.ntp(began), 5000, 1, 100))
    # As if the first had been under way for 0.2 s longer than this one.
    wire.from_publisher(rtcp.sender_report(AUDIO_SSRC, rtcp.ntp(began + 0.2), 960, 1, 100))
    clocks = {track.id: track.layers[0].clock for track in wire.room.tracks.values()}
    picture, sound = clocks["anna/video"], clocks["anna/audio"]
    assert picture is not None and sound is not None
    assert (picture[1], sound[1]) == (5000, 960)
    assert sound[0] - picture[0] == pytest.approx(0.2, abs=0.0001)
    # The publisher's clock is set by an hour: what was told before it stays as it is.
    wire.from_publisher(rtcp.sender_report(AUDIO_SSRC, rtcp.ntp(began + 3600.2), 960, 1, 100))
    assert wire.room.tracks["anna/video"].layers[0].clock == picture


def test_a_publishers_clock_that_runs_slow_for_days_puts_no_track_behind_the_others(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.video(1, KEYFRAME)
    wire.audio(1)
    tracks = wire.room.tracks
    began, passed = time.monotonic(), 0.0
    monkeypatch.setattr("media.ingest.time.monotonic", lambda: began + passed)
    monkeypatch.setattr("media.ingest.unix_now", lambda: 1_700_000_000.0 + passed)
    for minute in range(3 * 24 * 60):
        for later, ssrc, rate, track in (0, VIDEO_SSRC, 90000, "anna/video"), (1, AUDIO_SSRC, 48000, "anna/audio"):
            passed = 60.0 * minute + later
            slow = passed * (1 - 100e-6)
            ntp = rtcp.ntp(1_700_000_000.0 + slow)
            wire.uplink.sender_report(rtcp.SenderReport(ssrc, ntp, int(slow * rate) & 0xFFFFFFFF, 1, 1, ()))
            clock = tracks[track].layers[0].clock
            assert clock is not None
            assert clock[0] == pytest.approx(1_700_000_000.0 + passed, abs=0.05)


def test_a_viewers_reports_give_loss_and_round_trip(wire: Wire) -> None:
    packet = wire.video(1, KEYFRAME)[0]
    wire.from_viewer(rtcp.receiver_report(1, [rtcp.ReportBlock(packet.ssrc, 0, 0, 100, 0, 0, 0)]))
    wire.from_viewer(rtcp.receiver_report(1, [rtcp.ReportBlock(packet.ssrc, 64, 10, 200, 0, 0, 0)]))
    found = wire.room.report(time.monotonic())
    assert found is not None
    vera = next(each for each in found.peers if each.peer == "vera")
    assert vera.loss_down == 10.0


def test_a_publisher_gets_receiver_reports(wire: Wire) -> None:
    for seq in (1, 2, 4, 5):
        wire.video(seq, KEYFRAME)
    wire.uplink.each_second(0.0)
    (found,) = [each for each in wire.reports(wire.publisher_socket) if isinstance(each, rtcp.ReceiverReport)]
    (block,) = found.blocks
    assert block.ssrc == VIDEO_SSRC and block.lost == 1 and block.highest == 5
    assert wire.uplink.loss_percent == 20.0


# --- hostile publishers -----------------------------------------------------------------------------


def test_a_replayed_packet_is_dropped(wire: Wire) -> None:
    packet = wire.protected(struct.pack("!BBHII", 0x80, 120, 1, 0, VIDEO_SSRC) + KEYFRAME)
    for _ in range(3):
        wire.receive(packet, wire.publisher_socket.getsockname())
    assert len(wire.seen()) == 1 and wire.dropped["srtp"] == 2


def test_noise_from_a_validated_address_is_dropped(wire: Wire) -> None:
    for length in range(12, 200):
        wire.receive(b"\x80\x60" + bytes(length - 2), wire.publisher_socket.getsockname())
        wire.receive(b"\x80\xc9" + bytes(length - 2), wire.publisher_socket.getsockname())
    assert wire.seen() == [] and wire.dropped["srtp"] + wire.dropped["unbound"] == 188


def test_two_streams_that_take_turns_at_one_layer_do_not_begin_it_anew_each_time(wire: Wire) -> None:
    other = VIDEO_SSRC + 7
    wire.video(1, KEYFRAME)
    (begun,) = wire.video(500, KEYFRAME, ssrc=other)
    for seq in range(2, 22):
        assert wire.video(seq, KEYFRAME) == []
    assert wire.dropped == {"replaced": 20}
    (following,) = wire.video(501, DELTA, ssrc=other)
    assert (following.seq - begun.seq) & 0xFFFF == 1
    wire.uplink.streams[VIDEO_SSRC].replaced_at -= 1.0
    (back,) = wire.video(30, KEYFRAME)
    assert (back.seq - following.seq) & 0xFFFF == 1


def test_a_spray_of_ssrcs_ends_at_a_limit(wire: Wire) -> None:
    for ssrc in range(5000, 5000 + 4 * Limits().ssrcs):
        assert wire.video(1, KEYFRAME, ssrc=ssrc, pt=99) == []
    assert len(wire.uplink.streams) <= Limits().ssrcs
    assert len(wire.video(1, KEYFRAME)) == 1, "the publisher's own stream is not shut out"


def test_an_unknown_ssrc_is_bound_by_its_mid(wire: Wire) -> None:
    packet = struct.pack("!BBHII", 0x90, 120, 9, 0, 77) + bytes.fromhex("bede0001") + b"\x60" + b"1\0\0" + KEYFRAME
    wire.receive(wire.protected(packet), wire.publisher_socket.getsockname())
    assert len(wire.seen()) == 1
    other = struct.pack("!BBHII", 0x90, 120, 9, 0, 78) + bytes.fromhex("bede0001") + b"\x60" + b"9\0\0" + KEYFRAME
    wire.receive(wire.protected(other), wire.publisher_socket.getsockname())
    assert wire.seen() == [] and wire.dropped["unbound"] == 1


def test_another_payload_type_on_a_known_ssrc_is_dropped(wire: Wire) -> None:
    assert wire.video(1, KEYFRAME, pt=99) == [] and wire.dropped["payload_type"] == 1


def test_a_publisher_above_its_rate_is_cut_off_until_the_next_second(wire: Wire) -> None:
    wire.video(1, KEYFRAME)
    payload = DELTA + bytes(1300)
    for seq in range(2, 2 + Limits().publisher_bitrate // 8 // 1300):
        wire.video(seq & 0xFFFF, payload)
    assert wire.dropped["publisher_rate"] > 0
    assert len(wire.audio(1)) == 0
    wire.uplink.each_second(0.0)
    assert len(wire.audio(2)) == 1


def test_media_on_a_subscribe_connection_is_dropped(wire: Wire) -> None:
    packet = wire.protected(struct.pack("!BBHII", 0x80, 111, 1, 0, AUDIO_SSRC) + b"x")
    wire.receive(packet, wire.viewer_socket.getsockname())
    assert wire.dropped["viewer_rtp"] == 1


def test_the_counters_of_a_room_are_reported(wire: Wire) -> None:
    wire.audio(1)
    wire.video(1, KEYFRAME)
    assert report(wire, "anna/audio") == (1, 1, 0) and report(wire, "anna/video") == (1, 1, 0)


# --- limits -----------------------------------------------------------------------------------------


def limited(monkeypatch: pytest.MonkeyPatch, **limits: int) -> Wire:
    monkeypatch.setattr("tests.media.wire.Limits", lambda: Limits(**limits))
    return Wire()


def test_a_connection_above_its_packets_is_not_decrypted_until_the_next_second(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = limited(monkeypatch, packets_per_s=5)
    for seq in range(1, 6):
        assert len(wire.video(seq, KEYFRAME)) == 1
    assert wire.video(6) == [] and wire.dropped == {"packet_rate": 1}
    assert isinstance(wire.uplink.transport, Transport)
    wire.uplink.transport.watch(0.0)
    assert len(wire.video(7)) == 1
    wire.close()


def test_a_track_above_its_bitrate_is_cut_off_and_nothing_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = limited(monkeypatch, video_bitrate=8 * 3000)
    passed = sum(len(wire.video(seq, KEYFRAME + bytes(900))) for seq in range(1, 8))
    assert passed == 3 and wire.dropped == {"track_rate": 4}
    assert len(wire.audio(1)) == 1, "the other track goes on"
    wire.tick(0.05)
    assert not [packet for packet in wire.reports(wire.publisher_socket) if isinstance(packet, rtcp.Nack)]
    wire.uplink.each_second(0.0)
    assert len(wire.video(8)) == 1
    wire.close()


def test_what_one_viewer_may_have_repeated_is_bounded_and_spread_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = limited(monkeypatch, repeated_packets_per_s=100)
    first = wire.video(1, KEYFRAME)[0]
    for seq in range(2, 40):
        wire.video(seq)
    wire.from_viewer(rtcp.nack(1, first.ssrc, [(first.seq + n) & 0xFFFF for n in range(39)]))
    counts = [len(wire.seen())]
    for tick in range(1, 21):
        wire.tick(0.02 * tick)
        counts.append(len(wire.seen()))
    assert max(counts) <= 3, "no burst"
    assert sum(counts) == 100 * WAIT, "a quarter of a second's worth is kept in mind, the rest asked for again"
    wire.close()
