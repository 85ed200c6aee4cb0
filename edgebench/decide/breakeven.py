"""Break-even volume: from how many requests a day a machine of one's own, or a rented one, costs less than an API.

A machine costs the same every day whether asked or not: its purchase over its lifetime, its idle watts, its upkeep; or
its rent. A request adds (active − idle) watts for its busy seconds, to a rented one nothing. An API costs nothing at
rest and a price per request::

    requests/day = fixed a day / (API's price a request − device's energy a request)

The duty cycle plays no part here: the volume is what is asked for. Interval: both costs in the same bootstrap draws;
the figures of the profile and of the plan are taken as given.
"""

from __future__ import annotations

import numpy as np

from edgebench.decide.resampled import Resampled
from edgebench.decide.wording import number
from edgebench.metrics.device_cost import device_rates, usd_a_day, usd_above_idle
from edgebench.metrics.table import Floats
from edgebench.records import Breakeven

DAY_S = 86_400


def breakeven(resampled: Resampled, device: str, hosted: str) -> Breakeven | None:
    """The break-even volume of two arms; None unless the one runs on a machine that costs and the other has a price."""
    machine = resampled.table[device].charges.machine
    price = resampled.point(hosted, "usd_per_1k")
    rate = resampled.point(device, "throughput_rps")
    if machine is None or price is None or not rate:
        return None
    above_idle, fixed = float(usd_above_idle(machine)), float(usd_a_day(machine))
    busy = resampled.table[device].busy_s
    per_busy_s = float(sum(device_rates(machine).values())) or 1.0
    busy_draws = resampled.draws(device, "usd_per_1k") / 1000 / per_busy_s
    saved = resampled.draws(hosted, "usd_per_1k") / 1000 - above_idle * busy_draws
    at_point = price / 1000 - above_idle * float(busy.mean())
    volumes = np.where(saved > 0, fixed / np.where(saved > 0, saved, 1.0), np.inf)
    low, high = (_quantile(volumes, q) for q in (0.025, 0.975))
    return Breakeven(
        device=device,
        hosted=hosted,
        value=fixed / at_point if at_point > 0 else None,
        low=low,
        high=high,
        most_a_day=DAY_S / float(busy.mean()),
        fixed_usd_a_day=fixed,
    )


def _quantile(volumes: Floats, q: float) -> float | None:
    """A quantile of volumes of which some have no end; None where it has none itself."""
    finite = volumes[np.isfinite(volumes)]
    at = q / (len(finite) / len(volumes)) if len(finite) else np.inf
    return float(np.quantile(finite, at)) if at <= 1 else None


def volume_told(found: Breakeven) -> str:
    """``900 [800–1,000]``; the number alone where the interval says no more, ``never`` without one."""
    if found.value is None:
        return "never"
    value = number(found.value)
    low, high = (None if end is None else number(end) for end in (found.low, found.high))
    return value if low is None or low == high == value else f"{value} [{low}–{high or '∞'}]"


def sentence(found: Breakeven, hosted: str) -> str:
    """A break-even in one sentence; ``hosted``: the API as it is to be called."""
    most = f"the {number(found.most_a_day)} a day that one can answer"
    if found.value is None:
        return f"{hosted} costs less than what each request adds on {found.device}, at any volume"
    if found.value == 0:
        return f"{found.device} is cheaper than {hosted} at any volume, up to {most}"
    doubt = ""
    if (found.low or 0.0) <= found.most_a_day < (found.high or np.inf):
        doubt = " (by the point estimate; the interval allows the other)"
    volume = volume_told(found)
    if found.value > found.most_a_day:
        return f"{hosted} is cheaper at any volume one {found.device} carries{doubt}: break-even {volume}, above {most}"
    return f"below {volume} a day {hosted} is cheaper, above it {found.device}, up to {most}{doubt}"
