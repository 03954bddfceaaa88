"""Devices: what a client reports, who is told of it, and who switches them."""

from __future__ import annotations

import pytest

from protocol import commands as c
from protocol import events as e
from protocol.devices import Device, DeviceKind
from protocol.names import Role
from server.room.decide import allowed
from server.room.state import MAX_DEVICES
from server.room.view import audience, devices_of, needs_resync, sees, snapshot

from .house import House

FRONT = Device(id="front", kind=DeviceKind.CAMERA, label="Front camera", chosen=True)
BACK = Device(id="back", kind=DeviceKind.CAMERA, label="Back camera")
DESK = Device(id="default", kind=DeviceKind.MICROPHONE, label="Desk")


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", None)
    house.enter("mod", Role.MODERATOR)
    house.on_stage("anna")
    house.enter("viewer")
    house.accepted("anna", c.DevicesReport(id=1, devices=(FRONT, BACK, DESK)))
    return house


def select(device: str, target: str = "anna", kind: DeviceKind = DeviceKind.CAMERA) -> c.DevicesSelect:
    return c.DevicesSelect(id=2, target=target, device=device, kind=kind)


def test_the_newest_report_stands_and_goes_with_the_person(house: House) -> None:
    assert house.accepted("anna", c.DevicesReport(id=2, devices=(FRONT, BACK, DESK))) == ()
    house.accepted("anna", c.DevicesReport(id=3, devices=(FRONT,)))
    assert house.state.devices == {"anna": (FRONT,)}
    house.accepted("viewer", c.DevicesReport(id=4, devices=(DESK,)))
    house.accepted("viewer", c.DevicesReport(id=5, devices=()))
    assert house.state.devices == {"anna": (FRONT,)}
    house.accepted("anna", c.ConferenceLeave(id=6))
    assert house.state.devices == {}


def test_a_report_is_the_business_of_the_person_and_of_moderators(house: House) -> None:
    before = house.state
    (event,) = house.accepted("viewer", c.DevicesReport(id=2, devices=(DESK,)))
    told = audience(before, house.state, event)
    assert [p for p in house.state.people if sees(house.state, p, told)] == ["owner", "mod", "viewer"]
    assert snapshot(house.state, "mod", 1).devices == {"anna": (FRONT, BACK, DESK), "viewer": (DESK,)}
    assert snapshot(house.state, "anna", 1).devices == {}
    assert devices_of(house.state, "anna", ["anna"]) == {}


def test_who_becomes_a_moderator_learns_the_devices_by_a_snapshot(house: House) -> None:
    before = house.state
    house.accepted("owner", c.RoleAssign(id=2, target="viewer", role=Role.MODERATOR))
    assert needs_resync(before, house.state, "viewer")


def test_a_moderator_switches_a_camera_and_the_client_is_asked(house: House) -> None:
    before = house.state
    (event,) = house.accepted("mod", select("back"))
    assert isinstance(event, e.DevicesSelected) and (event.person, event.device) == ("anna", "back")
    told = audience(before, house.state, event)
    assert [p for p in house.state.people if sees(house.state, p, told)] == ["owner", "mod", "anna"]
    assert house.state.devices == before.devices, "what is so the client reports"
    assert house.accepted("mod", select("front")) == (), "it is in use already"


def test_only_what_was_reported_is_selected(house: House) -> None:
    assert house.refused("mod", select("garage")) == "no_such_device"
    assert house.refused("mod", select("back", kind=DeviceKind.MICROPHONE)) == "no_such_device"
    assert house.refused("mod", select("back", target="viewer")) == "no_such_device"
    assert house.refused("mod", select("back", target="nobody")) == "no_such_person"


def test_everybody_switches_their_own_and_nobody_below_switches_the_owners(house: House) -> None:
    house.accepted("anna", select("back"))
    assert house.refused("viewer", select("back")) == "not_allowed"
    house.accepted("owner", c.DevicesReport(id=3, devices=(BACK,)))
    assert house.refused("mod", select("back", target="owner")) == "protected"
    assert house.refused("anna", select("back", target="owner")) == "not_allowed"
    house.accepted("owner", select("back", target="owner"))


def test_can_offers_the_switch_where_there_is_something_to_switch(house: House) -> None:
    assert "devices.select" in allowed(house.state, "mod", "anna")
    assert "devices.select" not in allowed(house.state, "mod", "viewer")
    assert "devices.select" not in allowed(house.state, "viewer", "anna")
    assert "devices.report" in allowed(house.state, "viewer", None)


def test_the_state_keeps_so_many_devices_and_no_more() -> None:
    house = House()
    house.enter("owner", None)
    full = tuple(Device(id=f"d{n}", kind=DeviceKind.CAMERA) for n in range(32))
    for n in range(MAX_DEVICES // 32):
        house.enter(f"v{n}")
        house.accepted(f"v{n}", c.DevicesReport(id=1, devices=full))
    assert house.refused("owner", c.DevicesReport(id=2, devices=full)) == "too_many"
    house.accepted("v0", c.DevicesReport(id=3, devices=full[1:]))
    house.accepted("owner", c.DevicesReport(id=4, devices=full[:1]))
