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
from media.bandwidth.viewer import Viewer
from media.egress import Downlink
from media.feedback import Feedback
from media.limits import Limits
from media.sdp import Description, LocalTransport, SdpError, Section, parse, write
from media.srtp import PacketBuffer, SrtpSession
from media.track import Track
from media.transport import Transport
from protocol.control import Paused, SubscribeOffer, TransportState
from protocol.names import Source

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
    """See the module. `send(offer)` hands an offer to the control link, `sees(track)` says whether the routes send a
    track to this viewer now. While something is to be sent again it is in
    `repeating`, and `repeat` is to be called each 20 ms."""

    def __init__(
        self,
        room: str,
        peer: str,
        generation: int,
        dropped: Counter[str],
        limits: Limits,
        send: Callable[[SubscribeOffer | Paused], None],
        changed: Callable[[TransportState], None],
        sees: Callable[[Track], bool],
        speaker: Callable[[], str],
        repeating: dict[Subscription, None],
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
        self._offered: SubscribeOffer | None = None
        self._answered = False
        self._repeats = 0
        self._stale = True
        self._limits = limits
        self._dropped = dropped
        self._send = send
        self._sees = sees
        self._speaker = speaker
        self._repeating = repeating
        self._local: LocalTransport | None = None
        self.transport: Transport
        self.viewer: Viewer
        self.feedback: Feedback

    def start(self, transport: Transport, local: LocalTransport) -> None:
        """The transport is made; the first offer may go out."""
        self.transport = transport
        self.viewer = Viewer(self.lines, transport, self._limits.viewer_bitrate, self._speaker, self._paused)
        self.feedback = Feedback(transport, self.viewer, self._dropped, self._limits)
        self._add_line(codecs.OPUS)
        self._local = local

    def restart(self, local: LocalTransport, now: float) -> None:
        """Offer it with these new credentials. An offer that is not answered yet is void: the client has asked for this
        one since."""
        self._local = local
        self._stale = True
        self._outstanding_since = None
        self.offer(now)

    @property
    def bytes_out(self) -> int:
        """What has been sent to this viewer: media, repetitions and reports."""
        return self.transport.bytes_out + sum(downlink.octets for downlink in self.feedback.by_ssrc.values())

    # --- what is to be seen -----------------------------------------------------------------------

    def show(self, visible: list[Track], now: float) -> None:
        """These are the tracks for this viewer now. Those that are not among them end at once; new ones are offered."""
        self.hide_others(visible)
        shown = set()
        for line in self.lines:
            if line.track is not None and not line.ended:
                shown.add(line.track)
                self._attach(line, now)
        self.viewer.reconsider(now)
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
        self._offered = SubscribeOffer(
            room=self.room,
            peer=self.peer,
            generation=self.generation,
            revision=self.revision,
            sdp=write(description, self._local, "actpass", self._session, self.revision),
            tracks={line.mid: line.track.id for line in self.lines if line.track is not None and not line.ended},
        )
        self._send(self._offered)

    def say_again(self) -> None:
        """The way to the viewer is another one: say what may have been lost on the former."""
        if self._offered is not None:
            self._send(self._offered)
        self._paused(self.viewer.starved)

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
                if len(self.lines) >= self._limits.viewer_lines:
                    self._dropped["lines"] += 1
                    continue
                free = self._add_line(codec)
            free.track, free.codec, free.accepted = track, codec, False
            if free.msid is None:
                self._take_ssrcs(free.downlink, track)
            # One stream per person's camera and microphone, another for the screen and its sound: played in step.
            screen = track.source in (Source.SCREEN, Source.SCREEN_AUDIO)
            stream = _NOT_A_TOKEN.sub("-", track.peer)[:48] + ("-screen" if screen else "")
            free.msid = stream, _NOT_A_TOKEN.sub("-", track.id)[-64:]
            free.downlink.carry(codec)

    def _add_line(self, codec: codecs.Canonical) -> ViewerLine:
        downlink = Downlink(self.transport, self._new_ssrc(), self._new_ssrc(), self.viewer)
        self.feedback.by_ssrc[downlink.ssrc] = downlink
        line = ViewerLine(str(len(self.lines)), codec, downlink)
        self.lines.append(line)
        return line

    def _take_ssrcs(self, downlink: Downlink, track: Track) -> None:
        """Before the line is offered with its first track: take the track's SSRCs."""
        del self.feedback.by_ssrc[downlink.ssrc]
        downlink.ssrc, downlink.rtx_ssrc = 0, 0
        downlink.ssrc = self._new_ssrc(track.ssrcs[0])
        downlink.rtx_ssrc = self._new_ssrc(track.ssrcs[1])
        self.feedback.by_ssrc[downlink.ssrc] = downlink

    def _new_ssrc(self, wish: int = 0) -> int:
        """One that this viewer does not have yet; the wished one if that is so."""
        taken = {each for downlink in self.feedback.by_ssrc.values() for each in (downlink.ssrc, downlink.rtx_ssrc)}
        ssrc = wish
        while ssrc in taken or ssrc == 0:
            ssrc = secrets.randbits(32)
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
        self._offered = None
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
                line.downlink.takes_redundant = line.codec is codecs.OPUS and codecs.RED in section.codecs
                line.downlink.carry_former(self.feedback.lossy(now))
                if line.accepted and line.codec.kind == "video":
                    self.viewer.begin(codecs.REMB in section.codecs[line.codec.payload_type].feedback, now)
            self._attach(line, now)
        self.viewer.reconsider(now)
        self.offer(now)

    def _paused(self, tracks: tuple[str, ...]) -> None:
        self._send(Paused(room=self.room, peer=self.peer, tracks=tracks))

    def _attach(self, line: ViewerLine, now: float) -> None:
        track = line.track
        # The routes may have taken it away already though `show` is still to come: a large room is shown in slices.
        if line.accepted and not line.ended and track is not None and self.transport.connected and self._sees(track):
            track.attach(line.downlink, now)

    def _detach(self, line: ViewerLine) -> None:
        if line.track is not None:
            line.track.detach(line.downlink)
        line.ended = True
        line.accepted = False

    def connected(self, now: float) -> None:
        """The transport can carry packets now."""
        for line in self.lines:
            self._attach(line, now)
        self.viewer.reconsider(now)

    def sends(self, ssrc: int) -> bool:
        """A viewer sends no media on this connection."""
        return False

    def rtp(self, buffer: PacketBuffer, length: int, inbound: SrtpSession) -> None:
        """A viewer sends no media on this connection."""
        self._dropped["viewer_rtp"] += 1

    def rtcp(self, buffer: PacketBuffer, length: int) -> None:
        """Reports and requests of the viewer."""
        if self.feedback.admit(length):
            self.feedback.received(rtcp.parse(buffer.view, length), time.monotonic())
            if self.feedback.repeats.waiting:
                self._repeating[self] = None

    def repeat(self, now: float) -> None:
        """Send of what was asked for again as much as may go now."""
        self.feedback.repeat(now)
        if not self.feedback.repeats.waiting:
            self._repeating.pop(self, None)

    def each_second(self, now: float) -> None:
        """Sender reports; redundant audio where there is loss; an offer that was not answered is made again."""
        self.feedback.each_second(self._cname, now)
        self.viewer.each_second(now)
        lossy = self.feedback.lossy(now)
        for line in self.lines:
            line.downlink.carry_former(lossy)
        if self._outstanding_since is not None and now - self._outstanding_since > ANSWER_WITHIN:
            self._outstanding_since = None
            if self._repeats < MAX_REPEATS:
                self._repeats += 1
                self._stale = True
            self.offer(now)

    def end(self) -> None:
        """The connection is gone."""
        self._repeating.pop(self, None)
        for line in self.lines:
            self._detach(line)
