"""The RTP header in place, held against aiortc's packet classes."""

from __future__ import annotations

import pytest
from aiortc.rtp import RtpPacket, unpack_header_extensions, unwrap_rtx, wrap_rtx
from hypothesis import example, given
from hypothesis import strategies as st

from media import rtp

sixteen_bits = st.integers(0, 0xFFFF)
thirty_two_bits = st.integers(0, 0xFFFFFFFF)


def build(
    *,
    payload: bytes = b"payload",
    extensions: list[tuple[int, bytes]] | None = None,
    profile: int = rtp.ONE_BYTE,
    csrcs: tuple[int, ...] = (),
    padding: int = 0,
    sequence: int = 1000,
    timestamp: int = 2000,
    ssrc: int = 3000,
    payload_type: int = 96,
    marker: int = 1,
) -> bytearray:
    """An RTP packet byte by byte, without the code that is tested."""
    first = 0x80 | len(csrcs)
    block = b""
    if extensions is not None:
        first |= 0x10
        for id, value in extensions:
            block += (bytes([id << 4 | len(value) - 1]) if profile == rtp.ONE_BYTE else bytes([id, len(value)])) + value
        block += bytes(-len(block) % 4)
        block = profile.to_bytes(2, "big") + (len(block) // 4).to_bytes(2, "big") + block
    if padding:
        first |= 0x20
    return bytearray(
        bytes([first, marker << 7 | payload_type])
        + sequence.to_bytes(2, "big")
        + timestamp.to_bytes(4, "big")
        + ssrc.to_bytes(4, "big")
        + b"".join(csrc.to_bytes(4, "big") for csrc in csrcs)
        + block
        + payload
        + (bytes(padding - 1) + bytes([padding]) if padding else b"")
    )


def parsed_of(packet: rtp.Buffer) -> rtp.Parsed:
    parsed = rtp.parse(packet, len(packet))
    assert parsed is not None
    return parsed


@st.composite
def packets(draw: st.DrawFn) -> bytearray:
    profile = draw(st.sampled_from([rtp.ONE_BYTE, rtp.TWO_BYTE]))
    ids = st.integers(1, 14) if profile == rtp.ONE_BYTE else st.integers(1, 255)
    values = st.binary(min_size=1, max_size=16)
    return build(
        payload=draw(st.binary(max_size=60)),
        extensions=draw(st.none() | st.lists(st.tuples(ids, values), max_size=6, unique_by=lambda pair: pair[0])),
        profile=profile,
        csrcs=tuple(draw(st.lists(thirty_two_bits, max_size=15))),
        padding=draw(st.integers(0, 40)),
        sequence=draw(sixteen_bits),
        timestamp=draw(thirty_two_bits),
        ssrc=draw(thirty_two_bits),
        payload_type=draw(st.integers(0, 127)),
        marker=draw(st.integers(0, 1)),
    )


# --- parse -----------------------------------------------------------------------------------


@given(packets())
def test_every_field_is_read_as_aiortc_reads_it(packet: bytearray) -> None:
    kind, marker, sequence, timestamp, ssrc, header, extension, size, profile, padding = parsed_of(packet)
    oracle = RtpPacket.parse(bytes(packet))
    assert (kind, marker, sequence, timestamp, ssrc, padding) == (
        oracle.payload_type,
        oracle.marker,
        oracle.sequence_number,
        oracle.timestamp,
        oracle.ssrc,
        oracle.padding_size,
    )
    assert bytes(packet[header : len(packet) - padding]) == oracle.payload
    if packet[0] & 0x10:
        values = dict(unpack_header_extensions(profile, bytes(packet[extension : extension + size])))
        ours = rtp.extensions(packet, extension, size, profile)
        assert {id: bytes(packet[at : at + n]) for id, (at, n) in ours.items()} == values
        for id, place in ours.items():
            assert rtp.extension(packet, extension, size, profile, id) == place
    else:
        assert (extension, size, profile) == (0, 0, 0)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        bytes(11),
        b"\x00" + bytes(11),  # version 0
        b"\x81" + bytes(11),  # a CSRC that is not there
        b"\x90" + bytes(11),  # an extension that is not there
        b"\x90" + bytes(11) + b"\xbe\xde\x00\x01",  # an extension longer than the packet
        b"\x91" + bytes(15) + b"\xbe\xde\xff\xff",
        b"\xa0" + bytes(11),  # padding of no bytes
        b"\xa0" + bytes(11) + b"\x00\x00\x05",  # more padding than there is after the header
    ],
)
def test_what_is_no_rtp_packet_gives_none(damaged: bytes) -> None:
    assert rtp.parse(damaged, len(damaged)) is None


def test_a_length_beyond_the_buffer_gives_none() -> None:
    packet = build()
    assert rtp.parse(packet, len(packet) + 1) is None


def test_only_the_bytes_within_the_length_are_read() -> None:
    packet = build(payload=b"abc", padding=4)
    roomy = bytearray(packet) + b"\xff" * 100
    assert rtp.parse(roomy, len(packet)) == rtp.parse(packet, len(packet))


@given(st.binary(max_size=80), st.integers(0, 90))
@example(b"\x90\x00" + bytes(10) + b"\x10\x00\x00\x01\x05\xff\x00\x00", 20)
@example(b"\x90\x00" + bytes(10) + b"\xbe\xde\x00\x01\x0f\xff\x00\x00", 20)
def test_no_bytes_whatsoever_raise(data: bytes, length: int) -> None:
    buf = bytearray(data)
    parsed = rtp.parse(buf, length)
    if parsed is None:
        return
    assert 12 <= parsed[5] <= parsed[5] + parsed[9] <= length <= len(buf)
    for id in (0, 1, 15, 255):
        place = rtp.extension(buf, *parsed[6:9], id)
        assert place is None or place[0] + place[1] <= parsed[5]
    rtp.extensions(buf, *parsed[6:9])
    found = rtp.places(buf, parsed, rtp.canonical_ids({1: 2, 3: 14, 200: 5}))
    assert all(not place or parsed[6] < place <= parsed[5] for place in found)
    rtp.unwrap_rtx(buf, length, parsed, 1, 96)


# --- extensions ------------------------------------------------------------------------------


def values(packet: bytearray, mapping: dict[int, int]) -> dict[int, bytes]:
    parsed = parsed_of(packet)
    found = enumerate(rtp.places(packet, parsed, rtp.canonical_ids(mapping)))
    return {id: bytes(packet[at : at + rtp.value_length(packet, at, parsed[8])]) for id, at in found if at}


@pytest.mark.parametrize("profile", [rtp.ONE_BYTE, rtp.TWO_BYTE, rtp.TWO_BYTE | 0x7])
def test_extensions_are_found_under_the_canonical_ids(profile: int) -> None:
    packet = build(extensions=[(1, b"level"), (4, b"time"), (9, b"mid")], profile=profile)
    assert values(packet, {1: 3, 4: 1, 9: 7}) == {3: b"level", 1: b"time", 7: b"mid"}


@pytest.mark.parametrize("profile", [rtp.ONE_BYTE, rtp.TWO_BYTE])
def test_an_extension_that_is_not_known_is_not_found(profile: int) -> None:
    packet = build(extensions=[(1, b"secret"), (2, b"kept")], profile=profile)
    assert values(packet, {2: 5}) == {5: b"kept"}


@given(packets(), st.dictionaries(st.integers(1, 255), st.integers(1, 14), max_size=8))
def test_each_known_value_is_found_and_nothing_else(packet: bytearray, mapping: dict[int, int]) -> None:
    there = rtp.extensions(packet, *parsed_of(packet)[6:9])
    expected = {mapping[id]: bytes(packet[at : at + size]) for id, (at, size) in there.items() if id in mapping}
    found = values(packet, mapping)
    assert found.keys() == expected.keys()
    if len(set(mapping.values())) == len(mapping):
        assert found == expected


def test_an_element_that_is_cut_off_is_not_found() -> None:
    packet = build(extensions=[(1, b"ab"), (2, b"x")])
    packet[19] = 0x2F  # says 16 bytes; 0 follow within the extension
    assert values(packet, {1: 1, 2: 2}) == {1: b"ab"}


def test_id_15_ends_the_one_byte_extensions() -> None:
    packet = build(extensions=[(1, b"a"), (15, b"b"), (2, b"c")])
    parsed = parsed_of(packet)
    assert list(rtp.extensions(packet, *parsed[6:9])) == [1]
    assert rtp.extension(packet, *parsed[6:9], 2) is None
    assert values(packet, {1: 1, 2: 2, 15: 3}) == {1: b"a"}


def test_nothing_is_found_in_an_extension_of_an_unknown_profile() -> None:
    packet = build(extensions=[(1, b"vendor")], profile=rtp.ONE_BYTE)
    packet[12:14] = b"\x12\x34"
    assert values(packet, {1: 1}) == {}


# --- writing ---------------------------------------------------------------------------------


@given(packets(), sixteen_bits, thirty_two_bits, thirty_two_bits, st.integers(0, 127), st.integers(0, 1))
def test_a_written_header_is_read_back(
    packet: bytearray, seq: int, timestamp: int, ssrc: int, payload_type: int, marker: int
) -> None:
    before = parsed_of(packet)
    rtp.write_header(packet, seq, timestamp, ssrc, payload_type, marker)
    assert parsed_of(packet) == (payload_type, marker, seq, timestamp, ssrc, *before[5:])


@given(packets(), thirty_two_bits, st.integers(0, 127), sixteen_bits)
def test_rtx_is_wrapped_as_aiortc_wraps_it_and_unwraps_to_the_original(
    packet: bytearray, ssrc: int, payload_type: int, seq: int
) -> None:
    parsed = parsed_of(packet)
    wrapped = rtp.wrap_rtx(packet, ssrc, payload_type, seq)
    oracle = RtpPacket.parse(wrapped)
    expected = wrap_rtx(RtpPacket.parse(bytes(packet)), payload_type=payload_type, sequence_number=seq, ssrc=ssrc)
    assert (oracle.ssrc, oracle.sequence_number, oracle.payload_type) == (ssrc, seq, payload_type)
    assert oracle.payload == expected.payload and oracle.padding_size == 0

    buf = bytearray(wrapped) + b"\xaa" * 10
    length = rtp.unwrap_rtx(buf, len(wrapped), parsed_of(wrapped), parsed[4], parsed[0])
    if length is None:
        assert parsed[5] + parsed[9] == len(packet), "only an empty payload has nothing to unwrap"
        return
    original = bytearray(packet[: len(packet) - parsed[9]])
    original[0] &= 0xDF
    assert buf[:length] == original
    ours = unwrap_rtx(oracle, payload_type=parsed[0], ssrc=parsed[4])
    assert ours.payload == RtpPacket.parse(bytes(buf[:length])).payload


def test_a_probe_of_padding_only_has_no_original() -> None:
    probe = build(payload=b"", padding=200)
    assert rtp.unwrap_rtx(probe, len(probe), parsed_of(probe), 1, 96) is None


def test_an_original_number_without_a_payload_is_no_original() -> None:
    packet = build(payload=(777).to_bytes(2, "big"))
    assert rtp.unwrap_rtx(packet, len(packet), parsed_of(packet), 1, 96) is None


def test_padding_of_a_retransmission_does_not_reach_the_original() -> None:
    packet = build(payload=(777).to_bytes(2, "big") + b"original", padding=20)
    length = rtp.unwrap_rtx(packet, len(packet), parsed_of(packet), 42, 100)
    assert length is not None
    oracle = RtpPacket.parse(bytes(packet[:length]))
    assert (oracle.ssrc, oracle.payload_type, oracle.sequence_number) == (42, 100, 777)
    assert oracle.payload == b"original"


def test_wrapping_what_is_no_packet_is_an_error() -> None:
    with pytest.raises(ValueError, match="not an RTP packet"):
        rtp.wrap_rtx(b"short", 1, 97, 1)


# --- sequence numbers --------------------------------------------------------------------------


@given(st.integers(0, 200_000), st.lists(st.integers(-1000, 3000), max_size=200))
def test_extended_numbers_follow_the_true_ones_over_any_wrap(start: int, steps: list[int]) -> None:
    extender = rtp.SequenceExtender()
    offset = extender.extend(start & 0xFFFF) - start
    highest = start
    for step in steps:
        true = highest + step
        assert extender.extend(true & 0xFFFF) == true + offset
        highest = max(highest, true)
    assert extender.highest == highest + offset
