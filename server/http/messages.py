"""The bodies of the API's requests and responses; `/openapi.json` is printed from these."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec
from msgspec import Meta

from protocol.files import File
from protocol.names import ConferenceId, DisplayName, Role, Title, TokenText
from protocol.statistics import TrackReport
from server.identity.accounts import MAX_PASSWORD, Account, ServerRole


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request's body: an unknown field is refused, as it is on the WebSocket."""


Login = Annotated[str, Meta(min_length=1, max_length=64)]
# Bounds of what is looked at; whether a new password is long enough is the account's rule, with its own sentence.
Password = Annotated[str, Meta(min_length=1, max_length=MAX_PASSWORD)]


# Up to the year 2100: what plans are made for, and far from where calendars and clocks of any kind end.
Moment = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]


class LogIn(Body, frozen=True, kw_only=True):
    """Login and password, or a one-time code alone."""

    name: Login | None = None
    password: Password | None = None
    code: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class AccountShown(msgspec.Struct, frozen=True, kw_only=True):
    """An account as its owner sees it. `id` is the identity in conferences."""

    id: str
    name: str
    login: str
    server_role: ServerRole
    has_password: bool


class LoggedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The token to send as `Authorization: Bearer …` and in `hello`; `expires` in seconds since 1970."""

    token: str
    expires: int
    account: AccountShown


class NewPassword(Body, frozen=True, kw_only=True):
    """`old` is needed when there is a password already."""

    password: Password
    old: Password | None = None


class PasswordChanged(msgspec.Struct, frozen=True, kw_only=True):
    """All tokens of before are void when a password was replaced; go on with this one."""

    token: str
    expires: int


class GuestEntry(Body, frozen=True, kw_only=True):
    """An invitation from a guest link and the name to be shown; `token`: who one was at the last visit."""

    invite: TokenText
    name: DisplayName
    token: TokenText | None = None


class GuestEntered(msgspec.Struct, frozen=True, kw_only=True):
    """The lasting guest token; `expires` in seconds since 1970."""

    token: str
    expires: int
    identity: str
    name: str
    conference: str


class ConferenceShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conference in one's list. `people` are present now; `running`: it was not ended; `starts` and `ends`: when it
    is planned to, in ms since 1970; `event`: of which it is a session."""

    conference: str
    title: str
    owner: str
    mine: bool
    running: bool
    people: int
    starts: int | None = None
    ends: int | None = None
    event: str | None = None


class ConferenceList(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first."""

    conferences: list[ConferenceShown]
    next: str | None


class NewConference(Body, frozen=True, kw_only=True):
    """A conference to create; `starts` and `ends`: when it is planned to, in ms since 1970."""

    title: Title
    starts: Moment | None = None
    ends: Moment | None = None


class Plan(Body, frozen=True, kw_only=True):
    """When a conference is planned to begin and to end, in ms since 1970; null: not planned, absent: as before."""

    starts: Moment | msgspec.UnsetType | None = msgspec.UNSET
    ends: Moment | msgspec.UnsetType | None = msgspec.UNSET


class ConferenceCreated(msgspec.Struct, frozen=True, kw_only=True):
    """`returned`: the account left this one running; it was returned to it and none was created."""

    conference: str
    title: str
    returned: bool


class ConferenceGlance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody at the door may know. `recorded`: it is being recorded now."""

    conference: ConferenceId
    title: str
    running: bool
    recorded: bool = False
    starts: int | None = None
    ends: int | None = None


class FileList(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a conference. One upload has `most_bytes` at most, all that follow `bytes_left` together; `types`
    are the ends of names that handouts may have."""

    files: list[File]
    most_bytes: int
    bytes_left: int
    types: list[str]


class InvitedRole(enum.StrEnum):
    """The roles that a guest link can give."""

    VIEWER = Role.VIEWER.value
    SPEAKER = Role.SPEAKER.value
    MODERATOR = Role.MODERATOR.value


class NewInvitation(Body, frozen=True, kw_only=True):
    """The role that guests who use the link will have; `label`: what those who manage links see; `max_uses`: how many
    guests may come by it; `days`: how long."""

    role: InvitedRole
    label: Annotated[str, Meta(max_length=100)] = ""
    max_uses: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    days: Annotated[int, Meta(ge=1, le=3650)] | None = None


class GuestLinkShown(msgspec.Struct, frozen=True, kw_only=True):
    """A guest link. `uses`: guests who came by it; `created` and `revoked` in ms, `expires` in seconds since 1970;
    `made_by` is empty for the server itself, `made_by_name` also for who made it without an account or has none."""

    id: str
    role: Role
    label: str
    made_by: str
    made_by_name: str
    created: int
    expires: int
    uses: int
    max_uses: int | None
    revoked: int | None


class GuestLinks(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first."""

    invitations: list[GuestLinkShown]
    next: str | None


class Revocation(Body, frozen=True, kw_only=True):
    """`end_sessions`: those who are inside by the link are put out as well."""

    end_sessions: bool = False


class InvitationMade(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is the guest link without the server's address; `expires` in seconds since 1970."""

    id: str
    token: str
    path: str
    expires: int


class MediaShown(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured of a conference's tracks (`identity/source`), as of the last two seconds; empty when nobody is
    connected. What stands at its default is left out."""

    tracks: list[TrackReport]


class StateShown(msgspec.Struct, frozen=True, kw_only=True):
    """Where the conference's state is, and a fingerprint of all of it: equal wherever the same has happened, another
    after any change. With it two nodes, or a backup and what was restored from it, are compared."""

    conference: str
    epoch: int
    version: int
    hash: str


def account_shown(account: Account, has_password: bool) -> AccountShown:
    """An account as the API shows it."""
    return AccountShown(
        id=account.id,
        name=account.name,
        login=account.login,
        server_role=account.server_role,
        has_password=has_password,
    )
