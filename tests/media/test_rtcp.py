"""RTCP read and built, held against aiortc's packet classes."""

from __future__ import annotations

import struct

import pytest
from aiortc import rtp as oracle
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp

ssrcs = st.integers(0, 0xFFFFFFFF)
words = st.integers(0, 0xFFFFFFFF)
seqs = st.integers(0, 0xFFFF)
blocks = st.builds(
    rtcp.ReportBlock,
    ssrc=ssrcs,
    fraction=st.integers(0, 255),
    lost=st.integers(-0x800000, 0x7FFFFF),
    highest=words,
    jitter=words,
    lsr=words,
    dlsr=words,
)
block_lists = st.lists(blocks, max_size=31)


def only(data: bytes) -> rtcp.Packet:
    packets = rtcp.parse(data, len(data))
    assert len(packets) == 1
    return packets[0]


def as_oracle(block: rtcp.ReportBlock) -> oracle.RtcpReceiverInfo:
    return oracle.RtcpReceiverInfo(
        ssrc=block.ssrc,
        fraction_lost=block.fraction,
        packets_lost=block.lost,
        highest_sequence=block.highest,
        jitter=block.jitter,
        lsr=block.lsr,
        dlsr=block.dlsr,
    )


# --- reports ---------------------------------------------------------------------------------


@given(ssrcs, st.integers(0, 2**64 - 1), words, words, words, block_lists)
def test_a_sender_report_is_what_aiortc_writes(
    ssrc: int, ntp: int, timestamp: int, packets: int, octets: int, reports: list[rtcp.ReportBlock]
) -> None:
    built = rtcp.sender_report(ssrc, ntp, timestamp, packets, octets, reports)
    info = oracle.RtcpSenderInfo(ntp_timestamp=ntp, rtp_timestamp=timestamp, packet_count=packets, octet_count=octets)
    assert built == bytes(oracle.RtcpSrPacket(ssrc, info, [as_oracle(block) for block in reports]))
    assert only(built) == rtcp.SenderReport(ssrc, ntp, timestamp, packets, octets, tuple(reports))


@given(ssrcs, block_lists)
def test_a_receiver_report_is_what_aiortc_writes(ssrc: int, reports: list[rtcp.ReportBlock]) -> None:
    built = rtcp.receiver_report(ssrc, reports)
    assert built == bytes(oracle.RtcpRrPacket(ssrc, [as_oracle(block) for block in reports]))
    assert only(built) == rtcp.ReceiverReport(ssrc, tuple(reports))


def test_counters_beyond_32_bits_wrap() -> None:
    report = only(rtcp.sender_report(1, 2, 2**32 + 3, 2**32 + 4, 2**32 + 5))
    assert report == rtcp.SenderReport(1, 2, 3, 4, 5, ())


@given(ssrcs, st.binary(max_size=255))
def test_a_cname_is_read_by_aiortc(ssrc: int, cname: bytes) -> None:
    built = rtcp.sdes(ssrc, cname)
    assert rtcp.parse(built, len(built)) == []
    [theirs] = oracle.RtcpPacket.parse(built)
    assert isinstance(theirs, oracle.RtcpSdesPacket)
    assert theirs.chunks[0].ssrc == ssrc and theirs.chunks[0].items == [(1, cname)]


@given(st.lists(ssrcs, max_size=31))
def test_a_bye_is_what_aiortc_writes(sources: list[int]) -> None:
    built = rtcp.bye(sources)
    assert built == bytes(oracle.RtcpByePacket(sources))
    assert only(built) == rtcp.Bye(tuple(sources))


# --- feedback --------------------------------------------------------------------------------


@given(seqs, st.sets(st.integers(0, 300), min_size=1, max_size=100))
def test_a_nack_asks_for_exactly_the_missing_packets_also_over_the_wrap(start: int, offsets: set[int]) -> None:
    missing = [(start + offset) & 0xFFFF for offset in sorted(offsets)]
    packet = only(rtcp.nack(7, 8, missing))
    assert packet == rtcp.Nack(7, 8, tuple(missing))


def test_one_entry_of_a_nack_goes_over_the_wrap() -> None:
    packet = rtcp.nack(7, 8, [65_534, 65_535, 0, 14])
    assert len(packet) == 16
    assert only(packet) == rtcp.Nack(7, 8, (65_534, 65_535, 0, 14))


def test_a_nack_is_read_by_aiortc() -> None:
    [theirs] = oracle.RtcpPacket.parse(rtcp.nack(7, 8, [100, 101, 116, 117, 5000]))
    assert isinstance(theirs, oracle.RtcpRtpfbPacket)
    assert (theirs.fmt, theirs.ssrc, theirs.media_ssrc) == (rtcp.FMT_NACK, 7, 8)
    assert theirs.lost == [100, 101, 116, 117, 5000]


def test_neighbours_share_one_entry_of_a_nack() -> None:
    assert len(rtcp.nack(1, 2, range(100, 117))) == 16
    assert len(rtcp.nack(1, 2, range(100, 118))) == 20


def test_the_numbers_believed_from_one_nack_are_limited() -> None:
    entries = b"".join(struct.pack("!HH", n * 17, 0xFFFF) for n in range(300))
    packet = struct.pack("!BBHII", 0x81, 205, 2 + len(entries) // 4, 1, 2) + entries
    found = only(packet)
    assert isinstance(found, rtcp.Nack) and len(found.seqs) == rtcp.MAX_NACKED


def test_a_picture_loss_indication_is_what_aiortc_writes() -> None:
    assert rtcp.pli(7, 8) == bytes(oracle.RtcpPsfbPacket(fmt=1, ssrc=7, media_ssrc=8))
    assert only(rtcp.pli(7, 8)) == rtcp.Pli(7, 8)


def test_a_full_intra_request_is_read_back() -> None:
    assert only(rtcp.fir(7, [(8, 1), (9, 255)])) == rtcp.Fir(7, ((8, 1), (9, 255)))


@given(st.integers(0, 2**40), st.lists(ssrcs, max_size=20))
def test_a_bitrate_estimate_keeps_18_significant_bits_and_is_read_by_aiortc(bitrate: int, sources: list[int]) -> None:
    built = rtcp.remb(7, bitrate, sources)
    found = only(built)
    assert isinstance(found, rtcp.Remb) and found.ssrcs == tuple(sources)
    assert bitrate * (1 - 2**-17) <= found.bitrate <= bitrate
    [theirs] = oracle.RtcpPacket.parse(built)
    assert isinstance(theirs, oracle.RtcpPsfbPacket)
    assert oracle.unpack_remb_fci(theirs.fci) == (found.bitrate, sources)


arrival_lists = st.lists(st.none() | st.integers(0, 30_000), min_size=1, max_size=200)


@given(seqs, st.integers(0, 0xFFFFFF), st.integers(0, 255), arrival_lists)
def test_transport_feedback_is_read_back(base: int, reference: int, ordinal: int, arrivals: list[int | None]) -> None:
    built = rtcp.transport_feedback(7, 8, base, reference, ordinal, arrivals)
    assert len(built) % 4 == 0
    assert only(built) == rtcp.TransportFeedback(7, 8, base, reference, ordinal, tuple(arrivals))


def test_transport_feedback_stands_byte_for_byte_as_the_draft_draws_it() -> None:
    # A vector of 1-bit symbols would do, but two are large: 2-bit vector, then a run of seven not received.
    arrivals = [0, None, 300, 301, None, 200, 201] + [None] * 7 + [202]
    assert rtcp.transport_feedback(1, 2, 0xFFFE, 3, 4, arrivals) == bytes.fromhex(
        "af cd 00 08"  # padding, format 15, RTPFB, nine words
        "00000001 00000002 fffe 000f 000003 04"
        "d2 49"  # two-bit vector: small, none, large, small | none, large, small
        "00 07"  # run of seven not received
        "20 01"  # run of one small
        "00 012c 01 ff9b 01 01"  # deltas: 0, +300, +1, -101, +1, +1
        "00 02"
    )


def test_a_run_longer_than_one_chunk_holds_takes_two() -> None:
    packet = rtcp.transport_feedback(1, 2, 0, 0, 0, [None] * 9000)
    assert packet[20:24] == bytes.fromhex("1fff") + (9000 - 0x1FFF).to_bytes(2, "big")


def test_a_feedback_that_promises_more_than_it_holds_is_left_out() -> None:
    built = bytearray(rtcp.transport_feedback(1, 2, 3, 4, 5, list(range(0, 60, 2))))
    for count in (0, 61, 8191, 65535):
        built[14:16] = count.to_bytes(2, "big")
        assert rtcp.parse(built, len(built)) == []


# --- compound packets --------------------------------------------------------------------------


def test_a_compound_packet_is_read_in_order() -> None:
    compound = rtcp.receiver_report(1) + rtcp.sdes(1, b"a") + rtcp.nack(1, 2, [3]) + rtcp.pli(1, 2) + rtcp.bye([1])
    names = [type(packet).__name__ for packet in rtcp.parse(compound, len(compound))]
    assert names == ["ReceiverReport", "Nack", "Pli", "Bye"]


def test_kinds_that_do_not_concern_us_are_stepped_over() -> None:
    extended = struct.pack("!BBHI", 0x80, 207, 1, 1)
    compound = extended + rtcp.pli(1, 2)
    assert rtcp.parse(compound, len(compound)) == [rtcp.Pli(1, 2)]


def test_what_an_application_says_of_its_own_is_read_back() -> None:
    compound = rtcp.app(7, 3, b"name", b"12345") + rtcp.pli(1, 2)
    assert rtcp.parse(compound, len(compound)) == [rtcp.App(7, 3, b"name", b"12345\0\0\0"), rtcp.Pli(1, 2)]
    short = struct.pack("!BBHI", 0x80, rtcp.APP, 1, 1)
    assert rtcp.parse(short, len(short)) == []


def test_one_damaged_packet_does_not_take_the_others_with_it() -> None:
    short = struct.pack("!BBHI", 0x81, rtcp.RR, 1, 1)  # says one block, has none
    compound = short + rtcp.pli(1, 2)
    assert rtcp.parse(compound, len(compound)) == [rtcp.Pli(1, 2)]


@pytest.mark.parametrize(
    "damaged",
    [
        b"\x80\xc9\x00",
        b"\x80\xc9\x00\x02\x00\x00\x00\x01",  # longer than what came
        b"\x40\xc9\x00\x01\x00\x00\x00\x01",  # version 1
        b"\xa0\xc9\x00\x01\x00\x00\x00\x00",  # padding of no bytes
        b"\xa0\xc9\x00\x01\x00\x00\x00\x08",  # more padding than there is
        b"\xa0\xc9\x00\x02\x00\x00\x00\x01\x00\x00\x00\x04" + b"\x80\xc9\x00\x01\x00\x00\x00\x01",  # not the last
        b"\x80\xc9\x00\x00" * (rtcp.MAX_PACKETS + 1),
    ],
)
def test_wrong_framing_gives_nothing_at_all(damaged: bytes) -> None:
    data = rtcp.pli(1, 2) + damaged
    assert rtcp.parse(data, len(data)) == []


def test_padding_of_the_last_packet_is_not_content() -> None:
    padded = bytearray(rtcp.nack(1, 2, [3]) + b"\0\0\0\x04")
    padded[0] |= 0x20
    padded[3] += 1
    assert rtcp.parse(padded, len(padded)) == [rtcp.Nack(1, 2, (3,))]


def test_only_the_bytes_within_the_length_are_read() -> None:
    data = bytearray(rtcp.pli(1, 2))
    assert rtcp.parse(data + b"\xff" * 20, len(data)) == [rtcp.Pli(1, 2)]
    assert rtcp.parse(data, len(data) + 4) == []


@st.composite
def nearly_rtcp(draw: st.DrawFn) -> bytes:
    """Well-framed packets of every kind with any content: what plain random bytes hardly ever reach."""
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        body = draw(st.binary(max_size=80))
        body += bytes(-len(body) % 4)
        count = draw(st.sampled_from([0, 1, 2, 4, 15, 31]))
        parts.append(struct.pack("!BBH", 0x80 | count, draw(st.integers(199, 208)), len(body) // 4) + body)
    if draw(st.booleans()):
        parts[-1] = bytes([parts[-1][0] | 0x20]) + parts[-1][1:]
    return b"".join(parts)


@given(st.binary(max_size=120) | nearly_rtcp(), st.integers(-4, 4))
def test_no_bytes_whatsoever_raise(data: bytes, beyond: int) -> None:
    for packet in rtcp.parse(data, max(0, len(data) + beyond)):
        assert isinstance(packet, tuple)


# --- time --------------------------------------------------------------------------------------


@given(st.floats(0, 2_000_000_000))
def test_ntp_time_is_read_back_within_a_microsecond(seconds: float) -> None:
    assert rtcp.unix(rtcp.ntp(seconds)) == pytest.approx(seconds, abs=1e-6)


def test_the_ntp_epoch_is_1900() -> None:
    assert rtcp.ntp(0.0) >> 32 == 2_208_988_800
    assert rtcp.ntp(0.5) & 0xFFFFFFFF == 0x80000000


def test_the_round_trip_is_the_time_since_the_report_less_what_the_peer_held_it() -> None:
    sent, now = rtcp.ntp(1000.0), rtcp.ntp(1000.75)
    block = rtcp.ReportBlock(1, 0, 0, 0, 0, rtcp.compact(sent), int(0.5 * 65536))
    assert rtcp.round_trip(now, block) == pytest.approx(0.25, abs=1e-3)


def test_a_round_trip_that_cannot_be_is_not_believed() -> None:
    now = rtcp.ntp(1000.0)
    assert rtcp.round_trip(now, rtcp.ReportBlock(1, 0, 0, 0, 0, 0, 0)) is None, "no sender report answered"
    assert rtcp.round_trip(now, rtcp.ReportBlock(1, 0, 0, 0, 0, rtcp.compact(rtcp.ntp(900.0)), 0)) is None
    assert rtcp.round_trip(now, rtcp.ReportBlock(1, 0, 0, 0, 0, rtcp.compact(rtcp.ntp(1100.0)), 0)) is None
    just_below_zero = rtcp.ReportBlock(1, 0, 0, 0, 0, rtcp.compact(now), 100)
    assert rtcp.round_trip(now, just_below_zero) == 0.0
