"""Invitations into the workspace: a link that works once, with which somebody makes an account of their own.

What is kept of a link is its SHA-256. It is good until it is used, revoked or too old, and as long as whoever made it
could still make it: an invitation of a removed or demoted admin makes nobody an admin.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3

import msgspec

from protocol.errors import Code
from server.identity import accounts
from server.identity.accounts import Account, ServerRole
from server.workspace import profile
from server.workspace.acting import Acting, Refused, record
from server.workspace.people import MAX_ACCOUNTS
from server.workspace.policy import gives, may

DAY_MS = 86_400_000
# Invitations that are neither used nor too old.
MAX_PENDING = 500
MAX_PENDING_EACH = 50


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A pending invitation. `email` is empty for an open one; times are ms since 1970."""

    id: str
    email: str
    server_role: ServerRole
    inviter: str
    inviter_name: str
    created: int
    expires: int


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What an invited person is told before they accept."""

    workspace: str
    logo: str | None
    inviter: str
    email: str
    server_role: ServerRole
    expires: int


def pending(acting: Acting) -> list[Invitation]:
    """One's own; for those who see the people, everybody's. The newest first."""
    acting.need("member.invite")
    where, values = ("", ()) if acting.may("people.open") else (" AND inviter = ?", (acting.account.id,))
    rows = acting.connection.execute(
        f"{_SELECT} WHERE expires > ?{where} ORDER BY invitations.created DESC", (acting.now, *values)
    )
    return [_invitation(row) for row in rows.fetchall()]


def invite(acting: Acting, email: str, server_role: ServerRole, days: int) -> tuple[Invitation, str]:
    """A new invitation and the secret of its link, which is told this once."""
    if server_role is ServerRole.OWNER:
        raise Refused(Code.PROTECTED, "There is exactly one owner.")
    acting.need(gives(server_role))
    acting.connection.execute("DELETE FROM invitations WHERE expires <= ?", (acting.now,))
    for most, where, values in (
        (MAX_PENDING, "", ()),
        (MAX_PENDING_EACH, " WHERE inviter = ?", (acting.account.id,)),
    ):
        count = acting.connection.execute(f"SELECT count(*) FROM invitations{where}", values).fetchone()[0]
        if count >= most:
            raise Refused(Code.TOO_MANY, f"{most} invitations are pending; revoke some first.")
    made = Invitation(
        id="i_" + secrets.token_hex(8),
        email=email.strip(),
        server_role=server_role,
        inviter=acting.account.id,
        inviter_name=acting.account.name,
        created=acting.now,
        expires=acting.now + days * DAY_MS,
    )
    secret = secrets.token_urlsafe(16)
    acting.connection.execute(
        "INSERT INTO invitations VALUES (?, ?, ?, ?, ?, ?, ?)",
        (made.id, _digest(secret), made.email, server_role.value, made.inviter, made.created, made.expires),
    )
    acting.record(gives(server_role), made.email or "open", server_role.value)
    return made, secret


def revoke(acting: Acting, id: str) -> None:
    """The link is dead. One's own, or anybody's for whoever may invite with that role and sees the people."""
    acting.need("member.invite")
    row = acting.connection.execute(f"{_SELECT} WHERE invitations.id = ?", (id,)).fetchone()
    found = _invitation(row) if row is not None else None
    if found is None or (found.inviter != acting.account.id and not acting.may("people.open")):
        raise Refused(Code.NOT_FOUND, "There is no such invitation.")
    if found.inviter != acting.account.id:
        acting.need(gives(found.server_role))
    acting.connection.execute("DELETE FROM invitations WHERE id = ?", (id,))
    acting.record(gives(found.server_role), found.email or "open", "revoked")


def opened(connection: sqlite3.Connection, secret: str, now: int) -> Opened:
    """What the link leads to. Raises `Refused` when it is not good any more."""
    accounts.let_in(connection, None)
    found = _good(connection, secret, now)
    workspace = profile.read(connection)
    return Opened(
        workspace=workspace.name,
        logo=workspace.logo,
        inviter=found.inviter_name,
        email=found.email,
        server_role=found.server_role,
        expires=found.expires,
    )


def accept(connection: sqlite3.Connection, secret: str, account: Account, now: int) -> None:
    """Use the link up for an account that is made in the same transaction. Raises `Refused`."""
    accounts.let_in(connection, None)
    found = _good(connection, secret, now)
    if found.server_role is not account.server_role:
        raise Refused(Code.BAD_TOKEN, _DEAD)
    if connection.execute("SELECT count(*) FROM accounts").fetchone()[0] > MAX_ACCOUNTS:
        raise Refused(Code.TOO_MANY, f"This server has {MAX_ACCOUNTS} accounts already.")
    connection.execute("DELETE FROM invitations WHERE id = ?", (found.id,))
    record(connection, account, now, gives(found.server_role), found.email or "open", "accepted")


def _good(connection: sqlite3.Connection, secret: str, now: int) -> Invitation:
    row = connection.execute(f"{_SELECT} WHERE hash = ? AND expires > ?", (_digest(secret), now)).fetchone()
    found = _invitation(row) if row is not None else None
    inviter = accounts.find(connection, found.inviter) if found is not None else None
    if found is None or inviter is None or not may(inviter, gives(found.server_role)):
        raise Refused(Code.BAD_TOKEN, _DEAD)
    return found


_DEAD = "This invitation has been used or revoked, or is too old; ask for a new one."
_SELECT = (
    "SELECT invitations.id, email, invitations.server_role, inviter, accounts.name, invitations.created, expires"
    " FROM invitations JOIN accounts ON accounts.id = inviter"
)


def _invitation(row: tuple[str, str, str, str, str, int, int]) -> Invitation:
    return Invitation(
        id=row[0],
        email=row[1],
        server_role=ServerRole(row[2]),
        inviter=row[3],
        inviter_name=row[4],
        created=row[5],
        expires=row[6],
    )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
