"""Proofs of the links between nodes and workers: bound to all that they are about, and to nothing that was heard."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from protocol import proof
from protocol.proof import End, prove, same

SECRET = "what both ends know and nobody else does"
ABOUT: dict[str, Any] = {
    "secret": SECRET,
    "end": End.NODE,
    "worker": "vm7-w1.0a0b0c",
    "certificate": "c" * 64,
    "node_nonce": "a" * 64,
    "worker_nonce": "b" * 64,
}


def test_both_ends_compute_the_same_proof() -> None:
    assert same(prove(**ABOUT), prove(**ABOUT))
    assert len(prove(**ABOUT)) == 64 and SECRET not in prove(**ABOUT)


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("secret", SECRET + "."),
        ("end", End.WORKER),
        ("worker", "vm7-w2.0a0b0c"),
        ("certificate", "c" * 63 + "d"),
        ("node_nonce", "a" * 63 + "b"),
        ("worker_nonce", "b" * 63 + "a"),
    ],
)
def test_each_thing_that_it_is_about_makes_it_another(what: str, other: str) -> None:
    assert not same(prove(**ABOUT), prove(**{**ABOUT, what: other}))


def test_the_nonces_cannot_be_exchanged() -> None:
    turned = {**ABOUT, "node_nonce": ABOUT["worker_nonce"], "worker_nonce": ABOUT["node_nonce"]}
    assert not same(prove(**ABOUT), prove(**turned))


def test_what_one_end_has_said_is_never_the_others_proof() -> None:
    # Who does not know the secret sends back what it has heard, as it is and with the nonce it was given.
    theirs = prove(**{**ABOUT, "end": End.WORKER})
    assert not same(prove(**{**ABOUT, "end": End.NODE}), theirs)
    one = {**ABOUT, "worker_nonce": ABOUT["node_nonce"]}
    assert not same(prove(**{**one, "end": End.NODE}), prove(**{**one, "end": End.WORKER}))


def test_where_one_thing_ends_and_the_next_begins_is_part_of_the_proof() -> None:
    moved = {**ABOUT, "worker": ABOUT["worker"] + ABOUT["certificate"][:1], "certificate": ABOUT["certificate"][1:]}
    assert not same(prove(**ABOUT), prove(**moved))


def test_a_nonce_is_new_each_time_and_recognised() -> None:
    made = {proof.new_nonce() for _ in range(100)}
    assert len(made) == 100 and all(map(proof.is_nonce, made))
    for wrong in ("", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 63 + "\n", "ａ" * 64):
        assert not proof.is_nonce(wrong), wrong


def test_a_fingerprint_is_the_hash_of_the_whole_certificate() -> None:
    assert proof.fingerprint(b"der") == hashlib.sha256(b"der").hexdigest() != proof.fingerprint(b"dem")


def test_whatever_is_said_instead_of_a_proof_is_compared_without_an_error() -> None:
    for said in ("", "ä", "0" * 64, "0" * 100_000):
        assert not same(prove(**ABOUT), said)
