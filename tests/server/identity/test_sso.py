"""Single sign-on, against a real provider process: its tokens as they are, and the way of a browser."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import jwt
import pytest

from server.identity import jwks
from server.identity.jwks import KeySet
from server.identity.tokens import BadToken
from tests.conftest import SHARED_FLAGS
from tests.harness import Guest, Refused, Server
from tests.server.identity.provider import ALGORITHMS, CLIENT, SECRET, Provider

Clients = Callable[..., Any]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.stop()


def flags(provider: Provider) -> tuple[str, ...]:
    return ("--oidc-issuer", provider.issuer, "--oidc-audience", CLIENT, "--oidc-name", "Example")


@pytest.fixture(scope="module")
def server(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that believes the provider."""
    server = Server(
        tmp_path_factory.mktemp("sso") / "data",
        *SHARED_FLAGS,
        *flags(provider),
        environment={"PODIUM_OIDC_CLIENT_SECRET": SECRET},
    ).start()
    yield server
    server.stop()


def me(server: Server, token: str) -> Any:
    return server.api("GET", "/me", token=token)


def status(server: Server, token: str) -> int:
    return server.request("GET", "/api/v1/me", token=token).status


# --- tokens as they are --------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_providers_token_is_an_account_on_every_door(
    server: Server, provider: Provider, clients: Clients, algorithm: str
) -> None:
    token = provider.sign(algorithm, sub=f"every-{algorithm}", name="Anna", email=f"{algorithm.lower()}@example.org")
    first = me(server, token)
    assert (first["name"], first["login"]) == ("Anna", f"{algorithm.lower()}@example.org")
    assert (first["server_role"], first["has_password"]) == ("member", False)
    client = await clients(server, Guest(token, first["id"], "Anna"), server.conference)
    assert client.identity == first["id"] and client.person(first["id"])["kind"] == "user"
    # The account is the subject's, whatever else changes.
    again = me(server, provider.sign(sub=f"every-{algorithm}", name="Anna B.", email="new@example.org"))
    assert (again["id"], again["name"], again["login"]) == (first["id"], "Anna B.", first["login"])
    assert server.api("POST", "/conferences", {"title": "Hers"}, token)["returned"] is False


def test_a_token_that_is_older_than_its_account_is_good(server: Server, provider: Provider) -> None:
    now = int(time.time())
    assert me(server, provider.sign(sub="older", iat=now - 600, exp=now + 600))["name"] == "Anna"


def test_an_email_that_is_a_local_login_makes_nobody_that_person(server: Server, provider: Provider) -> None:
    server.podium("account", "add", "boss@example.org", "--role", "admin")
    found = me(server, provider.sign(sub="not-the-boss", email="boss@example.org"))
    assert found["server_role"] == "member" and found["login"] != "boss@example.org"
    other = me(server, provider.sign(sub="unverified", email="x@example.org", email_verified=False, name="X"))
    assert other["login"] != "x@example.org"


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_the_algorithm_none_and_a_public_key_as_secret_are_refused(server: Server, provider: Provider) -> None:
    good = provider.sign()
    assert status(server, good) == 200
    header, claims = jwt.get_unverified_header(good), jwt.decode(good, options={"verify_signature": False})
    for name in ("none", "None", ""):
        for signature in ("", good.rpartition(".")[2]):
            assert status(server, f"{part({**header, 'alg': name})}.{part(claims)}.{signature}") == 401
    pem = provider.ask("POST", "/control/pem", {"algorithm": "RS256"})["pem"]
    signed = part({**header, "alg": "HS256"}) + "." + part(claims)
    for secret in (pem.encode(), pem.strip().encode(), b""):
        mac = jwt.get_algorithm_by_name("HS256").sign(signed.encode(), secret) if secret else b""
        assert status(server, signed + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()) == 401
    # A key of one kind under the name of another.
    es = next(kid for kid in (jwt.get_unverified_header(provider.sign("ES256"))["kid"],))
    assert status(server, provider.sign("RS256", kid=es)) == 401


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://login.example.org"},
        {"iss": "podium"},
        {"iss": None},
        {"aud": "somebody-else"},
        {"aud": ["somebody-else", CLIENT]},
        {"aud": ["somebody-else", CLIENT], "azp": "somebody-else"},
        {"aud": [CLIENT, 7]},
        {"aud": None},
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": int(time.time()) + 3600},
        {"iat": None},
        {"iat": "today"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
    ],
    ids=" ".join,
)
def test_a_token_is_refused_with(server: Server, provider: Provider, change: dict[str, Any]) -> None:
    response = server.request("GET", "/api/v1/me", token=provider.sign(**change))
    assert (response.status, response.json["code"]) == (401, "bad_token")


def test_of_several_audiences_we_must_be_the_authorized_one(server: Server, provider: Provider) -> None:
    assert status(server, provider.sign(aud=["somebody-else", CLIENT], azp=CLIENT)) == 200


def test_keys_that_rotate_are_followed_and_the_old_ones_are_gone(
    podium_server: Callable[..., Server], provider: Provider
) -> None:
    server = podium_server(*SHARED_FLAGS, *flags(provider))
    old = provider.sign()
    assert status(server, old) == 200
    time.sleep(jwks.BETWEEN_S + 0.5)
    provider.ask("POST", "/control/rotate")
    assert status(server, provider.sign()) == 200
    assert status(server, old) == 401


def test_a_flood_of_invented_keys_is_fetched_for_once(server: Server, provider: Provider) -> None:
    status(server, provider.sign())
    before = provider.count("jwks")
    began = time.monotonic()
    for number in range(40):
        assert status(server, provider.sign(kid=f"invented-{number}")) == 401
    allowed = 1 + int((time.monotonic() - began) / jwks.BETWEEN_S)
    assert provider.count("jwks") - before <= allowed
    assert status(server, provider.sign()) == 200


def test_a_provider_that_does_not_answer_leaves_known_keys_good(server: Server, provider: Provider) -> None:
    token = provider.sign()
    assert status(server, token) == 200
    provider.set(broken="jwks")
    try:
        assert status(server, provider.sign(sub="anna-1", name="Still Anna")) == 200
    finally:
        provider.set(broken="")


async def test_known_keys_are_good_for_a_day_and_not_for_ever(provider: Provider) -> None:
    now = 0.0
    keys = KeySet(lambda: f"{provider.issuer}/jwks", clock=lambda: now)
    token = provider.sign()
    assert (await keys.key(token)).algorithm_name == "RS256"
    provider.set(broken="jwks")
    try:
        now = jwks.STALE_S - 1
        assert await keys.key(token)
        now = jwks.STALE_S + 1
        with pytest.raises(BadToken):
            await keys.key(token)
    finally:
        provider.set(broken="")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1:1/", "ftp://x/", "nonsense"])
async def test_a_place_without_keys_is_a_refusal(url: str, provider: Provider) -> None:
    with pytest.raises(BadToken):
        await KeySet(lambda: url).key(provider.sign())


def test_without_single_sign_on_no_provider_is_believed(shared_server: Server, provider: Provider) -> None:
    assert status(shared_server, provider.sign()) == 401
    assert shared_server.api("GET", "/sso") == {"name": None}
    assert shared_server.request("GET", "/api/v1/sso/login").status == 404


def test_a_removed_account_does_not_come_back_by_itself(server: Server, provider: Provider) -> None:
    token = provider.sign(sub="removed", email="removed@example.org")
    first = me(server, token)
    assert server.podium("account", "remove", first["id"], "--yes").returncode == 0
    assert status(server, token) == 401 == status(server, provider.sign(sub="removed"))
    listed = json.loads(server.podium("sso", "list", "--json").stdout)
    assert [each["login"] for each in listed if each["subject"] == "removed"] == [None]
    assert server.podium("sso", "forget", "removed@example.org").returncode == 0
    assert me(server, token)["id"] != first["id"]
    there = server.podium("sso", "forget", "removed")
    assert there.returncode == 1 and "still there" in there.stderr


async def test_groups_of_the_provider_are_groups_here_by_their_prefix(
    server: Server, provider: Provider, clients: Clients
) -> None:
    server.podium("group", "add", "support", "--operator")
    server.podium("group", "add", "by-hand")
    known = {"sub": "grouped", "name": "Gia", "email": "gia@example.org"}
    account = me(server, provider.sign(**known))
    server.podium("group", "member", "add", "by-hand", account["login"])

    async def by_right(groups: Any) -> bool:
        token = provider.sign(**known, groups=groups)
        client = await clients(server, Guest(token, account["id"], "Gia"), server.conference, take_over=True)
        return bool(client.person(account["id"]).get("by_right", False))

    assert not await by_right(["support"])
    assert await by_right(["podium-support", "podium-unknown", 7])
    assert not await by_right([])
    assert not await by_right("podium-support")
    listed = json.loads(server.podium("group", "list", "--json").stdout)
    members = {each["name"]: each["members"] for each in listed}
    assert (members["support"], members["by-hand"]) == ([], [account["login"]]) and "unknown" not in members


def test_accounts_are_made_up_to_a_limit(podium_server: Callable[..., Server], provider: Provider) -> None:
    server = podium_server(*flags(provider), "--oidc-max-accounts", "1")
    assert status(server, provider.sign(sub="first")) == 200
    assert status(server, provider.sign(sub="second")) == 401
    assert status(server, provider.sign(sub="first")) == 200


# --- the way of a browser ------------------------------------------------------------------


class Browser:
    """Follows what it is sent to, step by step, with its cookies."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def go(self, url: str) -> tuple[int, str, str]:
        """The status, where it is sent next, and what was set as a cookie."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        try:
            connection.request("GET", f"{parts.path}?{parts.query}", headers=sent)
            response = connection.getresponse()
            response.read()
            cookie = response.getheader("Set-Cookie") or ""
            if cookie:
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value.strip('"')
            return response.status, response.getheader("Location") or "", cookie
        finally:
            connection.close()


def come_back(server: Server, browser: Browser, path: str = "/api/v1/sso/login") -> str:
    """Up to the provider's answer: the address it sends the browser back to."""
    _, to_provider, _ = browser.go(server.url + path)
    return browser.go(to_provider)[1]


def test_a_browser_logs_in_and_goes_on_to_where_it_wanted(server: Server, provider: Provider) -> None:
    provider.set(next={"sub": "browser", "name": "Bea", "email": "bea@example.org"})
    browser = Browser()
    answered, to_provider, cookie = browser.go(f"{server.url}/api/v1/sso/login?next=/c/abc-defg-hij")
    assert answered == 303 and to_provider.startswith(f"{provider.issuer}/authorize?")
    asked = parse_qs(urlsplit(to_provider).query)
    assert asked["redirect_uri"] == [f"{server.url}/api/v1/sso/callback"]
    assert {"HttpOnly", "SameSite=lax", "Path=/api/v1/sso"} <= {word.strip() for word in cookie.split(";")}
    # Whoever reads the cookie does not learn the verifier from it.
    payload = cookie.partition("=")[2].split(".")[1]
    assert set(json.loads(base64.urlsafe_b64decode(payload + "=="))) == {"iss", "iat", "exp", "aud", "state", "next"}
    _, back, _ = browser.go(to_provider)
    answered, home, cookie = browser.go(back)
    assert answered == 303 and home.startswith("/#code=") and home.endswith("&next=/c/abc-defg-hij")
    assert "Max-Age=0" in cookie
    code = parse_qs(urlsplit(home).fragment)["code"][0]
    account = server.api("POST", "/login", {"code": code})["account"]
    assert (account["name"], account["login"]) == ("Bea", "bea@example.org")
    assert server.request("POST", "/api/v1/login", {"code": code}).status == 401


ELSEWHERE = ["https://evil.example/", "//evil.example", "/\\evil.example", "/c/x&code=y", "c/x"]


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_nobody_is_sent_elsewhere_afterwards(server: Server, provider: Provider, elsewhere: str) -> None:
    browser = Browser()
    back = come_back(server, browser, f"/api/v1/sso/login?next={quote(elsewhere, safe='')}")
    assert "next" not in browser.go(back)[1]


def test_an_answer_that_another_browser_began_is_refused(server: Server, provider: Provider) -> None:
    back = come_back(server, Browser())
    spent = provider.count("token")
    other = Browser()
    assert other.go(back)[1] == "/#sso=expired"
    come_back(server, other)  # has a cookie of its own now, of another state
    assert other.go(back)[1] == "/#sso=expired"
    forged = Browser()
    forged.cookies["podium_sso"] = jwt.encode({"state": "x"}, "x" * 32)
    assert forged.go(f"{server.url}/api/v1/sso/callback?state=x&code=y")[1] == "/#sso=expired"
    # A token of ours for another purpose is no note of ours.
    forged.cookies["podium_sso"] = server.login().token
    assert forged.go(f"{server.url}/api/v1/sso/callback?state=None&code=y")[1] == "/#sso=expired"
    assert provider.count("token") == spent


def test_a_code_is_good_once_and_a_wrong_one_never(server: Server, provider: Provider) -> None:
    browser = Browser()
    back = come_back(server, browser)
    kept = browser.cookies.copy()
    assert browser.go(back)[1].startswith("/#code=")
    browser.cookies = kept.copy()
    assert browser.go(back)[1] == "/#sso=refused"
    browser.cookies = kept
    wrong = back.replace(parse_qs(urlsplit(back).query)["code"][0], "wrong")
    assert browser.go(wrong)[1] == "/#sso=refused"


@pytest.mark.parametrize(
    "next", [{"sub": "nonce", "nonce": "another"}, {"sub": "aud", "aud": "another"}, {"sub": "old", "exp": 1}], ids=str
)
def test_an_id_token_that_is_not_for_this_log_in_is_refused(
    server: Server, provider: Provider, next: dict[str, Any]
) -> None:
    provider.set(next=next)
    browser = Browser()
    assert browser.go(come_back(server, browser))[1] == "/#sso=refused"
    provider.set(next={"sub": "browser", "name": "Bea"})


def test_a_provider_that_says_no_is_said(server: Server, provider: Provider) -> None:
    provider.set(broken="refuses")
    try:
        browser = Browser()
        assert browser.go(come_back(server, browser))[1] == "/#sso=refused"
    finally:
        provider.set(broken="")


def test_a_provider_that_is_away_is_said(podium_server: Callable[..., Server]) -> None:
    server = podium_server("--oidc-issuer", "http://127.0.0.1:1", "--oidc-audience", CLIENT)
    assert Browser().go(f"{server.url}/api/v1/sso/login")[1] == "/#sso=unreachable"
    assert server.api("GET", "/sso") == {"name": "single sign-on"}


async def test_the_websocket_refuses_what_http_refuses(server: Server, provider: Provider, clients: Clients) -> None:
    for token in (provider.sign(aud="another"), provider.sign(exp=1), provider.sign(kid="invented")):
        with pytest.raises(Refused) as caught:
            await clients(server, Guest(token, "", ""))
        assert caught.value.code == "bad_token"
