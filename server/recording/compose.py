"""One video of a whole recording, made afterwards: everybody who was on the stage, where they were, with all that was
said.

The picture is drawn at a steady rate. At each moment it shows who was on the stage then and has a picture (a
letter where the camera was off), in the layout of the time (scenes.py), and with what was written beside it if that is
wanted. Sound is the sum of all tracks, each sample where it was said.

It decodes and encodes, so it is for a command line and never for the server: an hour takes about as long as it lasted
for four people on two cores.
"""

from __future__ import annotations

import array
import contextlib
import fractions
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import av
from av.audio.resampler import AudioResampler
from PIL import Image, ImageDraw

from server.recording.letters import Letters, fonts_here
from server.recording.scenes import Boxes, Page, Said, Scene, chat_of, lines, places, scenes_of
from server.recording.slides import name as name_of_page

RATE, SAMPLES = 48000, 960
# Sources of pictures; the others are heard.
_SEEN = ("video", "screen")
_BACKGROUND, _TILE, _TEXT, _NAME = (17, 20, 26), (38, 44, 56), (235, 238, 245), (122, 162, 247)
# A picture stays for so long after its last frame; then whoever it was of is shown by a letter.
STALE_S = 2.0
# A gap between two sounds above this is silence, below it the clock's jitter.
_JITTER_S = 0.03
# So long nothing is recorded before that is left out: another recorder is there within some seconds.
_PAUSE_S = 15.0
MARGIN = 8
# The chat takes this part of the width, and so many lines fill its height.
_CHAT_PART, _CHAT_LINES = 4, 36
# So many lines of a question or a poll would fill the height; no more than these are shown.
_CARD_LINES, _CARD_MOST, _CARD = 26, 14, (27, 33, 48)


class ComposeError(Exception):
    """It cannot be done; the message is a sentence."""


class Track(NamedTuple):
    """A file of a track. `begins`: seconds since 1970 of its time zero."""

    path: Path
    person: str
    source: str
    begins: float
    segment: int = 1


def tracks_of(folder: Path, warn: Callable[[str], None] = lambda sentence: None) -> list[Track]:
    """The files of a recording; of each that cannot be read `warn` is told. Raises `ComposeError`."""
    found = []
    for line in lines(folder / "tracks.jsonl"):
        if line.get("type") == "begun" and (folder / str(line["file"])).is_file():
            path = folder / Path(str(line["file"])).name
            about = str(line["person"]), str(line["source"]), float(line["begins"]), int(line.get("segment", 1))
            found.append(Track(path, *about))
    if not found:
        raise ComposeError(f"{folder} holds no recording: tracks.jsonl names no file that is there.")
    readable = []
    for track in found:
        try:
            _end(track)
        except (av.FFmpegError, IndexError) as error:
            # It was begun and never filled: the disk was full, or the recorder died.
            warn(f"{track.path.name} is left out, as it cannot be read: {error}")
        else:
            readable.append(track)
    if not readable:
        raise ComposeError(f"{folder} holds no file of a track that can be read.")
    return readable


class _Pictures:
    """The frames of one file, in time. `at(t)` is the newest one at that moment, None before the first and long after
    the last."""

    def __init__(self, track: Track) -> None:
        self.track = track
        self._container = av.open(str(track.path))
        self._frames = self._container.decode(_stream(self._container, track))
        self._shown: av.VideoFrame | None = None
        self._next: av.VideoFrame | None = None
        self._image: Image.Image | None = None
        self._stale = False
        self._step()

    def _step(self) -> None:
        while True:
            try:
                self._next = next(self._frames)
                return
            except StopIteration:
                self._next = None
                return
            except av.error.InvalidDataError:
                continue  # what a loss has left

    @property
    def over(self) -> bool:
        """It has ended, and its last picture with it."""
        return self._next is None and self._stale

    def at(self, moment: float) -> Image.Image | None:
        since = moment - self.track.begins
        while self._next is not None and (self._next.time or 0.0) <= since:
            self._shown, self._image = self._next, None
            self._step()
        self._stale = self._shown is None or since - (self._shown.time or 0.0) > STALE_S
        if self._shown is None or self._stale:
            return None
        if self._image is None:
            self._image = self._shown.to_image()  # type: ignore[no-untyped-call]
        return self._image

    def close(self) -> None:
        self._container.close()


class _Sound:
    """The samples of one file, in time."""

    def __init__(self, track: Track) -> None:
        self._begins = track.begins
        self._container = av.open(str(track.path))
        self._frames = self._container.decode(_stream(self._container, track))
        self._resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        self._left: list[tuple[int, memoryview]] = []  # (number of the first sample since 1970, samples)
        self._ended = False
        self._expected = 0.0

    @property
    def over(self) -> bool:
        """All of it has been heard."""
        return self._ended and not self._left

    def mix(self, into: list[int], start: int) -> None:
        """Add what was said from this sample on."""
        end = start + len(into)
        while not self._ended and (not self._left or self._left[-1][0] + len(self._left[-1][1]) < end):
            self._read()
        kept = []
        for first, samples in self._left:
            low, high = max(first, start), min(first + len(samples), end)
            if low < high:
                heard = into[low - start : high - start]
                into[low - start : high - start] = map(operator.add, heard, samples[low - first : high - first])
            if first + len(samples) > end:
                kept.append((first, samples))
        self._left = kept

    def _read(self) -> None:
        try:
            frame = next(self._frames)
        except StopIteration:
            self._ended = True
            return
        except av.error.InvalidDataError:
            return
        at = self._begins + (frame.time or 0.0)
        if abs(at - self._expected) < _JITTER_S:
            at = self._expected
        for each in self._resampler.resample(frame):
            self._left.append((round(at * RATE), memoryview(bytes(each.planes[0])[: 2 * each.samples]).cast("h")))
            self._expected = at + each.samples / RATE
            at = self._expected

    def close(self) -> None:
        self._container.close()


class _Canvas:
    """Draws one moment."""

    def __init__(self, width: int, height: int, chat: _Chat, letters: Letters) -> None:
        self._width, self._height = width, height
        self._chat = chat
        self._letters = letters

    @property
    def stage(self) -> tuple[int, int]:
        """Width and height of what is not chat."""
        return self._width - self._chat.width, self._height

    def draw(
        self, moment: float, images: dict[tuple[str, str], Image.Image], boxes: Boxes, scene: Scene
    ) -> Image.Image:
        canvas = Image.new("RGB", (self._width, self._height), _BACKGROUND)
        pen = ImageDraw.Draw(canvas)
        for (person, source), (left, top, wide, high) in boxes.items():
            wide, high = wide - MARGIN, high - MARGIN
            if wide < 16 or high < 16:
                continue
            left, top = left + MARGIN // 2, top + MARGIN // 2
            pen.rectangle((left, top, left + wide, top + high), fill=_TILE)
            image, name = images.get((person, source)), scene.names.get(person, person)
            if image is None:
                middle, initial = (left + wide / 2, top + high / 2), name[:1].upper() or "?"
                self._letters.write(pen, middle, initial, _TEXT, anchor="mm", size=high // 3)
            else:
                scale = min(wide / image.width, high / image.height)
                fit = max(1, int(image.width * scale)), max(1, int(image.height * scale))
                canvas.paste(image.resize(fit), (left + (wide - fit[0]) // 2, top + (high - fit[1]) // 2))
            self._name(pen, name, (left, top + high), wide, max(12, high // 20))
        self._card(pen, scene.card(moment))
        if self._chat.width:
            canvas.paste(self._chat.at(moment), (self.stage[0], 0))
        return canvas

    def _name(self, pen: ImageDraw.ImageDraw, name: str, corner: tuple[int, int], wide: int, size: int) -> None:
        """In a tile's lower left corner, as much of it as fits, on a ground of its own: pictures are bright too."""
        left, bottom = corner
        name = self._letters.shortened(name, wide - 2 * MARGIN, size)
        across = self._letters.length(name, size) + 2 * MARGIN
        pen.rectangle((left, bottom - size - MARGIN, left + across, bottom), fill=_CARD)
        middle = (left + MARGIN, bottom - (size + MARGIN) / 2)
        self._letters.write(pen, middle, name, _TEXT, anchor="lm", size=size)

    def _card(self, pen: ImageDraw.ImageDraw, card: tuple[str, ...]) -> None:
        """A question, a poll: what was shown on the stage in words, at its lower edge."""
        size = max(12, self._height // _CARD_LINES)
        width = self.stage[0] - 8 * MARGIN
        rows = [row for line in card for row in wrapped(self._letters, line, width, size)][:_CARD_MOST]
        if not rows:
            return
        high = round(1.4 * size * len(rows)) + 2 * MARGIN
        left, top = 3 * MARGIN, self._height - high - 3 * MARGIN
        pen.rounded_rectangle((left, top, left + width + 2 * MARGIN, top + high), radius=MARGIN, fill=_CARD)
        for number, row in enumerate(rows):
            at = (left + MARGIN, top + MARGIN + 1.4 * size * (number + 0.5))
            self._letters.write(pen, at, row, _TEXT, anchor="lm", size=size)


class _Slides:
    """The pages of slides that were shown."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._page: Page | None = None
        self._image: Image.Image | None = None

    def at(self, page: Page | None) -> Image.Image | None:
        """A page, if it was kept."""
        if page != self._page:
            self._page, self._image = page, None
            if page is not None:
                with (
                    contextlib.suppress(OSError),
                    Image.open(self._folder / name_of_page(page.number, page.page)) as image,
                ):
                    self._image = image.convert("RGB")
        return self._image


def wrapped(letters: Letters, text: str, wide: float, size: int) -> list[str]:
    """A text in lines that fit. A word that is too long, such as an address, is broken."""
    found: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if letters.length(longer, size) <= wide:
                line = longer
                continue
            found += [line] if line else []
            most = max(1, int(len(word) * wide / max(1.0, letters.length(word, size))))
            parts = [word[at : at + most] for at in range(0, len(word), most)]
            found += parts[:-1]
            line = parts[-1]
        found.append(line)
    return found


class _Chat:
    """What was written, the newest below, as a strip beside the picture. It is drawn when something is added."""

    def __init__(self, said: list[tuple[float, Said]], width: int, height: int, letters: Letters) -> None:
        self._said = said
        self._letters = letters
        self.width = width
        self._image = Image.new("RGB", (max(1, width), height), _BACKGROUND)
        self._size = max(10, height // _CHAT_LINES)
        self._lines: list[tuple[str, tuple[int, int, int]]] = []

    def at(self, moment: float) -> Image.Image:
        added = False
        while self._said and self._said[0][0] <= moment:
            self._add(self._said.pop(0)[1])
            added = True
        if added:
            self._draw()
        return self._image

    def _add(self, said: Said) -> None:
        # What is longer than the strip is high is seen from its end.
        fitting = wrapped(self._letters, said.text, self.width - 2 * MARGIN, self._size)
        name = self._letters.shortened(said.name, self.width - 2 * MARGIN, self._size)
        self._lines += [(name, _NAME), *((line, _TEXT) for line in fitting), ("", _TEXT)]
        self._lines = self._lines[-_CHAT_LINES:]

    def _draw(self) -> None:
        pen = ImageDraw.Draw(self._image)
        pen.rectangle((0, 0, self._image.width, self._image.height), fill=_BACKGROUND)
        step = self._image.height / _CHAT_LINES
        for back, (line, colour) in enumerate(reversed(self._lines)):
            at = self._image.height - MARGIN - back * step
            self._letters.write(pen, (MARGIN, at), line, colour, anchor="ls", size=round(self._size * 0.8))


def compose(
    folder: Path,
    target: Path,
    *,
    width: int = 1280,
    height: int = 720,
    fps: int = 25,
    chat: bool = False,
    progress: Callable[[float, float], None] = lambda done, whole: None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> float:
    """Make the video of the recording in `folder`; returns its seconds. `progress(done, whole)` is told seconds of it,
    `warn(sentence)` what is left out.
    `chat`: what was written stands beside it.
    The kind of file follows from the name of `target`: WebM (VP8, Opus), otherwise what its name says (H.264, AAC).
    Raises `ComposeError`, `OSError` and `av.FFmpegError`."""
    tracks = tracks_of(folder, warn)
    pauses = pauses_of(tracks)
    begins = min(track.begins for track in tracks)
    seconds = max(_end(track) for track in tracks) - begins - sum(until - since for since, until in pauses)
    web = target.suffix == ".webm"
    with av.open(str(target), "w") as out:
        video = out.add_stream("libvpx" if web else "libx264", rate=fps)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.options = (
            {"deadline": "realtime", "cpu-used": "6", "crf": "20", "b:v": "2M"} if web else {"preset": "veryfast"}
        )
        if web:
            video.bit_rate = 2_000_000
        audio = out.add_stream("libopus" if web else "aac", rate=RATE)
        audio.layout = "mono"
        timeline, letters = folder / "timeline.jsonl", Letters(fonts_here(), warn)
        beside = _Chat(chat_of(timeline) if chat else [], width // _CHAT_PART if chat else 0, height, letters)
        _write(
            *(out, video, audio, tracks, scenes_of(timeline), _Slides(folder)),
            *(begins, seconds, pauses, fps, _Canvas(width, height, beside, letters), progress),
        )
    return seconds


def pauses_of(tracks: list[Track]) -> list[tuple[float, float]]:
    """Since and until when (seconds since 1970) nothing was recorded between two segments: a server was away, or nobody
    was there. What is short stays, as it was."""
    found, over = [], min(track.begins for track in tracks)
    for segment in sorted({track.segment for track in tracks}):
        some = [track for track in tracks if track.segment == segment]
        begins = min(track.begins for track in some)
        if begins - over > _PAUSE_S:
            found.append((over, begins))
        over = max(over, *map(_end, some))
    return found


def _stream(container: Any, track: Track) -> Any:
    """What of a track's file is played. Raises `IndexError` when there is none."""
    return (container.streams.video if track.source in _SEEN else container.streams.audio)[0]


def _end(track: Track) -> float:
    """When it ends, in seconds since 1970. Raises `av.FFmpegError` and `IndexError`."""
    with av.open(str(track.path)) as container:
        _stream(container, track)
        return track.begins + (container.duration or 0) / 1e6


def _write(
    out: Any,
    video: Any,
    audio: Any,
    tracks: list[Track],
    scenes: list[tuple[float, Scene]],
    slides: _Slides,
    begins: float,
    seconds: float,
    pauses: list[tuple[float, float]],
    fps: int,
    canvas: _Canvas,
    progress: Callable[[float, float], None],
) -> None:
    waiting = sorted(tracks, key=lambda track: track.begins)
    pictures: list[_Pictures] = []
    sounds: list[_Sound] = []
    scene, heard, passed = Scene({}, (), {}), 0, 0.0
    for number in range(int(seconds * fps) + 1):
        moment = begins + passed + number / fps
        while pauses and moment >= pauses[0][0]:
            since, until = pauses.pop(0)
            passed, moment = passed + until - since, moment + until - since
        origin = round((begins + passed) * RATE)
        while waiting and waiting[0].begins <= moment + SAMPLES / RATE:
            track = waiting.pop(0)
            if track.source in _SEEN:
                pictures.append(_Pictures(track))
            else:
                sounds.append(_Sound(track))
        while scenes and scenes[0][0] <= moment:
            scene = scenes.pop(0)[1]
        images = {
            (each.track.person, each.track.source): image for each in pictures if (image := each.at(moment)) is not None
        }
        shared = [each for each in images if each[1] == "screen"]
        if scene.slides is not None and (page := slides.at(scene.slides)) is not None:
            shared.append((scene.slides.person, "slides"))
            images[shared[-1]] = page
        shown = {person for person, source in images if source == "video"}
        people = [*scene.stage, *sorted(shown - set(scene.stage))]
        boxes = places(people, shared, scene, *canvas.stage)
        drawn = canvas.draw(moment, images, boxes, scene)
        frame = av.VideoFrame.from_image(drawn)  # type: ignore[no-untyped-call]
        frame.pts, frame.time_base = number, fractions.Fraction(1, fps)
        out.mux(video.encode(frame))
        while heard < (number + 1) * RATE // fps:
            mixed = [0] * SAMPLES
            for sound in sounds:
                sound.mix(mixed, origin + heard)
            out.mux(audio.encode(_audio(mixed, heard)))
            heard += SAMPLES
        pictures, sounds = _going_on(pictures), _going_on(sounds)
        if number % fps == 0:
            progress(number / fps, seconds)
    out.mux(video.encode(None))
    out.mux(audio.encode(None))
    for picture in pictures:
        picture.close()
    for sound in sounds:
        sound.close()


_Played = TypeVar("_Played", _Pictures, _Sound)


def _going_on(some: list[_Played]) -> list[_Played]:
    """Those that are not over. A long recording has thousands of files; few are open at a time."""
    for each in some:
        if each.over:
            each.close()
    return [each for each in some if not each.over]


def _audio(mixed: list[int], at: int) -> av.AudioFrame:
    frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLES)
    try:
        samples = array.array("h", mixed)
    except OverflowError:  # several are loud at once
        samples = array.array("h", (max(-32768, min(32767, sample)) for sample in mixed))
    frame.planes[0].update(samples.tobytes())
    frame.sample_rate, frame.pts, frame.time_base = RATE, at, fractions.Fraction(1, RATE)
    return frame
