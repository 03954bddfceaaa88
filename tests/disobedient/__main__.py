"""Let a disobedient client loose on a running server: `python -m tests.disobedient URL --invite TOKEN [--seconds 30]`.

URL is the server's address, TOKEN what stands behind `#invite=` in a guest link. It comes in as a guest, says what it
is told and what it is answered, and sends whatever it is told; a moderator commands it meanwhile, and looks and
listens. Its packets hold no sound and no picture: a browser shows a black tile, and counts what it receives.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.disobedient.client import Disobedient, claims, forged_tokens, insist
from tests.harness import Client, Refused


@dataclass
class Address:
    """What a test client needs to know of a server."""

    url: str

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1).rstrip("/") + "/ws"

    def enter(self, invite: str) -> dict[str, Any]:
        """Become a guest."""
        body = json.dumps({"invite": invite, "name": "Disobedient"}).encode()
        request = urllib.request.Request(self.url.rstrip("/") + "/api/v1/guests", body)
        with urllib.request.urlopen(request, timeout=10) as response:
            found: dict[str, Any] = json.load(response)
            return found


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


async def run(url: str, invite: str, seconds: float) -> None:
    address = Address(url)
    guest = await asyncio.to_thread(address.enter, invite)

    async def connect(**fields: Any) -> Client:
        client: Client = Client(address)  # type: ignore[arg-type]
        await client.hello(guest["token"])
        await client.join(guest["conference"], **fields)
        return client

    client = await connect()
    mallory = Disobedient(client)
    await mallory.subscribe()
    owner = client.snapshot["owner"]
    for name, token in forged_tokens(guest["token"], owner).items():
        try:
            await Client(address).hello(token)  # type: ignore[arg-type]
            say(f"token, {name}: WELCOME")
        except Refused as refused:
            say(f"token, {name}: {refused.code}")
    tried = await insist(lambda: connect(console=True), claims(owner))
    taken = [message for message, answer in tried if answer["type"] == "ok"]
    say(f"{len(tried)} messages with a claim to be {owner}: {len(tried) - len(taken)} refused")
    for message in taken:
        say(f"TAKEN: {message}")
    say(f"stage.request: {await mallory.tries('stage.request')}")
    ends = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < ends:
        if mallory.publishing is None or not mallory.publishing.connected.is_set():
            answer = await mallory.offer_more(("audio", "video"), list(mallory.ssrcs))
            say(f"media.publish, with m-lines that are not named: {answer}")
        mallory.struggle(list(mallory.ssrcs))
        while not client.events.empty():
            event = client.events.get_nowait()
            if event.get("person") == client.identity:
                say(f"told: {event['type']} {event.get('source') or event.get('reason') or ''}")
        if client.closed.is_set():
            say(f"the signaling is closed: {client.closing}; it goes on sending")
        sent = sum(one.sent for one in (mallory.publishing, mallory.subscribed) if one is not None)
        say(f"{sent} packets sent, {len(mallory.packets)} received")
        await asyncio.sleep(2)
    await mallory.close()
    await client.drop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.disobedient", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--invite", required=True)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    asyncio.run(run(given.url, given.invite, given.seconds))


if __name__ == "__main__":
    main()
