"""The API of webhooks: which there are, making, changing and removing them, telling something again.

For accounts whom the workspace's table allows it (`webhook.manage`), and for programs with an API key whose token names
a group of operators: what webhooks are told is of all conferences.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from protocol.errors import Code
from protocol.names import ConferenceId, Count
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.http.messages import Body
from server.http.paging import Page, cut
from server.http.workspace_messages import Done
from server.webhooks import outside, subscriptions
from server.webhooks.address import MAX_URL, BadAddress, parse
from server.webhooks.positions import Place
from server.webhooks.replay import Replayed, replay
from server.webhooks.subscriptions import MAX_EVENTS, Webhook
from server.workspace.acting import Acting, record_as

# Of the conferences in which a webhook fails, those that failed first.
MAX_FAILING = 100

T = TypeVar("T")
Url = Annotated[str, Meta(min_length=1, max_length=MAX_URL)]
Events = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=MAX_EVENTS)]


class FailingShown(msgspec.Struct, frozen=True, kw_only=True):
    """A conference whose next events are not taken: since when (ms since 1970), why not the last time, and up to which
    position they were."""

    conference: str
    epoch: int
    version: int
    since: int
    error: str


class WebhookShown(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook without its secret. `state` is `active`, `failing` or `paused`; `failing` lists the conferences in
    which it fails, `since` is when the first of them began to, or when it was paused, in ms since 1970; `reason`: why
    it was paused, when nobody did it."""

    id: str
    url: str
    events: tuple[str, ...]
    conference: str | None
    made_by: str
    created: int
    state: str
    since: int | None
    reason: str
    failing: list[FailingShown]


class WebhookList(msgspec.Struct, frozen=True, kw_only=True):
    """The oldest first; `kinds` are the events that there are to be told."""

    webhooks: list[WebhookShown]
    next: str | None
    kinds: list[str]


class NewWebhook(Body, frozen=True, kw_only=True):
    """Where to, which events (kinds, `stage.*`, `*`), and of which conference; absent: of all."""

    url: Url
    events: Events = msgspec.field(default_factory=lambda: [outside.EVERYTHING])
    conference: ConferenceId | None = None


class WebhookMade(msgspec.Struct, frozen=True, kw_only=True):
    """The webhook, and the secret that signs what it is sent; it is told this once."""

    webhook: WebhookShown
    secret: str


class WebhookChange(Body, frozen=True, kw_only=True):
    """What is to change; what is not there stays. `new_secret`: the one so far signs nothing more."""

    url: Url | None = None
    events: Events | None = None
    paused: bool | None = None
    new_secret: bool = False


class WebhookChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The webhook as it is now, and the secret if there is a new one."""

    webhook: WebhookShown
    secret: str | None = None


class Replay(Body, frozen=True, kw_only=True):
    """Of which conference, and the version after which everything is told again."""

    conference: ConferenceId
    version: Count


async def act(call: Call, work: Callable[[sqlite3.Connection, int], T], done: str = "", target: str = "") -> T:
    """Do it in one transaction, if the caller may; `done` goes into the workspace's record."""
    who, workspace = call.caller, call.services.workspace
    if who.account is not None:

        def as_account(acting: Acting) -> T:
            acting.need("webhook.manage")
            result = work(acting.connection, acting.now)
            if done:
                acting.record(done, target)
            return result

        return await workspace.act(who.account.id, as_account)
    if who.voucher is None or not who.by_right or who.conference is not None:
        raise Failure(Code.NOT_ALLOWED, "Webhooks are for admins, and for programs that speak for operators.")

    def as_program(connection: sqlite3.Connection) -> T:
        result = work(connection, workspace.now())
        if done:
            record_as(connection, who.identity, who.name, workspace.now(), done, target)
        return result

    return await workspace.look(as_program)


async def list_webhooks(call: Call, _body: None) -> WebhookList:
    found = await act(call, lambda connection, _now: subscriptions.listed(connection))
    page, next = cut(found, call.query, tuple[int, str], lambda webhook: (webhook.created, webhook.id))
    shown = [await _shown(call, webhook) for webhook in page]
    return WebhookList(webhooks=shown, next=next, kinds=sorted(outside.KINDS))


async def show(call: Call, _body: None) -> WebhookShown:
    id = call.path["webhook"]
    return await _shown(call, await act(call, lambda connection, _now: subscriptions.find(connection, id)))


async def create(call: Call, body: NewWebhook) -> WebhookMade:
    await _look_at(call, body.url)

    def work(connection: sqlite3.Connection, now: int) -> Webhook:
        return subscriptions.add(connection, now, body.url, body.events, body.conference, call.identity)

    # The host alone: the rest of a webhook's address is often a secret.
    made = await act(call, work, "webhook.create", parse(body.url).authority)
    call.services.webhooks.look()
    return WebhookMade(webhook=await _shown(call, made), secret=made.secret)


async def change(call: Call, body: WebhookChange) -> WebhookChanged:
    id = call.path["webhook"]
    if body.url is not None:
        await _look_at(call, body.url)
    secret = subscriptions.new_secret() if body.new_secret else None

    def work(connection: sqlite3.Connection, now: int) -> Webhook:
        return subscriptions.change(
            connection, now, id, url=body.url, events=body.events, secret=secret, paused=body.paused
        )

    changed = await act(call, work, "webhook.change", id)
    call.services.webhooks.look()
    return WebhookChanged(webhook=await _shown(call, changed), secret=secret)


async def remove(call: Call, _body: None) -> Done:
    id = call.path["webhook"]
    await act(call, lambda connection, _now: subscriptions.remove(connection, id), "webhook.remove", id)
    call.services.webhooks.look()
    await call.services.webhooks.positions.forget(id)
    return Done()


async def tell_again(call: Call, body: Replay) -> Replayed:
    id, services = call.path["webhook"], call.services
    await act(call, lambda connection, _now: subscriptions.find(connection, id), "webhook.replay", id)
    replayed = await replay(
        services.store, services.rooms.log, services.webhooks.positions, id, body.conference, body.version
    )
    services.webhooks.look()
    return replayed


async def _look_at(call: Call, url: str) -> None:
    """Refuse an address that nothing can go to. One that has no address now may have one later."""
    await act(call, lambda _connection, _now: None)
    try:
        await call.services.webhooks.way.check(parse(url))
    except BadAddress as error:
        raise Failure(Code.BAD_MESSAGE, str(error), details={"path": "$.url"}) from None


async def _shown(call: Call, webhook: Webhook) -> WebhookShown:
    places = await call.services.webhooks.positions.of(webhook.id)
    failing = sorted(_failing(places), key=lambda one: (one.since, one.conference))[:MAX_FAILING]
    since = webhook.paused or (failing[0].since if failing else None)
    return WebhookShown(
        id=webhook.id,
        url=webhook.url,
        events=webhook.events,
        conference=webhook.conference,
        made_by=webhook.made_by,
        created=webhook.created,
        state="paused" if webhook.paused else "failing" if failing else "active",
        since=since,
        reason=webhook.reason,
        failing=failing,
    )


def _failing(places: dict[str, Place]) -> list[FailingShown]:
    return [
        FailingShown(
            conference=conference, epoch=place.epoch, version=place.version, since=place.failing, error=place.error
        )
        for conference, place in places.items()
        if place.failing
    ]


_ROOT = "/api/v1/webhooks"

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path=_ROOT,
        name="listWebhooks",
        summary="The webhooks, and the kinds of events that they can be told.",
        handler=list_webhooks,
        query=Page,
        response=WebhookList,
        caller=Caller.PERSON,
    ),
    Endpoint(
        method="POST",
        path=_ROOT,
        name="createWebhook",
        summary="Have another program told what happens in conferences from now on.",
        handler=create,
        body=NewWebhook,
        response=WebhookMade,
        caller=Caller.PERSON,
        limit="conferences",
        errors=(Code.NO_SUCH_CONFERENCE, Code.TOO_MANY),
        once=True,
    ),
    Endpoint(
        method="GET",
        path=f"{_ROOT}/{{webhook}}",
        name="webhook",
        summary="A webhook, and where it fails.",
        handler=show,
        response=WebhookShown,
        caller=Caller.PERSON,
        errors=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="PATCH",
        path=f"{_ROOT}/{{webhook}}",
        name="changeWebhook",
        summary="Change a webhook's address, events or secret; pause it, or have it go on.",
        handler=change,
        body=WebhookChange,
        response=WebhookChanged,
        caller=Caller.PERSON,
        errors=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="DELETE",
        path=f"{_ROOT}/{{webhook}}",
        name="removeWebhook",
        summary="Remove a webhook.",
        handler=remove,
        response=Done,
        caller=Caller.PERSON,
        errors=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="POST",
        path=f"{_ROOT}/{{webhook}}/replay",
        name="replayWebhook",
        summary="Tell again what came after a version of a conference, as far as it is kept.",
        handler=tell_again,
        body=Replay,
        response=Replayed,
        caller=Caller.PERSON,
        errors=(Code.NOT_FOUND, Code.NO_SUCH_CONFERENCE),
    ),
)
