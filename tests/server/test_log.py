"""Whatever is logged, by whom and in whatever form: no token, code or password is in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from protocol.names import Role
from server import log
from server.identity.tokens import Tokens

TOKENS = Tokens(b"x" * 32)
SECRETS = {
    "account token": TOKENS.account("u_1", "Anna"),
    "guest token": TOKENS.guest("g_1", "Ben", "abc", Role.VIEWER),
    "invitation": TOKENS.invitation("abc", Role.VIEWER),
}
CODE = "Xy7hQ2mNc8pLw3rT5vB1zA"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    log.configure("debug", "json", stream)
    yield stream
    root.handlers[:], root.level = before


def one(stream: io.StringIO) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return found


@pytest.mark.parametrize("token", SECRETS.values(), ids=SECRETS.keys())
@pytest.mark.parametrize(
    "say",
    [
        lambda token: log.get("t").info("hello", token=token),
        lambda token: log.get("t").info("hello", anything=token),
        lambda token: log.get("t").info(f"hello {token}"),
        lambda token: log.get("t").info("hello %s", token),
        lambda token: log.get("t").info("hello", headers={"Authorization": f"Bearer {token}"}),
        lambda token: log.get("t").info("hello", deep=[{"x": ({"y": token},)}]),
        lambda token: log.get("t").info("hello", message=ValueError(f"bad {token}")),
        lambda token: log.get("t").info("hello", **{token: 1}),
        lambda token: logging.getLogger("library").warning("GET /c/abc#invite=%s", token),
        lambda token: logging.getLogger("library").warning("said %r", {"type": "hello", "token": token}),
        lambda token: logging.getLogger("library").warning("extra", extra={"secret_thing": token}),
        lambda token: raised(token),
    ],
    ids=range(12),
)
@pytest.mark.parametrize("format", ["json", "console"])
def test_a_token_is_not_in_the_log(lines: io.StringIO, token: str, say: Any, format: str) -> None:
    log.configure("debug", format, lines)
    say(token)
    written = lines.getvalue()
    assert written
    for part in token.split("."):
        assert part not in written


def raised(token: str) -> None:
    try:
        raise RuntimeError(f"cannot use {token}")
    except RuntimeError:
        log.get("t").exception("failed")
        logging.getLogger("library").exception("failed")


@pytest.mark.parametrize(
    "text",
    [
        f"http://localhost:8080/#code={CODE}&next=/c/abc",
        f'{{"code": "{CODE}"}}',
        f"{{'code': '{CODE}'}}",
        f"password={CODE}",
        f'"password":"{CODE}"',
        f"a=ice-pwd:{CODE}",
        f"Authorization: Bearer {CODE}",
        f"Basic {CODE}",
        f"PODIUM_TOKEN_SECRET={CODE}",
    ],
)
def test_codes_and_passwords_are_cut_out_of_any_text(lines: io.StringIO, text: str) -> None:
    log.get("t").info(text)
    logging.getLogger("library").info(text)
    assert CODE not in lines.getvalue()
    assert log.HIDDEN in lines.getvalue()


def test_a_secret_is_hidden_by_the_name_of_its_key(lines: io.StringIO) -> None:
    log.get("t").info("x", password="plain", old_password="plain", cookie="plain", api_secret=["plain"], code="plain")
    assert "plain" not in lines.getvalue()


def test_what_is_no_secret_stays_as_it_is(lines: io.StringIO) -> None:
    log.get("t").info("joined", conference="abc", person="u_1", count=3, ms=1.5, ok=True, none=None, list=[1, "a"])
    line = one(lines)
    expected = {"event": "joined", "conference": "abc", "person": "u_1", "count": 3, "ms": 1.5, "ok": True}
    assert {name: line[name] for name in expected} == expected
    assert (line["none"], line["list"], line["level"], line["logger"]) == (None, [1, "a"], "info", "t")
    assert line["timestamp"].endswith("Z")


def test_bytes_are_counted_not_shown(lines: io.StringIO) -> None:
    log.get("t").info("x", data=b"abc")
    assert one(lines)["data"] == "3 bytes"


def test_a_traceback_is_in_the_log_without_local_variables(lines: io.StringIO) -> None:
    def inner() -> None:
        hidden_local = "local value"
        raise RuntimeError("on purpose" + hidden_local[:0])

    try:
        inner()
    except RuntimeError:
        log.get("t").exception("failed")
    line = one(lines)
    assert "RuntimeError: on purpose" in line["exception"]
    assert "local value" not in line["exception"].replace('hidden_local = "local value"', "")


def test_the_level_is_kept(lines: io.StringIO) -> None:
    log.configure("warning", "json", lines)
    log.get("t").info("quiet")
    log.get("t").warning("loud")
    assert "quiet" not in lines.getvalue() and "loud" in lines.getvalue()


def test_libraries_do_not_narrate_each_request(lines: io.StringIO) -> None:
    log.configure("info", "json", lines)
    logging.getLogger("uvicorn.access").info("GET /")
    logging.getLogger("uvicorn.error").info("started")
    assert lines.getvalue() == ""


@pytest.mark.parametrize(
    "url",
    ["redis://:s3cret@host:6379/0", "rediss+cluster://me:s3cret@a,b", "redis://me:s3@cret@host", "https://s3cret@x/y"],
)
def test_who_logs_in_at_the_host_of_a_url_is_not_in_the_log(lines: io.StringIO, url: str) -> None:
    log.get("t").warning("cannot be reached", reason=f"no answer from {url} since noon", address=url)
    written = one(lines)
    assert "cret" not in lines.getvalue()
    assert written["address"].startswith(url.partition("//")[0]) and "since noon" in written["reason"]
