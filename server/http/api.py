"""The API's endpoints: logging in, guests, conferences, invitations."""

from __future__ import annotations

import hashlib
import secrets

from protocol.errors import Code
from protocol.names import PersonKind, Role
from server.accounts import Account, AccountError, ServerRole
from server.conferences import Conference
from server.http import messages as m
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.room.rules import permits
from server.tokens import BadToken, Claims

MAX_LISTED = 100


async def log_in(call: Call, body: m.LogIn) -> m.LoggedIn:
    accounts = call.services.accounts
    if body.code is not None and body.name is None and body.password is None:
        account = await accounts.redeem(body.code)
        if account is None:
            raise Failure(Code.BAD_TOKEN, "This link has been used, or is too old; ask for a new one.")
    elif body.name is not None and body.password is not None and body.code is None:
        account = await accounts.check_password(body.name, body.password)
        if account is None:
            raise Failure(Code.BAD_TOKEN, "The login or the password is wrong.")
    else:
        raise Failure(Code.BAD_MESSAGE, "Send name and password, or a one-time code.")
    token, expires = _account_token(call, account)
    return m.LoggedIn(token=token, expires=expires, account=await _shown(call, account))


async def enter_as_guest(call: Call, body: m.GuestEntry) -> m.GuestEntered:
    tokens = call.services.tokens
    try:
        invitation = tokens.verify_invitation(body.invite)
    except BadToken:
        raise Failure(Code.BAD_TOKEN, "This guest link is not valid, or too old; ask for a new one.") from None
    if await call.services.conferences.find(invitation.conference) is None:
        raise Failure(Code.NO_SUCH_CONFERENCE)
    name = body.name.strip()
    if not name:
        raise Failure(Code.BAD_MESSAGE, "A name has at least one letter.", details={"path": "$.name"})
    known = _guest(call, body.token, invitation.conference)
    if invitation.role is Role.MODERATOR:
        # Personal: else a moderator who was demoted or removed would open it again as somebody new.
        identity = "g_" + hashlib.blake2b(invitation.id.encode(), digest_size=8).hexdigest()
    else:
        identity = known.identity if known is not None else "g_" + secrets.token_hex(8)
    token = tokens.guest(identity, name, invitation.conference, invitation.role)
    return m.GuestEntered(
        token=token,
        expires=tokens.verify(token).expires,
        identity=identity,
        name=name,
        conference=invitation.conference,
    )


async def me(call: Call, _body: None) -> m.AccountShown:
    return await _shown(call, call.account)


async def change_password(call: Call, body: m.NewPassword) -> m.PasswordChanged:
    accounts, account = call.services.accounts, call.account
    if await accounts.has_password(account.id) and (
        body.old is None or await accounts.check_password(account.login, body.old) is None
    ):
        raise Failure(Code.NOT_ALLOWED, "The old password is wrong.")
    try:
        await accounts.set_password(account.id, body.password)
    except AccountError as error:
        raise Failure(Code.BAD_MESSAGE, str(error), details={"path": "$.password"}) from None
    token, expires = _account_token(call, account)
    return m.PasswordChanged(token=token, expires=expires)


async def list_conferences(call: Call, _body: None) -> m.ConferenceList:
    account = call.account
    # The server's owner and admins are organizers everywhere, so they see everything.
    everything = account.server_role in (ServerRole.OWNER, ServerRole.ADMIN)
    found = await call.services.conferences.list(None if everything else account.id, MAX_LISTED)
    return m.ConferenceList(conferences=[await _listed(call, conference) for conference in found])


async def create_conference(call: Call, body: m.NewConference) -> m.ConferenceCreated:
    account, services = call.account, call.services
    title = body.title.strip()
    if not title:
        raise Failure(Code.BAD_MESSAGE, "A title has at least one letter.", details={"path": "$.title"})
    for conference in await services.conferences.list(account.id, MAX_LISTED):
        summary = await services.rooms.summary(conference.id)
        # authority.md: an owner who left one running is returned to it. Running means that somebody is there.
        if summary is not None and summary.running and summary.people > 0:
            return m.ConferenceCreated(conference=conference.id, title=summary.title, returned=True)
    made = await services.conferences.create(title, account.id)
    await services.rooms.create(made.id, made.title, account.id)
    return m.ConferenceCreated(conference=made.id, title=made.title, returned=False)


async def glance(call: Call, _body: None) -> m.ConferenceGlance:
    conference = await _conference(call)
    summary = await call.services.rooms.summary(conference.id)
    return m.ConferenceGlance(
        conference=conference.id,
        title=summary.title if summary is not None else conference.title,
        running=summary.running if summary is not None else False,
    )


async def invite(call: Call, body: m.NewInvitation) -> m.InvitationMade:
    conference = await _conference(call)
    if not await _may(call, conference, "invite.link"):
        raise Failure(Code.NOT_ALLOWED, "Organizers and moderators invite guests.")
    tokens = call.services.tokens
    token = tokens.invitation(conference.id, Role(body.role))
    expires = tokens.verify_invitation(token).expires
    return m.InvitationMade(token=token, path=f"/c/{conference.id}#invite={token}", expires=expires)


async def end(call: Call, _body: None) -> m.ConferenceGlance:
    conference = await _conference(call)
    if not await _may(call, conference, "session.start_end"):
        raise Failure(Code.NOT_ALLOWED, "Organizers and moderators end a conference.")
    await call.services.rooms.end(conference.id, by=call.identity)
    return await glance(call, None)


async def media(call: Call, _body: None) -> m.MediaShown:
    conference = await _conference(call)
    if not await _may(call, conference, "people.see_hidden"):
        raise Failure(Code.NOT_ALLOWED, "Organizers and moderators see the counters.")
    report = call.services.rooms.track_report(conference.id)
    tracks = report.tracks if report is not None else ()
    return m.MediaShown(
        tracks=[
            m.TrackShown(
                track=track.track,
                received=track.received,
                received_bytes=track.received_bytes,
                lost=track.lost,
                forwarded=track.forwarded,
                dropped=track.dropped,
            )
            for track in tracks
        ]
    )


def _account_token(call: Call, account: Account) -> tuple[str, int]:
    tokens = call.services.tokens
    token = tokens.account(account.id, account.name)
    return token, tokens.verify(token).expires


async def _shown(call: Call, account: Account) -> m.AccountShown:
    return m.account_shown(account, await call.services.accounts.has_password(account.id))


def _guest(call: Call, token: str | None, conference: str) -> Claims | None:
    """Who a guest was, when their token still says so; somebody new otherwise, which is no error."""
    if token is None:
        return None
    try:
        claims = call.services.tokens.verify(token)
    except BadToken:
        return None
    return claims if claims.kind is PersonKind.GUEST and claims.conference == conference else None


async def _conference(call: Call) -> Conference:
    found = await call.services.conferences.find(call.path["conference"])
    if found is None:
        raise Failure(Code.NO_SUCH_CONFERENCE)
    return found


async def _may(call: Call, conference: Conference, action: str) -> bool:
    """Whether the table of rights has a yes for the caller: as an organizer by right, or with the role they have in
    the conference. Somebody who left, or was removed, has none there."""
    account = call.known_account
    if account is not None and (
        account.id == conference.owner or account.server_role in (ServerRole.OWNER, ServerRole.ADMIN)
    ):
        return permits(Role.ORGANIZER, action)
    if call.claims is not None and call.claims.conference not in (None, conference.id):
        return False
    role = await call.services.rooms.role_of(conference.id, call.identity)
    return role is not None and permits(role, action)


async def _listed(call: Call, conference: Conference) -> m.ConferenceShown:
    summary = await call.services.rooms.summary(conference.id)
    return m.ConferenceShown(
        conference=conference.id,
        title=summary.title if summary is not None else conference.title,
        owner=conference.owner,
        mine=conference.owner == call.account.id,
        running=summary.running if summary is not None else False,
        people=summary.people if summary is not None else 0,
    )


API: tuple[Endpoint, ...] = (
    Endpoint(
        method="POST",
        path="/api/v1/login",
        name="logIn",
        summary="Log in with login and password, or with a one-time code.",
        handler=log_in,
        body=m.LogIn,
        response=m.LoggedIn,
        limit="login",
        errors=(Code.BAD_TOKEN,),
    ),
    Endpoint(
        method="POST",
        path="/api/v1/guests",
        name="enterAsGuest",
        summary="Become a guest of a conference by a guest link.",
        handler=enter_as_guest,
        body=m.GuestEntry,
        response=m.GuestEntered,
        limit="guests",
        errors=(Code.BAD_TOKEN, Code.NO_SUCH_CONFERENCE),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/me",
        name="me",
        summary="The account that the token belongs to.",
        handler=me,
        response=m.AccountShown,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="PUT",
        path="/api/v1/me/password",
        name="changePassword",
        summary="Set or change one's password.",
        handler=change_password,
        body=m.NewPassword,
        response=m.PasswordChanged,
        caller=Caller.ACCOUNT,
        limit="login",
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conferences",
        name="listConferences",
        summary="One's own conferences; for the server's owner and admins all of them.",
        handler=list_conferences,
        response=m.ConferenceList,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conferences",
        name="createConference",
        summary="Create a conference, or be returned to the one that is running.",
        handler=create_conference,
        body=m.NewConference,
        response=m.ConferenceCreated,
        caller=Caller.ACCOUNT,
        limit="conferences",
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}",
        name="glanceAtConference",
        summary="What somebody at the door may know about a conference.",
        handler=glance,
        response=m.ConferenceGlance,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conferences/{conference}/invitations",
        name="invite",
        summary="Make a guest link; for organizers and moderators. A moderator's link is for one person.",
        handler=invite,
        body=m.NewInvitation,
        response=m.InvitationMade,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}/media",
        name="mediaCounters",
        summary="What the media worker counts of each track; for organizers and moderators.",
        handler=media,
        response=m.MediaShown,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conferences/{conference}/end",
        name="endConference",
        summary="End a conference for everybody; for organizers and moderators.",
        handler=end,
        response=m.ConferenceGlance,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
)
