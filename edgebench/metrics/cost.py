"""Cost: what 1,000 requests cost, as a sum of parts, each with where it comes from.

Tokens (a hosted API, or rates written in the plan): Σ over all calls of a request, retries and failed calls included,
of tokens × rate. Calls the provider refused at the door are not billed; a call that failed later without token counts
may have been, so it is *unpriced*, never free, and its request is left out of the mean.

A device, per request of s busy seconds, with duty cycle U (the share of time the device is busy)::

    purchase        price · (1 − residual) · (1 + maintenance) / (lifetime · U) · s
    active energy   active watts · s · $/kWh
    idle energy     idle watts · (s/U − s) · $/kWh
    operations      dollars a month / (month / s · U requests a month)        only where the profile declares it

Every term is proportional to s, hence to the duty cycle's inverse but for the active energy: the small term.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from edgebench import catalog
from edgebench.errors import UsageError
from edgebench.metrics.devices import DeviceProfile, load_device
from edgebench.metrics.prices import PriceBook, RateCard, Unpriced
from edgebench.records import Call, Cost, CostPart, Identity, Plan, Provenance, Record, TargetSpec

THOUSAND = Decimal(1000)
JOULES_PER_KWH = Decimal(3_600_000)
YEAR_S = Decimal(31_557_600)  # 365.25 days
MONTH_S = YEAR_S / 12
NOT_BILLED = frozenset(  # the request never got as far as a model
    {"refused", "unauthorized", "rate_limited", "not_found", "bad_request", "server_error"}
)
MOST_UNPRICED = 0.05  # more unpriced calls than this, and the mean of the others no longer stands for all


@dataclass(frozen=True)
class Charges:
    """Dollars of every record of an arm (NaN where unpriced), and their sum by part."""

    usd: NDArray[np.float64]
    cost: Cost
    provenance: Provenance = "declared"
    method: str = ""
    note: str | None = None
    device: DeviceProfile | None = None
    usd_per_busy_s: float | None = None  # of a device: all parts together


def charge(
    plan: Plan,
    book: PriceBook,
    spec: TargetSpec,
    identity: Identity,
    records: Sequence[Record],
    sent_at_s: Sequence[float],
    busy_s: NDArray[np.float64],
) -> Charges:
    """What an arm's records cost; absent, with the reason, where nobody knows a price.

    ``sent_at_s``: wall-clock seconds of each record's sending, where its calls do not say; ``busy_s``: seconds each
    record kept the device busy.
    """
    declared = spec.price is not None
    by_tokens = identity.placement == "hosted" or (spec.price is not None and spec.price.input_per_million is not None)
    if identity.placement == "stand-in" and not declared:
        return _none(records, "a stand-in is not billed; give it a `price:` to see what a real API would cost")
    if by_tokens or identity.placement == "stand-in":
        return _by_tokens(book, spec, identity, records, sent_at_s)
    name = spec.device or plan.device
    if name is None:
        known = ", ".join(catalog.names("devices"))
        return _none(records, f"no device profile: add `device: NAME` to the plan (known: {known})")
    try:
        return _by_device(load_device(name), busy_s)
    except UsageError as exc:
        return _none(records, f"{exc}; {exc.hint}" if exc.hint else str(exc))


def _none(records: Sequence[Record], why: str, source: Mapping[str, str] | None = None, priced: int = 0) -> Charges:
    calls = sum(len(record.calls) for record in records)
    return Charges(np.full(len(records), np.nan), Cost((), source or {}, calls - priced, priced, why))


# --------------------------------------------------------------------------------------------------- tokens


def _by_tokens(
    book: PriceBook, spec: TargetSpec, identity: Identity, records: Sequence[Record], sent_at_s: Sequence[float]
) -> Charges:
    usd = np.full(len(records), np.nan)
    sums: dict[str, Decimal] = {}
    cards: dict[RateCard, list[float]] = {}
    reasons: Counter[str] = Counter()
    priced = billed = counted = 0
    for place, record in enumerate(records):
        parts: dict[str, Decimal] = {}
        whole = True
        for call in record.calls:
            at_s = call.wall_s if call.wall_s is not None else sent_at_s[place]
            charged = _one(book, spec, identity, call, at_s, cards)
            if isinstance(charged, Unpriced):
                reasons[charged.why] += 1
                whole = False
                continue
            priced, billed = priced + 1, billed + bool(charged)
            for name, dollars in charged.items():
                parts[name] = parts.get(name, Decimal(0)) + dollars
        if whole:
            usd[place], counted = float(sum(parts.values())), counted + 1
            for name, dollars in parts.items():
                sums[name] = sums.get(name, Decimal(0)) + dollars
    unpriced = sum(reasons.values())
    source = _card_source(cards, spec, identity)
    if not billed or unpriced > MOST_UNPRICED * (priced + unpriced):
        return _none(records, _why(reasons, unpriced, priced + unpriced), source, priced)
    provenance: Provenance = "stand-in" if identity.placement == "stand-in" else next(iter(cards)).provenance
    explain = "; ".join(dict.fromkeys(card.rates() for card in cards))  # cards differ by the minute, rates seldom
    kept = tuple(
        CostPart(name, total / counted * THOUSAND, provenance, explain) for name, total in sums.items() if total
    )
    note = f"unpriced: {unpriced} of {priced + unpriced} calls, their requests left out" if unpriced else None
    if provenance == "stand-in":
        note = "; ".join(filter(None, (f"priced as {source['model']} at {source['provider']}", note)))
    return Charges(usd, Cost(kept, source, unpriced, priced), provenance, "tokens × rate", note)


def _one(
    book: PriceBook,
    spec: TargetSpec,
    identity: Identity,
    call: Call,
    at_s: float,
    cards: dict[RateCard, list[float]],
) -> Mapping[str, Decimal] | Unpriced:
    if call.failure is not None and call.usage is None:
        if call.failure.kind in NOT_BILLED:
            return {}
        return Unpriced(f"failed ({call.failure.kind}) without token counts, perhaps billed")
    card = book.card(spec, identity, call, at_s)
    if isinstance(card, Unpriced):
        return card
    cards.setdefault(card, []).append(at_s)
    return card.charge(call)


def _why(reasons: Counter[str], unpriced: int, calls: int) -> str:
    if not unpriced:
        return "no call was answered, so none was billed" if calls else "no calls"
    return f"unpriced: {unpriced} of {calls} calls ({reasons.most_common(1)[0][0]})"


def _card_source(cards: Mapping[RateCard, Sequence[float]], spec: TargetSpec, identity: Identity) -> dict[str, str]:
    """The rate cards that were used, frozen into the conclusion."""
    asked = (spec.price.model if spec.price else None) or spec.model or identity.model
    if not cards:
        return {"asked": asked}
    times = [at for used in cards.values() for at in used]
    first, last = (datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ") for at in (min(times), max(times)))
    return {
        "asked": asked,
        "provider": _joined(card.provider for card in cards),
        "model": _joined(card.model for card in cards),
        "list": _joined(card.listed for card in cards),
        "as_of": _joined([min(card.as_of for card in cards), max(card.as_of for card in cards)]),
        "sent": _joined([first, last]),
        "rates": _joined(card.rates() for card in cards),
        "tier": "standard (no batch, flex or priority discount asked for)",
    }


def _joined(words: Iterable[str]) -> str:
    return " … ".join(dict.fromkeys(word for word in words if word))


# --------------------------------------------------------------------------------------------------- device


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


def _by_device(profile: DeviceProfile, busy_s: NDArray[np.float64]) -> Charges:
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
