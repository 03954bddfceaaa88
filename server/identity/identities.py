"""A token to an identity, and whether an identity still stands."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from protocol.names import PersonKind, Role
from server.config import Settings
from server.identity.absent import absent
from server.identity.access import Identified
from server.identity.accounts import Account, enabled, kept_in, let_in, standing_account
from server.identity.apikeys import ApiKey, is_key, key_of
from server.identity.groups import any_operates, by_right
from server.identity.guestlinks import RevokedLink, stands
from server.identity.peers import Peer, Peers, peer_of
from server.identity.provider import Provider
from server.identity.sso import SingleSignOn
from server.identity.tokens import ALGORITHM, AUDIENCE, ISSUER, BadToken, Tokens, issuer_of, opened
from server.links import host_of
from server.storage.recorder import Touched
from server.storage.store import Store

# With the key's id and the @ it is an identity of at most 64 characters.
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,50}")
MAX_GROUPS = 100
# What a program may make of its users; organizers are so by right.
_GIVEN = frozenset(Role) - {Role.ORGANIZER}
# Identities looked at in one transaction; others wait for the store meanwhile.
AT_ONCE = 500
# What decides whether somebody who is connected stays, and with which rights; names and uses of links do not.
_RESTS_ON = frozenset(
    (
        *("accounts", "accounts.server_role", "accounts.tokens_after"),
        *("groups", "groups.operator", "group_members"),
        *("guest_links.revoked", "guest_links.ends_sessions", "api_keys", "peers", "workspace.enabled"),
    )
)


def concerns(touched: Touched) -> bool:
    """Whether those who are connected may have other rights when this was written."""
    return touched is None or not touched.isdisjoint(_RESTS_ON)


class Identities:
    """Says whose a token is. `provider`: single sign-on, when it is set up."""

    def __init__(
        self, store: Store, tokens: Tokens, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self.provider = Provider(settings, clock) if settings.oidc_issuer else None
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._peers = Peers(store, settings.federation_name or host_of(settings.public_url), clock)
        self.sso = SingleSignOn(
            store, limit=settings.oidc_max_accounts, prefix=settings.oidc_groups_prefix, clock=clock
        )

    async def identify(self, token: str) -> Identified:
        """Whose token it is. Raises `BadToken`, `StoreUnavailable`."""
        issuer = issuer_of(token)
        if issuer == ISSUER:
            return await self.again(self._ours(token))
        if self.provider is not None and issuer == self.provider.issuer:
            subject = await self.provider.verify(token)
            account = await self.sso.account(subject)
            who = Identified(identity=account, name=subject.name, kind=PersonKind.USER, issued=subject.issued)
            return await self.again(who)
        voucher = await self._store.run(
            lambda connection: key_of(connection, issuer) if is_key(issuer) else peer_of(connection, issuer)
        )
        if isinstance(voucher, ApiKey):
            return await self.again(self._keys(token, voucher))
        if isinstance(voucher, Peer):
            return await self.again(await self._peer(token, voucher))
        raise BadToken("an issuer that nobody knows here")

    async def again(self, who: Identified) -> Identified:
        """The same person as they are now. Raises `BadToken` when nothing stands behind them any more.
        Raises `StoreUnavailable`, as the next two: who was removed would still be somebody in a file that is not
        followed, and who is new would be nobody."""
        self._store.followed()
        try:
            return await self._store.run(lambda connection: _again(connection, who))
        except RevokedLink:
            raise
        except BadToken:
            # It was signed, so what stands behind it may be so new that this server has not heard of it.
            await self._store.renew()
            return await self._store.run(lambda connection: _again(connection, who))

    async def inside(self, whos: Sequence[Identified]) -> list[Identified | BadToken]:
        """The same of people who are connected: as they are now, or why they cannot stay."""
        self._store.followed()
        found: list[Identified | BadToken] = []

        for start in range(0, len(whos), AT_ONCE):
            some = whos[start : start + AT_ONCE]

            def look(connection: sqlite3.Connection, some: Sequence[Identified] = some) -> list[Identified | BadToken]:
                answers: list[Identified | BadToken] = []
                for who in some:
                    try:
                        answers.append(_again(connection, who, inside=True))
                    except BadToken as error:
                        answers.append(error)
                return answers

            found += await self._store.run(look)
        return found

    async def account(self, identity: str) -> tuple[Account, bool] | None:
        """An account, and whether it is an organizer by right; None when there is none of this identity."""

        def look(connection: sqlite3.Connection) -> tuple[Account, bool] | None:
            found = standing_account(connection, identity)
            return (found[0], by_right(connection, found[0])) if found is not None else None

        return await self._store.run(look)

    async def absent(self, identity: str, conference: str) -> Identified | None:
        """Somebody as they would come to a conference now, as far as their identity tells. None when nothing stands
        behind them any more. Raises `StoreUnavailable`, as `again`."""
        self._store.followed()
        return await self._store.run(lambda connection: absent(connection, identity, conference))

    async def gone(self) -> Callable[[str, PersonKind], bool]:
        """Of an identity and its kind: whether nothing stands behind it, as far as these two tell."""
        self._store.followed()

        def look(connection: sqlite3.Connection) -> tuple[bool, frozenset[str], frozenset[str]]:
            vouchers = connection.execute("SELECT id FROM api_keys UNION ALL SELECT name FROM peers").fetchall()
            return enabled(connection), kept_in(connection), frozenset(row[0] for row in vouchers)

        open_, accounts, vouchers = await self._store.run(look)

        def out(identity: str, kind: PersonKind) -> bool:
            if kind is PersonKind.USER:
                return identity not in accounts
            _, at, voucher = identity.partition("@")
            return not open_ or (bool(at) and voucher not in vouchers)

        return out

    def _ours(self, token: str) -> Identified:
        claims = self._tokens.verify(token)
        return Identified(
            identity=claims.identity,
            name=claims.name,
            kind=claims.kind,
            issued=claims.issued,
            conference=claims.conference,
            role=claims.role,
            link=claims.link,
        )

    def _keys(self, token: str, key: ApiKey) -> Identified:
        claims = opened(token, key.secret, algorithms=(ALGORITHM,), issuer=key.id, required=("sub",), now=self._clock())
        if claims.get("aud", AUDIENCE) not in (AUDIENCE, [AUDIENCE]):
            raise BadToken("another audience")
        if not _SUBJECT.fullmatch(claims["sub"]):
            raise BadToken("the subject of a key's token has 1 to 51 of the characters A-Z a-z 0-9 _ . -")
        who = _converted(
            {
                "identity": f"{claims['sub']}@{key.id}",
                "name": claims.get("name"),
                "kind": PersonKind.GUEST,
                "issued": claims.get("iat", int(self._clock())),
                "conference": claims.get("conference"),
                "role": claims.get("role", Role.VIEWER),
                "voucher": key.id,
                "groups": claims.get("groups", []) if key.names_groups else [],
            }
        )
        if who.role not in _GIVEN or len(who.groups) > MAX_GROUPS:
            raise BadToken("a key cannot give this role, or so many groups")
        return who

    async def _peer(self, token: str, peer: Peer) -> Identified:
        claims = await self._peers.verify(token, peer)
        return _converted(
            {
                "identity": claims["sub"],
                "name": claims.get("name"),
                "kind": PersonKind.FEDERATED,
                "issued": claims["iat"],
                "voucher": peer.name,
            }
        )


def _converted(values: dict[str, object]) -> Identified:
    try:
        return msgspec.convert(values, Identified)
    except msgspec.ValidationError as error:
        raise BadToken(str(error)) from None


def _again(connection: sqlite3.Connection, who: Identified, inside: bool = False) -> Identified:
    if who.kind is PersonKind.USER:
        found = standing_account(connection, who.identity)
        if found is None:
            raise BadToken("the account is gone")
        account, tokens_after = found
        if who.issued < tokens_after:
            raise BadToken("from before the last change of password")
        let_in(connection, account)
        return replace(who, name=account.name, by_right=by_right(connection, account), account=account)
    let_in(connection, None)
    if who.kind is PersonKind.FEDERATED:
        if who.voucher is None or peer_of(connection, who.voucher) is None:
            raise BadToken("the peer was removed")
        return who
    if who.voucher is not None:
        key = key_of(connection, who.voucher)
        if key is None:
            raise BadToken("the key was removed")
        return replace(who, by_right=any_operates(connection, who.groups))
    if who.link is not None:
        stands(connection, who.link, inside)
    return who
