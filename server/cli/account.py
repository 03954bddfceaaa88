"""`podium account`: who may log in."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from server import links
from server.cli.options import with_settings
from server.cli.output import Failed, as_json, line, table
from server.cli.work import Desk, at_desk, base_url
from server.config import Settings
from server.identity.accounts import ServerRole

app = typer.Typer(help="Accounts: who may log in.", no_args_is_help=True, epilog="Example: podium account add anna")

_Login = Annotated[str, typer.Argument(help="The account's login.")]
_PLACE = ("data", "redis", "host", "port", "public_ip", "public_url", "tls_self_signed", "tls_cert", "tls_key")


@app.command(epilog="Example: podium account add anna --name 'Anna Kovač' --role admin")
@with_settings(*_PLACE)
def add(
    settings: Settings,
    login: _Login,
    name: Annotated[str | None, typer.Option(help="The name that others see; the login when absent.")] = None,
    role: Annotated[ServerRole, typer.Option(help="The role on the server.")] = ServerRole.MEMBER,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password, or read it from standard input.")
    ] = False,
) -> None:
    """Create an account, and print a one-time link to log in with."""
    secret = read_secret("Password") if password else None

    async def work(desk: Desk) -> str:
        account = await desk.accounts.add(login, name or login, role, secret)
        return await desk.accounts.new_code(account.id)

    code = at_desk(settings, work)
    line(base_url(settings) + links.code_path(code))


@app.command("list", epilog="Example: podium account list --json")
@with_settings("data", "redis")
def list_(settings: Settings, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show all accounts."""
    found = at_desk(settings, lambda desk: desk.accounts.list())
    if json:
        as_json([{"id": a.id, "login": a.login, "name": a.name, "server_role": a.server_role} for a in found])
    else:
        table(("Login", "Name", "Role", "Identity"), [(a.login, a.name, a.server_role, a.id) for a in found])


@app.command(epilog="Example: podium account link owner")
@with_settings(*_PLACE)
def link(settings: Settings, login: _Login) -> None:
    """Print a new one-time link to log in with, good for a day."""

    async def work(desk: Desk) -> str:
        return await desk.accounts.new_code((await desk.account(login)).id)

    line(base_url(settings) + links.code_path(at_desk(settings, work)))


@app.command(epilog="Example: podium account password anna")
@with_settings("data", "redis")
def password(settings: Settings, login: _Login) -> None:
    """Set a password; it is asked for, or read from standard input. Whoever is logged in has to do it again."""
    secret = read_secret("Password")

    async def work(desk: Desk) -> None:
        await desk.accounts.set_password((await desk.account(login)).id, secret, revoke=True)

    at_desk(settings, work)
    line(f"The password of {login} is set.")


@app.command(epilog="Example: podium account remove anna --yes")
@with_settings("data", "redis")
def remove(
    settings: Settings, login: _Login, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Remove an account; its tokens are dead at once, its conferences pass to the server's owner."""
    if not yes and (not sys.stdin.isatty() or not typer.confirm(f"Remove the account {login}?")):
        raise Failed("Nothing was removed; say --yes to remove without being asked.")

    async def work(desk: Desk) -> None:
        await desk.accounts.remove((await desk.account(login)).id)

    at_desk(settings, work)
    line(f"The account {login} is removed.")


def read_secret(what: str) -> str:
    """From the terminal twice, or one line of standard input; never from the command line, which others can read."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass(f"{what}: ")
    if getpass.getpass("Once more: ") != first:
        raise Failed("The two were not the same.")
    return first
