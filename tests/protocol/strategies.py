"""Hypothesis strategies made from the message definitions: any valid message of a class."""

from __future__ import annotations

import functools
import re
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

_INT64 = 2**63 - 1


@functools.cache
def messages(message: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Any valid message of this class."""
    return _values(inspect.type_info(message)).map(lambda value: msgspec.convert(value, message, strict=True))


@functools.cache
def _alphabet(pattern: str | None) -> st.SearchStrategy[str]:
    """The characters of which every repetition matches, so that text of any length does."""
    if pattern is None:
        return st.characters(codec="utf-8")
    return st.sampled_from([char for char in map(chr, range(128)) if re.search(pattern, char)])


def _repeats(pattern: str) -> bool:
    """Whether the pattern is one character's, repeated."""
    return any(re.search(pattern, char) for char in map(chr, range(128)))


def _values(type_: inspect.Type) -> st.SearchStrategy[Any]:
    match type_:
        case inspect.StructType(fields=fields, tag_field=tag_field, tag=tag):
            required = {field.encode_name: _values(field.type) for field in fields if field.required}
            optional = {field.encode_name: _values(field.type) for field in fields if not field.required}
            named: dict[str, st.SearchStrategy[Any]] = {tag_field: st.just(tag)} if tag_field else {}
            return st.fixed_dictionaries(named | required, optional=optional)
        case inspect.UnionType(types=types):
            return st.one_of([_values(part) for part in types])
        case inspect.NoneType():
            return st.none()
        case inspect.EnumType(cls=cls):
            return st.sampled_from([member.value for member in cls])
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType(ge=least, le=most):
            return st.integers(-_INT64 if least is None else least, _INT64 if most is None else most)
        case inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case inspect.StrType(min_length=least, max_length=most, pattern=str(pattern)) if not _repeats(pattern):
            fits = range(least or 0, (most or 10_000) + 1)
            return st.from_regex(pattern, alphabet=st.characters(codec="ascii")).filter(lambda text: len(text) in fits)
        case inspect.StrType(min_length=least, max_length=most, pattern=pattern):
            return st.text(_alphabet(pattern), min_size=least or 0, max_size=min(most or 40, (least or 0) + 40))
        case inspect.DictType(key_type=key, value_type=item):
            return st.dictionaries(_values(key), _values(item), max_size=4)
        case (
            inspect.VarTupleType(item_type=item, min_length=least, max_length=most)
            | inspect.ListType(item_type=item, min_length=least, max_length=most)
        ):
            return st.lists(_values(item), min_size=least or 0, max_size=min(most or 4, (least or 0) + 4))
        case inspect.TupleType(item_types=items):
            return st.tuples(*map(_values, items)).map(list)
        case inspect.AnyType():
            return st.none() | st.booleans() | st.text(st.characters(codec="utf-8"), max_size=20)
    raise TypeError(f"no strategy for {type_!r}")
