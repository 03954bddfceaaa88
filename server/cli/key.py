"""`podium key`: keys of programs that vouch for their own users."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.account import read_secret
from server.cli.options import with_settings
from server.cli.output import as_json, line, table
from server.cli.times import moment
from server.cli.work import Desk, at_desk
from server.config import Settings
from server.identity.apikeys import ApiKey, ApiKeys

app = typer.Typer(help="API keys: programs that vouch for their own users.", no_args_is_help=True)


@app.command(epilog="Example: podium key add 'school portal'")
@with_settings("data", "redis")
def add(
    settings: Settings,
    label: Annotated[str, typer.Argument(help="Whose it is.")],
    names_groups: Annotated[
        bool, typer.Option("--names-groups", help="The groups in its tokens count, those of operators too.")
    ] = False,
    secret: Annotated[
        bool, typer.Option("--secret", help="Ask for the secret, or read it from standard input; at least 32 bytes.")
    ] = False,
) -> None:
    """Create a key; print its id and its secret, which signs tokens with HS256."""
    given = read_secret("Secret") if secret else None

    async def work(desk: Desk) -> ApiKey:
        return await ApiKeys(desk.store).add(label, names_groups, given)

    made = at_desk(settings, work)
    line(f"iss: {made.id}")
    if given is None:
        line(f"secret: {made.secret}")


@app.command("list", epilog="Example: podium key list --json")
@with_settings("data", "redis")
def list_(settings: Settings, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show the keys, without their secrets."""

    async def work(desk: Desk) -> list[ApiKey]:
        return await ApiKeys(desk.store).list()

    found = at_desk(settings, work)
    if json:
        as_json([{"id": key.id, "label": key.label, "names_groups": key.names_groups} for key in found])
    else:
        rows = [(k.id, k.label, "names groups" if k.names_groups else "", moment(k.created)) for k in found]
        table(("Key", "Label", "", "Made"), rows)


@app.command(epilog="Example: podium key remove key-3f2a90c1")
@with_settings("data", "redis")
def remove(settings: Settings, id: Annotated[str, typer.Argument(help="The key's id.")]) -> None:
    """Remove a key: its tokens are dead at once, and its users' sessions end within half a minute."""

    async def work(desk: Desk) -> None:
        await ApiKeys(desk.store).remove(id)

    at_desk(settings, work)
    line(f"The key {id} is removed.")
