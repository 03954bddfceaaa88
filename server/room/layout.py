"""How the stage is laid out for everybody: the arrangement, who is large, and tiles placed by hand.

Only people on the stage have a tile; whoever leaves it loses theirs with the place (apply.py).
"""

from __future__ import annotations

from msgspec.structs import replace

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from protocol.layout import Layout, Tile
from server.room.refusal import Refusal
from server.room.state import Participant, Room, on_stage

Events = tuple[e.RoomEvent, ...]

# Percent. No participant can be hidden: a tile that nobody sees would hide one.
LEAST = 5


def arrange(room: Room, actor: Participant, command: c.ConferenceLayout, now: int) -> Events | Refusal:
    """Another arrangement, or somebody else large. Tiles were placed in an arrangement and do not fit another."""
    spotlight = command.spotlight or ""
    if spotlight and not on_stage(room, spotlight):
        return Refusal(Code.NOT_ON_STAGE, "only who is on the stage is shown large")
    tiles = room.layout.tiles if command.kind is room.layout.kind else {}
    return _changed(room, Layout(kind=command.kind, spotlight=spotlight, tiles=tiles), actor, now)


def place(room: Room, actor: Participant, target: Participant, command: c.LayoutPlace, now: int) -> Events | Refusal:
    """A tile where it is wanted, or back in the arrangement."""
    if not on_stage(room, target.id):
        return Refusal(Code.NOT_ON_STAGE, "only who is on the stage has a tile")
    tiles = {person: tile for person, tile in room.layout.tiles.items() if person != target.id}
    if command.tile is not None:
        if not _fits(command.tile):
            reason = f"a tile lies within the stage and is at least {LEAST} % wide and high"
            return Refusal(Code.BAD_MESSAGE, reason, {"path": "$.tile"})
        tiles[target.id] = command.tile
    return _changed(room, replace(room.layout, tiles=tiles), actor, now)


def _fits(tile: Tile) -> bool:
    wide, high = tile.width >= LEAST, tile.height >= LEAST
    return wide and high and tile.x + tile.width <= 100 and tile.y + tile.height <= 100


def _changed(room: Room, layout: Layout, actor: Participant, now: int) -> Events:
    return () if layout == room.layout else (e.ConferenceLayoutChanged(time=now, by=actor.id, layout=layout),)
