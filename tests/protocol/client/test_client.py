"""The client for programs, against a real server: requests that lose their answer, and visits that lose connections."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable

import msgspec
import pytest

from protocol import commands, events, signals
from protocol.client import Api, ApiError, RefusedError, SignalingError, Visit
from protocol.client import api as api_module
from protocol.names import Role
from protocol.settings import Lobby
from tests.harness import Server


async def hear(visit: Visit, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """The next message of a kind."""
    async with asyncio.timeout(30):
        async for message in visit:
            if isinstance(message, kind):
                return message
    raise AssertionError("unreachable")


class Wire:
    """A way to a server that loses the first answers: the request arrives, and the connection breaks."""

    def __init__(self, port: int, loses: int) -> None:
        self._port = port
        self.left = loses
        self._carrying: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        async with asyncio.timeout(10):
            await asyncio.gather(*self._carrying)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        back, forth = await asyncio.open_connection("127.0.0.1", self._port)

        async def there() -> None:
            while data := await reader.read(65536):
                forth.write(data)
            forth.close()

        going = asyncio.create_task(there())
        while data := await back.read(65536):
            if self.left:
                self.left -= 1
                break
            writer.write(data)
        writer.close()
        forth.close()
        await going


class Slow:
    """A server that answers the first request on each connection, after a while. Then it closes it, or hears the next
    and says nothing."""

    def __init__(self, *, closes: bool = False, after_s: float = 0.0) -> None:
        self.heard: list[str] = []
        self._closes = closes
        self._after_s = after_s
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        async with asyncio.timeout(10):
            await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError):
            await self._hear(reader)
            await asyncio.sleep(self._after_s)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
            while not self._closes:
                await self._hear(reader)
        writer.close()

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(size[1]) if size else 0)
        self.heard.append(head.split()[1])


async def test_what_may_not_be_done_twice_is_not_sent_again_when_its_answer_is_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_module, "_TIMEOUT_S", 0.2)
    slow = Slow()
    async with slow as url:
        api = Api(url)
        await api.call("POST", "/one", {})
        with pytest.raises(ApiError, match="timed out"):
            await api.call("POST", "/two", {})
        api.close()
    assert slow.heard == ["/api/v1/one", "/api/v1/two"]


async def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async with Slow(closes=True) as url:
        api = Api(url)
        await api.call("POST", "/one", {})
        assert await api.call("POST", "/two", {}) == {}
        api.close()


async def test_a_file_is_waited_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "_TIMEOUT_S", 0.1)
    async with Slow(after_s=0.5) as url:
        api = Api(url)
        assert await api.call("POST", "/file", b"%PDF") == {}
        api.close()


async def test_what_lost_its_answer_is_made_once(shared_server: Server) -> None:
    token = await asyncio.to_thread(lambda: shared_server.login().token)
    wire = Wire(shared_server.port, loses=2)
    async with wire as url:
        api = Api(url)
        await api.create("Lost and found", token)
        titles = [one["title"] async for one in api.entries("/conferences", "conferences", token, limit=3)]
        api.close()
    assert titles.count("Lost and found") == 1 and wire.left == 0


async def test_a_refusal_says_what_the_server_said(shared_server: Server) -> None:
    api = Api(shared_server.url)
    with pytest.raises(ApiError, match="no such conference") as refused:
        await api.call("GET", "/conferences/none")
    assert (refused.value.status, refused.value.code) == (404, "no_such_conference")
    api.close()


async def test_everything_is_done_by_its_name_also_files(shared_server: Server) -> None:
    api = Api(shared_server.url)
    token = await asyncio.to_thread(lambda: shared_server.login().token)
    conference = await asyncio.to_thread(shared_server.create)
    async with Visit(shared_server.url, token, conference):
        data = b"PK\x03\x04" + bytes(range(256)) * 300
        file = await api.ask("uploadFile", data, token, conference=conference, name="Übersicht & more.zip")
        assert (file["label"], file["size"]) == ("Übersicht & more.zip", len(data))
        assert await api.ask("downloadFile", token=token, conference=conference, file=file["number"]) == data
    link = await api.ask("invite", {"role": "viewer", "label": "a/b"}, token, conference=conference)
    entered = await api.ask("enterAsGuest", {"invite": link["token"], "name": "Anna"})
    with pytest.raises(ApiError) as refused:
        await api.ask("listGuestLinks", token=entered["token"], conference=conference, limit=1)
    assert refused.value.code == "not_allowed"
    await api.ask("endConference", token=token, conference=conference)
    api.close()


async def test_a_list_without_pages_is_handed_over_as_it_is(shared_server: Server) -> None:
    api = Api(shared_server.url)
    token = await asyncio.to_thread(lambda: shared_server.login().token)
    conference = await asyncio.to_thread(shared_server.create)
    await api.ask("invite", {"role": "viewer"}, token, conference=conference)
    report = await api.ask("exportReport", token=token, conference=conference, report="links", format="json")
    assert isinstance(report, list)
    record = await api.ask("auditRecord", token=token, conference=conference, format="json")
    assert [line["command"] for line in record] == ["create", "link.make"]
    api.close()


async def test_a_visit_outlives_the_server_and_gives_each_command_once(podium_server: Callable[..., Server]) -> None:
    server = await asyncio.to_thread(podium_server, "--drain-s", "0")
    api = Api(server.url)
    token = await api.log_in(server.code)
    conference = await api.create("Visited", token)
    guest, identity, _ = await api.enter(await api.invite(conference, Role.SPEAKER, token), "Anna")
    async with Visit(server.url, token, conference) as owner, Visit(server.url, guest, conference) as anna:
        assert anna.identity == identity and anna.snapshot is not None
        assert isinstance(await hear(owner, events.ParticipantJoined), events.ParticipantJoined)
        await anna.ask(commands.ChatSend, text="before")
        with pytest.raises(RefusedError):
            await anna.ask(commands.RoleAssign, target=owner.identity, role=Role.VIEWER)
        server.kill9()
        # Asked while nobody answers: it waits for the server that comes back.
        asked = asyncio.create_task(anna.ask(commands.ChatSend, text="meanwhile"))
        starting = threading.Thread(target=server.start)
        starting.start()
        async with asyncio.timeout(60):
            await asked
            told = await owner.ask(commands.ChatHistory)
        starting.join()
        assert [message.text for message in told.result.messages] == ["before", "meanwhile"]  # type: ignore[union-attr]
        await owner.ask(commands.ConferenceEnd)
        with pytest.raises(SignalingError):
            while True:
                await hear(anna, signals.Closing)
    api.close()


async def test_who_waits_at_the_door_is_told_when_it_opens(shared_server: Server) -> None:
    api = Api(shared_server.url)
    token = await asyncio.to_thread(lambda: shared_server.login().token)
    conference = await asyncio.to_thread(shared_server.create)
    guest, identity, _ = await api.enter(await api.invite(conference, Role.VIEWER, token), "Ben")
    async with Visit(shared_server.url, token, conference) as owner:
        await owner.ask(commands.ConferenceSettings, lobby=Lobby.EVERYONE)
        async with Visit(shared_server.url, guest, conference) as ben:
            assert ben.snapshot is None
            await owner.ask(commands.LobbyAdmit, target=identity)
            await hear(ben, signals.Admitted)
            assert ben.snapshot is not None and ben.snapshot.you == identity
        await owner.ask(commands.ConferenceEnd)
    api.close()
