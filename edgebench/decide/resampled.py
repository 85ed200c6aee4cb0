"""The same resampled items for every arm and every metric: what fronts, comparisons and advice are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from edgebench.metrics.observed import Observed, generator, observe
from edgebench.metrics.table import ArmColumns, Floats, columns
from edgebench.records import ArmSummary, Run, Summary
from edgebench.stats import bootstrap


@dataclass(frozen=True)
class Resampled:
    """Joint bootstrap draws of a run; each (arm, metric) is computed once."""

    run: Run
    summary: Summary
    table: Mapping[str, ArmColumns]
    weights: bootstrap.Counts
    _seen: dict[tuple[str, str], Floats] = field(default_factory=dict, repr=False, compare=False)
    _observed: dict[tuple[str, str], Observed | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def count(self) -> int:
        return len(self.weights)

    @property
    def arms(self) -> Mapping[str, ArmSummary]:
        return {arm.arm: arm for arm in self.summary.arms}

    def point(self, arm: str, metric: str) -> float | None:
        """The metric as the summary has it."""
        return self.arms[arm].estimates[metric].value

    def draws(self, arm: str, metric: str) -> Floats:
        """The metric in every draw, as unsure as the run makes it: stretched where its blocks or neighbours say so.

        What is not made of requests (memory, load) is the same in all of them.
        """
        drawn, observed = self.of_items(arm, metric), self.observed(arm, metric)
        if observed is None or (point := observed.point()) is None or observed.spread.stretch() <= 1.0:
            return drawn
        return point + observed.spread.stretch() * (drawn - point)

    def observed(self, arm: str, metric: str) -> Observed | None:
        """The observations of a metric; None for one that is not made of requests."""
        if (arm, metric) not in self._observed:
            self._observed[arm, metric] = observe(self.table[arm], metric)
        return self._observed[arm, metric]

    def of_items(self, arm: str, metric: str) -> Floats:
        """The metric in every draw of the items, and of nothing else: what differences are taken of."""
        if (arm, metric) not in self._seen:
            observed = self.observed(arm, metric)
            if observed is None:
                value = self.point(arm, metric)
                drawn = np.full(self.count, np.nan if value is None else value)
            else:
                drawn = observed.draws(self.weights)
            self._seen[arm, metric] = drawn
        return self._seen[arm, metric]


def resample(
    run: Run, summary: Summary, *, draws: int = 2000, table: Mapping[str, ArmColumns] | None = None
) -> Resampled:
    """Joint draws over the run's items (or clusters of them)."""
    table = columns(run) if table is None else table
    groups = max((arm.clusters for arm in table.values()), default=0)
    return Resampled(run, summary, table, bootstrap.cluster_draws(max(groups, 1), draws, generator(run, "front")))
