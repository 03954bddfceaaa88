"""A disk that is slow or hangs: nothing waits for it, what is too much is left out, and it is known how far behind it
is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from media.record.disk import Disk
from media.record.matroska import Format, MatroskaFile

OPUS = Format("A_OPUS", b"OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00", None)


class Hung:
    """A job that takes until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        assert self.go.wait(10)


def within(seconds: float, what: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not what() and time.monotonic() < until:
        time.sleep(0.001)
    return what()


def test_a_file_by_way_of_the_thread_is_the_one_that_is_written_at_once(tmp_path: Path) -> None:
    disk = Disk(time.monotonic)
    for file in (
        MatroskaFile(tmp_path / "queued", OPUS, 1e9, disk.open),
        MatroskaFile(tmp_path / "at once", OPUS, 1e9),
    ):
        for n in range(1000):
            file.frame(20 * n, bytes(n % 7), True, 20)
        file.close()
    disk.append(tmp_path / "index", b"one\n")
    disk.append(tmp_path / "index", b"other\n")
    disk.close(10)
    assert disk.idle and disk.error is None
    assert (tmp_path / "queued").read_bytes() == (tmp_path / "at once").read_bytes()
    assert (tmp_path / "index").read_bytes() == b"one\nother\n"


def test_what_waits_for_a_disk_that_hangs_has_a_bound_and_half_of_it_is_written_before_there_is_more(
    tmp_path: Path,
) -> None:
    now = 100.0
    disk, hung, middle = Disk(lambda: now, most=1000), Hung(), Hung()
    disk.tell(hung)
    assert hung.begun.wait(10)
    file = disk.open(tmp_path / "a")
    told = 0
    while not disk.full:
        file.write(bytes(100), told)
        told += 100
        if told == 500:
            disk.tell(middle)
    assert told == 1100
    now = 107.0
    assert disk.behind() == 7.0 and not disk.idle
    hung.go.set()
    assert middle.begun.wait(10)
    assert disk.full, "600 bytes wait"
    middle.go.set()
    assert within(10, lambda: disk.idle)
    assert not disk.full and disk.behind() == 0.0
    assert (tmp_path / "a").stat().st_size == 1100
    disk.close(10)


def test_how_far_it_is_behind_is_the_age_of_what_waits_and_not_of_what_was_before(tmp_path: Path) -> None:
    now = 100.0
    disk, hung = Disk(lambda: now), Hung()
    disk.append(tmp_path / "a", b"long ago")
    assert within(10, lambda: disk.idle)
    now = 500.0
    disk.tell(hung)
    assert disk.behind() == 0.0
    now = 503.0
    disk.append(tmp_path / "a", b"later")
    now = 504.0
    assert disk.behind() == 4.0
    hung.go.set()
    disk.close(10)


def test_the_first_error_of_a_disk_is_kept_and_nothing_is_raised(tmp_path: Path) -> None:
    disk = Disk(time.monotonic)
    file = MatroskaFile(tmp_path / "gone" / "a.webm", OPUS, 1e9, disk.open)
    file.frame(0, b"x", True, 20)
    file.close()
    (tmp_path / "there").mkdir()
    disk.append(tmp_path / "there", b"x")
    disk.close(10)
    assert isinstance(disk.error, FileNotFoundError)


@pytest.mark.parametrize("there", [True, False])
def test_it_is_looked_how_much_is_free(tmp_path: Path, there: bool) -> None:
    disk = Disk(time.monotonic)
    disk.look(tmp_path if there else tmp_path / "gone")
    disk.close(10)
    assert (disk.free > 0) == there == (disk.error is None)
