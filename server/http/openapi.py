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

_REFERENCES = "#/components/schemas/{name}"


def document() -> dict[str, Any]:
    """The API as OpenAPI 3.1."""
    types = [type_ for endpoint in API for type_ in (endpoint.body, endpoint.response) if type_ is not None]
    _, components = msgspec.json.schema_components([*types, Problem], ref_template=_REFERENCES)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in API:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Podium",
            "version": VERSION,
            "description": "Log-in, guests, conferences. What happens in a conference goes over the WebSocket `/ws`.",
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
            str(endpoint.status): {"description": _sentence(endpoint.response), "content": _json(endpoint.response)},
            **_refusals(_codes(endpoint)),
        },
    }
    parameters = re.findall(r"{(\w+)}", endpoint.path)
    if parameters:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in parameters
        ]
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(endpoint.body)}
    if endpoint.caller is not Caller.ANYBODY:
        operation["security"] = [{"token": []}]
    return operation


def _codes(endpoint: Endpoint) -> list[Code]:
    """The codes an endpoint may refuse with: its own and those that the dispatcher adds."""
    codes = list(endpoint.errors)
    if endpoint.body is not None:
        codes += [Code.BAD_MESSAGE, Code.TOO_LARGE]
    if endpoint.caller is not Caller.ANYBODY:
        codes += [Code.BAD_TOKEN, Code.NOT_ALLOWED]
    return list(dict.fromkeys([*codes, Code.RATE_LIMITED, Code.STORE_UNAVAILABLE]))


def _refusals(codes: Iterable[Code]) -> dict[str, Any]:
    by_status: dict[int, list[Code]] = {}
    for code in codes:
        by_status.setdefault(STATUS.get(code, 409), []).append(code)
    return {
        str(status): {"description": "Refused: " + ", ".join(f"`{code}`" for code in found), "content": _json(Problem)}
        for status, found in sorted(by_status.items())
    }


def _json(type_: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCES.format(name=type_.__name__)}}}


def _sentence(type_: type) -> str:
    return (type_.__doc__ or type_.__name__).strip().splitlines()[0]
