"""The parsers of untrusted bytes, as functions that take any bytes and raise only on a fault of ours.

Each target brings a few valid inputs: mutations of them get deeper than random bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from media import codecs, red, rtcp, rtp, sdp, stun
from media.dependency import Descriptors
from media.keyframe import detector
from media.picture import MAX_SIDE, NO_SHIFT, Shift, measure, numbers, renumber
from media.relay import messages
from media.scalable import MAX_LAYERS, reader_of
from media.seam import joined
from protocol import codec, commands, control, examples
from tests.fuzz import wire_targets
from tests.media.descriptors import descriptor, layered


class Target(NamedTuple):
    """What is fed, and the valid inputs to begin with."""

    feed: Callable[[bytes], object]
    seeds: list[bytes]


def feed_rtp(data: bytes) -> None:
    buf = bytearray(data)
    parsed = rtp.parse(buf, len(buf))
    if parsed is None:
        return
    rtp.extensions(buf, *parsed[6:9])
    rtp.places(buf, parsed, rtp.canonical_ids({1: 2, 2: 3, 3: 1, 4: 4}))
    for name in ("VP8", "H264", "VP9", "AV1"):
        detector(name)(buf, parsed[5], len(buf) - parsed[5] - parsed[9])
    rtp.wrap_rtx(buf, 1, 97, 1)
    rtp.unwrap_rtx(buf, len(buf), parsed, 2, 96)


def feed_payload(data: bytes) -> None:
    """The descriptors of the video codecs: key frames, picture numbers, sizes."""
    for name in ("VP8", "VP9", "H264", "AV1"):
        detector(name)(data, 0, len(data))
        size = measure(name)(data, 0, len(data))
        assert size is None or all(0 < side <= MAX_SIDE for side in size)
        found = numbers(name, data)
        assert renumber(name, data, NO_SHIFT) == data
        shifted = renumber(name, data, Shift(70, 200))
        assert len(shifted) == len(data)
        again = numbers(name, shifted)
        assert (found is None) == (again is None)
        if found is not None and again is not None:
            assert renumber(name, shifted, Shift(-70, -200)) == data, "what is added can be taken away again"

    for before, after in ((True, False), (False, True), (True, True)):
        assert len(joined(data, before, after)) <= len(data) + 8


def feed_descriptors(data: bytes) -> None:
    """Two dependency descriptors of one stream, the first of as many bytes as the first byte says."""
    if not data:
        return
    descriptors = Descriptors()
    make = reader_of(codecs.AV1.name, True)
    assert make is not None
    reader = make()
    for part in (data[1 : 1 + data[0]], data[1 + data[0] :]):
        before = descriptors.structure, descriptors.active
        frame = descriptors.read(part)
        unit = reader.read(b"", 0, 0, part)
        # Where none has come yet, a packet without one is of the only layer.
        assert (frame is None) == (unit is None) or (not part and before[0] is None)
        structure = descriptors.structure
        if frame is None:
            assert (structure, descriptors.active) == before
        elif structure is not None and unit is not None:
            assert len(structure.templates) <= 64 and len(structure.sizes) <= 4
            assert len(frame.template.targets) == len(structure.spatial) and unit.spatial == frame.template.spatial
            assert all(0 < side <= MAX_SIDE for size in unit.sizes for side in size) and unit.layers <= 4


def feed_red(data: bytes) -> None:
    blocks = red.split(data, 0, len(data))
    if blocks is None:
        return
    assert blocks[-1][3] == len(data)
    for _, offset, begin, end in blocks:
        assert 0 <= offset <= red.MAX_OFFSET and 0 <= begin <= end <= len(data)


def feed_rtcp(data: bytes) -> None:
    for packet in rtcp.parse(data, len(data)):
        assert isinstance(packet, tuple)


def feed_relayed(data: bytes) -> None:
    """What workers say to each other: what is understood can be said again."""
    for subtype in (messages.SAID, messages.WISHED):
        content = messages.read(rtcp.App(1, subtype, messages.NAME, data))
        if content is None:
            continue
        if isinstance(content, messages.Wished):
            packets = messages.wished(1, content.ordinal, content.wishes)
        else:
            assert all(0 < len(said.layers) <= MAX_LAYERS for said in content)
            packets = messages.said(1, content)
        found: list[Any] = []
        for each in packets:
            for packet in rtcp.parse(each, len(each)):
                assert isinstance(packet, rtcp.App)
                again = messages.read(packet)
                assert again is not None
                found += again.wishes if isinstance(again, messages.Wished) else again
        assert found == list(content.wishes if isinstance(content, messages.Wished) else content)


def feed_stun(data: bytes) -> None:
    request = stun.parse(data)
    if request is not None and not stun.is_authentic(request, stun.Key(b"not the password")):
        answer = stun.success(request, "192.0.2.1", 9, stun.Key(b"password"))
        assert answer is None or len(answer) <= len(data), "never more bytes than came in"


def feed_sdp(data: bytes) -> None:
    try:
        description = sdp.parse(data.decode("utf-8", "replace"))
    except sdp.SdpError as error:
        assert str(error)
        return
    local = sdp.LocalTransport("ufrag", "password" * 3, ":".join(["AA"] * 32), ("192.0.2.1",), 9)
    assert sdp.write(description, local, "passive", 1, 1).startswith("v=0\r\n")


def feed_client(data: bytes | str, encoding: codec.Encoding) -> None:
    try:
        message = codec.decode_client(data, encoding)
    except codec.BadMessage as error:
        assert error.reason and error.path.startswith("$")
        return
    assert codec.decode_client(codec.encode(message, encoding), encoding) == message


def feed_control(data: bytes) -> None:
    for decode in (codec.decode_server, codec.decode_worker):
        try:
            decode(data)
        except codec.BadMessage as error:
            assert error.reason and error.path.startswith("$")


def _fixed(kind: int, extensions: bytes, payload: bytes) -> bytes:
    return struct.pack("!BBHIIHH", 0x90, kind, 7, 8, 9, 0xBEDE, len(extensions) // 4) + extensions + payload


_CLIENT = [
    examples.example(kind, full=full) for kind in examples.members(commands.ClientMessage) for full in (False, True)
]
_LINK = [examples.example(kind, full=True) for kind in examples.members(control.ServerMessage | control.WorkerMessage)]
_BLOCK = rtcp.ReportBlock(1, 2, 3, 4, 5, 6, 7)
_STUN_BODY = (
    struct.pack("!HH12s", 0x0006, 9, b"abcd:efgh\0\0\0")
    + struct.pack("!HH", 0x0025, 0)
    + struct.pack("!HH20s", 0x0008, 20, bytes(20))
)
_SDP = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
m=audio 9 UDP/TLS/RTP/SAVPF 111 0
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 {pairs}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:stream track
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=ssrc:1 cname:name
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 {pairs}
a=setup:actpass
a=mid:1
a=extmap:3/sendonly urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rid:h send
a=simulcast:send h
a=ssrc-group:FID 2 3
a=ssrc:2 cname:name
a=ssrc:3 cname:name
""".format(pairs=":".join(["0F"] * 32)).replace("\n", "\r\n")

_CHROMIUM = (Path(__file__).parents[1] / "media" / "captures" / "chromium_offer.sdp").read_bytes()

TARGETS: dict[str, Target] = {
    "rtp": Target(
        feed_rtp,
        [
            _fixed(0xE0, b"\x10\xff\x22\x00\x01\x02\x31\x00\x01\x40\x30\x00", b"\x90\x80\x81\x05\x00" + bytes(20)),
            b"\xb2" + bytes(19) + b"\x10\x00\x00\x01\x01\x02ab" + b"\x78\x00\x02\x67\x42" + b"\0\0\0\4",
            b"\x80" + bytes(11) + b"\x20\x8b\x01\x0a\x0b",
        ],
    ),
    "rtcp": Target(
        feed_rtcp,
        [
            rtcp.sender_report(1, 2, 3, 4, 5, [_BLOCK]) + rtcp.sdes(1, b"name") + rtcp.bye([1, 2]),
            rtcp.receiver_report(1, [_BLOCK, _BLOCK]) + rtcp.nack(1, 2, [1, 5, 300]) + rtcp.pli(1, 2),
            rtcp.fir(1, [(2, 3)]) + rtcp.remb(1, 2_000_000, [4, 5]),
            rtcp.transport_feedback(1, 2, 65_530, 4, 5, [0, 1, None, 400, 300, *([None] * 20), 500]),
        ],
    ),
    "payload": Target(
        feed_payload,
        [
            b"\x90\xe0\x81\x05\x07\x20\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01" + bytes(20),  # VP8, a key frame
            b"\xaa\x81\x05\x08\x07\x38\x01\x40\x00\xb4\x02\x80\x01\x68" + bytes(20),  # VP9 with its sizes
            b"\x67\x42\xc0\x1f\xda\x01\x40\x16\xe8\x06\xd0\xa1\x35",  # H.264, a parameter set
            b"\x78\x00\x0d\x67\x42\xc0\x1f\xda\x01\x40\x16\xe8\x06\xd0\xa1\x35\x00\x04\x68\xce\x06\xe2",
            b"\x18\x0a\x0b\x00\x00\x00\x24\xc4\xff\xdf\x00" + bytes(20),  # AV1, a sequence header
        ],
    ),
    "descriptors": Target(
        feed_descriptors,
        [
            bytes((len(first),)) + first + second
            for first in (
                descriptor(0, described=layered(((240, 135), (480, 270), (960, 540)))),
                descriptor(61, described=layered(((320, 180), (640, 360)), first=61), active=(1, 2)),
            )
            for second in (
                descriptor(3, 1),
                descriptor(63, 1, active=(3, 2), targets=(2, 1), diffs=(1, 17, 300), chains=()),
            )
        ],
    ),
    "red": Target(
        feed_red,
        [
            red.join(111, [(1920, b"older"), (960, b"old")], b"new"),
            red.join(111, [], b"alone"),
            red.join(111, [(1, b"")], b""),
        ],
    ),
    "conversation": Target(wire_targets.feed_conversation, wire_targets.CONVERSATIONS),
    "layers": Target(wire_targets.feed_layers, wire_targets.CONVERSATIONS_IN_LAYERS),
    "relay": Target(wire_targets.feed_relay, wire_targets.RELAYED),
    "relayed": Target(feed_relayed, [packet[12:] for packet in wire_targets.MESSAGES]),
    "frames": Target(wire_targets.feed_frames, wire_targets.FRAMES),
    "offer": Target(wire_targets.feed_offer, [_SDP.encode(), _CHROMIUM]),
    "answer": Target(wire_targets.feed_answer, [_SDP.replace("a=sendrecv", "a=recvonly").encode()]),
    "stun": Target(feed_stun, [struct.pack("!HHI12s", 1, len(_STUN_BODY), stun.MAGIC, bytes(12)) + _STUN_BODY]),
    "sdp": Target(feed_sdp, [_SDP.encode()]),
    "json": Target(
        lambda data: feed_client(data.decode("utf-8", "replace"), codec.Encoding.JSON),
        [codec._json.encode(message) for message in _CLIENT],
    ),
    "msgpack": Target(
        lambda data: feed_client(data, codec.Encoding.MSGPACK), [codec.pack(message) for message in _CLIENT]
    ),
    "control": Target(feed_control, [codec.pack(message) for message in _LINK]),
}
