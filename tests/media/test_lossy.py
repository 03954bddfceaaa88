"""A conversation over networks that lose: publisher, worker and viewer with their real repairs, in simulated time.

Both paths, to the worker and from it, lose the same share in both directions: packets, requests and repetitions alike.
"""

from __future__ import annotations

import secrets
import struct
import time
from dataclasses import dataclass

import pytest

from media import rtcp
from media.cache import PacketCache
from media.loss import LossRegister
from media.nack import NackGenerator
from media.red import join, split
from media.rtp import wrap_rtx
from tests.media.badnetwork import BadNetwork
from tests.media.wire import AUDIO_SSRC, DELTA, KEYFRAME, RTX_SSRC, VIDEO_SSRC, Seen, Wire

STEP = 0.005
SECONDS = 8
# 25 pictures a second in four packets each, and sound each 20 ms.
PER_PICTURE = 4
DELAY = 0.02


class Listener(Wire):
    """Vera's browser takes redundant audio; Anna's sends it."""

    def answer(self, rtx: bool = True, red: bool = True, remb: bool = False) -> None:
        super().answer(rtx, red, remb)


@dataclass
class Outcome:
    """Shares, 0 to 1: pictures that were whole within 0.3 s and within 1 s, and audio frames that never came."""

    prompt: float
    whole: float
    concealed: float
    keyframes: int


class Anna:
    """The publishing browser: repeats what it is asked for."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.cache: PacketCache[bytes] = PacketCache(1024)
        self.video_seq = self.audio_seq = 0
        self.rtx_seq = 0
        self.pictures = 0
        self.keyframes = 0
        self.wants_keyframe = True

    def picture(self) -> list[bytes]:
        """The packets of the next picture."""
        packets = []
        for part in range(PER_PICTURE):
            self.video_seq += 1
            head = KEYFRAME if self.wants_keyframe and part == 0 else DELTA
            self.keyframes += head is KEYFRAME
            marker = 0x80 if part == PER_PICTURE - 1 else 0
            plain = struct.pack("!BBHII", 0x80, marker | 120, self.video_seq, 3600 * self.pictures, VIDEO_SSRC)
            plain += head[:2] + struct.pack("!II", self.pictures, part)
            self.cache.store(self.video_seq, plain)
            packets.append(self.wire.protected(plain))
        self.wants_keyframe = False
        self.pictures += 1
        return packets

    def sound(self) -> bytes:
        """The next audio packet, with the frame before it."""
        self.audio_seq += 1
        frames = [struct.pack("!BI", 0x78, number) + bytes(40) for number in (self.audio_seq - 1, self.audio_seq)]
        payload = join(109, [(960, frames[0])] if self.audio_seq > 1 else [], frames[1])
        block = struct.pack("!HHBBH", 0xBEDE, 1, 0x50, 0x80 | 30, 0)
        header = struct.pack("!BBHII", 0x90, 63, self.audio_seq, 960 * self.audio_seq, AUDIO_SSRC)
        return self.wire.protected(header + block + payload)

    def asked(self, packet: rtcp.Packet) -> list[bytes]:
        """What a request of the worker's brings."""
        if isinstance(packet, rtcp.Pli):
            self.wants_keyframe = True
        if not isinstance(packet, rtcp.Nack):
            return []
        found = []
        for seq in packet.seqs:
            kept = self.cache.get(seq)
            if kept is not None:
                self.rtx_seq += 1
                found.append(self.wire.protected(wrap_rtx(kept, RTX_SSRC, 124, self.rtx_seq)))
        return found


class Vera:
    """The viewing browser: asks again for pictures, and takes sound apart."""

    def __init__(self, wire: Wire) -> None:
        self.ssrcs = {line.downlink.ssrc: line.downlink for line in wire.subscription.lines}
        self.repeats = {line.downlink.rtx_ssrc: line.downlink.ssrc for line in wire.subscription.lines}
        self.nack = NackGenerator()
        self.losses = {ssrc: LossRegister(48000) for ssrc in self.ssrcs}
        self.parts: dict[int, dict[int, float]] = {}
        self.heard: set[int] = set()
        self.video_ssrc = next(ssrc for ssrc, downlink in self.ssrcs.items() if downlink.codec == "VP8")

    def received(self, packet: Seen, now: float) -> None:
        """A packet has come through."""
        payload, seq, ssrc = packet.payload, packet.seq, packet.ssrc
        if ssrc in self.repeats:
            seq, payload, ssrc = int.from_bytes(payload[:2], "big"), payload[2:], self.repeats[ssrc]
        else:
            self.losses[ssrc].received(seq, packet.timestamp, now)
        if ssrc == self.video_ssrc:
            if self.nack.received(seq, now):
                picture, part = struct.unpack("!II", payload[2:10])
                self.parts.setdefault(picture, {})[part] = now
            return
        blocks = split(payload, 0, len(payload)) if packet.payload_type == 63 else [(111, 0, 0, len(payload))]
        assert blocks is not None
        for _, _, begin, end in blocks:
            self.heard.add(struct.unpack("!BI", payload[begin : begin + 5])[1])
            assert end - begin == 45

    def requests(self, now: float, each_second: bool) -> list[bytes]:
        """What it asks for and reports."""
        found = []
        if asked := self.nack.due(now, 0.1):
            found.append(rtcp.nack(1, self.video_ssrc, asked))
        if self.nack.wants_keyframe:
            self.nack.wants_keyframe = False
            found.append(rtcp.pli(1, self.video_ssrc))
        if each_second:
            blocks = [loss.report_block(ssrc, now) for ssrc, loss in self.losses.items() if loss.expected]
            found.append(rtcp.receiver_report(1, blocks))
        return found


def converse(monkeypatch: pytest.MonkeyPatch, seed: int, loss: float, *, red: bool = True) -> Outcome:
    clock = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    monkeypatch.setattr(secrets, "randbelow", lambda below: seed * 7919 % below)
    wire = Listener() if red else Wire()
    anna, vera = Anna(wire), Vera(wire)
    begin = clock
    up, up_back, down, down_back = (
        BadNetwork[bytes](4 * seed, loss=loss, delay=DELAY),
        BadNetwork[rtcp.Packet](4 * seed + 1, loss=loss, delay=DELAY),
        BadNetwork[Seen](4 * seed + 2, loss=loss, delay=DELAY),
        BadNetwork[bytes](4 * seed + 3, loss=loss, delay=DELAY),
    )
    moments: list[float] = []
    for step in range(int((SECONDS + 2) / STEP)):
        clock = begin + step * STEP
        if clock < begin + SECONDS:
            if step % 8 == 0:
                moments.append(clock)
                for datagram in anna.picture():
                    up.send(datagram, clock)
            if step % 4 == 0:
                up.send(anna.sound(), clock)
        for _, datagram in up.arrived(clock):
            wire.receive(datagram, wire.publisher_socket.getsockname())
        for _, request in down_back.arrived(clock):
            wire.from_viewer(request)
        if step % 4 == 0:
            wire.router.tick(clock)
            for request in vera.requests(clock, step % 200 == 0):
                down_back.send(request, clock)
        for packet in wire.seen():
            down.send(packet, clock)
        for report in wire.reports(wire.publisher_socket):
            up_back.send(report, clock)
        for _, report in up_back.arrived(clock):
            for datagram in anna.asked(report):
                up.send(datagram, clock)
        for _, packet in down.arrived(clock):
            vera.received(packet, clock)
    wire.close()
    whole = [max(parts.values()) - moments[n] for n, parts in vera.parts.items() if len(parts) == PER_PICTURE]
    return Outcome(
        prompt=sum(late <= 0.3 for late in whole) / len(moments),
        whole=sum(late <= 1.0 for late in whole) / len(moments),
        concealed=1 - len(vera.heard) / anna.audio_seq,
        keyframes=anna.keyframes,
    )


@pytest.mark.parametrize("seed", range(1, 4))
def test_at_five_percent_all_pictures_come_in_time_and_hardly_a_sound_is_missing(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    outcome = converse(monkeypatch, seed, 0.05)
    assert outcome.prompt >= 0.97
    assert outcome.concealed <= 0.02
    assert outcome.keyframes == 1, "nothing was given up"


@pytest.mark.parametrize("seed", range(1, 4))
def test_at_twenty_percent_the_picture_moves_and_speech_is_understood(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    outcome = converse(monkeypatch, seed, 0.20)
    assert outcome.prompt >= 0.85 and outcome.whole >= 0.97
    # Of 36 % that are lost on the two ways together.
    assert outcome.concealed <= 0.12


def test_for_a_viewer_without_redundancy_the_way_to_the_worker_is_repaired_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcome = converse(monkeypatch, 1, 0.05, red=False)
    assert 0.02 <= outcome.concealed <= 0.08, "its own way's loss and no more"
