"""Dollars a month at a volume: what every arm would cost at so many requests a day, in devices or in calls.

A device costs its fixed dollars a day (purchase, upkeep, idle energy: as in ``decide.breakeven``), busy or not, and its
active watts above idle for the busy seconds of a request. One that would be busy for more than a day in a day is
bought again: two, three, … devices, each with its own fixed dollars. A hosted or stand-in arm costs its dollars a
request. Means of the run; the interval of the break-even comes from ``decide.breakeven``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edgebench.decide.breakeven import DAY_S, Breakeven, breakeven, fixed_usd_a_day
from edgebench.decide.resampled import resample
from edgebench.metrics.cost import JOULES_PER_KWH, MONTH_S
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import ArmSummary, Conclusion, Provenance, Run

MONTH_DAYS = float(MONTH_S) / DAY_S  # 30.4375


@dataclass(frozen=True, slots=True)
class Running:
    """What an arm costs: ``fixed_usd_a_day`` for each device, ``usd_a_request`` beside it; no device: 0 and None."""

    arm: str
    usd_a_request: float
    provenance: Provenance
    fixed_usd_a_day: float = 0.0
    most_a_day: float | None = None  # requests one device can answer, never resting

    def devices(self, requests_a_day: float) -> int:
        """How many devices the volume needs: at least one; 0 for an arm that runs on none of one's own."""
        if self.most_a_day is None:
            return 0
        return max(1, math.ceil(requests_a_day / self.most_a_day * (1 - 1e-12)))

    def usd_a_month(self, requests_a_day: float) -> float:
        a_day = self.devices(requests_a_day) * self.fixed_usd_a_day + requests_a_day * self.usd_a_request
        return a_day * MONTH_DAYS


@dataclass(frozen=True, slots=True)
class Monthly:
    """Every priced arm, why the others have no price, and the break-even of a device with what it could replace."""

    running: tuple[Running, ...]
    missing: Mapping[str, str]
    breakeven: Breakeven | None


def monthly(run: Run, conclusion: Conclusion) -> Monthly:
    """What the arms of a run cost at any volume."""
    table = columns(run)
    found: list[Running] = []
    missing: dict[str, str] = {}
    for arm in conclusion.summary.arms:
        price = arm.estimates["usd_per_1k"]
        if price.value is None:
            missing[arm.arm] = price.why_absent or "no price"
        else:
            found.append(_running(table[arm.arm], price.value / 1000, price.provenance))
    return Monthly(tuple(found), missing, _breakeven(run, conclusion, table))


def _running(arm: ArmColumns, usd_a_request: float, provenance: Provenance) -> Running:
    profile = arm.charges.device
    if profile is None:
        return Running(arm.arm, usd_a_request, provenance)
    busy_s = float(arm.busy_s.mean())
    a_joule = float(profile["kwh_usd"] / JOULES_PER_KWH)
    extra_w = float(profile["active_w"] - profile["idle_w"])
    return Running(arm.arm, extra_w * a_joule * busy_s, provenance, fixed_usd_a_day(profile), DAY_S / busy_s)


def _breakeven(run: Run, conclusion: Conclusion, table: Mapping[str, ArmColumns]) -> Breakeven | None:
    """Of the recommended arm, or else the cheapest, on a device with the cheapest hosted or stand-in one."""
    priced = [arm for arm in conclusion.summary.arms if arm.estimates["usd_per_1k"].value is not None]
    devices = [arm for arm in priced if table[arm.arm].charges.device is not None]
    rivals = [arm for arm in priced if arm.identity.placement != "device"]
    if not devices or not rivals:
        return None
    device = next((arm for arm in devices if arm.arm == conclusion.advice.arm), min(devices, key=_price))
    resampled = resample(run, conclusion.summary, draws=conclusion.front.draws or 2000, table=table)
    return breakeven(resampled, device.arm, min(rivals, key=_price).arm)


def _price(arm: ArmSummary) -> float:
    return arm.estimates["usd_per_1k"].value or 0.0
