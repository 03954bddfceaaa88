"""What was answered is on the disk; what the disk refused has changed nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.engagement import Channel
from server.chatlog import EmbeddedChat
from server.storage import store as module
from server.storage.migrations import MIGRATIONS
from server.storage.store import Store, StoreUnavailable
from tests.harness import ROOT


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "podium.db")
    yield store
    store.close()


def put(name: str, value: bytes = b"x") -> module.Work[object]:
    return lambda connection: connection.execute("INSERT INTO keys VALUES (?, ?)", (name, value))


def names(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT name FROM keys ORDER BY name")]


async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "podium.db"
    first = Store.open(path)
    await first.run(put("a"))
    first.close()
    second = Store.open(path)
    assert await second.run(names) == ["a"]
    second.close()


async def test_a_failing_piece_of_work_changes_nothing_and_its_error_comes_through(store: Store) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO keys VALUES ('half', x'00')")
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose"):
        await store.run(half)
    assert await store.run(names) == []


async def test_a_mistake_in_the_query_is_not_taken_for_a_broken_disk(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.run(lambda connection: connection.execute("SELECT * FROM absent"))


async def test_the_file_is_durable_and_only_ours_to_read(store: Store) -> None:
    def pragmas(connection: sqlite3.Connection) -> tuple[str, int, int]:
        journal, synchronous, keys = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        )
        return journal, synchronous, keys

    # 2 is FULL: the commit is synced before it is answered.
    assert await store.run(pragmas) == ("wal", 2, 1)
    assert store.path.stat().st_mode & 0o077 == 0


async def test_the_event_loop_runs_on_while_the_store_works(store: Store) -> None:
    go = threading.Event()
    working = asyncio.create_task(store.run(lambda _connection: go.wait(5)))
    for _ in range(10):
        await asyncio.sleep(0.001)
    assert not working.done()
    go.set()
    assert await working is True


async def test_work_is_done_in_the_order_it_came(store: Store) -> None:
    await asyncio.gather(*(store.run(put(f"{number:03}")) for number in range(50)))
    order = await store.run(lambda connection: [row[0] for row in connection.execute("SELECT name FROM keys")])
    assert order == [f"{number:03}" for number in range(50)]


async def test_a_disk_that_hangs_is_unavailable_and_the_outcome_uncertain(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "podium.db", timeout_s=0.1)
    go = threading.Event()
    with pytest.raises(StoreUnavailable) as caught:
        await store.run(lambda _connection: go.wait(5))
    assert caught.value.uncertain
    with pytest.raises(StoreUnavailable) as caught:
        await store.run(put("later"))
    # It never began, so it certainly never will.
    assert not caught.value.uncertain
    go.set()
    await asyncio.sleep(0.05)
    assert await store.run(names) == []
    store.close()


async def test_more_work_than_can_wait_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 4)
    go = threading.Event()
    waiting = [asyncio.create_task(store.run(lambda _connection: go.wait(5))) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="too much work"):
        await store.run(names)
    go.set()
    assert await asyncio.gather(*waiting) == [True] * 4
    assert await store.run(names) == []


async def test_a_full_disk_is_unavailable_and_heals_when_there_is_room(store: Store) -> None:
    await store.run(put("before"))
    pages = await store.run(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
    await store.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    with pytest.raises(StoreUnavailable, match="full"):
        await store.run(put("big", bytes(1_000_000)))
    assert await store.run(names) == ["before"]
    await store.run(lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchone())
    await store.run(put("big", bytes(1_000_000)))
    assert await store.run(names) == ["before", "big"]


async def test_a_full_disk_is_not_ready_until_it_takes_something(store: Store) -> None:
    def limit(pages: int) -> module.Work[object]:
        return lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()

    await store.ready()
    assert await store.run(names) == [], "while all is well nothing is written to find out"
    await store.run(limit(await store.run(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])))
    # To the last byte, each time with less.
    for size in (2000, 100, 1):
        with pytest.raises(StoreUnavailable, match="full"):
            for number in range(5000):
                await store.run(put(f"ra-{size:04}-{number:04}", bytes(size)))
    before = await store.run(names)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="full"):
            await store.ready()
    assert await store.run(names) == before
    await store.run(limit(100_000))
    await store.ready()
    await store.ready()


def test_a_file_that_cannot_grow_any_more_is_unavailable_in_a_real_process(tmp_path: Path) -> None:
    # The kernel refuses to write beyond the limit, as it does on a full disk.
    script = """
import asyncio, resource, signal, sys
from pathlib import Path
from server.storage.store import Store, StoreUnavailable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store.open(Path(sys.argv[1]))
async def main():
    await store.run(lambda c: c.execute("INSERT INTO keys VALUES ('before', x'00')"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    try:
        await store.run(lambda c: c.execute("INSERT INTO keys VALUES ('big', zeroblob(1000000))"))
    except StoreUnavailable:
        print("refused")
    print(await store.run(lambda c: c.execute("SELECT count(*) FROM keys").fetchone()[0]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.run(lambda c: c.execute("INSERT INTO keys VALUES ('big', zeroblob(1000000))"))
    print(await store.run(lambda c: c.execute("SELECT count(*) FROM keys").fetchone()[0]))
asyncio.run(main())
store.close()
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "podium.db")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.split() == ["refused", "1", "2"], done.stderr


def test_kill_9_amid_writes_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    script = """
import asyncio, os, sys
from pathlib import Path
from server.storage.store import Store
store = Store.open(Path(sys.argv[1]))
async def main():
    for number in range(100_000):
        await store.run(lambda c: c.execute("INSERT INTO keys VALUES (?, x'00')", (f"{number:06}",)))
        os.write(1, f"{number:06}\\n".encode())
asyncio.run(main())
"""
    for _ in range(3):
        path = tmp_path / "podium.db"
        with contextlib.suppress(FileNotFoundError):
            for each in tmp_path.iterdir():
                each.unlink()
        with subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            threading.Timer(0.15, os.kill, (process.pid, signal.SIGKILL)).start()
            answered = [line.decode().strip() for line in (first, *process.stdout)]
        assert process.returncode == -signal.SIGKILL
        answered = [name for name in answered if len(name) == 6]
        store = Store.open(path)
        kept = store.run_blocking(names)
        store.close()
        assert len(answered) > 10
        # At most the one commit that was under way may be there beyond what was answered.
        assert kept[: len(answered)] == answered and len(kept) <= len(answered) + 1


async def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "podium.db")
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.run(names)


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "podium.db"
    path.write_bytes(b"not a database, but long enough to be looked at " * 100)
    with pytest.raises(StoreUnavailable, match=r"podium\.db: file is not a database"):
        Store.open(path)
    assert path.read_bytes().startswith(b"not a database")


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable):
        Store.open(tmp_path / "file" / "podium.db")


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "podium.db"
    store = Store.open(path)
    store.run_blocking(
        lambda connection: connection.execute("INSERT INTO migrations VALUES (?)", (len(MIGRATIONS) + 1,))
    )
    store.close()
    with pytest.raises(StoreUnavailable, match="newer version"):
        Store.open(path)


def test_migrations_are_applied_once_each_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "podium.db"
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS[:1])
    Store.open(path).close()
    more = (*MIGRATIONS[:1], ("CREATE TABLE second (a INTEGER)", "INSERT INTO second VALUES (1)"))
    monkeypatch.setattr(module, "MIGRATIONS", more)
    for _ in range(2):
        store = Store.open(path)
        assert store.run_blocking(lambda connection: connection.execute("SELECT a FROM second").fetchall()) == [(1,)]
        store.close()


def test_a_migration_that_fails_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "podium.db"
    broken = (*MIGRATIONS[:1], ("CREATE TABLE second (a INTEGER)", "INSERT INTO absent VALUES (1)"))
    monkeypatch.setattr(module, "MIGRATIONS", broken)
    with pytest.raises(StoreUnavailable):
        Store.open(path)
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS[:1])
    store = Store.open(path)
    tables = store.run_blocking(
        lambda connection: [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    )
    store.close()
    assert "second" not in tables


async def test_the_chat_of_a_server_without_channels_is_everybodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "podium.db"
    before = next(n for n, statements in enumerate(MIGRATIONS) if any("chat_with_channels" in s for s in statements))
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS[:before])
    old = Store.open(path)
    old.run_blocking(
        lambda connection: connection.execute("INSERT INTO chat VALUES ('a-b', 1, 5, 'u_a', 'Anna', 'hello', 'x')")
    )
    old.close()
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS)
    store = Store.open(path)
    chat = EmbeddedChat(store, "a-b")
    assert [(m.number, m.text, m.channel) for m in (await chat.page(None, 10)).messages] == [(1, "hello", "everyone")]
    assert await chat.write("u_a", "Anna", "again", "x", 6) is None, "an old command is still known"
    secret = await chat.write("u_a", "Anna", "secret", "y", 6, Channel.MODERATORS)
    assert secret is not None and secret.number == 1
    store.close()


async def test_another_process_may_write_meanwhile(store: Store) -> None:
    other = Store.open(store.path)
    await asyncio.gather(
        *(each.run(put(f"{name}{n}")) for n in range(20) for name, each in (("a", store), ("b", other)))
    )
    other.close()
    assert len(await store.run(names)) == 40
