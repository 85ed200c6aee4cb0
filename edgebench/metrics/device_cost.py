"""What a device costs, per request of s busy seconds, with duty cycle U (the share of time the device is busy)::

    purchase        price · (1 − residual) · (1 + maintenance) / (lifetime · U) · s
    active energy   active watts · s · $/kWh
    idle energy     idle watts · (s/U − s) · $/kWh
    operations      dollars a month / (month / s · U requests a month)        only where the profile declares it

Every term is proportional to s, hence to the duty cycle's inverse but for the active energy: the small term.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from edgebench.metrics.charges import THOUSAND, Charges
from edgebench.metrics.devices import DeviceProfile
from edgebench.records import Cost, CostPart

JOULES_PER_KWH = Decimal(3_600_000)
YEAR_S = Decimal(31_557_600)  # 365.25 days
MONTH_S = YEAR_S / 12


def device_rates(profile: DeviceProfile, duty_cycle: Decimal | None = None) -> dict[str, Decimal]:
    """Dollars per busy second by part, at the profile's duty cycle or at another."""
    duty = profile["duty_cycle"] if duty_cycle is None else duty_cycle
    kwh = profile["kwh_usd"] / JOULES_PER_KWH
    lifetime_s = profile["lifetime_years"] * YEAR_S
    owned = profile["price_usd"] * (1 - profile["residual_fraction"]) * (1 + profile["maintenance_fraction"])
    rates = {
        "purchase": owned / (lifetime_s * duty),
        "active energy": profile["active_w"] * kwh,
        "idle energy": profile["idle_w"] * (1 / duty - 1) * kwh,
    }
    if "ops_usd_per_month" in profile.figures:
        rates["operations"] = profile["ops_usd_per_month"] / (MONTH_S * duty)
    return rates


def by_device(profile: DeviceProfile, busy_s: NDArray[np.float64]) -> Charges:
    if not len(busy_s) or not float(busy_s.sum()):
        return Charges(np.full(len(busy_s), np.nan), Cost((), {}, why_absent="the device was never busy"))
    mean_s = Decimal(repr(float(busy_s.mean())))
    rates = device_rates(profile)
    parts = tuple(
        CostPart(name, rate * mean_s * THOUSAND, "estimated", _explain(name, profile)) for name, rate in rates.items()
    )
    total = float(sum(rates.values()))
    source = {
        "device": profile.name,
        "title": profile.title,
        "date": max(figure.date for figure in profile.figures.values()),
        "assumed": ", ".join(profile.assumed()),
        "duty_cycle": str(profile["duty_cycle"]),
    }
    note = None if "operations" in rates else "operations not declared in the profile: left out"
    return Charges(
        busy_s * total, Cost(parts, source, 0, len(busy_s)), "estimated", "device profile × busy seconds", note,
        profile, total,
    )  # fmt: skip


def _explain(name: str, profile: DeviceProfile) -> str:
    told = {
        "purchase": ("price_usd", "residual_fraction", "maintenance_fraction", "lifetime_years", "duty_cycle"),
        "active energy": ("active_w", "kwh_usd"),
        "idle energy": ("idle_w", "duty_cycle", "kwh_usd"),
        "operations": ("ops_usd_per_month", "duty_cycle"),
    }[name]
    return ", ".join(f"{figure} {profile[figure]} ({profile.figures[figure].kind})" for figure in told)
