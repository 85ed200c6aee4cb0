"""Agreement of JSON values: of two objects field by field (json-fields), of two arguments of a call (tool-call)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from edgebench.workloads import understand

MOST = 1_000  # elements of a list that are compared, pair by pair
HOUR = re.compile(r"\d:\d\d")

Near = Callable[[understand.Number, understand.Number], bool]  # whether a number agrees with the one wanted


def agreement(
    got: dict[str, Any], wanted: dict[str, Any], *, fields: tuple[str, ...] | None, near: Near
) -> tuple[float, str]:
    """F1 over the fields of two objects, and the value of each field in words.

    F1 = 2 Σ agreement / (fields of ``got`` + fields of ``wanted``); two objects without fields agree.
    """
    left, right = _leaves(got, fields), _leaves(wanted, fields)
    values = {path: _agree(left[path], value, near) if path in left else 0.0 for path, value in right.items()}
    extra = [path for path in left if path not in right]
    total = len(left) + len(right)
    f1 = 2 * sum(values.values()) / total if total else 1.0
    words = [f"{path} {value:.2f}" for path, value in values.items()] + [f"{path} not asked for" for path in extra]
    return min(1.0, f1), "; ".join(words)


def alike(got: Any, wanted: Any, near: Near) -> bool:
    """Whether two values of an argument are the same after case, spaces and punctuation; lists in any order."""
    if isinstance(got, list) and isinstance(wanted, list):
        left = list(got[:MOST])
        for value in wanted[:MOST]:
            place = next((index for index, other in enumerate(left) if alike(other, value, near)), None)
            if place is None:
                return False
            left.pop(place)
        return len(got) == len(wanted)
    a, b = _as_number(got), _as_number(wanted)
    if a is not None and b is not None:
        return near(a, b)
    one, other = _canonical(got), _canonical(wanted)
    return one == other or (understand.plain(_padded(one)) or one) == (understand.plain(_padded(other)) or other)


def _padded(text: str) -> str:
    return f"0{text}" if HOUR.fullmatch(text) else text  # 7:30 is 07:30


def _leaves(value: Mapping[str, Any], fields: tuple[str, ...] | None) -> dict[str, Any]:
    """Dotted path → scalar or list. Written as a loop: an answer may be nested as deep as JSON can be parsed."""
    leaves: dict[str, Any] = {}
    waiting: list[tuple[str, Any]] = [(str(key), value[key]) for key in reversed(list(value))]
    while waiting:
        path, here = waiting.pop()
        if isinstance(here, dict):
            waiting += [(f"{path}.{key}", inner) for key, inner in reversed(here.items())]
        elif here is not None:
            leaves[path] = here
    if fields is None:
        return leaves
    return {path: leaf for path, leaf in leaves.items() if any(path == f or path.startswith(f"{f}.") for f in fields)}


def _agree(got: Any, wanted: Any, near: Near) -> float:
    if isinstance(got, list) and isinstance(wanted, list):
        return _multiset_f1(got, wanted, near)
    return float(_same(got, wanted, near))


def _multiset_f1(got: list[Any], wanted: list[Any], near: Near) -> float:
    left = list(got[:MOST])
    matched = 0
    for value in wanted:
        place = next((index for index, other in enumerate(left) if _same(other, value, near)), None)
        if place is not None:
            left.pop(place)
            matched += 1
    return 2 * matched / (len(got) + len(wanted)) if got or wanted else 1.0


def _same(got: Any, wanted: Any, near: Near) -> bool:
    if isinstance(got, (dict, list)) or isinstance(wanted, (dict, list)):
        return _canonical(got) == _canonical(wanted)
    if isinstance(got, (int, float)) or isinstance(wanted, (int, float)):
        a, b = _as_number(got), _as_number(wanted)
        if a is not None and b is not None:
            return near(a, b)
    return _canonical(got) == _canonical(wanted)


def _as_number(value: Any) -> understand.Number | None:
    return understand.number_of(value) if understand.is_number(value) else None


def _canonical(value: Any) -> str:
    try:
        return understand.plain(understand.as_text(value), punctuation=True)
    except (ValueError, RecursionError):  # deeper than can be written again
        return repr(type(value))
