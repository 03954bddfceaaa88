"""The canonical payload types and header-extension ids of every room.

A publisher's own numbers are mapped to these once, at ingest, so that nothing is mapped per viewer; viewers are
offered exactly these. Each number means one thing in every bundle.
"""

from __future__ import annotations

from typing import NamedTuple

from media.sdp import Codec, Section

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
DEPENDENCY_DESCRIPTOR = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"

# Ids 1 to 14: the one-byte form (RFC 8285 section 4.2).
EXTENSION_IDS: dict[str, int] = {
    AUDIO_LEVEL: 1,
    ABS_SEND_TIME: 2,
    TRANSPORT_CC: 3,
    MID: 4,
    RID: 10,
    REPAIRED_RID: 11,
    DEPENDENCY_DESCRIPTOR: 12,
}

# What a publisher is answered. Not abs-send-time: it is for REMB, and transport-cc is what we feed back. The names of
# the simulcast layers and of what is repeated of them: they bind their SSRCs. The dependency descriptor is taken for
# AV1, where both forms of extensions are: that of a key frame is longer than the 16 bytes of the one-byte form. It ends
# here. A viewer needs none: a layer's frames build upon the one before, and the decoder finds its way by the payload.
UPLINK_EXTENSIONS = {MID, RID, REPAIRED_RID, AUDIO_LEVEL, TRANSPORT_CC}
# What reaches viewers. All others end at the worker: they belong to the hop (transport-cc, mid). The moment of sending
# is ours, for the estimate of the viewer's browser (REMB).
DOWNLINK_EXTENSIONS = {"audio": AUDIO_LEVEL, "video": ABS_SEND_TIME}


class Canonical(NamedTuple):
    """A codec we forward: its numbers, and the `a=fmtp` viewers are offered. `rtx` 0: none (audio)."""

    kind: str
    name: str
    payload_type: int
    rtx: int
    clock_rate: int
    channels: int
    parameters: str


_H264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id="
OPUS = Canonical("audio", "opus", 111, 0, 48000, 2, "minptime=10;useinbandfec=1")
VP8 = Canonical("video", "VP8", 96, 97, 90000, 1, "")
VP9 = Canonical("video", "VP9", 98, 99, 90000, 1, "profile-id=0")
AV1 = Canonical("video", "AV1", 45, 46, 90000, 1, "")
# RFC 2198: Opus with the packet before it. Its payload type is that of Chromium.
RED = 63
H264_CONSTRAINED_BASELINE = Canonical("video", "H264", 102, 103, 90000, 1, _H264 + "42e01f")
H264_BASELINE = Canonical("video", "H264", 104, 105, 90000, 1, _H264 + "42001f")
H264_MAIN = Canonical("video", "H264", 106, 107, 90000, 1, _H264 + "4d001f")
H264_HIGH = Canonical("video", "H264", 108, 109, 90000, 1, _H264 + "64001f")

VIDEO_FEEDBACK = ("nack", "nack pli", "ccm fir")
TRANSPORT_FEEDBACK = "transport-cc"
REMB = "goog-remb"


def canonical(codec: Codec) -> Canonical | None:
    """The canonical codec an offered one is, or `None` when we do not forward it (other codecs, FEC, RTX)."""
    name = codec.name.lower()
    if name == "opus":
        return OPUS if codec.clock_rate == 48000 and codec.channels == 2 else None
    if codec.clock_rate != 90000:
        return None
    if name == "vp8":
        return VP8
    if name == "vp9":
        return VP9 if (codec.parameter("profile-id") or "0") == "0" else None
    if name == "av1":
        return AV1 if (codec.parameter("profile") or "0") == "0" else None
    return _h264(codec) if name == "h264" else None


def _h264(codec: Codec) -> Canonical | None:
    """RFC 6184 section 8.1: profile_idc and constraint flags in profile-level-id; absent means baseline."""
    level_id = (codec.parameter("profile-level-id") or "42000a").lower()
    if codec.parameter("packetization-mode") != "1" or len(level_id) != 6:
        return None
    try:
        profile, constraints = int(level_id[:2], 16), int(level_id[2:4], 16)
    except ValueError:
        return None
    if profile == 0x42:
        return H264_CONSTRAINED_BASELINE if constraints & 0x40 else H264_BASELINE
    return {0x4D: H264_MAIN, 0x64: H264_HIGH}.get(profile)


class Choice(NamedTuple):
    """What is taken of an offered m-line: the codec, the payload types the *offerer* uses for it, for its RTX and for
    redundant audio."""

    codec: Canonical
    payload_type: int
    rtx: int | None
    red: int | None = None


def choose(section: Section) -> Choice | None:
    """The first codec of the offerer's own order that we forward, with its RTX. `None`: there is none. Of H.264 the
    profile that every browser has to know (RFC 7742 section 5), where it is offered: Safari puts High first, which
    Firefox refuses, and Chromium Baseline, which Safari refuses."""
    known = [
        (offered, found)
        for offered in section.codecs.values()
        if (found := canonical(offered)) is not None and found.kind == section.kind
    ]
    if not known:
        return None
    offered, codec = known[0]
    if codec.name == H264_CONSTRAINED_BASELINE.name:
        offered, codec = next((each for each in known if each[1] is H264_CONSTRAINED_BASELINE), known[0])
    others = section.codecs.values()
    rtx = next(
        (
            other.payload_type
            for other in others
            if other.name.lower() == "rtx" and other.parameter("apt") == str(offered.payload_type)
        ),
        None,
    )
    red = next(
        (
            other.payload_type
            for other in others
            # Its parameters name the payload types of its blocks: "111/111".
            if other.name.lower() == "red" and set(other.parameters.split("/")) == {str(offered.payload_type)}
        ),
        None,
    )
    return Choice(codec, offered.payload_type, rtx, red)


def downlink_codecs(codec: Canonical) -> dict[int, Codec]:
    """The payload types of an m-line offered to a viewer."""
    feedback = [*VIDEO_FEEDBACK, REMB] if codec.kind == "video" else []
    found = {
        codec.payload_type: Codec(
            codec.payload_type, codec.name, codec.clock_rate, codec.channels, codec.parameters, feedback
        )
    }
    if codec is OPUS:
        found[RED] = Codec(RED, "red", codec.clock_rate, codec.channels, f"{codec.payload_type}/{codec.payload_type}")
    if codec.rtx:
        found[codec.rtx] = Codec(codec.rtx, "rtx", codec.clock_rate, 1, f"apt={codec.payload_type}")
    return found


def downlink_extensions(kind: str) -> dict[int, str]:
    """The header extensions of an m-line offered to a viewer."""
    uri = DOWNLINK_EXTENSIONS[kind]
    return {EXTENSION_IDS[uri]: uri}


def send_time(now: float) -> bytes:
    """The header extension block of a video packet that is sent at `now`, in seconds of any clock: abs-send-time, 24
    bits of a fixed point number with 18 of them behind the point."""
    return (_SEND_TIME | int(now * 262144) & 0xFFFFFF).to_bytes(8, "big")


# RFC 8285 section 4.2: the one-byte form, one word of data: the id and the length of the value less one.
_SEND_TIME = 0xBEDE0001 << 32 | (EXTENSION_IDS[ABS_SEND_TIME] << 4 | 2) << 24
