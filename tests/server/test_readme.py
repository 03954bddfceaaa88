"""The documents say what is so: options, commands, files and links."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from server.cli.main import app
from server.config import OPTIONS, load, table
from tests.harness import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("name", ["README.md", "docs/configuration.md"])
def test_the_table_of_options_is_current(name: str) -> None:
    text = (ROOT / name).read_text()
    printed = re.search(r"<!-- options:.*?-->\n(.*?)<!-- /options -->", text, re.DOTALL)
    assert printed is not None and printed[1].strip() == table().strip(), "run ./scripts/options"


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_links_and_pictures_lead_to_files_that_are_there(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_commands_and_flags_that_are_shown_exist(path: Path) -> None:
    root = get_command(app)
    for line in re.findall(r"\bpodium ((?:[a-z]+ ?)+[^`\n|#]*)", "\n".join(shown(path.read_text()))):
        words = line.split()
        command = root
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
        assert not hasattr(command, "commands") or command is not root, f"podium {line}"
        known = {flag for parameter in command.params for flag in parameter.opts} | {"--help"}
        for flag in re.findall(r"(?<!\S)--[a-z-]+", line):
            assert flag in known, f"podium {line}: {flag}"


def shown(text: str) -> list[str]:
    """Code: in fences and between backticks, commands of the shell only."""
    fenced = re.findall(r"```(?:sh|ini)\n(.*?)```", text, re.DOTALL)
    return [*fenced, *re.findall(r"`(podium [^`]+)`", text)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_scripts_that_are_shown_exist_and_can_be_run(path: Path) -> None:
    for name in re.findall(r"\./(scripts/[a-z]+)", path.read_text()):
        assert (ROOT / name).stat().st_mode & 0o100, name


def test_flags_of_serve_in_the_readme_are_options() -> None:
    known = {"--" + option.name.replace("_", "-") for option in OPTIONS} | {"--config", "--help"}
    for line in re.findall(r"\./scripts/serve ([^`\n#]+)", (ROOT / "README.md").read_text()):
        for flag in re.findall(r"--[a-z-]+", line):
            assert flag in known, flag


def test_the_example_of_a_configuration_file_is_accepted(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", (ROOT / "docs/configuration.md").read_text(), re.DOTALL)
    assert example is not None and tomllib.loads(example[1])
    file = tmp_path / "podium.toml"
    file.write_text(example[1])
    assert load({}, {}, file).port == 443


def test_the_licence_is_the_one_that_is_named() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"]["text"] == "Apache-2.0"


def test_the_changelog_has_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()
