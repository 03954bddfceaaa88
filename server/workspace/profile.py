"""The workspace itself: its name, description, time zone and logo, and whether it is switched on."""

from __future__ import annotations

import hashlib
import sqlite3
from zoneinfo import available_timezones

import msgspec

from protocol.errors import Code
from server.workspace.acting import Acting, Refused
from server.workspace.picture import NoPicture, picture_type

MAX_LOGO = 256 * 1024
LOGO_PATH = "/api/v1/workspace/logo/"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The workspace. `logo` is the path of its picture; `enabled` is false while the company is switched off."""

    name: str
    description: str
    time_zone: str
    enabled: bool
    logo: str | None


class Logo(msgspec.Struct, frozen=True, kw_only=True):
    """A picture and its media type."""

    type: str
    data: bytes


def read(connection: sqlite3.Connection) -> Profile:
    """The profile, as the company page shows it to everybody."""
    name, description, time_zone, enabled, tag = connection.execute(
        "SELECT name, description, time_zone, enabled, (SELECT tag FROM workspace_logo) FROM workspace"
    ).fetchone()
    return Profile(
        name=name,
        description=description,
        time_zone=time_zone,
        enabled=bool(enabled),
        logo=LOGO_PATH + tag if tag is not None else None,
    )


def view(acting: Acting) -> Profile:
    """The profile, for those inside."""
    acting.need("workspace.profile.view")
    return read(acting.connection)


def edit(acting: Acting, name: str, description: str, time_zone: str) -> Profile:
    """Another name, description and time zone (an IANA name)."""
    acting.need("workspace.profile.edit")
    name, description = name.strip(), description.strip()
    if not name:
        raise Refused(Code.BAD_MESSAGE, "The name has at least one letter.", path="$.name")
    # UTC is known even where the system has no list of time zones.
    if time_zone != "UTC" and time_zone not in available_timezones():
        raise Refused(Code.BAD_MESSAGE, "There is no such time zone; one is Europe/Vienna.", path="$.time_zone")
    acting.connection.execute(
        "UPDATE workspace SET name = ?, description = ?, time_zone = ?", (name, description, time_zone)
    )
    acting.record("workspace.profile.edit", note=name)
    return read(acting.connection)


def set_logo(acting: Acting, data: bytes) -> Profile:
    """Another logo: PNG, JPEG or WebP, known by its bytes and by nothing that was said of it."""
    acting.need("workspace.logo.edit")
    try:
        type_ = picture_type(data)
    except NoPicture as problem:
        raise Refused(Code.BAD_MESSAGE, str(problem)) from None
    # The address holds the digest of what is behind it, so browsers may keep it for ever.
    tag = hashlib.sha256(data).hexdigest()[:24]
    acting.connection.execute("INSERT OR REPLACE INTO workspace_logo VALUES (1, ?, ?, ?)", (type_, tag, data))
    acting.record("workspace.logo.edit", note=f"{type_}, {len(data)} bytes")
    return read(acting.connection)


def remove_logo(acting: Acting) -> Profile:
    """No logo any more; again: nothing."""
    acting.need("workspace.logo.edit")
    if acting.connection.execute("DELETE FROM workspace_logo").rowcount:
        acting.record("workspace.logo.edit", note="removed")
    return read(acting.connection)


def logo(connection: sqlite3.Connection, tag: str) -> Logo:
    """The logo that has this digest."""
    row = connection.execute("SELECT type, data FROM workspace_logo WHERE tag = ?", (tag,)).fetchone()
    if row is None:
        raise Refused(Code.NOT_FOUND, "There is no such logo.")
    return Logo(type=row[0], data=row[1])


def switch(acting: Acting, enabled: bool) -> Profile:
    """Switch the company off or on. While it is off, `accounts.let_in` keeps out all who may not switch it on."""
    acting.need("company.disable")
    if acting.connection.execute("UPDATE workspace SET enabled = ? WHERE enabled != ?", (enabled, enabled)).rowcount:
        acting.record("company.disable", note="on" if enabled else "off")
    return read(acting.connection)
