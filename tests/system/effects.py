"""What comes of an action of the permission table: who is told what, what the answer says, and what is written, sent
and kept beside the conference."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.disobedient.peer import Peer
from tests.harness import Client, Refused
from tests.smtp_server import Letter
from tests.system.scene import Call, Scene, Step

Effect = Callable[[Scene, Any], Awaitable[None]]


def told(type: str, *, to: str = "watcher", **fields: Any) -> Effect:
    """Somebody is told an event with these fields."""

    async def effect(scene: Scene, answer: Any) -> None:
        await scene.clients[to].event(type, **scene._filled(fields))

    return effect


def shown(type: str, *, to: str = "watcher", **fields: Any) -> Effect:
    """Somebody is sent a signal with these fields."""

    async def effect(scene: Scene, answer: Any) -> None:
        await scene.clients[to].signal(type, **scene._filled(fields))

    return effect


def answered(check: Callable[[Scene, Any], bool]) -> Effect:
    """The answer is so."""

    async def effect(scene: Scene, answer: Any) -> None:
        assert check(scene, answer), answer

    return effect


def says(word: str) -> Effect:
    """The answer has this in it."""

    async def effect(scene: Scene, answer: Any) -> None:
        assert scene._filled(word) in str(answer), answer

    return effect


def closed(who: str, code: str) -> Effect:
    """Somebody's connection is closed, saying why; then, for the `blocked`, coming again is refused."""

    async def effect(scene: Scene, answer: Any) -> None:
        client = scene.clients[who]
        await asyncio.wait_for(client.closed.wait(), 5)
        assert client.closing is not None and client.closing["code"] == code
        await client.hello(scene.tokens[who])
        try:
            await client.join(scene.conference)
        except Refused as refused:
            assert refused.code == code
        else:
            assert code == "removed", "who was removed may come back, and nobody else"

    return effect


def then(step: Step, *effects: Effect) -> Effect:
    """This works now, and has these effects."""

    async def effect(scene: Scene, answer: Any) -> None:
        done = await scene.do(step)
        for each in effects:
            await each(scene, done)

    return effect


def not_shown(type: str, *, to: str = "watcher") -> Effect:
    """Somebody is sent nothing of the kind."""

    async def effect(scene: Scene, answer: Any) -> None:
        client = scene.clients[to]
        await scene.heard_out(client)
        while not client.signals.empty():
            assert client.signals.get_nowait()["type"] != type

    return effect


def refused(step: Step, code: str) -> Effect:
    """This is refused all the same."""

    async def effect(scene: Scene, answer: Any) -> None:
        try:
            await scene.do(step)
        except Refused as found:
            assert found.code == code
        else:
            raise AssertionError(f"{step} was accepted")

    return effect


# What takes longer than an answer: the recorder is started by the first recording, the postman looks every few seconds.
WITHIN_S = 60.0


async def found(look: Callable[[], Awaitable[Any]]) -> Any:
    """What is there once it is."""
    begun = time.monotonic()
    while not (there := await look()):
        assert time.monotonic() - begun < WITHIN_S, f"{look} found nothing within {WITHIN_S} s"
        await asyncio.sleep(0.1)
    return there


RECORDINGS = "/conferences/@conference/recordings"


def is_a_picture(scene: Scene, answer: Any) -> bool:
    """As a page of slides is."""
    return isinstance(answer, bytes) and answer[8:12] == b"WEBP"


async def is_begun(scene: Scene) -> None:
    """There is a recording."""

    async def look() -> Any:
        return (await scene.do(Call("owner", "GET", RECORDINGS)))["recordings"]

    await found(look)


async def is_recorded(scene: Scene, answer: Any) -> None:
    """What the target says is written down."""
    peer = Peer(scene.clients["target"])
    scene.peers.append(peer)
    await peer.client.send("stage.request")
    await peer.publish("audio")

    async def look() -> Any:
        listed = await scene.do(Call("owner", "GET", RECORDINGS))
        files = [file for one in listed["recordings"] for file in one["files"]]
        return [file for file in files if file["source"] == "audio" and file["bytes"] > 1000]

    (file,) = await found(look)
    assert file["person"] == peer.identity and file["name"].endswith(".webm")


async def is_finished(scene: Scene, answer: Any) -> None:
    """The recording can be played, and says why it ended."""

    async def look() -> Any:
        listed = await scene.do(Call("owner", "GET", RECORDINGS))
        (one,) = listed["recordings"]
        done = [file for file in one["files"] if file["source"] == "audio" and file["seconds"] > 0]
        return (listed, one, done[0]) if one["ended"] and done else None

    listed, one, file = await found(look)
    assert (listed["running"], one["reason"]) == (0, "stopped")
    content = await scene.do(Call("owner", "GET", f"{RECORDINGS}/1/{file['name']}"))
    # The beginning of every WebM (RFC 8794, 11.2.1).
    assert content.startswith(b"\x1aE\xdf\xa3") and len(content) == file["bytes"]


async def mailed(scene: Scene, answer: Any) -> None:
    """The mail server has the invitation, and its link leads in with the role it was made for."""
    assert answer == {"invited": 1, "refused": []}

    async def look() -> Letter | None:
        letters = await asyncio.to_thread(lambda: scene.mails.letters)
        return next((one for one in letters if one.to == f"{scene.conference}@example.org"), None)

    letter: Letter = await found(look)
    assert letter.subject == "Invitation: A cell"
    body = {"invite": letter.link.partition("#invite=")[2], "name": "Anna"}
    guest = await asyncio.to_thread(scene.server.api, "POST", "/guests", body)
    anna = Client(scene.server)
    await anna.hello(guest["token"])
    snapshot = await anna.join(scene.conference)
    await anna.drop()
    assert next(one["role"] for one in snapshot["people"] if one["id"] == anna.identity) == "speaker"
