"""The page of recordings in a real browser: what there is, saved with no header, deleted after a question."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from tests.browser.pages import screenshot
from tests.harness import Server

FILM = bytes(range(256)) * 4000


def recorded(folder: Path) -> None:
    folder.mkdir(parents=True)
    lines = []
    for n, (source, seconds) in enumerate((("video", 754.2), ("audio", 750.0), ("screen", 61.5)), 1):
        name = f"001-000{n}-{source}.webm"
        (folder / name).write_bytes(FILM)
        lines.append({"type": "begun", "file": name, "person": "u_1", "source": source, "begins": 1.5})
        lines.append({"type": "finished", "file": name, "bytes": len(FILM), "seconds": seconds})
    (folder / "tracks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    began = 1_790_000_000_000
    happened = [
        {"at": began, "begin": {"people": [{"id": "u_1", "name": "Olga"}]}},
        {"at": began + 754_000, "end": "stopped"},
    ]
    (folder / "timeline.jsonl").write_text("".join(json.dumps(line) + "\n" for line in happened))


async def test_recordings_are_listed_saved_and_deleted(podium_server: Callable[..., Server], chromium: Any) -> None:
    server = podium_server()
    recorded(server.data / "recordings" / server.conference / "0001")
    token = server.login().token
    for name, look in (("light", {}), ("390-dark", {"width": 390, "height": 844, "color_scheme": "dark"})):
        page = await chromium(reduced_motion="reduce", **look)
        await page.goto(f"{server.url}/register/{server.conference}")
        await page.evaluate("token => localStorage.setItem('podium.token', token)", token)
        await page.goto(f"{server.url}/recordings/{server.conference}")
        await expect(page.get_by_test_id("recording-card")).to_contain_text("12:34 · 3.1 MB · 3 tracks")
        await expect(page.get_by_test_id("recording-file").first).to_contain_text("Olga: camera")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await screenshot(page, f"recordings-{name}")
    async with page.expect_download() as started:
        await page.get_by_test_id("recording-save").first.click()
    file = Path(await (await started.value).path())
    assert await asyncio.to_thread(file.read_bytes) == FILM
    await page.get_by_test_id("recording-delete").click()
    await page.get_by_test_id("confirm").click()
    await expect(page.locator(".empty")).to_contain_text("Nothing was recorded yet")
    assert page.problems == []
