"""Money in a plan: the currency, the price of power, how busy a device is, what a machine is rented for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from edgebench.errors import PlanError
from edgebench.metrics.devices import FIGURES
from edgebench.plan.document import Document, Loc
from edgebench.records import CostSpec, Plan, PriceSpec

Found = Iterator[PlanError]

CODE = re.compile(r"[A-Z]{3}")  # ISO 4217
DATE = re.compile(r"(19|20)\d\d(-\d\d(-\d\d)?)?")
RATE = "costs: {currency: EUR, per_usd: 0.92, as_of: 2026-11-20}"
DOLLAR = "USD"


def money(plan: Plan, document: Document) -> Found:
    """What is wrong with ``costs`` and with the rent of machines."""
    yield from _currency(plan.costs, document)
    yield from _settings(plan.costs, document)
    for name, spec in plan.targets.items():
        if spec.price is not None:
            yield from _rent(plan, spec.price, ("targets", name, "price"), spec.device or plan.device, document)


def _currency(costs: CostSpec, document: Document) -> Found:
    at: Loc = ("costs",)
    if not CODE.fullmatch(costs.currency):
        hint = f"currency: {costs.currency.upper()}" if CODE.fullmatch(costs.currency.upper()) else "currency: EUR"
        yield document.error((*at, "currency"), f"{costs.currency!r} is no code of three letters (ISO 4217)", hint=hint)
        return
    if costs.per_usd is not None and not costs.per_usd > 0:
        yield document.error((*at, "per_usd"), f"must be above 0, not {costs.per_usd}", hint=RATE)
    elif costs.currency == DOLLAR:
        if costs.per_usd not in (None, 1):
            yield document.error(
                (*at, "per_usd"), "a dollar is one dollar; which currency is this the rate of?", hint=RATE
            )
    elif costs.per_usd is None:
        message = f"needs its rate: 'per_usd', how much {costs.currency} a US dollar is, with 'as_of'"
        yield document.error((*at, "currency"), message, hint=RATE)
    elif costs.as_of is None:
        yield document.error((*at, "per_usd"), "a rate without its date says nothing: add 'as_of'", hint=RATE)
    if costs.as_of is not None and not DATE.fullmatch(costs.as_of):
        yield document.error((*at, "as_of"), f"{costs.as_of!r} is no date", hint="as_of: 2026-11-20")


def _settings(costs: CostSpec, document: Document) -> Found:
    at: Loc = ("costs",)
    if costs.kwh is not None:
        most = Decimal(FIGURES["kwh_usd"][2]) * (costs.per_usd or 1)
        if costs.kwh < 0:
            yield document.error((*at, "kwh"), f"must be at least 0, not {costs.kwh}")
        elif costs.kwh > most > 0:
            message = f"no kilowatt-hour costs {costs.kwh} {costs.currency}"
            yield document.error((*at, "kwh"), message, hint=f"kwh: {costs.kwh / 100}   (not in hundredths)")
    if (duty := costs.duty_cycle) is not None and not 0 < duty <= 1:
        hint = f"duty_cycle: {duty / 100}" if 1 < duty <= 100 else "duty_cycle: 0.1   (busy a tenth of the time)"
        yield document.error(
            (*at, "duty_cycle"), f"is a share of the time, above 0 and at most 1, not {duty}", hint=hint
        )


def _rent(plan: Plan, price: PriceSpec, at: Loc, device: str | None, document: Document) -> Found:
    if price.usd_per_hour is None:
        return
    if not price.usd_per_hour > 0:
        yield document.error((*at, "usd_per_hour"), f"must be above 0, not {price.usd_per_hour}")
    if price.input_per_million is not None or price.output_per_million is not None:
        message = "a machine is rented by the hour, or its tokens are billed: not both"
        yield document.error((*at, "usd_per_hour"), message, on_key=True)
    if plan.costs.duty_cycle is None and device is None:
        message = "a rented machine costs the same, busy or not: say how busy it is"
        yield document.error((*at, "usd_per_hour"), message, on_key=True, hint="costs: {duty_cycle: 0.1}")
