"""`podium doctor`: what is wrong, and the fix."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.options import with_settings
from server.cli.output import CANNOT, as_json, line, out
from server.config import Settings
from server.doctor import Grade, examine

EXAMPLE = "Example: podium doctor --public-ip 203.0.113.7 --tls-cert cert.pem --tls-key key.pem"
_SIGNS = {Grade.OK: ("green", "✓"), Grade.WARNING: ("yellow", "!"), Grade.WRONG: ("red", "✗")}


@with_settings()
def doctor(settings: Settings, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Look at ports, TLS, addresses, buffers, clock and store, for these options; exits with 1 when one is wrong."""
    findings = examine(settings)
    if json:
        as_json([{"check": f.check, "grade": f.grade, "text": f.text, "fix": f.fix} for f in findings])
    else:
        for finding in findings:
            if out.is_terminal:
                colour, sign = _SIGNS[finding.grade]
                out.print(f"[{colour}]{sign}[/] [bold]{finding.check}[/] ", end="")
                out.print(finding.text, markup=False)
                if finding.fix:
                    out.print(f"  → {finding.fix}", markup=False, style=colour)
            else:
                line(
                    f"{finding.grade}: {finding.check}: {finding.text}"
                    + (f" Fix: {finding.fix}" if finding.fix else "")
                )
    if any(finding.grade is Grade.WRONG for finding in findings):
        raise typer.Exit(CANNOT)
