"""A request with an Idempotency-Key is done once, however often and wherever it is sent."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from protocol.errors import Code
from server.directory.conferences import Conferences
from server.http import once
from server.http.conferences import create_conference
from server.http.failure import Failure
from server.http.messages import NewConference
from server.http.once import MAX_KEYS, Once
from server.storage.store import FILE_NAME, Store, StoreUnavailable, noted_if_uncertain
from tests.harness import Response, Server
from tests.redis_server import RedisServer
from tests.server.session_support import House
from tests.server.storage.replicas import nodes


def send(server: Server, path: str, body: dict[str, Any], key: str, token: str | None = None) -> Response:
    token = token or server.login().token
    return server.request("POST", f"/api/v1{path}", body, token, {"Idempotency-Key": key})


def test_sent_again_it_has_the_same_answer_and_makes_nothing(shared_server: Server) -> None:
    later = {"title": "Once", "starts": 4_000_000_000_000}
    first = send(shared_server, "/conferences", later, "order-1")
    # The same values in another order are the same request.
    again = send(shared_server, "/conferences", dict(reversed(later.items())), "order-1")
    assert (first.status, again.status) == (200, 200) and first.body == again.body
    assert "idempotency-replayed" not in first.headers and again.headers["idempotency-replayed"] == "true"
    other = send(shared_server, "/conferences", later, "order-2")
    assert other.json["conference"] != first.json["conference"]
    listed = shared_server.api("GET", "/conferences?limit=200", token=shared_server.login().token)["conferences"]
    assert len([one for one in listed if one["title"] == "Once"]) == 2


def test_the_same_key_with_another_request_is_refused(shared_server: Server) -> None:
    assert send(shared_server, "/events", {"title": "One"}, "k").status == 200
    refused = send(shared_server, "/events", {"title": "Two"}, "k")
    assert (refused.status, refused.json["code"], refused.json["retry"]) == (422, "key_reused", False)
    # Neither is another endpoint the same request, nor the same one of another conference.
    assert send(shared_server, "/workspace/attributes", {"name": "a", "kind": "text"}, "k").status == 422
    first, second = shared_server.create(), shared_server.create()
    role = {"role": "viewer"}
    assert send(shared_server, f"/conferences/{first}/invitations", role, "link").status == 200
    assert send(shared_server, f"/conferences/{second}/invitations", role, "link").json["code"] == "key_reused"


def test_two_people_may_use_the_same_key(shared_server: Server) -> None:
    conference = shared_server.create()
    path, role = f"/conferences/{conference}/invitations", {"role": "viewer"}
    owner = send(shared_server, path, role, "same").json["id"]
    moderator = shared_server.guest("Mona", "moderator", conference)
    # A guest who is not inside has no rights there, which is an answer of their own.
    assert send(shared_server, path, role, "same", moderator.token).json["code"] == "not_allowed"
    assert send(shared_server, path, role, "same").json["id"] == owner


def test_what_was_refused_may_be_sent_again_with_its_key(shared_server: Server) -> None:
    path = "/conferences/no-such-one/invitations"
    for _ in range(2):
        assert send(shared_server, path, {"role": "viewer"}, "refused").json["code"] == "no_such_conference"
    assert send(shared_server, "/events", {"title": " "}, "blank").json["code"] == "bad_message"
    assert send(shared_server, "/events", {"title": "Now"}, "blank").status == 200


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "ü".encode().decode("latin-1")])
def test_a_key_that_is_none_is_refused(shared_server: Server, key: str) -> None:
    refused = send(shared_server, "/events", {"title": "Event"}, key)
    assert (refused.status, refused.json["code"]) == (400, "bad_message"), refused.body


def test_answers_outlive_a_crash_and_are_sealed_in_the_file(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    invitation = {"server_role": "member", "email": "", "days": 3}
    first = send(server, "/workspace/invitations", invitation, "0123456789")
    assert first.status == 200, first.body
    server.kill9()
    server.start()
    again = send(server, "/workspace/invitations", invitation, "0123456789")
    assert again.body == first.body and again.headers["idempotency-replayed"] == "true"
    secret = first.json["path"].partition("=")[2].encode()
    files = b"".join(path.read_bytes() for path in server.data.glob(f"{FILE_NAME}*"))
    assert secret not in files and b"0123456789" not in files


def test_of_many_at_once_one_makes_it(shared_server: Server) -> None:
    token, answers = shared_server.login().token, list[Response]()
    body = {"title": "Many", "starts": 4_000_000_000_000}
    threads = [
        threading.Thread(target=lambda: answers.append(send(shared_server, "/conferences", body, "many", token)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} <= {200, 409}
    assert {answer.json["code"] for answer in answers if answer.status == 409} <= {"unsettled"}
    assert len({answer.json["conference"] for answer in answers if answer.status == 200}) == 1


async def test_what_was_cut_off_stays_unsettled(tmp_path: Path) -> None:
    store = Store.open(tmp_path / FILE_NAME)

    async def cut_off() -> None:
        raise RuntimeError("the power is gone")

    async def never() -> None:
        raise AssertionError("done twice")

    with pytest.raises(RuntimeError):
        await Once(store, {}, "u_1", "key", b"request").done(cut_off)
    with pytest.raises(Failure) as refused:
        await Once(store, {}, "u_1", "key", b"request").done(never)
    assert refused.value.problem.code is Code.UNSETTLED
    store.close()


async def test_a_key_is_free_again_when_the_disk_refused_before_anything_was_written(tmp_path: Path) -> None:
    store, full = Store.open(tmp_path / FILE_NAME), True

    async def work() -> str:
        if full:
            raise StoreUnavailable("the disk is full")
        return "made"

    with pytest.raises(StoreUnavailable):
        await Once(store, {}, "u_1", "key", b"request").done(work)
    full = False
    assert await Once(store, {}, "u_1", "key", b"request").done(work) == (b'"made"', False)
    store.close()


async def test_a_key_is_free_again_also_when_the_disk_had_no_room_for_letting_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, run = Store.open(tmp_path / FILE_NAME), Store.run
    abandoned: dict[bytes, int] = {}

    async def refuse(self: Store, work: Any) -> Any:
        raise StoreUnavailable("the disk is full")

    async def fill() -> None:
        monkeypatch.setattr(Store, "run", refuse)
        raise Failure(Code.NOT_ALLOWED)

    async def work() -> str:
        return "made"

    with pytest.raises(Failure):
        await Once(store, abandoned, "u_1", "key", b"request").done(fill)
    monkeypatch.setattr(Store, "run", run)
    assert await Once(store, abandoned, "u_1", "key", b"request").done(work) == (b'"made"', False)
    store.close()


@pytest.mark.parametrize("uncertain", [False, True])
async def test_what_was_half_done_or_may_be_done_when_the_disk_refused_stays_unsettled(
    tmp_path: Path, uncertain: bool
) -> None:
    store = Store.open(tmp_path / FILE_NAME)

    async def half() -> None:
        if not uncertain:
            await store.run(lambda connection: connection.execute("INSERT INTO keys VALUES ('k', 'v')"))
        with noted_if_uncertain():
            raise StoreUnavailable("the disk is full", uncertain=uncertain)

    with pytest.raises(StoreUnavailable):
        await Once(store, {}, "u_1", "key", b"request").done(half)
    with pytest.raises(Failure) as refused:
        await Once(store, {}, "u_1", "key", b"request").done(half)
    assert refused.value.problem.code is Code.UNSETTLED
    store.close()


async def test_a_claim_of_which_nobody_knows_is_taken_back_and_no_answer_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, run, made = Store.open(tmp_path / FILE_NAME), Store.run, 0

    async def slow(self: Store, work: Any) -> Any:
        monkeypatch.setattr(Store, "run", run)
        await run(self, work)
        raise StoreUnavailable("the database did not answer in time", uncertain=True)

    async def work() -> int:
        nonlocal made
        made += 1
        return made

    for replayed in (False, True):
        monkeypatch.setattr(Store, "run", slow)
        with pytest.raises(StoreUnavailable):
            await Once(store, {}, "u_1", "key", b"request").done(work)
        assert await Once(store, {}, "u_1", "key", b"request").done(work) == (b"1", replayed)
    store.close()


async def test_a_conference_whose_room_cannot_be_made_yet_is_there_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await House(tmp_path).open()

    async def refuse(*_: str) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(house.rooms, "create", refuse)
        services = SimpleNamespace(conferences=Conferences(house.store), rooms=house.rooms)
        call: Any = SimpleNamespace(account=house.owner, services=services)
        made = await create_conference(call, NewConference(title="Weekly"))
    summary = await house.rooms.summary(made.conference)
    assert summary is not None and (summary.title, summary.running) == ("Weekly", True)
    await house.close()


async def test_keys_are_bounded_for_each_and_forgotten_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "MAX_KEYS", 3)
    assert MAX_KEYS == 10_000
    store, made = Store.open(tmp_path / FILE_NAME), 0

    async def work() -> int:
        nonlocal made
        made += 1
        return made

    for key in "abc":
        await Once(store, {}, "u_1", key, b"").done(work)
    with pytest.raises(Failure) as refused:
        await Once(store, {}, "u_1", "d", b"").done(work)
    assert refused.value.problem.code is Code.TOO_MANY and made == 3
    assert await Once(store, {}, "u_2", "a", b"").done(work) == (b"4", False)
    assert await Once(store, {}, "u_1", "a", b"").done(work) == (b"1", True)
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE requests_once SET made = made - ?", (once.KEPT_MS,))
    assert await Once(store, {}, "u_1", "a", b"").done(work) == (b"5", False)
    store.close()


async def test_two_servers_of_one_directory_do_it_once(tmp_path: Path, redis: RedisServer) -> None:
    made = 0

    async def work() -> int:
        nonlocal made
        made += 1
        await asyncio.sleep(0.05)
        return made

    async with nodes(tmp_path, redis.url) as (one, two):
        both = [Once(node.store, {}, "u_1", "key", b"request").done(work) for node in (one, two)]
        answers = await asyncio.gather(*both, return_exceptions=True)
        refusals = [answer for answer in answers if isinstance(answer, Failure)]
        assert [refusal.problem.code for refusal in refusals] == [Code.UNSETTLED] and made == 1
        for node in (one, two):
            assert await Once(node.store, {}, "u_1", "key", b"request").done(work) == (b"1", True)
