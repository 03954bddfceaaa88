"""What published commits mean: applied in order, each once, and looked for in the log wherever one is missing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.roomlog.following import Step, Told, parse, step

EPOCH = 7


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Told(7, 5, 6, b"x"), Step.NEXT),
        (Told(7, 5, 9, b"x"), Step.NEXT),
        (Told(7, 4, 5, b"x"), Step.KNOWN),
        (Told(7, 0, 1, b"x"), Step.KNOWN),
        (Told(7, 6, 7, b"x"), Step.LOOK),
        (Told(7, 4, 6, b"x"), Step.LOOK),
        (Told(8, 5, 6, b"x"), Step.LOOK),
        (Told(6, 5, 6, b"x"), Step.LOOK),
        # Begun anew, and gone.
        (Told(8, 5, 5), Step.LOOK),
        (Told(0, 0, 0), Step.LOOK),
    ],
)
def test_a_message_extends_what_is_known_by_the_next_commit_or_says_to_look(told: Told, expected: Step) -> None:
    assert step(EPOCH, 5, told) is expected


def test_what_the_scripts_publish_is_understood_and_nothing_else() -> None:
    assert parse(b"1700000000000 4 6 \x00 bytes with spaces") == Told(
        1_700_000_000_000, 4, 6, b"\x00 bytes with spaces"
    )
    assert parse(b"8 5 5 ") == Told(8, 5, 5, b"")
    for other in (b"", b"1 2 3", b"1 2 -3 x", b"a b c d", b"1 2 " + b"9" * 30 + b" x", b"\xff\xff 1 2 3"):
        assert parse(other) is None


class Node:
    """Somebody who follows a log by messages, as a replica does."""

    def __init__(self, log: list[Told]) -> None:
        self.log = log
        self.version = 0
        self.heard: list[int] = []
        self.looks = 0

    def hear(self, told: Told) -> None:
        match step(EPOCH, self.version, told):
            case Step.NEXT:
                self.apply(told)
            case Step.LOOK:
                self.look()

    def look(self) -> None:
        self.looks += 1
        for told in self.log:
            if told.after >= self.version:
                self.apply(told)

    def apply(self, told: Told) -> None:
        assert told.after == self.version, "a gap"
        self.version = told.version
        self.heard.append(told.version)


@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=30), seed=st.integers(), loss=st.floats(0, 1))
def test_whatever_is_lost_repeated_or_overtaken_nobody_misses_a_commit_or_has_one_twice(
    sizes: list[int], seed: int, loss: float
) -> None:
    chance = random.Random(seed)
    log: list[Told] = []
    for size in sizes:
        version = log[-1].version if log else 0
        log.append(Told(EPOCH, version, version + size, b"x"))
    network = [told for told in log for _ in range(chance.choice((1, 1, 2))) if chance.random() >= loss]
    for _ in range(len(network) // 4):
        one, other = chance.randrange(len(network)), chance.randrange(len(network))
        network[one], network[other] = network[other], network[one]
    node = Node(log)
    for told in network:
        node.hear(told)
    # The look that comes now and then in any case.
    node.look()
    assert node.heard == [told.version for told in log]


def test_who_hears_everything_in_order_never_has_to_look() -> None:
    log = [Told(EPOCH, version, version + 1, b"x") for version in range(50)]
    node = Node(log)
    for told in log:
        node.hear(told)
    assert (node.version, node.looks) == (50, 0)
