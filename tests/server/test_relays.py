"""TURN credentials: what a relay that shares the secret accepts, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aioice.stun import TransactionFailed
from aioice.turn import create_turn_endpoint
from hypothesis import given
from hypothesis import strategies as st

from protocol.answers import Relays
from server.config import Settings
from server.relays import credentials, relays
from tests import turn
from tests.server.session_support import House
from tests.turn import Coturn

SECRET = "a secret of thirty-two bytes or so"
URLS = ("turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:5349?transport=tcp")


def by_hand(secret: bytes, text: bytes) -> str:
    """HMAC-SHA1 as RFC 2104 writes it, base64."""
    key = (hashlib.sha1(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
    inner = hashlib.sha1(bytes(byte ^ 0x36 for byte in key) + text).digest()
    return base64.b64encode(hashlib.sha1(bytes(byte ^ 0x5C for byte in key) + inner).digest()).decode()


def configured(ttl_s: int = 600) -> Settings:
    return Settings(turn_urls=URLS, turn_secret=SECRET, turn_ttl_s=ttl_s)


def test_the_password_is_the_signature_of_time_and_name() -> None:
    found = relays(configured(), "u_anna", 1_700_000_000.9)
    assert found.urls == URLS and found.ttl_s == 600
    assert found.username == "1700000600:u_anna"
    assert found.credential == by_hand(SECRET.encode(), b"1700000600:u_anna")
    # A vector computed elsewhere: printf '1700000600:u_anna' | openssl dgst -sha1 -hmac "$SECRET" -binary | base64
    assert found.credential == "Ivz2mBYf3gkqg2XZkxVxzJJ3C64="


@given(secret=st.text(min_size=1, max_size=100), identity=st.text(max_size=100), expires=st.integers(0, 2**40))
def test_any_identity_and_secret_give_a_plain_name_and_its_signature(secret: str, identity: str, expires: int) -> None:
    username, password = credentials(secret, identity, expires)
    end, _, name = username.partition(":")
    assert int(end) == expires and name.isascii() and ":" not in name and len(name) <= 64
    assert password == by_hand(secret.encode(), username.encode())


def test_later_credentials_are_others_and_another_persons_too() -> None:
    first = relays(configured(), "u_anna", 1000.0)
    assert relays(configured(), "u_anna", 1000.5) == first
    assert relays(configured(), "u_anna", 1001.0).credential != first.credential
    assert relays(configured(), "u_ben", 1000.0).credential != first.credential


def test_without_relays_nothing_is_said() -> None:
    assert relays(Settings(), "u_anna", 1000.0) == Relays()


async def test_people_in_a_conference_are_told_and_the_secret_is_in_no_answer_and_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house = await House(tmp_path).open(turn_urls=URLS, turn_secret=SECRET)
    try:
        conference = await house.conference()
        connection = await house.joined(house.token(house.owner), conference)
        answer = await house.say(connection, "media.relays")
        assert answer["result"]["urls"] == list(URLS) and answer["result"]["ttl_s"] == 3600
        username = answer["result"]["username"]
        assert username.endswith(f":{house.owner.id}")
        assert answer["result"]["credential"] == by_hand(SECRET.encode(), username.encode())
        for _ in range(12):
            last = await house.say(connection, "media.relays")
        assert last["code"] == "rate_limited"
        assert SECRET not in str(connection.sent) and SECRET not in caplog.text
    finally:
        await house.close()


async def test_without_relays_people_are_told_of_none(tmp_path: Path) -> None:
    house = await House(tmp_path).open()
    try:
        connection = await house.joined(house.token(house.owner), await house.conference())
        assert (await house.say(connection, "media.relays"))["result"] == {"type": "relays"}
    finally:
        await house.close()


# --- against coturn ---------------------------------------------------------------------------------


class Kept(asyncio.DatagramProtocol):
    """Keeps what comes, and can say it back."""

    def __init__(self, echo: bool = False) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()
        self._echo = echo
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came.put_nowait(data)
        if self._echo:
            self._transport.sendto(data.upper(), addr)


@contextlib.asynccontextmanager
async def allocation(relay: Coturn, username: str, password: str) -> AsyncIterator[tuple[Any, Kept]]:
    """A relay's port as a foreign TURN client gets it."""
    transport: Any
    transport, kept = await create_turn_endpoint(Kept, ("127.0.0.1", relay.port), username, password)
    try:
        yield transport, kept
    finally:
        await transport._TurnTransport__inner_protocol.delete()
        transport.close()


async def test_coturn_takes_the_credentials_and_relays_to_the_worker_and_nobody_else(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with Coturn(tmp_path / "turn", "127.0.0.1") as relay:
        settings = Settings(turn_urls=(relay.url,), turn_secret=turn.SECRET)
        good = relays(settings, "u_anna", time.time())
        worker, _ = await loop.create_datagram_endpoint(lambda: Kept(echo=True), local_addr=("127.0.0.1", 0))
        async with allocation(relay, good.username, good.credential) as (transport, kept):
            transport.sendto(b"hello", worker.get_extra_info("sockname"))
            assert await asyncio.wait_for(kept.came.get(), 5) == b"HELLO"
            bind = transport._TurnTransport__inner_protocol.channel_bind
            for number, host in enumerate(("127.0.0.2", "10.0.0.1", "192.168.1.1", "169.254.169.254", "8.8.8.8")):
                with pytest.raises(TransactionFailed) as refused:
                    await bind(0x4100 + number, (host, 80))
                assert refused.value.response.attributes["ERROR-CODE"][0] == 403, host
        worker.close()
        over = relays(settings, "u_anna", time.time() - settings.turn_ttl_s - 5)
        forged = good.username, credentials("another secret than the relay has", "u_anna", int(time.time()) + 60)[1]
        for username, password in ((over.username, over.credential), forged):
            with pytest.raises(TransactionFailed) as refused:
                await create_turn_endpoint(Kept, ("127.0.0.1", relay.port), username, password)
            assert refused.value.response.attributes["ERROR-CODE"][0] == 401
        assert turn.SECRET not in relay.log


async def test_the_relay_does_not_start_without_a_secret(tmp_path: Path) -> None:
    relay = Coturn(tmp_path / "turn", "127.0.0.1", secret="")
    await relay.start()
    assert await relay.ended() == 1
    assert "PODIUM_TURN_SECRET must have at least 32 characters" in relay.log
