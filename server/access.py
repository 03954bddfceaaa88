"""Who somebody is when they come to a conference, and what role they bring.

The room decides with what it is given here: whether a person is an organizer by right, and which role the
conference or the link gives to somebody without an assignment of their own (authority.md, "Session roles").
"""

from __future__ import annotations

import msgspec

from protocol.names import PersonKind, Role
from server.accounts import Accounts, ServerRole
from server.room import inner
from server.tokens import Claims, Tokens

# What members of this server are as long as the conference's settings have chosen nothing: they may go on the stage by
# themselves. Guests have the role of their link.
MEMBERS_ARE = Role.SPEAKER


class Identified(msgspec.Struct, frozen=True, kw_only=True):
    """A person whose token was verified. `conference`: the only one a guest may enter. `issued`: when the token was,
    in seconds since 1970."""

    identity: str
    name: str
    kind: PersonKind
    by_right: bool
    issued: int
    conference: str | None = None
    role: Role | None = None

    def enters(self, conference: str, name: str | None) -> inner.Enter | None:
        """The command to come into a conference, under another name if one is given; None for no access."""
        if self.kind is PersonKind.GUEST and self.conference != conference:
            return None
        return inner.Enter(
            name=(name or "").strip() or self.name,
            kind=self.kind,
            by_right=self.by_right,
            inherits=self.role if self.kind is PersonKind.GUEST else MEMBERS_ARE,
        )


async def identify(token: str, tokens: Tokens, accounts: Accounts) -> Identified:
    """Whose token it is. Raises `BadToken`, also for an account that is gone; `StoreUnavailable`."""
    claims: Claims = tokens.verify(token)
    if claims.kind is PersonKind.GUEST:
        return Identified(
            identity=claims.identity,
            name=claims.name,
            kind=claims.kind,
            by_right=False,
            issued=claims.issued,
            conference=claims.conference,
            role=claims.role,
        )
    account = await accounts.authenticate(claims)
    return Identified(
        identity=account.id,
        name=account.name,
        kind=PersonKind.USER,
        by_right=account.server_role in (ServerRole.OWNER, ServerRole.ADMIN),
        issued=claims.issued,
    )
