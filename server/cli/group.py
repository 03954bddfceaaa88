"""`podium group`: groups of accounts, and the operator right that only a group holds."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.options import with_settings
from server.cli.output import as_json, line, table
from server.cli.work import Desk, at_desk
from server.config import Settings

app = typer.Typer(help="Groups of accounts, operators among them.", no_args_is_help=True)
member = typer.Typer(
    help="Who is in a group.", no_args_is_help=True, epilog="Example: podium group member add helpdesk anna"
)
app.add_typer(member, name="member")

_Name = Annotated[str, typer.Argument(help="The group's name.")]
_Login = Annotated[str, typer.Argument(help="The account's login.")]


@app.command(epilog="Example: podium group add helpdesk --operator")
@with_settings("data", "redis")
def add(
    settings: Settings,
    name: _Name,
    operator: Annotated[
        bool, typer.Option("--operator", help="Its members are organizers in every conference of this server.")
    ] = False,
) -> None:
    """Create a group."""
    made = at_desk(settings, lambda desk: desk.groups.add(name, operator))
    line(f"The group {made.name} is there{', its members are operators' if operator else ''}.")


@app.command(epilog="Example: podium group remove helpdesk")
@with_settings("data", "redis")
def remove(settings: Settings, name: _Name) -> None:
    """Remove a group; its members stay accounts, and lose its right within half a minute."""
    at_desk(settings, lambda desk: desk.groups.remove(name))
    line(f"The group {name} is removed.")


@app.command(epilog="Example: podium group operator helpdesk --off")
@with_settings("data", "redis")
def operator(
    settings: Settings,
    name: _Name,
    off: Annotated[bool, typer.Option("--off", help="Take the right.")] = False,
) -> None:
    """Give a group the operator right, or take it."""
    at_desk(settings, lambda desk: desk.groups.set_operator(name, not off))
    line(f"The members of {name} are {'no operators any more' if off else 'operators'}.")


@app.command("list", epilog="Example: podium group list --json")
@with_settings("data", "redis")
def list_(settings: Settings, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show the groups and who is in them."""

    async def work(desk: Desk) -> list[tuple[str, bool, list[str]]]:
        logins = {account.id: account.login for account in await desk.accounts.list()}
        return [
            (group.name, group.operator, sorted(logins[id] for id in await desk.groups.members(group.name)))
            for group in await desk.groups.list()
        ]

    found = at_desk(settings, work)
    if json:
        as_json([{"name": name, "operator": operator, "members": members} for name, operator, members in found])
    else:
        rows = [(name, "operators" if operator else "", ", ".join(members)) for name, operator, members in found]
        table(("Group", "Right", "Members"), rows)


@member.command("add", epilog="Example: podium group member add helpdesk anna")
@with_settings("data", "redis")
def member_add(settings: Settings, name: _Name, login: _Login) -> None:
    """Put an account into a group."""

    async def work(desk: Desk) -> None:
        await desk.groups.add_member(name, await desk.account(login))

    at_desk(settings, work)
    line(f"{login} is in {name}.")


@member.command("remove", epilog="Example: podium group member remove helpdesk anna")
@with_settings("data", "redis")
def member_remove(settings: Settings, name: _Name, login: _Login) -> None:
    """Take an account out of a group; its right ends within half a minute."""

    async def work(desk: Desk) -> None:
        await desk.groups.remove_member(name, (await desk.account(login)).id)

    at_desk(settings, work)
    line(f"{login} is not in {name} any more.")
