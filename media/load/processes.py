"""CPU time and memory of a process, as the kernel counts them (proc(5)). Only the measured process, never us."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_TICK = 1 / os.sysconf("SC_CLK_TCK")


class Cpu(NamedTuple):
    """CPU seconds since the process began."""

    user: float
    system: float

    def __sub__(self, before: Cpu) -> Cpu:
        return Cpu(self.user - before.user, self.system - before.system)

    @property
    def total(self) -> float:
        """Both together."""
        return self.user + self.system


def cpu(pid: int) -> Cpu:
    """What the process has used, to 10 ms: measure over seconds."""
    # The command's name in parentheses may hold anything; the numbers begin behind the last one.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Cpu(int(fields[11]) * _TICK, int(fields[12]) * _TICK)


def cpu_us(pid: int) -> float:
    """What the threads that it has now have used, in µs: fine enough for a hundred joins."""
    # Documentation/scheduler/sched-stats.rst: the first number is the time on a processor in ns.
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1000


def waited(pid: int) -> float:
    """How long its threads have been ready to run and were given no core, in seconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[1]) for task in tasks) / 1e9


def rss_kib(pid: int) -> int:
    """Resident memory in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no resident memory")
