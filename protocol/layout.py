"""How the stage is laid out on everybody's screen: one record in the state, the event and the snapshot."""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from protocol.names import Part

# Of the stage's width or height.
Percent = Annotated[int, Meta(ge=0, le=100)]


class LayoutKind(enum.StrEnum):
    """Grid: all tiles alike; speaker: who speaks is large; sidebar: the same with the others beside; screen_first: a
    shared screen is large; picture_in_picture: one tile over a large one."""

    GRID = "grid"
    SPEAKER = "speaker"
    SIDEBAR = "sidebar"
    SCREEN_FIRST = "screen_first"
    PICTURE_IN_PICTURE = "picture_in_picture"


class Tile(Part, frozen=True, kw_only=True):
    """Where a tile stands and how large it is, in percent of the stage; (0, 0) is its upper left corner."""

    x: Percent
    y: Percent
    width: Percent
    height: Percent


class Layout(Part, frozen=True, kw_only=True):
    """What everybody sees. `spotlight`: who is large, empty for whoever speaks; `tiles`: places of their own, by
    identity, which win over the kind's arrangement."""

    kind: LayoutKind = LayoutKind.GRID
    spotlight: str = ""
    tiles: dict[str, Tile] = {}
