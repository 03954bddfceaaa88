"""A publisher whose picture is white and whose tone is loud in the first fifth of each second, and what is found of
that in a recording: decoded with PyAV, which knows nothing of how it was written."""

from __future__ import annotations

import array
import asyncio
import fractions
import json
import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import av
import msgspec
from aiortc import MediaStreamTrack, RTCRtpSender, VideoStreamTrack

from media.record.recording import INDEX, Begun, Finished
from tests.media.peers import connection, negotiate_publish
from tests.media.worker_process import FakeServer

LOUD = 0.2
# Seconds after which what rises is another one: a tone goes up and down within itself.
QUIET = 0.2
# Made once: a publisher that is late tells wrong times in its sender reports, since aiortc notes when it sent a frame.
LOUD_WAVE, LOW_WAVE = (
    array.array("h", (int(height * math.sin(2 * math.pi * 450 * n / 48000)) for n in range(960))).tobytes()
    for height in (12000, 300)
)


class Beeps(MediaStreamTrack):
    kind = "audio"

    def __init__(self, began: float) -> None:
        super().__init__()
        self._began = began
        self._samples = 0

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(max(0.0, self._began + self._samples / 48000 - time.monotonic()))
        loud = self._samples % 48000 < 48000 * LOUD
        frame = av.AudioFrame(format="s16", layout="mono", samples=960)
        frame.planes[0].update(LOUD_WAVE if loud else LOW_WAVE)
        frame.sample_rate, frame.pts, frame.time_base = 48000, self._samples, fractions.Fraction(1, 48000)
        self._samples += 960
        return frame


class Flashes(VideoStreamTrack):
    def __init__(self, began: float) -> None:
        super().__init__()
        self._began = began
        self.sent = 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(max(0.0, self._began + self.sent / 25 - time.monotonic()))
        frame = av.VideoFrame(160, 120, "yuv420p")
        shade = 235 if self.sent % 25 < 25 * LOUD else 40
        for plane, value in zip(frame.planes, (shade, 128, 128), strict=True):
            plane.update(bytes((value,)) * plane.buffer_size)
        frame.pts, frame.time_base = self.sent * 3600, fractions.Fraction(1, 90000)
        self.sent += 1
        return frame


class Film:
    """Publishes both, with one of the video codecs of aiortc."""

    def __init__(self, server: FakeServer, peer: str, codec: str = "VP8") -> None:
        self.pc = connection()
        self._server = server
        self._peer = peer
        self._codec = codec

    async def start(self) -> None:
        began = time.monotonic() + 0.5
        self.pc.addTrack(Beeps(began))
        self.pc.addTrack(Flashes(began))
        found = [each for each in RTCRtpSender.getCapabilities("video").codecs if self._codec in each.mimeType]
        self.pc.getTransceivers()[1].setCodecPreferences(found)
        bindings = {"0": f"{self._peer}/audio", "1": f"{self._peer}/video"}
        await negotiate_publish(self._server, self._peer, self.pc, bindings)


class Decoded(NamedTuple):
    """`begins`: seconds since 1970 of its first frame; `times`: of all frames, since then; `rises`: when it became loud
    or bright, in seconds since 1970; `duration` is what the file says of itself."""

    begins: float
    times: list[float]
    rises: list[float]
    duration: float

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """Where nothing was for half a second and more: (from, how long)."""
        pairs = zip(self.times, self.times[1:], strict=False)
        return [(one, other - one) for one, other in pairs if other - one > 0.5]


def index(folder: Path) -> tuple[list[Begun], set[str]]:
    """The files that were begun, and the names of those that were finished."""
    lines = [
        msgspec.json.decode(line, type=Begun | Finished) for line in (folder / INDEX).read_bytes().splitlines() if line
    ]
    return [line for line in lines if isinstance(line, Begun)], {
        line.file for line in lines if isinstance(line, Finished)
    }


def decoded(folder: Path, file: Begun) -> Decoded:
    """Everything in a file, through a decoder."""
    times, values = [], []
    with av.open(str(folder / file.file)) as container:
        duration = (container.duration or 0) / 1e6
        for frame in container.decode(container.streams[0]):
            assert isinstance(frame, av.AudioFrame | av.VideoFrame) and frame.time is not None
            if isinstance(frame, av.AudioFrame):
                samples = array.array("f" if "flt" in frame.format.name else "h", bytes(frame.planes[0]))
                # In pieces of 5 ms: the flash is known to 40 ms, and the beep must not add to it.
                for n in range(0, frame.samples, 240):
                    times.append(frame.time + n / 48000)
                    values.append(max(abs(sample) for sample in samples[n : n + 240]) > 0.15)
            elif isinstance(frame, av.VideoFrame):
                times.append(frame.time)
                values.append(bytes(frame.planes[0])[0] > 140)
    rises, dark = [], True
    low_since = times[0] if times else 0.0
    for at, value in zip(times, values, strict=True):
        if value and dark:
            rises.append(file.begins + at)
            dark = False
        elif value:
            low_since = at
        elif at - low_since > QUIET:
            dark = True
    return Decoded(file.begins, times, rises[1:] if values[:1] == [True] else rises, duration)


def apart(sound: Decoded, picture: Decoded) -> list[float]:
    """How far each beep is from its flash, in seconds. One of them may be missing at either end."""
    found = [min((beep - flash for flash in picture.rises), key=abs, default=1.0) for beep in sound.rises]
    return [each for each in found if abs(each) < 0.5]


async def probed(path: Path) -> dict[str, Any]:
    """What ffprobe says of a file, of which it has nothing to complain."""
    found: dict[str, Any] = json.loads(
        await _ran("ffprobe", "-v", "warning", "-show_format", "-show_streams", "-of", "json", str(path))
    )
    return found


async def played(path: Path) -> None:
    """ffmpeg decodes all of a file, and has nothing to complain of. Frames keep their own times: by itself it puts them
    in ticks of the rate that it takes for the file's, and complains of its own output where two fall into one."""
    as_it_is = ("-fps_mode", "passthrough", "-enc_time_base", "-1")
    await _ran("ffmpeg", "-nostdin", "-v", "warning", "-i", str(path), *as_it_is, "-f", "null", "-")


async def _ran(*command: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    assert process.returncode == 0 and not errors, errors.decode()
    return out
