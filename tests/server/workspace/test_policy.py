"""The table of what server roles may do to the workspace, against the one of the specification."""

from __future__ import annotations

import csv
import pathlib
from types import SimpleNamespace

import pytest

from server.workspace.policy import RULES, gives, may, ruling, rulings

SPECIFIED = list(csv.DictReader((pathlib.Path(__file__).parents[2] / "data/workspace_permissions.csv").open()))
ROLES = ("owner", "admin", "member")


def somebody(role: str) -> SimpleNamespace:
    return SimpleNamespace(server_role=role)


@pytest.mark.parametrize("row", SPECIFIED, ids=lambda row: row["action"])
def test_every_cell_of_the_specification_stands_in_the_table(row: dict[str, str]) -> None:
    assert {role: may(somebody(role), row["action"]) for role in ROLES} == {role: row[role] == "yes" for role in ROLES}


def test_the_table_has_four_rows_that_the_specification_leaves_open() -> None:
    assert len(SPECIFIED) == 27
    left_open = {"profile.edit", "record.view", "group.manage", "webhook.manage"}
    assert set(RULES) - {row["action"] for row in SPECIFIED} == left_open


def test_the_security_admin_sees_the_profile_and_the_record_and_changes_nothing() -> None:
    allowed = {action for action in RULES if may(somebody("security_admin"), action)}
    assert allowed == {"workspace.profile.view", "record.view"}


@pytest.mark.parametrize("role", ["", "operator", "Owner", "root"])
def test_a_role_that_is_not_in_the_table_may_nothing(role: str) -> None:
    assert not any(each.allowed for each in rulings(somebody(role)))


def test_an_action_without_a_row_is_refused_to_everybody() -> None:
    answer = ruling(somebody("owner"), "workspace.explode")
    assert not answer.allowed and answer.rule == "workspace.explode: no row"


def test_the_row_that_decides_is_named() -> None:
    assert ruling(somebody("member"), "member.delete").rule == "member.delete: owner"
    assert ruling(somebody("admin"), "plan.manage").rule == "plan.manage: owner, admin"


def test_nobody_gives_a_role_by_the_row_for_members_but_that_of_a_member() -> None:
    assert gives("member") == "member.invite"
    assert {gives(role) for role in ("admin", "security_admin", "owner", "operator")} == {"admin.invite"}
