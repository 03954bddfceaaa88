"""What the server works with when files come and go, and how many may come at once."""

from __future__ import annotations

from collections import Counter

from server.files.depot import Depot
from server.files.renderer import Renderer

# Uploads at once: each has a file open, half a megabyte in memory, and a share of the disk's writing.
MAX_UPLOADS = 32
MAX_UPLOADS_OF_ONE = 2


class Files:
    """Without a `depot` nothing is taken, because nobody else would find it."""

    def __init__(self, depot: Depot | None, renderer: Renderer) -> None:
        self.depot = depot
        self.renderer = renderer
        self._under_way: Counter[str] = Counter()

    def begin(self, identity: str) -> bool:
        """Whether one more upload of this person may begin; then `end` follows."""
        if self._under_way.total() >= MAX_UPLOADS or self._under_way[identity] >= MAX_UPLOADS_OF_ONE:
            return False
        self._under_way[identity] += 1
        return True

    def end(self, identity: str) -> None:
        """It is over, however it went."""
        self._under_way[identity] -= 1
        if not self._under_way[identity]:
            del self._under_way[identity]
