"""What a recording writes, done by a thread of its own, so that a disk that is slow or hangs keeps no packet waiting.

What is to be done is done in the order in which it was told. What waits has a bound: beyond it the disk is `full`, and
the taps leave frames out until half of it is written. How long the oldest has waited tells whether the disk will ever
keep up. The thread spends its time in the kernel, where it does not hold the interpreter.

Nothing here raises to the loop: the first error that the disk had is kept, and ends the recording.
"""

from __future__ import annotations

import functools
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path

# Bytes of one recording. Six cameras and a screen send 2 MB in a second.
MAX_WAITING = 32 << 20


class OpenFile:
    """A new file. Raises `OSError` wherever it writes."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)

    def write(self, data: bytes, at: int) -> None:
        """All of it, at this place."""
        written = 0
        while written < len(data):  # a disk that fills up takes a part
            written += os.pwrite(self._file, data[written:], at + written)

    def close(self) -> None:
        """Nothing more comes."""
        os.close(self._file)


class Disk:
    """See the module. `clock` is monotonic. `free`: bytes that are free where it was looked last, -1 before."""

    def __init__(self, clock: Callable[[], float], most: int = MAX_WAITING) -> None:
        self.error: OSError | None = None
        self.free = -1
        self._clock = clock
        self._most = most
        self._full = False
        self._looking = False
        # Each of these is written by one side alone: what was told by the loop, what is done by the thread.
        self._told = self._told_bytes = 0
        self._done = self._done_bytes = 0
        self._since = 0.0  # when what is being done was told
        self._jobs: queue.SimpleQueue[tuple[Callable[[], None], int, float] | None] = queue.SimpleQueue()
        # A daemon: whoever ends does not wait for a disk that hangs.
        self._thread = threading.Thread(target=self._work, name="disk", daemon=True)
        self._thread.start()

    # --- how it is ------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """All is done."""
        return self._done == self._told

    @property
    def full(self) -> bool:
        """So much waits that nothing is to be added."""
        waiting = self._told_bytes - self._done_bytes
        self._full = waiting > (self._most // 2 if self._full else self._most)
        return self._full

    def behind(self) -> float:
        """For how many seconds the oldest of what waits has waited."""
        return 0.0 if self.idle else self._clock() - self._since

    # --- what is to be done ---------------------------------------------------------------------------

    def open(self, path: Path) -> QueuedFile:
        """A new file."""
        return QueuedFile(self, path)

    def append(self, path: Path, line: bytes) -> None:
        """One write for a line: what is killed leaves no half of it before another one."""
        self.tell(functools.partial(_append, path, line), len(line))

    def look(self, folder: Path) -> None:
        """Find out what is `free`."""
        if not self._looking:
            self._looking = True
            self.tell(functools.partial(self._look, folder))

    def tell(self, job: Callable[[], None], size: int = 0) -> None:
        """Do this after all that was told before; it may raise `OSError`."""
        now = self._clock()
        if self.idle:
            self._since = now
        self._told += 1
        self._told_bytes += size
        self._jobs.put((job, size, now))

    def close(self, within: float = 0.0) -> None:
        """Nothing more comes. Waits for what waits, for so many seconds."""
        self._jobs.put(None)
        if within:
            self._thread.join(within)

    # --- in the thread --------------------------------------------------------------------------------

    def _work(self) -> None:
        while (given := self._jobs.get()) is not None:
            job, size, self._since = given
            try:
                job()
            except OSError as error:
                self.error = self.error or error
            self._done_bytes += size
            self._done += 1

    def _look(self, folder: Path) -> None:
        try:
            found = os.statvfs(folder)
            self.free = found.f_bavail * found.f_frsize
        finally:
            self._looking = False


class QueuedFile:
    """A new file that a disk's thread writes."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk = disk
        self._path = path
        self._file: OpenFile | None = None
        disk.tell(self._open)

    def write(self, data: bytes, at: int) -> None:
        """All of it, at this place."""
        self._disk.tell(functools.partial(self._write, data, at), len(data))

    def close(self) -> None:
        """Nothing more comes."""
        self._disk.tell(self._close)

    def _open(self) -> None:
        self._file = OpenFile(self._path)

    def _write(self, data: bytes, at: int) -> None:
        if self._file is not None:  # otherwise the disk has its error already
            self._file.write(data, at)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


def _append(path: Path, line: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(line)
