"""The test run itself is strict: what would otherwise go unnoticed fails it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import ROOT

LOST = {
    "an exception that nobody retrieved": """
        async def fails():
            raise RuntimeError("lost")
        async def test_it():
            task = asyncio.ensure_future(fails())
            await asyncio.sleep(0.01)
            del task
            gc.collect()
    """,
    "a callback that failed": """
        async def test_it():
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)
            await asyncio.sleep(0.01)
    """,
    "a coroutine that nobody awaited": """
        async def forgotten():
            pass
        async def test_it():
            forgotten()
            gc.collect()
    """,
    "an exception in a thread": """
        def test_it():
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
    """,
}


FOUND_AT_THE_END = """
        kept = []
        async def fails():
            raise RuntimeError("lost")
        async def test_it():
            task = asyncio.ensure_future(fails())
            await asyncio.sleep(0.01)
            kept.extend([task, kept])
            globals().pop("kept")
    """


def run(tmp_path: Path, body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    lines = [line[8:] for line in body.splitlines()]
    file = tmp_path / "test_it.py"
    file.write_text("import asyncio, gc, threading\n" + "\n".join(lines))
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", "--rootdir"]
    return subprocess.run(
        [*command, str(tmp_path), "-p", "no:cacheprovider", *arguments, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("body", LOST.values(), ids=LOST.keys())
def test_it_fails_the_run(tmp_path: Path, body: str) -> None:
    done = run(tmp_path, body)
    assert done.returncode == 1, done.stdout + done.stderr


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_only_the_end_of_the_run_finds_fails_it(tmp_path: Path, processes: str) -> None:
    done = run(tmp_path, FOUND_AT_THE_END, "-n", processes)
    # Not 1, "tests failed": there is no test that could be asked again.
    assert done.returncode == 3 and "exceptions that nobody retrieved" in done.stdout, done.stdout + done.stderr


def test_a_clean_test_passes_in_debug_mode(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        async def test_it():
            assert asyncio.get_running_loop().get_debug()
        """,
    )
    assert done.returncode == 0, done.stdout + done.stderr
