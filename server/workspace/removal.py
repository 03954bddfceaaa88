"""The end of a workspace: everything in it is deleted but its owner, the server's keys and the record.

What has happened in a room is not deleted here but by `Rooms.remove`, room by room, before: rooms are open while
people are in them.
"""

from __future__ import annotations

from protocol.errors import Code
from server.workspace.acting import Acting, Refused
from server.workspace.profile import read

EMPTIED = (
    *("workspace_logo", "invitations", "attributes", "email_templates", "login_codes"),
    *("events", "guest_links", "groups", "api_keys", "peers", "sso_subjects", "webhooks"),
    *("mails", "attendees", "announcements"),
)


def check(acting: Acting, confirm: str) -> None:
    """Whether this account may delete the workspace, and has typed its name. Raises `Refused`."""
    acting.need("workspace.delete")
    name = read(acting.connection).name
    if confirm.strip() != name:
        raise Refused(Code.BAD_MESSAGE, f"Type the name of the workspace, {name!r}, to delete it.", path="$.confirm")


def delete(acting: Acting, confirm: str) -> None:
    """Delete it. Conferences have to be gone already."""
    check(acting, confirm)
    acting.record("workspace.delete", read(acting.connection).name)
    for table in EMPTIED:
        acting.connection.execute(f"DELETE FROM {table}")
    acting.connection.execute("UPDATE conferences SET owner = ?", (acting.account.id,))
    acting.connection.execute("DELETE FROM accounts WHERE id != ?", (acting.account.id,))
    acting.connection.execute("UPDATE workspace SET name = 'Podium', description = '', time_zone = 'UTC', enabled = 1")
