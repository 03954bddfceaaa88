"""Several servers' stores on one real Redis: what one writes all have, once, whatever dies in between."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.config import Settings
from server.directory.conferences import Conferences
from server.identity.accounts import Accounts
from server.identity.identities import Identities
from server.identity.tokens import BadToken
from server.redis.address import parse
from server.redis.connection import Connection
from server.storage import image, migrations, position, replica, replicated, store
from server.storage.journal import Entry, Journal
from server.storage.keys import open_tokens
from server.storage.recorder import Touched
from server.storage.replica import Halted
from server.storage.store import Store, StoreUnavailable
from tests.harness import ROOT
from tests.redis_server import RedisServer
from tests.server.storage.replicas import Node, count, names, nodes, put, until, until_same

A_MESSAGE = """INSERT INTO chat (conference, channel, number, time, person, name, text, command)
    VALUES ('c', 'e', 1, 0, 'p', 'n', 't', 'x')"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("r")).start()
    yield server
    server.stop()


@pytest.fixture
async def redis(running: RedisServer) -> RedisServer:
    """The server, empty; for tests that leave it running."""
    await ask(running, "FLUSHALL")
    return running


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server for one test, which may do to it what it likes."""
    server = RedisServer(tmp_path / "r").start()
    yield server
    server.stop()


async def ask(redis: RedisServer, *words: str | int) -> object:
    connection = Connection(parse(redis.url))
    try:
        return await connection.ask(*words)
    finally:
        await connection.close()


async def ended(program: str, path: Path, redis: RedisServer) -> subprocess.CompletedProcess[bytes]:
    """Run a program in a process of its own, on a file."""
    words = [sys.executable, "-c", program, str(path), redis.url]
    return await asyncio.to_thread(subprocess.run, words, cwd=ROOT, timeout=60, check=False)


async def set_back(redis: RedisServer, version: int, forgotten: tuple[int, ...]) -> None:
    """What a failover to a server leaves that had heard of less."""
    for each in forgotten:
        await ask(redis, "XDEL", "podium:{directory}:commits", f"{each}-0")
    await ask(redis, "XSETID", "podium:{directory}:commits", f"{version}-0")
    await ask(redis, "HSET", "podium:{directory}:head", "version", version)


async def there(redis: RedisServer, version: int) -> bool:
    """Whether the log is there, with an image of a version or later."""
    found = await ask(redis, "HGET", "podium:{directory}:head", "snapshot")
    return isinstance(found, bytes) and int(found) >= version


# --- writing ----------------------------------------------------------------------------


async def test_what_one_writes_the_other_reads_soon(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url) as (one, two):
        await one.put("a", b"\x00\xff")
        began = time.monotonic()
        await until(lambda: two.has("a"))
        # Far below the second after which it would have been looked for.
        assert time.monotonic() - began < 0.9
        await two.put("b")
        assert (await until_same(one, two))["keys"] == [("a", b"\x00\xff"), ("b", b"")]


async def test_a_conference_that_another_has_just_made_is_found_before_its_news_come(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with nodes(tmp_path, redis.url, follow=False) as (one, deaf):
        accounts = Accounts(one.store)
        anna = await accounts.add("anna", "Anna")
        accounts.close()
        made = await Conferences(one.store).create("On both", anna.id)
        assert await Conferences(deaf.store).find(made.id) == made
        assert await Conferences(deaf.store).find("aaa-bbbb-ccc") is None


async def test_somebody_whose_account_another_has_just_made_is_known_before_its_news_come(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with nodes(tmp_path, redis.url, follow=False) as (one, deaf):
        tokens = await open_tokens(one.store, Settings())
        identities = Identities(deaf.store, tokens, Settings())
        accounts = Accounts(one.store)
        anna = await accounts.add("anna", "Anna")
        accounts.close()
        assert (await identities.identify(tokens.account(anna.id, anna.name))).account == anna
        with pytest.raises(BadToken):
            await identities.identify(tokens.account("u_nobody", "Nobody"))


async def test_a_race_of_increments_from_two_servers_loses_none(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url) as (one, two):
        told = await asyncio.gather(*(node.store.run(count) for _ in range(60) for node in (one, two)))
        assert sorted(told) == list(range(1, 121))
        assert (await until_same(one, two))["keys"] == [("count", b"120")]


async def test_of_two_who_take_the_same_code_one_gets_it(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url) as (one, two):
        accounts = [Accounts(node.store) for node in (one, two)]
        made = await accounts[0].add("anna", "Anna")
        for _ in range(10):
            code = await accounts[0].new_code(made.id)
            await until_same(one, two)
            found = await asyncio.gather(*(each.redeem(code) for each in accounts))
            assert sorted(account is not None for account in found) == [False, True]
        for each in accounts:
            each.close()


async def test_work_that_fails_changes_nothing_anywhere(tmp_path: Path, redis: RedisServer) -> None:
    def half(connection: sqlite3.Connection) -> None:
        put("half")(connection)
        raise ValueError("changed its mind")

    async with nodes(tmp_path, redis.url) as (one, two):
        with pytest.raises(ValueError, match="changed its mind"):
            await one.store.run(half)
        with pytest.raises(sqlite3.IntegrityError):
            await one.store.run(lambda c: c.execute("INSERT INTO login_codes VALUES (x'00', 'nobody', 0)"))
        await one.put("whole")
        assert (await until_same(one, two))["keys"] == [("whole", b"")]


async def test_numbers_that_the_database_gives_are_the_same_everywhere(tmp_path: Path, redis: RedisServer) -> None:
    def record(connection: sqlite3.Connection) -> int | None:
        sql = "INSERT INTO workspace_record (time, account, login, action, target, note) VALUES (?, '', '', '', '', '')"
        return connection.execute(sql, (0,)).lastrowid

    async with nodes(tmp_path, redis.url) as (one, two):
        given = await asyncio.gather(*(node.store.run(record) for _ in range(10) for node in (one, two)))
        assert sorted(filter(None, given)) == list(range(1, 21))
        assert len((await until_same(one, two))["workspace_record"]) == 20


async def test_what_is_a_servers_own_costs_no_entry(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url, 1) as (one,):
        before = await ask(redis, "XLEN", "podium:{directory}:commits")
        await one.store.run(lambda c: c.execute(A_MESSAGE))
        await one.store.run(lambda c: c.execute("DELETE FROM keys WHERE name = 'absent'"))
        assert await ask(redis, "XLEN", "podium:{directory}:commits") == before
        assert await one.store.run(lambda c: c.execute("SELECT text FROM chat").fetchall()) == [("t",)]


async def test_a_cancelled_caller_leaves_no_transaction_open(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url) as (one, two):
        for number in range(20):
            task = asyncio.create_task(one.put(f"{number:02}"))
            await asyncio.sleep(number / 5000)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await one.put("last")
        assert ("last", b"") in (await until_same(one, two))["keys"]


# --- dying ------------------------------------------------------------------------------

CRASHING = """
import asyncio, os, sys
from pathlib import Path
from server.redis.address import parse
from server.redis.connection import Connection
from server.storage import replica, replicated

def die(connection):
    os._exit(9)

async def main():
    store = await replicated.ReplicatedStore.join(Path(sys.argv[1]), Connection(parse(sys.argv[2])))
    replica.commit = die
    await store.run(lambda c: c.execute("INSERT INTO keys VALUES ('crashed', x'00')"))

asyncio.run(main())
"""


async def test_killed_between_the_log_and_the_commit_it_has_it_once(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url, 1) as (one,):
        path = tmp_path / "other" / "podium.db"
        assert (await ended(CRASHING, path, redis)).returncode == 9
        with contextlib.closing(sqlite3.connect(path)) as left:
            assert names(left) == []
        await until(lambda: one.has("crashed"))
        again = await Node(path, redis.url).start()
        assert (await until_same(one, again))["keys"] == [("crashed", b"\0")]
        await again.stop()


async def test_a_frozen_redis_refuses_within_its_time_and_reading_goes_on(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    async with nodes(tmp_path, own_redis.strict_url) as (one, two):
        await one.put("before")
        await until_same(one, two)
        own_redis.freeze()
        began = time.monotonic()
        writing = [asyncio.create_task(one.put(f"frozen {number}")) for number in range(20)]
        await asyncio.sleep(0.2)
        # Reading waits for none of them.
        looked = time.monotonic()
        assert await one.names() == ["before"]
        assert time.monotonic() - looked < 0.5
        refused = await asyncio.gather(*writing, return_exceptions=True)
        assert all(isinstance(error, StoreUnavailable) for error in refused)
        assert time.monotonic() - began < 4
        # Of the one that was sent nobody knows.
        assert sum(error.uncertain for error in refused if isinstance(error, StoreUnavailable)) <= 1
        assert await one.names() == ["before"]
        own_redis.thaw()
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(StoreUnavailable):
                    await one.put("after")
                    break
        found = [name for name, _ in (await until_same(one, two))["keys"]]
        assert {"before", "after"} <= set(found) <= {"before", "after", "frozen 0"}


async def test_while_redis_is_away_writing_is_refused_and_then_goes_on(tmp_path: Path, own_redis: RedisServer) -> None:
    async with nodes(tmp_path, own_redis.url) as (one, two):
        await one.put("before")
        await until_same(one, two)
        own_redis.kill9()
        with pytest.raises(StoreUnavailable) as refused:
            await two.put("away")
        assert not refused.value.uncertain
        assert await two.names() == ["before"]
        await asyncio.to_thread(own_redis.start)
        await two.put("after")
        assert [name for name, _ in (await until_same(one, two))["keys"]] == ["after", "before"]


async def test_an_emptied_redis_is_given_the_directory_again(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url) as (one, two):
        for number in range(5):
            await one.put(f"before {number}")
        former = (await until_same(one, two))["replica"][0]
        await ask(redis, "FLUSHALL")
        # Nobody writes; it is noticed within a second or two.
        await until(lambda: there(redis, 0))
        await two.put("after")
        found = await until_same(one, two)
        assert [name for name, _ in found["keys"]] == ["after", *(f"before {number}" for number in range(5))]
        _, directory, epoch, _, _ = found["replica"][0]
        assert directory == former[1] and epoch > former[2]
        # A write may be the first to notice, too.
        await ask(redis, "FLUSHALL")
        await one.put("at once")
        assert ("at once", b"") in (await until_same(one, two))["keys"]
        assert ("after", b"") in (await two.rows())["keys"]


async def test_who_knows_more_than_a_log_that_was_set_back_gives_it_back(
    tmp_path: Path, own_redis: RedisServer
) -> None:
    async with nodes(tmp_path, own_redis.url, 3, follow=False) as (one, two, three):
        await one.put("known to all")
        for node in (two, three):
            await node.put(f"by {node.path.parent.name}")
        # Redis forgets the last two, of which the first server has not heard.
        await set_back(redis=own_redis, version=2, forgotten=(3, 4))
        await three.put("afterwards")
        await one.put("by the first")
        await two.put("last")
        found = [name for name, _ in (await one.rows())["keys"]]
        assert found == ["afterwards", "by n1", "by n2", "by the first", "known to all"]
        assert "last" in await two.names()


async def test_where_two_histories_part_the_logs_is_taken_over(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url, follow=False) as (one, two):
        await one.put("common")
        await two.put("lost")
        # Redis forgets what the second has written, and the first writes on before anybody notices.
        await set_back(redis, version=2, forgotten=(3,))
        await one.put("instead")
        await one.put("and more")
        await two.put("at the end")
        assert await two.names() == ["and more", "at the end", "common", "instead"]
        await one.put("last")
        assert await one.names() == ["and more", "at the end", "common", "instead", "last"]


async def test_where_two_histories_part_at_one_version_the_logs_is_taken_over(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with nodes(tmp_path, redis.url, follow=False) as (one, two):
        await one.put("common")
        for name, writes in (("lost", True), ("lost again", False)):
            await two.put(name)
            version = int(str((await two.rows())["replica"][0][3]))
            # Redis forgets it, and has as many entries again before the second server looks.
            await set_back(redis, version=version - 1, forgotten=(version,))
            await one.put(f"instead of {name}")
            if writes:
                await two.put("and more")
            else:
                await two.store.renew()
            assert f"instead of {name}" in await two.names() and not await two.has(name)
            await one.store.renew()
            assert await one.rows() == await two.rows()
        # And nobody is kept out.
        three = await Node(tmp_path / "n3" / "podium.db", redis.url).start()
        assert await three.names() == ["and more", "common", "instead of lost", "instead of lost again"]
        await three.stop()


# --- telling ----------------------------------------------------------------------------


def told(node: Node) -> list[Touched]:
    """What a server is told that others have written; it grows."""
    found: list[Touched] = []
    node.store.followers.append(found.append)
    return found


async def test_it_is_told_what_others_have_touched_and_not_what_was_written_here(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with nodes(tmp_path, redis.url) as (one, two):
        here, there = told(one), told(two)
        await one.put("a")
        await until(lambda: two.has("a"))
        await one.store.run(lambda c: c.execute("UPDATE keys SET value = x'01'"))
        await until_same(one, two)
        assert (here, there) == ([], [frozenset(("keys",)), frozenset(("keys.value",))])


async def test_it_is_told_what_it_had_missed_when_it_wrote_itself(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url, follow=False) as (one, two):
        found = told(two)
        await one.put("a")
        await two.put("c")
        assert found == [frozenset(("keys",))]
        # Work that writes only when nothing was missed.
        await one.put("b")
        await two.store.run(lambda c: None if "b" in names(c) else put("d")(c))
        assert await two.names() == ["a", "b", "c"]
        assert found == [frozenset(("keys",))] * 2


async def test_it_is_told_that_something_was_written_by_another_process_or_is_new_altogether(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicated, "IMAGE_EVERY", 5)
    async with nodes(tmp_path, redis.url) as (one, two):
        found = told(one)
        command = await Node(one.path, redis.url).start(follow=False)
        await command.put("a")
        await until(lambda: asyncio.sleep(0, None in found))
        await command.stop()
        # As a server that hears nothing for too long, and takes the image.
        deaf = await Node(tmp_path / "deaf" / "podium.db", redis.url).start(follow=False)
        missed = told(deaf)
        for number in range(20):
            await two.put(f"{number:02}")
        await until(lambda: there(redis, 10))
        await deaf.store.renew()
        assert missed == [None]
        await deaf.stop()


# --- coming -----------------------------------------------------------------------------


async def test_a_fresh_server_starts_from_the_image_and_what_came_after(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicated, "IMAGE_EVERY", 10)
    async with nodes(tmp_path, redis.url, 1) as (one,):
        await one.store.run(lambda c: c.execute(A_MESSAGE))
        for number in range(25):
            await one.put(f"{number:02}")
        await until(lambda: there(redis, 10))
        await one.put("after it")
        kept = await one.connection.ask("XLEN", "podium:{directory}:commits")
        assert 1 <= kept <= 11
        two = await Node(tmp_path / "fresh" / "podium.db", redis.url).start()
        assert len((await until_same(one, two))["keys"]) == 26
        # What is a server's own is not in an image.
        assert await two.store.run(lambda c: c.execute("SELECT * FROM chat").fetchall()) == []
        await two.put("by the fresh one")
        await until_same(one, two)
        await two.stop()


async def test_who_was_away_too_long_takes_the_image(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicated, "IMAGE_EVERY", 5)
    async with nodes(tmp_path, redis.url) as (one, two):
        await two.put("before")
        await two.stop()
        for number in range(20):
            await one.put(f"{number:02}")
        await until(lambda: there(redis, 10))
        await two.start()
        assert len((await until_same(one, two))["keys"]) == 21


async def test_the_first_server_brings_what_it_has_and_others_with_their_own_are_refused(
    tmp_path: Path, redis: RedisServer
) -> None:
    for name in ("n0", "n1"):
        file = Store.open(tmp_path / name / "podium.db")
        accounts = Accounts(file)
        await accounts.add(f"login-{name}", "Name")
        accounts.close()
        file.close()
    async with nodes(tmp_path, redis.url, 1) as (one,):
        with pytest.raises(Halted, match="accounts of its own"):
            await Node(tmp_path / "n1" / "podium.db", redis.url).start()
        assert [row[1] for row in (await one.rows())["accounts"]] == ["login-n0"]
    # The refused one's file is as it was, and still its own.
    file = Store.open(tmp_path / "n1" / "podium.db")
    assert file.run_blocking(lambda c: c.execute("SELECT login FROM accounts").fetchall()) == [("login-n1",)]
    file.close()
    # The other is a replica now, which nobody writes past the log.
    with pytest.raises(StoreUnavailable, match="podium directory leave"):
        Store.open(tmp_path / "n0" / "podium.db")


async def test_a_replica_of_another_directory_is_refused_and_untouched(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url, 1) as (one,):
        accounts = Accounts(one.store)
        await accounts.add("anna", "Anna")
        accounts.close()
    await ask(redis, "FLUSHALL")
    async with nodes(tmp_path / "other", redis.url, 1) as (other,):
        await other.put("theirs")
        with pytest.raises(Halted, match="accounts of its own"):
            await one.start()
        assert (await other.rows())["accounts"] == []
    with contextlib.closing(sqlite3.connect(one.path)) as left:
        assert left.execute("SELECT login FROM accounts").fetchall() == [("anna",)]


async def test_two_fresh_servers_that_start_at_once_share_one_directory(tmp_path: Path, redis: RedisServer) -> None:
    made = [Node(tmp_path / f"n{number}" / "podium.db", redis.url) for number in range(3)]
    await asyncio.gather(*(node.start() for node in made))
    accounts = [Accounts(node.store) for node in made]
    found = await asyncio.gather(*(each.ensure_owner() for each in accounts))
    assert len({account.id for account, _ in found}) == 1 and sorted(first for _, first in found) == [
        False,
        False,
        True,
    ]
    await until_same(*made)
    for each, node in zip(accounts, made, strict=True):
        each.close()
        await node.stop()


async def test_two_processes_on_one_file_write_one_after_the_other(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url) as (server, other):
        command = await Node(server.path, redis.url).start(follow=False)
        await asyncio.gather(*(node.store.run(count) for _ in range(20) for node in (server, command, other)))
        assert (await until_same(server, command, other))["keys"] == [("count", b"60")]
        await command.stop()


async def test_what_another_process_on_the_file_writes_while_it_catches_up_is_no_divergence(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nodes(tmp_path, redis.url) as (other, _):
        server = await Node(tmp_path / "file.db", redis.url).start(follow=False)
        command = await Node(server.path, redis.url).start(follow=False)
        replaced: list[object] = []
        found = told(server)
        take_over = server.store._take_over

        async def counted() -> object:
            replaced.append(1)
            return await take_over()

        monkeypatch.setattr(server.store, "_take_over", counted)
        journal = server.store._journal
        for question in ("head", "after"):
            asked = getattr(journal, question)

            async def interrupted(*about: int, asked: Any = asked, question: str = question) -> object:
                answer = await asked(*about)
                monkeypatch.setattr(journal, question, asked)
                await command.put(f"meanwhile {question}")
                return answer

            await other.put(f"before {question}")
            monkeypatch.setattr(journal, question, interrupted)
            await server.store.renew()
            assert not replaced, question
            assert None in found, question
            found.clear()
        await server.store.renew()
        assert len(await server.names()) == 4 and await server.names() == await command.names()
        await command.stop()
        await server.stop()


async def test_a_server_that_starts_gives_an_emptied_redis_what_it_has(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicated, "OTHERS_S", 0.3)
    async with nodes(tmp_path, redis.url, 1) as (one,):
        await one.put("kept")
        await one.stop()
        await ask(redis, "FLUSHALL")
        await one.start()
        two = await Node(tmp_path / "fresh" / "podium.db", redis.url).start()
        assert (await until_same(one, two))["keys"] == [("kept", b"")]
        await two.stop()


async def test_what_nobody_could_have_written_is_not_obeyed(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url) as (one, two):
        await one.put("before")
        at = (await until_same(one, two))["replica"][0]
        hostile = Entry(
            id=b"x", previous=at[4], schema=1, node="n", statements=(("DROP TABLE keys", ()),), changes=None
        )
        await Journal(one.connection).append(at[2], at[3], hostile)
        await until(lambda: halted(one))
        with pytest.raises(Halted, match="cannot be used"):
            await two.put("after")
        assert await one.names() == await two.names() == ["before"]


# --- newer versions ---------------------------------------------------------------------


STEP = "ALTER TABLE peers ADD COLUMN more TEXT NOT NULL DEFAULT ''"
NEWER = f"""
import asyncio, sys
from pathlib import Path
from server.redis.address import parse
from server.redis.connection import Connection
from server.storage import replica, replicated, store

store.MIGRATIONS = replica.MIGRATIONS = (*store.MIGRATIONS, ({STEP!r},))

async def main():
    connection = Connection(parse(sys.argv[2]))
    mine = await replicated.ReplicatedStore.join(Path(sys.argv[1]), connection)
    await mine.run(lambda c: c.execute("INSERT INTO peers VALUES ('p', 'k', 1, 'm')"))
    await connection.close()
    mine.close()

asyncio.run(main())
"""


async def test_a_newer_version_changes_the_tables_of_all_and_older_ones_write_no_more(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nodes(tmp_path, redis.url) as (old, updated):
        await old.put("before")
        await updated.stop()
        await old.put("while it is updated")
        assert (await ended(NEWER, updated.path, redis)).returncode == 0
        with pytest.raises(StoreUnavailable, match="newer version"):
            await old.put("by the old one")
        await until(lambda: halted(old))
        assert await old.names() == ["before", "while it is updated"]
        # It does not say who is somebody.
        own = Store.open(tmp_path / "own.db")
        identities = Identities(old.store, await open_tokens(own, Settings()), Settings())
        own.close()
        for asked in (identities.gone(), identities.inside([])):
            with pytest.raises(Halted):
                await asked
        # Neither a new file nor the one that was updated can be used by the old version.
        for path in (tmp_path / "late" / "podium.db", updated.path):
            with pytest.raises(StoreUnavailable, match="newer version"):
                await Node(path, redis.url).start()
        # Updated as well, it goes on where it stopped.
        await old.stop()
        for module in (store, replica):
            monkeypatch.setattr(module, "MIGRATIONS", (*migrations.MIGRATIONS, (STEP,)))
        await old.start()
        await updated.start()
        await old.put("updated")
        found = await until_same(old, updated)
        assert found["peers"] == [("p", "k", 1, "m")]
        assert [name for name, _ in found["keys"]] == ["before", "updated", "while it is updated"]


async def halted(node: Node) -> bool:
    """Whether the server says that it is not ready for good."""
    try:
        await node.store.ready()
    except Halted:
        return True
    return False


# --- images -----------------------------------------------------------------------------


def test_an_image_that_is_cut_off_or_something_else_is_named(tmp_path: Path) -> None:
    file = Store.open(tmp_path / "podium.db")
    at = position.Position(directory="d", epoch=1, version=1, last=b"")
    file.run_blocking(lambda c: position.write(c, at))
    file.close()
    found, packed = image.take(tmp_path / "podium.db")
    assert found == at
    with contextlib.closing(image.opened(packed)) as copy:
        assert position.read(copy) == at
    for bad in (packed[:-20], b"nothing", b""):
        with pytest.raises(image.BadImage):
            image.opened(bad)
