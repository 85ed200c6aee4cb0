"""The study of a run: all its cells on shared clusters and one set of draws, from numbers to sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgebench.decide.resampled import Resampled
from edgebench.decide.study import judged
from edgebench.decide.study.cells import cell
from edgebench.decide.study.design import Design, read_design
from edgebench.decide.study.findings import findings
from edgebench.decide.study.gaps import gaps
from edgebench.decide.study.grid import grid
from edgebench.decide.study.ranking import rank_flip
from edgebench.decide.study.sensitivity import sensitivity
from edgebench.metrics import calibration, confusions, gravity, modes, ordinal, slices
from edgebench.metrics.quality import share
from edgebench.metrics.table import ArmColumns
from edgebench.records import Estimate, FieldStudy, Harm, Summary, redirects


def study(resampled: Resampled, *, known: Summary | None = None) -> FieldStudy:
    """Everything that is said of the cells of a run; numbers that cannot be had are absent with their reason.

    ``resampled``: of the whole run. ``known``: the summary of its base part, whose estimates are kept as they are.
    """
    run, table, weights = resampled.run, resampled.table, resampled.weights
    design = read_design(run.plan, table)
    told = {} if known is None else {arm.arm: arm.estimates for arm in known.arms}
    cells = {name: cell(resampled, place, told.get(name)) for name, place in design.places.items()}
    arms = [table[name] for name in design.places]
    labels = modes.labels(run)
    base_arms = [arm.arm for arm in arms if arm.trials[0].base]
    found = FieldStudy(
        cells=tuple(cells.values()),
        gaps=gaps(resampled, design, cells),
        rank=rank_flip(resampled, design),
        grid=grid(resampled, design, cells),
        sensitivity=sensitivity(resampled, design),
        modes=tuple(one for arm in arms for one in modes.counts(run, arm, labels, weights)),
        confusions=tuple(one for arm in arms for one in confusions.confusions(run, arm)),
        repeatability=confusions.repeatability(arms, weights),
        calibration=tuple(calibration.of_arm(run, arm, weights) for arm in arms),
        slices=slices.worst(run, _looked_at(arms), weights),
        harm=tuple(_harm(resampled, arm, told.get(arm.arm)) for arm in arms),
        ordinal=ordinal.ordinal(run, arms),
        judged=judged.judged(resampled),
    )
    found = replace(found, notes=tuple(_notes(resampled, design, found, labels)))
    return replace(found, findings=findings(found, base_arms))


def _looked_at(arms: Sequence[ArmColumns]) -> list[ArmColumns]:
    """Arms whose slices are looked at: those decisions are made on, and the field corners. Others would cost power."""
    return [arm for arm in arms if arm.trials[0].base or "field" in arm.trials[0].corner.split()]


def _harm(resampled: Resampled, arm: ArmColumns, known: Mapping[str, Estimate] | None) -> Harm:
    found = resampled.arms[arm.arm].estimates if known is None else known
    errors = share(arm, np.isfinite(arm.value), 1 - arm.value, resampled.weights)
    return Harm(arm.arm, found["harm_per_1k"], found["severe_rate"], errors)


# ------------------------------------------------------------------------------------------------------------ notes


def _notes(resampled: Resampled, design: Design, found: FieldStudy, labels: modes.Labels) -> Iterator[str]:
    """What cannot be said, and how what is said was made sure."""
    for bound in ("floor", "ceiling"):
        by_why: dict[str, list[str]] = {}
        for one in found.cells:
            if one.bound == bound:
                by_why.setdefault(one.bound_why, []).append(one.arm)
        if by_why:
            told = "; ".join(f"{_listed(arms)} ({why})" for why, arms in by_why.items())
            yield f"at the {bound}, so that differences from or to it say little: {told}"
    if lacking := [target for target in design.targets if target not in design.bases]:
        yield f"no base cell, so nothing to hold the others against: {', '.join(lacking)}"
    places = {one.arm: one.perturbation for one in found.cells}
    if mft := sorted({places[one.b] for one in found.gaps if one.test_type == "MFT"}):
        yield f"not a test of sameness, since the right answer may be another one there: {_listed(mft)}"
    if turned := sorted({one.perturbation for one in found.cells if redirects(one.perturbation)}):
        yield f"another answer is right there, so what is taken for what is not counted: {_listed(turned)}"
    if (
        found.rank is not None
        and found.rank.why_absent
        and len(design.targets) > 1
        and len(design.places) > len(design.targets)
    ):
        yield f"whether the order of targets changes in the field cannot be said: {found.rank.why_absent}"
    yield from _unnamed_pairs(resampled)
    yield from modes.remarks(resampled.run, list(resampled.table.values()), labels)
    yield from judged.notes(resampled.run)


def _unnamed_pairs(resampled: Resampled) -> Iterator[str]:
    """Confusions of the plan that no item could ever show."""
    run = resampled.run
    names = {
        *run.workload.task.choices,
        *(choice for item in run.workload.items for choice in item.choices),
        gravity.ANY,
    }
    right = {text for item in run.workload.items for text in gravity.references(item)}
    if len(names) == 1:  # answers are free: any may come
        names = set()
    for reference, answer in gravity.scale(run.plan.stakes).pairs:
        if reference not in {*right, gravity.ANY} or (names and answer not in names):
            yield f"stakes are declared for {reference!r} answered by {answer!r}, and no item can show that"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
