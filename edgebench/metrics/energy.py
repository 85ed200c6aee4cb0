"""Energy: joules a request, measured where a meter gave them, else *estimated* from the device profile's watts."""

from __future__ import annotations

import numpy as np

from edgebench.metrics.table import ArmColumns, Floats
from edgebench.records import Estimate
from edgebench.stats import bootstrap


def joules(arm: ArmColumns) -> Floats:
    """Joules of each record: a meter's, or active watts × busy seconds; NaN without either."""
    if np.isfinite(arm.metered_j).any():
        return arm.metered_j
    profile = arm.charges.device
    if profile is None:
        return np.full(len(arm.records), np.nan)
    return arm.busy_s * float(profile["active_w"])


def per_request(arm: ArmColumns, weights: bootstrap.Counts) -> Estimate:
    """Mean joules of a request, failed ones included."""
    spent = joules(arm)
    known = np.isfinite(spent)
    if not known.any() or not spent[known].sum():
        return Estimate.absent(_why(arm))
    member, values = arm.cluster[known], spent[known]
    low, high = bootstrap.interval(bootstrap.means(weights, member, values), len(np.unique(member))) or (None, None)
    point, n = float(values.mean()), len(values)
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
