"""What a client says. Imperative; there is no `actor`: the session supplies it.

`id` is the client's own number, and makes a retry harmless: the same `id` of the same
`hello.client` is applied once, also after a reconnect.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol.names import (
    END,
    ChatText,
    ConferenceId,
    Count,
    DisplayName,
    Emoji,
    Identity,
    Message,
    Mid,
    Mode,
    MuteSource,
    Part,
    Reason,
    Role,
    Sdp,
    Source,
    Title,
    TokenText,
)
from protocol.settings import Access, GuestsMay


class Command(Message, frozen=True, kw_only=True):
    """Anything a client sends; answered by `ok` or `refused` with the same `id`."""

    id: Count


# --- the connection itself -------------------------------------------------------------


class Resume(Part, frozen=True, kw_only=True):
    """Where a returning client stopped: its position and its single-use resume token."""

    conference: ConferenceId
    epoch: Count
    version: Count
    token: TokenText


class Hello(Command, frozen=True, kw_only=True, tag="hello"):
    """The first message: who is there, proven by a token. `client` is random for each page load."""

    token: TokenText
    client: Annotated[str, Meta(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+" + END)]
    resume: Resume | None = None


class Can(Command, frozen=True, kw_only=True, tag="can"):
    """Which commands may I give now, about nobody in particular or about `target`?"""

    target: Identity | None = None


class PeopleList(Command, frozen=True, kw_only=True, tag="people.list"):
    """A page of everybody present, in order of joining; `after` is the last identity of the page before."""

    after: Identity | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


# --- coming and going -------------------------------------------------------------------


class ConferenceJoin(Command, frozen=True, kw_only=True, tag="conference.join"):
    """Enter a conference. `take_over` closes an earlier presence of the same person, wherever it is.

    `console`: a connection without media beside the person's own, such as the moderator console. It sees and
    commands as the person does; the person is present while any of their connections is.
    """

    conference: ConferenceId
    name: DisplayName | None = None
    take_over: bool = False
    console: bool = False


class ConferenceLeave(Command, frozen=True, kw_only=True, tag="conference.leave"):
    """Leave for good: the seat is free at once, the role is kept for a return."""


class ConferenceEnd(Command, frozen=True, kw_only=True, tag="conference.end"):
    """End the conference for everybody."""


class ConferenceSettings(Command, frozen=True, kw_only=True, tag="conference.settings"):
    """Change settings (see `Settings`); what is absent stays as it is."""

    title: Title | None = None
    stage_places: Annotated[int, Meta(ge=1, le=36)] | None = None
    members: Access | None = None
    outsiders: Access | None = None
    public: bool | None = None
    guests_may: GuestsMay | None = None
    capacity: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    list_hidden: bool | None = None
    force_unmute: bool | None = None
    remark_s: Annotated[int, Meta(ge=1, le=600)] | None = None


class ConferenceSetMode(Command, frozen=True, kw_only=True, tag="conference.set_mode"):
    """Hold the conference in another mode, or name another teacher; everybody's place is decided anew.

    `teacher`: who teaches a `video_lecture`, the owner until somebody is named; absent, it stays who it is.
    """

    mode: Mode
    teacher: Identity | None = None


# --- the stage --------------------------------------------------------------------------


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


# --- moderation -------------------------------------------------------------------------


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


# --- media negotiation ------------------------------------------------------------------


class MediaPublish(Command, frozen=True, kw_only=True, tag="media.publish"):
    """Offer one's tracks: from the stage, as a student of a lecture camera and microphone, in a turn to speak the
    microphone. The SDP offer of the publish connection, and which m-line carries which source.

    `tracks` is the complete set; a source that is missing is unpublished. `restart` says that the
    connection is a new one, not a renegotiation.
    """

    sdp: Sdp
    tracks: Annotated[dict[Mid, Source], Meta(max_length=4)]
    restart: bool = False


class MediaSubscribe(Command, frozen=True, kw_only=True, tag="media.subscribe"):
    """Ask for a new subscribe connection; the server's `media.offer` follows, now and at every change."""


class MediaAnswer(Command, frozen=True, kw_only=True, tag="media.answer"):
    """The SDP answer to a `media.offer`, with its generation and revision."""

    generation: Count
    revision: Count
    sdp: Sdp


# --- talk -------------------------------------------------------------------------------


class ChatSend(Command, frozen=True, kw_only=True, tag="chat.send"):
    """Write to everybody."""

    text: ChatText


class ChatHistory(Command, frozen=True, kw_only=True, tag="chat.history"):
    """The last messages before `before` (a message's number), newest last."""

    before: Count | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class ReactionSend(Command, frozen=True, kw_only=True, tag="reaction.send"):
    """Show an emoji to everybody for a moment."""

    emoji: Emoji


RoomCommand = (
    ConferenceLeave
    | ConferenceEnd
    | ConferenceSettings
    | ConferenceSetMode
    | StageRequest
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
    | MediaMute
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
    | MediaPublish
)
"""The commands that the room core decides."""

ClientMessage = (
    Hello
    | Can
    | PeopleList
    | ConferenceJoin
    | RoomCommand
    | MediaSubscribe
    | MediaAnswer
    | ChatSend
    | ChatHistory
    | ReactionSend
)
"""Everything a client may send."""
