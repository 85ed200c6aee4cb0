"""Numbers inside sentences of advice: two or three digits and their unit. Figures have their own formatter."""

from __future__ import annotations

from decimal import Decimal

from edgebench.records import METRICS, Estimate


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
    write = _hundreds if unit == "fraction" else (lambda v: dollars(v).lstrip("$")) if unit == "$" else number
    return f"[{write(low)}–{write(high)}]"


def points(value: float) -> str:
    """A difference of shares."""
    return f"{100 * value:+.1f} points"


def dollars(value: float) -> str:
    if value == 0:
        return "$0"
    size = abs(value)
    sign = "−" if value < 0 else ""
    if size >= 100:
        return f"{sign}${size:,.0f}"
    if size >= 1:
        return f"{sign}${size:.2f}"
    return f"{sign}${Decimal(f'{size:.2g}'):f}"


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
