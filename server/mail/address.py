"""E-mail addresses, as somebody types them, and as they may stand in a header and in an SMTP command."""

from __future__ import annotations

import re

# RFC 5321, section 4.5.3.1: the local part has at most 64 octets, a path 256 with its brackets.
MAX_ADDRESS = 254
# RFC 5322 dot-atom. Quoted local parts are left out: nobody has one, and they may hold anything; so are encoded words
# (RFC 2047), which stand for anything and which what makes the message would read.
_LOCAL = re.compile(r"(?!.*=\?)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")


class BadAddress(ValueError):
    """It is no e-mail address, or none that mail can be sent to from here."""


def normal(text: str) -> str:
    """The address in the form in which it is kept and compared: the domain small and in ASCII (IDNA). Raises
    `BadAddress`.

    The local part keeps its letters: only its own server knows whether they matter.
    """
    local, at, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        domain = ""
    labels = domain.split(".")
    good = (
        at
        and len(local) <= 64
        and _LOCAL.fullmatch(local)
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )
    if not good or len(local) + len(domain) + 1 > MAX_ADDRESS:
        raise BadAddress("This is no e-mail address.")
    return f"{local}@{domain}"


def one_line(text: str) -> str:
    """A text as it may stand in a header: one line, nothing but what is printed, and no encoded word (RFC 2047), which
    Python's email package decodes where it stands in a given text: also to the end of the line and another header."""
    printed = "".join(letter if letter.isprintable() else " " for letter in text).replace("=?", "= ?")
    return " ".join(printed.split())
