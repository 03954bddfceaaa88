"""`podium conference`: which conferences there are, and links into them."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from protocol.names import Role
from server import links
from server.cli.options import with_settings
from server.cli.output import WRONG, Failed, as_json, line, table
from server.cli.work import Desk, at_desk, base_url, call
from server.conferences import Conference
from server.config import Settings
from server.http.messages import InvitedRole

app = typer.Typer(help="Conferences and the links into them.", no_args_is_help=True)

_Conference = Annotated[str, typer.Argument(help="The conference's id.")]
_PLACE = ("data", "host", "port", "public_ip", "public_url", "tls_self_signed", "tls_cert", "tls_key")


@app.command("list", epilog="Example: podium conference list --json")
@with_settings("data")
def list_(settings: Settings, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show the conferences, the newest first."""

    async def work(desk: Desk) -> list[tuple[Conference, str]]:
        logins = {account.id: account.login for account in await desk.accounts.list()}
        return [(found, logins.get(found.owner, found.owner)) for found in await desk.conferences.list()]

    found = at_desk(settings, work)
    if json:
        as_json([{"id": c.id, "title": c.title, "owner": owner, "created": _time(c.created)} for c, owner in found])
    else:
        table(
            ("Conference", "Title", "Owner", "Created"),
            [(c.id, c.title, owner, _time(c.created)) for c, owner in found],
        )


@app.command(epilog="Example: podium conference create 'Weekly meeting' --owner anna")
@with_settings(*_PLACE)
def create(
    settings: Settings,
    title: Annotated[str, typer.Argument(help="What it is called.")],
    owner: Annotated[str, typer.Option(help="The login of its owner.")] = "owner",
) -> None:
    """Create a conference and print its address."""
    title = title.strip()
    if not 1 <= len(title) <= 120:
        raise Failed("A title has 1 to 120 characters.", WRONG)

    async def work(desk: Desk) -> Conference:
        return await desk.conferences.create(title, (await desk.account(owner)).id)

    line(f"{base_url(settings)}/c/{at_desk(settings, work).id}")


@app.command(epilog="Example: podium conference link kxw-mfqp-ryt --role speaker --days 7")
@with_settings(*_PLACE)
def link(
    settings: Settings,
    conference: _Conference,
    role: Annotated[InvitedRole, typer.Option(help="The role of guests who use it.")] = InvitedRole.VIEWER,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="How long it can be used.")] = None,
) -> None:
    """Print a guest link; one for a moderator is for one person."""

    async def work(desk: Desk) -> str:
        found = await desk.conference(conference)
        lifetime_s = days * 86_400 if days is not None else None
        return links.guest_path(found.id, desk.tokens.invitation(found.id, Role(role), lifetime_s))

    line(base_url(settings) + at_desk(settings, work))


@app.command(epilog="Example: podium conference end kxw-mfqp-ryt")
@with_settings("data")
def end(settings: Settings, conference: _Conference) -> None:
    """End a running conference for everybody; needs the server to be running."""

    async def work(desk: Desk) -> tuple[str, str]:
        found = await desk.conference(conference)
        owner, _ = await desk.accounts.ensure_owner()
        return f"/api/v1/conferences/{found.id}/end", desk.tokens.account(owner.id, owner.name, 60)

    path, token = at_desk(settings, work)
    call(settings, "POST", path, token)
    line(f"The conference {conference} has ended.")


def _time(ms: int) -> str:
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
