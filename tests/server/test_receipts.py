"""Receipts: the answer to a command that closed tracks says what the media worker has confirmed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from protocol import commands as c
from protocol.answers import Receipt
from protocol.names import Role, Source
from server.workers import receipts
from server.workers.receipts import Receipts
from tests.harness import until
from tests.server.session_support import FakeConnection, House

# --- the waiting itself --------------------------------------------------------------------


@pytest.fixture
def given() -> list[Receipt]:
    return []


def wait(one: Receipts, given: list[Receipt], version: int = 5, *tracks: str, ago: float = 0.0) -> None:
    one.wait({"w1": (1, version)}, tracks or ("a/audio",), version, time.monotonic() - ago, given.append)


async def test_the_silence_is_counted_from_the_commit_to_the_last_packet_of_the_last_track(
    given: list[Receipt],
) -> None:
    one = Receipts()
    wait(one, given, 5, "a/audio", "b/audio", "c/audio", ago=0.100)
    one.confirmed("w1", (1, 4), {"a/audio": 1.0})
    assert not given, "an earlier position confirms nothing"
    one.confirmed("w1", (1, 5), {"a/audio": 80.0, "b/audio": 30.0, "c/audio": -1.0, "x/video": 0.0})
    (receipt,) = given
    assert (receipt.version, receipt.applied, receipt.tracks) == (5, True, 3)
    assert receipt.silence_ms is not None and 70.0 <= receipt.silence_ms < 95.0
    assert not len(one)


async def test_who_was_silent_before_the_command_was_silent_at_once(given: list[Receipt]) -> None:
    one = Receipts()
    wait(one, given, ago=0.010)
    one.confirmed("w1", (1, 5), {"a/audio": 4000.0})
    assert given[0].silence_ms == 0.0


async def test_where_nothing_was_flowing_there_is_no_silence_to_measure(given: list[Receipt]) -> None:
    one = Receipts()
    wait(one, given, 5, "a/audio", "b/audio")
    one.confirmed("w1", (1, 6), {"a/audio": -1.0})
    assert given == [Receipt(version=5, applied=True, tracks=2)]
    wait(one, given, 6)
    assert given[-1] == Receipt(version=6, applied=True, tracks=1), "the worker was there already"


async def test_the_word_may_be_there_before_it_is_waited_for(given: list[Receipt]) -> None:
    one = Receipts()
    # Another node has told the worker first; what this node tells a moment later is no news there.
    one.confirmed("w1", (1, 4), {"a/audio": 900.0})
    one.confirmed("w1", (1, 6), {"a/audio": 20.0})
    one.confirmed("w1", (1, 8), {"a/audio": 700.0, "b/audio": 1.0})
    one.confirmed("w1", (1, 8), {})
    wait(one, given, 5, "a/audio", ago=0.100)
    (receipt,) = given
    assert (receipt.version, receipt.applied) == (5, True)
    assert receipt.silence_ms is not None and 75.0 <= receipt.silence_ms < 100.0, "not those of 4 and 8"
    wait(one, given, 7, "c/audio")
    assert given[-1] == Receipt(version=7, applied=True, tracks=1)
    one.give_up()
    one.confirmed("w1", (1, 9), {})
    wait(one, given, 5, "a/audio")
    assert given[-1] == Receipt(version=5, applied=True, tracks=1), "the former worker's words are void"


async def test_of_the_words_so_many_are_kept(given: list[Receipt], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "MAX_WORDS", 2)
    one = Receipts()
    for version in (5, 6, 7):
        one.confirmed("w1", (1, version), {f"{version}/audio": 5.0})
    wait(one, given, 5, "5/audio", ago=0.1)
    wait(one, given, 6, "6/audio", ago=0.1)
    assert [receipt.silence_ms is None for receipt in given] == [True, False]


async def test_without_an_answer_in_time_the_receipt_says_so_and_a_later_word_changes_nothing(
    given: list[Receipt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "WAIT_S", 0.05)
    one = Receipts()
    wait(one, given)
    await until(lambda: given, 2, 0.01)
    one.confirmed("w1", (1, 5), {"a/audio": 3.0})
    assert given == [Receipt(version=5, applied=False, tracks=1)] and not len(one)


async def test_a_worker_that_is_gone_ends_the_waiting_at_once(given: list[Receipt]) -> None:
    one = Receipts()
    one.confirmed("w1", (1, 9), {})
    for version in (10, 11):
        wait(one, given, version)
    one.give_up()
    assert [(receipt.version, receipt.applied) for receipt in given] == [(10, False), (11, False)]
    wait(one, given, 9)
    assert len(given) == 2, "what the former worker had confirmed means nothing for the next"
    one.give_up()


async def test_only_so_many_are_waited_for(given: list[Receipt], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "MAX_WAITING", 2)
    one = Receipts()
    for version in (5, 6, 7):
        wait(one, given, version)
    assert [(receipt.version, receipt.applied) for receipt in given] == [(7, False)] and len(one) == 2
    one.give_up()


# --- sessions, with a worker of their own ----------------------------------------------------


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await House(tmp_path).open(workers=1, udp_port=0)
    yield house
    await house.close()
    await house.workers.stop()


async def staged(house: House) -> tuple[FakeConnection, FakeConnection, Any]:
    """The owner, and a guest on the stage who has two tracks as far as the state is concerned."""
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference, Role.SPEAKER), conference)
    assert (await house.say(guest, "stage.request"))["type"] == "ok"
    room = await house.rooms.open(conference)
    assert room is not None
    tracks = {"0": Source.AUDIO, "1": Source.VIDEO}
    assert await room.replica.ask("g_1", c.MediaPublish(id=0, sdp="-", tracks=tracks)) is None
    return owner, guest, room


async def test_a_command_that_closes_something_is_answered_with_the_workers_word(house: House) -> None:
    await house.workers.start()
    owner, guest, room = await staged(house)
    answer = await house.say(owner, "media.mute", source="audio", target="g_1")
    # Nothing was flowing: there is no silence to measure.
    assert answer["result"] == {"type": "receipt", "version": answer["version"], "applied": True, "tracks": 1}
    down = await house.say(owner, "stage.take_down", target="g_1")
    assert (down["result"]["applied"], down["result"]["tracks"]) == (True, 1), "the muted track was closed already"
    assert guest.events()[-1]["type"] == "stage.left"
    assert not len(room.media.receipts)


async def test_what_closes_nothing_is_answered_at_once_and_without_a_receipt(house: House) -> None:
    await house.workers.start()
    owner, guest, _ = await staged(house)
    assert (await house.say(owner, "media.lock", 70, source="audio", target="g_1"))["result"]["tracks"] == 1
    messages: tuple[tuple[FakeConnection, str, dict[str, Any]], ...] = (
        (owner, "media.lock", {"source": "audio", "target": "g_1"}),
        (owner, "media.unmute", {"source": "audio", "target": "g_1"}),
        (owner, "conference.settings", {"title": "Another"}),
        (owner, "media.mute", {"source": "screen", "target": "g_1"}),
        (guest, "conference.leave", {}),
    )
    for connection, type, fields in messages:
        answer = await house.say(connection, type, **fields)
        assert answer["type"] == "ok" and "result" not in answer, type
    # The same command sent again is answered, not obeyed: there is nothing to wait for.
    await house.say(owner, "media.lock", 70, source="audio", target="g_1")
    await until(lambda: sum(message["id"] == 70 for message in owner.of("ok")) == 2, 5, 0.01)
    first, second = [message for message in owner.of("ok") if message["id"] == 70]
    assert "result" in first and "result" not in second


async def test_without_a_worker_the_receipt_says_at_once_that_nothing_is_confirmed(house: House) -> None:
    owner, _, _ = await staged(house)
    began = time.monotonic()
    answer = await house.say(owner, "media.mute", source="audio", target="g_1")
    assert answer["result"] == {"type": "receipt", "version": answer["version"], "applied": False, "tracks": 1}
    assert time.monotonic() - began < receipts.WAIT_S / 2


@pytest.fixture
async def frozen(house: House) -> AsyncIterator[Callable[[], None]]:
    """Freezes the worker; it goes on at the end."""
    await house.workers.start()
    (pid,) = house.workers.pids
    yield lambda: os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)


async def test_events_and_later_answers_do_not_wait_for_a_frozen_worker(
    house: House, frozen: Callable[[], None]
) -> None:
    owner, guest, room = await staged(house)
    frozen()
    began = time.monotonic()
    await house.raw(owner, {"type": "media.mute", "id": 501, "source": "audio", "target": "g_1"})
    later = await house.say(owner, "can")
    assert later["type"] == "ok"
    await until(lambda: owner.events()[-1]["type"] == guest.events()[-1]["type"] == "media.muted", 5, 0.01)
    assert time.monotonic() - began < receipts.WAIT_S / 2
    version = owner.events()[-1]["version"]
    await house.say(guest, "reaction.send", emoji="👏")
    assert (await house.say(owner, "conference.settings", title="Another"))["version"] == version + 1
    assert not any(message["id"] == 501 for message in owner.of("ok"))
    answer = await owner.answer(501)
    assert 0.9 * receipts.WAIT_S <= time.monotonic() - began < 3 * receipts.WAIT_S
    # Of the version that closed it, though the conference has gone on since.
    assert answer["version"] == version
    assert answer["result"] == {"type": "receipt", "version": version, "applied": False, "tracks": 1}
    assert not len(room.media.receipts)


async def test_whoever_goes_while_the_answer_is_due_leaves_nothing_behind(
    house: House, frozen: Callable[[], None]
) -> None:
    owner, _, room = await staged(house)
    frozen()
    await house.raw(owner, {"type": "media.mute", "id": 502, "source": "audio", "target": "g_1"})
    await until(lambda: len(room.media.receipts) == 1, 2, 0.01)
    assert owner.session is not None
    owner.session.disconnected()
    await until(lambda: not len(room.media.receipts), 5)
    # Who comes back and asks again is told that it was done.
    back = await house.joined(house.token(house.owner), room.conference)
    assert (await house.say(back, "media.mute", 502, source="audio", target="g_1"))["type"] == "ok"


async def test_a_worker_that_dies_ends_the_waiting(house: House, frozen: Callable[[], None]) -> None:
    owner, _, room = await staged(house)
    frozen()
    await house.raw(owner, {"type": "media.mute", "id": 503, "source": "audio", "target": "g_1"})
    await until(lambda: len(room.media.receipts) == 1, 2, 0.01)
    room.media.displaced(room.media.worker)
    assert (await owner.answer(503))["result"]["applied"] is False


async def test_what_a_later_command_of_the_same_commit_undoes_needs_no_waiting(house: House) -> None:
    await house.workers.start()
    owner, _, room = await staged(house)
    # Settled first, so that the worker's position is the newest.
    assert (await house.say(owner, "media.mute", source="video", target="g_1"))["result"]["applied"] is True
    began = time.monotonic()
    await house.raw(owner, {"type": "media.mute", "id": 504, "source": "audio", "target": "g_1"})
    await house.raw(owner, {"type": "media.unmute", "id": 505, "source": "audio", "target": "g_1"})
    answers = await asyncio.gather(owner.answer(504), owner.answer(505))
    assert answers[0]["version"] == answers[1]["version"], "both were decided in one commit"
    assert answers[0]["result"]["applied"] is True and "result" not in answers[1]
    assert time.monotonic() - began < receipts.WAIT_S / 2 and not len(room.media.receipts)


# --- a room on several workers ----------------------------------------------------------------


async def test_one_frozen_worker_of_those_that_a_room_is_on_leaves_a_receipt_unconfirmed(tmp_path: Path) -> None:
    house = await House(tmp_path).open(workers=2, udp_port=0, viewers_per_worker=1)
    frozen: int | None = None
    try:
        await house.workers.start()
        owner, guest, room = await staged(house)
        for connection in (owner, guest):
            assert (await house.say(connection, "media.subscribe"))["type"] == "ok"
        first, further = room.media.spread.workers
        # Both alive: the receipt has waited for both.
        answer = await house.say(owner, "media.mute", source="video", target="g_1")
        assert answer["result"]["applied"] is True
        position = (room.replica.epoch, answer["version"])
        assert [room.media.receipts._position(worker.id) for worker in (first, further)] == [position, position]
        # Frozen is the one that only feeds a viewer.
        frozen = further.process.pid
        os.kill(frozen, signal.SIGSTOP)
        began = time.monotonic()
        answer = await house.say(owner, "media.mute", source="audio", target="g_1")
        assert answer["result"] == {"type": "receipt", "version": answer["version"], "applied": False, "tracks": 1}
        assert 0.9 * receipts.WAIT_S <= time.monotonic() - began < 3 * receipts.WAIT_S
        # The first has done it: that alone is not enough.
        assert room.media.receipts._position(first.id) == (room.replica.epoch, answer["version"])
        assert not len(room.media.receipts)
        # When the other goes on it does it too, and the next command is confirmed.
        os.kill(frozen, signal.SIGCONT)
        frozen = None
        answer = await house.say(owner, "media.unmute", source="video", target="g_1")
        answer = await house.say(owner, "media.mute", source="video", target="g_1")
        assert answer["result"]["applied"] is True
        assert room.media.spread.workers == (first, further), "it was not replaced meanwhile"
    finally:
        if frozen is not None:
            os.kill(frozen, signal.SIGCONT)
        await house.close()
        await house.workers.stop()
