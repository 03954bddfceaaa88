"""Resume tokens: single use, and good after a restart of the server.

A token is a signed note of whose connection it was, with a number that is higher for each token issued. On the node
that issued it, only the newest of a presence is good, once; of a person's clients, those that came last are
remembered. After a restart that memory is gone: then a token from before the start is good, unless the room's log says
that it was used (a resume is recorded among a commit's commands). A token never stands alone: `hello` proves the
identity beside it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import msgspec

from protocol import codec
from protocol.names import Part

# A presence rests on its connection; one that outlives this comes back by joining.
LIFETIME_MS = 24 * 3600 * 1000
_MAC_BYTES = 16
# Each load of a page is a client of its own. A person has one main connection and a few consoles at a time, so this
# forgets nobody who may still come back.
MAX_CLIENTS = 8


class Ticket(Part, frozen=True, kw_only=True):
    """What a resume token says. `number` is the time of issue in ms since 1970, made unique."""

    conference: str
    person: str
    client: str
    console: bool
    number: int


class ResumeTokens:
    """Issues and checks the resume tokens of one node."""

    def __init__(self, secret: bytes, started: int) -> None:
        """`secret`: the server's, from which an own key is derived; `started`: ms since 1970."""
        self._key = hashlib.blake2b(secret, digest_size=32, person=b"podium-resume").digest()
        self._started = started
        self._number = started
        # (conference, person) → client → number, the client that was given one last at the end.
        self._newest: dict[tuple[str, str], dict[str, int]] = {}

    def issue(self, conference: str, person: str, client: str, console: bool, now: int) -> str:
        """A token for this presence; those issued before for it are void. `now` in ms."""
        self._number = max(self._number + 1, now)
        ticket = Ticket(conference=conference, person=person, client=client, console=console, number=self._number)
        clients = self._newest.setdefault((conference, person), {})
        clients.pop(client, None)
        clients[client] = self._number
        if len(clients) > MAX_CLIENTS:
            del clients[next(iter(clients))]
        body = codec.pack(ticket)
        return base64.urlsafe_b64encode(self._mac(body) + body).decode()

    def check(self, token: str, conference: str, person: str, client: str, now: int) -> Ticket | None:
        """The ticket if the token is good for this client now; it stays good until the next is issued."""
        try:
            raw = base64.urlsafe_b64decode(token.encode("ascii"))
            if not hmac.compare_digest(raw[:_MAC_BYTES], self._mac(raw[_MAC_BYTES:])):
                return None
            ticket = codec.decode(raw[_MAC_BYTES:], Ticket)
        except (UnicodeEncodeError, binascii.Error, ValueError, msgspec.ValidationError):
            return None
        whose = (ticket.conference, ticket.person, ticket.client)
        if whose != (conference, person, client) or now - ticket.number > LIFETIME_MS:
            return None
        newest = self._newest.get((conference, person), {}).get(client)
        if newest is not None:
            return ticket if newest == ticket.number else None
        # Issued before this node's start; what was issued since and is not remembered is void.
        return ticket if ticket.number <= self._started else None

    def forget(self, conference: str, person: str, client: str) -> None:
        """The presence is over: its tokens are void."""
        clients = self._newest.get((conference, person), {})
        clients.pop(client, None)
        if not clients:
            self._newest.pop((conference, person), None)

    def forget_all(self, conference: str, person: str) -> None:
        """The person is not in the conference any more: all their tokens of it are void."""
        self._newest.pop((conference, person), None)

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:_MAC_BYTES]
