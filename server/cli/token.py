"""`podium token`: tokens for programs that act as somebody, and a look into a token."""

from __future__ import annotations

import datetime
import sys
from typing import Annotated

import typer

from protocol.errors import Code
from server.cli.options import with_settings
from server.cli.output import Failed, as_json, line
from server.cli.work import Desk, at_desk
from server.config import Settings
from server.identity.tokens import DAY_S, BadToken

app = typer.Typer(help="Tokens: issue one, look into one.", no_args_is_help=True)


@app.command(epilog="Example: podium token issue anna --days 1")
@with_settings("data", "redis")
def issue(
    settings: Settings,
    login: Annotated[str, typer.Argument(help="The login of the account.")],
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is valid.")] = 1,
) -> None:
    """Print a token of an account, for `Authorization: Bearer …` and for `hello`."""

    async def work(desk: Desk) -> str:
        account = await desk.account(login)
        return desk.tokens.account(account.id, account.name, days * DAY_S)

    line(at_desk(settings, work))


@app.command(epilog="Example: podium token issue anna | podium token show")
@with_settings("data", "redis")
def show(settings: Settings) -> None:
    """Say what a token is and whether it is valid; the token is read from standard input."""
    token = sys.stdin.readline().strip()

    async def work(desk: Desk) -> dict[str, object]:
        try:
            who = await desk.identities.identify(token)
        except BadToken as first:
            try:
                invitation = await desk.guest_links.look(token)
            except BadToken as second:
                known = second if second.code is not Code.BAD_TOKEN else first
                raise Failed(f"The token is not valid: {known}.") from None
            return {
                "kind": "invitation",
                "conference": invitation.conference,
                "role": invitation.role,
                "expires": _time(invitation.expires),
            }
        extra: dict[str, object] = {"issued": _time(who.issued)}
        if who.account is not None:
            extra |= {"login": who.account.login, "server_role": who.account.server_role}
        else:
            extra |= {"conference": who.conference, "role": who.role, "voucher": who.voucher}
        return {"kind": who.kind, "identity": who.identity, "name": who.name, "organizer": who.by_right, **extra}

    as_json(at_desk(settings, work))


def _time(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()
