"""What every implementation of the room log must do. Each has a test class that inherits these, and a fixture `log`."""

from __future__ import annotations

import asyncio

from protocol import events as e
from server.roomlog import Appended, Commit, Conflict, RoomLog

ROOM, EPOCH = "abc-defg-hij", 1_700_000_000_000


def commit(
    after: int, *events: e.RoomEvent, node: str = "n1", commands: tuple[tuple[str, str, int], ...] = ()
) -> Commit:
    """A commit after a version; without events it has one settings change that names the version."""
    made = events or (e.ConferenceSettingsChanged(version=after + 1, title=f"title {after + 1}", stage_places=36),)
    return Commit(version=after + len(made), after=after, time=EPOCH + after, node=node, events=made, commands=commands)


class RoomLogTests:
    """The shared tests."""

    async def test_a_room_that_is_not_there_is_loaded_as_none(self, log: RoomLog) -> None:
        assert await log.load(ROOM) is None
        assert await log.commits_after(ROOM, 0) == ()
        assert await log.rooms() == ()

    async def test_what_was_appended_is_loaded_in_order(self, log: RoomLog) -> None:
        commits = [commit(0), commit(1, commands=(("u_a", "client-1", 7),)), commit(2)]
        for one in commits:
            assert await log.append(ROOM, EPOCH, one.after, one) == Appended()
        loaded = await log.load(ROOM)
        assert loaded is not None
        assert loaded.commits == tuple(commits)
        assert (loaded.epoch, loaded.snapshot, loaded.readable) == (EPOCH, None, True)
        assert await log.commits_after(ROOM, 1) == tuple(commits[1:])
        assert await log.rooms() == (ROOM,)

    async def test_a_commit_of_several_events_counts_them_all(self, log: RoomLog) -> None:
        two = commit(0, e.ParticipantAway(version=1, person="u_a"), e.ParticipantReturned(version=2, person="u_a"))
        await log.append(ROOM, EPOCH, 0, two)
        assert isinstance(await log.append(ROOM, EPOCH, 1, commit(1)), Conflict)
        assert await log.append(ROOM, EPOCH, 2, commit(2)) == Appended()

    async def test_the_loser_of_a_race_is_told_what_it_missed(self, log: RoomLog) -> None:
        first, second = commit(0), commit(1)
        await log.append(ROOM, EPOCH, 0, first)
        await log.append(ROOM, EPOCH, 1, second)
        outcome = await log.append(ROOM, EPOCH, 0, commit(0, node="n2"))
        assert outcome == Conflict(EPOCH, (first, second))
        assert await log.commits_after(ROOM, 0) == (first, second)

    async def test_of_many_writers_at_one_version_exactly_one_wins(self, log: RoomLog) -> None:
        racers = [commit(0, node=f"n{number}") for number in range(20)]
        outcomes = await asyncio.gather(*(log.append(ROOM, EPOCH, 0, racer) for racer in racers))
        winners = [racer for racer, outcome in zip(racers, outcomes, strict=True) if outcome == Appended()]
        assert len(winners) == 1
        assert await log.commits_after(ROOM, 0) == (winners[0],)
        assert all(outcome == Conflict(EPOCH, (winners[0],)) for outcome in outcomes if outcome != Appended())

    async def test_an_append_repeated_after_a_lost_answer_counts_once(self, log: RoomLog) -> None:
        one = commit(0)
        assert await log.append(ROOM, EPOCH, 0, one) == Appended()
        assert await log.append(ROOM, EPOCH, 0, one) == Appended()
        await log.append(ROOM, EPOCH, 1, commit(1))
        assert await log.append(ROOM, EPOCH, 0, one) == Appended()
        assert len(await log.commits_after(ROOM, 0)) == 2

    async def test_a_writer_of_another_epoch_is_refused(self, log: RoomLog) -> None:
        await log.append(ROOM, EPOCH, 0, commit(0))
        outcome = await log.append(ROOM, EPOCH + 1, 1, commit(1))
        assert isinstance(outcome, Conflict) and outcome.epoch == EPOCH

    async def test_rooms_do_not_disturb_each_other(self, log: RoomLog) -> None:
        names = [f"room-{number}" for number in range(30)]
        outcomes = await asyncio.gather(*(log.append(name, EPOCH, 0, commit(0)) for name in names))
        assert outcomes == [Appended()] * 30
        assert await log.rooms() == tuple(sorted(names))
        assert await log.commits_after("room-3", 0) == (commit(0),)

    async def test_a_snapshot_takes_the_place_of_the_commits_up_to_it(self, log: RoomLog) -> None:
        for after in range(5):
            await log.append(ROOM, EPOCH, after, commit(after))
        await log.save_snapshot(ROOM, EPOCH, 3, b"state at 3")
        loaded = await log.load(ROOM)
        assert loaded is not None
        assert loaded.snapshot == (3, b"state at 3")
        assert [one.version for one in loaded.commits] == [4, 5]
        assert await log.append(ROOM, EPOCH, 5, commit(5)) == Appended()

    async def test_whoever_missed_more_than_the_log_keeps_can_tell(self, log: RoomLog) -> None:
        for after in range(5):
            await log.append(ROOM, EPOCH, after, commit(after))
        await log.save_snapshot(ROOM, EPOCH, 3, b"state at 3")
        outcome = await log.append(ROOM, EPOCH, 1, commit(1, node="n2"))
        assert isinstance(outcome, Conflict)
        assert outcome.missed[0].after != 1

    async def test_an_older_snapshot_does_not_replace_a_newer_one(self, log: RoomLog) -> None:
        for after in range(4):
            await log.append(ROOM, EPOCH, after, commit(after))
        await log.save_snapshot(ROOM, EPOCH, 3, b"new")
        await log.save_snapshot(ROOM, EPOCH, 2, b"old")
        await log.save_snapshot(ROOM, EPOCH + 1, 4, b"of another epoch")
        loaded = await log.load(ROOM)
        assert loaded is not None and loaded.snapshot == (3, b"new")
