"""Guest links: which there are, how often they were used, and which lead nowhere any more.

A link carries a signed invitation (tokens.py) whose `jti` is a row here. What the row says wins over what is
signed: a link that is revoked lets nobody in, and the tokens of guests who came by it are dead. A row is kept until
the last of those tokens has expired by itself.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable

import msgspec

from protocol.errors import Code
from protocol.names import Role
from server.identity.tokens import BadToken, Invitation, Tokens
from server.storage.store import Store

# Guest links of one conference that may exist at once, used up and revoked ones included.
MAX_LINKS = 1_000


class GuestLink(msgspec.Struct, frozen=True, kw_only=True):
    """A guest link. `made_by` is empty when the server itself made it: then it stands for itself. `created` and
    `revoked` are ms since 1970, `expires` seconds, as in its token; `uses` counts the guests who came by it for the
    first time."""

    id: str
    conference: str
    role: Role
    label: str
    made_by: str
    created: int
    expires: int
    uses: int
    max_uses: int | None
    revoked: int | None


class RevokedLink(BadToken):
    """The guest link, or the one by which this guest came, was revoked."""

    code = Code.LINK_REVOKED


class UsedUp(BadToken):
    """As many guests as it was for have come by this link."""


class TooManyLinks(Exception):
    """The conference has as many guest links as can be kept."""


class GuestLinks:
    """The guest links in the store."""

    def __init__(self, store: Store, tokens: Tokens, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock

    async def make(
        self,
        conference: str,
        role: Role,
        made_by: str,
        *,
        label: str = "",
        max_uses: int | None = None,
        lifetime_s: int | None = None,
    ) -> tuple[GuestLink, str]:
        """A new link and its token. Raises `TooManyLinks`."""
        link, token = self.drafted(conference, role, made_by, label=label, max_uses=max_uses, lifetime_s=lifetime_s)

        def insert(connection: sqlite3.Connection) -> None:
            before = link.created // 1000 - self._tokens.guest_s
            connection.execute("DELETE FROM guest_links WHERE expires < ?", (before,))
            count = connection.execute(
                f"SELECT count(*) FROM guest_links WHERE conference = ? AND {_NOT_PERSONAL}", (conference,)
            )
            if count.fetchone()[0] >= MAX_LINKS:
                raise TooManyLinks
            put(connection, link)

        await self._store.run(insert)
        return link, token

    def drafted(
        self,
        conference: str,
        role: Role,
        made_by: str,
        *,
        label: str = "",
        max_uses: int | None = None,
        lifetime_s: int | None = None,
    ) -> tuple[GuestLink, str]:
        """A new link that is not in the store yet, and its token."""
        token = self._tokens.invitation(conference, role, lifetime_s, id=secrets.token_hex(8))
        signed = self._tokens.verify_invitation(token)
        link = GuestLink(
            id=signed.id,
            conference=conference,
            role=role,
            label=label,
            made_by=made_by,
            created=int(self._clock()) * 1000,
            expires=signed.expires,
            uses=0,
            max_uses=max_uses,
            revoked=None,
        )
        return link, token

    async def again(self, label: str, conference: str, role: Role) -> str:
        """The token of the server's own link with this label, with a new lifetime; of a new link when there is none,
        or it was revoked."""
        # People may give theirs any label, and what somebody made is never the server's.
        own = [link for link in await self.list(conference) if not link.made_by and link.label == label]
        found = next((link for link in own if link.revoked is None), None)
        if found is None or found.role is not role:
            return (await self.make(conference, role, "", label=label))[1]
        token = self._tokens.invitation(conference, role, id=found.id)
        expires = self._tokens.verify_invitation(token).expires
        await self._store.run(
            lambda connection: connection.execute(
                "UPDATE guest_links SET expires = ? WHERE id = ?", (expires, found.id)
            )
        )
        return token

    async def list(self, conference: str) -> list[GuestLink]:
        """The links of a conference that are nobody's own, the newest first."""

        def look(connection: sqlite3.Connection) -> list[GuestLink]:
            rows = connection.execute(
                f"{_SELECT} WHERE conference = ? AND {_NOT_PERSONAL} ORDER BY created DESC, id", (conference,)
            )
            return [_link(row) for row in rows]

        return await self._store.run(look)

    async def look(self, token: str) -> Invitation:
        """What a link allows. Raises `BadToken`, also for a link that is unknown here or revoked."""
        signed = self._tokens.verify_invitation(token)

        def check(connection: sqlite3.Connection) -> None:
            stands(connection, signed.id)

        try:
            await self._store.run(check)
        except RevokedLink:
            raise
        except BadToken:
            # Signed by us, so it may be so new that this server has not heard of it.
            await self._store.renew()
            await self._store.run(check)
        return signed

    async def maker(self, id: str) -> str:
        """Who made this link; empty for the server itself. Raises `BadToken`."""

        def look(connection: sqlite3.Connection) -> str:
            row = connection.execute("SELECT made_by FROM guest_links WHERE id = ?", (id,)).fetchone()
            if row is None:
                raise BadToken("the guest link is unknown here")
            return str(row[0])

        return await self._store.run(look)

    async def use(self, id: str) -> None:
        """One more guest comes by this link. Raises `BadToken`."""

        def count(connection: sqlite3.Connection) -> None:
            stands(connection, id)
            done = connection.execute(
                "UPDATE guest_links SET uses = uses + 1 WHERE id = ? AND uses < ifnull(max_uses, uses + 1)", (id,)
            )
            if done.rowcount == 0:
                raise UsedUp("as many guests as it is for have come by this link")

        await self._store.run(count)

    async def revoke(self, conference: str, id: str, ends_sessions: bool) -> GuestLink | None:
        """From now on the link leads nowhere. `ends_sessions`: nor do those stay who are inside by it. Again: only
        this can be added. None when the conference has no such link."""
        now = int(self._clock() * 1000)

        def update(connection: sqlite3.Connection) -> GuestLink | None:
            connection.execute(
                "UPDATE guest_links SET revoked = ifnull(revoked, ?), ends_sessions = max(ends_sessions, ?)"
                " WHERE id = ? AND conference = ?",
                (now, ends_sessions, id, conference),
            )
            row = connection.execute(f"{_SELECT} WHERE id = ? AND conference = ?", (id, conference)).fetchone()
            return _link(row) if row is not None else None

        return await self._store.run(update)


_SELECT = "SELECT id, conference, role, label, made_by, created, expires, uses, max_uses, revoked FROM guest_links"
# The links of people who were invited by e-mail are listed with those people, and counted there (server/mail).
_NOT_PERSONAL = "NOT personal"


def put(connection: sqlite3.Connection, link: GuestLink, personal: bool = False) -> None:
    """Keep a drafted link; for work that goes on in the same transaction. `personal`: it is listed with whose it is."""
    connection.execute(
        "INSERT INTO guest_links (id, conference, role, label, made_by, created, expires, max_uses, personal)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(link.id, link.conference, link.role.value, link.label, link.made_by),
            *(link.created, link.expires, link.max_uses, personal),
        ),
    )


def _link(row: tuple[str, str, str, str, str, int, int, int, int | None, int | None]) -> GuestLink:
    return GuestLink(
        id=row[0],
        conference=row[1],
        role=Role(row[2]),
        label=row[3],
        made_by=row[4],
        created=row[5],
        expires=row[6],
        uses=row[7],
        max_uses=row[8],
        revoked=row[9],
    )


def holder(id: str) -> str:
    """Who comes by a moderator's link: one person, else a moderator who was demoted or removed would open it again as
    somebody new."""
    return "g_" + hashlib.blake2b(id.encode(), digest_size=8).hexdigest()


def moderates(connection: sqlite3.Connection, conference: str, identity: str) -> bool:
    """Whether a moderator's link that stands makes this guest one."""
    rows = connection.execute(
        "SELECT id FROM guest_links WHERE conference = ? AND role = ? AND revoked IS NULL",
        (conference, Role.MODERATOR.value),
    )
    return any(holder(row[0]) == identity for row in rows)


def stands(connection: sqlite3.Connection, id: str, inside: bool = False) -> None:
    """Raises `BadToken` when nobody comes in by this link any more; for somebody who is `inside`, only when it was
    revoked together with their sessions."""
    row = connection.execute("SELECT revoked, ends_sessions FROM guest_links WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise BadToken("the guest link is unknown here")
    if row[0] is not None and (row[1] or not inside):
        raise RevokedLink("the guest link was revoked")
