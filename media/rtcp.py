"""RTCP: compound packets read into small tuples, and built (RFC 3550 section 6, RFC 4585, RFC 5104, RFC 5506).

Low rate, so tuples are affordable here; the counts are still limited, because every packet is written by a client.
`parse` never raises: a compound packet whose framing is wrong gives nothing (it was authenticated, so its sender is
broken or hostile), a single packet whose content is wrong is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import NamedTuple

from media.rtp import Buffer

# Packet types: RFC 3550 section 12.1, RFC 4585 section 6.1
SR, RR, SDES, BYE, APP, RTPFB, PSFB = 200, 201, 202, 203, 204, 205, 206
# Feedback message types: RFC 4585 section 6.2.1, draft-holmer-rmcat-transport-wide-cc-extensions-01
FMT_NACK, FMT_TWCC = 1, 15
# RFC 4585 section 6.3.1, RFC 5104 section 4.3.1, RFC 4585 section 6.4 (application layer feedback, carries REMB)
FMT_PLI, FMT_FIR, FMT_AFB = 1, 4, 15
CNAME = 1

# A browser's compound packet holds three or four packets.
MAX_PACKETS = 32
# Sequence numbers believed from one NACK: as many as a receiver keeps missing at most.
MAX_NACKED = 512
# Statuses believed from one transport-wide feedback: 0.5 s at 4,000 packets/s.
MAX_STATUSES = 2048

_head = Struct("!BBH")
_word = Struct("!I")
_pair = Struct("!II")
_sender = Struct("!IQIII")  # ssrc, NTP, RTP timestamp, packets, octets
_block = Struct("!IIIIII")  # ssrc, fraction and lost, highest, jitter, LSR, DLSR
_nack = Struct("!HH")
_fir = Struct("!IB3x")
_twcc = Struct("!HHI")


class ReportBlock(NamedTuple):
    """RFC 3550 section 6.4.1. `fraction` in 1/256, `jitter` in timestamp units, `lsr` and `dlsr` in 1/65536 s."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    lsr: int
    dlsr: int


class SenderReport(NamedTuple):
    """RFC 3550 section 6.4.1; `ntp` is the 64-bit NTP timestamp."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...]


class ReceiverReport(NamedTuple):
    """RFC 3550 section 6.4.2."""

    ssrc: int
    blocks: tuple[ReportBlock, ...]


class Bye(NamedTuple):
    """RFC 3550 section 6.6."""

    ssrcs: tuple[int, ...]


class App(NamedTuple):
    """RFC 3550 section 6.7: something of the application's own; `data` is a whole number of words."""

    ssrc: int
    subtype: int
    name: bytes
    data: bytes


class Nack(NamedTuple):
    """RFC 4585 section 6.2.1: the sequence numbers asked for, expanded from PID and BLP."""

    sender_ssrc: int
    media_ssrc: int
    seqs: tuple[int, ...]


class Pli(NamedTuple):
    """RFC 4585 section 6.3.1: picture loss indication."""

    sender_ssrc: int
    media_ssrc: int


class Fir(NamedTuple):
    """RFC 5104 section 4.3.1: full intra request; (ssrc, command sequence number) each."""

    sender_ssrc: int
    requests: tuple[tuple[int, int], ...]


class Remb(NamedTuple):
    """draft-alvestrand-rmcat-remb-03: the receiver's estimate of what it can take, in bit/s, for these SSRCs."""

    sender_ssrc: int
    bitrate: int
    ssrcs: tuple[int, ...]


class TransportFeedback(NamedTuple):
    """draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1.

    `arrivals`: for each transport-wide number from `base` on (modulo 2**16) its arrival in ticks of 250 µs since
    `reference` × 64 ms, or `None` when it did not come. `ordinal` counts the feedback packets, modulo 256.
    """

    sender_ssrc: int
    media_ssrc: int
    base: int
    reference: int
    ordinal: int
    arrivals: tuple[int | None, ...]


Packet = SenderReport | ReceiverReport | Bye | App | Nack | Pli | Fir | Remb | TransportFeedback


# --- NTP time ----------------------------------------------------------------------------------

# Seconds from 1900 to 1970 (RFC 868).
_NTP_EPOCH = 2_208_988_800


def ntp(unix: float) -> int:
    """Seconds since 1970 to the 64-bit NTP timestamp (RFC 3550 section 4)."""
    return int((unix + _NTP_EPOCH) * 4294967296.0) & 0xFFFFFFFFFFFFFFFF


def unix(ntp_timestamp: int) -> float:
    """The 64-bit NTP timestamp to seconds since 1970."""
    return ntp_timestamp / 4294967296.0 - _NTP_EPOCH


def compact(ntp_timestamp: int) -> int:
    """The middle 32 bits: seconds in 1/65536, as LSR carries them."""
    return ntp_timestamp >> 16 & 0xFFFFFFFF


def round_trip(now_ntp: int, block: ReportBlock) -> float | None:
    """The round trip in seconds from a report block that answers one of our sender reports, or `None`.

    RFC 3550 section 6.4.1: "A - LSR - DLSR", modulo 2**32. What would be more than a minute is not believed.
    """
    if block.lsr == 0:
        return None
    trip = (compact(now_ntp) - block.lsr - block.dlsr) & 0xFFFFFFFF
    if trip >= 0x80000000:  # clocks of 1/65536 s can end up just below zero on a LAN
        return 0.0 if trip > 0xFFFF0000 else None
    return trip / 65536 if trip < 60 * 65536 else None


# --- reading -----------------------------------------------------------------------------------


def split_compound(buf: Buffer, length: int) -> list[tuple[int, int, int, int]]:
    """The packets of a compound packet: (packet type, count or format, offset of the body, length of the body
    without padding). Empty when the framing is wrong anywhere.

    RFC 5506 allows compound packets without a report in front ("reduced size"), so the order is not checked.
    """
    found: list[tuple[int, int, int, int]] = []
    pos = 0
    if length > len(buf):
        return []
    while pos < length:
        if length - pos < 4 or len(found) == MAX_PACKETS:
            return []
        first, kind, words = _head.unpack_from(buf, pos)
        body = words * 4
        end = pos + 4 + body
        if first >> 6 != 2 or end > length:
            return []
        if first & 0x20:
            # RFC 3550 section 6.4.1: padding only in the last packet. It should be a multiple of four, but the
            # transport-wide feedback of browsers fills up its last word with one to three bytes of it.
            padding = buf[end - 1]
            if end != length or padding == 0 or padding > body:
                return []
            body -= padding
        found.append((kind, first & 0x1F, pos + 4, body))
        pos = end
    return found


def weight(length: int) -> int:
    """What a compound packet of so many bytes counts where packets are counted: each item in it costs."""
    return 1 + length // 256


def parse(buf: Buffer, length: int) -> list[Packet]:
    """The packets of a compound packet that concern us, in order; never raises, see the module. Source descriptions do
    not: whose an SSRC is has been said by the description."""
    packets: list[Packet] = []
    for kind, count, offset, size in split_compound(buf, length):
        packet: Packet | None = None
        if kind == SR:
            packet = _parse_sr(buf, offset, size, count)
        elif kind == RR:
            packet = _parse_rr(buf, offset, size, count)
        elif kind == RTPFB and size >= 8:
            if count == FMT_NACK:
                packet = _parse_nack(buf, offset, size)
            elif count == FMT_TWCC:
                packet = _parse_twcc(buf, offset, size)
        elif kind == PSFB and size >= 8:
            if count == FMT_PLI:
                packet = Pli(*_pair.unpack_from(buf, offset))
            elif count == FMT_FIR:
                packet = _parse_fir(buf, offset, size)
            elif count == FMT_AFB:
                packet = _parse_remb(buf, offset, size)
        elif kind == BYE and size >= 4 * count:
            packet = Bye(tuple(_word.unpack_from(buf, offset + 4 * i)[0] for i in range(count)))
        elif kind == APP and size >= 8:
            name = bytes(buf[offset + 4 : offset + 8])
            packet = App(_word.unpack_from(buf, offset)[0], count, name, bytes(buf[offset + 8 : offset + size]))
        if packet is not None:
            packets.append(packet)
    return packets


def _blocks(buf: Buffer, offset: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for _ in range(count):
        ssrc, lost, highest, jitter, lsr, dlsr = _block.unpack_from(buf, offset)
        cumulative = lost & 0xFFFFFF
        if cumulative & 0x800000:  # a signed number of 24 bits
            cumulative -= 0x1000000
        blocks.append(ReportBlock(ssrc, lost >> 24, cumulative, highest, jitter, lsr, dlsr))
        offset += 24
    return tuple(blocks)


def _parse_sr(buf: Buffer, offset: int, size: int, count: int) -> SenderReport | None:
    # A profile's own extension may follow the blocks (section 6.4.3): longer is right, shorter is not.
    if size < 24 + 24 * count:
        return None
    ssrc, ntp_timestamp, timestamp, packets, octets = _sender.unpack_from(buf, offset)
    return SenderReport(ssrc, ntp_timestamp, timestamp, packets, octets, _blocks(buf, offset + 24, count))


def _parse_rr(buf: Buffer, offset: int, size: int, count: int) -> ReceiverReport | None:
    if size < 4 + 24 * count:
        return None
    return ReceiverReport(_word.unpack_from(buf, offset)[0], _blocks(buf, offset + 4, count))


def _parse_nack(buf: Buffer, offset: int, size: int) -> Nack:
    sender, media = _pair.unpack_from(buf, offset)
    seqs: list[int] = []
    for pos in range(offset + 8, offset + size - 3, 4):
        pid, following = _nack.unpack_from(buf, pos)
        seqs.append(pid)
        # "BLP: ... bitmask of following lost packets": bit i says that PID + i + 1 (modulo 2**16) is lost.
        while following:
            low = following & -following
            seqs.append((pid + low.bit_length()) & 0xFFFF)
            following ^= low
        if len(seqs) >= MAX_NACKED:
            del seqs[MAX_NACKED:]
            break
    return Nack(sender, media, tuple(seqs))


def _parse_fir(buf: Buffer, offset: int, size: int) -> Fir:
    requests = tuple(_fir.unpack_from(buf, pos) for pos in range(offset + 8, offset + size - 7, 8))
    return Fir(_word.unpack_from(buf, offset)[0], requests)


def _parse_remb(buf: Buffer, offset: int, size: int) -> Remb | None:
    # After the two SSRCs: "REMB", number of SSRCs (8), exponent (6), mantissa (18), the SSRCs.
    if size < 16 or bytes(buf[offset + 8 : offset + 12]) != b"REMB":
        return None
    packed = _word.unpack_from(buf, offset + 12)[0]
    count = packed >> 24
    if size < 16 + 4 * count:
        return None
    bitrate = (packed & 0x3FFFF) << (packed >> 18 & 0x3F)
    ssrcs = tuple(_word.unpack_from(buf, offset + 16 + 4 * i)[0] for i in range(count))
    return Remb(_word.unpack_from(buf, offset)[0], bitrate, ssrcs)


def _parse_twcc(buf: Buffer, offset: int, size: int) -> TransportFeedback | None:
    if size < 16:
        return None
    sender, media = _pair.unpack_from(buf, offset)
    base, count, packed = _twcc.unpack_from(buf, offset + 8)
    if not 1 <= count <= MAX_STATUSES:
        return None
    pos, end = offset + 16, offset + size
    # Section 3.1.1, the symbols: 0 not received, 1 small delta, 2 large or negative delta, 3 reserved.
    symbols: list[int] = []
    while len(symbols) < count:
        if end - pos < 2:
            return None
        chunk = buf[pos] << 8 | buf[pos + 1]
        pos += 2
        if not chunk & 0x8000:  # run length chunk (3.1.3)
            symbols.extend([chunk >> 13 & 3] * min(chunk & 0x1FFF, count - len(symbols)))
            if not chunk & 0x1FFF:
                return None
        elif chunk & 0x4000:  # status vector chunk (3.1.4), seven symbols of two bits
            symbols.extend(chunk >> shift & 3 for shift in range(12, -1, -2))
        else:  # fourteen symbols of one bit
            symbols.extend(chunk >> shift & 1 for shift in range(13, -1, -1))
    arrivals: list[int | None] = []
    at = 0
    for symbol in symbols[:count]:
        if symbol == 0:
            arrivals.append(None)
        elif symbol == 1 and pos < end:
            at += buf[pos]
            pos += 1
            arrivals.append(at)
        elif symbol == 2 and pos + 1 < end:
            delta = buf[pos] << 8 | buf[pos + 1]
            at += delta - 0x10000 if delta & 0x8000 else delta
            pos += 2
            arrivals.append(at)
        else:
            return None
    return TransportFeedback(sender, media, base, packed >> 8, packed & 0xFF, tuple(arrivals))


# --- building ----------------------------------------------------------------------------------


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _head.pack(0x80 | count, kind, len(body) // 4) + body


def _build_blocks(blocks: Sequence[ReportBlock]) -> bytes:
    return b"".join(
        _block.pack(b.ssrc, b.fraction << 24 | b.lost & 0xFFFFFF, b.highest, b.jitter, b.lsr, b.dlsr) for b in blocks
    )


def sender_report(
    ssrc: int, ntp_timestamp: int, timestamp: int, packets: int, octets: int, blocks: Sequence[ReportBlock] = ()
) -> bytes:
    """A sender report; at most 31 blocks. Counters are taken modulo 2**32."""
    body = _sender.pack(ssrc, ntp_timestamp, timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    return _packet(SR, len(blocks), body + _build_blocks(blocks))


def receiver_report(ssrc: int, blocks: Sequence[ReportBlock] = ()) -> bytes:
    """A receiver report; at most 31 blocks."""
    return _packet(RR, len(blocks), _word.pack(ssrc) + _build_blocks(blocks))


def sdes(ssrc: int, cname: bytes) -> bytes:
    """A source description with a CNAME (at most 255 bytes), the item every compound packet has (section 6.5.1)."""
    body = _word.pack(ssrc) + bytes((CNAME, len(cname))) + cname
    return _packet(SDES, 1, body + bytes(4 - len(body) % 4))


def bye(ssrcs: Sequence[int]) -> bytes:
    """These sources (at most 31) end."""
    return _packet(BYE, len(ssrcs), b"".join(map(_word.pack, ssrcs)))


def app(ssrc: int, subtype: int, name: bytes, data: bytes) -> bytes:
    """Something of our own: a subtype below 32, a name of four bytes, and data, which is filled up to whole words."""
    return _packet(APP, subtype, _word.pack(ssrc) + name + data + bytes(-len(data) % 4))


def nack(sender_ssrc: int, media_ssrc: int, seqs: Iterable[int]) -> bytes:
    """Ask for packets again; `seqs` oldest first, so that neighbours share one entry, also over the wrap."""
    entries: list[bytes] = []
    pid = -1
    following = 0
    for seq in seqs:
        ahead = (seq - pid - 1) & 0xFFFF
        if pid >= 0 and (ahead < 16 or seq == pid):
            if seq != pid:
                following |= 1 << ahead
            continue
        if pid >= 0:
            entries.append(_nack.pack(pid, following))
        pid, following = seq, 0
    if pid >= 0:
        entries.append(_nack.pack(pid, following))
    return _packet(RTPFB, FMT_NACK, _pair.pack(sender_ssrc, media_ssrc) + b"".join(entries))


def pli(sender_ssrc: int, media_ssrc: int) -> bytes:
    """Ask for a key frame."""
    return _packet(PSFB, FMT_PLI, _pair.pack(sender_ssrc, media_ssrc))


def fir(sender_ssrc: int, requests: Sequence[tuple[int, int]]) -> bytes:
    """Ask for key frames of (ssrc, command number) each. The header's media SSRC is 0 (RFC 5104 section 4.3.1.2)."""
    return _packet(PSFB, FMT_FIR, _pair.pack(sender_ssrc, 0) + b"".join(_fir.pack(*each) for each in requests))


def remb(sender_ssrc: int, bitrate: int, ssrcs: Sequence[int]) -> bytes:
    """Tell the sender how much we can take, in bit/s, rounded down to 18 significant bits."""
    exponent = max(0, bitrate.bit_length() - 18)
    packed = len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent
    body = _pair.pack(sender_ssrc, 0) + b"REMB" + _word.pack(packed) + b"".join(map(_word.pack, ssrcs))
    return _packet(PSFB, FMT_AFB, body)


def transport_feedback(
    sender_ssrc: int, media_ssrc: int, base: int, reference: int, ordinal: int, arrivals: Sequence[int | None]
) -> bytes:
    """Transport-wide feedback; the arguments as in `TransportFeedback`.

    Arrivals lie within ±32,767 ticks (8 s) of one another, the first within that of the reference; the caller sees
    to it. Raises `struct.error` otherwise.
    """
    symbols: list[int] = []
    deltas = bytearray()
    at = 0
    for arrival in arrivals:
        if arrival is None:
            symbols.append(0)
            continue
        delta = arrival - at
        at = arrival
        if 0 <= delta <= 255:
            symbols.append(1)
            deltas.append(delta)
        else:
            symbols.append(2)
            deltas += _signed.pack(delta)
    body = _pair.pack(sender_ssrc, media_ssrc) + _twcc.pack(base, len(arrivals), reference << 8 | ordinal)
    body += _chunks(symbols) + deltas
    spare = -len(body) % 4
    if not spare:
        return _packet(RTPFB, FMT_TWCC, body)
    # The last word is filled up with RTCP padding, as browsers do.
    packet = bytearray(_packet(RTPFB, FMT_TWCC, body + bytes(spare - 1) + bytes((spare,))))
    packet[0] |= 0x20
    return bytes(packet)


_signed = Struct("!h")


def _chunks(symbols: Sequence[int]) -> bytes:
    """Packet status chunks: a run of seven or more alike as a run length, else vectors of 14 or 7 symbols."""
    out = bytearray()
    pos, end = 0, len(symbols)
    while pos < end:
        symbol = symbols[pos]
        run = pos
        while run < end and symbols[run] == symbol and run - pos < 0x1FFF:
            run += 1
        if run - pos >= 7 or run == end:
            out += (symbol << 13 | run - pos).to_bytes(2, "big")
            pos = run
        elif 2 in symbols[pos : pos + 14]:
            chunk = 0xC000
            for i, each in enumerate(symbols[pos : pos + 7]):
                chunk |= each << 12 - 2 * i
            out += chunk.to_bytes(2, "big")
            pos += 7
        else:
            chunk = 0x8000
            for i, each in enumerate(symbols[pos : pos + 14]):
                chunk |= each << 13 - i
            out += chunk.to_bytes(2, "big")
            pos += 14
    return bytes(out)
