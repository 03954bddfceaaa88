"""Percentiles of measured times."""

from __future__ import annotations

from collections.abc import Sequence

_PARTS = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p99 and the largest of these, in ms."""
    ordered = sorted(seconds)
    return {name: 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))] for name, part in _PARTS.items()}
