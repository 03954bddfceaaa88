"""Tokens: signed statements of who somebody is, so that a server needs no memory of them.

JSON Web Tokens, HS256. The algorithm is pinned, so neither `none` nor a confused algorithm verifies; `exp` is
required, because PyJWT accepts a token without it; the secret has at least 32 bytes, because PyJWT only warns.

A token says who somebody is. What they may do is the room's state: an old token cannot give back what was taken.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jwt
import msgspec

from protocol.errors import Code
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
# The last second of the year 9999.
_LAST_S = 253_402_300_799

T = TypeVar("T")


class BadToken(Exception):
    """The token is not good here, or not any more. The reason is for the log, not for whoever sent it; the code may be
    told."""

    code = Code.BAD_TOKEN


class WeakSecret(Exception):
    """The secret for signing is too short."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a token. `issued` and `expires` are seconds since 1970; guests are bound to one conference;
    `link` is the guest link by which they came."""

    identity: Identity
    name: DisplayName
    kind: PersonKind
    issued: int
    expires: int
    conference: ConferenceId | None = None
    role: Role | None = None
    link: str | None = None


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
        self.guest_s = guest_days * DAY_S
        self._invitation_s = invitation_days * DAY_S
        self._leeway_s = leeway_s
        self._clock = clock

    def account(self, identity: str, name: str, lifetime_s: int | None = None) -> str:
        """A token for an account."""
        return self._sign({"aud": AUDIENCE, "sub": identity, "name": name}, lifetime_s or self._account_s)

    def guest(
        self,
        identity: str,
        name: str,
        conference: str,
        role: Role,
        link: str | None = None,
        lifetime_s: int | None = None,
    ) -> str:
        """A token for a guest of one conference, who came by this guest link."""
        claims = {"aud": AUDIENCE, "sub": identity, "name": name, "conference": conference, "role": role.value}
        if link is not None:
            claims["link"] = link
        return self._sign(claims, lifetime_s or self.guest_s)

    def invitation(self, conference: str, role: Role, lifetime_s: int | None = None, id: str | None = None) -> str:
        """An invitation for guests, to be handed out as a link; `id`: of a link that there is."""
        claims = {"aud": INVITATION_AUDIENCE, "conference": conference, "role": role.value}
        return self._sign({**claims, "jti": id or secrets.token_hex(8)}, lifetime_s or self._invitation_s)

    def derived(self, purpose: str, text: str) -> str:
        """43 letters that only this server can make of a text, others for each purpose."""
        made = hmac.digest(self._secret, f"{purpose}:{text}".encode(), "sha256")
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

    def note(self, audience: str, values: dict[str, str], lifetime_s: int) -> str:
        """Something that somebody else keeps for us and cannot change."""
        return self._sign({"aud": audience, **values}, lifetime_s)

    def read_note(self, audience: str, note: str) -> dict[str, Any]:
        """What such a note says. Raises `BadToken`."""
        return self._open(note, audience, required=[])

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
                "link": claims.get("link"),
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

    def _open(self, token: str, audience: str, required: Sequence[str]) -> dict[str, Any]:
        claims = opened(
            token,
            self._secret,
            algorithms=(ALGORITHM,),
            issuer=ISSUER,
            required=("iat", "aud", *required),
            now=self._clock(),
            leeway_s=self._leeway_s,
        )
        # A list would verify for each audience in it; ours names exactly one.
        if claims["aud"] != audience:
            raise BadToken("another audience, or more than one")
        return claims


def opened(
    token: str,
    key: Any,
    *,
    algorithms: Sequence[str],
    issuer: str,
    required: Sequence[str],
    now: float,
    leeway_s: float = LEEWAY_S,
) -> dict[str, Any]:
    """The claims of a token that this issuer signed with this key by one of these algorithms, and that is good now.

    `key`: as PyJWT takes it. The audience is for whoever asks to look at. Raises `BadToken`.
    """
    if len(token) > MAX_TOKEN:
        raise BadToken("too long")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(algorithms),
            issuer=issuer,
            # Times are checked below: against our clock, which a test may set.
            options={
                "require": ["exp", "iss", *required],
                "verify_aud": False,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise BadToken(str(error)) from None
    if _seconds(claims, "exp") <= now - leeway_s:
        raise BadToken("expired")
    if "nbf" in claims and _seconds(claims, "nbf") > now + leeway_s:
        raise BadToken("not valid yet")
    # `iat` is a number and not compared with the clock: a clock that is set back must not shut out everybody who was
    # given a token before.
    if "iat" in claims:
        _seconds(claims, "iat")
    return claims


def issuer_of(token: str) -> str:
    """Who says to have issued a token. Nothing of it is verified: this only finds whose key must verify it.
    Raises `BadToken`."""
    if len(token) > MAX_TOKEN:
        raise BadToken("too long")
    # Read by hand: PyJWT takes 100 µs for a token, which each hello would pay twice.
    _, _, payload = token.rpartition(".")[0].partition(".")
    try:
        issuer = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["iss"]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise BadToken(f"no token: {error}") from None
    if not isinstance(issuer, str):
        raise BadToken("no issuer")
    return issuer


def _seconds(claims: dict[str, Any], name: str) -> int:
    value = claims[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadToken(f"{name} is not a number of seconds")
    if not 0 <= value <= _LAST_S:
        raise BadToken(f"{name} is no time between the years 1970 and 9999")
    return value


def _convert(values: dict[str, Any], type_: type[T]) -> T:
    try:
        return msgspec.convert(values, type_, strict=True)
    except msgspec.ValidationError as error:
        raise BadToken(str(error)) from None


def new_secret() -> bytes:
    """A secret for signing: twice the least length, from the system's randomness."""
    return secrets.token_bytes(2 * MIN_SECRET_BYTES)
