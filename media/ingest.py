"""The uplink: what one publisher sends.

A packet is decrypted once, bound to its track by SSRC, brought into the room's canonical form in place and stored;
whatever the viewers need is decided here once and not per viewer. A track that is not open ends here, before any
fan-out. Losses are asked for again on the publisher's RTX stream, arrivals are reported back for its bandwidth
estimate, and key frame requests of all viewers become one.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from struct import Struct

from media import rtcp
from media.clock import unix_now
from media.codecs import AUDIO_LEVEL, EXTENSION_IDS, MID, TRANSPORT_CC, Choice
from media.loss import LossRegister
from media.nack import NackGenerator
from media.rtp import ONE_BYTE, map_extensions, parse, unwrap_rtx, value_length
from media.srtp import PacketBuffer, SrtpSession
from media.track import Track
from media.transport import Transport
from media.twcc import TwccGenerator
from protocol.control import TransportState
from protocol.names import Source

# Four tracks with RTX are eight; a browser that changes its encoders during a conference uses new ones.
MAX_SSRCS = 64
# A camera at 1080p takes 4 Mbit/s, a sharp 4K screen 15: nobody needs more than 25 for all of it. In bytes per second.
MAX_BYTES_PER_S = 25_000_000 // 8
# A publisher's sender reports come each second or so, its feedback ten times a second.
MAX_RTCP_PER_S = 200
# The round trip is measured once, in the handshake, where a busy browser looks like a slow network. Nor do we ask
# faster than this: ten tries must outlast a stall of Wi-Fi or of the browser, not be used up in 0.2 s.
MIN_NACK_RTT, MAX_NACK_RTT = 0.08, 0.25

_LEVEL = 1 << EXTENSION_IDS[AUDIO_LEVEL]
_TWCC = 1 << EXTENSION_IDS[TRANSPORT_CC]
_MID = 1 << EXTENSION_IDS[MID]
_LEVEL_AT, _TWCC_AT, _MID_AT = EXTENSION_IDS[AUDIO_LEVEL], EXTENSION_IDS[TRANSPORT_CC], EXTENSION_IDS[MID]
_ssrc_of = Struct("!I").unpack_from
_write_header = Struct("!BBHII").pack_into
_write_block = Struct("!HHBBH").pack_into


class Line:
    """An m-line of the publisher that is bound to a track."""

    __slots__ = ("choice", "mid", "rtx_of", "ssrcs", "track")

    def __init__(self, mid: str, track: Track, choice: Choice, ssrcs: list[int], rtx_of: dict[int, int]) -> None:
        self.mid = mid
        self.track = track
        self.choice = choice
        self.rtx_of = rtx_of
        self.ssrcs = [ssrc for ssrc in ssrcs if ssrc not in rtx_of.values()]


class Stream:
    """One SSRC of a publisher: a track's own packets, or (`repeats` set) their retransmissions."""

    __slots__ = ("line", "loss", "nack", "recovered", "repeats", "ssrc", "track")

    def __init__(self, ssrc: int, line: Line, repeats: bool) -> None:
        self.ssrc = ssrc
        self.line = line
        self.track = line.track
        self.repeats = repeats
        self.loss = LossRegister(line.choice.codec.clock_rate)
        self.nack = NackGenerator() if self.track.is_video else None
        self.recovered = 0

    def reset(self) -> None:
        """What was missed while the track was closed is not missed."""
        if self.nack is not None:
            self.nack.reset()


class Uplink:
    """A publisher's connection. `ready(track)` is called when a track has packets to forward in this turn,
    `level(peer, level, voice, now)` with each audio level of an open track."""

    def __init__(
        self,
        dropped: Counter[str],
        ready: Callable[[Track], None],
        level: Callable[[str, int, bool, float], None],
        changed: Callable[[TransportState], None],
    ) -> None:
        self.transport: Transport | None = None
        self.lines: dict[str, Line] = {}
        self.streams: dict[int, Stream] = {}
        self.ssrc = secrets.randbits(32)  # ours, in reports and requests
        self.loss_percent = -1.0
        self._refused: set[int] = set()
        self._extensions: dict[int, int] = {}
        self._twcc: TwccGenerator | None = None
        self._clock_offset: float | None = None
        self._dropped = dropped
        self._ready = ready
        self._level = level
        self.state_changed = changed
        self._places = [0] * 16
        self._allowance = MAX_BYTES_PER_S
        self._rtcp_allowance = MAX_RTCP_PER_S
        self._before: dict[int, tuple[int, int]] = {}

    # --- what the description says ----------------------------------------------------------------

    def bind(self, lines: list[Line], extensions: dict[int, int], transport_cc: bool) -> None:
        """Take over the m-lines of a new description; streams of lines that stayed the same go on.

        `extensions`: the publisher's ids → canonical ids.
        """
        former = self.lines
        self.lines = {line.mid: line for line in lines}
        self._extensions = extensions
        if transport_cc and self._twcc is None:
            self._twcc = TwccGenerator()
        for ssrc, stream in list(self.streams.items()):
            line = self.lines.get(stream.line.mid)
            if line is None or line.track is not stream.track or line.choice != stream.line.choice:
                self._drop(ssrc)
            else:
                stream.line = line
        for line in lines:
            line.track.set_codec(line.choice.codec)
        for mid, line in former.items():
            if mid not in self.lines:
                self._end(line.track)
        self._refused.clear()

    def unbind(self, track: Track) -> None:
        """The track is not in the routes any more: its packets are nobody's."""
        for mid, line in list(self.lines.items()):
            if line.track is track:
                del self.lines[mid]
        for ssrc, stream in list(self.streams.items()):
            if stream.track is track:
                self._drop(ssrc)
        self._end(track)

    def end(self) -> None:
        """The connection is gone; the tracks may come back on another."""
        for line in self.lines.values():
            self._end(line.track)
        self.streams.clear()

    def _end(self, track: Track) -> None:
        if track.stream is not None and self.streams.get(track.stream.ssrc) is track.stream:
            track.end()

    def _drop(self, ssrc: int) -> None:
        stream = self.streams[ssrc]
        self._end(stream.track)
        del self.streams[ssrc]
        self._before.pop(ssrc, None)
        if self.transport is not None and self.transport.inbound is not None:
            self.transport.inbound.forget(ssrc)

    # --- packets ----------------------------------------------------------------------------------

    def rtp(self, buffer: PacketBuffer, length: int, inbound: SrtpSession) -> None:
        """One SRTP packet. See the module."""
        self._allowance -= length
        if self._allowance < 0:
            self._dropped["publisher_rate"] += 1
            return
        data = buffer.bytes
        ssrc = _ssrc_of(data, 8)[0]
        stream = self.streams.get(ssrc)
        # Checked before libsrtp makes a context for it: a spray of SSRCs ends here.
        if stream is None and (len(self.streams) >= MAX_SSRCS or ssrc in self._refused):
            self._dropped["ssrc_limit" if ssrc not in self._refused else "unbound"] += 1
            return
        length = inbound.unprotect(buffer, length)
        if length < 0:
            self._dropped["srtp"] += 1
            return
        parsed = parse(data, length)
        if parsed is None:
            self._dropped["rtp"] += 1
            return
        now = time.monotonic()
        transport = self.transport
        assert transport is not None
        if transport.state is TransportState.LOST:
            transport.hear(now)
        transport.heard = now
        places = self._places
        mask = map_extensions(data, parsed, self._extensions, places)
        if mask & _TWCC and self._twcc is not None:
            at = places[_TWCC_AT]
            self._twcc.received(data[at] << 8 | data[at + 1], now)
        payload_type = parsed[0]
        if stream is None:
            mid = ""
            if mask & _MID:
                at = places[_MID_AT]
                mid = data[at : at + value_length(data, at, parsed[8])].decode("ascii", "replace")
            stream = self._bind_ssrc(ssrc, payload_type, mid)
            if stream is None:
                self._dropped["unbound"] += 1
                inbound.forget(ssrc)
                return
        track = stream.track
        choice = stream.line.choice
        if stream.repeats:
            stream = track.stream
            unwrapped = None
            if stream is not None and stream.nack is not None and track.open and payload_type == choice.rtx:
                unwrapped = unwrap_rtx(data, length, parsed, ssrc, choice.payload_type)
            if unwrapped is None or stream is None:
                self._dropped["rtx_probe"] += 1  # browsers probe for bandwidth with packets that hold nothing
                return
            length = unwrapped
            parsed = parse(data, length)
            if parsed is None or stream.nack is None or not stream.nack.received(parsed[2], now):
                self._dropped["rtx_not_needed"] += 1
                return
            stream.recovered += 1
        elif payload_type != choice.payload_type:
            self._dropped["payload_type"] += 1
            return
        else:
            if track.stream is not stream:
                track.begin(stream)
                track.keyframes.request(now)
            stream.loss.received(parsed[2], parsed[3], now)
            track.received += 1
            track.received_bytes += length
            if not track.open:
                track.dropped += 1
                return
            if stream.nack is not None and not stream.nack.received(parsed[2], now):
                self._dropped["late"] += 1
                return
        if mask & _LEVEL and track.source is Source.AUDIO:  # a film that is shown is not somebody who speaks
            level = data[places[_LEVEL_AT]]
            self._level(track.peer, level & 0x7F, bool(level & 0x80), now)
        self._store(track, stream, buffer, length, parsed, mask, now)

    def _store(
        self,
        track: Track,
        stream: Stream,
        buffer: PacketBuffer,
        length: int,
        parsed: tuple[int, int, int, int, int, int, int, int, int, int],
        mask: int,
        now: float,
    ) -> None:
        """Bring the packet into its canonical form, moving its header up to the payload, and keep it."""
        _, marker, seq, timestamp, ssrc, header, _, _, _, padding = parsed
        data = buffer.bytes
        payload = length - header - padding
        starts = True
        if track.is_video:
            starts = payload > 0 and track.starts_keyframe(data, header, payload)
            if starts:
                track.keyframes.keyframe_seen(now)
                if stream.nack is not None:
                    stream.nack.keyframe_received(seq)
        # Padding that comes with a payload is taken off; a packet of nothing but padding keeps it: its number counts.
        end, first = (length - padding, 0x80) if payload > 0 else (length, 0xA0 if padding else 0x80)
        start = header - 12
        if mask & _LEVEL and not track.is_video:
            # The audio level alone goes on, in a block of one word; the block that came in had at least that.
            level = data[self._places[_LEVEL_AT]]
            start = header - 20
            first |= 0x10
            _write_block(data, header - 8, ONE_BYTE, 1, _LEVEL_AT << 4, level, 0)
        codec = stream.line.choice.codec
        _write_header(data, start, first, marker << 7 | codec.payload_type, seq, timestamp, ssrc)
        if track.cache.store(seq, buffer.view[start:end], end - start):
            if not track.pending:
                self._ready(track)
            track.pending.append((seq, timestamp, end - start, starts))
        else:
            self._dropped["late"] += 1

    def _bind_ssrc(self, ssrc: int, payload_type: int, mid: str) -> Stream | None:
        """A new SSRC: which line is it of? By the description's `a=ssrc`, by the mid it carries, or, when only one
        line has its payload type, by that."""
        line, repeats = None, False
        for candidate in self.lines.values():
            if ssrc in candidate.ssrcs or ssrc in candidate.rtx_of.values():
                line, repeats = candidate, ssrc in candidate.rtx_of.values()
                break
        else:
            line = self.lines.get(mid)
            if line is None and not mid:
                fitting = [
                    candidate
                    for candidate in self.lines.values()
                    if payload_type in (candidate.choice.payload_type, candidate.choice.rtx)
                ]
                line = fitting[0] if len(fitting) == 1 else None
            if line is not None:
                repeats = payload_type == line.choice.rtx
        if line is None:
            if len(self._refused) < MAX_SSRCS:
                self._refused.add(ssrc)
            return None
        stream = self.streams[ssrc] = Stream(ssrc, line, repeats)
        return stream

    # --- reports and requests ---------------------------------------------------------------------

    def rtcp(self, buffer: PacketBuffer, length: int) -> None:
        """A compound packet of the publisher: its sender reports are the clocks of its tracks."""
        self._rtcp_allowance -= 1
        if self._rtcp_allowance < 0:
            self._dropped["rtcp_rate"] += 1
            return
        for packet in rtcp.parse(buffer.view, length):
            if not isinstance(packet, rtcp.SenderReport):
                continue
            stream = self.streams.get(packet.ssrc)
            if stream is None or stream.repeats:
                continue
            stream.loss.sender_report(packet.ntp, time.monotonic())
            at = rtcp.unix(packet.ntp)
            offset = unix_now() - at
            # One offset for all tracks of the publisher, so that sound and picture stay together: the smallest seen
            # is the one least held up on the way.
            if self._clock_offset is None or offset < self._clock_offset or offset > self._clock_offset + 5.0:
                self._clock_offset = offset
            if stream.track.stream is stream:
                stream.track.clock = (at + self._clock_offset, packet.timestamp)

    def tick(self, now: float) -> None:
        """Ask for what is missing, for key frames, and report arrivals. To be called each 20 ms."""
        transport = self.transport
        if transport is None or not transport.connected:
            return
        packets: list[bytes] = []
        for stream in self.streams.values():
            track = stream.track
            if stream.repeats or track.stream is not stream or not track.open:
                continue
            nack = stream.nack
            if nack is None:
                continue
            if nack.pending:
                missing = nack.due(now, max(MIN_NACK_RTT, min(transport.rtt, MAX_NACK_RTT)))
                if missing:
                    packets.append(rtcp.nack(self.ssrc, stream.ssrc, missing))
            if nack.wants_keyframe:
                nack.wants_keyframe = False
                track.keyframes.request(now)
            if track.keyframes.due(now):
                packets.append(rtcp.pli(self.ssrc, stream.ssrc))
        if packets:
            transport.send_rtcp(b"".join(packets))
        if self._twcc is not None and self.streams:
            media_ssrc = next(iter(self.streams))
            while (feedback := self._twcc.feedback(now, self.ssrc, media_ssrc)) is not None:
                transport.send_rtcp(feedback)

    def each_second(self, now: float) -> None:
        """Receiver reports, the loss of the last second, and fresh allowances."""
        self._allowance = MAX_BYTES_PER_S
        self._rtcp_allowance = MAX_RTCP_PER_S
        transport = self.transport
        if transport is None or not transport.connected:
            return
        blocks = []
        lost = expected = 0
        for ssrc, stream in self.streams.items():
            if stream.repeats or not stream.loss.expected:
                continue
            before = self._before.get(ssrc, (0, 0))
            self._before[ssrc] = (stream.loss.expected, stream.loss.lost)
            expected += stream.loss.expected - before[0]
            lost += stream.loss.lost - before[1]
            blocks.append(stream.loss.report_block(ssrc, now))
        if expected > 0:
            self.loss_percent = max(0.0, min(100.0, 100.0 * lost / expected))
        if blocks:
            transport.send_rtcp(rtcp.receiver_report(self.ssrc, blocks[:31]) + rtcp.sdes(self.ssrc, b"podium"))
