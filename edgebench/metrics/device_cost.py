"""What a machine costs, per request of s busy seconds, with duty cycle U (the share of time it is busy). One's own::

    purchase        price · (1 − residual) · (1 + maintenance) / (lifetime · U) · s
    active energy   active watts · s · $/kWh                               a meter's joules, where one gave them
    idle energy     idle watts · (s/U − s) · $/kWh
    operations      dollars a month / (month / s · U requests a month)     only where the profile declares it

A rented one, paid by the second it is rented, busy or not::

    rent            dollars an hour / 3,600 / U · s

A day costs the same fixed dollars F whatever is asked (purchase, idle watts, operations; or rent), and a busy second
the watts above idle beside, so all of it together is ``(F / 86,400 / U + (active − idle watts) · $/J) · s``. Every term
but active energy goes by the inverse of the duty cycle: between 1 % and 50 % the answer moves some 45-fold.

Of a device that is there anyway (``costs: {marginal_only: true}``) the energy above idle is all that counts; it alone
may cost nothing. Whatever else would come to $0 is absent instead, and says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from edgebench.metrics.charges import THOUSAND, Charges, least_firm
from edgebench.metrics.devices import DeviceProfile
from edgebench.records import Cost, CostPart, CostSpec, PriceSpec, Provenance
from edgebench.sourced import Figure, FigureKind

JOULES_PER_KWH = Decimal(3_600_000)
YEAR_S = Decimal(31_557_600)  # 365.25 days
MONTH_S = YEAR_S / 12
HOUR_S, DAY_S = Decimal(3_600), Decimal(86_400)

ABOVE_IDLE = "energy above idle"  # the part that is left where nothing else counts
#: part → the figures it rests on; how firm it is goes by the first of them that are no setting of the person's
FIGURES_OF: Mapping[str, tuple[str, ...]] = {
    "purchase": ("price_usd", "residual_fraction", "maintenance_fraction", "lifetime_years", "duty_cycle"),
    "rent": ("usd_per_hour", "duty_cycle"),
    "active energy": ("active_w", "kwh_usd"),
    "idle energy": ("idle_w", "duty_cycle", "kwh_usd"),
    ABOVE_IDLE: ("active_w", "kwh_usd"),
    "operations": ("ops_usd_per_month", "duty_cycle"),
}
SETTINGS = frozenset({"duty_cycle", "kwh_usd"})
_FIRM: Mapping[FigureKind, Provenance] = {"measured": "measured", "declared": "declared"}  # all else is estimated
FREE = (
    "a device that costs nothing: nothing is free, so say what it costs, "
    "or that it is there anyway (costs: {marginal_only: true})"
)
MARGINAL = "marginal only: energy above idle; purchase, idle energy and operations are left out (costs.marginal_only)"


# ---------------------------------------------------------------------------------------------------------- rates


def device_rates(profile: DeviceProfile, duty_cycle: Decimal | None = None) -> dict[str, Decimal]:
    """Dollars per busy second by part, at the profile's duty cycle or at another."""
    duty = profile["duty_cycle"] if duty_cycle is None else duty_cycle
    if "usd_per_hour" in profile.figures:
        rates = {"rent": profile["usd_per_hour"] / HOUR_S / duty}
    else:
        kwh = profile["kwh_usd"] / JOULES_PER_KWH
        rates = {
            "purchase": _owned(profile) / (profile["lifetime_years"] * YEAR_S * duty),
            "active energy": profile["active_w"] * kwh,
            "idle energy": profile["idle_w"] * (1 / duty - 1) * kwh,
        }
    if "ops_usd_per_month" in profile.figures:
        rates["operations"] = profile["ops_usd_per_month"] / (MONTH_S * duty)
    return rates


def usd_a_day(profile: DeviceProfile) -> Decimal:
    """What a machine costs in a day without a request."""
    upkeep = (profile.get("ops_usd_per_month") or Decimal(0)) / (MONTH_S / DAY_S)
    if "usd_per_hour" in profile.figures:
        return 24 * profile["usd_per_hour"] + upkeep
    idle = profile["idle_w"] * DAY_S / JOULES_PER_KWH * profile["kwh_usd"]
    return _owned(profile) / (profile["lifetime_years"] * YEAR_S / DAY_S) + idle + upkeep


def usd_above_idle(profile: DeviceProfile) -> Decimal:
    """What a busy second costs beside: energy above idle; of a rented machine nothing."""
    if "usd_per_hour" in profile.figures:
        return Decimal(0)
    return (profile["active_w"] - profile["idle_w"]) * profile["kwh_usd"] / JOULES_PER_KWH


def _owned(profile: DeviceProfile) -> Decimal:
    return profile["price_usd"] * (1 - profile["residual_fraction"]) * (1 + profile["maintenance_fraction"])


# ------------------------------------------------------------------------------------------- as it is reckoned with


def as_reckoned(profile: DeviceProfile, costs: CostSpec, watts: Figure | None = None) -> DeviceProfile:
    """A profile with what the plan says, and what a meter gave, above what it says itself.

    Of a device that is there anyway only the watts above idle are left, as its active ones.
    """
    figures = {**profile.figures, **{key: one for key, one in _declared(costs).items() if key in profile.figures}}
    if watts is not None:
        figures["active_w"] = watts
    if costs.marginal_only and "usd_per_hour" not in figures:
        active, idle, nothing = figures["active_w"], figures["idle_w"], Decimal(0)
        figures["active_w"] = replace(active, value=active.value - idle.value)
        figures |= {name: replace(figures[name], value=nothing) for name in ("price_usd", "idle_w")}
        figures.pop("ops_usd_per_month", None)
    return replace(profile, figures=figures)


def _declared(costs: CostSpec) -> dict[str, Figure]:
    """The plan's own figures, in dollars."""
    found = {"duty_cycle": costs.duty_cycle, "kwh_usd": None if costs.kwh is None else costs.kwh / (costs.per_usd or 1)}
    source, date = costs.source or "the plan", costs.as_of or "the plan"
    return {key: Figure(value, source, date, "declared") for key, value in found.items() if value is not None}


def rented(price: PriceSpec, costs: CostSpec, profile: DeviceProfile | None) -> DeviceProfile | None:
    """A machine rented at a price of the plan; None where neither the plan nor a profile says how busy it is."""
    duty = _declared(costs).get("duty_cycle") or (None if profile is None else profile.figures["duty_cycle"])
    if price.usd_per_hour is None or duty is None:
        return None
    rent = Figure(price.usd_per_hour, price.source or "the plan", price.as_of or "the plan", "declared")
    name = "rented" if profile is None else profile.name
    title = "a rented machine" if profile is None else profile.title
    return DeviceProfile(name, title, {"usd_per_hour": rent, "duty_cycle": duty})


# --------------------------------------------------------------------------------------------------------- charges


def by_device(
    profile: DeviceProfile,
    busy_s: NDArray[np.float64],
    costs: CostSpec | None = None,
    metered_j: NDArray[np.float64] | None = None,
) -> Charges:
    """What records cost that kept a machine busy for so many seconds each.

    ``metered_j``: joules of each record, where a meter gave them (NaN where not); the profile's watts else.
    """
    costs = costs or CostSpec()
    if not len(busy_s) or not float(busy_s.sum()):
        return Charges(np.full(len(busy_s), np.nan), Cost((), {}, why_absent="the device was never busy"))
    watts, doubt = _metered(profile, busy_s, metered_j)
    machine = as_reckoned(profile, costs, watts)
    rates = device_rates(machine)
    bare = costs.marginal_only and "rent" not in rates
    if bare:
        rates = {ABOVE_IDLE: rates["active energy"]}
    source, total = _source(profile, machine, rates), sum(rates.values())
    if total <= 0 and not bare:
        return Charges(np.full(len(busy_s), np.nan), Cost((), source, why_absent=FREE))
    mean_s = Decimal(repr(float(busy_s.mean())))
    parts = tuple(
        CostPart(name, rate * mean_s * THOUSAND, _provenance(name, machine), _explain(name, machine, profile))
        for name, rate in rates.items()
    )
    notes = [MARGINAL] if bare else [] if "operations" in rates else [_unsaid(rates)]
    return Charges(
        usd=busy_s * float(total),
        cost=Cost(parts, source, 0, len(busy_s)),
        provenance=least_firm(part.provenance for part in parts),
        method="rent × busy seconds / duty cycle" if "rent" in rates else "device profile × busy seconds",
        note="; ".join([*notes, *doubt]) or None,
        device=None if "rent" in rates else machine,
        machine=machine,
        watts=watts or profile.figures.get("active_w"),
    )


def _metered(
    profile: DeviceProfile, busy_s: NDArray[np.float64], metered_j: NDArray[np.float64] | None
) -> tuple[Figure | None, list[str]]:
    """Mean watts while busy by a meter, and what speaks against them."""
    idle = profile.get("idle_w")
    known = np.isfinite(metered_j) & (busy_s > 0) if metered_j is not None else np.zeros(len(busy_s), dtype=bool)
    if metered_j is None or idle is None or not known.any():
        return None, []
    joules, seconds = float(metered_j[known].sum()), float(busy_s[known].sum())
    watts = Decimal(f"{joules / seconds:.6g}")
    if watts <= idle:
        why = f"a meter gave {watts} W, no more than the profile's idle {idle} W: it does not see the whole machine"
        return None, [f"{why}, so the profile's watts are counted"]
    source = f"a meter, {joules:.6g} J in {seconds:.6g} busy seconds"
    part = "" if known.sum() == (busy_s > 0).sum() else f", of {int(known.sum())} of {len(busy_s)} requests"
    return Figure(watts, source + part, "this run", "derived" if part else "measured"), []


def _provenance(part: str, machine: DeviceProfile) -> Provenance:
    """Measured or declared where its figures are, settings of the person's apart; a rent is always someone's price."""
    if part == "rent":
        return "declared"
    kinds = [machine.figures[name].kind for name in FIGURES_OF[part] if name not in SETTINGS]
    return least_firm(_FIRM.get(kind, "estimated") for kind in kinds)


def _explain(part: str, machine: DeviceProfile, profile: DeviceProfile) -> str:
    told = [f"{name} {_brief(machine[name])} ({machine.figures[name].kind})" for name in FIGURES_OF[part]]
    if part == ABOVE_IDLE:
        told[0] += f" above idle_w {profile['idle_w']} ({profile.figures['idle_w'].kind})"
    return ", ".join(told)


def _brief(value: Decimal) -> str:
    """A figure as its source has it; one reckoned from others to six digits."""
    return str(value) if len(value.as_tuple().digits) <= 8 else f"{value:.6g}"


def _unsaid(rates: Iterable[str]) -> str:
    return f"operations not declared in the {'rent' if 'rent' in rates else 'profile'}: left out"


def _source(profile: DeviceProfile, machine: DeviceProfile, parts: Iterable[str]) -> dict[str, str]:
    counted = {name for part in parts for name in FIGURES_OF[part]}
    figures = {key: one for key, one in machine.figures.items() if key in counted}
    declared = [key for key, one in figures.items() if one.kind == "declared"]
    source = {
        "device": profile.name,
        "title": profile.title,
        "date": max(one.date for key, one in profile.figures.items() if key in counted),
        "assumed": ", ".join(key for key, one in figures.items() if one.kind == "assumed"),
        "duty_cycle": str(machine["duty_cycle"]),
    }
    return source | ({"declared": ", ".join(declared)} if declared else {})
