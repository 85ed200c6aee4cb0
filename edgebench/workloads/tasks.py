"""The task of a workload: what kind of answer is wanted, among which labels, in which words it is asked for.

The kind, when the plan does not say: ``json`` with a schema or when references are objects; ``choice`` with labels or
choices; ``number`` when every reference is one (numbered classes therefore need ``labels``); ``choice`` when there are
at most 100 different short references, each used twice on average; else ``text``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgebench.errors import DataError, near
from edgebench.records import Item, Output, ScorerSpec, Task, WorkloadSpec
from edgebench.workloads.choices import LETTERS, is_index, letter_of
from edgebench.workloads.columns import Case
from edgebench.workloads.readers import parsed
from edgebench.workloads.understand import is_number, number_of

MOST_LABELS = 100
LONGEST_LABEL = 80

INSTRUCTIONS: Mapping[str, str] = {
    "choice": "Sort the message into exactly one of the labels below. Reply with that label and nothing else.",
    "letter": "Answer the question by choosing one of its options. Reply with the letter of the option, nothing else.",
    "number": "Work out the answer. Reply with the number alone: no words, no unit.",
    "json": "Take the facts asked for from the message. Reply with one JSON object and nothing else.",
    "text": "Reply to the message with the answer alone, as briefly as it can be said.",
}
SCORERS: Mapping[str, str] = {
    "choice": "label",
    "letter": "choice-letter",
    "number": "number",
    "json": "json-fields",
    "text": "text",
}


@dataclass(frozen=True, slots=True)
class Settled:
    """A task, and the cases and examples with their references in its form."""

    task: Task
    cases: tuple[Case, ...]
    examples: tuple[Case, ...]
    scorers: tuple[ScorerSpec, ...]


def settle(
    spec: WorkloadSpec, cases: Sequence[Case], examples: Sequence[Case], name: str, examples_name: str
) -> Settled:
    """What the workload asks for.

    Raises
    ------
    DataError: a reference that does not fit the task (a label that is not in the set, …), with the rows.
    """
    if spec.max_tokens is not None and spec.max_tokens < 1:
        raise DataError(f"max_tokens: {spec.max_tokens} leaves no room for an answer", hint="max_tokens: 64")
    output = spec.output or _guess(spec, [case.item for case in cases])
    convert, choices, form = _conversion(output, spec, cases, examples)
    done = _converted(cases, convert, name)
    shown = _converted(examples, convert, examples_name)
    if form == "choice":
        choices = choices or _labels(done, shown)
        _check_labels(done, choices, name)
        _check_labels(shown, choices, examples_name)
    if form != "letter" and any(case.item.choices for case in done):
        done = tuple(replace(case, item=replace(case.item, choices=())) for case in done)
    given = spec.labels or {}
    task = Task(
        output=output,
        instruction=INSTRUCTIONS[form] if spec.instruction is None else spec.instruction,
        choices=choices,
        descriptions={label: given.get(label) or label.replace("_", " ") for label in choices},
        schema=spec.schema,
        max_tokens=spec.max_tokens or _room(form, choices),
        wordings=tuple(spec.wordings or ()),
    )
    return Settled(task, done, shown, _scorers(spec, form))


# --------------------------------------------------------------------------------------------------- which kind


def _guess(spec: WorkloadSpec, items: Sequence[Item]) -> Output:
    references = [item.reference for item in items if item.reference is not None]
    if spec.schema is not None:
        return "json"
    if spec.labels or any(item.choices for item in items):
        return "choice"
    if not references:
        return "text"
    if all(isinstance(reference, dict) or _is_object(reference) for reference in references):
        return "json"
    if all(is_number(reference) for reference in references):
        return "number"
    words = [_word(reference) for reference in references if isinstance(reference, (str, bool))]
    few = len(set(words)) <= min(MOST_LABELS, len(words) / 2)
    short = all(len(word) <= LONGEST_LABEL and "\n" not in word for word in words)
    return "choice" if len(words) == len(references) and few and short else "text"


def _is_object(reference: Any) -> bool:
    if not isinstance(reference, str) or not reference.lstrip().startswith("{"):
        return False
    try:
        return isinstance(parsed(reference), dict)
    except ValueError:
        return False


# --------------------------------------------------------------------------------------------------- references

Convert = Callable[[Case], Any]  # the reference in the task's form, or ValueError saying what it is not


def _conversion(
    output: Output, spec: WorkloadSpec, cases: Sequence[Case], examples: Sequence[Case]
) -> tuple[Convert, tuple[str, ...], str]:
    """How references are converted, the choices known so far, and the form of the question."""
    if output == "json":
        return _as_object, (), "json"
    if output == "number":
        return _as_number, (), "number"
    if output == "text":
        return lambda case: case.item.reference, (), "text"
    every = [*cases, *examples]
    sets = {case.item.choices for case in every}
    if sets in ({()}, set()):
        return lambda case: _as_words(case.item.reference), tuple(spec.labels or ()), "choice"
    first = _first_index(every)
    if len(sets) == 1:
        choices = every[0].item.choices
        return lambda case: choices[LETTERS.index(_as_letter(case, first))], choices, "choice"
    return lambda case: _as_letter(case, first), (), "letter"


def _first_index(cases: Sequence[Case]) -> int:
    """Whether numbered references count from 0 or from 1: from 1 when 0 never comes and some equal the last number."""
    numbered = [case.item for case in cases if is_index(case.item.reference)]
    numbers = [int(str(item.reference)) for item in numbered]
    from_one = numbers and min(numbers) > 0 and any(n == len(i.choices) for n, i in zip(numbers, numbered, strict=True))
    return 1 if from_one and len(numbers) == len([c for c in cases if c.item.reference is not None]) else 0


def _as_letter(case: Case, first: int) -> str:
    letter = letter_of(case.item.reference, case.item.choices, first=first)
    if letter is None:
        raise ValueError("is none of the row's choices")
    return letter


def _as_words(reference: Any) -> Any:
    if isinstance(reference, dict):
        raise ValueError("is an object where a label is wanted")
    return [_word(value) for value in reference] if isinstance(reference, list) else _word(reference)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _as_number(case: Case) -> Any:
    given = case.item.reference if isinstance(case.item.reference, list) else [case.item.reference]
    if any(number_of(value) is None for value in given):
        raise ValueError("is not a number")
    return case.item.reference


def _as_object(case: Case) -> Any:
    reference = case.item.reference
    if isinstance(reference, str):
        try:
            reference = parsed(reference)
        except ValueError as exc:
            raise ValueError("is not JSON") from exc
    if not isinstance(reference, dict):
        raise ValueError("is not a JSON object")
    return reference


def _converted(cases: Sequence[Case], convert: Convert, name: str) -> tuple[Case, ...]:
    done, wrong = [], []
    for case in cases:
        if case.item.reference is None:
            done.append(case)
            continue
        try:
            done.append(replace(case, item=replace(case.item, reference=convert(case))))
        except ValueError as exc:
            wrong.append(f"row {case.row} {str(case.item.reference)[:40]!r} {exc}")
    if wrong:
        more = f" (and {len(wrong) - 5} more rows)" if len(wrong) > 5 else ""
        raise DataError(
            f"{name}: the reference of {'; '.join(wrong[:5])}{more}",
            hint="correct these rows, or say which kind of answer is wanted: `output: text`",
        )
    return tuple(done)


# --------------------------------------------------------------------------------------------------- labels


def _of(case: Case) -> list[str]:
    reference = case.item.reference
    return [] if reference is None else reference if isinstance(reference, list) else [reference]


def _labels(cases: Sequence[Case], examples: Sequence[Case]) -> tuple[str, ...]:
    """The labels that occur, in the whole file and in the examples, sorted."""
    labels = tuple(sorted({label for case in (*cases, *examples) for label in _of(case)}))
    if len(labels) < 2:
        raise DataError(
            f"a choice needs two labels, and the references hold {'only ' + repr(labels[0]) if labels else 'none'}",
            hint="name the column, `columns: {reference: …}`, or list all of them under `labels:`",
        )
    return labels


def _check_labels(cases: Sequence[Case], labels: Sequence[str], name: str) -> None:
    known = set(labels)
    wrong = [(case.row, label) for case in cases for label in _of(case) if label not in known]
    if not wrong:
        return
    shown = []
    for row, label in wrong[:5]:
        nearest = near(label, labels)
        shown.append(f"row {row} {label[:60]!r}" + (f" (nearest: {nearest!r})" if nearest else ""))
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    raise DataError(
        f"{name}: not one of the {len(labels)} labels: {', '.join(shown)}{more}",
        hint="correct these rows, or add the label under `labels:`",
    )


# --------------------------------------------------------------------------------------------------- defaults


def _room(form: str, choices: Sequence[str]) -> int:
    """Tokens an answer may take. A label gets a token for every two characters: rare words split finely."""
    if form == "choice":
        return max(16, 4 + math.ceil(max(map(len, choices), default=0) / 2))
    return {"letter": 8, "number": 64, "json": 256, "text": 128}[form]


def _scorers(spec: WorkloadSpec, form: str) -> tuple[ScorerSpec, ...]:
    if spec.scorers is None:
        return (ScorerSpec(SCORERS[form]),)
    named = []
    for scorer in spec.scorers:
        if isinstance(scorer, str):
            named.append(ScorerSpec(scorer))
        elif len(scorer) == 1:
            name, options = next(iter(scorer.items()))
            named.append(ScorerSpec(str(name), dict(options or {})))
        else:
            raise DataError(
                "a scorer is a name, or one name with its options", hint="scorers: [{number: {absolute: 1}}]"
            )
    twice = {scorer.name for scorer in named if [other.name for other in named].count(scorer.name) > 1}
    if twice or not named:
        what = f"the scorer {min(twice)!r} is named twice" if twice else "the list of scorers is empty"
        raise DataError(what, hint="name each scorer once: `scorers: [label]`")
    return tuple(named)
