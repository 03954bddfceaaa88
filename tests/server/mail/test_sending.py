"""Mails through a real mail server in a process of its own: TLS, log-in, refusals, outages, restarts, two nodes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED_FLAGS
from tests.harness import Server
from tests.redis_server import RedisServer
from tests.smtp_server import SmtpServer

HOUR_MS = 3_600_000


@pytest.fixture
def smtp(tmp_path: Path) -> Iterator[Callable[..., SmtpServer]]:
    made: list[SmtpServer] = []

    def start(**options: Any) -> SmtpServer:
        made.append(SmtpServer(tmp_path / f"mail{len(made)}", **options).start())
        return made[-1]

    yield start
    for each in made:
        each.stop()


def attendees(server: Server, conference: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.api("GET", f"/conferences/{conference}/attendees", token=server.login().token)[
        "attendees"
    ]
    return found


def mail_of(server: Server, conference: str, email: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in attendees(server, conference) if one["email"] == email)["mail"]
    return found


def until_mail(server: Server, conference: str, email: str, state: str, seconds: float = 20.0) -> dict[str, Any]:
    begun = time.monotonic()
    while (mail := mail_of(server, conference, email))["state"] != state:
        assert time.monotonic() - begun < seconds, mail
        time.sleep(0.05)
    return mail


def invite(server: Server, conference: str, *people: str, role: str = "viewer", **more: Any) -> Any:
    body = {"people": [{"email": each} for each in people], "role": role, **more}
    return server.api("POST", f"/conferences/{conference}/attendees", body, server.login().token)


def planned(server: Server, starts_in_ms: int, title: str = "Reading circle") -> str:
    starts = int(time.time() * 1000) + starts_in_ms
    body = {"title": title, "starts": starts, "ends": starts + HOUR_MS}
    return str(server.api("POST", "/conferences", body, server.login().token)["conference"])


@pytest.mark.parametrize(("security", "user"), [("starttls", "podium"), ("tls", "podium"), ("none", "")])
def test_an_invitation_goes_out_and_its_link_leads_in_with_the_role(
    podium_server: Callable[..., Server], smtp: Callable[..., SmtpServer], security: str, user: str
) -> None:
    mails = smtp(security=security, user=user)
    server = podium_server(*mails.flags, environment=mails.environment)
    conference = planned(server, 48 * HOUR_MS)
    assert invite(server, conference, "anna@example.org", role="speaker") == {"invited": 1, "refused": []}
    (letter,) = mails.wait(1)
    assert (letter.sender, letter.to) == ("podium@example.org", "anna@example.org")
    assert (letter.tls, letter.user) == (security != "none", user)
    assert letter.subject == "Invitation: Reading circle"
    assert re.fullmatch(r"<m_[0-9a-f]{16}@example\.org>", letter.message["Message-ID"])
    assert letter.link.startswith(f"{server.url}/c/{conference}#invite=") and letter.link in letter.html
    token = letter.link.partition("#invite=")[2]
    entered = server.api("POST", "/guests", {"invite": token, "name": "Anna"})
    assert entered["conference"] == conference
    event, calendar = letter.event, letter.calendar
    assert event is not None and calendar is not None
    assert (str(calendar["METHOD"]), int(event["SEQUENCE"])) == ("REQUEST", 0)
    assert str(event["UID"]) == f"{conference}@example.org" and str(event["URL"]) == letter.link
    assert until_mail(server, conference, "anna@example.org", "sent")["attempts"] == 1
    # The personal link is listed with whose it is, not among the links that were made.
    links = server.api("GET", f"/conferences/{conference}/invitations", token=server.login().token)
    assert links["invitations"] == []


def test_an_invitation_is_as_good_as_the_right_of_whoever_sent_it_and_good_again_when_somebody_else_does(
    podium_server: Callable[..., Server], smtp: Callable[..., SmtpServer]
) -> None:
    mails = smtp()
    server = podium_server(*mails.flags)
    conference, owner = planned(server, 48 * HOUR_MS), server.login()
    code = server.podium("account", "add", "ada", "--role", "admin").stdout.strip().partition("#code=")[2]
    ada = server.api("POST", "/login", {"code": code})
    body = {"people": [{"email": "anna@example.org"}], "role": "moderator"}
    server.api("POST", f"/conferences/{conference}/attendees", body, ada["token"])
    entry = {"invite": mails.wait(1)[0].link.partition("#invite=")[2], "name": "Anna"}
    server.api("PUT", f"/workspace/people/{ada['account']['id']}", {"server_role": "member"}, owner.token)
    refused = server.request("POST", "/api/v1/guests", entry)
    assert (refused.status, refused.json["code"]) == (401, "bad_token")
    invite(server, conference, "anna@example.org", role="moderator")
    mails.wait(2)
    assert server.api("POST", "/guests", entry)["conference"] == conference


def test_a_mail_server_without_tls_gets_nothing_where_tls_is_asked_for(
    podium_server: Callable[..., Server], smtp: Callable[..., SmtpServer]
) -> None:
    mails = smtp()
    flags = ["starttls" if each == "none" else each for each in mails.flags]
    server = podium_server(*flags)
    conference = planned(server, 48 * HOUR_MS)
    invite(server, conference, "anna@example.org")
    begun = time.monotonic()
    while not (mail := mail_of(server, conference, "anna@example.org"))["error"]:
        assert time.monotonic() - begun < 20
        time.sleep(0.05)
    assert "STARTTLS" in mail["error"] and mails.tries == []


def test_refusals_are_shown_and_what_is_refused_for_now_is_tried_again(
    podium_server: Callable[..., Server], smtp: Callable[..., SmtpServer]
) -> None:
    mails = smtp()
    server = podium_server(*mails.flags)
    conference = planned(server, 48 * HOUR_MS)
    answer = invite(
        server,
        conference,
        *("nobody@example.org", "spam@example.org", "later-2@example.org", "anna@example.org", "not an address"),
    )
    assert answer == {"invited": 4, "refused": [{"email": "not an address", "why": "This is no e-mail address."}]}
    mails.wait(2)
    assert {letter.to for letter in mails.letters} == {"anna@example.org", "later-2@example.org"}
    assert mails.tries.count("later-2@example.org") == 3
    nobody = until_mail(server, conference, "nobody@example.org", "failed")
    assert nobody["error"] == "550 5.1.1 There is nobody of this name" and nobody["attempts"] == 1
    assert until_mail(server, conference, "spam@example.org", "failed")["error"].startswith("554 5.7.1")
    assert until_mail(server, conference, "later-2@example.org", "sent")["attempts"] == 3
    metrics = server.metrics()
    assert metrics['podium_mails_total{outcome="failed"}'] == 2 and metrics['podium_mails_total{outcome="again"}'] == 2


def test_what_waits_survives_a_killed_server_and_a_mail_server_that_is_down(
    podium_server: Callable[..., Server], smtp: Callable[..., SmtpServer]
) -> None:
    mails = smtp()
    mails.stop()
    server = podium_server(*mails.flags)
    conference = planned(server, 48 * HOUR_MS)
    begun = time.monotonic()
    invite(server, conference, *(f"p{number}@example.org" for number in range(12)))
    # The request waits for no mail server.
    assert time.monotonic() - begun < 2
    server.kill9()
    mails.start()
    server.start()
    letters = mails.wait(12)
    assert len({letter.message["Message-ID"] for letter in letters}) == 12
    until_mail(server, conference, "p11@example.org", "sent")
    server.restart()
    time.sleep(1.5)
    assert len(mails.letters) == 12


def test_a_mail_whose_sender_died_is_sent_again_as_the_same(
    podium_server: Callable[..., Server], smtp: Callable[..., SmtpServer]
) -> None:
    mails = smtp()
    server = podium_server(*mails.flags)
    conference = planned(server, 48 * HOUR_MS)
    invite(server, conference, "slow@example.org")
    begun = time.monotonic()
    while not mails.tries:
        assert time.monotonic() - begun < 20
        time.sleep(0.01)
    server.kill9()
    time.sleep(1.5)
    server.start()
    until_mail(server, conference, "slow@example.org", "sent")
    assert len({letter.message["Message-ID"] for letter in mails.letters}) == 1


def test_what_is_called_off_leaves_the_calendar_and_of_what_begins_soon_people_are_reminded(
    podium_server: Callable[..., Server], smtp: Callable[..., SmtpServer]
) -> None:
    mails = smtp()
    server = podium_server(*mails.flags, "--mail-reminders", "1")
    token = server.login().token
    soon, off = planned(server, 66_000, "Morning round"), planned(server, 48 * HOUR_MS)
    for conference in (off, soon):
        invite(server, conference, "anna@example.org")
    invited = {letter.subject: letter for letter in mails.wait(2)}
    server.api("PATCH", f"/conferences/{off}", {"starts": None, "ends": None}, token)
    told = {letter.subject: letter for letter in mails.wait(4, 60)}
    first, last = invited["Invitation: Reading circle"], told["Cancelled: Reading circle"]
    assert last.calendar is not None and last.event is not None and first.event is not None
    assert str(last.calendar["METHOD"]) == "CANCEL" and str(last.event["STATUS"]) == "CANCELLED"
    assert last.event["UID"] == first.event["UID"] and int(last.event["SEQUENCE"]) == 1
    assert last.event["DTSTART"].dt == first.event["DTSTART"].dt and last.link == ""
    reminder = told["Reminder: Morning round"]
    assert reminder.calendar is None and "in a minute" in reminder.html
    joined = server.api("POST", "/guests", {"invite": reminder.link.partition("#invite=")[2], "name": "Anna"})
    assert joined["conference"] == soon


def test_an_account_and_an_address_have_a_limit_and_who_is_above_it_is_told_so(
    podium_server: Callable[..., Server], smtp: Callable[..., SmtpServer]
) -> None:
    mails = smtp()
    server = podium_server(*mails.flags, "--mails-per-hour", "13", *SHARED_FLAGS)
    conferences = [planned(server, 48 * HOUR_MS) for _ in range(11)]
    for conference in conferences[:10]:
        assert invite(server, conference, "anna@example.org")["invited"] == 1
    answer = invite(server, conferences[10], "anna@example.org", "ben@example.org")
    assert answer["invited"] == 1
    assert answer["refused"] == [
        {"email": "anna@example.org", "why": "This address has been sent enough mails for an hour."}
    ]
    assert [one["email"] for one in attendees(server, conferences[10])] == ["ben@example.org"]
    body = {"people": [{"email": f"p{number}@example.org"} for number in range(3)], "role": "viewer"}
    path = f"/api/v1/conferences/{conferences[10]}/attendees"
    refused = server.request("POST", path, body, server.login().token)
    assert (refused.status, refused.json["code"], refused.json["details"]["left"]) == (429, "rate_limited", 2)
    assert refused.json["message"] == "You can invite 2 more people by e-mail within this hour."
    assert len(attendees(server, conferences[10])) == 1, "all or none"
    assert invite(server, conferences[10], "p1@example.org", "p2@example.org")["invited"] == 2
    mails.wait(13)


def test_moving_is_told_with_the_same_entry_and_a_higher_sequence(
    podium_server: Callable[..., Server], smtp: Callable[..., SmtpServer]
) -> None:
    mails = smtp()
    server = podium_server(*mails.flags)
    token = server.login().token
    zone = {"name": "Choir", "description": "", "time_zone": "Europe/Vienna"}
    server.api("PUT", "/workspace", zone, token)
    conference = planned(server, 48 * HOUR_MS)
    invite(server, conference, "anna@example.org")
    (first,) = mails.wait(1)
    assert "(Europe/Vienna)" in first.text and first.event is not None and first.calendar is not None
    assert first.event["DTSTART"].params["TZID"] == "Europe/Vienna"
    assert [str(zone["TZID"]) for zone in first.calendar.walk("VTIMEZONE")] == ["Europe/Vienna"]
    starts = int(time.time() * 1000) + 72 * HOUR_MS
    path = f"/conferences/{conference}"
    server.api("PATCH", path, {"starts": starts, "ends": starts + HOUR_MS}, token)
    second = mails.wait(2)[1]
    assert second.subject == "Changed: Reading circle" and second.event is not None
    assert second.event["UID"] == first.event["UID"] and int(second.event["SEQUENCE"]) == 1
    assert int(second.event["DTSTART"].dt.timestamp()) == starts // 1000
    # The link is the one they had, though it is signed anew.
    old, new = (letter.link.partition("#invite=")[2] for letter in (first, second))
    assert server.api("POST", "/guests", {"invite": old, "name": "A"})["conference"] == conference
    assert server.api("POST", "/guests", {"invite": new, "name": "A"})["conference"] == conference


def test_two_nodes_send_each_mail_once(
    podium_server: Callable[..., Server], smtp: Callable[..., SmtpServer], tmp_path: Path
) -> None:
    mails, redis = smtp(), RedisServer(tmp_path / "redis").start()
    try:
        one = podium_server(*mails.flags, "--redis", redis.url)
        two = podium_server(*mails.flags, "--redis", redis.url, name="second")
        conference = planned(one, 48 * HOUR_MS)
        for part in range(2):
            invite(one, conference, *(f"p{part}-{number}@example.org" for number in range(30)))
        letters = mails.wait(60)
        until_mail(one, conference, "p1-29@example.org", "sent")
        time.sleep(1.0)
        assert len(mails.letters) == 60 and len({letter.to for letter in letters}) == 60
        sent = [node.metrics().get('podium_mails_total{outcome="sent"}', 0) for node in (one, two)]
        assert sum(sent) == 60
    finally:
        redis.stop()


def test_a_server_without_a_mail_server_says_so(shared_server: Server) -> None:
    conference = shared_server.create("Silent")
    body = {"people": [{"email": "a@example.org"}], "role": "viewer"}
    token = shared_server.login().token
    answer = shared_server.request("POST", f"/api/v1/conferences/{conference}/attendees", body, token)
    assert answer.json["code"] == "unsupported" and "no mail server" in answer.json["message"]
    assert shared_server.api("GET", f"/conferences/{conference}/attendees", token=token)["sends"] is False
