"""The grid: accuracy of each target in each language under each perturbation, under its base prompting.

The interval of one cell is of 95 %; the simultaneous one holds for all cells of its target at once (Šidák), so that the
lowest may be looked at without being chosen by chance. A cell the plan does not have is absent and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from edgebench.decide.resampled import Resampled
from edgebench.decide.study.design import CLEAN, Design, Place
from edgebench.decide.study.gaps import drop_rate
from edgebench.metrics.quality import share
from edgebench.records import Cell, Estimate, GridCell
from edgebench.stats import simultaneous

NOT_PLANNED = "the plan has no such cell"


def grid(resampled: Resampled, design: Design, cells: Mapping[str, Cell]) -> tuple[GridCell, ...]:
    """Every language × perturbation of each target; nothing where all a run has is the base."""
    return tuple(cell for target in design.targets for cell in _of_target(resampled, design, cells, target))


def _of_target(resampled: Resampled, design: Design, cells: Mapping[str, Cell], target: str) -> Iterator[GridCell]:
    base = design.bases.get(target)
    if base is None:
        return
    mine = {(one.language, one.perturbation): one for one in design.of(target) if one.prompting == base.prompting}
    if len(mine) < 2:
        return
    level = simultaneous.sidak(len(mine))
    found = {at: _cell(resampled, cells, base, place, level) for at, place in mine.items()}
    known = [one for one in found.values() if one.accuracy.value is not None]
    worst = min(known, key=lambda one: one.accuracy.value or 0.0, default=None) if len(known) > 1 else None
    for language in dict.fromkeys(language for language, _ in mine):
        for perturbation in dict.fromkeys(perturbation for _, perturbation in mine):
            one = found.get((language, perturbation))
            if one is None:
                absent = Estimate.absent(NOT_PLANNED)
                yield GridCell(target, language, perturbation, absent, absent, absent)
            else:
                yield replace(one, worst=one is worst)


def _cell(resampled: Resampled, cells: Mapping[str, Cell], base: Place, place: Place, level: float) -> GridCell:
    arm = resampled.table[place.arm]
    accuracy = cells[place.arm].accuracy
    together = accuracy
    if accuracy.value is not None:
        judged = np.isfinite(arm.value)
        together = share(arm, judged, arm.value, resampled.weights, level=level)
        together = replace(together, method=f"{together.method}, simultaneous over the target's cells (Šidák)")
    itself = place.arm == base.arm and place.perturbation == CLEAN
    drop = (
        Estimate.absent("the cell the others are held against") if itself else drop_rate(resampled, base.arm, place.arm)
    )
    return GridCell(place.target, place.language, place.perturbation, accuracy, together, drop)
