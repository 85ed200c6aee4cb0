"""Break-even volume: from how many requests a day a device of one's own costs less than an API.

A device costs the same every day whether asked or not: its purchase over its lifetime, its idle watts, its upkeep.
A request adds (active − idle) watts for its busy seconds. An API costs nothing at rest and a price per request::

    requests/day = fixed a day / (API's price a request − device's energy a request)

The profile's duty cycle plays no part here: the volume is what is asked for. Interval: both costs in the same
bootstrap draws; the profile's own figures are taken as given.
"""

from __future__ import annotations

import numpy as np

from edgebench.decide.resampled import Resampled
from edgebench.metrics.device_cost import JOULES_PER_KWH, MONTH_S, YEAR_S
from edgebench.metrics.devices import DeviceProfile
from edgebench.records import Breakeven

DAY_S = 86_400


def fixed_usd_a_day(profile: DeviceProfile) -> float:
    """What the device costs in a day without a request."""
    owned = profile["price_usd"] * (1 - profile["residual_fraction"]) * (1 + profile["maintenance_fraction"])
    idle = profile["idle_w"] * DAY_S / JOULES_PER_KWH * profile["kwh_usd"]
    upkeep = profile["ops_usd_per_month"] / (MONTH_S / DAY_S) if "ops_usd_per_month" in profile.figures else 0
    return float(owned / (profile["lifetime_years"] * YEAR_S / DAY_S) + idle + upkeep)


def breakeven(resampled: Resampled, device: str, hosted: str) -> Breakeven | None:
    """The break-even volume of two arms; None unless the one has a device profile and the other a price."""
    profile = resampled.table[device].charges.device
    price = resampled.point(hosted, "usd_per_1k")
    rate = resampled.point(device, "throughput_rps")
    if profile is None or price is None or not rate:
        return None
    extra_w = float(profile["active_w"] - profile["idle_w"])
    per_joule = float(profile["kwh_usd"] / JOULES_PER_KWH)
    fixed = fixed_usd_a_day(profile)
    busy = resampled.table[device].busy_s
    per_busy_s = resampled.table[device].charges.usd_per_busy_s or 1.0
    busy_draws = resampled.draws(device, "usd_per_1k") / 1000 / per_busy_s
    saved = resampled.draws(hosted, "usd_per_1k") / 1000 - extra_w * per_joule * busy_draws
    at_point = price / 1000 - extra_w * per_joule * float(busy.mean())
    volumes = fixed / np.where(saved > 0, saved, np.nan)
    finite = volumes[np.isfinite(volumes)]
    sure = len(finite) >= 0.975 * len(volumes)
    return Breakeven(
        device=device,
        hosted=hosted,
        value=fixed / at_point if at_point > 0 else None,
        low=float(np.quantile(finite, 0.025)) if len(finite) else None,
        high=float(np.quantile(finite, 0.975)) if sure else None,
        most_a_day=DAY_S / float(busy.mean()),
        fixed_usd_a_day=fixed,
    )
