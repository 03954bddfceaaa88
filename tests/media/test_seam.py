"""Frames of one picture that are made one: what is in them stays, and a receiver sees no end between them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.seam import joined


def written(first: int, elements: list[bytes], sized: bool) -> bytes:
    """An AV1 payload (RTP payload format, section 4.4); `sized`: each element has its length."""
    sized = sized or len(elements) > 3
    row = bytes((first if sized else first | len(elements) << 4,))
    for number, element in enumerate(elements):
        if sized or number < len(elements) - 1:
            size = len(element)
            while size >= 0x80:
                row += bytes((size & 0x7F | 0x80,))
                size >>= 7
            row += bytes((size,))
        row += element
    return row


def assembled(payloads: list[bytes]) -> list[bytes]:
    """The OBUs of a frame's packets, as a receiver puts them together."""
    obus: list[bytes] = []
    continued = False
    for payload in payloads:
        count, pos = payload[0] >> 4 & 3, 1
        assert bool(payload[0] & 0x80) is continued
        number = 0
        while pos < len(payload):
            number += 1
            size = len(payload) - pos
            if number != count:
                size = shift = 0
                while True:
                    byte = payload[pos]
                    size |= (byte & 0x7F) << shift
                    shift += 7
                    pos += 1
                    if byte < 0x80:
                        break
            element = payload[pos : pos + size]
            assert len(element) == size
            pos += size
            if number == 1 and continued:
                obus[-1] += element
            else:
                obus.append(element)
        assert number == count or count == 0
        continued = bool(payload[0] & 0x40)
    assert not continued
    return obus


elements = st.lists(
    st.binary(min_size=1, max_size=3) | st.integers(100, 1300).map(lambda size: b"\x30" + bytes(size)),
    min_size=1,
    max_size=5,
)


@given(st.lists(st.tuples(elements, st.booleans()), min_size=2, max_size=3), st.booleans())
def test_frames_that_are_joined_hold_what_they_held_and_a_padding_between(
    frames: list[tuple[list[bytes], bool]], key: bool
) -> None:
    payloads = [written(0x08 if key and number == 0 else 0, *frame) for number, frame in enumerate(frames)]
    last = len(payloads) - 1
    found = [joined(payload, number > 0, number < last) for number, payload in enumerate(payloads)]
    expected = list(frames[0][0])
    for obus, _ in frames[1:]:
        expected += [b"\x78\x80", *obus]
    assert assembled(found) == expected
    assert bool(found[0][0] & 0x08) is key and not any(payload[0] & 0x08 for payload in found[1:])
    assert all(len(new) <= len(old) + 8 for new, old in zip(found, payloads, strict=True))


@given(st.binary(max_size=300), st.sampled_from([(True, False), (False, True), (True, True)]))
def test_any_payload_is_joined_or_stays(payload: bytes, sides: tuple[bool, bool]) -> None:
    before, after = sides
    found = joined(payload, before, after)
    if found != payload:
        assert (bool(found[0] & 0x80), bool(found[0] & 0x40)) == (
            before or bool(payload[0] & 0x80),
            after or bool(payload[0] & 0x40),
        )
        assert len(found) <= len(payload) + 8


def test_what_is_continued_already_stays_as_it_is() -> None:
    assert joined(b"\x90\x30ab", True, False) == b"\x90\x30ab"
    assert joined(b"\x50\x30ab", False, True) == b"\x50\x30ab"
    assert joined(b"\x20\x7fab", False, True) == b"\x20\x7fab", "an element longer than the packet"


def test_a_payload_of_more_elements_than_any_frame_has_stays_as_it_is() -> None:
    assert joined(written(0, [b"a"] * 32, True), True, True) == written(0xC0, [b"\x80", *[b"a"] * 32, b"\x78"], True)
    for many in (written(0, [b"a"] * 33, True), bytes(1200)):
        assert joined(many, True, True) == many
