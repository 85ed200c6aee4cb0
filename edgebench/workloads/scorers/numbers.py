"""The scorer of numbers, and what it means for two numbers to agree."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from edgebench.contracts import Scorer
from edgebench.errors import UsageError
from edgebench.records import Item, Judgement, Task
from edgebench.workloads import understand
from edgebench.workloads.agreement import Near
from edgebench.workloads.scorers.rule import Rule, acceptable, versioned


def number(*, absolute: float = 0.0, relative: float = 1e-6) -> Scorer:
    """Right when the answer's number is within max(absolute, relative × |reference|) of the reference's.

    The number is the last one in the answer (the one after ``####`` when that is there). When only one of the two is
    a percentage, 12 % agrees with 12 and with 0.12.
    """
    judge = partial(_same_number, near=nearness("number", absolute, relative))
    return Rule("number", versioned(2, number, absolute=absolute, relative=relative), judge)


def nearness(name: str, absolute: float, relative: float) -> Near:
    """Whether a number agrees with the one wanted, as a function of the two; ``name``: of the scorer, for errors."""
    if not (0 <= absolute < float("inf") and 0 <= relative < float("inf")):
        raise UsageError(f"scorer {name}: a tolerance must be 0 or more", hint=f"{name}: {{absolute: 0.5}}")
    return partial(_near, absolute=Decimal(repr(absolute)), relative=Decimal(repr(relative)))


def _same_number(item: Item, task: Task, answer: str, *, near: Near) -> Judgement:
    wanted = [value for value in map(understand.number_of, acceptable(item.reference)) if value is not None]
    if not wanted:
        return Judgement(None, explanation="the reference is no number")
    got = understand.number(answer)
    if got is None:
        return Judgement(0.0, "not a number")
    right = any(near(got, value) for value in wanted)
    return Judgement(float(right), format(got.value, "f") if abs(got.value.adjusted()) < 30 else str(got.value))


def _near(got: understand.Number, wanted: understand.Number, absolute: Decimal, relative: Decimal) -> bool:
    pairs = [(got.value, wanted.value)]
    if got.percent and not wanted.percent:
        pairs.append((got.value / 100, wanted.value))
    if wanted.percent and not got.percent:
        pairs.append((got.value, wanted.value / 100))
    return any(abs(a - b) <= max(absolute, relative * abs(b)) for a, b in pairs)
