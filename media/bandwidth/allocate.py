"""One viewer's bandwidth, shared out among the pictures it is shown.

Everybody's smallest picture comes before anybody's larger one: a thin link gets smaller pictures first, then fewer of
them. In both rounds what matters most is served first: the shared screen, then who speaks, then the others, large tiles
before small ones. Sound is not dealt with here: it is always sent, and the budget is what is left beside it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

# A picture may be drawn this much larger than it is: a layer for a few lines more costs three times as much.
STRETCH = 1.3
# What a picture needs to become larger than it is now: a layer's bitrate moves, and each switch costs a key frame.
ROOM = 1.15


class Rank(enum.IntEnum):
    """What matters more comes first."""

    SCREEN = 0
    SPEAKER = 1
    OTHER = 2


class Offered(NamedTuple):
    """A layer one may have: lines of its picture (0 unknown) and bit/s."""

    height: int
    bitrate: float


class Wish(NamedTuple):
    """A track on the viewer's screen: how high it is drawn (device pixels; `None` for as high as it comes), the layers
    there are, lowest first, and which it has now (`None`: none)."""

    rank: Rank
    height: int | None
    layers: Sequence[Offered]
    now: int | None


def enough(layers: Sequence[Offered], height: int | None) -> int | None:
    """The lowest layer that fills so many lines, the highest when none does; `None` for nothing at all."""
    if not layers or height == 0:
        return None
    if height is None:
        return len(layers) - 1
    for index, layer in enumerate(layers):
        if layer.height * STRETCH >= height:
            return index
    return len(layers) - 1


def allocate(budget: float, wishes: Sequence[Wish]) -> list[int | None]:
    """The layer for each wish, `None` for none. Together they take no more than `budget`, in bit/s.

    With a larger budget the first difference, in order of importance, is somebody who gets more.
    """
    chosen: list[int | None] = [None] * len(wishes)
    top = [enough(wish.layers, wish.height) for wish in wishes]
    order = sorted((n for n in range(len(wishes)) if top[n] is not None), key=lambda n: _importance(wishes[n]))
    left = budget
    for n in order:
        cost = _cost(wishes[n], 0)
        if cost <= left:
            chosen[n] = 0
            left -= wishes[n].layers[0].bitrate
    served = (n for n in order if chosen[n] is not None)
    for _, alike in groupby(served, key=lambda n: _importance(wishes[n])):
        # Step by step, so that pictures of one size become larger together.
        rising = list(alike)
        while rising:
            still = []
            for n in rising:
                wish, index = wishes[n], chosen[n]
                assert index is not None
                if index == top[n]:
                    continue
                more = _cost(wish, index + 1) - wish.layers[index].bitrate
                if more <= left:
                    chosen[n] = index + 1
                    left -= wish.layers[index + 1].bitrate - wish.layers[index].bitrate
                    still.append(n)
            rising = still
    return chosen


def _importance(wish: Wish) -> tuple[int, float]:
    return wish.rank, float("-inf") if wish.height is None else -wish.height


def _cost(wish: Wish, index: int) -> float:
    """What must be free for a layer: more for one that is above what there is now."""
    bitrate = wish.layers[index].bitrate
    return bitrate * ROOM if wish.now is None or index > wish.now else bitrate


__all__ = ["Offered", "Rank", "Wish", "allocate", "enough"]
