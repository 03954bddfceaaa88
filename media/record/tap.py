"""One track on its way into files: the layer that is highest, its packets in order, its frames at their times.

A tap is a viewer to the layer, one that has no connection: it chooses layers and changes at key frames as any other,
and what comes is handed to it instead of being sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from media.codecs import OPUS, Canonical
from media.egress import Downlink
from media.layer import Layer
from media.record.matroska import Format, MatroskaFile
from media.record.order import Order, Packet
from media.record.times import Times
from media.record.unpack import Frame, Unpacker, form
from media.securepath import SecurePath
from media.track import Track

# Seconds for which the beginning of a track is kept until a sender report says when it was. The link says it within
# one; publishers that never report are written by their packets' arrival. A report that was held up is found out by
# the next ones, of whatever track, so that a file does not begin with the first that is heard.
SURE_WITHIN, SETTLED_IN = 2.0, 1.0
_MARKER, _PADDED, _EXTENDED = 0x80, 0x2000, 0x1000
# The extension block of sound: the audio level (`media.sound`).
_EXTENSION = 8
_FRAME_MS = 20
# A picture that is not followed by another one lasts so long in the file.
_PICTURE_MS = 40


class Shelf(Protocol):
    """Where files are made (`Recording`)."""

    @property
    def full(self) -> bool:
        """The disk does not keep up: nothing is to be added to a file."""

    def open(self, track: Track, codec: Canonical, form: Format, date: float) -> MatroskaFile:
        """A new file."""

    def done(self, file: MatroskaFile, dropped: int) -> None:
        """Finish a file, of which so many frames were left out, and note that."""

    def drop(self) -> None:
        """A frame is left out."""


class Tap(Downlink):
    """See the module. `unix` is the time of day that sender reports are in."""

    __slots__ = (
        *("_codec", "_dropped", "_file", "_held", "_last", "_order", "_shelf", "_times", "_unix", "_unpack"),
        *("_whole", "track"),
    )

    def __init__(self, nowhere: SecurePath, track: Track, shelf: Shelf, unix: Callable[[], float]) -> None:
        super().__init__(nowhere, 0, 0)
        self.track = track
        self._shelf = shelf
        self._unix = unix
        self._codec: Canonical | None = None
        self._file: MatroskaFile | None = None
        self._order = Order()
        self._times = Times(90000)
        self._unpack = Unpacker("")
        self._held: list[tuple[Frame, Layer, float]] = []  # until their time is sure; with when they came, monotonic
        self._last = -1.0  # the time of the newest frame that was written
        self._dropped = 0
        self._whole = True  # nothing was left out since the last key frame

    # --- as a viewer --------------------------------------------------------------------------------

    def hold(self, *, new_clock: bool = False) -> None:
        """Wait for a packet to start at."""
        self.flowing = False
        self._order.reset()
        self._unpack.reset()
        if new_clock:
            self._flush()
            self._times.restart()

    def make_do(self, now: float) -> None:
        """As any viewer; sound has one layer."""
        if self.track.is_video:
            super().make_do(now)

    def tick(self, now: float) -> None:
        """Choose the highest layer, give up what does not come, write what need not be kept. To be called often."""
        track = self.track
        if track.codec is not self._codec and track.codec is not None:
            self._begin(track.codec)
        wanted = track.usable[-1] if track.open and track.to else None
        if self.layer is not None and self.layer not in track.layers:
            self.choose(None, now)
        self.choose(wanted, now)
        if track.is_video:
            self._go_on(self._order.due(now), now)
        if self._held and self._decided(now):
            self._flush()

    def _begin(self, codec: Canonical) -> None:
        self.end()
        self._codec = codec
        self._times = Times(codec.clock_rate)
        self._unpack = Unpacker(codec.name)

    def end(self) -> None:
        """Nothing more comes, or something else does."""
        try:
            self._flush()
        finally:
            if self._file is not None:
                file, self._file = self._file, None
                dropped, self._dropped = self._dropped, 0
                self._shelf.done(file, dropped)

    # --- packets --------------------------------------------------------------------------------------

    def take(self, layer: Layer, pending: list[tuple[int, int, int, bytes, bool]], now: float) -> None:
        """What has come of its layer in this turn."""
        at = self._unix()
        for seq, timestamp, words, rest, starts in pending:
            end = len(rest) - (rest[-1] if words & _PADDED and rest else 0)
            payload = rest[_EXTENSION if words & _EXTENDED else 0 : max(0, end)]
            if not self.track.is_video:
                if payload:
                    self._frame(Frame(timestamp, at, True, payload), now)
                continue
            packet = Packet(seq, timestamp, bool(words & _MARKER), starts, payload, at)
            self._go_on(self._order.add(packet, now), now)

    def _go_on(self, packets: list[Packet], now: float) -> None:
        if self._order.broken and self.layer is not None:
            self._unpack.reset()
            self.layer.keyframes.request(now)
        for packet in packets:
            for frame in self._unpack.add(packet):
                self.flowing = True
                self._frame(frame, now)

    def _frame(self, frame: Frame, now: float) -> None:
        layer = self.layer
        if layer is None:
            return
        self._held.append((frame, layer, now))
        if self._decided(now):
            self._flush()

    def _decided(self, now: float) -> bool:
        """Whether it is known when what is held was captured, as well as it will be."""
        if self._times.sure:
            return True
        _, layer, since = self._held[0]
        return now - since >= (SURE_WITHIN if layer.clock is None else SETTLED_IN if self._file is None else 0.0)

    def _flush(self) -> None:
        held, self._held = self._held, []
        for frame, layer, _ in held:
            self._write(frame, layer)

    def _write(self, frame: Frame, layer: Layer) -> None:
        codec = self._codec
        if codec is None:
            return
        at = self._times.time(frame.timestamp, frame.at, layer.clock)
        if at <= self._last:
            if codec is OPUS:
                return  # overtaken on its way
            at = self._last + 0.001  # a layer's clock that is not quite the one's before
        self._whole = not self._shelf.full and (self._whole or frame.key)
        if not self._whole:
            self._dropped += 1
            self._shelf.drop()
            if self.track.is_video:
                layer.keyframes.request(time.monotonic())
            return
        if self._file is None:
            head = form(codec.name, frame, (layer.width, layer.height))
            if head is None:
                layer.keyframes.request(time.monotonic())
                return
            self._file = self._shelf.open(self.track, codec, head, at)
        self._last = at
        ms = max(round((at - self._file.date) * 1000), self._file.began_ms + 1)
        self._file.frame(ms, frame.data, frame.key, _FRAME_MS if codec is OPUS else _PICTURE_MS)
