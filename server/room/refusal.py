"""A command that is not accepted, as a value: nothing is raised in the core."""

from __future__ import annotations

import msgspec

from protocol.errors import Code


class Refusal(msgspec.Struct, frozen=True):
    """Why not. `rule` names the row (or the missing row) of the rule table that decided, or says it in words. `action`:
    what of the table the role lacks, empty where there is no row; None where no row decided."""

    code: Code
    rule: str = ""
    details: dict[str, str] = {}
    action: str | None = None
