"""The comparison with Janus, where there is none: whoever asks is told what is missing."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from scripts.benchmarks.__main__ import app


def test_without_janus_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    done = CliRunner().invoke(app, ["janus"])
    assert done.exit_code == 2 and "apt-get install janus" in done.output
