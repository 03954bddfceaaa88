"""What has been done to the workspace: the record as its owner, admins and security admins read it."""

from __future__ import annotations

import msgspec

from server.workspace.acting import Acting


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to what, when (ms since 1970). `login` is what the account was called then."""

    number: int
    time: int
    account: str
    login: str
    action: str
    target: str
    note: str


def entries(acting: Acting, before: int | None, limit: int) -> list[Entry]:
    """The newest entries, the newest first; those below a number."""
    acting.need("record.view")
    rows = acting.connection.execute(
        "SELECT number, time, account, login, action, target, note FROM workspace_record"
        " WHERE ?1 IS NULL OR number < ?1 ORDER BY number DESC LIMIT ?2",
        (before, limit),
    )
    return [
        Entry(number=row[0], time=row[1], account=row[2], login=row[3], action=row[4], target=row[5], note=row[6])
        for row in rows.fetchall()
    ]
