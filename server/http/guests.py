"""The API of guest links: making them, and coming in by one."""

from __future__ import annotations

import secrets

from protocol.errors import Code
from protocol.names import PersonKind, Role
from protocol.text import one_line
from server import links
from server.directory.conferences import Conference
from server.http import messages as m
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.http.paging import Page, cut
from server.http.rights import conference_of, lasting_role, may, note
from server.identity.guestlinks import GuestLink, TooManyLinks, UsedUp, holder
from server.identity.tokens import DAY_S, BadToken, Claims
from server.room.rules import permits

# Whoever has it makes links with any of the roles that a link can give.
_INVITE = "invite.link"


async def enter_as_guest(call: Call, body: m.GuestEntry) -> m.GuestEntered:
    services = call.services
    await services.accounts.check_open()
    try:
        invitation = await services.guest_links.look(body.invite)
    except BadToken as error:
        raise _useless(error) from None
    conference = await services.conferences.find(invitation.conference)
    if conference is None:
        raise Failure(Code.NO_SUCH_CONFERENCE)
    name = one_line(body.name)
    if not name:
        raise Failure(Code.BAD_MESSAGE, "A name has at least one letter.", details={"path": "$.name"})
    known = _guest(call, body.token, invitation.conference)
    if invitation.role is Role.MODERATOR:
        identity = holder(invitation.id)
    else:
        identity = known.identity if known is not None else "g_" + secrets.token_hex(8)
    if await services.rooms.shut_out(invitation.conference, identity, False):
        raise Failure(Code.BLOCKED)
    if known is None or (known.identity, known.link) != (identity, invitation.id):
        # Who has come by it before is a person of their own, whatever became of whoever invited them.
        await _check_maker(call, conference, invitation.id)
        try:
            await services.guest_links.use(invitation.id)
        except BadToken as error:
            raise _useless(error) from None
    token = services.tokens.guest(identity, name, invitation.conference, invitation.role, invitation.id)
    return m.GuestEntered(
        token=token,
        expires=services.tokens.verify(token).expires,
        identity=identity,
        name=name,
        conference=invitation.conference,
    )


async def invite(call: Call, body: m.NewInvitation) -> m.InvitationMade:
    conference = await _inviting(call)
    try:
        link, token = await call.services.guest_links.make(
            conference.id,
            Role(body.role),
            call.identity,
            label=body.label.strip(),
            max_uses=body.max_uses,
            lifetime_s=body.days * DAY_S if body.days is not None else None,
        )
    except TooManyLinks:
        raise Failure(Code.TOO_MANY, "This conference has as many guest links as can be kept.") from None
    await note(call, conference, "link.make", link.id, role=body.role, label=link.label)
    return m.InvitationMade(id=link.id, token=token, path=links.guest_path(conference.id, token), expires=link.expires)


async def list_invitations(call: Call, _body: None) -> m.GuestLinks:
    conference = await _inviting(call)
    links = await call.services.guest_links.list(conference.id)
    found, next = cut(links, call.query, tuple[int, str], lambda link: (link.created, link.id), newest_first=True)
    makers = {identity: await _name(call, identity) for identity in {link.made_by for link in found}}
    return m.GuestLinks(invitations=[_shown(link, makers[link.made_by]) for link in found], next=next)


async def revoke(call: Call, body: m.Revocation) -> m.GuestLinkShown:
    conference = await _inviting(call)
    revoked = await call.services.guest_links.revoke(conference.id, call.path["invitation"], body.end_sessions)
    if revoked is None:
        raise Failure(Code.NOT_FOUND, "This conference has no such guest link.")
    await note(call, conference, "link.revoke", revoked.id, end_sessions=body.end_sessions)
    if body.end_sessions:
        await call.services.sessions.check(lambda who: who.link == revoked.id)
    return _shown(revoked, await _name(call, revoked.made_by))


async def _inviting(call: Call) -> Conference:
    conference = await conference_of(call)
    if not await may(call, conference, _INVITE):
        raise Failure(Code.NOT_ALLOWED, "Organizers and moderators invite guests.")
    return conference


async def _check_maker(call: Call, conference: Conference, link: str) -> None:
    """Refuse a link whose maker could not make it any more: else a moderator who is about to be demoted or blocked
    would make one for themselves and come back by it."""
    try:
        maker = await call.services.guest_links.maker(link)
    except BadToken as error:
        raise _useless(error) from None
    if not maker:
        return
    role = await lasting_role(call.services, conference, maker)
    if role is None or not permits(role, _INVITE):
        raise Failure(Code.BAD_TOKEN, "Whoever made this guest link may not invite here any more; ask for a new one.")


def _useless(error: BadToken) -> Failure:
    if isinstance(error, UsedUp):
        return Failure(Code.BAD_TOKEN, "This guest link has been used by as many guests as it was for.")
    if error.code is Code.BAD_TOKEN:
        return Failure(Code.BAD_TOKEN, "This guest link is not valid, or too old; ask for a new one.")
    return Failure(error.code)


def _guest(call: Call, token: str | None, conference: str) -> Claims | None:
    """Who a guest was, when their token still says so; somebody new otherwise, which is no error."""
    if token is None:
        return None
    try:
        claims = call.services.tokens.verify(token)
    except BadToken:
        return None
    return claims if claims.kind is PersonKind.GUEST and claims.conference == conference else None


async def _name(call: Call, identity: str) -> str:
    account = await call.services.accounts.find(identity)
    return account.name if account is not None else ""


def _shown(link: GuestLink, maker: str) -> m.GuestLinkShown:
    return m.GuestLinkShown(
        id=link.id,
        role=link.role,
        label=link.label,
        made_by=link.made_by,
        made_by_name=maker,
        created=link.created,
        expires=link.expires,
        uses=link.uses,
        max_uses=link.max_uses,
        revoked=link.revoked,
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="POST",
        path="/api/v1/guests",
        name="enterAsGuest",
        summary="Become a guest of a conference by a guest link.",
        handler=enter_as_guest,
        body=m.GuestEntry,
        response=m.GuestEntered,
        limit="guests",
        errors=(
            Code.BAD_TOKEN,
            Code.LINK_REVOKED,
            Code.BLOCKED,
            Code.NO_SUCH_CONFERENCE,
            Code.COMPANY_DISABLED,
        ),
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
        errors=(Code.NO_SUCH_CONFERENCE, Code.TOO_MANY),
        once=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}/invitations",
        name="listGuestLinks",
        query=Page,
        summary="The guest links of a conference; for organizers and moderators. The links themselves are not shown.",
        handler=list_invitations,
        response=m.GuestLinks,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conferences/{conference}/invitations/{invitation}/revoke",
        name="revokeGuestLink",
        summary="Revoke a guest link: nobody comes in by it, nor by a token that was given out for it.",
        handler=revoke,
        body=m.Revocation,
        response=m.GuestLinkShown,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE, Code.NOT_FOUND),
    ),
)
