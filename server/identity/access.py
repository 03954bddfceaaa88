"""Who somebody is when they come to a conference, and what role they bring.

The room decides with what it is given here: whether a person is an organizer by right, and which role the
conference or the link gives to somebody without an assignment of their own (authority.md, "Session roles").
"""

from __future__ import annotations

import msgspec

from protocol.names import ConferenceId, DisplayName, Identity, PersonKind, Role
from protocol.text import one_line
from server.identity.accounts import Account
from server.room import inner

# What people are as long as the conference's settings have chosen nothing: members of this server may go on the stage
# by themselves, those of a peer may not. Guests have the role of their link, or that a program gives them.
MEMBERS_ARE = Role.SPEAKER
FEDERATED_ARE = Role.VIEWER


class Identified(msgspec.Struct, frozen=True, kw_only=True):
    """A person whose token was verified (server/identity).

    `issued`: when the token was, in seconds since 1970. `by_right`: organizer in every conference. `conference`: the
    only one they may enter, `role`: what they are there. What stands behind them: `account`, the guest `link` they came
    by, or the API key or peer that vouches for them.
    """

    identity: Identity
    name: DisplayName
    kind: PersonKind
    issued: int
    by_right: bool = False
    conference: ConferenceId | None = None
    role: Role | None = None
    account: Account | None = None
    link: str | None = None
    voucher: str | None = None
    groups: tuple[str, ...] = ()

    def enters(self, conference: str, name: str | None, pin: str = "") -> inner.Enter | None:
        """The command to come into a conference, under another name if one is given; None for no access."""
        if self.conference not in (None, conference):
            return None
        return inner.Enter(
            name=one_line(name or "") or self.name,
            kind=self.kind,
            by_right=self.by_right,
            inherits=self.brings,
            pin=pin,
        )

    @property
    def brings(self) -> Role | None:
        """The role of this person as long as the conference's settings have chosen none."""
        return {PersonKind.USER: MEMBERS_ARE, PersonKind.FEDERATED: FEDERATED_ARE}.get(self.kind, self.role)
