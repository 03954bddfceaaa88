"""A page's camera, microphone and screen whose content says when it was made, and what a recording has of it.

The first fifth of each second, by the one clock that all pages share, is a flash and a beep. Sound is pushed as a
microphone does it, by the samples that are due: an oscillator's stands still whenever its thread gets no core, and
nothing says when. Each picture has the time at which it was painted in it, in bits: what came of it is compared with
that and not with what the recorder believes. Decoded with PyAV, which knows nothing of how it was written.
"""

from __future__ import annotations

import array
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import av

# Bits of a time in milliseconds: what a picture says is known but for whole multiples of 65.5 s. Below each is its
# opposite, so that what the encoder has made unreadable is not read.
BITS = 16
READABLE = 60
# Pictures before and after one: half a second.
NEAR = 6
FILM = """
(() => {
  const film = (width, height, colour) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    const pen = canvas.getContext('2d');
    const paint = (now, white) => {
      pen.fillStyle = white ? '#fff' : colour;
      pen.fillRect(0, 0, width, height);
      for (let bit = 0; bit < BITS; bit += 1) {
        const one = (now >> bit) & 1;
        for (const [row, lit] of [[8, one], [9, 1 - one]]) {
          pen.fillStyle = lit ? '#fff' : '#000';
          pen.fillRect((width / BITS) * bit, (height / 10) * row, width / BITS, height / 10);
        }
      }
    };
    return { canvas, paint };
  };
  // What is pushed says that it was captured 20 ms ago, as what is pushed in time was. Where a piece says that it is
  // older the browser takes all that follow for as old, for good: its sender reports were up to 250 ms off.
  const push = (microphones, samples, loud) => {
    const data = Float32Array.from({ length: 480 }, (_, n) => loud * Math.sin((Math.PI * 880 * (samples + n)) / 48000));
    const timestamp = (performance.now() - 20) * 1000;
    const piece = { format: 'f32', sampleRate: 48000, numberOfChannels: 1, numberOfFrames: 480, timestamp, data };
    for (const each of microphones) each.write(new AudioData(piece)).catch(() => {});
  };
  const make = () => {
    const camera = film(320, 240, 'CAMERA');
    setInterval(() => {
      const now = Date.now();
      camera.paint(now, now % 1000 < 200);
    }, 80);
    const microphones = [];
    // Pieces begin with the second.
    const began = Math.ceil(Date.now() / 10) * 10;
    let samples = 0;
    setInterval(() => {
      // All that is due, in pieces of 10 ms: where their length changes the browser begins anew.
      for (; samples / 48 + 10 <= Date.now() - began; samples += 480) {
        push(microphones, samples, (began + samples / 48) % 1000 < 200 ? 0.6 : 0.01);
      }
    }, 5);
    return { canvas: camera.canvas, microphones };
  };
  let made = null;
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    made ??= make();
    const tracks = [];
    if (video) tracks.push(...made.canvas.captureStream().getVideoTracks());
    if (audio) {
      const microphone = new MediaStreamTrackGenerator({ kind: 'audio' });
      made.microphones.push(microphone.writable.getWriter());
      tracks.push(microphone);
    }
    return new MediaStream(tracks);
  };
  navigator.mediaDevices.getDisplayMedia = async () => {
    const screen = film(640, 360, 'SCREEN');
    const stream = screen.canvas.captureStream();
    const painting = setInterval(() => {
      if (stream.getVideoTracks()[0].readyState === 'ended') clearInterval(painting);
      else screen.paint(Date.now(), false);
    }, 200);
    return stream;
  };
})();
"""


def filmed(pages: Callable[..., Any], camera: str, screen: str = "#0a0") -> Callable[..., Any]:
    """Pages whose devices are these, with a camera and a screen of one colour."""
    script = FILM.replace("BITS", str(BITS)).replace("CAMERA", camera).replace("SCREEN", screen)

    async def page(**look: Any) -> Any:
        made = await pages(**look)
        await made.add_init_script(script)
        return made

    return page


class Pictures(NamedTuple):
    """What a file of pictures has. `at`: when each is shown, in seconds since 1970; `painted`: what it says of itself,
    in the same; `lit`: where a flash begins; `unreadable`: pictures that say nothing. `behind`: how much later than it
    was painted a picture is shown where the browser had time for it: it takes some up late, and none early."""

    at: list[float]
    painted: list[float]
    lit: list[int]
    unreadable: int
    behind: list[float]


def pictures(path: Path, begins: float) -> Pictures:
    """The pictures of a file that begins at this time, seconds since 1970."""
    found = Pictures([], [], [], 0, [])
    unreadable, dark = 0, False
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.time is not None
            at = begins + frame.time
            painted = _painted(frame, at)
            if painted is None:
                unreadable += 1
                continue
            white = _luma(frame, 0.5, 0.3) > 180
            if white and dark:
                found.lit.append(len(found.at))
            dark = not white
            found.at.append(at)
            found.painted.append(painted)
    late = [at - painted for at, painted in zip(found.at, found.painted, strict=True)]
    behind = [min(late[max(0, n - NEAR) : n + NEAR + 1]) for n in range(len(late))]
    return found._replace(unreadable=unreadable, behind=behind)


def _luma(frame: av.VideoFrame, x: float, y: float) -> int:
    plane = frame.planes[0]
    return memoryview(plane)[int(y * frame.height) * plane.line_size + int(x * frame.width)]


def _painted(frame: av.VideoFrame, near: float) -> float | None:
    """The time that stands in a picture: of those that it may be the one nearest to `near`."""
    value = 0
    for bit in range(BITS):
        x = (bit + 0.5) / BITS
        difference = _luma(frame, x, 0.85) - _luma(frame, x, 0.95)
        if abs(difference) < READABLE:
            return None
        value |= (difference > 0) << bit
    turn = 1 << BITS
    off = (value - round(near * 1000) + turn // 2) % turn - turn // 2
    return near + off / 1000


class Sound(NamedTuple):
    """What a file of sound has. `beeps`: when each begins, `first` and `last`: of all that is in it, seconds since
    1970; `gaps`: where nothing was for half a second and more (from, to)."""

    beeps: list[float]
    first: float
    last: float
    gaps: list[tuple[float, float]]


# Of full scale: between what is loud and what is low.
LOUD = 0.15
# To the next beep it is quiet for 0.8 s; within one the tone goes up and down.
QUIET_S = 0.4
# Of what is measured: 5 ms.
PIECE = 240


def sound(path: Path, begins: float) -> Sound:
    """The sound of a file that begins at this time, seconds since 1970."""
    beeps: list[float] = []
    gaps: list[tuple[float, float]] = []
    first = last = 0.0
    heard = begins  # when it was loud last; what begins with a beep has not its beginning
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            assert frame.time is not None
            at = begins + frame.time
            if not first:
                first = last = at
            if at - last > 0.5:
                gaps.append((last, at))
                heard = at
            samples = array.array("f" if "flt" in frame.format.name else "h", bytes(frame.planes[0]))
            scale = 1.0 if samples.typecode == "f" else 32768.0
            channels = 1 if frame.format.is_planar else len(frame.layout.channels)
            for n in range(0, frame.samples, PIECE):
                if max(map(abs, samples[channels * n : channels * (n + PIECE)])) / scale > LOUD:
                    if at + n / frame.sample_rate - heard > QUIET_S:
                        beeps.append(at + n / frame.sample_rate)
                    heard = at + n / frame.sample_rate
            last = at + frame.samples / frame.sample_rate
    return Sound(beeps, first, last, gaps)
