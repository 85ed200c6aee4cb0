"""Rows that say the same twice: refused, dropped or kept, with their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edgebench.errors import DataError
from edgebench.records import Item, digest
from edgebench.workloads.columns import Case


@dataclass(frozen=True, slots=True)
class Unique:
    """What is left, and how many rows were dropped."""

    cases: tuple[Case, ...]
    dropped: int = 0


def settled(cases: Sequence[Case], how: Literal["refuse", "drop", "keep"], name: str) -> Unique:
    """The cases after ``how`` was done to duplicates.

    A duplicate asks the same and expects the same as an earlier row, or has its id. The same question with two
    different references is refused unless duplicates are kept: nobody but the owner knows which one is right.
    Kept ones share a cluster, so that intervals do not take them for independent.
    """
    if how == "keep":
        return Unique(tuple(_clustered(_named_apart(cases))))
    repeats, conflicts = _found(cases)
    if conflicts:
        raise DataError(
            f"{name}: the same input has different references: {_listed(conflicts)}",
            hint="correct the file; `duplicates: keep` if both are meant",
        )
    if repeats and how == "refuse":
        raise DataError(
            f"{name}: rows say the same twice: {_listed(repeats)}",
            hint="`duplicates: drop` keeps the first of each, `duplicates: keep` measures all of them",
        )
    gone = {row for row, _ in repeats}
    return Unique(tuple(case for case in cases if case.row not in gone), len(gone))


def asked(item: Item) -> str:
    """Identifies a question: its words and choices, without spaces at its ends."""
    return digest([item.input.strip() if isinstance(item.input, str) else item.input, list(item.choices)])


def _expected(item: Item) -> str:
    return digest(item.reference.strip() if isinstance(item.reference, str) else item.reference)


def _found(cases: Sequence[Case]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(row, earlier row) of the repeats and of the conflicts."""
    questions: dict[str, Case] = {}
    ids: dict[str, Case] = {}
    repeats, conflicts = [], []
    for case in cases:
        same = questions.setdefault(asked(case.item), case)
        namesake = ids.setdefault(case.item.id, case)
        if same is not case and _expected(same.item) != _expected(case.item):
            conflicts.append((case.row, same.row))
        elif same is not case or namesake is not case:
            repeats.append((case.row, (same if same is not case else namesake).row))
    return repeats, conflicts


def _named_apart(cases: Sequence[Case]) -> Iterable[Case]:
    seen: set[str] = set()
    for case in cases:
        twice = case.item.id in seen
        seen.add(case.item.id)
        yield replace(case, item=replace(case.item, id=f"{case.item.id} (row {case.row})")) if twice else case


def _clustered(cases: Iterable[Case]) -> Iterable[Case]:
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(asked(case.item), []).append(case)
    shared = {
        case.row: key[:12] for key, group in groups.items() if len(group) > 1 for case in group if not case.item.cluster
    }
    for group in sorted((case for members in groups.values() for case in members), key=lambda case: case.row):
        cluster = shared.get(group.row)
        yield replace(group, item=replace(group.item, cluster=f"same-input-{cluster}")) if cluster else group


def _listed(pairs: Sequence[tuple[int, int]]) -> str:
    shown = ", ".join(f"row {row} and row {earlier}" for row, earlier in pairs[:5])
    return shown + (f" and {len(pairs) - 5} more" if len(pairs) > 5 else "")
