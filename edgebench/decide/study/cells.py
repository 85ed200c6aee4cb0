"""The cells of the design in numbers, and whether a cell is at its floor or its ceiling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from edgebench.decide.resampled import Resampled
from edgebench.decide.study.design import Place
from edgebench.decide.wording import percent
from edgebench.metrics.observed import Observed
from edgebench.metrics.table import ArmColumns, Floats
from edgebench.records import Cell, Estimate, Run
from edgebench.stats import bootstrap

CEILING = 0.995  # an interval that reaches it leaves no room for better
Bound = Literal["floor", "ceiling"]


def cell(resampled: Resampled, place: Place, known: Mapping[str, Estimate] | None = None) -> Cell:
    """One cell; ``known``: its estimates, where they have been made for the summary."""
    arm = resampled.table[place.arm]
    found = resampled.arms[place.arm].estimates if known is None else known
    bound, why = at_bound(resampled.run, arm, found["accuracy"])
    return Cell(
        arm=place.arm,
        target=place.target,
        prompting=place.prompting,
        perturbation=place.perturbation,
        language=place.language,
        role=place.role,
        corners=place.corners,
        accuracy=found["accuracy"],
        p50_ms=found["p50_ms"],
        p95_ms=found["p95_ms"],
        usd_per_1k=found["usd_per_1k"],
        calls=_mean(
            resampled, arm, np.array([len(record.calls) for record in arm.records], dtype=float), "no requests"
        ),
        output_tokens=_mean(resampled, arm, arm.output_tokens, "nobody counted its tokens"),
        bound=bound,
        bound_why=why,
    )


def _mean(resampled: Resampled, arm: ArmColumns, values: Floats, why: str) -> Estimate:
    keep = np.isfinite(values)
    if not keep.any():
        return Estimate.absent(why)
    observed = Observed("per request", arm.cluster[keep], values[keep], np.ones(int(keep.sum())))
    drawn = bootstrap.interval(observed.draws(resampled.weights), observed.clusters)
    low, high = drawn or (None, None)
    return Estimate(
        observed.point(), low, high, observed.n, f"mean, bootstrap over {observed.clusters} items or clusters"
    )


def at_bound(run: Run, arm: ArmColumns, accuracy: Estimate) -> tuple[Bound | None, str]:
    """Floor: no better than guessing can be told from it. Ceiling: (nearly) nothing left to get right."""
    if accuracy.value is None or accuracy.low is None or accuracy.high is None:
        return None, ""
    guess, how = chance(run, arm)
    if accuracy.low <= guess and (guess > 0 or accuracy.value == 0):
        if guess == 0:
            return "floor", "nothing is right"
        words = "is below chance" if accuracy.high < guess else "cannot be told from chance"
        return "floor", f"its accuracy {words} ({percent(guess)}, {how})"
    if accuracy.value >= 1:
        return "ceiling", f"all of {accuracy.n} are right"
    if accuracy.high >= CEILING:
        return "ceiling", f"its interval reaches {percent(accuracy.high)}"
    return None, ""


def chance(run: Run, arm: ArmColumns) -> tuple[float, str]:
    """The share that guessing gets right, and why: 1 / labels, or the mean of 1 / choices; 0 for open answers."""
    task = run.workload.task
    met = {record.item_digest for record in arm.records}
    own = [len(item.choices) for item in run.workload.items if item.choices and item.digest in met]
    if own:
        return float(np.mean([1 / count for count in own])), f"one of {min(own)} choices" if min(own) == max(
            own
        ) else "by its choices"
    if task.choices and task.output == "choice":
        return 1 / len(task.choices), f"one of {len(task.choices)} labels"
    return 0.0, ""
