"""E-mail templates: a subject and a body with `{placeholders}`, checked when they are written, not when they are sent.

A template is a text, not a program: a placeholder is one word of a list, `{{` and `}}` are braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from protocol.errors import Code
from server.workspace.acting import Acting, Refused, new_id

MAX_TEMPLATES = 100

# What a template may say, and an example of it for the preview.
PLACEHOLDERS: dict[str, str] = {
    "workspace": "Podium",
    "name": "Anna Berger",
    "login": "anna",
    "inviter": "Ben Okafor",
    "role": "member",
    "conference": "Monday meeting",
    "time": "31 March 2026, 10:00",
    "link": "https://podium.example.org/…",
}
_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """An e-mail to be. `may`: which of `edit` and `delete` one may do; times are ms since 1970."""

    id: str
    name: str
    subject: str
    body: str
    creator: str
    created: int
    changed: int
    may: list[str]


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A template with examples in place of its placeholders."""

    subject: str
    body: str


def templates(acting: Acting) -> list[Template]:
    """All, by name; for whoever may make one."""
    acting.need("email_template.create")
    return [_template(acting, row) for row in acting.connection.execute(f"{_SELECT} ORDER BY name").fetchall()]


def create(acting: Acting, name: str, subject: str, body: str) -> Template:
    """A new template."""
    acting.need("email_template.create")
    count = acting.connection.execute("SELECT count(*) FROM email_templates").fetchone()[0]
    if count >= MAX_TEMPLATES:
        raise Refused(Code.TOO_MANY, f"A workspace has at most {MAX_TEMPLATES} e-mail templates.")
    id = new_id("t")
    name = _checked(acting, id, name, subject, body)
    acting.connection.execute(
        "INSERT INTO email_templates VALUES (?, ?, ?, ?, ?, ?, ?)",
        (id, name, subject.strip(), body, acting.account.id, acting.now, acting.now),
    )
    acting.record("email_template.create", name)
    return find(acting, id)


def edit(acting: Acting, id: str, name: str, subject: str, body: str) -> Template:
    """Another name, subject and body."""
    acting.need("email_template.create")
    before = find(acting, id)
    acting.need_own(before.creator, "email_template.edit_own", "email_template.edit_any")
    name = _checked(acting, id, name, subject, body)
    acting.connection.execute(
        "UPDATE email_templates SET name = ?, subject = ?, body = ?, changed = ? WHERE id = ?",
        (name, subject.strip(), body, acting.now, id),
    )
    own = before.creator == acting.account.id
    acting.record("email_template.edit_own" if own else "email_template.edit_any", name)
    return find(acting, id)


def delete(acting: Acting, id: str) -> None:
    """The template is gone."""
    acting.need("email_template.delete_any")
    before = find(acting, id)
    acting.connection.execute("DELETE FROM email_templates WHERE id = ?", (id,))
    acting.record("email_template.delete_any", before.name)


def preview(acting: Acting, subject: str, body: str) -> Preview:
    """What somebody would read."""
    acting.need("email_template.create")
    name = acting.connection.execute("SELECT name FROM workspace").fetchone()[0]
    values = {**PLACEHOLDERS, "workspace": name, "inviter": acting.account.name}
    return Preview(subject=filled("subject", subject.strip(), values), body=filled("body", body, values))


def filled(field: str, text: str, values: dict[str, str]) -> str:
    """The text with its placeholders replaced, in one pass: a brace in a value means nothing. Raises `Refused`, which
    names the placeholder that there is not."""
    return _PARTS.sub(_replacing(field, values), text)


def find(acting: Acting, id: str) -> Template:
    """The template with this id."""
    row = acting.connection.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise Refused(Code.NOT_FOUND, "There is no such template.")
    return _template(acting, row)


def _replacing(field: str, values: dict[str, str]) -> Callable[[re.Match[str]], str]:
    def replaced(part: re.Match[str]) -> str:
        if part[0] in ("{{", "}}"):
            return part[0][0]
        if part[1] is None:
            raise Refused(Code.BAD_MESSAGE, "A brace stands alone; write {{ or }} for a brace.", path=f"$.{field}")
        if part[1] not in values:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise Refused(Code.BAD_MESSAGE, f"There is no {part[0]}; there are {known}.", path=f"$.{field}")
        return values[part[1]]

    return replaced


def _checked(acting: Acting, id: str, name: str, subject: str, body: str) -> str:
    name = name.strip()
    if not name:
        raise Refused(Code.BAD_MESSAGE, "The name has at least one letter.", path="$.name")
    # RFC 5322, section 2.2: a header is one line; a second one would be a header of the writer's choice.
    if not subject.strip() or not subject.strip().isprintable():
        raise Refused(Code.BAD_MESSAGE, "The subject is one line of text.", path="$.subject")
    if not body.strip():
        raise Refused(Code.BAD_MESSAGE, "The body has at least one word.", path="$.body")
    filled("subject", subject, PLACEHOLDERS)
    filled("body", body, PLACEHOLDERS)
    if acting.connection.execute("SELECT 1 FROM email_templates WHERE name = ? AND id != ?", (name, id)).fetchone():
        raise Refused(Code.ALREADY, f"There is a template {name!r} already.", path="$.name")
    return name


_SELECT = "SELECT id, name, subject, body, creator, created, changed FROM email_templates"


def _template(acting: Acting, row: tuple[str, str, str, str, str, int, int]) -> Template:
    edit_row = "email_template.edit_own" if row[4] == acting.account.id else "email_template.edit_any"
    allowed = {
        "edit": acting.may(edit_row) or acting.may("email_template.edit_any"),
        "delete": acting.may("email_template.delete_any"),
    }
    return Template(
        id=row[0],
        name=row[1],
        subject=row[2],
        body=row[3],
        creator=row[4],
        created=row[5],
        changed=row[6],
        may=[what for what, yes in allowed.items() if yes],
    )
