"""The stage and turns to speak."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol.commands.base import Command
from protocol.names import Identity


class StageRequest(Command, frozen=True, kw_only=True, tag="stage.request"):
    """Ask for the stage. Who may take a free place (`stage.go`) has it at once; others queue."""


class StageWithdraw(Command, frozen=True, kw_only=True, tag="stage.withdraw"):
    """Take one's request back."""


class StageGrant(Command, frozen=True, kw_only=True, tag="stage.grant"):
    """Give a place to somebody who asked."""

    target: Identity


class StageRefuse(Command, frozen=True, kw_only=True, tag="stage.refuse"):
    """Refuse somebody's request."""

    target: Identity


class StageInvite(Command, frozen=True, kw_only=True, tag="stage.invite"):
    """Invite somebody to the stage."""

    target: Identity


class StageAccept(Command, frozen=True, kw_only=True, tag="stage.accept"):
    """Accept an invitation: a place is taken."""


class StageDecline(Command, frozen=True, kw_only=True, tag="stage.decline"):
    """Decline an invitation."""


class StageLeave(Command, frozen=True, kw_only=True, tag="stage.leave"):
    """Give one's own place back."""


class StageTakeDown(Command, frozen=True, kw_only=True, tag="stage.take_down"):
    """Take somebody down: every track of theirs stops, the place is free at once."""

    target: Identity


class StageReorder(Command, frozen=True, kw_only=True, tag="stage.reorder"):
    """Move a request to a position in the queue, 0 being the front."""

    target: Identity
    position: Annotated[int, Meta(ge=0, le=100_000)]


class RemarkRequest(Command, frozen=True, kw_only=True, tag="remark.request"):
    """Ask for a short turn to speak without going on the stage."""


class RemarkWithdraw(Command, frozen=True, kw_only=True, tag="remark.withdraw"):
    """Take that back."""


class RemarkGrant(Command, frozen=True, kw_only=True, tag="remark.grant"):
    """Give somebody who asked their turn: their microphone goes out until it ends (see `remark_s` of the settings)."""

    target: Identity


class RemarkRefuse(Command, frozen=True, kw_only=True, tag="remark.refuse"):
    """Refuse somebody's request for a turn."""

    target: Identity


class RemarkEnd(Command, frozen=True, kw_only=True, tag="remark.end"):
    """End a turn before its time (one's own without `target`)."""

    target: Identity | None = None


StageCommand = (
    StageRequest
    | StageWithdraw
    | StageGrant
    | StageRefuse
    | StageInvite
    | StageAccept
    | StageDecline
    | StageLeave
    | StageTakeDown
    | StageReorder
    | RemarkRequest
    | RemarkWithdraw
    | RemarkGrant
    | RemarkRefuse
    | RemarkEnd
)
