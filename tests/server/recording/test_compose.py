"""One video of a recording that was made here: who was on the stage is seen and heard where and when they were."""

from __future__ import annotations

import array
import fractions
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest

from media.record.matroska import Format, MatroskaFile
from tests.harness import ROOT, podium

OPUS = Format("A_OPUS", b"OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00", None)
BEGAN = 1_700_000_000.0
WHITE, GREY = 235, 120


def film(path: Path, begins: float, seconds: float, shade: int) -> None:
    encoder = av.CodecContext.create("libvpx", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 320, 180, "yuv420p"
    encoder.time_base, encoder.options = fractions.Fraction(1, 10), {"lag-in-frames": "0", "deadline": "realtime"}
    file = MatroskaFile(path, Format("V_VP8", b"", (320, 180)), begins)
    for n in range(int(seconds * 10)):
        frame = av.VideoFrame(320, 180, "yuv420p")
        for plane, value in zip(frame.planes, (shade, 128, 128), strict=True):
            plane.update(bytes((value,)) * plane.buffer_size)
        frame.pts = n
        for packet in encoder.encode(frame):
            file.frame(100 * n, bytes(packet), packet.is_keyframe, 100)
    file.close()


def tone(path: Path, begins: float, loud: tuple[tuple[float, float], ...]) -> None:
    """Sound in these spans alone, and nothing in the file between them, as when somebody is muted."""
    file = MatroskaFile(path, OPUS, begins)
    for since, until in loud:
        encoder = av.CodecContext.create("libopus", "w")
        assert isinstance(encoder, av.AudioCodecContext)
        encoder.sample_rate, encoder.layout, encoder.format = 48000, "stereo", "s16"
        for n in range(int((until - since) * 50)):
            wave = array.array("h")
            for i in range(960):
                wave.extend([int(9000 * math.sin(2 * math.pi * 400 * (960 * n + i) / 48000))] * 2)
            frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
            frame.planes[0].update(wave.tobytes())
            frame.sample_rate, frame.pts, frame.time_base = 48000, 960 * n, fractions.Fraction(1, 48000)
            for packet in encoder.encode(frame):
                file.frame(round(since * 1000) + 20 * n, bytes(packet), True, 20)
    file.close()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Anna (white) for four seconds with sound in the second and the fourth; Bert (grey) from the second on."""
    folder = tmp_path / "0001"
    folder.mkdir()
    film(folder / "001-0001-video.webm", BEGAN, 4, WHITE)
    tone(folder / "001-0002-audio.webm", BEGAN, ((1, 2), (3, 4)))
    film(folder / "001-0003-video.webm", BEGAN + 2, 2, GREY)
    lines = [
        {"type": "begun", "file": f"001-000{n}-{source}.webm", "person": who, "source": source, "begins": BEGAN + at}
        for n, source, who, at in ((1, "video", "anna", 0), (2, "audio", "anna", 0), (3, "video", "bert", 2))
    ]
    (folder / "tracks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"cut of')
    picture = {"people": [{"id": "anna", "name": "Anna"}], "stage": ["anna"], "layout": {}}
    (folder / "timeline.jsonl").write_text(
        json.dumps({"at": BEGAN * 1000 - 500, "begin": picture})
        + "\n"
        + json.dumps({"at": BEGAN * 1000 + 2000, "event": {"type": "stage.taken", "person": "bert"}})
        + "\n"
    )
    return folder


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_the_video_shows_both_and_is_loud_when_they_were(recording: Path, tmp_path: Path, kind: str) -> None:
    target = tmp_path / f"all.{kind}"
    done = podium("compose", str(recording), str(target), "--width", "640", "--height", "360", "--fps", "10")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[:4]] == ["0", "25", "50", "75"], "in percent"
    with av.open(str(target)) as container:
        assert abs((container.duration or 0) / 1e6 - 4) < 0.15
        pictures = [(frame.time or 0.0, _shades(frame)) for frame in container.decode(video=0)]
    for at, (left, middle, right) in pictures:
        if 0.2 < at < 1.9:
            assert middle > 200, "she is alone, and large"
        elif 2.2 < at < 3.8:
            assert left > 200 > 150 > right > 90, "side by side"
    heard = _loud(target)
    assert abs(heard[0] - 1) < 0.06
    assert abs(heard[-1] - 4) < 0.1
    assert not [at for at in heard if 2.06 < at < 2.94]


def test_the_time_between_two_segments_in_which_nothing_was_recorded_is_left_out(
    recording: Path, tmp_path: Path
) -> None:
    later = BEGAN + 86_400
    film(recording / "002-0001-video.webm", later, 2, GREY)
    tone(recording / "002-0002-audio.webm", later, ((1, 2),))
    lines = [
        {"type": "begun", "file": f"002-000{n}-{source}.webm", "segment": 2, "person": "anna", "source": source}
        for n, source in ((1, "video"), (2, "audio"))
    ]
    text = "".join(json.dumps({**line, "begins": later}) + "\n" for line in lines)
    (recording / "tracks.jsonl").write_text(text + (recording / "tracks.jsonl").read_text())
    with (recording / "timeline.jsonl").open("a") as file:
        picture = {"people": [{"id": "anna", "name": "Anna"}], "stage": ["anna"], "layout": {}}
        file.write(json.dumps({"at": later * 1000 - 500, "begin": picture}) + "\n")
    target = tmp_path / "all.mkv"
    done = podium("compose", str(recording), str(target), "--width", "640", "--height", "360", "--fps", "10")
    assert done.returncode == 0 and done.stdout.splitlines()[-1].endswith(": 6.0 s"), done.stdout + done.stderr
    with av.open(str(target)) as container:
        shades = [((frame.time or 0.0), _shades(frame)) for frame in container.decode(video=0)]
    assert abs(shades[-1][0] - 6) < 0.2
    assert all(90 < middle < 150 for at, (_, middle, _) in shades if 4.3 < at < 5.9), "she is there at once, and alone"
    heard = _loud(target)
    assert abs(min(at for at in heard if at > 4.2) - 5) < 0.06 and abs(heard[-1] - 6) < 0.1


def test_what_was_written_stands_beside_the_picture_from_then_on(recording: Path, tmp_path: Path) -> None:
    with (recording / "timeline.jsonl").open("a") as file:
        for at, text in ((1, "hello to all of you"), (3, "x" * 300), (3, "")):
            chat = {"number": at, "name": "Anna", "text": text}
            file.write(json.dumps({"at": BEGAN * 1000 + at * 1000, "chat": chat}) + "\n")
    target = tmp_path / "all.mkv"
    size = ("--width", "640", "--height", "360", "--fps", "5")
    done = podium("compose", str(recording), str(target), "--chat", *size)
    assert done.returncode == 0, done.stderr
    bright: dict[float, int] = {}
    with av.open(str(target)) as container:
        for frame in container.decode(video=0):
            image = frame.to_image().convert("L")  # type: ignore[no-untyped-call]
            strip = image.crop((480, 0, 640, 360))
            bright[round(frame.time or 0.0, 1)] = sum(strip.histogram()[121:])
            assert image.getpixel((240, 180)) > 90 or (frame.time or 0.0) > 1.9, "she is in the middle of what is left"
    assert bright[0.6] == 0 and bright[1.4] > 20 and bright[3.6] > 3 * bright[1.4]


def test_a_poll_stands_on_a_card_while_it_is_open_then_with_its_results_until_it_is_removed(
    recording: Path, tmp_path: Path
) -> None:
    poll = {"number": 1, "question": "Shall we go on after the break?", "options": ["Yes, please", "No"]}
    happened = (
        (0.4, {"type": "poll.launched", "poll": poll}),
        (0.9, {"type": "poll.closed", "poll": 1, "answers": 30, "counts": [28, 2]}),
        (1.4, {"type": "poll.removed", "poll": 1}),
    )
    timeline = recording / "timeline.jsonl"
    lines = [*map(json.loads, timeline.read_text().splitlines())]
    lines += ({"at": (BEGAN + at) * 1000, "event": event} for at, event in happened)
    timeline.write_text("".join(json.dumps(line) + "\n" for line in sorted(lines, key=lambda line: line["at"])))
    target = tmp_path / "all.mkv"
    done = podium("compose", str(recording), str(target), "--width", "640", "--height", "360", "--fps", "10")
    assert done.returncode == 0, done.stderr
    seen: dict[float, tuple[int, int]] = {}
    with av.open(str(target)) as container:
        for frame in container.decode(video=0):
            image = frame.to_image().convert("L")  # type: ignore[no-untyped-call]
            # The lower edge, where three lines stand: how much of it is the card's, and how bright the letters are.
            counts = image.crop((40, 290, 600, 330)).histogram()
            seen[round(frame.time or 0.0, 1)] = sum(counts[20:60]), sum(counts[121:])
    whole = 560 * 40
    assert seen[0.2][0] < 0.01 * whole, "the picture itself"
    for asked in (seen[0.6], seen[0.8]):
        assert asked[0] > 0.7 * whole and 100 < asked[1] < 0.2 * whole
    for told in (seen[1.1], seen[1.3]):
        assert told[0] > 0.7 * whole and told[1] > 1.05 * seen[0.8][1], "the numbers stand behind the options"
    assert seen[1.7][0] < 0.01 * whole


def _loud(target: Path) -> list[float]:
    """When something is heard."""
    heard = []
    with av.open(str(target)) as container:
        for frame in container.decode(audio=0):
            samples = array.array("f" if "flt" in frame.format.name else "h", bytes(frame.planes[0]))[: frame.samples]
            if max(map(abs, samples)) / (1.0 if "flt" in frame.format.name else 32768.0) > 0.1:
                heard.append(frame.time or 0.0)
    return heard


def _shades(frame: av.VideoFrame) -> tuple[int, int, int]:
    plane = frame.planes[0]
    row = bytes(plane)[plane.line_size * 180 :][: plane.line_size]
    return row[160], row[320], row[480]


def test_a_file_that_a_full_disk_left_empty_or_cut_is_left_out_with_a_word(recording: Path, tmp_path: Path) -> None:
    whole = (recording / "001-0003-video.webm").read_bytes()
    (recording / "001-0001-video.webm").write_bytes(b"")
    (recording / "001-0003-video.webm").write_bytes(whole[:100])
    target = tmp_path / "all.mp4"
    done = podium("compose", str(recording), str(target), "--width", "320", "--height", "180", "--fps", "5")
    assert done.returncode == 0 and target.stat().st_size > 0
    warnings = done.stderr.splitlines()
    assert len(warnings) == 2 and all(" is left out" in line for line in warnings)
    assert "001-0001-video.webm" in warnings[0] and "001-0003-video.webm" in warnings[1]
    (recording / "001-0002-audio.webm").write_bytes(b"")
    nothing = podium("compose", str(recording), str(tmp_path / "none.mp4"))
    assert nothing.returncode == 1 and "holds no file of a track that can be read" in nothing.stderr


def test_what_was_interrupted_leaves_nothing(recording: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "server", "compose", str(recording), str(tmp_path / "all.mp4"), "--fps", "60"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith(b"50 %"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(30) != 0
    assert [path.name for path in tmp_path.iterdir()] == ["0001"]


def test_a_long_name_stays_in_its_tile_on_a_ground_of_its_own(recording: Path, tmp_path: Path) -> None:
    timeline = recording / "timeline.jsonl"
    timeline.write_text(timeline.read_text().replace('"name": "Anna"', '"name": "Änne ' + 20 * "W " + '"'))
    target = tmp_path / "all.mkv"
    done = podium("compose", str(recording), str(target), "--width", "640", "--height", "180", "--fps", "5")
    assert done.returncode == 0, done.stderr
    with av.open(str(target)) as container:
        frames = [frame for frame in container.decode(video=0) if 2.4 < (frame.time or 0.0) < 3.8]
    image = frames[0].to_image().convert("L")  # type: ignore[no-untyped-call]
    hers, his = image.crop((8, 155, 312, 176)), image.crop((326, 155, 632, 176))
    assert sum(hers.histogram()[:80]) > 0.5 * hers.width * hers.height, "her picture is white"
    assert sum(his.histogram()[160:]) < 400, "beside his own name none of hers"


def test_what_is_no_recording_and_what_would_be_overwritten_is_refused(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "there.mp4").write_text("mine")
    refused = podium("compose", str(recording), str(tmp_path / "there.mp4"))
    assert (refused.returncode, (tmp_path / "there.mp4").read_text()) == (1, "mine")
    refused = podium("compose", str(recording), str(tmp_path / "nowhere" / "new.mp4"))
    assert refused.returncode == 1 and f"There is no folder {tmp_path / 'nowhere'}." in refused.stderr
    refused = podium("compose", str(tmp_path), str(tmp_path / "new.mp4"))
    assert refused.returncode == 1
    assert "holds no recording" in refused.stderr
    assert not list(tmp_path.glob("*new*"))
