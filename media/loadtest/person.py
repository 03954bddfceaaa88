"""One person of the crowd: a WebSocket, and the media connections that follow from it.

Nothing here waits for others: the server's offers are answered as they come, and who is told that the media worker is
another one opens new connections.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from media.load.connection import Connection, Crowd
from media.load.meter import Meter
from media.load.publisher import Pacer, Pattern, Publisher
from media.load.viewer import Viewer
from media.sdp import SdpError
from protocol import answers, commands, events, signals
from protocol.client import RefusedError, Signaling, SignalingError
from protocol.errors import Code
from protocol.events.base import Event
from protocol.names import Mode, Role

MEDIA_S = 20.0
# RFC 8839 section 5.1: foundation, component, transport, priority, address, port.
_CANDIDATE = re.compile(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ ", re.IGNORECASE | re.MULTILINE)


class PersonError(Exception):
    """Somebody did not get what they came for; the text is a sentence."""


class Ticket(NamedTuple):
    """What opens a conference's door for one guest."""

    token: str
    identity: str
    conference: str


class Place(NamedTuple):
    """What everybody of the crowd shares."""

    url: str
    tls: Any
    crowd: Crowd
    meter: Meter


class Person:
    """Made with a ticket; `join` first. Times are in seconds of `time.monotonic`, None for what has not happened."""

    def __init__(self, place: Place, ticket: Ticket, name: str, *, sampled: bool = False) -> None:
        self.place = place
        self.ticket = ticket
        self.name = name
        self.sampled = sampled
        self.signaling: Signaling | None = None
        self.viewer: Viewer | None = None
        self.publisher: Publisher | None = None
        self.pacers: list[Pacer] = []
        self.error = ""
        self.role: Role | None = None
        self.mode: Mode | None = None
        self.began_at: float | None = None
        self.joined_at: float | None = None
        self.connected_at: float | None = None
        self.resets = 0
        # The stage as this person has been told of it; the muted of everybody they were told of.
        self.stage: list[str] = []
        self.tracks: dict[str, str] = {}
        self.on_event: list[Any] = []
        self._patterns: Sequence[Pattern] = ()
        self._watches = False
        self._sends = False
        self._offered = asyncio.Event()
        self._generation = -1
        self._anew: asyncio.Task[None] | None = None

    # --- coming -------------------------------------------------------------------------

    async def join(self) -> None:
        """Come in. Raises `PersonError`."""
        self.began_at = time.monotonic()
        try:
            self.signaling = await Signaling.connect(self.place.url, self.place.tls)
            self.signaling.heard = self._heard
            self.signaling.ended = self._ended
            await self._patiently(commands.Hello, token=self.ticket.token, client=self.signaling.client)
            told = await self._patiently(commands.ConferenceJoin, conference=self.ticket.conference, take_over=True)
        except (SignalingError, RefusedError) as error:
            raise self._failed(str(error)) from None
        if not isinstance(told.result, answers.Joined):
            raise self._failed("Held at the door: a load test needs a conference without a lobby.")
        snapshot = told.result.snapshot
        own = next(person for person in snapshot.people if person.id == snapshot.you)
        self.role, self.mode = own.role, snapshot.mode
        self.stage = list(snapshot.stage)
        self.joined_at = time.monotonic()

    async def watch(self) -> None:
        """Receive what is sent, from now on. Raises `PersonError`."""
        self._watches = True
        self._offered.clear()
        try:
            await self._patiently(commands.MediaSubscribe)
            async with asyncio.timeout(MEDIA_S):
                await self._offered.wait()
            assert self.viewer is not None
            await _connected(self.viewer.connection)
        except (SignalingError, RefusedError, ConnectionError) as error:
            raise self._failed(str(error)) from None
        except TimeoutError:
            raise self._failed("No media connection came up in time.") from None
        self.connected_at = time.monotonic()

    async def present(self, patterns: Sequence[Pattern]) -> None:
        """Take a place on the stage where there is one to take, and send. Raises `PersonError`."""
        self._patterns = patterns
        assert self.signaling is not None
        try:
            if self.ticket.identity not in self.stage:
                await self._patiently(commands.StageRequest)
            await self._publish()
        except RefusedError as error:
            if error.code is Code.NOT_ON_STAGE:
                raise self._failed("The stage has no place for this publisher.") from None
            raise self._failed(str(error)) from None
        except (SignalingError, ConnectionError, SdpError) as error:
            raise self._failed(str(error)) from None
        except TimeoutError:
            raise self._failed("No media connection came up in time.") from None

    async def _publish(self) -> None:
        self._stop_sending()
        publisher = self.publisher = Publisher(self.place.crowd, self.ticket.identity, self._patterns, self.place.meter)
        offer, bindings = publisher.offer()
        tracks = {mid: track.rpartition("/")[2] for mid, track in bindings.items()}
        told = await self._patiently(commands.MediaPublish, sdp=offer, tracks=tracks, restart=True)
        if not isinstance(told.result, answers.Accepted):
            raise SignalingError("The server answered an offer without a description.")
        publisher.connection.lost = self._reset
        publisher.answered(told.result.sdp, _address(told.result.sdp))
        await _connected(publisher.connection)

    def send_on(self) -> None:
        """Send, from now on; who sends already goes on."""
        self._sends = True
        if self.publisher is not None and self.publisher.connection.open and not self.pacers:
            self.pacers.append(Pacer(self.place.crowd, self.publisher.tracks, seed=self.publisher.tracks[0].ssrc))

    def pause(self) -> None:
        """Send nothing for now."""
        self._sends = False
        self._stop_pacing()

    def _stop_pacing(self) -> None:
        for pacer in self.pacers:
            pacer.stop()
        self.pacers.clear()

    async def ask(self, kind: type[commands.Command], /, **fields: Any) -> answers.Ok:
        """Give a command; its answer. Raises `RefusedError` or `SignalingError`."""
        if self.signaling is None:
            raise SignalingError("This person is not connected.")
        return await self.signaling.ask(kind, **fields)

    async def _patiently(self, kind: type[commands.Command], /, **fields: Any) -> answers.Ok:
        if self.signaling is None:
            raise SignalingError("This person is not connected.")
        return await self.signaling.patiently(kind, **fields)

    # --- counting -----------------------------------------------------------------------

    @property
    def received(self) -> int:
        """RTP packets that have come; after a reset those since."""
        return self.viewer.connection.packets if self.viewer is not None else 0

    @property
    def missed(self) -> int:
        """Packets that were missing from the streams' numbers, before any was repeated; of a sampled viewer."""
        return sum(max(0, stream.loss.lost) for stream in self.viewer.streams.values()) if self.viewer else 0

    # --- going --------------------------------------------------------------------------

    def leave(self) -> None:
        """Leave for good, without waiting for anything."""
        signaling, self.signaling = self.signaling, None
        if signaling is not None:
            signaling.ended = lambda: None
            if not signaling.over:
                signaling.say(commands.ConferenceLeave(id=signaling.next_id()))
            signaling.close()
        self._close_media()

    def _close_media(self) -> None:
        if self._anew is not None:
            self._anew.cancel()
        self._watches = False
        self._stop_sending()
        if self.viewer is not None:
            self.viewer.connection.close()

    def _stop_sending(self) -> None:
        self._stop_pacing()
        if self.publisher is not None:
            self.publisher.connection.close()

    def _failed(self, sentence: str) -> PersonError:
        self.error = self.error or sentence
        return PersonError(sentence)

    def _ended(self) -> None:
        self._failed(self.signaling.closing or "The connection to the server broke." if self.signaling else "")
        self._close_media()

    # --- what is heard ------------------------------------------------------------------

    def _heard(self, message: msgspec.Struct) -> None:
        match message:
            case signals.MediaOffer() if self._watches:
                self._answer(message)
            case signals.MediaReset():
                self._reset()
            case signals.Resync(snapshot=snapshot):
                self.stage = list(snapshot.stage)
            case events.StageTaken(person=person):
                self.stage.append(person)
            case events.StageLeft(person=person) if person in self.stage:
                self.stage.remove(person)
        if isinstance(message, Event):
            for told in self.on_event:
                told(message)

    def _answer(self, offer: signals.MediaOffer) -> None:
        try:
            if self.viewer is None or offer.generation != self._generation:
                if self.viewer is not None:
                    self.viewer.connection.close()
                self._generation = offer.generation
                self.viewer = Viewer(self.place.crowd, self.ticket.identity, self.place.meter, sampled=self.sampled)
            self.viewer.connection.lost = self._reset
            answer = self.viewer.offered(offer.sdp, _address(offer.sdp))
            assert self.signaling is not None
            self.tracks = offer.tracks
            self.signaling.say(
                commands.MediaAnswer(
                    id=self.signaling.next_id(), generation=offer.generation, revision=offer.revision, sdp=answer
                )
            )
        except (SdpError, PersonError, SignalingError) as error:
            self._failed(str(error))
            return
        self._offered.set()

    def _reset(self) -> None:
        """The media worker is another one, or has ended a connection: open anew what there was, and give up what was
        under way."""
        self.resets += 1
        if self._anew is not None:
            self._anew.cancel()
        self._anew = asyncio.get_running_loop().create_task(self._again())

    async def _again(self) -> None:
        try:
            if self._watches:
                await self.watch()
            if self.publisher is not None:
                await self.present(self._patterns)
                if self._sends:
                    self.send_on()
        except PersonError:
            return  # noted in `error`


async def _connected(connection: Connection) -> None:
    """Wait until packets can be exchanged. Raises `ConnectionError` or `TimeoutError`."""
    # Not awaited itself: it is cancelled when the connection is closed meanwhile, which is no cancelling of ours.
    done, _ = await asyncio.wait({connection.connected}, timeout=MEDIA_S)
    if not done:
        raise TimeoutError
    if connection.connected.cancelled():
        raise ConnectionError("The media connection was closed while it came up.")
    connection.connected.result()


def _address(sdp: str) -> tuple[str, int]:
    """Where the worker listens. Raises `PersonError` when there is no IPv4 address among its candidates."""
    found = next(((host, int(port)) for host, port in _CANDIDATE.findall(sdp) if ":" not in host), None)
    if found is None:
        raise PersonError("The server offers no IPv4 address for media; the load test has no other.")
    return found
