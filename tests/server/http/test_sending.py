"""Files by ranges (RFC 9110, section 14)."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from server.http.openapi import document
from server.http.sending import SentFile

DATA = bytes(range(100))


@pytest.fixture
def file(tmp_path: Path) -> SentFile:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return SentFile(path, stat_result=path.stat())


async def fetch(file: SentFile, wanted: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=file)
    async with httpx.AsyncClient(transport=transport, base_url="http://podium.example") as client:
        return await client.get("/", headers={"Range": wanted})


@pytest.mark.parametrize(
    ("wanted", "part"),
    [("bytes=0-0", DATA[:1]), ("bytes=10-19", DATA[10:20]), ("Bytes = 90-", DATA[90:]), ("bytes=-5", DATA[-5:])],
)
async def test_a_part_is_sent_alone(file: SentFile, wanted: str, part: bytes) -> None:
    answer = await fetch(file, wanted)
    assert (answer.status_code, answer.content) == (206, part)


@pytest.mark.parametrize(
    "wanted",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5", "bytes=9-3", "bytes=0-1,x", "bytes=1--2"),
        *("items=0-1", "seconds=1-2", "0-1", "bytes=0-" + "9" * 5000),
    ],
)
async def test_what_is_no_range_in_bytes_is_ignored(file: SentFile, wanted: str) -> None:
    answer = await fetch(file, wanted)
    assert (answer.status_code, answer.content) == (200, DATA)


async def test_a_part_behind_the_end_cannot_be_had(file: SentFile) -> None:
    answer = await fetch(file, "bytes=100-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */100")


def test_the_document_says_where_parts_can_be_asked_for() -> None:
    operations = [operation for path in document()["paths"].values() for operation in path.values()]
    parts = {operation["operationId"] for operation in operations if {"206", "416"} <= operation["responses"].keys()}
    assert parts == {"downloadFile", "downloadRecording", "redeemRecordingTicket", "slidesPage"}
