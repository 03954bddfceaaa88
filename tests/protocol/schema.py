"""A validator for the part of JSON Schema that our schemas use; a keyword it does not know is an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
_SAID_ELSEWHERE = {"title", "description", "default", "$schema", "$defs"}


def faults(schema: dict[str, Any], value: Any, root: dict[str, Any], path: str = "$") -> Iterator[str]:
    """What is wrong with `value`, as sentences; nothing when it is valid. `root` is where `$ref`s lead."""
    for keyword, rule in schema.items():
        match keyword:
            case "$ref":
                target: Any = root
                for step in rule.removeprefix("#/").split("/"):
                    target = target[step]
                yield from faults(target, value, root, path)
            case "anyOf":
                if all(list(faults(option, value, root, path)) for option in rule):
                    yield f"{path}: none of {len(rule)} forms"
            case "type":
                if not isinstance(value, _TYPES[rule]) or (isinstance(value, bool) and rule != "boolean"):
                    yield f"{path}: no {rule}"
            case "enum":
                if value not in rule:
                    yield f"{path}: none of {rule}"
            case "minimum" | "maximum" if isinstance(value, int | float):
                if value < rule if keyword == "minimum" else value > rule:
                    yield f"{path}: {keyword} {rule}"
            case "minLength" | "maxLength" if isinstance(value, str):
                if len(value) < rule if keyword == "minLength" else len(value) > rule:
                    yield f"{path}: {keyword} {rule}"
            case "pattern" if isinstance(value, str):
                if not re.search(rule, value):
                    yield f"{path}: not like {rule}"
            case "required" if isinstance(value, dict):
                yield from (f"{path}: {name} is missing" for name in rule if name not in value)
            case "properties" if isinstance(value, dict):
                for name, part in rule.items():
                    if name in value:
                        yield from faults(part, value[name], root, f"{path}.{name}")
            case "additionalProperties" if isinstance(value, dict):
                for name in set(value) - set(schema.get("properties", ())):
                    if rule is False:
                        yield f"{path}: {name} is not known"
                    else:
                        yield from faults(rule, value[name], root, f"{path}.{name}")
            case "propertyNames" if isinstance(value, dict):
                for name in value:
                    yield from faults(rule, name, root, f"{path}.{name}")
            case "maxProperties" if isinstance(value, dict):
                if len(value) > rule:
                    yield f"{path}: more than {rule}"
            case "minItems" | "maxItems" if isinstance(value, list):
                if len(value) < rule if keyword == "minItems" else len(value) > rule:
                    yield f"{path}: {keyword} is {rule}"
            case "items" if isinstance(value, list):
                for index, item in enumerate(value):
                    yield from faults(rule, item, root, f"{path}[{index}]")
            case (
                "minimum" | "maximum" | "minLength" | "maxLength" | "pattern" | "required" | "properties"
                | "additionalProperties" | "propertyNames" | "maxProperties" | "items"
                | "minItems" | "maxItems"
            ):  # fmt: skip
                pass  # says nothing about a value of another type
            case _ if keyword not in _SAID_ELSEWHERE:
                raise TypeError(f"this validator does not know {keyword!r}")
