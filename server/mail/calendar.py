"""The calendar file of an invitation (RFC 5545, RFC 5546).

One conference is one entry: the same UID in every mail, a SEQUENCE that grows with each change, METHOD:REQUEST for what
takes place and METHOD:CANCEL for what does not. The times stand in the company's time zone, which the file describes.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

if TYPE_CHECKING:
    import icalendar

# What has no planned end is shown as long as this.
USUAL_S = 3600


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the file is made of; times in ms since 1970. `link` is empty when there is none to be given."""

    uid: str
    sequence: int
    cancelled: bool
    title: str
    description: str
    starts: int
    ends: int | None
    zone: str
    stamp: int
    link: str
    organizer: str
    organizer_name: str
    attendee: str
    attendee_name: str


def moment(ms: int, zone: str) -> datetime.datetime:
    """A time where the company is."""
    # UTC is known even where the system has no list of time zones (server/workspace/profile.py).
    where = datetime.UTC if zone == "UTC" else ZoneInfo(zone)
    return datetime.datetime.fromtimestamp(ms / 1000, where)


def file(entry: Entry) -> bytes:
    """The file's bytes."""
    import icalendar  # An eighth of what a server imports (measured), which most never need.

    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Podium//Podium//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if entry.cancelled else "REQUEST")
    event = icalendar.Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.sequence)
    event.add("dtstamp", moment(entry.stamp, "UTC"))
    zone, until = entry.zone, entry.ends or entry.starts + USUAL_S * 1000
    if moment(entry.starts, zone).fold or moment(until, zone).fold:
        # In autumn an hour comes twice; a local time in it is the first one's (RFC 5545, 3.3.5).
        zone = "UTC"
    starts, ends = moment(entry.starts, zone), moment(until, zone)
    event.add("dtstart", starts)
    event.add("dtend", ends)
    event.add("summary", entry.title)
    event.add("description", entry.description)
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    if entry.link:
        event.add("location", entry.link)
        event.add("url", entry.link)
    event.add("organizer", _person(entry.organizer, entry.organizer_name))
    attendee = _person(entry.attendee, entry.attendee_name)
    attendee.params["ROLE"] = icalendar.vText("REQ-PARTICIPANT")
    attendee.params["PARTSTAT"] = icalendar.vText("NEEDS-ACTION")
    # Nobody reads what a calendar program would answer.
    attendee.params["RSVP"] = icalendar.vText("FALSE")
    event.add("attendee", attendee, encode=False)
    calendar.add_component(event)
    if zone != "UTC":
        # Of its own years: without them the zone's changes are listed up to 2038, and no summer after that.
        calendar.add_missing_timezones(datetime.date(starts.year - 1, 1, 1), datetime.date(ends.year + 2, 1, 1))
    return bytes(calendar.to_ical())


def _person(email: str, name: str) -> icalendar.vCalAddress:
    import icalendar

    person = icalendar.vCalAddress(f"mailto:{email}")
    if name:
        person.params["CN"] = icalendar.vText(name)
    return person
