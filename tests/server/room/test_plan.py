"""Routes follow the state, and a difference leads to the same plan as the whole."""

from __future__ import annotations

from protocol import commands as c
from protocol.control import Routes
from protocol.names import MuteSource
from server.room.plan import NOTHING, Plan, difference, plan

from .house import House


def follow(known: Plan, routes: Routes) -> Plan:
    """What a worker holds after the routes."""
    peers = dict(known.peers) if routes.base is not None else {}
    tracks = dict(known.tracks) if routes.base is not None else {}
    for peer in routes.gone_peers:
        peers.pop(peer)
    for track in routes.gone_tracks:
        tracks.pop(track)
    return Plan(peers | routes.peers, tracks | {route.track: route for route in routes.tracks})


def test_each_difference_leads_to_the_plan_of_its_version() -> None:
    house = House()
    told = (house.state.version, plan(house.state))
    steps = [
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
        routes = difference("c", 1, house.state.version, desired, told)
        assert routes.base == told[0]
        assert follow(told[1], routes) == desired
        assert follow(NOTHING, difference("c", 1, house.state.version, desired, None)) == desired
        told = (house.state.version, desired)
    assert told[1] == NOTHING


def test_a_difference_names_only_what_changed() -> None:
    house = House()
    house.enter("owner", None)
    for name in ("anna", "ben"):
        house.on_stage(name)
    told = (house.state.version, plan(house.state))
    house.accepted("owner", c.MediaMute(id=1, source=MuteSource.VIDEO, target="ben"))
    routes = difference("c", 1, house.state.version, plan(house.state), told)
    assert [(route.track, route.open) for route in routes.tracks] == [("ben/video", False)]
    assert not routes.peers and not routes.gone_peers and not routes.gone_tracks
