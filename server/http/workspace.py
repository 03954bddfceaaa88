"""The workspace's endpoints: its profile and logo, what one may do to it, custom attributes, e-mail templates, the
record, and its end. People and invitations are in people.py.

What the policy decides is decided where it is done (server/workspace); a handler only says what is to be done.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from starlette.responses import Response

from protocol.errors import Code
from server.http import workspace_messages as m
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.http.paging import Page, begins, ends
from server.identity.accounts import ServerRole
from server.workspace import attributes, past, profile, removal, templates
from server.workspace.acting import Acting
from server.workspace.attributes import Attribute
from server.workspace.policy import gives, may, rulings
from server.workspace.profile import MAX_LOGO, Profile
from server.workspace.templates import Preview, Template

# Whoever has no password proves who they are by having just signed in.
FRESH_S = 300
# 10,000 characters of any script in UTF-8, and escaped line ends.
MAX_TEMPLATE_BODY = 64 * 1024

T = TypeVar("T")


async def act(call: Call, work: Callable[[Acting], T]) -> T:
    """Do it as the account that calls."""
    return await call.services.workspace.act(call.account.id, work)


async def prove(call: Call, password: str | None) -> None:
    """Before what cannot be undone: the password, or a token of a moment ago. Raises `Failure`."""
    accounts, account = call.services.accounts, call.account
    if await accounts.has_password(account.id):
        if password is None or await accounts.check_password(account.login, password) is None:
            raise Failure(Code.NOT_ALLOWED, "The password is wrong.", details={"path": "$.password"})
    elif call.caller.issued < time.time() - FRESH_S:
        raise Failure(Code.NOT_ALLOWED, "This needs a password, or that you have just signed in.")


async def can(call: Call, _body: None) -> m.Rights:
    account = call.account
    # There is exactly one owner, who is invited by nobody.
    given: list[ServerRole] = [
        role for role in ServerRole if role is not ServerRole.OWNER and may(account, gives(role))
    ]
    return m.Rights(server_role=account.server_role, actions=rulings(account), gives=given)


async def show(call: Call, _body: None) -> Profile:
    return await act(call, profile.view)


async def edit(call: Call, body: m.NewProfile) -> Profile:
    return await act(call, lambda acting: profile.edit(acting, body.name, body.description, body.time_zone))


async def company(call: Call, _body: None) -> Profile:
    return await call.services.workspace.look(profile.read)


async def switch(call: Call, body: m.CompanySwitch) -> Profile:
    changed = await act(call, lambda acting: profile.switch(acting, body.enabled))
    await call.services.sessions.check()
    return changed


async def set_logo(call: Call, body: bytes) -> Profile:
    return await act(call, lambda acting: profile.set_logo(acting, body))


async def remove_logo(call: Call, _body: None) -> Profile:
    return await act(call, profile.remove_logo)


async def logo(call: Call, _body: None) -> Response:
    tag = call.path["tag"]
    found = await call.services.workspace.look(lambda connection: profile.logo(connection, tag))
    # The address names the content, so what is behind it never changes.
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(found.data, headers=headers, media_type=found.type)


async def delete(call: Call, body: m.WorkspaceEnd) -> m.Done:
    await act(call, lambda acting: removal.check(acting, body.confirm))
    await prove(call, body.password)
    await act(call, lambda acting: removal.delete(acting, body.confirm))
    # From here on nobody but the owner is let in; what is still going on ends.
    for conference in await call.services.conferences.ids():
        await call.services.rooms.remove(conference, by=call.identity)
    await call.services.sessions.check()
    return m.Done()


async def list_attributes(call: Call, _body: None) -> m.AttributeList:
    return m.AttributeList(attributes=await act(call, attributes.attributes))


async def create_attribute(call: Call, body: m.NewAttribute) -> Attribute:
    return await act(call, lambda acting: attributes.create(acting, body.name, body.kind, body.choices))


async def edit_attribute(call: Call, body: m.AttributeChange) -> Attribute:
    id = call.path["attribute"]
    return await act(call, lambda acting: attributes.edit(acting, id, body.name, body.choices))


async def delete_attribute(call: Call, _body: None) -> m.Done:
    id = call.path["attribute"]
    await act(call, lambda acting: attributes.delete(acting, id))
    return m.Done()


async def list_templates(call: Call, _body: None) -> m.TemplateList:
    found = await act(call, templates.templates)
    return m.TemplateList(templates=found, placeholders=templates.PLACEHOLDERS)


async def create_template(call: Call, body: m.NewTemplate) -> Template:
    return await act(call, lambda acting: templates.create(acting, body.name, body.subject, body.body))


async def edit_template(call: Call, body: m.NewTemplate) -> Template:
    id = call.path["template"]
    return await act(call, lambda acting: templates.edit(acting, id, body.name, body.subject, body.body))


async def delete_template(call: Call, _body: None) -> m.Done:
    id = call.path["template"]
    await act(call, lambda acting: templates.delete(acting, id))
    return m.Done()


async def preview(call: Call, body: m.TemplateDraft) -> Preview:
    return await act(call, lambda acting: templates.preview(acting, body.subject, body.body))


async def record(call: Call, _body: None) -> m.RecordShown:
    asked: Page = call.query
    after = begins(asked.after, tuple[int])
    found = await act(call, lambda acting: past.entries(acting, after[0] if after else None, asked.limit + 1))
    page, next = ends(found, asked.limit, lambda entry: (entry.number,))
    return m.RecordShown(entries=page, next=next)


_ROOT = "/api/v1/workspace"

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path=f"{_ROOT}/can",
        name="workspaceCan",
        summary="What one may do to the workspace, action by action, with the rows that decide.",
        handler=can,
        response=m.Rights,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="GET",
        path=_ROOT,
        name="workspace",
        summary="The workspace's profile, for those inside.",
        handler=show,
        response=Profile,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="PUT",
        path=_ROOT,
        name="editWorkspace",
        summary="Change the workspace's name, description and time zone.",
        handler=edit,
        body=m.NewProfile,
        response=Profile,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="POST",
        path=f"{_ROOT}/delete",
        name="deleteWorkspace",
        summary="Delete everything but the owner's account and the record; for the owner.",
        handler=delete,
        body=m.WorkspaceEnd,
        response=m.Done,
        caller=Caller.ACCOUNT,
        limit="login",
    ),
    Endpoint(
        method="GET",
        path=f"{_ROOT}/company",
        name="company",
        summary="What the company page shows to everybody.",
        handler=company,
        response=Profile,
    ),
    Endpoint(
        method="PUT",
        path=f"{_ROOT}/company",
        name="switchCompany",
        summary="Switch the company off, which ends everybody's sessions but those of the owner and admins; or on.",
        handler=switch,
        body=m.CompanySwitch,
        response=Profile,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="PUT",
        path=f"{_ROOT}/logo",
        name="setLogo",
        summary="Another logo: a PNG, JPEG or WebP picture as the body.",
        handler=set_logo,
        body=bytes,
        max_body=MAX_LOGO,
        response=Profile,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="DELETE",
        path=f"{_ROOT}/logo",
        name="removeLogo",
        summary="No logo any more.",
        handler=remove_logo,
        response=Profile,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="GET",
        path=f"{_ROOT}/logo/{{tag}}",
        name="logo",
        summary="The logo, at the address that the profile gives.",
        handler=logo,
        response=bytes,
        errors=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="GET",
        path=f"{_ROOT}/attributes",
        name="listAttributes",
        summary="The custom attributes of people.",
        handler=list_attributes,
        response=m.AttributeList,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="POST",
        path=f"{_ROOT}/attributes",
        name="createAttribute",
        summary="A new custom attribute.",
        handler=create_attribute,
        body=m.NewAttribute,
        response=Attribute,
        caller=Caller.ACCOUNT,
        errors=(Code.ALREADY, Code.TOO_MANY),
        once=True,
    ),
    Endpoint(
        method="PUT",
        path=f"{_ROOT}/attributes/{{attribute}}",
        name="editAttribute",
        summary="Another name and other choices for a custom attribute.",
        handler=edit_attribute,
        body=m.AttributeChange,
        response=Attribute,
        caller=Caller.ACCOUNT,
        errors=(Code.ALREADY, Code.NOT_FOUND),
    ),
    Endpoint(
        method="DELETE",
        path=f"{_ROOT}/attributes/{{attribute}}",
        name="deleteAttribute",
        summary="Delete a custom attribute with everybody's values.",
        handler=delete_attribute,
        response=m.Done,
        caller=Caller.ACCOUNT,
        errors=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="GET",
        path=f"{_ROOT}/templates",
        name="listTemplates",
        summary="The e-mail templates, and what they may hold.",
        handler=list_templates,
        response=m.TemplateList,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="POST",
        path=f"{_ROOT}/templates",
        name="createTemplate",
        summary="A new e-mail template.",
        handler=create_template,
        body=m.NewTemplate,
        max_body=MAX_TEMPLATE_BODY,
        response=Template,
        caller=Caller.ACCOUNT,
        errors=(Code.ALREADY, Code.TOO_MANY),
        once=True,
    ),
    Endpoint(
        method="POST",
        path=f"{_ROOT}/templates/preview",
        name="previewTemplate",
        summary="A template with examples in place of its placeholders.",
        handler=preview,
        body=m.TemplateDraft,
        max_body=MAX_TEMPLATE_BODY,
        response=Preview,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="PUT",
        path=f"{_ROOT}/templates/{{template}}",
        name="editTemplate",
        summary="Change an e-mail template.",
        handler=edit_template,
        body=m.NewTemplate,
        max_body=MAX_TEMPLATE_BODY,
        response=Template,
        caller=Caller.ACCOUNT,
        errors=(Code.ALREADY, Code.NOT_FOUND),
    ),
    Endpoint(
        method="DELETE",
        path=f"{_ROOT}/templates/{{template}}",
        name="deleteTemplate",
        summary="Delete an e-mail template.",
        handler=delete_template,
        response=m.Done,
        caller=Caller.ACCOUNT,
        errors=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="GET",
        path=f"{_ROOT}/record",
        name="workspaceRecord",
        summary="Who has changed what in the workspace; for the owner, admins and security admins.",
        handler=record,
        query=Page,
        response=m.RecordShown,
        caller=Caller.ACCOUNT,
    ),
)
