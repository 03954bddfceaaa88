"""What follows from the plan of a conference, at which moment and how often; and how much mail there can be at all."""

from __future__ import annotations

import functools
import sqlite3
from pathlib import Path
from typing import Any, TypeVar

import icalendar
import pytest

from protocol.names import Role
from server.directory import conferences
from server.directory.conferences import Conference
from server.identity.accounts import Accounts
from server.identity.guestlinks import GuestLink
from server.mail import agenda, attendees, letter, outbox, registration, taking
from server.mail.agenda import CHANGES_EVERY_MS, GATHER_MS, MINUTE_MS
from server.mail.attendees import MAX_TO_ONE, Registration, TooMuch
from server.mail.letter import Told
from server.mail.outbox import HOUR_MS, Crowded
from server.storage.store import Store, Work

T = TypeVar("T")
DAY_MS = 24 * HOUR_MS
REMINDERS = (1440, 15)
NOON = 1_900_000_000_000


class Desk:
    """Whoever plans conferences and invites people, with a clock of its own; and the postman, who brings all."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._links = 0
        self.now = NOON

    def do(self, work: Work[T]) -> T:
        return self._store.run_blocking(work)

    def create(self, id: str, starts: int | None) -> str:
        made = Conference(id=id, title="Reading circle", owner=self._owner, created=self.now, starts=starts, ends=None)
        self.do(lambda connection: conferences.insert(connection, made))
        return id

    def plan(self, conference: str, starts: int | None) -> None:
        self.do(
            lambda connection: connection.execute(
                "UPDATE conferences SET starts = ? WHERE id = ?", (starts, conference)
            )
        )

    def link(self, conference: str, role: Role = Role.VIEWER) -> GuestLink:
        self._links += 1
        return GuestLink(
            id=f"link{self._links}",
            conference=conference,
            role=role,
            label="",
            made_by=self._owner,
            created=self.now,
            expires=self.now // 1000 + 30 * 86_400,
            uses=0,
            max_uses=None,
            revoked=None,
        )

    def invite(self, conference: str, email: str = "anna@example.org") -> attendees.Attendee:
        link = self.link(conference)
        return self.do(lambda connection: attendees.expect(connection, link, email, "Anna", self.now))

    def register(self, conference: str, email: str) -> None:
        link = self.link(conference)
        self.do(lambda connection: registration.register(connection, link, email, "Anna", self.now))

    def after(self, ms: int, reminders: tuple[int, ...] = REMINDERS) -> list[Told]:
        """So much later: what is written from the plan, and what is then delivered."""
        self.now += ms
        self.do(lambda connection: agenda.settle(connection, self.now, reminders, 90))
        return self.delivered()

    def delivered(self) -> list[Told]:
        found = self.do(lambda connection: taking.take(connection, self.now, 1000))
        for taken in found:
            self.do(lambda connection, id=taken.told.mail.id: outbox.sent(connection, id, self.now))  # type: ignore[misc]
        return [taken.told for taken in found]


@pytest.fixture
async def desk(tmp_path: Path) -> Any:
    store = Store.open(tmp_path / "podium.db")
    accounts = Accounts(store)
    owner, _ = await accounts.ensure_owner()
    yield Desk(store, owner.id)
    accounts.close()
    store.close()


def kinds(told: list[Told]) -> list[str]:
    return [each.mail.kind for each in told]


def entry(told: Told) -> tuple[str, Any]:
    """The method and the entry of the calendar file."""
    made = letter.message(told, "podium@example.org")
    part = next(part for part in made.walk() if part.get_content_type() == "text/calendar")
    calendar: Any = icalendar.Calendar.from_ical(part.get_content())
    return str(calendar["METHOD"]), calendar.walk("VEVENT")[0]


# --- called off ------------------------------------------------------------------------------------


def test_what_is_called_off_is_told_once_and_leaves_the_calendar(desk: Desk) -> None:
    circle = desk.create("abc-defg-hij", NOON + 2 * DAY_MS)
    desk.invite(circle)
    (first,) = desk.delivered()
    method, invited = entry(first)
    assert (method, int(invited["SEQUENCE"])) == ("REQUEST", 0)
    desk.plan(circle, None)
    # Somebody who plans may not have finished.
    assert desk.after(0) == [] and desk.after(GATHER_MS - 1) == []
    (told,) = desk.after(1)
    assert told.mail.kind == "cancelled"
    method, called_off = entry(told)
    assert method == "CANCEL" and str(called_off["STATUS"]) == "CANCELLED"
    assert called_off["UID"] == invited["UID"] and int(called_off["SEQUENCE"]) == 1
    assert called_off["DTSTART"].dt == invited["DTSTART"].dt and "URL" not in called_off
    written: Any = letter.message(told, "podium@example.org")
    assert written["Subject"] == "Cancelled: Reading circle"
    assert "does not take place" in written.get_body(("plain",)).get_content()
    assert desk.after(DAY_MS) == [], "once, and nobody is reminded of it"


def test_what_is_called_off_before_its_invitation_went_out_is_not_told(desk: Desk) -> None:
    circle = desk.create("abc-defg-hij", NOON + 2 * DAY_MS)
    desk.invite(circle)
    desk.plan(circle, None)
    (told,) = desk.after(GATHER_MS)
    assert (told.mail.kind, told.starts) == ("invitation", None)
    assert desk.after(DAY_MS) == []


def test_what_is_called_off_and_renamed_before_its_mail_is_told_all_the_same(desk: Desk) -> None:
    circle = desk.create("abc-defg-hij", NOON + 2 * DAY_MS)
    desk.invite(circle)
    (first,) = desk.delivered()
    desk.plan(circle, None)
    assert desk.after(0) == []
    desk.do(lambda connection: connection.execute("UPDATE conferences SET title = 'Reading circle (off)'"))
    (told,) = desk.after(GATHER_MS)
    assert (told.mail.kind, told.title) == ("cancelled", "Reading circle (off)")
    method, called_off = entry(told)
    assert method == "CANCEL" and called_off["DTSTART"].dt == entry(first)[1]["DTSTART"].dt
    assert desk.after(DAY_MS) == []


def test_what_is_over_is_not_called_off(desk: Desk) -> None:
    circle = desk.create("abc-defg-hij", NOON + HOUR_MS)
    desk.invite(circle)
    desk.delivered()
    assert kinds(desk.after(2 * HOUR_MS)) == []
    desk.plan(circle, None)
    assert desk.after(DAY_MS) == []


def test_what_is_changed_bit_by_bit_is_told_at_once_when_it_is_done(desk: Desk) -> None:
    circle = desk.create("abc-defg-hij", NOON + 2 * DAY_MS)
    desk.invite(circle)
    desk.delivered()
    for hour in (1, 2, 3):
        desk.plan(circle, NOON + 2 * DAY_MS + hour * HOUR_MS)
        assert desk.after(GATHER_MS // 2) == []
    (told,) = desk.after(GATHER_MS)
    assert (told.mail.kind, told.starts) == ("changed", NOON + 2 * DAY_MS + 3 * HOUR_MS)


def test_to_and_fro_is_one_mail_in_five_minutes_and_says_how_it_is_then(desk: Desk) -> None:
    circle = desk.create("abc-defg-hij", NOON + 2 * DAY_MS)
    desk.invite(circle)
    desk.delivered()
    desk.plan(circle, None)
    desk.after(0)
    assert kinds(desk.after(GATHER_MS)) == ["cancelled"]
    for day in (3, 4, 5):
        desk.plan(circle, NOON + day * DAY_MS)
        assert desk.after(GATHER_MS) == []
    (told,) = desk.after(CHANGES_EVERY_MS)
    assert (told.mail.kind, told.starts, told.sequence) == ("changed", NOON + 5 * DAY_MS, 4)


def withdraw(attendee: attendees.Attendee, now: int, connection: sqlite3.Connection) -> None:
    attendees.settle(connection, attendee, attendees.State.WITHDRAWN, "", now)


def test_an_entry_that_was_withdrawn_and_sent_again_has_a_higher_sequence_each_time(desk: Desk) -> None:
    circle = desk.create("abc-defg-hij", NOON + 9 * DAY_MS)
    desk.invite(circle, "ben@example.org")
    assert [told.sequence for told in desk.delivered()] == [0]
    said = []
    for _ in range(2):
        anna = desk.invite(circle)
        said += desk.delivered()
        desk.now += 1000
        desk.do(functools.partial(withdraw, anna, desk.now))
        said += desk.delivered()
        desk.now += 1000
    assert kinds(said) == ["invitation", "withdrawn"] * 2
    assert [told.sequence for told in said] == [0, 1, 2, 3]
    desk.invite(circle)
    desk.delivered()
    desk.plan(circle, NOON + 8 * DAY_MS)
    desk.after(0)
    assert {told.email: told.sequence for told in desk.after(GATHER_MS)} == {
        "anna@example.org": 5,
        "ben@example.org": 1,
    }


# --- reminders -------------------------------------------------------------------------------------


def test_each_reminder_goes_out_once_at_its_moment_to_those_who_are_expected(desk: Desk) -> None:
    starts = NOON + 2 * DAY_MS
    circle = desk.create("abc-defg-hij", starts)
    desk.invite(circle)
    gone = desk.invite(circle, "ben@example.org")
    assert len(desk.delivered()) == 2
    desk.do(lambda connection: attendees.settle(connection, gone, attendees.State.WITHDRAWN, "", desk.now))
    assert kinds(desk.delivered()) == ["withdrawn"]
    assert desk.after(DAY_MS - 1) == []
    (told,) = desk.after(1)
    assert (told.mail.kind, told.email) == ("reminder-1440", "anna@example.org")
    written: Any = letter.message(told, "podium@example.org")
    assert (
        written["Subject"] == "Reminder: Reading circle"
        and "It begins in a day" in written.get_body(("html",)).get_content()
    )
    assert desk.after(0) == []
    # Invited after the moment of the first: of the second she is reminded.
    desk.invite(circle, "cleo@example.org")
    assert kinds(desk.delivered()) == ["invitation"]
    assert desk.after(DAY_MS - 15 * MINUTE_MS - 1) == []
    assert sorted((told.mail.kind, told.email) for told in desk.after(1)) == [
        ("reminder-15", "anna@example.org"),
        ("reminder-15", "cleo@example.org"),
    ]
    assert desk.after(10 * MINUTE_MS) == [] and desk.after(HOUR_MS) == []


def test_after_an_outage_nobody_is_reminded_twice_and_of_what_has_begun_nobody(desk: Desk) -> None:
    soon, begun = desk.create("abc-defg-hij", NOON + 2 * DAY_MS), desk.create("abc-defg-hik", NOON + 2 * DAY_MS - 1)
    for conference in (soon, begun):
        desk.invite(conference)
    desk.delivered()
    (told,) = desk.after(2 * DAY_MS - 1)
    assert (told.mail.kind, told.conference) == ("reminder-15", soon)


@pytest.mark.parametrize(
    ("left_ms", "said"),
    [
        (DAY_MS - 5 * MINUTE_MS, "in a day"),
        (5 * HOUR_MS + 59 * MINUTE_MS, "in 5 hours"),
        (HOUR_MS, "in an hour"),
        (50 * MINUTE_MS + 1, "in 50 minutes"),
    ],
)
def test_a_reminder_that_an_outage_held_up_says_how_far_off_it_is_now(desk: Desk, left_ms: int, said: str) -> None:
    circle = desk.create("abc-defg-hij", NOON + 2 * DAY_MS)
    desk.invite(circle)
    desk.delivered()
    (told,) = desk.after(2 * DAY_MS - left_ms)
    assert told.mail.kind == "reminder-1440"
    written: Any = letter.message(told, "podium@example.org")
    assert f"It begins {said}" in written.get_body(("html",)).get_content()


def test_a_reminder_of_a_time_that_is_no_more_does_not_go_out(desk: Desk) -> None:
    starts = NOON + DAY_MS
    circle = desk.create("abc-defg-hij", starts)
    desk.invite(circle)
    desk.delivered()
    desk.now = starts - 15 * MINUTE_MS
    desk.do(lambda connection: agenda.settle(connection, desk.now, REMINDERS, 90))
    # It waits; meanwhile the conference is moved. Of the day before that they are not reminded any more.
    desk.plan(circle, starts + HOUR_MS)
    assert desk.after(0) == []
    assert kinds(desk.after(GATHER_MS)) == ["changed"]
    assert kinds(desk.after(HOUR_MS)) == ["reminder-15"]


def test_without_reminders_there_are_none(desk: Desk) -> None:
    circle = desk.create("abc-defg-hij", NOON + DAY_MS)
    desk.invite(circle)
    desk.delivered()
    assert desk.after(DAY_MS - MINUTE_MS, reminders=()) == []


# --- limits ----------------------------------------------------------------------------------------


def test_one_address_is_sent_so_much_within_an_hour_from_all_conferences_together(desk: Desk) -> None:
    for number in range(MAX_TO_ONE):
        desk.invite(desk.create(f"abc-defg-{number:03d}", NOON + DAY_MS))
        assert kinds(desk.delivered()) == ["invitation"]
    more = desk.create("abc-defg-hij", NOON + DAY_MS)
    links = desk.do(count_links)
    with pytest.raises(TooMuch):
        desk.invite(more)
    assert desk.delivered() == [] and desk.do(count_links) == links
    # Others are written to, and who registers that address is told nothing and learns nothing.
    desk.invite(more, "ben@example.org")
    assert [told.email for told in desk.delivered()] == ["ben@example.org"]
    desk.do(lambda connection: attendees.set_registration(connection, more, Registration.VIEWERS))
    desk.register(more, "anna@example.org")
    assert desk.delivered() == []
    desk.now += HOUR_MS
    desk.invite(more)
    assert [told.email for told in desk.delivered()] == ["anna@example.org"]


def test_who_is_not_invited_anew_keeps_the_link_they_have(desk: Desk) -> None:
    circle = desk.create("abc-defg-hij", NOON + DAY_MS)
    for _ in range(MAX_TO_ONE):
        desk.now += 1000
        kept = desk.invite(circle)
        assert kinds(desk.delivered()) == ["invitation"]
    speaker = desk.link(circle, Role.SPEAKER)

    def several(connection: Any) -> None:
        """As when many are invited at once: of those who are not, nothing stays."""
        with pytest.raises(TooMuch):
            attendees.expect(connection, speaker, kept.email, "Anna", desk.now)

    desk.do(several)
    found = desk.do(lambda connection: connection.execute("SELECT id, revoked FROM guest_links").fetchall())
    assert found == [(kept.link, None)]
    assert desk.do(lambda connection: attendees.by_email(connection, circle, kept.email)) == kept


def count_links(connection: Any) -> int:
    return int(connection.execute("SELECT count(*) FROM guest_links").fetchone()[0])


def test_more_than_can_wait_is_refused_or_put_off_and_nothing_is_half_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    circle = desk.create("abc-defg-hij", NOON + DAY_MS)
    people = [f"p{number}@example.org" for number in range(3)]
    for email in people:
        desk.invite(circle, email)
    monkeypatch.setattr(outbox, "MAX_WAITING", 3)
    links = desk.do(count_links)
    with pytest.raises(Crowded):
        desk.invite(circle, "late@example.org")
    assert desk.do(count_links) == links
    assert sorted(told.email for told in desk.delivered()) == people
    # What follows from the plan waits until there is room.
    monkeypatch.setattr(outbox, "MAX_WAITING", 2)
    desk.plan(circle, None)
    desk.after(0)
    assert desk.after(GATHER_MS) == []
    monkeypatch.setattr(outbox, "MAX_WAITING", 3)
    desk.after(0)
    assert kinds(desk.after(GATHER_MS)) == ["cancelled"] * 3


def test_of_one_conference_so_many_register_within_an_hour(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "MAX_PER_HOUR", 2)
    circle = desk.create("abc-defg-hij", NOON + DAY_MS)
    desk.do(lambda connection: attendees.set_registration(connection, circle, Registration.VIEWERS))
    for email in ("a@example.org", "b@example.org"):
        desk.register(circle, email)
    with pytest.raises(registration.TooManyNow):
        desk.register(circle, "c@example.org")
    assert kinds(desk.delivered()) == ["confirmed"] * 2
    desk.now += HOUR_MS
    desk.register(circle, "c@example.org")
    assert kinds(desk.delivered()) == ["confirmed"]
