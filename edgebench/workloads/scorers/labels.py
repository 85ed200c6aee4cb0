"""Scorers of choices: the label an answer gives, its letter, the set of its labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from edgebench.contracts import Scorer
from edgebench.records import Item, Judgement, Task
from edgebench.workloads import understand
from edgebench.workloads.choices import letter_of
from edgebench.workloads.scorers.rule import Rule, acceptable, versioned

MOST_MEMBERS = 500  # of a set that are read
NOTHING = frozenset({"", "none", "nothing", "n a", "empty", "no labels", "null"})  # ways to say the empty set, plain


def label(*, ignore_case: bool = True, anywhere: bool = True) -> Scorer:
    """Right when the answer gives the reference's label; ``anywhere``: also as the only label within a sentence."""
    version = versioned(2, label, ignore_case=ignore_case, anywhere=anywhere)
    return Rule("label", version, partial(_label, ignore_case=ignore_case, anywhere=anywhere))


def _label(item: Item, task: Task, answer: str, *, ignore_case: bool, anywhere: bool) -> Judgement:
    right = [understand.as_text(value).strip() for value in acceptable(item.reference)]
    offered = item.choices or task.choices
    labels = list(dict.fromkeys([*offered, *right]))
    # with nothing but the reference to look for, finding it within a sentence would be too kind
    found, understood = understand.label(answer, labels, ignore_case=ignore_case, anywhere=anywhere and bool(offered))
    return Judgement(float(understood and found in right), found)


# --------------------------------------------------------------------------------------------------- letters


def choice_letter() -> Scorer:
    """Right when the answer gives the letter (or the words) of the right choice. See :func:`choices.letter_of`."""
    return Rule("choice-letter", versioned(2, choice_letter), _letter)


def _letter(item: Item, task: Task, answer: str) -> Judgement:
    choices = item.choices or task.choices
    right = set(_right_letters(acceptable(item.reference), choices))
    if not right:
        return Judgement(None, explanation="the reference is none of the choices")
    found, understood = understand.letter(answer, choices)
    return Judgement(float(understood and found in right), found)


def _right_letters(references: Iterable[Any], choices: Sequence[str]) -> Iterable[str]:
    for reference in references:
        letter = letter_of(reference, choices or "x" * 26)
        if letter is not None:
            yield letter


# --------------------------------------------------------------------------------------------------- sets


def set_f1(*, ignore_case: bool = True) -> Scorer:
    """How well the set of labels in the answer agrees with the reference's: F1 = 2 |both| / (|answer| + |reference|).

    The reference is a list (all of it is wanted) or a text read like an answer: a JSON list, or labels apart by commas,
    semicolons or lines, with bullets and numbers before them or not. Two empty sets agree. The label is the set
    understood; the explanation says whether the sets are the same, and what is missing or too much.
    """
    return Rule("set-f1", versioned(1, set_f1, ignore_case=ignore_case), partial(_set, ignore_case=ignore_case))


def _set(item: Item, task: Task, answer: str, *, ignore_case: bool) -> Judgement:
    form = partial(_member, labels=item.choices or task.choices, ignore_case=ignore_case)
    wanted = dict.fromkeys(form(each) for each in _members(item.reference))
    got = dict.fromkeys(form(each) for each in _members(answer))
    both = [each for each in wanted if each in got]
    f1 = 2 * len(both) / (len(wanted) + len(got)) if wanted or got else 1.0
    missing, extra = [each for each in wanted if each not in got], [each for each in got if each not in wanted]
    words = ["exact" if f1 == 1 else "not exact"]
    words += [f"missing: {', '.join(missing)}"] if missing else []
    words += [f"too much: {', '.join(extra)}"] if extra else []
    return Judgement(f1, ", ".join(sorted(got)) or "none", "; ".join(words))


def _members(value: Any) -> list[str]:
    """The labels of a reference or of an answer, as they are written."""
    if not isinstance(value, str):
        return [understand.as_text(each) for each in acceptable(value) if each is not None]
    found = understand.json_found(value, opening="{[")
    listed = None if found is None else found.value
    if isinstance(listed, dict):  # {"labels": [...]}
        lists = [each for each in listed.values() if isinstance(each, list)]
        listed = lists[0] if len(lists) == 1 else None
    if isinstance(listed, list):
        return [understand.as_text(each) for each in listed[:MOST_MEMBERS] if not isinstance(each, (dict, list))]
    return understand.listed(value)[:MOST_MEMBERS] if understand.plain(value) not in NOTHING else []


def _member(written: str, *, labels: Sequence[str], ignore_case: bool) -> str:
    """One label in the spelling of the label set, where it is one of them; else in its plain form."""
    found, understood = understand.label(written, labels, ignore_case=ignore_case, anywhere=False)
    return found if understood else understand.plain(written, case=not ignore_case) or written.strip()
