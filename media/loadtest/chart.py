"""Line charts as inline SVG: no script, no picture to load, colours from the page's style sheet.

Lines differ in colour and in dash, each chart says in words what it shows, and its figures stand below it as a table.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 10, 12, 26
# More points than pixels show nothing more.
_MOST_POINTS = 240
_MOST_ROWS = 30
_DASHES = ("", "6 3", "2 3", "10 3 2 3", "1 4", "8 2 2 2 2 2")


class Line(NamedTuple):
    """One line: a value for each moment, None where there is none."""

    name: str
    values: Sequence[float | None]


class Tick(NamedTuple):
    """A line of the grid: its value and text."""

    value: float
    text: str


def chart(id: str, title: str, unit: str, at: Sequence[float], lines: Sequence[Line]) -> str:
    """A figure with its legend and its table; `at` in seconds. Empty when there is nothing to draw."""
    lines = [line for line in lines if any(value is not None for value in line.values)]
    if len(at) < 2 or not lines:
        return ""
    step = -(-len(at) // _MOST_POINTS)
    at, lines = _thinned(at, step), [Line(line.name, _highest(line.values, step)) for line in lines]
    top = max(value for line in lines for value in line.values if value is not None)
    ticks = _ticks(top)
    scale = ticks[-1].value or 1.0
    drawn = [*_grid(at, ticks, scale), *(_drawn(line, at, scale, number) for number, line in enumerate(lines))]
    note = f" Each point is the highest of {step} seconds." if step > 1 else ""
    return (
        f'<figure class="chart"><figcaption><h3>{html.escape(title)}</h3><p>{html.escape(unit)}.{note}</p></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{id}-title {id}-words">'
        f'<title id="{id}-title">{html.escape(title)}</title>'
        f'<desc id="{id}-words">{html.escape(_words(lines, unit))}</desc>{"".join(drawn)}</svg>'
        f"{_legend(lines)}{_table(at, lines, unit)}</figure>"
    )


def _thinned(values: Sequence[float], step: int) -> list[float]:
    return list(values[::step])


def _highest(values: Sequence[float | None], step: int) -> list[float | None]:
    groups = (values[start : start + step] for start in range(0, len(values), step))
    return [max((value for value in group if value is not None), default=None) for group in groups]


def _ticks(top: float) -> list[Tick]:
    """Four or five round numbers from 0 to above the top."""
    top = max(top, 1.0)
    rough = top / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    count = math.ceil(top / step)
    return [Tick(number * step, number_text(number * step)) for number in range(count + 1)]


def number_text(value: float) -> str:
    """A number as it stands at an axis."""
    if abs(value) >= 10_000:
        return f"{value / 1000:,.4g}k"
    return f"{value:,.4g}"


def _x(moment: float, at: Sequence[float]) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (moment - at[0]) / ((at[-1] - at[0]) or 1)


def _y(value: float, scale: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / scale


def _grid(at: Sequence[float], ticks: Sequence[Tick], scale: float) -> list[str]:
    found = []
    for tick in ticks:
        y = f"{_y(tick.value, scale):.1f}"
        found.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        found.append(f'<text x="{_LEFT - 6}" y="{y}" dy="4" text-anchor="end">{html.escape(tick.text)}</text>')
    for part in (0, 0.25, 0.5, 0.75, 1):
        moment = at[0] + part * (at[-1] - at[0])
        anchor = "start" if part == 0 else "end" if part == 1 else "middle"
        found.append(f'<text x="{_x(moment, at):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{moment:.0f} s</text>')
    return found


def _drawn(line: Line, at: Sequence[float], scale: float, number: int) -> str:
    """A path that is broken where there is no value."""
    path, pen = [], "M"
    for moment, value in zip(at, line.values, strict=True):
        if value is None:
            pen = "M"
            continue
        path.append(f"{pen}{_x(moment, at):.1f} {_y(value, scale):.1f}")
        pen = "L"
    dash = _DASHES[number % len(_DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path class="line c{number % 6}"{dashed} d="{" ".join(path)}"/>'


def _legend(lines: Sequence[Line]) -> str:
    items = []
    for number, line in enumerate(lines):
        dash = _DASHES[number % len(_DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        items.append(
            f'<li><svg viewBox="0 0 30 8" aria-hidden="true"><path class="line c{number % 6}"{dashed} d="M0 4 L30 4"/>'
            f"</svg>{html.escape(line.name)}</li>"
        )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _words(lines: Sequence[Line], unit: str) -> str:
    said = []
    for line in lines:
        values = [value for value in line.values if value is not None]
        mean = sum(values) / len(values)
        said.append(f"{line.name}: {number_text(mean)} on average, {number_text(max(values))} at most")
    return f"{unit}. {'; '.join(said)}."


def _table(at: Sequence[float], lines: Sequence[Line], unit: str) -> str:
    step = -(-len(at) // _MOST_ROWS)
    head = "".join(f'<th scope="col">{html.escape(line.name)}</th>' for line in lines)
    body = []
    for index in range(0, len(at), step):
        cells = "".join(
            f"<td>{'' if (value := line.values[index]) is None else number_text(value)}</td>" for line in lines
        )
        body.append(f'<tr><th scope="row">{at[index]:.0f} s</th>{cells}</tr>')
    return (
        f"<details><summary>Figures</summary><table><caption>{html.escape(unit)}</caption>"
        f'<thead><tr><th scope="col">Time</th>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></details>'
    )
