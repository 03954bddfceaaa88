"""Which worker of a room feeds which: a tree, whose root is the first worker.

Each link carries the whole stage, and a worker has its own viewers to serve as well. So each feeds `FAN_OUT` others at
most, and those feed the next: 4, 16, 64. What stands stays as it is when workers come and go; who has lost the one
above is taken, with all that hangs below, by the highest that has room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

# A stage of 36 is 4,000 packets a second and 12 Mbit/s to 60 Mbit/s: of four of them a worker that may send 100,000
# notices little. Each level adds a few milliseconds.
FAN_OUT = 4

Name = TypeVar("Name")


def tree(first: Name, further: Sequence[Name], former: Mapping[Name, Name], fan_out: int = FAN_OUT) -> dict[Name, Name]:
    """Who feeds each of the further workers: fed → feeding. `former` is what stands now; what can be kept of it is."""
    known = {first, *further}
    kept = {fed: feeder for fed, feeder in former.items() if fed in known and feeder in known and fed != first}
    children: dict[Name, list[Name]] = {name: [] for name in (first, *further)}
    for name in further:
        if name in kept and len(children[kept[name]]) < fan_out:
            children[kept[name]].append(name)
        else:
            kept.pop(name, None)
    reached = _below(first, children)
    for name in further:
        # Who hangs below another that is to be taken comes with it; only of a circle somebody has to be taken out.
        if name in reached or (name in kept and not _in_circle(name, kept)):
            continue
        if name in kept:
            children[kept.pop(name)].remove(name)
        feeder = next(each for each in reached if len(children[each]) < fan_out)
        kept[name] = feeder
        children[feeder].append(name)
        reached = _below(first, children)
    return {name: kept[name] for name in further}


def _below(first: Name, children: Mapping[Name, Sequence[Name]]) -> list[Name]:
    """All that are reached from the first, the highest in front."""
    found = [first]
    for name in found:
        found += children[name]
    return found


def _in_circle(name: Name, feeders: Mapping[Name, Name]) -> bool:
    """Whether the way up from here never ends."""
    at: Name | None = name
    for _ in range(len(feeders) + 1):
        at = feeders.get(at) if at is not None else None
        if at is None:
            return False
    return True
