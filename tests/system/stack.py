"""aiortc as a whole client: signaling by the test client, media by a foreign WebRTC stack."""

from __future__ import annotations

import asyncio
from typing import Any

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from tests.harness import Client, until
from tests.media.peers import Picture, Tone, connection


class ForeignPeer:
    """Publishes a tone and a picture, and receives whatever the conference offers: `frames` counts what was decoded,
    track → number."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.frames: dict[str, int] = {}
        self.offers = 0
        self.reset = asyncio.Event()
        self._publish: RTCPeerConnection | None = None
        self._subscribe: RTCPeerConnection | None = None
        self._generation = -1
        self._mids: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def publish(self) -> None:
        """Take a microphone and a camera to the stage."""
        if self._publish is not None:
            await self._publish.close()
        self._publish = pc = connection()
        pc.addTrack(Tone())
        pc.addTrack(Picture())
        await pc.setLocalDescription(await pc.createOffer())
        answer = await self.client.send(
            "media.publish", sdp=pc.localDescription.sdp, tracks={"0": "audio", "1": "video"}, restart=True
        )
        await pc.setRemoteDescription(RTCSessionDescription(answer["result"]["sdp"], "answer"))

    async def subscribe(self) -> None:
        """Receive, from now on; every offer is answered."""
        if not self._tasks:
            self._tasks.append(asyncio.create_task(self._listen(), name="answers offers"))
        await self.client.send("media.subscribe")

    async def _listen(self) -> None:
        """The one reader of the client's signals: of two, each would let go of what the other waits for."""
        while True:
            offer: dict[str, Any] = await self.client.signals.get()
            if offer["type"] == "media.reset":
                self.reset.set()
            if offer["type"] != "media.offer":
                continue
            self.offers += 1
            if self._subscribe is None or offer["generation"] != self._generation:
                if self._subscribe is not None:
                    await self._subscribe.close()
                self._subscribe, self._generation = connection(), offer["generation"]
                self._mids = {}
            pc, fresh = self._subscribe, offer["tracks"].keys() - self._mids.keys()
            await pc.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
            self._mids.update(offer["tracks"])
            for transceiver in pc.getTransceivers():
                if transceiver.mid is not None and transceiver.mid in fresh:
                    reader = self._read(transceiver.mid, transceiver.receiver.track, self._mids)
                    self._tasks.append(asyncio.create_task(reader, name=f"reads {transceiver.mid}"))
            await pc.setLocalDescription(await pc.createAnswer())
            await self.client.send(
                "media.answer",
                generation=offer["generation"],
                revision=offer["revision"],
                sdp=pc.localDescription.sdp,
            )

    async def _read(self, mid: str, track: MediaStreamTrack, mids: dict[str, str]) -> None:
        while True:
            try:
                await track.recv()
            except MediaStreamError:
                return
            name = mids[mid]
            self.frames[name] = self.frames.get(name, 0) + 1

    async def gets(self, track: str, more: int = 8, within_s: float = 30.0) -> None:
        """Wait until so many more frames of a track have been decoded."""
        wanted = self.frames.get(track, 0) + more
        await until(lambda: self.frames.get(track, 0) >= wanted, within_s)

    async def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pc in (self._publish, self._subscribe):
            if pc is not None:
                await pc.close()
