"""Blocks: how much a number would differ if the target were started again, on another day, on a warmer machine.

Model: observation = item + noise + an effect of its block, the effects independent and of one variance; a run has few
blocks (four, as a rule), each a start of its own. The variance of the whole is then W + B: W from what is seen inside
blocks, B from how far their sums lie apart beyond what W explains (one-way random-effects analysis of variance:
F = mean square between / within, B = W·(F − 1), never below 0).
Each part gets its own quantile, since B is known on G − 1 degrees of freedom only: half-width² = z²·W + t²·B
(the weighting of W. G. Cochran & G. M. Cox, Experimental Designs, 1957, §4.14). Student's t with 3 degrees for all of
it would be wider by half on a machine that holds steady; ignoring B finds differences between an arm and itself in a
third of all runs whose starts differ by 3 to 5 %.
Where nothing says that blocks differ, B is left out (preliminary test: T. A. Bancroft, Biometrics 1964), softly: it is
W·(F − the 15 % point of F) for one arm, so that a steady run nearly keeps the width its n deserves, and W·(F − the 30 %
point) for a difference of two. With four blocks that finds 91 % of 5 % shifts on a steady machine (n = 200, CV 10 %),
where F − 1 finds 90 % and t alone 75 %; the price is paid by an unsteady one: intervals of one arm cover 90 % at worst,
and 5 % false differences become 6 to 8 % where arms move apart by 2 to 5 % from block to block. More blocks mend all
of it: with twelve it is 5 % and 94 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from edgebench.stats import exceedances
from edgebench.stats.autocorrelation import Series, excess, lags
from edgebench.stats.rates import z

ALONE = 0.15  # level of F from which one arm's blocks count, by what is beyond …
PAIRED = 0.30  # … and those of a difference
PLAINLY = 0.01  # level from which exceedances themselves, few and unsteady, are heard at all: then blocks count whole
LEAST = 10  # exceedances from which on their memory is looked at …
FEW_SHOW = 3.0  # … and standard errors for their memory …
FEW_MORE = 2.0  # … which must be this many times what all values tell: slow requests that come in bursts


@dataclass(frozen=True)
class Spread:
    """The variance of an estimate in units of that of independent observations: within + near + blocks.

    ``within``: repeated items, clusters; ``near``: neighbours in time; ``blocks``: starts, on ``groups`` − 1 degrees.
    """

    within: float = 1.0
    near: float = 0.0
    blocks: float = 0.0
    groups: int = 0

    def inflation(self, level: float = 0.95) -> float:
        """By how much (half-width)² exceeds that of independent observations."""
        heavier = (student(self.groups - 1, level) / z(level)) ** 2 if self.blocks else 0.0
        return self.within + self.near + self.blocks * heavier

    def effective_n(self, n: int, level: float = 0.95) -> float:
        """How many independent observations n of these are worth in an interval of this level; n itself, often."""
        return max(1.0, n / max(1.0, self.inflation(level)))

    def independent_n(self, n: int) -> float:
        """The same, were all blocks alike: what decides whether a quantile has bounds at all."""
        return max(1.0, n / max(1.0, self.within + self.near))

    def widened(self, level: float = 0.95) -> float:
        """By how much blocks alone widen: times (half-width)² of that many independent ones."""
        return self.inflation(level) / (self.within + self.near)

    def stretch(self, level: float = 0.95) -> float:
        """Times the half-width of an interval that knows of repeated items, and of nothing else."""
        return math.sqrt(self.inflation(level) / self.within)


def student(degrees: int, level: float) -> float:
    """Two-sided quantile of Student's t."""
    return float(special.stdtrit(degrees, 0.5 + level / 2))


def ratio(series: Series, expected: float) -> tuple[float, int]:
    """(F, blocks): squared sums of blocks over ``expected``, the variance of the whole that their insides explain."""
    sizes, n = np.bincount(series.start), len(series.start)
    sums, groups = np.bincount(series.start, series.value), int((sizes > 0).sum())
    if groups < 2 or expected <= 0:
        return 1.0, groups
    return float((sums**2).sum()) / (expected * (1 - float(((sizes / n) ** 2).sum()))), groups


def spread(
    series: Series,
    *,
    q: float | None = None,
    exceeding: Series | None = None,
    certain: float = ALONE,
    together: float = 0.0,
) -> Spread:
    """What the places of a series of mean 0 share, in units of the variance of its sum were they independent.

    With ``q`` the series holds normal scores and the answer is that of their exceedances of the q-quantile
    (``exceedances``); ``exceeding`` holds those themselves and is heard where it speaks plainly. ``certain``: the level
    of F from which blocks are taken to differ: by what is beyond it, or whole if it is PLAINLY.
    ``together``: what clusters inside a block add to the variance.
    """
    found = _found(series, q, certain, together)
    if exceeding is None:
        return found
    few = min(int((exceeding.value > 0).sum()), int((exceeding.value < 0).sum())) < LEAST
    plain = 0.0 if few else excess(exceeding, lags(exceeding, FEW_SHOW))
    near = plain if plain > FEW_MORE * found.near else found.near
    apart, groups = _apart(exceeding, 1 + near + together, PLAINLY)
    return Spread(1.0, near, max(found.blocks, apart), max(found.groups, groups))


def _found(series: Series, q: float | None, certain: float, together: float) -> Spread:
    memory = lags(series)
    near = excess(series, memory)
    apart, groups = _apart(series, 1 + near + together, certain)
    if q is None:
        return Spread(1.0, near, apart, groups)
    left = excess(series, exceedances.correlation(memory, q)) if len(memory) else 0.0
    return Spread(1.0, left, _left(series, apart, q), groups)


def _apart(series: Series, inside: float, certain: float) -> tuple[float, int]:
    """(variance of the blocks, how many), where they differ surely enough."""
    f, groups = ratio(series, series.variance * inside)
    if groups < 2 or f <= critical(groups, certain):
        return 0.0, groups
    return (f - (critical(groups, certain) if certain > PLAINLY else 1.0)) * inside, groups


def critical(groups: int, certain: float) -> float:
    """F above which ``groups`` blocks of many observations differ by more than chance."""
    return float(special.chdtri(groups - 1, certain)) / (groups - 1)


def _left(series: Series, blocks: float, q: float) -> float:
    """What remains of the blocks' variance at a quantile: their intra-class correlation, as exceedances have it."""
    sizes = np.bincount(series.start).astype(float)
    others = float((sizes**2).sum() / sizes.sum()) - 1
    if blocks <= 0 or others <= 0:
        return 0.0
    shared = np.array([min(0.99, blocks / others)])
    return float(exceedances.correlation(shared, q)[0]) * others
