"""The bodies of the API's requests and responses; `/openapi.json` is printed from these."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec
from msgspec import Meta

from protocol.names import ConferenceId, DisplayName, Role, Title, TokenText
from server.accounts import MAX_PASSWORD, Account, ServerRole


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request's body: an unknown field is refused, as it is on the WebSocket."""


Login = Annotated[str, Meta(min_length=1, max_length=64)]
# Bounds of what is looked at; whether a new password is long enough is the account's rule, with its own sentence.
Password = Annotated[str, Meta(min_length=1, max_length=MAX_PASSWORD)]


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


class ConferenceShown(msgspec.Struct, frozen=True, kw_only=True):
    """A conference in one's list. `people` are present now; `running`: it has begun and was not ended."""

    conference: str
    title: str
    owner: str
    mine: bool
    running: bool
    people: int


class ConferenceList(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first."""

    conferences: list[ConferenceShown]


class NewConference(Body, frozen=True, kw_only=True):
    """A conference to create."""

    title: Title


class ConferenceCreated(msgspec.Struct, frozen=True, kw_only=True):
    """`returned`: the account left this one running; it was returned to it and none was created."""

    conference: str
    title: str
    returned: bool


class ConferenceGlance(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody at the door may know."""

    conference: ConferenceId
    title: str
    running: bool


class InvitedRole(enum.StrEnum):
    """The roles that a guest link can give."""

    VIEWER = Role.VIEWER.value
    SPEAKER = Role.SPEAKER.value
    MODERATOR = Role.MODERATOR.value


class NewInvitation(Body, frozen=True, kw_only=True):
    """The role that guests who use the link will have."""

    role: InvitedRole


class InvitationMade(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is the guest link without the server's address; `expires` in seconds since 1970."""

    token: str
    path: str
    expires: int


class TrackShown(msgspec.Struct, frozen=True, kw_only=True):
    """What the media worker has counted of a track (`identity/source`) since it began: packets and bytes that came,
    packets that were lost on the way, forwarded to somebody, and dropped because the track was closed (muted)."""

    track: str
    received: int
    received_bytes: int
    lost: int
    forwarded: int
    dropped: int


class MediaShown(msgspec.Struct, frozen=True, kw_only=True):
    """The counters of a conference's tracks, as of the last two seconds; empty when nobody sends."""

    tracks: list[TrackShown]


def account_shown(account: Account, has_password: bool) -> AccountShown:
    """An account as the API shows it."""
    return AccountShown(
        id=account.id,
        name=account.name,
        login=account.login,
        server_role=account.server_role,
        has_password=has_password,
    )
