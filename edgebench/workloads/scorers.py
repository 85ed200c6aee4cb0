"""Scorers: pure judges of one answer, each versioned; the options that are not the defaults are part of the version.

Every scorer returns a value from 0 to 1, or None when the item has no reference it could judge by. A reference that is
a list means "any of these is right". None of them raises, whatever the answer is.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Literal

from edgebench.contracts import Scorer
from edgebench.errors import UsageError
from edgebench.records import Item, Judgement, ScorerSpec, Task
from edgebench.workloads import understand
from edgebench.workloads.agreement import Near, agreement
from edgebench.workloads.choices import letter_of
from edgebench.workloads.options import made

Judge = Callable[[Item, Task, str], Judgement]
LONGEST_FOR_REGEX = 4_000  # characters: what a slow pattern can cost grows with the text


@dataclass(frozen=True, slots=True)
class Rule:
    """A scorer made of one pure function."""

    name: str
    version: str
    judge: Judge
    needs_reference: bool = True

    def __call__(self, item: Item, task: Task, answer: str) -> Judgement:
        if self.needs_reference and item.reference is None:
            return Judgement(None, explanation="no reference")
        return self.judge(item, task, answer)


def build(spec: ScorerSpec) -> Scorer:
    """The scorer a spec names, or a UsageError saying which option is wrong."""
    scorer: Scorer = made("scorers", spec.name, spec.options)
    return scorer


def _version(number: int, factory: Callable[..., Scorer], **options: object) -> str:
    """The number, followed by the options that are not the factory's defaults."""
    defaults = inspect.signature(factory).parameters
    changed = {name: value for name, value in options.items() if value != defaults[name].default}
    return " ".join([str(number), *(f"{name}={understand.as_text(value)}" for name, value in changed.items())])


def _acceptable(reference: Any) -> list[Any]:
    return list(reference) if isinstance(reference, (list, tuple)) else [reference]


# --------------------------------------------------------------------------------------------------- labels and text


def label(*, ignore_case: bool = True, anywhere: bool = True) -> Scorer:
    """Right when the answer gives the reference's label; ``anywhere``: also as the only label within a sentence."""
    version = _version(1, label, ignore_case=ignore_case, anywhere=anywhere)
    return Rule("label", version, partial(_label, ignore_case=ignore_case, anywhere=anywhere))


def _label(item: Item, task: Task, answer: str, *, ignore_case: bool, anywhere: bool) -> Judgement:
    right = [understand.as_text(value).strip() for value in _acceptable(item.reference)]
    offered = item.choices or task.choices
    labels = list(dict.fromkeys([*offered, *right]))
    # with nothing but the reference to look for, finding it within a sentence would be too kind
    found, understood = understand.label(answer, labels, ignore_case=ignore_case, anywhere=anywhere and bool(offered))
    return Judgement(float(understood and found in right), found)


def text(*, ignore_case: bool = True, ignore_punctuation: bool = True, ignore_articles: bool = False) -> Scorer:
    """Right when the answer equals the reference after Unicode, spaces, and (unless told) case and punctuation."""
    version = _version(
        1, text, ignore_case=ignore_case, ignore_punctuation=ignore_punctuation, ignore_articles=ignore_articles
    )
    rule = partial(
        understand.plain, case=not ignore_case, punctuation=not ignore_punctuation, articles=not ignore_articles
    )
    return Rule("text", version, partial(_same_text, form=rule))


def _same_text(item: Item, task: Task, answer: str, *, form: Callable[[str], str]) -> Judgement:
    got = understand.said(answer)
    for value in _acceptable(item.reference):
        wanted = understand.as_text(value)
        # a text of nothing but punctuation has an empty plain form: it is compared as it stands
        if form(wanted) == form(got) if form(wanted) else wanted.strip() == got:
            return Judgement(1.0)
    return Judgement(0.0)


# --------------------------------------------------------------------------------------------------- contains and regex


def contains(
    *,
    values: Sequence[str] | None = None,
    require: Literal["all", "any"] | None = None,
    ignore_case: bool = True,
    whole_words: bool = False,
) -> Scorer:
    """Right when the answer contains the values given, or the reference.

    ``require``: "all" of the values (default when they are given here) or "any" (default for a list of references).
    """
    if values is not None and (not values or any(not value.strip() for value in values)):
        raise UsageError("scorer contains: `values` has an empty text in it", hint="contains: {values: [word, other]}")
    required = require or ("any" if values is None else "all")
    version = _version(1, contains, values=values, require=require, ignore_case=ignore_case, whole_words=whole_words)
    judge = partial(
        _contains,
        values=None if values is None else tuple(values),
        every=required == "all",
        ignore_case=ignore_case,
        whole_words=whole_words,
    )
    return Rule("contains", version, judge, needs_reference=values is None)


def _contains(
    item: Item,
    task: Task,
    answer: str,
    *,
    values: tuple[str, ...] | None,
    every: bool,
    ignore_case: bool,
    whole_words: bool,
) -> Judgement:
    form = partial(understand.plain, case=not ignore_case, punctuation=True)
    wanted = [understand.as_text(value) for value in (values if values is not None else _acceptable(item.reference))]
    got = form(understand.said(answer))
    edge = r"(?<!\w){}(?!\w)" if whole_words else "{}"
    missing = [value for value in wanted if re.search(edge.format(re.escape(form(value))), got) is None]
    right = not missing if every else len(missing) < len(wanted)
    return Judgement(float(right), explanation=f"missing: {', '.join(missing)}" if missing else None)


def regex(*, pattern: str | None = None, ignore_case: bool = False, full: bool = False) -> Scorer:
    """Right when the pattern given (or the reference, read as one) is found in the answer; ``full``: is all of it.

    Only the first 4,000 characters of an answer are searched: what a badly written pattern costs grows with the text.
    """
    if pattern is not None:
        compiled(pattern, ignore_case=ignore_case)
    judge = partial(_regex, pattern=pattern, ignore_case=ignore_case, full=full)
    version = _version(1, regex, pattern=pattern, ignore_case=ignore_case, full=full)
    return Rule("regex", version, judge, needs_reference=pattern is None)


def compiled(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A pattern ready to search.

    Raises
    ------
    UsageError: it is not a regular expression.
    """
    try:
        return re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except (re.error, OverflowError, RecursionError) as exc:
        raise UsageError(
            f"scorer regex: {pattern!r} is not a regular expression: {exc}", hint="escape ( ) [ ] . * + ? with \\"
        ) from exc


def _regex(item: Item, task: Task, answer: str, *, pattern: str | None, ignore_case: bool, full: bool) -> Judgement:
    got = understand.said(answer)[:LONGEST_FOR_REGEX]
    for value in _acceptable(item.reference) if pattern is None else [pattern]:
        try:
            found = compiled(understand.as_text(value), ignore_case=ignore_case)
        except UsageError as exc:
            return Judgement(None, "bad pattern", str(exc))
        if match := found.fullmatch(got) if full else found.search(got):
            return Judgement(1.0, explanation=f"found {match[0][:80]!r}")
    return Judgement(0.0)


# --------------------------------------------------------------------------------------------------- numbers


def number(*, absolute: float = 0.0, relative: float = 1e-6) -> Scorer:
    """Right when the answer's number is within max(absolute, relative × |reference|) of the reference's.

    The number is the last one in the answer (the one after ``####`` when that is there). When only one of the two is
    a percentage, 12 % agrees with 12 and with 0.12.
    """
    judge = partial(_same_number, near=_nearness("number", absolute, relative))
    return Rule("number", _version(1, number, absolute=absolute, relative=relative), judge)


def _nearness(name: str, absolute: float, relative: float) -> Near:
    if not (0 <= absolute < float("inf") and 0 <= relative < float("inf")):
        raise UsageError(f"scorer {name}: a tolerance must be 0 or more", hint=f"{name}: {{absolute: 0.5}}")
    return partial(_near, absolute=Decimal(repr(absolute)), relative=Decimal(repr(relative)))


def _same_number(item: Item, task: Task, answer: str, *, near: Near) -> Judgement:
    wanted = [value for value in map(understand.number_of, _acceptable(item.reference)) if value is not None]
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


# --------------------------------------------------------------------------------------------------- JSON fields


def json_fields(*, fields: Sequence[str] | None = None, absolute: float = 0.0, relative: float = 1e-6) -> Scorer:
    """How well the answer's JSON object agrees with the reference's, field by field: F1 over fields.

    F1 = 2 Σ agreement / (fields of the answer + fields of the reference). A field is a dotted path to a scalar or a
    list; null is the same as absent. Agreement of scalars is 1 or 0 after case and spaces (numbers: the tolerance), of
    lists the F1 of their elements as multisets. ``fields`` restricts both sides to these paths and what is below them.
    """
    near = _nearness("json-fields", absolute, relative)
    version = _version(1, json_fields, fields=fields, absolute=absolute, relative=relative)
    judge = partial(_fields, fields=None if fields is None else tuple(fields), near=near)
    return Rule("json-fields", version, judge)


def _fields(item: Item, task: Task, answer: str, *, fields: tuple[str, ...] | None, near: Near) -> Judgement:
    objects = [
        understand.json_object(value) if isinstance(value, str) else value for value in _acceptable(item.reference)
    ]
    wanted = [value for value in objects if isinstance(value, dict)]
    if not wanted:
        return Judgement(None, explanation="the reference is no JSON object")
    got = understand.json_object(answer)
    if got is None:
        return Judgement(0.0, "not JSON")
    value, words = max((agreement(got, each, fields=fields, near=near) for each in wanted), key=lambda pair: pair[0])
    return Judgement(value, explanation=words)


# --------------------------------------------------------------------------------------------------- letters


def choice_letter() -> Scorer:
    """Right when the answer gives the letter (or the words) of the right choice. See :func:`choices.letter_of`."""
    return Rule("choice-letter", _version(1, choice_letter), _letter)


def _letter(item: Item, task: Task, answer: str) -> Judgement:
    choices = item.choices or task.choices
    right = set(_right_letters(_acceptable(item.reference), choices))
    if not right:
        return Judgement(None, explanation="the reference is none of the choices")
    found, understood = understand.letter(answer, choices)
    return Judgement(float(understood and found in right), found)


def _right_letters(references: Iterable[Any], choices: Sequence[str]) -> Iterable[str]:
    for reference in references:
        letter = letter_of(reference, choices or "x" * 26)
        if letter is not None:
            yield letter
