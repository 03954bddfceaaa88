"""Links that people publish, one of which may be on the stage."""

from __future__ import annotations

from urllib.parse import urlsplit

from protocol import commands as c
from protocol import events as e
from protocol.engagement import Link
from protocol.errors import Code
from server.room.access import may_write
from server.room.entries import MAX_LINKS, MAX_OF_ONE
from server.room.refusal import Refusal
from server.room.state import Participant, Room

Events = tuple[e.RoomEvent, ...]


def page(room: Room, after: int, limit: int) -> tuple[tuple[Link, ...], bool]:
    """Links from the one after that number, and whether more follow."""
    found = [link for link in room.entries.links.values() if link.number > after]
    return tuple(found[:limit]), len(found) > limit


def find(room: Room, reader: Participant, number: int) -> Link | None:
    """A link; everybody sees all."""
    return room.entries.links.get(str(number))


def publish(room: Room, actor: Participant, command: c.LinkPublish, now: int) -> Events | Refusal:
    """Only what a browser opens as a page: `javascript:` and its like would run in the page of who clicks."""
    title = command.title.strip()
    if not may_write(room, actor):
        return Refusal(Code.NOT_ALLOWED, "guests may not write here")
    if not title:
        return Refusal(Code.BAD_MESSAGE, "nothing but spaces", {"path": "$.title"})
    if not _opens_a_page(command.url):
        return Refusal(Code.BAD_MESSAGE, "a link begins with http:// or https:// and a host", {"path": "$.url"})
    kept = room.entries.links.values()
    if len(kept) >= MAX_LINKS or sum(link.person == actor.id for link in kept) >= MAX_OF_ONE:
        return Refusal(Code.TOO_MANY, f"{MAX_LINKS} links are kept, {MAX_OF_ONE} of one person")
    number = room.entries.linked + 1
    link = Link(number=number, person=actor.id, name=actor.name, time=now, url=command.url, title=title)
    return (e.LinkPublished(time=now, by=actor.id, link=link),)


def promote(room: Room, actor: Participant, link: Link | None, command: c.LinkPromote, now: int) -> Events | Refusal:
    """On the stage, in place of the one that is there."""
    if room.entries.promoted == (0 if link is None else link.number):
        return ()
    return (e.LinkPromoted(time=now, by=actor.id, link=link),)


def remove(room: Room, actor: Participant, link: Link, command: c.LinkRemove, now: int) -> Events | Refusal:
    """Gone, from the stage too."""
    down = (e.LinkPromoted(time=now, by=actor.id),) if room.entries.promoted == link.number else ()
    return (*down, e.LinkRemoved(time=now, by=actor.id, link=link.number))


def _opens_a_page(url: str) -> bool:
    if any(char.isspace() or not char.isprintable() for char in url):
        return False
    try:
        parts = urlsplit(url)
        # A name and a password before the host make a link look as if it led elsewhere.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
