"""What a room says to a connection by itself; sessions are such connections, and the room knows no more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from protocol.answers import Result
from protocol.commands import Command
from protocol.view import Snapshot
from server.conference.members import Member
from server.room.refusal import Refusal

if TYPE_CHECKING:
    from server.conference.openroom import OpenRoom


class Visitor(Member, Protocol):
    """A member with all that its room says to it by itself."""

    def enter(self, room: OpenRoom) -> None:
        """It is in the room from this step on."""

    def wait(self, room: OpenRoom) -> None:
        """It waits at the room's door from this step on."""

    def admitted(self, view: Snapshot, resume: str) -> None:
        """The wait is over; it is in the room already."""

    def accept(self, message: Command, result: Result | None = None) -> None:
        """Answer a command `ok`."""

    def refuse(self, message: Command, refusal: Refusal) -> None:
        """Answer a command `refused`."""
