"""The front: 12 systems × 300 items × 3 objectives × 2,000 draws

From the columns of a run to every member's verdict, and the two steps that cost: drawing, and comparing draw by draw.
Beside it the front of 10,000 bare points, and where the recommendation flips for as many systems.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.result import Result, of
from edgebench.decide.choice import choose
from edgebench.decide.flips import flips
from edgebench.decide.pareto import dominance, front, losses
from edgebench.decide.resampled import Resampled, resample
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.records import Run, Summary
from edgebench.stats.pareto import pareto_indices
from tests import builders
from tests.builders import Arm

SYSTEMS, ITEMS, DRAWS, POINTS, REPEATS = 12, 300, 2000, 10_000, 5
OBJECTIVES = ("accuracy", "p95_ms", "usd_per_1k")


def measure() -> list[Result]:
    """Seconds of processor time, a fresh set of draws each time."""
    arms = {f"system-{k}": Arm(0.5 + 0.04 * k, 10 * 1.4**k) for k in range(SYSTEMS)}
    run = builders.run(arms, items=ITEMS, device="pi-5-8gb", objectives=OBJECTIVES)
    table = columns(run)
    summary = summarise(run, table=table)
    rng = np.random.default_rng(1)
    flat, deep = rng.random((POINTS, 2)), rng.random((POINTS, 3))

    def fresh() -> Resampled:
        return resample(run, summary, draws=DRAWS, table=table)

    drawn = losses(fresh(), list(table), OBJECTIVES)
    return [
        of("front, from columns to verdicts", timed(lambda: front(run, summary, resampled=fresh())), "s", at_most=5),
        of("of it: the draws of 12 systems", timed(lambda: losses(fresh(), list(table), OBJECTIVES)), "s"),
        of("of it: dominance in 2,000 draws", timed(lambda: dominance(drawn)), "s"),
        of("10,000 points, 2 objectives", timed(lambda: pareto_indices(flat)), "s", at_most=1),
        of("10,000 points, 3 objectives", timed(lambda: pareto_indices(deep)), "s"),
        of("where the choice of 12 flips", _flipping(run, summary, fresh), "s"),
    ]


def _flipping(run: Run, summary: Summary, fresh: Callable[[], Resampled]) -> list[float]:
    """With the draws there already, as a conclusion has them."""
    there = fresh()
    found = front(run, summary, resampled=there)
    choice = choose(there, found, ())
    return timed(lambda: flips(there, found, (), choice))


def timed(work: Callable[[], object]) -> list[float]:
    """Processor seconds of each of some repetitions."""
    spent = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return spent
