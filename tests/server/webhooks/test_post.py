"""One delivery as an HTTP request, against receivers that behave and receivers that do not."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from server.webhooks.address import BadAddress, parse
from server.webhooks.post import Poster, Undelivered
from tests.server.webhooks.receiver import Receiver, status

SECRET = "whsec_test"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = await Receiver().start()
    yield one
    await one.stop()


async def post(url: str, body: bytes = b'{"a": 1}', private: bool = True, timeout_s: float = 5.0) -> None:
    poster = Poster(private, timeout_s)
    try:
        await poster.post(url, SECRET, "w_1", "d_1", body)
    finally:
        poster.close()


async def refused(url: str, **options: float) -> str:
    with pytest.raises(Undelivered) as error:
        await post(url, **options)  # type: ignore[arg-type]
    return str(error.value)


async def test_a_delivery_is_signed_over_its_time_and_its_body(receiver: Receiver) -> None:
    await post(receiver.url, b'{"hello": "there"}')
    (one,) = receiver.requests
    assert one.path == "/hook?for=podium" and one.raw == b'{"hello": "there"}'
    assert one.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert one.headers["content-type"] == "application/json"
    assert (one.headers["podium-webhook"], one.headers["podium-delivery"]) == ("w_1", "d_1")
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", one.headers["podium-signature"])
    assert found is not None and abs(int(found[1]) - time.time()) < 30
    expected = hmac.new(SECRET.encode(), found[1].encode() + b"." + one.raw, hashlib.sha256).hexdigest()
    assert found[2] == expected


@pytest.mark.parametrize("number", [200, 201, 204, 299])
async def test_every_2xx_is_well(receiver: Receiver, number: int) -> None:
    receiver.answer = lambda _: status(number)
    await post(receiver.url)


@pytest.mark.parametrize("number", [300, 400, 404, 410, 429, 500, 503])
async def test_everything_else_is_not(receiver: Receiver, number: int) -> None:
    receiver.answer = lambda _: status(number)
    assert f"answered with {number}" in await refused(receiver.url)


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    elsewhere = await Receiver().start()
    where = elsewhere.url.encode()
    receiver.answer = lambda _: b"HTTP/1.1 307 X\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % where
    assert "redirects are not followed" in await refused(receiver.url)
    assert not elsewhere.requests
    await elsewhere.stop()


async def test_what_comes_before_the_answer_is_not_the_answer(receiver: Receiver) -> None:
    receiver.answer = lambda _: b"HTTP/1.1 103 Early Hints\r\n\r\n" + status(500)
    assert "500" in await refused(receiver.url)


async def test_a_receiver_that_never_answers_is_waited_for_as_long_as_was_said(receiver: Receiver) -> None:
    receiver.answer = lambda _: None
    began = time.monotonic()
    assert "no answer within 0.3 s" in await refused(receiver.url, timeout_s=0.3)
    assert time.monotonic() - began < 3


async def test_a_receiver_that_answers_without_end_is_not_listened_to(receiver: Receiver) -> None:
    receiver.answer = lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n"
    receiver.endless = True
    began = time.monotonic()
    await post(receiver.url)
    assert time.monotonic() - began < 3


async def test_headers_without_end_are_not_read(receiver: Receiver) -> None:
    receiver.answer = lambda _: b"HTTP/1.1 200 OK\r\nX: "
    receiver.endless = True
    await refused(receiver.url)


async def test_an_answer_that_is_never_finished_counts_by_its_status(receiver: Receiver) -> None:
    receiver.answer = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"
    await post(receiver.url)


@pytest.mark.parametrize(
    "answer", [b"", b"\r\n", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 2", b"HTTP/1.1 101 X\r\n\r\n", b"\0"]
)
async def test_what_is_no_answer_is_none(receiver: Receiver, answer: bytes) -> None:
    receiver.answer = lambda _: answer
    await refused(receiver.url)


async def test_a_receiver_that_is_away_is_said_to_be(receiver: Receiver) -> None:
    await receiver.stop()
    assert "Connect" in await refused(receiver.url)


async def test_nothing_is_sent_to_where_it_is_not_allowed(receiver: Receiver) -> None:
    for url in (receiver.url, f"http://localhost:{receiver.port}/", f"https://127.0.0.1:{receiver.port}/"):
        assert "webhook" in await refused(url, private=False)
    await asyncio.sleep(0.05)
    assert not receiver.requests and receiver.most_open == 0
    poster = Poster(False)
    with pytest.raises(BadAddress):
        await poster.check(parse("https://169.254.169.254/latest/meta-data"))
    poster.close()


class Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def over_tls(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A receiver with a certificate for `localhost`: its port and the certificate."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*made.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    # In a thread: asyncio's server calls each handshake that is broken off an error.
    server = HTTPServer(("127.0.0.1", 0), Taker)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_port, cert
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_certificate_is_checked(over_tls: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    port, cert = over_tls
    assert "CERTIFICATE_VERIFY_FAILED" in await refused(f"https://localhost:{port}/")
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    await post(f"https://localhost:{port}/")
    # The name is that of the URL, although the connection goes to an address.
    assert "CERTIFICATE_VERIFY_FAILED" in await refused(f"https://127.0.0.1:{port}/")
