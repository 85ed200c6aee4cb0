"""What several answers to one item have in common: each understood as its scorer would, then counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from edgebench.records import Answer, Item, Task
from edgebench.workloads import understand
from edgebench.workloads.prompting.chat import own_choices


def understood(answer: str, item: Item, task: Task) -> tuple[str, str] | None:
    """(what makes two answers the same, the answer as it is given on); None where none can be read.

    A label and a letter are given on by themselves, everything else in the words it came in.
    """
    if own := own_choices(item, task):
        found, clear = understand.letter(answer, own)
        return (found, found) if clear else None
    if task.choices:
        found, clear = understand.label(answer, task.choices)
        return (found, found) if clear else None
    key = _key(answer, task)
    return None if key is None else (key, answer)


def _key(answer: str, task: Task) -> str | None:
    if task.output == "number":
        number = understand.number(answer)
        return None if number is None else f"{(number.value + 0).normalize()}{'%' * number.percent}"
    if task.output == "json":
        found = understand.json_object(answer)
        return None if found is None else json.dumps(_settled(found), sort_keys=True, ensure_ascii=False)
    return understand.plain(understand.said(answer)) or understand.said(answer) or None


def _settled(value: Any) -> Any:
    """A JSON value with whole numbers written in one way only, and without spaces around texts."""
    if isinstance(value, dict):
        return {key: _settled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_settled(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.strip() if isinstance(value, str) else value


def gathered(answers: Sequence[Answer], item: Item, task: Task) -> list[list[Answer]]:
    """Answers that say the same side by side, in the order first seen, each text as it is given on.

    Answers nobody can read are left out; where that is all of them, equal texts say the same.
    """
    piles: dict[str, list[Answer]] = {}
    for answer in answers:
        if (read := understood(answer.text, item, task)) is not None:
            piles.setdefault(read[0], []).append(Answer(read[1], answer.confidence))
    if not piles:
        for answer in answers:
            piles.setdefault(answer.text.strip(), []).append(answer)
    return list(piles.values())


def vote(answers: Sequence[Answer], item: Item, task: Task) -> Answer:
    """The answer of most; of equally many, the one whose confidences sum to more, then the one seen first.

    Its confidence is the share of all ``answers`` (at least one) that gave it.
    """
    piles = gathered(answers, item, task)
    won = max(piles, key=lambda pile: (len(pile), sum(answer.confidence or 0.0 for answer in pile)))
    return Answer(won[0].text, len(won) / len(answers))
