"""A viewer's connection: which tracks it is offered on which m-lines, and what it has accepted.

The worker offers, so there is no glare. M-lines are only ever appended; one whose track is gone becomes inactive and
is given to the next track of its kind. One offer is outstanding at a time; what changes meanwhile goes into the next.
The first offer holds at least one m-line, so that ICE and DTLS are done before there is anything to see.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from collections.abc import Callable

from media import codecs, rtcp
from media.egress import Downlink, Feedback
from media.nack import NackBudget
from media.sdp import Description, LocalTransport, SdpError, Section, parse, write
from media.srtp import PacketBuffer, SrtpSession
from media.track import Track
from media.transport import Transport
from protocol.control import SubscribeOffer, TransportState
from protocol.names import Source

# 36 people with audio and video, and a shared screen with sound.
MAX_LINES = 80
# A client that has not answered by then did not get the offer.
ANSWER_WITHIN = 5.0
MAX_REPEATS = 3

_NOT_A_TOKEN = re.compile(r"[^A-Za-z0-9.-]")


class ViewerLine:
    """One m-line of the offer. `track`: what it was last offered for; `ended`: that is over, the line is free.

    Its downlink, and so its SSRC and its numbering, stay the same whatever track it carries: aiortc learns the SSRC
    of an m-line only once.
    """

    __slots__ = ("accepted", "codec", "downlink", "ended", "mid", "msid", "track")

    def __init__(self, mid: str, codec: codecs.Canonical, downlink: Downlink) -> None:
        self.mid = mid
        self.codec = codec
        self.downlink = downlink
        self.track: Track | None = None
        # What `a=msid` said last: stream and track. An inactive line goes on saying it.
        self.msid: tuple[str, str] | None = None
        self.ended = False
        self.accepted = False


class Subscription:
    """See the module. `send(offer)` hands an offer to the control link."""

    def __init__(
        self,
        room: str,
        peer: str,
        generation: int,
        dropped: Counter[str],
        send: Callable[[SubscribeOffer], None],
        changed: Callable[[TransportState], None],
    ) -> None:
        self.room = room
        self.peer = peer
        self.generation = generation
        self.revision = 0
        self.lines: list[ViewerLine] = []
        self.state_changed = changed
        self._visible: list[Track] = []
        self._session = secrets.randbits(62)
        self._cname = secrets.token_hex(8).encode()
        self._outstanding_since: float | None = None
        self._answered = False
        self._repeats = 0
        self._stale = True
        self._budget = NackBudget()
        self._dropped = dropped
        self._send = send
        self._local: LocalTransport | None = None
        self.transport: Transport
        self.feedback: Feedback

    def start(self, transport: Transport, fingerprint: str, addresses: tuple[str, ...], port: int) -> None:
        """The transport is made; the first offer may go out."""
        self.transport = transport
        self.feedback = Feedback(transport, self._dropped)
        self._add_line(codecs.OPUS)
        self._local = LocalTransport(transport.ufrag, transport.password, fingerprint, addresses, port)

    # --- what is to be seen -----------------------------------------------------------------------

    def show(self, visible: list[Track], now: float) -> None:
        """These are the tracks for this viewer now. Those that are not among them end at once; new ones are offered."""
        self.hide_others(visible)
        shown = set()
        for line in self.lines:
            if line.track is not None and not line.ended:
                shown.add(line.track)
                self._attach(line, now)
        if any(track not in shown for track in visible):
            self._stale = True
        self.offer(now)

    def hide_others(self, visible: list[Track]) -> None:
        """The first half of `show`: what is not visible any more ends."""
        self._visible = visible
        tracks = set(visible)
        for line in self.lines:
            if line.track is None or line.ended:
                continue
            if line.track not in tracks or line.track.codec is not line.codec:
                self._detach(line)
                self._stale = True

    def offer(self, now: float) -> None:
        """Send the next offer if something changed and none is outstanding."""
        if not self._stale or self._outstanding_since is not None or self._local is None:
            return
        self._assign()
        self._stale = False
        self.revision += 1
        self._answered = False
        self._outstanding_since = now
        description = Description([self._section(line) for line in self.lines], [line.mid for line in self.lines])
        self._send(
            SubscribeOffer(
                room=self.room,
                peer=self.peer,
                generation=self.generation,
                revision=self.revision,
                sdp=write(description, self._local, "actpass", self._session, self.revision),
                tracks={line.mid: line.track.id for line in self.lines if line.track is not None and not line.ended},
            )
        )

    def _assign(self) -> None:
        """Give lines without a track to tracks without a line, append lines where there are too few."""
        for line in self.lines:
            if line.ended:
                line.track, line.ended = None, False
        shown = {line.track for line in self.lines}
        for track in self._visible:
            codec = track.codec
            if track in shown or codec is None:
                continue
            free = next((line for line in self.lines if line.track is None and line.codec.kind == codec.kind), None)
            if free is None:
                if len(self.lines) == MAX_LINES:
                    self._dropped["lines"] += 1
                    continue
                free = self._add_line(codec)
            free.track, free.codec, free.accepted = track, codec, False
            # One stream per person's camera and microphone, another for the screen and its sound: played in step.
            screen = track.source in (Source.SCREEN, Source.SCREEN_AUDIO)
            stream = _NOT_A_TOKEN.sub("-", track.peer)[:48] + ("-screen" if screen else "")
            free.msid = stream, _NOT_A_TOKEN.sub("-", track.id)[-64:]
            free.downlink.carry(track, codec)

    def _add_line(self, codec: codecs.Canonical) -> ViewerLine:
        downlink = Downlink(self.transport, self._new_ssrc(), self._new_ssrc(), self._budget)
        self.feedback.by_ssrc[downlink.ssrc] = downlink
        line = ViewerLine(str(len(self.lines)), codec, downlink)
        self.lines.append(line)
        return line

    def _new_ssrc(self) -> int:
        taken = {each for downlink in self.feedback.by_ssrc.values() for each in (downlink.ssrc, downlink.rtx_ssrc)}
        while (ssrc := secrets.randbits(32)) in taken or ssrc == 0:
            pass
        return ssrc

    def _section(self, line: ViewerLine) -> Section:
        section = Section(
            kind=line.codec.kind,
            mid=line.mid,
            direction="inactive" if line.track is None else "sendonly",
            codecs=codecs.downlink_codecs(line.codec),
            extensions=codecs.downlink_extensions(line.codec.kind),
        )
        if line.msid is not None:
            # RFC 8829, section 5.2.2: a line that has been used keeps its stream while it is inactive. Without it
            # Chromium removes the stream and, the SSRC being the same, never shows the next picture it decodes.
            section.stream, section.track = line.msid
            section.cname = self._cname.decode()
            section.ssrcs = [line.downlink.ssrc]
            if line.codec.rtx:
                section.ssrcs.append(line.downlink.rtx_ssrc)
                section.rtx_of = {line.downlink.ssrc: line.downlink.rtx_ssrc}
        return section

    # --- what the viewer says ---------------------------------------------------------------------

    def answer(self, revision: int, text: str, now: float) -> None:
        """The client's answer. One to an older revision is ignored. Raises `SdpError`."""
        if revision != self.revision or self._answered:
            return
        answer = parse(text)
        by_mid = {section.mid: section for section in answer.sections}
        fingerprints = next((section.fingerprints for section in answer.sections if section.fingerprints), None)
        if fingerprints is None:
            raise SdpError("The answer has no fingerprint.")
        self._answered = True
        self._outstanding_since = None
        self._repeats = 0
        self.transport.expect(fingerprints)
        for line in self.lines:
            section = by_mid.get(line.mid)
            line.accepted = (
                section is not None
                and not section.rejected
                and section.receives
                and line.codec.payload_type in section.codecs
            )
            if section is not None:
                line.downlink.rtx_payload_type = line.codec.rtx if line.codec.rtx in section.codecs else 0
            self._attach(line, now)
        self.offer(now)

    def _attach(self, line: ViewerLine, now: float) -> None:
        if line.accepted and not line.ended and line.track is not None and self.transport.connected:
            line.track.attach(line.downlink, now)

    def _detach(self, line: ViewerLine) -> None:
        if line.track is not None:
            line.track.detach(line.downlink)
        line.ended = True
        line.accepted = False

    def connected(self, now: float) -> None:
        """The transport can carry packets now."""
        for line in self.lines:
            self._attach(line, now)

    def rtp(self, buffer: PacketBuffer, length: int, inbound: SrtpSession) -> None:
        """A viewer sends no media on this connection."""
        self._dropped["viewer_rtp"] += 1

    def rtcp(self, buffer: PacketBuffer, length: int) -> None:
        """Reports and requests of the viewer."""
        self.feedback.received(rtcp.parse(buffer.view, length), time.monotonic())

    def each_second(self, now: float) -> None:
        """Sender reports; an offer that was not answered is made again."""
        self.feedback.each_second(self._cname)
        if self._outstanding_since is not None and now - self._outstanding_since > ANSWER_WITHIN:
            self._outstanding_since = None
            if self._repeats < MAX_REPEATS:
                self._repeats += 1
                self._stale = True
            self.offer(now)

    def end(self) -> None:
        """The connection is gone."""
        for line in self.lines:
            self._detach(line)
