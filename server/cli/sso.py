"""`podium sso`: who has logged in by single sign-on."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.options import with_settings
from server.cli.output import as_json, line, table
from server.cli.work import Desk, at_desk
from server.config import Settings

app = typer.Typer(help="Single sign-on: who has logged in by it.", no_args_is_help=True)


@app.command("list", epilog="Example: podium sso list --json")
@with_settings("data", "redis")
def list_(settings: Settings, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show the provider's subjects and their accounts."""

    async def work(desk: Desk) -> list[tuple[str, str, str, str | None]]:
        logins = {account.id: account.login for account in await desk.accounts.list()}
        return [
            (known.issuer, known.subject, known.email, logins.get(known.account or ""))
            for known in await desk.identities.sso.list()
        ]

    found = at_desk(settings, work)
    if json:
        as_json([{"issuer": i, "subject": s, "email": email, "login": login} for i, s, email, login in found])
    else:
        rows = [(subject, email, login or "removed", issuer) for issuer, subject, email, login in found]
        table(("Subject", "E-mail", "Account", "Provider"), rows)


@app.command(epilog="Example: podium sso forget anna@example.org")
@with_settings("data", "redis")
def forget(
    settings: Settings, subject: Annotated[str, typer.Argument(help="The subject, or the e-mail address.")]
) -> None:
    """Let somebody whose account was removed log in again, as somebody new."""
    at_desk(settings, lambda desk: desk.identities.sso.forget(subject))
    line(f"{subject} may log in again.")
