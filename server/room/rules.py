"""Who may do what: two tables and one look-up. A missing row is a refusal.

`PERMISSIONS` has a cell for each action and role (authority.md, `session_permissions.csv`, then the actions that are
about taking part at all). `RULES` has a row for each command and relation: the relation says who the target is to
the actor, or where an actor without a target stands, and the row names the action that is needed. So a new right is
a new cell, a new command is a new row, and forgetting either refuses.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping

import msgspec

from protocol import commands as c
from protocol.errors import Code
from protocol.names import Role
from server.room.refusal import Refusal
from server.room.state import Participant, Room, on_stage


class Cell(enum.StrEnum):
    """A cell of the permission table. `partial`: for what is one's own, or when the settings grant it."""

    YES = "yes"
    NO = "no"
    PARTIAL = "partial"


class Relation(enum.StrEnum):
    """Who the target is to the actor; for commands about an entry, whose it is; for others, where the actor stands."""

    OFF_STAGE = "off_stage"
    ON_STAGE = "on_stage"
    SELF = "self"
    OTHER = "other"
    # For commands about an entry (a question, a poll, a link, a file, a message): whether the actor made it.
    OWN = "own"
    OTHERS = "others"
    # An organizer by right, seen by somebody who is not one; the owner, seen by anybody else.
    PROTECTED = "protected"


# action, and the cells of organizer, moderator, guest_speaker, speaker and viewer; what it means
_PERMISSIONS = """
settings.access        yes   no    no      no      no   open and change the settings of a conference
participant.remove     yes   yes   no      no      no   remove a participant (kick)
invite.email           yes   no    no      no      no   send invitations by e-mail
report.export          yes   no    no      no      no   export people, chat and questions as CSV or JSON
session.start_end      yes   yes   no      no      no   start and end the session
recording.start_end    yes   yes   no      no      no   start and stop recording
stage.join_backstage   yes   yes   yes     yes     no   be on the stage before the session has started (backstage)
stage.go               yes   yes   yes     yes     no   take a place on the stage when one is granted or free
stage.invite_viewer    yes   yes   no      no      no   bring a viewer to the stage
media.publish          yes   yes   yes     yes     no   send microphone, camera and screen while on the stage
stage.invite           yes   yes   no      no      no   invite any participant to the stage
question.display       yes   yes   yes     yes     no   put a question on the stage for all to see
link.promote           yes   yes   yes     yes     no   put a link on the stage
poll.send              yes   yes   yes     yes     no   launch a poll on the stage
question.answer        yes   yes   yes     yes     no   answer a question in writing
file.control_own       yes   yes   yes     yes     no   page through the media files (slides) one has shared oneself
file.control_any       yes   yes   no      no      no   page through media files that others have shared
share.remove_any       yes   yes   no      no      no   take down someone else's screen share or media file
layout.change_own      yes   yes   partial partial no   place and size one's own tile in the layout
layout.change_everyone yes   yes   no      no      no   set the layout that everybody sees
handout.upload         yes   yes   yes     yes     no   upload a handout
stage.mute             yes   yes   no      no      no   mute and unmute somebody on the stage
people.see_hidden      yes   yes   no      no      no   see the list of people when it is hidden from viewers
participant.block      yes   yes   no      no      no   block an identity from the room
chat.moderate          yes   yes   partial partial no   delete messages and questions, close the chat
question.see_private   yes   yes   partial partial no   see questions that are not public
chat.moderator_channel yes   yes   yes     yes     no   read and write the moderator chat
question.ask           yes   yes   yes     yes     yes  ask a question
poll.create            yes   yes   yes     yes     no   prepare a poll
poll.answer            yes   yes   yes     yes     yes  answer a poll
link.publish           yes   yes   yes     yes     no   publish a link
chat.send              yes   yes   yes     yes     yes  write in the chat
reaction.send          yes   yes   yes     yes     yes  send a reaction (emoji)
take_part              yes   yes   yes     yes     yes  be in the conference, and decide about oneself
stage.ask              yes   yes   yes     yes     yes  ask for a place or a turn to speak, and answer an invitation
stage.take_down        yes   yes   no      no      no   take somebody down from the stage, or end their turn to speak
role.assign            yes   yes   no      no      no   give somebody a role, or take it back
invite.link            yes   yes   no      no      no   make links by which guests come in
devices.manage         yes   yes   no      no      no   switch the devices of somebody's client
lobby.admit            yes   yes   no      no      no   let people in who wait at the door, or send them away
media.inspect          yes   yes   no      no      no   see the statistics of somebody's connection and tracks
"""

# The columns of the table above, in its order.
_COLUMNS = (Role.ORGANIZER, Role.MODERATOR, Role.GUEST_SPEAKER, Role.SPEAKER, Role.VIEWER)


def _rows(table: str) -> Iterator[tuple[str, dict[Role, Cell], str]]:
    for line in table.strip().splitlines():
        action, *cells, meaning = line.split(None, len(_COLUMNS) + 1)
        yield action, {role: Cell(cell) for role, cell in zip(_COLUMNS, cells, strict=True)}, meaning


PERMISSIONS: Mapping[str, Mapping[Role, Cell]] = {action: cells for action, cells, _ in _rows(_PERMISSIONS)}
# What each action means, for documents and explanations.
MEANINGS: Mapping[str, str] = {action: meaning for action, _, meaning in _rows(_PERMISSIONS)}

# How roles stand to each other: organizer > moderator > speaker = guest_speaker > viewer.
RANK: Mapping[Role, int] = {
    Role.ORGANIZER: 3,
    Role.MODERATOR: 2,
    Role.SPEAKER: 1,
    Role.GUEST_SPEAKER: 1,
    Role.VIEWER: 0,
}


class Rule(msgspec.Struct, frozen=True):
    """A row: this command, towards this relation, needs this action."""

    command: str
    relation: Relation
    action: str

    @property
    def name(self) -> str:
        """As `media.mute towards other needs stage.mute`: what `can` and `explain` say."""
        return f"{self.command} towards {self.relation} needs {self.action}"


_ON, _OFF = Relation.ON_STAGE, Relation.OFF_STAGE
_SELF, _OTHER, _PROTECTED = Relation.SELF, Relation.OTHER, Relation.PROTECTED
_OWN, _OTHERS = Relation.OWN, Relation.OTHERS

# A command, or a variant of one that needs another right.
_RULES: tuple[tuple[type[c.Command] | str, str, tuple[Relation, ...]], ...] = (
    (c.ConferenceLeave, "take_part", (_ON, _OFF)),
    (c.ConferenceEnd, "session.start_end", (_ON, _OFF)),
    (c.ConferenceSettings, "settings.access", (_ON, _OFF)),
    (c.ConferenceSetMode, "settings.access", (_ON, _OFF)),
    (c.ConferenceStart, "session.start_end", (_ON, _OFF)),
    (c.ConferenceSetPin, "settings.access", (_ON, _OFF)),
    (c.LobbyAdmit, "lobby.admit", (_OTHER,)),
    (c.LobbyAdmitAll, "lobby.admit", (_ON, _OFF)),
    (c.LobbyRefuse, "lobby.admit", (_OTHER,)),
    (c.StageRequest, "stage.ask", (_OFF,)),
    (c.StageWithdraw, "stage.ask", (_OFF,)),
    (c.StageAccept, "stage.ask", (_OFF,)),
    (c.StageDecline, "stage.ask", (_OFF,)),
    (c.StageLeave, "take_part", (_ON,)),
    (c.StageGrant, "stage.invite_viewer", (_SELF, _OTHER, _PROTECTED)),
    (c.StageRefuse, "stage.invite_viewer", (_OTHER,)),
    (c.StageReorder, "stage.invite_viewer", (_SELF, _OTHER, _PROTECTED)),
    (c.StageInvite, "stage.invite", (_OTHER, _PROTECTED)),
    (c.StageTakeDown, "stage.take_down", (_OTHER,)),
    (c.RemarkRequest, "stage.ask", (_OFF,)),
    (c.RemarkWithdraw, "stage.ask", (_OFF,)),
    (c.RemarkGrant, "stage.invite_viewer", (_SELF, _OTHER, _PROTECTED)),
    (c.RemarkRefuse, "stage.invite_viewer", (_OTHER,)),
    (c.RemarkEnd, "take_part", (_SELF,)),
    (c.RemarkEnd, "stage.take_down", (_OTHER,)),
    # A moderator mutes anyone, organizers too, who may always undo it.
    (c.MediaMute, "take_part", (_SELF,)),
    (c.MediaMute, "stage.mute", (_OTHER, _PROTECTED)),
    (c.MediaUnmute, "take_part", (_SELF,)),
    (c.MediaUnmute, "stage.mute", (_OTHER, _PROTECTED)),
    (c.MediaLock, "stage.mute", (_OTHER, _PROTECTED)),
    (c.MediaMuteAll, "stage.mute", (_ON, _OFF)),
    (c.MediaUnmuteAll, "stage.mute", (_ON, _OFF)),
    (c.MediaAskUnmute, "stage.mute", (_OTHER, _PROTECTED)),
    (c.MediaStats, "take_part", (_SELF,)),
    (c.MediaStats, "media.inspect", (_OTHER, _PROTECTED)),
    (c.ShareStop, "take_part", (_SELF,)),
    (c.ShareStop, "share.remove_any", (_OTHER,)),
    (c.ParticipantRemove, "participant.remove", (_OTHER,)),
    (c.ParticipantBlock, "participant.block", (_OTHER,)),
    (c.ParticipantUnblock, "participant.block", (_OTHER, _PROTECTED)),
    (c.RoleAssign, "role.assign", (_SELF, _OTHER)),
    (c.ConferenceLayout, "layout.change_everyone", (_ON, _OFF)),
    (c.LayoutPlace, "layout.change_own", (_SELF,)),
    # Where somebody's picture stands is nothing that is done to them, so the tiles of all can be placed.
    (c.LayoutPlace, "layout.change_everyone", (_OTHER, _PROTECTED)),
    (c.DevicesReport, "take_part", (_ON, _OFF)),
    (c.DevicesSelect, "take_part", (_SELF,)),
    # What their camera looks at is theirs: nobody below an organizer by right switches it.
    (c.DevicesSelect, "devices.manage", (_OTHER,)),
    (c.RoleClear, "role.assign", (_SELF, _OTHER)),
    (c.QuestionAsk, "question.ask", (_ON, _OFF)),
    (c.QuestionUpvote, "question.ask", (_OTHERS,)),
    (c.QuestionApprove, "chat.moderate", (_OWN, _OTHERS)),
    (c.QuestionAnswer, "question.answer", (_OWN, _OTHERS)),
    (c.QuestionDisplay, "question.display", (_OWN, _OTHERS)),
    (c.QuestionDismiss, "question.ask", (_OWN,)),
    (c.QuestionDismiss, "chat.moderate", (_OTHERS,)),
    (c.PollCreate, "poll.create", (_ON, _OFF)),
    (c.PollLaunch, "poll.send", (_OWN, _OTHERS)),
    (c.PollAnswer, "poll.answer", (_OWN, _OTHERS)),
    (c.PollClose, "poll.send", (_OWN, _OTHERS)),
    (c.PollRemove, "poll.create", (_OWN,)),
    # Polls and links of others are taken away by those who take their messages and questions away.
    (c.PollRemove, "chat.moderate", (_OTHERS,)),
    (c.LinkPublish, "link.publish", (_ON, _OFF)),
    (c.LinkPromote, "link.promote", (_OWN, _OTHERS)),
    (c.LinkRemove, "link.publish", (_OWN,)),
    (c.LinkRemove, "chat.moderate", (_OTHERS,)),
    ("file.upload:handout", "handout.upload", (_ON, _OFF)),
    ("file.upload:slides", "media.publish", (_ON, _OFF)),
    (c.FileRemove, "handout.upload", (_OWN,)),
    (c.FileRemove, "share.remove_any", (_OTHERS,)),
    (c.SlidesOpen, "media.publish", (_OWN,)),
    (c.SlidesOpen, "file.control_any", (_OTHERS,)),
    (c.SlidesPage, "file.control_own", (_OWN,)),
    (c.SlidesPage, "file.control_any", (_OTHERS,)),
    (c.SlidesClose, "file.control_own", (_OWN,)),
    (c.SlidesClose, "share.remove_any", (_OTHERS,)),
    (c.ChatSend, "chat.send", (_ON, _OFF)),
    ("chat.send:moderators", "chat.moderator_channel", (_ON, _OFF)),
    ("chat.send:private", "chat.send", (_ON, _OFF)),
    # Nobody puts words into somebody else's mouth.
    (c.ChatEdit, "chat.send", (_OWN,)),
    (c.ChatDelete, "chat.send", (_OWN,)),
    (c.ChatDelete, "chat.moderate", (_OTHERS,)),
    (c.ChatClose, "chat.moderate", (_ON, _OFF)),
    (c.ChatOpen, "chat.moderate", (_ON, _OFF)),
    (c.RecordingStart, "recording.start_end", (_ON, _OFF)),
    (c.RecordingStop, "recording.start_end", (_ON, _OFF)),
    (c.ReactionSend, "reaction.send", (_ON, _OFF)),
    # The place itself is the right: a viewer who was brought to the stage may publish while there, and not one moment
    # longer. `media.publish` says who may publish without having been brought there by a grant or an invitation.
    # What may be sent without a place is the mode's (modes.py).
    (c.MediaPublish, "take_part", (_ON, _OFF)),
)


def command_name(command: type[msgspec.Struct]) -> str:
    """A command's `type` on the wire."""
    return str(command.__struct_config__.tag)


RULES: Mapping[tuple[str, Relation], Rule] = {
    (name, relation): Rule(name, relation, action)
    for command, action, relations in _RULES
    for name in (command if isinstance(command, str) else command_name(command),)
    for relation in relations
}

# What a missing row means to the one who is refused.
_MISSING: Mapping[Relation, Code] = {
    Relation.OFF_STAGE: Code.NOT_ON_STAGE,
    Relation.ON_STAGE: Code.ALREADY,
    Relation.SELF: Code.NOT_ALLOWED,
    Relation.OTHER: Code.NOT_ALLOWED,
    Relation.OWN: Code.NOT_ALLOWED,
    Relation.OTHERS: Code.NOT_ALLOWED,
    Relation.PROTECTED: Code.PROTECTED,
}


# The setting that grants an action to a role that has it in part.
GRANTED_BY: Mapping[str, str] = {
    "chat.moderate": "speakers_moderate_chat",
    "question.see_private": "speakers_see_private_questions",
}


def permits(role: Role, action: str) -> bool:
    """Whether the table has a plain yes for the role. An action without a row is refused."""
    return PERMISSIONS.get(action, {}).get(role) is Cell.YES


def grants(room: Room, person: Participant, action: str, own: bool = False) -> bool:
    """Whether somebody present has an action: a cell that is yes, or that is partial for what is their `own` or where
    the conference's settings grant it. The one place in which a cell is looked at for a person."""
    cell = PERMISSIONS.get(action, {}).get(person.role, Cell.NO)
    if cell is not Cell.PARTIAL:
        return cell is Cell.YES
    setting = GRANTED_BY.get(action)
    return own or (setting is not None and bool(getattr(room.settings, setting)))


def relation(room: Room, actor: Participant, target: Participant | None) -> Relation:
    """Who the target is to the actor."""
    if target is None:
        return Relation.ON_STAGE if on_stage(room, actor.id) else Relation.OFF_STAGE
    if target.id == actor.id:
        return Relation.SELF
    if target.by_right and (target.id == room.owner or not actor.by_right):
        return Relation.PROTECTED
    return Relation.OTHER


def check(room: Room, actor: Participant, command: str, target: Participant | None) -> Rule | Refusal:
    """The rule that lets `actor` give `command` about `target`, or why not."""
    return allows(room, actor, command, relation(room, actor, target))


def allows(room: Room, actor: Participant, command: str, towards: Relation) -> Rule | Refusal:
    """The same for a relation that is known already."""
    rule = RULES.get((command, towards))
    if rule is None:
        # Somebody without the right is told so, not how the target is protected.
        if towards is Relation.PROTECTED and not _may_towards_others(room, actor, command):
            return Refusal(Code.NOT_ALLOWED, f"{command} towards {towards}: no row", action="")
        return Refusal(_MISSING[towards], f"{command} towards {towards}: no row", action="")
    if not grants(room, actor, rule.action, own=towards is Relation.SELF):
        why = f"{rule.name}: {actor.role} has {PERMISSIONS[rule.action][actor.role]}"
        return Refusal(Code.NOT_ALLOWED, why, action=rule.action)
    return rule


def _may_towards_others(room: Room, actor: Participant, command: str) -> bool:
    rule = RULES.get((command, Relation.OTHER))
    return rule is not None and grants(room, actor, rule.action)
