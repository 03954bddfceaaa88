"""Custom attributes: named fields that people of this workspace have, with a kind and each person's value."""

from __future__ import annotations

import datetime
import enum
import re
import sqlite3

import msgspec

from protocol.errors import Code
from server.workspace.acting import Acting, Refused, new_id

MAX_ATTRIBUTES = 50
MAX_VALUE = 500
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


class Kind(enum.StrEnum):
    """What values an attribute takes."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    DATE = "date"


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """A field of people. `choices` for the kind `choice`; `may`: which of `edit` and `delete` one may do."""

    id: str
    name: str
    kind: Kind
    choices: list[str]
    creator: str
    created: int
    may: list[str]


def attributes(acting: Acting) -> list[Attribute]:
    """All, the oldest first; for whoever may make one."""
    acting.need("attribute.create")
    rows = acting.connection.execute(f"{_SELECT} ORDER BY created, id").fetchall()
    return [_attribute(acting, row) for row in rows]


def create(acting: Acting, name: str, kind: Kind, choices: list[str]) -> Attribute:
    """A new attribute; its kind stays, since values of it will be there."""
    acting.need("attribute.create")
    count = acting.connection.execute("SELECT count(*) FROM attributes").fetchone()[0]
    if count >= MAX_ATTRIBUTES:
        raise Refused(Code.TOO_MANY, f"A workspace has at most {MAX_ATTRIBUTES} attributes.")
    id = new_id("a")
    name = _free_name(acting, name, id)
    acting.connection.execute(
        "INSERT INTO attributes VALUES (?, ?, ?, ?, ?, ?)",
        (id, name, kind.value, _packed(kind, choices), acting.account.id, acting.now),
    )
    acting.record("attribute.create", name, kind.value)
    return find(acting, id)


def edit(acting: Acting, id: str, name: str, choices: list[str]) -> Attribute:
    """Another name, other choices; a choice that somebody has cannot go."""
    before = _allowed(acting, id)
    name = _free_name(acting, name, id)
    packed = _packed(before.kind, choices)
    kept = {choice.strip() for choice in choices}
    for (value,) in acting.connection.execute("SELECT DISTINCT value FROM attribute_values WHERE attribute = ?", (id,)):
        if before.kind is Kind.CHOICE and value not in kept:
            raise Refused(Code.BAD_MESSAGE, f"Somebody has the choice {value!r}, so it has to stay.", path="$.choices")
    acting.connection.execute("UPDATE attributes SET name = ?, choices = ? WHERE id = ?", (name, packed, id))
    own = before.creator == acting.account.id
    acting.record("attribute.edit_own" if own else "attribute.edit_any", name)
    return find(acting, id)


def delete(acting: Acting, id: str) -> None:
    """The attribute and everybody's value of it are gone."""
    acting.need("attribute.delete_any")
    before = find(acting, id)
    acting.connection.execute("DELETE FROM attributes WHERE id = ?", (id,))
    acting.record("attribute.delete_any", before.name)


def find(acting: Acting, id: str) -> Attribute:
    """The attribute with this id."""
    row = acting.connection.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise Refused(Code.NOT_FOUND, "There is no such attribute.")
    return _attribute(acting, row)


def values_of(connection: sqlite3.Connection, account: str) -> dict[str, str]:
    """Somebody's values, by the attribute's id."""
    rows = connection.execute("SELECT attribute, value FROM attribute_values WHERE account = ?", (account,))
    return dict(rows.fetchall())


def put(connection: sqlite3.Connection, account: str, values: dict[str, str | None]) -> list[str]:
    """Set somebody's values, None takes one away; what has changed, in words. Raises `Refused` for a value that its
    attribute does not take."""
    changed = []
    before = values_of(connection, account)
    for id, given in values.items():
        row = connection.execute("SELECT name, kind, choices FROM attributes WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise Refused(Code.NOT_FOUND, "There is no such attribute.", path=f"$.values.{id}")
        name, kind, choices = row
        value = (given or "").strip()
        if value == before.get(id, ""):
            continue
        changed.append(name)
        if not value:
            connection.execute("DELETE FROM attribute_values WHERE account = ? AND attribute = ?", (account, id))
            continue
        problem = _problem(Kind(kind), msgspec.json.decode(choices, type=list[str]), value)
        if problem is not None:
            raise Refused(Code.BAD_MESSAGE, f"{name}: {problem}", path=f"$.values.{id}")
        connection.execute("INSERT OR REPLACE INTO attribute_values VALUES (?, ?, ?)", (account, id, value))
    return changed


def _problem(kind: Kind, choices: list[str], value: str) -> str | None:
    if kind is Kind.TEXT:
        return None if len(value) <= MAX_VALUE else f"at most {MAX_VALUE} characters."
    if kind is Kind.CHOICE:
        return None if value in choices else "one of " + ", ".join(choices) + "."
    if kind is Kind.NUMBER:
        return None if _NUMBER.fullmatch(value) else "a number such as 12.5, of at most 15 digits on each side."
    try:
        right = datetime.date.fromisoformat(value).isoformat() == value
    except ValueError:
        right = False
    return None if right else "a date such as 2026-03-31."


def _allowed(acting: Acting, id: str) -> Attribute:
    """The attribute, when one may edit it. Whether there is one is told only to those who may see them."""
    acting.need("attribute.create")
    before = find(acting, id)
    acting.need_own(before.creator, "attribute.edit_own", "attribute.edit_any")
    return before


def _free_name(acting: Acting, name: str, id: str) -> str:
    name = name.strip()
    if not name:
        raise Refused(Code.BAD_MESSAGE, "The name has at least one letter.", path="$.name")
    if acting.connection.execute("SELECT 1 FROM attributes WHERE name = ? AND id != ?", (name, id)).fetchone():
        raise Refused(Code.ALREADY, f"There is an attribute {name!r} already.", path="$.name")
    return name


def _packed(kind: Kind, choices: list[str]) -> str:
    stripped = [choice.strip() for choice in choices]
    if kind is not Kind.CHOICE and stripped:
        raise Refused(Code.BAD_MESSAGE, "Only an attribute of the kind choice has choices.", path="$.choices")
    if kind is Kind.CHOICE and (not stripped or not all(stripped) or len(set(stripped)) != len(stripped)):
        raise Refused(Code.BAD_MESSAGE, "A choice has at least one word, and each once.", path="$.choices")
    return msgspec.json.encode(stripped).decode()


_SELECT = "SELECT id, name, kind, choices, creator, created FROM attributes"


def _attribute(acting: Acting, row: tuple[str, str, str, str, str, int]) -> Attribute:
    edit_row = "attribute.edit_own" if row[4] == acting.account.id else "attribute.edit_any"
    allowed = {
        "edit": acting.may(edit_row) or acting.may("attribute.edit_any"),
        "delete": acting.may("attribute.delete_any"),
    }
    return Attribute(
        id=row[0],
        name=row[1],
        kind=Kind(row[2]),
        choices=msgspec.json.decode(row[3], type=list[str]),
        creator=row[4],
        created=row[5],
        may=[what for what, yes in allowed.items() if yes],
    )
