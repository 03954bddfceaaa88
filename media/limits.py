"""What one peer may take from the worker, and why. A limit is above what any honest client needs, and low enough that
somebody at it costs the others nothing they notice. What goes beyond is counted under its reason and dropped."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any


def _limit(default: int, reason: str, most: int = (1 << 40) - 1) -> Any:
    return field(default=default, metadata={"reason": reason, "most": most})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Per second where the name says so; bit/s for bitrates."""

    packets_per_s: int = _limit(
        5000,
        "Datagrams of one connection, counted before anything is decrypted. A publisher at 25 Mbit/s sends 3,000; "
        "decrypting 5,000 takes 2 % of a core.",
    )
    checks_per_s: int = _limit(
        50,
        "ICE checks for one connection from addresses that have not shown its password. A browser with a dozen "
        "candidates sends 20; each costs a hash.",
    )
    dtls_per_s: int = _limit(
        50,
        "DTLS datagrams of one connection: a handshake has ten, and after it comes a goodbye. One full of small "
        "records costs as much as fifty packets of media.",
    )
    publisher_bitrate: int = _limit(
        25_000_000,
        "What one publisher may send in all: a 4K screen (15), a camera in three layers (6), their repetitions.",
    )
    audio_bitrate: int = _limit(
        600_000,
        "One audio track: Opus ends at 510 kbit/s, and RTP adds some.",
    )
    audio_tracks: int = _limit(
        6,
        "Microphones forwarded at once of a large stage, the loudest. Three at once can be understood; six leave room "
        "for laughter and for who interrupts. Each costs every viewer 50 packets a second.",
    )
    audio_everybody: int = _limit(
        10,
        "Up to so many open microphones there is no choice: all are forwarded. A meeting of ten is 4,500 packets a "
        "second, some 2 % of a core; it grows with the square.",
    )
    video_bitrate: int = _limit(
        20_000_000,
        "One video track with all its layers: a sharp 4K screen takes 15 Mbit/s. Each viewer costs as much again.",
    )
    ssrcs: int = _limit(
        64,
        "SSRCs of one publisher: four tracks with three layers and RTX are 24, and a browser that changes its "
        "encoders uses new ones. Each costs libsrtp some memory.",
    )
    publisher_lines: int = _limit(
        32,
        "M-lines of one publisher's offer: four sources, and what a browser leaves behind as inactive when a screen is "
        "shared again and again. Each is parsed at every negotiation.",
    )
    viewer_lines: int = _limit(
        80,
        "M-lines offered to one viewer, and so tracks: 36 people with audio and video, a shared screen with sound, and "
        "some to spare. Browsers take seconds for hundreds.",
    )
    publisher_rtcp_per_s: int = _limit(
        200,
        "RTCP packets looked at, of one publisher: reports come once a second, feedback ten times. A long one counts "
        "as several, since each request in it costs.",
    )
    viewer_rtcp_per_s: int = _limit(
        400,
        "RTCP packets looked at, of one viewer: a browser sends a report or a request each 20 ms at most. A long one "
        "counts as several.",
    )
    viewer_nacked_per_s: int = _limit(
        3000,
        "Lost packets that one viewer may name in requests: at a fifth of 2,000 packets a second lost these are 400, "
        "each named a few times. Each costs a look-up.",
    )
    viewer_keyframe_interval_ms: int = _limit(
        1000,
        "Between two key frame requests of one viewer for one track; one that comes earlier waits. The key frame goes "
        "to everybody, so nobody may have one made all the time.",
    )
    viewer_bitrate: int = _limit(
        100_000_000,
        "What is sent to one viewer at most, whatever it claims to take: 36 people in full size are 60 Mbit/s.",
    )
    repeated_packets_per_s: int = _limit(
        400,
        "Packets repeated to one viewer that asks for them: a fifth of 2,000 a second, more is not loss but overload.",
    )
    repeated_bitrate: int = _limit(
        4_000_000,
        "The same in bit/s: repetitions must not fill a link that loses because it is full.",
    )
    keyframe_interval_ms: int = _limit(
        400,
        "Between two key frame requests for one layer, of all its viewers together: a key frame costs ten times an "
        "ordinary frame, so a storm of requests would starve everybody.",
    )
    coalesce_us: int = _limit(
        2000,
        "Microseconds that a packet waits at most for others to go out with it, while some are to be expected. 5,000 "
        "makes a meeting of ten a fifth cheaper and the delay 1.4 ms longer (docs/benchmarks.md); more than 20,000 is "
        "heard.",
        most=20_000,
    )


def names() -> dict[str, tuple[int, str]]:
    """Name → default and reason."""
    defaults = Limits()
    return {each.name: (getattr(defaults, each.name), each.metadata["reason"]) for each in fields(Limits)}


def read(texts: list[str]) -> Limits:
    """Limits from `name=value` texts, the defaults for what is not named. Raises `ValueError` with a sentence."""
    known = names()
    most = {each.name: each.metadata["most"] for each in fields(Limits)}
    changed: dict[str, int] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if name not in known:
            raise ValueError(f"There is no limit {name!r}; there are: {', '.join(known)}.")
        if not equals or not (value.isascii() and value.isdigit()) or not 0 < int(value) <= most[name]:
            raise ValueError(f"The limit {name} must be a whole number from 1 to {most[name]:,}, not {value!r}.")
        changed[name] = int(value)
    return replace(Limits(), **changed)
