"""The chat over real sockets: messages to one person, replies, changed texts, slow mode, mentions, search; and that a
private message reaches nobody else by any way there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.harness import Client, Server
from tests.server.test_engagement import Everything, meeting, refused, settled

Clients = Callable[..., Any]


async def texts(person: Client, channel: str = "everyone", **fields: Any) -> list[str]:
    """What somebody reads of the history, or with `text` finds in it."""
    kind = "chat.search" if "text" in fields else "chat.history"
    found = await person.send(kind, channel=channel, **fields)
    return [message["text"] for message in found["result"]["messages"]]


async def test_a_private_message_reaches_two_people_and_nobody_else_by_any_way(
    shared_server: Server, clients: Clients
) -> None:
    conference, (owner, mod, anna, ben, eve) = await meeting(
        shared_server, clients, "moderator", "viewer", "viewer", "viewer"
    )
    everybody = {name: Everything(one) for name, one in (("owner", owner), ("mod", mod), ("anna", anna), ("ben", ben))}
    everybody["eve"] = Everything(eve)
    await anna.send("chat.send", text="the cake is marzipan", to=ben.identity, mentions=[eve.identity, ben.identity])
    shown = (await ben.signal("chat.message"))["message"]
    assert (shown["channel"], shown["to"], shown["mentions"]) == ("private", ben.identity, [ben.identity])
    await ben.send("chat.send", text="marzipan, I see", to=anna.identity, reply_to=1)
    assert await texts(anna, "private") == await texts(ben, "private") == ["the cake is marzipan", "marzipan, I see"]
    assert await texts(anna, "private", text="MARZIPAN, I") == ["marzipan, I see"]
    # Nobody else reads, finds, answers, changes or deletes it, or learns that it is there.
    for other in (owner, mod, eve):
        assert await texts(other, "private") == await texts(other, "private", text="marzipan") == []
        assert await texts(other, "private", before=3) == []
        assert await refused(other.send("chat.delete", number=1, channel="private")) == "no_such_entry"
        assert await refused(other.send("chat.edit", number=1, text="x", channel="private")) == "no_such_entry"
        assert await refused(other.send("chat.send", text="x", to=anna.identity, reply_to=1)) == "no_such_entry"
    # One of the two answers a third with it as little.
    assert await refused(ben.send("chat.send", text="look", to=eve.identity, reply_to=1)) == "no_such_entry"
    # Whom it was written to neither changes it nor takes it away.
    assert await refused(ben.send("chat.edit", number=1, text="x", channel="private")) == "not_allowed"
    assert await refused(ben.send("chat.delete", number=1, channel="private")) == "not_allowed"
    await anna.send("chat.edit", number=1, text="the cake is chocolate", channel="private")
    assert (await ben.signal("chat.changed"))["message"]["text"] == "the cake is chocolate"
    await anna.send("chat.delete", number=1, channel="private")
    gone = (await ben.signal("chat.changed"))["message"]
    assert (gone["number"], gone["text"]) == (1, "")
    assert await texts(ben, "private") == ["marzipan, I see"]
    late = await clients(shared_server, shared_server.guest("Late", "moderator", conference), conference)
    assert await texts(late, "private") == []
    await settled(owner, mod, eve, anna, ben)
    for name in ("owner", "mod", "eve"):
        for word in ("cake", "chocolate", "chat.message", "chat.changed", "chat.deleted"):
            assert not everybody[name].says(word), f"{name} was sent {word}"
    assert everybody["ben"].says("cake")
    # Nor does it leave with what an organizer takes home: the audit record does not know that there was any.
    token = shared_server.login().token
    for path in (
        "audit?format=csv",
        "reports/chat?format=csv",
        "reports/chat?format=json",
        "reports/people?format=csv",
    ):
        report = shared_server.request("GET", f"/api/v1/conferences/{conference}/{path}", token=token)
        assert report.status == 200
        for secret in (b"cake", b"marzipan", b"chat.delete", b"private"):
            assert secret not in report.body, f"{path} tells {secret!r}"


async def test_who_writes_to_whom_alone_the_settings_say(shared_server: Server, clients: Clients) -> None:
    _, (owner, mod, anna, ben) = await meeting(shared_server, clients, "moderator", "viewer", "viewer")

    async def may(who: Client, whom: Client) -> bool:
        found = "chat.send:private" in (await who.send("can", target=whom.identity))["result"]["commands"]
        sent = who.send("chat.send", text="psst", to=whom.identity)
        if found:
            await sent
        else:
            assert await refused(sent) in ("not_allowed", "chat_closed", "no_such_person")
        return found

    assert await may(anna, ben) and await may(anna, mod) and not await may(anna, anna)
    assert await refused(anna.send("chat.send", text="psst", to="g_nobody")) == "no_such_person"
    assert await refused(anna.send("chat.send", text="psst", channel="private")) == "bad_message"
    await owner.send("conference.settings", private_chat="moderators")
    assert not await may(anna, ben) and await may(anna, mod) and await may(mod, anna)
    await owner.send("conference.settings", private_chat="off")
    assert not await may(anna, mod) and not await may(owner, anna)
    assert "chat.send:private" not in (await owner.send("can"))["result"]["commands"]
    await owner.send("conference.settings", private_chat="everyone", list_hidden=True)
    # Of whom one is not told, one does not learn it by writing.
    assert not await may(anna, ben) and await may(anna, mod)
    await owner.send("conference.settings", list_hidden=False)
    await mod.send("chat.close")
    assert not await may(anna, ben) and await may(anna, mod)
    await owner.send("conference.settings", guests_may={"messages": False, "audio": True, "video": True})
    assert not await may(anna, mod)


async def test_a_private_message_is_changed_only_while_one_may_write_it(
    shared_server: Server, clients: Clients
) -> None:
    _, (owner, mod, anna, ben) = await meeting(shared_server, clients, "moderator", "viewer", "viewer")
    await anna.send("chat.send", text="psst", to=ben.identity)
    await anna.send("chat.send", text="hello", to=mod.identity)
    await mod.send("chat.close")
    assert await refused(anna.send("chat.edit", number=1, text="new", channel="private")) == "chat_closed"
    await anna.send("chat.edit", number=2, text="hello again", channel="private")
    await mod.send("chat.open")
    await owner.send("conference.settings", private_chat="moderators")
    assert await refused(anna.send("chat.edit", number=1, text="new", channel="private")) == "not_allowed"
    assert await texts(ben, "private") == ["psst"]


async def test_one_changes_ones_own_text_and_everybody_is_told(shared_server: Server, clients: Clients) -> None:
    _, (owner, anna, ben) = await meeting(shared_server, clients, "viewer", "viewer")
    await anna.send("chat.send", text="Teh first")
    await ben.send("chat.send", text="A reply", reply_to=1, mentions=[anna.identity, "g_nobody", anna.identity])
    while (reply := (await anna.signal("chat.message"))["message"])["number"] != 2:
        pass
    assert (reply["reply_to"], reply["mentions"]) == (1, [anna.identity])
    for other in (owner, ben):
        assert await refused(other.send("chat.edit", number=1, text="x")) == "not_allowed"
    assert await refused(anna.send("chat.edit", number=9, text="x")) == "no_such_entry"
    assert await refused(anna.send("chat.edit", number=1, text="  ")) == "bad_message"
    assert await refused(ben.send("chat.send", text="x", reply_to=9)) == "no_such_entry"
    await anna.send("chat.edit", number=1, text="The first")
    changed = (await ben.signal("chat.changed"))["message"]
    assert changed["text"] == "The first" and changed["edited"] >= changed["time"]
    assert await texts(ben) == ["The first", "A reply"]
    # What is deleted is not brought back by a change, and a closed chat takes none.
    await owner.send("chat.close")
    assert await refused(anna.send("chat.edit", number=1, text="x")) == "chat_closed"
    await owner.send("chat.open")
    await owner.send("chat.delete", number=1)
    assert await refused(anna.send("chat.edit", number=1, text="x")) == "no_such_entry"
    assert await texts(ben) == ["A reply"]


async def test_in_slow_mode_one_waits_between_messages_to_everybody(shared_server: Server, clients: Clients) -> None:
    _, (owner, sam, anna, ben) = await meeting(shared_server, clients, "speaker", "viewer", "viewer")
    await owner.send("conference.settings", slow_mode_s=3600)
    await anna.send("chat.send", text="one", id=70)
    assert await refused(anna.send("chat.send", text="two")) == "rate_limited"
    # Somebody else waits for themselves, one person alone is no crowd, and who moderates the chat does not wait.
    await ben.send("chat.send", text="three")
    await anna.send("chat.send", text="four", to=ben.identity)
    for text in ("five", "six"):
        await owner.send("chat.send", text=text)
    await sam.send("chat.send", text="seven")
    assert await refused(sam.send("chat.send", text="eight")) == "rate_limited"
    assert await texts(ben) == ["one", "three", "five", "six", "seven"]
    await owner.send("conference.settings", slow_mode_s=0)
    await anna.send("chat.send", text="nine")


async def test_the_chat_is_searched_where_one_reads_it(shared_server: Server, clients: Clients) -> None:
    _, (owner, sam, anna) = await meeting(shared_server, clients, "speaker", "viewer")
    for text in ("The Straße is long", "100% _sure_", "a strasse", "nothing"):
        await owner.send("chat.send", text=text)
    await sam.send("chat.send", text="the strasse is closed", channel="moderators")
    assert await texts(anna, text="STRASSE") == ["The Straße is long", "a strasse"]
    assert await texts(anna, text="% _") == ["100% _sure_"]
    found = (await anna.send("chat.search", text="strasse", limit=1))["result"]
    assert [one["number"] for one in found["messages"]] == [3] and found["more"]
    assert await texts(anna, text="strasse", before=3) == ["The Straße is long"]
    assert await texts(owner, "moderators", text="closed") == ["the strasse is closed"]
    assert await refused(anna.send("chat.search", text="closed", channel="moderators")) == "not_allowed"
    assert await refused(anna.send("chat.search", text="x")) == "bad_message"


async def test_private_messages_and_changes_outlive_the_server(tmp_path: Path, clients: Clients) -> None:
    server = Server(tmp_path / "data").start()
    try:
        conference = server.create()
        owner = await clients(server, server.login(), conference)
        anna = await clients(server, server.guest("Anna", "viewer", conference), conference)
        await anna.send("chat.send", text="psst", to=owner.identity)
        await anna.send("chat.send", text="helo", mentions=[owner.identity])
        await anna.send("chat.edit", number=1, text="hello")
        server.restart()
        back = await clients(server, server.login(), conference)
        (message,) = (await back.send("chat.history"))["result"]["messages"]
        assert (message["text"], message["mentions"]) == ("hello", [owner.identity]) and message["edited"]
        assert await texts(back, "private") == ["psst"]
    finally:
        server.stop()
