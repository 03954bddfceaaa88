"""Somebody with a WebSocket and media connections by hand (transport.py): who sends packets with a mark in them, and
writes down every packet that comes, whose mark it has and under which track it came."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import struct
import time
from typing import Any, NamedTuple

from websockets.exceptions import ConnectionClosed

from media import codecs, red, sdp
from media.codecs import AUDIO_LEVEL, MID, OPUS, VP8
from media.sdp import Description, Section
from tests.disobedient.transport import Heard, MediaConnection
from tests.harness import Client, until

MARK = b"\xd1SO\xbe\xd1ENT"
# The ids this peer gives its header extensions.
LEVEL_ID, MID_ID = 1, 4
MIDS = {"audio": "0", "video": "1", "screen": "2", "screen_audio": "3"}
TICK_S = 0.02


class Packet(NamedTuple):
    """A packet that reached somebody. `track`: under which it was offered; `label`: what its sender wrote into it,
    and `sent`, when (as `time.time()`, like `at`). Both are empty for a packet without a mark."""

    at: float
    track: str
    label: str
    sent: float


def marked(label: str, video: bool) -> bytes:
    """A payload of Opus or VP8 (each frame a key frame, so that a viewer may start anywhere) with a mark in it."""
    beginning = b"\x10\x00" if video else b"\xfc"
    return beginning + MARK + struct.pack("!d", time.time()) + label.encode()


def mark_of(payload: bytes) -> tuple[str, float]:
    """Label and time of a packet's mark."""
    at = payload.find(MARK)
    if at < 0:
        return "", 0.0
    begin = at + len(MARK)
    return payload[begin + 8 :].decode(errors="replace"), struct.unpack_from("!d", payload, begin)[0]


class Stream:
    """What one m-line sends: an SSRC with its numbers. `level`: the audio level said of each packet, in -dBov."""

    def __init__(self, connection: MediaConnection, mid: str, video: bool, label: str, ssrc: int = 0) -> None:
        self.ssrc = ssrc or secrets.randbits(32)
        self.mid = mid
        self.label = label
        self.video = video
        self.payload_type = (VP8 if video else OPUS).payload_type
        self.level = 20
        self._connection = connection
        self._seq = secrets.randbelow(0x4000)
        self._timestamp = secrets.randbits(30)

    def send(self) -> None:
        """One packet."""
        self._seq += 1
        self._timestamp += 3000 if self.video else 960
        extensions = {MID_ID: self.mid.encode()} if self.mid else {}
        if not self.video:
            extensions[LEVEL_ID] = bytes((0x80 | self.level,))
        self._connection.rtp(
            self.ssrc, self.payload_type, self._seq, self._timestamp, marked(self.label, self.video), extensions
        )


class Peer:
    """One person. `packets` holds all that has reached it, `streams` what it sends each 20 ms (video each 40), `ssrcs`
    under which SSRC it receives which track."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.packets: list[Packet] = []
        self.signals: list[dict[str, Any]] = []
        self.streams: list[Stream] = []
        self.publishing: MediaConnection | None = None
        self.subscribed: MediaConnection | None = None
        self._generation = -1
        self.ssrcs: dict[int, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._sender: asyncio.Task[None] | None = None

    @property
    def identity(self) -> str:
        """Who it is."""
        return self.client.identity

    # --- receiving ----------------------------------------------------------------------

    async def subscribe(self) -> None:
        """Receive, from now on; every offer is answered."""
        self._tasks.append(asyncio.create_task(self._listen(), name="answers offers"))
        await self.client.send("media.subscribe")
        await until(lambda: self.subscribed is not None and self.subscribed.connected.is_set())

    async def _listen(self) -> None:
        while True:
            signal = await self.client.signals.get()
            self.signals.append(signal)
            if signal["type"] == "media.offer":
                # A connection that went away meanwhile has nobody to answer.
                with contextlib.suppress(ConnectionError, ConnectionClosed):
                    await self._answer(signal)

    async def _answer(self, offer: dict[str, Any]) -> None:
        if self.subscribed is None or offer["generation"] != self._generation:
            if self.subscribed is not None:
                self.subscribed.close()
            self.subscribed, self._generation = MediaConnection(self._heard), offer["generation"]
        description = sdp.parse(offer["sdp"])
        for section in description.sections:
            for ssrc in section.ssrcs:
                self.ssrcs[ssrc] = offer["tracks"].get(section.mid, "")
            section.direction = "recvonly" if section.direction == "sendonly" else "inactive"
            section.ssrcs, section.rtx_of, section.stream = [], {}, ""
        answer = self.subscribed.describe(description, "active")
        await self.client.send("media.answer", generation=offer["generation"], revision=offer["revision"], sdp=answer)
        await self.subscribed.connect(offer["sdp"])

    def _heard(self, heard: Heard) -> None:
        # Redundant audio carries the packet before it as well: that must not be one of them either.
        blocks = red.split(heard.payload, 0, len(heard.payload)) if heard.payload_type == codecs.RED else None
        for payload in [heard.payload] if blocks is None else [heard.payload[at:end] for _, _, at, end in blocks]:
            label, sent = mark_of(payload)
            self.packets.append(Packet(heard.at, self.ssrcs.get(heard.ssrc, ""), label, sent))

    def got(self, label: str, since: float = 0.0) -> list[Packet]:
        """The packets with this label (its first words are enough) that came after a moment."""
        return [packet for packet in self.packets if packet.at > since and packet.label.startswith(label)]

    async def gets(self, label: str, more: int = 5, within_s: float = 10.0) -> None:
        """Wait until so many more packets with this label have come."""
        since = time.time()
        await until(lambda: len(self.got(label, since)) >= more, within_s, 0.02)

    # --- publishing ---------------------------------------------------------------------

    async def publish(self, *sources: str, label: str = "", **fields: Any) -> dict[str, Any]:
        """Offer these sources, and send each with the label `{label}/{source}`; the answer. Raises `Refused`."""
        connection = self.publishing or MediaConnection()
        streams = [
            Stream(connection, MIDS[source], source in ("video", "screen"), f"{label or self.identity}/{source}")
            for source in sources
        ]
        answer = await self.offer(connection, [line(stream) for stream in streams], sources, **fields)
        former = {stream.label: stream for stream in self.streams}
        self.streams = [former.get(stream.label, stream) for stream in streams]
        await connection.connect(answer["sdp"])
        self.publishing = connection
        self.send_on()
        return answer

    async def offer(
        self, connection: MediaConnection, lines: list[Section], sources: tuple[str, ...], **fields: Any
    ) -> dict[str, Any]:
        """Send an offer with these m-lines of which those of `sources` are named; the result of the answer."""
        text = connection.describe(Description(lines), "actpass")
        tracks = {MIDS[source]: source for source in sources}
        answer = await self.client.send("media.publish", **{"sdp": text, "tracks": tracks, **fields})
        found: dict[str, Any] = answer["result"]
        return found

    def send_on(self) -> None:
        """Send from now on, whatever comes."""
        if self._sender is None:
            self._sender = asyncio.create_task(self._send(), name="sends")
            self._tasks.append(self._sender)

    async def _send(self) -> None:
        ticks = 0
        while True:
            ticks += 1
            for stream in list(self.streams):
                if not stream.video or ticks % 2:
                    stream.send()
            await asyncio.sleep(TICK_S)

    async def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in (self.publishing, self.subscribed):
            if connection is not None:
                connection.close()


def line(stream: Stream, announced: bool = False) -> Section:
    """The m-line of an offer for this stream; `announced`: with its SSRC."""
    kind = "video" if stream.video else "audio"
    section = Section(
        kind=kind,
        mid=stream.mid,
        direction="sendonly",
        codecs=codecs.downlink_codecs(VP8 if stream.video else OPUS),
        extensions={MID_ID: MID, **({} if stream.video else {LEVEL_ID: AUDIO_LEVEL})},
    )
    if announced:
        section.ssrcs, section.cname = [stream.ssrc], "disobedient"
    return section
