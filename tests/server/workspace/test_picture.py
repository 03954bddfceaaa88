"""What kind of picture some bytes are."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.workspace.picture import MAX_PIXELS, NoPicture, picture_type


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 1, height: int = 1) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\0" * min(height, 4))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def jpeg(width: int = 1, height: int = 1) -> bytes:
    jfif = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    frame = b"\xff\xc2\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + jfif + b"\xff" + frame + b"\xff\xd9"


def webp(kind: bytes, width: int = 1, height: int = 1) -> bytes:
    data = {
        b"VP8X": b"\0\0\0\0" + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3],
        b"VP8L": b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\0" * 6,
        b"VP8 ": b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height),
    }[kind]
    return b"RIFF" + struct.pack("<I", len(data) + 12) + b"WEBP" + kind + struct.pack("<I", len(data)) + data


@pytest.mark.parametrize(
    ("data", "type_"),
    [
        (png(), "image/png"),
        (png(MAX_PIXELS, 2), "image/png"),
        (jpeg(), "image/jpeg"),
        (jpeg(3, MAX_PIXELS), "image/jpeg"),
        (webp(b"VP8X", MAX_PIXELS, 5), "image/webp"),
        (webp(b"VP8L", 7, MAX_PIXELS), "image/webp"),
        (webp(b"VP8 ", 9, 9), "image/webp"),
    ],
)
def test_a_picture_is_known_by_its_bytes(data: bytes, type_: str) -> None:
    assert picture_type(data) == type_


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a" + bytes(40),
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        png()[:20],
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8" + b"\xff" * 50_000,
        b"RIFF\0\0\0\0WEBPVP9 " + bytes(30),
        webp(b"VP8L")[:22],
        png(MAX_PIXELS + 1, 1),
        png(1, 0),
        jpeg(1, MAX_PIXELS + 1),
        webp(b"VP8X", MAX_PIXELS + 1, 1),
    ],
)
def test_what_is_no_picture_or_a_damaged_or_a_huge_one_is_refused(data: bytes) -> None:
    with pytest.raises(NoPicture):
        picture_type(data)


@given(st.sampled_from([png(), jpeg(), webp(b"VP8X"), webp(b"VP8L"), webp(b"VP8 ")]), st.data())
def test_damage_is_refused_or_harmless_but_never_an_accident(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    damaged = data[:at] + draw.draw(st.binary(max_size=8)) + data[at + draw.draw(st.integers(0, 8)) :]
    try:
        assert picture_type(damaged).startswith("image/")
    except NoPicture as problem:
        assert str(problem).endswith(".")
