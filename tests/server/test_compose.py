"""The container files: valid for a real compose client, and saying what the server's own options say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from server.config import OPTIONS, Settings, load, variable_of
from tests.harness import ROOT

FILE = ROOT / "docker-compose.yml"


def client() -> list[str]:
    """A compose client of either kind; its absence fails."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return command
    raise AssertionError("no compose client; install one, on Debian with: apt-get install docker-compose")


def config(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*client(), "-f", str(file), "config"], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def resolved() -> str:
    done = config(FILE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_compose_client_accepts_the_file(resolved: str) -> None:
    assert "podium" in resolved and "redis" in resolved


def test_the_client_would_refuse_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(FILE.read_text().replace("healthcheck:", "healthchek:", 1))
    assert config(broken).returncode != 0


def variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\s+(PODIUM_\w+): [\"']?([^\"'\n]*)", text, re.MULTILINE))


def test_its_variables_are_options_of_the_server(resolved: str) -> None:
    found = variables(resolved)
    assert set(found) <= {variable_of(option.name) for option in OPTIONS}
    settings = load({}, found)
    assert settings.worker_count == 2


def test_the_published_ports_are_the_ports_inside(resolved: str) -> None:
    settings = load({}, variables(resolved))
    text = FILE.read_text()
    first, last = settings.udp_port, settings.udp_port + settings.worker_count - 1
    assert f'"{Settings().port}:{Settings().port}/tcp"' in text
    # Browsers are told the worker's own numbers, so they must be the same on both sides.
    assert f'"{first}-{last}:{first}-{last}/udp"' in text


def test_every_service_has_a_health_check(resolved: str) -> None:
    assert resolved.count("healthcheck:") == 2
    assert "service_healthy" in resolved


def dockerfile() -> list[str]:
    joined = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def test_the_image_copies_what_there_is_and_installs_wheels_only() -> None:
    for line in dockerfile():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, _ = line.split()[1:]
            assert all((ROOT / source).exists() for source in sources), line
    assert any("--only-binary :all:" in line for line in dockerfile())


def test_the_image_runs_as_nobody_in_particular_and_starts_the_server() -> None:
    lines = dockerfile()
    assert "USER podium" in lines and 'ENTRYPOINT ["podium"]' in lines and 'CMD ["serve"]' in lines
    user = lines.index("USER podium")
    assert not any(line.startswith("RUN") for line in lines[user:])


def test_the_images_health_check_and_ports_fit_the_defaults() -> None:
    lines = dockerfile()
    check: Any = next(line for line in lines if line.startswith("HEALTHCHECK"))
    command = json.loads(check.partition("CMD ")[2])
    assert command[0] == "python" and f"127.0.0.1:{Settings().port}/readyz" in command[2]
    compile(command[2], "health check", "exec")
    assert f"EXPOSE {Settings().port}/tcp 40000-40001/udp" in lines
    environment = dict(re.findall(r"(PODIUM_\w+)=(\S+)", " ".join(lines)))
    assert load({}, environment).worker_count == 2
