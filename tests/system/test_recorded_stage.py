"""What is shown on the stage while a conference is recorded stands in the composed video: slides, a question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import av

from tests import pdf
from tests.harness import Server, podium, until
from tests.system.stack import ForeignPeer

# Seconds for which each thing is shown.
SHOWN_S = 2.0


async def test_slides_and_questions_of_the_stage_are_in_the_composed_video(
    podium_server: Callable[..., Server], clients: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    owner_is, guest_is = server.login(), server.guest("Vera")
    owner = await clients(server, owner_is, server.conference)
    guest = await clients(server, guest_is, server.conference)
    path = f"/api/v1/conferences/{server.conference}/files?kind=slides&name=talk.pdf"
    file = (await asyncio.to_thread(server.request, "POST", path, pdf.deck(2), owner_is.token)).json["number"]
    speaks = ForeignPeer(owner)
    folder = server.data / "recordings" / server.conference / "0001"
    try:
        await owner.send("stage.request")
        await speaks.publish()
        await owner.send("recording.start")
        await until(lambda: len(list(folder.glob("*-video.webm"))) == 1, 20)
        await asyncio.sleep(SHOWN_S)
        await owner.send("slides.open", file=file, page=1)
        await asyncio.sleep(SHOWN_S)
        await owner.send("slides.page", file=file, page=2)
        await until(lambda: (folder / f"slides-{file}-2.webp").is_file())
        await guest.send("question.ask", text="Why is the sky blue?")
        await owner.send("question.display", question=1)
        await asyncio.sleep(SHOWN_S)
        await owner.send("question.display")
        await owner.send("slides.close", file=file)
        await asyncio.sleep(SHOWN_S)
        await owner.send("recording.stop")
        await until(lambda: b'"end"' in (folder / "timeline.jsonl").read_bytes())
    finally:
        await speaks.close()
    listed = server.api("GET", f"/conferences/{server.conference}/recordings", None, owner_is.token)["recordings"]
    names = {each["name"] for each in listed[0]["files"]}
    assert {f"slides-{file}-1.webp", f"slides-{file}-2.webp"} <= names, "they are fetched with the rest"
    path = f"/api/v1/conferences/{server.conference}/recordings/1/slides-{file}-2.webp"
    page = server.request("GET", path, token=owner_is.token)
    assert (page.status, page.headers["content-type"]) == (200, "image/webp") and page.body[8:12] == b"WEBP"
    # The recording stands on its own.
    server.request("DELETE", f"/api/v1/conferences/{server.conference}/files/{file}", token=owner_is.token)
    target = server.data / "all.mp4"
    size = ("--width", "640", "--height", "360", "--fps", "5")
    made = await asyncio.to_thread(podium, "compose", str(folder), str(target), *size, timeout_s=60)
    assert made.returncode == 0, made.stderr
    seen = []
    with av.open(str(target)) as container:
        for frame in container.decode(video=0):
            image = frame.to_image()  # type: ignore[no-untyped-call]
            colour = image.getpixel((400, 150))
            card = image.crop((20, 305, 300, 332)).convert("L")
            seen.append((_page(colour), sum(card.histogram()[200:]) > 50))
    order = [each for n, each in enumerate(seen) if n == 0 or each != seen[n - 1]]
    pages = [page for n, (page, _) in enumerate(order) if n == 0 or page != order[n - 1][0]]
    assert pages == [0, 1, 2, 0]
    assert (2, True) in order and (1, True) not in order, "the question was shown over the second page"


def _page(colour: tuple[int, int, int]) -> int:
    """Which page of the slides this is a piece of; 0 for none."""
    near = (n for n in (1, 2) if max(abs(a - b) for a, b in zip(colour, pdf.COLOURS[n], strict=True)) < 12)
    return next(near, 0)
