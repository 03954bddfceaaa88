"""Handouts and slides in real browsers: a speaker, a moderator and a viewer on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import expect

from tests import pdf
from tests.browser.pages import (
    enter,
    enter_owner,
    guest_link,
    screenshot,
    take_the_stage,
    until,
    visited_server,
)

# The colour in the middle of the page of slides that is shown; null while none is.
COLOUR = """() => {
  const picture = document.querySelector('[data-testid="slides-page"]');
  if (!picture?.naturalWidth || picture.closest('[hidden]')) return null;
  const canvas = new OffscreenCanvas(1, 1);
  const context = canvas.getContext('2d');
  context.drawImage(picture, picture.naturalWidth * 0.9, picture.naturalHeight * 0.9, 1, 1, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""


async def _boxes(page: Any) -> tuple[dict[str, float], dict[str, float]]:
    """Where the first tile that is seen is, and where the slides are. Tiles change while this is asked."""
    found: list[Any] = []

    async def both() -> bool:
        tile = page.get_by_test_id("tile").filter(visible=True).first
        found[:] = [await each.bounding_box() for each in (tile, page.get_by_test_id("shared-screen"))]
        return all(found)

    await until(both, "a tile and the slides")
    return found[0], found[1]


async def shows(page: Any, number: int) -> None:
    """Wait until this page of the deck is what is seen, by its colour."""
    expected = pdf.COLOURS[number % len(pdf.COLOURS)]

    async def seen() -> bool:
        found = await page.evaluate(COLOUR)
        return found is not None and max(abs(a - b) for a, b in zip(found, expected, strict=True)) < 16

    await until(seen, f"page {number} is seen", 20)


async def open_files(page: Any) -> None:
    await page.get_by_test_id("more").click()
    await page.get_by_test_id("open-files").click()
    await expect(page.get_by_test_id("files")).to_be_visible()


async def test_handouts_and_slides_by_a_speaker_a_moderator_and_a_viewer(tmp_path: Path) -> None:
    async with visited_server(tmp_path / "data") as (server, pages):
        owner = await enter_owner(server, pages)
        sam = await enter(await pages(), guest_link(server, "speaker"), "Sam")
        vera = await enter(
            await pages(width=390, height=844, color_scheme="dark"), guest_link(server, "viewer"), "Vera"
        )
        for page in (sam.page, vera.page):
            await open_files(page)
        # A viewer has nothing to add with.
        await expect(vera.page.get_by_test_id("add-handout")).to_be_hidden()
        await expect(vera.page.get_by_test_id("add-slides")).to_be_hidden()

        handout = {"name": "Programme <2>.txt", "mimeType": "text/plain", "buffer": b"10:00 Begin\n" * 2000}
        await sam.page.get_by_test_id("add-handout-file").set_input_files([handout])
        row = vera.page.get_by_test_id("file").filter(has_text="Programme _2_.txt")
        await expect(row).to_be_visible()
        async with vera.page.expect_download() as downloading:
            await row.get_by_test_id("file-download").click()
        download = await downloading.value
        assert download.suggested_filename == "Programme _2_.txt"
        assert Path(await download.path()).read_bytes() == handout["buffer"]  # noqa: ASYNC240 - a local file of a test
        await expect(row.get_by_test_id("file-remove")).to_have_count(0)
        page_file = {"name": "page.html", "mimeType": "text/html", "buffer": b"<script>alert(1)</script>"}
        await sam.page.get_by_test_id("add-handout-file").set_input_files([page_file])
        await expect(sam.page.locator(".toast").filter(has_text="not taken")).to_be_visible()
        broken = {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 and no more"}
        await sam.page.get_by_test_id("add-slides-file").set_input_files([broken])
        await expect(sam.page.locator(".toast").filter(has_text="damaged")).to_be_visible()

        await take_the_stage(sam.page)
        deck = {"name": "Talk.pdf", "mimeType": "application/pdf", "buffer": pdf.deck(3)}
        await sam.page.get_by_test_id("add-slides-file").set_input_files([deck])
        talk = sam.page.get_by_test_id("file").filter(has_text="Talk.pdf")
        asked: list[str] = []
        vera.page.on("request", lambda request: asked.append(request.url))
        await talk.get_by_test_id("file-show").click()
        await screenshot(vera.page, "files-phone-dark")
        await vera.page.get_by_test_id("side-close").click()
        for page in (owner.page, sam.page, vera.page):
            await shows(page, 1)

        async def fetched() -> bool:
            return any("pages/2" in address for address in asked)

        await until(fetched, "the next page is fetched before it is turned to")
        await expect(vera.page.get_by_test_id("slides-next")).to_be_hidden()
        await screenshot(sam.page, "slides-speaker")

        await sam.page.keyboard.press("PageDown")
        for page in (owner.page, sam.page, vera.page):
            await shows(page, 2)
        # Whoever may not turn has no keys either, and is refused what the page does not offer.
        await vera.page.keyboard.press("PageDown")
        refused = await vera.page.evaluate(
            "window.podium.send('slides.page', {file: 2, page: 3}).then(() => 'done', (error) => error.code)"
        )
        assert refused == "not_allowed"
        await expect(vera.page.get_by_test_id("slides-number")).to_have_text("2 / 3")
        await vera.page.reload()
        await shows(vera.page, 2)

        await owner.page.get_by_test_id("slides-next").click()
        for page in (owner.page, sam.page, vera.page):
            await shows(page, 3)
        for kind in ("sidebar", "picture_in_picture"):
            await owner.page.evaluate("(kind) => window.podium.send('conference.layout', {kind})", kind)
            stage = vera.page.get_by_test_id("stage")
            await expect(stage).to_have_attribute("data-layout", kind)
            # Of those on the stage a picture in the picture shows one: who speaks.
            tile, slides = await _boxes(vera.page)
            assert slides["width"] * slides["height"] > 3 * tile["width"] * tile["height"], "slides are what is large"
            over = tile["y"] + tile["height"] <= slides["y"] + slides["height"]
            assert over is (kind == "picture_in_picture"), "the speaker is over the slides, or beside them"
            await screenshot(vera.page, f"slides-phone-dark-{kind}")
            await screenshot(owner.page, f"slides-owner-{kind}")
        await owner.page.get_by_test_id("slides-close").click()
        for page in (owner.page, sam.page, vera.page):
            await expect(page.get_by_test_id("slides")).to_be_hidden()
        # A speaker shows slides from the stage alone.
        await expect(talk.get_by_test_id("file-show")).to_be_visible()
        await sam.page.evaluate("window.podium.send('stage.leave').then(() => null)")
        await expect(talk.get_by_test_id("file-show")).to_have_count(0)
