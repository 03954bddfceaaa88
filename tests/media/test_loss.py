"""The register of one received stream, against RFC 3550's definitions and aiortc's own statistics."""

from __future__ import annotations

import random

import pytest
from aiortc import rtcrtpreceiver
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp
from media.loss import LossRegister

VIDEO = 90_000


def feed(register: LossRegister, numbers: list[int], spacing: float = 0.02) -> None:
    for number in numbers:
        register.received(number & 0xFFFF, (number * int(spacing * VIDEO)) & 0xFFFFFFFF, number * spacing)


def test_a_whole_stream_has_no_loss_and_no_jitter() -> None:
    register = LossRegister(VIDEO)
    feed(register, list(range(100, 300)))
    block = register.report_block(5, 6.0)
    assert (register.expected, register.received_count, register.lost) == (200, 200, 0)
    assert (block.ssrc, block.fraction, block.lost, block.highest) == (5, 0, 0, 299)
    assert register.jitter < 1e-4


def test_a_missing_tenth_is_a_tenth_lost_in_the_interval_and_in_all() -> None:
    register = LossRegister(VIDEO)
    feed(register, list(range(100)))
    register.report_block(5, 2.0)
    feed(register, [n for n in range(100, 200) if n % 10])
    block = register.report_block(5, 4.0)
    assert block.fraction == 256 // 10 and block.lost == 10


def test_a_late_packet_is_received_and_a_duplicate_makes_the_loss_negative() -> None:
    register = LossRegister(VIDEO)
    feed(register, [1, 2, 4, 3, 5, 5])
    assert register.lost == -1
    assert register.report_block(1, 1.0).lost == -1
    assert register.report_block(1, 1.0).fraction == 0


def test_the_highest_number_counts_its_cycles() -> None:
    register = LossRegister(VIDEO)
    feed(register, list(range(65_500, 65_600)))
    block = register.report_block(1, 1.0)
    assert block.highest == 65_599 and block.lost == 0


def test_a_stray_number_is_not_counted_but_two_in_sequence_begin_anew() -> None:
    register = LossRegister(VIDEO)
    feed(register, list(range(50)))
    assert not register.received(30_000, 0, 1.0)
    assert register.expected == 50
    assert not register.received(40_000, 0, 1.0)
    assert register.received(40_001, 0, 1.0)
    assert (register.expected, register.lost) == (1, 0)


def test_the_first_report_of_a_silent_stream_says_nothing_wrong() -> None:
    assert LossRegister(VIDEO).report_block(9, 1.0) == rtcp.ReportBlock(9, 0, 0, 0, 0, 0, 0)


def test_the_last_sender_report_and_the_delay_since_are_told() -> None:
    register = LossRegister(VIDEO)
    ntp = rtcp.ntp(1_700_000_000.25)
    register.sender_report(ntp, now=10.0)
    block = register.report_block(1, now=10.5)
    assert block.lsr == rtcp.compact(ntp)
    assert block.dlsr == 32768


def test_the_loss_is_clamped_to_24_bits() -> None:
    register = LossRegister(VIDEO)
    register.received(0, 0, 0.0)
    for step in range(1, 4_000):
        register.received(step * 2999 & 0xFFFF, 0, 0.0)
    assert register.lost > 0x7FFFFF
    assert register.report_block(1, 1.0).lost == 0x7FFFFF
    assert len(rtcp.receiver_report(1, [register.report_block(1, 1.0)])) == 32


def test_jitter_and_loss_agree_with_aiortc(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr("aiortc.rtcrtpreceiver.time.time", lambda: clock)
    theirs = rtcrtpreceiver.StreamStatistics(VIDEO)
    ours = LossRegister(VIDEO)
    source = random.Random(7)
    for number in range(1000):
        if source.random() < 0.1:
            continue
        clock = number * 0.01 + source.random() * 0.008
        packet = RtpPacket(sequence_number=number & 0xFFFF, timestamp=number * 900)
        theirs.add(packet)
        ours.received(packet.sequence_number, packet.timestamp, clock)
    block = ours.report_block(1, clock)
    assert block.lost == theirs.packets_lost and block.fraction == theirs.fraction_lost
    assert block.jitter == pytest.approx(theirs.jitter, rel=0.05)


def test_jitter_does_not_jump_where_the_timestamp_wraps() -> None:
    register = LossRegister(VIDEO)
    for number in range(100):
        register.received(number, (0xFFFFFFFF - 50 * 1800 + number * 1800) & 0xFFFFFFFF, number * 0.02)
    assert register.jitter < 1e-4


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.floats(0, 1e6)), max_size=50))
def test_whatever_numbers_come_the_block_can_be_written(packets: list[tuple[int, int, float]]) -> None:
    register = LossRegister(48_000)
    for number, timestamp, now in packets:
        register.received(number, timestamp, now)
    data = rtcp.receiver_report(1, [register.report_block(1, 1e6)])
    assert len(rtcp.parse(data, len(data))) == 1
