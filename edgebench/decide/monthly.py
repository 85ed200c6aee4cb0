"""Dollars a month at a volume: what every arm would cost at so many requests a day, in devices or in calls.

A device costs its fixed dollars a day (purchase, upkeep, idle energy: as in ``breakeven``), busy or not, and its
active watts above idle for the busy seconds of a request. One that would be busy for more than a day in a day is
bought again: two, three, … devices, each with its own fixed dollars. A hosted or stand-in arm costs its dollars a
request. Means of the run; intervals of the break-evens come from ``breakeven``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgebench.decide.breakeven import DAY_S, breakeven, fixed_usd_a_day
from edgebench.decide.resampled import Resampled
from edgebench.metrics.device_cost import JOULES_PER_KWH, MONTH_S
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
    profile = arm.charges.device
    if profile is None:
        return Running(arm.arm, usd_a_request, provenance)
    busy_s = float(arm.busy_s.mean())
    a_joule = float(profile["kwh_usd"] / JOULES_PER_KWH)
    extra_w = float(profile["active_w"] - profile["idle_w"])
    return Running(arm.arm, extra_w * a_joule * busy_s, provenance, fixed_usd_a_day(profile), DAY_S / busy_s)


def _breakevens(resampled: Resampled) -> tuple[Breakeven, ...]:
    """Every device arm with every arm that is paid by the request."""
    priced = [arm for arm in resampled.summary.arms if arm.estimates["usd_per_1k"].value is not None]
    owned = [arm for arm in priced if resampled.table[arm.arm].charges.device is not None]
    rivals = [arm for arm in priced if arm.identity.placement != "device"]
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
