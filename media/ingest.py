"""The uplink: what one publisher sends.

A packet is decrypted once, bound to its layer by SSRC, brought into the room's canonical form in place and stored;
whatever the viewers need is decided here once and not per viewer. A track that is not open ends here, before any
fan-out, and so does a layer that nobody watches. Losses are asked for again on the publisher's RTX stream, arrivals
are reported back for its bandwidth estimate, and key frame requests of all viewers become one per layer.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from struct import Struct

from media import rtcp
from media.clock import unix_now
from media.codecs import AUDIO_LEVEL, DEPENDENCY_DESCRIPTOR, EXTENSION_IDS, MID, REPAIRED_RID, RID, TRANSPORT_CC
from media.keyframe import slice_only
from media.layer import Layer
from media.limits import Limits
from media.rtcp import SenderReport
from media.rtp import Parsed, canonical_ids, parse, places, unwrap_rtx, value_length
from media.securepath import SecurePath
from media.sound import SILENT_LEVEL, Sound, blocks, is_silent
from media.spatial import Carrier
from media.srtp import PacketBuffer, SrtpSession
from media.stream import Binding, Line, Stream
from media.track import Track
from media.twcc import TwccGenerator
from media.udp import UdpPort
from protocol.control import TransportState
from protocol.names import Source

_LEVEL, _TWCC = EXTENSION_IDS[AUDIO_LEVEL], EXTENSION_IDS[TRANSPORT_CC]
_DEPENDENCY = EXTENSION_IDS[DEPENDENCY_DESCRIPTOR]
_NAMES = (EXTENSION_IDS[MID], EXTENSION_IDS[RID], EXTENSION_IDS[REPAIRED_RID])
_ssrc_of = Struct("!I").unpack_from
# Chromium probes for bandwidth before it has anything to send, under this SSRC and without names: of no m-line, but
# what is not reported of it counts as lost, and its pictures begin with the least.
_PROBES = 0
# A packet of nothing but padding.
_EMPTY = b"\0\0\0\4"

# A dependency descriptor that is longer may describe a structure; to read such costs what so many packets do, by byte.
_PLAIN, _STRUCTURE_WEIGHT = 16, 100

# Seconds. A stream that another one took the place of does not take it back within so long: packets of it that are late
# would, and two that take turns would have all viewers begin anew with each packet.
REPLACED_FOR = 1.0

# Seconds by which a report may have been held up, on its way or here.
_HELD_UP = 0.5
# Seconds in a second by which the least seen is let go: twice what two ordinary quartzes drift apart.
_DRIFT = 0.0002

# How often the layers are looked at, in seconds: a few times in what a layer may be silent (`layer.LIVE_FOR`).
LOOK_EVERY = 0.1


class Uplink:
    """A publisher's connection. `ready(layer)` is called when a layer has packets to forward in this turn,
    `heard(track, level, now)` with each packet of an open microphone and its audio level (RFC 6464; -1: it has none);
    it says whether the packet is forwarded. `wanted(track, rids)`: the publisher is to be told this (`Wanted`).
    `forward()`: what has come in this turn so far is to go out before anything else."""

    def __init__(
        self,
        port: UdpPort,
        dropped: Counter[str],
        limits: Limits,
        ready: Callable[[Layer], None],
        heard: Callable[[Track, int, float], bool],
        changed: Callable[[TransportState], None],
        wanted: Callable[[Track, tuple[str, ...]], None],
        forward: Callable[[], None],
    ) -> None:
        self.transport: SecurePath | None = None
        self.lines: dict[str, Line] = {}
        self.streams: dict[int, Stream] = {}
        self._pictures: dict[int, Stream] = {}  # of those, what is asked for again and for key frames
        self.ssrc = secrets.randbits(32)  # ours, in reports and requests
        self.loss_percent = -1.0
        # Browsers name m-line and layer until the first receiver report and never again, also not when a source is
        # published anew under the same SSRC: what an SSRC is, is kept as long as the connection.
        self._bindings: dict[int, Binding] = {}
        self._refused: set[int] = set()
        self._extensions = canonical_ids({})
        self._twcc: TwccGenerator | None = None
        self._clock_offset: float | None = None
        self._clock_read_at = 0.0  # when that was taken
        self._look_at = 0.0  # at the layers, whether they live
        self._port = port
        self._dropped = dropped
        self._ready = ready
        self._heard = heard
        self.state_changed = changed
        self._wanted = wanted
        self._forward = forward
        self._limits = limits
        self._max_ssrcs = limits.ssrcs
        self._allowance = limits.publisher_bitrate // 8
        self._rtcp_allowance = limits.publisher_rtcp_per_s
        self._before: dict[int, tuple[int, int]] = {}

    # --- what the description says ----------------------------------------------------------------

    def bind(self, lines: list[Line], extensions: dict[int, int], transport_cc: bool) -> None:
        """Take over the m-lines of a new description; streams of lines that stayed the same go on.

        `extensions`: the publisher's ids → canonical ids.
        """
        former = self.lines
        now = time.monotonic()
        self.lines = {line.mid: line for line in lines}
        self._extensions = canonical_ids(extensions)
        if transport_cc and self._twcc is None:
            self._twcc = TwccGenerator()
        described = EXTENSION_IDS[DEPENDENCY_DESCRIPTOR] in extensions.values()
        for line in lines:
            line.track.describe(line.choice.codec, line.rids, described, now)
        for ssrc, stream in list(self.streams.items()):
            found = self.lines.get(stream.line.mid)
            if found is None or found.choice != stream.line.choice or stream.layer not in found.track.sources:
                self._drop(ssrc)
            else:
                stream.line = found
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
            if stream.layer.track is track:
                self._drop(ssrc)

    def end(self) -> None:
        """The connection is gone; the tracks may come back on another."""
        for line in self.lines.values():
            self._end(line.track)
        self.streams.clear()
        self._pictures.clear()

    def _end(self, track: Track) -> None:
        for layer in track.sources:
            if layer.stream is not None and self.streams.get(layer.stream.ssrc) is layer.stream:
                layer.end()

    def _drop(self, ssrc: int) -> None:
        """The stream is nobody's now. Its SRTP context stays: the sender counts on under this SSRC."""
        stream = self.streams.pop(ssrc)
        self._pictures.pop(ssrc, None)
        if stream.layer.stream is stream:
            stream.layer.end()
        self._before.pop(ssrc, None)

    # --- packets ----------------------------------------------------------------------------------

    def sends(self, ssrc: int) -> bool:
        """Whether it is known what this SSRC is."""
        return ssrc in self._bindings

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
        if stream is None and ssrc != _PROBES and ssrc not in self._bindings and not self._room_for(ssrc, inbound):
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
        found = places(data, parsed, self._extensions)
        if (at := found[_TWCC]) and self._twcc is not None:
            self._twcc.received(data[at] << 8 | data[at + 1], now)
        payload_type = parsed[0]
        if stream is None:
            if ssrc == _PROBES:
                self._dropped["rtx_probe"] += 1
                return
            names = [
                data[at : at + value_length(data, at, parsed[8])].decode("ascii", "replace") if at else ""
                for at in (found[id] for id in _NAMES)
            ]
            stream = self._bind(ssrc, payload_type, *names)
            if stream is None:
                self._dropped["unbound"] += 1
                if ssrc not in self._bindings:
                    inbound.forget(ssrc)
                return
        layer = stream.layer
        track = layer.track
        choice = stream.line.choice
        if stream.repeats:
            stream = layer.stream
            unwrapped = None
            needed = track.open and layer.watched and stream is not None and stream.nack is not None
            if needed and payload_type == choice.rtx:
                unwrapped = unwrap_rtx(data, length, parsed, ssrc, choice.payload_type)
            if unwrapped is None or stream is None:
                self._dropped["rtx_probe"] += 1  # browsers probe for bandwidth with packets that hold nothing
                return
            length = unwrapped
            parsed = parse(data, length)
            if parsed is None or stream.nack is None or not stream.nack.repeated(parsed[2], now):
                self._dropped["rtx_not_needed"] += 1
                return
            stream.recovered += 1
        elif payload_type not in (choice.payload_type, choice.red):
            self._dropped["payload_type"] += 1
            return
        else:
            if layer.stream is not stream:
                if now - stream.replaced_at < REPLACED_FOR:
                    self._dropped["replaced"] += 1
                    return
                layer.begin(stream, now)
            stream.loss.received(parsed[2], parsed[3], now)
            layer.received += 1
            layer.received_bytes += length
            if not track.open:
                track.dropped += 1
                return
            if parsed[1] and track.is_video:  # the marker: a frame's last packet
                layer.frames.frame(now)
            if stream.nack is not None and not stream.nack.received(parsed[2], now):
                self._dropped["late"] += 1
                return
            # Behind the register of what came: what is cut off here must not be asked for again.
            track.allowance -= length
            if track.allowance < 0:
                self._dropped["track_rate"] += 1
                return
        if stream.sound is not None:
            self._sound(layer, stream, stream.sound, data, length, parsed, found[_LEVEL], now)
        elif stream.carrier is not None:
            self._layers(stream.carrier, stream, data, length, parsed, found[_DEPENDENCY], now)
        else:
            self._picture(layer, stream, buffer, length, parsed, now)

    def _sound(
        self,
        layer: Layer,
        stream: Stream,
        sound: Sound,
        data: bytearray,
        length: int,
        parsed: Parsed,
        level_at: int,
        now: float,
    ) -> None:
        """Let the frames of a packet go on that are to."""
        track = layer.track
        frames = blocks(data, parsed, length, parsed[0] == stream.line.choice.red)
        if not frames:
            self._dropped["no_frame"] += 1
            return
        level = data[level_at] if level_at else -1
        admitted = True
        if track.source is Source.AUDIO:  # a film that is shown is not somebody who speaks
            admitted = self._heard(track, SILENT_LEVEL if is_silent(frames) else level, now)
            if not admitted:
                self._dropped["not_loudest"] += 1
        first = (0x8000 if level < 0 else 0x9000) | stream.line.choice.codec.payload_type
        for seq, timestamp, marker, rest in sound.take(data, parsed, frames, level, admitted):
            words = first | marker << 7
            self._keep(layer, seq, timestamp, words, rest, True)
        stream.recovered = sound.recovered

    def _picture(
        self, layer: Layer, stream: Stream, buffer: PacketBuffer, length: int, parsed: Parsed, now: float
    ) -> None:
        """Bring the packet into its canonical form, without extensions, and keep it."""
        data = buffer.bytes
        _, marker, seq, timestamp, _, header, _, _, _, padding = parsed
        track = layer.track
        payload = length - header - padding
        starts = payload > 0 and track.starts_keyframe(data, header, payload)
        if starts and track.codec is not None and track.codec.name == "H264" and slice_only(data, header):
            # The parameter sets may be in packets before it, which are missing or late, and it may be any of the key
            # frame's slices: a viewer can start here only if this is known to be the frame's first packet.
            former = layer.cache.get((seq - 1) & 0xFFFF)
            starts = former is not None and former[1] != timestamp
        if starts:
            # Of a relayed layer the other worker has said it: one that was in a stream with others names the largest's.
            size = track.measure(data, header, payload) if layer.elsewhere is None else None
            if size is not None:
                track.sized(layer, *size)
            layer.keyframes.keyframe_seen(now)
            if stream.nack is not None:
                stream.nack.keyframe_received(seq)
        if not layer.downlinks and not layer.waiting:
            return
        # Padding that comes with a payload is taken off; a packet of nothing but padding keeps it: its number counts.
        end, first = (length - padding, 0x8000) if payload > 0 else (length, 0xA000 if padding else 0x8000)
        words = first | marker << 7 | stream.line.choice.codec.payload_type
        if not self._keep(layer, seq, timestamp, words, bytes(buffer.view[header:end]), starts):
            self._dropped["late"] += 1

    def _layers(
        self,
        carrier: Carrier,
        stream: Stream,
        data: bytearray,
        length: int,
        parsed: Parsed,
        described_at: int,
        now: float,
    ) -> None:
        """Bring the packet into the form it has in each of the layers that its stream holds, and keep it there."""
        _, marker, seq, timestamp, _, header, _, _, _, padding = parsed
        payload = length - header - padding
        at = described_at
        extension = data[at : at + value_length(data, at, parsed[8])] if at else b""
        if len(extension) > _PLAIN:
            self._allowance -= _STRUCTURE_WEIGHT * len(extension)
            if self._allowance < 0:
                extension = b""
        unit = carrier.reader.read(data, header, payload, extension) if payload > 0 else None
        if unit is None and payload > 0:
            self._dropped["no_layer"] += 1
            if carrier.watched:  # it was left out of all layers, and somebody may need it
                carrier.keyframes.request(now)
        payload_type = stream.line.choice.codec.payload_type
        rest = bytes(data[header : length - padding])
        for layer, number, last, starts, empty, before, after in carrier.share(
            unit, seq, timestamp, marker, length, now, self._forward
        ):
            words = (0xA000 if empty else 0x8000) | last << 7 | payload_type
            behind = _EMPTY if empty else rest
            if before or after:
                behind = carrier.reader.join(rest, before, after)
            if not self._keep(layer, number, timestamp, words, behind, starts):
                self._dropped["late"] += 1

    def _keep(self, layer: Layer, seq: int, timestamp: int, words: int, rest: bytes, starts: bool) -> bool:
        """Let a packet be forwarded in this turn, and be repeated later. False when it is too late for that."""
        packet = seq, timestamp, words, rest, starts
        if not layer.cache.store(seq, packet):
            return False
        pending = layer.pending
        if not pending:
            self._ready(layer)
        pending.append(packet)
        port = self._port
        port.noted += 1
        port.owed += len(layer.downlinks)
        return True

    def _room_for(self, ssrc: int, inbound: SrtpSession) -> bool:
        """Whether a new SSRC is looked at. At the limit the oldest that is not in use makes room."""
        if ssrc in self._refused:
            self._dropped["unbound"] += 1
            return False
        if len(self._bindings) >= self._max_ssrcs:
            unused = next((known for known in self._bindings if known not in self.streams), None)
            if unused is None:
                self._dropped["ssrc_limit"] += 1
                return False
            del self._bindings[unused]
            inbound.forget(unused)
        return True

    def _bind(self, ssrc: int, payload_type: int, mid: str, rid: str, repaired: str) -> Stream | None:
        """A new SSRC: which layer of which line is it of? See `_identify`. `None`: of none that is bound now."""
        binding = self._bindings.get(ssrc) or self._identify(ssrc, payload_type, mid, rid, repaired)
        line = self.lines.get(binding.mid) if binding is not None else None
        layer = line.track.origin(binding.rid) if line is not None and binding is not None else None
        if binding is None or line is None or layer is None:
            if ssrc not in self._bindings and len(self._refused) < self._max_ssrcs:
                self._refused.add(ssrc)
            return None
        self._bindings[ssrc] = binding
        stream = self.streams[ssrc] = Stream(ssrc, line, layer, binding.repeats)
        if stream.nack is not None and not stream.repeats:
            self._pictures[ssrc] = stream
        return stream

    def _identify(self, ssrc: int, payload_type: int, mid: str, rid: str, repaired: str) -> Binding | None:
        """By the description's `a=ssrc`, by the names the packet carries (RFC 8852: of the m-line, and of the layer or
        of that it repeats), or, when only one line has its payload type, by that."""
        for line in self.lines.values():
            if not line.rids and (ssrc in line.ssrcs or ssrc in line.rtx_of.values()):
                return Binding(line.mid, "", ssrc in line.rtx_of.values())
        if mid:
            found = self.lines.get(mid)
        else:
            fitting = [
                line
                for line in self.lines.values()
                if payload_type in (line.choice.payload_type, line.choice.rtx, line.choice.red)
            ]
            found = fitting[0] if len(fitting) == 1 else None
        if found is None:
            return None
        repeats = payload_type == found.choice.rtx
        return Binding(found.mid, (repaired if repeats else rid) if found.rids else "", repeats)

    # --- reports and requests ---------------------------------------------------------------------

    def rtcp(self, buffer: PacketBuffer, length: int) -> None:
        """A compound packet of the publisher: its sender reports are the clocks of its tracks."""
        self._rtcp_allowance -= rtcp.weight(length)
        if self._rtcp_allowance < 0:
            self._dropped["rtcp_rate"] += 1
            return
        for packet in rtcp.parse(buffer.view, length):
            if isinstance(packet, SenderReport):
                self.sender_report(packet)

    def sender_report(self, report: SenderReport) -> None:
        """What the publisher's clock shows at a moment of one of its streams."""
        stream = self.streams.get(report.ssrc)
        if stream is None or stream.repeats:
            return
        stream.loss.sender_report(report.ntp, time.monotonic())
        at = rtcp.unix(report.ntp)
        offset = unix_now() - at
        if stream.layer.stream is stream:
            heard = stream.clock.hear(at, report.timestamp)
            stream.layer.clock = (heard + self._least(offset), report.timestamp)

    def _least(self, offset: float) -> float:
        """From the publisher's clock to ours: one offset for all its tracks, so that sound and picture stay together.
        The smallest seen is the one least held up on the way."""
        former = self._clock_offset
        now = time.monotonic()
        if former is not None:
            # Clocks drift apart: a least that stood still would one day, 5 s late, be taken for one that was set.
            former += (now - self._clock_read_at) * _DRIFT
        self._clock_offset, self._clock_read_at = former, now
        if former is not None and former <= offset <= former + 5.0:
            return former
        self._clock_offset = offset
        # What earlier reports said was too late by as much, of every track: a microphone reports each five seconds,
        # and its sound would be behind the picture until then. A larger step is a clock that was set.
        if former is not None and 0.0 < former - offset < _HELD_UP:
            for stream in self.streams.values():
                if stream.layer.stream is stream and stream.layer.clock is not None:
                    at, timestamp = stream.layer.clock
                    stream.layer.clock = (at - (former - offset), timestamp)
        return offset

    @property
    def hurried(self) -> bool:
        """Whether `tick` is to be called each 20 ms, for lost packets may have to be asked for; else 100 ms will do."""
        return bool(self._pictures)

    def tick(self, now: float) -> None:
        """Ask for what is missing, for key frames, and report arrivals. See `hurried`."""
        transport = self.transport
        if transport is None or not transport.connected:
            return
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            for line in self.lines.values():
                rids = line.track.tick(now)
                if rids is not None:
                    self._wanted(line.track, rids)
        packets: list[bytes] = []
        for stream in self._pictures.values():
            layer, nack = stream.layer, stream.nack
            if nack is None or layer.stream is not stream or not layer.track.open or not layer.watched:
                continue
            if nack.pending:
                missing = nack.due(now, transport.rtt)
                if missing:
                    packets.append(rtcp.nack(self.ssrc, stream.ssrc, missing))
            if nack.wants_keyframe:
                nack.wants_keyframe = False
                layer.keyframes.request(now)
            if layer.keyframes.wanted and layer.keyframes.due(now):
                packets.append(rtcp.pli(self.ssrc, stream.ssrc))
        if packets:
            transport.send_rtcp(b"".join(packets))
        if self._twcc is not None:
            media_ssrc = next(iter(self.streams), _PROBES)
            while (feedback := self._twcc.feedback(now, self.ssrc, media_ssrc)) is not None:
                transport.send_rtcp(feedback)

    def each_second(self, now: float) -> None:
        """Receiver reports, the loss of the last second, and fresh allowances."""
        self._allowance = self._limits.publisher_bitrate // 8
        self._rtcp_allowance = self._limits.publisher_rtcp_per_s
        for line in self.lines.values():
            line.track.allowance = line.track.bytes_per_s
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
        for start in range(0, len(blocks), 31):  # as many as one report holds
            some = blocks[start : start + 31]
            transport.send_rtcp(rtcp.receiver_report(self.ssrc, some) + rtcp.sdes(self.ssrc, b"podium"))
