"""Reports over HTTP and on the command line: who may read them, pages, filters, CSV and JSON."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from typing import Any

import msgspec
import pytest

from server.records.reports import cell
from server.records.rows import ChatLine, LinkLine, PersonLine, PollLine, QuestionLine, StayLine
from tests.harness import Client, Server

Head = list[dict[str, str]]


def table(text: str) -> Head:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
async def scene(shared_server: Server, clients: Any) -> tuple[Server, str, Client, Client]:
    """A conference with its owner and a guest with a dangerous name, of whom the owner has muted one source."""
    conference = shared_server.create("Reports")
    owner = await clients(shared_server, shared_server.login(), conference)
    guest = await clients(shared_server, shared_server.guest("=1+1", conference=conference), conference)
    await owner.send("media.mute", source="audio", target=guest.identity)
    return shared_server, conference, owner, guest


async def test_the_record_is_read_by_pages_and_filtered(scene: Any) -> None:
    server, conference, owner, guest = scene
    token = server.login().token
    path = f"/conferences/{conference}/audit"
    whole = server.api("GET", path, token=token)
    assert whole.get("next") is None
    assert [(one["actor"], one["command"]) for one in whole["entries"]] == [
        (owner.identity, "create"),
        (owner.identity, "enter"),
        (owner.identity, "link.make"),
        (guest.identity, "enter"),
        (owner.identity, "media.mute"),
    ]
    first = server.api("GET", f"{path}?limit=3", token=token)
    second = server.api("GET", f"{path}?limit=3&after={first['next']}", token=token)
    assert first["entries"] + second["entries"] == whole["entries"] and second.get("next") is None
    muted = server.api("GET", f"{path}?action=media.mute&actor={owner.identity}", token=token)["entries"]
    assert muted == whole["entries"][-1:]
    assert server.api("GET", f"{path}?actor=u_nobody", token=token)["entries"] == []


async def test_what_is_done_over_http_alone_is_in_the_record_too(shared_server: Server) -> None:
    conference, owner = shared_server.create("Noted"), shared_server.login()
    made = shared_server.api(
        "POST", f"/conferences/{conference}/invitations", {"role": "viewer", "label": "choir"}, token=owner.token
    )
    shared_server.api("PATCH", f"/conferences/{conference}", {"starts": 1_900_000_000_000}, token=owner.token)
    path = f"/conferences/{conference}/invitations/{made['id']}/revoke"
    shared_server.api("POST", path, {"end_sessions": False}, token=owner.token)
    lines = shared_server.api("GET", f"/conferences/{conference}/audit", token=owner.token)["entries"]
    assert [(one["actor"], one["command"], one.get("target", "")) for one in lines[1:]] == [
        (owner.identity, "link.make", made["id"]),
        (owner.identity, "conference.plan", ""),
        (owner.identity, "link.revoke", made["id"]),
    ]
    assert lines[1]["details"] == {"role": "viewer", "label": "choir"}
    assert made["token"] not in json.dumps(lines)


async def test_a_wrong_parameter_is_named(scene: Any) -> None:
    server, conference, _, _ = scene
    for query, name in (("limit=0", "limit"), ("limit=many", "limit"), ("after=-1", "after"), ("format=pdf", "format")):
        answer = server.request("GET", f"/api/v1/conferences/{conference}/audit?{query}", token=server.login().token)
        assert (answer.status, answer.json["code"]) == (400, "bad_message")
        assert answer.json["details"]["path"] == f"$.{name}"
    answer = server.request("GET", f"/api/v1/conferences/{conference}/audit?acter=x", token=server.login().token)
    assert answer.status == 400 and "acter" in answer.json["message"]
    answer = server.request("GET", f"/api/v1/conferences/{conference}/reports/weather", token=server.login().token)
    assert answer.status == 404


async def test_only_organizers_and_who_reads_all_reports_read_them(scene: Any, clients: Any) -> None:
    server, conference, owner, _ = scene
    moderator = server.guest("Mo", "moderator", conference)
    await clients(server, moderator, conference)
    paths = [f"/api/v1/conferences/{conference}/{what}" for what in ("audit", "reports/people", "reports/chat")]

    def statuses(token: str | None) -> set[int]:
        return {server.request("GET", path, token=token).status for path in paths}

    member = login(server, "reader")
    assert statuses(None) == {401}
    assert statuses(moderator.token) == {403}
    assert statuses(member["token"]) == {403}
    # Made an organizer of this conference, also without being in it.
    await owner.send("role.assign", target=member["account"]["id"], role="organizer")
    assert statuses(member["token"]) == {200}
    await owner.send("participant.block", target=member["account"]["id"])
    assert statuses(member["token"]) == {403}
    assert server.request("GET", paths[0].replace(conference, "no-such-one"), token=member["token"]).status == 404


def login(server: Server, name: str) -> dict[str, Any]:
    """A new account, logged in."""
    link = server.podium("account", "add", name).stdout.strip()
    found: dict[str, Any] = server.api("POST", "/login", {"code": link.rpartition("code=")[2]})
    return found


async def test_the_record_as_csv_holds_no_formula_and_as_json_all_that_is_known(scene: Any) -> None:
    server, conference, _, guest = scene
    path, token = f"/api/v1/conferences/{conference}/audit", server.login().token
    response = server.request("GET", f"{path}?format=csv", token=token)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == f'attachment; filename="{conference}-audit.csv"'
    assert response.headers["cache-control"] == "no-store"
    rows = table(response.body.decode())
    assert [row["command"] for row in rows] == [*("create", "enter", "link.make", "enter", "media.mute")]
    assert rows[3]["name"] == "'=1+1" and rows[4]["target"] == guest.identity
    assert rows[4]["details"] == '{"source":"audio"}'
    found = json.loads(server.request("GET", f"{path}?format=json&action=enter", token=token).body)
    assert [row["name"] for row in found] == ["Owner", "=1+1"] and found[1]["details"]["kind"] == "guest"
    empty = server.request("GET", f"{path}?format=json&action=nothing", token=token)
    assert json.loads(empty.body) == []


async def test_a_long_record_comes_whole(shared_server: Server) -> None:
    conference, token = shared_server.create("Long"), shared_server.login().token
    rows = [(1, "n", f"u_{n}", "", "media.mute", "", "[]", "{}", "[]", n, n + 1, conference) for n in range(1200)]
    columns = "time, node, actor, name, command, target, reached, details, events, before, version, room"
    with sqlite3.connect(shared_server.data / "podium.db") as database:
        database.executemany(f"INSERT INTO audit ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", rows)
    database.close()
    path = f"/api/v1/conferences/{conference}/audit"
    found = table(shared_server.request("GET", f"{path}?format=csv", token=token).body.decode())
    assert [row["actor"] for row in found[1:]] == [f"u_{n}" for n in range(1200)]
    assert len(json.loads(shared_server.request("GET", f"{path}?format=json", token=token).body)) == 1201


async def test_people_are_told_with_role_and_times_also_when_they_are_gone(scene: Any, clients: Any) -> None:
    server, conference, owner, guest = scene
    await owner.send("role.assign", target=guest.identity, role="speaker")
    await guest.send("conference.leave")
    path, token = f"/api/v1/conferences/{conference}/reports/people", server.login().token
    response = server.request("GET", path, token=token)
    assert response.headers["content-disposition"].endswith('people.csv"')
    first, second = table(response.body.decode())
    assert (first["identity"], first["role"], first["present"]) == (owner.identity, "organizer", "yes")
    assert (second["name"], second["kind"], second["role"], second["present"]) == ("'=1+1", "guest", "speaker", "no")
    assert second["came"] == "1" and second["first_came"] == second["last_came"]
    again = json.loads(server.request("GET", path + "?format=json", token=token).body)
    assert [one["identity"] for one in again] == [owner.identity, guest.identity] and again[1]["present"] is False


async def test_who_got_no_further_than_the_door_was_not_there_and_who_was_let_in_was(scene: Any, clients: Any) -> None:
    server, conference, owner, _ = scene
    await owner.send("conference.settings", lobby="guests")
    admitted, refused = (server.guest(name, conference=conference) for name in ("Ada", "Rob"))
    for somebody in (admitted, refused):
        waiting = await clients(server, somebody)
        await waiting.send("conference.join", conference=conference)
    await owner.send("lobby.admit", target=admitted.identity)
    await owner.send("lobby.refuse", target=refused.identity)
    path, token = f"/conferences/{conference}", server.login().token
    people = server.api("GET", f"{path}/reports/people?format=json", token=token)
    assert [(one["name"], one["came"]) for one in people] == [("Owner", 1), ("=1+1", 1), ("Ada", 1)]
    record = server.api("GET", f"{path}/audit?action=enter", token=token)["entries"]
    assert [(one["name"], one["events"]) for one in record[2:]] == [
        ("Ada", ["lobby.entered"]),
        ("Rob", ["lobby.entered"]),
    ]


async def test_who_came_back_within_the_grace_period_came_once(scene: Any, clients: Any) -> None:
    server, conference, owner, _ = scene
    ada = server.guest("Ada", conference=conference)
    lost = await clients(server, ada, conference)
    await lost.drop()
    await owner.event("participant.away", person=ada.identity)
    back = await clients(server, ada, conference)
    path, token = f"/conferences/{conference}/reports", server.login().token

    def told() -> tuple[int, int]:
        people, stays = (
            server.api("GET", f"{path}/{each}?format=json", token=token) for each in ("people", "attendance")
        )
        came = next(one["came"] for one in people if one["name"] == "Ada")
        return came, sum(one["name"] == "Ada" for one in stays)

    assert told() == (1, 1)
    await back.send("conference.leave")
    await back.join(conference)
    assert told() == (2, 2)


async def test_of_those_whom_one_command_concerned_who_came_in_and_who_left_is_told_apart(
    scene: Any, clients: Any
) -> None:
    server, conference, owner, _ = scene
    await owner.send("conference.settings", backstage=True, capacity=2)  # which sends the viewer out
    early, late = (server.guest(name, conference=conference) for name in ("Ada", "Rob"))
    for somebody in (early, late):
        waiting = await clients(server, somebody)
        await waiting.send("conference.join", conference=conference)
    await owner.send("conference.start")  # with a place for one of them
    await owner.send("conference.end")
    path, token = f"/conferences/{conference}/reports", server.login().token
    people = server.api("GET", f"{path}/people?format=json", token=token)
    assert [one["name"] for one in people] == ["Owner", "=1+1", "Ada"]
    stays = server.api("GET", f"{path}/attendance?format=json", token=token)
    assert sorted(one["name"] for one in stays) == ["=1+1", "Ada", "Owner"]


async def test_each_stay_is_told_with_its_times_however_it_ended(scene: Any, clients: Any) -> None:
    server, conference, owner, guest = scene
    await guest.send("conference.leave")
    kicked = await clients(server, server.guest("Kim", conference=conference), conference)
    await owner.send("participant.remove", target=kicked.identity)
    path, token = f"/api/v1/conferences/{conference}/reports/attendance", server.login().token
    rows = table(server.request("GET", path, token=token).body.decode())
    assert [(row["name"], row["left"] != "") for row in rows] == [("'=1+1", True), ("Kim", True), ("Owner", False)]
    await owner.send("conference.end")
    stays = json.loads(server.request("GET", f"{path}?format=json", token=token).body)
    assert [row["name"] for row in stays] == ["=1+1", "Kim", "Owner"]
    assert all(row["came"] <= row["left"] and row["seconds"] >= 0 for row in stays)


async def test_each_stay_has_what_was_measured_of_it(scene: Any) -> None:
    server, conference, owner, guest = scene
    await guest.send("conference.leave")
    await guest.join(conference)
    token = server.login().token
    record = server.api("GET", f"/conferences/{conference}/audit?action=enter&actor={guest.identity}", token=token)
    first, second = (entry["version"] for entry in record["entries"])
    database = sqlite3.connect(server.data / "podium.db")
    with database:
        database.executemany(
            "INSERT INTO attendance VALUES (?, ?, ?, 1900000000000, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (conference, guest.identity, first, 61_400, 50_000, 0, 8000, 0, 1250, 10, 480, 10, 900),
                (conference, guest.identity, second, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
                (conference, "u_nobody", first, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
            ],
        )
    database.close()
    path = f"/api/v1/conferences/{conference}/reports/attendance"
    rows = table(server.request("GET", path, token=token).body.decode())
    measured = StayLine.__struct_fields__[5:]
    assert [row["identity"] for row in rows] == [guest.identity, owner.identity, guest.identity]
    assert [rows[0][name] for name in measured] == ["61", "poor", "86.2", "0.0", "13.8", "0.0", "1.2", "9.0", "48"]
    assert [[row[name] for name in measured] for row in rows[1:]] == [["0", *[""] * 8]] * 2
    (over, _, still) = msgspec.json.decode(
        server.request("GET", f"{path}?format=json", token=token).body, type=list[StayLine]
    )
    assert (over.speaking_seconds, over.quality, over.loss_percent) == (61, "poor", 1.2)
    assert (still.left, still.quality, still.rtt_ms) == ("", None, None)


async def test_who_loses_the_connection_for_good_left_as_it_broke(podium_server: Any, clients: Any) -> None:
    server = podium_server("--grace-s", "3")
    conference = server.create("Broken")
    owner = await clients(server, server.login(), conference)
    guest = await clients(server, server.guest("Gil", conference=conference), conference)
    await guest.close()
    await owner.event("participant.left", person=guest.identity)
    (stay, _) = await attendance(server, conference)
    assert stay["name"] == "Gil" and stay["left"] != "" and stay["seconds"] < 3


async def test_nobody_was_there_while_the_server_was_down(podium_server: Any, clients: Any) -> None:
    server = podium_server("--grace-s", "5")
    conference = server.create("Outage")
    owner = await clients(server, server.login(), conference)
    await clients(server, server.guest("Gil", conference=conference), conference)
    server.kill9()
    # As long as somebody is waited for, and as that may be late; then a moment.
    await asyncio.sleep(8)
    server.start()
    back = await clients(server, server.login(), conference)
    path = f"/conferences/{conference}/audit?action=enter&actor={owner.identity}"
    (_, again) = server.api("GET", path, token=server.login().token)["entries"]
    assert "participant.returned" in again["events"], "to the room it is one stay"
    await back.event("participant.left")
    stays = await attendance(server, conference)
    assert [(stay["name"], stay["left"] != "") for stay in stays] == [("Owner", True), ("Gil", True), ("Owner", False)]
    assert all(stay["seconds"] < 8 for stay in stays)
    assert stays[2]["came"] > stays[1]["left"]


async def attendance(server: Server, conference: str) -> list[dict[str, Any]]:
    """The report, read without holding up the clients."""
    path = f"/conferences/{conference}/reports/attendance?format=json"
    found: list[dict[str, Any]] = await asyncio.to_thread(server.api, "GET", path, token=server.login().token)
    return found


async def test_every_report_is_as_the_document_of_the_api_says(scene: Any) -> None:
    server, conference, owner, guest = scene
    token = server.login().token
    await guest.send("chat.send", text="Hello")
    await guest.send("question.ask", text="When?")
    await owner.send("poll.create", question="Shall we?", options=["Yes", "No"])
    await owner.send("link.publish", url="https://example.org/", title="Here")
    kinds = {
        "people": PersonLine,
        "attendance": StayLine,
        "chat": ChatLine,
        "questions": QuestionLine,
        "polls": PollLine,
        "links": LinkLine,
    }
    operation = server.request("GET", "/openapi.json").json["paths"][
        "/api/v1/conferences/{conference}/reports/{report}"
    ]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert [one["items"]["$ref"].rpartition("/")[2] for one in schema["anyOf"]] == [
        kind.__name__ for kind in kinds.values()
    ]
    for name, kind in kinds.items():
        path = f"/api/v1/conferences/{conference}/reports/{name}"
        body = server.request("GET", f"{path}?format=json", token=token).body
        lines = msgspec.json.decode(body, type=list[kind])  # type: ignore[valid-type]
        assert lines, name
        head = server.request("GET", path, token=token).body.decode().splitlines()[0]
        assert head.split(",") == list(kind.__struct_fields__)


async def test_polls_are_told_option_by_option_and_of_anonymous_ones_nobody(scene: Any) -> None:
    server, conference, owner, guest = scene
    for number, anonymous in ((1, False), (2, True)):
        options = ["=Yes", "No"]
        await owner.send("poll.create", question="Shall we?", options=options, anonymous=anonymous)
        await owner.send("poll.launch", poll=number)
        await guest.send("poll.answer", poll=number, chosen=[0])
    path, token = f"/api/v1/conferences/{conference}/reports/polls", server.login().token
    rows = table(server.request("GET", path, token=token).body.decode())
    assert [(row["number"], row["option"], row["chosen"]) for row in rows] == [
        ("1", "'=Yes", "1"),
        ("1", "No", "0"),
        ("2", "'=Yes", "1"),
        ("2", "No", "0"),
    ]
    assert [row["chosen_by"] for row in rows] == [guest.identity, "", "", ""]
    known = json.loads(server.request("GET", f"{path}?format=json", token=token).body)
    assert [(row["option"], row["chosen"], row["chosen_by"]) for row in known[:2]] == [
        ("=Yes", 1, [guest.identity]),
        ("No", 0, []),
    ]


async def test_the_links_are_told_with_where_they_lead(scene: Any) -> None:
    server, conference, owner, _ = scene
    await owner.send("link.publish", url="https://example.org/a?b=1&c=2", title="=1+1")
    await owner.send("link.publish", url="https://example.org/second", title="The second")
    await owner.send("link.promote", link=2)
    path, token = f"/api/v1/conferences/{conference}/reports/links", server.login().token
    first, second = table(server.request("GET", path, token=token).body.decode())
    assert (first["title"], first["url"]) == ("'=1+1", "https://example.org/a?b=1&c=2")
    assert (first["on_stage"], second["on_stage"]) == ("no", "yes") and second["person"] == owner.identity
    rows = json.loads(server.request("GET", f"{path}?format=json", token=token).body)
    assert [(row["number"], row["title"], row["on_stage"]) for row in rows] == [
        (1, "=1+1", False),
        (2, "The second", True),
    ]


async def test_the_chat_is_told_in_order(scene: Any) -> None:
    server, conference, owner, guest = scene
    await guest.send("chat.send", text='@SUM(A1), "quoted"\nand more')
    await owner.send("chat.send", text="Welcome")
    path, token = f"/api/v1/conferences/{conference}/reports/chat", server.login().token
    rows = table(server.request("GET", path, token=token).body.decode())
    assert [row["text"] for row in rows] == ['\'@SUM(A1), "quoted"\nand more', "Welcome"]
    assert rows[0]["name"] == "'=1+1" and rows[0]["time"].endswith("Z")


async def test_the_questions_are_told_with_their_answers_also_private_ones(scene: Any) -> None:
    server, conference, owner, guest = scene
    await guest.send("question.ask", text="=When?")
    await guest.send("question.ask", text="Why?", private=True)
    await owner.send("question.upvote", question=1)
    await owner.send("question.answer", question=1, text="At noon.")
    path, token = f"/api/v1/conferences/{conference}/reports/questions", server.login().token
    first, second = table(server.request("GET", path, token=token).body.decode())
    assert (first["text"], first["votes"], first["answer"]) == ("'=When?", "1", "At noon.")
    assert first["answered_by"] and first["answered"] >= first["time"] and first["private"] == "no"
    assert (second["text"], second["private"], second["answer"], second["answered"]) == ("Why?", "yes", "", "")
    rows = json.loads(server.request("GET", f"{path}?format=json", token=token).body)
    assert [row["number"] for row in rows] == [1, 2]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x"])
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    assert cell(text) == "'" + text
    assert cell([text, "u_b"]).startswith("'")


def test_cells_are_what_people_read() -> None:
    values: tuple[Any, ...] = (True, False, 7, 0.5, 0.0, None, "a=b", [], {}, {"a": 1})
    assert [cell(value) for value in values] == [*("yes", "no", "7", "0.5", "0.0", "", "a=b", "", "", '{"a":1}')]


async def test_the_command_line_shows_the_record_and_writes_it_as_csv(scene: Any) -> None:
    server, conference, owner, _ = scene
    shown = server.podium("conference", "audit", conference)
    assert shown.returncode == 0
    assert [line.split("\t")[3] for line in shown.stdout.splitlines()] == [
        *("create", "enter", "link.make", "enter", "media.mute")
    ]
    written = server.podium("conference", "audit", conference, "--csv").stdout
    assert [row["actor"] for row in table(written)][-1] == owner.identity
    assert len(json.loads(server.podium("conference", "audit", conference, "--json").stdout)) == 5
    wrong = server.podium("conference", "audit", "no-such-one")
    assert wrong.returncode == 1 and "There is no conference 'no-such-one'" in wrong.stderr
