"""What a client says. Imperative; there is no `actor`: the session supplies it.

`id` is the client's own number, and makes a retry harmless: the same `id` of the same
`hello.client` is applied once, also after a reconnect.
"""

from __future__ import annotations

from protocol.commands.base import *
from protocol.commands.conference import *
from protocol.commands.conference import ConferenceCommand, ConferenceJoin
from protocol.commands.connection import *
from protocol.commands.connection import Can, Explain, Hello, PeopleList
from protocol.commands.engagement import *
from protocol.commands.engagement import EngagementCommand, EngagementQuery
from protocol.commands.files import *
from protocol.commands.files import FileCommand
from protocol.commands.media import *
from protocol.commands.media import MediaCommand, MediaPublish, MediaStats
from protocol.commands.moderation import *
from protocol.commands.moderation import ModerationCommand
from protocol.commands.recording import *
from protocol.commands.recording import RecordingCommand
from protocol.commands.stage import *
from protocol.commands.stage import StageCommand
from protocol.commands.talk import *
from protocol.commands.talk import ChatCommand, TalkCommand

RoomCommand = (
    ConferenceCommand
    | StageCommand
    | ModerationCommand
    | EngagementCommand
    | FileCommand
    | ChatCommand
    | RecordingCommand
    | MediaPublish
    | MediaStats
)
"""The commands that the room core decides."""

ClientMessage = (
    Hello | Can | Explain | PeopleList | ConferenceJoin | RoomCommand | MediaCommand | EngagementQuery | TalkCommand
)
"""Everything a client may send."""
