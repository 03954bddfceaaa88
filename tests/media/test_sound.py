"""Which audio packets go on, and how they look: redundancy taken apart, losses made up for, pauses without a gap."""

from __future__ import annotations

import random
import struct

from hypothesis import given
from hypothesis import strategies as st

from media.red import join
from media.rtp import parse
from media.sound import Outgoing, Sound, blocks, is_silent

# TOC 0x78: 20 ms of CELT, one frame in the packet (RFC 6716 section 3.1).
TOC = 0x78


def frame(number: int) -> bytes:
    """An Opus packet that says which it is."""
    return bytes((TOC,)) + number.to_bytes(4, "big") + bytes(20)


class Stream:
    """Packets each 20 ms; `frames(number)` is what packet `number` has inside when it is redundant `depth` deep."""

    def __init__(self, depth: int = 0) -> None:
        self.sound = Sound()
        self.depth = depth
        self.out: list[Outgoing] = []

    def send(self, number: int, *, admitted: bool = True, level: int = 0x80 | 30) -> list[Outgoing]:
        payload = frame(number)
        if self.depth:
            payload = join(111, [(960 * n, frame(number - n)) for n in range(self.depth, 0, -1)], payload)
        packet = bytearray(struct.pack("!BBHII", 0x80, 111, number & 0xFFFF, 960 * number & 0xFFFFFFFF, 1) + payload)
        parsed = parse(packet, len(packet))
        assert parsed is not None
        found = blocks(packet, parsed, len(packet), self.depth > 0)
        out = self.sound.take(packet, parsed, found, level, admitted)
        self.out += out
        return out

    @property
    def numbers(self) -> list[int]:
        return [seq for seq, _, _, _ in self.out]

    @property
    def said(self) -> list[int]:
        """The frames that went on."""
        return [int.from_bytes(rest[-24:-20], "big") for _, _, _, rest in self.out]


def test_a_plain_packet_goes_on_with_its_level_and_nothing_else() -> None:
    [(seq, timestamp, marker, rest)] = Stream().send(7, level=0x80 | 33)
    assert (seq, timestamp, marker) == (7, 7 * 960, 1)
    assert rest == bytes.fromhex("bede 0001 10a1 0000") + frame(7)


def test_without_a_level_there_is_no_extension() -> None:
    [(_, _, _, rest)] = Stream().send(7, level=-1)
    assert rest == frame(7)


def test_of_redundant_audio_the_newest_frame_goes_on_each_once() -> None:
    stream = Stream(depth=2)
    for number in range(100, 150):
        assert len(stream.send(number)) == 1
    assert stream.said == stream.numbers == list(range(100, 150))
    assert stream.sound.recovered == 0


def test_what_was_lost_is_made_up_for_from_the_next_packet() -> None:
    stream = Stream(depth=1)
    for number in (65_534, 65_536, 65_537):
        stream.send(number)
    assert stream.said == [65_534, 65_535, 65_536, 65_537]
    assert [timestamp for _, timestamp, _, _ in stream.out] == [960 * number & 0xFFFFFFFF for number in stream.said]
    assert stream.numbers == [65_534, 65_535, 0, 1]
    assert stream.sound.recovered == 1


def test_the_original_that_comes_later_is_not_sent_again() -> None:
    stream = Stream(depth=1)
    for number in (1, 3, 2):
        stream.send(number)
    assert stream.said == [1, 2, 3]


def test_the_packets_before_the_first_one_are_not_made_up() -> None:
    stream = Stream(depth=2)
    stream.send(10)
    assert stream.said == [10]


def test_a_pause_ends_with_a_silent_frame_and_leaves_no_gap() -> None:
    stream = Stream()
    for number in (1, 2):
        stream.send(number)
    [(seq, timestamp, _, rest)] = stream.send(3, admitted=False, level=127)
    assert (seq, timestamp) == (3, 3 * 960) and rest[8:] == bytes((TOC,)), "nothing but the table of contents"
    assert [stream.send(number, admitted=False) for number in range(4, 200)] == [[]] * 196
    [(seq, timestamp, marker, rest)] = stream.send(200)
    assert (seq, timestamp, marker) == (4, 200 * 960, 1), "the clock has gone on, the numbers have not"
    assert rest[8:] == frame(200)


def test_a_track_that_never_had_a_place_sends_nothing() -> None:
    stream = Stream(depth=1)
    assert stream.send(1, admitted=False) == stream.send(2, admitted=False) == []


def test_what_was_left_out_is_not_made_up_for_afterwards() -> None:
    stream = Stream(depth=2)
    stream.send(11)
    for number in range(12, 20):
        stream.send(number, admitted=False)
    stream.out.clear()
    stream.send(20)
    assert stream.said == [20]


def test_a_silent_frame_is_told_by_its_size() -> None:
    for payload, silent in ((b"\x78", True), (b"\x78\x00", True), (frame(1), False)):
        packet = bytearray(struct.pack("!BBHII", 0x80, 111, 1, 1, 1) + payload)
        parsed = parse(packet, len(packet))
        assert parsed is not None
        assert is_silent(blocks(packet, parsed, len(packet), False)) is silent


def test_single_losses_of_five_percent_all_but_vanish() -> None:
    chance = random.Random(5)
    stream = Stream(depth=1)
    sent = lost = 0
    for number in range(1, 5001):
        sent += 1
        if chance.random() < 0.05:
            lost += 1
        else:
            stream.send(number)
    assert lost > 200
    # Both of two neighbours: 0.05 squared.
    assert sent - len(stream.said) < 0.005 * sent
    assert stream.said == sorted(set(stream.said))


@given(st.lists(st.tuples(st.binary(max_size=80), st.integers(0, 40), st.booleans()), max_size=40))
def test_no_content_whatsoever_goes_on_twice_or_raises(packets: list[tuple[bytes, int, bool]]) -> None:
    sound = Sound()
    numbers: list[int] = []
    for payload, seq, admitted in packets:
        packet = bytearray(struct.pack("!BBHII", 0x80, 63, seq, 960 * seq, 1) + payload)
        parsed = parse(packet, len(packet))
        assert parsed is not None
        found = blocks(packet, parsed, len(packet), True)
        if found:
            numbers += [out[0] for out in sound.take(packet, parsed, found, 30, admitted)]
    assert len(numbers) == len(set(numbers))
