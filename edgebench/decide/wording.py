"""Numbers inside sentences of advice: two or three digits and their unit. Figures have their own formatter.

Here, and nowhere else, stands the currency money is shown in. Everything is reckoned in US dollars; what shows a run
does so inside ``shown_in(run.plan.costs)``, and every amount and header written meanwhile is in the person's currency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from edgebench.records import METRICS, CostSpec, Estimate, Run

P = ParamSpec("P")
R = TypeVar("R")

# -------------------------------------------------------------------------------------------------------- currency

#: ISO 4217 → what stands before an amount; of any other its code does
SIGNS: Mapping[str, str] = {
    "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "KRW": "₩", "CAD": "CA$", "AUD": "A$",
    "NZD": "NZ$", "BRL": "R$", "MXN": "MX$", "PHP": "₱", "TRY": "₺", "UAH": "₴", "ILS": "₪", "VND": "₫", "NGN": "₦",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Currency:
    """What money is shown in: so many of it for a dollar, and the sign before an amount."""

    code: str = "USD"
    per_usd: float = 1.0
    sign: str = "$"


USD = Currency()
_SHOWN: ContextVar[Currency] = ContextVar("_SHOWN", default=USD)


def currency() -> Currency:
    """The currency of what is being shown."""
    return _SHOWN.get()


def currency_of(costs: CostSpec) -> Currency:
    """The currency a plan asks for."""
    if costs.currency == USD.code:
        return USD
    return Currency(costs.currency, float(costs.per_usd or 1), SIGNS.get(costs.currency, f"{costs.currency}\u00a0"))


@contextmanager
def shown_in(costs: CostSpec) -> Iterator[Currency]:
    """Meanwhile, money is written in the currency of a plan."""
    token = _SHOWN.set(currency_of(costs))
    try:
        yield _SHOWN.get()
    finally:
        _SHOWN.reset(token)


def in_its_currency(show: Callable[Concatenate[Run, P], R]) -> Callable[Concatenate[Run, P], R]:
    """What is said of a run (the first argument), in the currency of its plan."""

    @wraps(show)
    def shown_so(run: Run, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with shown_in(run.plan.costs):
            return show(run, *args, **kwargs)

    return shown_so


def headed(text: str) -> str:
    """A header or caption of ours that speaks of dollars, in the currency being shown; never a person's own words."""
    now = currency()
    if now == USD:
        return text
    return text.replace("Dollars", now.code).replace("dollars", now.code).replace("$", now.sign.strip())


def money_told(costs: CostSpec) -> dict[str, str]:
    """What a plan says of money, in words: a table of it, or nothing."""
    now, told = currency_of(costs), {}
    if now != USD:
        by = f", {costs.source}" if costs.source else ""
        told["currency"] = f"{now.code}, {costs.per_usd} for a US dollar on {costs.as_of}{by}; reckoned in US dollars"
    if costs.kwh is not None:
        told["a kilowatt-hour"] = f"{costs.kwh} {costs.currency} (declared)"
    if costs.duty_cycle is not None:
        told["duty cycle"] = f"busy {percent(float(costs.duty_cycle))} of the time (declared)"
    if costs.marginal_only:
        told["marginal only"] = (
            "of a device nothing but its energy above idle is counted: no purchase, no idle energy, no operations"
        )
    return told


# --------------------------------------------------------------------------------------------------------- numbers


def said(metric: str, value: float) -> str:
    """A value of a metric in words: ``83 %``, ``22 ms``, ``$0.0041``."""
    unit = METRICS[metric].unit
    if unit == "fraction":
        return percent(value)
    if unit == "$":
        return dollars(value)
    return f"{number(value)} {unit}"


def name(metric: str) -> str:
    """A metric inside a sentence."""
    return {"accuracy": "accuracy", "failure_rate": "failure rate", "usd_per_1k": "cost per 1,000"}.get(
        metric, METRICS[metric].label
    )


def percent(value: float) -> str:
    return f"{_hundreds(value)} %"


def _hundreds(value: float) -> str:
    """A share times 100: a decimal only where it says something."""
    shown = f"{100 * value:.1f}" if 0 < abs(value) < 0.1 or 0.99 < value < 1 else f"{100 * value:.0f}"
    return shown.removesuffix(".0")


def span(metric: str, low: float, high: float) -> str:
    """``[19–26]``: an interval after its value, whose unit it shares."""
    unit = METRICS[metric].unit
    bare = currency().sign
    write = _hundreds if unit == "fraction" else (lambda v: dollars(v).removeprefix(bare)) if unit == "$" else number
    return f"[{write(low)}–{write(high)}]"


def points(value: float) -> str:
    """A difference of shares."""
    return f"{100 * value:+.1f} points"


def dollars(value: float) -> str:
    """So many US dollars, in the currency being shown."""
    now = currency()
    size = abs(value) * now.per_usd
    sign = f"−{now.sign}" if value < 0 else now.sign
    if size == 0:
        return f"{now.sign}0"
    if size >= 100:
        return f"{sign}{size:,.0f}"
    if size >= 1:
        return f"{sign}{size:.2f}"
    return f"{sign}{Decimal(f'{size:.2g}'):f}"


def number(value: float) -> str:
    """Three significant digits, thousands separated, never in powers of ten."""
    if abs(value) >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.2g}"


def shown(metric: str, estimate: Estimate) -> str:
    """Value, interval and, where it is not measured, the word for it; ``—`` and the reason when absent."""
    if estimate.value is None:
        return f"— ({estimate.why_absent})"
    words = said(metric, estimate.value)
    if estimate.low is not None and estimate.high is not None:
        words += f" {span(metric, estimate.low, estimate.high)}"
    return words if estimate.provenance == "measured" else f"{words} ({estimate.provenance})"


def moved(difference: Estimate) -> str:
    """A difference of shares that is one: ``loses 9 points [4 to 14]``, ``gains 2.5 points [0.8 to 4.2]``."""
    value = difference.value or 0.0
    sign = -1.0 if value < 0 else 1.0
    bounds = [sign * bound for bound in (difference.low, difference.high) if bound is not None]
    interval = f" [{signed(min(bounds))} to {signed(max(bounds))}]" if len(bounds) == 2 else ""
    return f"{'loses' if value < 0 else 'gains'} {signed(sign * value)} points{interval}"


def signed(share: float) -> str:
    """A share in points, with a minus sign that reads as one: ``12``, ``−3.5``."""
    size = _hundreds(abs(share))
    return f"−{size}" if share < 0 and float(size.replace(",", "")) else size
