"""Resume tokens: single use, on whichever node, also after a restart.

A token is a signed note of whose connection it was, and of the room's version at that moment. Which tokens are void the
room's state tells, to every node alike: those from before the person came in (`Participant.since`), and of a main
connection those from before it became another one (`Participant.moved`), which a resume makes it as well. A console
does not move; that its token was used stands among the commands of the log. Those are not remembered for ever, so a
console's token is good only while the node's history has every event since its issue; who comes later than that joins.
A token never stands alone: `hello` proves the identity beside it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import msgspec
from msgspec.structs import replace

from protocol import codec
from protocol.names import Part
from server.room.state import Participant

# A presence rests on its connection; one that outlives this comes back by joining.
LIFETIME_MS = 24 * 3600 * 1000
_MAC_BYTES = 16


class Ticket(Part, frozen=True, kw_only=True):
    """What a resume token says. `version`: of the room; `number` is the time of issue in ms since 1970, made unique."""

    conference: str
    person: str
    client: str
    console: bool
    number: int
    version: int = 0

    def holds(self, present: Participant) -> bool:
        """Whether it is still good, as far as the state knows."""
        return self.version >= (present.since if self.console else max(present.since, present.moved))


class ResumeTokens:
    """Issues and checks resume tokens; all nodes have the same secret."""

    def __init__(self, secret: bytes) -> None:
        """`secret`: the server's, from which an own key is derived."""
        self._key = hashlib.blake2b(secret, digest_size=32, person=b"podium-resume").digest()
        self._number = 0

    def issue(self, ticket: Ticket) -> str:
        """The token that says this."""
        self._number = max(self._number + 1, ticket.number)
        body = codec.pack(replace(ticket, number=self._number))
        return base64.urlsafe_b64encode(self._mac(body) + body).decode()

    def check(self, token: str, conference: str, person: str, client: str, now: int) -> Ticket | None:
        """The ticket, when the token is one of ours for this client; whether it still holds, the room says. `now` in
        ms."""
        try:
            raw = base64.urlsafe_b64decode(token.encode("ascii"))
            if not hmac.compare_digest(raw[:_MAC_BYTES], self._mac(raw[_MAC_BYTES:])):
                return None
            ticket = codec.decode(raw[_MAC_BYTES:], Ticket)
        except (UnicodeEncodeError, binascii.Error, ValueError, msgspec.ValidationError):
            return None
        whose = (ticket.conference, ticket.person, ticket.client)
        return ticket if whose == (conference, person, client) and now - ticket.number <= LIFETIME_MS else None

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:_MAC_BYTES]
