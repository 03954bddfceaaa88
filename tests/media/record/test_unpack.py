"""Pictures of every codec go through RTP and into a file, and FFmpeg's decoder gets out of it what went in."""

from __future__ import annotations

import fractions
from pathlib import Path

import av
import pytest

from media.keyframe import detector
from media.record.matroska import MatroskaFile
from media.record.order import Packet
from media.record.unpack import Unpacker, form

SIZE = (128, 64)
PICTURES = 12
# What is put in one RTP packet.
PIECE = 60


def encoded(encoder: str, **options: str) -> list[bytes]:
    """Pictures that become lighter."""
    context = av.CodecContext.create(encoder, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = SIZE
    context.pix_fmt, context.time_base = "yuv420p", fractions.Fraction(1, 25)
    context.options = options
    packets = []
    for n in range(PICTURES):
        frame = av.VideoFrame(*SIZE, "yuv420p")
        for plane, value in zip(frame.planes, (20 + 15 * n, 128, 128), strict=True):
            plane.update(bytes((value,)) * plane.buffer_size)
        frame.pts = n
        packets += context.encode(frame)
    packets += context.encode(None)
    return [bytes(packet) for packet in packets]


def pieces(data: bytes) -> list[bytes]:
    return [data[at : at + PIECE] for at in range(0, len(data), PIECE)]


def vp8(frame: bytes) -> list[bytes]:
    # X with I (15 bits), L and T: as browsers send it
    return [bytes((0x90 if n == 0 else 0x80, 0xE0, 0x80, 1, 2, 0x20)) + piece for n, piece in enumerate(pieces(frame))]


def vp9(frame: bytes) -> list[bytes]:
    parts = pieces(frame)
    key = not frame[0] & 0x04
    found = []
    for n, piece in enumerate(parts):
        structure = key and n == 0
        first = 0x80 | (0 if key else 0x40) | 0x08 * (n == 0) | 0x04 * (n == len(parts) - 1) | 0x02 * structure
        sizes = bytes((0x18, 0, SIZE[0], 0, SIZE[1], 1, 0x04, 1)) if structure else b""
        found.append(bytes((first, 0x80, 7)) + sizes + piece)
    return found


def h264(frame: bytes) -> list[bytes]:
    units = [unit.strip(b"\0") for unit in frame.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]
    small = [unit for unit in units if unit[0] & 0x1F in (7, 8)]
    found = [b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in small)] if small else []
    for unit in units:
        if unit in small:
            continue
        parts = pieces(unit[1:])
        if len(parts) == 1:
            found.append(unit)
            continue
        for n, part in enumerate(parts):
            edge = 0x80 * (n == 0) | 0x40 * (n == len(parts) - 1)
            found.append(bytes((unit[0] & 0xE0 | 28, edge | unit[0] & 0x1F)) + part)
    return found


def av1(frame: bytes) -> list[bytes]:
    """Each OBU by itself, without its size and in pieces that continue each other."""
    found: list[bytes] = []
    at = 0
    key = False
    while at < len(frame):
        size, head = frame[at + 1], 2  # all are short here
        if size & 0x80:
            size, head = size & 0x7F | frame[at + 2] << 7, 3
        kind = frame[at] >> 3 & 0x0F
        unit = bytes((frame[at] & ~0x02,)) + frame[at + head : at + head + size]
        at += head + size
        if kind == 2:
            continue  # temporal delimiters are not sent
        key |= kind == 1
        parts = pieces(unit)
        for n, part in enumerate(parts):
            first = 0x10 | 0x80 * (n > 0) | 0x40 * (n < len(parts) - 1) | 0x08 * (key and not found)
            found.append(bytes((first,)) + part)
    return found


@pytest.mark.parametrize(
    ("codec", "encoder", "options", "packed"),
    [
        ("VP8", "libvpx", {"lag-in-frames": "0"}, vp8),
        ("VP9", "libvpx-vp9", {"lag-in-frames": "0"}, vp9),
        ("H264", "libx264", {"tune": "zerolatency", "profile": "baseline"}, h264),
        ("AV1", "libsvtav1", {"preset": "12", "svtav1-params": "pred-struct=1:lookahead=0"}, av1),
    ],
)
def test_what_was_sent_is_what_is_played(tmp_path: Path, codec, encoder, options, packed) -> None:  # type: ignore[no-untyped-def]
    unpacker, starts = Unpacker(codec), detector(codec)
    file, seq = None, 0
    for n, picture in enumerate(encoded(encoder, **options)):
        payloads = packed(picture)
        for place, payload in enumerate(payloads):
            key = starts(payload, 0, len(payload)) and place == 0
            packet = Packet(seq, 3600 * n, place == len(payloads) - 1, key, payload, 0.0)
            seq += 1
            for frame in unpacker.add(packet):
                if file is None:
                    head = form(codec, frame, (0, 0))
                    assert head is not None
                    assert head.size == SIZE
                    file = MatroskaFile(tmp_path / "film", head, 1_700_000_000.0)
                file.frame(40 * n, frame.data, frame.key, 40)
    assert file is not None
    file.close()
    with av.open(str(tmp_path / "film")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.width, stream.codec_context.height) == SIZE
        assert container.metadata["creation_time"].startswith("2023-11-14T22:13:20")
        frames = list(container.decode(stream))
    assert [round(1000 * shown.time) for shown in frames] == [40 * n for n in range(PICTURES)]
    for n, shown in enumerate(frames):
        assert abs(bytes(shown.planes[0])[64] - (20 + 15 * n)) < 8


@pytest.mark.parametrize("codec", ["VP8", "VP9", "H264", "AV1"])
def test_what_is_malformed_is_left_out(codec: str) -> None:
    unpacker = Unpacker(codec)
    for size in range(1, 6):
        for first in range(256):
            payload = bytes((first,)) + b"\xff" * (size - 1)
            for frame in unpacker.add(Packet(0, 0, True, True, payload, 0.0)):
                assert frame.data
                form(codec, frame, (0, 0))
