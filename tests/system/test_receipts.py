"""Receipts of real media: what the server says of the silence is what a receiving peer sees."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.harness import Server
from tests.system.stack import ForeignPeer


async def test_the_receipt_of_a_mute_bounds_the_silence_and_nothing_arrives_after_it(
    podium_server: Callable[..., Server], clients: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    owner = await clients(server, server.login(), server.conference)
    speaker = await clients(server, server.guest("Sara", "speaker"), server.conference)
    seeing, sending = ForeignPeer(owner), ForeignPeer(speaker)
    track = f"{speaker.identity}/audio"
    try:
        await seeing.subscribe()
        await speaker.send("stage.request")
        await sending.publish()
        for _ in range(3):
            await seeing.gets(track)
            answer = await owner.send("media.lock", source="audio", target=speaker.identity)
            receipt = answer["result"]
            assert (receipt["type"], receipt["version"], receipt["applied"]) == ("receipt", answer["version"], True)
            # reliability.md, P3: nothing of a muted person is forwarded later than 250 ms after the command.
            assert receipt["tracks"] == 1 and 0 <= receipt["silence_ms"] < 250
            # What is in the receiver's jitter buffer is played out, and then it is silent.
            await asyncio.sleep(0.5)
            silent = seeing.frames[track]
            await asyncio.sleep(0.5)
            assert seeing.frames[track] == silent
            # A second lock of the same closes nothing.
            again = await owner.send("media.lock", source="audio", target=speaker.identity)
            assert "result" not in again
            assert "result" not in await owner.send("media.unmute", source="audio", target=speaker.identity)
        removed = (await owner.send("participant.remove", target=speaker.identity))["result"]
        assert removed["applied"] is True and removed["tracks"] == 2 and removed["silence_ms"] < 250
        samples = await asyncio.to_thread(server.metrics)
        assert samples["podium_silence_seconds_count"] == 4
    finally:
        await sending.close()
        await seeing.close()
