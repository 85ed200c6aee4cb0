"""The scorer of ordered levels: a mark out of five, a priority, a degree of agreement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Literal

from edgebench.contracts import Scorer
from edgebench.errors import UsageError
from edgebench.records import Item, Judgement, Task
from edgebench.workloads import understand
from edgebench.workloads.scorers.rule import Rule, acceptable, versioned

OUT_OF = re.compile(r"(?<![\w.,])(\d{1,4})\s*(?:/|out\s+of|of|von|de|sur)\s*(\d{1,4})(?![\w]|[.,]\d)", re.IGNORECASE)
LEAD_IN = re.compile(r"^\W*(?:the\s+)?(?:my\s+)?(?:overall\s+)?(?:score|rating|level|grade|mark|stars?)\b\s*(?::|=|\bis\b)?\s*", re.I)  # fmt: skip  # noqa: E501


def ordinal(*, levels: Sequence[str | int] | None = None, tolerance: Literal[0, 1] = 0) -> Scorer:
    """Right when the answer gives the reference's level; with ``tolerance: 1`` also a neighbour of it.

    ``levels``: from the lowest to the highest; default: the task's labels in their order. The label is the level
    understood as it is written there, so that exact and ±1 agreement and the quadratic weighted kappa can be counted
    from labels and references; the explanation says how many levels lie between the two.

    Raises
    ------
    UsageError: fewer than two levels, or one given twice.
    """
    texts = None if levels is None else tuple(str(level).strip() for level in levels)
    if texts is not None and (len(texts) < 2 or len(set(texts)) < len(texts) or "" in texts):
        raise UsageError(
            "scorer ordinal: `levels` must be two or more different ones, from the lowest to the highest",
            hint="ordinal: {levels: [low, medium, high]}",
        )
    version = versioned(1, ordinal, levels=None if texts is None else list(texts), tolerance=tolerance)
    return Rule("ordinal", version, partial(_ordinal, levels=texts, tolerance=tolerance))


def _ordinal(item: Item, task: Task, answer: str, *, levels: tuple[str, ...] | None, tolerance: int) -> Judgement:
    scale = levels or tuple(item.choices or task.choices)
    if len(scale) < 2:
        return Judgement(None, explanation="no levels: ordinal: {levels: [low, medium, high]}")
    wanted = [place for value in acceptable(item.reference) if (place := level_of(value, scale)) is not None]
    if not wanted:
        return Judgement(None, explanation="the reference is none of the levels")
    found, understood = heard(answer, scale)
    if not understood:
        return Judgement(0.0, found)
    off = min((scale.index(found) - place for place in wanted), key=abs)
    words = (
        "exact"
        if off == 0
        else f"{abs(off)} {'level' if abs(off) == 1 else 'levels'} too {'high' if off > 0 else 'low'}"
    )
    return Judgement(float(abs(off) <= tolerance), found, words)


def level_of(reference: object, levels: Sequence[str]) -> int | None:
    """The place of a reference (a text or a number) on the scale; None: it is none of the levels."""
    text = understand.as_text(reference).strip()
    if text in levels:
        return levels.index(text)
    found, understood = understand.label(text, levels, anywhere=False)
    return levels.index(found) if understood else _whole(text, levels)


def heard(answer: str, levels: Sequence[str]) -> tuple[str, bool]:
    """The one level an answer gives and True; or what is wrong with it and False.

    Numbers are also understood as "4/5" and "4 out of 5", where 5 is the highest level, and as "4.0".
    """
    text = LEAD_IN.sub("", understand.said(answer), count=1)
    places = _numbered(levels)
    if len(places) == len(levels):
        marks = {one for one, top in OUT_OF.findall(text) if top == levels[-1] and one in levels}
        if len(marks) == 1:
            return marks.pop(), True
        given = {number.value for number, _ in understand.numbers(text)}
        meant = [levels[place] for value, place in places.items() if value in given]
        return (meant[0], True) if len(meant) == 1 else ("several levels" if meant else "not a level", False)
    found, understood = understand.label(text, levels)
    return (found, True) if understood else (found.replace("label", "level"), False)


def _numbered(levels: Sequence[str]) -> dict[Decimal, int]:
    """Value → place of the levels that are numbers."""
    read = ((understand.number_of(level) if understand.is_number(level) else None) for level in levels)
    return {number.value: place for place, number in enumerate(read) if number is not None}


def _whole(text: str, levels: Sequence[str]) -> int | None:
    """The place of a text that is nothing but a number equal to one of the levels."""
    number = understand.number_of(text) if understand.is_number(text) else None
    return None if number is None else _numbered(levels).get(number.value)
