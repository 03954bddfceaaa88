"""Public keys that somebody publishes at a URL (JSON Web Key Set, RFC 7517).

Fetched in a thread, with a time-out and a bound on the size, when a token names a key that is not known yet or what is
known is some minutes old; but not more often than every few seconds, whoever sends tokens with invented key ids. When
the publisher does not answer, what was fetched last is good for a day.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from server.identity.tokens import BadToken

# Asymmetric only: with a shared-secret algorithm in the list, a public key would sign.
ALGORITHMS = ("RS256", "ES256", "EdDSA")
FRESH_S = 300.0
STALE_S = 24 * 3600.0
BETWEEN_S = 10.0
TIMEOUT_S = 5.0
# The largest providers publish a few keys of about 500 bytes.
MAX_BYTES = 256 * 1024
MAX_KEYS = 100

_log = logging.getLogger("server.identity")


class Unreachable(Exception):
    """What was to be fetched could not be, or makes no sense."""


class Denied(Unreachable):
    """It was reached, and said that the request is wrong."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Keys come from where the operator said, not from where that place sends us."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def fetch_json(url: str, form: bytes | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A JSON object from a URL; with `form` by POST. Blocks for some seconds at most. Raises `Unreachable`."""
    if not url.startswith(("https://", "http://")):
        raise Unreachable(f"{url} is no HTTP address")
    request = urllib.request.Request(url, form, {"Accept": "application/json", **(headers or {})})
    try:
        with _opener.open(request, timeout=TIMEOUT_S) as response:
            body = response.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise Unreachable(f"{url} answers with more than {MAX_BYTES} bytes")
        found = json.loads(body)
    except urllib.error.HTTPError as error:
        error.close()
        raise (Denied if 400 <= error.code < 500 else Unreachable)(f"{url} answers {error.code}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise Unreachable(f"{url}: {error}") from None
    if not isinstance(found, dict):
        raise Unreachable(f"{url} does not answer with a JSON object")
    return found


class KeySet:
    """The keys at one URL. `where` says which; it may block and raise `Unreachable`."""

    def __init__(self, where: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._where = where
        self._clock = clock
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")
        self._alone = asyncio.Lock()

    async def key(self, token: str) -> jwt.PyJWK:
        """The key that a token says it is signed with. Raises `BadToken`."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except (jwt.PyJWTError, ValueError) as error:
            raise BadToken(str(error)) from None
        if self._wanting(kid):
            async with self._alone:
                if self._wanting(kid) and self._clock() - self._tried >= BETWEEN_S:
                    self._tried = self._clock()
                    await self._fetch()
        found = self._find(kid) if self._clock() - self._fetched < STALE_S else None
        if found is None:
            raise BadToken("signed with an unknown key")
        return found

    def _wanting(self, kid: str | None) -> bool:
        return self._find(kid) is None or self._clock() - self._fetched >= FRESH_S

    def _find(self, kid: str | None) -> jwt.PyJWK | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    async def _fetch(self) -> None:
        def fetch() -> dict[str | None, jwt.PyJWK]:
            found = fetch_json(self._where())
            try:
                keys = jwt.PyJWKSet.from_dict(found).keys[:MAX_KEYS]
            except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
                raise Unreachable(f"no key set: {error}") from None
            return {key.key_id: key for key in keys if key.algorithm_name in ALGORITHMS and _signs(key)}

        try:
            async with asyncio.timeout(2 * TIMEOUT_S):
                self._keys = await asyncio.to_thread(fetch)
            self._fetched = self._clock()
        except (Unreachable, TimeoutError) as error:
            _log.warning("public keys cannot be fetched: %s", error)


def _signs(key: jwt.PyJWK) -> bool:
    return key.public_key_use in (None, "sig")
