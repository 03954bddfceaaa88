"""Messages as finished WebSocket frames.

A server's frames are not masked (RFC 6455, section 5.1), so one frame serves every connection of the same encoding:
it is made once and written as it is, whatever the number of its readers.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from websockets.frames import Frame, Opcode

from protocol import codec
from protocol.codec import Encoding

_OPCODES = {Encoding.JSON: Opcode.TEXT, Encoding.MSGPACK: Opcode.BINARY}


def frame(message: msgspec.Struct, encoding: Encoding) -> bytes:
    """The bytes that carry `message` to a client."""
    encoded = codec.encode(message, encoding)
    data = encoded.encode() if isinstance(encoded, str) else encoded
    return Frame(_OPCODES[encoding], data).serialize(mask=False)


class Encoded:
    """One message for many readers: each encoding is made when it is first asked for."""

    __slots__ = ("_frames", "message")

    def __init__(self, message: msgspec.Struct) -> None:
        self.message = message
        self._frames: dict[Encoding, bytes] = {}

    def frame(self, encoding: Encoding) -> bytes:
        """The frame in this encoding."""
        found = self._frames.get(encoding)
        if found is None:
            found = self._frames[encoding] = frame(self.message, encoding)
        return found


class EncodedRow:
    """Several messages for many readers, one after the other in one piece."""

    __slots__ = ("_frames", "messages")

    def __init__(self, messages: Sequence[msgspec.Struct]) -> None:
        self.messages = messages
        self._frames: dict[Encoding, bytes] = {}

    def frames(self, encoding: Encoding) -> bytes:
        """All frames in this encoding."""
        found = self._frames.get(encoding)
        if found is None:
            found = self._frames[encoding] = b"".join(frame(message, encoding) for message in self.messages)
        return found
