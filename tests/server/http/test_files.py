"""Files over HTTP on a running server: who takes part in them, what is taken, and what stays on the disk."""

from __future__ import annotations

import asyncio
import http.client
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests import pdf
from tests.harness import Client, Guest, Refused, Response, Server, until

Clients = Callable[..., Any]


def root(conference: str) -> str:
    return f"/api/v1/conferences/{conference}/files"


def upload(
    server: Server, conference: str, token: str | None, name: str, data: bytes, kind: str = "handout", **headers: str
) -> Response:
    path = f"{root(conference)}?kind={kind}&name={quote(name, safe='')}"
    return server.request("POST", path, data, token, headers)


async def hall(server: Server, clients: Clients, *roles: str) -> tuple[str, list[Guest], list[Client]]:
    """A conference with its owner and guests of these roles, who are in it."""
    conference = server.create()
    people = [server.login(), *(server.guest(role.title(), role, conference) for role in roles)]
    return conference, people, [await clients(server, person, conference) for person in people]


def kept(server: Server) -> list[str]:
    """What is on the disk, below the folder of files."""
    folder = server.data / "files"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")


async def test_a_handout_is_there_for_those_in_the_conference(shared_server: Server, clients: Clients) -> None:
    server = shared_server
    conference, (owner, sam, vera), (owner_page, _, vera_page) = await hall(server, clients, "speaker", "viewer")
    data = bytes(range(256)) * 3000
    done = upload(server, conference, sam.token, "Überblick 1.zip", b"PK\x03\x04" + data)
    assert done.status == 200 and done.json["label"] == "Überblick 1.zip" and done.json["size"] == len(data) + 4
    told = await vera_page.event("file.added")
    assert told["file"]["number"] == 1 and told["by"] == sam.identity
    listed = server.request("GET", root(conference), token=vera.token).json
    assert [file["label"] for file in listed["files"]] == ["Überblick 1.zip"]
    found = server.request("GET", f"{root(conference)}/1", token=vera.token)
    assert found.body == b"PK\x03\x04" + data
    assert found.headers["content-disposition"] == "attachment; filename*=utf-8''%C3%9Cberblick%201.zip"
    assert found.headers["content-type"] == "application/zip" and found.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in found.headers["content-security-policy"]
    # Who takes no part gets nothing, and cannot tell whether there is something.
    stranger = server.guest("Stranger", "speaker", conference)
    elsewhere = server.guest("Elsewhere", "moderator", server.conference)
    for token, status in ((None, 401), (stranger.token, 403), (elsewhere.token, 403)):
        for path in (root(conference), f"{root(conference)}/1", f"{root(conference)}/99"):
            assert server.request("GET", path, token=token).status == status
        assert upload(server, conference, token, "a.txt", b"x").status == status
    assert upload(server, conference, vera.token, "a.txt", b"x").status == 403
    # Removed, they have nothing any more; nor blocked.
    await owner_page.send("participant.remove", target=vera.identity)
    assert server.request("GET", f"{root(conference)}/1", token=vera.token).status == 403
    await owner_page.send("participant.block", target=sam.identity)
    assert server.request("GET", f"{root(conference)}/1", token=sam.token).status == 403
    assert upload(server, conference, sam.token, "a.txt", b"x").status == 403
    assert server.request("GET", f"{root(conference)}/1", token=owner.token).status == 200
    before = kept(server)
    await owner_page.send("file.remove", file=1)
    assert server.request("GET", f"{root(conference)}/1", token=owner.token).status == 404
    await gone(server, before)


async def gone(server: Server, before: list[str]) -> None:
    """One file less is on the disk, soon."""
    await until(lambda: len(kept(server)) == len(before) - 1)


async def test_hostile_names_stay_labels(shared_server: Server, clients: Clients) -> None:
    server = shared_server
    conference, (owner,), _ = await hall(server, clients)
    before = set(kept(server))
    for name in (
        "../../../../podium.txt",
        "/etc/cron.txt",
        "a\r\nX-Evil: 1.txt",
        "x\0.txt",
        'a";b=.txt',
        "\u202etxt.txt",
    ):
        done = upload(server, conference, owner.token, name, b"harmless")
        assert done.status == 200, done.body
        found = server.request("GET", f"{root(conference)}/{done.json['number']}", token=owner.token)
        assert found.body == b"harmless" and "x-evil" not in found.headers
        assert "/" not in done.json["label"] and found.headers["content-disposition"].startswith("attachment; ")
    new = set(kept(server)) - before
    assert len(new) == 6 and all(path.startswith(f"{conference}/") and len(path.split("/")[1]) == 32 for path in new)
    for path in ("..%2f..%2fpodium.db", "%2e%2e", "1/../2", "-1", "1e3", "%D9%A3", "1" * 400):
        assert server.request("GET", f"{root(conference)}/{path}", token=owner.token).status == 404


async def test_what_is_not_taken_leaves_nothing(shared_server: Server, clients: Clients) -> None:
    server = shared_server
    conference, (owner,), _ = await hall(server, clients)
    before = kept(server)
    for name, data in (
        *(("page.html", b"<script>"), ("picture.svg", b"<svg/>"), ("run.exe", b"MZ"), ("nothing", b"x")),
        *(("fake.pdf", b"<html>"), ("fake.png", b"GIF89a"), ("empty.txt", b"")),
    ):
        assert upload(server, conference, owner.token, name, data).status == 400, name
    assert upload(server, conference, owner.token, "a.txt", b"x", kind="slides").status == 400
    assert upload(server, conference, owner.token, "a.pdf", b"%PDF-1.7 x", kind="slides").status == 400
    assert upload(server, conference, owner.token, "a.txt", b"x", kind="film").status == 400
    assert kept(server) == before


async def test_a_file_and_a_conference_have_a_size(podium_server: Callable[..., Server], clients: Clients) -> None:
    server = podium_server("--file-mb", "1", "--files-mb", "2", "--file-types", "txt")
    conference, (owner,), (page,) = await hall(server, clients)
    megabyte = b"x" * (1 << 20)
    assert upload(server, conference, owner.token, "a.zip", b"PK\x03\x04").status == 400
    # Refused before it was sent.
    declared = raw(server, conference, owner.token, b"", length=(1 << 20) + 1)
    assert b"413" in declared.split(b"\r\n")[0] and b"too_large" in declared
    assert b" 411 " in raw(server, conference, owner.token, b"", length=None).split(b"\r\n")[0] + b" "
    for _ in range(2):
        assert upload(server, conference, owner.token, "a.txt", megabyte).status == 200
    full = upload(server, conference, owner.token, "a.txt", b"x")
    assert full.status == 409 and full.json["code"] == "too_many"
    listed = server.request("GET", root(conference), token=owner.token).json
    assert listed["most_bytes"] == 1 << 20 and listed["bytes_left"] == 0 and listed["types"] == ["txt"]
    # Slides too, before they are sent; and when their pages are more than what is left, what is said is not that the
    # PDF is damaged.
    deck = pdf.deck(2)
    assert b" 409 " in raw(server, conference, owner.token, b"", length=len(deck), query="kind=slides&name=a.pdf")
    await page.send("file.remove", file=2)
    assert upload(server, conference, owner.token, "a.txt", megabyte[:-2000]).status == 200
    full = upload(server, conference, owner.token, "a.pdf", deck, kind="slides")
    assert (full.status, full.json["code"]) == (409, "too_many") and "remove some first" in full.json["message"]
    await until(lambda: len(kept(server)) == 2)


def raw(
    server: Server, conference: str, token: str, body: bytes, length: int | None, query: str = "name=half.txt"
) -> bytes:
    """What the server says to a request of which only this much of the body comes; empty when it says nothing."""
    declared = b"Content-Length: %d\r\n" % length if length is not None else b"Transfer-Encoding: chunked\r\n"
    head = f"POST {root(conference)}?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
        connection.sendall(head + declared + b"\r\n" + body)
        if length is not None and len(body) < length and body:
            return b""
        return b"".join(iter(lambda: connection.recv(65536), b""))


async def test_half_an_upload_leaves_nothing_and_takes_no_place(shared_server: Server, clients: Clients) -> None:
    server = shared_server
    conference, (owner,), _ = await hall(server, clients)
    before = kept(server)
    for _ in range(5):
        assert raw(server, conference, owner.token, b"x" * 300_000, length=1_000_000) == b""
    await until(lambda: upload(server, conference, owner.token, "whole.txt", b"x").status == 200)
    await until(lambda: len(kept(server)) == len(before) + 1)


async def test_a_slow_upload_is_waited_for_while_two_of_one_person_are_under_way(
    shared_server: Server, clients: Clients
) -> None:
    server = shared_server
    conference, (owner,), _ = await hall(server, clients)
    path = f"{root(conference)}?name=slow.txt"
    slow = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=20) for _ in range(2)]
    for connection in slow:
        connection.putrequest("POST", path)
        connection.putheader("Authorization", f"Bearer {owner.token}")
        connection.putheader("Content-Length", "11")
        connection.endheaders()
        connection.send(b"x")
    await asyncio.sleep(0.3)
    third = upload(server, conference, owner.token, "third.txt", b"x")
    assert third.status == 429 and third.json["retry"]
    # Longer than any other body may take (server/http/deadline.py).
    await asyncio.sleep(8.5)
    for connection in slow:
        connection.send(b"y" * 10)
        assert connection.getresponse().status == 200
        connection.close()


async def test_slides_are_pictures_and_never_the_pdf(shared_server: Server, clients: Clients) -> None:
    server = shared_server
    conference, (owner, vera), (_, vera_page) = await hall(server, clients, "viewer")
    done = upload(server, conference, owner.token, "Talk.pdf", pdf.deck(2), kind="slides")
    assert done.status == 200 and done.json["pages"] == 2
    assert (await vera_page.event("file.added"))["file"]["pages"] == 2
    number = done.json["number"]
    for size in ("large", "small"):
        page = server.request("GET", f"{root(conference)}/{number}/pages/2?size={size}", token=vera.token)
        assert page.status == 200 and page.body[8:12] == b"WEBP" and page.headers["content-type"] == "image/webp"
        assert "private" in page.headers["cache-control"]
    for path in ("pages/0", "pages/3", "pages/x", "pages/1?size=huge", "pages/1?size=../../x"):
        assert server.request("GET", f"{root(conference)}/{number}/{path}", token=vera.token).status == 404
    assert server.request("GET", f"{root(conference)}/{number}", token=vera.token).status == 404
    assert b"%PDF" not in b"".join((server.data / "files" / path).read_bytes()[:8] for path in kept(server))


async def test_bombs_are_refused_and_the_conference_goes_on(
    podium_server: Callable[..., Server], clients: Clients
) -> None:
    server = podium_server("--slides-s", "1")
    conference, (_, sam), (_, page) = await hall(server, clients, "speaker")
    sending = asyncio.create_task(
        asyncio.to_thread(upload, server, conference, sam.token, "b.pdf", pdf.time_bomb(), "slides")
    )
    slowest = 0.0
    while not sending.done():
        begun = time.monotonic()
        await page.send("can")
        slowest = max(slowest, time.monotonic() - begun)
        await asyncio.sleep(0.02)
    refused = sending.result()
    assert refused.status == 400 and "too long" in refused.json["message"]
    assert slowest < 1.0, "the server answers meanwhile"
    await asyncio.to_thread(upload, server, conference, sam.token, "m.pdf", pdf.memory_bomb(), "slides")
    assert (await page.send("can"))["type"] == "ok"
    assert not [path for path in kept(server) if path.startswith("incoming")]
    assert "Traceback" not in server.log


async def test_files_outlive_a_restart_and_end_with_their_conference(
    podium_server: Callable[..., Server], clients: Clients
) -> None:
    server = podium_server()
    conference, (owner,), (page,) = await hall(server, clients)
    assert upload(server, conference, owner.token, "a.txt", b"kept").status == 200
    deck = upload(server, conference, owner.token, "t.pdf", pdf.deck(2), kind="slides").json["number"]
    await page.send("slides.open", file=deck, page=2)
    server.kill9()
    server.start()
    again = await clients(server, owner, conference)
    assert again.snapshot["slides"]["page"] == 2 and again.snapshot["slides"]["file"]["label"] == "t.pdf"
    assert server.request("GET", f"{root(conference)}/1", token=owner.token).body == b"kept"
    assert len(kept(server)) == 5
    name = server.api("GET", "/workspace", token=owner.token)["name"]
    server.api("POST", "/workspace/delete", {"confirm": name}, owner.token)
    assert kept(server) == []


async def test_slides_move_in_step_and_only_for_those_who_may(shared_server: Server, clients: Clients) -> None:
    server = shared_server
    conference, (_, _, sam, _, vera), pages = await hall(server, clients, "moderator", "speaker", "speaker", "viewer")
    _, mod_page, sam_page, sue_page, vera_page = pages
    deck = upload(server, conference, sam.token, "t.pdf", pdf.deck(3), kind="slides").json["number"]
    with pytest.raises(Refused) as refused:
        await sam_page.send("slides.open", file=deck)
    assert refused.value.code == "not_on_stage"
    await sam_page.send("stage.request")
    await sam_page.send("slides.open", file=deck)
    await sam_page.send("slides.page", file=deck, page=2)
    assert (await vera_page.event("slides.turned"))["page"] == 2
    for somebody in (sue_page, vera_page):
        for command in ("slides.page", "slides.close"):
            fields = {"page": 1} if command == "slides.page" else {}
            with pytest.raises(Refused) as refused:
                await somebody.send(command, file=deck, **fields)
            assert refused.value.code == "not_allowed"
    await mod_page.send("slides.page", file=deck, page=3)
    late = await clients(server, server.guest("Late", "viewer", conference), conference)
    assert late.snapshot["slides"]["page"] == 3
    await sam_page.send("stage.leave")
    await vera_page.event("stage.left")
    assert "slides" not in (await clients(server, vera, conference, take_over=True)).snapshot
