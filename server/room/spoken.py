"""A refusal as the one who is refused reads it: the sentence of its code, and what was missing or in the way."""

from __future__ import annotations

from protocol.errors import Code, sentence
from server.room.refusal import Refusal
from server.room.rules import MEANINGS

# Their own sentences are about one's role and about how a message is written, and the reason may be of another kind.
_ANY_REASON = frozenset((Code.NOT_ALLOWED, Code.BAD_MESSAGE))
# What the reason adds something to; the others say it all.
_WITH_REASON = frozenset((Code.ALREADY, Code.TOO_MANY, Code.UNSUPPORTED))


def spoken(refusal: Refusal) -> str:
    """A sentence."""
    code, reason, general = refusal.code, refusal.rule, sentence(refusal.code)
    if refusal.action:
        return f"{general.rstrip('.')}: {MEANINGS[refusal.action]}."
    if refusal.action is not None or not reason:
        return general
    if code in _ANY_REASON:
        return reason if reason.endswith(".") else f"This is not possible: {reason}."
    return f"{general.rstrip('.')}: {reason}." if code in _WITH_REASON else general
