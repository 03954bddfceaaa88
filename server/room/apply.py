"""An event to the next state. Nothing is judged here: the event holds the result.

One function for each event, in a table: an event without a row is unknown to this node, which then serves reads for
the room and decides nothing (a rolling upgrade).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from msgspec.structs import replace

from protocol import events as e
from protocol.engagement import PollState
from protocol.layout import Layout
from protocol.names import MuteSource, Source, WaitReason
from protocol.view import Blocked
from server.room.entries import MAX_ERASED, Asked, Posed
from server.room.rules import RANK
from server.room.state import CROWDED_FROM, CROWDED_UNTIL, MAX_ADMITTED, MAX_MUTED, Knock, Mute, Participant, Room
from server.room.table import EMPTY, Table, table

K = TypeVar("K")
V = TypeVar("V")


class UnknownEvent(Exception):
    """The log holds an event that this node does not know."""


def apply(room: Room | None, event: e.RoomEvent) -> Room:
    """The room after the event, one version later. Raises `UnknownEvent`."""
    if room is None:
        if not isinstance(event, e.ConferenceCreated):
            raise UnknownEvent("a room begins with its creation")
        return Room(
            conference=event.conference,
            title=event.title,
            owner=event.owner,
            stage_places=event.stage_places,
            version=1,
        )
    step = _APPLY.get(type(event))
    if step is None:
        raise UnknownEvent(type(event).__name__)
    return replace(step(room, event), version=room.version + 1)


def stamp(room: Room | None, event: e.RoomEvent) -> e.RoomEvent:
    """The event with the version it will have in this room."""
    return replace(event, version=1 if room is None else room.version + 1)


def played(room: Room, events: Iterable[e.RoomEvent]) -> Room:
    """The room as these events will leave it: for decisions whose parts follow from one another."""
    for event in events:
        room = apply(room, event)
    return room


def _with(rows: dict[K, V], key: K, value: V) -> dict[K, V]:
    return {**rows, key: value}


def _without(rows: dict[K, V], key: K) -> dict[K, V]:
    if key not in rows:
        return rows
    left = dict(rows)
    del left[key]
    return left


def _drop(items: tuple[str, ...], item: str) -> tuple[str, ...]:
    return tuple(i for i in items if i != item) if item in items else items


def _person(room: Room, person: str, **changes: Any) -> Room:
    before = room.people.get(person)
    return room if before is None else replace(room, people=room.people.put(person, replace(before, **changes)))


def _crowd(room: Room) -> Room:
    count = len(room.people)
    crowded = count > CROWDED_FROM or (room.crowded and count >= CROWDED_UNTIL)
    return room if crowded is room.crowded else replace(room, crowded=crowded)


def _lasting(room: Room, person: str) -> dict[MuteSource, Mute]:
    """What a moderator silenced stays so for a return; what people muted themselves goes with them."""
    return {source: mute for source, mute in room.mutes.get(person, {}).items() if mute.by != person}


def _off_the_layout(room: Room, person: str) -> Room:
    """Only who is on the stage has a tile there."""
    layout = room.layout
    if person not in layout.tiles and layout.spotlight != person:
        return room
    spotlight = "" if layout.spotlight == person else layout.spotlight
    return replace(room, layout=replace(layout, spotlight=spotlight, tiles=_without(layout.tiles, person)))


def _slides_down(room: Room, person: str) -> Room:
    """Slides are on the stage as long as who has put them there is."""
    slides = room.entries.slides
    return _entries(room, slides=None) if slides is not None and slides.person == person else room


def _settings_changed(room: Room, event: e.ConferenceSettingsChanged) -> Room:
    return replace(room, title=event.title, stage_places=event.stage_places, settings=event.settings)


def _mode_changed(room: Room, event: e.ConferenceModeChanged) -> Room:
    return replace(room, mode=event.mode, teacher=event.teacher)


def _owner_changed(room: Room, event: e.ConferenceOwnerChanged) -> Room:
    return replace(room, owner=event.owner)


def _layout_changed(room: Room, event: e.ConferenceLayoutChanged) -> Room:
    return replace(room, layout=event.layout)


def _ended(room: Room, event: e.ConferenceEnded) -> Room:
    mutes = table({person: kept for person in room.mutes if (kept := _lasting(room, person))})
    return replace(
        room,
        ended=True,
        people=EMPTY,
        stage=(),
        queue=(),
        invited=(),
        expires={},
        asking=(),
        remarks={},
        mutes=mutes,
        devices=EMPTY,
        layout=Layout(kind=room.layout.kind),
        entries=replace(room.entries, displayed=0, promoted=0, slides=None),
        crowded=False,
        started=False,
        lobby=EMPTY,
        admitted=EMPTY,
        recording=None,
        recorder="",
    )


def _reopened(room: Room, event: e.ConferenceReopened) -> Room:
    return replace(room, ended=False)


def _started(room: Room, event: e.ConferenceStarted) -> Room:
    return replace(room, started=True)


def _pin_changed(room: Room, event: e.ConferencePinChanged) -> Room:
    return replace(room, pin=event.pin)


def _waits(room: Room, event: e.LobbyEntered) -> Room:
    if event.who.reason is not WaitReason.LOBBY:
        room = _let_in(room, event.who.id)
    knock = Knock(who=event.who, inherits=event.inherits, links=event.links)
    return replace(room, lobby=room.lobby.put(event.who.id, knock))


def _waits_no_more(room: Room, event: e.LobbyLeft) -> Room:
    return replace(room, lobby=room.lobby.drop(event.person))


def _let_in(room: Room, person: str) -> Room:
    """Who waited to be let in does not wait a second time."""
    waited = room.lobby.get(person)
    if waited is None or waited.who.reason is not WaitReason.LOBBY:
        return room
    admitted = room.admitted.drop(person).put(person, True)
    if len(admitted) > MAX_ADMITTED:
        admitted = admitted.drop(next(iter(admitted)))
    return replace(room, admitted=admitted)


def _joined(room: Room, event: e.ParticipantJoined) -> Room:
    person = Participant(
        id=event.person,
        name=event.name,
        kind=event.kind,
        role=event.role,
        by_right=event.by_right,
        inherits=event.inherits,
        since=room.version + 1,
        links=event.links,
    )
    room = _let_in(room, event.person)
    people, lobby = room.people.put(event.person, person), room.lobby.drop(event.person)
    return _crowd(replace(room, people=people, lobby=lobby))


def _away(room: Room, event: e.ParticipantAway) -> Room:
    return _person(room, event.person, away=True, links={})


def _returned(room: Room, event: e.ParticipantReturned) -> Room:
    return _person(_linked(room, event), event.person, away=False)


def _linked(room: Room, event: e.ParticipantLinked | e.ParticipantReturned) -> Room:
    waiting = room.lobby.get(event.person)
    if waiting is not None:
        return replace(room, lobby=room.lobby.put(event.person, replace(waiting, links=event.links)))
    moved = {"moved": room.version + 1} if event.moved else {}
    return _person(room, event.person, links=event.links, **moved)


def _left(room: Room, event: e.ParticipantLeft) -> Room:
    room = _slides_down(_off_the_layout(room, event.person), event.person)
    kept = _lasting(room, event.person)
    # Who was sent out asks to be let in again.
    asks_again = event.reason is e.LeaveReason.REMOVED
    mutes = room.mutes.put(event.person, kept) if kept else room.mutes.drop(event.person)
    if len(mutes) > MAX_MUTED:
        mutes = mutes.drop(next((person for person in mutes if person not in room.people), event.person))
    return _crowd(
        replace(
            room,
            people=room.people.drop(event.person),
            stage=_drop(room.stage, event.person),
            queue=_drop(room.queue, event.person),
            invited=_drop(room.invited, event.person),
            expires=_without(room.expires, event.person),
            asking=_drop(room.asking, event.person),
            remarks=_without(room.remarks, event.person),
            mutes=mutes,
            devices=room.devices.drop(event.person),
            admitted=_asks_again(room, event.person) if asks_again else room.admitted,
        )
    )


def _blocked(room: Room, event: e.ParticipantBlocked) -> Room:
    kept = Blocked(id=event.person, name=event.name, by=event.by or "", time=event.time, note=event.note)
    room = replace(room, admitted=_asks_again(room, event.person))
    return replace(room, blocked=_with(room.blocked, event.person, kept))


def _unblocked(room: Room, event: e.ParticipantUnblocked) -> Room:
    return replace(room, blocked=_without(room.blocked, event.person))


def _role_assigned(room: Room, event: e.RoleAssigned) -> Room:
    before, person = room.assigned, event.person
    if event.by_right is not None:
        return _person(room, person, role=event.role, by_right=event.by_right)
    present, admitted = room.people.get(person), room.admitted
    lowered = present is not None and not event.inherited and RANK[event.role] < RANK[present.role]
    if lowered and not admitted.get(person):
        admitted = admitted.put(person, False)
    elif not lowered and admitted.get(person) is False:
        admitted = admitted.drop(person)
    assigned = before.drop(person) if event.inherited else before.put(person, event.role)
    return _person(replace(room, assigned=assigned, admitted=admitted), person, role=event.role)


def _asks_again(room: Room, person: str) -> Table[bool]:
    """`Room.admitted` for somebody whose role here opens the door no more."""
    admitted = room.admitted.drop(person)
    return admitted.put(person, False) if person in room.assigned else admitted


def _requested(room: Room, event: e.StageRequested) -> Room:
    return replace(room, queue=(*room.queue, event.person))


def _out_of_queue(room: Room, event: e.StageWithdrawn | e.StageRefused) -> Room:
    return replace(room, queue=_drop(room.queue, event.person))


def _reordered(room: Room, event: e.StageReordered) -> Room:
    return replace(room, queue=event.queue)


def _invited(room: Room, event: e.StageInvited) -> Room:
    expires = _with(room.expires, event.person, event.until) if event.until else room.expires
    return replace(room, invited=(*room.invited, event.person), expires=expires)


def _declined(room: Room, event: e.StageDeclined) -> Room:
    return replace(room, invited=_drop(room.invited, event.person), expires=_without(room.expires, event.person))


def _taken(room: Room, event: e.StageTaken) -> Room:
    return replace(
        room,
        stage=(*room.stage, event.person),
        queue=_drop(room.queue, event.person),
        invited=_drop(room.invited, event.person),
        expires=_without(room.expires, event.person),
        asking=_drop(room.asking, event.person),
        remarks=_without(room.remarks, event.person),
    )


def _stage_left(room: Room, event: e.StageLeft) -> Room:
    room = _off_the_layout(replace(room, stage=_drop(room.stage, event.person)), event.person)
    return _person(_slides_down(room, event.person), event.person, tracks=())


def _remark_requested(room: Room, event: e.RemarkRequested) -> Room:
    return replace(room, asking=(*room.asking, event.person))


def _asks_no_more(room: Room, event: e.RemarkWithdrawn | e.RemarkRefused) -> Room:
    return replace(room, asking=_drop(room.asking, event.person))


def _remark_granted(room: Room, event: e.RemarkGranted) -> Room:
    asking, remarks = _drop(room.asking, event.person), _with(room.remarks, event.person, event.until)
    return replace(room, asking=asking, remarks=remarks)


def _remark_ended(room: Room, event: e.RemarkEnded) -> Room:
    return _person(replace(room, remarks=_without(room.remarks, event.person)), event.person, tracks=())


def _muted(room: Room, event: e.MediaMuted) -> Room:
    mute = Mute(by=event.by or event.person, locked=event.locked)
    mutes = _with(room.mutes.get(event.person, {}), event.source, mute)
    return replace(room, mutes=room.mutes.put(event.person, mutes))


def _unmuted(room: Room, event: e.MediaUnmuted) -> Room:
    left: dict[MuteSource, Mute] = _without(room.mutes.get(event.person, {}), event.source)
    return replace(room, mutes=room.mutes.put(event.person, left) if left else room.mutes.drop(event.person))


def _said_once(room: Room, event: e.MediaUnmuteAsked | e.DevicesSelected) -> Room:
    """What somebody's client is asked to do is said once; what it has done it tells itself."""
    return room


def _devices_reported(room: Room, event: e.DevicesReported) -> Room:
    left = room.devices.drop(event.person)
    return replace(room, devices=left.put(event.person, event.devices) if event.devices else left)


def _published(room: Room, event: e.TrackPublished) -> Room:
    person = room.people.get(event.person)
    return room if person is None else _person(room, event.person, tracks=(*person.tracks, event.source))


def _unpublished(room: Room, event: e.TrackUnpublished) -> Room:
    person = room.people.get(event.person)
    if person is None:
        return room
    kept: tuple[Source, ...] = tuple(source for source in person.tracks if source != event.source)
    return _person(room, event.person, tracks=kept)


def _entries(room: Room, **changes: Any) -> Room:
    return replace(room, entries=replace(room.entries, **changes))


def _question(room: Room, number: int, change: Callable[[Asked], Asked]) -> Room:
    before = room.entries.questions.get(str(number))
    if before is None:
        return room
    return _entries(room, questions=_with(room.entries.questions, str(number), change(before)))


def _question_asked(room: Room, event: e.QuestionAsked) -> Room:
    number = event.question.number
    questions = _with(room.entries.questions, str(number), Asked(question=event.question))
    return _entries(room, questions=questions, asked=number)


def _question_upvoted(room: Room, event: e.QuestionUpvoted) -> Room:
    return _question(room, event.question, lambda asked: replace(asked, voters=(*asked.voters, event.person)))


def _question_approved(room: Room, event: e.QuestionApproved) -> Room:
    def change(asked: Asked) -> Asked:
        return replace(asked, question=replace(asked.question, approved=True))

    return _question(room, event.question.number, change)


def _question_answered(room: Room, event: e.QuestionAnswered) -> Room:
    def change(asked: Asked) -> Asked:
        return replace(asked, question=replace(asked.question, answer=event.answer))

    return _question(room, event.question, change)


def _question_displayed(room: Room, event: e.QuestionDisplayed) -> Room:
    return _entries(room, displayed=0 if event.question is None else event.question.number)


def _question_dismissed(room: Room, event: e.QuestionDismissed) -> Room:
    return _entries(room, questions=_without(room.entries.questions, str(event.question)))


def _poll(room: Room, number: int, change: Callable[[Posed], Posed]) -> Room:
    before = room.entries.polls.get(str(number))
    return room if before is None else _entries(room, polls=_with(room.entries.polls, str(number), change(before)))


def _poll_created(room: Room, event: e.PollCreated) -> Room:
    number = event.poll.number
    posed = Posed(poll=event.poll, counts=(0,) * len(event.poll.options))
    return _entries(room, polls=_with(room.entries.polls, str(number), posed), posed=number)


def _poll_launched(room: Room, event: e.PollLaunched) -> Room:
    return _poll(room, event.poll.number, lambda posed: replace(posed, poll=event.poll))


def _poll_answered(room: Room, event: e.PollAnswered) -> Room:
    def change(posed: Posed) -> Posed:
        counts = tuple(count + (option in event.chosen) for option, count in enumerate(posed.counts))
        kept = () if posed.poll.anonymous else event.chosen
        return replace(posed, counts=counts, answers=_with(posed.answers, event.person, kept))

    return _poll(room, event.poll, change)


def _poll_closed(room: Room, event: e.PollClosed) -> Room:
    return _poll(room, event.poll, lambda posed: replace(posed, poll=replace(posed.poll, state=PollState.CLOSED)))


def _poll_removed(room: Room, event: e.PollRemoved) -> Room:
    return _entries(room, polls=_without(room.entries.polls, str(event.poll)))


def _link_published(room: Room, event: e.LinkPublished) -> Room:
    number = event.link.number
    return _entries(room, links=_with(room.entries.links, str(number), event.link), linked=number)


def _link_promoted(room: Room, event: e.LinkPromoted) -> Room:
    return _entries(room, promoted=0 if event.link is None else event.link.number)


def _link_removed(room: Room, event: e.LinkRemoved) -> Room:
    return _entries(room, links=_without(room.entries.links, str(event.link)))


def _file_added(room: Room, event: e.FileAdded) -> Room:
    number = event.file.number
    return _entries(room, files=_with(room.entries.files, str(number), event.file), filed=number)


def _file_removed(room: Room, event: e.FileRemoved) -> Room:
    return _entries(room, files=_without(room.entries.files, str(event.file)))


def _slides_opened(room: Room, event: e.SlidesOpened) -> Room:
    return _entries(room, slides=event.slides)


def _slides_turned(room: Room, event: e.SlidesTurned) -> Room:
    slides = room.entries.slides
    return room if slides is None else _entries(room, slides=replace(slides, page=event.page))


def _slides_closed(room: Room, event: e.SlidesClosed) -> Room:
    return _entries(room, slides=None)


def _chat_closed(room: Room, event: e.ChatClosed) -> Room:
    return _entries(room, chat_closed=True)


def _chat_opened(room: Room, event: e.ChatOpened) -> Room:
    return _entries(room, chat_closed=False)


def _chat_deleted(room: Room, event: e.ChatDeleted) -> Room:
    erased = (*room.entries.erased, f"{event.channel.value}/{event.number}")
    return _entries(room, erased=erased[-MAX_ERASED:])


def _recording_started(room: Room, event: e.RecordingStarted) -> Room:
    return replace(room, recording=event.recording, recorder=event.node, recorded=event.recording.number)


def _recording_stopped(room: Room, event: e.RecordingStopped) -> Room:
    return replace(room, recording=None, recorder="")


_APPLY: dict[type[e.Event], Callable[[Room, Any], Room]] = {
    e.ConferenceSettingsChanged: _settings_changed,
    e.ConferenceModeChanged: _mode_changed,
    e.ConferenceOwnerChanged: _owner_changed,
    e.ConferenceLayoutChanged: _layout_changed,
    e.ConferenceEnded: _ended,
    e.ConferenceReopened: _reopened,
    e.ConferenceStarted: _started,
    e.ConferencePinChanged: _pin_changed,
    e.LobbyEntered: _waits,
    e.LobbyLeft: _waits_no_more,
    e.ParticipantJoined: _joined,
    e.ParticipantAway: _away,
    e.ParticipantReturned: _returned,
    e.ParticipantLinked: _linked,
    e.ParticipantLeft: _left,
    e.ParticipantBlocked: _blocked,
    e.ParticipantUnblocked: _unblocked,
    e.RoleAssigned: _role_assigned,
    e.StageRequested: _requested,
    e.StageWithdrawn: _out_of_queue,
    e.StageRefused: _out_of_queue,
    e.StageReordered: _reordered,
    e.StageInvited: _invited,
    e.StageDeclined: _declined,
    e.StageTaken: _taken,
    e.StageLeft: _stage_left,
    e.RemarkRequested: _remark_requested,
    e.RemarkWithdrawn: _asks_no_more,
    e.RemarkRefused: _asks_no_more,
    e.RemarkGranted: _remark_granted,
    e.RemarkEnded: _remark_ended,
    e.MediaMuted: _muted,
    e.MediaUnmuted: _unmuted,
    e.MediaUnmuteAsked: _said_once,
    e.DevicesReported: _devices_reported,
    e.DevicesSelected: _said_once,
    e.TrackPublished: _published,
    e.TrackUnpublished: _unpublished,
    e.QuestionAsked: _question_asked,
    e.QuestionUpvoted: _question_upvoted,
    e.QuestionApproved: _question_approved,
    e.QuestionAnswered: _question_answered,
    e.QuestionDisplayed: _question_displayed,
    e.QuestionDismissed: _question_dismissed,
    e.PollCreated: _poll_created,
    e.PollLaunched: _poll_launched,
    e.PollAnswered: _poll_answered,
    e.PollClosed: _poll_closed,
    e.PollRemoved: _poll_removed,
    e.LinkPublished: _link_published,
    e.LinkPromoted: _link_promoted,
    e.LinkRemoved: _link_removed,
    e.FileAdded: _file_added,
    e.FileRemoved: _file_removed,
    e.SlidesOpened: _slides_opened,
    e.SlidesTurned: _slides_turned,
    e.SlidesClosed: _slides_closed,
    e.ChatClosed: _chat_closed,
    e.ChatOpened: _chat_opened,
    e.ChatDeleted: _chat_deleted,
    e.RecordingStarted: _recording_started,
    e.RecordingStopped: _recording_stopped,
}
