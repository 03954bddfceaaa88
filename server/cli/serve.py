"""`podium serve`: everything, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.panel import Panel

from server import VERSION, links, log
from server.addresses import interface_addresses
from server.cli.options import with_settings
from server.cli.output import Failed, line, out
from server.config import ConfigError, Settings
from server.listen import StartError
from server.redis import address
from server.storage.store import StoreUnavailable

if TYPE_CHECKING:
    from server.app import Started

EXAMPLE = "Example: podium serve --port 8443 --tls-self-signed --data /var/lib/podium"


@with_settings()
def serve(settings: Settings) -> None:
    """Start the server with its media workers, and print the links to come in by."""
    # Here, so that the other commands do not wait for what only the server needs.
    from server import app

    log.configure(settings.log_level, settings.log_format)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(app.serve(settings, lambda started: announce(settings, started)))
    except (StartError, ConfigError, StoreUnavailable) as error:
        raise Failed(str(error)) from None


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop, where there is one: TLS connections take a fifth of the memory and half the handshake."""
    with contextlib.suppress(ImportError):
        import uvloop

        factory: Any = uvloop.new_event_loop
        return factory  # type: ignore[no-any-return]
    return None


def announce(settings: Settings, started: Started) -> None:
    """Print how to come in. Links stand on lines of their own, unwrapped, so that they can be copied and clicked."""
    ports = ", ".join(map(str, started.udp_ports))
    rows = {
        "Owner": started.owner_link,
        "Guests": started.guest_link,
        "Pages": f"{started.url} (TCP port {started.port})",
        "Media": f"UDP port{'s' if len(started.udp_ports) > 1 else ''} {ports}" if ports else "workers elsewhere",
        **({"Redis": str(address.parse(settings.redis))} if settings.redis else {}),
        "Data": str(settings.data.resolve()),
    }
    if not out.is_terminal:
        line(f"Podium {VERSION}")
        for name, text in rows.items():
            line(f"{name}: {text}")
        for note in notes(settings, started):
            line(f"Note: {note}")
        sys.stdout.flush()
        return
    out.print(Panel.fit(f"[bold]Podium[/] {VERSION} is running", border_style="cyan"))
    out.print("[bold cyan]Owner's link[/]  [dim](signs you in, works once; a new one is printed at each start)[/]")
    line(rows["Owner"] + "\n")
    out.print("[bold cyan]Guest link[/]  [dim](for everybody you want to invite)[/]")
    line(rows["Guests"] + "\n")
    for name in ("Pages", "Media", "Redis", "Data"):
        if name in rows:
            out.print(f"[bold]{name:<7}[/]", rows[name], markup=True)
    for note in notes(settings, started):
        out.print(f"[yellow]Note[/]    {note}")
    out.print("[dim]Stop with Ctrl+C.[/]")


def notes(settings: Settings, started: Started) -> list[str]:
    """What somebody who starts the server should know about their choice of options."""
    found: list[str] = []
    if not links.secure_context(started.url):
        found.append(
            "browsers allow camera and microphone only over HTTPS or on localhost: "
            "use --tls-self-signed, --tls-cert and --tls-key, or a reverse proxy."
        )
    elif not settings.tls and not settings.public_url and settings.host in links.ANY_HOST and interface_addresses():
        found.append("these links work on this machine; for others on your network start with --tls-self-signed.")
    if settings.tls_self_signed:
        found.append("the certificate is self-signed: browsers warn once; choose to continue.")
    return found
