"""The permissions as a document, printed from the tables: nothing in it is written twice."""

from __future__ import annotations

from server.room.rules import GRANTED_BY, MEANINGS, PERMISSIONS, RULES, Cell, Relation

_INTRODUCTION = """\
# Permissions

Printed from `server/room/rules.py` by `python -m server.documents`; do not edit.

Each command needs an action, and each role has an action, has it not, or has it in part. Who has which role, and what
is refused because of how things are at the moment (a full stage, nobody who asked), is in
[roles-and-modes.md](roles-and-modes.md). `podium explain` says for one person which row decides.
"""

_TOWARDS = {
    Relation.OFF_STAGE: "off the stage",
    Relation.ON_STAGE: "on the stage",
    Relation.SELF: "oneself",
    Relation.OTHER: "others",
    Relation.PROTECTED: "organizers by right",
    Relation.OWN: "one's own entry",
    Relation.OTHERS: "others' entries",
}


def permissions() -> str:
    """`docs/permissions.md`."""
    roles = tuple(next(iter(PERMISSIONS.values())))
    lines = [_INTRODUCTION, "## Actions and roles", ""]
    lines += ["| action | what it is | " + " | ".join(role.value.replace("_", " ") for role in roles) + " |"]
    lines += ["| --- | --- |" + " --- |" * len(roles)]
    for action, cells in PERMISSIONS.items():
        shown = ("" if cells[role] is Cell.NO else cells[role].value for role in roles)
        lines.append(f"| `{action}` | {MEANINGS[action]} | " + " | ".join(shown) + " |")
    lines += ["", "An empty cell is a no. *Partial* cells are a yes for what is one's own, and beyond it:", ""]
    lines += ["| action | setting of the conference that makes it a yes |", "| --- | --- |"]
    for action, cells in PERMISSIONS.items():
        if Cell.PARTIAL in cells.values():
            setting = GRANTED_BY.get(action)
            lines.append(f"| `{action}` | {f'`{setting}`' if setting is not None else 'none'} |")
    lines += ["", "## Commands and actions", ""]
    lines += ["A command with a target is given about oneself, others, or organizers by right, who are protected from"]
    lines += [
        "those who are none, as the conference's owner is from everybody. One about an entry (a question, a poll, a"
    ]
    lines += [
        "link, a file, a message) is about one's own or about others'. Any other is given from the stage or off it."
    ]
    lines += ["What has no row is refused. `file.upload` is a request over HTTP.", ""]
    lines += ["| command | towards, or from | needs |", "| --- | --- | --- |"]
    rows: dict[tuple[str, str], list[str]] = {}
    for rule in RULES.values():
        rows.setdefault((rule.command, rule.action), []).append(_TOWARDS[rule.relation])
    lines += [f"| `{command}` | {', '.join(towards)} | `{action}` |" for (command, action), towards in rows.items()]
    return "\n".join(lines) + "\n"
