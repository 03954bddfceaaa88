"""Tickets for recordings: an address that is good for one file, without the header that a download cannot send.

A ticket is used within a minute, once: whoever comes first gets a cookie with the file, and from then on the address is
good for that browser alone, so that a player may ask for parts and a download that broke may go on. Somebody who finds
the address in a history or a log gets nothing. Tickets are in this process's memory, where the recordings are, too.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from server.identity.access import Identified

# Seconds until the first use, and from there on: a long recording that is played with pauses.
USED_WITHIN_S, GOOD_FOR_S = 60, 6 * 3600
# The oldest gives way.
MAX_TICKETS = 1000


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What it is good for: `file` of the recording `number`, asked for by `who`; `play`: shown instead of saved."""

    conference: str
    number: int
    file: str
    who: Identified
    play: bool


class Redeemed(NamedTuple):
    """A ticket that is good now. `cookie`: of the browser that holds it from now on; `first`: it is used for the first
    time."""

    ticket: Ticket
    cookie: str
    first: bool


class _Issued(msgspec.Struct):
    ticket: Ticket
    until: float
    cookie: str = ""


class Tickets:
    """See the module."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._issued: OrderedDict[str, _Issued] = OrderedDict()

    def __len__(self) -> int:
        return len(self._issued)

    def issue(self, ticket: Ticket) -> str:
        """A new ticket: 43 letters that nobody can guess."""
        now = self._clock()
        for name in [name for name, issued in self._issued.items() if issued.until <= now]:
            del self._issued[name]
        while len(self._issued) >= MAX_TICKETS:
            self._issued.popitem(last=False)
        name = secrets.token_urlsafe(32)
        self._issued[name] = _Issued(ticket, now + USED_WITHIN_S)
        return name

    def redeem(self, name: str, cookie: str) -> Redeemed | None:
        """Use a ticket, with the cookie that this browser has for it; `None` when it is good no more, or not here."""
        issued, now = self._issued.get(name), self._clock()
        if issued is None or issued.until <= now:
            return None
        first = not issued.cookie
        if first:
            issued.cookie, issued.until = secrets.token_urlsafe(32), now + GOOD_FOR_S
        elif not hmac.compare_digest(issued.cookie.encode(), cookie.encode()):
            return None
        return Redeemed(issued.ticket, issued.cookie, first)
