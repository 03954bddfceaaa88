"""Viewers in step: who has got everything a layer has sent so far, under the same numbers, gets the same bytes.

SSRC, offsets of sequence numbers and timestamps, shift of picture ids and redundancy decide what a packet looks like
before it is protected. Where they are alike for many, and `Subscription` sees to it that they usually are, a packet is
written once for all of them. Nor is anything noted for each of them when it is sent: the layer counts (`Sent`), and a
viewer remembers what the count was when it came into step (`Downlink.settle`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from media.outbox import Audience
from media.picture import Shift

if TYPE_CHECKING:
    from media.egress import Downlink
    from media.securepath import SecurePath


class Sent(NamedTuple):
    """What a layer has sent to those in step since it began: how far its numbers have come, packets, octets of
    payload."""

    span: int
    packets: int
    octets: int


NOTHING = Sent(0, 0, 0)


class Look(NamedTuple):
    """What makes a viewer's packets different from another's, and how long they become."""

    ssrc: int
    seq_offset: int
    timestamp_offset: int
    shift: Shift
    redundant: bool
    tag: int


class Crowd(Audience):
    """The viewers of a cohort who can be reached now: as an `Audience` those who are reached by UDP, `streamed` the
    others, `transports` all of them."""

    __slots__ = ("made_at", "streamed", "transports")

    def __init__(self, transports: list[SecurePath], tag: int, made_at: int) -> None:
        self.made_at = made_at
        self.transports = [each for each in transports if each.outbound and (each.target or each.stream)]
        self.streamed = [each for each in self.transports if not each.target]
        reached = [(each.target, each.outbound) for each in self.transports if each.target and each.outbound]
        super().__init__(tag, [target for target, _ in reached], [outbound for _, outbound in reached])


class Cohort:
    """The viewers of one layer who are in step and share a look. `began`: where the last of them began to get the
    layer's packets in one piece, counted as `Sent.span`."""

    __slots__ = ("_crowd", "began", "look", "members")

    def __init__(self, look: Look) -> None:
        self.look = look
        self.members: dict[Downlink, None] = {}  # a set that keeps its order
        self.began = 0
        self._crowd: Crowd | None = None

    def add(self, downlink: Downlink, began: int) -> None:
        """One more."""
        self.began = max(self.began, began) if self.members else began
        self.members[downlink] = None
        self._crowd = None

    def remove(self, downlink: Downlink) -> None:
        """One less."""
        del self.members[downlink]
        self._crowd = None

    def crowd(self, moves: int) -> Crowd:
        """Those who can be reached. It is kept until somebody comes, goes, or has another address: `moves` counts
        the changes of addresses (`Outbox.moves`)."""
        crowd = self._crowd
        if crowd is None or crowd.made_at != moves:
            transports = [downlink.transport for downlink in self.members]
            crowd = self._crowd = Crowd(transports, self.look.tag, moves)
        return crowd
