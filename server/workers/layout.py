"""Which workers a room is on, and how they are linked: one value, which all who have the room agree upon.

All publish connections are at the first worker. The others have viewers for whom it had no room, and are fed in a tree
(tree.py) by links, each of which has a name. Every change makes another value, with a greater version: alone a node
makes it by itself, with others it is compared and set in Redis (registry.py). Where the nodes' viewers sit is not in
it: that is for each node to decide, and the worker counts them.

No secret is in it. That of a link follows from one which nodes and workers share, from the two workers and from the
name; so whoever reads the layout cannot read the link. A name is used once: keys that have been used are not used again
(media/relay/path.py).
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Iterable, Sequence

import msgspec

from server.workers.tree import tree


class Link(msgspec.Struct, frozen=True, array_like=True):
    """What joins two workers, by their ids."""

    feeder: str
    fed: str
    name: str

    def secret(self, key: str, room: str) -> str:
        """What both ends' keys follow from: 32 bytes in hexadecimal. `key`: what nodes and workers share."""
        about = "\0".join(("podium relay link", room, self.feeder, self.fed, self.name))
        return hmac.digest(key.encode(), about.encode(), "sha256").hex()


class Layout(msgspec.Struct, frozen=True):
    """See the module. `workers`: their ids, the first in front."""

    version: int = 0
    workers: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()

    def joined(self, worker: str) -> Layout:
        """With one more worker."""
        return self._of((*self.workers, worker), self.links)

    def without(self, workers: Iterable[str]) -> Layout:
        """Without some of them; when the first is among these, the next takes its place."""
        gone = set(workers)
        return self._of([worker for worker in self.workers if worker not in gone], self.links)

    def renewed(self, link: str) -> Layout:
        """With another name for a link, and so with other keys."""
        return self._of(self.workers, [each for each in self.links if each.name != link])

    def _of(self, workers: Sequence[str], links: Iterable[Link]) -> Layout:
        stands = {(link.feeder, link.fed): link for link in links}
        wanted = tree(workers[0], workers[1:], {link.fed: link.feeder for link in self.links}) if workers else {}
        made = tuple(
            stands.get((feeder, fed)) or Link(feeder, fed, secrets.token_hex(8)) for fed, feeder in wanted.items()
        )
        if (tuple(workers), made) == (self.workers, self.links):
            return self
        # Above every earlier one, also of a server that ran before.
        return Layout(max(self.version + 1, time.time_ns() // 1_000_000), tuple(workers), made)


NOWHERE = Layout()
