"""Cases without their personal data: every text redacted, tags that hold some left out, instructions told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgebench.records import Message
from edgebench.redacting import redact
from edgebench.workloads.importing.gathering import Case

Clean = Callable[[str], tuple[str, Counter[str]]]
SHARED = 0.95  # of the cases; an instruction that so many begin with is the job's, not the case's


def cleaner(own: frozenset[str]) -> Clean:
    """What redacts a text; ``own``: names to be found wherever they stand."""
    return lambda text: redact(text, own)


def as_it_is(text: str) -> tuple[str, Counter[str]]:
    """What keeps a text."""
    return text, Counter()


@dataclass(frozen=True)
class Cleaned:
    """A case whose texts can be shown, and how many marks of each kind were put."""

    case: Case
    marks: Counter[str]


def instruction(cases: Sequence[Case]) -> str:
    """The system message that nearly all cases begin with; empty when there is none."""
    system = Counter(
        case.found.turns[0].content if case.found.turns[0].role == "system" else "" for case in cases
    ).most_common(1)
    text, count = system[0]
    return text if count >= SHARED * len(cases) else ""


def without(cases: Sequence[Case], instruction: str) -> list[Case]:
    """The cases without the system message that all share."""
    if not instruction:
        return list(cases)
    shared = Message("system", instruction)
    return [
        replace(case, found=replace(case.found, turns=case.found.turns[1:])) if case.found.turns[0] == shared else case
        for case in cases
    ]


def cleaned(case: Case, clean: Clean, tags: frozenset[str]) -> Cleaned:
    """The case with its turns redacted; of its tags those named, where nothing in them had to be."""
    marks: Counter[str] = Counter()

    def text(value: str) -> str:
        out, found = clean(value)
        marks.update(found)
        return out

    found = case.found
    turns = tuple(Message(turn.role, text(turn.content)) for turn in found.turns)
    kept = {tag: value for tag, value in found.tags.items() if tag in tags and clean(value)[0] == value}
    return Cleaned(replace(case, found=replace(found, turns=turns, tags=kept)), marks)


def reference(value: Any, clean: Clean) -> Any:
    """A reference that is a free text, a list or an object, with every text inside redacted."""
    return _inside(value, lambda text: clean(text)[0])


def _inside(value: Any, text: Callable[[str], str]) -> Any:
    """Every text inside a JSON value, redacted; keys stay."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [_inside(one, text) for one in value]
    return {key: _inside(one, text) for key, one in value.items()} if isinstance(value, dict) else value


def are_labels(references: Sequence[Any]) -> bool:
    """Whether the references are a few short labels, each used twice on average: an author's words, nobody's data."""
    words = [one for one in references if one is not None]
    short = all(isinstance(one, (str, bool, int, float)) and len(str(one)) <= LONGEST_LABEL for one in words)
    return bool(words) and short and len({str(one) for one in words}) <= len(words) / 2


LONGEST_LABEL = 80
