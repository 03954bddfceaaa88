"""The OpenAPI document of the API, printed from the table of endpoints and their typed bodies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from protocol.errors import Code
from server import VERSION
from server.http.api import API
from server.http.endpoint import Caller, Endpoint
from server.http.failure import STATUS, Problem
from server.http.once import HEADER

_REFERENCES = "#/components/schemas/{name}"
# Bodies that are no JSON.
PICTURES = ("image/png", "image/jpeg", "image/webp")

_ONCE = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Sent again within 24 hours with the same key and body, the request is not done again; the answer is"
    " the first one's. With another body: `key_reused`.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}

# What a `Range` is answered with (sending.py).
_PARTS = {
    "206": {"description": "The part of the file that `Range` asks for; several are one multipart body."},
    "416": {"description": "The file ends before the part that `Range` asks for; `Content-Range` says where."},
}


def document() -> dict[str, Any]:
    """The API as OpenAPI 3.1."""
    types = [
        type_
        for endpoint in API
        for type_ in (endpoint.body, *(endpoint.lines or (endpoint.response,)))
        if type_ not in (None, bytes)
    ]
    _, components = msgspec.json.schema_components([*types, Problem], ref_template=_REFERENCES)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in API:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Podium",
            "version": VERSION,
            "description": "Log-in, guests, conferences, workspace. What happens in a conference goes over `/ws`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "responses": {
            str(endpoint.status): _answer(endpoint),
            **(_PARTS if endpoint.ranges else {}),
            **_refusals(_codes(endpoint)),
        },
    }
    parameters = re.findall(r"{(\w+)}", endpoint.path)
    if parameters or endpoint.query is not None or endpoint.once:
        operation["parameters"] = [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in parameters),
            *(_parameters(endpoint.query) if endpoint.query is not None else ()),
            *((_ONCE,) if endpoint.once else ()),
        ]
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(endpoint.body)}
    if endpoint.streams:
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    if endpoint.caller is not Caller.ANYBODY:
        operation["security"] = [{"token": []}]
    return operation


def _parameters(query: type[msgspec.Struct]) -> list[dict[str, Any]]:
    """A struct's fields as parameters behind the `?`; their schemas stand in place, so that nothing refers away."""
    _, components = msgspec.json.schema_components([query], ref_template=_REFERENCES)
    fields: dict[str, Any] = components[query.__name__]["properties"]
    found = []
    for name, schema in fields.items():
        reference = schema.get("$ref") or next((one["$ref"] for one in schema.get("anyOf", ()) if "$ref" in one), None)
        shown = components[reference.rpartition("/")[2]] if reference is not None else schema
        found.append({"name": name, "in": "query", "required": False, "schema": shown})
    return found


def _codes(endpoint: Endpoint) -> list[Code]:
    """The codes an endpoint may refuse with: its own and those that the dispatcher adds."""
    codes = list(endpoint.errors)
    if endpoint.query is not None:
        codes += [Code.BAD_MESSAGE]
    if endpoint.body is not None:
        codes += [Code.BAD_MESSAGE, Code.TOO_LARGE]
    if endpoint.caller is not Caller.ANYBODY:
        codes += [Code.BAD_TOKEN, Code.LINK_REVOKED, Code.NOT_ALLOWED]
        codes += [Code.BLOCKED] if "{conference}" in endpoint.path else []
    if endpoint.once:
        codes += [Code.BAD_MESSAGE, Code.KEY_REUSED, Code.UNSETTLED, Code.TOO_MANY]
    return list(dict.fromkeys([*codes, Code.RATE_LIMITED, Code.STORE_UNAVAILABLE]))


def _refusals(codes: Iterable[Code]) -> dict[str, Any]:
    by_status: dict[int, list[Code]] = {}
    for code in codes:
        by_status.setdefault(STATUS.get(code, 409), []).append(code)
    return {
        str(status): {"description": "Refused: " + ", ".join(f"`{code}`" for code in found), "content": _json(Problem)}
        for status, found in sorted(by_status.items())
    }


def _answer(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.response is None and endpoint.downloads:
        return {"description": "The file.", "content": {kind: {} for kind in endpoint.downloads}}
    if endpoint.response is None:
        return {"description": "Where to go next stands in `Location`."}
    content = _lists(endpoint.lines) if endpoint.lines else _content(endpoint.response)
    content |= {kind: {} for kind in endpoint.downloads}
    return {"description": _sentence(endpoint.response), "content": content}


def _content(type_: type) -> dict[str, Any]:
    """A body that is no JSON is a picture."""
    return {kind: {} for kind in PICTURES} if type_ is bytes else _json(type_)


def _lists(types: Iterable[type]) -> dict[str, Any]:
    """A list whose lines are all of one of these types."""
    lists = [{"type": "array", "items": {"$ref": _REFERENCES.format(name=type_.__name__)}} for type_ in types]
    return {"application/json": {"schema": {"anyOf": lists}}}


def _json(type_: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCES.format(name=type_.__name__)}}}


def _sentence(type_: type) -> str:
    return "A picture." if type_ is bytes else (type_.__doc__ or type_.__name__).strip().splitlines()[0]
