"""What a run looks like: a live line while it goes on, tables at the end, or one JSON object.

The columns are those that users of other servers' load tests know: tracks, bitrate, packets, loss, error.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from media.loadtest.measure import Second
from media.loadtest.result import Result, Tester

# A thousand lines say less than twenty; --json and the report have all.
_MOST_ROWS = 20
# Where nobody watches, a line each so often.
_PLAIN_EVERY_S = 5.0


class Progress:
    """On stderr: a live line in a terminal, otherwise a plain line from time to time."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._live = (
            Live(console=self._console, auto_refresh=False, transient=True) if self._console.is_terminal else None
        )
        self._phase = ""
        self._said_at = 0.0

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, phase: str, second: Second | None) -> None:
        """See `Run`."""
        text = phase if second is None else f"{phase} · {_now(second)}"
        if self._live is not None:
            self._live.update(Text(text), refresh=True)
            return
        now = time.monotonic()
        if phase != self._phase or now - self._said_at >= _PLAIN_EVERY_S:
            self._phase, self._said_at = phase, now
            sys.stderr.write(text + "\n")
            sys.stderr.flush()


def _now(second: Second) -> str:
    parts = [
        f"{second.at:.0f} s",
        f"{second.connected:,} viewers",
        f"{second.sent:,.0f} packets/s in",
        f"{second.received:,.0f} out",
        f"{second.lost:,.0f} missed",
    ]
    if second.delay_ms:
        parts.append(f"p99 {second.delay_ms['p99']:.1f} ms")
    parts += [f"{name} {100 * share:.0f} %" for name, share in second.cpu.items()]
    if second.errors:
        parts.append(f"{second.errors:,} errors")
    return " · ".join(parts)


def as_json(result: Result) -> None:
    """One object on stdout."""
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")


def tables(result: Result) -> None:
    """Testers, summary, and what went wrong, on stdout."""
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if not sys.stdout.isatty():
        console.width = 200
    shown = chosen(result.testers)
    console.print(_testers(shown, result))
    left = len(result.testers) - len(shown)
    if left:
        console.print(f"… and {left:,} more testers: --json and --report have all of them.", style="dim")
    console.print(_summary(result))
    for title, figures in result.storms.items():
        console.print(_figures(f"Storm: {title}", figures))
    for sentence, count in result.errors.items():
        console.print(f"{count} × {sentence}", style="red", markup=False)
    for sentence in result.violations:
        console.print(f"Broken promise: {sentence}", style="bold red", markup=False)
    if result.interrupted:
        console.print("Interrupted: these are the figures so far.", style="yellow")


def chosen(testers: Sequence[Tester]) -> list[Tester]:
    """The lines that are worth their place: who has an error or lost something, who sends, who decrypted everything."""

    def rank(number: int) -> tuple[bool, bool, bool, bool, int]:
        one = testers[number]
        return not one.error, not one.lost, one.role != "publisher", not one.sampled, number

    return [testers[number] for number in sorted(sorted(range(len(testers)), key=rank)[:_MOST_ROWS])]


def _testers(testers: Sequence[Tester], result: Result) -> Table:
    table = Table(title="Testers", title_justify="left", show_footer=True)
    total = result.total
    table.add_column("Tester", footer="Total (viewers)")
    table.add_column("Tracks", justify="right", footer=f"{total['tracks']:,}/{total['of_tracks']:,}")
    table.add_column("Bitrate", justify="right", footer=bitrate(total["kbps"]))
    table.add_column("Total Pkts.", justify="right", footer=f"{total['packets']:,}")
    table.add_column("Packet loss", justify="right", footer=loss(total["lost"], total["expected"]))
    table.add_column("Error", footer=f"{total['errors']:,}" if total["errors"] else "-")
    for each in testers:
        table.add_row(
            each.name,
            f"{each.tracks}/{each.of_tracks}",
            bitrate(each.kbps),
            f"{each.packets:,}",
            loss(each.lost, each.expected),
            Text(each.error or "-"),
        )
    return table


def bitrate(kbps: float) -> str:
    """A rate as people read it."""
    for unit in ("kbps", "Mbps"):
        if kbps < 1000:
            return f"{kbps:.1f} {unit}"
        kbps /= 1000
    return f"{kbps:.1f} Gbps"


def loss(lost: int | None, expected: int | None) -> str:
    """Packets and percent; a dash where it is not known."""
    if lost is None or not expected:
        return "-"
    return f"{lost:,} ({100 * lost / expected:.3g} %)"


def rows(result: Result) -> list[tuple[str, str]]:
    """The summary, line by line."""
    total = result.total
    return [
        ("Measured for", f"{result.duration_s:g} s"),
        ("Viewers", f"{total['viewers']:,}, loss known of {total['judged_viewers']:,}"),
        ("Packets", f"{total['sent_packets']:,} sent by publishers, {total['packets']:,} received by viewers"),
        ("Packet loss", f"{loss(total['lost'], total['expected'])} of {total['expected']:,}"),
        ("Repaired", f"{total['repaired']:,}"),
        ("Latency", milliseconds(result.latency_ms)),
        ("Join: WebSocket to snapshot", milliseconds(result.join_ms)),
        ("Join: WebSocket to media", milliseconds(result.media_ms)),
        ("CPU, share of a core", " · ".join(f"{name} {100 * share:.0f} %" for name, share in result.cpu.items())),
        ("Machine", " · ".join(f"{name} {value}" for name, value in result.machine.items())),
    ]


def milliseconds(figures: dict[str, float] | None) -> str:
    """Percentiles in one line."""
    if not figures:
        return "-"
    return " · ".join(f"{name} {value:.1f} ms" for name, value in figures.items())


def _summary(result: Result) -> Table:
    table = Table(title="Summary", title_justify="left", show_header=False)
    for name, text in rows(result):
        table.add_row(name, text)
    return table


def _figures(title: str, figures: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), figure(value))
    return table


def figure(value: Any) -> str:
    """One figure of a storm."""
    if isinstance(value, dict):
        return milliseconds(value)
    return "-" if value is None else f"{value:,}"
