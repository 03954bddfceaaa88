"""The door: the lobby, backstage, the PIN, and what each change means for those who wait."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest

from protocol import commands as c
from protocol import events as e
from protocol.codec import decode
from protocol.names import Mode, MuteSource, PersonKind, Role
from protocol.settings import Access, GuestsMayChange, Lobby, Outsiders
from server.room import inner, membership, state
from server.room.apply import apply
from server.room.decide import allowed
from server.room.digest import state_hash
from server.room.packed import read_room
from server.room.plan import plan
from server.room.refusal import Refusal
from server.room.view import audience, needs_resync, roster, sees, snapshot

from .house import House


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", None)
    house.enter("mona", Role.MODERATOR)
    return house


def guest(house: House, person: str, role: Role = Role.VIEWER, pin: str = "") -> Any:
    command = inner.Enter(name=person.title(), kind=PersonKind.GUEST, inherits=role, pin=pin)
    return house.give(person, command)


def choose(house: House, **settings: Any) -> Any:
    return house.accepted("owner", c.ConferenceSettings(id=1, **settings))


def waiting(house: House) -> dict[str, str]:
    return {person: knock.who.reason.value for person, knock in house.state.lobby.items()}


def here(house: House) -> set[str]:
    return set(house.state.people)


# --- the lobby ----------------------------------------------------------------------------------


def test_guests_wait_and_members_do_not_where_the_lobby_is_for_guests(house: House) -> None:
    choose(house, lobby=Lobby.GUESTS)
    (event,) = guest(house, "gina")
    assert isinstance(event, e.LobbyEntered) and event.who.name == "Gina"
    house.enter("anna", Role.SPEAKER)
    assert here(house) == {"owner", "mona", "anna"} and waiting(house) == {"gina": "lobby"}


def test_where_the_lobby_is_for_everyone_who_moderates_or_was_given_a_role_does_not_wait(house: House) -> None:
    house.accepted("mona", c.RoleAssign(id=1, target="gina", role=Role.VIEWER))
    choose(house, lobby=Lobby.EVERYONE)
    guest(house, "gina")
    guest(house, "gerd", Role.MODERATOR)
    house.enter("admin", None, by_right=True)
    house.enter("anna", Role.SPEAKER)
    assert here(house) == {"owner", "mona", "gina", "gerd", "admin"} and waiting(house) == {"anna": "lobby"}


def test_who_waits_is_in_nothing_of_the_room_and_moderators_alone_are_told(house: House) -> None:
    house.enter("vera")
    choose(house, lobby=Lobby.EVERYONE)
    before = house.state
    (event,) = guest(house, "gina")
    room = house.state
    assert "gina" not in plan(room).peers and [p.id for p in roster(room, None, 9)[0]] == ["owner", "mona", "vera"]
    told = audience(before, room, event)
    assert sees(room, "mona", told) and not sees(room, "vera", told) and not sees(room, "gina", told)
    assert [one.id for one in snapshot(room, "mona", 1).lobby] == ["gina"]
    assert snapshot(room, "vera", 1).lobby == ()
    assert snapshot(room, "mona", 1).count == 3


def test_who_waits_commands_nothing_but_going_away(house: House) -> None:
    choose(house, lobby=Lobby.EVERYONE)
    guest(house, "gina")
    assert house.refused("gina", c.StageRequest(id=1)) == "not_yet"
    assert house.refused("gina", c.LobbyAdmit(id=1, target="gina")) == "not_yet"
    assert allowed(house.state, "gina", None) == {}
    (left,) = house.accepted("gina", c.ConferenceLeave(id=1))
    assert isinstance(left, e.LobbyLeft) and not left.refused and waiting(house) == {}


def test_admitted_one_is_in_with_seat_and_role_and_does_not_wait_again(house: House) -> None:
    choose(house, lobby=Lobby.GUESTS)
    house.accepted("owner", c.ConferenceSetMode(id=1, mode=Mode.ALL_ON_SCREEN))
    guest(house, "gina", Role.SPEAKER)
    choose(house, outsiders=Outsiders.VIEWER)
    events = house.accepted("mona", c.LobbyAdmit(id=2, target="gina"))
    assert [type(event) for event in events] == [e.ParticipantJoined, e.StageTaken]
    assert house.state.people["gina"].role is Role.VIEWER and waiting(house) == {}
    house.accepted("gina", c.ConferenceLeave(id=3))
    guest(house, "gina")
    assert "gina" in here(house)
    house.accepted("owner", c.ConferenceEnd(id=4))
    house.enter("owner", None)
    guest(house, "gina")
    assert waiting(house) == {"gina": "lobby"}, "with the end of the conference it is forgotten"


def test_who_was_removed_waits_again(house: House) -> None:
    choose(house, lobby=Lobby.GUESTS)
    guest(house, "gina")
    house.accepted("mona", c.LobbyAdmit(id=1, target="gina"))
    house.accepted("mona", c.ParticipantRemove(id=2, target="gina"))
    guest(house, "gina")
    assert waiting(house) == {"gina": "lobby"}


def test_in_a_full_conference_nobody_is_admitted_and_they_wait_on(house: House) -> None:
    choose(house, lobby=Lobby.GUESTS, capacity=3)
    for person in ("gina", "gerd", "gustav"):
        guest(house, person)
    events = house.accepted("mona", c.LobbyAdmitAll(id=1))
    assert [event.person for event in events] == ["gina"]  # type: ignore[union-attr]
    assert waiting(house) == {"gerd": "lobby", "gustav": "lobby"}
    assert house.refused("mona", c.LobbyAdmitAll(id=2)) == "conference_full"
    assert house.refused("mona", c.LobbyAdmit(id=2, target="gerd")) == "conference_full"
    choose(house, capacity=0)
    house.accepted("mona", c.LobbyAdmitAll(id=3))
    assert waiting(house) == {} and here(house) >= {"gina", "gerd", "gustav"}
    assert house.accepted("mona", c.LobbyAdmitAll(id=4)) == ()


def test_refused_one_may_ask_again_and_blocked_one_may_not(house: House) -> None:
    choose(house, lobby=Lobby.GUESTS)
    guest(house, "gina")
    (left,) = house.accepted("mona", c.LobbyRefuse(id=1, target="gina", reason="Who are you?"))
    assert isinstance(left, e.LobbyLeft) and left.refused and left.note == "Who are you?"
    guest(house, "gina")
    blocked, left = house.accepted("mona", c.ParticipantBlock(id=2, target="gina", reason="No."))
    assert isinstance(blocked, e.ParticipantBlocked) and blocked.name == "Gina"
    assert isinstance(left, e.LobbyLeft) and left.code == "blocked"
    assert guest(house, "gina").code == "blocked" and waiting(house) == {}
    assert house.refused("mona", c.LobbyAdmit(id=3, target="gina")) == "no_such_person"


def test_a_role_for_somebody_who_waits_lets_them_in(house: House) -> None:
    choose(house, lobby=Lobby.EVERYONE)
    guest(house, "gina")
    house.accepted("mona", c.RoleAssign(id=1, target="gina", role=Role.SPEAKER))
    assert house.state.people["gina"].role is Role.SPEAKER and waiting(house) == {}


def test_who_need_not_wait_any_more_comes_in_at_once(house: House) -> None:
    choose(house, lobby=Lobby.EVERYONE)
    guest(house, "gina")
    house.enter("anna")
    choose(house, members=Access.MODERATOR)
    assert waiting(house) == {"gina": "lobby"} and here(house) >= {"anna"}
    choose(house, lobby=Lobby.OFF)
    assert waiting(house) == {} and here(house) >= {"gina", "anna"}


@pytest.mark.parametrize("change", [{"public": False}, {"outsiders": Outsiders.NO_ACCESS}])
def test_who_may_not_come_in_any_more_is_sent_away(house: House, change: dict[str, Any]) -> None:
    choose(house, lobby=Lobby.EVERYONE)
    guest(house, "gina")
    house.enter("anna")
    left = choose(house, **change)[-1]
    assert isinstance(left, e.LobbyLeft) and (left.person, left.refused, left.code) == ("gina", True, "no_access")
    assert waiting(house) == {"anna": "lobby"}


def test_with_the_lobby_switched_off_there_is_no_more_room_than_there_is(house: House) -> None:
    choose(house, lobby=Lobby.EVERYONE, capacity=3)
    guest(house, "gina")
    guest(house, "gerd")
    *_, joined, left = choose(house, lobby=Lobby.OFF)
    assert isinstance(joined, e.ParticipantJoined) and joined.person == "gina"
    assert isinstance(left, e.LobbyLeft) and (left.person, left.code) == ("gerd", "conference_full")


def test_a_mute_of_before_holds_for_who_is_admitted(house: House) -> None:
    guest(house, "gina", Role.SPEAKER)
    house.accepted("mona", c.MediaLock(id=1, target="gina", source=MuteSource.AUDIO))
    house.accepted("gina", c.ConferenceLeave(id=2))
    choose(house, lobby=Lobby.GUESTS)
    guest(house, "gina", Role.SPEAKER)
    assert [type(one) for one in house.accepted("mona", c.LobbyAdmit(id=3, target="gina"))] == [
        e.ParticipantJoined,
        e.MediaMuted,
    ]


def test_the_lobby_and_what_is_remembered_of_it_are_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.room.door.MAX_WAITING", 2)
    monkeypatch.setattr("server.room.apply.MAX_ADMITTED", 2)
    choose(house, lobby=Lobby.GUESTS)
    guest(house, "g1")
    guest(house, "g2")
    assert guest(house, "g3").code == "too_many"
    assert guest(house, "g2") == (), "who waits already is no more"
    for person in ("g1", "g2", "g3"):
        guest(house, person)
        house.accepted("mona", c.LobbyAdmit(id=1, target=person))
    assert list(house.state.admitted) == ["g2", "g3"]
    assert (state.MAX_WAITING, state.MAX_ADMITTED) == (2_000, 10_000)


def test_a_broken_connection_ends_the_wait_and_so_does_the_end(house: House) -> None:
    choose(house, lobby=Lobby.GUESTS)
    guest(house, "gina")
    (left,) = house.accepted("gina", inner.Drop())
    assert isinstance(left, e.LobbyLeft) and not left.refused
    guest(house, "gina")
    house.accepted("mona", c.ConferenceEnd(id=1))
    assert waiting(house) == {} and guest(house, "gina").code == "conference_ended"


def test_who_becomes_moderator_is_sent_the_list_of_those_who_wait(house: House) -> None:
    house.enter("anna", Role.SPEAKER)
    choose(house, lobby=Lobby.GUESTS)
    guest(house, "gina")
    before = house.state
    house.accepted("mona", c.RoleAssign(id=1, target="anna", role=Role.MODERATOR))
    assert needs_resync(before, house.state, "anna")


# --- backstage ----------------------------------------------------------------------------------


def test_before_the_start_viewers_wait_and_the_others_are_on_the_stage_together(house: House) -> None:
    choose(house, backstage=True)
    house.on_stage("anna")
    house.enter("vera", Role.VIEWER)
    guest(house, "gina")
    guest(house, "gustav", Role.GUEST_SPEAKER)
    assert here(house) == {"owner", "mona", "anna", "gustav"}
    assert waiting(house) == {"vera": "backstage", "gina": "backstage"}
    assert house.state.stage == ("anna",) and plan(house.state).tracks.keys() == {"anna/audio", "anna/video"}


def test_at_the_start_they_come_in_with_one_commit_and_the_lobby_waits_on(house: House) -> None:
    choose(house, backstage=True, lobby=Lobby.GUESTS)
    house.enter("vera", Role.VIEWER)
    house.enter("viktor", Role.VIEWER)
    guest(house, "gina")
    guest(house, "gerd")
    (entered,) = house.accepted("mona", c.LobbyAdmit(id=1, target="gina"))
    assert isinstance(entered, e.LobbyEntered) and entered.who.reason == "backstage"
    assert house.refused("mona", c.LobbyAdmit(id=2, target="gina")) == "already"
    assert house.refused("vera", c.ConferenceStart(id=3)) == "not_yet"
    events = house.accepted("mona", c.ConferenceStart(id=3))
    assert [type(event) for event in events] == [e.ConferenceStarted] + [e.ParticipantJoined] * 3
    assert here(house) == {"owner", "mona", "vera", "viktor", "gina"} and waiting(house) == {"gerd": "lobby"}
    assert snapshot(house.state, "vera", 1).started
    assert house.refused("mona", c.ConferenceStart(id=4)) == "already"
    house.enter("late", Role.VIEWER)
    assert "late" in here(house)


def test_switched_on_it_sends_viewers_out_unless_the_conference_has_started(house: House) -> None:
    house.enter("vera", Role.VIEWER)
    house.enter("anna", Role.SPEAKER)
    left = choose(house, backstage=True)[-1]
    assert isinstance(left, e.ParticipantLeft) and (left.person, left.reason) == ("vera", "waiting")
    assert here(house) == {"owner", "mona", "anna"}
    house.enter("vera", Role.VIEWER)
    house.accepted("mona", c.ConferenceStart(id=1))
    choose(house, backstage=False)
    choose(house, backstage=True)
    assert "vera" in here(house)
    house.accepted("mona", c.ConferenceEnd(id=2))
    house.enter("owner", None)
    house.enter("vera", Role.VIEWER)
    assert not house.state.started and waiting(house) == {"vera": "backstage"}


def test_demoted_before_the_start_one_is_sent_out_and_promoted_one_comes_in(house: House) -> None:
    choose(house, backstage=True)
    house.on_stage("anna")
    house.enter("vera", Role.VIEWER)
    house.accepted("mona", c.RoleAssign(id=1, target="anna", role=Role.VIEWER))
    assert "anna" not in here(house) and house.state.stage == () and plan(house.state).tracks == {}
    house.accepted("mona", c.RoleAssign(id=2, target="vera", role=Role.SPEAKER))
    assert "vera" in here(house) and waiting(house) == {}
    house.accepted("mona", c.RoleClear(id=3, target="vera"))
    assert "vera" not in here(house)


def test_without_backstage_there_is_nothing_to_start(house: House) -> None:
    assert house.refused("mona", c.ConferenceStart(id=1)) == "already"
    assert "conference.start" not in allowed(house.state, "mona", None)
    choose(house, backstage=True)
    assert "conference.start" in allowed(house.state, "mona", None)


# --- the PIN ------------------------------------------------------------------------------------


def test_the_pin_is_asked_of_all_but_organizers_by_right_and_those_who_were_given_a_role(house: House) -> None:
    house.accepted("owner", c.RoleAssign(id=1, target="anna", role=Role.SPEAKER))
    house.accepted("owner", c.ConferenceSetPin(id=2, pin="2468"))
    for pin in ("", "1357", "24680"):
        answer = guest(house, "gina", pin=pin)
        assert isinstance(answer, Refusal) and answer.code == "wrong_pin" and answer.details == {"wanted": "pin"}
    assert house.enter("ben", Role.MODERATOR).code == "wrong_pin"
    guest(house, "gina", pin="2468")
    house.enter("anna")
    house.enter("admin", None, by_right=True)
    assert here(house) == {"owner", "mona", "gina", "anna", "admin"}
    assert guest(house, "gina") == (), "who is there is not asked"
    house.accepted("owner", c.ConferenceSetPin(id=3, pin=""))
    assert house.enter("ben", Role.MODERATOR)


def test_the_pin_is_told_to_organizers_alone_and_is_in_the_hash(house: House) -> None:
    before, bare = house.state, state_hash(house.state)
    (event,) = house.accepted("owner", c.ConferenceSetPin(id=1, pin="2468"))
    assert house.accepted("owner", c.ConferenceSetPin(id=2, pin="2468")) == ()
    told = audience(before, house.state, event)
    assert sees(house.state, "owner", told) and not sees(house.state, "mona", told)
    assert snapshot(house.state, "owner", 1).pin == "2468" and snapshot(house.state, "mona", 1).pin == ""
    assert state_hash(house.state) != bare
    assert house.refused("mona", c.ConferenceSetPin(id=3, pin="")) == "not_allowed"
    before = house.state
    house.accepted("owner", c.RoleAssign(id=4, target="mona", role=Role.ORGANIZER))
    assert needs_resync(before, house.state, "mona")
    assert snapshot(house.state, "mona", 1).pin == "2468"


def test_with_the_right_pin_one_still_waits_in_the_lobby(house: House) -> None:
    choose(house, lobby=Lobby.EVERYONE)
    house.accepted("owner", c.ConferenceSetPin(id=1, pin="2468"))
    assert guest(house, "gina").code == "wrong_pin" and waiting(house) == {}
    guest(house, "gina", pin="2468")
    assert waiting(house) == {"gina": "lobby"}


# --- assignments that are taken back, and what `can` says ----------------------------------------


def test_without_the_assignment_one_is_what_one_inherits(house: House) -> None:
    guest(house, "gina", Role.GUEST_SPEAKER)
    house.accepted("mona", c.RoleAssign(id=1, target="gina", role=Role.MODERATOR))
    (cleared,) = house.accepted("owner", c.RoleClear(id=2, target="gina"))
    assert isinstance(cleared, e.RoleAssigned) and cleared.inherited
    gina = house.state.people["gina"]
    assert gina.role is Role.GUEST_SPEAKER and house.state.assigned == {}
    assert house.refused("owner", c.RoleClear(id=3, target="gina")) == "already"
    assert house.refused("mona", c.RoleClear(id=4, target="owner")) == "protected"
    house.accepted("owner", c.RoleAssign(id=5, target="gina", role=Role.MODERATOR))
    choose(house, outsiders=Outsiders.VIEWER)
    house.accepted("gina", c.RoleClear(id=6, target="gina"))
    assert house.state.people["gina"].role is Role.VIEWER


def test_without_the_assignment_nor_anything_to_inherit_one_is_out(house: House) -> None:
    house.enter("anna", Role.SPEAKER)
    house.accepted("mona", c.RoleAssign(id=1, target="anna", role=Role.SPEAKER))
    house.accepted("mona", c.RoleAssign(id=1, target="later", role=Role.SPEAKER))
    choose(house, members=Access.NO_ACCESS)
    assert "anna" in here(house)
    left = house.accepted("owner", c.RoleClear(id=2, target="anna"))[-1]
    assert isinstance(left, e.ParticipantLeft) and left.reason == "no_access"
    house.accepted("owner", c.RoleClear(id=3, target="later"))
    assert house.enter("later", Role.SPEAKER).code == "no_access"


def test_can_says_whether_one_may_write_and_react(house: House) -> None:
    guest(house, "gina")
    assert {"chat.send", "reaction.send"} <= allowed(house.state, "gina", None).keys()
    choose(house, guests_may=GuestsMayChange(messages=False))
    may = allowed(house.state, "gina", None)
    assert "chat.send" not in may and "reaction.send" in may
    assert "chat.send" in allowed(house.state, "mona", None)


def test_can_says_what_one_may_do_at_the_door(house: House) -> None:
    house.enter("vera")
    choose(house, lobby=Lobby.GUESTS)
    guest(house, "gina")
    at_the_door = {"lobby.admit", "lobby.refuse", "participant.block", "role.assign:speaker"}
    assert at_the_door <= allowed(house.state, "mona", "gina").keys()
    assert not at_the_door & allowed(house.state, "vera", "gina").keys()
    assert not {"lobby.admit", "lobby.refuse"} & allowed(house.state, "mona", "vera").keys()
    assert "lobby.admit_all" in allowed(house.state, "mona", None)
    assert "lobby.admit_all" not in allowed(house.state, "vera", None)
    assert "conference.set_pin" in allowed(house.state, "owner", None)
    assert "conference.set_pin" not in allowed(house.state, "mona", None)


# --- records of before ------------------------------------------------------------------------


OLD = {"capacity": 5}


def test_a_record_of_before_the_door_is_read_as_it_was_meant() -> None:
    stored: list[dict[str, Any]] = [
        {"type": "conference.created", "version": 1, "conference": "c", "title": "t", "owner": "o", "stage_places": 36},
        {"type": "conference.settings_changed", "version": 2, "title": "t", "stage_places": 36, "settings": OLD},
        {"type": "participant.joined", "version": 3, "person": "a", "name": "A", "kind": "user", "role": "speaker"},
        {"type": "role.assigned", "version": 4, "person": "a", "role": "viewer"},
    ]  # fmt: skip
    room: state.Room | None = None
    for event in stored:
        room = apply(room, decode(msgpack.packb(event), e.RoomEvent))  # type: ignore[arg-type]
    assert room is not None
    assert room.settings.members is Access.DEFAULT and room.settings.lobby is Lobby.OFF
    assert room.people["a"].inherits is None and room.assigned == {"a": Role.VIEWER}
    # A change that is none of theirs sends nobody out whose inheritance the record does not say.
    changed = membership.settings(room, room.people["a"], c.ConferenceSettings(id=1, title="Another"), 1)
    assert isinstance(changed, tuple) and [type(event) for event in changed] == [e.ConferenceSettingsChanged]
    snapshot_of_before = {
        "conference": "c",
        "title": "t",
        "owner": "o",
        "version": 3,
        "settings": OLD,
        "people": {"a": {"id": "a", "name": "A", "kind": "user", "role": "speaker", "since": 3}},
    }
    read = read_room(msgpack.packb(snapshot_of_before))
    assert (read.settings.outsiders, read.pin, read.started) == (Access.DEFAULT, "", False) and read.lobby == {}


# --- roles as keys ------------------------------------------------------------------------------


def test_a_role_given_here_opens_the_door_and_a_lower_one_than_before_does_not(house: House) -> None:
    guest(house, "gina")
    guest(house, "hugo")
    house.accepted("mona", c.RoleAssign(id=1, target="gina", role=Role.SPEAKER))
    house.accepted("mona", c.RoleAssign(id=2, target="hugo", role=Role.SPEAKER))
    house.accepted("mona", c.RoleAssign(id=3, target="hugo", role=Role.VIEWER))
    house.accepted("owner", c.ConferenceSetPin(id=4, pin="2468"))
    choose(house, lobby=Lobby.EVERYONE)
    for person in ("gina", "hugo"):
        house.accepted(person, c.ConferenceLeave(id=5))
    guest(house, "gina")
    assert "gina" in here(house), "neither PIN nor lobby"
    refusal = guest(house, "hugo")
    assert isinstance(refusal, Refusal) and refusal.code == "wrong_pin"
    guest(house, "hugo", pin="2468")
    assert waiting(house) == {"hugo": "lobby"}
    # Given more again, also at the door, it is a key again.
    house.accepted("mona", c.RoleAssign(id=6, target="hugo", role=Role.SPEAKER))
    assert "hugo" in here(house)


def test_who_was_sent_out_needs_leave_again_whatever_role_they_were_given(house: House) -> None:
    house.accepted("mona", c.RoleAssign(id=1, target="gina", role=Role.SPEAKER))
    choose(house, lobby=Lobby.GUESTS)
    guest(house, "gina")
    assert "gina" in here(house), "added by hand"
    house.accepted("mona", c.ParticipantRemove(id=2, target="gina"))
    guest(house, "gina")
    assert waiting(house) == {"gina": "lobby"}
    house.accepted("mona", c.LobbyAdmit(id=3, target="gina"))
    house.accepted("gina", c.ConferenceLeave(id=4))
    guest(house, "gina")
    assert "gina" in here(house), "let in, and not sent out since"
    house.accepted("mona", c.ParticipantBlock(id=5, target="gina"))
    house.accepted("mona", c.ParticipantUnblock(id=6, target="gina"))
    guest(house, "gina")
    assert waiting(house) == {"gina": "lobby"}


def test_who_becomes_an_organizer_by_right_while_they_wait_comes_in_as_one(house: House) -> None:
    choose(house, lobby=Lobby.EVERYONE)
    house.enter("anna", Role.SPEAKER)
    assert house.accepted("anna", inner.Right(by_right=False)) == () and waiting(house) == {"anna": "lobby"}
    house.accepted("anna", inner.Right(by_right=True))
    anna = house.state.people["anna"]
    assert (anna.role, anna.by_right, anna.inherits) == (Role.ORGANIZER, True, Role.SPEAKER)
    assert waiting(house) == {}
