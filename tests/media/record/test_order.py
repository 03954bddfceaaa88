"""Packets in order: what is late is waited for, what never comes costs the pictures up to the next key frame."""

from __future__ import annotations

from media.record.order import PATIENCE, Order, Packet


def packet(seq: int, starts: bool = False) -> Packet:
    return Packet(seq & 0xFFFF, 0, True, starts, b"x", 0.0)


def numbers(packets: list[Packet]) -> list[int]:
    return [packet.seq for packet in packets]


def test_it_begins_at_a_key_frame_and_puts_in_order_what_comes_over_the_end_of_the_numbers() -> None:
    order = Order()
    assert order.add(packet(65533), 0.0) == []
    assert numbers(order.add(packet(65534, True), 0.0)) == [65534]
    assert order.add(packet(0), 0.1) == []
    assert order.add(packet(1), 0.2) == []
    assert numbers(order.add(packet(65535), 0.3)) == [65535, 0, 1]
    assert order.add(packet(65535), 0.4) == [], "twice"
    assert not order.broken


def test_what_never_comes_is_given_up_and_nothing_follows_until_a_key_frame() -> None:
    order = Order()
    order.add(packet(1, True), 0.0)
    assert order.add(packet(3), 0.1) == []
    assert order.due(PATIENCE) == []
    assert order.due(0.1 + PATIENCE) == []
    assert order.broken
    assert order.add(packet(4), 2.0) == []
    assert order.add(packet(2), 2.0) == [], "too late"
    assert numbers(order.add(packet(5, True), 2.1)) == [5]
    assert not order.broken


def test_after_a_reset_it_begins_anew() -> None:
    order = Order()
    order.add(packet(100, True), 0.0)
    order.add(packet(102), 0.0)
    order.reset()
    assert order.add(packet(7), 0.1) == []
    assert numbers(order.add(packet(8, True), 0.1)) == [8]
