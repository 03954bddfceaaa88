"""The disobedience: each way to be heard, seen or believed that a modified client has."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import struct
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, get_args

import jwt
import msgspec
from websockets.exceptions import ConnectionClosed

from media import rtcp
from media.codecs import OPUS, VP8
from protocol import commands as c
from protocol.commands import ClientMessage
from protocol.examples import example
from tests.disobedient.peer import MIDS, Peer, Stream, line, marked
from tests.disobedient.transport import MediaConnection
from tests.harness import Client, Refused

# The label of what must not reach anybody, whatever the commands were.
NEVER = "never"
# As a moderator's client would write it, were there a field for it.
CLAIMS = ("actor", "by", "person", "identity", "role", "by_right", "server_role", "you")


class Disobedient(Peer):
    """Hears every command and does none of it."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._struggle: asyncio.Task[None] | None = None

    # --- packets ------------------------------------------------------------------------

    def struggle(self, others: list[int]) -> None:
        """From now on try every trick with packets, beside what is sent anyway. `others`: SSRCs of others."""
        self.send_on()
        if self._struggle is None:
            self._struggle = asyncio.create_task(self._keep_struggling(others), name="struggles")
            self._tasks.append(self._struggle)

    async def _keep_struggling(self, others: list[int]) -> None:
        tricks = [
            self._with_new_numbers,
            self._as_repetitions,
            self._under_other_mids,
            self._on_the_wrong_connection,
            self._unprotected,
            self._with_reports,
        ]
        while True:
            for trick in tricks:
                trick(others)
                await asyncio.sleep(0.005)

    def _lines(self) -> list[Stream]:
        """One stream for each m-line that was ever sent on."""
        return list({stream.mid: stream for stream in self.streams if stream.mid}.values())

    def _with_new_numbers(self, others: list[int]) -> None:
        """Another SSRC for the same m-line, one's own or somebody else's: a closed track is closed for all of them."""
        for stream in self._lines():
            # Once an SSRC is a track's, what comes under it is that track's: those of `others` that were announced for
            # m-lines without a name are left to them.
            for ssrc in (secrets.randbits(32), *(others[:2] if stream.label != NEVER else ())):
                assert self.publishing is not None
                again = Stream(self.publishing, stream.mid, stream.video, stream.label, ssrc)
                again.send()

    def _as_repetitions(self, others: list[int]) -> None:
        """The picture as if it were a retransmission."""
        for stream in self._lines():
            if stream.video and self.publishing is not None:
                payload = struct.pack("!H", secrets.randbits(16)) + marked(stream.label, True)
                mid = {4: stream.mid.encode()}
                self.publishing.rtp(secrets.randbits(32), VP8.rtx, 1, 0, payload, mid)

    def _under_other_mids(self, others: list[int]) -> None:
        """Sound on the picture's m-line and the other way round, and on m-lines that were never offered."""
        streams = self._lines()
        connection = self.publishing
        if connection is None:
            return
        for stream in streams:
            other = VP8 if not stream.video else OPUS
            payload = marked(NEVER, not stream.video)
            connection.rtp(secrets.randbits(32), other.payload_type, 7, 7, payload, {4: stream.mid.encode()})
        offered = {stream.mid for stream in streams}
        for mid in ("9", "", *(mid for mid in MIDS.values() if mid not in offered)):
            for payload_type in (OPUS.payload_type, VP8.payload_type, 0, 126):
                # Without a mid a packet may find the one m-line of its payload type: that is no trick.
                if mid:
                    connection.rtp(
                        secrets.randbits(32), payload_type, 7, 7, marked(NEVER, payload_type != 111), {4: mid.encode()}
                    )

    def _on_the_wrong_connection(self, others: list[int]) -> None:
        """Media on the connection that only receives, under SSRCs that are sent there."""
        if self.subscribed is not None:
            for ssrc in (*others, secrets.randbits(32)):
                self.subscribed.rtp(ssrc, OPUS.payload_type, secrets.randbits(16), 7, marked(NEVER, False), {4: b"0"})
                self.subscribed.rtp(ssrc, VP8.payload_type, secrets.randbits(16), 7, marked(NEVER, True), {4: b"1"})

    def _unprotected(self, others: list[int]) -> None:
        """Plain RTP, and a check with a password that is not good (any more)."""
        for connection in (self.publishing, self.subscribed):
            if connection is not None:
                for ssrc in (secrets.randbits(32), *others[:2]):
                    header = struct.pack("!BBHII", 0x80, OPUS.payload_type, 7, 7, ssrc)
                    connection.raw(header + marked(NEVER, False))
                connection.raw(connection.check())

    def _with_reports(self, others: list[int]) -> None:
        """Goodbyes, clocks and requests in the name of others."""
        for connection in (self.publishing, self.subscribed):
            if connection is not None:
                for ssrc in others:
                    connection.rtcp(rtcp.receiver_report(ssrc) + rtcp.bye([ssrc]))
                    connection.rtcp(rtcp.sender_report(ssrc, rtcp.ntp(time.time()), 7, 1, 1))
                    connection.rtcp(rtcp.receiver_report(1) + rtcp.nack(1, ssrc, range(100)) + rtcp.pli(1, ssrc))

    # --- offers -------------------------------------------------------------------------

    async def offer_more(self, sources: tuple[str, ...], others: list[int]) -> str:
        """Publish `sources`, and with them m-lines that were not named, with SSRCs of others, and send on all of them;
        `ok`, or the refusal's code."""
        connection = self.publishing or MediaConnection()
        named = [
            Stream(connection, MIDS[source], source in ("video", "screen"), f"{self.identity}/{source}")
            for source in sources
        ]
        ssrcs = iter(others[2:])
        extra = [Stream(connection, str(5 + i), i % 2 == 1, NEVER, next(ssrcs, 0)) for i in range(4)]
        lines = [line(stream, announced=True) for stream in (*named, *extra)]
        try:
            answer = await self.offer(connection, lines, sources)
        except Refused as refused:
            return refused.code
        self.streams = [*named, *extra]
        self.publishing = connection
        await connection.connect(answer["sdp"])
        self.send_on()
        return "ok"

    async def tries(self, type: str, **fields: Any) -> str:
        """Give a command; `ok`, or the refusal's code, or `closed`."""
        try:
            await self.client.send(type, **fields)
        except Refused as refused:
            return refused.code
        except (ConnectionError, ConnectionClosed):
            return "closed"
        return "ok"


def claims(other: str) -> Iterator[dict[str, Any]]:
    """Every message of the protocol with a claim to be, to act for, or to have the rights of `other`."""
    values: dict[str, Any] = dict.fromkeys(CLAIMS, other)
    values |= {"role": "organizer", "by_right": True, "server_role": "owner"}
    for number, (command, message) in enumerate(zip(_commands(), plain_messages(other, "abc-defg-hij"), strict=True)):
        for claim in (CLAIMS[number % len(CLAIMS)], CLAIMS[(number + 3) % len(CLAIMS)]):
            if claim not in command.__struct_fields__:
                yield {"type": message["type"], claim: values[claim], **message}
    # Commands of the inside, which no client has.
    for inside in (
        "Enter",
        "enter",
        "inner.enter",
        "room.enter",
        "Create",
        "Close",
        "participant.joined",
        "role.assigned",
    ):
        yield {"type": inside, "name": "x", "inherits": "organizer"}


def plain_messages(other: str, conference: str) -> Iterator[dict[str, Any]]:
    """Every message of the protocol, well-formed, about somebody else where it can be."""
    for command in _commands():
        message = msgspec.to_builtins(example(command, full=False))
        if "target" in command.__struct_fields__:
            message["target"] = other
        if "conference" in message:
            message["conference"] = conference
        del message["id"]
        yield message


def _commands() -> list[type[c.Command]]:
    found = [command for command in get_args(ClientMessage) if command is not c.Hello]
    return sorted(found, key=lambda command: str(command.__struct_config__.tag))


def forged_tokens(token: str, other: str) -> dict[str, str]:
    """Tokens made of one's own that say to be `other`, or more than one is."""
    header, body, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))

    def part(values: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    more = {**said, "role": "organizer"}
    somebody = {**said, "sub": other}
    somebody.pop("role", None)
    somebody.pop("conference", None)
    return {
        "a better role under the old signature": f"{header}.{part(more)}.{signature}",
        "somebody else under the old signature": f"{header}.{part(somebody)}.{signature}",
        "no signature": f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(somebody)}.",
        "another algorithm": f"{part({'alg': 'HS512', 'typ': 'JWT'})}.{part(somebody)}.{signature}",
        "signed with a secret of one's own": jwt.encode(somebody, "0123456789abcdef" * 4, algorithm="HS256"),
        "signed with the token itself": jwt.encode(somebody, token, algorithm="HS256"),
        "half of it": token[: len(token) // 2],
    }


async def insist(
    connect: Callable[[], Awaitable[Client]], messages: Iterable[dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Send messages that should be refused as malformed, on as many connections as it takes (the third on one
    connection closes it); each with its answer."""
    answers: list[tuple[dict[str, Any], dict[str, Any]]] = []
    waiting = list(messages)
    while waiting:
        client = await connect()
        for message in waiting[:2]:
            try:
                answers.append((message, await client.send(**message)))
            except Refused as refused:
                answers.append((message, refused.answer))
        waiting = waiting[2:]
        await client.drop()
    return answers
