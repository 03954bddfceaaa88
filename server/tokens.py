"""Tokens: signed statements of who somebody is, so that a server needs no memory of them.

JSON Web Tokens, HS256. The algorithm is pinned, so neither `none` nor a confused algorithm verifies; `exp` is
required, because PyJWT accepts a token without it; the secret has at least 32 bytes, because PyJWT only warns.

A token says who somebody is. What they may do is the room's state: an old token cannot give back what was taken.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any, TypeVar

import jwt
import msgspec

from protocol.names import ConferenceId, DisplayName, Identity, PersonKind, Role

ALGORITHM = "HS256"
ISSUER = "podium"
AUDIENCE = "podium"
INVITATION_AUDIENCE = "podium-invite"
# RFC 7518, section 3.2: a key of the hash's size or larger, which is 256 bits for HS256.
MIN_SECRET_BYTES = 32
# Clocks of the issuer and of this server may differ by this much.
LEEWAY_S = 30
MAX_TOKEN = 4096
DAY_S = 86_400

T = TypeVar("T")


class BadToken(Exception):
    """The token is not one of ours, or not any more. The reason is for the log, not for whoever sent it."""


class WeakSecret(Exception):
    """The secret for signing is too short."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a token. `issued` and `expires` are seconds since 1970; guests are bound to one conference."""

    identity: Identity
    name: DisplayName
    kind: PersonKind
    issued: int
    expires: int
    conference: ConferenceId | None = None
    role: Role | None = None


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest link allows: to enter this conference as a guest with this role. `id` is the token's `jti`."""

    conference: ConferenceId
    role: Role
    expires: int
    id: str


class Tokens:
    """Issues and verifies tokens with one secret."""

    def __init__(
        self,
        secret: bytes,
        *,
        account_days: int = 30,
        guest_days: int = 30,
        invitation_days: int = 30,
        leeway_s: int = LEEWAY_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if len(secret) < MIN_SECRET_BYTES:
            raise WeakSecret(f"the token secret has {len(secret)} bytes; it needs at least {MIN_SECRET_BYTES}")
        self._secret = secret
        self._account_s = account_days * DAY_S
        self._guest_s = guest_days * DAY_S
        self._invitation_s = invitation_days * DAY_S
        self._leeway_s = leeway_s
        self._clock = clock

    def account(self, identity: str, name: str, lifetime_s: int | None = None) -> str:
        """A token for an account."""
        return self._sign({"aud": AUDIENCE, "sub": identity, "name": name}, lifetime_s or self._account_s)

    def guest(self, identity: str, name: str, conference: str, role: Role, lifetime_s: int | None = None) -> str:
        """A token for a guest of one conference."""
        claims = {"aud": AUDIENCE, "sub": identity, "name": name, "conference": conference, "role": role.value}
        return self._sign(claims, lifetime_s or self._guest_s)

    def invitation(self, conference: str, role: Role, lifetime_s: int | None = None) -> str:
        """An invitation for guests, to be handed out as a link."""
        claims = {"aud": INVITATION_AUDIENCE, "conference": conference, "role": role.value}
        return self._sign({**claims, "jti": secrets.token_hex(8)}, lifetime_s or self._invitation_s)

    def verify(self, token: str) -> Claims:
        """Who holds this token. Raises `BadToken`."""
        claims = self._open(token, AUDIENCE, required=["sub"])
        guest = str(claims["sub"]).startswith("g_")
        if guest and not ("conference" in claims and "role" in claims):
            raise BadToken("a guest's token without conference and role")
        return _convert(
            {
                "identity": claims["sub"],
                "name": claims.get("name"),
                "kind": PersonKind.GUEST if guest else PersonKind.USER,
                "issued": claims["iat"],
                "expires": claims["exp"],
                "conference": claims.get("conference"),
                "role": claims.get("role"),
            },
            Claims,
        )

    def verify_invitation(self, token: str) -> Invitation:
        """What this invitation allows. Raises `BadToken`."""
        claims = self._open(token, INVITATION_AUDIENCE, required=["jti"])
        wanted = {
            "conference": claims.get("conference"),
            "role": claims.get("role"),
            "expires": claims["exp"],
            "id": claims["jti"],
        }
        return _convert(wanted, Invitation)

    def _sign(self, claims: dict[str, Any], lifetime_s: int) -> str:
        now = int(self._clock())
        return jwt.encode(
            {"iss": ISSUER, "iat": now, "exp": now + lifetime_s, **claims}, self._secret, algorithm=ALGORITHM
        )

    def _open(self, token: str, audience: str, required: list[str]) -> dict[str, Any]:
        if len(token) > MAX_TOKEN:
            raise BadToken("too long")
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=audience,
                issuer=ISSUER,
                # Times are checked below: against our clock, which a test may set.
                options={
                    "require": ["exp", "iat", "iss", "aud", *required],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise BadToken(str(error)) from None
        # A list would verify for each audience in it; ours names exactly one.
        if claims["aud"] != audience:
            raise BadToken("more than one audience")
        now = self._clock()
        if _seconds(claims, "exp") <= now - self._leeway_s:
            raise BadToken("expired")
        if "nbf" in claims and _seconds(claims, "nbf") > now + self._leeway_s:
            raise BadToken("not valid yet")
        # `iat` is a number and not compared with the clock: only we sign, and a clock that is set back must not shut
        # out everybody who was given a token before.
        _seconds(claims, "iat")
        return claims


def _seconds(claims: dict[str, Any], name: str) -> int:
    value = claims[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadToken(f"{name} is not a number of seconds")
    return value


def _convert(values: dict[str, Any], type_: type[T]) -> T:
    try:
        return msgspec.convert(values, type_, strict=True)
    except msgspec.ValidationError as error:
        raise BadToken(str(error)) from None


def new_secret() -> bytes:
    """A secret for signing: twice the least length, from the system's randomness."""
    return secrets.token_bytes(2 * MIN_SECRET_BYTES)
