"""`podium webhook`: other programs that are told what happens in conferences."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from server.cli.options import with_settings
from server.cli.output import WRONG, Failed, as_json, line, table
from server.cli.times import moment
from server.cli.work import Desk, at_desk
from server.config import Settings
from server.webhooks import outside, subscriptions
from server.webhooks.address import BadAddress, check, parse, resolve
from server.webhooks.replay import Replayed, replay
from server.webhooks.subscriptions import Webhook

app = typer.Typer(help="Webhooks: other programs that are told what happens.", no_args_is_help=True)

# Who made a webhook on the server itself.
HERE = "podium webhook add"

_Id = Annotated[str, typer.Argument(help="The webhook's id.")]


@app.command(epilog="Example: podium webhook add https://example.org/podium --events 'stage.*,conference.ended'")
@with_settings("data", "redis", "webhook_private")
def add(
    settings: Settings,
    url: Annotated[str, typer.Argument(help="Where to, https://….")],
    events: Annotated[
        str, typer.Option("--events", help="The kinds of events, separated by commas; stage.* for many, * for all.")
    ] = outside.EVERYTHING,
    conference: Annotated[str | None, typer.Option("--conference", help="Only of this conference.")] = None,
) -> None:
    """Have a program told what happens from now on; print the secret that signs what it is sent."""
    kinds = [kind.strip() for kind in events.split(",") if kind.strip()]
    try:
        target = parse(url)
        check(target, resolve(target), settings.webhook_private)
    except BadAddress as error:
        raise Failed(str(error), WRONG) from None
    except OSError:
        pass  # a name that has no address now may have one later

    async def work(desk: Desk) -> Webhook:
        now = int(time.time() * 1000)
        return await desk.store.run(lambda connection: subscriptions.add(connection, now, url, kinds, conference, HERE))

    made = at_desk(settings, work)
    line(f"id: {made.id}")
    line(f"secret: {made.secret}")


@app.command("list", epilog="Example: podium webhook list --json")
@with_settings("data", "redis")
def list_(settings: Settings, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show the webhooks, without their secrets."""

    async def work(desk: Desk) -> list[tuple[Webhook, list[str]]]:
        found = await desk.store.run(subscriptions.listed)
        return [(webhook, await _failing(desk, webhook)) for webhook in found]

    found = at_desk(settings, work)
    if json:
        as_json(
            [
                {
                    "id": webhook.id,
                    "url": webhook.url,
                    "events": webhook.events,
                    "conference": webhook.conference,
                    "state": _state(webhook, failing),
                    "reason": webhook.reason,
                    "failing": failing,
                }
                for webhook, failing in found
            ]
        )
    else:
        rows = [
            (one.id, one.url, ",".join(one.events), one.conference or "", _state(one, failing), moment(one.created))
            for one, failing in found
        ]
        table(("Webhook", "URL", "Events", "Conference", "State", "Made"), rows)


@app.command(epilog="Example: podium webhook remove w_3f2a90c1d4e5b6a7")
@with_settings("data", "redis")
def remove(settings: Settings, id: _Id) -> None:
    """Remove a webhook."""

    async def work(desk: Desk) -> None:
        await desk.store.run(lambda connection: subscriptions.remove(connection, id))
        await desk.positions.forget(id)

    at_desk(settings, work)
    line(f"The webhook {id} is removed.")


@app.command(epilog="Example: podium webhook resume w_3f2a90c1d4e5b6a7")
@with_settings("data", "redis")
def resume(settings: Settings, id: _Id) -> None:
    """Have a webhook that was paused go on where it was."""

    async def work(desk: Desk) -> None:
        now = int(time.time() * 1000)
        await desk.store.run(lambda connection: subscriptions.change(connection, now, id, paused=False))

    at_desk(settings, work)
    line(f"The webhook {id} goes on.")


@app.command("replay", epilog="Example: podium webhook replay w_3f2a90c1d4e5b6a7 abcd-efgh-ijkl --version 120")
@with_settings("data", "redis")
def replay_(
    settings: Settings,
    id: _Id,
    conference: Annotated[str, typer.Argument(help="The conference.")],
    version: Annotated[int, typer.Option("--version", min=0, help="What came after this version is told again.")] = 0,
) -> None:
    """Tell a webhook again what happened in a conference, as far as it is kept."""

    async def work(desk: Desk) -> Replayed:
        return await replay(desk.store, desk.roomlog, desk.positions, id, conference, version)

    told = at_desk(settings, work)
    line(f"What came after version {max(told.version, told.oldest)} is told again, up to {told.newest}.")


async def _failing(desk: Desk, webhook: Webhook) -> list[str]:
    """The conferences whose next events are not taken."""
    places = await desk.positions.of(webhook.id)
    return sorted(conference for conference, place in places.items() if place.failing)


def _state(webhook: Webhook, failing: list[str]) -> str:
    return "paused" if webhook.paused else "failing" if failing else "active"
