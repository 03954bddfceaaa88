"""Hearing of the commits of rooms from Redis, as they happen, whoever has made them; and what else nodes say to each
other in a room, which is kept elsewhere (the chat) or nowhere (reactions).

One connection listens for all rooms of this node. Each time it has begun to listen for a room, at first or after the
connection broke, the room is told to look into the log, because nobody knows what was said before. What is kept nowhere
is heard from then on only; so whoever opens a room waits until it is listened for. The connection is read for a second
at a time, and woken from that by a message to itself.

Redis may also lose what it had without any connection breaking (FLUSHALL, a failover to a server that knew less). So a
mark is kept in it, `podium:era`, and looked at: when it is another one or gone, all rooms look. And as no mark tells of
a single message that was lost, each room looks now and then in any case.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from typing import Any, Protocol

from redis import exceptions as x

from protocol.codec import BadMessage
from server import log
from server.redis.connection import Connection
from server.redis.trouble import RedisUnavailable, trouble_of
from server.roomlog.following import Told, parse
from server.roomlog.redis import channel

# A mark is a millisecond's work for Redis, and a room that it has lost can be lost for good when its node dies first.
ERA_S = 1.0
# Each room is asked for so often; ten thousand rooms are 170 questions per second.
LOOK_S = 60.0
# How long a silent connection is listened to before it is looked whether it lives.
LISTEN_S = 1.0
# After this a room is open although it is not listened for.
BEGIN_S = 1.0
AGAIN_S = 0.5
STOP_TRIES = 5
# What waits to be said; a room says something four times a second at most.
MAX_SAYING = 256

_ERA = "podium:era"
_log = log.get("podium.feed")


class Follower(Protocol):
    """A room on this node, as the feed sees it. Both return at once."""

    def hear(self, told: Told) -> None:
        """A commit was published."""

    def look(self) -> None:
        """There may be something in the log that was not heard of, or something gone from it."""


class Listener(Protocol):
    """Whoever wants to hear what else is said in a room: a word, and what follows it. Both return at once."""

    def hear(self, word: str, data: bytes) -> None:
        """Something was said, perhaps by this node. May raise `BadMessage`."""

    def look(self) -> None:
        """Something may have been said that was not heard."""


class Feed:
    """The rooms that are followed, by their names."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._followers: dict[str, Follower] = {}
        self._listeners: dict[str, Listener] = {}
        self._saying: set[asyncio.Task[None]] = set()
        # Set while Redis tells of the room.
        self._heard: dict[str, asyncio.Event] = {}
        self._changed = asyncio.Event()
        self._wake = f"podium:wake:{secrets.token_hex(8)}"
        self._subscribed: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._era = b""
        self._stopped = False

    def start(self) -> None:
        """Begin to listen."""
        self._tasks = [
            asyncio.create_task(self._keep_listening(), name="feed"),
            asyncio.create_task(self._keep_looking(), name="feed's era"),
        ]

    async def stop(self) -> None:
        """Listen no more."""
        self._stopped = True
        left = set(self._tasks)
        # More than once: on Python 3.11 a cancellation within redis-py can be swallowed (asyncio.wait_for).
        for _ in range(STOP_TRIES):
            if left:
                for task in left:
                    task.cancel()
                _, left = await asyncio.wait(left, timeout=LISTEN_S)
        self._tasks.clear()
        await asyncio.gather(*self._saying)

    def follow(self, room: str, follower: Follower, listener: Listener | None = None) -> None:
        """From soon on the follower hears of the room's commits, and the listener of whatever else is said there; both
        are told to look as soon as that is so."""
        self._followers[room] = follower
        self._heard.setdefault(room, asyncio.Event())
        if listener is not None:
            self._listeners[room] = listener
        self._changed.set()
        if room in self._subscribed:  # closed and opened again at once: there is no beginning to be told of
            self._look(room)

    async def listening(self, room: str) -> None:
        """Returns when everything is heard that is said in a followed room from now on; or after a second, as when
        Redis is away."""
        heard = self._heard.get(room)
        if heard is None or heard.is_set():
            return
        with contextlib.suppress(TimeoutError, RedisUnavailable):
            async with asyncio.timeout(BEGIN_S):
                await self._connection.ask("PUBLISH", self._wake, b"", repeatable=True)
                await heard.wait()

    def unfollow(self, room: str) -> None:
        """Nobody here needs the room any more."""
        self._followers.pop(room, None)
        self._listeners.pop(room, None)
        self._changed.set()

    def say(self, room: str, word: str, data: bytes) -> None:
        """Have the listeners of a room on all nodes hear something, which is lost when Redis does not take it now."""
        if len(self._saying) < MAX_SAYING:
            saying = asyncio.create_task(self._say(room, word.encode() + b" " + data), name="says")
            self._saying.add(saying)
            saying.add_done_callback(self._saying.discard)

    async def _say(self, room: str, message: bytes) -> None:
        with contextlib.suppress(RedisUnavailable):
            await self._connection.ask("PUBLISH", channel(room), message)

    # --- listening ----------------------------------------------------------------------

    async def _keep_listening(self) -> None:
        troubled = False
        while not self._stopped:
            listener = None
            try:
                listener = await self._connection.listener()
                await self._listen(listener)
            except (x.RedisError, OSError) as error:
                if not troubled:
                    _log.warning("commits of other nodes are not heard", reason=str(trouble_of(error)))
                troubled = True
            except Exception:
                _log.exception("the feed failed")
            else:
                troubled = False
            finally:
                self._subscribed.clear()
                for room, heard in list(self._heard.items()):
                    heard.clear()
                    if room not in self._followers:
                        del self._heard[room]
                self._changed.set()
                if listener is not None:
                    with contextlib.suppress(Exception):
                        await listener.aclose()
            await asyncio.sleep(AGAIN_S)

    async def _listen(self, listener: Any) -> None:
        """Until the connection breaks, or all is over."""
        await listener.subscribe(self._wake)
        asked_at = time.monotonic()
        asked = False
        while not self._stopped:
            if self._changed.is_set():
                self._changed.clear()
                await self._subscribe(listener)
            message = await listener.get_message(timeout=LISTEN_S)
            if message is not None:
                asked_at, asked = time.monotonic(), False
                self._take(message)
            elif not asked and time.monotonic() - asked_at >= LISTEN_S:
                # Nothing was said for a while: a connection through a network that went away is silent for ever.
                await listener.ping()
                asked = True
            elif asked and time.monotonic() - asked_at >= 3 * LISTEN_S:
                raise TimeoutError

    async def _subscribe(self, listener: Any) -> None:
        wanted = set(self._followers)
        if new := wanted - self._subscribed:
            await listener.subscribe(*map(channel, new))
        if old := self._subscribed - wanted:
            for room in old:
                self._heard.pop(room, None)
            await listener.unsubscribe(*map(channel, old))
        self._subscribed = wanted

    def _take(self, message: dict[str, Any]) -> None:
        name = message["channel"]
        if not isinstance(name, bytes):
            return
        room = name.decode().removeprefix("podium:{").removesuffix("}")
        follower = self._followers.get(room)
        if follower is None:
            return
        if message["type"] == "subscribe":
            self._heard[room].set()
            self._look(room)
        elif message["type"] == "message":
            told = parse(message["data"])
            if told is not None:
                follower.hear(told)
            elif not self._hear(room, message["data"]):
                _log.error("something else was published where commits are", channel=name.decode())
                self._look(room)

    def _hear(self, room: str, data: bytes) -> bool:
        """What is no commit begins with a word; whether it could be understood."""
        word, _, rest = data.partition(b" ")
        listener = self._listeners.get(room)
        if not word.isalpha():
            return False
        if listener is not None:
            try:
                listener.hear(word.decode("ascii"), rest)
            except BadMessage:
                return False
        return True

    def _look(self, room: str) -> None:
        self._followers[room].look()
        if room in self._listeners:
            self._listeners[room].look()

    # --- looking ------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        turn: list[str] = []
        while not self._stopped:
            await asyncio.sleep(ERA_S)
            try:
                if await self._new_era():
                    for room in list(self._followers):
                        self._look(room)
            except RedisUnavailable:
                pass
            except Exception:
                # Nothing else looks: a loss would never be noticed, nor a message that was lost.
                _log.exception("it cannot be seen whether Redis is another one")
            # Every room in its turn, within LOOK_S.
            turn = turn or list(self._followers)
            share = -(-len(self._followers) // round(LOOK_S / ERA_S))
            for room in turn[:share]:
                if room in self._followers:
                    self._look(room)
            turn = turn[share:]

    async def _new_era(self) -> bool:
        mine = secrets.token_hex(8)
        # The mark that is there, or ours when there was none.
        await self._connection.ask("SET", _ERA, mine, "NX", repeatable=True)
        era = await self._connection.ask("GET", _ERA, repeatable=True)
        former, self._era = self._era, era or b""
        return bool(former) and former != era
