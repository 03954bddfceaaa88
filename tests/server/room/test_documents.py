"""docs/permissions.md says what the tables say."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from protocol.documents import write
from protocol.names import Role
from server import documents
from server.room.documents import permissions
from server.room.rules import GRANTED_BY, MEANINGS, PERMISSIONS, RULES, Cell
from tests.harness import ROOT

TEXT = permissions()
SPECIFIED = list(csv.DictReader((ROOT / "tests/data/session_permissions.csv").open()))


@pytest.mark.parametrize("name", documents.DOCUMENTS)
def test_the_file_in_the_tree_is_current(name: str) -> None:
    current = (ROOT / name).read_text(encoding="utf-8") == documents.DOCUMENTS[name]()
    assert current, f"{name} is not what the tables say now: run `python -m server.documents`"


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    assert len(write(tmp_path, documents.DOCUMENTS)) == len(documents.DOCUMENTS)
    assert write(tmp_path, documents.DOCUMENTS) == []


def row(action: str) -> list[str]:
    (line,) = re.findall(rf"^\| `{re.escape(action)}` \| .+ \|.*\|$", TEXT.split("## Commands")[0], re.M)[:1]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("specified", SPECIFIED, ids=lambda row: row["action"])
def test_every_cell_of_the_specification_stands_in_the_document_with_its_meaning(specified: dict[str, str]) -> None:
    _, meaning, *cells = row(specified["action"])
    assert meaning == specified["meaning"] == MEANINGS[specified["action"]]
    columns = (Role.ORGANIZER, Role.MODERATOR, Role.GUEST_SPEAKER, Role.SPEAKER, Role.VIEWER)
    assert [cell or "no" for cell in cells] == [specified[role] for role in columns]


def test_every_action_has_a_meaning_and_every_partial_one_its_setting() -> None:
    assert MEANINGS.keys() == PERMISSIONS.keys() and all(MEANINGS.values())
    partial = {action for action, cells in PERMISSIONS.items() if Cell.PARTIAL in cells.values()}
    assert GRANTED_BY.keys() <= partial
    for action in partial:
        assert f"| `{action}` | {f'`{GRANTED_BY[action]}`' if action in GRANTED_BY else 'none'} |" in TEXT


def test_every_rule_stands_in_the_document() -> None:
    commands = TEXT.split("## Commands and actions")[1]
    for rule in RULES.values():
        assert re.search(rf"^\| `{re.escape(rule.command)}` \| .+ \| `{re.escape(rule.action)}` \|$", commands, re.M)
