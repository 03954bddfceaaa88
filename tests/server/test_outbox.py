"""What waits for a slow reader has a bound, and answers are worth more than events."""

from __future__ import annotations

import pytest

from server.sessions import outbox as module
from server.sessions.outbox import MAX_BYTES, Outbox


class Socket:
    """A socket that takes what it is given, or blocks after some writes."""

    def __init__(self, block_after: int | None = None) -> None:
        self.written: list[bytes] = []
        self.stale = 0
        self.overflowed = 0
        self.outbox = Outbox(self.write, self._stale, self._overflow)
        self._left = block_after

    def write(self, data: bytes) -> None:
        self.written.append(data)
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.outbox.block()

    def _stale(self) -> None:
        self.stale += 1

    def _overflow(self) -> None:
        self.overflowed += 1


def test_frames_are_written_at_once_while_the_socket_takes_them() -> None:
    socket = Socket()
    socket.outbox.put(b"a")
    socket.outbox.put(b"b", keep=True)
    assert socket.written == [b"a", b"b"]


def test_what_waited_is_written_in_order_when_the_socket_takes_bytes_again() -> None:
    socket = Socket()
    socket.outbox.block()
    for frame in (b"a", b"b", b"c"):
        socket.outbox.put(frame)
    assert socket.written == []
    socket.outbox.unblock()
    assert (socket.written, socket.stale) == ([b"a", b"b", b"c"], 0)


def test_a_socket_that_blocks_again_gets_the_rest_later() -> None:
    socket = Socket(block_after=2)
    socket.outbox.block()
    for frame in (b"a", b"b", b"c"):
        socket.outbox.put(frame)
    socket.outbox.unblock()
    assert socket.written == [b"a", b"b"]
    socket.outbox.unblock()
    assert socket.written == [b"a", b"b", b"c"]


def test_above_the_bound_events_give_way_to_one_snapshot_and_answers_stay() -> None:
    socket = Socket()
    socket.outbox.block()
    socket.outbox.put(b"answer", keep=True)
    for _ in range(100):
        socket.outbox.put(bytes(MAX_BYTES // 50))
    socket.outbox.put(b"another answer", keep=True)
    socket.outbox.unblock()
    assert socket.written == [b"answer", b"another answer"]
    assert (socket.stale, socket.overflowed) == (1, 0)
    socket.outbox.put(b"event")
    assert socket.written[-1] == b"event"


def test_many_small_events_reach_a_bound_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FRAMES", 10)
    socket = Socket()
    socket.outbox.block()
    for _ in range(1000):
        socket.outbox.put(b"e")
    socket.outbox.unblock()
    assert (socket.written, socket.stale) == ([], 1)


def test_when_even_answers_pile_up_the_connection_is_given_up() -> None:
    socket = Socket()
    socket.outbox.block()
    for _ in range(10):
        socket.outbox.put(bytes(MAX_BYTES // 5), keep=True)
    assert socket.overflowed >= 1
