"""What every test may use, and what makes every run strict.

asyncio's debug mode is on, and an exception that no task's owner looked at, a coroutine nobody awaited or a callback
that failed fails the run, in whichever test it happened.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from playwright.async_api import expect

from server.redis.address import parse
from server.redis.connection import Connection
from tests.harness import Client, Guest, Server
from tests.machine import Machine
from tests.redis_server import RedisServer

# Before the first loop is made; scripts/test sets it as well.
os.environ.setdefault("PYTHONASYNCIODEBUG", "1")

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# A camera with a moving picture, a microphone that beeps, and no dialogs.
FAKE_DEVICES = (
    # Ten frames a second: the fake camera draws and encodes in software, and the tests run on two cores.
    "--use-fake-device-for-media-stream=fps=10",
    "--use-fake-ui-for-media-stream",
    "--auto-select-desktop-capture-source=Entire screen",
    "--autoplay-policy=no-user-gesture-required",
    # Chromium never uses a 127.0.0.1 candidate otherwise.
    "--allow-loopback-in-peer-connection",
    # Several pages are looked at in turn; none of them may rest because another is in front.
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--disable-background-timer-throttling",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
)
# What asyncio says at the severity "error": exceptions that nobody retrieved, callbacks that failed, tasks destroyed.
_unretrieved: list[str] = []
# The same of the other processes of the run, found when they ended.
_lost_elsewhere: list[str] = []


def _not_told_yet() -> list[str]:
    found = _unretrieved[:]
    _unretrieved.clear()
    return found


class _Strict(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _unretrieved.append(self.format(record))


def pytest_configure(config: pytest.Config) -> None:
    # How long a page may take to show something that it has to show: no promise, and two browsers share two cores.
    expect.set_options(timeout=15_000)
    # Hypothesis' 200 ms per example measures the machine's other guests, not the code.
    hypothesis.settings.register_profile("podium", deadline=None)
    hypothesis.settings.load_profile("podium")
    handler = _Strict(level=logging.ERROR)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.getLogger("asyncio").addHandler(handler)
    # In debug mode asyncio warns of every callback above 0.1 s, which on a shared machine is noise.
    logging.getLogger("asyncio").setLevel(logging.ERROR)


@pytest.fixture(autouse=True)
def no_exception_is_lost() -> Iterator[None]:
    """Fails the test in which an exception was lost; what only the collector finds, fails the next or the run."""
    yield
    lost = _not_told_yet()
    assert not lost, "\n\n".join(lost)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    gc.collect()
    lost = _not_told_yet()
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:  # one of several processes: the one that started them fails the run
        output["lost"] = lost
        return
    lost += _lost_elsewhere
    if lost:
        # Not "tests failed": there is no test that could be asked again.
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        print("\n".join(["exceptions that nobody retrieved:", *lost]))  # noqa: T201


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """One of several processes has ended."""
    _lost_elsewhere.extend(getattr(node, "workeroutput", {}).get("lost", ()))


@pytest.fixture
def podium_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts real servers: `podium_server(*flags, environment={…}, name="second")`. All are stopped at the end."""
    servers: list[Server] = []

    def start(*flags: str, environment: dict[str, str] | None = None, name: str = "data") -> Server:
        server = Server(tmp_path / name, *flags, environment=environment)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        if server.process is not None:
            server.stop()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A redis-server of the test's own, to be frozen, killed and filled."""
    server = RedisServer(tmp_path / "r").start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One redis-server for a module's tests that only read and write."""
    server = RedisServer(tmp_path_factory.mktemp("r")).start()
    yield server
    server.stop()


@pytest.fixture
async def connection(shared_redis: RedisServer) -> AsyncIterator[Connection]:
    """A connection to it, and it is empty."""
    connection = Connection(parse(shared_redis.url))
    try:
        await connection.ask("FLUSHALL")
        yield connection
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One running server for a module's tests that leave no trace another could stumble over."""
    server = Server(tmp_path_factory.mktemp("shared") / "data", *SHARED_FLAGS).start()
    yield server
    server.stop()


# One address makes all requests of a test run; the limits have tests with servers of their own.
SHARED_FLAGS = (
    *("--login-per-minute", "10000", "--guests-per-minute", "10000"),
    *("--conferences-per-minute", "10000", "--requests-per-second", "10000", "--uploads-per-minute", "10000"),
)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """Tells whether a measurement was disturbed by something else than what it is about."""
    with Machine() as found:
        yield found


@pytest.fixture
async def clients() -> AsyncIterator[Callable[..., Any]]:
    """Connected clients: `await clients(server, somebody, conference=…, encoding=…)`. All are closed at the end."""
    made: list[Client] = []

    async def client(server: Server, somebody: Guest, conference: str | None = None, **fields: Any) -> Client:
        encoding = fields.pop("encoding", None)
        one = Client(server, **({"encoding": encoding} if encoding else {}))
        made.append(one)
        await one.hello(somebody.token)
        if conference is not None:
            await one.join(conference, **fields)
        return one

    yield client
    await asyncio.gather(*(one.drop() for one in made))


def chromium_path() -> str:
    """The browser of the system. Its absence fails: a browser test that was skipped has shown nothing."""
    for name in CHROMIUM:
        found = shutil.which(name)
        if found is not None:
            return found
    raise AssertionError("Chromium is missing; install it, on Debian with: apt-get install chromium")


def pages_of(browser: Any) -> Callable[..., Any]:
    """Pages with fake devices: `page = await pages(width=1280, height=800)`, each a person of its own.

    What the page reports as an error or a failed script is kept in `page.problems`.
    """

    async def page(width: int = 1280, height: int = 800, **options: Any) -> Any:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            permissions=["camera", "microphone"],
            ignore_https_errors=True,
            **options,
        )
        # 640 × 360: software encodes and decodes every picture, and the tests run on two cores.
        await context.add_init_script(SMALL_PICTURE)
        one = await context.new_page()
        one.problems = []
        one.on("pageerror", lambda error: one.problems.append(str(error)))
        one.on("console", lambda line: one.problems.append(line.text) if line.type == "error" else None)
        return one

    return page


# An empty page, to which a page may go back, has no storage.
SMALL_PICTURE = """
if (origin !== 'null' && !localStorage.getItem('podium.choices'))
  localStorage.setItem('podium.choices', '{"quality": "low"}');
"""


@pytest.fixture
async def chromium() -> AsyncIterator[Callable[..., Any]]:
    """A browser of the test's own, and its pages: `page = await chromium(width=1280, height=800)`."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=list(FAKE_DEVICES))
        yield pages_of(browser)
        await browser.close()
