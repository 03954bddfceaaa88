"""A command that is not accepted, as a value: nothing is raised in the core."""

from __future__ import annotations

import msgspec

from protocol.errors import Code


class Refusal(msgspec.Struct, frozen=True):
    """Why not: `rule` names the row (or the missing row) of the rule table that decided."""

    code: Code
    rule: str = ""
    details: dict[str, str] = {}
