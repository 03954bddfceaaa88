"""A process that is held up, seen from outside: in the metrics, and in the log."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.harness import Server

# Well above what a busy machine does to a process by itself, below what has a worker replaced (3 s).
HELD_S = 1.2


@pytest.fixture
def stalls(podium_server: Callable[..., Server]) -> Iterator[Server]:
    yield podium_server()


def metric(server: Server, pattern: str) -> float:
    """The sum of the samples that match."""
    text = server.request("GET", "/metrics").body.decode()
    return sum(float(value) for value in re.findall(rf"^{pattern} (\S+)$", text, re.MULTILINE))


def comes(check: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def hold_up(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(HELD_S)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_worker_that_is_held_up(stalls: Server) -> None:
    assert stalls.process is not None
    (worker,) = [each for each in psutil.Process(stalls.process.pid).children() if "media" in each.cmdline()]
    lag = r"podium_worker_lag_worst_seconds"
    worker_of = r"\{worker=\"w1\"\}"

    def long_ones() -> float:
        count = metric(stalls, rf"{lag}_count{worker_of}")
        return count - metric(stalls, rf"{lag}_bucket\{{le=\"1.0\",worker=\"w1\"\}}")

    comes(lambda: metric(stalls, rf"{lag}_count{worker_of}") > 0, "a heartbeat")
    before = long_ones()
    hold_up(worker.pid)
    comes(lambda: long_ones() > before, "the stall in the histogram")
    comes(lambda: "the loop was held up" in stalls.log, "a line in the log")
    assert metric(stalls, "podium_worker_restarts_total") == 0


def test_the_server_itself(stalls: Server) -> None:
    assert stalls.process is not None
    hold_up(stalls.process.pid)
    comes(lambda: metric(stalls, "podium_loop_lag_worst_seconds") > 0.8, "the worst lag")
    over = metric(stalls, "podium_loop_lag_seconds_count") - metric(
        stalls, r"podium_loop_lag_seconds_bucket\{le=\"0.5\"\}"
    )
    assert over >= 1 and "the event loop was held up" in stalls.log
