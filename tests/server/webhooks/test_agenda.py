"""When which conference is looked at next."""

from __future__ import annotations

from server.webhooks.agenda import Agenda


def test_what_is_due_first_is_taken_first_and_nothing_before_it_is_due() -> None:
    agenda = Agenda()
    agenda.wake("later", 5.0)
    agenda.wake("sooner", 3.0)
    assert agenda.next == 3.0
    assert agenda.take(2.9) is None
    assert [agenda.take(6.0), agenda.take(6.0), agenda.take(6.0)] == ["sooner", "later", None]


def test_a_conference_is_taken_by_one_at_a_time() -> None:
    agenda = Agenda()
    agenda.wake("a", 0.0)
    agenda.wake("a", 0.0)
    assert agenda.take(1.0) == "a"
    agenda.wake("a", 1.0)
    assert agenda.take(2.0) is None


def test_what_happens_while_it_is_looked_at_makes_it_due_again() -> None:
    agenda = Agenda()
    agenda.wake("a", 0.0)
    agenda.take(0.0)
    agenda.wake("a", 1.2)
    agenda.done("a", None)
    assert agenda.next == 1.2 and agenda.take(1.2) == "a"
    agenda.done("a", None)
    assert agenda.next is None


def test_news_does_not_shorten_the_wait_after_a_failure() -> None:
    agenda = Agenda()
    agenda.wake("a", 0.0)
    agenda.take(0.0)
    agenda.wake("a", 0.2)
    agenda.done("a", 60.0)
    agenda.wake("a", 1.0)
    assert agenda.next == 60.0 and agenda.take(59.0) is None
    assert agenda.take(60.0) == "a"
