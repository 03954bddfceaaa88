"""A page of the browser client without a server, and the type checker where node is present.

The type check needs node, npm and the network once. Where they are missing its test is deselected and the run says so;
with CI=true nothing is deselected, and the test fails with the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import FAKE_DEVICES, chromium_path

WEB = Path(__file__).resolve().parents[2] / "server" / "web"
ORIGIN = "http://podium.test"
TYPESCRIPT = "5.9.3"
# Beside the packages of the test run, so that a second run has it already.
_CACHE = Path(sys.prefix) / f"typescript-{TYPESCRIPT}"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}

_said: list[str] = []


@cache
def typescript() -> tuple[Path | None, str]:
    """The compiler's script, or None and what is missing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None, "node and npm are not installed"
    script = _CACHE / "node_modules" / "typescript" / "bin" / "tsc"
    if script.exists():
        return script, ""
    _CACHE.mkdir(parents=True, exist_ok=True)
    install = ["npm", "install", "--prefix", str(_CACHE), "--no-audit", "--no-fund", f"typescript@{TYPESCRIPT}"]
    try:
        done = subprocess.run(install, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return None, f"npm did not bring typescript@{TYPESCRIPT} within two minutes"
    if done.returncode != 0:
        return None, f"npm did not bring typescript@{TYPESCRIPT}: {done.stderr.strip()[-500:]}"
    return script, ""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs_typescript: runs TypeScript's compiler under node")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    checks = [item for item in items if item.get_closest_marker("needs_typescript")]
    if not checks or os.environ.get("CI") == "true":
        return
    script, missing = typescript()
    if script is None:
        config.hook.pytest_deselected(items=checks)
        items[:] = [item for item in items if item not in checks]
        _said.append(f"the type check of the browser client did not run: {missing}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for sentence in _said:
        terminalreporter.write_line(sentence, yellow=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    """One browser for a module's tests: each has a page of its own in it."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=chromium_path(), args=list(FAKE_DEVICES))
        yield found
        await found.close()


@pytest_asyncio.fixture(loop_scope="module")
async def client_page(browser: Any) -> AsyncIterator[Any]:
    """A blank page that can import the client's modules from `/static/…`, with nothing behind it."""
    context = await browser.new_context()
    page = await context.new_page()

    async def serve(route: Any) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path == "/":
            await route.fulfill(content_type="text/html", body="<!doctype html><title>blank</title>")
            return
        file = WEB / path.removeprefix("/static/")
        if not file.is_file():
            await route.fulfill(status=404, body="")
            return
        await route.fulfill(content_type=_TYPES[file.suffix], body=file.read_bytes())

    await page.route(f"{ORIGIN}/**", serve)
    await page.goto(f"{ORIGIN}/")
    yield page
    await context.close()
