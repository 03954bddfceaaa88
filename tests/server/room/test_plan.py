"""Routes follow the state, and a difference leads to the same plan as the whole."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from protocol import commands as c
from protocol.names import Mode, MuteSource, PersonKind, Role, Source
from protocol.settings import GuestsMayChange
from server.room.decide import AnyCommand
from server.room.plan import NOTHING, closed, difference, plan

from .house import House, follow


def test_each_difference_leads_to_the_plan_of_its_version() -> None:
    house = House()
    told = house.state
    steps: list[Callable[[], object]] = [
        lambda: house.enter("owner", None),
        lambda: house.on_stage("anna"),
        lambda: house.on_stage("ben"),
        lambda: house.accepted("owner", c.MediaLock(id=1, source=MuteSource.AUDIO, target="anna")),
        lambda: house.accepted("owner", c.StageTakeDown(id=2, target="ben")),
        lambda: house.accepted("owner", c.ParticipantRemove(id=3, target="anna")),
        lambda: house.accepted("owner", c.ConferenceEnd(id=4)),
    ]
    for step in steps:
        step()
        desired = plan(house.state)
        routes, whole = difference(house.state, 1, (told.version, told)), difference(house.state, 1, None)
        assert routes is not None and whole is not None
        assert routes.base == told.version
        assert follow(plan(told), routes) == desired
        assert follow(NOTHING, whole) == desired
        told = house.state
    assert plan(told) == NOTHING


def test_a_difference_names_only_what_changed() -> None:
    house = House()
    house.enter("owner", None)
    for name in ("anna", "ben"):
        house.on_stage(name)
    told = (house.state.version, house.state)
    house.accepted("owner", c.ConferenceSettings(id=1, title="Another"))
    assert difference(house.state, 1, told) is None
    house.accepted("owner", c.MediaMute(id=1, source=MuteSource.VIDEO, target="ben"))
    routes = difference(house.state, 1, told)
    assert routes is not None
    assert [(route.track, route.open) for route in routes.tracks] == [("ben/video", False)]
    assert not routes.peers and not routes.gone_peers and not routes.gone_tracks


def closed_by(house: House, actor: str, command: AnyCommand) -> set[str]:
    before = house.state
    house.accepted(actor, command)
    return set(closed(before, house.state))


def test_each_command_that_closes_tracks_is_known_with_the_tracks() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("gina", Role.SPEAKER, kind=PersonKind.GUEST)
    for name in ("anna", "ben", "cleo", "gina"):
        house.on_stage(name)
    both = {"audio", "video"}
    mute = c.MediaMute(id=1, source=MuteSource.AUDIO, target="anna")
    assert closed_by(house, "owner", mute) == {"anna/audio"}
    assert closed_by(house, "owner", c.MediaLock(id=2, source=MuteSource.AUDIO, target="anna")) == set()
    everybody = c.MediaMuteAll(id=3, source=MuteSource.AUDIO)
    assert closed_by(house, "owner", everybody) == {f"{name}/audio" for name in ("ben", "cleo", "gina")}
    assert closed_by(house, "owner", c.MediaUnmuteAll(id=4, source=MuteSource.AUDIO)) == set()
    forbidden = c.ConferenceSettings(id=5, guests_may=GuestsMayChange(video=False))
    assert closed_by(house, "owner", forbidden) == {"gina/video"}
    assert closed_by(house, "owner", c.ConferenceSettings(id=6, title="Another")) == set()
    assert closed_by(house, "owner", c.StageTakeDown(id=7, target="ben")) == {f"ben/{kind}" for kind in both}
    assert closed_by(house, "owner", c.RoleAssign(id=8, target="cleo", role=Role.VIEWER)) == {
        f"cleo/{kind}" for kind in both
    }
    assert closed_by(house, "owner", c.ParticipantRemove(id=9, target="gina")) == {"gina/audio"}
    assert closed_by(house, "anna", c.StageLeave(id=10)) == {f"anna/{kind}" for kind in both}


def test_what_goes_to_fewer_people_is_closed_and_what_goes_to_more_is_not() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("anna")
    house.accepted("owner", c.ConferenceSetMode(id=1, mode=Mode.ALL_ON_SCREEN))
    for name in ("owner", "anna"):
        house.accepted(name, c.MediaPublish(id=2, sdp="-", tracks={"0": Source.AUDIO}))
    # From the stage, and none published in its new place yet.
    assert closed_by(house, "owner", c.ConferenceSetMode(id=3, mode=Mode.VIDEO_LECTURE)) == {"anna/audio"}
    house.accepted("anna", c.MediaPublish(id=4, sdp="-", tracks={"0": Source.AUDIO}))
    assert plan(house.state).tracks["anna/audio"].to == ("leaders",)
    assert closed_by(house, "owner", c.ConferenceSetMode(id=5, mode=Mode.ALL_ON_SCREEN)) == set()
    # To those who lead alone.
    narrow = replace(house.state, mode=Mode.VIDEO_LECTURE, stage=("owner",))
    assert plan(narrow).tracks["anna/audio"].open
    assert closed(house.state, narrow) == ("anna/audio",)
