"""What is noted of a piece of work, and what is refused because it would be another elsewhere."""

from __future__ import annotations

import ast
import enum
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.storage.recorder import Recorded, Recorder, Unrepeatable
from server.storage.store import connect, migrate
from tests.harness import ROOT


class Word(enum.StrEnum):
    YES = "yes"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Recorder]:
    connection = connect(tmp_path / "podium.db", Recorder)
    migrate(connection)
    connection.execute("INSERT INTO accounts (id, login, name, created, tokens_after) VALUES ('u_a', 'a', 'A', 0, 0)")
    connection.execute("INSERT INTO login_codes VALUES (x'01', 'u_a', 5)")
    yield connection
    connection.close()


def recorded(connection: Recorder, sql: str, *values: object) -> Recorded:
    with connection.recording() as found:
        connection.execute(sql, values)
    return found


def test_what_writes_shared_tables_is_noted_with_its_values(connection: Recorder) -> None:
    found = recorded(connection, "INSERT INTO keys VALUES (?, ?)", "a", b"\0")
    assert found == Recorded([("INSERT INTO keys VALUES (?, ?)", ("a", b"\0"))], 1, {"keys"})


def test_what_reads_or_changes_nothing_is_not(connection: Recorder) -> None:
    assert recorded(connection, "SELECT * FROM accounts") == Recorded([], 0)
    assert recorded(connection, "DELETE FROM keys WHERE name = ?", "absent") == Recorded([], 0)
    assert recorded(connection, "INSERT OR IGNORE INTO login_codes VALUES (x'01', 'u_a', 6)") == Recorded([], 0)


def test_it_says_which_tables_and_columns_were_touched(connection: Recorder) -> None:
    for sql, touched in (
        ("INSERT INTO keys VALUES ('a', x'00')", {"keys"}),
        (
            "UPDATE accounts SET name = 'B', tokens_after = 1 WHERE id = 'u_a'",
            {"accounts.name", "accounts.tokens_after"},
        ),
        ("UPDATE accounts SET name = 'B' WHERE id = 'absent'", set()),
        ("INSERT INTO keys VALUES ('a', x'01') ON CONFLICT DO UPDATE SET value = x'01'", {"keys", "keys.value"}),
        ("DELETE FROM peers WHERE name = 'absent'", set()),
        ("DELETE FROM keys", {"keys"}),
    ):
        assert recorded(connection, sql).touched == touched, sql


def test_what_goes_with_a_row_is_counted_and_told(connection: Recorder) -> None:
    found = recorded(connection, "DELETE FROM accounts WHERE id = ?", "u_a")
    assert (len(found.statements), found.changes) == (1, 2)
    assert found.touched >= {"accounts", "login_codes", "group_members"}


def test_a_statement_that_gives_rows_back_is_noted_too(connection: Recorder) -> None:
    with connection.recording() as found:
        row = connection.execute("DELETE FROM login_codes WHERE hash = ? RETURNING account", (b"\1",)).fetchone()
    assert row == ("u_a",) and (len(found.statements), found.changes) == (1, 1)


def test_local_tables_are_written_and_not_noted(connection: Recorder) -> None:
    with connection.recording() as found:
        connection.execute("INSERT INTO rooms VALUES ('r', 1, 1)")
    assert (found.statements, found.changes) == ([], None)
    with connection.recording() as found:
        connection.execute("DELETE FROM rooms")
        connection.execute("INSERT INTO keys VALUES ('a', x'00')")
    assert ([sql for sql, _ in found.statements], found.changes) == (["INSERT INTO keys VALUES ('a', x'00')"], None)


def test_many_are_noted_one_by_one_and_words_as_texts(connection: Recorder) -> None:
    with connection.recording() as found:
        connection.executemany("INSERT INTO keys VALUES (?, ?)", [("a", Word.YES), ["b", True]])
    assert found == Recorded(
        [("INSERT INTO keys VALUES (?, ?)", pair) for pair in (("a", "yes"), ("b", True))], 2, {"keys"}
    )
    assert type(found.statements[0][1][1]) is str


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO keys VALUES (random(), x'00')",
        "INSERT INTO keys VALUES (hex(randomblob(4)), x'00')",
        "INSERT INTO keys VALUES (datetime('now'), x'00')",
        "INSERT INTO keys VALUES (CURRENT_TIMESTAMP, x'00')",
        "UPDATE accounts SET created = unixepoch()",
        "INSERT INTO keys VALUES (last_insert_rowid(), x'00')",
        "SELECT strftime('%s', 'now')",
        "CREATE TABLE more (a)",
        "DROP TABLE keys",
        "ALTER TABLE keys ADD COLUMN more",
        "ATTACH ':memory:' AS other",
    ],
)
def test_what_would_be_another_elsewhere_is_refused(connection: Recorder, sql: str) -> None:
    with pytest.raises(Unrepeatable), connection.recording():
        connection.execute(sql)
    # And nothing is refused where nothing is noted.
    connection.execute("SELECT random(), datetime('now')")


def test_nothing_is_written_past_the_record(connection: Recorder) -> None:
    with connection.recording() as found:
        with pytest.raises(sqlite3.DatabaseError):
            connection.cursor().execute("INSERT INTO keys VALUES ('a', x'00')")
        with pytest.raises(Unrepeatable):
            connection.execute("INSERT INTO keys VALUES (:name, x'00')", {"name": "a"})
    connection.execute("DELETE FROM keys")
    assert found.statements == []


def test_no_statement_of_the_server_needs_what_is_refused() -> None:
    # The migrations are run on each replica at the same place of the log, and make their triggers there.
    words = ("random(", "randomblob(", "current_time", "current_date", "'now'", "last_insert_rowid", "executescript")
    for path in (ROOT / "server").rglob("*.py"):
        if path.name in ("migrations.py", "recorder.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                sql = node.value.lower()
                if sql.startswith(("insert", "update", "delete", "replace")):
                    assert not any(word in sql for word in words), f"{path}: {node.value}"
            elif isinstance(node, ast.Attribute):
                assert node.attr not in ("executescript", "blobopen"), path
