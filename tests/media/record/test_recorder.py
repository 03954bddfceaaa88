"""A real worker, a real recorder and a foreign publisher; what was written is read by FFmpeg."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from media.record.recording import INDEX, Begun, Finished
from protocol.control import (
    RecordEnd,
    RecordingReport,
    RecordingState,
    RecordRoom,
    RelayChanged,
    RelayLink,
    RoomRecorder,
    RoomRelays,
    TrackRoute,
)
from tests.chaos import UdpChaos, Weather
from tests.media.record.films import Film, apart, decoded, index, probed
from tests.media.worker_process import FakeServer, route, running_worker

log = logging.getLogger(__name__)

PEERS = {"anna": "all"}
LARGE = 1 << 40
# Seconds. What a recorder adds is below a millisecond; aiortc's sender reports are off by what its loop lags. Of
# browsers, whose reports are exact, tests/browser/test_recording.py asks for 60 ms.
APART = 0.12


def tracks(*people: str, audio: bool = True) -> tuple[TrackRoute, ...]:
    return tuple(
        each for person in people for each in (route(person, "audio", "all", open=audio), route(person, "video", "all"))
    )


def port(server: FakeServer) -> int:
    assert server.hello is not None
    return server.hello.udp_port


class Studio:
    """A worker, and recorders that are fed by it."""

    def __init__(self, worker: FakeServer, folder: Path) -> None:
        self.worker = worker
        self.folder = folder
        self.open = tracks("anna")
        self._revision = 0

    async def record(self, recorder: FakeServer, segment: int = 1, **limits: float) -> None:
        async with contextlib.AsyncExitStack() as stack:
            await self.join(recorder, stack, None)
        await self.begin(recorder, segment, **limits)

    async def join(
        self, recorder: FakeServer, stack: contextlib.AsyncExitStack, weather: Weather | None
    ) -> UdpChaos | None:
        self._revision += 1
        name, secret = secrets.token_hex(8), secrets.token_hex(32)
        far, near, chaos = port(recorder), port(self.worker), None
        if weather is not None:
            chaos = await stack.enter_async_context(UdpChaos(("127.0.0.1", far)))
            near, far = await chaos.expect(("127.0.0.1", near)), chaos.port
            chaos.up = chaos.down = weather
        await asyncio.gather(*(each.routes(self.open, PEERS) for each in (self.worker, recorder)))
        at_worker = RelayLink(link=name, secret=secret, far=(("127.0.0.1", far),))
        at_recorder = RelayLink(link=name, secret=secret, far=(("127.0.0.1", near),))
        self.worker.send(RoomRecorder(room="r", recording=1, revision=self._revision, feed=at_worker))
        recorder.send(RoomRelays(room="r", revision=self._revision, source=at_recorder))
        await recorder.expect(RelayChanged, link=name, connected=True)
        return chaos

    async def begin(
        self, recorder: FakeServer, segment: int = 1, most: float = LARGE, free: float = 0, patience_s: float = 20
    ) -> None:
        recorder.send(
            RecordRoom(
                room="r",
                recording="rec",
                group="all",
                folder=str(self.folder),
                segment=segment,
                most_bytes=int(most),
                free_bytes=int(free),
                patience_s=patience_s,
            )
        )
        await recorder.expect(RecordingReport, segment=segment, state=RecordingState.RUNNING)

    async def tell(self, recorder: FakeServer, open: tuple[TrackRoute, ...]) -> None:
        self.open = open
        await asyncio.gather(*(each.routes(open, PEERS) for each in (self.worker, recorder)))


@contextlib.asynccontextmanager
async def studio(folder: Path) -> AsyncIterator[Studio]:
    async with running_worker() as worker:
        yield Studio(worker, folder)


def recorder(clean_exit: bool = True) -> contextlib.AbstractAsyncContextManager[FakeServer]:
    return running_worker(module="media.record", clean_exit=clean_exit)


async def end(server: FakeServer) -> RecordingReport:
    server.send(RecordEnd(room="r"))
    return await server.expect(RecordingReport, state=RecordingState.ENDED)


def total(folder: Path) -> int:
    """What all files take."""
    return sum(path.stat().st_size for path in folder.iterdir())


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_each_track_becomes_a_file_that_plays_with_sound_and_picture_in_step(tmp_path: Path, codec: str) -> None:
    async with studio(tmp_path) as found, recorder() as writer:
        await found.record(writer)
        anna = Film(found.worker, "anna", codec)
        await anna.start()
        await asyncio.sleep(5)
        await found.tell(writer, tracks("anna", audio=False))  # she is muted for a while
        await asyncio.sleep(2)
        await found.tell(writer, tracks("anna"))
        await asyncio.sleep(4)
        report = await end(writer)
        await anna.pc.close()
        files, finished = index(tmp_path)
        assert report.files == len(files) == 2
        assert finished == {file.file for file in files}
        assert report.bytes == sum((tmp_path / file.file).stat().st_size for file in files)
        by_track = {file.track: file for file in files}
        sound, picture = (decoded(tmp_path, by_track[f"anna/{kind}"]) for kind in ("audio", "video"))
        off = apart(sound, picture)
        log.info(f"{[round(each * 1000) for each in off]} ms apart")
        assert len(off) >= 6
        assert max(map(abs, off)) < APART
        assert abs(sound.begins + sound.times[-1] - picture.begins - picture.times[-1]) < 0.3
        # What was muted is not there, and what came after it is where it was said.
        assert not picture.gaps
        assert len(sound.gaps) == 1
        assert 1.8 < sound.gaps[0][1] < 2.5
        for one, kind, name in ((sound, "audio", "opus"), (picture, "video", codec.lower())):
            said = await probed(tmp_path / by_track[f"anna/{kind}"].file)
            stream, form = said["streams"][0], said["format"]
            assert stream["codec_name"] == name
            assert abs(float(form["duration"]) - one.times[-1]) < 0.1
            assert form["tags"]["creation_time"]


async def test_what_goes_to_some_only_is_not_written(tmp_path: Path) -> None:
    """As the students of a lecture, whom those see who lead it; one of them has the stage for a while."""
    to_all, sound = route("anna", "video", "all", "leaders"), route("anna", "audio", "all", "leaders")
    async with studio(tmp_path) as found, recorder() as writer:
        found.open = (sound, route("anna", "video", "leaders"))
        await found.record(writer)
        anna = Film(found.worker, "anna")
        await anna.start()
        await asyncio.sleep(3)
        assert {file.source for file in index(tmp_path)[0]} == {"audio"}
        await found.tell(writer, (sound, to_all))
        await asyncio.sleep(3)
        await found.tell(writer, (sound, route("anna", "video", "leaders")))
        await asyncio.sleep(3)
        await end(writer)
        await anna.pc.close()
        files, _ = index(tmp_path)
        heard, seen = (decoded(tmp_path, file) for file in sorted(files, key=lambda file: file.source))
        assert heard.times[-1] > 7
        assert seen.begins - heard.begins > 2
        assert 1.5 < seen.times[-1] < 4


async def test_what_the_link_loses_is_made_up_for(tmp_path: Path) -> None:
    async with studio(tmp_path) as found, recorder() as writer, contextlib.AsyncExitStack() as stack:
        chaos = await found.join(writer, stack, Weather(loss=0.08, reorder=0.05, delay=0.01, jitter=0.005))
        assert chaos is not None
        await found.begin(writer)
        anna = Film(found.worker, "anna")
        await anna.start()
        await asyncio.sleep(8)
        await end(writer)
        await anna.pc.close()
        files, _ = index(tmp_path)
        pictures = [decoded(tmp_path, file) for file in files if file.source == "video"]
        assert chaos.lost["up"] > 5
        assert len(pictures) == 1
        steps = [b - a for a, b in zip(pictures[0].times, pictures[0].times[1:], strict=False)]
        log.info(f"{chaos.lost} lost, {len(steps)} pictures, the longest step is {max(steps):.2f} s")
        assert len(pictures[0].times) >= 0.9 * 25 * pictures[0].times[-1]


async def test_a_killed_recorder_leaves_files_that_play_and_another_one_goes_on(tmp_path: Path) -> None:
    async with studio(tmp_path) as found:
        async with recorder(clean_exit=False) as writer:
            await found.record(writer)
            anna = Film(found.worker, "anna")
            await anna.start()
            await asyncio.sleep(5)
            assert writer.process is not None
            writer.process.kill()
            await writer.process.wait()
        async with recorder() as writer:
            await found.record(writer, segment=2)
            await asyncio.sleep(5)
            await end(writer)
        await anna.pc.close()
        files, finished = index(tmp_path)
        by_name = {(file.segment, file.source): file for file in files}
        assert by_name.keys() == {(1, "audio"), (1, "video"), (2, "audio"), (2, "video")}
        assert finished == {file.file for file in files if file.segment == 2}
        for segment in (1, 2):
            sound, picture = (decoded(tmp_path, by_name[segment, kind]) for kind in ("audio", "video"))
            off = apart(sound, picture)
            log.info(f"segment {segment}: {[round(each * 1000) for each in off]} ms apart")
            assert len(off) >= 3
            assert max(map(abs, off)) < APART
            for one in (sound, picture):
                assert one.times[-1] > 3
                assert abs(one.duration - one.times[-1]) < 0.1
        first, second = (decoded(tmp_path, by_name[segment, "audio"]) for segment in (1, 2))
        assert second.begins > first.begins + first.times[-1]


async def test_it_ends_by_itself_when_it_is_too_large_and_when_the_disk_is_full(tmp_path: Path) -> None:
    async with studio(tmp_path) as found, recorder() as writer:
        await found.record(writer, most=30_000)
        anna = Film(found.worker, "anna")
        await anna.start()
        report = await writer.expect(RecordingReport, state=RecordingState.TOO_LARGE)
        assert 30_000 < report.bytes < 300_000
        size = total(tmp_path)
        await asyncio.sleep(1)
        assert total(tmp_path) == size
        files, finished = index(tmp_path)
        assert finished == {file.file for file in files}
        await found.begin(writer, segment=2, free=LARGE)
        await writer.expect(RecordingReport, segment=2, state=RecordingState.DISK_FULL)
        # A folder that is not there any more is no worse.
        await found.begin(writer, segment=3)
        found.folder = tmp_path / "gone"
        await found.begin(writer, segment=4)
        await writer.expect(RecordingReport, segment=4, state=RecordingState.FAILED)
        await anna.pc.close()


async def test_a_disk_that_hangs_ends_the_recording_and_holds_up_nothing_else(tmp_path: Path) -> None:
    # Whoever opens a pipe waits until somebody reads it: to the recorder's thread that is a disk that hangs.
    hung, fine = tmp_path / "hung", tmp_path / "fine"
    hung.mkdir()
    fine.mkdir()
    os.mkfifo(hung / INDEX)
    async with studio(hung) as found, recorder() as writer:
        await found.record(writer, patience_s=3)
        anna = Film(found.worker, "anna")
        await anna.start()
        slow = await writer.expect(RecordingReport, state=RecordingState.TOO_SLOW)
        assert slow.files == 2
        # The same recorder goes on elsewhere, and finishes what was held up as soon as the disk is there again.
        found.folder = fine
        await found.begin(writer, segment=2)
        await asyncio.sleep(3)
        await end(writer)
        lines = await _piped(hung / INDEX, 2 * slow.files)
        await anna.pc.close()
        assert sorted("finished" in line for line in lines) == [False, False, True, True]
        files, finished = index(fine)
        assert {file.source for file in files} == {"audio", "video"}
        assert finished == {file.file for file in files}
        held = [msgspec.json.decode(line, type=Begun | Finished) for line in lines]
        for folder, file in [*((fine, file) for file in files), *((hung, file) for file in held)]:
            if isinstance(file, Begun):
                assert decoded(folder, file).times[-1] > 1


async def _piped(pipe: Path, count: int) -> list[str]:
    """What is written into a pipe, until there are so many lines."""
    end, data = os.open(pipe, os.O_RDWR | os.O_NONBLOCK), b""
    try:
        async with asyncio.timeout(10):
            while data.count(b"\n") < count:
                with contextlib.suppress(BlockingIOError):
                    data += os.read(end, 65536)
                await asyncio.sleep(0.01)
    finally:
        os.close(end)
    return data.decode().splitlines()
