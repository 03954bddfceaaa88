"""What is done to people: their media, their presence, their role."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol.commands.base import Command
from protocol.devices import Device, DeviceId, DeviceKind
from protocol.names import Identity, MuteSource, Reason, Role


class MediaMute(Command, frozen=True, kw_only=True, tag="media.mute"):
    """Mute one source of a person (oneself without `target`); enforced by the media worker."""

    source: MuteSource
    target: Identity | None = None


class MediaUnmute(Command, frozen=True, kw_only=True, tag="media.unmute"):
    """Undo a mute; of another person also a lock."""

    source: MuteSource
    target: Identity | None = None


class MediaLock(Command, frozen=True, kw_only=True, tag="media.lock"):
    """Mute so that the person cannot undo it."""

    source: MuteSource
    target: Identity


class MediaMuteAll(Command, frozen=True, kw_only=True, tag="media.mute_all"):
    """Mute one source of everybody else who is on the stage or sends; `lock`: so that they cannot undo it."""

    source: MuteSource
    lock: bool = False


class MediaUnmuteAll(Command, frozen=True, kw_only=True, tag="media.unmute_all"):
    """Undo everybody's mutes and locks of one source; what people muted themselves stays muted."""

    source: MuteSource


class MediaAskUnmute(Command, frozen=True, kw_only=True, tag="media.ask_unmute"):
    """Ask somebody to unmute; where the conference's setting `force_unmute` says so, their mute is undone with it."""

    source: MuteSource
    target: Identity


class ShareStop(Command, frozen=True, kw_only=True, tag="share.stop"):
    """Stop a screen share, and nothing else of the person; they must publish it anew to share again."""

    target: Identity


class ParticipantRemove(Command, frozen=True, kw_only=True, tag="participant.remove"):
    """Remove somebody from the conference; they may come back."""

    target: Identity
    reason: Reason = ""


class ParticipantBlock(Command, frozen=True, kw_only=True, tag="participant.block"):
    """Remove somebody, who cannot come back until unblocked. They need not be present."""

    target: Identity
    reason: Reason = ""


class ParticipantUnblock(Command, frozen=True, kw_only=True, tag="participant.unblock"):
    """Let a blocked identity come back."""

    target: Identity


class RoleAssign(Command, frozen=True, kw_only=True, tag="role.assign"):
    """Assign a session role to a person, who need not be present; kept when they leave."""

    target: Identity
    role: Role


class RoleClear(Command, frozen=True, kw_only=True, tag="role.clear"):
    """Take an assignment back: the person has the role they inherit, at once when they are present."""

    target: Identity


class DevicesReport(Command, frozen=True, kw_only=True, tag="devices.report"):
    """Which devices one's browser has, and which are in use; moderators see it."""

    devices: Annotated[tuple[Device, ...], Meta(max_length=32)]


class DevicesSelect(Command, frozen=True, kw_only=True, tag="devices.select"):
    """Have somebody's client use another device of theirs; it follows, and reports."""

    target: Identity
    device: DeviceId
    kind: DeviceKind


ModerationCommand = (
    MediaMute
    | MediaUnmute
    | MediaLock
    | MediaMuteAll
    | MediaUnmuteAll
    | MediaAskUnmute
    | ShareStop
    | ParticipantRemove
    | ParticipantBlock
    | ParticipantUnblock
    | RoleAssign
    | DevicesReport
    | DevicesSelect
    | RoleClear
)
