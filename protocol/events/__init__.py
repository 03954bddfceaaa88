"""What has happened in a room. Past tense, frozen; an event holds the result, so applying it needs no judgement.

The room core makes them, the room log keeps them, clients are told those meant for them.
"""

from __future__ import annotations

from protocol.events.base import *
from protocol.events.conference import *
from protocol.events.conference import ConferenceEvent
from protocol.events.engagement import *
from protocol.events.engagement import EngagementEvent
from protocol.events.files import *
from protocol.events.files import FileEvent
from protocol.events.media import *
from protocol.events.media import MediaEvent
from protocol.events.people import *
from protocol.events.people import PeopleEvent
from protocol.events.recording import *
from protocol.events.recording import RecordingEvent
from protocol.events.stage import *
from protocol.events.stage import StageEvent

RoomEvent = ConferenceEvent | PeopleEvent | StageEvent | MediaEvent | EngagementEvent | FileEvent | RecordingEvent
