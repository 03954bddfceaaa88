"""The provider of single sign-on: an OpenID Connect issuer whose tokens are believed about who somebody is.

Its tokens are accepted as they are, by programs that have one; browsers log in by the authorization code flow with
PKCE (RFC 7636). Both end in `verify`, and nothing else is believed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from server.config import Settings
from server.identity.jwks import ALGORITHMS, Denied, KeySet, Unreachable, fetch_json
from server.identity.tokens import BadToken, opened

# How long the provider's addresses are remembered.
REMEMBER_S = 3600.0
MAX_GROUPS = 200


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody as the provider names them. `subject` is theirs for ever; `issued` in seconds since 1970."""

    issuer: str
    subject: str
    name: str
    email: str
    login: str
    groups: frozenset[str]
    issued: int


class Provider:
    """The issuer of the settings."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.issuer = settings.oidc_issuer
        self.audience = settings.oidc_audience
        self.title = settings.oidc_name
        self._secret = settings.oidc_client_secret
        self._jwks_url = settings.oidc_jwks_url
        self._clock = clock
        self._keys = KeySet(lambda: self._jwks_url or self._address("jwks_uri"))
        self._addresses: dict[str, Any] = {}
        self._remembered = float("-inf")

    async def verify(self, token: str, nonce: str | None = None) -> Subject:
        """Whom the token is about. `nonce`: what it must carry, when we asked for it. Raises `BadToken`."""
        key = await self._keys.key(token)
        claims = opened(
            token,
            key,
            # The key's own algorithm: what the token's header says is not asked.
            algorithms=(key.algorithm_name,) if key.algorithm_name in ALGORITHMS else (),
            issuer=self.issuer,
            required=("aud", "sub", "iat"),
            now=self._clock(),
        )
        audience = claims["aud"]
        # OpenID Connect Core, 3.1.3.7: of several audiences the authorized party must be us.
        if audience not in (self.audience, [self.audience]) and (
            not isinstance(audience, list) or self.audience not in audience or claims.get("azp") != self.audience
        ):
            raise BadToken("another audience")
        if nonce is not None and claims.get("nonce") != nonce:
            raise BadToken("another nonce")
        subject = claims["sub"]
        if not 1 <= len(subject) <= 255:
            raise BadToken("the subject has 1 to 255 characters")
        email = _text(claims, "email") if claims.get("email_verified") is not False else ""
        known_as = _text(claims, "preferred_username")
        groups = claims.get("groups")
        named = [group for group in groups if isinstance(group, str)] if isinstance(groups, list) else []
        return Subject(
            issuer=self.issuer,
            subject=subject,
            name=(_text(claims, "name") or known_as or email or subject)[:64],
            email=email[:255],
            login=(email or known_as)[:64].lower(),
            groups=frozenset(named[:MAX_GROUPS]),
            issued=claims["iat"],
        )

    async def login_url(self, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent to log in. Raises `Unreachable`."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        address: str = await self._asked(lambda: self._address("authorization_endpoint"))
        wanted = {
            "response_type": "code",
            "client_id": self.audience,
            "redirect_uri": redirect,
            "scope": "openid profile email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return address + ("&" if "?" in address else "?") + urlencode(wanted)

    async def exchange(self, code: str, redirect: str, nonce: str, verifier: str) -> Subject:
        """Who came back with this code. Raises `Unreachable`, `BadToken`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": self.audience,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._secret:
            # RFC 6749, section 2.3.1: both parts are form-encoded first.
            pair = f"{quote(self.audience, safe='')}:{quote(self._secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()

        def ask() -> dict[str, Any]:
            return fetch_json(self._address("token_endpoint"), urlencode(form).encode(), headers)

        try:
            token = (await self._asked(ask)).get("id_token")
        except Denied as error:
            raise BadToken(f"the provider takes no such code: {error}") from None
        if not isinstance(token, str):
            raise BadToken("the provider's answer has no ID token")
        return await self.verify(token, nonce)

    async def _asked(self, ask: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout(20.0):
                return await asyncio.to_thread(ask)
        except TimeoutError:
            raise Unreachable("the provider does not answer") from None

    def _address(self, name: str) -> str:
        """One of the provider's addresses, as its discovery document gives them; blocks."""
        if time.monotonic() - self._remembered > REMEMBER_S:
            found = fetch_json(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise Unreachable(f"the provider calls itself {found.get('issuer')!r}, not {self.issuer!r}")
            self._addresses, self._remembered = found, time.monotonic()
        address = self._addresses.get(name)
        if not isinstance(address, str):
            raise Unreachable(f"the provider names no {name}")
        return address


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.strip() if isinstance(value, str) else ""
