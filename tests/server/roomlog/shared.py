"""What every implementation of the room log must do. Each has a test class that inherits these, and a fixture `log`."""

from __future__ import annotations

import asyncio

from protocol import events as e
from server.roomlog import Accepted, Appended, AuditEntry, Commit, Conflict, Lost, RoomLog

ROOM, EPOCH = "abc-defg-hij", 1_700_000_000_000


def commit(
    after: int, *events: e.RoomEvent, node: str = "n1", commands: tuple[tuple[str, str, int], ...] = ()
) -> Commit:
    """A commit after a version; without events it has one settings change that names the version."""
    made = events or (e.ConferenceSettingsChanged(version=after + 1, title=f"title {after + 1}", stage_places=36),)
    return Commit(version=after + len(made), after=after, time=EPOCH + after, node=node, events=made, commands=commands)


def audited(after: int, *accepted: tuple[str, str], node: str = "n1") -> Commit:
    """A commit whose commands are these, each an actor and a command that made one event."""
    made = tuple(
        e.ConferenceSettingsChanged(version=after + n + 1, title="t", stage_places=36) for n in range(len(accepted))
    )
    lines = tuple(
        Accepted(actor=actor, command=command, before=after + n, version=after + n + 1, details={"source": "audio"})
        for n, (actor, command) in enumerate(accepted)
    )
    return Commit(version=after + len(made), after=after, time=EPOCH + after, node=node, events=made, accepted=lines)


async def whole_record(log: RoomLog, room: str = ROOM, **which: str) -> list[AuditEntry]:
    """All lines, read in small pages."""
    found: list[AuditEntry] = []
    position: int | None = 0
    while position is not None:
        page = await log.audit(room, after=position, limit=2, **which)
        assert len(page.entries) <= 2
        found += page.entries
        position = page.next
    return found


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

    async def test_a_history_is_kept_before_a_snapshot_when_it_is_wanted(self, log: RoomLog) -> None:
        log.history = 2
        for after in range(6):
            await log.append(ROOM, EPOCH, after, commit(after))
        await log.save_snapshot(ROOM, EPOCH, 5, b"state at 5")
        assert [one.version for one in await log.commits_after(ROOM, 0)] == [4, 5, 6]
        loaded = await log.load(ROOM)
        assert loaded is not None and [one.version for one in loaded.commits] == [6]
        log.history = 0
        await log.append(ROOM, EPOCH, 6, commit(6))
        await log.save_snapshot(ROOM, EPOCH, 6, b"state at 6")
        assert [one.version for one in await log.commits_after(ROOM, 0)] == [7]

    async def test_so_many_commits_are_read_as_were_asked_for(self, log: RoomLog) -> None:
        await log.append(ROOM, EPOCH, 0, commit(0))
        two = commit(1, e.ParticipantAway(version=2, person="u_a"), e.ParticipantReturned(version=3, person="u_a"))
        await log.append(ROOM, EPOCH, 1, two)
        await log.append(ROOM, EPOCH, 3, commit(3))
        assert await log.commits_after(ROOM, 0, 2) == (commit(0), two)
        # A position within a commit: it reaches beyond.
        assert await log.commits_after(ROOM, 2, 1) == (two,)

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

    async def test_where_a_room_is_can_be_asked_without_loading_it(self, log: RoomLog) -> None:
        assert await log.position(ROOM) is None
        await log.append(ROOM, EPOCH, 0, commit(0))
        await log.append(ROOM, EPOCH, 1, commit(1))
        assert await log.position(ROOM) == (EPOCH, 2)

    async def test_a_room_that_was_forgotten_is_gone_but_for_its_record_and_is_not_seeded(self, log: RoomLog) -> None:
        for after in range(3):
            await log.append(ROOM, EPOCH, after, audited(after, ("u_a", "media.mute")))
        await log.save_snapshot(ROOM, EPOCH, 2, b"state at 2")
        await log.forget(ROOM)
        assert await log.load(ROOM) is None
        assert await log.position(ROOM) is None
        assert await log.rooms() == ()
        assert isinstance(await log.append(ROOM, EPOCH, 3, commit(3)), Conflict)
        assert isinstance(await log.seed(ROOM, EPOCH, EPOCH + 1, 3, b"state at 3"), Conflict)
        assert await log.load(ROOM) is None
        assert len(await whole_record(log)) == 3

    async def test_a_room_that_the_log_knows_as_well_is_not_seeded(self, log: RoomLog) -> None:
        for after in range(3):
            await log.append(ROOM, EPOCH, after, commit(after))
        for version in (2, 3):
            assert await log.seed(ROOM, EPOCH, EPOCH + 1, version, b"state") == Conflict(EPOCH)
        assert await log.position(ROOM) == (EPOCH, 3)

    async def test_a_log_that_is_behind_says_so_and_is_seeded_under_a_later_epoch(self, log: RoomLog) -> None:
        await log.append(ROOM, EPOCH, 0, commit(0))
        assert await log.append(ROOM, EPOCH, 5, commit(5)) == Lost()
        assert await log.seed(ROOM, EPOCH, EPOCH + 1, 5, b"state at 5") == EPOCH + 1
        assert await log.seed(ROOM, EPOCH, EPOCH + 1, 5, b"state at 5") == EPOCH + 1
        loaded = await log.load(ROOM)
        assert loaded is not None
        assert (loaded.epoch, loaded.snapshot, loaded.commits) == (EPOCH + 1, (5, b"state at 5"), ())
        assert await log.append(ROOM, EPOCH, 5, commit(5)) == Conflict(EPOCH + 1)
        assert await log.append(ROOM, EPOCH + 1, 5, commit(5)) == Appended()

    async def test_a_log_that_can_be_written_is_ready(self, log: RoomLog) -> None:
        await log.ready()

    async def test_what_was_accepted_is_in_the_audit_record_in_order_with_time_and_node(self, log: RoomLog) -> None:
        await log.append(ROOM, EPOCH, 0, audited(0, ("u_a", "media.mute"), ("u_b", "stage.leave")))
        await log.append(ROOM, EPOCH, 2, audited(2, ("u_a", "media.unmute"), node="n2"))
        lines = await whole_record(log)
        assert [(one.actor, one.command, one.before, one.version) for one in lines] == [
            ("u_a", "media.mute", 0, 1),
            ("u_b", "stage.leave", 1, 2),
            ("u_a", "media.unmute", 2, 3),
        ]
        assert [(one.time, one.node) for one in lines] == [(EPOCH, "n1"), (EPOCH, "n1"), (EPOCH + 2, "n2")]
        assert lines[0].details == {"source": "audio"}
        numbers = [one.number for one in lines]
        assert numbers == sorted(set(numbers)) and numbers[0] > 0

    async def test_what_is_no_part_of_the_state_is_noted_between_the_commits(self, log: RoomLog) -> None:
        await log.append(ROOM, EPOCH, 0, audited(0, ("u_a", "media.mute")))
        made = Accepted(actor="u_b", command="link.make", target="l1", before=1, version=1, details={"role": "viewer"})
        await log.note(ROOM, EPOCH + 1, "n2", made)
        await log.append(ROOM, EPOCH, 1, audited(1, ("u_a", "media.unmute")))
        lines = await whole_record(log)
        assert [one.command for one in lines] == ["media.mute", "link.make", "media.unmute"]
        noted = lines[1]
        assert (noted.time, noted.node, noted.actor, noted.target) == (EPOCH + 1, "n2", "u_b", "l1")
        assert (noted.version, noted.details) == (1, {"role": "viewer"})

    async def test_an_append_that_lost_or_is_repeated_leaves_no_line_of_its_own(self, log: RoomLog) -> None:
        won = audited(0, ("u_a", "media.mute"))
        await log.append(ROOM, EPOCH, 0, won)
        assert isinstance(await log.append(ROOM, EPOCH, 0, audited(0, ("u_b", "media.mute"), node="n2")), Conflict)
        assert await log.append(ROOM, EPOCH, 0, won) == Appended()
        assert [one.actor for one in await whole_record(log)] == ["u_a"]

    async def test_a_snapshot_lets_go_of_commits_and_of_no_line(self, log: RoomLog) -> None:
        for after in range(4):
            await log.append(ROOM, EPOCH, after, audited(after, ("u_a", "media.mute")))
        await log.save_snapshot(ROOM, EPOCH, 4, b"state at 4")
        assert await log.commits_after(ROOM, 0) == ()
        assert [one.version for one in await whole_record(log)] == [1, 2, 3, 4]

    async def test_the_record_is_asked_by_actor_by_command_and_by_room(self, log: RoomLog) -> None:
        await log.append(ROOM, EPOCH, 0, audited(0, *[("u_a", "media.mute"), ("u_b", "media.mute"), ("u_a", "role.x")]))
        await log.append("other", EPOCH, 0, audited(0, ("u_a", "media.mute")))
        assert [one.version for one in await whole_record(log, actor="u_a")] == [1, 3]
        assert [one.version for one in await whole_record(log, command="media.mute")] == [1, 2]
        assert [one.version for one in await whole_record(log, actor="u_a", command="media.mute")] == [1]
        assert len(await whole_record(log, "other")) == 1

    async def test_lines_go_by_age_and_their_numbers_are_not_given_again(self, log: RoomLog) -> None:
        for after in range(4):
            await log.append(ROOM, EPOCH, after, audited(after, ("u_a", "media.mute")))
        last = (await whole_record(log))[-1].number
        assert await log.forget_audit(EPOCH + 2) == 2
        assert [one.version for one in await whole_record(log)] == [3, 4]
        assert await log.forget_audit(EPOCH + 10) == 2
        assert await log.forget_audit(EPOCH + 10) == 0
        await log.append(ROOM, EPOCH, 4, audited(4, ("u_b", "media.mute")))
        (line,) = await whole_record(log)
        assert line.actor == "u_b" and line.number > last
