"""Deliveries from a room log to a receiver: in order, at least once, from a position that outlives the process."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from protocol import events as e
from server.metrics import Metrics
from server.roomlog import EmbeddedLog, RoomLog
from server.storage.store import Store
from server.webhooks import courier, dispatcher, subscriptions
from server.webhooks.courier import DAY_MS
from server.webhooks.dispatcher import HISTORY, Dispatcher
from server.webhooks.positions import Place, StorePositions
from server.webhooks.replay import replay
from server.workspace.acting import Refused
from tests.harness import until
from tests.server.webhooks.receiver import Delivered, Receiver, status
from tests.server.webhooks.support import EPOCH, ROOM, append, dispatching, happened, now_ms, subscribe

OTHER = "other-room"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "podium.db", timeout_s=20)
    yield store
    store.close()


@pytest.fixture
def log(store: Store) -> RoomLog:
    return EmbeddedLog(store)


@pytest.fixture
def positions(store: Store) -> StorePositions:
    return StorePositions(store)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = await Receiver().start()
    yield one
    await one.stop()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first tries follow each other quickly; how they grow is looked at by itself."""
    monkeypatch.setattr(courier, "FIRST_TRY_S", 0.05)
    monkeypatch.setattr(dispatcher, "POLL_S", 0.2)


def told(webhooks: Dispatcher, room: str = ROOM) -> None:
    webhooks.committed(room)


async def write(log: RoomLog, webhooks: Dispatcher, first: int, last: int, room: str = ROOM) -> None:
    """The commits that lead from one version to another, each of one event."""
    for after in range(first, last):
        await append(log, happened(after), room)
        webhooks.committed(room)


async def test_events_come_in_order_each_once_and_nothing_of_before(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    await append(log, happened(0, 5, at=now_ms() - 60_000))
    webhook = await subscribe(store, receiver.url)
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 5, 40)
        await receiver.until_version(40)
        assert receiver.versions() == list(range(6, 41))
        first = receiver.taken[0].body
        assert (first["conference"], first["epoch"], first["after"], first["webhook"]) == (ROOM, EPOCH, 5, webhook.id)
        assert first["events"][0] == {
            "type": "participant.away",
            "version": 6,
            "person": "u_a",
            "time": first["events"][0]["time"],
        }
        # Each delivery goes on where the one before ended; its id is in the header and in the body.
        for before, after in itertools.pairwise(receiver.taken):
            assert after.body["after"] == before.body["version"]
        assert all(one.headers["podium-delivery"] == one.body["id"] for one in receiver.taken)
        await until_place(positions, webhook.id, Place(epoch=EPOCH, version=40))


async def until_place(positions: StorePositions, webhook: str, place: Place, room: str = ROOM) -> None:
    for _ in range(200):
        if await positions.find(webhook, room) == place:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(await positions.find(webhook, room))


async def test_a_crowd_is_a_few_requests(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    await subscribe(store, receiver.url)
    async with dispatching(store, log, positions) as webhooks:
        began = time.monotonic()
        await write(log, webhooks, 0, 100)
        await receiver.until_version(100)
    assert receiver.versions() == list(range(1, 101))
    # One each fifth of a second, and two at most for what was left of the commits read at once.
    assert len(receiver.requests) <= 2 * ((time.monotonic() - began) / courier.GATHER_S + 1)


async def test_what_is_not_wanted_is_passed_over_without_a_request(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    webhook = await subscribe(store, receiver.url, "conference.*", "stage.left")
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 0, 3)
        await until_place(positions, webhook.id, Place(epoch=EPOCH, version=3))
        assert not receiver.requests
        await append(log, happened(3, event=e.ConferencePinChanged(by="u_o", pin="4711")))
        told(webhooks)
        await receiver.until_version(4)
    (one,) = receiver.requests
    assert [event["type"] for event in one.body["events"]] == ["conference.pin_changed"]
    assert b"4711" not in one.raw


async def test_a_subscription_to_one_conference_hears_of_no_other(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    await store.run(
        lambda connection: [
            connection.execute("INSERT INTO accounts VALUES ('u_o', 'o', 'O', NULL, 0, 0, 'owner')"),
            connection.execute(
                "INSERT INTO conferences (id, title, owner, created) VALUES (?, 'T', 'u_o', 0)", (ROOM,)
            ),
        ]
    )
    await subscribe(store, receiver.url, conference=ROOM)
    with pytest.raises(Refused):
        await subscribe(store, receiver.url, conference="nowhere")
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 0, 2, OTHER)
        await write(log, webhooks, 0, 2)
        await receiver.until_version(2)
        await asyncio.sleep(0.3)
    assert {one.body["conference"] for one in receiver.requests} == {ROOM}


async def test_a_failing_conference_holds_up_itself_alone_and_loses_nothing(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    broken = True
    receiver.answer = lambda one: status(500 if broken and one.body["conference"] == ROOM else 200)
    webhook = await subscribe(store, receiver.url)
    metrics = Metrics()
    async with dispatching(store, log, positions, metrics=metrics) as webhooks:
        await write(log, webhooks, 0, 3)
        await until(lambda: len(receiver.requests) >= 3)
        await write(log, webhooks, 3, 6)
        await write(log, webhooks, 0, 4, OTHER)
        await receiver.until_version(4, OTHER)
        assert receiver.versions(ROOM) == []
        kept = await positions.find(webhook.id, ROOM)
        assert kept is not None and kept.version == 0 and kept.failing > 0 and kept.error == "answered with 500"
        rendered = metrics.render().decode()
        assert 'podium_webhook_deliveries_total{outcome="failed"}' in rendered
        assert "podium_webhook_lag_seconds 0.0" not in rendered
        broken = False
        await receiver.until_version(6, ROOM)
        assert receiver.versions(ROOM) == list(range(1, 7))
        await until_place(positions, webhook.id, Place(epoch=EPOCH, version=6))
        assert "podium_webhook_lag_seconds 0.0" in metrics.render().decode()
    # What was tried again was the same delivery each time, whatever had happened since.
    tries = [one for one in receiver.requests if one.body["conference"] == ROOM and one.body["after"] == 0]
    assert len(tries) >= 4 and len({one.raw for one in tries}) == 1


async def test_tries_are_farther_and_farther_apart(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    receiver.answer = lambda _: status(503)
    await subscribe(store, receiver.url)
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 0, 1)
        await until(lambda: len(receiver.requests) >= 6)
        # News does not hasten them.
        await write(log, webhooks, 1, 30)
    times = [one.at for one in receiver.requests]
    waits = [after - before for before, after in itertools.pairwise(times)]
    # 0.05 s doubled each time, give or take a fifth.
    assert all(wait > 0.8 * 0.05 * 2**number for number, wait in enumerate(waits))


async def test_the_longest_wait_is_an_hour() -> None:
    waits = []
    for attempts in (1, 2, 11, 14, 100, 5000):
        one = courier.Courier.__new__(courier.Courier)
        one._trying = {ROOM: courier._Trying(attempts, 0, 0)}
        waits.append(one._next_try(ROOM))
    # With the first try of these tests, which is a twentieth of the real one.
    assert 0.04 <= waits[0] <= 0.06 and 0.08 <= waits[1] <= 0.12
    assert waits[2] < 70 and all(0.8 * 3600 <= wait <= 1.2 * 3600 for wait in waits[4:])


async def test_a_restart_in_the_middle_loses_nothing(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    webhook = await subscribe(store, receiver.url)
    taken = asyncio.Event()

    def hang_at_second(_: Delivered) -> bytes | None:
        # Taken, but the sender never hears of it: it is stopped before.
        if len(receiver.requests) == 2:
            taken.set()
            return None
        return status(200)

    receiver.answer = hang_at_second
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 0, 3)
        await receiver.until_version(3)
        await until_place(positions, webhook.id, Place(epoch=EPOCH, version=3))
        await write(log, webhooks, 3, 6)
        await asyncio.wait_for(taken.wait(), 10)
    lost = receiver.requests[1]
    assert await positions.find(webhook.id, ROOM) == Place(epoch=EPOCH, version=3)
    # What happens while nobody delivers is found afterwards, without anybody telling.
    await append(log, happened(6))
    async with dispatching(store, log, positions):
        await receiver.until_version(7)
    assert receiver.versions() == list(range(1, 8))
    assert lost.versions[0] == 4


async def test_slow_silent_and_endless_receivers_hold_up_no_other(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    silent, endless = await Receiver(answer=lambda _: None).start(), await Receiver(endless=True).start()
    for one in (silent, endless, receiver):
        await subscribe(store, one.url)
    rooms = [f"room-{number}" for number in range(12)]
    async with dispatching(store, log, positions, timeout_s=1.0) as webhooks:
        began = time.monotonic()
        for room in rooms:
            await write(log, webhooks, 0, 1, room)
        await until(lambda: {one.body["conference"] for one in receiver.taken} == set(rooms))
        assert time.monotonic() - began < 8
        # The status is what counts: the one that talks for ever has taken all of them.
        await until(lambda: {one.body["conference"] for one in endless.taken} == set(rooms), 20)
        assert silent.most_open <= courier.AT_ONCE and endless.most_open <= courier.AT_ONCE
    await silent.stop()
    await endless.stop()


async def test_a_commit_of_a_thousand_is_cut_into_portions(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    await subscribe(store, receiver.url)
    async with dispatching(store, log, positions) as webhooks:
        await append(log, happened(0, 1000))
        told(webhooks)
        await receiver.until_version(1000)
    assert receiver.versions() == list(range(1, 1001))
    assert max(len(one.versions) for one in receiver.taken) <= 200
    assert max(len(one.raw) for one in receiver.taken) < 300 * 1024


async def test_a_paused_webhook_goes_on_where_it_was(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    webhook = await subscribe(store, receiver.url)
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 0, 2)
        await receiver.until_version(2)
        await store.run(lambda connection: subscriptions.change(connection, now_ms(), webhook.id, paused=True))
        webhooks.look()
        await asyncio.sleep(0.3)
        await write(log, webhooks, 2, 5)
        await asyncio.sleep(0.5)
        assert receiver.versions() == [1, 2]
        # By another process, which the server notices by itself.
        await store.run(lambda connection: subscriptions.change(connection, now_ms(), webhook.id, paused=False))
        await receiver.until_version(5)
    assert receiver.versions() == [1, 2, 3, 4, 5]


async def test_after_days_of_failing_it_is_paused_with_a_reason_and_can_go_on(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    receiver.answer = lambda _: status(500)
    webhook = await subscribe(store, receiver.url)
    late_ms = 0

    def clock() -> float:
        return time.time() + late_ms / 1000

    async with dispatching(store, log, positions, days=3, clock=clock) as webhooks:
        await write(log, webhooks, 0, 1)
        await until(lambda: len(receiver.requests) >= 2)
        assert (await store.run(lambda connection: subscriptions.find(connection, webhook.id))).paused == 0
        late_ms = 3 * DAY_MS + 60_000
        for _ in range(100):
            found = await store.run(lambda connection: subscriptions.find(connection, webhook.id))
            if found.paused:
                break
            await asyncio.sleep(0.05)
        assert found.paused and found.reason == "It has failed for 3 days; the last time: answered with 500"
        await asyncio.sleep(0.5)
        tried = len(receiver.requests)
        await asyncio.sleep(0.5)
        assert len(receiver.requests) == tried
        # What failed before counts no more when it goes on.
        await store.run(
            lambda connection: subscriptions.change(connection, int(clock() * 1000), webhook.id, paused=False)
        )
        await until(lambda: len(receiver.requests) > tried + 1)
        receiver.answer = lambda _: status(200)
        await receiver.until_version(1)
        found = await store.run(lambda connection: subscriptions.find(connection, webhook.id))
        assert not found.paused and found.reason == ""


async def test_replay_tells_again_what_came_after_a_version(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    webhook = await subscribe(store, receiver.url)
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 0, 5)
        await receiver.until_version(5)
        await until_place(positions, webhook.id, Place(epoch=EPOCH, version=5))
        found = await replay(store, log, positions, webhook.id, ROOM, 2)
        assert (found.version, found.oldest, found.newest) == (2, 0, 5)
        await until(lambda: receiver.versions() == [1, 2, 3, 4, 5, 3, 4, 5])
        for id, room, version in (("w_0", ROOM, 0), (webhook.id, "nowhere", 0), (webhook.id, ROOM, 6)):
            with pytest.raises(Refused):
                await replay(store, log, positions, id, room, version)


async def test_replay_during_a_delivery_wins(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    webhook = await subscribe(store, receiver.url)
    release = asyncio.Event()
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 0, 3)
        await receiver.until_version(3)
        await until_place(positions, webhook.id, Place(epoch=EPOCH, version=3))
        receiver.answer = lambda _: status(200) if release.is_set() else None
        await write(log, webhooks, 3, 4)
        await until(lambda: len(receiver.requests) == 2)
        await replay(store, log, positions, webhook.id, ROOM, 0)
        release.set()
        await until(lambda: receiver.versions()[-4:] == [1, 2, 3, 4])
        await until_place(positions, webhook.id, Place(epoch=EPOCH, version=4))


async def test_the_log_keeps_a_history_as_long_as_somebody_subscribes(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    receiver.answer = lambda _: status(500)
    webhook = await subscribe(store, receiver.url)
    async with dispatching(store, log, positions) as webhooks:
        await until(lambda: log.history == HISTORY)
        await write(log, webhooks, 0, 20)
        await log.save_snapshot(ROOM, EPOCH, 15, b"state")
        receiver.answer = lambda _: status(200)
        await receiver.until_version(20)
        assert receiver.versions() == list(range(1, 21))
        await store.run(lambda connection: subscriptions.remove(connection, webhook.id))
        await until(lambda: log.history == 0)


async def test_who_lags_more_than_that_is_told_of_the_gap(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "HISTORY", 2)
    webhook = await subscribe(store, receiver.url)
    metrics = Metrics()
    async with dispatching(store, log, positions, metrics=metrics) as webhooks:
        await write(log, webhooks, 0, 2)
        await receiver.until_version(2)
        await until_place(positions, webhook.id, Place(epoch=EPOCH, version=2))
        receiver.answer = lambda _: status(500)
        await write(log, webhooks, 2, 12)
        await until(lambda: len(receiver.requests) >= 3)
        await log.save_snapshot(ROOM, EPOCH, 10, b"state")
        receiver.answer = lambda _: status(200)
        await receiver.until_version(12)
    gap = next(one.body for one in receiver.taken if one.body.get("notice"))
    assert (gap["notice"], gap["epoch"], gap["after"], gap["version"], gap["events"]) == ("gap", EPOCH, 2, 8, [])
    assert receiver.versions() == [1, 2, 9, 10, 11, 12]
    assert "podium_webhook_gaps_total 1.0" in metrics.render().decode()


async def test_a_room_begun_anew_is_a_gap_and_goes_on(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    webhook = await subscribe(store, receiver.url)
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 0, 3)
        await receiver.until_version(3)
        await until_place(positions, webhook.id, Place(epoch=EPOCH, version=3))
        assert await log.seed(ROOM, EPOCH, EPOCH + 1, 7, b"state at 7") == EPOCH + 1
        await append(log, happened(7), epoch=EPOCH + 1)
        told(webhooks)
        await receiver.until_version(8)
        await until_place(positions, webhook.id, Place(epoch=EPOCH + 1, version=8))
    notices = [one.body for one in receiver.taken if one.body.get("notice")]
    assert [(one["notice"], one["epoch"], one["version"]) for one in notices] == [("gap", EPOCH + 1, 7)]
    assert receiver.versions() == [1, 2, 3, 8]


async def test_a_removed_conference_is_the_last_that_is_told_of_it(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    webhook = await subscribe(store, receiver.url)
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 0, 2)
        await receiver.until_version(2)
        await until_place(positions, webhook.id, Place(epoch=EPOCH, version=2))
        await log.forget(ROOM)
        told(webhooks)
        await until(lambda: receiver.taken[-1].body.get("notice") == "removed")
        for _ in range(100):
            if await positions.of(webhook.id) == {}:
                break
            await asyncio.sleep(0.02)
        assert await positions.of(webhook.id) == {}


async def test_what_this_node_cannot_read_is_waited_for_and_not_passed_over(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    webhook = await subscribe(store, receiver.url)
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 0, 2)
        await receiver.until_version(2)
        await until_place(positions, webhook.id, Place(epoch=EPOCH, version=2))
        await append(log, happened(2))
        await store.run(lambda connection: connection.execute("UPDATE commits SET data = x'81' WHERE version = 3"))
        told(webhooks)
        await asyncio.sleep(0.5)
        assert await positions.find(webhook.id, ROOM) == Place(epoch=EPOCH, version=2)
        assert len(receiver.taken) == len(receiver.requests) and receiver.versions() == [1, 2]


async def test_a_removed_webhook_is_told_nothing_and_leaves_nothing(
    store: Store, log: RoomLog, positions: StorePositions, receiver: Receiver
) -> None:
    webhook = await subscribe(store, receiver.url)
    async with dispatching(store, log, positions) as webhooks:
        await write(log, webhooks, 0, 2)
        await receiver.until_version(2)
        await store.run(lambda connection: subscriptions.remove(connection, webhook.id))
        webhooks.look()
        await asyncio.sleep(0.3)
        await write(log, webhooks, 2, 4)
        await asyncio.sleep(0.5)
    assert receiver.versions() == [1, 2]
    assert await positions.of(webhook.id) == {}
    assert not await positions.move(webhook.id, ROOM, None, Place(epoch=EPOCH, version=1))


async def test_there_is_an_end_to_how_many_there_are(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MAX_WEBHOOKS", 2)
    for _ in range(2):
        await subscribe(store, "https://example.org/")
    with pytest.raises(Refused) as error:
        await subscribe(store, "https://example.org/")
    assert error.value.code == "too_many"
    for events in (("nothing.*",), ("stage.taken", "x"), ("devices.reported",)):
        with pytest.raises(Refused):
            await subscribe(store, "https://example.org/", *events)
