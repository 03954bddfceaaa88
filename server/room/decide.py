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
from protocol.engagement import Channel
from protocol.errors import Code
from protocol.files import FileKind
from protocol.names import Mode, MuteSource, Role, Source
from server.room import (
    chatroom,
    deadlines,
    devices,
    door,
    files,
    inner,
    layout,
    links,
    membership,
    moderation,
    polls,
    presence,
    questions,
    recording,
    remark,
    seating,
    stage,
)
from server.room.refusal import Refusal
from server.room.rules import Relation, Rule, allows, check, command_name
from server.room.state import Participant, Room

Events = tuple[e.RoomEvent, ...]
AnyCommand = c.RoomCommand | inner.InnerCommand

# Commands about nobody but the actor.
_PLAIN: dict[type[c.Command], Callable[[Room, Participant, Any, int], Events | Refusal]] = {
    c.ConferenceLeave: membership.leave,
    c.ConferenceEnd: membership.end,
    c.ConferenceSettings: membership.settings,
    c.ConferenceSetMode: seating.set_mode,
    c.ConferenceStart: door.start,
    c.ConferenceSetPin: door.set_pin,
    c.LobbyAdmitAll: door.admit_all,
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
    c.ConferenceLayout: layout.arrange,
    c.DevicesReport: devices.report,
    c.QuestionAsk: questions.ask,
    c.PollCreate: polls.create,
    c.LinkPublish: links.publish,
    c.ChatClose: chatroom.close,
    c.ChatOpen: chatroom.reopen,
    c.RecordingStart: recording.start,
    c.RecordingStop: recording.stop,
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
    c.MediaStats: moderation.inspect,
    c.ShareStop: moderation.stop_share,
    c.ParticipantRemove: membership.remove,
    c.ParticipantBlock: membership.block,
    c.ParticipantUnblock: membership.unblock,
    c.RoleAssign: membership.assign,
    c.LayoutPlace: layout.place,
    c.DevicesSelect: devices.select,
    c.RoleClear: membership.clear,
    c.LobbyAdmit: door.admit,
    c.LobbyRefuse: door.refuse,
}

# Commands about an identity, which need not be present.
_ABOUT_ANYBODY = (c.ParticipantBlock, c.ParticipantUnblock, c.RoleAssign, c.RoleClear)
# Commands about somebody who waits at the door.
_AT_THE_DOOR = (c.LobbyAdmit, c.LobbyRefuse)

# Commands about an entry, given by its number in a field of that name: how it is found, which hides what the actor does
# not see, and what follows. Without a number it is about none: what is on the stage comes down.
_Find = Callable[[Room, Participant, int], Any]
_ABOUT_ENTRIES: dict[
    type[c.Command], tuple[str, _Find, Callable[[Room, Participant, Any, Any, int], Events | Refusal]]
] = {
    c.QuestionUpvote: ("question", questions.find, questions.upvote),
    c.QuestionApprove: ("question", questions.find, questions.approve),
    c.QuestionAnswer: ("question", questions.find, questions.answer),
    c.QuestionDisplay: ("question", questions.find, questions.display),
    c.QuestionDismiss: ("question", questions.find, questions.dismiss),
    c.PollLaunch: ("poll", polls.find, polls.launch),
    c.PollAnswer: ("poll", polls.find, polls.answer),
    c.PollClose: ("poll", polls.find, polls.close),
    c.PollRemove: ("poll", polls.find, polls.remove),
    c.LinkPromote: ("link", links.find, links.promote),
    c.LinkRemove: ("link", links.find, links.remove),
    c.FileRemove: ("file", files.find, files.remove),
    c.SlidesOpen: ("file", files.find, files.show),
    c.SlidesPage: ("file", files.find_shown, files.turn),
    c.SlidesClose: ("file", files.find_shown, files.close),
}

_INNER: dict[type[inner.Inner], Callable[[Room, Participant, Any, int], Events | Refusal]] = {
    inner.Drop: membership.drop,
    inner.Stay: presence.stay,
    inner.Move: membership.move,
    inner.Expire: membership.expire,
    inner.Right: membership.right,
    inner.Bar: membership.bar,
}


def decide(room: Room | None, actor: str, command: AnyCommand, now: int) -> Events | Refusal:
    """What follows when `actor` gives `command` at `now` (ms since 1970). No events: accepted, nothing to change."""
    if isinstance(command, inner.Create):
        return membership.create(room, actor, command, now)
    if room is None:
        return Refusal(Code.NO_SUCH_CONFERENCE, "there is no room")
    if isinstance(command, inner.Enter):
        return door.enter(room, actor, command, now)
    if isinstance(command, inner.Close):
        return membership.close(room, actor, command, now)
    if isinstance(command, inner.Pass):
        return membership.pass_on(room, actor, now)
    if isinstance(command, inner.Appoint):
        return membership.appoint(room, actor, command, now)
    if isinstance(command, inner.Elapse):
        return deadlines.elapse(room, now)
    if isinstance(command, inner.EndRecording):
        return recording.end(room, command, now)
    if actor in room.lobby and isinstance(command, c.ConferenceLeave | inner.Drop | inner.Move):
        return door.leave(room, actor, command, now)
    if actor in room.lobby and isinstance(command, inner.Right):
        return door.right(room, actor, command, now)
    if isinstance(command, inner.OutdateFiles):
        return files.outdate(room, command, now)
    if isinstance(command, inner.AddFile):
        by = _commanding(room, actor)
        return by if isinstance(by, Refusal) else files.add(room, by, command, now)
    if isinstance(command, inner.DeleteMessage):
        by = _commanding(room, actor)
        return by if isinstance(by, Refusal) else chatroom.delete(room, by, command, now)
    if isinstance(command, inner.Inner):
        present = room.people.get(actor)
        return () if present is None else _INNER[type(command)](room, present, command, now)
    if type(command) in _ABOUT_ENTRIES:
        return _about_an_entry(room, actor, command, now)
    found = permitted(room, actor, type(command), getattr(command, "target", None))
    if isinstance(found, Refusal):
        return found
    person, target, _ = found
    if target is None:
        return _PLAIN[type(command)](room, person, command, now)
    return _TARGETED[type(command)](room, person, target, command, now)


def _about_an_entry(room: Room, actor: str, command: c.RoomCommand, now: int) -> Events | Refusal:
    person = _commanding(room, actor)
    if isinstance(person, Refusal):
        return person
    name = command_name(type(command))
    field, find, follow = _ABOUT_ENTRIES[type(command)]
    number: int | None = getattr(command, field)
    # The right first: who has it for no entry at all is not told which entries there are.
    rules = {towards: allows(room, person, name, towards) for towards in (Relation.OWN, Relation.OTHERS)}
    refusal = rules[Relation.OTHERS]
    if isinstance(refusal, Refusal) and (number is None or isinstance(rules[Relation.OWN], Refusal)):
        return refusal
    if number is None:
        return follow(room, person, None, command, now)
    entry = find(room, person, number)
    if entry is None:
        return Refusal(Code.NO_SUCH_ENTRY, f"there is no {field} {number} to see")
    # The state keeps a question with its votes and a poll with its answers, and a link as it is.
    made: Any = getattr(entry, field, entry)
    rule = rules[Relation.OWN if made.person == actor else Relation.OTHERS]
    return rule if isinstance(rule, Refusal) else follow(room, person, entry, command, now)


def _commanding(room: Room, actor: str) -> Participant | Refusal:
    """The actor, when they are in a conference that runs."""
    if room.ended:
        return Refusal(Code.CONFERENCE_ENDED, "nothing is decided in an ended conference")
    return room.people.get(actor) or Refusal(Code.NOT_YET, "only who is in the conference commands in it")


def permitted(
    room: Room, actor: str, command: type[c.Command], target: str | None
) -> tuple[Participant, Participant | None, Rule] | Refusal:
    """The actor, the target and the rule that lets the one give the command about the other, or why not."""
    person = _commanding(room, actor)
    if isinstance(person, Refusal):
        return person
    about: Participant | None = None
    if command in _TARGETED:
        about = target_of(room, command, actor if target is None else target)
        if about is None:
            # The right first: who has it towards nobody is not told who is there, or waits at the door.
            towards_others = allows(room, person, command_name(command), Relation.OTHER)
            if isinstance(towards_others, Refusal):
                return towards_others
            return Refusal(Code.NO_SUCH_PERSON, "the target is not present")
    rule = check(room, person, command_name(command), about)
    return rule if isinstance(rule, Refusal) else (person, about, rule)


def target_of(room: Room, command: type[c.Command], target: str) -> Participant | None:
    """The person a command is about, as it sees them; None when it cannot be about them."""
    if command in _AT_THE_DOOR:
        return membership.expected(room, target) if target in room.lobby else None
    present = room.people.get(target)
    return membership.expected(room, target) if present is None and command in _ABOUT_ANYBODY else present


def probes(room: Room, target: str | None) -> Iterator[tuple[str, c.RoomCommand]]:
    """Every command one could give about `target`, with the variants a client shows apart."""
    if target is None:
        yield "conference.settings", c.ConferenceSettings(id=0)
        for plain in (
            c.ConferenceLeave,
            c.ConferenceEnd,
            c.ConferenceStart,
            c.LobbyAdmitAll,
            c.StageRequest,
            c.StageWithdraw,
            c.StageAccept,
            c.StageDecline,
            c.StageLeave,
            c.RemarkRequest,
            c.RemarkWithdraw,
            c.RemarkEnd,
        ):
            yield command_name(plain), plain(id=0)
        yield "conference.set_pin", c.ConferenceSetPin(id=0, pin=room.pin)
        for mode in Mode:
            yield f"conference.set_mode:{mode}", c.ConferenceSetMode(id=0, mode=mode)
        for source in MuteSource:
            yield f"media.mute_all:{source}", c.MediaMuteAll(id=0, source=source)
            yield f"media.unmute_all:{source}", c.MediaUnmuteAll(id=0, source=source)
        yield "media.publish", c.MediaPublish(id=0, sdp="-", tracks={})
        yield "conference.layout", c.ConferenceLayout(id=0, kind=room.layout.kind)
        yield "layout.place", c.LayoutPlace(id=0)
        yield "devices.report", c.DevicesReport(id=0, devices=())
        # The sound of a screen comes with the screen.
        for track in (Source.AUDIO, Source.VIDEO, Source.SCREEN):
            yield f"media.publish:{track}", c.MediaPublish(id=0, sdp="-", tracks={"0": track})
        yield "question.ask", c.QuestionAsk(id=0, text="?")
        yield "poll.create", c.PollCreate(id=0, question="?", options=("-", "+"))
        yield "link.publish", c.LinkPublish(id=0, url="https://example.org", title="-")
        yield "chat.close", c.ChatClose(id=0)
        yield "chat.open", c.ChatOpen(id=0)
        yield "recording.start", c.RecordingStart(id=0)
        yield "recording.stop", c.RecordingStop(id=0)
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
        c.LobbyAdmit,
        c.LobbyRefuse,
        c.RoleClear,
    ):
        yield command_name(aimed), aimed(id=0, target=target)
    yield "participant.unblock", c.ParticipantUnblock(id=0, target=target)
    yield "media.stats", c.MediaStats(id=0, target=target)
    yield "share.stop", c.ShareStop(id=0, target=target)
    yield "layout.place", c.LayoutPlace(id=0, target=target)
    # Any one of theirs stands for all: without a report there is nothing to select.
    for device in room.devices.get(target, ())[:1]:
        yield "devices.select", c.DevicesSelect(id=0, target=target, device=device.id, kind=device.kind)
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
    with a variant stand as `media.mute:audio`, `role.assign:speaker`; `stage.request:go` where asking for the stage is
    enough and nobody has to grant it. Commands about an entry stand as `question.dismiss` for anybody's and
    `question.dismiss:own` for one's own.
    """
    found: dict[str, str] = {}
    for name, command in probes(room, target):
        decided = decide(room, actor, command, 0)
        if isinstance(decided, Refusal):
            continue
        granted = permitted(room, actor, type(command), target)
        if isinstance(granted, Refusal):
            continue
        found[name] = granted[2].name
        if isinstance(command, c.StageRequest) and any(isinstance(event, e.StageTaken) for event in decided):
            found[f"{name}:go"] = found[name]
    person = _commanding(room, actor)
    if target is None and not isinstance(person, Refusal):
        found |= {name: rule.name for name, rule in by_rule(room, person).items() if not isinstance(rule, Refusal)}
    if target is not None and not isinstance(person, Refusal):
        rule = chatroom.may_address(room, person, target)
        if not isinstance(rule, Refusal):
            found[chatroom.TO_ONE] = rule.name
    return found


def by_rule(room: Room, person: Participant) -> dict[str, Rule | Refusal]:
    """Where a rule alone says what one may do: about entries of which none is named, and beside the room's log."""
    found: dict[str, Rule | Refusal] = {}
    found["chat.edit:own"] = allows(room, person, "chat.edit", Relation.OWN)
    for name in (*map(command_name, _ABOUT_ENTRIES), command_name(c.ChatDelete)):
        found[name] = allows(room, person, name, Relation.OTHERS)
        found[f"{name}:own"] = allows(room, person, name, Relation.OWN)
    found["slides.open:own"] = files.may_show_own(room, person)
    found["chat.send"] = chatroom.may_send(room, person, Channel.EVERYONE)
    found[chatroom.TO_MODERATORS] = chatroom.may_send(room, person, Channel.MODERATORS)
    found[chatroom.TO_ONE] = chatroom.may_send(room, person, Channel.PRIVATE)
    found |= {files.upload_name(kind): files.may_upload(room, person, kind) for kind in FileKind}
    found["reaction.send"] = check(room, person, "reaction.send", None)
    return found
