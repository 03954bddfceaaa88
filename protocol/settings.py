"""The settings of a conference beside its title and its places: one record in the state, the event and the snapshot."""

from __future__ import annotations

from protocol.names import Part


class Settings(Part, frozen=True, kw_only=True):
    """How a conference is held.

    `force_unmute`: to ask somebody to unmute lifts the mute and has the device switched on, where otherwise the person
    is only asked (a browser still asks its user).
    """

    force_unmute: bool = False
