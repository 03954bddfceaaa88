"""Questions, polls and the chat's moderation over real sockets: what each person is sent, and what nobody else is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from server.chatlog import EmbeddedChat
from server.room.digest import state_hash
from tests.harness import Client, Refused, Server, until
from tests.server.session_support import House

Clients = Callable[..., Any]


class Everything:
    """Whatever a client was sent, frame by frame."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.frames: list[dict[str, Any]] = []
        take = client._take

        def record(message: dict[str, Any]) -> None:
            self.frames.append(message)
            take(message)

        client._take = record  # type: ignore[method-assign]

    def says(self, word: str) -> bool:
        return word in json.dumps(self.frames, ensure_ascii=False)


async def meeting(server: Server, clients: Clients, *roles: str) -> tuple[str, list[Client]]:
    """A conference with its owner and guests of these roles, recorded from now on."""
    conference = server.create()
    owner = await clients(server, server.login(), conference)
    guests = [await clients(server, server.guest(role.title(), role, conference), conference) for role in roles]
    await settled(owner, *guests)
    return conference, [owner, *guests]


async def settled(*people: Client) -> None:
    """Everything that was to be sent to them has come: an answer comes after it on the same connection."""
    for person in people:
        await person.send("can")


async def refused(sending: Any) -> str:
    with pytest.raises(Refused) as found:
        await sending
    return found.value.code


async def test_a_private_question_and_its_answer_reach_nobody_else(shared_server: Server, clients: Clients) -> None:
    conference, (owner, mod, sam, anna, ben) = await meeting(
        shared_server, clients, "moderator", "speaker", "viewer", "viewer"
    )
    told = {name: Everything(who) for name, who in (("mod", mod), ("sam", sam), ("anna", anna), ("ben", ben))}
    await anna.send("question.ask", text="What of my salary?", private=True)
    await owner.send("question.answer", question=1, text="It is doubled.")
    await mod.send("question.approve", question=1)
    for person in (sam, ben):
        assert (await person.send("question.list"))["result"]["questions"] == []
        assert await refused(person.send("question.upvote", question=1)) == "no_such_entry"
    assert await refused(sam.send("question.answer", question=1, text="Ha")) == "no_such_entry"
    assert await refused(owner.send("question.display", question=1)) == "not_allowed"
    await settled(mod, sam, anna, ben)
    for name in ("mod", "anna"):
        assert told[name].says("salary") and told[name].says("doubled")
    for name in ("sam", "ben"):
        assert not told[name].says("salary") and not told[name].says("doubled")
        assert {frame["type"] for frame in told[name].frames} <= {"ok", "refused"}, "not even that there is something"
    late = await clients(shared_server, shared_server.guest("Late", "speaker", conference), conference)
    assert "salary" not in json.dumps(late.snapshot)
    assert (await late.send("question.list"))["result"]["questions"] == []
    # The setting lets speakers see it, by asking for the list.
    await owner.send("conference.settings", speakers_see_private_questions=True)
    assert [q["text"] for q in (await late.send("question.list"))["result"]["questions"]] == ["What of my salary?"]


async def test_votes_are_told_as_counts_and_each_vote_to_its_voter(shared_server: Server, clients: Clients) -> None:
    _, people = await meeting(shared_server, clients, *["viewer"] * 8)
    owner, *viewers = people
    heard = [Everything(person) for person in people]
    await owner.send("question.ask", text="Why?")
    await asyncio.gather(*(viewer.send("question.upvote", question=1) for viewer in viewers))
    while (await viewers[0].signal("question.votes"))["votes"] != {"1": 8}:
        pass
    await settled(*people)
    for one in heard:
        upvoted = [frame["person"] for frame in one.frames if frame["type"] == "question.upvoted"]
        assert upvoted == ([] if one.client is owner else [one.client.identity])
        assert sum(frame["type"] == "question.votes" for frame in one.frames) <= 3


async def test_an_anonymous_poll_tells_nobody_who_chose_what(shared_server: Server, clients: Clients) -> None:
    conference, people = await meeting(shared_server, clients, "moderator", "speaker", "viewer", "viewer")
    owner, mod, sam, anna, ben = people
    heard = [Everything(person) for person in (owner, mod, sam, ben)]
    await sam.send("poll.create", question="Are you content?", options=["yes", "no"], anonymous=True, live=False)
    await settled(anna, ben)
    assert not heard[3].says("content"), "a prepared poll is for those who prepare polls"
    assert (await ben.send("poll.list"))["result"]["polls"] == []
    await sam.send("poll.launch", poll=1)
    assert (await ben.event("poll.launched"))["poll"]["options"] == ["yes", "no"]
    for one in heard:
        one.frames.clear()
    await anna.send("poll.answer", poll=1, chosen=[1])
    assert await refused(anna.send("poll.answer", poll=1, chosen=[0])) == "already"
    assert (await sam.signal("poll.counts"))["counts"] == [0, 1]
    for who in (owner, mod, sam):
        assert await refused(who.send("poll.answers", poll=1)) == "not_allowed"
    await settled(owner, mod, sam, ben)
    assert not any(one.says(anna.identity) for one in heard)
    assert not any(frame["type"] == "poll.counts" for frame in heard[3].frames), "the results come at the end"
    await sam.send("poll.close", poll=1)
    closed = await ben.event("poll.closed")
    assert (closed["answers"], closed["counts"]) == (1, [0, 1])
    # Nor is it in the audit record, which says that somebody has answered.
    audit = shared_server.api("GET", f"/conferences/{conference}/audit", token=shared_server.login().token)
    answers = [entry for entry in audit["entries"] if entry["command"] == "poll.answer"]
    assert [(entry["actor"], entry["details"]) for entry in answers] == [(anna.identity, {"poll": 1})]


async def test_who_chose_what_is_listed_for_the_maker_and_for_moderators(
    shared_server: Server, clients: Clients
) -> None:
    _, (owner, sam, anna, ben) = await meeting(shared_server, clients, "speaker", "viewer", "viewer")
    await sam.send("poll.create", question="Which?", options=["this", "that"])
    await sam.send("poll.launch", poll=1)
    await anna.send("poll.answer", poll=1, chosen=[0])
    await ben.send("poll.answer", poll=1, chosen=[1])
    assert (await sam.event("poll.answered", person=anna.identity))["chosen"] == [0]
    expected = [(anna.identity, [0]), (ben.identity, [1])]
    for reader in (owner, sam):
        found = (await reader.send("poll.answers", poll=1))["result"]["choices"]
        assert [(one["person"], one["chosen"]) for one in found] == expected
    page = (await owner.send("poll.answers", poll=1, limit=1))["result"]
    assert page["more"] and page["choices"][0]["person"] == anna.identity
    rest = (await owner.send("poll.answers", poll=1, after=anna.identity))["result"]
    assert not rest.get("more") and rest["choices"][0]["person"] == ben.identity
    assert await refused(anna.send("poll.answers", poll=1)) == "not_allowed"
    assert await refused(anna.send("poll.answers", poll=2)) == "no_such_entry"


async def test_the_moderators_channel_never_reaches_others(shared_server: Server, clients: Clients) -> None:
    _, (owner, mod, sam, anna) = await meeting(shared_server, clients, "moderator", "speaker", "viewer")
    to_mod, to_sam, to_anna = (Everything(person) for person in (mod, sam, anna))
    await owner.send("chat.send", text="secret plan", channel="moderators")
    await sam.send("chat.send", text="secret answer", channel="moderators")
    assert await refused(anna.send("chat.send", text="me too", channel="moderators")) == "not_allowed"
    assert await refused(anna.send("chat.history", channel="moderators")) == "not_allowed"
    assert await refused(anna.send("chat.delete", number=1, channel="moderators")) == "not_allowed"
    await owner.send("chat.send", text="hello all")
    assert (await anna.signal("chat.message"))["message"]["number"] == 1, "nor does a gap in the numbers tell of it"
    history = (await anna.send("chat.history"))["result"]["messages"]
    assert [message["text"] for message in history] == ["hello all"]
    secret = (await mod.send("chat.history", channel="moderators"))["result"]["messages"]
    assert [(message["number"], message["text"]) for message in secret] == [(1, "secret plan"), (2, "secret answer")]
    await mod.send("chat.delete", number=1, channel="moderators")
    await settled(mod, sam, anna)
    assert not to_anna.says("secret") and not to_anna.says("chat.deleted")
    assert to_mod.says("secret plan") and to_sam.says("secret answer") and to_sam.says("chat.deleted")
    assert "chat.send:moderators" in (await sam.send("can"))["result"]["commands"]
    assert "chat.send:moderators" not in (await anna.send("can"))["result"]["commands"]
    # Who is no speaker any more reads it no more.
    await owner.send("role.assign", target=sam.identity, role="viewer")
    assert await refused(sam.send("chat.history", channel="moderators")) == "not_allowed"


async def test_a_deleted_message_is_gone_from_the_history_and_everybody_is_told(
    shared_server: Server, clients: Clients
) -> None:
    conference, (owner, sam, anna, ben) = await meeting(shared_server, clients, "speaker", "viewer", "viewer")
    for number, who in enumerate((anna, anna, ben), start=1):
        await who.send("chat.send", text=f"message {number}")
    assert await refused(ben.send("chat.delete", number=1)) == "not_allowed"
    assert await refused(sam.send("chat.delete", number=1)) == "not_allowed"
    assert await refused(owner.send("chat.delete", number=9)) == "no_such_entry"
    await anna.send("chat.delete", number=1)
    await owner.send("chat.delete", number=3)
    for person in (owner, sam, ben):
        assert [(await person.event("chat.deleted"))["number"] for _ in range(2)] == [1, 3]
    late = await clients(shared_server, shared_server.guest("Late", "viewer", conference), conference)
    for reader in (late, owner):
        history = (await reader.send("chat.history"))["result"]["messages"]
        assert [message["text"] for message in history] == ["message 2"]
    await anna.send("chat.send", text="message 4")
    assert (await late.signal("chat.message"))["message"]["number"] == 4, "a number is given once"
    audit = shared_server.api("GET", f"/conferences/{conference}/audit", token=shared_server.login().token)
    lines = [(one["actor"], one["target"]) for one in audit["entries"] if one["command"] == "chat.delete"]
    assert lines == [(anna.identity, anna.identity), (owner.identity, ben.identity)]


async def test_in_a_closed_chat_moderators_write_on(shared_server: Server, clients: Clients) -> None:
    conference, (owner, mod, sam, anna) = await meeting(shared_server, clients, "moderator", "speaker", "viewer")
    assert await refused(sam.send("chat.close")) == "not_allowed"
    await mod.send("chat.close")
    await anna.event("chat.closed")
    for person in (sam, anna):
        assert await refused(person.send("chat.send", text="no")) == "chat_closed"
        assert "chat.send" not in (await person.send("can"))["result"]["commands"]
    await owner.send("chat.send", text="A moment, please.")
    await anna.send("reaction.send", emoji="👍")
    late = await clients(shared_server, shared_server.guest("Late", "viewer", conference), conference)
    assert late.snapshot["chat_closed"] is True
    await owner.send("conference.settings", speakers_moderate_chat=True)
    await sam.send("chat.open")
    await anna.event("chat.opened")
    await anna.send("chat.send", text="Thank you.")


async def test_who_comes_late_finds_what_is_on_the_stage(shared_server: Server, clients: Clients) -> None:
    conference, (owner, sam) = await meeting(shared_server, clients, "speaker")
    await owner.send("question.ask", text="Why?")
    await sam.send("question.display", question=1)
    await sam.send("link.publish", url="https://example.org/slides", title="Slides")
    await sam.send("link.promote", link=1)
    await sam.send("poll.create", question="Which?", options=["this", "that"])
    await sam.send("poll.launch", poll=1)
    late = await clients(shared_server, shared_server.guest("Late", "viewer", conference), conference)
    assert late.snapshot["displayed"]["text"] == "Why?"
    assert late.snapshot["promoted"]["url"] == "https://example.org/slides"
    assert [poll["question"] for poll in late.snapshot["polls"]] == ["Which?"]
    assert [link["title"] for link in (await late.send("link.list"))["result"]["links"]] == ["Slides"]
    for command in ({"question": 1}, {"link": 1}):
        kind = next(iter(command))
        verb = "display" if kind == "question" else "promote"
        assert await refused(late.send(f"{kind}.{verb}", **command)) == "not_allowed"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await House(tmp_path).open()
    yield house
    await house.close()


async def test_questions_that_come_too_fast_are_refused_with_a_wait_and_change_nothing(house: House) -> None:
    conference = await house.conference()
    guest = await house.joined(house.guest("g_1", conference), conference)
    for _ in range(3):
        assert (await house.say(guest, "question.ask", text="Why?"))["type"] == "ok"
    room = await house.rooms.open(conference)
    assert room is not None
    before = state_hash(room.replica.room)
    answer = await house.say(guest, "question.ask", text="Why?")
    assert answer["code"] == "rate_limited" and answer["details"]["after_ms"] > 1000
    assert state_hash(room.replica.room) == before


async def test_what_the_chat_did_not_get_to_delete_is_gone_when_the_room_is_opened_again(tmp_path: Path) -> None:
    house = await House(tmp_path).open()
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    await house.say(owner, "chat.send", text="out with it")
    room = await house.rooms.open(conference)
    assert room is not None
    # The server dies between the commit and the chat.
    room.replica.observers.remove(room.erasures)
    assert (await house.say(owner, "chat.delete", number=1))["type"] == "ok"
    assert (await house.say(owner, "chat.history"))["result"].get("messages", []) == [], "hidden at once all the same"
    assert (await EmbeddedChat(house.store, conference).page(None, 10)).messages != ()
    await house.close()
    again = await House(tmp_path, house.secret).open()
    room = await again.rooms.open(conference)
    assert room is not None
    await until(lambda: not room.erasures._tasks)
    assert (await EmbeddedChat(again.store, conference).page(None, 10)).messages == ()
    await again.close()


async def test_entries_outlive_a_restart_of_the_server(tmp_path: Path) -> None:
    house = await House(tmp_path).open()
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    await house.say(owner, "question.ask", text="Why?", private=True)
    await house.say(owner, "poll.create", question="Which?", options=["this", "that"])
    await house.say(owner, "poll.launch", poll=1)
    await house.say(owner, "poll.answer", poll=1, chosen=[1])
    room = await house.rooms.open(conference)
    assert room is not None
    # From a snapshot as well as from events.
    room.replica._since_mark, room.replica._mark = 10_000, room.replica.room
    await house.say(owner, "link.publish", url="https://example.org", title="Slides")
    await until(lambda: room.replica._since_mark == 0)
    await house.say(owner, "question.ask", text="How?")
    entries = room.replica.room.entries
    await house.close()
    again = await House(tmp_path, house.secret).open()
    room = await again.rooms.open(conference)
    assert room is not None and room.replica.room.entries == entries
    await again.close()
