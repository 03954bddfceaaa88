"""The connection to Redis: every question has a second, is asked once, and ends in an answer or a `RedisUnavailable`.

redis-py left to itself sends a command again whose answer was lost, so that it counts twice, and waits for a frozen
server up to a minute; here its retries are off, and a time-out of our own stands around everything. Only what is
harmless to repeat is asked a second time, by `run(…, repeatable=True)`, after a connection that broke: that is how a
server that was started again is met.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any

import msgspec
from redis import exceptions as x
from redis.asyncio import Redis, Sentinel
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from server.redis.address import Address, Kind
from server.redis.trouble import RedisUnavailable, Trouble, trouble_of

# Questions at once; more wait for a connection, within the same second. Redis does one after the other in any case.
MAX_CONNECTIONS = 16

Argument = str | bytes | int


class Script(msgspec.Struct, frozen=True):
    """One operation in Lua: `name` for people, `text`, and the hash under which Redis keeps it."""

    name: str
    text: str
    sha: str

    @classmethod
    def of(cls, package: str, *names: str) -> Script:
        """The file `scripts/NAME.lua` of a package; of several the first ones hold functions, the last the work."""
        files = resources.files(package).joinpath("scripts")
        text, name = "".join(files.joinpath(f"{each}.lua").read_text(encoding="utf-8") for each in names), names[-1]
        return cls(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


class _NoScript(Exception):
    """Redis does not have the script. `uncertain`: an attempt before may have run it."""

    def __init__(self, uncertain: bool) -> None:
        super().__init__()
        self.uncertain = uncertain


class _Attempt(msgspec.Struct):
    """`sent`: something was sent. `done`: an attempt before may have done it."""

    sent: bool = False
    done: bool = False


class Connection:
    """Redis at an address. Nothing is connected before the first question; `close` at the end."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._timeout_s = address.timeout_s
        self._client = _client(address)
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)
        self._asking: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Close all connections; what is asked still is given up."""
        for asking in self._asking:
            asking.cancel()
        if self._asking:
            await asyncio.wait(self._asking, timeout=self._timeout_s)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(self._timeout_s):
                await self._client.aclose()

    async def run(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Argument], *, repeatable: bool = False
    ) -> Any:
        """Run a script; its answer. `repeatable`: it does no more when it is run again. Raises `RedisUnavailable`."""
        words = (len(keys), *keys, *arguments)
        uncertain = False
        try:
            return await self._ask("EVALSHA", script.sha, *words, repeatable=repeatable)
        except _NoScript as error:
            # Redis was started again, or is another one: nothing was run. The text is kept by this.
            uncertain = error.uncertain
        try:
            return await self._ask("EVAL", script.text, *words, repeatable=repeatable)
        except RedisUnavailable as error:
            error.uncertain |= uncertain
            raise

    async def ask(self, *words: Argument, repeatable: bool = False) -> Any:
        """One command; its answer. Raises `RedisUnavailable`."""
        return await self._ask(*words, repeatable=repeatable)

    async def _ask(self, *words: Argument, repeatable: bool) -> Any:
        attempt = _Attempt()
        # In a task of its own, which is not waited for: on Python 3.11 a cancellation within redis-py can be swallowed
        # (asyncio.wait_for), and closing a broken connection may take it two seconds more.
        asking = asyncio.create_task(self._try(attempt, words, repeatable), name="redis")
        self._asking.add(asking)
        asking.add_done_callback(self._asked)
        try:
            await asyncio.wait((asking,), timeout=self._timeout_s)
            if not asking.done():
                raise RedisUnavailable(Trouble.SILENT, uncertain=attempt.done or attempt.sent)
        finally:
            asking.cancel()
        try:
            return asking.result()
        except x.NoScriptError:
            raise _NoScript(attempt.done) from None
        except (x.RedisError, OSError) as error:
            failed = trouble_of(error)
            failed.uncertain |= attempt.done
            raise failed from None

    async def _try(self, attempt: _Attempt, words: tuple[Argument, ...], repeatable: bool) -> Any:
        async with self._places:
            attempt.sent = True
            try:
                return await self._client.execute_command(*words)
            except (x.ConnectionError, OSError) as error:
                failed = trouble_of(error)
                if not (repeatable and failed.trouble is Trouble.AWAY and failed.uncertain):
                    raise
            attempt.done = True
            return await self._client.execute_command(*words)

    def _asked(self, asking: asyncio.Task[Any]) -> None:
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()  # looked at, also when whoever asked did not wait

    async def ready(self) -> None:
        """Whether Redis answers and takes writes. Raises `RedisUnavailable`."""
        await self.run(_READY, ["podium:ready"], [], repeatable=True)

    async def policy(self) -> str:
        """What Redis does when its memory is full (`maxmemory-policy`); empty when it does not say."""
        told = await self.ask("INFO", "memory")
        if isinstance(told, dict):
            found = told.get("maxmemory_policy", "")
            return found if isinstance(found, str) else ""
        return ""

    async def listener(self) -> Any:
        """redis-py's object for publish and subscribe, on a connection of its own. Raises what redis-py raises."""
        if isinstance(self._client, RedisCluster):
            # Before it has asked the cluster for its servers it knows of none that could be listened to.
            await self._client.initialize()
        return self._client.pubsub()


_READY = Script.of("server.redis", "ready")


def _client(address: Address) -> Any:
    options: dict[str, Any] = {
        "username": address.username or None,
        "password": address.password or None,
        "socket_timeout": address.timeout_s,
        "socket_connect_timeout": address.timeout_s,
        "retry": Retry(NoBackoff(), 0),
    }
    files = {"ssl_ca_certs": address.ca, "ssl_certfile": address.cert, "ssl_keyfile": address.key}
    tls: dict[str, Any] = {name: file for name, file in files.items() if file}
    if address.tls:
        tls["ssl"] = True
    if address.kind is Kind.CLUSTER:
        nodes = [ClusterNode(host, port) for host, port in address.hosts]
        return RedisCluster(startup_nodes=nodes, **options, **tls)
    options["db"] = address.db
    if address.kind is Kind.SENTINEL:
        theirs = {"username": address.sentinel_username or None, "password": address.sentinel_password or None}
        sentinel = Sentinel(  # type: ignore[no-untyped-call]
            list(address.hosts), sentinel_kwargs={**options, **tls, "db": 0, **theirs}, **options, **tls
        )
        return sentinel.master_for(address.service)
    if address.path:
        return Redis(unix_socket_path=address.path, **options)
    host, port = address.hosts[0]
    return Redis(host=host, port=port, **options, **tls)
