"""The documents say what the definitions say, and those in the tree are current."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import answers, codec, commands, control, documents, errors, events, signals
from protocol.examples import example, members
from tests.protocol.schema import faults
from tests.protocol.strategies import messages

ROOT = Path(__file__).resolve().parents[2]
CLIENT = members(commands.ClientMessage)
SERVER = members(events.RoomEvent | signals.Signal | answers.Ok | answers.Refused)
SCHEMA = documents.json_schema()
ASYNCAPI = documents.asyncapi()


def as_sent(message: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(msgspec.json.encode(message))
    return found


def wrong(value: Any, schema: dict[str, Any] = SCHEMA) -> list[str]:
    return list(faults(schema, value, SCHEMA))


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def lookup(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


# --- the files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", documents.DOCUMENTS)
def test_the_file_in_the_tree_is_current(name: str) -> None:
    current = (ROOT / name).read_text(encoding="utf-8") == documents.DOCUMENTS[name]()
    assert current, f"{name} is not what the definitions say now: run `python -m protocol.documents`"


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    assert len(documents.write(tmp_path)) == len(documents.DOCUMENTS)
    assert documents.write(tmp_path) == []


# --- JSON Schema ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLIENT + SERVER, ids=lambda kind: kind.__name__)
def test_the_schema_takes_an_example_of_every_message(kind: type[msgspec.Struct]) -> None:
    for full in (False, True):
        value = as_sent(example(kind, full=full))
        assert wrong(value) == []
        assert wrong(value, SCHEMA["$defs"][kind.__name__]) == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_schema_takes_any_valid_message(data: st.DataObject) -> None:
    message = data.draw(messages(data.draw(st.sampled_from(CLIENT + SERVER))))
    assert wrong(as_sent(message)) == []


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_schema_and_the_codec_refuse_the_same_commands(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(CLIENT))
    value = as_sent(example(kind, full=True))
    field = data.draw(st.sampled_from([*value, "actor"]))
    others: list[Any] = [
        None,
        True,
        -1,
        0,
        7,
        2**53,
        "",
        "u_ben",
        "u ben",
        "u_ben\n",
        "audio",
        "x" * 5000,
        [],
        {},
        {"0": "video"},
    ]
    value[field] = data.draw(st.sampled_from(others))
    try:
        codec.decode_client(json.dumps(value), codec.Encoding.JSON)
        taken = True
    except codec.BadMessage:
        taken = False
    assert (wrong(value, SCHEMA["$defs"]["ClientMessage"]) == []) is taken


def test_a_newer_servers_fields_are_passed_over_and_a_clients_are_not() -> None:
    event = as_sent(example(events.StageRequested, full=True)) | {"newer": 1}
    assert wrong(event, SCHEMA["$defs"]["ServerMessage"]) == []
    command = as_sent(example(commands.StageRequest, full=True)) | {"newer": 1}
    assert wrong(command, SCHEMA["$defs"]["ClientMessage"]) != []


def test_every_reference_of_the_schema_leads_somewhere() -> None:
    assert all(isinstance(lookup(SCHEMA, reference), dict) for reference in references(SCHEMA))


def test_what_passes_between_server_and_worker_is_not_told_to_clients() -> None:
    texts = [json.dumps(SCHEMA), json.dumps(ASYNCAPI), documents.jsdoc()]
    for kind in members(control.ServerMessage) + members(control.WorkerMessage):
        assert not any(kind.__name__ in re.findall(r"\w+", text) for text in texts)


# --- AsyncAPI -------------------------------------------------------------------------------------------


def test_asyncapi_holds_every_message_with_an_example_that_its_schema_takes() -> None:
    described = ASYNCAPI["components"]["messages"]
    assert set(described) == {kind.__name__ for kind in CLIENT + SERVER}
    for message in described.values():
        assert message["summary"]
        for shown in message["examples"]:
            assert list(faults(message["payload"], shown["payload"], ASYNCAPI)) == []


def test_every_reference_of_asyncapi_leads_somewhere() -> None:
    assert all(isinstance(lookup(ASYNCAPI, reference), dict) for reference in references(ASYNCAPI))


def test_every_message_belongs_to_one_operation_of_its_direction() -> None:
    operations = ASYNCAPI["operations"].values()
    said: dict[str, list[str]] = {"receive": [], "send": []}
    for operation in operations:
        said[operation["action"]] += [message["$ref"].rpartition("/")[2] for message in operation["messages"]]
    assert sorted(said["receive"]) == sorted(kind.__name__ for kind in CLIENT)
    assert sorted(said["send"]) == sorted(kind.__name__ for kind in SERVER if kind not in (answers.Ok, answers.Refused))
    [reply] = [operation["reply"] for operation in operations if "reply" in operation]
    assert [message["$ref"].rpartition("/")[2] for message in reply["messages"]] == ["Ok", "Refused"]


# --- the reference and the types ----------------------------------------------------------------------------


def test_the_reference_has_every_message_field_and_code() -> None:
    text = documents.reference()
    for kind in CLIENT + SERVER + members(answers.Result):
        config = kind.__struct_config__
        assert f"### `{config.tag}`" in text
        section = text.partition(f"### `{config.tag}`\n")[2].partition("\n### ")[0]
        assert all(f"| `{field}` |" in section for field in kind.__struct_fields__)
    assert all(f"| `{code}` | {errors.sentence(code)} |" in text for code in errors.Code)


def test_every_link_of_the_reference_has_its_heading() -> None:
    text = documents.reference()
    headings = {heading.lower().replace("`", "").replace(".", "") for heading in re.findall(r"^#+ (.+)$", text, re.M)}
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert links and links <= headings


def test_every_example_of_the_reference_is_a_message() -> None:
    shown = re.findall(r"^```json\n(.+)\n```$", documents.reference(), re.M)
    assert len(shown) > len(CLIENT + SERVER)
    for kind, line in zip(CLIENT, shown, strict=False):
        assert isinstance(codec.decode_client(line, codec.Encoding.JSON), kind)


def test_the_types_define_every_message_once_and_only_what_is_defined() -> None:
    text = documents.jsdoc()
    defined = re.findall(r"@typedef \{[^}]*\} (\w+)", text)
    assert len(set(defined)) == len(defined)
    assert {kind.__name__ for kind in CLIENT + SERVER + members(answers.Result)} < set(defined)
    used = set(re.findall(r"[A-Z]\w+", " ".join(re.findall(r"@property \{([^}]*)\}", text)))) - {"Record"}
    assert used <= set(defined)
    assert text.endswith("export {};\n")


def test_optional_fields_are_optional_in_the_types() -> None:
    block = documents.jsdoc().partition("@typedef {object} ConferenceJoin")[2].partition("*/")[0]
    assert "@property {'conference.join'} type" in block
    assert "@property {string} conference" in block
    assert "@property {string} [name]" in block and "@property {boolean} [take_over]" in block
