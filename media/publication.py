"""Answering a publisher's offer: which m-lines are taken, with which codec, and what the answer says."""

from __future__ import annotations

from typing import NamedTuple

from media.codecs import (
    AV1,
    DEPENDENCY_DESCRIPTOR,
    EXTENSION_IDS,
    TRANSPORT_CC,
    TRANSPORT_FEEDBACK,
    UPLINK_EXTENSIONS,
    VIDEO_FEEDBACK,
    Choice,
    choose,
)
from media.limits import Limits
from media.sdp import Codec, Description, SdpError, Section
from media.stream import Line
from media.track import Track
from protocol.names import Source

# Browsers make three at most.
MAX_LAYERS = 3

# Discontinuous transmission for speech: silence costs nothing. A screen's sound may be music: always sent, in stereo.
_SPEECH = "minptime=10;useinbandfec=1;usedtx=1"
_MUSIC = "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"


class Publication(NamedTuple):
    """What comes of an offer: the lines that are bound, the publisher's extension ids → canonical ones, whether it
    numbers its packets for transport-wide feedback, and the answer."""

    lines: list[Line]
    extensions: dict[int, int]
    transport_cc: bool
    answer: Description


def check_offer(offer: Description, limits: Limits) -> None:
    """Raise `SdpError` with a sentence when the offer cannot work with one ICE-lite, DTLS-server transport."""
    used = [section for section in offer.sections if not section.rejected]
    if not used:
        raise SdpError("The offer has no m-line that is in use.")
    if len(offer.sections) > limits.publisher_lines:
        raise SdpError(f"The offer has more than {limits.publisher_lines} m-lines.")
    for section in used:
        if not section.mid:
            raise SdpError("An m-line of the offer has no mid.")
        if section.kind in ("audio", "video") and not section.rtcp_mux:
            raise SdpError("An m-line of the offer has no a=rtcp-mux.")
        if not section.ufrag or not section.password:
            raise SdpError("The offer has no ICE credentials.")
        if not section.fingerprints:
            raise SdpError("The offer has no fingerprint.")
        if section.setup not in ("actpass", "active"):
            raise SdpError("The offer's a=setup must be actpass or active.")
        if len(used) > 1 and section.mid not in offer.bundle:
            raise SdpError("All m-lines of the offer must be in one BUNDLE group.")


def publication(offer: Description, wanted: dict[str, Track], limits: Limits) -> Publication:
    """Take the m-lines of `wanted` (mid → track) that send something we forward; all others become inactive.

    Raises `SdpError` when the offer as a whole cannot be used.
    """
    check_offer(offer, limits)
    lines: list[Line] = []
    extensions: dict[int, int] = {}
    transport_cc = False
    answer = Description()
    taken: set[str] = set()
    for section in offer.sections:
        reply = Section(kind=section.kind, mid=section.mid, protocol=section.protocol, formats=section.formats)
        answer.sections.append(reply)
        choice = choose(section) if not section.rejected else None
        if choice is None:
            reply.port = 0
            continue
        answer.bundle.append(section.mid)
        track = wanted.get(section.mid)
        reply.direction = "inactive"
        if track is None or track.source is not Source.AUDIO:
            choice = choice._replace(red=None)  # music at a high bitrate would cost as much again
        reply.codecs = _codecs(section, choice, track)
        reply.mixed = section.mixed and choice.codec is AV1
        taken_here = UPLINK_EXTENSIONS | {DEPENDENCY_DESCRIPTOR} if reply.mixed else UPLINK_EXTENSIONS
        reply.extensions = {id: uri for id, uri in section.extensions.items() if uri in taken_here}
        if track is None or not section.sends or track.id in taken or choice.codec.kind != _kind(track):
            continue
        taken.add(track.id)
        reply.direction = "recvonly"
        # One layer is no simulcast. The lowest come first: of more than we take the highest is left out.
        if track.is_video and len(section.rids) > 1:
            reply.rids = section.rids[:MAX_LAYERS]
        lines.append(Line(section.mid, track, choice, section.ssrcs, section.rtx_of, tuple(reply.rids)))
        extensions.update({id: EXTENSION_IDS[uri] for id, uri in reply.extensions.items()})
        offered = section.codecs[choice.payload_type].feedback
        transport_cc |= TRANSPORT_FEEDBACK in offered and TRANSPORT_CC in reply.extensions.values()
    if not answer.bundle:
        raise SdpError("The offer has no m-line with a codec that is forwarded here.")
    return Publication(lines, extensions, transport_cc, answer)


def _kind(track: Track) -> str:
    return "video" if track.is_video else "audio"


def _codecs(section: Section, choice: Choice, track: Track | None) -> dict[int, Codec]:
    payload_type, rtx, red = choice.payload_type, choice.rtx, choice.red
    offered = section.codecs[payload_type]
    feedback = [text for text in (*VIDEO_FEEDBACK, TRANSPORT_FEEDBACK) if text in offered.feedback]
    parameters = offered.parameters
    if section.kind == "audio":
        parameters = _MUSIC if track is not None and track.source is Source.SCREEN_AUDIO else _SPEECH
        feedback = [text for text in feedback if text == TRANSPORT_FEEDBACK]
    chosen: dict[int, Codec] = {}
    if red is not None:  # what stands first is what a browser sends
        both = f"{payload_type}/{payload_type}"
        chosen[red] = Codec(red, "red", offered.clock_rate, offered.channels, both, feedback)
    chosen[payload_type] = Codec(payload_type, offered.name, offered.clock_rate, offered.channels, parameters, feedback)
    if rtx is not None:
        chosen[rtx] = Codec(rtx, "rtx", offered.clock_rate, 1, f"apt={payload_type}")
    return chosen
