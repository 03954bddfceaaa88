"""A modified client that ignores every command (tests/disobedient): nothing of it reaches anyone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from tests.conftest import SHARED_FLAGS
from tests.disobedient.client import CLAIMS, NEVER, Disobedient, claims, forged_tokens, insist, plain_messages
from tests.disobedient.peer import Peer
from tests.harness import Client, Guest, Refused, Server, until

# reliability.md, P3: nothing is forwarded later than this after the command was accepted.
PROMISE_S = 0.25
# For how long each command is ignored.
WATCHED_S = 0.5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("disobedient") / "data", *SHARED_FLAGS, "--public-ip", "127.0.0.1").start()
    yield one
    one.stop()


@dataclass
class Hall:
    """A conference with its owner, who watches, a viewer who watches, somebody honest who sends, and the disobedient
    one, of whom everybody knows what they are: `who`."""

    server: Server
    conference: str
    owner: Peer
    viewer: Peer
    honest: Peer
    mallory: Disobedient
    who: Guest

    @property
    def witnesses(self) -> tuple[Peer, ...]:
        return self.owner, self.viewer, self.honest

    def foreign_ssrcs(self) -> list[int]:
        """SSRCs that are not Mallory's: the honest one's, and those under which Mallory receives."""
        return [*(stream.ssrc for stream in self.honest.streams), *self.mallory.ssrcs]

    async def state(self) -> dict[str, Any]:
        path = f"/conferences/{self.conference}/state"
        found: dict[str, Any] = await asyncio.to_thread(self.server.api, "GET", path, None, self.server.login().token)
        return found

    async def seen(self, label: str) -> None:
        """Wait until all witnesses get what has this label."""
        await asyncio.gather(*(witness.gets(label) for witness in self.witnesses))

    def after(
        self, accepted: float, *sources: str, confirmed: bool = False, witnesses: tuple[Peer, ...] = ()
    ) -> list[str]:
        """What came of Mallory's sources too late after the moment of acceptance, and what should never have come.
        `confirmed`: by the media worker, which then forwards nothing that was sent after that moment. `witnesses`: who
        should have got nothing, if not all."""
        labels = {f"{self.who.identity}/{source}" for source in sources}
        return [
            f"{packet.label} under {packet.track}, {(packet.at - accepted) * 1000:.0f} ms after"
            for witness in witnesses or self.witnesses
            for packet in witness.packets
            if packet.label == NEVER
            or (packet.label in labels and (packet.at > accepted + PROMISE_S or (confirmed and packet.sent > accepted)))
        ]


@pytest.fixture
async def hall(server: Server) -> AsyncIterator[Callable[..., Awaitable[Hall]]]:
    """Makes halls: `await hall("audio", "video", role="speaker")`, these being what Mallory publishes."""
    asyncio.get_running_loop().set_debug(False)  # it notes a stack for each of thousands of packets
    made: list[Hall] = []

    async def person(somebody: Guest, conference: str, kind: type[Peer] = Peer) -> Any:
        client = Client(server)
        await client.hello(somebody.token)
        await client.join(conference)
        return kind(client)

    async def make(*sources: str, role: str = "speaker", mode: str = "") -> Hall:
        conference = await asyncio.to_thread(server.create, "A hall")
        owner = await person(server.login(), conference)
        if mode:
            await owner.client.send("conference.set_mode", mode=mode)
        who = await asyncio.to_thread(server.guest, "Mallory", role, conference)
        viewer = await person(await asyncio.to_thread(server.guest, "Vera", "viewer", conference), conference)
        honest = await person(await asyncio.to_thread(server.guest, "Hugo", "speaker", conference), conference)
        mallory = await person(who, conference, Disobedient)
        one = Hall(server, conference, owner, viewer, honest, mallory, who)
        made.append(one)
        await asyncio.gather(*(peer.subscribe() for peer in (owner, viewer, honest, mallory)))
        for peer, tracks in ((honest, ("audio", "video")), (mallory, sources)):
            if tracks:
                if not mode:
                    await peer.client.send("stage.request")
                await peer.publish(*tracks)
        if not mode:
            for source in sources:
                await one.seen(f"{who.identity}/{source}")
            await asyncio.gather(*(peer.gets(f"{honest.identity}/video") for peer in (owner, viewer, mallory)))
        return one

    yield make
    for one in made:
        await asyncio.gather(*(peer.close() for peer in (*one.witnesses, one.mallory)))
        await asyncio.gather(*(peer.client.drop() for peer in (*one.witnesses, one.mallory)))


class Case(NamedTuple):
    """A command of the owner, which of Mallory's sources it silences, what Mallory then tries to undo it with and is
    answered, and what of the honest one goes on."""

    command: str
    fields: dict[str, Any]
    silenced: tuple[str, ...]
    undo: tuple[str, dict[str, Any], str] | None = None
    goes_on: tuple[str, ...] = ("audio", "video")


ALL = ("audio", "video", "screen")
SILENCING: dict[str, Case] = {
    "muted": Case("media.mute", {"source": "audio"}, ("audio",)),
    "locked": Case("media.lock", {"source": "video"}, ("video",), undo=("media.unmute", {"source": "video"}, "locked")),
    "locked with all": Case(
        "media.mute_all",
        {"source": "video", "lock": True, "target": None},
        ("video",),
        undo=("media.unmute", {"source": "video"}, "locked"),
        goes_on=("audio",),
    ),
    "kept from sound as guests are": Case(
        "conference.settings", {"guests_may": {"audio": False}, "target": None}, ("audio",), goes_on=("video",)
    ),
    "a share stopped": Case("share.stop", {}, ("screen",)),
    "taken down": Case("stage.take_down", {}, ALL),
    "made a viewer": Case("role.assign", {"role": "viewer"}, ALL, undo=("stage.accept", {}, "not_invited")),
    "removed": Case("participant.remove", {}, ALL, undo=("stage.request", {}, "closed")),
    "blocked": Case("participant.block", {}, ALL, undo=("stage.request", {}, "closed")),
    "shut out with all guests": Case(
        "conference.settings",
        {"outsiders": "no_access", "target": None},
        ALL,
        undo=("stage.request", {}, "closed"),
        goes_on=(),
    ),
    "ended": Case("conference.end", {"target": None}, ALL, undo=("stage.request", {}, "closed"), goes_on=()),
}


@pytest.mark.parametrize("name", SILENCING)
async def test_after_the_command_nothing_of_the_disobedient_reaches_anyone(name: str, hall: Any) -> None:
    command, fields, silenced, undo, goes_on = SILENCING[name]
    here: Hall = await hall("audio", "video", "screen")
    given = {field: value for field, value in {"target": here.who.identity, **fields}.items() if value is not None}
    assert here.mallory.publishing is not None
    receipt = (await here.owner.client.send(command, **given)).get("result") or {}
    accepted = time.time()
    # Whoever ends a conference takes it off its worker; all else comes with the worker's word.
    confirmed = bool(receipt.get("applied"))
    assert confirmed or name == "ended", receipt
    assert not confirmed or (receipt["tracks"] >= len(silenced) and receipt["silence_ms"] < 1000 * PROMISE_S)
    sent = here.mallory.publishing.sent
    gone = undo is not None and undo[2] == "closed"
    for source in {"audio", "video", "screen"} - set(silenced):
        await here.viewer.gets(f"{here.who.identity}/{source}", 2)  # what was not named is not touched
    here.mallory.struggle(here.foreign_ssrcs())
    if undo is not None:
        assert await here.mallory.tries(undo[0], **undo[1]) == undo[2]
    if name in ("taken down", "made a viewer"):
        assert await here.mallory.tries("media.publish", sdp="v=0\r\n", tracks={"0": "audio"}) == "not_on_stage"
    await asyncio.sleep(WATCHED_S)
    publishing = here.mallory.publishing
    await until(lambda: publishing.sent > sent + 100)  # it goes on sending, on a busy machine more slowly
    assert here.after(accepted, *silenced, confirmed=confirmed) == []
    if honest := {f"{here.honest.identity}/{source}" for source in goes_on}:
        heard = [packet for peer in (here.owner, here.viewer) for packet in peer.packets if packet.at > accepted + 0.4]
        assert {packet.label for packet in heard if packet.track in honest} == honest
        assert {packet.track for packet in heard if packet.label in honest} == honest
    if gone:
        assert here.mallory.got("", accepted + PROMISE_S) == [], "nor does anything reach it any more"


async def test_a_turn_to_speak_ends_at_its_end_whatever_its_owner_sends(hall: Any) -> None:
    here: Hall = await hall(role="viewer")
    await here.owner.client.send("conference.settings", remark_s=1)
    await here.mallory.client.send("remark.request")
    await here.owner.client.send("remark.grant", target=here.who.identity)
    granted = await here.owner.client.event("remark.granted")
    assert await here.mallory.tries("media.publish", sdp="v=0\r\n", tracks={"0": "video"}) == "not_on_stage"
    # The picture goes along unnamed.
    assert await here.mallory.offer_more(("audio",), here.foreign_ssrcs()) == "ok"
    await here.seen(f"{here.who.identity}/audio")
    until_s = granted["until"] / 1000
    ended = await here.owner.client.event("remark.ended")
    assert ended["reason"] == "time"
    here.mallory.struggle(here.foreign_ssrcs())
    assert await here.mallory.tries("media.publish", sdp="v=0\r\n", tracks={"0": "audio"}) == "not_on_stage"
    await asyncio.sleep(WATCHED_S)
    assert here.after(until_s, "audio", "video") == []


async def test_a_student_of_a_lecture_reaches_those_who_lead_it_and_no_other_student(hall: Any) -> None:
    here: Hall = await hall("audio", "video", role="viewer", mode="video_lecture")
    await here.owner.gets(f"{here.who.identity}/video")
    for stream in here.mallory.streams:
        stream.level = 0
    await until(lambda: speaks(here.owner, here.who.identity))
    here.mallory.struggle(here.foreign_ssrcs())
    await asyncio.sleep(WATCHED_S)
    assert here.owner.got(f"{here.who.identity}/audio") and here.owner.got(f"{here.honest.identity}/audio")
    for student in (here.viewer, here.honest, here.mallory):
        assert [packet for packet in student.packets if packet.label] == []
        assert not speaks(student, here.who.identity), "nor is another student told who speaks"
    assert here.after(0.0) == []


async def test_with_each_change_of_mode_it_reaches_those_of_the_mode_and_nobody_else(hall: Any) -> None:
    here: Hall = await hall("audio", "video")

    async def ignored(mode: str, deaf: tuple[Peer, ...]) -> None:
        receipt = (await here.owner.client.send("conference.set_mode", mode=mode)).get("result") or {}
        accepted = time.time()
        await asyncio.sleep(WATCHED_S)
        late = here.after(accepted, "audio", "video", confirmed=bool(receipt.get("applied")), witnesses=deaf)
        assert late == []

    # Down from the stage; as a student seen and heard by who leads, once published anew; then by nobody any more.
    await ignored("video_lecture", here.witnesses)
    published = time.time()
    await here.mallory.publish("audio", "video")
    here.mallory.struggle(here.foreign_ssrcs())
    await here.owner.gets(f"{here.who.identity}/audio")
    assert here.after(published - PROMISE_S, "audio", "video", witnesses=(here.viewer, here.honest)) == []
    await ignored("role_based", here.witnesses)


async def test_a_viewer_on_the_stage_who_is_sent_out_with_backstage_is_silent(hall: Any) -> None:
    here: Hall = await hall(role="viewer")
    await here.owner.client.send("stage.invite", target=here.who.identity)
    await here.mallory.client.send("stage.accept")
    await here.mallory.publish("audio", "video")
    await here.seen(f"{here.who.identity}/video")
    await here.owner.client.send("conference.settings", backstage=True)
    accepted = time.time()
    here.mallory.struggle(here.foreign_ssrcs())
    await asyncio.sleep(WATCHED_S)
    assert here.mallory.client.closing is not None and here.mallory.client.closing["code"] == "waiting"
    assert here.after(accepted, "audio", "video") == []
    assert here.mallory.got("", accepted + PROMISE_S) == [], "nor does anything of the backstage reach it"


async def test_a_viewer_who_publishes_reaches_nobody(hall: Any) -> None:
    here: Hall = await hall(role="viewer")
    before = await here.state()
    for sources in (("audio",), ("audio", "video"), ("screen",)):
        assert await here.mallory.offer_more(sources, here.foreign_ssrcs()) == "not_on_stage"
    # No answer has told it where to send to: it uses the connection it receives on.
    here.mallory.struggle(here.foreign_ssrcs())
    await asyncio.sleep(WATCHED_S)
    assert here.mallory.subscribed is not None and here.mallory.subscribed.sent > 20
    assert here.after(0.0, "audio", "video", "screen") == []
    assert await here.state() == before


async def test_m_lines_that_were_not_named_and_numbers_of_others_carry_nothing_to_anyone(hall: Any) -> None:
    here: Hall = await hall("audio", "video")
    assert await here.mallory.offer_more(("audio",), here.foreign_ssrcs()) == "ok"
    named, unpublished = f"{here.who.identity}/audio", time.time()
    here.mallory.struggle(here.foreign_ssrcs())
    await here.seen(named)
    await asyncio.sleep(WATCHED_S)
    honest = {f"{here.honest.identity}/{source}" for source in ("audio", "video")}
    for witness in here.witnesses:
        for packet in witness.packets:
            # Whoever sends it, it is seen under their name and as what they named it.
            assert packet.label == packet.track, packet
        late = {packet.track for packet in witness.packets if packet.at > unpublished + PROMISE_S}
        assert late == ({named} if witness is here.honest else {named, *honest})
    for tracks in (
        {"0": "audio", "1": "audio"},
        {"0": f"{here.honest.identity}/audio"},
        {"0": "audio", "1": "video", "2": "screen", "3": "screen_audio", "4": "audio"},
        {"3": "screen_audio"},
    ):
        assert await here.mallory.tries("media.publish", sdp="v=0\r\n", tracks=tracks) in ("bad_message", "bad_offer")


def speaks(peer: Peer, identity: str, since: int = 0) -> bool:
    """Whether somebody was told that this person speaks, from a number of their signals on."""
    heard = [signal for signal in peer.signals[since:] if signal["type"] == "media.speakers"]
    return any(level["person"] == identity for signal in heard for level in signal["speakers"])


async def test_a_loud_voice_that_is_muted_is_not_said_to_speak(hall: Any) -> None:
    here: Hall = await hall("audio")
    for stream in here.mallory.streams:
        stream.level = 0

    await until(lambda: speaks(here.viewer, here.who.identity))
    await here.owner.client.send("media.lock", source="audio", target=here.who.identity)
    await asyncio.sleep(0.4)
    since = len(here.viewer.signals)
    here.mallory.struggle(here.foreign_ssrcs())
    await asyncio.sleep(WATCHED_S)
    assert not speaks(here.viewer, here.who.identity, since)


# --- words -------------------------------------------------------------------------------------------


async def test_whoever_claims_in_each_message_to_be_somebody_else_is_refused_each_time(
    hall: Any, server: Server
) -> None:
    here: Hall = await hall(role="viewer")
    before = await here.state()
    for witness in here.witnesses:
        while not witness.client.events.empty():
            witness.client.events.get_nowait()

    async def connect() -> Client:
        client = Client(server)
        await client.hello(here.who.token)
        await client.join(here.conference, console=True)
        return client

    tried = await insist(connect, claims(here.owner.identity))
    assert len(tried) > 80
    for message, answer in tried:
        assert (answer["type"], answer["code"]) == ("refused", "bad_message"), message
        claimed = [name for name in CLAIMS if name in message]
        reason = answer["details"]["reason"]
        assert not claimed or any(f"`{name}`" in reason for name in claimed), answer
    assert await here.state() == before
    assert all(witness.client.events.empty() for witness in here.witnesses), "nobody was told anything"


async def test_whoever_waits_at_the_door_learns_nothing_and_moves_nothing(hall: Any, server: Server) -> None:
    here: Hall = await hall()
    await here.owner.client.send("conference.settings", lobby="guests")
    waiting = await asyncio.to_thread(server.guest, "Wanda", "speaker", here.conference)
    client = Client(server)
    await client.hello(waiting.token)
    held = await client.send("conference.join", conference=here.conference)
    assert held["result"] == {"type": "held", "reason": "lobby"} and "version" not in held
    wanda = Disobedient(client)
    before = await here.state()
    refused = {}
    for message in plain_messages(here.honest.identity, here.conference):
        # Leaving is the one command that is theirs.
        if message["type"] not in ("conference.leave", "hello"):
            refused[message["type"]] = await wanda.tries(**message)
            # There are more kinds than a connection may send at once.
            await asyncio.sleep(0.03)
    assert set(refused.values()) == {"not_yet", "already"} and len(refused) > 60
    assert {type for type, code in refused.items() if code == "already"} == {"conference.join"}
    for path in ("/state", "/media", "/audit", "/reports/people", "/reports/chat"):
        url = f"/api/v1/conferences/{here.conference}{path}"
        assert (await asyncio.to_thread(server.request, "GET", url, None, waiting.token)).status == 403, path
    assert await here.state() == before
    # While much goes on inside, nothing of it is said to somebody at the door.
    await here.owner.client.send("chat.send", text="What nobody outside must know")
    await here.owner.client.send("reaction.send", emoji="👍")
    await here.owner.client.send("media.mute", source="audio", target=here.honest.identity)
    await here.owner.client.send("conference.settings", title="A secret")
    await asyncio.sleep(WATCHED_S)
    assert client.events.empty() and client.signals.empty() and client.unmatched.empty()
    again = Client(server)
    await again.hello(waiting.token)
    console = await again.send("conference.join", conference=here.conference, console=True)
    assert console["result"] == {"type": "held", "reason": "lobby"}, "a console is no way around"
    await asyncio.gather(client.drop(), again.drop())


async def test_tokens_that_were_changed_open_nothing(hall: Any, server: Server) -> None:
    here: Hall = await hall(role="viewer")
    before = await here.state()
    path = f"/api/v1/conferences/{here.conference}"
    for name, token in forged_tokens(here.who.token, here.owner.identity).items():
        with pytest.raises(Refused) as refused:
            await Client(server).hello(token)
        assert refused.value.code == "bad_token", name
        for method, what in (("GET", "/state"), ("GET", "/media"), ("POST", "/end"), ("POST", "/invitations")):
            response = await asyncio.to_thread(server.request, method, path + what, {"role": "moderator"}, token)
            assert response.status == 401, (name, what)
    invite = await asyncio.to_thread(server.invite, "viewer", here.conference)
    with pytest.raises(Refused, match="bad_token"):
        await Client(server).hello(invite)
    entry = {"invite": invite, "name": "Mallory"}
    for extra in ({"role": "organizer"}, {"identity": here.owner.identity}, {"conference": "abc-defg-hij"}):
        response = await asyncio.to_thread(server.request, "POST", "/api/v1/guests", {**entry, **extra})
        assert response.status == 400
    # Nor does the identity of somebody else come with their token to another conference's link.
    body = {**entry, "token": here.owner.client.resume_token}
    somebody = await asyncio.to_thread(server.api, "POST", "/guests", body)
    assert somebody["identity"] not in (here.owner.identity, here.who.identity)
    assert await here.state() == before


async def test_a_resume_token_works_once_for_its_owner_and_for_nobody_else(hall: Any, server: Server) -> None:
    here: Hall = await hall(role="viewer")
    mallory = here.mallory.client
    used, other = str(mallory.resume_token), str(here.viewer.client.resume_token)
    at = {"conference": here.conference, "epoch": mallory.epoch, "version": mallory.position}

    async def resumed(token: str, client: str, **fields: Any) -> str:
        one = Client(server, client=client)
        try:
            await one.connect()
            await one.send("hello", token=here.who.token, client=client, resume={**at, "token": token, **fields})
        except Refused as refused:
            return refused.code
        finally:
            await one.drop()
        return "ok"

    assert await resumed(other, here.viewer.client.client) == "bad_resume"
    assert await resumed(other, mallory.client) == "bad_resume"
    assert await resumed(used, "another-client") == "bad_resume"
    assert await resumed(used[:-4] + "AAA=", mallory.client) == "bad_resume"
    assert await resumed(used, mallory.client, conference=server.conference) == "bad_resume"
    assert await resumed(used, mallory.client) == "ok"
    assert await resumed(used, mallory.client) == "bad_resume"


async def test_whoever_is_blocked_returns_with_none_of_its_tokens(hall: Any, server: Server) -> None:
    here: Hall = await hall("audio")
    mallory = here.mallory.client
    newest = mallory.resume_token
    other_role = await asyncio.to_thread(
        server.api,
        "POST",
        "/guests",
        {
            "invite": await asyncio.to_thread(server.invite, "speaker", here.conference),
            "name": "Somebody else",
            "token": here.who.token,
        },
    )
    assert other_role["identity"] == here.who.identity
    await here.owner.client.send("participant.block", target=here.who.identity)
    await asyncio.wait_for(mallory.closed.wait(), 5)
    assert mallory.closing is not None and mallory.closing["code"] == "blocked"
    before = await here.state()
    at = {"conference": here.conference, "epoch": mallory.epoch, "version": mallory.position, "token": newest}
    again = Client(server, client=mallory.client)
    await again.connect()
    with pytest.raises(Refused, match="blocked"):
        await again.send("hello", token=here.who.token, client=mallory.client, resume=at)
    for token in (here.who.token, other_role["token"]):
        for fields in ({}, {"console": True}, {"take_over": True}, {"name": "Somebody else"}):
            client = Client(server)
            await client.hello(token)
            with pytest.raises(Refused, match="blocked"):
                await client.join(here.conference, **fields)
            await client.drop()
        for method, what in (("GET", "/state"), ("GET", "/media"), ("POST", "/end"), ("POST", "/invitations")):
            path = f"/api/v1/conferences/{here.conference}{what}"
            response = await asyncio.to_thread(server.request, method, path, {"role": "viewer"}, token)
            assert response.status == 403, what
    await again.drop()
    assert await here.state() == before


async def test_a_personal_link_gives_a_blocked_moderator_no_other_identity(hall: Any, server: Server) -> None:
    here: Hall = await hall()
    invite = await asyncio.to_thread(server.invite, "moderator", here.conference)
    entered = await asyncio.to_thread(server.api, "POST", "/guests", {"invite": invite, "name": "Mira"})
    mira = await Client(server).connect()
    await mira.hello(entered["token"])
    await mira.join(here.conference)
    await here.owner.client.send("participant.block", target=mira.identity)
    await mira.drop()
    entry = {"invite": invite, "name": "Somebody else"}
    again = await asyncio.to_thread(server.request, "POST", "/api/v1/guests", entry)
    assert (again.status, again.json["code"]) == (403, "blocked")
    client = Client(server)
    await client.hello(entered["token"])
    with pytest.raises(Refused, match="blocked"):
        await client.join(here.conference)
    await client.drop()
