"""The shape of a plan: pydantic checks the document against the nouns, and its findings are put in plain words."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from edgebench.errors import PlanError
from edgebench.plan.document import Document, Loc, nearest
from edgebench.records import Plan

WORDS = {
    "string_type": "should be text",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "decimal_type": "should be a number",
    "decimal_parsing": "should be a number",
    "bool_type": "should be true or false",
    "tuple_type": "should be a list: [a, b]",
    "list_type": "should be a list: [a, b]",
    "dict_type": "should be a mapping of keys to values",
    "mapping_type": "should be a mapping of keys to values",
    "dataclass_type": "should be a mapping of keys to values",
    "finite_number": "should be a finite number",
}


def shaped(document: Document) -> tuple[Plan | None, list[PlanError]]:
    """The Plan a document spells, or what is wrong with its shape."""
    if "folder" in document.value:
        return None, [_unknown(document, ("folder",), Plan)]
    return validated(document, document.value, Plan, ())


def validated(document: Document, value: Any, kind: Any, loc: Loc) -> tuple[Any, list[PlanError]]:
    """``value``, found at ``loc``, as an instance of ``kind`` (strictly: "3" is no number), or its mistakes."""
    try:
        return TypeAdapter(kind).validate_json(json.dumps(value), strict=True), []
    except ValidationError as exc:
        return None, _translated(document, exc, kind, loc)


def _translated(document: Document, exc: ValidationError, kind: Any, loc: Loc) -> list[PlanError]:
    grouped: dict[Loc, list[Any]] = {}
    for detail in exc.errors(include_url=False):
        grouped.setdefault(_written(document, loc, detail), []).append(detail)
    return [_worded(document, where, details, kind, loc) for where, details in grouped.items()]


def _written(document: Document, loc: Loc, detail: Any) -> Loc:
    """pydantic's path without the parts that name a member of a union."""
    out: Loc = loc
    for part in detail["loc"]:
        if (*out, part) in document.places or detail["type"] == "missing":
            out = (*out, part)
    return out


def _worded(document: Document, where: Loc, details: list[Any], kind: Any, loc: Loc) -> PlanError:
    first = details[0]
    if first["type"] == "missing":
        return document.error(where, f"the key {where[-1]!r} is missing", on_key=True)
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        return _unknown(document, where, _kind_at(kind, where[len(loc) : -1]))
    if first["type"] == "literal_error":
        expected = [part.strip("'") for part in first["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        return document.error(where, f"{_shown(first['input'])} is not one of them", hint=nearest_of(first, expected))
    said = list(dict.fromkeys(WORDS.get(detail["type"], _plain(detail["msg"])) for detail in details))
    message = said[0] + "".join(f", or {other.removeprefix('should be ')}" for other in said[1:])
    return document.error(where, f"{message}, not {_shown(first['input'])}")


def nearest_of(detail: Any, expected: list[str]) -> str | None:
    return nearest(detail["input"], expected) if isinstance(detail["input"], str) else f"known: {', '.join(expected)}"


def _unknown(document: Document, where: Loc, kind: Any) -> PlanError:
    known = [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
    hint = nearest(str(where[-1]), [name for name in known if name != "folder"])
    return document.error(where, f"unknown key {str(where[-1])!r}", on_key=True, hint=hint)


def _kind_at(kind: Any, loc: Loc) -> Any:
    """The dataclass that describes the mapping at ``loc``."""
    for part in loc:
        kind = _bare(kind)
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            kind = get_type_hints(kind).get(str(part), Any)
        elif get_args(kind):
            kind = get_args(kind)[1 if issubclass(get_origin(kind) or object, Mapping) else 0]
    return _bare(kind)


def _bare(kind: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        return next(member for member in get_args(kind) if member is not type(None))
    return kind


def _plain(message: str) -> str:
    return message[:1].lower() + message[1:].removeprefix("nput ").replace("Input ", "")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
