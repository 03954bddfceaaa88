"""Redundant audio towards viewers: for those who take it while they lose something; others get plain packets."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from media import rtcp
from media.feedback import LOSSY_FOR
from media.red import split
from tests.media.wire import Seen, Wire

PLAIN, REDUNDANT = 111, 63


class Taker(Wire):
    """Vera's browser takes redundant audio."""

    def __init__(self) -> None:
        self._number = 0
        super().__init__()

    def answer(self, rtx: bool = True, red: bool = True, remb: bool = False) -> None:
        super().answer(rtx, red, remb)

    def hear(self, count: int) -> list[Seen]:
        """So many packets of Anna's, `frame 1` and on, in one turn."""
        numbers = range(self._number + 1, self._number + 1 + count)
        self._number += count
        return self.receive_together([self.protected_audio(n, payload=b"frame %d" % n) for n in numbers])

    def reports(self, lost: int, highest: int) -> None:  # type: ignore[override]
        """Vera's receiver report; what follows of it is decided once a second."""
        ssrc = next(line.downlink.ssrc for line in self.subscription.lines if line.downlink.codec == "opus")
        self.from_viewer(rtcp.receiver_report(1, [rtcp.ReportBlock(ssrc, 0, lost, highest, 0, 0, 0)]))
        self.subscription.each_second(time.monotonic())


@pytest.fixture
def wire() -> Iterator[Taker]:
    found = Taker()
    yield found
    found.close()


def frames(packet: Seen) -> list[bytes]:
    found = split(packet.payload, 0, len(packet.payload))
    assert found is not None
    return [packet.payload[begin:end] for _, _, begin, end in found]


def test_until_it_is_known_what_a_viewer_loses_each_packet_carries_the_one_before(wire: Taker) -> None:
    packets = [*wire.hear(1), *wire.hear(3), *wire.hear(1)]
    assert {packet.payload_type for packet in packets} == {REDUNDANT}
    assert [frames(packet) for packet in packets] == [
        [b"frame 1"],
        [b"frame 1", b"frame 2"],
        [b"frame 2", b"frame 3"],
        [b"frame 3", b"frame 4"],
        [b"frame 4", b"frame 5"],
    ]


def test_a_viewer_that_loses_nothing_gets_plain_packets_under_the_numbers_that_follow(wire: Taker) -> None:
    before = wire.hear(2)
    wire.reports(0, 1000)
    wire.reports(0, 1250)
    after = [*wire.hear(1), *wire.hear(2)]
    assert [packet.payload for packet in after] == [b"frame 3", b"frame 4", b"frame 5"]
    assert {packet.payload_type for packet in after} == {PLAIN}
    assert [packet.seq - before[0].seq & 0xFFFF for packet in (*before, *after)] == [0, 1, 2, 3, 4]


def test_loss_brings_the_redundancy_back_and_half_a_minute_without_it_ends_it(wire: Taker) -> None:
    wire.reports(0, 1000)
    wire.reports(0, 1250)
    wire.reports(1, 1500)
    assert wire.hear(1)[0].payload_type == PLAIN, "one of 250 is not worth it"
    wire.reports(6, 1750)
    assert wire.hear(1)[0].payload_type == REDUNDANT
    wire.reports(6, 2000)
    assert wire.hear(1)[0].payload_type == REDUNDANT
    wire.subscription.each_second(time.monotonic() + LOSSY_FOR + 1)
    assert wire.hear(1)[0].payload_type == PLAIN


def test_a_viewer_that_does_not_take_it_never_gets_it() -> None:
    wire = Wire()
    assert wire.audio(1)[0].payload_type == wire.audio(2)[0].payload_type == PLAIN
    wire.close()


def test_what_is_too_large_to_be_sent_twice_goes_out_once(wire: Taker) -> None:
    large = [wire.receive_together([wire.protected_audio(n, payload=bytes((n,)) * 1000)]) for n in (1, 2, 3)]
    assert [[frames(packet) for packet in each] for each in large] == [[[bytes((n,)) * 1000]] for n in (1, 2, 3)]
    assert max(len(packet.whole) for each in large for packet in each) < 1200
