"""Accuracy by language and noise, with intervals that hold for all cells of a target at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgebench.decide import terms
from edgebench.records import Estimate, GridCell
from edgebench.report import formatting, tables
from edgebench.report.cells import (
    Studied,
    sizes,
)
from edgebench.report.formatting import ABSENT
from edgebench.report.tables import Column, Table, number_cell, table

WORST = "▼ worst"
SHARE = ("fraction", 2)  # unit and digits of a share in a sentence
MOST_NAMED = 3  # targets in a title

Key = tuple[str, str]  # language, perturbation


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid as one table (conditions × targets), or as one for each target (language × noise)."""

    tables: tuple[Table, ...]
    dense: bool  # combinations of language and noise were asked: a grid proper


def grid(given: Studied) -> Grid | None:
    """Accuracy by language × noise; None where nothing but the clean messages was asked.

    A plan that varies one factor at a time has no combination of a language with a noise: its cells stand one below
    the other, targets side by side. With combinations each target has a table of its own, languages × noises.
    """
    there = {(one.target, one.language, one.perturbation): one for one in given.study.grid}
    asked = [one for one in given.study.grid if one.accuracy.value is not None]
    if len({(one.language, one.perturbation) for one in asked}) < 2:
        return None
    targets = [target for target in given.targets if any(one.target == target for one in asked)]
    if any(one.language and one.perturbation != "none" for one in asked):
        return Grid(tuple(_square(given, target, place, there) for place, target in enumerate(targets)), True)
    return Grid((_long(given, targets, asked, there),), False)


def _long(
    given: Studied, targets: Sequence[str], asked: Sequence[GridCell], there: Mapping[tuple[str, str, str], GridCell]
) -> Table:
    keys = sorted(dict.fromkeys((one.language, one.perturbation) for one in asked), key=order)
    columns = [
        Column("asked", numeric=False),
        *(Column(given.short(target), look=given.targets[target]) for target in targets),
    ]
    rows = [[_grid_row(given, key), *(_grid_cell(there.get((target, *key))) for target in targets)] for key in keys]
    return table("robustness-grid", "Share right by language and noise, targets side by side", columns, rows)


def order(key: Key) -> tuple[bool, bool]:
    """The clean messages, then noises, then languages; each as the plan has them."""
    language, noise = key
    return bool(language), noise != "none" and not language


def _grid_row(given: Studied, key: Key) -> tables.Cell:
    clean = key == ("", "none")
    return tables.Cell("clean", f"in {terms.language('', given.own)}") if clean else condition(key)


def condition(key: Key) -> tables.Cell:
    """A language and a noise in words, with what the noise does."""
    language, noise = key
    parts = [terms.language(language)] if language else []
    parts += [terms.perturbation(noise)] if noise != "none" else []
    about = "clean" if noise == "none" else terms.about(noise) if len(terms.parts(noise)) == 1 else "all at once"
    return tables.Cell(" · ".join(parts), about)


def _grid_cell(one: GridCell | None) -> tables.Cell:
    if one is None or one.accuracy.value is None:
        why = (one.accuracy.why_absent if one else None) or "the plan has no such cell"
        return tables.Cell(ABSENT, why=why)
    word = WORST if one.worst else ""
    return replace(number_cell(_together(one), "accuracy"), heat=one.accuracy.value, word=word)


def _together(one: GridCell) -> Estimate:
    """The share with the interval that holds for all cells of its target at once, where there is one."""
    return replace(one.simultaneous, value=one.accuracy.value) if one.simultaneous.value is not None else one.accuracy


def _square(given: Studied, target: str, place: int, there: Mapping[tuple[str, str, str], GridCell]) -> Table:
    """One target: a language in each row, a noise in each column."""
    mine = [key for key, one in there.items() if key[0] == target and one.accuracy.value is not None]
    languages = sorted(dict.fromkeys(language for _, language, _ in mine), key=bool)
    noises = sorted(dict.fromkeys(noise for _, _, noise in mine), key=lambda noise: noise != "none")
    look = given.targets[target]
    columns = [
        Column(look.short, numeric=False, look=look),
        *(Column(terms.perturbation(noise), terms.about(noise)) for noise in noises),
    ]
    rows = [
        [
            tables.Cell(terms.language(language, given.own)),
            *(_grid_cell(there.get((target, language, noise))) for noise in noises),
        ]
        for language in languages
    ]
    return table(f"robustness-{place}", f"Share right of {look.short} by language and noise", columns, rows)


def finding(given: Studied) -> str:
    """What each target still gets right in its lowest cell."""
    worst = [one for one in given.study.grid if one.worst and one.accuracy.value is not None]
    worst.sort(key=lambda one: -(one.accuracy.value or 0.0))
    said = []
    for place, one in enumerate(worst[:MOST_NAMED]):
        share = str(formatting.show(_together(one), "fraction"))
        right = f"is {share} right" if not place else share
        said.append(f"{given.short(one.target)} {right} {in_words(one.language, one.perturbation)}")
    n = sizes(one.accuracy for one in worst[:MOST_NAMED])
    return f"At worst, {'; '.join(said)}; {n}" if said else "Share right by language and noise"


def asked_of(given: Studied) -> str:
    """How many answers stand behind each number of the grid: ``n = 60``, ``n = 56–60``."""
    return sizes(one.accuracy for one in given.study.grid if one.accuracy.value is not None)


def in_words(language: str, noise: str) -> str:
    """A condition inside a sentence: ``in Spanish``, ``with keyboard typos (5 %)``, ``with 3 noises at once``."""
    said = [f"in {terms.language(language)}"] if language else []
    if noise != "none":
        parts = terms.parts(noise)
        said.append(f"with {terms.perturbation(noise) if len(parts) == 1 else f'{len(parts)} noises at once'}")
    return " ".join(said) or "on clean messages"
