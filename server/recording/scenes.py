"""What a recording's timeline says of each moment: who was on the stage, who spoke, in which layout, what was written;
and where everybody is then.

The arrangement is that of the conference's page (server/web/js/conference/layout.js) for a stage of any size: who is
large, the others below, beside, or in a corner over it; tiles placed by hand stand over all that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from protocol.layout import LayoutKind

Tiles = dict[str, tuple[float, float, float, float]]
Box = tuple[int, int, int, int]
Boxes = dict[tuple[str, str], Box]
# Of the width, or the height, for those who are not large; and for the one in the corner.
_STRIP, _CORNER = 5, 4
# For how long the results of a poll are shown.
_RESULTS_S = 10.0


class Page(NamedTuple):
    """A page of slides, and whoever has put them on the stage."""

    person: str
    number: int
    page: int


class Asked(NamedTuple):
    """A poll: its question, and its options; the results behind them once it is closed, until a time in seconds since
    1970."""

    number: int
    question: str
    options: tuple[str, ...]
    until: float = math.inf


class Scene(NamedTuple):
    """A moment: names, who is on the stage in order, tiles placed by hand (x, y, width, height in percent), the kind of
    layout, who was chosen to be large, who spoke last; the slides, the question (who asked, and what) and the
    polls that were shown, the newest last."""

    names: dict[str, str]
    stage: tuple[str, ...]
    tiles: Tiles
    kind: str = LayoutKind.GRID
    spotlight: str = ""
    speaker: str = ""
    slides: Page | None = None
    question: str = ""
    polls: tuple[Asked, ...] = ()

    def card(self, moment: float) -> tuple[str, ...]:
        """The lines that are shown over the stage: of several polls there is room for the newest."""
        asked = (self.question,) if self.question else ()
        poll = next((each for each in reversed(self.polls) if moment < each.until), None)
        return (*asked, poll.question, *poll.options) if poll is not None else asked


class Said(NamedTuple):
    """A message of the chat for everybody."""

    name: str
    text: str


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file of JSON, without what was cut off."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            yield msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError:
            continue


def scenes_of(timeline: Path) -> list[tuple[float, Scene]]:
    """The timeline as (seconds since 1970, what holds from then on)."""
    scene = Scene({}, (), {})
    found: list[tuple[float, Scene]] = []
    for line in lines(timeline):
        before = scene
        if "begin" in line:
            picture = line["begin"]
            names = {each["id"]: each["name"] for each in picture.get("people", ())}
            scene = _laid_out(Scene(names, tuple(picture.get("stage", ())), {}), picture.get("layout", {}))
            scene = scene._replace(
                slides=_page(picture.get("slides")),
                question=_question(picture.get("displayed")),
                polls=tuple(_poll(each) for each in picture.get("polls", ())),
            )
        elif "event" in line:
            scene = _after(scene, line["event"])
            scene = _shown(scene, line["event"], float(line["at"]) / 1000)
        elif "speaker" in line:
            scene = scene._replace(speaker=str(line["speaker"]))
        if scene != before:
            found.append((float(line["at"]) / 1000, scene))
    return found


def named_by(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Who is called what, as far as an event says it: in a crowd not everybody is told of each coming."""
    if event.get("type") == "participant.joined":
        yield str(event.get("person")), str(event.get("name", ""))
    elif event.get("type") in ("stage.taken", "remark.granted") and event.get("who"):
        yield str(event.get("person")), str(event["who"].get("name", ""))


def chat_of(timeline: Path) -> list[tuple[float, Said]]:
    """What was written to everybody, and when (seconds since 1970); not what was deleted."""
    found = []
    for line in lines(timeline):
        said = line.get("chat")
        if isinstance(said, dict) and said.get("text"):
            found.append((float(line["at"]) / 1000, Said(str(said.get("name", "")), str(said["text"]))))
    return found


def _after(scene: Scene, event: Mapping[str, Any]) -> Scene:
    kind, person = event.get("type"), str(event.get("person", ""))
    for named, name in named_by(event):
        if scene.names.get(named) != name:
            scene = scene._replace(names={**scene.names, named: name})
    if kind == "stage.taken" and person not in scene.stage:
        return scene._replace(stage=(*scene.stage, person))
    if kind in ("stage.left", "participant.left"):
        # Who comes back has no tile of their own any more, and nothing else is said of that (server/room/apply.py).
        tiles = {each: tile for each, tile in scene.tiles.items() if each != person}
        slides = scene.slides if scene.slides is None or scene.slides.person != person else None
        stage = tuple(each for each in scene.stage if each != person)
        return scene._replace(stage=stage, tiles=tiles, slides=slides)
    if kind == "conference.layout_changed":
        return _laid_out(scene, event.get("layout", {}))
    return scene


def _shown(scene: Scene, event: Mapping[str, Any], at: float) -> Scene:
    kind = event.get("type")
    if kind == "slides.opened":
        return scene._replace(slides=_page(event.get("slides")))
    if kind == "slides.turned" and scene.slides is not None:
        return scene._replace(slides=scene.slides._replace(page=int(event["page"])))
    if kind == "slides.closed":
        return scene._replace(slides=None)
    if kind == "question.displayed":
        return scene._replace(question=_question(event.get("question")))
    if kind == "poll.launched":
        return scene._replace(polls=(*scene.polls, _poll(event["poll"])))
    if kind == "poll.closed":
        counts = event.get("counts", ())
        closed = (_results(each, counts, at) if each.number == event.get("poll") else each for each in scene.polls)
        return scene._replace(polls=tuple(closed))
    if kind == "poll.removed":
        return scene._replace(polls=tuple(each for each in scene.polls if each.number != event.get("poll")))
    return scene


def _results(poll: Asked, counts: Iterable[int], at: float) -> Asked:
    options = tuple(f"{option}: {count}" for option, count in zip(poll.options, counts, strict=False))
    return poll._replace(options=options, until=at + _RESULTS_S)


def _page(slides: Mapping[str, Any] | None) -> Page | None:
    if not slides:
        return None
    return Page(str(slides["person"]), int(slides["file"]["number"]), int(slides["page"]))


def _question(question: Mapping[str, Any] | None) -> str:
    return f"{question.get('name') or 'A question'}: {question['text']}" if question else ""


def _poll(poll: Mapping[str, Any]) -> Asked:
    return Asked(int(poll["number"]), str(poll["question"]), tuple(map(str, poll["options"])))


def _laid_out(scene: Scene, layout: Mapping[str, Any]) -> Scene:
    tiles = {
        person: (float(tile["x"]), float(tile["y"]), float(tile["width"]), float(tile["height"]))
        for person, tile in layout.get("tiles", {}).items()
    }
    kind = str(layout.get("kind", LayoutKind.GRID))
    return scene._replace(tiles=tiles, kind=kind, spotlight=str(layout.get("spotlight", "")))


def places(people: list[str], shared: list[tuple[str, str]], scene: Scene, width: int, height: int) -> Boxes:
    """Where everybody is: (person, source) → (left, top, width, height), in the order in which they are drawn. Who has
    no place is not seen. `shared`: screens and slides."""
    rest = [(person, "video") for person in people if person not in scene.tiles]
    large = _large(rest, shared, scene)
    others = [each for each in rest if each not in large]
    found: Boxes = {}
    if not large:
        found.update(zip(others, _grid(len(others), (0, 0, width, height)), strict=True))
    elif scene.kind == LayoutKind.PICTURE_IN_PICTURE:
        found.update(zip(large, _grid(len(large), (0, 0, width, height)), strict=True))
        if others:
            inset = (scene.speaker, "video") if (scene.speaker, "video") in others else others[0]
            wide, high = width // _CORNER, height // _CORNER
            found[inset] = (width - wide, height - high, wide, high)
    else:
        beside = width // _STRIP if others and scene.kind != LayoutKind.SPEAKER else 0
        below = height // _STRIP if others and scene.kind == LayoutKind.SPEAKER else 0
        strip = (0, height - below, width, below) if below else (width - beside, 0, beside, height)
        found.update(zip(large, _grid(len(large), (0, 0, width - beside, height - below)), strict=True))
        found.update(zip(others, _grid(len(others), strip), strict=True))
    for person in people:
        if person in scene.tiles:
            x, y, wide_part, high_part = scene.tiles[person]
            size = max(2, int(wide_part * width / 100)), max(2, int(high_part * height / 100))
            found[person, "video"] = (int(x * width / 100), int(y * height / 100), *size)
    return found


def _large(rest: list[tuple[str, str]], shared: list[tuple[str, str]], scene: Scene) -> list[tuple[str, str]]:
    if scene.kind in (LayoutKind.GRID, LayoutKind.SCREEN_FIRST):
        return shared
    chosen = (scene.spotlight, "video")
    if chosen in rest:
        return [chosen]
    speaks = (scene.speaker, "video")
    return shared or ([speaks] if speaks in rest else rest[:1])


def _grid(count: int, area: Box) -> list[Box]:
    """As many boxes, with pictures of 16:9 as large as they can be."""
    if not count:
        return []
    left, top, width, height = area
    columns = max(range(1, count + 1), key=lambda n: (min(width / n / 16, height / math.ceil(count / n) / 9), n))
    rows = math.ceil(count / columns)
    wide, high = width // columns, height // rows
    return [(left + n % columns * wide, top + n // columns * high, wide, high) for n in range(count)]
