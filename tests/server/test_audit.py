"""The audit record: each accepted command that changed something is a line, and nothing else is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest

from protocol import commands as c
from protocol import events as e
from protocol.examples import example, members
from protocol.names import MuteSource, PersonKind, Role, Source
from server.records import audit
from server.room import inner
from server.room.rules import command_name
from server.roomlog import AuditEntry
from server.storage.store import StoreUnavailable
from tests.harness import until
from tests.server.replica_support import OWNER, MemoryLog, come_in, new_replica, order
from tests.server.room.house import House as Core
from tests.server.session_support import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await House(tmp_path).open()
    yield house
    await house.close()


async def record(house: House, conference: str) -> list[AuditEntry]:
    return [entry async for entry in audit.lines(house.rooms.log, conference)]


async def test_a_line_says_who_what_to_whom_when_and_on_which_node(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    await house.joined(house.guest("g_1", conference), conference)
    before = house.rooms.now()
    assert (await house.say(owner, "media.mute", source="audio", target="g_1"))["type"] == "ok"
    entries = await record(house, conference)
    line = entries[-1]
    assert (line.actor, line.name, line.command, line.target) == (house.owner.id, "Owner", "media.mute", "g_1")
    assert line.details == {"source": "audio"}
    assert before <= line.time <= house.rooms.now()
    assert line.node and {entry.node for entry in entries} == {line.node}
    assert (line.before, line.version) == (3, 4)
    # Before it: what the server did by itself, under names that no client can give.
    assert [(entry.actor, entry.command) for entry in entries[:-1]] == [
        (house.owner.id, "create"),
        (house.owner.id, "enter"),
        ("g_1", "enter"),
    ]
    assert entries[2].details["kind"] == "guest" and entries[2].name == "G_1"


async def test_what_changed_nothing_and_what_was_refused_is_no_line(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    await house.say(owner, "media.mute", source="audio", target="g_1")
    count = len(await record(house, conference))
    assert (await house.say(owner, "media.mute", source="audio", target="g_1"))["type"] == "ok"
    assert (await house.say(guest, "media.mute", source="audio", target=house.owner.id))["type"] == "refused"
    assert (await house.say(owner, "can"))["type"] == "ok"
    assert len(await record(house, conference)) == count
    # The same command of the same client, sent twice, was obeyed once.
    await house.say(owner, "media.lock", 900, source="audio", target="g_1")
    await house.say(owner, "media.lock", 900, source="audio", target="g_1")
    assert len(await record(house, conference)) == count + 1


async def test_everybody_whom_a_command_reached_is_named(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    for number in (1, 2):
        guest = await house.joined(house.guest(f"g_{number}", conference, Role.SPEAKER), conference)
        await house.say(guest, "stage.request")
    assert (await house.say(owner, "media.mute_all", source="audio", lock=True))["type"] == "ok"
    line = (await record(house, conference))[-1]
    assert (line.command, line.target, line.reached) == ("media.mute_all", "", ("g_1", "g_2"))
    assert line.details == {"source": "audio", "lock": True}


async def test_what_nobody_asked_for_has_no_actor(house: House) -> None:
    await house.close()
    house = await House(house.path / "short").open(grace_s=0.05)
    conference = await house.conference()
    guest = await house.joined(house.guest("g_1", conference), conference)
    assert guest.session is not None
    guest.session.disconnected()
    state = await house.rooms.state(conference)
    assert state is not None and "g_1" in state.people
    room = await house.rooms.open(conference)
    assert room is not None
    await until(lambda: "g_1" not in room.replica.room.people, 5, 0.02)
    lost, gone = (await record(house, conference))[-2:]
    assert [(line.actor, line.command, line.target) for line in (lost, gone)] == [
        ("", "drop", "g_1"),
        ("", "expire", "g_1"),
    ]
    await house.rooms.end(conference, by="u_admin")
    line = (await record(house, conference))[-1]
    assert (line.actor, line.command) == ("u_admin", "close")
    await house.close()


async def test_the_commands_of_one_commit_are_a_line_each() -> None:
    log = MemoryLog()
    replica = await new_replica(log)
    await come_in(replica, OWNER, Role.ORGANIZER)
    made = [order(OWNER, c.MediaMute(id=n, source=source)) for n, source in enumerate(MuteSource, start=1)]
    for one, _ in made:
        replica.submit(one)
    assert await asyncio.gather(*(outcome for _, outcome in made)) == [None] * 3
    last = log.commits[-1]
    assert len(last.events) == 3
    assert [(one.details["source"], one.before, one.version) for one in last.accepted] == [
        (source.value, last.after + n, last.after + n + 1) for n, source in enumerate(MuteSource)
    ]
    await replica.stop()


async def test_what_the_disk_refused_is_no_line() -> None:
    log = MemoryLog()
    replica = await new_replica(log)
    await come_in(replica, OWNER, Role.ORGANIZER)
    count = len(log.accepted)
    log.broken = True
    assert await replica.ask(OWNER, c.MediaMute(id=1, source=MuteSource.AUDIO)) is not None
    log.broken = False
    assert len(log.accepted) == count
    await replica.stop()


def test_no_line_holds_a_description_or_a_secret() -> None:
    core = Core()
    core.enter("owner", None)
    publish = c.MediaPublish(id=4, sdp="v=0 secret", tracks={"0": Source.AUDIO})
    line = audit.line(core.state, core.state, "owner", publish, ())
    assert line.details == {"tracks": {"0": "audio"}}
    pinned = audit.line(core.state, core.state, "owner", c.ConferenceSetPin(id=5, pin="4711"), ())
    assert pinned.details == {"pin": True}


def test_a_line_is_small_whatever_the_command_holds() -> None:
    core = Core()
    core.enter("owner", None)
    tracks = {f"mid{number:013}": Source.AUDIO for number in range(1000)}
    line = audit.line(core.state, core.state, "owner", c.MediaPublish(id=4, sdp="v=0", tracks=tracks), ())
    assert len(line.details["cut"]) == audit.MAX_DETAILS
    gone = tuple(e.ParticipantLeft(person=f"u_{number}", reason=e.LeaveReason.ENDED) for number in range(500))
    assert len(audit.line(core.state, core.state, "owner", c.ConferenceEnd(id=5), gone).reached) == audit.MAX_REACHED


def test_who_came_in_and_who_left_by_one_command_is_in_its_line_however_many_they_are() -> None:
    core = Core()
    core.enter("owner", None)
    refused = e.LobbyLeft(person="g_full", refused=True)
    came = tuple(
        e.ParticipantJoined(person=f"g_{number}", name="", kind=PersonKind.GUEST, role=Role.VIEWER)
        for number in range(300)
    )
    line = audit.line(core.state, core.state, "owner", c.ConferenceStart(id=4), (*came, refused))
    assert line.details == {"came": [f"g_{number}" for number in range(300)]}
    closed = (
        e.RoleAssigned(person="u_1", role=Role.SPEAKER),
        e.ParticipantLeft(person="u_2", reason=e.LeaveReason.NO_ACCESS),
    )
    line = audit.line(core.state, core.state, "owner", c.ConferenceSettings(id=5), closed)
    assert (line.reached, line.details) == (("u_1", "u_2"), {"gone": ["u_2"]})
    alone = audit.line(core.state, core.state, "g_1", c.ConferenceLeave(id=6), came[1:2])
    assert alone.details == {}


@pytest.mark.parametrize("kind", members(c.RoomCommand) + get_args(inner.InnerCommand), ids=lambda kind: kind.__name__)
def test_every_command_of_the_core_makes_a_line(kind: Any) -> None:
    core = Core()
    core.enter("owner", None)
    line = audit.line(core.state, core.state, "owner", example(kind, full=True), ())  # type: ignore[arg-type]
    assert line.command == command_name(kind) and "id" not in line.details and "sdp" not in line.details
    # A name with a noun is what people do, also where the server adds what it knows; one without is its own.
    by_people = issubclass(kind, c.Command) or kind in (inner.DeleteMessage, inner.AddFile)
    assert ("." in line.command) is by_people


class _OldLines(MemoryLog):
    """A log that has so many lines to let go of, and fails once."""

    def __init__(self, portions: int) -> None:
        super().__init__()
        self.portions = portions
        self.asked: list[int] = []

    async def forget_audit(self, before: int) -> int:
        self.asked.append(before)
        if len(self.asked) == 1:
            raise StoreUnavailable("the disk is busy")
        self.portions -= 1
        return max(0, self.portions)


async def test_the_sweep_goes_on_until_nothing_is_too_old_and_outlives_a_failing_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit, "SWEEP_S", 0.02)
    monkeypatch.setattr(audit, "PAUSE_S", 0.001)
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    log = _OldLines(3)
    sweeping = asyncio.create_task(audit.keep_swept(log, 2))
    await until(lambda: len(log.asked) >= 4, 5, 0.01)
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    assert set(log.asked) == {(1_000_000 - 2 * 86_400) * 1000} and log.portions <= 0
