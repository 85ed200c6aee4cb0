"""Cascades: every pair worth a look replayed, cross-fitted and judged

From joint draws that are there already, as a conclusion has them: six pairs at 40 thresholds and three hedges.
"""

from __future__ import annotations

import time

from benchmarks.result import Result, of
from edgebench.decide.cascade import cascades
from edgebench.decide.resampled import resample
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.records import SLO
from tests import builders
from tests.builders import Arm

SIZES = ((5, 300, 0.5), (20, 1000, 2.0))  # arms, items, seconds at most
REPEATS = 5


def measure() -> list[Result]:
    """Seconds of processor time, with an SLO to keep, fresh draws each time."""
    return [of(f"{arms} arms × {items:,} items", _timed(arms, items), "s", at_most=most) for arms, items, most in SIZES]


def _timed(arms: int, items: int) -> list[float]:
    made = {
        f"arm-{k}": Arm(0.6 + 0.3 * k / arms, 20 + 5 * k, placement="hosted" if 5 * k >= 4 * arms else "device")
        for k in range(arms)
    }
    run = builders.run(made, items=items, device="pi-5-8gb", slos=(SLO("p95_ms", max=200.0),))
    table = columns(run)
    summary = summarise(run, table=table)
    spent = []
    for _ in range(REPEATS):
        drawn = resample(run, summary, table=table)
        began = time.process_time()
        cascades(drawn)
        spent.append(time.process_time() - began)
    return spent
