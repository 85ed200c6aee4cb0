"""The choice: what the rule picks from what was measured, how often in the draws, and why others were not let in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgebench.decide.pareto import losses
from edgebench.decide.resampled import Resampled
from edgebench.decide.rule import eligible, outclassed, pick
from edgebench.decide.slo import limit
from edgebench.metrics.table import Floats
from edgebench.records import METRICS, Front, SLOVerdict, Summary


@dataclass(frozen=True, slots=True)
class Choice:
    """The arm the rule picks; None where none may be recommended."""

    arm: str | None
    shares: Mapping[str, float]  # of the draws in which the rule picks it, for every arm it may pick
    barred: Mapping[str, str]  # arm → why it cannot be recommended
    beaten: tuple[str, ...] = ()  # of these, who would do but for an arm that is better in everything

    @property
    def names(self) -> tuple[str, ...]:
        """The arms the rule may pick, in the order of the summary."""
        return tuple(self.shares)


def choose(resampled: Resampled, front: Front, slos: Sequence[SLOVerdict]) -> Choice:
    """The rule, applied to the estimates and to every draw."""
    summary = resampled.summary
    barred = _barred(summary, front, slos)
    names = [arm.arm for arm in summary.arms if arm.arm not in barred]
    if not names or not front.objectives:
        return Choice(None, {}, barred)
    loss = losses(resampled, names, front.objectives)
    by = outclassed(loss)
    beaten = {
        name: f"dominated by {names[by[place]]}: no better in any objective"
        for place, name in enumerate(names)
        if by[place] >= 0
    }
    names = [name for name in names if name not in beaten]
    chosen = pick(points(resampled, names, front.objectives), front.objectives)[0]
    picked = pick(loss[:, by < 0, :], front.objectives)
    shares = {name: float((picked == k).mean()) for k, name in enumerate(names)}
    return Choice(names[chosen], shares, barred | beaten, tuple(beaten))


def points(resampled: Resampled, names: Sequence[str], objectives: Sequence[str]) -> Floats:
    """The estimates as one draw of losses, shape (1, arms, objectives)."""
    signs = [1.0 if METRICS[metric].better == "low" else -1.0 for metric in objectives]
    rows = [
        [sign * (resampled.point(name, metric) or 0.0) for sign, metric in zip(signs, objectives, strict=True)]
        for name in names
    ]
    return np.array([rows], dtype=float)


def _barred(summary: Summary, front: Front, slos: Sequence[SLOVerdict]) -> dict[str, str]:
    """Arm → why it cannot be recommended; to be beaten by an arm one cannot ship is no fault."""
    barred = dict(front.excluded)
    for one in slos:
        if one.verdict == "missed":
            barred.setdefault(one.arm, f"misses {limit(one.slo)}: {one.why}")
    names = [arm.arm for arm in summary.arms]
    stand_in = np.array([arm.identity.placement == "stand-in" for arm in summary.arms], dtype=bool)
    excluded, missed = (np.array([name in group for name in names], dtype=bool) for group in (front.excluded, barred))
    for name, may in sorted(zip(names, eligible(~excluded, missed, stand_in), strict=True)):
        if not may:
            barred.setdefault(name, "a stand-in shows how the comparison works, not how an API would do")
    return barred
