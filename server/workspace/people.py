"""The people of the workspace: looking them up, changing them, removing them.

The owner is changed by nobody but themselves, and nobody gives a role that they could not invite somebody to.
"""

from __future__ import annotations

import sqlite3

import msgspec

from protocol.errors import Code
from server.identity import accounts
from server.identity.accounts import Account, ServerRole
from server.workspace import attributes
from server.workspace.acting import Acting, Refused
from server.workspace.policy import gives

# Accounts that can be made by invitations. The command line makes more, if need be.
MAX_ACCOUNTS = 20_000


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with an account. `values` are their custom attributes, by the attribute's id; `created` is ms since
    1970. `may`: which of `profile.edit`, `profile.delete` (oneself), `member.edit`, `role` and `member.delete` (others)
    one may do."""

    id: str
    login: str
    name: str
    server_role: ServerRole
    created: int
    values: dict[str, str]
    may: list[str]


def people(acting: Acting, search: str, after: tuple[str, str] | None, limit: int) -> tuple[list[Person], int]:
    """Those in whose name or login the words occur, in the order of their names, from behind a name and id; and how
    many they are in all."""
    acting.need("people.open")
    pattern = "%" + search.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    found = "FROM accounts WHERE (name LIKE ?1 ESCAPE '\\' OR login LIKE ?1 ESCAPE '\\')"
    total = acting.connection.execute(f"SELECT count(*) {found}", (pattern,)).fetchone()[0]
    rows = acting.connection.execute(
        f"SELECT id {found} AND (?2 IS NULL OR (name, id) > (?2, ?3)) ORDER BY name, id LIMIT ?4",
        (pattern, *(after or (None, None)), limit),
    ).fetchall()
    return [_shown(acting, _find(acting.connection, row[0])) for row in rows], int(total)


def me(acting: Acting) -> Person:
    """Oneself."""
    acting.need("workspace.profile.view")
    return _shown(acting, acting.account)


def edit(
    acting: Acting,
    id: str,
    name: str | None,
    login: str | None,
    server_role: ServerRole | None,
    values: dict[str, str | None],
) -> tuple[Person, bool]:
    """Change somebody; None stays as it is, and a value of None goes. Of oneself everybody changes name and values.
    The second answer: whether they have another server role by it."""
    account = acting.account if id == acting.account.id else None
    if account is None or login is not None or server_role is not None:
        acting.need("member.edit")
        account = account or _find(acting.connection, id)
    else:
        acting.need("profile.edit")
    if account.server_role is ServerRole.OWNER and account.id != acting.account.id:
        raise Refused(Code.PROTECTED, "The owner's account is changed by the owner alone.")
    changed = []
    if name is not None and accounts.checked_name(name) != account.name:
        changed.append(f"name {accounts.checked_name(name)!r}")
        _set(acting, id, "name", accounts.checked_name(name))
    if login is not None and accounts.checked_login(login) != account.login:
        accounts.check_free(acting.connection, accounts.checked_login(login))
        changed.append(f"login {accounts.checked_login(login)!r}")
        _set(acting, id, "login", accounts.checked_login(login))
    if server_role is not None and server_role is not account.server_role:
        _check_role(acting, account, server_role)
        changed.append(f"role {server_role.value}")
        _set(acting, id, "server_role", server_role.value)
    changed += attributes.put(acting.connection, id, values)
    if changed:
        acting.record("profile.edit" if id == acting.account.id else "member.edit", account.login, ", ".join(changed))
    after = _find(acting.connection, id)
    return _shown(acting, after), after.server_role is not account.server_role


def remove(acting: Acting, id: str) -> None:
    """Remove somebody else's account."""
    acting.need("member.delete")
    account = _find(acting.connection, id)
    accounts.delete(acting.connection, id)
    acting.record("member.delete", account.login)


def check_leave(acting: Acting, successor: str | None) -> None:
    """Whether one may remove one's own account. There is exactly one owner, so the owner leaves only by naming an
    admin who is the owner from then on. Raises `Refused`."""
    acting.need("profile.delete")
    if acting.account.server_role is not ServerRole.OWNER:
        return
    if successor is None:
        raise Refused(Code.PROTECTED, "The owner leaves only by naming an admin who takes over.", path="$.successor")
    if _find(acting.connection, successor).server_role is not ServerRole.ADMIN:
        raise Refused(Code.BAD_MESSAGE, "Only an admin can take over.", path="$.successor")


def leave(acting: Acting, successor: str | None) -> None:
    """Remove one's own account."""
    check_leave(acting, successor)
    note = ""
    if acting.account.server_role is ServerRole.OWNER and successor is not None:
        note = f"the owner is now {_find(acting.connection, successor).login}"
        # In this order: the store holds that there is one owner at most.
        _set(acting, acting.account.id, "server_role", ServerRole.ADMIN.value)
        _set(acting, successor, "server_role", ServerRole.OWNER.value)
    acting.record("profile.delete", acting.account.login, note)
    accounts.delete(acting.connection, acting.account.id)


def _check_role(acting: Acting, account: Account, server_role: ServerRole) -> None:
    if ServerRole.OWNER in (account.server_role, server_role):
        raise Refused(Code.PROTECTED, "There is exactly one owner, and who it is does not change.")
    if account.id == acting.account.id:
        raise Refused(Code.NOT_ALLOWED, "Nobody changes their own role.")
    # Taking a role away needs what giving it needs.
    for role in (server_role, account.server_role):
        acting.need(gives(role))


def _find(connection: sqlite3.Connection, id: str) -> Account:
    account = accounts.find(connection, id)
    if account is None:
        raise Refused(Code.NOT_FOUND, "There is no such account.")
    return account


def _set(acting: Acting, id: str, column: str, value: str) -> None:
    acting.connection.execute(f"UPDATE accounts SET {column} = ? WHERE id = ?", (value, id))


def _shown(acting: Acting, account: Account) -> Person:
    mine, owner = account.id == acting.account.id, account.server_role is ServerRole.OWNER
    allowed = {
        "profile.edit": mine and acting.may("profile.edit"),
        "member.edit": acting.may("member.edit") and (mine or not owner),
        "role": not mine and not owner and acting.may("member.edit") and acting.may(gives(account.server_role)),
        "member.delete": not mine and not owner and acting.may("member.delete"),
        "profile.delete": mine and acting.may("profile.delete"),
    }
    return Person(
        id=account.id,
        login=account.login,
        name=account.name,
        server_role=account.server_role,
        created=account.created,
        values=attributes.values_of(acting.connection, account.id),
        may=[action for action, yes in allowed.items() if yes],
    )
