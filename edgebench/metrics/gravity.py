"""How grave a wrong answer is: by the stakes of its item, by what was answered to what, or by the kind of failure.

``stakes.pairs`` of a plan gives the stakes of one confusion ("refund -> cancel order": 4), above the item's own; either
side may be ``*``, and the most exact pair holds. A lost answer, and one in which nothing was understood, is a wrong
answer without a name: only ``*`` fits it. Above both stand the stakes of a kind in the user's own taxonomy. Stakes are
never guessed: where nobody declared them, they are unknown.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgebench.metrics.beside import TAXONOMY
from edgebench.records import Item, Plan, StakesSpec, Workload

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]

LEVELS = (1, 2, 3, 4)
SEVERE = 4
WHOLE = 1 - 1e-9  # values from here on are right: a mean of weights may miss 1 by its last bit
ANY = "*"
ARROW = "->"


@dataclass(frozen=True)
class Scale:
    """The stakes of a plan: what each level weighs, and which confusions have a level of their own."""

    weights: tuple[float, ...]  # of stakes 1 … 4
    pairs: Mapping[tuple[str, str], int]

    def of_pair(self, references: Sequence[str], answer: str | None) -> int | None:
        """Stakes of answering ``answer`` (None: nothing that has a name) where a reference was right; None: unsaid."""
        said = (answer, ANY) if answer is not None else (ANY,)
        for reference in (*references, ANY):
            for one in said:
                if (found := self.pairs.get((reference, one))) is not None:
                    return found
        return None

    def all_of(self, references: Sequence[str]) -> set[int]:
        """Stakes of every confusion that names one of these references, or any."""
        return {level for (reference, _), level in self.pairs.items() if reference == ANY or reference in references}


def scale(spec: StakesSpec) -> Scale:
    """The stakes of a plan, read once."""
    pairs = {}
    for text, level in spec.pairs.items():
        reference, _, answer = text.partition(ARROW)
        pairs[reference.strip(), answer.strip()] = level
    return Scale(tuple(float(spec.weights.get(str(level), 0.0)) for level in LEVELS), pairs)


def references(item: Item) -> tuple[str, ...]:
    """What would be right, as texts."""
    given = item.reference if isinstance(item.reference, (list, tuple)) else (item.reference,)
    return tuple(
        one.strip() if isinstance(one, str) else json.dumps(one, ensure_ascii=False, sort_keys=True, default=str)
        for one in given
        if one is not None
    )


@dataclass(frozen=True, slots=True)
class OfItem:
    """What is known of wrong answers to one item."""

    references: tuple[str, ...]
    usual: int | None  # stakes of a wrong answer that no pair names
    may: tuple[bool, bool, bool, bool]  # stakes a wrong answer can have
    covered: bool  # whether every wrong answer that can be named has stakes


def by_kind(workload: Workload) -> Mapping[str, int]:
    """Kind of the user's taxonomy → its stakes, where it has some."""
    for spec in workload.scorers:
        if spec.name == TAXONOMY:
            kinds = [one for one in spec.options.get("kinds") or () if isinstance(one, Mapping)]
            return {str(one["name"]): int(one["stakes"]) for one in kinds if one.get("name") and one.get("stakes")}
    return {}


def by_item(plan: Plan, workload: Workload, *, redirected: bool = False) -> Mapping[str, OfItem]:
    """Item digest → what is known of wrong answers to it.

    ``redirected``: another answer than the reference is right, so that only pairs for any reference (``*``) are known
    to hold; where others are declared, what is at stake is not covered.
    """
    found = scale(plan.stakes)
    if redirected:
        unknown = any(reference != ANY for reference, _ in found.pairs)
        bare = {item.digest: replace(item, reference=None) for item in workload.items}
        known = {of: _of_item(found, item, item.choices or workload.task.choices) for of, item in bare.items()}
        return {of: replace(one, covered=one.covered and not unknown) for of, one in known.items()}
    return {item.digest: _of_item(found, item, item.choices or workload.task.choices) for item in workload.items}


def _of_item(found: Scale, item: Item, choices: Sequence[str]) -> OfItem:
    right = references(item)
    usual = found.of_pair(right, None)
    usual = item.stakes if usual is None else usual
    named = {level for level in found.all_of(right) | {usual} if level is not None}
    wrong = [label for label in choices if label not in right]
    covered = usual is not None or (bool(wrong) and all(found.of_pair(right, one) is not None for one in wrong))
    one, two, three, four = (level in named for level in LEVELS)
    return OfItem(right, usual, (one, two, three, four), covered)


@dataclass(frozen=True)
class Gravity:
    """One entry per record of an arm."""

    level: Index  # stakes of the wrong answer given, or of the one that was not; 0: nobody said
    may: Flags  # shape (records, 4): the stakes a wrong answer to its item can have
    unknown: Flags  # the stakes of a wrong answer to its item are not declared
    weights: Floats  # of stakes 1 … 4

    @property
    def weight(self) -> Floats:
        """Of each record's wrong answer; NaN where nobody said."""
        return np.where(self.level > 0, self.weights[np.maximum(self.level, 1) - 1], np.nan)

    @property
    def declared(self) -> bool:
        """Whether any stakes are known at all."""
        return not bool(self.unknown.all())


def gravity(
    plan: Plan,
    items: Sequence[OfItem | None],
    understood: Sequence[str | None],
    kinds: Sequence[int | None],
    value: Floats,
    possible: Collection[int] = (),
) -> Gravity:
    """The gravity of an arm's answers; ``value`` below 1 is wrong, and no item (None) has no stakes.

    ``kinds``: stakes of each answer's kind in the user's taxonomy; ``possible``: those any answer may turn out to have.
    """
    found = scale(plan.stakes)
    always = [level - 1 for level in possible]
    levels = np.zeros(len(items), dtype=np.int64)
    unknown = np.ones(len(items), dtype=bool)
    may = np.zeros((len(items), len(LEVELS)), dtype=bool)
    for place, (item, answer, kind, right) in enumerate(zip(items, understood, kinds, value, strict=True)):
        if item is None:
            continue
        level, bad = item.usual, right < WHOLE
        if bad and kind is not None:
            level = kind
        elif bad and found.pairs and (named := found.of_pair(item.references, answer)) is not None:
            level = named
        levels[place], may[place] = level or 0, item.may
        unknown[place] = not item.covered or (bad and level is None)
    may[:, always] = True
    return Gravity(levels, may, unknown, np.array(found.weights))
