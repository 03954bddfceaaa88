"""Every message in both encodings; everything malformed refused with the place and the id, and nothing raised."""

from __future__ import annotations

import json
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import answers, codec, commands, control, events, signals
from protocol.codec import MAX_DEPTH, MAX_FRAME, BadMessage, Encoding
from protocol.examples import example, members
from tests.protocol.strategies import messages

CLIENT = members(commands.ClientMessage)
SERVER = members(events.RoomEvent | signals.Signal | answers.Ok | answers.Refused)
LINK = members(control.ServerMessage) + members(control.WorkerMessage)
JSON, MSGPACK = Encoding.JSON, Encoding.MSGPACK
ENCODINGS = pytest.mark.parametrize("encoding", Encoding)


def name(kind: type[msgspec.Struct]) -> str:
    return kind.__name__


def builtins(message: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(message)
    return found


def frame(value: Any, encoding: Encoding) -> bytes | str:
    """Any value as a frame, without the codec that is tested."""
    packed: bytes = msgpack.packb(value)
    return json.dumps(value) if encoding is JSON else packed


def refused(data: bytes | str, encoding: Encoding) -> BadMessage:
    with pytest.raises(BadMessage) as caught:
        codec.decode_client(data, encoding)
    assert caught.value.reason
    assert caught.value.path.startswith("$")
    return caught.value


def command(**fields: Any) -> dict[str, Any]:
    return {"type": "stage.grant", "id": 7, "target": "u_ben"} | fields


# --- what is right ---------------------------------------------------------------------------------


@ENCODINGS
@pytest.mark.parametrize("full", [False, True], ids=["required", "full"])
@pytest.mark.parametrize("kind", CLIENT, ids=name)
def test_every_client_message_round_trips(kind: type[msgspec.Struct], full: bool, encoding: Encoding) -> None:
    message = example(kind, full=full)
    assert codec.decode_client(codec.encode(message, encoding), encoding) == message


@pytest.mark.parametrize("kind", SERVER, ids=name)
def test_every_server_message_says_the_same_in_both_encodings(kind: type[msgspec.Struct]) -> None:
    message = example(kind, full=True)
    text, packed = codec.encode(message, JSON), codec.encode(message, MSGPACK)
    assert isinstance(text, str) and isinstance(packed, bytes)
    assert json.loads(text) == msgpack.unpackb(packed)
    assert codec.decode(packed, kind) == message


@pytest.mark.parametrize("kind", LINK, ids=name)
def test_every_message_of_the_control_link_round_trips(kind: type[msgspec.Struct]) -> None:
    decode = codec.decode_server if kind in members(control.ServerMessage) else codec.decode_worker
    for full in (False, True):
        assert decode(codec.pack(example(kind, full=full))) == example(kind, full=full)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_valid_message_round_trips(data: st.DataObject) -> None:
    message = data.draw(messages(data.draw(st.sampled_from(CLIENT))))
    for encoding in Encoding:
        encoded = codec.encode(message, encoding)
        assert codec.decode_client(encoded, encoding) == message


def test_every_type_of_a_direction_has_a_name_of_its_own() -> None:
    for kinds in (CLIENT, SERVER, members(control.ServerMessage), members(control.WorkerMessage)):
        tags = [kind.__struct_config__.tag for kind in kinds]
        assert len(set(tags)) == len(tags)


def test_what_is_absent_is_not_sent() -> None:
    assert builtins(commands.Can(id=1)) == {"type": "can", "id": 1}


# --- what is wrong ---------------------------------------------------------------------------------


@ENCODINGS
@pytest.mark.parametrize("kind", CLIENT, ids=name)
def test_every_message_cut_off_anywhere_is_refused(kind: type[msgspec.Struct], encoding: Encoding) -> None:
    data = codec.encode(example(kind, full=True), encoding)
    for end in range(len(data)):
        assert "not well-formed" in refused(data[:end], encoding).reason or end == 0


@ENCODINGS
@pytest.mark.parametrize("kind", CLIENT, ids=name)
def test_every_field_of_a_wrong_type_is_named(kind: type[msgspec.Struct], encoding: Encoding) -> None:
    whole = builtins(example(kind, full=True))
    for field, value in whole.items():
        for wrong in (["list"], 1.5, b"bytes" if encoding is MSGPACK else {"an": "object"}):
            if type(value) is type(wrong) or (isinstance(value, tuple) and isinstance(wrong, list)):
                continue
            error = refused(frame(whole | {field: wrong}, encoding), encoding)
            assert error.path == f"$.{field}"
            assert error.id == (None if field == "id" else 7)


@ENCODINGS
@pytest.mark.parametrize("kind", CLIENT, ids=name)
def test_every_required_field_that_is_missing_is_named(kind: type[msgspec.Struct], encoding: Encoding) -> None:
    whole = builtins(example(kind, full=False))
    for field in whole:
        error = refused(frame({key: value for key, value in whole.items() if key != field}, encoding), encoding)
        assert f"`{field}`" in error.reason and error.path == "$"


@ENCODINGS
@pytest.mark.parametrize("kind", CLIENT, ids=name)
def test_a_field_that_is_not_known_is_named(kind: type[msgspec.Struct], encoding: Encoding) -> None:
    error = refused(frame(builtins(example(kind, full=False)) | {"actor": "u_olga"}, encoding), encoding)
    assert "`actor`" in error.reason and error.id == 7


@ENCODINGS
@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"type": "stage.steal"}, "$.type", "stage.steal"),
        ({"type": "stage.taken"}, "$.type", "stage.taken"),  # an event is no command
        ({"type": None}, "$.type", "str"),
        ({"id": -1}, "$.id", ">= 0"),
        ({"id": 2**53}, "$.id", "<= 9007199254740991"),
        ({"id": True}, "$.id", "bool"),
        ({"target": ""}, "$.target", "length"),
        ({"target": "x" * 65}, "$.target", "length"),
        ({"target": "ben\n"}, "$.target", "matching"),
        ({"target": "u ben"}, "$.target", "matching"),
        ({"target": None}, "$.target", "null"),
    ],
)
def test_a_value_out_of_bounds_is_refused_at_its_path(
    change: dict[str, Any], path: str, words: str, encoding: Encoding
) -> None:
    error = refused(frame(command(**change), encoding), encoding)
    assert error.path == path and words in error.reason


@ENCODINGS
def test_the_path_leads_into_the_depth(encoding: Encoding) -> None:
    hello = builtins(example(commands.Hello, full=True))
    hello["resume"]["epoch"] = "one"
    assert refused(frame(hello, encoding), encoding).path == "$.resume.epoch"
    publish = builtins(example(commands.MediaPublish, full=True))
    assert refused(frame(publish | {"tracks": {"no mid": "audio"}}, encoding), encoding).path == "$.tracks"
    assert refused(frame(publish | {"tracks": {"0": "smell"}}, encoding), encoding).path.startswith("$.tracks")


@ENCODINGS
@pytest.mark.parametrize("value", [None, 7, "hello", [], [command()], {}, True])
def test_a_frame_that_is_no_message_is_refused(value: Any, encoding: Encoding) -> None:
    assert refused(frame(value, encoding), encoding).path == "$"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_is_not_finite_is_refused_in_json(number: str) -> None:
    error = refused('{"type": "can", "id": 7, "x": [1, {"y": ' + number + "}]}", JSON)
    assert (error.reason, error.path, error.id) == ("a number is not finite", "$.x[1].y", 7)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_refused_in_msgpack(number: float) -> None:
    error = refused(msgpack.packb({"type": "can", "id": 7, "x": [1, {"y": number}]}), MSGPACK)
    assert (error.reason, error.path, error.id) == ("a number is not finite", "$.x[1].y", 7)


def test_a_key_that_stands_twice_is_refused_in_json() -> None:
    error = refused('{"type": "stage.grant", "id": 7, "target": "u_ben", "target": "u_olga"}', JSON)
    assert (error.reason, error.path, error.id) == ("a key stands twice", "$", 7)
    error = refused('{"type": "hello", "id": 7, "resume": {"epoch": 1, "epoch": 2}}', JSON)
    assert (error.reason, error.path) == ("a key stands twice", "$.resume")


def test_a_key_that_stands_twice_is_refused_in_msgpack() -> None:
    pairs = [("type", "stage.grant"), ("id", 7), ("target", "u_ben"), ("target", "u_olga")]
    packed = b"\x84" + b"".join(msgpack.packb(part) for pair in pairs for part in pair)
    error = refused(packed, MSGPACK)
    assert (error.reason, error.path, error.id) == ("a key stands twice", "$", 7)


@ENCODINGS
def test_deep_nesting_is_refused_at_any_depth(encoding: Encoding) -> None:
    for depth in (MAX_DEPTH, MAX_DEPTH + 1, 500):
        value: Any = 1
        for _ in range(depth):
            value = [value]
        assert "deep" in refused(frame(command(x=value), encoding), encoding).reason


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_that_fills_a_whole_frame_is_refused_in_json(opening: str) -> None:
    data = opening * (MAX_FRAME // len(opening))
    assert "not well-formed" in refused(data, JSON).reason


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1a"])
def test_nesting_that_fills_a_whole_frame_is_refused_in_msgpack(opening: bytes) -> None:
    assert "not well-formed" in refused(opening * (MAX_FRAME // len(opening)), MSGPACK).reason


@ENCODINGS
def test_a_frame_larger_than_the_limit_is_refused_unread(encoding: Encoding) -> None:
    room = MAX_FRAME - len(frame(command(target=""), encoding))
    assert "64 KiB" in refused(frame(command(target="x" * (room + 10)), encoding), encoding).reason


def test_the_limit_of_a_text_frame_counts_bytes() -> None:
    data = json.dumps(command(target="ä" * (MAX_FRAME * 2 // 3)), ensure_ascii=False)
    assert len(data) < MAX_FRAME
    assert "64 KiB" in refused(data, JSON).reason


def test_each_encoding_has_its_own_kind_of_frame() -> None:
    text, packed = frame(command(), JSON), frame(command(), MSGPACK)
    assert isinstance(text, str) and isinstance(packed, bytes)
    for data, encoding in ((text, MSGPACK), (packed, JSON), (text.encode(), JSON)):
        assert "frames are for" in refused(data, encoding).reason


@pytest.mark.parametrize(
    "data", ["", " ", "{", "}", "nul", "{'type': 'can'}", '{"type": "can", "id": 7} x', "\ufeff{}"]
)
def test_what_is_not_json_is_refused(data: str) -> None:
    assert "not well-formed JSON" in refused(data, JSON).reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",  # never used
        msgpack.packb(command()) + b"\x00",  # bytes after the message
        b"\xdf\xff\xff\xff\xff",  # a map of four billion
        b"\xdd\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xa2\xff\xfe",  # no UTF-8
        b"\x81\x01\x02",  # a number as key
        b"\x81\x90\x01",  # a list as key
        b"\x81\xa1x\xd4\x05\x00",  # an extension type
        b"\x81\xa1x\xd6\xff\x00\x00\x00\x00",  # a timestamp
    ],
)
def test_what_is_not_our_msgpack_is_refused(data: bytes) -> None:
    assert "not well-formed msgpack" in refused(data, MSGPACK).reason


@ENCODINGS
def test_bytes_are_no_text(encoding: Encoding) -> None:
    packed = msgpack.packb({b"type": b"can", b"id": 7})
    refused(packed if encoding is MSGPACK else packed.decode("latin-1"), encoding)


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (r'{"type": "chat.send", "id": 7, "text": "\ud800"}', "$.text"),
        (r'{"type": "can\ud800", "id": 7}', "$.type"),
        (r'{"\udfff": 1, "type": "can", "id": 7}', "$"),
    ],
)
def test_half_a_surrogate_pair_is_refused_because_nobody_could_be_told_of_it(data: str, path: str) -> None:
    error = refused(data, JSON)
    assert (error.path, error.id) == (path, 7)


def test_an_emoji_spelled_as_a_surrogate_pair_is_right() -> None:
    message = codec.decode_client(r'{"type": "reaction.send", "id": 7, "emoji": "\ud83d\udc4f"}', JSON)
    assert message == commands.ReactionSend(id=7, emoji="👏")


@ENCODINGS
@pytest.mark.parametrize("id", [-1, 2**53, 2**64 - 1, True, 1.5, "7", None])
def test_an_id_that_is_none_is_not_repeated_in_the_error(id: Any, encoding: Encoding) -> None:
    assert refused(frame({"type": "nothing", "id": id}, encoding), encoding).id is None


def test_an_integer_of_thousands_of_digits_is_refused() -> None:
    assert refused('{"type": "can", "id": ' + "9" * 60_000 + "}", JSON).id is None
    assert refused('{"type": "can", "id": ' + "9" * 400 + "}", JSON).id is None


def test_what_an_error_quotes_of_the_message_is_bounded() -> None:
    long = "x" * 50_000
    error = refused(json.dumps(command() | {long: 1}), JSON)
    assert len(error.reason) <= 200
    error = refused('{"type": "can", "id": 7, "' + long + '": NaN}', JSON)
    assert len(error.path) <= 200


@pytest.mark.parametrize("decode", [codec.decode_server, codec.decode_worker])
@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x80", b"\x81\x90\x01", b"\x93" * 3000, b"\x01", msgpack.packb({})])
def test_what_is_wrong_on_the_control_link_is_refused_too(decode: Any, data: bytes) -> None:
    with pytest.raises(BadMessage):
        decode(data)
