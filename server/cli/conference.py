"""`podium conference`: which conferences there are, and links into them."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from protocol.names import Role
from protocol.text import one_line
from server import links
from server.cli.options import with_settings
from server.cli.output import WRONG, Failed, as_json, line, table
from server.cli.times import moment
from server.cli.work import Desk, at_desk, base_url, call
from server.config import Settings
from server.directory.conferences import Conference
from server.http.messages import InvitedRole
from server.identity.guestlinks import GuestLink, TooManyLinks
from server.identity.tokens import DAY_S
from server.records import reports
from server.records.audit import lines
from server.records.reports import Format

app = typer.Typer(help="Conferences and the links into them.", no_args_is_help=True)

_Conference = Annotated[str, typer.Argument(help="The conference's id.")]
_PLACE = ("data", "redis", "host", "port", "public_ip", "public_url", "tls_self_signed", "tls_cert", "tls_key")


@app.command("list", epilog="Example: podium conference list --json")
@with_settings("data", "redis")
def list_(settings: Settings, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show the conferences, the newest first."""

    async def work(desk: Desk) -> list[tuple[Conference, str]]:
        logins = {account.id: account.login for account in await desk.accounts.list()}
        return [(found, logins.get(found.owner, found.owner)) for found in await desk.conferences.list()]

    found = at_desk(settings, work)
    if json:
        as_json([{"id": c.id, "title": c.title, "owner": owner, "created": moment(c.created)} for c, owner in found])
    else:
        table(
            ("Conference", "Title", "Owner", "Created"),
            [(c.id, c.title, owner, moment(c.created)) for c, owner in found],
        )


@app.command(epilog="Example: podium conference create 'Weekly meeting' --owner anna")
@with_settings(*_PLACE)
def create(
    settings: Settings,
    title: Annotated[str, typer.Argument(help="What it is called.")],
    owner: Annotated[str, typer.Option(help="The login of its owner.")] = "owner",
) -> None:
    """Create a conference and print its address."""
    title = one_line(title)
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
    uses: Annotated[int | None, typer.Option(min=1, max=1_000_000, help="How many guests may come by it.")] = None,
    label: Annotated[str, typer.Option(help="What the list of links calls it.")] = "",
) -> None:
    """Print a guest link; one for a moderator is for one person."""

    async def work(desk: Desk) -> str:
        found = await desk.conference(conference)
        lifetime_s = days * DAY_S if days is not None else None
        try:
            # Nobody's but the server's: whoever runs it may do so, whatever becomes of accounts.
            _, token = await desk.guest_links.make(
                found.id, Role(role), "", label=label, max_uses=uses, lifetime_s=lifetime_s
            )
        except TooManyLinks:
            raise Failed("This conference has as many guest links as can be kept.") from None
        return links.guest_path(found.id, token)

    line(base_url(settings) + at_desk(settings, work))


@app.command("links", epilog="Example: podium conference links kxw-mfqp-ryt")
@with_settings("data", "redis")
def links_(
    settings: Settings,
    conference: _Conference,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the guest links of a conference, the newest first; not the links themselves, which open doors."""

    async def work(desk: Desk) -> list[GuestLink]:
        return await desk.guest_links.list((await desk.conference(conference)).id)

    found = at_desk(settings, work)
    if json:
        as_json([msgspec.to_builtins(link) for link in found])
        return
    rows = [
        (link.id, link.role, link.label, _uses(link), moment(link.created), "revoked" if link.revoked else "")
        for link in found
    ]
    table(("Link", "Role", "Label", "Guests", "Made", ""), rows)


def _uses(link: GuestLink) -> str:
    return str(link.uses) if link.max_uses is None else f"{link.uses} of {link.max_uses}"


@app.command(epilog="Example: podium conference revoke kxw-mfqp-ryt 3f2a90c1d4e5b607 --end-sessions")
@with_settings("data", "redis")
def revoke(
    settings: Settings,
    conference: _Conference,
    link: Annotated[str, typer.Argument(help="The link's id; see podium conference links.")],
    end_sessions: Annotated[
        bool, typer.Option("--end-sessions", help="Also put out, within half a minute, who came by it.")
    ] = False,
) -> None:
    """Revoke a guest link: nobody comes in by it any more, nor comes back by it."""

    async def work(desk: Desk) -> None:
        found = await desk.conference(conference)
        if await desk.guest_links.revoke(found.id, link, end_sessions) is None:
            raise Failed(f"The conference {conference} has no guest link {link!r}; see podium conference links.")

    at_desk(settings, work)
    line(f"The guest link {link} is revoked.")


@app.command(epilog="Example: podium conference end kxw-mfqp-ryt")
@with_settings("data", "redis")
def end(settings: Settings, conference: _Conference) -> None:
    """End a running conference for everybody; needs the server to be running."""

    async def work(desk: Desk) -> tuple[str, str]:
        found = await desk.conference(conference)
        owner, _ = await desk.accounts.ensure_owner()
        return f"/api/v1/conferences/{found.id}/end", desk.tokens.account(owner.id, owner.name, 60)

    path, token = at_desk(settings, work)
    call(settings, "POST", path, token)
    line(f"The conference {conference} has ended.")


@app.command(epilog="Example: podium conference audit kxw-mfqp-ryt --csv > audit.csv")
@with_settings("data", "redis")
def audit(
    settings: Settings,
    conference: _Conference,
    csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the audit record: who did what, to whom, when; the oldest first."""
    if csv and json:
        raise Failed("--csv and --json exclude each other.", WRONG)

    async def work(desk: Desk) -> None:
        found = await desk.conference(conference)
        if csv or json:
            rows = reports.audit(desk.roomlog, found.id)
            async for piece in reports.written(rows, reports.AUDIT, Format.CSV if csv else Format.JSON):
                sys.stdout.write(piece.decode())
            return
        entries = [entry async for entry in lines(desk.roomlog, found.id)]
        table(
            ("Time", "Who", "Name", "What", "To whom", "Details"),
            [
                (
                    reports.moment(entry.time),
                    entry.actor or "(the server)",
                    entry.name,
                    entry.command,
                    " ".join((*filter(None, (entry.target,)), *entry.reached)),
                    msgspec.json.encode(entry.details).decode() if entry.details else "",
                )
                for entry in entries
            ],
        )

    at_desk(settings, work)
