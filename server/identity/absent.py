"""Somebody by their identity alone, without a token: what stands behind them, and what it still makes of them."""

from __future__ import annotations

import sqlite3
from typing import Any

from protocol.names import PersonKind, Role
from server.identity.access import Identified
from server.identity.accounts import standing_account
from server.identity.apikeys import is_key, key_of
from server.identity.groups import by_right
from server.identity.guestlinks import moderates
from server.identity.peers import peer_of


def absent(connection: sqlite3.Connection, identity: str, conference: str) -> Identified | None:
    """Who this is for a conference; None when nothing stands behind them any more. What only a token says is left out:
    the role and the groups that an API key gives, and the link of a guest unless it is a moderator's."""
    _, outside, voucher = identity.partition("@")
    if outside and is_key(voucher):
        known = key_of(connection, voucher) is not None
        return _identified(identity, PersonKind.GUEST, voucher=voucher) if known else None
    if outside:
        known = peer_of(connection, voucher) is not None
        return _identified(identity, PersonKind.FEDERATED, voucher=voucher) if known else None
    if identity.startswith("g_"):
        role = Role.MODERATOR if moderates(connection, conference, identity) else None
        return _identified(identity, PersonKind.GUEST, conference=conference, role=role)
    found = standing_account(connection, identity)
    if found is None:
        return None
    account = found[0]
    return _identified(identity, PersonKind.USER, by_right=by_right(connection, account), account=account)


def _identified(identity: str, kind: PersonKind, **more: Any) -> Identified:
    return Identified(identity=identity, name=identity, kind=kind, issued=0, **more)
