"""Energy: joules a request, measured where a meter gave them, else *estimated* from the device profile's watts."""

from __future__ import annotations

import numpy as np

from edgebench.metrics.observed import observe
from edgebench.metrics.table import ArmColumns
from edgebench.records import Estimate
from edgebench.stats import bootstrap


def per_request(arm: ArmColumns, weights: bootstrap.Counts) -> Estimate:
    """Mean joules of a request, failed ones included."""
    observed = observe(arm, "joules_per_request")
    if observed is None or not (point := observed.point()):
        return Estimate.absent(_why(arm))
    (low, high), n = observed.interval(weights), observed.n
    profile = arm.charges.device
    if np.isfinite(arm.metered_j).any() or profile is None:
        return Estimate(point, low, high, n, "metered, shared out by busy time; bootstrap over items")
    watts = profile.figures["active_w"]
    method = f"{watts.value} W ({watts.kind}, {profile.name}) × busy seconds; bootstrap over items"
    return Estimate(point, low, high, n, method, provenance="estimated")


def _why(arm: ArmColumns) -> str:
    if arm.identity.placement != "device":
        return "the watts of a machine elsewhere are not known"
    return "no meter, and no device profile whose watts could stand in"
