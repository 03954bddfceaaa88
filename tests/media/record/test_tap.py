"""While the disk does not keep up, frames are left out; a picture that builds upon one that was left out is, too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from media.codecs import OPUS, VP8, Canonical
from media.record.matroska import Format, MatroskaFile
from media.record.tap import Tap


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.full = False
        self.dropped = 0
        self.written: list[bytes] = []
        self.closed: list[int] = []
        self._path = folder / "a"

    def open(self, track: Any, codec: Canonical, form: Format, date: float) -> MatroskaFile:
        self.file = MatroskaFile(self._path, form, date)
        add = self.file.frame

        def frame(ms: int, data: bytes, key: bool, lasts_ms: int) -> None:
            self.written.append(data)
            add(ms, data, key, lasts_ms)

        self.file.frame = frame  # type: ignore[method-assign]
        return self.file

    def done(self, file: MatroskaFile, dropped: int) -> None:
        file.close()
        self.closed.append(dropped)

    def drop(self) -> None:
        self.dropped += 1


class Keyframes:
    def __init__(self) -> None:
        self.asked = 0

    def request(self, now: float) -> None:
        self.asked += 1


def tapped(shelf: Shelf, codec: Canonical) -> tuple[Tap, Any]:
    track = SimpleNamespace(is_video=codec is VP8, codec=codec, usable=[None], open=True, to=True, layers=())
    layer = SimpleNamespace(clock=(1000.0, 0), width=320, height=240, keyframes=Keyframes())
    tap = Tap(cast(Any, None), cast(Any, track), shelf, lambda: 1000.0)
    tap.tick(0.0)
    tap.layer = cast(Any, layer)
    return tap, layer


@pytest.mark.parametrize("codec", [VP8, OPUS], ids=lambda codec: codec.name)
def test_what_is_left_out_is_counted_and_a_picture_goes_on_at_a_key_frame(tmp_path: Path, codec: Canonical) -> None:
    shelf = Shelf(tmp_path)
    tap, layer = tapped(shelf, codec)
    video = codec is VP8
    descriptor = b"\x10" if video else b""  # a frame begins
    for n in range(10):
        shelf.full = n in (3, 4)
        starts = n in (0, 4, 7)
        timestamp = n * codec.clock_rate // 25
        tap.take(layer, [(n, timestamp, 0x80, descriptor + b"%d" % n, starts)], 2.0 * n)  # kept for a second
    kept = b"012789" if video else b"01256789"
    assert b"".join(shelf.written) == kept
    assert shelf.dropped == 10 - len(kept)
    assert (layer.keyframes.asked > 0) == video
    tap.end()
    assert shelf.closed == [10 - len(kept)]
