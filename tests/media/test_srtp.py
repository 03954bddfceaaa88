"""SRTP in place: the same bytes as the library's own class, and what must be refused is."""

from __future__ import annotations

import pytest

from media.srtp import IN_PLACE, PROFILES, CopyingSession, PacketBuffer, Profile, SrtpSession, in_place_works, session

PACKET = bytes.fromhex("8060000a00000140decafbad") + bytes(range(200))


def key(profile: Profile) -> bytes:
    return bytes(range(profile.key + profile.salt))


def filled(packet: bytes) -> PacketBuffer:
    buffer = PacketBuffer(1600)
    buffer.view[: len(packet)] = packet
    return buffer


def test_this_release_of_the_library_works_in_place() -> None:
    assert IN_PLACE and in_place_works()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
@pytest.mark.parametrize("kinds", [(SrtpSession, CopyingSession), (CopyingSession, SrtpSession)])
def test_both_ways_understand_each_other(profile: Profile, kinds: tuple[type[SrtpSession], type[SrtpSession]]) -> None:
    sender, receiver = kinds[0](profile, key(profile), False), kinds[1](profile, key(profile), True)
    buffer = filled(PACKET)
    length = sender.protect(buffer, len(PACKET))
    assert length > len(PACKET) and buffer.view[: len(PACKET)] != PACKET
    assert receiver.unprotect(buffer, length) == len(PACKET)
    assert buffer.view[: len(PACKET)] == PACKET


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name.decode())
def test_a_replayed_or_changed_packet_is_refused(profile: Profile) -> None:
    sender, receiver = session(profile, key(profile), False), session(profile, key(profile), True)
    buffer = filled(PACKET)
    length = sender.protect(buffer, len(PACKET))
    protected = bytes(buffer.view[:length])
    changed = bytearray(protected)
    changed[60] ^= 1
    assert receiver.unprotect(filled(bytes(changed)), length) < 0
    assert receiver.unprotect(filled(protected), length) == len(PACKET)
    assert receiver.unprotect(filled(protected), length) < 0


def test_one_sequence_number_is_never_protected_twice() -> None:
    profile = PROFILES[0]
    sender = session(profile, key(profile), False)
    assert sender.protect(filled(PACKET), len(PACKET)) > 0
    other = PACKET[:-1] + b"\0"
    assert sender.protect(filled(other), len(other)) < 0


def test_packets_out_of_order_are_protected_and_accepted() -> None:
    profile = PROFILES[0]
    sender, receiver = session(profile, key(profile), False), session(profile, key(profile), True)
    for number in (100, 220, 101, 102):
        packet = PACKET[:2] + number.to_bytes(2, "big") + PACKET[4:]
        buffer = filled(packet)
        length = sender.protect(buffer, len(packet))
        assert length > 0 and receiver.unprotect(buffer, length) == len(packet)


def test_random_bytes_are_refused_without_an_exception() -> None:
    profile = PROFILES[0]
    receiver = session(profile, key(profile), True)
    for length in (12, 13, 20, 40, 200):
        assert receiver.unprotect(filled(b"\x80" * length), length) < 0
        assert receiver.unprotect_rtcp(filled(b"\x80\xc8" + bytes(length - 2)), length) < 0
