"""What answers are worth by the plan's utilities: expected loss and expected value per 1,000 requests."""

from __future__ import annotations

from edgebench.metrics.table import ArmColumns
from edgebench.records import Estimate, Run
from edgebench.stats import bootstrap

WHY = "the plan declares no utilities (utilities: {right_usd: …, wrong_usd: …, second_usd: …})"


def estimates(run: Run, arm: ArmColumns, weights: bootstrap.Counts) -> dict[str, Estimate]:
    """``loss_per_1k`` and ``value_per_1k``."""
    return {name: Estimate.absent(WHY) for name in ("loss_per_1k", "value_per_1k")}
