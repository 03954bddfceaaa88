"""A token verifies only when we signed it, for this purpose, and it is its time."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from protocol.names import PersonKind, Role
from server.identity.tokens import BadToken, Tokens, WeakSecret, new_secret

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = 1_800_000_000


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET, clock=lambda: NOW)


def at(seconds: float) -> Tokens:
    return Tokens(SECRET, clock=lambda: NOW + seconds)


def signed(secret: bytes = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": "podium",
        "aud": "podium",
        "sub": "u_1",
        "name": "Anna",
        "iat": NOW,
        "exp": NOW + 60,
    }
    claims |= changes
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, secret, algorithm)


def test_an_account_token_says_who_holds_it(tokens: Tokens) -> None:
    claims = tokens.verify(tokens.account("u_1", "Anna"))
    assert (claims.identity, claims.name, claims.kind, claims.conference) == ("u_1", "Anna", PersonKind.USER, None)


def test_a_guest_token_is_bound_to_a_conference_and_a_role(tokens: Tokens) -> None:
    claims = tokens.verify(tokens.guest("g_1", "Ben", "abc", Role.SPEAKER))
    assert (claims.kind, claims.conference, claims.role) == (PersonKind.GUEST, "abc", Role.SPEAKER)


def test_an_invitation_says_where_and_as_what(tokens: Tokens) -> None:
    invitation = tokens.verify_invitation(tokens.invitation("abc", Role.VIEWER))
    assert (invitation.conference, invitation.role) == ("abc", Role.VIEWER)


def test_lifetimes_are_those_of_the_settings() -> None:
    tokens = Tokens(SECRET, account_days=2, guest_days=3, invitation_days=4, clock=lambda: NOW)
    assert tokens.verify(tokens.account("u_1", "Anna")).expires == NOW + 2 * 86_400
    assert tokens.verify(tokens.guest("g_1", "B", "abc", Role.VIEWER)).expires == NOW + 3 * 86_400
    assert tokens.verify_invitation(tokens.invitation("abc", Role.VIEWER)).expires == NOW + 4 * 86_400


def test_the_unsigned_algorithm_none_is_refused(tokens: Tokens) -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"iss": "podium", "aud": "podium", "sub": "u_1", "name": "A", "iat": NOW, "exp": NOW + 60}
    for algorithm in ("none", "None", "NONE", ""):
        for signature in ("", "x"):
            with pytest.raises(BadToken):
                tokens.verify(f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}.{signature}")


def test_another_algorithm_is_refused_even_with_the_right_secret(tokens: Tokens) -> None:
    for algorithm in ("HS384", "HS512"):
        with pytest.raises(BadToken):
            tokens.verify(signed(secret=SECRET * 2, algorithm=algorithm))
        with pytest.raises(BadToken):
            Tokens(SECRET * 2, clock=lambda: NOW).verify(signed(secret=SECRET * 2, algorithm=algorithm))


def test_a_public_key_signature_is_not_confused_with_ours(tokens: Tokens) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    claims = {"iss": "podium", "aud": "podium", "sub": "u_1", "name": "A", "iat": NOW, "exp": NOW + 60}
    with pytest.raises(BadToken):
        tokens.verify(jwt.encode(claims, pem, "RS256"))


@pytest.mark.parametrize(
    ("what", "make"),
    [
        ("another secret", lambda: signed(secret=b"x" * 32)),
        ("expired", lambda: signed(exp=NOW - 31)),
        ("not valid yet", lambda: signed(nbf=NOW + 31)),
        ("a time of issue that is a text", lambda: signed(iat="today")),
        ("a time of issue after all years", lambda: signed(iat=10**30)),
        ("a time of issue before 1970", lambda: signed(iat=-(10**15))),
        ("an expiry after all years", lambda: signed(exp=253_402_300_800)),
        ("no expiry", lambda: signed(exp=None)),
        ("no audience", lambda: signed(aud=None)),
        ("another audience", lambda: signed(aud="podium-invite")),
        ("several audiences", lambda: signed(aud=["podium", "podium-invite"])),
        ("no issuer", lambda: signed(iss=None)),
        ("another issuer", lambda: signed(iss="somebody")),
        ("no subject", lambda: signed(sub=None)),
        ("no name", lambda: signed(name=None)),
        ("a name too long", lambda: signed(name="x" * 65)),
        ("an identity that is none", lambda: signed(sub="u 1")),
        ("a guest without conference", lambda: signed(sub="g_1")),
        ("a guest without role", lambda: signed(sub="g_1", conference="abc")),
        ("an unknown role", lambda: signed(sub="g_1", conference="abc", role="emperor")),
        ("a number as name", lambda: signed(name=7)),
        ("an expiry that is a text", lambda: signed(exp="tomorrow")),
        ("an expiry that is true", lambda: signed(exp=True)),
        ("nothing", lambda: ""),
        ("no token at all", lambda: "hello"),
        ("three empty parts", lambda: ".."),
        ("letters beyond ASCII", lambda: "é.è.ê"),
        ("too long", lambda: signed(name="x" * 5000)),
    ],
)
def test_it_is_refused_with(tokens: Tokens, what: str, make: Callable[[], str]) -> None:
    with pytest.raises(BadToken):
        tokens.verify(make())


def test_the_token_they_all_differ_from_is_accepted(tokens: Tokens) -> None:
    assert tokens.verify(signed()).identity == "u_1"


def test_changing_one_letter_anywhere_breaks_it(tokens: Tokens) -> None:
    token = tokens.account("u_1", "Anna")
    for place in range(0, len(token), 7):
        letter = "A" if token[place] != "A" else "B"
        changed = token[:place] + letter + token[place + 1 :]
        with pytest.raises(BadToken):
            tokens.verify(changed)


def test_an_invitation_is_no_identity_and_an_identity_no_invitation(tokens: Tokens) -> None:
    with pytest.raises(BadToken):
        tokens.verify(tokens.invitation("abc", Role.VIEWER))
    with pytest.raises(BadToken):
        tokens.verify_invitation(tokens.account("u_1", "Anna"))


def test_clocks_may_differ_by_the_leeway_and_no_more() -> None:
    token = Tokens(SECRET, clock=lambda: NOW).account("u_1", "Anna", lifetime_s=60)
    assert at(60 + 29).verify(token)
    with pytest.raises(BadToken):
        at(60 + 31).verify(token)


def test_a_clock_that_was_set_back_shuts_nobody_out() -> None:
    assert at(-3600).verify(Tokens(SECRET, clock=lambda: NOW).account("u_1", "Anna"))


def test_a_short_secret_is_refused_before_it_signs_anything() -> None:
    with pytest.raises(WeakSecret, match="31 bytes"):
        Tokens(b"x" * 31)


def test_a_made_secret_is_long_and_never_the_same() -> None:
    assert len(new_secret()) >= 32
    assert new_secret() != new_secret()
