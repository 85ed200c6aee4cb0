"""Dollars a month at a volume: what every arm would cost at so many requests a day, in devices or in calls.

A device costs its fixed dollars a day (purchase, upkeep, idle energy: as in ``breakeven``), busy or not, and its
active watts above idle for the busy seconds of a request; a rented machine its rent. One that would be busy for more
than a day in a day is bought, or rented, again: two, three, … machines, each with its own fixed dollars. A hosted or
stand-in arm costs its dollars a request, and a hybrid all of this. Means of the run; intervals of the break-evens come
from ``breakeven``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgebench.decide.breakeven import DAY_S, breakeven
from edgebench.decide.resampled import Resampled
from edgebench.metrics.charges import Charges
from edgebench.metrics.device_cost import MONTH_S, device_rates, usd_a_day, usd_above_idle
from edgebench.metrics.table import ArmColumns
from edgebench.records import ArmSummary, Breakeven, Monthly, Provenance, Running

MONTH_DAYS = float(MONTH_S) / DAY_S  # 30.4375


def devices(one: Running, requests_a_day: float) -> int:
    """How many devices the volume needs: at least one; 0 for an arm that runs on none of one's own."""
    if one.most_a_day is None:
        return 0
    return max(1, math.ceil(requests_a_day / one.most_a_day * (1 - 1e-12)))


def usd_a_month(one: Running, requests_a_day: float) -> float:
    """Dollars a month at so many requests a day."""
    a_day = devices(one, requests_a_day) * one.fixed_usd_a_day + requests_a_day * one.usd_a_request
    return a_day * MONTH_DAYS


def monthly(resampled: Resampled, recommended: str | None) -> Monthly:
    """What the arms of a run cost at any volume; ``recommended``: the arm whose break-even is told first."""
    running: list[Running] = []
    missing: dict[str, str] = {}
    for arm in resampled.summary.arms:
        price = arm.estimates["usd_per_1k"]
        if price.value is None:
            missing[arm.arm] = price.why_absent or "no price"
        else:
            running.append(_running(resampled.table[arm.arm], price.value / 1000, price.provenance))
    found = _breakevens(resampled)
    return Monthly(tuple(running), missing, _first(resampled, found, recommended), found)


def _running(arm: ArmColumns, usd_a_request: float, provenance: Provenance) -> Running:
    if arm.charges.machine is not None:
        return _machine(arm.arm, arm.charges, float(arm.busy_s.mean()), provenance)
    parts = [_part(arm.arm, one, provenance) for one in arm.charges.of.values()]
    machines = [one for one in parts if one.most_a_day is not None]
    if not machines:
        return Running(arm.arm, usd_a_request, provenance)
    return Running(
        arm.arm,
        sum(one.usd_a_request for one in parts),
        provenance,
        sum(one.fixed_usd_a_day for one in machines),
        min(one.most_a_day or 0.0 for one in machines),
    )


def _part(arm: str, charges: Charges, provenance: Provenance) -> Running:
    """A part of a hybrid: a request keeps its machine busy for what the machine's dollars say, or is billed."""
    usd = charges.usd[np.isfinite(charges.usd)]
    mean = float(usd.mean()) if len(usd) else 0.0
    if charges.machine is None:
        return Running(arm, mean, provenance)
    a_second = float(sum(device_rates(charges.machine).values()))
    return _machine(arm, charges, mean / a_second, provenance) if mean and a_second else Running(arm, 0.0, provenance)


def _machine(arm: str, charges: Charges, busy_s: float, provenance: Provenance) -> Running:
    machine = charges.machine
    if machine is None:
        raise ValueError("only a machine is busy")
    above_idle = float(usd_above_idle(machine)) * busy_s
    return Running(arm, above_idle, provenance, float(usd_a_day(machine)), DAY_S / busy_s)


def _breakevens(resampled: Resampled) -> tuple[Breakeven, ...]:
    """Every arm on a machine with every one that is paid by the request."""
    priced = [arm for arm in resampled.summary.arms if arm.estimates["usd_per_1k"].value is not None]
    charges = {arm.arm: resampled.table[arm.arm].charges for arm in priced}
    owned = [arm for arm in priced if charges[arm.arm].machine is not None]
    billed = [arm for arm in priced if charges[arm.arm].machine is None and not charges[arm.arm].of]
    rivals = [arm for arm in billed if arm.identity.placement != "device"]
    found = [breakeven(resampled, one.arm, other.arm) for one in owned for other in rivals]
    return tuple(one for one in found if one is not None)


def _first(resampled: Resampled, found: Sequence[Breakeven], recommended: str | None) -> Breakeven | None:
    """Of the recommended arm, or else the cheapest, on a device with the cheapest hosted or stand-in one."""
    if not found:
        return None
    arms = resampled.arms
    owned = {one.device for one in found}
    device = recommended if recommended in owned else min(owned, key=lambda name: (_price(arms[name]), name))
    hosted = min((one.hosted for one in found), key=lambda name: (_price(arms[name]), name))
    return next(one for one in found if one.device == device and one.hosted == hosted)


def _price(arm: ArmSummary) -> float:
    return arm.estimates["usd_per_1k"].value or 0.0
