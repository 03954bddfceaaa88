"""The report: one HTML file that holds everything, with nothing to load and no script."""

from __future__ import annotations

import datetime
import html
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from media.loadtest import show
from media.loadtest.chart import Line, chart
from media.loadtest.measure import PARTS, Second
from media.loadtest.plan import PlanError
from media.loadtest.result import Result, Tester

_STYLE = """
:root { color-scheme: light dark; --paper: #fbfbfd; --card: #fff; --ink: #1b1d26; --faint: #5d6274; --rule: #dcdfe8;
  --bad: #b3261e; --good: #1b7f4b;
  --c0: #2457d6; --c1: #b4530a; --c2: #0f7a5a; --c3: #8a2bb8; --c4: #a11d4a; --c5: #4d5566; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #12141b; --card: #1b1e28; --ink: #eceef4; --faint: #a3a9ba; --rule: #343947; --bad: #ff8a80;
    --good: #6fd6a2; --c0: #7fa6ff; --c1: #ffb067; --c2: #5fd1a8; --c3: #d59bff; --c4: #ff8fb3; --c5: #b8c0d0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 24px 16px 64px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 4px; font-size: 26px; } h2 { margin: 36px 0 12px; font-size: 19px; } h3 { margin: 0; font-size: 16px; }
p { margin: 0 0 8px; } .faint, figcaption p, caption { color: var(--faint); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0 0; }
.card, .chart, .sheet { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 14px; }
.card dt { color: var(--faint); font-size: 13px; } .card dd { margin: 2px 0 0; font-size: 21px; font-weight: 600; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 16px; }
.chart { margin: 0; min-width: 0; } .chart > svg { width: 100%; height: auto; margin-top: 6px; }
svg text { fill: var(--faint); font: 11px system-ui, sans-serif; } .grid { stroke: var(--rule); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); } .c3 { stroke: var(--c3); }
.c4 { stroke: var(--c4); } .c5 { stroke: var(--c5); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 6px 0; padding: 0; list-style: none; font-size: 13px; }
.legend svg { width: 30px; height: 8px; margin-right: 6px; }
details { margin-top: 6px; } summary { cursor: pointer; color: var(--faint); font-size: 13px; }
.sheet { overflow-x: auto; padding: 0 14px; margin-bottom: 16px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
caption { text-align: left; padding: 8px 0; font-size: 13px; }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
th { font-weight: 600; } th:first-child, td:last-child { text-align: left; } tr:last-child > * { border-bottom: 0; }
.bad { color: var(--bad); } .good { color: var(--good); }
"""


def check(path: str) -> None:
    """Raises `PlanError` when nothing can be written there, before a long run and not after it."""
    folder = Path(path).resolve().parent
    if Path(path).is_dir() or not os.access(folder, os.W_OK):
        raise PlanError(f"--report: {path} cannot be written.")


def write(path: str, result: Result) -> None:
    """Write the report."""
    Path(path).write_text(render(result, datetime.datetime.now().astimezone()), encoding="utf-8")


def render(result: Result, made: datetime.datetime) -> str:
    """The report as HTML."""
    ended = " It was interrupted." if result.interrupted else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Podium load test</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><header><h1>Podium load test</h1>"
        f"<p>{html.escape(result.intention)}{ended}</p>"
        f'<p class="faint"><time datetime="{made.isoformat(timespec="seconds")}">{made:%Y-%m-%d %H:%M}</time> · '
        f"{html.escape(', '.join(f'{name} {value}' for name, value in result.machine.items()))}</p></header><main>"
        f"{_cards(result)}{_promises(result)}{_charts(result.series)}{_storms(result)}"
        f"{_sheet('Summary', ('', ''), show.rows(result))}{_errors(result)}{_testers(result.testers)}"
        "</main></body></html>\n"
    )


def _cards(result: Result) -> str:
    total, latency, media = result.total, result.latency_ms, result.media_ms
    cards = {
        "Viewers": f"{total['viewers']:,}",
        "Packets received": f"{total['packets']:,}",
        "Bitrate to viewers": show.bitrate(total["kbps"]),
        "Packets lost": f"{total['lost']:,}",
        "Packet loss": "-" if total["loss_percent"] is None else f"{total['loss_percent']:.3g} %",
        "Latency p99": f"{latency['p99']:.1f} ms" if latency else "-",
        "Join to media p95": f"{media['p95']:.0f} ms" if media else "-",
        "Errors": f"{total['errors']:,}",
    }
    items = (
        f'<div class="card"><dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd></div>'
        for name, text in cards.items()
    )
    return f'<dl class="cards">{"".join(items)}</dl>'


def _promises(result: Result) -> str:
    if not result.violations:
        return '<h2>Promises</h2><p class="good">✓ None of what was looked at was broken.</p>'
    items = "".join(f'<li class="bad">✗ {html.escape(sentence)}</li>' for sentence in result.violations)
    return f"<h2>Promises</h2><ul>{items}</ul>"


def _charts(series: Sequence[Second]) -> str:
    at = [second.at for second in series]
    processes = sorted({name for second in series for name in second.cpu})
    drawn = (
        chart(
            "received",
            "Packets to viewers",
            "RTP packets per second, of all viewers together",
            at,
            [Line("received", [second.received for second in series])],
        ),
        chart(
            "sent",
            "Packets from publishers",
            "RTP packets per second, of all publishers together",
            at,
            [Line("sent", [second.sent for second in series])],
        ),
        chart(
            "lost",
            "Packets missed",
            "Packets per second that sampled viewers missed, before they were repeated",
            at,
            [Line("missed", [second.lost for second in series])],
        ),
        chart(
            "latency",
            "Latency",
            "Milliseconds from the publisher's send to the viewer's kernel",
            at,
            [Line(name, [second.delay_ms.get(name) for second in series]) for name in PARTS],
        ),
        chart(
            "cpu",
            "CPU",
            "Percent of one core",
            at,
            [Line(name, [_percent(second.cpu.get(name)) for second in series]) for name in processes],
        ),
        chart(
            "people",
            "People",
            "How many are there",
            at,
            [
                Line("in a conference", [second.joined for second in series]),
                Line("viewers with media", [second.connected for second in series]),
            ],
        ),
        chart(
            "joins",
            "Joins",
            "People who came in, per second",
            at,
            [Line("joins", [second.joins for second in series])],
        ),
    )
    return f'<h2>Second by second</h2><div class="charts">{"".join(drawn)}</div>' if any(drawn) else ""


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _storms(result: Result) -> str:
    return "".join(
        _sheet(
            f"Storm: {name}",
            ("", ""),
            [(key.replace("_", " "), show.figure(value)) for key, value in figures.items()],
        )
        for name, figures in result.storms.items()
    )


def _errors(result: Result) -> str:
    if not result.errors:
        return ""
    return _sheet("Errors", ("How many", "What"), [(f"{count:,}", text) for text, count in result.errors.items()])


def _testers(testers: Sequence[Tester]) -> str:
    columns = ("Tester", "Tracks", "Bitrate", "Total Pkts.", "Packet loss", "Repaired", "Join", "Media", "Error")
    rows = (
        (
            each.name,
            f"{each.tracks}/{each.of_tracks}",
            show.bitrate(each.kbps),
            f"{each.packets:,}",
            show.loss(each.lost, each.expected),
            f"{each.repaired:,}" if each.sampled else "-",
            _time(each.join_ms),
            _time(each.media_ms),
            each.error or "-",
        )
        for each in testers
    )
    return _sheet("Testers", columns, rows)


def _time(ms: float | None) -> str:
    return "-" if ms is None else f"{ms:,.0f} ms"


def _row(cells: Sequence[str]) -> str:
    first, *others = map(html.escape, cells)
    return f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in others) + "</tr>"


def _sheet(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns) if any(columns) else ""
    body = "".join(map(_row, rows))
    header = f"<thead><tr>{head}</tr></thead>" if head else ""
    return (
        f'<h2>{html.escape(title)}</h2><div class="sheet" tabindex="0" role="region" aria-label="{html.escape(title)}">'
        f"<table>{header}<tbody>{body}</tbody></table></div>"
    )
