"""The browser client is typed, and its types are those of the protocol."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.web.conftest import WEB, typescript


@pytest.mark.needs_typescript
def test_the_browser_client_passes_the_strict_type_check() -> None:
    script, missing = typescript()
    assert script is not None, missing
    done = subprocess.run(
        ["node", str(script), "--project", str(WEB / "jsconfig.json")],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_icon_that_a_script_names_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="([a-z-]+)"', (WEB / "icons.svg").read_text()))
    named = {
        (script.name, name)
        for script in (WEB / "js").rglob("*.js")
        for name in re.findall(r"\bicon\('([a-z-]+)'|\bicon: '([a-z-]+)'", script.read_text())
        for name in name
        if name
    }
    assert len(named) > 50
    assert {(script, name) for script, name in named if name not in drawn} == set()


def test_pages_hold_no_inline_script_or_style() -> None:
    """The server's content security policy would not run them."""
    pages = list(WEB.glob("*.html"))
    assert len(pages) >= 3
    for page in pages:
        text = page.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", text), page.name
        assert not re.search(r"\son[a-z]+=", text), page.name
        assert " style=" not in text, page.name
