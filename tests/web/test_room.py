"""The client's room agrees with the server's, event by event."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from protocol import commands as c
from protocol.devices import Device, DeviceKind
from protocol.layout import LayoutKind, Tile
from protocol.names import Mode, MuteSource, PersonKind, Role, Source
from protocol.settings import Lobby
from server.room import inner
from server.room.apply import apply, stamp
from server.room.decide import decide
from server.room.modes import sources_of
from server.room.refusal import Refusal
from server.room.state import Room
from server.room.view import snapshot

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWNER = "u_owner"
PEOPLE = (OWNER, "u_ben", "g_cara", "g_dan", "g_eva", "g_finn")

FOLLOW = """
async ({ snapshot, events }) => {
  const { Room, SOURCES } = await import('/static/js/lib/room.js');
  const room = new Room(snapshot);
  const outcomes = events.map((event) => room.apply(event));
  const people = Object.fromEntries([...room.people].map(([id, person]) => [id, person]));
  const sources = {};
  for (const id of room.people.keys()) {
    room.you = id;
    sources[id] = [...SOURCES[room.footing]];
  }
  return { people, sources, asking: room.asking, remarks: Object.fromEntries(room.remarks), mode: room.mode,
           stage: room.stage, queue: room.queue, title: room.title, count: room.count, places: room.stagePlaces,
           lobby: [...room.lobby.values()], pin: room.pin, heldBack: room.heldBack, version: room.version,
           layout: room.layout, devices: Object.fromEntries(room.devices), outcomes };
}
"""


class House:
    """A room that is decided by the server's core, and all that was told of it."""

    def __init__(self) -> None:
        self.room: Room | None = None
        self.events: list[Any] = []
        self.give(OWNER, inner.Create(conference="weekly", title="Weekly", stage_places=4))
        self.enter(OWNER)

    def give(self, actor: str, command: Any) -> bool:
        """Whether it was accepted."""
        found = decide(self.room, actor, command, 1_000)
        if isinstance(found, Refusal):
            return False
        for event in found:
            stamped = msgspec.structs.replace(
                stamp(self.room, event), after=0 if self.room is None else self.room.version
            )
            self.room = apply(self.room, stamped)
            self.events.append(msgspec.to_builtins(stamped))
        return True

    def enter(self, person: str) -> None:
        role = Role.SPEAKER if person in ("u_ben", "g_cara") else Role.VIEWER
        kind = PersonKind.USER if person.startswith("u_") else PersonKind.GUEST
        self.give(person, inner.Enter(name=person.title(), kind=kind, by_right=person == OWNER, inherits=role))

    def seen(self) -> Any:
        assert self.room is not None
        # Fields at their default are not on the wire.
        shown = msgspec.to_builtins(snapshot(self.room, OWNER, epoch=1))
        return {"stage": (), "queue": (), "asking": (), "remarks": {}, "people": (), **shown}


def random_step(house: House, dice: random.Random) -> None:
    actor, target = dice.choice(PEOPLE), dice.choice(PEOPLE)
    source = dice.choice(list(MuteSource))
    tracks = {str(mid): each for mid, each in enumerate(dice.sample(list(Source), dice.randint(0, 3)))}
    commands: list[Any] = [
        inner.Enter(
            name=actor.title(), kind=PersonKind.GUEST, by_right=actor == OWNER, inherits=Role.VIEWER, pin="2468"
        ),
        inner.Drop(),
        c.StageRequest(id=1),
        c.StageRequest(id=1),
        c.StageWithdraw(id=1),
        c.StageAccept(id=1),
        c.StageDecline(id=1),
        c.StageLeave(id=1),
        c.StageGrant(id=1, target=target),
        c.StageRefuse(id=1, target=target),
        c.StageInvite(id=1, target=target),
        c.StageTakeDown(id=1, target=target),
        c.StageReorder(id=1, target=target, position=dice.randint(0, 3)),
        c.RemarkRequest(id=1),
        c.RemarkRequest(id=1),
        c.RemarkWithdraw(id=1),
        c.RemarkGrant(id=1, target=target),
        c.RemarkGrant(id=1, target=target),
        c.RemarkRefuse(id=1, target=target),
        c.RemarkEnd(id=1, target=dice.choice((None, target))),
        c.MediaMute(id=1, source=source, target=dice.choice((None, target))),
        c.MediaUnmute(id=1, source=source, target=dice.choice((None, target))),
        c.MediaLock(id=1, source=source, target=target),
        c.MediaPublish(id=1, sdp="-", tracks=tracks),
        c.MediaPublish(id=1, sdp="-", tracks=tracks),
        c.RoleAssign(id=1, target=target, role=dice.choice(list(Role))),
        c.ConferenceLayout(id=1, kind=dice.choice(list(LayoutKind)), spotlight=dice.choice((None, target))),
        c.LayoutPlace(
            id=1, target=target, tile=dice.choice((None, Tile(x=0, y=0, width=50, height=dice.choice((5, 9)))))
        ),
        c.DevicesReport(id=1, devices=(Device(id="front", kind=DeviceKind.CAMERA),) * dice.randint(0, 2)),
        c.ConferenceSettings(id=1, title=f"Weekly {dice.randint(1, 9)}", stage_places=dice.randint(1, 5)),
        c.ConferenceSettings(id=1, lobby=dice.choice(list(Lobby)), backstage=dice.random() < 0.3),
        c.ConferenceSetPin(id=1, pin=dice.choice(("", "2468"))),
        c.ConferenceStart(id=1),
        c.LobbyAdmit(id=1, target=target),
        c.LobbyRefuse(id=1, target=target),
        c.LobbyAdmitAll(id=1),
        c.RoleClear(id=1, target=target),
    ]
    by_roles = house.room is None or house.room.mode is Mode.ROLE_BASED
    if dice.random() < (0.02 if by_roles else 0.1):
        commands = [c.ConferenceSetMode(id=1, mode=dice.choice(list(Mode)) if by_roles else Mode.ROLE_BASED)]
    # With everybody on the screen and every place taken, who has left cannot come back.
    elif by_roles and dice.random() < 0.1:
        commands = [c.ConferenceLeave(id=1), c.ParticipantRemove(id=1, target=target), inner.Expire()]
    # Half of the commands are the owner's, or hardly anything would be accepted.
    house.give(OWNER if dice.random() < 0.5 else actor, dice.choice(commands))


def as_shown(person: dict[str, Any]) -> dict[str, Any]:
    """A person with every field, sets where the order says nothing."""
    defaults = {"by_right": False, "away": False, "on_stage": False, "invited": False}
    lists = {name: sorted(person.get(name, ())) for name in ("tracks", "muted", "locked")}
    return {**defaults, **person, **lists}


async def test_a_client_that_followed_every_event_sees_what_a_snapshot_would_show(client_page: Any) -> None:
    for seed in range(12):
        dice = random.Random(seed)
        house = House()
        for person in PEOPLE[1:]:
            house.enter(person)
        first = house.seen()
        begun = len(house.events)
        for _ in range(400):
            random_step(house, dice)
            if house.room is not None and OWNER not in house.room.people:
                house.enter(OWNER)
        told = house.events[begun:]
        assert len(told) > 60, "the dice moved too little"
        followed = await client_page.evaluate(FOLLOW, {"snapshot": first, "events": told})
        shown = house.seen()
        assert set(followed["outcomes"]) == {"applied"}
        assert followed["version"] == shown["version"]
        assert followed["stage"] == list(shown["stage"]), seed
        assert followed["queue"] == list(shown["queue"]), seed
        assert followed["asking"] == list(shown["asking"]), seed
        assert followed["remarks"] == shown["remarks"], seed
        assert followed["mode"] == shown.get("mode", "role_based"), seed
        assert house.room is not None
        may = {id: sorted(sources_of(house.room, id)) for id in house.room.people}
        assert {id: sorted(sources) for id, sources in followed["sources"].items()} == may, seed
        assert (followed["title"], followed["places"]) == (shown["title"], shown["stage_places"])
        assert followed["count"] == shown["count"]
        layout = {"kind": "grid", "spotlight": "", "tiles": {}} | shown.get("layout", {})
        assert followed["layout"] == layout, seed
        assert followed["lobby"] == list(shown.get("lobby", ())), seed
        held_back = shown.get("settings", {}).get("backstage", False) and not shown.get("started", False)
        assert (followed["pin"], followed["heldBack"]) == (shown.get("pin", ""), held_back), seed
        devices = {person: list(found) for person, found in shown.get("devices", {}).items()}
        assert followed["devices"] == devices, seed
        expected = {person["id"]: as_shown(person) for person in shown["people"]}
        assert {id: as_shown(person) for id, person in followed["people"].items()} == expected, seed


async def test_a_repeated_event_is_dropped_and_a_gap_changes_nothing(client_page: Any) -> None:
    house = House()
    first = house.seen()
    begun = len(house.events)
    house.enter("u_ben")
    house.enter("g_cara")
    joined_ben, joined_cara = house.events[begun:]
    followed = await client_page.evaluate(
        FOLLOW, {"snapshot": first, "events": [joined_cara, joined_ben, joined_ben, joined_cara]}
    )
    assert followed["outcomes"] == ["gap", "applied", "repeated", "applied"]
    assert sorted(followed["people"]) == ["g_cara", "u_ben", OWNER]


async def test_an_event_of_an_unknown_type_moves_the_position_only(client_page: Any) -> None:
    house = House()
    first = house.seen()
    news = {"type": "poll.opened", "version": first["version"] + 1, "after": first["version"], "poll": 7}
    followed = await client_page.evaluate(FOLLOW, {"snapshot": first, "events": [news]})
    assert followed["outcomes"] == ["applied"]
    assert followed["version"] == first["version"] + 1
    assert list(followed["people"]) == [OWNER]
