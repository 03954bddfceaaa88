"""Descriptions: what is read, what is refused with a sentence, and that what is written can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import codecs
from media.limits import Limits
from media.publication import Publication, publication
from media.sdp import Codec, Description, LocalTransport, SdpError, Section, parse, write
from media.track import Track
from protocol.names import Source

# newline="": descriptions end their lines with CR LF.
CHROMIUM = (Path(__file__).parent / "captures" / "chromium_offer.sdp").read_bytes().decode()
LOCAL = LocalTransport("abcd1234", "p" * 32, "AB:" * 31 + "AB", ("192.0.2.1", "2001:db8::1"), 7882)


def track(source: Source) -> Track:
    return Track(f"anna/{source}", "anna", source, True, frozenset({"g"}), Limits())


def answered(sdp: str, **wanted: Track) -> Publication:
    return publication(parse(sdp), {mid.removeprefix("m"): track for mid, track in wanted.items()}, Limits())


def test_what_a_browser_offers_is_read() -> None:
    audio, video = parse(CHROMIUM).sections
    assert (audio.kind, audio.mid, audio.ufrag, audio.setup) == ("audio", "0", "z6mR", "actpass")
    assert audio.codecs[111].name == "opus" and audio.codecs[111].channels == 2
    assert video.ssrcs == [1075300433, 2329135638] and video.rtx_of == {1075300433: 2329135638}
    assert next(iter(video.codecs)) == 96, "the order of preference is kept"
    assert video.codecs[98].parameter("profile-id") == "0"
    assert "nack pli" in video.codecs[96].feedback
    assert audio.fingerprints[0][0] == "sha-256"


def test_the_answer_takes_what_is_bound_and_leaves_the_rest_inactive() -> None:
    found = answered(CHROMIUM, m1=track(Source.VIDEO))
    audio, video = parse(write(found.answer, LOCAL, "passive", 1, 1)).sections
    assert audio.direction == "inactive" and not audio.rejected
    assert video.direction == "recvonly" and list(video.codecs) == [96, 97]
    assert video.codecs[97].parameter("apt") == "96"
    assert video.codecs[96].feedback == ["nack", "nack pli", "ccm fir", "transport-cc"]
    assert found.transport_cc
    assert [line.choice.codec for line in found.lines] == [codecs.VP8]


def test_a_track_is_not_bound_to_an_m_line_of_another_kind() -> None:
    assert answered(CHROMIUM, m0=track(Source.VIDEO), m1=track(Source.AUDIO)).lines == []


def test_one_track_takes_one_m_line_only() -> None:
    screen = track(Source.SCREEN)
    twice = CHROMIUM + CHROMIUM[CHROMIUM.index("m=video") :].replace("a=mid:1", "a=mid:2")
    twice = twice.replace("BUNDLE 0 1", "BUNDLE 0 1 2")
    assert [line.mid for line in answered(twice, m1=screen, m2=screen).lines] == ["1"]


def test_speech_is_answered_with_fec_and_dtx_and_a_screens_sound_in_stereo() -> None:
    speech = answered(CHROMIUM, m0=track(Source.AUDIO)).answer.sections[0].codecs[111].parameters
    assert "useinbandfec=1" in speech and "usedtx=1" in speech
    music = answered(CHROMIUM, m0=track(Source.SCREEN_AUDIO)).answer.sections[0].codecs[111].parameters
    assert "stereo=1" in music and "usedtx=1" not in music


def test_speech_is_taken_redundantly_where_that_is_offered_and_music_is_not() -> None:
    speech = answered(CHROMIUM, m0=track(Source.AUDIO))
    assert speech.lines[0].choice == (codecs.OPUS, 111, None, 63)
    assert list(speech.answer.sections[0].codecs) == [63, 111], "what stands first is what is sent"
    assert speech.answer.sections[0].codecs[63].parameters == "111/111"
    music = answered(CHROMIUM, m0=track(Source.SCREEN_AUDIO))
    assert music.lines[0].choice.red is None and list(music.answer.sections[0].codecs) == [111]
    of_another = CHROMIUM.replace("fmtp:63 111/111", "fmtp:63 9/9")
    assert answered(of_another, m0=track(Source.AUDIO)).lines[0].choice.red is None


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("45 46", codecs.AV1),
        ("98 99", codecs.VP9),
        ("100 101 96 97", codecs.VP8),  # VP9 profile 2 is not forwarded: the next one is taken
        ("39 40 98 99", codecs.VP9),  # neither is H.264 in single NAL unit mode
    ],
)
def test_the_offerers_first_codec_that_is_forwarded_is_chosen(first: str, expected: codecs.Canonical) -> None:
    offer = re.sub(r"(m=video 9 \S+) .*", rf"\1 {first}\r", CHROMIUM)
    line = answered(offer, m1=track(Source.VIDEO)).lines[0]
    assert line.choice.codec is expected


def test_dependency_descriptors_are_taken_of_av1_where_they_fit_into_the_packet() -> None:
    offer = re.sub(r"(m=video 9 \S+) .*", r"\1 45 46\r", CHROMIUM)
    offer = offer.replace("a=mid:1\r\n", f"a=mid:1\r\na=extmap:9 {codecs.DEPENDENCY_DESCRIPTOR}\r\n")
    found = answered(offer, m0=track(Source.AUDIO), m1=track(Source.VIDEO))
    audio, video = parse(write(found.answer, LOCAL, "passive", 1, 1)).sections
    assert video.mixed and video.extensions[9] == codecs.DEPENDENCY_DESCRIPTOR
    assert found.extensions[9] == codecs.EXTENSION_IDS[codecs.DEPENDENCY_DESCRIPTOR]
    assert not audio.mixed
    for other in (
        offer.replace("a=extmap-allow-mixed\r\n", ""),  # a key frame's would be left out of its packet
        offer.replace(" 45 46\r", " 98 99\r"),
    ):
        found = answered(other, m1=track(Source.VIDEO))
        assert not found.answer.sections[1].mixed and 9 not in found.extensions
    at_the_line = offer.replace("a=extmap-allow-mixed\r\n", "").replace(
        "a=mid:1\r\n", "a=mid:1\r\na=extmap-allow-mixed\r\n"
    )
    assert answered(at_the_line, m1=track(Source.VIDEO)).answer.sections[1].mixed


@pytest.mark.parametrize(
    ("level_id", "expected"),
    [
        ("42e01f", codecs.H264_CONSTRAINED_BASELINE),
        ("42001f", codecs.H264_BASELINE),
        ("4d001f", codecs.H264_MAIN),
        ("640c34", codecs.H264_HIGH),
        ("f4001f", None),
        ("zz", None),
    ],
)
def test_h264_is_told_apart_by_its_profile(level_id: str, expected: codecs.Canonical | None) -> None:
    offered = Codec(102, "H264", 90000, 1, f"packetization-mode=1;profile-level-id={level_id}")
    assert codecs.canonical(offered) is expected


def test_the_canonical_numbers_are_unique_and_fit_the_one_byte_form() -> None:
    every = [value for value in vars(codecs).values() if isinstance(value, codecs.Canonical)]
    numbers = [number for codec in every for number in (codec.payload_type, codec.rtx) if number]
    assert len(set(numbers)) == len(numbers) == 15
    assert all(not 64 <= number <= 95 for number in numbers), "RFC 5761: these would look like RTCP"
    assert all(1 <= id <= 14 for id in codecs.EXTENSION_IDS.values())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("a=rtcp-mux\r\n", ""), "rtcp-mux"),
        (("a=group:BUNDLE 0 1", "a=group:BUNDLE 0"), "BUNDLE"),
        (("a=setup:actpass", "a=setup:passive"), "setup"),
        (("a=ice-ufrag:z6mR\r\n", ""), "ICE"),
        (("a=mid:1", "a=mid:0"), "same mid"),
        (("a=mid:1\r\n", ""), "no mid"),
        (("v=0", "x"), "v=0"),
        (("a=rtpmap:98 VP9/90000", "a=rtpmap:98 VP9/many"), "cannot be read"),
        (("a=rtpmap:98", "a=rtpmap:999"), "cannot be read"),
        (("a=ice-ufrag:z6mR", "a=ice-ufrag:a b"), "ice-ufrag"),
        (("a=mid:1", "a=mid:<b>"), "mid"),
        (("m=video 9 ", "m=video 99999 "), "cannot be read"),
        (("a=ssrc:1075300433 cname", "a=ssrc:99999999999 cname"), "cannot be read"),
        (("t=0 0", "nonsense"), "x=…"),
    ],
)
def test_an_offer_that_cannot_work_is_refused_with_a_sentence(change: tuple[str, str], sentence: str) -> None:
    with pytest.raises(SdpError, match=sentence):
        answered(CHROMIUM.replace(*change), m0=track(Source.AUDIO))


def test_an_offer_without_fingerprint_is_refused() -> None:
    with pytest.raises(SdpError, match="fingerprint"):
        answered(re.sub("a=fingerprint:.*\r\n", "", CHROMIUM), m0=track(Source.AUDIO))


def test_too_many_m_lines_or_ssrcs_are_refused() -> None:
    with pytest.raises(SdpError, match="m-lines"):
        parse("v=0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 129)
    spray = "".join(f"a=ssrc:{number} cname:x\r\n" for number in range(1, 40))
    with pytest.raises(SdpError, match="SSRC"):
        parse(CHROMIUM + spray)


def test_a_data_channel_is_rejected_and_not_bundled() -> None:
    offer = CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + (
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=ice-ufrag:z6mR\r\n"
        "a=ice-pwd:rZWaVNXNPmg2yTh6SSeWVT85\r\na=setup:actpass\r\na=sctp-port:5000\r\n"
        "a=fingerprint:sha-256 " + "AA:" * 31 + "AA\r\n"
    )
    text = write(answered(offer, m0=track(Source.AUDIO)).answer, LOCAL, "passive", 1, 1)
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel" in text
    assert "a=group:BUNDLE 0 1\r\n" in text


def test_an_answer_holds_the_same_credentials_and_candidates_in_every_section() -> None:
    text = write(answered(CHROMIUM, m1=track(Source.VIDEO)).answer, LOCAL, "passive", 1, 1)
    sections = text.split("m=")[1:]
    for needed in ("a=ice-ufrag:abcd1234", "a=rtcp-mux", "a=rtcp-rsize", "a=setup:passive", "192.0.2.1 7882 typ host"):
        assert all(needed in section for section in sections), needed
    assert "a=ice-lite" in text.split("m=")[0]
    assert "extmap-allow-mixed" not in text


def test_what_is_written_is_read_back() -> None:
    section = Section(
        kind="video",
        mid="7",
        direction="sendonly",
        codecs=codecs.downlink_codecs(codecs.VP8),
        extensions={3: codecs.TRANSPORT_CC},
        ssrcs=[17, 18],
        rtx_of={17: 18},
        cname="c",
        stream="s",
        track="t",
    )
    read = parse(write(Description([section], ["7"]), LOCAL, "actpass", 1, 1)).sections[0]
    for name in ("kind", "mid", "direction", "codecs", "extensions", "ssrcs", "rtx_of", "cname", "stream", "track"):
        assert getattr(read, name) == getattr(section, name), name
    assert (read.ufrag, read.password) == (LOCAL.ufrag, LOCAL.password)


FIREFOX = """v=0
o=mozilla...THIS_IS_SDPARTA-99.0 8 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:sha-256 {digest}
a=group:BUNDLE 0 1
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 0.0.0.0
a=sendonly
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=ice-pwd:4c3c2ba4dc2e0f0f0f0f0f0f0f0f0f0f
a=ice-ufrag:8d7a3b1c
a=mid:0
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=setup:actpass
a=ssrc:3111 cname:x
m=video 0 UDP/TLS/RTP/SAVPF 120 124 126 127
c=IN IP4 0.0.0.0
a=bundle-only
a=sendonly
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1
a=fmtp:120 max-fs=12288;max-fr=60
a=fmtp:124 apt=120
a=fmtp:127 apt=126
a=ice-pwd:4c3c2ba4dc2e0f0f0f0f0f0f0f0f0f0f
a=ice-ufrag:8d7a3b1c
a=mid:1
a=rtcp-fb:120 nack
a=rtcp-fb:120 nack pli
a=rtcp-fb:120 ccm fir
a=rtcp-fb:120 transport-cc
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:120 VP8/90000
a=rtpmap:124 rtx/90000
a=rtpmap:126 H264/90000
a=rtpmap:127 rtx/90000
a=setup:actpass
a=ssrc:4111 cname:x
a=ssrc:4222 cname:x
a=ssrc-group:FID 4111 4222
""".format(digest="AB:" * 31 + "AB")


def test_an_offer_in_firefoxs_manner_is_taken() -> None:
    """Session-level fingerprint, attributes before their rtpmap, extensions with directions, bundle-only at port 0."""
    found = answered(FIREFOX, m0=track(Source.AUDIO), m1=track(Source.VIDEO))
    audio, video = found.lines
    assert (audio.choice.payload_type, video.choice.payload_type, video.choice.rtx) == (109, 120, 124)
    assert video.ssrcs == [4111] and video.rtx_of == {4111: 4222}
    assert found.extensions == {1: 1, 3: 4, 7: 3} and found.transport_cc
    assert [section.port for section in found.answer.sections] == [9, 9]
    h264 = FIREFOX.replace("SAVPF 120 124 126 127", "SAVPF 126 127 120 124")
    assert answered(h264, m1=track(Source.VIDEO)).lines[0].choice == (codecs.H264_CONSTRAINED_BASELINE, 126, 127, None)


@pytest.mark.parametrize("first", ["640c1f", "42001f", "4d001f"])
def test_of_h264_the_profile_is_taken_that_every_browser_decodes(first: str) -> None:
    """Safari's order: High, then constrained baseline, then VP8."""
    h264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id="
    safari = Section("video", "1", formats=["96", "97", "98", "99", "100"])
    safari.codecs = {
        96: Codec(96, "H264", 90000, 1, h264 + first),
        97: Codec(97, "rtx", 90000, 1, "apt=96"),
        98: Codec(98, "H264", 90000, 1, h264 + "42e01f"),
        99: Codec(99, "rtx", 90000, 1, "apt=98"),
        100: Codec(100, "VP8", 90000),
    }
    assert codecs.choose(safari) == (codecs.H264_CONSTRAINED_BASELINE, 98, 99, None)
    del safari.codecs[98], safari.codecs[99]
    found = codecs.choose(safari)
    assert found is not None and (found.payload_type, found.rtx) == (96, 97), "where there is no other"
    safari.codecs = {100: safari.codecs[100], 98: Codec(98, "H264", 90000, 1, h264 + "42e01f")}
    assert codecs.choose(safari) == (codecs.VP8, 100, None, None), "the offerer's order otherwise"


_LINES = CHROMIUM.split("\r\n")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_mangled_offer_is_read_or_refused_but_nothing_else(data: st.DataObject) -> None:
    lines = list(_LINES)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        cut = data.draw(st.integers(0, len(line)))
        lines[at] = line[:cut] + data.draw(st.text(max_size=8)) + line[cut + data.draw(st.integers(0, 4)) :]
    try:
        publication(parse("\r\n".join(lines)), {"0": track(Source.AUDIO), "1": track(Source.VIDEO)}, Limits())
    except SdpError as error:
        assert str(error)


LAYERS = (
    "a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=rid:x recv\r\n"
    "a=simulcast:send q;~h,z;f;y\r\n"
    "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
    "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n"
)
SIMULCAST = re.sub("a=ssrc.*\r\n", "", CHROMIUM).replace("a=mid:1\r\n", "a=mid:1\r\n" + LAYERS)


def test_layers_that_are_offered_are_taken_and_answered() -> None:
    """`~`: paused at first; of alternatives the first; `y` has no a=rid."""
    assert parse(SIMULCAST).sections[1].rids == ["q", "h", "f"]
    found = answered(SIMULCAST, m0=track(Source.AUDIO), m1=track(Source.VIDEO))
    assert [line.rids for line in found.lines] == [(), ("q", "h", "f")]
    text = write(found.answer, LOCAL, "passive", 1, 1)
    assert [line for line in text.split("\r\n") if "rid:" in line or "simulcast" in line] == [
        "a=rid:q recv",
        "a=rid:h recv",
        "a=rid:f recv",
        "a=simulcast:recv q;h;f",
    ]
    assert parse(text).sections[1].rids == ["q", "h", "f"]
    assert {found.extensions[10], found.extensions[11]} == {10, 11}


def test_one_layer_is_no_simulcast_and_more_than_three_are_not_taken() -> None:
    one = SIMULCAST.replace("q;~h,z;f;y", "q")
    assert answered(one, m1=track(Source.VIDEO)).lines[0].rids == ()
    more = SIMULCAST.replace("q;~h,z;f;y", "q;h;f;g").replace("a=rid:q send", "a=rid:q send\r\na=rid:g send")
    found = answered(more, m1=track(Source.VIDEO))
    assert found.lines[0].rids == ("q", "h", "f") and found.answer.sections[1].rids == ["q", "h", "f"]


@pytest.mark.parametrize(
    "line", ["a=simulcast:", "a=simulcast:send", "a=simulcast:send ;;,~", "a=rid:q send\r\na=rid:ü x"]
)
def test_a_strange_simulcast_line_is_no_simulcast(line: str) -> None:
    offer = SIMULCAST.replace("a=simulcast:send q;~h,z;f;y", line)
    assert answered(offer, m1=track(Source.VIDEO)).lines[0].rids == ()
