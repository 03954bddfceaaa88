"""The two logs side by side: whatever is asked of them, in whatever order, they say and keep the same."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from server.redis.address import parse
from server.redis.connection import Connection
from server.roomlog import Appended, Commit, EmbeddedLog, RoomLog
from server.roomlog.redis import RedisLog
from server.storage.store import Store
from tests.redis_server import RedisServer
from tests.server.roomlog.shared import EPOCH, audited

ROOMS = st.sampled_from(("one", "two"))
COMMANDS = st.lists(
    st.tuples(st.sampled_from(("u_a", "u_b")), st.sampled_from(("media.mute", "stage.leave"))), min_size=1, max_size=3
)


class Both(RuleBasedStateMachine):
    """Each rule asks both logs the same and compares the answers."""

    server: RedisServer

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.connection, self.store = self.runner.run(self._open())
        self.model, self.log = EmbeddedLog(self.store), RedisLog(self.connection)
        # What the test knows: where each room is, the commits it was given, and which were forgotten.
        self.at: dict[str, tuple[int, int]] = {}
        self.commits: dict[str, list[Commit]] = {}
        self.forgotten: set[str] = set()

    async def _open(self) -> tuple[Connection, Store]:
        connection = Connection(parse(self.server.url))
        await connection.ask("FLUSHALL")
        return connection, Store.open(self.folder / "podium.db")

    def teardown(self) -> None:
        self.runner.run(self.connection.close())
        self.runner.close()
        self.store.close()
        shutil.rmtree(self.folder)

    def same(self, ask: Callable[[RoomLog], Awaitable[Any]]) -> Any:
        async def both() -> tuple[Any, Any]:
            return await ask(self.model), await ask(self.log)

        expected, found = self.runner.run(both())
        assert found == expected
        return expected

    def free(self, room: str) -> bool:
        return room not in self.forgotten

    @rule(
        room=ROOMS, commands=COMMANDS, node=st.sampled_from(("n1", "n2")), stale=st.integers(0, 3), epoch=st.booleans()
    )
    def append(self, room: str, commands: list[tuple[str, str]], node: str, stale: int, epoch: bool) -> None:
        if not self.free(room):
            return
        epoch_now, version = self.at.get(room, (EPOCH, 0))
        expected = max(0, version - stale)
        commit = audited(expected, *commands, node=node)
        outcome = self.same(lambda log: log.append(room, epoch_now if epoch or not version else 5, expected, commit))
        if outcome == Appended() and expected == version:
            self.at[room] = (epoch_now, commit.version)
            self.commits.setdefault(room, []).append(commit)

    @rule(room=ROOMS, back=st.integers(1, 4))
    def append_again(self, room: str, back: int) -> None:
        made = self.commits.get(room, [])
        if self.free(room) and len(made) >= back:
            commit = made[-back]
            self.same(lambda log: log.append(room, self.at[room][0], commit.after, commit))

    @rule(room=ROOMS, ahead=st.integers(1, 3))
    def append_to_what_was_never_there(self, room: str, ahead: int) -> None:
        if room in self.at and self.free(room):
            epoch, version = self.at[room]
            self.same(lambda log: log.append(room, epoch, version + ahead, audited(version + ahead, ("u_a", "x"))))

    @rule(room=ROOMS, back=st.integers(-1, 3), epoch=st.booleans())
    def snapshot(self, room: str, back: int, epoch: bool) -> None:
        made = self.commits.get(room, [])
        if self.free(room) and 0 <= back < len(made):
            version = made[-1 - back].version
            self.same(
                lambda log: log.save_snapshot(room, self.at[room][0] if epoch else 5, version, b"state %d" % version)
            )

    @rule(room=ROOMS, ahead=st.integers(-2, 3))
    def seed(self, room: str, ahead: int) -> None:
        if room in self.at and self.free(room):
            epoch, version = self.at[room]
            outcome = self.same(lambda log: log.seed(room, epoch, epoch + 1, max(0, version + ahead), b"seed"))
            if isinstance(outcome, int):
                self.at[room] = (outcome, version + ahead)
                self.commits[room] = []

    @precondition(lambda self: len(self.at) == 2)
    @rule(room=ROOMS)
    def forget(self, room: str) -> None:
        if not self.forgotten:
            self.same(lambda log: log.forget(room))
            self.forgotten.add(room)

    @rule(room=ROOMS, time=st.integers(0, 40))
    def note(self, room: str, time: int) -> None:
        (entry,) = audited(0, ("u_c", "link.make")).accepted
        self.same(lambda log: log.note(room, EPOCH + time, "n3", entry))

    @rule(room=ROOMS, after=st.integers(0, 12))
    def look(self, room: str, after: int) -> None:
        self.same(lambda log: log.load(room))
        self.same(lambda log: log.position(room))
        self.same(lambda log: log.commits_after(room, after))
        self.same(lambda log: log.rooms())

    @rule(room=ROOMS, actor=st.sampled_from(("", "u_a")), command=st.sampled_from(("", "media.mute")))
    def read_the_record(self, room: str, actor: str, command: str) -> None:
        async def lines(log: RoomLog) -> list[Any]:
            found: list[Any] = []
            position: int | None = 0
            while position is not None:
                page = await log.audit(room, after=position, limit=3, actor=actor, command=command)
                # Numbers are each log's own; their order is not.
                found += [(one.time, one.node, one.actor, one.command, one.version) for one in page.entries]
                position = page.next
            return found

        self.same(lines)


def test_both_logs_say_and_keep_the_same(shared_redis: RedisServer) -> None:
    run_state_machine_as_test(
        type("Machine", (Both,), {"server": shared_redis}),
        settings=settings(
            max_examples=8, stateful_step_count=25, suppress_health_check=list(HealthCheck), phases=(Phase.generate,)
        ),
    )
