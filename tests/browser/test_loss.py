"""Real browsers over networks that lose, on both ways and in both directions: what the viewer sees and hears."""

from __future__ import annotations

import array
import asyncio
import math
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.pages import (
    RECEIVED,
    WITHOUT_TCP,
    Visitor,
    enter,
    enter_owner,
    guest_link,
    plays,
    statistics,
    take_the_stage,
    visited_server,
)
from tests.chaos import UdpChaos

# One layer: a browser that has little time starts and stops the others as it likes, and what that costs is not loss.
ONE_LAYER = """
(() => {
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (track, options) {
    const one = [{ scaleResolutionDownBy: 2, maxBitrate: 400000 }];
    if (options?.sendEncodings?.length > 1) options = { ...options, sendEncodings: one };
    return add.call(this, track, options);
  };
})();
"""
WINDOW_S = 8.0
# A machine that is busy with other things drops frames and samples of its own; a repair that does not work, always.
WINDOWS = 3


def voice(path: Path) -> None:
    """Something like speech: a tone with overtones in syllables, five a second. It never falls silent for long."""
    rate = 48000
    samples = array.array("h")
    for number in range(2 * rate):
        at = number / rate
        tone = sum(math.sin(2 * math.pi * 140 * n * at) / n for n in range(1, 9))
        samples.append(int(9000 * abs(math.sin(math.pi * 5 * at)) * tone / 2))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


@dataclass
class Window:
    """What came of some seconds. `decoded`: pictures, as a share of those sent; `concealed`: sound that was made up, as
    a share; `frozen`: seconds without a picture."""

    decoded: float
    concealed: float
    frozen: float


async def figures(speaker: Visitor, viewer: Visitor) -> dict[str, float]:
    """The counters of both ends."""
    outbound = await statistics(speaker.page, "outbound", "video")
    found: dict[str, float] = {"sent": max(float(entry.get("framesSent", 0)) for entry in outbound)}
    for kind, names in (
        ("video", ("framesDecoded", "totalFreezesDuration")),
        ("audio", ("concealedSamples", "totalSamplesReceived")),
    ):
        track = await viewer.page.evaluate(RECEIVED, speaker.track(kind))
        entries = await statistics(viewer.page, "inbound", kind)
        entry = next(entry for entry in entries if entry["trackIdentifier"] == track)
        found.update({name: float(entry.get(name, 0)) for name in names})
    return found


async def watch(speaker: Visitor, viewer: Visitor) -> Window:
    """Look at both ends for a while."""
    before = await figures(speaker, viewer)
    await asyncio.sleep(WINDOW_S)
    after = await figures(speaker, viewer)
    grown = {name: after[name] - before[name] for name in before}
    return Window(
        decoded=grown["framesDecoded"] / max(1.0, grown["sent"]),
        concealed=grown["concealedSamples"] / max(1.0, grown["totalSamplesReceived"]),
        frozen=grown["totalFreezesDuration"],
    )


async def behind(network: UdpChaos, page: Any) -> Any:
    """A page whose media goes through the proxy, all of it."""
    found = await page()
    await found.add_init_script(WITHOUT_TCP)
    await found.add_init_script(network.lead())
    await found.add_init_script(ONE_LAYER)
    return found


async def test_a_twentieth_lost_is_hardly_noticed_and_with_a_fifth_one_still_follows(tmp_path: Path) -> None:
    voice(tmp_path / "voice.wav")
    flag = f"--use-file-for-fake-audio-capture={tmp_path / 'voice.wav'}"
    async with visited_server(tmp_path / "data", flag) as (server, page):
        owner = await enter_owner(server, page)
        await owner.page.close()  # another camera to encode would tell nothing more
        target = ("127.0.0.1", server.udp_ports[0])
        async with UdpChaos(target, seed=1) as there, UdpChaos(target, seed=2) as here:
            viewer = await enter(await behind(here, page), guest_link(server, "viewer"), "Vera Viewer")
            speaker = await enter(await behind(there, page), guest_link(server, "speaker"), "Sara Speaker")
            await take_the_stage(speaker.page)
            await plays(viewer.page, speaker.track("video"), frames=20)

            async def lose(share: float, good: Any) -> None:
                for network in (there, here):
                    network.up.loss = network.down.loss = share
                await asyncio.sleep(3)
                seen: list[Window] = []
                while not seen or not good(seen[-1]):
                    assert len(seen) < WINDOWS, seen
                    seen.append(await watch(speaker, viewer))

            await lose(0.05, lambda window: window.decoded >= 0.97 and window.concealed < 0.02)
            # Browsers send what they can at a tenth of the rate then, and show the newest of what comes late.
            await lose(
                0.20, lambda window: window.decoded >= 0.3 and window.concealed < 0.12 and window.frozen < WINDOW_S / 2
            )
            assert there.lost["up"] > 50 and here.lost["down"] > 50
