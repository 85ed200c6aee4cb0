"""What goes wrong: kinds of wrong answers by target, how many of them are grave, and who is wrong and sure of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from edgebench.decide import terms
from edgebench.metrics.modes import CONFIDENT, UNKNOWN
from edgebench.records import ModeCount
from edgebench.report import formatting, tables
from edgebench.report.cells import (
    Studied,
    arm_entry,
    share_cell,
)
from edgebench.report.formatting import ABSENT
from edgebench.report.tables import Column, Table, number_cell, table

SEVERE = "4"
STAKES = ("1", "2", "3", "4", "?")
MOST_ARMS = 8  # columns of the heat table; the rest unfolds
MOST_UNFOLDED = 120  # all of them are in the data
TAUGHT = {"rule": "", "failure": "", "taxonomy": "your taxonomy", "hand": "labelled by hand"}


def counts(given: Studied) -> Mapping[str, list[ModeCount]]:
    """Kinds of wrong answers of the arms decisions are made on, by arm."""
    out: dict[str, list[ModeCount]] = {arm: [] for arm in given.arms}
    for one in given.study.modes:
        if one.arm in out and one.n and one.mode != CONFIDENT:
            out[one.arm].append(one)
    return {arm: found for arm, found in out.items() if found}


def wrong(found: Sequence[ModeCount]) -> int:
    return sum(one.n for one in found)


def _severe(found: Sequence[ModeCount]) -> int:
    return sum(one.by_stakes.get(SEVERE, 0) for one in found)


# ----------------------------------------------------------------------------------------------- kinds × targets


def shown_arms(given: Studied, first: str | None) -> list[str]:
    """The arms of the heat table: the recommended one, then those with most wrong answers, in the page's order."""
    found = counts(given)
    ranked = sorted(found, key=lambda arm: (arm != first, -wrong(found[arm])))
    kept = set(ranked[:MOST_ARMS])
    return [arm for arm in given.arms if arm in kept]


def modes_table(given: Studied, first: str | None) -> Table | None:
    """Kind × arm: how many, what share of its requests, how many at stakes 4; confidently wrong apart, below."""
    found, arms = counts(given), shown_arms(given, first)
    if not arms:
        return None
    kinds = kinds_of(given, arms)
    by: dict[tuple[str, str, str], ModeCount] = {
        (one.arm, one.mode, one.source): one for arm in arms for one in found[arm]
    }
    most = max(one.n for one in by.values())
    columns = [
        Column("kind of wrong answer", numeric=False),
        *(Column(given.arms[arm].short, look=given.arms[arm]) for arm in arms),
    ]
    lines = [[_kind(*kind), *(_count(by.get((arm, *kind)), most) for arm in arms)] for kind in kinds]
    lines += [[tables.Cell("all of them", "wrong or lost"), *(_all(found[arm]) for arm in arms)]]
    if any(one.confidently_wrong.value is not None for one in given.study.calibration if one.arm in arms):
        term = terms.mode(CONFIDENT)
        lines.append([tables.Cell(term.words, term.explain), *(_confident(given, arm) for arm in arms)])
    return table("failure-modes", "Kinds of wrong answers by target", columns, lines, sortable=False)


def kinds_of(given: Studied, arms: Sequence[str]) -> list[tuple[str, str]]:
    """Kinds, and who gave them, commonest first."""
    sums: Counter[tuple[str, str]] = Counter()
    for arm, found in counts(given).items():
        if arm in arms:
            sums.update({(one.mode, one.source): one.n for one in found})
    return sorted(sums, key=lambda kind: (-sums[kind], kind))


def _kind(mode: str, source: str) -> tables.Cell:
    term = terms.mode(mode)
    return tables.Cell(term.words, term.explain or TAUGHT[source], TAUGHT[source] if term.explain else "")


def _count(one: ModeCount | None, most: int) -> tables.Cell:
    if one is None:
        return tables.Cell("0", sort=0.0, tone="faded")
    share = formatting.share(one.share.value, 1.0) if one.share.value is not None else ""
    return tables.Cell(f"{one.n:,}", share, _grave(one.by_stakes), sort=float(one.n), heat=one.n / most)


def _grave(by_stakes: Mapping[str, int]) -> str:
    severe = by_stakes.get(SEVERE, 0)
    return f"{severe:,} at stakes 4" if severe else ""


def _all(found: Sequence[ModeCount]) -> tables.Cell:
    severe = _severe(found)
    return tables.Cell(f"{wrong(found):,}", word=f"{severe:,} at stakes 4" if severe else "")


def _confident(given: Studied, arm: str) -> tables.Cell:
    one = next((one for one in given.study.calibration if one.arm == arm), None)
    if one is None or one.confidently_wrong.value is None:
        why = (one.why_absent or one.confidently_wrong.why_absent if one else None) or "it gives no confidence"
        return tables.Cell(ABSENT, why=why)
    item = one.confidently_wrong
    counted = next((kind for kind in given.study.modes if kind.arm == arm and kind.mode == CONFIDENT), None)
    n = counted.n if counted else round((item.value or 0.0) * item.n)
    grave = _grave(counted.by_stakes) if counted else ""
    return tables.Cell(f"{n:,}", formatting.share(item.value or 0.0, 1.0), grave, sort=item.value)


def finding(given: Studied, first: str | None) -> str:
    """What most wrong answers of the recommended arm (or of the one with most) are, and how many are grave."""
    found = counts(given)
    if not found:
        return "No answer is known to be wrong"
    arm = first if first is not None and first in found else max(found, key=lambda one: wrong(found[one]))
    most = max(found[arm], key=lambda one: (one.n, one.mode))
    total, severe = wrong(found[arm]), _severe(found[arm])
    if {one.mode for one in found[arm]} == {UNKNOWN}:
        return f"{total:,} answers of {given.named(arm)} are wrong; of what kind, no rule has said yet"
    grave = f"; {severe:,} of all are severe (stakes 4)" if severe else "; none is severe" if staked(found[arm]) else ""
    name, words = given.named(arm), terms.mode(most.mode).words
    errors = next((one.error_rate for one in given.study.harm if one.arm == arm), None)
    share = f"{formatting.show(errors, 'fraction')} of {errors.n:,}" if errors and errors.value is not None else ""
    opening = f"{name} gets {share or f'{total:,} answers'} wrong"
    return f"{opening}, mostly by “{words}”: {most.n:,} of {total:,} wrong or lost answers{grave}"


def staked(found: Sequence[ModeCount]) -> bool:
    return any(stakes in one.by_stakes for one in found for stakes in STAKES[:4])


def every_mode(given: Studied) -> Table | None:
    """Arm × kind with counts by stakes and what they weigh; cells of the study too."""
    kept = [one for one in given.study.modes if one.n]
    columns = [
        Column("asked", numeric=False),
        Column("kind", numeric=False),
        Column("times"),
        Column("share", "of all judged requests of this cell"),
        *(Column(f"stakes {stakes}" if stakes != "?" else "no stakes") for stakes in STAKES),
        Column("harm per 1,000", "weight of these wrong answers per 1,000 requests"),
    ]
    lines = [
        [
            arm_entry(given, one.arm),
            tables.Cell(terms.mode(one.mode).words, TAUGHT[one.source]),
            tables.Cell(f"{one.n:,}", sort=float(one.n)),
            share_cell(one.share),
            *(tables.Cell(f"{one.by_stakes.get(stakes, 0):,}") for stakes in STAKES),
            number_cell(one.loss_per_1k, "harm_per_1k")
            if one.loss_per_1k is not None
            else tables.Cell(ABSENT, why="no item of these has stakes"),
        ]
        for one in kept[:MOST_UNFOLDED]
    ]
    return table("every-mode", "Every kind of wrong answer, by stakes", columns, lines) if lines else None
