"""The rule of the advice, on arrays alone, so that a page's script can follow it line by line.

Losses have the shape (draws, arms, objectives), lower is better; objectives stand in the order of their weight.

1. Eligible: arms that answered and miss no limit; stand-ins only where there is nothing else (``eligible``).
2. Of these, none that another eligible arm dominates in at least 95 % of the draws (``outclassed``).
3. Objective by objective, keep what is within the tolerance of the best; at the last one, the best; what is then still
   equal is decided by the objectives again, in order (``pick``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgebench.decide.pareto import DOMINATED, dominance
from edgebench.metrics.table import Flags, Floats, Index
from edgebench.records import METRICS

TOLERANCE_SHARE = 0.02  # of a share: points
TOLERANCE_RATIO = 0.10  # of anything else: of the best
ROUNDING = 1e-12  # a difference of shares this small is the arithmetic's


def eligible(answered: Flags, missed: Flags, stand_in: Flags) -> Flags:
    """Which arms may be recommended: one flag an arm from one flag an arm each."""
    able = answered & ~missed
    real = able & ~stand_in
    return real if real.any() else able


def outclassed(loss: Floats) -> Index:
    """Of each arm the place of the arm that dominates it most often; −1 where none does in at least 95 % of draws."""
    beaten = dominance(loss)
    often = beaten.any(axis=2).mean(axis=0)
    by = beaten.sum(axis=0).argmax(axis=1)
    return np.where(often >= 1 - DOMINATED, by, -1).astype(np.int64)


def tolerance(metric: str, best: Floats) -> Floats:
    """How far from the best still counts as good enough."""
    if METRICS[metric].unit == "fraction":
        return np.full_like(best, TOLERANCE_SHARE)
    return np.where(np.isfinite(best), TOLERANCE_RATIO * np.abs(best), 0.0)


def pick(loss: Floats, objectives: Sequence[str]) -> NDArray[np.int64]:
    """The place of the arm the rule picks in each draw. The estimates themselves are one draw."""
    alive = np.ones(loss.shape[:2], dtype=bool)
    for k, metric in enumerate(objectives[:-1]):
        mine = np.where(alive, loss[:, :, k], np.inf)
        best = mine.min(axis=1)
        alive &= mine <= (best + tolerance(metric, best))[:, None] + ROUNDING
    for k in (len(objectives) - 1, *range(len(objectives) - 1)):
        mine = np.where(alive, loss[:, :, k], np.inf)
        alive &= mine <= mine.min(axis=1)[:, None]
    return np.asarray(alive.argmax(axis=1), dtype=np.int64)
