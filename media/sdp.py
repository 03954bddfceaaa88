"""Session descriptions (RFC 8866, RFC 8829): a tolerant model of what WebRTC says, read and written by one class.

Reading knows the attributes the worker acts upon and passes over the rest; whatever is malformed gives `SdpError`
with a sentence and no other exception. `aiortc.sdp` was rejected: it loses parts of what
browsers say and raises many kinds of exception.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_SIZE = 128 * 1024
# A browser's offer with 36 people's audio and video has 80 m-lines with some 40 lines each: 3,200.
MAX_SECTIONS = 128
MAX_LINES = 4_000
# Chromium offers about 45 payload types for video and 15 extensions; SSRCs are at most six (simulcast with RTX).
MAX_CODECS = 100
MAX_EXTENSIONS = 64
MAX_SSRCS = 32
MAX_FEEDBACK = 400
# Simulcast layers of one m-line that are read; browsers send three at most.
MAX_RIDS = 8

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
RTP_PROTOCOL = "UDP/TLS/RTP/SAVPF"

# RFC 8445 section 5.1.2.1: type preference 90, below that of UDP (126) and above that of a relay (0), then direction
# preference 4 for a passive one (RFC 6544 section 4.2).
_TCP_PRIORITY = 90 << 24 | (4 << 13 | 8191) << 8 | 255

_TOKEN = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,256}")
# RFC 8851 section 10; a one-byte header extension carries 16 bytes.
_RID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_HEX_PAIRS = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){15,63}")


class SdpError(ValueError):
    """The description cannot be used; the text says why."""


@dataclass(slots=True)
class Codec:
    """One payload type: `parameters` is the text of its `a=fmtp`, `feedback` those of its `a=rtcp-fb`."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    parameters: str = ""
    feedback: list[str] = field(default_factory=list)

    def parameter(self, name: str) -> str | None:
        """The value of one parameter of `a=fmtp`, names in any case."""
        for part in self.parameters.split(";"):
            key, _, value = part.strip().partition("=")
            if key.lower() == name:
                return value.strip()
        return None


@dataclass(slots=True)
class Section:
    """One m-line with its attributes. `ssrcs` in the order of appearance; `rtx_of`: primary SSRC → RTX SSRC (FID).
    `rids`: the simulcast layers it sends or, in an answer, receives, in the order of its `a=simulcast` (RFC 8853).
    `mixed`: header extensions may be of the two-byte form in some packets (RFC 8285 section 6).

    `parameters`, `feedback` (payload type, -1 for all) `declared` (direction and name of each `a=rid`) and
    `simulcast` are only what has been read, until it is all there: Firefox
    writes them before the `a=rtpmap` they belong to. They end in `codecs`.
    """

    kind: str
    mid: str
    port: int = 9
    protocol: str = RTP_PROTOCOL
    formats: list[str] = field(default_factory=list)
    direction: str = "sendrecv"
    codecs: dict[int, Codec] = field(default_factory=dict)
    parameters: dict[int, str] = field(default_factory=dict, repr=False, compare=False)
    feedback: list[tuple[int, str]] = field(default_factory=list, repr=False, compare=False)
    extensions: dict[int, str] = field(default_factory=dict)
    ssrcs: list[int] = field(default_factory=list)
    rtx_of: dict[int, int] = field(default_factory=dict)
    rids: list[str] = field(default_factory=list)
    declared: set[tuple[str, str]] = field(default_factory=set, repr=False, compare=False)
    simulcast: str = field(default="", repr=False, compare=False)
    cname: str = ""
    stream: str = ""
    track: str = ""
    bundle_only: bool = False
    rtcp_mux: bool = False
    mixed: bool = False
    ufrag: str = ""
    password: str = ""
    setup: str = ""
    fingerprints: list[tuple[str, str]] = field(default_factory=list)

    @property
    def rejected(self) -> bool:
        """Port 0 takes the m-line out, unless it is bundle-only (RFC 9143 section 6)."""
        return self.port == 0 and not self.bundle_only

    @property
    def sends(self) -> bool:
        """Whether the describing side wants to send."""
        return self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """Whether the describing side wants to receive."""
        return self.direction in ("sendrecv", "recvonly")


@dataclass(slots=True)
class Description:
    """A whole description; session-level credentials have been copied into the sections that have none."""

    sections: list[Section] = field(default_factory=list)
    bundle: list[str] = field(default_factory=list)

    def section(self, mid: str) -> Section | None:
        """The section of this mid."""
        return next((section for section in self.sections if section.mid == mid), None)


class LocalTransport(NamedTuple):
    """What the worker writes into every section: its ICE credentials, its certificate and where it listens, by UDP and,
    with `tcp`, by TCP under the same number."""

    ufrag: str
    password: str
    fingerprint: str
    addresses: tuple[str, ...]
    port: int
    tcp: bool = False


# --- reading ------------------------------------------------------------------------------------


def parse(text: str) -> Description:
    """Read a description. Raises `SdpError` only."""
    if len(text) > MAX_SIZE:
        raise SdpError(f"The description is larger than {MAX_SIZE // 1024} KiB.")
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise SdpError("The description has too many lines.")
    if not lines or lines[0].strip() != "v=0":
        raise SdpError("The description does not begin with v=0.")
    description = Description()
    defaults = Section(kind="session", mid="")
    section: Section | None = None
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line:
            continue
        if len(line) < 2 or line[1] != "=":
            raise SdpError(f"Line {number} of the description is not of the form x=….")
        try:
            if line.startswith("m="):
                if len(description.sections) == MAX_SECTIONS:
                    raise SdpError(f"The description has more than {MAX_SECTIONS} m-lines.")
                section = _media_line(line[2:])
                description.sections.append(section)
            elif line.startswith("a="):
                name, _, value = line[2:].partition(":")
                if section is not None:
                    _attribute(section, name, value)
                elif name == "group" and value.startswith("BUNDLE"):
                    description.bundle = value.split()[1:]
                else:
                    _attribute(defaults, name, value)
        except SdpError:
            raise
        except (ValueError, IndexError):
            raise SdpError(f"Line {number} of the description cannot be read: {line[:40]!r}.") from None
    for section in description.sections:
        _complete(section, defaults)
    mids = [section.mid for section in description.sections]
    if len(set(mids)) != len(mids):
        raise SdpError("Two m-lines have the same mid.")
    return description


def _media_line(value: str) -> Section:
    kind, port, protocol, *formats = value.split()
    if not 0 <= int(port.partition("/")[0]) <= 65535:
        raise ValueError
    return Section(kind=kind, mid="", port=int(port.partition("/")[0]), protocol=protocol, formats=formats[:MAX_CODECS])


def _number(text: str, limit: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > limit:
        raise ValueError
    return int(text)


def _attribute(section: Section, name: str, value: str) -> None:
    if name in DIRECTIONS:
        section.direction = name
    elif name == "mid":
        section.mid = _matching(_TOKEN, value.strip(), "mid")
    elif name == "ice-ufrag":
        section.ufrag = _matching(_UFRAG, value.strip(), "ice-ufrag")
    elif name == "ice-pwd":
        section.password = _matching(_PASSWORD, value.strip(), "ice-pwd")
    elif name == "fingerprint":
        algorithm, digest = value.split()
        if len(section.fingerprints) < 8:
            section.fingerprints.append((algorithm.lower(), _matching(_HEX_PAIRS, digest, "fingerprint").upper()))
    elif name == "setup":
        section.setup = value.strip()
    elif name == "bundle-only":
        section.bundle_only = True
    elif name == "rtcp-mux":
        section.rtcp_mux = True
    elif name == "rtpmap":
        _rtpmap(section, value)
    elif name in ("fmtp", "rtcp-fb"):
        payload_type, _, text = value.partition(" ")
        number = -1 if payload_type == "*" else _number(payload_type, 127)
        if name == "fmtp":
            section.parameters[number] = text.strip()
        elif len(section.feedback) < MAX_FEEDBACK:
            section.feedback.append((number, " ".join(text.split())))
    elif name == "extmap-allow-mixed":
        section.mixed = True
    elif name == "extmap":
        id, _, rest = value.partition(" ")
        if len(section.extensions) < MAX_EXTENSIONS:
            section.extensions[_number(id.partition("/")[0], 255)] = rest.split()[0]
    elif name == "ssrc":
        _ssrc(section, value)
    elif name == "ssrc-group":
        semantics, *members = value.split()
        if semantics == "FID" and len(section.rtx_of) < MAX_SSRCS:
            section.rtx_of[_number(members[0], 2**32 - 1)] = _number(members[1], 2**32 - 1)
    elif name == "rid":
        rid, direction, *_ = value.split()
        if len(section.declared) < 2 * MAX_RIDS and _RID.fullmatch(rid):
            section.declared.add((direction, rid))
    elif name == "simulcast":
        section.simulcast = value
    elif name == "msid":
        section.stream, _, section.track = value.strip().partition(" ")


def _rtpmap(section: Section, value: str) -> None:
    payload_type, _, encoding = value.partition(" ")
    name, rate, *channels = encoding.strip().split("/")
    if len(section.codecs) < MAX_CODECS:
        number = _number(payload_type, 127)
        section.codecs[number] = Codec(
            number, name, _number(rate, 1_000_000), _number(channels[0], 16) if channels else 1
        )


def _ssrc(section: Section, value: str) -> None:
    id, _, attribute = value.partition(" ")
    ssrc = _number(id, 2**32 - 1)
    if ssrc not in section.ssrcs:
        if len(section.ssrcs) == MAX_SSRCS:
            raise SdpError(f"An m-line has more than {MAX_SSRCS} SSRCs.")
        section.ssrcs.append(ssrc)
    if attribute.startswith("cname:"):
        section.cname = attribute[6:]


def _matching(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise SdpError(f"The description has a malformed {what}.")
    return value


def _rids(section: Section) -> list[str]:
    """The layers of `a=simulcast:send a;b;c` (or recv) that have an `a=rid`. Of alternatives ("a,b") the first is
    taken, a "~" before it says that it is paused at first."""
    parts = section.simulcast.split()
    found: list[str] = []
    for direction, layers in zip(parts[::2], parts[1::2], strict=False):
        if direction != ("send" if section.sends else "recv"):
            continue
        for layer in layers.split(";")[:MAX_RIDS]:
            rid = layer.split(",")[0].removeprefix("~")
            if (direction, rid) in section.declared and rid not in found:
                found.append(rid)
    return found


def _complete(section: Section, defaults: Section) -> None:
    section.ufrag = section.ufrag or defaults.ufrag
    section.password = section.password or defaults.password
    section.setup = section.setup or defaults.setup
    section.mixed = section.mixed or defaults.mixed
    section.fingerprints = section.fingerprints or list(defaults.fingerprints)
    # The m-line's order of formats is the order of preference; formats without rtpmap are static types: passed over.
    order = [int(text) for text in section.formats if text.isascii() and text.isdigit() and len(text) < 4]
    section.codecs = {number: section.codecs[number] for number in order if number in section.codecs}
    section.rids = _rids(section)
    for number, codec in section.codecs.items():
        codec.parameters = section.parameters.get(number, "")
        codec.feedback = [text for to, text in section.feedback if to in (number, -1)]


# --- writing ------------------------------------------------------------------------------------


def candidates(local: LocalTransport) -> list[str]:
    """The lines for where the worker listens, the likeliest first (RFC 8839 section 5.1, RFC 6544 section 4.5)."""
    lines = [
        f"a=candidate:{index} 1 udp {2130706431 - index} {address} {local.port} typ host"
        for index, address in enumerate(local.addresses, 1)
    ]
    if local.tcp:
        lines += [
            f"a=candidate:{index} 1 tcp {_TCP_PRIORITY - index} {address} {local.port} typ host tcptype passive"
            for index, address in enumerate(local.addresses, 1 + len(local.addresses))
        ]
    return lines


def write(description: Description, local: LocalTransport, setup: str, session: int, version: int) -> str:
    """The text of an offer or an answer. `session` and `version` go into the o-line (RFC 8866 section 5.2).

    Credentials and candidates stand in every section: what is bundled then hangs on no particular one.
    """
    lines = ["v=0", f"o=- {session} {version} IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if description.bundle:
        lines.append("a=group:BUNDLE " + " ".join(description.bundle))
    lines += ["a=ice-lite", "a=msid-semantic: WMS *"]
    for section in description.sections:
        formats = " ".join(str(number) for number in section.codecs) or " ".join(section.formats) or "0"
        lines += [f"m={section.kind} {section.port} {section.protocol} {formats}", "c=IN IP4 0.0.0.0"]
        lines.append(f"a=mid:{section.mid}")
        if section.rejected:
            lines.append("a=inactive")
            continue
        lines += [
            f"a=ice-ufrag:{local.ufrag}",
            f"a=ice-pwd:{local.password}",
            f"a=fingerprint:sha-256 {local.fingerprint}",
            f"a=setup:{setup}",
            *candidates(local),
            "a=end-of-candidates",
            f"a={section.direction}",
            "a=rtcp-mux",
            "a=rtcp-rsize",
        ]
        if section.mixed:
            lines.append("a=extmap-allow-mixed")
        lines += [f"a=extmap:{id} {uri}" for id, uri in section.extensions.items()]
        for codec in section.codecs.values():
            channels = f"/{codec.channels}" if codec.channels > 1 else ""
            lines.append(f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}")
            if codec.parameters:
                lines.append(f"a=fmtp:{codec.payload_type} {codec.parameters}")
            lines += [f"a=rtcp-fb:{codec.payload_type} {feedback}" for feedback in codec.feedback]
        if section.stream:
            lines.append(f"a=msid:{section.stream} {section.track}")
        if section.rids:
            direction = "send" if section.sends else "recv"
            lines += [f"a=rid:{rid} {direction}" for rid in section.rids]
            lines.append(f"a=simulcast:{direction} " + ";".join(section.rids))
        lines += [f"a=ssrc-group:FID {primary} {rtx}" for primary, rtx in section.rtx_of.items()]
        lines += [f"a=ssrc:{ssrc} cname:{section.cname}" for ssrc in section.ssrcs]
    return "\r\n".join(lines) + "\r\n"
