"""`podium peer`: other servers whose users come here as `name@peer`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from server.cli.options import with_settings
from server.cli.output import WRONG, Failed, as_json, line, table
from server.cli.times import moment
from server.cli.work import Desk, at_desk
from server.config import Settings
from server.identity.peers import MAX_KEY, Peer, Peers

app = typer.Typer(help="Peers: servers whose users come here as name@peer.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(help="The peer's name, the `iss` of its tokens.")]


@app.command(epilog="Example: podium peer add conf.example.org conf-public.pem")
@with_settings("data", "redis")
def add(
    settings: Settings,
    name: _Name,
    key: Annotated[str, typer.Argument(help="A file with its public key (PEM), or the URL of its key set.")],
) -> None:
    """Believe a peer about its users; again: with another key."""
    if not key.startswith(("https://", "http://")):
        try:
            with Path(key).open(encoding="ascii") as file:
                key = file.read(MAX_KEY + 1)
        except (OSError, UnicodeDecodeError) as error:
            raise Failed(f"The key cannot be read: {error}.", WRONG) from None

    async def work(desk: Desk) -> None:
        await Peers(desk.store).add(name, key)

    at_desk(settings, work)
    line(f"The users of {name} may come.")


@app.command("list", epilog="Example: podium peer list --json")
@with_settings("data", "redis")
def list_(settings: Settings, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show the peers."""

    async def work(desk: Desk) -> list[Peer]:
        return await Peers(desk.store).list()

    found = at_desk(settings, work)
    if json:
        as_json([{"name": peer.name, "key": peer.key} for peer in found])
    else:
        rows = [(peer.name, peer.key if peer.published else "a key", moment(peer.created)) for peer in found]
        table(("Peer", "Key", "Since"), rows)


@app.command(epilog="Example: podium peer remove conf.example.org")
@with_settings("data", "redis")
def remove(settings: Settings, name: _Name) -> None:
    """Believe a peer no more: its users' sessions end within half a minute."""

    async def work(desk: Desk) -> None:
        await Peers(desk.store).remove(name)

    at_desk(settings, work)
    line(f"The users of {name} come no more.")
