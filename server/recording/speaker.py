"""Who speaks, as a timeline is told it: at most once a second, however fast people take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

EVERY_S = 1.0


class Speaker:
    """`say` is told who speaks now, when it is somebody else than it was told last."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._loudest = ""
        self._said = ""
        self._pause: asyncio.TimerHandle | None = None

    def heard(self, person: str) -> None:
        """This person is the loudest from now on; nobody, when empty: then who spoke last stays."""
        self._loudest = person
        if self._pause is None:
            self._tell()

    def forget(self) -> None:
        """What was said was said to another one: this one is told at once."""
        self.stop()
        self._said = ""
        self._tell()

    def stop(self) -> None:
        """Say nothing more."""
        if self._pause is not None:
            self._pause.cancel()

    def _tell(self) -> None:
        self._pause = None
        if self._loudest not in ("", self._said):
            self._said = self._loudest
            self._say(self._said)
            self._pause = asyncio.get_running_loop().call_later(EVERY_S, self._tell)
