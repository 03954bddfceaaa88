"""The file that a calendar program takes."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest

from server.mail.calendar import Entry, file

ZONES = ("Europe/Vienna", "America/New_York", "Australia/Sydney", "Asia/Tokyo", "Africa/Casablanca")


def entry(starts: datetime.datetime, zone: str) -> Entry:
    return Entry(
        uid="abc@example.org",
        sequence=0,
        cancelled=False,
        title="Choir",
        description="",
        starts=int(starts.timestamp() * 1000),
        ends=None,
        zone=zone,
        stamp=0,
        link="",
        organizer="podium@example.org",
        organizer_name="",
        attendee="anna@example.org",
        attendee_name="",
    )


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [1975, 2026, 2037, 2038, 2039, 2099])
@pytest.mark.parametrize("month", [1, 7, 12])
def test_its_own_time_zone_says_the_hour_it_is_at_then(zone: str, year: int, month: int) -> None:
    starts = datetime.datetime(year, month, 31, 18, tzinfo=ZoneInfo(zone))
    calendar = icalendar.Calendar.from_ical(file(entry(starts, zone)))
    (said,) = calendar.timezones
    meant = said.to_tz(lookup_tzid=False)
    assert starts.replace(tzinfo=meant).utcoffset() == starts.utcoffset()


def test_in_the_hour_that_comes_twice_the_moment_is_said_without_a_zone() -> None:
    """02:30 in Vienna on that day is half past midnight in UTC, and an hour later again."""
    first = datetime.datetime(2026, 10, 25, 0, 30, tzinfo=datetime.UTC)
    for starts in (first, first + datetime.timedelta(hours=1)):
        calendar = icalendar.Calendar.from_ical(file(entry(starts, "Europe/Vienna")))
        (event,) = calendar.walk("VEVENT")
        begins: Any = event["DTSTART"]
        ends: Any = event["DTEND"]
        assert (begins.dt, ends.dt) == (starts, starts + datetime.timedelta(hours=1))
        assert "TZID" not in begins.params and not calendar.walk("VTIMEZONE")
