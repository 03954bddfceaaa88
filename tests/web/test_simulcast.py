"""A real browser sends its camera in three layers to a worker's router and is switched between them on the way back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.web.stage import FRAMES, MOVES, STATISTICS, Stage, running_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def stage(client_page: Any) -> AsyncIterator[Stage]:
    async with running_stage(client_page) as found:
        yield found


async def test_a_camera_comes_in_three_layers_and_a_viewer_is_switched_without_a_freeze(stage: Stage) -> None:
    await stage.start(960, 540)
    await stage.until(lambda: sum(layer.live for layer in stage.track.layers) == 3)
    assert [layer.rid for layer in stage.track.layers] == ["q", "h", "f"]
    await stage.shows("960x540")  # everybody gets the highest
    await stage.until(lambda: all(layer.bitrate for layer in stage.track.layers))
    assert [(layer.width, layer.height) for layer in stage.track.layers] == [(240, 135), (480, 270), (960, 540)]
    pauses = []
    for _ in range(3):  # the machine has other guests, who hold up a browser now and then: one round without them
        before = await stage.page.evaluate(STATISTICS)
        since = await stage.page.evaluate("() => window.frames_seen.at(-1)[0]")
        for rid, size in (("q", "240x135"), ("f", "960x540"), ("h", "480x270"), ("q", "240x135"), ("f", "960x540")):
            stage.choose(rid)
            await stage.shows(size)
        found = await stage.page.evaluate(FRAMES, since)
        after = await stage.page.evaluate(STATISTICS)
        assert found["sizes"] == ["960x540", "240x135", "960x540", "480x270", "240x135", "960x540"]
        lost = {name: after.get(name, 0) - before.get(name, 0) for name in ("packetsLost", "nackCount", "pliCount")}
        assert lost == {"packetsLost": 0, "nackCount": 0, "pliCount": 0}
        pauses.append(found["pause"])
        if found["pause"] < 200:
            break
    assert min(pauses) < 200, pauses


async def test_a_small_camera_leaves_the_upper_layers_idle_and_a_larger_one_takes_them(stage: Stage) -> None:
    await stage.start(640, 360)
    await stage.until(lambda: any(layer.rid == "h" and layer.live for layer in stage.track.layers))
    await stage.shows("640x360")
    assert [(layer.width, layer.height) for layer in stage.track.layers] == [(320, 180), (640, 360), (0, 0)]
    await stage.page.evaluate("() => window.publisher.set('video', camera(960, 540))")
    await stage.shows("960x540")
    assert [(layer.width, layer.height) for layer in stage.track.layers] == [(240, 135), (480, 270), (960, 540)]


async def test_layers_that_nobody_looks_at_are_not_sent_and_come_back_when_somebody_does(stage: Stage) -> None:
    stage.obey()
    await stage.start(960, 540)
    await stage.until(lambda: all(layer.received for layer in stage.track.layers))
    await stage.shows("960x540")
    await stage.sends_only("f")
    stage.prefer(135)
    await stage.shows("240x135")
    await stage.sends_only("q")
    stage.prefer(540)
    await stage.shows("960x540")
    await stage.sends_only("f")
    # Another track is sent as is wanted of the one before, and so after a negotiation.
    await stage.page.evaluate("() => publisher.set('video', camera(960, 540))")
    assert await stage.sends() == {"f"}
    took = []
    for _ in range(3):  # as above
        stage.prefer(0)
        await stage.sends_only()
        stage.prefer(540)
        took.append(await stage.page.evaluate(MOVES))
        await stage.shows("960x540")
        if took[-1] < 1000:
            break
    assert min(took) < 1000, took
    # A new connection sends everything until it has been told what for.
    stage.inside.wanted = lambda wanted: None
    await stage.page.evaluate("() => publisher.restart()")
    await stage.sends_only("q", "h", "f")
