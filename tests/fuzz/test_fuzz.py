"""Nothing that comes from the network raises anything but its parser's own refusal.

Here each parser gets some thousand seeded mutations, each time the same ones. `python -m tests.fuzz NAME SECONDS`
goes on with fresh seeds and keeps what it finds under `crashes/NAME/`, from where it is tried here ever after.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS

CRASHES = Path(__file__).with_name("crashes")
# Less than half a second each.
RUNS = {
    "rtp": 10_000,
    "rtcp": 15_000,
    "payload": 4_000,
    "descriptors": 4_000,
    "red": 15_000,
    "frames": 100,
    "relay": 40,
    "relayed": 10_000,
    "conversation": 60,
    "layers": 50,
    "offer": 500,
    "answer": 60,
    "stun": 20_000,
    "sdp": 1_500,
    "json": 8_000,
    "msgpack": 10_000,
    "control": 10_000,
}


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_of_valid_input_raise_nothing(name: str) -> None:
    target = TARGETS[name]
    source = random.Random(f"{name} 1")
    for _ in range(RUNS[name]):
        data = mutated(target.seeds, source)
        try:
            target.feed(data)
        except Exception as error:
            raise AssertionError(f"{name} raised {error!r} on {data.hex()}") from error


@pytest.mark.parametrize("name", TARGETS)
def test_valid_input_is_taken_and_nothing_at_all_too(name: str) -> None:
    for seed in (*TARGETS[name].seeds, b""):
        TARGETS[name].feed(seed)


@given(st.sampled_from(sorted(TARGETS)), st.binary(max_size=300))
def test_random_bytes_raise_nothing(name: str, data: bytes) -> None:
    TARGETS[name].feed(data)


@pytest.mark.parametrize("path", sorted(CRASHES.glob("*/*.bin")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_once_crashed_does_not_any_more(path: Path) -> None:
    TARGETS[path.parent.name].feed(path.read_bytes())
