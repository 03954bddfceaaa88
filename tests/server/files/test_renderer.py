"""PDFs made into pages by a process of their own, and what hostile ones do to it and to nothing else."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from server.files.renderer import MAX_WAITING, Busy, Renderer, Said
from tests import pdf

MEGABYTE = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pages").mkdir()
    return tmp_path / "pages"


async def rendered(data: bytes, folder: Path, seconds: int = 30, pages: int = 50, most: int = 50 * MEGABYTE) -> Said:
    path = folder.parent / "deck.pdf"
    path.write_bytes(data)
    return await Renderer(seconds, pages).render(path, folder, most)


def sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


async def test_each_page_becomes_a_large_and_a_small_picture(folder: Path) -> None:
    said = await rendered(pdf.deck(2), folder)
    assert (said.pages, said.error) == (2, "")
    made = sizes(folder)
    assert sorted(made) == ["1-large.webp", "1-small.webp", "2-large.webp", "2-small.webp"]
    assert said.size == sum(made.values())
    with Image.open(folder / "2-large.webp") as large, Image.open(folder / "2-small.webp") as small:
        assert large.size == (1920, 1080) and small.size == (640, 360)
        assert large.convert("RGB").getpixel((1800, 1000)) == pytest.approx(pdf.COLOURS[2], abs=12)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"%PDF-1.7\nnothing else", "damaged"),
        (pdf.deck(3)[:-600], ""),
        (b"<html><script>alert(1)</script>", "damaged"),
        (pdf.document(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 9 >>"), "damaged"),
    ],
    ids=["no pages", "cut off", "no PDF", "pages in a circle"],
)
async def test_what_is_damaged_is_said_to_be(folder: Path, data: bytes, error: str) -> None:
    said = await rendered(data, folder)
    assert said.error in ((error,) if error else ("", "damaged"))


async def test_a_deck_has_a_bound_in_pages_and_in_bytes(folder: Path) -> None:
    assert (await rendered(pdf.deck(4), folder, pages=3)).error == "too_many_pages"
    assert (await rendered(pdf.deck(4), folder, most=15_000)).error == "too_large"


async def test_a_page_that_alone_is_larger_than_all_may_be_is_no_damage(folder: Path) -> None:
    assert (await rendered(pdf.deck(1), folder, most=100)).error == "too_large"


async def test_a_page_that_is_hardly_there_is_a_picture_all_the_same(folder: Path) -> None:
    assert (await rendered(pdf.thin(), folder)).pages == 1


async def test_a_bomb_of_memory_hurts_nobody(folder: Path) -> None:
    me = psutil.Process()
    before = me.memory_info().rss
    said = await rendered(pdf.memory_bomb(), folder, seconds=5)
    # The library passes over a picture that does not fit into the memory it has, or ends with it.
    assert said.error in ("", "damaged", "too_long")
    assert me.memory_info().rss - before < 64 * MEGABYTE


async def test_a_bomb_of_time_ends_when_its_time_is_up(folder: Path) -> None:
    begun = time.monotonic()
    said = await rendered(pdf.time_bomb(), folder, seconds=1)
    assert said.error == "too_long"
    assert time.monotonic() - begun < 10
    assert not [child for child in psutil.Process().children() if "pages.py" in " ".join(child.cmdline())]


async def test_so_many_pdfs_wait_and_not_more(folder: Path) -> None:
    path = folder.parent / "deck.pdf"
    path.write_bytes(pdf.time_bomb())
    renderer = Renderer(1, 50)
    waiting = [asyncio.create_task(renderer.render(path, folder, MEGABYTE)) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0.05)
    with pytest.raises(Busy):
        await renderer.render(path, folder, MEGABYTE)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert not [child for child in psutil.Process().children() if "pages.py" in " ".join(child.cmdline())]
