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
    """Who the target is to the actor; for commands without a target, where the actor stands."""

    OFF_STAGE = "off_stage"
    ON_STAGE = "on_stage"
    SELF = "self"
    OTHER = "other"
    # An organizer by right, seen by somebody who is not one; the owner, seen by anybody else.
    PROTECTED = "protected"


# action                      organizer moderator guest_speaker speaker viewer
_PERMISSIONS = """
settings.access                yes       no        no            no      no
participant.remove             yes       yes       no            no      no
invite.email                   yes       no        no            no      no
report.export                  yes       no        no            no      no
session.start_end              yes       yes       no            no      no
recording.start_end            yes       yes       no            no      no
stage.join_backstage           yes       yes       yes           yes     no
stage.go                       yes       yes       yes           yes     no
stage.invite_viewer            yes       yes       no            no      no
media.publish                  yes       yes       yes           yes     no
stage.invite                   yes       yes       no            no      no
question.display               yes       yes       yes           yes     no
link.promote                   yes       yes       yes           yes     no
poll.send                      yes       yes       yes           yes     no
question.answer                yes       yes       yes           yes     no
file.control_own               yes       yes       yes           yes     no
file.control_any               yes       yes       no            no      no
share.remove_any               yes       yes       no            no      no
layout.change_own              yes       yes       partial       partial no
layout.change_everyone         yes       yes       no            no      no
handout.upload                 yes       yes       yes           yes     no
stage.mute                     yes       yes       no            no      no
people.see_hidden              yes       yes       no            no      no
participant.block              yes       yes       no            no      no
chat.moderate                  yes       yes       partial       partial no
question.see_private           yes       yes       partial       partial no
chat.moderator_channel         yes       yes       yes           yes     no
question.ask                   yes       yes       yes           yes     yes
poll.create                    yes       yes       yes           yes     no
poll.answer                    yes       yes       yes           yes     yes
link.publish                   yes       yes       yes           yes     no
chat.send                      yes       yes       yes           yes     yes
reaction.send                  yes       yes       yes           yes     yes
take_part                      yes       yes       yes           yes     yes
stage.ask                      yes       yes       yes           yes     yes
stage.take_down                yes       yes       no            no      no
role.assign                    yes       yes       no            no      no
invite.link                    yes       yes       no            no      no
"""

# The columns of the table above, in its order.
_COLUMNS = (Role.ORGANIZER, Role.MODERATOR, Role.GUEST_SPEAKER, Role.SPEAKER, Role.VIEWER)


def _rows(table: str) -> Iterator[tuple[str, dict[Role, Cell]]]:
    for line in table.strip().splitlines():
        action, *cells = line.split()
        yield action, {role: Cell(cell) for role, cell in zip(_COLUMNS, cells, strict=True)}


PERMISSIONS: Mapping[str, Mapping[Role, Cell]] = dict(_rows(_PERMISSIONS))

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

_RULES: tuple[tuple[type[c.Command], str, tuple[Relation, ...]], ...] = (
    (c.ConferenceLeave, "take_part", (_ON, _OFF)),
    (c.ConferenceEnd, "session.start_end", (_ON, _OFF)),
    (c.ConferenceSettings, "settings.access", (_ON, _OFF)),
    (c.ConferenceSetMode, "settings.access", (_ON, _OFF)),
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
    (c.ShareStop, "take_part", (_SELF,)),
    (c.ShareStop, "share.remove_any", (_OTHER,)),
    (c.ParticipantRemove, "participant.remove", (_OTHER,)),
    (c.ParticipantBlock, "participant.block", (_OTHER,)),
    (c.ParticipantUnblock, "participant.block", (_OTHER, _PROTECTED)),
    (c.RoleAssign, "role.assign", (_SELF, _OTHER)),
    # The place itself is the right: a viewer who was brought to the stage may publish while there, and not one moment
    # longer. `media.publish` says who may publish without having been brought there by a grant or an invitation.
    # What may be sent without a place is the mode's (modes.py).
    (c.MediaPublish, "take_part", (_ON, _OFF)),
)


def command_name(command: type[c.Command]) -> str:
    """A command's `type` on the wire."""
    return str(command.__struct_config__.tag)


RULES: Mapping[tuple[str, Relation], Rule] = {
    (command_name(command), relation): Rule(command_name(command), relation, action)
    for command, action, relations in _RULES
    for relation in relations
}

# What a missing row means to the one who is refused.
_MISSING: Mapping[Relation, Code] = {
    Relation.OFF_STAGE: Code.NOT_ON_STAGE,
    Relation.ON_STAGE: Code.ALREADY,
    Relation.SELF: Code.NOT_ALLOWED,
    Relation.OTHER: Code.NOT_ALLOWED,
    Relation.PROTECTED: Code.PROTECTED,
}


def permits(role: Role, action: str) -> bool:
    """Whether the table has a plain yes for the role. An action without a row is refused."""
    return PERMISSIONS.get(action, {}).get(role) is Cell.YES


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
    towards = relation(room, actor, target)
    rule = RULES.get((command, towards))
    if rule is None:
        # Somebody without the right is told so, not how the target is protected.
        if towards is Relation.PROTECTED and not _may_towards_others(actor, command):
            return Refusal(Code.NOT_ALLOWED, f"{command} towards {towards}: no row")
        return Refusal(_MISSING[towards], f"{command} towards {towards}: no row")
    if not permits(actor.role, rule.action):
        return Refusal(Code.NOT_ALLOWED, f"{rule.name}: {actor.role} has {PERMISSIONS[rule.action][actor.role]}")
    return rule


def _may_towards_others(actor: Participant, command: str) -> bool:
    rule = RULES.get((command, Relation.OTHER))
    return rule is not None and permits(actor.role, rule.action)
