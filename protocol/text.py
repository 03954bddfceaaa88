"""Texts that people write and others read in one line."""

from __future__ import annotations

# They make one sign of several, in emoji and in Persian, and are no sign alone.
JOINERS = "\u200c\u200d"


def one_line(text: str) -> str:
    """A name or title without what ends a line, turns the direction of what follows or is not seen at all: a blank
    stands for it, and no two together. Empty when nothing of it is to be seen."""
    kept = "".join(letter if letter.isprintable() or letter in JOINERS else " " for letter in text)
    return " ".join(kept.split()) if kept.strip(" " + JOINERS) else ""
