"""Whether this machine stood still: a process that only sleeps notes whenever it was woken late.

What is measured in such a moment is the machine's doing (another guest of the host had the core), not the server's, and
says nothing. A server that holds up its own loop does not make another process wake late, so its mistakes still count.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import TracebackType

# Waking late by less is usual on a machine that is busy; the measurements that ask allow themselves 100 ms.
LATE_S = 0.04
_SLEEPER = f"""
import os, sys, time
os.sched_setaffinity(0, {{int(sys.argv[1])}})
print("up", flush=True)
while os.getppid() == int(sys.argv[2]):
    before = time.monotonic()
    time.sleep(0.005)
    if time.monotonic() - before > {LATE_S}:
        print(before, time.monotonic(), flush=True)
"""


class Machine:
    """`with Machine() as machine:` watches every core; `machine.stood_still(since)` tells, any number of times."""

    def __init__(self) -> None:
        self._sleepers: list[subprocess.Popen[bytes]] = []
        self._ends: list[float] = []

    def __enter__(self) -> Machine:
        for core in sorted(os.sched_getaffinity(0)):
            command = [sys.executable, "-c", _SLEEPER, str(core), str(os.getpid())]
            sleeper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            assert sleeper.stdout is not None and sleeper.stdout.readline() == b"up\n"
            os.set_blocking(sleeper.stdout.fileno(), False)
            self._sleepers.append(sleeper)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sleeper in self._sleepers:
            sleeper.kill()
            sleeper.wait()
            if sleeper.stdout is not None:
                sleeper.stdout.close()

    def stood_still(self, since: float) -> bool:
        """Whether a core was away for more than `LATE_S` after `since` (monotonic seconds)."""
        time.sleep(2 * LATE_S)  # who is late now has not said so yet
        for sleeper in self._sleepers:
            assert sleeper.stdout is not None and sleeper.poll() is None
            self._ends += [float(line.split()[1]) for line in (sleeper.stdout.read() or b"").splitlines()]
        return any(end > since for end in self._ends)
