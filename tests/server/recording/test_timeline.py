"""What stands in a recording's timeline is what everybody was told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from protocol import events as e
from protocol.answers import ChatMessage
from protocol.engagement import Channel
from protocol.names import PersonKind, Role
from protocol.signals import Loudness
from server.files.depot import Depot
from server.recording.library import Library
from server.recording.room import RoomRecording
from server.recording.timeline import NAME, Timeline
from server.room.apply import apply
from server.room.state import Room


def recording_of(replica: Any, library: Library) -> RoomRecording:
    nobody = cast(Any, None)
    return RoomRecording(replica, nobody, nobody, library, "here", 1, 1, Depot(Path("files")))


async def test_why_somebody_was_removed_is_not_in_the_timeline(tmp_path: Path) -> None:
    room = Room(conference="abc-defg-hij", title="Meeting", owner="u_owner")
    came = e.ParticipantJoined(person="g_eve", name="Eve", kind=PersonKind.GUEST, role=Role.VIEWER)
    before = apply(room, came)
    left = e.ParticipantLeft(person="g_eve", reason=e.LeaveReason.REMOVED, note="threatened others")
    replica = cast(Any, SimpleNamespace(room=before))
    recording = recording_of(replica, Library(tmp_path))
    recording._timeline, recording._number = Timeline(tmp_path), 1
    recording.changed(before, apply(before, left), left)
    await recording._timeline.close()
    line = json.loads((tmp_path / NAME).read_text())
    assert line["event"]["person"] == "g_eve" and "threatened" not in json.dumps(line)


def said(number: int, text: str) -> ChatMessage:
    return ChatMessage(number=number, time=number, person="g_eve", name="Eve", text=text, mentions=("u_owner",))


def chat_of(folder: Path) -> list[tuple[str, list[str]]]:
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    return [(line["chat"]["text"], line["chat"].get("mentions", [])) for line in lines if "chat" in line]


async def test_what_is_deleted_from_the_chat_is_struck_from_this_recording_and_those_before(tmp_path: Path) -> None:
    library = Library(tmp_path)
    room = Room(conference="abc-defg-hij", title="Meeting", owner="u_owner")
    former, _ = library.make(room.conference, 1)
    (former / NAME).write_text(
        json.dumps({"at": 1, "begin": {"people": []}})
        + "\n"
        + "".join(
            json.dumps({"at": n, "chat": {"number": n, "text": f"secret {n}", "mentions": ["u_1"]}}) + "\n"
            for n in (1, 2)
        )
        + '{"at": 9, "chat": {"number": 1, "text": "secret 1'
    )
    folder, _ = library.make(room.conference, 2)
    replica = cast(Any, SimpleNamespace(room=room))
    recording = recording_of(replica, library)
    recording._timeline = recording._timelines[folder] = Timeline(folder)
    recording._number = 2
    for number in (3, 4, 5):
        recording.chat(said(number, f"secret {number}"))
    for number in (1, 4):
        deleted = e.ChatDeleted(time=10, by="u_owner", number=number, person="g_eve")
        recording.changed(room, room, deleted)
    recording.chat_changed(said(5, "another text"))
    recording.chat(said(6, "later"))
    await asyncio.gather(*recording._tasks)
    await recording._timeline.close()
    assert chat_of(folder) == [
        ("secret 3", ["u_owner"]),
        ("", []),
        ("another text", ["u_owner"]),
        ("later", ["u_owner"]),
    ]
    assert b"secret 1" not in (former / NAME).read_bytes()
    assert b"secret 2" in (former / NAME).read_bytes()
    assert sorted(path.name for path in former.iterdir()) == [NAME]


async def test_many_messages_deleted_at_once_are_all_struck(tmp_path: Path) -> None:
    library = Library(tmp_path)
    room = Room(conference="abc-defg-hij", title="Meeting", owner="u_owner")
    folder, _ = library.make(room.conference, 1)
    said_then = (json.dumps({"at": n, "chat": {"number": n, "text": f"secret {n}"}}) + "\n" for n in range(1, 31))
    (folder / NAME).write_text("".join(said_then))
    recording = recording_of(cast(Any, SimpleNamespace(room=room)), library)
    for number in range(1, 31):
        recording.changed(room, room, e.ChatDeleted(time=10, by="u_owner", number=number, person="g_eve"))
    await asyncio.gather(*recording._tasks)
    assert [text for text, _ in chat_of(folder)] == [""] * 30


async def test_what_was_deleted_while_the_conference_was_not_open_here_is_struck_when_it_is(tmp_path: Path) -> None:
    library = Library(tmp_path)
    room = Room(conference="abc-defg-hij", title="Meeting", owner="u_owner")
    folder, _ = library.make(room.conference, 1)
    (folder / NAME).write_bytes(
        b"".join(json.dumps({"at": 1, "chat": {"number": n, "text": "x"}}).encode() + b"\n" for n in (1, 2))
    )
    room = apply(room, e.ChatDeleted(time=10, by="u_owner", number=2, person="g_eve"))
    room = apply(room, e.ChatDeleted(time=10, by="u_owner", number=1, channel=Channel.MODERATORS, person="g_eve"))
    replica = cast(Any, SimpleNamespace(room=room))
    recording = recording_of(replica, library)
    recording.start()
    await asyncio.gather(*recording._tasks)
    assert [text for text, _ in chat_of(folder)] == ["x", ""]


async def test_who_speaks_on_the_stage_is_in_the_timeline_of_each_recording(tmp_path: Path) -> None:
    room = Room(conference="abc-defg-hij", title="Meeting", owner="u_owner", stage=("u_anna",))
    replica = cast(Any, SimpleNamespace(room=room, epoch="e"))
    recording = recording_of(replica, Library(tmp_path))
    recording.speaking([Loudness(person="g_audience", level=10), Loudness(person="u_anna", level=20)])
    recording._number = 1
    recording._note_begin(tmp_path)
    recording._speaker.stop()
    assert recording._timeline is not None
    await recording._timeline.close()
    lines = [json.loads(line) for line in (tmp_path / NAME).read_text().splitlines()]
    assert [line.get("speaker") for line in lines] == [None, "u_anna"]
