"""Who an explanation is about, found where people are known: in the conference, at its door, among the accounts."""

from __future__ import annotations

from protocol.names import STAGE_PLACES, PersonKind
from server.directory.conferences import Conference
from server.identity.access import FEDERATED_ARE, MEMBERS_ARE
from server.identity.apikeys import is_key
from server.identity.identities import Identities
from server.room import inner
from server.room.apply import apply
from server.room.decide import decide
from server.room.explain import Subject
from server.room.packed import read_room
from server.room.refusal import Refusal
from server.room.state import Room
from server.roomlog import RoomLog
from server.storage.store import StoreUnavailable


async def known(identity: str, room: Room, identities: Identities) -> Subject:
    """Somebody by their identity. An identity that nobody here knows is taken for a guest whose link gives nothing,
    since only a link would tell. Raises `StoreUnavailable`."""
    present = room.people.get(identity)
    if present is not None:
        return Subject(
            id=identity,
            name=present.name,
            kind=present.kind,
            by_right=present.by_right and identity != room.owner,
            inherits=present.inherits,
        )
    knock = room.lobby.get(identity)
    if knock is not None:
        return Subject(id=identity, name=knock.who.name, kind=knock.who.kind, inherits=knock.inherits)
    found = await identities.account(identity)
    if found is not None:
        account, by_right = found
        return Subject(id=identity, name=account.name, kind=PersonKind.USER, by_right=by_right, inherits=MEMBERS_ARE)
    if "@" in identity and not is_key(identity.partition("@")[2]):
        return Subject(id=identity, name=identity, kind=PersonKind.FEDERATED, inherits=FEDERATED_ARE)
    return Subject(id=identity, name=identity, kind=PersonKind.GUEST)


async def logged_state(roomlog: RoomLog, conference: Conference) -> Room:
    """The conference as the log has it, without a server that runs; one that nobody has opened yet as it will be made.
    Raises `StoreUnavailable`, also when the record was written by a newer version."""
    loaded = await roomlog.load(conference.id)
    if loaded is None:
        create = inner.Create(conference=conference.id, title=conference.title, stage_places=STAGE_PLACES)
        made = decide(None, conference.owner, create, 0)
        if isinstance(made, Refusal):
            raise StoreUnavailable("the conference cannot be made")
        return apply(None, made[0])
    if not loaded.readable:
        raise StoreUnavailable("the conference's record was written by a newer version of Podium; use that version")
    room = read_room(loaded.snapshot[1]) if loaded.snapshot is not None else None
    for commit in loaded.commits:
        for event in commit.events:
            room = apply(room, event)
    if room is None:
        raise StoreUnavailable("the conference's record is empty")
    return room
