"""The cameras, microphones and loudspeakers of a person's browser, as their client reports them."""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from protocol.names import Part

DeviceId = Annotated[str, Meta(min_length=1, max_length=128)]


class DeviceKind(enum.StrEnum):
    """What a device is for; the words are those of the browsers."""

    MICROPHONE = "audioinput"
    CAMERA = "videoinput"
    LOUDSPEAKER = "audiooutput"


class Device(Part, frozen=True, kw_only=True):
    """One device; `id` means something to that person's client alone. `chosen`: it is in use, or would be."""

    id: DeviceId
    kind: DeviceKind
    label: Annotated[str, Meta(max_length=120)] = ""
    chosen: bool = False
