"""A core for who is measured, and the others for who measures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def apart(pid: int) -> Iterator[bool]:
    """While it lasts, the process `pid` and this one run on different cores; yields whether there are two to be had.

    An answer wakes whoever waits for it, and the kernel likes to run that one where it was woken: behind the server,
    which goes on telling a thousand others for 10 ms. On the network whoever waits is on another machine.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        yield False
        return
    _keep_on(pid, {cores[-1]})
    _keep_on(os.getpid(), set(cores[:-1]))
    try:
        yield True
    finally:
        for each in (pid, os.getpid()):
            _keep_on(each, set(cores))


def _keep_on(pid: int, cores: set[int]) -> None:
    try:
        threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except FileNotFoundError:  # it is gone
        return
    for thread in threads:
        try:
            os.sched_setaffinity(thread, cores)
        except ProcessLookupError:
            continue
