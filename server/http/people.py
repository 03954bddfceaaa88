"""The endpoints about the people of the workspace: accounts, and the invitations by which they come."""

from __future__ import annotations

from protocol.errors import Code
from server.http import messages
from server.http import workspace_messages as m
from server.http.endpoint import Call, Caller, Endpoint
from server.http.paging import Page, begins, cut, ends
from server.http.workspace import act, prove
from server.workspace import invitations, people
from server.workspace.invitations import Opened
from server.workspace.people import Person


async def list_people(call: Call, _body: None) -> m.People:
    asked: m.PeopleAsked = call.query
    after = begins(asked.after, tuple[str, str])
    found, total = await act(call, lambda acting: people.people(acting, asked.search, after, asked.limit + 1))
    page, next = ends(found, asked.limit, lambda one: (one.name, one.id))
    return m.People(people=page, total=total, next=next)


async def show_me(call: Call, _body: None) -> Person:
    return await act(call, people.me)


async def edit_person(call: Call, body: m.PersonChange) -> Person:
    id = call.path["account"]
    person, other_role = await act(
        call, lambda acting: people.edit(acting, id, body.name, body.login, body.server_role, body.values)
    )
    if other_role:
        # In a conference they stay, with the role that they have now.
        await call.services.sessions.check(lambda who: who.account is not None and who.identity == id)
    return person


async def remove_person(call: Call, _body: None) -> m.Done:
    id = call.path["account"]
    await act(call, lambda acting: people.remove(acting, id))
    await call.services.sessions.check()
    return m.Done()


async def leave(call: Call, body: m.Leaving) -> m.Done:
    await act(call, lambda acting: people.check_leave(acting, body.successor))
    await prove(call, body.password)
    await act(call, lambda acting: people.leave(acting, body.successor))
    await call.services.sessions.check()
    return m.Done()


async def list_invitations(call: Call, _body: None) -> m.InvitationList:
    pending = await act(call, invitations.pending)
    page, next = cut(pending, call.query, tuple[int, str], lambda one: (one.created, one.id), newest_first=True)
    return m.InvitationList(invitations=page, next=next)


async def invite(call: Call, body: m.NewPerson) -> m.PersonInvited:
    made, secret = await act(call, lambda acting: invitations.invite(acting, body.email, body.server_role, body.days))
    # In the fragment, which browsers do not send: no log of any proxy holds it.
    return m.PersonInvited(invitation=made, path=f"/join#invitation={secret}")


async def revoke(call: Call, _body: None) -> m.Done:
    id = call.path["invitation"]
    await act(call, lambda acting: invitations.revoke(acting, id))
    return m.Done()


async def open_invitation(call: Call, body: m.OpenInvitation) -> Opened:
    workspace = call.services.workspace
    return await workspace.look(lambda connection: invitations.opened(connection, body.invitation, workspace.now()))


async def accept(call: Call, body: m.Acceptance) -> messages.LoggedIn:
    workspace, tokens = call.services.workspace, call.services.tokens
    found = await open_invitation(call, m.OpenInvitation(invitation=body.invitation))
    account = await call.services.accounts.add(
        body.login,
        body.name,
        found.server_role,
        body.password,
        also=lambda connection, made: invitations.accept(connection, body.invitation, made, workspace.now()),
    )
    token = tokens.account(account.id, account.name)
    expires = tokens.verify(token).expires
    return messages.LoggedIn(token=token, expires=expires, account=messages.account_shown(account, True))


_ROOT = "/api/v1/workspace"

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path=f"{_ROOT}/people",
        name="listPeople",
        summary="The accounts of this server by name, or those that a search finds.",
        handler=list_people,
        query=m.PeopleAsked,
        response=m.People,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="GET",
        path=f"{_ROOT}/me",
        name="showMe",
        summary="One's own account with its custom attributes.",
        handler=show_me,
        response=Person,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="PUT",
        path=f"{_ROOT}/people/{{account}}",
        name="editPerson",
        summary="Change somebody's name, login, role and custom attributes; of oneself name and attributes.",
        handler=edit_person,
        body=m.PersonChange,
        response=Person,
        caller=Caller.ACCOUNT,
        errors=(Code.NOT_FOUND, Code.PROTECTED),
    ),
    Endpoint(
        method="DELETE",
        path=f"{_ROOT}/people/{{account}}",
        name="removePerson",
        summary="Remove somebody's account; for the owner. Its conferences pass to the owner.",
        handler=remove_person,
        response=m.Done,
        caller=Caller.ACCOUNT,
        errors=(Code.NOT_FOUND, Code.PROTECTED),
    ),
    Endpoint(
        method="POST",
        path=f"{_ROOT}/leave",
        name="leaveWorkspace",
        summary="Remove one's own account; the owner names an admin who takes over.",
        handler=leave,
        body=m.Leaving,
        response=m.Done,
        caller=Caller.ACCOUNT,
        limit="login",
        errors=(Code.NOT_FOUND, Code.PROTECTED),
    ),
    Endpoint(
        method="GET",
        path=f"{_ROOT}/invitations",
        name="listInvitations",
        summary="Pending invitations: one's own; for the owner and admins everybody's.",
        handler=list_invitations,
        query=Page,
        response=m.InvitationList,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="POST",
        path=f"{_ROOT}/invitations",
        name="invitePerson",
        summary="Make a link with which somebody makes an account here.",
        handler=invite,
        body=m.NewPerson,
        response=m.PersonInvited,
        caller=Caller.ACCOUNT,
        errors=(Code.PROTECTED, Code.TOO_MANY),
        once=True,
    ),
    Endpoint(
        method="DELETE",
        path=f"{_ROOT}/invitations/{{invitation}}",
        name="revokeInvitation",
        summary="Make a pending invitation void.",
        handler=revoke,
        response=m.Done,
        caller=Caller.ACCOUNT,
        errors=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="POST",
        path=f"{_ROOT}/invitations/open",
        name="openInvitation",
        summary="What an invitation's link leads to.",
        handler=open_invitation,
        body=m.OpenInvitation,
        response=Opened,
        limit="login",
        errors=(Code.BAD_TOKEN, Code.COMPANY_DISABLED),
    ),
    Endpoint(
        method="POST",
        path=f"{_ROOT}/join",
        name="joinWorkspace",
        summary="Make an account with an invitation, and log in.",
        handler=accept,
        body=m.Acceptance,
        response=messages.LoggedIn,
        limit="login",
        errors=(Code.BAD_TOKEN, Code.COMPANY_DISABLED, Code.TOO_MANY),
    ),
)
