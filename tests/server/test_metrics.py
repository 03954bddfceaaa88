"""What is measured, and a blocked event loop that is caught in the act."""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Iterator

import pytest

from server import log
from server.metrics import LoopWatch, Metrics


def sample(metrics: Metrics, name: str) -> float:
    value = metrics.registry.get_sample_value(name)
    assert value is not None, name
    return value


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    log.configure("info", "json", stream)
    yield stream
    root.handlers[:], root.level = before


def hold_everybody_up(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_blocked_loop_is_counted_and_the_culprit_named(lines: io.StringIO) -> None:
    metrics = Metrics()
    watch = LoopWatch(metrics, interval_s=0.02, blocked_s=0.2)
    watch.start()
    await asyncio.sleep(0.1)
    assert sample(metrics, "podium_loop_blocked_total") == 0
    hold_everybody_up(0.5)
    await asyncio.sleep(0.1)
    await watch.stop()
    assert sample(metrics, "podium_loop_blocked_total") == 1
    assert "hold_everybody_up" in lines.getvalue()
    assert sample(metrics, "podium_loop_lag_worst_seconds") > 0.3


async def test_a_loop_that_is_held_up_for_a_moment_is_written_down_but_not_each_time(lines: io.StringIO) -> None:
    metrics = Metrics()
    watch = LoopWatch(metrics, interval_s=0.02, blocked_s=10)
    watch.start()
    await asyncio.sleep(0.05)
    for _ in range(2):
        hold_everybody_up(0.3)
        await asyncio.sleep(0.05)
    await watch.stop()
    assert lines.getvalue().count("the event loop was held up") == 1
    stalls = sample(metrics, "podium_loop_lag_seconds_count")
    short = metrics.registry.get_sample_value("podium_loop_lag_seconds_bucket", {"le": "0.2"})
    assert short is not None and stalls - short >= 2
    assert sample(metrics, "podium_loop_blocked_total") == 0


async def test_the_lag_of_a_loop_at_rest_is_measured_and_nothing_is_said(lines: io.StringIO) -> None:
    metrics = Metrics()
    watch = LoopWatch(metrics, interval_s=0.02, blocked_s=10)
    watch.start()
    await asyncio.sleep(0.2)
    await watch.stop()
    assert sample(metrics, "podium_loop_lag_seconds_count") >= 3
    assert lines.getvalue() == ""


def test_two_servers_in_one_process_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.events_sent.inc()
    assert sample(one, "podium_events_sent_total") == 1
    assert sample(other, "podium_events_sent_total") == 0


def test_the_text_is_what_prometheus_reads() -> None:
    text = Metrics().render().decode()
    assert "# TYPE podium_append_seconds histogram" in text and 'podium_info{version="' in text
    assert "process_resident_memory_bytes" in text
