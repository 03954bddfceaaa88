"""Who may do what to the workspace: one table, action by server role. A missing row, or role, is a refusal.

The rows are those of workspace_permissions.csv. Plan, billing, invoices and marketplace have no meaning in
self-hosted software: their rows are answered, and nothing is behind them.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

_OWNER = frozenset({"owner"})
_ADMINS = _OWNER | {"admin"}
_PEOPLE = _ADMINS | {"member"}
_READERS = frozenset({"security_admin"})

RULES: dict[str, frozenset[str]] = {
    "workspace.profile.view": _PEOPLE | _READERS,
    "workspace.profile.edit": _ADMINS,
    "workspace.logo.edit": _ADMINS,
    "workspace.delete": _OWNER,
    "member.invite": _PEOPLE,
    "admin.invite": _ADMINS,
    "member.edit": _ADMINS,
    "member.delete": _OWNER,
    "profile.delete": _PEOPLE,
    "attribute.create": _PEOPLE,
    "attribute.edit_own": _PEOPLE,
    "attribute.edit_any": _ADMINS,
    "attribute.delete_any": _ADMINS,
    "email_template.create": _PEOPLE,
    "email_template.edit_own": _PEOPLE,
    "email_template.edit_any": _ADMINS,
    "email_template.delete_any": _ADMINS,
    "plan.manage": _ADMINS,
    "plan.upgrade": _ADMINS,
    "plan.cancel": _OWNER,
    "billing.address.edit": _ADMINS,
    "billing.payment.edit": _ADMINS,
    "invoice.view": _ADMINS,
    "invoice.download": _ADMINS,
    "marketplace.open": _ADMINS,
    "people.open": _ADMINS,
    "company.disable": _ADMINS,
    # What the table of the specification leaves open: one's own name and fields, the record of changes, groups, and
    # which other programs are told what happens.
    "profile.edit": _PEOPLE,
    "record.view": _ADMINS | _READERS,
    "group.manage": _ADMINS,
    "webhook.manage": _ADMINS,
}


class Ranked(Protocol):
    """Whoever has a role on the server: an account."""

    @property
    def server_role(self) -> str: ...


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an action is allowed, and the row that decides."""

    action: str
    allowed: bool
    rule: str


def may(account: Ranked, action: str) -> bool:
    """Whether this account may do it."""
    return account.server_role in RULES.get(action, ())


def ruling(account: Ranked, action: str) -> Ruling:
    """The same with the row."""
    roles = RULES.get(action)
    rule = f"{action}: no row" if roles is None else f"{action}: {', '.join(sorted(roles, key=_rank))}"
    return Ruling(action=action, allowed=may(account, action), rule=rule)


def rulings(account: Ranked) -> list[Ruling]:
    """All actions, in the order of the table."""
    return [ruling(account, action) for action in RULES]


def gives(role: str) -> str:
    """The action that is needed to give somebody a role on the server."""
    return "member.invite" if role == "member" else "admin.invite"


def _rank(role: str) -> int:
    return ("owner", "admin", "security_admin", "member").index(role)
