"""The report: well-formed, complete, alone, and readable without seeing its pictures."""

from __future__ import annotations

import datetime
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from media.loadtest import page
from media.loadtest import result as results
from media.loadtest.chart import Line, chart
from media.loadtest.measure import Second
from media.loadtest.plan import PlanError
from media.loadtest.result import Result, total

VOID = {"meta", "line", "path"}


class Checked(HTMLParser):
    """Every element is closed in order; ids are unique; what is named exists."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.named: set[str] = set()
        self.tags: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        given = dict(attributes)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.named |= set((given.get("aria-labelledby") or "").split())
        assert not {"src", "href", "onload", "onclick"} & given.keys()

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def parsed(text: str) -> Checked:
    checked = Checked()
    checked.feed(text)
    checked.close()
    assert not checked.open and len(checked.ids) == len(set(checked.ids)) and checked.named <= set(checked.ids)
    return checked


def viewer(number: int, **more: object) -> results.Tester:
    usual = {"role": "viewer", "tracks": 2, "of_tracks": 2, "kbps": 10.0, "packets": 100, "expected": 100, "lost": 0}
    return results.Tester(name=f"Viewer {number}", **{**usual, **more})  # type: ignore[arg-type]


def result(**more: object) -> Result:
    testers = (viewer(1), viewer(2, lost=3, error="<b>gone</b> & away"))
    series = tuple(
        Second(
            at=float(at),
            sent=220.0,
            received=440.0 + at,
            lost=0.0,
            joins=at == 1,
            joined=2,
            connected=2,
            errors=0,
            delay_ms={"p50": 1.0, "p95": 2.0, "p99": 3.5} if at > 3 else {},
            cpu={"server": 0.1, "w1": 0.25},
        )
        for at in range(1, 12)
    )
    usual: dict[str, object] = {
        "intention": "2 viewers come <here>.",
        "interrupted": False,
        "duration_s": 8.0,
        "conferences": 1,
        "testers": testers,
        "total": total(testers),
        "latency_ms": {"p50": 1.0, "p95": 2.0, "p99": 3.5, "max": 9.0},
        "join_ms": None,
        "media_ms": None,
        "storms": {"mute": {"viewers": 2, "silence_ms": {"p50": 4.0}, "receipt_ms": None}},
        "violations": (),
        "errors": {"<b>gone</b> & away": 1},
        "series": series,
        "cpu": {"server": 0.1},
        "machine": {"cores": 2},
    }
    return Result(**{**usual, **more})  # type: ignore[arg-type]


NOW = datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC)


def test_the_report_is_one_well_formed_page_with_every_plot_and_table() -> None:
    text = page.render(result(), NOW)
    checked = parsed(text)
    assert checked.tags.count("figure") == 7 and checked.tags.count("details") == 7
    words = " ".join(checked.words)
    for expected in ("Packets to viewers", "Packets missed", "Latency", "CPU", "Joins", "Storm: mute", "Viewer 2"):
        assert expected in words
    assert "<b>gone</b>" not in text and "<b>gone</b> & away" in words
    assert "prefers-color-scheme: dark" in text and "<script" not in text and "http" not in text


def test_broken_promises_and_an_interruption_stand_in_it() -> None:
    words = " ".join(parsed(page.render(result(violations=("37 on a stage.",), interrupted=True), NOW)).words)
    assert "37 on a stage." in words and "It was interrupted." in words


def test_an_empty_run_has_a_report_too() -> None:
    empty = result(testers=(), total=total(()), series=(), latency_ms=None, storms={}, errors={})
    assert "figure" not in parsed(page.render(empty, NOW)).tags


def test_a_chart_of_a_day_is_drawn_with_its_highest_values_and_says_so() -> None:
    values: list[float | None] = [0.0] * 5000
    values[1234] = 77.0
    values[2000:3000] = [None] * 1000
    drawn = chart("day", "A day", "Things", [float(second) for second in range(5000)], [Line("one", values)])
    parsed(drawn)
    assert "Each point is the highest of 21 seconds" in drawn and "77 at most" in drawn
    (path,) = re.findall(r' d="(M6[^"]+)"', drawn)
    assert path.count("L") < 240 and path.count("M") == 2, "the gap is a gap"


def test_a_file_that_cannot_be_written_is_found_out_before_the_run(tmp_path: Path) -> None:
    page.check(str(tmp_path / "report.html"))
    for path in (tmp_path, tmp_path / "not" / "there.html"):
        with pytest.raises(PlanError, match="cannot be written"):
            page.check(str(path))


def test_a_run_in_which_nothing_was_sent_does_not_pass_for_one_without_loss() -> None:
    publisher = viewer(9, role="publisher", packets=0, expected=None, lost=None)
    assert results.silent((publisher, viewer(1))) and not results.silent((viewer(1),))
    assert not results.silent((publisher, viewer(8, role="publisher", expected=None, lost=None)))
