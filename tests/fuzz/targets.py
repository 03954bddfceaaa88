"""The parsers of untrusted bytes, as functions that take any bytes and raise only on a fault of ours.

Each target brings a few valid inputs: mutations of them get deeper than random bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from media import rtcp, rtp, sdp, stun
from media.keyframe import detector
from protocol import codec, commands, control, examples


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
    rtp.map_extensions(buf, parsed, {1: 2, 2: 3, 3: 1, 4: 4}, [0] * 16)
    for name in ("VP8", "H264", "VP9", "AV1"):
        detector(name)(buf, parsed[5], len(buf) - parsed[5] - parsed[9])
    rtp.wrap_rtx(buf, 1, 97, 1)
    rtp.unwrap_rtx(buf, len(buf), parsed, 2, 96)


def feed_rtcp(data: bytes) -> None:
    for packet in rtcp.parse(data, len(data)):
        assert isinstance(packet, tuple)


def feed_stun(data: bytes) -> None:
    request = stun.parse(data)
    if request is not None and not stun.is_authentic(request, b"not the password"):
        answer = stun.success(request, "192.0.2.1", 9, b"password")
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
