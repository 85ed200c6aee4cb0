"""The examples a prompting shows: drawn from the pool, never from what is measured; and how they are spoken."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgebench.errors import UsageError
from edgebench.records import Example, Message, Workload, digest
from edgebench.workloads.prompting.final import MARK
from edgebench.workloads.subset import shuffled

GROUP = "group"  # the tag by which an item meets the examples of its group


def drawn(workload: Workload, k: int, rng: np.random.Generator) -> tuple[Example, ...]:
    """``k`` examples of each label when the task has labels, dealt one label after the other; ``k`` in all otherwise.

    Where examples have groups, so many of each group that the items belong to.

    Raises
    ------
    UsageError: the pool is too small; says what there is.
    """
    mixed = shuffled(workload.pool, rng=rng, digest=digest)
    labels = shuffled(workload.task.choices, rng=rng, digest=str) if workload.task.choices else []
    piles: dict[str, Sequence[Example]] = _by_group(workload, mixed) if grouped(mixed) else {"": mixed}
    found = [
        example
        for group, pile in piles.items()
        for example in _dealt(pile, labels, workload.task.choices, k, _where(group, mixed))
    ]
    return tuple(replace(one, reference=whole(workload, one.reference)) for one in found)


def _by_group(workload: Workload, mixed: Sequence[Example]) -> dict[str, Sequence[Example]]:
    groups = sorted({item.tags.get(GROUP, "") for item in workload.items})
    return {group: [example for example in mixed if example.group == group] for group in groups}


def _where(group: str, mixed: Sequence[Example]) -> str:
    return f"in the pool of the group {group!r}" if grouped(mixed) else "in the pool"


def grouped(examples: Sequence[Example]) -> bool:
    """Whether examples belong to groups at all."""
    return any(example.group for example in examples)


def _dealt(mixed: Sequence[Example], order: Sequence[str], labels: Sequence[str], k: int, where: str) -> list[Example]:
    if not labels:
        if len(mixed) < k:
            what = f"the pool has {len(mixed)}" if where == "in the pool" else f"{len(mixed)} are {where}"
            raise _too_few(f"{k} examples", what, len(mixed))
        return list(mixed[:k])
    piles: dict[str, list[Example]] = {label: [] for label in order}
    for example in mixed:
        piles.setdefault(spoken(example.reference), []).append(example)
    scarce = min(labels, key=lambda label: len(piles[label]))
    if (least := len(piles[scarce])) < k:
        what = f"{scarce!r} has {least} of the {len(mixed)} {where}" if mixed else "the pool is empty"
        raise _too_few(f"{k} examples of each of the {len(labels)} labels", what, least)
    return [piles[label][place] for place in range(k) for label in piles if label in labels]


def _too_few(needed: str, what: str, enough: int) -> UsageError:
    hint = f"k: {enough}, or more examples" if enough else "add `examples: {file: …}` to the workload"
    return UsageError(
        f"the prompting needs {needed}, and {what}", hint=f"{hint}; rows that are measured are never shown"
    )


def turns(examples: Sequence[Example], *, worked: bool = False, cue: str = "") -> tuple[Message, ...]:
    """Solved cases as earlier turns of the chat; ``cue`` stands under each question, as under the one asked."""
    return tuple(
        turn
        for example in examples
        for turn in (
            Message("user", f"{example.input}\n\n{cue}" if cue else example.input),
            Message("assistant", reasoned(example) if worked else spoken(example.reference)),
        )
    )


def reasoned(example: Example) -> str:
    """The way to the answer, then the answer on a last line that begins with "Answer:"."""
    way = example.worked.strip()
    if MARK.search(way):
        return way
    return "\n".join(part for part in (way, f"Answer: {spoken(example.reference)}") if part)


def whole(workload: Workload, reference: Any) -> Any:
    """A reference all of whose members are one right answer, as that answer; any other as it is.

    Such are the lists of a job whose answers are sets (its first scorer is ``set-f1``); elsewhere a list means that any
    of its members is right.
    """
    if not workload.scorers or workload.scorers[0].name != "set-f1" or not isinstance(reference, (list, tuple)):
        return reference
    members = [spoken(member) for member in reference]
    return json.dumps(members, ensure_ascii=False) if workload.task.output == "json" else ", ".join(members) or "none"


def spoken(reference: Any) -> str:
    """A reference as the answer it would be; of several acceptable ones the first.

    An object keeps its author's order of keys, which is the schema's where both were written with care.
    """
    said = reference[0] if isinstance(reference, (list, tuple)) and reference else reference
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
