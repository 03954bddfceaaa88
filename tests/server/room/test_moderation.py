"""Mute, lock, unmute, publish: in the state and in the plan that workers follow."""

from __future__ import annotations

import pytest

from protocol import commands as c
from protocol import events as e
from protocol.names import MuteSource, Role, Source
from server.room.plan import plan

from .house import House

AUDIO, VIDEO, SCREEN = MuteSource.AUDIO, MuteSource.VIDEO, MuteSource.SCREEN


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", None)
    house.enter("mod", Role.MODERATOR)
    house.on_stage("speaker")
    house.enter("viewer")
    return house


def is_open(house: House, track: str) -> bool:
    return plan(house.state).tracks[track].open


def test_a_mute_closes_that_track_alone(house: House) -> None:
    house.accepted("mod", c.MediaMute(id=1, source=AUDIO, target="speaker"))
    assert not is_open(house, "speaker/audio") and is_open(house, "speaker/video")


def test_a_plain_mute_may_be_undone_by_the_person_and_a_lock_may_not(house: House) -> None:
    house.accepted("mod", c.MediaMute(id=1, source=AUDIO, target="speaker"))
    house.accepted("speaker", c.MediaUnmute(id=2, source=AUDIO))
    assert is_open(house, "speaker/audio")
    house.accepted("mod", c.MediaLock(id=3, source=AUDIO, target="speaker"))
    assert house.refused("speaker", c.MediaUnmute(id=4, source=AUDIO)) == "locked"
    assert house.refused("speaker", c.MediaUnmute(id=5, source=AUDIO, target="speaker")) == "locked"
    assert not is_open(house, "speaker/audio")
    house.accepted("mod", c.MediaUnmute(id=6, source=AUDIO, target="speaker"))
    assert is_open(house, "speaker/audio")


def test_muting_somebody_locked_takes_no_lock_away(house: House) -> None:
    house.accepted("mod", c.MediaLock(id=1, source=AUDIO, target="speaker"))
    assert house.accepted("speaker", c.MediaMute(id=2, source=AUDIO)) == ()
    assert house.accepted("mod", c.MediaMute(id=3, source=AUDIO, target="speaker")) == ()
    assert house.refused("speaker", c.MediaUnmute(id=4, source=AUDIO)) == "locked"


def test_a_moderator_mutes_the_owner_who_may_always_undo_it(house: House) -> None:
    house.accepted("mod", c.MediaLock(id=1, source=VIDEO, target="owner"))
    house.accepted("owner", c.MediaUnmute(id=2, source=VIDEO))
    assert "owner" not in house.state.mutes


def test_muting_the_screen_also_silences_its_sound(house: House) -> None:
    tracks = {"0": Source.AUDIO, "1": Source.SCREEN, "2": Source.SCREEN_AUDIO}
    house.accepted("speaker", c.MediaPublish(id=1, sdp="v=0", tracks=tracks))
    house.accepted("mod", c.MediaMute(id=2, source=SCREEN, target="speaker"))
    assert not is_open(house, "speaker/screen") and not is_open(house, "speaker/screen_audio")
    assert is_open(house, "speaker/audio")


def test_a_locked_microphone_does_not_come_back_as_the_sound_of_a_screen(house: House) -> None:
    sharing = {"0": Source.SCREEN, "1": Source.SCREEN_AUDIO}
    house.accepted("speaker", c.MediaPublish(id=1, sdp="v=0", tracks=sharing))
    house.accepted("speaker", c.MediaMute(id=2, source=AUDIO))
    assert is_open(house, "speaker/screen_audio"), "a film goes on when one mutes oneself"
    house.accepted("mod", c.MediaLock(id=3, source=AUDIO, target="speaker"))
    assert not is_open(house, "speaker/screen_audio") and is_open(house, "speaker/screen")
    alone = c.MediaPublish(id=4, sdp="v=0", tracks={"0": Source.SCREEN_AUDIO})
    assert house.refused("speaker", alone) == "bad_offer"


def test_what_a_moderator_silenced_stays_so_over_leaving_and_coming_back(house: House) -> None:
    house.accepted("mod", c.MediaLock(id=1, source=AUDIO, target="speaker"))
    house.accepted("speaker", c.MediaMute(id=2, source=VIDEO))
    house.accepted("speaker", c.ConferenceLeave(id=3))
    returned = house.enter("speaker", Role.SPEAKER)
    assert [(event.source, event.locked) for event in returned[1:]] == [(AUDIO, True)], "said again to everybody"
    house.on_stage("speaker")
    assert not is_open(house, "speaker/audio"), "the lock outlives leaving"
    assert is_open(house, "speaker/video"), "one's own mute goes with oneself"


def test_a_mute_before_the_stage_holds_on_it(house: House) -> None:
    house.accepted("mod", c.MediaMute(id=1, source=AUDIO, target="viewer"))
    house.accepted("viewer", c.StageRequest(id=2))
    house.accepted("mod", c.StageGrant(id=3, target="viewer"))
    house.accepted("viewer", c.MediaPublish(id=4, sdp="v=0", tracks={"0": Source.AUDIO}))
    assert not is_open(house, "viewer/audio")


def test_the_tracks_given_are_all_there_are(house: House) -> None:
    house.accepted("speaker", c.MediaPublish(id=1, sdp="v=0", tracks={"5": Source.SCREEN, "0": Source.AUDIO}))
    assert set(plan(house.state).tracks) == {"speaker/audio", "speaker/screen"}
    assert house.refused("speaker", c.MediaPublish(id=2, sdp="v=0", tracks={"0": Source.AUDIO, "1": Source.AUDIO}))


def test_a_viewer_publishes_while_on_the_stage_and_not_one_moment_longer(house: House) -> None:
    assert house.refused("viewer", c.MediaPublish(id=1, sdp="v=0", tracks={"0": Source.AUDIO})) == "not_on_stage"
    house.accepted("viewer", c.StageRequest(id=2))
    house.accepted("mod", c.StageGrant(id=3, target="viewer"))
    house.accepted("viewer", c.MediaPublish(id=4, sdp="v=0", tracks={"0": Source.AUDIO}))
    assert is_open(house, "viewer/audio")
    house.accepted("mod", c.StageTakeDown(id=5, target="viewer"))
    assert "viewer/audio" not in plan(house.state).tracks


def test_demoted_to_viewer_a_speaker_leaves_the_stage(house: House) -> None:
    house.accepted("mod", c.RoleAssign(id=1, target="speaker", role=Role.VIEWER))
    assert house.state.stage == () and not plan(house.state).tracks


def test_nobody_gives_more_than_they_have_and_an_organizer_by_right_stays_one(house: House) -> None:
    assert house.refused("mod", c.RoleAssign(id=1, target="viewer", role=Role.ORGANIZER)) == "not_allowed"
    house.accepted("mod", c.RoleAssign(id=2, target="viewer", role=Role.MODERATOR))
    assert house.refused("viewer", c.RoleAssign(id=3, target="owner", role=Role.VIEWER)) == "protected"
    assert house.refused("owner", c.RoleAssign(id=4, target="owner", role=Role.VIEWER)) == "protected"
    house.accepted("owner", c.RoleAssign(id=5, target="mod", role=Role.ORGANIZER))


def test_everybody_but_the_moderator_is_muted_in_one_commit_organizers_too(house: House) -> None:
    house.on_stage("owner", Role.ORGANIZER)
    house.on_stage("mod", Role.MODERATOR)
    events = house.accepted("mod", c.MediaMuteAll(id=1, source=AUDIO))
    assert [(event.person, event.source, event.locked) for event in events] == [  # type: ignore[union-attr]
        ("speaker", AUDIO, False),
        ("owner", AUDIO, False),
    ]
    assert not is_open(house, "speaker/audio") and not is_open(house, "owner/audio") and is_open(house, "mod/audio")
    assert is_open(house, "speaker/video")
    assert house.accepted("mod", c.MediaMuteAll(id=2, source=AUDIO)) == ()


def test_a_lock_for_everybody_holds_speakers_and_not_an_organizer(house: House) -> None:
    house.on_stage("owner", Role.ORGANIZER)
    house.accepted("mod", c.MediaMuteAll(id=1, source=AUDIO))
    house.accepted("mod", c.MediaMuteAll(id=2, source=AUDIO, lock=True))
    assert house.refused("speaker", c.MediaUnmute(id=3, source=AUDIO)) == "locked"
    house.accepted("owner", c.MediaUnmute(id=4, source=AUDIO))
    assert is_open(house, "owner/audio")


def test_unmuting_everybody_opens_what_was_closed_by_others_and_nobodys_own_wish(house: House) -> None:
    house.on_stage("shy")
    house.accepted("shy", c.MediaMute(id=1, source=AUDIO))
    house.accepted("mod", c.MediaMuteAll(id=2, source=AUDIO, lock=True))
    house.accepted("shy", c.MediaMute(id=3, source=VIDEO))
    house.accepted("mod", c.MediaUnmuteAll(id=4, source=AUDIO))
    house.accepted("mod", c.MediaUnmuteAll(id=5, source=VIDEO))
    assert is_open(house, "speaker/audio") and is_open(house, "shy/audio"), "the lock was the moderator's"
    assert not is_open(house, "shy/video"), "that mute is their own"


def test_a_share_alone_stops_and_must_be_published_anew(house: House) -> None:
    sharing = {"0": Source.AUDIO, "1": Source.SCREEN, "2": Source.SCREEN_AUDIO}
    assert house.refused("mod", c.ShareStop(id=1, target="speaker")) == "no_such_track"
    house.accepted("speaker", c.MediaPublish(id=2, sdp="v=0", tracks=sharing))
    house.accepted("mod", c.ShareStop(id=3, target="speaker"))
    assert set(plan(house.state).tracks) == {"speaker/audio"}
    house.accepted("speaker", c.MediaPublish(id=4, sdp="v=0", tracks=sharing))
    assert is_open(house, "speaker/screen")


def test_asked_to_unmute_one_decides_oneself_and_a_lock_is_lifted_with_the_question(house: House) -> None:
    house.accepted("mod", c.MediaLock(id=1, source=AUDIO, target="speaker"))
    events = house.accepted("mod", c.MediaAskUnmute(id=2, source=AUDIO, target="speaker"))
    assert events[-1].forced is False  # type: ignore[union-attr]
    assert not is_open(house, "speaker/audio")
    house.accepted("speaker", c.MediaUnmute(id=3, source=AUDIO))
    assert is_open(house, "speaker/audio")
    assert house.refused("mod", c.MediaAskUnmute(id=4, source=AUDIO, target="viewer")) == "not_on_stage"


def test_where_the_setting_forces_the_mute_is_undone_but_not_an_organizers(house: House) -> None:
    house.accepted("owner", c.ConferenceSettings(id=1, force_unmute=True))
    house.on_stage("owner", Role.ORGANIZER)
    for person in ("speaker", "owner"):
        house.accepted("mod", c.MediaMute(id=2, source=AUDIO, target=person))
        events = house.accepted("mod", c.MediaAskUnmute(id=3, source=AUDIO, target=person))
        assert events[-1].forced is (person == "speaker")  # type: ignore[union-attr]
    assert is_open(house, "speaker/audio") and not is_open(house, "owner/audio")


def test_of_those_who_went_muted_so_many_are_remembered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.room.apply.MAX_MUTED", 3)
    house.enter("stays")
    for person in ("stays", "a", "b", "c", "d"):
        house.enter(person)
        house.accepted("mod", c.MediaLock(id=1, source=MuteSource.AUDIO, target=person))
        if person != "stays":
            house.accepted(person, c.ConferenceLeave(id=1))
    assert list(house.state.mutes) == ["stays", "c", "d"], "the first to go are forgotten, who is here is not"


def test_nobody_elses_unmute_opens_what_somebody_has_closed_themselves(house: House) -> None:
    house.accepted("speaker", c.MediaMute(id=1, source=AUDIO))
    (asked,) = house.accepted("mod", c.MediaUnmute(id=2, source=AUDIO, target="speaker"))
    assert isinstance(asked, e.MediaUnmuteAsked) and not asked.forced
    assert not is_open(house, "speaker/audio")
    house.accepted("owner", c.ConferenceSettings(id=3, force_unmute=True))
    house.accepted("mod", c.MediaUnmute(id=4, source=AUDIO, target="speaker"))
    assert is_open(house, "speaker/audio"), "as the setting says"
