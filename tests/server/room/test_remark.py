"""A short turn to speak: the microphone alone, without a place, until its moment; and invitations that expire."""

from __future__ import annotations

import pytest

from protocol import commands as c
from protocol import events as e
from protocol.files import FileKind
from protocol.names import Mode, MuteSource, PersonKind, Role, Source
from protocol.settings import GuestsMayChange
from server.room import inner
from server.room.deadlines import earliest
from server.room.plan import plan
from server.room.stage import INVITATION_MS
from server.room.view import snapshot

from .house import House

MICROPHONE = {"0": Source.AUDIO}


@pytest.fixture
def house() -> House:
    house = House(stage_places=1)
    house.on_stage("owner", Role.ORGANIZER)
    house.enter("mod", Role.MODERATOR)
    house.enter("vera")
    return house


def speaks(house: House, person: str = "vera") -> int:
    """Somebody has their turn and sends; when it ends."""
    house.accepted(person, c.RemarkRequest(id=1))
    house.accepted("mod", c.RemarkGrant(id=2, target=person))
    house.accepted(person, c.MediaPublish(id=3, sdp="v=0", tracks=MICROPHONE))
    return house.state.remarks[person]


def passes(house: House, ms: int) -> tuple[e.RoomEvent, ...]:
    house.now += ms - 1
    return house.accepted("owner", inner.Elapse())


def test_a_turn_takes_no_place_and_the_microphone_alone_goes_out(house: House) -> None:
    assert house.refused("vera", c.MediaPublish(id=1, sdp="v=0", tracks=MICROPHONE)) == "not_on_stage"
    speaks(house)
    assert house.state.stage == ("owner",)
    route = plan(house.state).tracks["vera/audio"]
    assert route.open and set(plan(house.state).peers.values()) == set(route.to)
    both = {"0": Source.AUDIO, "1": Source.VIDEO}
    assert house.refused("vera", c.MediaPublish(id=2, sdp="v=0", tracks=both)) == "not_on_stage"


def test_whoever_has_the_turn_is_heard_however_loud_the_stage_is(house: House) -> None:
    house.accepted("owner", c.MediaPublish(id=9, sdp="v=0", tracks=MICROPHONE))
    speaks(house)
    routes = plan(house.state).tracks
    assert routes["vera/audio"].pinned and not routes["owner/audio"].pinned


def test_it_ends_by_itself_at_its_moment_and_not_before(house: House) -> None:
    until = speaks(house)
    assert earliest(house.state) == until
    assert passes(house, until - house.now - 1) == ()
    assert "vera/audio" in plan(house.state).tracks
    (event,) = passes(house, 1)
    assert isinstance(event, e.RemarkEnded) and event.reason is e.RemarkEndReason.TIME
    assert "vera/audio" not in plan(house.state).tracks and earliest(house.state) is None
    assert house.refused("vera", c.MediaPublish(id=1, sdp="v=0", tracks=MICROPHONE)) == "not_on_stage"
    assert passes(house, 1000) == ()


def test_it_lasts_a_minute_or_as_the_setting_says(house: House) -> None:
    assert speaks(house) - house.now <= 60_000
    house.accepted("owner", c.ConferenceSettings(id=1, remark_s=5))
    house.enter("ben")
    house.accepted("ben", c.RemarkRequest(id=1))
    house.accepted("mod", c.RemarkGrant(id=2, target="ben"))
    assert house.state.remarks["ben"] == house.now + 5000


def test_it_ends_by_hand_and_when_the_person_leaves(house: House) -> None:
    for how in ("vera", "mod", "leaves"):
        speaks(house)
        if how == "leaves":
            house.accepted("vera", c.ConferenceLeave(id=4))
        else:
            house.accepted(how, c.RemarkEnd(id=4, target="vera"))
        assert house.state.remarks == {} and "vera/audio" not in plan(house.state).tracks
    house.enter("vera")
    house.enter("ben")
    speaks(house)
    assert house.refused("ben", c.RemarkEnd(id=5, target="vera")) == "not_allowed"
    assert house.refused("mod", c.RemarkEnd(id=6, target="ben")) == "no_remark"


def test_a_mute_holds_in_a_turn_too(house: House) -> None:
    speaks(house)
    house.accepted("mod", c.MediaLock(id=1, source=MuteSource.AUDIO, target="vera"))
    assert not plan(house.state).tracks["vera/audio"].open


def test_on_the_stage_the_turn_is_settled_and_what_is_sent_goes_on(house: House) -> None:
    speaks(house)
    house.accepted("owner", c.StageLeave(id=1))
    house.accepted("vera", c.StageRequest(id=2))
    house.accepted("mod", c.StageGrant(id=3, target="vera"))
    assert house.state.remarks == {} and earliest(house.state) is None
    assert plan(house.state).tracks["vera/audio"].open


def test_another_mode_ends_turns_and_knows_no_requests_for_them(house: House) -> None:
    speaks(house)
    house.accepted("mod", c.RemarkRequest(id=1))
    house.accepted("owner", c.ConferenceSetMode(id=2, mode=Mode.VIDEO_LECTURE))
    assert house.state.remarks == {} and house.state.asking == ()
    assert house.state.people["vera"].tracks == ()
    assert house.refused("vera", c.RemarkRequest(id=3)) == "not_allowed"


def test_a_request_is_granted_refused_or_withdrawn_once(house: House) -> None:
    assert house.refused("mod", c.RemarkGrant(id=1, target="vera")) == "no_request"
    house.accepted("vera", c.RemarkRequest(id=2))
    assert house.accepted("vera", c.RemarkRequest(id=3)) == ()
    assert snapshot(house.state, "mod", 1).asking == ("vera",)
    house.accepted("vera", c.RemarkWithdraw(id=4))
    assert house.refused("vera", c.RemarkWithdraw(id=5)) == "no_request"
    house.accepted("vera", c.RemarkRequest(id=6))
    house.accepted("mod", c.RemarkRefuse(id=7, target="vera"))
    assert house.state.asking == ()


def test_an_invitation_expires_unless_it_is_answered(house: House) -> None:
    house.accepted("mod", c.StageInvite(id=1, target="vera"))
    assert earliest(house.state) == house.now + INVITATION_MS
    (event,) = passes(house, INVITATION_MS)
    assert isinstance(event, e.StageDeclined) and event.expired
    assert house.refused("vera", c.StageAccept(id=2)) == "not_invited"
    house.accepted("mod", c.StageInvite(id=3, target="vera"))
    house.accepted("vera", c.StageDecline(id=4))
    assert passes(house, INVITATION_MS) == () and earliest(house.state) is None


def test_a_turn_to_speak_an_invitation_and_slides_end_with_the_role_they_came_by(house: House) -> None:
    house.enter("sara", Role.SPEAKER)
    speaks(house, "sara")
    house.accepted("mod", c.StageInvite(id=4, target="sara"))
    file = inner.AddFile(kind=FileKind.SLIDES, label="a.pdf", size=1, key="k" * 32, quota=10**9, pages=3)
    house.accepted("mod", file)
    house.accepted("mod", c.SlidesOpen(id=5, file=1, page=1))
    for person in ("sara", "mod"):
        house.accepted("owner", c.RoleAssign(id=6, target=person, role=Role.VIEWER))
    assert not house.state.remarks and not house.state.invited and house.state.entries.slides is None
    assert not any(route.open for track, route in plan(house.state).tracks.items() if track.startswith("sara/"))
    assert house.refused("sara", c.StageAccept(id=7)) == "not_invited"


def test_a_guest_who_may_not_speak_is_given_no_turn(house: House) -> None:
    for person in ("gina", "hugo"):
        house.enter(person, kind=PersonKind.GUEST)
    house.accepted("gina", c.RemarkRequest(id=1))
    house.accepted("owner", c.ConferenceSettings(id=2, guests_may=GuestsMayChange(audio=False)))
    assert house.refused("hugo", c.RemarkRequest(id=3)) == "not_allowed"
    assert house.refused("mod", c.RemarkGrant(id=4, target="gina")) == "not_allowed"
    house.accepted("mod", c.RemarkRefuse(id=5, target="gina"))
