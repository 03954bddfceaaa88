"""The commands of `podium`, gathered."""

from __future__ import annotations

from typing import Annotated

import typer

from server import VERSION
from server.cli import (
    account,
    compose,
    conference,
    directory,
    doctor,
    explain,
    group,
    key,
    loadtest,
    peer,
    serve,
    sso,
    token,
    webhook,
    worker,
)
from server.cli.output import line

app = typer.Typer(
    name="podium",
    help="A self-hosted conference and webinar server.",
    epilog="Example: podium serve --tls-self-signed",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        line(f"podium {VERSION}")
        raise typer.Exit


@app.callback()
def podium(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A self-hosted conference and webinar server."""


app.command("serve", epilog=serve.EXAMPLE)(serve.serve)
app.command("worker", epilog=worker.EXAMPLE)(worker.worker)
app.command("doctor", epilog=doctor.EXAMPLE)(doctor.doctor)
app.command("explain", epilog=explain.EXAMPLE)(explain.explain)
app.command("compose", epilog=compose.EXAMPLE)(compose.compose)
app.command("loadtest", epilog=loadtest.EXAMPLE)(loadtest.loadtest)
app.add_typer(account.app, name="account")
app.add_typer(conference.app, name="conference")
app.add_typer(directory.app, name="directory")
app.add_typer(group.app, name="group")
app.add_typer(key.app, name="key")
app.add_typer(peer.app, name="peer")
app.add_typer(sso.app, name="sso")
app.add_typer(token.app, name="token")
app.add_typer(webhook.app, name="webhook")
