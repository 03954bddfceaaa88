"""The scripts that people type, as they type them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.harness import ROOT

SCRIPTS = ("scripts/serve", "scripts/test", "scripts/options", "scripts/bench", ".ci/run")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_well_formed_and_can_be_run(name: str) -> None:
    path = ROOT / name
    assert path.stat().st_mode & 0o111 == 0o111
    assert subprocess.run(["bash", "-n", str(path)], capture_output=True).returncode == 0
    assert path.read_text().startswith("#!/usr/bin/env bash\n") and "set -euo pipefail" in path.read_text()


def test_scripts_serve_starts_a_server_from_any_folder_and_hands_on_its_options(tmp_path: Path) -> None:
    flags = ["--host", "127.0.0.1", "--port", "0", "--udp-port", "0", "--workers", "1"]
    with subprocess.Popen(
        [str(ROOT / "scripts" / "serve"), *flags],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        printed = {}
        for line in process.stdout:
            name, _, text = line.strip().partition(": ")
            printed[name] = text
            if name == "Data":
                break
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
    assert {"Owner", "Guests", "Pages", "Media"} <= set(printed)
    assert Path(printed["Data"]) == tmp_path / "data" and (tmp_path / "data" / "podium.db").exists()


def environment(path: str, *, python: str = "", what: str = "environment") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("bash") or "bash", "-c", f". scripts/environment; venv=/nonexistent/venv; {what}"],
        cwd=ROOT,
        env={"PATH": path, "PYTHON": python},
        capture_output=True,
        text=True,
    )


def tools(folder: Path, *names: str) -> str:
    """A folder with these programs alone."""
    for name in names:
        (folder / name).symlink_to(shutil.which(name) or name)
    return str(folder)


def test_without_a_fitting_python_it_says_what_to_install(tmp_path: Path) -> None:
    path = tools(tmp_path, "dirname", "cksum", "cat")
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = environment(path)
    assert done.returncode != 0 and "Python 3.11 or newer is missing; on Debian: apt-get install" in done.stderr


def test_without_pip_it_says_what_to_install(tmp_path: Path) -> None:
    path = tools(tmp_path, "dirname", "cksum", "cat")
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\n[ "$1" = -c ]\n')
    python.chmod(0o755)
    done = environment(path)
    assert done.returncode != 0 and "pip is missing; on Debian: apt-get install python3-pip" in done.stderr


def test_a_python_without_pip_such_as_an_active_environments_is_passed_by(tmp_path: Path) -> None:
    pythons = []
    for name, answer in (("active", '[ "$1" = -c ]'), ("a folder", "exit 0")):
        (tmp_path / name).mkdir()
        pythons.append(tmp_path / name / "python3")
        pythons[-1].write_text(f"#!/bin/sh\n{answer}\n")
        pythons[-1].chmod(0o755)
    path = tools(tmp_path, "dirname", "cksum", "cat")
    done = environment(":".join([*(str(python.parent) for python in pythons), path]), what="find_python")
    assert done.stdout.strip() == str(pythons[1])
