"""The door: who comes in, who waits there and for what, and who is refused.

Somebody who comes is refused, waits, or is in: `_answer` says which, and it alone, so that it is the same on coming, on
admission and whenever the settings or a role change while they wait (`reconsider`). Who waits is in `Room.lobby` and
nowhere else: not among the people, on no list that a client or a media worker is told, so that nothing of the
conference can reach them before they are in. Seat, capacity and role are those of the moment in which they come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from protocol.names import PersonKind, Role, WaitReason
from protocol.view import Waiting
from server.room import access, inner, presence, seating
from server.room.apply import played
from server.room.refusal import Refusal
from server.room.state import MAX_WAITING, Knock, Participant, Room

Events = tuple[e.RoomEvent, ...]


def enter(room: Room, actor: str, command: inner.Enter, now: int) -> Events | Refusal:
    """Come in, wait, or come back within the grace period. An ended conference is reopened by an organizer by right."""
    by_right = command.by_right or actor == room.owner
    if access.shut_out(room, actor, by_right):
        return Refusal(Code.BLOCKED, "a blocked identity stays out until it is unblocked")
    if room.ended and not by_right:
        return Refusal(Code.CONFERENCE_ENDED, "an ended conference is reopened by organizers by right only")
    present = room.people.get(actor)
    if present is not None:
        if not present.away:
            return presence.came(actor, present.links, command, now)
        return (e.ParticipantReturned(time=now, person=actor, links=_links(command), moved=command.main),)
    answer = _answer(room, actor, command.kind, by_right, command.inherits)
    if isinstance(answer, Refusal):
        return answer
    if not access.knows_pin(room, actor, by_right, command.pin):
        return Refusal(Code.WRONG_PIN, "the conference has a PIN", {"wanted": "pin"})
    if isinstance(answer, WaitReason):
        who = Waiting(id=actor, name=command.name, kind=command.kind, reason=answer, since=now)
        links = _links(command, room.lobby.get(actor))
        return _wait(room, Knock(who=who, inherits=command.inherits, links=links), now)
    newcomer = Participant(
        id=actor,
        name=command.name,
        kind=command.kind,
        role=answer,
        since=0,
        by_right=by_right,
        inherits=command.inherits,
        links=_links(command),
    )
    came = _come_in(room, newcomer, now)
    if isinstance(came, Refusal):
        return came
    return ((e.ConferenceReopened(time=now, by=actor),) if room.ended else ()) + came


def _links(command: inner.Enter, known: Knock | None = None) -> dict[str, bool]:
    before = known.links if known is not None else {}
    return presence.with_link(before, command.node, command.main) if command.node else before


def _answer(
    room: Room, person: str, kind: PersonKind, by_right: bool, inherits: Role | None, admitted: bool = False
) -> Role | WaitReason | Refusal:
    """What the door says to somebody: their role when they come in now, what they wait for, or why they do not.
    `admitted`: they have leave to come in."""
    role = access.effective_role(room, person, by_right, kind, inherits)
    if role is None:
        return Refusal(Code.NO_ACCESS, "no assignment, and nothing to inherit")
    if access.outside(room, person, kind, by_right):
        return Refusal(Code.NO_ACCESS, "outsiders come to public conferences only")
    if not admitted and access.must_be_admitted(room, person, kind, by_right, role):
        return WaitReason.LOBBY
    return WaitReason.BACKSTAGE if access.held_back(room, role) else role


def _come_in(room: Room, newcomer: Participant, now: int, by: str | None = None, ahead: int = 0) -> Events | Refusal:
    """`ahead`: how many come in before them in the same commit, and are not in the room yet."""
    present = len(room.people) + ahead
    if room.settings.capacity and present >= room.settings.capacity and not newcomer.by_right:
        return Refusal(Code.CONFERENCE_FULL, f"{room.settings.capacity} are present")
    joined = e.ParticipantJoined(
        time=now,
        by=by,
        person=newcomer.id,
        name=newcomer.name,
        kind=newcomer.kind,
        role=newcomer.role,
        by_right=newcomer.by_right,
        inherits=newcomer.inherits,
        links=newcomer.links,
    )
    # What a moderator silenced before is said again: not everybody who sees this joining saw the mute.
    kept = tuple(
        e.MediaMuted(time=now, by=mute.by, person=newcomer.id, source=source, locked=mute.locked)
        for source, mute in room.mutes.get(newcomer.id, {}).items()
    )
    seat = seating.seat(room, newcomer, now)
    return seat if isinstance(seat, Refusal) else (joined, *kept, *seat)


def _wait(room: Room, knock: Knock, now: int, by: str | None = None) -> Events | Refusal:
    """Stand at the door, or go on standing there for another reason."""
    known = room.lobby.get(knock.who.id)
    if known is None and len(room.lobby) >= MAX_WAITING:
        return Refusal(Code.TOO_MANY, f"{MAX_WAITING} wait already")
    if known is not None and known.who.reason is knock.who.reason:
        same = known.links == knock.links
        return () if same else (e.ParticipantLinked(time=now, person=knock.who.id, links=knock.links, moved=True),)
    return (e.LobbyEntered(time=now, by=by, who=knock.who, inherits=knock.inherits, links=knock.links),)


def _ask_again(
    room: Room, knock: Knock, by: str, now: int, *, ahead: int = 0, admitted: bool = False, by_right: bool = False
) -> Events | Refusal:
    """What the door says now to somebody who waits at it."""
    who = knock.who
    answer = _answer(room, who.id, who.kind, by_right, knock.inherits, admitted)
    if isinstance(answer, Refusal):
        return answer
    if isinstance(answer, WaitReason):
        return _wait(room, replace(knock, who=replace(who, reason=answer)), now, by)
    newcomer = Participant(
        id=who.id,
        name=who.name,
        kind=who.kind,
        role=answer,
        since=0,
        by_right=by_right,
        inherits=knock.inherits,
        links=knock.links,
    )
    return _come_in(room, newcomer, now, by, ahead)


def _ask_all(
    room: Room, knocks: Iterable[Knock], by: str, now: int, admitted: bool
) -> Iterator[tuple[Knock, Events | Refusal]]:
    """What the door says to several, each after those before them. Of what those change, the next one's coming depends
    on the places they take and on their number, and on nothing else: a thousand cost a thousand times what one does,
    and not the square of it."""
    ahead = 0
    for knock in knocks:
        follow = _ask_again(room, knock, by, now, ahead=ahead, admitted=admitted)
        yield knock, follow
        if not isinstance(follow, Refusal):
            ahead += sum(isinstance(event, e.ParticipantJoined) for event in follow)
            room = played(room, (event for event in follow if isinstance(event, e.StageTaken)))


def reconsider(room: Room, by: str, now: int) -> Events:
    """What follows for those at the door when settings or roles have changed: who need not wait any more comes in, or
    is told why not and goes."""
    events: list[e.RoomEvent] = []
    for knock, follow in _ask_all(room, room.lobby.values(), by, now, admitted=False):
        if isinstance(follow, Refusal):
            follow = (e.LobbyLeft(time=now, by=by, person=knock.who.id, refused=True, code=follow.code),)
        events += follow
    return tuple(events)


def admit(room: Room, actor: Participant, target: Participant, command: c.LobbyAdmit, now: int) -> Events | Refusal:
    """Let one in; a conference that is held back still keeps a viewer waiting."""
    knock = room.lobby[target.id]
    if knock.who.reason is not WaitReason.LOBBY:
        return Refusal(Code.ALREADY, "let in already, and waits for the conference to begin")
    return _ask_again(room, knock, actor.id, now, admitted=True)


def admit_all(room: Room, actor: Participant, command: c.LobbyAdmitAll, now: int) -> Events | Refusal:
    """In order of coming, as far as there is room; the others wait on. Refused when it is full for all of them."""
    asking = [knock for knock in room.lobby.values() if knock.who.reason is WaitReason.LOBBY]
    events: list[e.RoomEvent] = []
    full: Refusal | None = None
    for _, follow in _ask_all(room, asking, actor.id, now, admitted=True):
        if isinstance(follow, Refusal):
            full = follow
        else:
            events += follow
    return full if full is not None and not events else tuple(events)


def refuse(room: Room, actor: Participant, target: Participant, command: c.LobbyRefuse, now: int) -> Events | Refusal:
    """Send one away; they may ask again."""
    return (e.LobbyLeft(time=now, by=actor.id, person=target.id, refused=True, note=command.reason),)


def right(room: Room, person: str, command: inner.Right, now: int) -> Events | Refusal:
    """Who becomes an organizer while they wait, waits no more."""
    return _ask_again(room, room.lobby[person], person, now, by_right=True) if command.by_right else ()


def leave(room: Room, person: str, command: c.ConferenceLeave | inner.Drop | inner.Move, now: int) -> Events:
    """Wait no more: by one's own wish, because the connection broke, or to be elsewhere."""
    if isinstance(command, inner.Drop):
        still = presence.lost(person, room.lobby[person].links, command, now)
        return (e.LobbyLeft(time=now, person=person),) if still is None else still
    code = Code.TAKEN_OVER if isinstance(command, inner.Move) else None
    return (e.LobbyLeft(time=now, by=person, person=person, code=code),)


def start(room: Room, actor: Participant, command: c.ConferenceStart, now: int) -> Events | Refusal:
    """Begin what was held back: who waited for it comes in; who waits to be let in waits on."""
    if room.started or not room.settings.backstage:
        return Refusal(Code.ALREADY, "the conference is not held back")
    started = e.ConferenceStarted(time=now, by=actor.id)
    return (started, *reconsider(played(room, (started,)), actor.id, now))


def set_pin(room: Room, actor: Participant, command: c.ConferenceSetPin, now: int) -> Events | Refusal:
    """From now on the door asks for it; who is inside, or waits already, is not asked."""
    return () if command.pin == room.pin else (e.ConferencePinChanged(time=now, by=actor.id, pin=command.pin),)
