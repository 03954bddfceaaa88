"""Matroska and WebM files with one track, written frame by frame so that they can be played whenever writing ends.

Each frame is written at once. The sizes that are not known in advance, of the segment and of the newest cluster, say
so (RFC 8794 section 6.2: all ones), and are put right later; the duration is put right each 60 ms. A file that
is closed gets its table of key frames (Cues), to which the place kept at its beginning (SeekHead) then points.

See RFC 9559 (Matroska) and the WebM container guidelines.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from media.record.disk import OpenFile

_EBML, _SEGMENT, _SEEK_HEAD, _VOID = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x11\x4d\x9b\x74", b"\xec"
_INFO, _TRACKS, _CLUSTER, _CUES = b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75", b"\x1c\x53\xbb\x6b"
_UNKNOWN = b"\x01" + b"\xff" * 7
# Seconds from 1970 to 2001, where the dates of Matroska begin.
_EPOCH = 978_307_200
# The place of the SeekHead until there is one.
_RESERVED = 96
# Times in a cluster are 16 bits of milliseconds; a shorter one makes it quicker to jump.
LONGEST_CLUSTER_MS, SHORTEST_CLUSTER_MS = 5000, 1000
DURATION_EACH_MS = 60
# Of the Cues. Clusters are a second at least, so that is eleven hours; whoever records longer jumps more roughly.
MAX_CUES = 40_000

# RFC 7845 section 4.2 asks for 80 ms before a place that is jumped to.
_SEEK_PRE_ROLL_NS = 80_000_000


def _size(length: int) -> bytes:
    """A size in as few bytes as it takes; all ones would mean unknown."""
    width = 1
    while length >= (1 << 7 * width) - 1:
        width += 1
    return (1 << 7 * width | length).to_bytes(width, "big")


def _element(name: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return name + _size(len(data)) + data


def _number(name: bytes, value: int) -> bytes:
    return _element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _text(name: bytes, value: str) -> bytes:
    return _element(name, value.encode())


class Format:
    """What a file holds. `codec`: Matroska's name of it; `private`: what its decoder is told in advance; `web`: WebM
    has this codec; `size`: of the pictures, `None` for sound."""

    __slots__ = ("codec", "private", "size", "web")

    def __init__(self, codec: str, private: bytes, size: tuple[int, int] | None, *, web: bool = True) -> None:
        self.codec = codec
        self.private = private
        self.size = size
        self.web = web


class Target(Protocol):
    """What is written to."""

    def write(self, data: bytes, at: int) -> None:
        """All of it, at this place."""

    def close(self) -> None:
        """Nothing more comes."""


class MatroskaFile:
    """A file that is being written. `date`: seconds since 1970 of its time zero. `bytes`: how long it is. `began_ms`:
    when its newest frame begins; `ends_ms`: when that ends.

    Raises wherever it writes what the file raises that `create` makes.
    """

    def __init__(self, path: Path, form: Format, date: float, create: Callable[[Path], Target] = OpenFile) -> None:
        self._file = create(path)
        self.path = path
        self.bytes = 0
        self.date = date
        self.began_ms = -1
        self.ends_ms = 0
        self._cues: list[tuple[int, int]] = []
        self._cluster_at = -1
        self._cluster_ms = 0
        self._told_ms = 0
        self._sound = form.size is None
        head = _element(
            _EBML,
            _number(b"\x42\x86", 1),
            _number(b"\x42\xf7", 1),
            _number(b"\x42\xf2", 4),
            _number(b"\x42\xf3", 8),
            _text(b"\x42\x82", "webm" if form.web else "matroska"),
            _number(b"\x42\x87", 4),
            _number(b"\x42\x85", 2),
        )
        self._segment_at = len(head) + len(_SEGMENT) + 8
        void = _VOID + _size(_RESERVED - 2) + bytes(_RESERVED - 2)
        duration = _element(b"\x44\x89", struct.pack("!d", 0.0))
        info = _element(
            _INFO,
            duration,
            _number(b"\x2a\xd7\xb1", 1_000_000),
            _element(b"\x44\x61", struct.pack("!q", int((date - _EPOCH) * 1e9))),
            _text(b"\x4d\x80", "podium"),
            _text(b"\x57\x41", "podium"),
        )
        self._info_at = self._segment_at + len(void)
        self._duration_at = self._info_at + info.index(duration) + 3
        self._tracks_at = self._info_at + len(info)
        try:
            self._write(head + _SEGMENT + _UNKNOWN + void + info + _element(_TRACKS, _track(form)))
        except OSError:
            self._file.close()
            raise

    def frame(self, ms: int, data: bytes, key: bool, lasts_ms: int) -> None:
        """Add a frame that begins at `ms` after time zero; a later call never names an earlier time."""
        since = ms - self._cluster_ms
        if (
            self._cluster_at < 0
            or since > LONGEST_CLUSTER_MS
            or (key and since >= (LONGEST_CLUSTER_MS if self._sound else SHORTEST_CLUSTER_MS))
        ):
            self._begin_cluster(ms, key)
            since = 0
        block = b"\x81" + struct.pack("!hB", since, 0x80 if key else 0) + data
        self._write(b"\xa3" + _size(len(block)) + block)
        self.began_ms, self.ends_ms = ms, ms + lasts_ms
        if self.ends_ms - self._told_ms >= DURATION_EACH_MS:
            self._tell_duration()

    def close(self) -> None:
        """Finish the file."""
        try:
            self._end_cluster()
            self._tell_duration()
            cues_at = self.bytes
            self._write(
                _element(
                    _CUES,
                    *(
                        _element(
                            b"\xbb",
                            _number(b"\xb3", ms),
                            _element(b"\xb7", _number(b"\xf7", 1), _number(b"\xf1", at - self._segment_at)),
                        )
                        for ms, at in self._cues
                    ),
                )
            )
            places = ((_INFO, self._info_at), (_TRACKS, self._tracks_at), (_CUES, cues_at))
            seek = _element(
                _SEEK_HEAD,
                *(
                    _element(b"\x4d\xbb", _element(b"\x53\xab", name), _number(b"\x53\xac", at - self._segment_at))
                    for name, at in places
                ),
            )
            rest = _RESERVED - len(seek)
            self._file.write(seek + _VOID + _size(rest - 2) + bytes(rest - 2), self._segment_at)
            self._file.write(_known(self.bytes - self._segment_at), self._segment_at - 8)
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close it as it is: nothing more can be written."""
        self._file.close()

    def _begin_cluster(self, ms: int, key: bool) -> None:
        self._end_cluster()
        self._cluster_at, self._cluster_ms = self.bytes, ms
        if key and len(self._cues) < MAX_CUES:
            self._cues.append((ms, self.bytes))
        self._write(_CLUSTER + _UNKNOWN + _number(b"\xe7", ms))

    def _end_cluster(self) -> None:
        if self._cluster_at >= 0:
            at = self._cluster_at + len(_CLUSTER)
            self._file.write(_known(self.bytes - at - 8), at)

    def _tell_duration(self) -> None:
        self._told_ms = self.ends_ms
        self._file.write(struct.pack("!d", float(self.ends_ms)), self._duration_at)

    def _write(self, data: bytes) -> None:
        self._file.write(data, self.bytes)
        self.bytes += len(data)


def _known(length: int) -> bytes:
    return (1 << 56 | length).to_bytes(8, "big")


def _track(form: Format) -> bytes:
    entry = [
        _number(b"\xd7", 1),
        _number(b"\x73\xc5", 1),
        _number(b"\x9c", 0),  # no lacing
        _text(b"\x22\xb5\x9c", "und"),
        _number(b"\x83", 2 if form.size is None else 1),
        _text(b"\x86", form.codec),
    ]
    if form.private:
        entry.append(_element(b"\x63\xa2", form.private))
    if form.size is None:
        entry.append(_number(b"\x56\xbb", _SEEK_PRE_ROLL_NS))
        entry.append(
            _element(b"\xe1", _element(b"\xb5", struct.pack("!d", 48000.0)), _number(b"\x9f", 2)),
        )
    else:
        entry.append(_element(b"\xe0", _number(b"\xb0", form.size[0]), _number(b"\xba", form.size[1])))
    return _element(b"\xae", *entry)
