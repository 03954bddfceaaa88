"""How the commands print what people have written."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from protocol.text import one_line
from server.cli import output

HOSTILE = "Ann [/b]\n2026\tu_eva\x1b[2J\u202e"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=200, soft_wrap=True, highlight=False, no_color=True)
    monkeypatch.setattr(output, "out", console)
    return written


def test_a_name_forges_no_line_and_no_cell_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("Who", "What"), [(HOSTILE, "enter")])
    assert capsys.readouterr().out == "Ann [/b]\\n2026\\tu_eva\\x1b[2J\\u202e\tenter\n"


def test_a_name_is_no_markup_and_nothing_that_a_terminal_obeys(terminal: io.StringIO) -> None:
    output.table(("Who", "What"), [(HOSTILE, "enter"), ("[red]Eva[/red]", "enter")])
    heading, ann, eva = terminal.getvalue().splitlines()
    assert "Who" in heading
    assert "Ann [/b]\\n2026\\tu_eva\\x1b[2J\\u202e" in ann and "\x1b[2J" not in ann
    assert "[red]Eva[/red]" in eva


def test_what_is_only_joined_is_shown_as_it_is() -> None:
    joined = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN} Kovač نمی\N{ZERO WIDTH NON-JOINER}خواهم"
    assert one_line(joined) == joined
    assert output.printed(joined) == joined
