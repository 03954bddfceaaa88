"""Any sequence of commands by anybody, against a small model of the rules written independently of the tables."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from protocol import commands as c
from protocol.codec import decode, pack
from protocol.devices import Device, DeviceKind
from protocol.events import RoomEvent
from protocol.layout import LayoutKind, Tile
from protocol.names import Mode, MuteSource, PersonKind, Role, Source
from protocol.settings import Access, Lobby, Outsiders
from server.room import inner
from server.room.apply import apply
from server.room.digest import state_hash
from server.room.packed import pack_room, read_room
from server.room.plan import AUDIENCE, closed, difference, plan
from server.room.refusal import Refusal
from server.room.state import Room

from .house import House, follow

PEOPLE = ["owner", *(f"p{n}" for n in range(5))]
GUESTS = {"p3", "p4"}
people = st.sampled_from(PEOPLE)
sources = st.sampled_from(list(MuteSource))
HEIGHT = {Role.VIEWER: 0, Role.SPEAKER: 1, Role.GUEST_SPEAKER: 1, Role.MODERATOR: 2, Role.ORGANIZER: 3}


class AnyConference(RuleBasedStateMachine):
    """Six people and a stage of three places, so that races for the last one are common."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House(stage_places=3)
        self.told: dict[str, Room] = {"first": self.house.state}
        # The model: who is silenced and how, by the sentences of the specification.
        self.silenced: dict[tuple[str, MuteSource], str] = {}
        # Whom staff blocked and did not unblock.
        self.kept_out: set[str] = set()
        self.forced = False
        self.turns: dict[str, int] = {}
        self.mode, self.teacher = Mode.ROLE_BASED, "owner"
        # Whom staff gave a role, and what everybody else is since the owner chose it.
        self.appointed: dict[str, Role] = {}
        self.members, self.outsiders = Access.DEFAULT, Outsiders.DEFAULT
        # What each brings: their role where the owner has chosen nothing.
        self.brought: dict[str, Role | None] = {}
        # Who has a tile of their own, and what whose client has reported.
        self.placed: set[str] = set()
        self.devices: dict[str, set[str]] = {}
        # The door: how it is set, who waits there for what, and who was let in.
        self.lobby, self.backstage, self.started, self.ended, self.pin = Lobby.OFF, False, False, False, ""
        self.waiting: dict[str, str] = {}
        self.admitted: set[str] = set()
        # Whose appointment is no key: it was to less than they had, or they were sent out since.
        self.doubted: set[str] = set()
        # A conference in full swing: otherwise most examples are spent on people who are not there.
        for person, role in zip(PEOPLE, [None, Role.MODERATOR, *[Role.SPEAKER] * 2, *[Role.VIEWER] * 2], strict=True):
            self.house.enter(person, role, kind=self.kind(person))
            self.brought[person] = role

    def inherited(self, person: str) -> Role | None:
        general = self.general(person)
        if general is Access.DEFAULT:
            return self.brought[person]
        return None if general is Access.NO_ACCESS else Role(general.value)

    def general(self, person: str) -> Access:
        return Access(self.outsiders.value) if person in GUESTS else self.members

    def role(self, person: str) -> Role | None:
        present = self.house.state.people.get(person)
        return present.role if present else None

    def staff(self, person: str) -> bool:
        return self.role(person) in (Role.ORGANIZER, Role.MODERATOR)

    def senders(self) -> set[str]:
        room = self.house.state
        return {*room.stage, *(p.id for p in room.people.values() if p.tracks)}

    def give(self, actor: str, command: object) -> bool:
        return not isinstance(self.house.give(actor, command), Refusal)  # type: ignore[arg-type]

    def kind(self, person: str) -> PersonKind:
        return PersonKind.GUEST if person in GUESTS else PersonKind.USER

    def full(self) -> bool:
        """Whether there is no coming in without a place, and none is free."""
        return self.mode is Mode.ALL_ON_SCREEN and len(self.house.state.stage) >= 3

    def has_a_key(self, person: str) -> bool:
        return person in self.appointed and (person not in self.doubted or person in self.admitted)

    def answer(self, person: str) -> str:
        """What the door says: `out`, `lobby`, `backstage` or `in`."""
        role = self.appointed.get(person, self.inherited(person))
        if person == "owner":
            return "in"
        if role is None:
            return "out"
        asked = self.lobby is Lobby.EVERYONE or (self.lobby is Lobby.GUESTS and person in GUESTS)
        trusted = self.has_a_key(person) or role in (Role.ORGANIZER, Role.MODERATOR) or person in self.admitted
        if asked and not trusted:
            return "lobby"
        return "backstage" if self.backstage and not self.started and role is Role.VIEWER else "in"

    def look_at_the_door(self) -> None:
        """After a change of settings or roles: who waits on, who came in, who went."""
        for person, reason in list(self.waiting.items()):
            answer = self.answer(person)
            if answer in ("lobby", "backstage"):
                self.waiting[person] = answer
            else:
                del self.waiting[person]
                present = self.role(person) is not None
                assert present is (answer == "in") or (answer == "in" and self.full())
            if reason == "lobby" and answer != "lobby" and (answer == "backstage" or self.role(person) is not None):
                self.admitted.add(person)
        for person in PEOPLE:
            self.forget_own_mutes(person)

    @rule(person=people, role=st.sampled_from([*Role, None]), pin=st.sampled_from(["", "1", "2"]))
    def enters(self, person: str, role: Role | None, pin: str) -> None:
        here, held = self.role(person), self.waiting.get(person)
        before, self.brought[person] = self.brought[person], role
        answer, full = self.answer(person), self.full()
        knows = pin == self.pin or not self.pin or person == "owner" or self.has_a_key(person)
        shut = person in self.kept_out or (self.ended and person != "owner")
        command = inner.Enter(name=person.title(), kind=self.kind(person), inherits=role, pin=pin)
        accepted = self.give(person, command)
        if here is not None or shut or answer == "out" or not knows or (answer == "in" and full) or answer == held:
            self.brought[person] = before
            assert accepted is (not shut and (here is not None or (answer == held and knows)))
            assert self.role(person) is here
        elif answer == "in":
            assert accepted and self.role(person) is (
                Role.ORGANIZER if person == "owner" else self.appointed.get(person, self.inherited(person))
            )
            self.waiting.pop(person, None)
            self.admitted |= {person} if held == "lobby" else set()
            self.ended = False
        else:
            assert accepted and self.role(person) is None
            self.waiting[person] = answer
            self.admitted |= {person} if held == "lobby" and answer == "backstage" else set()

    @rule(members=st.sampled_from(Access), outsiders=st.sampled_from(Outsiders))
    def chooses_general_access(self, members: Access, outsiders: Outsiders) -> None:
        before = {person: (self.role(person), self.general(person)) for person in PEOPLE}
        if self.give("owner", c.ConferenceSettings(id=1, members=members, outsiders=outsiders)):
            self.members, self.outsiders = members, outsiders
            for person in PEOPLE[1:]:
                was, general = before[person]
                if was is not None and self.general(person) is not general:
                    role = self.appointed.get(person, self.inherited(person))
                    held_back = role is Role.VIEWER and self.backstage and not self.started
                    assert self.role(person) is (None if held_back else role)
            self.look_at_the_door()

    @initialize(lobby=st.sampled_from(Lobby), backstage=st.booleans())
    def begins_with_somebody_at_the_door(self, lobby: Lobby, backstage: bool) -> None:
        self.sets_the_door(lobby, backstage)
        for person in ("p3", "p4"):
            self.leaves(person)
            self.enters(person, Role.VIEWER, "")

    @rule(lobby=st.sampled_from(Lobby), backstage=st.booleans())
    def sets_the_door(self, lobby: Lobby, backstage: bool) -> None:
        before = self.house.state.people
        assert self.give("owner", c.ConferenceSettings(id=1, lobby=lobby, backstage=backstage)) is ("owner" in before)
        if "owner" in before:
            self.lobby, self.backstage = lobby, backstage
            for person, was in before.items():
                held_back = was.role is Role.VIEWER and backstage and not self.started
                assert (self.role(person) is None) is held_back
            self.look_at_the_door()

    @rule(actor=people)
    def starts(self, actor: str) -> None:
        may = self.staff(actor) and self.backstage and not self.started
        assert self.give(actor, c.ConferenceStart(id=1)) is may
        if may:
            self.started = True
            self.look_at_the_door()
            assert "backstage" not in self.waiting.values()

    @rule(actor=people, pin=st.sampled_from(["", "1"]))
    def sets_the_pin(self, actor: str, pin: str) -> None:
        may = self.role(actor) is Role.ORGANIZER
        assert self.give(actor, c.ConferenceSetPin(id=1, pin=pin)) is may
        self.pin = pin if may else self.pin

    @rule(actor=people, whom=people)
    def admits(self, actor: str, whom: str) -> None:
        self.check_admission(actor, whom, c.LobbyAdmit(id=1, target=whom))

    def check_admission(self, actor: str, whom: str, command: c.RoomCommand) -> None:
        asks = self.waiting.get(whom) == "lobby"
        full, before = self.full(), set(self.admitted)
        self.admitted |= {whom} if asks else set()
        answer = self.answer(whom)
        may = self.staff(actor) and asks and (answer == "backstage" or not full)
        assert self.give(actor, command) is may
        if not may:
            self.admitted = before
        elif answer == "backstage":
            self.waiting[whom] = answer
        else:
            del self.waiting[whom]
            assert self.role(whom) is self.appointed.get(whom, self.inherited(whom))

    @rule(actor=people)
    def admits_all(self, actor: str) -> None:
        asking = [person for person, reason in self.waiting.items() if reason == "lobby"]
        accepted = self.give(actor, c.LobbyAdmitAll(id=1))
        moved = [
            person for person in asking if self.house.state.lobby.get(person) is None or self.reason(person) != "lobby"
        ]
        assert accepted is (self.staff(actor) and (not asking or bool(moved)))
        assert not accepted or moved == asking or self.full()
        for person in moved:
            self.admitted.add(person)
            answer = self.answer(person)
            assert (self.role(person) is not None) is (answer == "in")
            del self.waiting[person]
            if answer == "backstage":
                self.waiting[person] = answer

    def reason(self, person: str) -> str:
        return self.house.state.lobby[person].who.reason.value

    @rule(actor=people, whom=people)
    def refuses_at_the_door(self, actor: str, whom: str) -> None:
        may = self.staff(actor) and whom in self.waiting
        assert self.give(actor, c.LobbyRefuse(id=1, target=whom)) is may
        if may:
            del self.waiting[whom]

    @rule(actor=people, whom=people)
    def takes_a_role_back(self, actor: str, whom: str) -> None:
        present = self.role(whom) is not None
        may = self.staff(actor) and whom != "owner" and whom in self.appointed
        assert self.give(actor, c.RoleClear(id=1, target=whom)) is may
        if may:
            del self.appointed[whom]
            self.doubted.discard(whom)
            role = self.inherited(whom)
            held_back = role is Role.VIEWER and self.backstage and not self.started
            assert not present or self.role(whom) is (None if held_back else role)
            self.look_at_the_door()

    @rule(person=people)
    def drops(self, person: str) -> None:
        self.give(person, inner.Drop())
        self.waiting.pop(person, None)

    @rule(person=people)
    def expires(self, person: str) -> None:
        self.give(person, inner.Expire())
        self.forget_own_mutes(person)

    @rule(person=people)
    def leaves(self, person: str) -> None:
        here = self.role(person) is not None or person in self.waiting
        assert self.give(person, c.ConferenceLeave(id=1)) is here
        self.waiting.pop(person, None)
        self.forget_own_mutes(person)

    def forget_own_mutes(self, person: str) -> None:
        if person not in self.house.state.people:
            kept = self.house.state.mutes.get(person, {})
            for source in MuteSource:
                if source not in kept and self.silenced.get((person, source)) == "plain":
                    del self.silenced[person, source]

    @rule(
        person=people,
        command=st.sampled_from([c.StageRequest, c.StageWithdraw, c.StageAccept, c.StageDecline, c.StageLeave]),
    )
    def moves(self, person: str, command: type[c.StageRequest]) -> None:
        self.give(person, command(id=1))

    @rule(actor=people, whom=people, command=st.sampled_from([c.StageGrant, c.StageRefuse, c.StageInvite]))
    def asks_up(self, actor: str, whom: str, command: type[c.StageGrant]) -> None:
        if self.give(actor, command(id=1, target=whom)):
            assert self.staff(actor)

    @rule(person=people, asks=st.booleans())
    def asks_for_a_turn_or_withdraws(self, person: str, asks: bool) -> None:
        room = self.house.state
        if asks:
            may = person in room.people and person not in room.stage and person not in room.remarks
            may = may and self.mode is Mode.ROLE_BASED
        else:
            may = person in room.asking
        command = c.RemarkRequest if asks else c.RemarkWithdraw
        assert self.give(person, command(id=1)) is may
        assert not may or (person in self.house.state.asking) is asks

    @rule(actor=people, whom=people)
    def grants_a_turn(self, actor: str, whom: str) -> None:
        may = self.staff(actor) and whom in self.house.state.asking
        assert self.give(actor, c.RemarkGrant(id=1, target=whom)) is may
        if may:
            self.turns[whom] = self.house.now + 60_000
            self.give(whom, c.MediaPublish(id=1, sdp="v=0", tracks={"0": Source.AUDIO}))

    @rule(actor=people, whom=people, refuses=st.booleans())
    def refuses_or_ends_a_turn(self, actor: str, whom: str, refuses: bool) -> None:
        room = self.house.state
        reach = self.staff(actor) and whom != "owner" and whom != actor
        may = reach and whom in room.asking if refuses else (reach or actor == whom) and whom in room.remarks
        command = c.RemarkRefuse(id=1, target=whom) if refuses else c.RemarkEnd(id=1, target=whom)
        assert self.give(actor, command) is may

    @rule(seconds=st.sampled_from([1, 30, 61, 121]))
    def time_passes(self, seconds: int) -> None:
        before = self.house.state
        self.house.now += seconds * 1000
        self.give("owner", inner.Elapse())
        now, room = self.house.now, self.house.state
        assert set(room.remarks) == {person for person in before.remarks if self.turns[person] > now}
        assert set(room.invited) == {person for person in before.invited if before.expires[person] > now}

    @rule(actor=people, whom=people)
    def takes_down(self, actor: str, whom: str) -> None:
        entitled = self.staff(actor) and actor != whom and whom != "owner" and whom in self.house.state.stage
        assert self.give(actor, c.StageTakeDown(id=1, target=whom)) is entitled

    @rule(actor=people, whom=people)
    def removes(self, actor: str, whom: str) -> None:
        entitled = self.staff(actor) and actor != whom and whom != "owner" and self.role(whom) is not None
        assert self.give(actor, c.ParticipantRemove(id=1, target=whom)) is entitled
        if entitled:
            self.sent_out(whom)
        self.forget_own_mutes(whom)

    def sent_out(self, whom: str) -> None:
        self.admitted.discard(whom)
        self.doubted |= {whom} & self.appointed.keys()

    @rule(actor=people, whom=people)
    def blocks(self, actor: str, whom: str) -> None:
        entitled = self.staff(actor) and actor != whom and whom != "owner"
        assert self.give(actor, c.ParticipantBlock(id=1, target=whom)) is entitled
        if entitled:
            if whom not in self.kept_out:
                self.sent_out(whom)
            self.kept_out.add(whom)
            self.waiting.pop(whom, None)
            assert self.role(whom) is None
        self.forget_own_mutes(whom)

    @rule(actor=people, whom=people)
    def unblocks(self, actor: str, whom: str) -> None:
        entitled = self.staff(actor) and actor != whom and whom in self.kept_out
        assert self.give(actor, c.ParticipantUnblock(id=1, target=whom)) is entitled
        if entitled:
            self.kept_out.discard(whom)

    @rule(actor=people, whom=people, role=st.sampled_from(list(Role)))
    def assigns(self, actor: str, whom: str, role: Role) -> None:
        entitled = (
            self.staff(actor) and whom != "owner" and (role is not Role.ORGANIZER or self.role(actor) is Role.ORGANIZER)
        )
        was = self.role(whom)
        assert self.give(actor, c.RoleAssign(id=1, target=whom, role=role)) is entitled
        if entitled and self.appointed.get(whom) is not role:
            lowered = was is not None and HEIGHT[role] < HEIGHT[was]
            self.doubted = self.doubted | {whom} if lowered else self.doubted - {whom}
        if entitled:
            self.appointed[whom] = role
            assert self.role(whom) in (None, role)
            self.look_at_the_door()

    @rule(actor=people, whom=people, source=sources, locked=st.booleans())
    def mutes(self, actor: str, whom: str, source: MuteSource, locked: bool) -> None:
        command = c.MediaLock if locked else c.MediaMute
        entitled = self.role(actor) is not None and self.role(whom) is not None
        entitled = entitled and (
            (self.staff(actor) and not (locked and actor == whom)) or (actor == whom and not locked)
        )
        assert self.give(actor, command(id=1, source=source, target=whom)) is entitled
        if entitled and (locked or (whom, source) not in self.silenced):
            self.silenced[whom, source] = "locked" if locked else "plain"

    @rule(actor=people, whom=people, source=sources)
    def unmutes(self, actor: str, whom: str, source: MuteSource) -> None:
        self.check_unmute(actor, whom, source)

    def check_unmute(self, actor: str, whom: str, source: MuteSource) -> None:
        held = self.silenced.get((whom, source)) == "locked"
        standing = self.house.state.mutes.get(whom, {}).get(source)
        if actor != whom and standing is not None and standing.by == whom:
            # Their own wish: they are asked.
            self.check_asking(actor, whom, source, c.MediaUnmute(id=1, source=source, target=whom))
            return
        present = self.role(actor) is not None and self.role(whom) is not None
        if actor == whom:
            entitled = present and (not held or self.role(actor) is Role.ORGANIZER)
        else:
            entitled = present and self.staff(actor)
        assert self.give(actor, c.MediaUnmute(id=1, source=source, target=whom)) is entitled
        if entitled:
            self.silenced.pop((whom, source), None)

    @rule(actor=people, source=sources, locked=st.booleans())
    def mutes_everybody(self, actor: str, source: MuteSource, locked: bool) -> None:
        assert self.give(actor, c.MediaMuteAll(id=1, source=source, lock=locked)) is self.staff(actor)
        if self.staff(actor):
            for whom in self.senders():
                if whom != actor and (locked or (whom, source) not in self.silenced):
                    self.silenced[whom, source] = "locked" if locked else "plain"

    @rule(actor=people, source=sources)
    def unmutes_everybody(self, actor: str, source: MuteSource) -> None:
        own = {p for p, mutes in self.house.state.mutes.items() if source in mutes and mutes[source].by == p}
        assert self.give(actor, c.MediaUnmuteAll(id=1, source=source)) is self.staff(actor)
        if self.staff(actor):
            for whom in self.senders() - own - {actor}:
                self.silenced.pop((whom, source), None)

    @rule(actor=people, whom=people, source=sources)
    def asks_to_unmute(self, actor: str, whom: str, source: MuteSource) -> None:
        self.check_asking(actor, whom, source, c.MediaAskUnmute(id=1, target=whom, source=source))

    def check_asking(self, actor: str, whom: str, source: MuteSource, command: c.RoomCommand) -> None:
        sends = whom in self.house.state.stage or (whom in self.house.state.remarks and source is MuteSource.AUDIO)
        sends = sends or (
            self.mode is Mode.VIDEO_LECTURE and source is not MuteSource.SCREEN and self.role(whom) is not None
        )
        entitled = self.staff(actor) and actor != whom and sends
        assert self.give(actor, command) is entitled
        if entitled and (whom, source) in self.silenced:
            if self.forced and whom != "owner":
                del self.silenced[whom, source]
            else:
                self.silenced[whom, source] = "plain"

    @rule(forced=st.booleans())
    def chooses_to_ask_or_to_force(self, forced: bool) -> None:
        if self.give("owner", c.ConferenceSettings(id=1, force_unmute=forced)):
            self.forced = forced

    @rule(actor=people, whom=people)
    def stops_a_share(self, actor: str, whom: str) -> None:
        present = self.house.state.people.get(whom)
        before = set(present.tracks) if present else set()
        shares = bool(before & {Source.SCREEN, Source.SCREEN_AUDIO})
        entitled = shares and (actor == whom or (self.staff(actor) and whom != "owner"))
        assert self.give(actor, c.ShareStop(id=1, target=whom)) is entitled
        if entitled:
            after = set(self.house.state.people[whom].tracks)
            assert after == before - {Source.SCREEN, Source.SCREEN_AUDIO}

    @rule(actor=people, kind=st.sampled_from([LayoutKind.GRID, LayoutKind.SIDEBAR]), large=st.none() | people)
    def lays_the_stage_out(self, actor: str, kind: LayoutKind, large: str | None) -> None:
        room = self.house.state
        entitled = self.staff(actor) and (large is None or large in room.stage)
        assert self.give(actor, c.ConferenceLayout(id=1, kind=kind, spotlight=large)) is entitled
        if entitled:
            self.placed = set() if kind is not room.layout.kind else self.placed
            assert (self.house.state.layout.kind, self.house.state.layout.spotlight) == (kind, large or "")

    @rule(actor=people, whom=people, back=st.booleans())
    def places_a_tile(self, actor: str, whom: str, back: bool) -> None:
        speaks = actor == whom and self.role(actor) in (Role.SPEAKER, Role.GUEST_SPEAKER)
        entitled = (self.staff(actor) or speaks) and whom in self.house.state.stage
        tile = None if back else Tile(x=0, y=0, width=50, height=50)
        assert self.give(actor, c.LayoutPlace(id=1, target=whom, tile=tile)) is entitled
        if entitled:
            self.placed = self.placed - {whom} if back else self.placed | {whom}

    @rule(person=people, devices=st.sets(st.sampled_from(["front", "back"])))
    def reports_devices(self, person: str, devices: set[str]) -> None:
        found = tuple(Device(id=name, kind=DeviceKind.CAMERA) for name in sorted(devices))
        if self.give(person, c.DevicesReport(id=1, devices=found)):
            self.devices[person] = devices
        else:
            assert self.role(person) is None

    @rule(actor=people, whom=people, device=st.sampled_from(["front", "back"]))
    def selects_a_device(self, actor: str, whom: str, device: str) -> None:
        here = self.role(actor) is not None and self.role(whom) is not None
        reach = actor == whom or (self.staff(actor) and whom != "owner")
        entitled = here and reach and device in self.devices.get(whom, set())
        command = c.DevicesSelect(id=1, target=whom, device=device, kind=DeviceKind.CAMERA)
        assert self.give(actor, command) is entitled

    @rule(granter=people, crowd=st.permutations(PEOPLE))
    def many_ask_at_once(self, granter: str, crowd: list[str]) -> None:
        """A rush for the last places; whoever gets up publishes everything."""
        for person in crowd:
            self.give(person, c.StageRequest(id=1))
            self.give(granter, c.StageGrant(id=1, target=person))
            self.give(person, c.MediaPublish(id=1, sdp="v=0", tracks={str(n): s for n, s in enumerate(Source)}))

    @rule(which=st.integers(0, 17))
    def undoes_their_own_silence(self, which: int) -> None:
        """Aimed at who is silenced: a random person and source would seldom meet a lock."""
        if self.silenced:
            whom, source = sorted(self.silenced)[which % len(self.silenced)]
            self.check_unmute(whom, whom, source)

    @rule(person=people, sources=st.sets(st.sampled_from(list(Source))))
    def publishes(self, person: str, sources: set[Source]) -> None:
        tracks = {str(n): source for n, source in enumerate(sorted(sources))}
        may = person in self.house.state.stage or (person in self.house.state.remarks and sources <= {Source.AUDIO})
        if self.mode is Mode.VIDEO_LECTURE and person in self.house.state.people:
            may = may or sources <= {Source.AUDIO, Source.VIDEO}
        may = may and not (Source.SCREEN_AUDIO in sources and Source.SCREEN not in sources)
        assert self.give(person, c.MediaPublish(id=1, sdp="v=0", tracks=tracks)) is may

    @rule(mode=st.sampled_from(Mode), named=st.sampled_from([None, *PEOPLE]))
    def holds_it_in_another_mode(self, mode: Mode, named: str | None) -> None:
        room = self.house.state
        before = (self.mode, self.teacher)
        here = self.role("owner") is not None
        assert self.give("owner", c.ConferenceSetMode(id=1, mode=mode, teacher=named)) is here
        if not here:
            return
        self.mode, self.teacher = mode, named or self.teacher
        if (self.mode, self.teacher) == before:
            assert self.house.state == room
            return
        order = sorted(room.people.values(), key=lambda p: (not self.staff(p.id), p.since))
        if mode is Mode.ALL_ON_SCREEN:
            expected = [p.id for p in order][:3]
        elif mode is Mode.VIDEO_LECTURE:
            leading = [p.id for p in order if self.staff(p.id) or p.id == self.teacher]
            expected = sorted(leading, key=lambda p: p != self.teacher)[:3]
        else:
            expected = [p for p in room.stage if self.role(p) is not Role.VIEWER]
        assert set(self.house.state.stage) == set(expected)

    @rule(actor=people)
    def ends(self, actor: str) -> None:
        if self.give(actor, c.ConferenceEnd(id=1)):
            assert self.house.state.people == {}
            kept = self.house.state.mutes
            self.silenced = {key: how for key, how in self.silenced.items() if key[1] in kept.get(key[0], {})}
            self.waiting, self.admitted, self.doubted = {}, set(), set()
            self.started, self.ended = False, True

    @invariant()
    def nobody_who_is_blocked_is_present(self) -> None:
        assert not self.kept_out & self.house.state.people.keys()
        assert self.kept_out == self.house.state.blocked.keys()

    @invariant()
    def who_waits_is_in_the_lobby_and_in_nothing_else(self) -> None:
        room = self.house.state
        assert {person: self.reason(person) for person in room.lobby} == self.waiting
        assert {person for person, leave in room.admitted.items() if leave} == self.admitted
        assert not self.waiting.keys() & {*room.people, *plan(room).peers, *room.queue, *room.invited, *room.asking}
        if self.backstage and not self.started:
            assert not any(person.role is Role.VIEWER for person in room.people.values())

    @invariant()
    def never_more_on_the_stage_than_places(self) -> None:
        stage = self.house.state.stage
        assert len(stage) <= 3 and len(set(stage)) == len(stage)

    @invariant()
    def everybody_on_the_stage_in_the_queue_and_invited_is_present(self) -> None:
        room = self.house.state
        assert {*room.stage, *room.queue, *room.invited, *room.asking, *room.remarks} <= room.people.keys()
        assert not room.remarks or self.mode is Mode.ROLE_BASED
        assert not {*room.stage} & {*room.asking, *room.remarks}
        assert room.expires.keys() == {*room.invited}
        assert not set(room.stage) & {*room.queue, *room.invited}
        off = [p for p in room.people.values() if p.id not in room.stage]
        if self.mode is Mode.VIDEO_LECTURE:
            assert all({*p.tracks} <= {Source.AUDIO, Source.VIDEO} for p in off)
            assert all(self.staff(p) or p == self.teacher for p in room.stage)
        else:
            assert all({*p.tracks} <= {Source.AUDIO} for p in off if p.id in room.remarks)
            assert all(not p.tracks for p in off if p.id not in room.remarks)

    @invariant()
    def only_who_is_on_the_stage_is_in_the_layout_and_who_is_present_has_devices(self) -> None:
        room = self.house.state
        self.placed &= {*room.stage}
        self.devices = {person: found for person, found in self.devices.items() if person in room.people}
        assert room.layout.tiles.keys() == self.placed
        assert room.layout.spotlight in ("", *room.stage)
        assert {person: {one.id for one in found} for person, found in room.devices.items()} == {
            person: found for person, found in self.devices.items() if found
        }

    @invariant()
    def versions_have_no_gap(self) -> None:
        assert [event.version for event in self.house.log] == list(range(1, self.house.state.version + 1))

    @invariant()
    def nothing_silenced_is_open_in_the_plan(self) -> None:
        routes = plan(self.house.state)
        for route in routes.tracks.values():
            seen_by = {p for p, group in routes.peers.items() if group in route.to}
            room = self.house.state
            if route.peer in room.stage or (route.peer in room.remarks and route.source is Source.AUDIO):
                assert seen_by == routes.peers.keys()
            else:
                assert self.mode is Mode.VIDEO_LECTURE
                assert seen_by == {p for p in routes.peers if self.staff(p) or p == self.teacher}
            muted = {source for person, source in self.silenced if person == route.peer}
            if route.source is Source.SCREEN_AUDIO:
                by_others = {source for source, mute in room.mutes.get(route.peer, {}).items() if mute.by != route.peer}
                assert route.open is (MuteSource.SCREEN not in muted and MuteSource.AUDIO not in by_others)
            else:
                assert route.open is (route.source.value not in {source.value for source in muted})
        assert routes.peers.keys() == self.house.state.people.keys()

    @invariant()
    def each_difference_leads_to_the_plan(self) -> None:
        room = self.house.state
        # Of the step, of some steps, and of all there were.
        if room.version % 7 == 0:
            self.told["sometimes"] = room
        for told in self.told.values():
            routes, desired = difference(room, 1, (told.version, told)), plan(room)
            assert (plan(told) if routes is None else follow(plan(told), routes)) == desired
            was, now = plan(told).tracks, desired.tracks
            lost = [name for name in was if was[name].open and not (name in now and now[name].open)]
            narrowed = [name for name in was.keys() & now.keys() if {*was[name].to} - {*now[name].to} >= {AUDIENCE}]
            assert {*closed(told, room)} == {*lost, *(name for name in narrowed if was[name].open)}
        self.told["last"] = room

    @invariant()
    def the_owner_is_organizer_whenever_present(self) -> None:
        assert self.role("owner") in (None, Role.ORGANIZER)

    def teardown(self) -> None:
        """The log alone, through its encoding, gives the same state."""
        room: Room | None = None
        for event in self.house.log:
            room = apply(room, decode(pack(event), RoomEvent))  # type: ignore[arg-type]
        assert room is not None and state_hash(room) == state_hash(self.house.state)
        assert read_room(pack_room(room)) == room


AnyConference.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestAnyConference = AnyConference.TestCase
