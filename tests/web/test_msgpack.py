"""The client's MessagePack is the server's."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgpack
import pytest

from protocol import commands as c
from protocol.answers import ChatMessage
from protocol.codec import Encoding, decode_client, encode
from protocol.names import Source
from protocol.signals import ChatShown, MediaQuality, Quality, QualityGrade

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Values cross to the page as JSON and bytes as base64: quicker than one by one.
DECODE = """
async (packed) => {
  const { decode } = await import('/static/js/lib/msgpack.js');
  return JSON.stringify(decode(Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0))));
}
"""
ENCODE = """
async (json) => {
  const { encode } = await import('/static/js/lib/msgpack.js');
  return btoa(Array.from(encode(JSON.parse(json)), (byte) => String.fromCharCode(byte)).join(''));
}
"""
REFUSES = """
async (bytes) => {
  const { decode } = await import('/static/js/lib/msgpack.js');
  try { decode(new Uint8Array(bytes)); return null; } catch (error) { return error.name; }
}
"""


async def unpacked(page: Any, packed: bytes) -> Any:
    """What the client makes of it."""
    return json.loads(await page.evaluate(DECODE, base64.b64encode(packed).decode()))


async def packed_by(page: Any, value: Any) -> bytes:
    """What the client makes of a value."""
    return base64.b64decode(await page.evaluate(ENCODE, json.dumps(value)))


# Each length and number form of the format, on both sides of every border.
VALUES: list[Any] = [
    *(None, True, False, 0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**53 - 1),
    *(-1, -32, -33, -128, -129, -32_768, -32_769, -(2**31), -(2**31) - 1, -(2**53) + 1),
    *(0.5, -1e300, "", "ü", "😀" * 5, "x" * 31, "x" * 32, "x" * 255, "x" * 256, "x" * 70_000),
    *([], list(range(15)), list(range(16)), [0] * 70_000),
    *({}, {str(i): i for i in range(15)}, {str(i): i for i in range(16)}, {"a": {"b": [{"c": None}]}}),
]


async def test_what_the_server_packs_the_client_unpacks(client_page: Any) -> None:
    for value in VALUES:
        assert await unpacked(client_page, msgpack.packb(value)) == value


async def test_what_the_client_packs_the_server_unpacks(client_page: Any) -> None:
    for value in VALUES:
        assert msgpack.unpackb(await packed_by(client_page, value)) == value


async def test_a_message_is_the_same_in_both_encodings(client_page: Any) -> None:
    for message in (
        ChatShown(message=ChatMessage(number=7, time=1_795_000_000_000, person="g_cara", name="Cära", text="Hello 👋")),
        MediaQuality(people=(Quality(person="u_ben", grade=QualityGrade.POOR, loss=3.25, rtt_ms=80),)),
    ):
        packed, text = encode(message, Encoding.MSGPACK), encode(message, Encoding.JSON)
        assert isinstance(packed, bytes)
        assert await unpacked(client_page, packed) == json.loads(text)


async def test_a_command_of_the_client_is_understood(client_page: Any) -> None:
    command = {"type": "media.publish", "id": 9, "sdp": "v=0\r\n" * 4_000, "tracks": {"0": "audio"}, "restart": True}
    packed = await packed_by(client_page, command)
    understood = decode_client(packed, Encoding.MSGPACK)
    assert understood == c.MediaPublish(id=9, sdp="v=0\r\n" * 4_000, tracks={"0": Source.AUDIO}, restart=True)


HOSTILE = {
    "empty": b"",
    "unused": b"\xc1",
    "cut": b"\x92\x01",
    "tail": b"\x01\x01",
    "short string": b"\xd9\xff",
    "huge array": b"\xdd\xff\xff\xff\xff",
    "integer key": b"\x81\x01\x01",
    "deep": b"\x91" * 60,
    "extension": b"\xc7\x01\x01\x01",
}


async def test_what_is_not_a_message_is_refused(client_page: Any) -> None:
    for kind, hostile in HOSTILE.items():
        assert await client_page.evaluate(REFUSES, list(hostile)) in ("RangeError", "TypeError"), kind
