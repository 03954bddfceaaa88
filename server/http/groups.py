"""The API of groups, for the server's owner and admins."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from protocol.errors import Code
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.http.messages import Body
from server.http.paging import Page, cut
from server.identity.accounts import Account, AccountError
from server.identity.groups import Group
from server.workspace.policy import may


class NewGroup(Body, frozen=True, kw_only=True):
    """A group to create. `operator`: its members are organizers in every conference."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    operator: bool = False


class GroupChange(Body, frozen=True, kw_only=True):
    """Give the operator right, or take it."""

    operator: bool


class GroupMember(msgspec.Struct, frozen=True, kw_only=True):
    """An account in a group."""

    id: str
    login: str
    name: str


class GroupShown(msgspec.Struct, frozen=True, kw_only=True):
    """A group; `count` of its members."""

    name: str
    operator: bool
    count: int


class GroupDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A group with its members."""

    name: str
    operator: bool
    members: list[GroupMember]


class GroupList(msgspec.Struct, frozen=True, kw_only=True):
    """All groups by name."""

    groups: list[GroupShown]
    next: str | None


async def list_groups(call: Call, _body: None) -> GroupList:
    _demand_admin(call)
    page, next = cut(await call.services.groups.list(), call.query, tuple[str], lambda group: (group.name,))
    return GroupList(groups=[_shown(group) for group in page], next=next)


async def create(call: Call, body: NewGroup) -> GroupShown:
    _demand_admin(call)
    try:
        made = await call.services.groups.add(body.name, body.operator)
    except AccountError as error:
        raise Failure(Code.BAD_MESSAGE, str(error), details={"path": "$.name"}) from None
    if made.operator:
        # It has no members yet, but a program may have named it before it was there.
        await _reach_sessions(call)
    return _shown(made)


async def look(call: Call, _body: None) -> GroupDetail:
    return await _detail(call, await _group(call))


async def change(call: Call, body: GroupChange) -> GroupDetail:
    group = await _group(call)
    await call.services.groups.set_operator(group.name, body.operator)
    await _reach_sessions(call)
    return await _detail(call, await _group(call))


async def remove(call: Call, _body: None) -> GroupShown:
    group = await _group(call)
    await call.services.groups.remove(group.name)
    await _reach_sessions(call)
    return _shown(group)


async def add_member(call: Call, _body: None) -> GroupDetail:
    group, account = await _group(call), await _account(call)
    try:
        await call.services.groups.add_member(group.name, account)
    except AccountError as error:
        raise Failure(Code.TOO_MANY, str(error)) from None
    await _reach_sessions(call, account.id)
    return await _detail(call, group)


async def remove_member(call: Call, _body: None) -> GroupDetail:
    group, account = await _group(call), await _account(call)
    try:
        await call.services.groups.remove_member(group.name, account.id)
    except AccountError as error:
        raise Failure(Code.NOT_FOUND, str(error)) from None
    await _reach_sessions(call, account.id)
    return await _detail(call, group)


def _demand_admin(call: Call) -> None:
    if not may(call.account, "group.manage"):
        raise Failure(Code.NOT_ALLOWED, "The server's owner and admins see to groups.")


async def _reach_sessions(call: Call, identity: str | None = None) -> None:
    """Who is connected has what changed at once: an account, or all of them and those whose program names groups."""
    if identity is None:
        await call.services.sessions.check(lambda who: who.account is not None or bool(who.groups))
    else:
        await call.services.sessions.check(lambda who: who.account is not None and who.identity == identity)


async def _group(call: Call) -> Group:
    _demand_admin(call)
    found = await call.services.groups.find(call.path["group"])
    if found is None:
        raise Failure(Code.NOT_FOUND, "There is no such group.")
    return found


async def _account(call: Call) -> Account:
    accounts, named = call.services.accounts, call.path["account"]
    found = await accounts.find(named) or await accounts.by_login(named)
    if found is None:
        raise Failure(Code.NO_SUCH_PERSON, "There is no such account.")
    return found


async def _detail(call: Call, group: Group) -> GroupDetail:
    accounts = {account.id: account for account in await call.services.accounts.list()}
    found = [accounts[id] for id in await call.services.groups.members(group.name) if id in accounts]
    members = [GroupMember(id=account.id, login=account.login, name=account.name) for account in found]
    return GroupDetail(name=group.name, operator=group.operator, members=members)


def _shown(group: Group) -> GroupShown:
    return GroupShown(name=group.name, operator=group.operator, count=group.members)


_ALL = "/api/v1/groups"
_ONE = _ALL + "/{group}"
_MEMBER = _ONE + "/members/{account}"

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path=_ALL,
        name="listGroups",
        summary="All groups; for the server's owner and admins, as everything about groups.",
        handler=list_groups,
        query=Page,
        response=GroupList,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="POST",
        path=_ALL,
        name="createGroup",
        summary="Create a group, with the operator right or without.",
        handler=create,
        body=NewGroup,
        response=GroupShown,
        caller=Caller.ACCOUNT,
        once=True,
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        name="lookAtGroup",
        summary="A group with its members.",
        handler=look,
        response=GroupDetail,
        caller=Caller.ACCOUNT,
        errors=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="PATCH",
        path=_ONE,
        name="changeGroup",
        summary="Give a group the operator right, or take it; who is in a conference has it, or not, at once.",
        handler=change,
        body=GroupChange,
        response=GroupDetail,
        caller=Caller.ACCOUNT,
        errors=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        name="removeGroup",
        summary="Remove a group; its members stay.",
        handler=remove,
        response=GroupShown,
        caller=Caller.ACCOUNT,
        errors=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="PUT",
        path=_MEMBER,
        name="addGroupMember",
        summary="Put an account, by identity or login, into a group.",
        handler=add_member,
        response=GroupDetail,
        caller=Caller.ACCOUNT,
        errors=(Code.NOT_FOUND, Code.NO_SUCH_PERSON),
    ),
    Endpoint(
        method="DELETE",
        path=_MEMBER,
        name="removeGroupMember",
        summary="Take an account out of a group.",
        handler=remove_member,
        response=GroupDetail,
        caller=Caller.ACCOUNT,
        errors=(Code.NOT_FOUND, Code.NO_SUCH_PERSON),
    ),
)
