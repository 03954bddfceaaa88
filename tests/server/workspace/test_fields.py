"""Custom attributes and e-mail templates: what they take and what they do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.workspace.acting import Refused
from server.workspace.attributes import MAX_ATTRIBUTES
from server.workspace.templates import MAX_TEMPLATES, PLACEHOLDERS, filled
from tests.harness import Server
from tests.server.workspace.support import ask, digest, join

# --- attributes ----------------------------------------------------------------------------

KINDS: dict[str, tuple[list[str], list[str]]] = {
    "text": (["Sales", "x" * 500, "<b>"], ["x" * 501]),
    "number": (["7", "-1.5", "0.000000000000001"], ["", "seven", "1e999", "nan", "1_0", "٣", "1" * 16, "0x1", "."]),
    "choice": (["Red", "Dark blue"], ["red", "Green"]),
    "date": (["2026-03-31", "2024-02-29"], ["2025-02-29", "31.03.2026", "2026-3-1", "2026-W01-1", "20260331"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_attribute_takes_the_values_of_its_kind(shared_server: Server, kind: str) -> None:
    owner, member = shared_server.login().token, join(shared_server, "member")
    body = {"name": f"A {kind}", "kind": kind, "choices": ["Red", " Dark blue "] if kind == "choice" else []}
    id = shared_server.api("POST", "/workspace/attributes", body, owner)["id"]
    path = f"/people/{member.identity}"
    good, bad = KINDS[kind]
    for value in good:
        assert ask(shared_server, "PUT", path, {"values": {id: value}}, member.token).json["values"] == {id: value}
    before = digest(shared_server)
    for value in filter(None, bad):
        answer = ask(shared_server, "PUT", path, {"name": "Changed", "values": {id: value}}, member.token)
        assert (answer.status, answer.json["code"]) == (400, "bad_message"), value
        assert id in answer.json["details"]["path"] or len(value) > 500
    assert digest(shared_server) == before
    assert ask(shared_server, "PUT", path, {"values": {id: None}}, member.token).json["values"] == {}


@pytest.mark.parametrize(
    "body",
    [
        {"name": " ", "kind": "text"},
        {"name": "Colour", "kind": "colour"},
        {"name": "Colour", "kind": "choice"},
        {"name": "Colour", "kind": "choice", "choices": ["Red", "Red "]},
        {"name": "Colour", "kind": "choice", "choices": [" "]},
        {"name": "Colour", "kind": "choice", "choices": [str(number) for number in range(51)]},
        {"name": "Colour", "kind": "text", "choices": ["Red"]},
    ],
)
def test_an_attribute_that_makes_no_sense_is_none(shared_server: Server, body: dict[str, Any]) -> None:
    before = digest(shared_server)
    answer = ask(shared_server, "POST", "/attributes", body, shared_server.login().token)
    assert (answer.status, answer.json["code"]) == (400, "bad_message")
    assert digest(shared_server) == before


def test_a_choice_that_somebody_has_stays(shared_server: Server) -> None:
    owner = shared_server.login()
    body = {"name": "Floor", "kind": "choice", "choices": ["First", "Second"]}
    id = shared_server.api("POST", "/workspace/attributes", body, owner.token)["id"]
    shared_server.api("PUT", f"/workspace/people/{owner.identity}", {"values": {id: "First"}}, owner.token)
    refused = ask(shared_server, "PUT", f"/attributes/{id}", {"name": "Floor", "choices": ["Second"]}, owner.token)
    assert refused.json["code"] == "bad_message" and "'First'" in refused.json["message"]
    kept = ask(
        shared_server, "PUT", f"/attributes/{id}", {"name": "Storey", "choices": ["First", "Third"]}, owner.token
    )
    assert (kept.json["name"], kept.json["choices"]) == ("Storey", ["First", "Third"])
    assert ask(shared_server, "DELETE", f"/attributes/{id}", token=owner.token).status == 200
    assert id not in shared_server.api("GET", "/workspace/me", token=owner.token)["values"]
    assert ask(shared_server, "DELETE", f"/attributes/{id}", token=owner.token).json["code"] == "not_found"


def test_of_each_name_there_is_one_and_there_are_so_many(shared_server: Server) -> None:
    owner = shared_server.login().token
    texts = {"subject": "Hello", "body": "Hello"}
    for path, more, most in (("/attributes", {"kind": "text"}, MAX_ATTRIBUTES), ("/templates", texts, MAX_TEMPLATES)):
        made = [ask(shared_server, "POST", path, {"name": "Twice", **more}, owner)]
        again = ask(shared_server, "POST", path, {"name": "tWICE", **more}, owner)
        assert (again.status, again.json["code"]) == (409, "already")
        while made[-1].status == 200:
            made.append(ask(shared_server, "POST", path, {"name": f"Number {len(made)}", **more}, owner))
        assert (made[-1].status, made[-1].json["code"]) == (409, "too_many")
        kept = ask(shared_server, "GET", path, token=owner).json[path.removeprefix("/")]
        assert len(kept) == most
        for each in kept:
            assert ask(shared_server, "DELETE", f"{path}/{each['id']}", token=owner).status == 200


# --- templates -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": " "}, "$.name"),
        ({"subject": " "}, "$.subject"),
        ({"subject": "Hello\r\nBcc: everybody@example.org"}, "$.subject"),
        ({"subject": "Hello {nme}"}, "$.subject"),
        ({"body": " \n"}, "$.body"),
        ({"body": "Hello {name.__class__}"}, "$.body"),
        ({"body": "Hello {}"}, "$.body"),
        ({"body": "Hello {name"}, "$.body"),
        ({"body": "x" * 10_001}, "$.body"),
    ],
)
def test_a_template_that_could_not_be_sent_is_refused_when_it_is_written(
    shared_server: Server, change: dict[str, str], path: str
) -> None:
    before = digest(shared_server)
    body = {"name": "Reminder", "subject": "Hello {name}", "body": "At {time}: {link}", **change}
    answer = ask(shared_server, "POST", "/templates", body, shared_server.login().token)
    assert (answer.status, answer.json["code"], answer.json["details"]["path"]) == (400, "bad_message", path)
    assert digest(shared_server) == before


def test_a_preview_has_examples_in_place_of_the_placeholders(shared_server: Server) -> None:
    body = {"subject": "{workspace}: {conference}", "body": "Dear {name},\n{inviter} invites you. {{not this}}"}
    shown = ask(shared_server, "POST", "/templates/preview", body, shared_server.login().token).json
    assert shown["subject"].endswith(": Monday meeting")
    assert shown["body"] == "Dear Anna Berger,\nOwner invites you. {not this}"


def test_a_brace_in_a_value_means_nothing() -> None:
    assert filled("body", "{name} {{link}}", {"name": "{link}", "link": "secret"}) == "{link} {link}"


@given(st.text(alphabet="{}anme ", max_size=30))
def test_every_text_is_filled_or_refused_and_what_was_doubled_is_single(text: str) -> None:
    try:
        done = filled("body", text, PLACEHOLDERS)
    except Refused as refused:
        assert refused.details["path"] == "$.body"
        return
    assert filled("body", done.replace("{", "{{").replace("}", "}}"), PLACEHOLDERS) == done
