"""Relays (TURN) for people whose network lets nothing through but to a relay: who may use it, and until when.

The relay is an external coturn with `use-auth-secret` (draft-uberti-behave-turn-rest): it shares a secret with this
server and nothing else. A user name says when it ends and for whom it was made, and its password is a signature of
that. So the relay asks nobody, keeps no accounts, and its log tells who used it.
"""

from __future__ import annotations

import base64
import hmac
import re

from protocol.answers import Relays
from server.config import Settings

# What ends the time in a user name, and what a relay's log or a header could trip over.
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._@-]")


def credentials(secret: str, identity: str, expires: int) -> tuple[str, str]:
    """User name and password, good until `expires` (seconds since 1970)."""
    username = f"{expires}:{_NOT_PLAIN.sub('-', identity)[:64]}"
    signature = hmac.digest(secret.encode(), username.encode(), "sha1")
    return username, base64.b64encode(signature).decode()


def relays(settings: Settings, identity: str, now: float) -> Relays:
    """What somebody is told of the relays at this time; nothing, where there are none."""
    if not settings.turn_urls:
        return Relays()
    username, credential = credentials(settings.turn_secret, identity, int(now) + settings.turn_ttl_s)
    return Relays(urls=settings.turn_urls, username=username, credential=credential, ttl_s=settings.turn_ttl_s)
