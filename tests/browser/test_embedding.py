"""The documented page on another origin shows a conference, is told what happens in it, and nobody else is."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from tests.browser.pages import guest_link, screenshot
from tests.harness import ROOT, Server


@contextmanager
def site() -> Iterator[tuple[str, dict[str, str]]]:
    """Another site: its origin, and its pages by their paths."""
    pages: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            html = pages.get(self.path.partition("?")[0])
            self.send_response(200 if html is not None else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((html or "").encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", pages
    finally:
        server.shutdown()
        server.server_close()


def example(link: str) -> str:
    """The page in docs/embedding.md, about this conference."""
    text = (ROOT / "docs" / "embedding.md").read_text()
    found = re.search(r"<!-- example -->\n```html\n(.*?)```", text, re.DOTALL)
    assert found is not None
    page, changed = re.subn(r"https://meet\.example\.org/c/[^']*", lambda _: link, found[1])
    assert changed == 1
    return page


def test_nothing_but_an_embedded_conference_may_be_framed(podium_server: Callable[..., Server]) -> None:
    server = podium_server("--embed-origins", "https://one.example,https://two.example")
    for path in ("/?embed=1", "/console/abc-defg-hij?embed=1", "/c/abc-defg-hij", "/panel?embed=1", "/nothing?embed=1"):
        policy = server.request("GET", path).headers["content-security-policy"]
        assert policy.endswith("; frame-ancestors 'none'"), path
    framed = server.request("GET", "/c/abc-defg-hij?embed=1").headers["content-security-policy"]
    same, _, ancestors = framed.rpartition("; ")
    assert same == policy.rpartition("; ")[0]
    assert ancestors == "frame-ancestors https://one.example https://two.example"


async def test_the_documented_page_shows_a_conference_and_hears_of_it(tmp_path: Path, chromium: Any) -> None:
    with site() as (origin, pages), site() as (stranger, others):
        server = Server(tmp_path / "data", "--public-ip", "127.0.0.1", "--embed-origins", origin).start()
        try:
            link = guest_link(server, "speaker").replace("#", "?embed=1#")
            pages["/"] = others["/"] = example(link)
            page = await chromium()
            await page.goto(origin)
            frame = page.frame_locator("#podium")
            await frame.get_by_test_id("join-name").fill("Frieda")
            await frame.get_by_test_id("join-button").click()
            status = page.get_by_role("status")
            await expect(status).to_have_text("Frieda is in the conference.")
            await expect(status).to_have_attribute("data-audio", "on")
            await frame.get_by_test_id("mic").click()
            await expect(status).to_have_attribute("data-audio", "off")
            await screenshot(page, "embedded")

            # A window that is not around the frame, on whatever origin, gets no port.
            await page.evaluate(
                """() => {
                  window.ports = 0;
                  const count = ({ data }) => { window.ports += Number(data?.type === 'podium.ready'); };
                  window.addEventListener('message', count);
                  const other = document.createElement('iframe');
                  other.srcdoc = `<script>parent.frames[0].postMessage({ type: 'podium.hello' }, '*')</scr` + `ipt>`;
                  document.body.append(other);
                  return new Promise((resolve) => other.addEventListener('load', () => setTimeout(resolve, 500)));
                }"""
            )
            assert await page.evaluate("window.ports") == 0

            owner = server.login()
            server.api("POST", f"/conferences/{server.conference}/end", token=owner.token)
            await expect(status).to_have_text("Not in the conference (conference_ended).")

            # The same page on an origin that the server does not name: the browser shows nothing of the conference.
            elsewhere = await chromium()
            await elsewhere.goto(stranger)
            await expect(elsewhere.get_by_role("status")).to_have_text("Not in the conference.")
            await elsewhere.wait_for_timeout(1_000)
            assert await elsewhere.frame_locator("#podium").get_by_test_id("join-button").count() == 0
            assert any("frame-ancestors" in problem for problem in elsewhere.problems), elsewhere.problems
        finally:
            server.stop()
