"""The layers of one stream (SVC), made into layers like those of simulcast.

A publisher may send its picture in one stream whose frames build upon one another: a small picture, and what makes it
larger, twice. Behind ingest there is nothing of that: the stream is taken apart into `SpatialLayer`s, each complete
in itself, with unbroken numbers and markers of its own (`Sieve`). Layer 1 holds what is needed to show layer 1, and
so do the others; a packet that several need is kept for each of them. What is sent to whom, the allocator, switches
at key frames and pauses then are what they are for simulcast.

The stream itself, with the register of its losses and its requests for key frames, belongs to a `Carrier`: a layer
that nobody watches.

A key picture is one for all layers of the stream. So whoever changes from one to another has to be changed before it
is shared out: they would get its lower layers twice, under two numbers.

What the frames say of one another decides. Where layers above build upon the one below in key pictures only (L3T3_KEY)
a viewer gets key pictures up to its layer, and its layer alone in between; where they always do, everything up to it.
Temporal layers are not taken apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from media.layer import Layer
from media.numbering import Sieve
from media.scalable import MAX_LAYERS, Reader, Unit

if TYPE_CHECKING:
    from media.stream import Stream
    from media.track import Track

NAMES = tuple(f"s{spatial}" for spatial in range(MAX_LAYERS))
"""The layers' names, lowest first. They are the worker's own: the stream's description names none."""


class SpatialLayer(Layer):
    """What is needed to show one spatial layer. `received` counts the packets of that layer alone, for it lives when
    there are such; `received_bytes` what all that is needed takes."""

    __slots__ = ("carrier", "sieve")

    def __init__(self, carrier: Carrier, rid: str, keyframe_interval: float) -> None:
        self.carrier = carrier
        self.sieve = Sieve()
        super().__init__(carrier.track, rid, keyframe_interval)
        self.keyframes = carrier.keyframes

    @property
    def source(self) -> Layer:
        """See `Layer.source`."""
        return self.carrier

    @property
    def clock(self) -> tuple[float, int] | None:
        """That of the stream."""
        return self.carrier.clock

    @clock.setter
    def clock(self, clock: tuple[float, int] | None) -> None:
        self.carrier.clock = clock

    @property
    def lost(self) -> int:
        """Its share of what the stream has lost: nobody knows which layer a packet was of that never came."""
        carrier = self.carrier
        return carrier.lost * self.received // carrier.received if carrier.received else 0

    def begin(self, stream: Stream, now: float) -> None:
        """See `Layer.begin`."""
        super().begin(stream, now)
        self.sieve = Sieve()

    def open(self, now: float) -> None:
        """See `Layer.open`. What came while it was closed is not known: the numbers begin anew."""
        super().open(now)
        self.sieve = Sieve()
        self.carrier.reopened()

    def _begin_anew(self) -> None:
        # Its numbers begin anew as well: what is kept under the former ones is something else.
        self.newest = -1
        self.sieve = Sieve()
        self.cache.clear()
        if not self.carrier.watched and self.stream is not None:
            self.stream.reset()

    def _deserted(self) -> None:
        self.pending.clear()
        if not self.carrier.watched:
            self.keyframes.withdraw()


class Carrier(Layer):
    """The stream that holds the `layers`, and counts what comes of them all. `top`: the highest that there is."""

    __slots__ = ("_last", "_make_reader", "_newest", "layers", "reader", "top")

    def __init__(self, track: Track, reader: Callable[[], Reader], keyframe_interval: float) -> None:
        super().__init__(track, "", keyframe_interval)
        self._make_reader = reader
        self.reader = reader()
        self.top = MAX_LAYERS - 1
        self.layers = [SpatialLayer(self, rid, keyframe_interval) for rid in NAMES]
        self._newest = -1
        self._last: tuple[int, int] | None = None

    @property
    def watched(self) -> bool:
        """Whether any of its layers is."""
        return any(layer.watched for layer in self.layers)

    def begin(self, stream: Stream, now: float) -> None:
        """See `Layer.begin`."""
        super().begin(stream, now)
        self.reader = self._make_reader()  # what a former stream said of its layers is not said of this one
        self.top = MAX_LAYERS - 1
        self._newest = -1
        self._last = None
        for layer in self.layers:
            layer.begin(stream, now)

    def interrupt(self) -> None:
        """See `Layer.interrupt`."""
        for layer in self.layers:
            layer.interrupt()

    def reopened(self) -> None:
        """Its track was closed: what came meanwhile has not been looked at."""
        self._newest = -1
        self._last = None

    def end(self) -> None:
        """See `Layer.end`."""
        super().end()
        for layer in self.layers:
            layer.end()

    def share(
        self,
        unit: Unit | None,
        seq: int,
        timestamp: int,
        marker: int,
        length: int,
        now: float,
        forward: Callable[[], None],
    ) -> list[Share]:
        """Who gets a packet of so many bytes; `unit` is `None` for one that is of no layer, such as padding.
        `forward()` sends what is pending."""
        ahead = (seq - self._newest) & 0xFFFF if self._newest >= 0 else 1
        newest = 0 < ahead < 0x8000
        key = unit is not None and unit.key and self._begin_key_picture(unit, seq, newest, now, forward)
        # The hole is within a frame: what is missing is of the same one.
        others = unit is not None and not unit.begins and self._last == (timestamp, unit.spatial)
        if newest:
            self._newest = seq
            self._last = None if unit is None or unit.ends else (timestamp, unit.spatial)
        if unit is None:
            spatial, ends, lasting = -1, False, False
        else:
            spatial, ends = unit.spatial, unit.ends or bool(marker)
            lasting = unit.lasting or spatial >= self.top
            if spatial < len(self.layers):
                self.layers[spatial].received += 1
                if ends:
                    self.layers[spatial].frames.frame(now)
        shares: list[Share] = []
        for index, layer in enumerate(self.layers):
            mine = spatial == index or (lasting and 0 <= spatial < index)
            if mine:
                layer.received_bytes += length
            if not layer.downlinks and not layer.waiting:
                continue
            number = layer.sieve.take(seq) if mine else layer.sieve.leave_out(seq, others=others)
            if number is not None:
                last = marker or (ends and spatial >= min(index, self.top))
                before = mine and unit is not None and unit.begins and unit.builds
                shares.append(Share(layer, number, int(last), key, not mine, before, mine and ends and not last))
        return shares

    def _begin_key_picture(self, unit: Unit, seq: int, newest: bool, now: float, forward: Callable[[], None]) -> bool:
        """Let those who wait for a layer have it from here on. Returns whether one may start here."""
        waiting = [layer for layer in self.layers if layer.waiting]
        if newest:
            self.top = min(unit.layers, MAX_LAYERS) - 1
            for layer, size in zip(self.layers, unit.sizes, strict=False):
                self.track.sized(layer, *size)
            if waiting:
                forward()
                for layer in waiting:
                    layer.switch()
        self.keyframes.keyframe_seen(now)
        if self.stream is not None and self.stream.nack is not None:
            self.stream.nack.keyframe_received(seq)
        if waiting and not newest:
            # What came behind it has gone to them as of the layer they have.
            self.keyframes.request(now)
            return False
        return True


class Share(NamedTuple):
    """A packet as one layer has it: its number and marker there, whether one may start at it; `empty`: nothing is in
    it, but its number has to be sent; `before`, `after`: a frame of the same picture ends in front of it, or begins
    behind it."""

    layer: SpatialLayer
    number: int
    marker: int
    starts: bool
    empty: bool
    before: bool
    after: bool
