"""What kind of picture some bytes are, by their signature and their header; nothing is decoded.

Only formats without scripts: an SVG is a document, and has no place among what people upload. The size in pixels is
looked at because a small file may say that it is a hundred thousand pixels wide, and every visitor's browser would
believe it.
"""

from __future__ import annotations

MAX_PIXELS = 4096
# Before a JPEG's frame header; cameras write about ten.
MAX_SEGMENTS = 1000

PNG = b"\x89PNG\r\n\x1a\n"


class NoPicture(Exception):
    """The bytes are no picture of a kind that is taken; the message is a sentence for whoever sent them."""


def picture_type(data: bytes) -> str:
    """The media type: `image/png`, `image/jpeg` or `image/webp`. Raises `NoPicture`."""
    if data.startswith(PNG):
        type_, size = "image/png", _png(data)
    elif data.startswith(b"\xff\xd8\xff"):
        type_, size = "image/jpeg", _jpeg(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        type_, size = "image/webp", _webp(data)
    else:
        raise NoPicture("A logo is a PNG, JPEG or WebP picture.")
    if size is None:
        raise NoPicture("The picture is damaged.")
    if not all(1 <= side <= MAX_PIXELS for side in size):
        raise NoPicture(f"A logo has at most {MAX_PIXELS} by {MAX_PIXELS} pixels.")
    return type_


def _png(data: bytes) -> tuple[int, int] | None:
    """ISO/IEC 15948, 11.2.2: IHDR is the first chunk."""
    if data[12:16] != b"IHDR" or len(data) < 33:
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """ITU-T T.81, B.1.1: segments up to the first frame header."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        if at + 9 > len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    """RFC 9649, section 2: the first chunk is lossy, lossless or extended."""
    if len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None
