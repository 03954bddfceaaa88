"""Whatever comes in at the UDP port: it is counted and dropped, never raised, never answered to a stranger."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import stun
from media.transport import CLOSED_AFTER, LOST_AFTER, MAX_ADDRESSES, STALE_AFTER
from protocol.control import RoomClosed, SubscribeOpen, TransportChanged, TransportState
from tests.media.test_stun import check
from tests.media.wire import KEYFRAME, VIDEO_SSRC, Wire

STRANGER = ("127.0.0.1", 9)


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.close()


@pytest.fixture
def fresh() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.close()


anything = st.one_of(
    st.binary(max_size=1500),
    st.builds(lambda first, rest: bytes((first,)) + rest, st.sampled_from((0, 1, 22, 128, 144, 191)), st.binary()),
    st.builds(lambda cut, at: check("a:b")[:cut] + bytes((at,)), st.integers(0, 120), st.integers(0, 255)),
)


@settings(max_examples=150, deadline=None)
@given(datagrams=st.lists(anything, max_size=5), who=st.sampled_from(("stranger", "publisher", "viewer")))
def test_any_datagram_from_anybody_is_taken_without_an_exception(wire: Wire, datagrams: list[bytes], who: str) -> None:
    address = {
        "stranger": STRANGER,
        "publisher": wire.publisher_socket.getsockname(),
        "viewer": wire.viewer_socket.getsockname(),
    }[who]
    for datagram in datagrams:
        wire.receive(datagram[:1500], address)
    wire.tick()


_headers = st.builds(
    lambda first, second, seq, timestamp, ssrc, rest: struct.pack("!BBHII", first, second, seq, timestamp, ssrc) + rest,
    st.integers(0x80, 0xBF),
    st.sampled_from((120, 124, 109, 96, 248, 0, 63)),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.sampled_from((VIDEO_SSRC, 1001, 2000, 7)),
    st.binary(max_size=200),
)


@settings(max_examples=150, deadline=None)
@given(packets=st.lists(_headers, max_size=8))
def test_a_publisher_with_good_keys_and_bad_packets_breaks_nothing(wire: Wire, packets: list[bytes]) -> None:
    for packet in packets:
        wire._buffer.view[: len(packet)] = packet
        length = wire._protect.protect(wire._buffer, len(packet))
        if length > 0:
            wire.receive(bytes(wire._buffer.view[:length]), wire.publisher_socket.getsockname())
    wire.tick()
    wire.seen()


@settings(max_examples=150, deadline=None)
@given(kind=st.integers(192, 223), count=st.integers(0x80, 0xBF), body=st.binary(max_size=120), viewer=st.booleans())
def test_a_peer_with_good_keys_and_bad_rtcp_breaks_nothing(
    wire: Wire, kind: int, count: int, body: bytes, viewer: bool
) -> None:
    body = body[: len(body) // 4 * 4]
    packet = struct.pack("!BBHI", count, kind, len(body) // 4 + 1, 1) + body
    (wire.from_viewer if viewer else wire.from_publisher)(packet)
    wire.tick()


# --- addresses --------------------------------------------------------------------------------------


def from_address(wire: Wire, port: int, nominated: bool = False, username: str = "") -> None:
    """An authentic check for Vera's connection from another address."""
    transport = wire.subscription.transport
    data = check(username or f"{transport.ufrag}:x", transport.password.encode(), nominated)
    assert stun.parse(data) is not None
    wire.receive(data, ("127.0.0.1", port))


def test_the_newest_nominated_address_wins_and_others_are_only_validated(fresh: Wire) -> None:
    transport = fresh.subscription.transport
    first = transport.address
    from_address(fresh, 40001)
    assert transport.address == first and ("127.0.0.1", 40001) in transport.validated
    from_address(fresh, 40002, nominated=True)
    assert transport.address == ("127.0.0.1", 40002)


def test_an_address_without_checks_gives_way_to_one_that_has_them(fresh: Wire) -> None:
    transport = fresh.subscription.transport
    assert transport.address is not None
    transport.validated[transport.address] -= STALE_AFTER + 1
    from_address(fresh, 40003)
    assert transport.address == ("127.0.0.1", 40003)


def test_addresses_are_limited_and_the_oldest_is_forgotten(fresh: Wire) -> None:
    for port in range(40000, 40000 + 3 * MAX_ADDRESSES):
        from_address(fresh, port)
    assert len(fresh.subscription.transport.validated) <= MAX_ADDRESSES
    assert len(fresh.demux.addresses) <= MAX_ADDRESSES + 1


def test_the_address_of_somebody_else_cannot_be_claimed(fresh: Wire) -> None:
    port = fresh.publisher_socket.getsockname()[1]
    from_address(fresh, port, nominated=True)
    assert fresh.dropped["address_taken"] == 1
    assert len(fresh.video(1, KEYFRAME)) == 1


def test_the_address_of_somebody_who_is_silent_may_be_used_by_another(fresh: Wire) -> None:
    assert fresh.uplink.transport is not None
    fresh.uplink.transport.heard -= 10
    port = fresh.publisher_socket.getsockname()[1]
    from_address(fresh, port, nominated=True)
    assert fresh.subscription.transport.address == ("127.0.0.1", port)


def test_a_closed_connection_is_deaf(fresh: Wire) -> None:
    transport = fresh.subscription.transport
    transport.close()
    from_address(fresh, 40004)
    assert fresh.dropped["stun_unknown"] == 1
    assert fresh.viewer_socket.getsockname() not in fresh.demux.addresses
    assert fresh.video(1, KEYFRAME) == []


# --- silence ----------------------------------------------------------------------------------------


def states(wire: Wire) -> list[TransportState]:
    return [message.state for message in wire.said if isinstance(message, TransportChanged)]


def test_a_silent_peer_is_lost_comes_back_and_is_freed_in_the_end(fresh: Wire) -> None:
    transport = fresh.subscription.transport
    now = time.monotonic()
    transport.watch(now + LOST_AFTER + 0.1)
    assert states(fresh) == [TransportState.LOST]
    from_address(fresh, 40005)
    assert states(fresh) == [TransportState.LOST, TransportState.CONNECTED]
    transport.watch(now + CLOSED_AFTER + 1)
    assert states(fresh)[-1] is TransportState.CLOSED
    assert transport not in fresh.router.transports and fresh.room.subscriptions == {}


def test_an_ice_restart_keeps_the_old_password_until_the_new_one_is_used(fresh: Wire) -> None:
    transport = fresh.subscription.transport
    old = transport.ufrag
    old_password = transport.password.encode()
    transport.new_credentials()
    fresh.demux.register(transport)
    fresh.receive(check(f"{old}:x", old_password), ("127.0.0.1", 40006))
    assert ("127.0.0.1", 40006) in transport.validated
    from_address(fresh, 40007, nominated=True)
    fresh.receive(check(f"{old}:x", old_password), ("127.0.0.1", 40008))
    assert fresh.dropped["stun_unknown"] == 1
    assert ("127.0.0.1", 40008) not in transport.validated


def test_connections_that_come_and_go_leave_nothing_behind(fresh: Wire) -> None:
    for generation in range(2, 60):
        fresh.router.subscribe_open(SubscribeOpen(room="r", peer="vera", generation=generation))
        fresh.publish()
        from_transport = fresh.room.subscriptions["vera"].transport
        data = check(f"{from_transport.ufrag}:x", from_transport.password.encode())
        fresh.receive(data, ("127.0.0.1", 41000 + generation))
    assert len(fresh.router.transports) == len(fresh.demux.ufrags) == 2
    assert len(fresh.demux.addresses) == 2
    assert len(fresh.room.tracks["anna/video"].downlinks) <= 1
    fresh.router.room_closed(RoomClosed(room="r"))
    assert not fresh.router.transports and not fresh.demux.ufrags and not fresh.demux.addresses
