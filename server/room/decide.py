"""A command to its events, or a refusal: the one door to a room.

The session supplies the actor, never the wire. Every command goes the same way: the room runs, the actor is in it,
the target is in it, the rule table has a row whose action the actor's role has, and then one small function of its
own decides what follows. What `can` answers goes the same way too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from protocol.names import Mode, MuteSource, Role
from server.room import deadlines, inner, membership, moderation, remark, seating, stage
from server.room.refusal import Refusal
from server.room.rules import Rule, check, command_name
from server.room.state import Participant, Room

Events = tuple[e.RoomEvent, ...]
AnyCommand = c.RoomCommand | inner.InnerCommand

# Commands about nobody but the actor.
_PLAIN: dict[type[c.Command], Callable[[Room, Participant, Any, int], Events | Refusal]] = {
    c.ConferenceLeave: membership.leave,
    c.ConferenceEnd: membership.end,
    c.ConferenceSettings: membership.settings,
    c.ConferenceSetMode: seating.set_mode,
    c.StageRequest: stage.request,
    c.StageWithdraw: stage.withdraw,
    c.StageAccept: stage.accept,
    c.StageDecline: stage.decline,
    c.StageLeave: stage.leave,
    c.RemarkRequest: remark.request,
    c.RemarkWithdraw: remark.withdraw,
    c.MediaMuteAll: moderation.mute_all,
    c.MediaUnmuteAll: moderation.unmute_all,
    c.MediaPublish: moderation.publish,
}

# Commands about a person; an absent target is the actor.
_TARGETED: dict[type[c.Command], Callable[[Room, Participant, Participant, Any, int], Events | Refusal]] = {
    c.StageGrant: stage.grant,
    c.StageRefuse: stage.refuse,
    c.StageReorder: stage.reorder,
    c.StageInvite: stage.invite,
    c.StageTakeDown: stage.take_down,
    c.RemarkGrant: remark.grant,
    c.RemarkRefuse: remark.refuse,
    c.RemarkEnd: remark.end,
    c.MediaMute: moderation.mute,
    c.MediaUnmute: moderation.unmute,
    c.MediaLock: moderation.lock,
    c.MediaAskUnmute: moderation.ask_unmute,
    c.ShareStop: moderation.stop_share,
    c.ParticipantRemove: membership.remove,
    c.ParticipantBlock: membership.block,
    c.ParticipantUnblock: membership.unblock,
    c.RoleAssign: membership.assign,
}

# Commands about an identity, which need not be present.
_ABOUT_ANYBODY = (c.ParticipantBlock, c.ParticipantUnblock, c.RoleAssign)

_INNER: dict[type[inner.Inner], Callable[[Room, Participant, Any, int], Events | Refusal]] = {
    inner.Drop: membership.drop,
    inner.Expire: membership.expire,
}


def decide(room: Room | None, actor: str, command: AnyCommand, now: int) -> Events | Refusal:
    """What follows when `actor` gives `command` at `now` (ms since 1970). No events: accepted, nothing to change."""
    if isinstance(command, inner.Create):
        return membership.create(room, actor, command, now)
    if room is None:
        return Refusal(Code.NO_SUCH_CONFERENCE, "there is no room")
    if isinstance(command, inner.Enter):
        return membership.enter(room, actor, command, now)
    if isinstance(command, inner.Close):
        return membership.close(room, actor, command, now)
    if isinstance(command, inner.Elapse):
        return deadlines.elapse(room, now)
    if isinstance(command, inner.Inner):
        present = room.people.get(actor)
        return () if present is None else _INNER[type(command)](room, present, command, now)
    found = permitted(room, actor, type(command), getattr(command, "target", None))
    if isinstance(found, Refusal):
        return found
    person, target, _ = found
    if target is None:
        return _PLAIN[type(command)](room, person, command, now)
    return _TARGETED[type(command)](room, person, target, command, now)


def permitted(
    room: Room, actor: str, command: type[c.Command], target: str | None
) -> tuple[Participant, Participant | None, Rule] | Refusal:
    """The actor, the target and the rule that lets the one give the command about the other, or why not."""
    if room.ended:
        return Refusal(Code.CONFERENCE_ENDED, "nothing is decided in an ended conference")
    person = room.people.get(actor)
    if person is None:
        return Refusal(Code.NOT_YET, "only who is in the conference commands in it")
    about: Participant | None = None
    if command in _TARGETED:
        about = room.people.get(actor if target is None else target)
        if about is None and target is not None and command in _ABOUT_ANYBODY:
            about = membership.expected(room, target)
        if about is None:
            return Refusal(Code.NO_SUCH_PERSON, "the target is not present")
    rule = check(room, person, command_name(command), about)
    return rule if isinstance(rule, Refusal) else (person, about, rule)


def _probes(target: str | None) -> Iterator[tuple[str, c.RoomCommand]]:
    """Every command one could give about `target`, with the variants a client shows apart."""
    if target is None:
        yield "conference.settings", c.ConferenceSettings(id=0)
        for plain in (
            c.ConferenceLeave,
            c.ConferenceEnd,
            c.StageRequest,
            c.StageWithdraw,
            c.StageAccept,
            c.StageDecline,
            c.StageLeave,
            c.RemarkRequest,
            c.RemarkWithdraw,
        ):
            yield command_name(plain), plain(id=0)
        for mode in Mode:
            yield f"conference.set_mode:{mode}", c.ConferenceSetMode(id=0, mode=mode)
        for source in MuteSource:
            yield f"media.mute_all:{source}", c.MediaMuteAll(id=0, source=source)
            yield f"media.unmute_all:{source}", c.MediaUnmuteAll(id=0, source=source)
        yield "media.publish", c.MediaPublish(id=0, sdp="-", tracks={})
        return
    for aimed in (
        c.StageGrant,
        c.StageRefuse,
        c.StageInvite,
        c.StageTakeDown,
        c.RemarkGrant,
        c.RemarkRefuse,
        c.RemarkEnd,
        c.ParticipantRemove,
        c.ParticipantBlock,
    ):
        yield command_name(aimed), aimed(id=0, target=target)
    yield "participant.unblock", c.ParticipantUnblock(id=0, target=target)
    yield "share.stop", c.ShareStop(id=0, target=target)
    yield "stage.reorder", c.StageReorder(id=0, target=target, position=0)
    for source in MuteSource:
        yield f"media.mute:{source}", c.MediaMute(id=0, source=source, target=target)
        yield f"media.unmute:{source}", c.MediaUnmute(id=0, source=source, target=target)
        yield f"media.lock:{source}", c.MediaLock(id=0, source=source, target=target)
        yield f"media.ask_unmute:{source}", c.MediaAskUnmute(id=0, source=source, target=target)
    for role in Role:
        yield f"role.assign:{role}", c.RoleAssign(id=0, target=target, role=role)


def allowed(room: Room, actor: str, target: str | None) -> dict[str, str]:
    """What `actor` may do now, about nobody in particular or about `target`: command → the rule that lets them.

    The answer is found by deciding each command and throwing the events away: `can` is the check itself. Commands
    with a variant stand as `media.mute:audio`, `role.assign:speaker`.
    """
    found: dict[str, str] = {}
    for name, command in _probes(target):
        if isinstance(decide(room, actor, command, 0), Refusal):
            continue
        granted = permitted(room, actor, type(command), target)
        if not isinstance(granted, Refusal):
            found[name] = granted[2].name
    return found
