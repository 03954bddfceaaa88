"""aiortc's peer connection as publisher and viewer: a foreign WebRTC stack."""

from __future__ import annotations

import array
import asyncio
import fractions
import math
import re
import time

import av
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError

from protocol.control import PublishAnswer, PublishOffer, SubscribeAnswer, SubscribeOffer, SubscribeOpen
from tests.media.worker_process import FakeServer


class Tone(MediaStreamTrack):
    """A sine of 440 Hz, loud enough to be somebody who speaks."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._begin: float | None = None
        self._samples = 0

    async def recv(self) -> av.AudioFrame:
        if self._begin is None:
            self._begin = time.monotonic()
        await asyncio.sleep(max(0.0, self._begin + self._samples / 48000 - time.monotonic()))
        wave = array.array(
            "h", (int(12000 * math.sin(2 * math.pi * 440 * (self._samples + i) / 48000)) for i in range(960))
        )
        frame = av.AudioFrame(format="s16", layout="mono", samples=960)
        frame.planes[0].update(wave.tobytes())
        frame.sample_rate = 48000
        frame.pts = self._samples
        frame.time_base = fractions.Fraction(1, 48000)
        self._samples += 960
        return frame


class Picture(VideoStreamTrack):
    """A small picture that changes, 15 times a second. `size` is in pixels."""

    def __init__(self, size: tuple[int, int] = (160, 120)) -> None:
        super().__init__()
        self.sent = 0
        self._begin: float | None = None
        self._size = size

    async def recv(self) -> av.VideoFrame:
        if self._begin is None:
            self._begin = time.monotonic()
        await asyncio.sleep(max(0.0, self._begin + self.sent / 15 - time.monotonic()))
        width, height = self._size
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            row = bytes((x + 3 * self.sent) & 0xFF for x in range(plane.line_size))
            plane.update(row * (plane.buffer_size // plane.line_size))
        frame.pts = self.sent * 6000
        frame.time_base = fractions.Fraction(1, 90000)
        self.sent += 1
        return frame


def connection() -> RTCPeerConnection:
    """A peer connection without STUN servers and with one transport.

    Turns the loop's debug mode off: aiortc makes a task per packet, each of which would note its stack; on a busy
    machine the client then loses by itself what the tests measure of the worker.
    """
    asyncio.get_running_loop().set_debug(False)
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


def through(sdp: str, port: int) -> str:
    """The description with the worker's candidates moved to another port, where a proxy listens."""
    return re.sub(r"(a=candidate:\S+ 1 udp \d+) \S+ \d+ ", rf"\g<1> 127.0.0.1 {port} ", sdp) if port else sdp


async def negotiate_publish(
    server: FakeServer,
    peer: str,
    pc: RTCPeerConnection,
    bindings: dict[str, str],
    restart: bool = False,
    port: int = 0,
) -> PublishAnswer:
    """Send the connection's offer and apply the answer."""
    await pc.setLocalDescription(await pc.createOffer())
    number = server.request()
    server.send(
        PublishOffer(
            request=number, room="r", peer=peer, sdp=pc.localDescription.sdp, bindings=bindings, restart=restart
        )
    )
    answer = await server.expect(PublishAnswer, request=number)
    await pc.setRemoteDescription(RTCSessionDescription(through(answer.sdp, port), "answer"))
    return answer


class Publisher:
    """Publishes a tone and a picture."""

    def __init__(self, server: FakeServer, peer: str, size: tuple[int, int] = (160, 120), port: int = 0) -> None:
        self.pc = connection()
        self._port = port
        self.picture = Picture(size)
        self._server = server
        self._peer = peer

    async def start(self) -> PublishAnswer:
        """Negotiate; the worker must have the routes by now."""
        self.pc.addTrack(Tone())
        self.pc.addTrack(self.picture)
        return await negotiate_publish(
            self._server,
            self._peer,
            self.pc,
            {"0": f"{self._peer}/audio", "1": f"{self._peer}/video"},
            port=self._port,
        )


async def ask_again(receiver: RTCRtpReceiver) -> None:
    """Ask each 100 ms for what is still missing, as browsers do each round trip.

    aiortc asks when it finds a new gap and at no other time, and then gives one frame for each packet that comes: when
    a request or its answer is lost, as some 6 % are at 3 % each way, it is seconds behind for seconds more. Three of
    twelve runs missed 16 to 47 frames so, and had nearly all of them later.
    """
    missing: set[int] = vars(receiver)["_RTCRtpReceiver__nack_generator"].missing
    ask = receiver._send_rtcp_nack
    stream = None

    async def remembered(media_ssrc: int, lost: list[int]) -> None:
        nonlocal stream
        stream = media_ssrc
        await ask(media_ssrc, lost)

    vars(receiver)["_send_rtcp_nack"] = remembered
    while True:
        await asyncio.sleep(0.1)
        if missing and stream is not None:
            await ask(stream, sorted(missing))


class Viewer:
    """Answers every offer of the worker, and counts the frames that its decoders give: track id → number."""

    def __init__(self, server: FakeServer, peer: str, generation: int = 1, port: int = 0) -> None:
        self.pc = connection()
        self._port = port
        self.frames: dict[str, int] = {}
        self._decoded = asyncio.Event()
        self.offers: list[SubscribeOffer] = []
        self._server = server
        self._peer = peer
        self._generation = generation
        self._tasks: list[asyncio.Task[None]] = []
        self._reading: set[str] = set()
        self._mids: dict[str, str] = {}

    async def start(self) -> None:
        """Open the subscribe connection."""
        self._server.send(SubscribeOpen(room="r", peer=self._peer, generation=self._generation))
        self._tasks.append(asyncio.create_task(self._answer_all()))

    async def _answer_all(self) -> None:
        revision = 0
        while True:
            revision += 1
            offer = await self._server.expect(
                SubscribeOffer, within=3600, peer=self._peer, generation=self._generation, revision=revision
            )
            self.offers.append(offer)
            await self.answer(offer)

    async def answer(self, offer: SubscribeOffer) -> None:
        """Answer one offer."""
        await self.pc.setRemoteDescription(RTCSessionDescription(through(offer.sdp, self._port), "offer"))
        self._mids.update(offer.tracks)
        for transceiver in self.pc.getTransceivers():
            mid = transceiver.mid
            if mid in offer.tracks and mid not in self._reading:
                self._reading.add(mid)
                self._tasks.append(asyncio.create_task(self._read(mid, transceiver.receiver.track)))
                if transceiver.kind == "video":
                    self._tasks.append(asyncio.create_task(ask_again(transceiver.receiver)))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        self._server.send(
            SubscribeAnswer(
                room="r",
                peer=self._peer,
                generation=self._generation,
                revision=offer.revision,
                sdp=self.pc.localDescription.sdp,
            )
        )

    async def _read(self, mid: str, track: MediaStreamTrack) -> None:
        while True:
            try:
                await track.recv()
            except MediaStreamError:
                return
            name = self._mids[mid]
            self.frames[name] = self.frames.get(name, 0) + 1
            self._decoded.set()

    async def sees(self, track: str, more: int = 5, within: float = 10.0) -> None:
        """Wait until so many more frames of a track have been decoded."""
        wanted = self.frames.get(track, 0) + more
        async with asyncio.timeout(within):
            while self.frames.get(track, 0) < wanted:
                self._decoded.clear()
                await self._decoded.wait()

    async def close(self) -> None:
        """End it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.pc.close()
