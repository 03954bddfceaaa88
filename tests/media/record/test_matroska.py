"""Files can be read wherever writing ended; those that were closed can be jumped in."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from media.record.matroska import Format, MatroskaFile

OPUS = Format("A_OPUS", b"OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00", None)


def times(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [round(1000 * float(p.pts * p.time_base)) for p in container.demux() if p.size and p.pts is not None]


def written(path: Path, seconds: float) -> tuple[MatroskaFile, list[int]]:
    file = MatroskaFile(path, OPUS, 1e9)
    # 20 ms each, and a gap of two minutes in the middle
    found = [20 * n + (120_000 if n > 25 * seconds else 0) for n in range(int(50 * seconds))]
    for ms in found:
        file.frame(ms, b"\xfc\xff\xfe", True, 20)
    return file, found


def test_a_file_that_was_not_closed_holds_every_frame_and_its_length(tmp_path: Path) -> None:
    file, expected = written(tmp_path / "a.webm", 20)
    assert times(tmp_path / "a.webm") == expected
    with av.open(str(tmp_path / "a.webm")) as container:
        assert container.duration is not None
        assert abs(container.duration / 1000 - expected[-1]) <= 120
    file.abandon()


@pytest.mark.parametrize("cut", [1, 4, 7, 40, 1000])
def test_a_file_that_ends_in_the_middle_of_a_frame_is_played_up_to_there(tmp_path: Path, cut: int) -> None:
    file, expected = written(tmp_path / "a.webm", 20)
    file.abandon()
    data = (tmp_path / "a.webm").read_bytes()
    (tmp_path / "b.webm").write_bytes(data[:-cut])
    found = times(tmp_path / "b.webm")
    assert found == expected[: len(found)]
    assert len(found) >= len(expected) - 1 - cut // 9


def test_a_closed_file_can_be_jumped_in(tmp_path: Path) -> None:
    file, expected = written(tmp_path / "a.webm", 60)
    file.close()
    assert times(tmp_path / "a.webm") == expected
    with av.open(str(tmp_path / "a.webm")) as container:
        assert container.duration is not None
        assert container.duration / 1000 == expected[-1] + 20
        container.seek(165_000_000)
        first = next(container.demux())
        assert first.pts is not None
        assert 160_000 <= first.pts <= 165_000


def test_a_name_is_used_once(tmp_path: Path) -> None:
    written(tmp_path / "a.webm", 1)[0].close()
    with pytest.raises(FileExistsError):
        MatroskaFile(tmp_path / "a.webm", OPUS, 1e9)
