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
    watts, machine = arm.charges.watts, arm.charges.machine
    if np.isfinite(arm.metered_j).any() or watts is None or machine is None:
        return Estimate(point, low, high, n, "metered, shared out by busy time; bootstrap over items")
    method = f"{watts.value} W ({watts.kind}, {machine.name}) × busy seconds; bootstrap over items"
    return Estimate(point, low, high, n, method, provenance="estimated")


def _why(arm: ArmColumns) -> str:
    if arm.identity.placement != "device":
        return "the watts of a machine elsewhere are not known"
    if arm.charges.machine is not None and arm.charges.watts is None:
        return "the watts of a rented machine are not known"
    return "no meter, and no device profile whose watts could stand in"
