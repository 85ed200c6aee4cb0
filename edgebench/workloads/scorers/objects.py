"""Scorers of JSON answers: their fields against the reference's, and whether they keep to a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from typing import Any

from edgebench.contracts import Scorer
from edgebench.errors import UsageError
from edgebench.records import Item, Judgement, Task, canonical
from edgebench.workloads import understand
from edgebench.workloads.agreement import Near, agreement
from edgebench.workloads.scorers.numbers import nearness
from edgebench.workloads.scorers.rule import Rule, acceptable, brief, versioned

NAMED = 3  # faults of one answer that are told
LONGEST_FAULT = 200  # characters of each


def json_fields(*, fields: Sequence[str] | None = None, absolute: float = 0.0, relative: float = 1e-6) -> Scorer:
    """How well the answer's JSON object agrees with the reference's, field by field: F1 over fields.

    F1 = 2 Σ agreement / (fields of the answer + fields of the reference). A field is a dotted path to a scalar or a
    list; null is the same as absent. Agreement of scalars is 1 or 0 after case and spaces (numbers: the tolerance), of
    lists the F1 of their elements as multisets. ``fields`` restricts both sides to these paths and what is below them.
    The object may stand in a code fence or among words; of a key given twice the last counts: the explanation says so.
    """
    near = nearness("json-fields", absolute, relative)
    version = versioned(2, json_fields, fields=fields, absolute=absolute, relative=relative)
    return Rule("json-fields", version, partial(_fields, fields=None if fields is None else tuple(fields), near=near))


def _fields(item: Item, task: Task, answer: str, *, fields: tuple[str, ...] | None, near: Near) -> Judgement:
    objects = [
        understand.json_object(value) if isinstance(value, str) else value for value in acceptable(item.reference)
    ]
    wanted = [value for value in objects if isinstance(value, dict)]
    if not wanted:
        return Judgement(None, explanation="the reference is no JSON object")
    got = understand.json_found(answer)
    if got is None:
        return Judgement(0.0, "not JSON")
    value, words = max(
        (agreement(got.value, each, fields=fields, near=near) for each in wanted), key=lambda pair: pair[0]
    )
    return Judgement(value, explanation="; ".join([*([words] if words else []), *got.how]))


# --------------------------------------------------------------------------------------------------- schema


def json_schema(*, schema: Mapping[str, Any] | None = None) -> Scorer:
    """1 when the answer's JSON keeps to the schema given, or else the task's; 0 when not. JSON Schema, draft 2020-12.

    References lead only to places within the schema: nothing is fetched.

    Raises
    ------
    UsageError: the schema given is none.
    """
    if schema is not None and (fault := schema_fault(schema)) is not None:
        raise UsageError(f"scorer json-schema: {fault}", hint="json-schema: {schema: {type: object, required: [name]}}")
    version = versioned(1, json_schema, schema=None if schema is None else brief(schema))
    own = None if schema is None else json.dumps(canonical(schema))
    return Rule("json-schema", version, partial(_valid, schema=own), needs_reference=False)


def schema_fault(schema: Mapping[str, Any]) -> str | None:
    """What is wrong with a JSON Schema, in words; None: nothing."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(canonical(schema))
    except SchemaError as exc:
        return f"not a JSON Schema: {_told(exc)}"
    except (re.error, RecursionError) as exc:
        return f"not a JSON Schema: {exc}"
    return None


def _valid(item: Item, task: Task, answer: str, *, schema: str | None) -> Judgement:
    wanted = schema or (json.dumps(canonical(task.schema)) if task.schema is not None else None)
    if wanted is None:
        return Judgement(None, explanation="no schema")
    found = understand.json_found(answer, opening="{[")
    if found is None:
        return Judgement(0.0, "not JSON")
    validator, fault = _validator(wanted)
    if validator is None:
        return Judgement(None, "bad schema", fault)
    from referencing.exceptions import Unresolvable

    try:
        faults = [_told(each) for each in islice(validator.iter_errors(found.value), NAMED)]
    except (Unresolvable, RecursionError, re.error, OverflowError, ValueError) as exc:
        return Judgement(None, "bad schema", f"{type(exc).__name__}: {exc}"[:LONGEST_FAULT])
    words = "; ".join([*faults, *found.how])
    return Judgement(float(not faults), "invalid_schema" if faults else "valid", words or None)


@lru_cache(maxsize=16)
def _validator(schema: str) -> tuple[Any, str | None]:
    """A validator of the schema (as JSON), or None and what is wrong with it."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    loaded = json.loads(schema)
    if (fault := schema_fault(loaded)) is not None:
        return None, fault
    return Draft202012Validator(loaded, registry=Registry()), None  # type: ignore[var-annotated, unused-ignore]


def _told(fault: Any) -> str:
    """A fault of jsonschema with its place."""
    place = ".".join(str(part) for part in fault.absolute_path)[:80]
    return f"{place}: {fault.message}"[:LONGEST_FAULT] if place else str(fault.message)[:LONGEST_FAULT]
