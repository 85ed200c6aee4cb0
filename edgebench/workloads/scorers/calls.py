"""The scorer of function calls: the right function, and every argument of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from edgebench.contracts import Scorer
from edgebench.records import Item, Judgement, Task
from edgebench.workloads import understand
from edgebench.workloads.agreement import Near, alike
from edgebench.workloads.scorers.numbers import nearness
from edgebench.workloads.scorers.rule import Rule, acceptable, versioned

NAMES = ("name", "function", "tool")  # where models put the function …
ARGUMENTS = ("arguments", "args", "parameters", "input")  # … and its arguments


def tool_call(*, absolute: float = 0.0, relative: float = 1e-6) -> Scorer:
    """1 when the answer calls the reference's function with its arguments and no others; 0 when not.

    The reference is ``{"name": …, "arguments": {…}, "also": {…}}``, ``also`` with other right values of an argument; or
    a list of such calls of which any is right. Names and texts agree after case, spaces and punctuation, numbers within
    max(absolute, relative × |reference|); null is the same as left out. The label is the function called where the call
    is right, else ``wrong_function`` or ``wrong_fields``; the explanation says how many arguments agree.
    """
    near = nearness("tool-call", absolute, relative)
    return Rule("tool-call", versioned(1, tool_call, absolute=absolute, relative=relative), partial(_call, near=near))


def _call(item: Item, task: Task, answer: str, *, near: Near) -> Judgement:
    wanted = [each for value in acceptable(item.reference) if (each := _reference(value)) is not None]
    if not wanted:
        return Judgement(None, explanation="the reference is no call")
    found = understand.json_found(answer)
    got = None if found is None else called(found.value)
    if found is None or got is None:
        return Judgement(0.0, "not JSON" if found is None else "no call", "no function is named" if found else None)
    judged = [_against(got, each, near) for each in wanted]
    right, label, words = max(judged, key=lambda each: (each[0], each[1] != "wrong_function"))
    return Judgement(float(right), label, "; ".join([words, *found.how]))


def called(value: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """(name, arguments) of a call as models write it; None: it names no function."""
    name: Any = next((value[key] for key in NAMES if key in value), None)
    inner = name if isinstance(name, dict) else value  # {"function": {"name": …, "arguments": …}}
    name = inner.get("name") if isinstance(name, dict) else name
    if not isinstance(name, str) or not name.strip():
        return None
    given: Any = next((inner[key] for key in ARGUMENTS if key in inner), {})
    if isinstance(given, str):  # JSON within JSON, as OpenAI's interface has it
        given = understand.json_object(given) or {}
    return name.strip(), given if isinstance(given, dict) else {}


def _reference(value: Any) -> tuple[str, dict[str, Any], dict[str, list[Any]]] | None:
    loaded = understand.json_object(value) if isinstance(value, str) else value
    if not isinstance(loaded, Mapping) or (call := called(loaded)) is None:
        return None
    also = loaded.get("also")
    also = also if isinstance(also, Mapping) else {}
    others = {key: list(each) if isinstance(each, (list, tuple)) else [each] for key, each in also.items()}
    return call[0], call[1], others


def _against(
    got: tuple[str, dict[str, Any]], wanted: tuple[str, dict[str, Any], dict[str, list[Any]]], near: Near
) -> tuple[bool, str, str]:
    """(right, label, words)."""
    name, arguments, others = wanted
    if understand.plain(got[0]) != understand.plain(name):
        return False, "wrong_function", f"called {got[0][:60]}, not {name}"
    given = {key: value for key, value in got[1].items() if value is not None}
    due = {key: value for key, value in arguments.items() if value is not None}
    same = {
        key: key in given and any(alike(given[key], each, near) for each in [value, *others.get(key, [])])
        for key, value in due.items()
    }
    faults = [f"{key} {'differs' if key in given else 'is missing'}" for key, right in same.items() if not right]
    faults += [f"{key[:60]} was not asked for" for key in given if key not in due]
    words = "; ".join([f"{sum(same.values())} of {len(due)} arguments agree", *faults])
    return (False, "wrong_fields", words) if faults else (True, name, words)
