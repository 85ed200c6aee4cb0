"""The one formatter of numbers, for the page and for the terminal alike.

Two or three significant digits; the unit beside the number; an
absent number is "—" and keeps its reason. Nothing here knows HTML or terminals.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal

from edgebench.decide.wording import currency
from edgebench.records import METRICS, Estimate

ABSENT = "—"

#: unit → larger units with the factor at which each begins
LARGER: dict[str, tuple[tuple[float, str], ...]] = {
    "ms": ((1.0, "ms"), (1_000.0, "s")),
    "MiB": ((1.0, "MiB"), (1_024.0, "GiB")),
    "J": ((0.001, "mJ"), (1.0, "J"), (1_000.0, "kJ")),
}
UNREADABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A number as a person reads it: ``value`` with unit, ``interval`` to mute beside it, ``word`` of provenance."""

    value: str
    interval: str = ""
    word: str = ""
    why_absent: str | None = None
    note: str | None = None

    @property
    def absent(self) -> bool:
        return self.value == ABSENT

    def __str__(self) -> str:
        return " ".join(part for part in (self.value, self.interval) if part)


def visible(text: str) -> str:
    """Text with nothing hidden in it: controls, bidi overrides and zero-width signs become visible escapes."""

    def escape(match: re.Match[str]) -> str:
        code = ord(match[0])
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

    return UNREADABLE.sub(escape, text.replace("\r\n", "\n"))


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters, cut in the middle where names differ least."""
    if len(text) <= limit:
        return text
    tail = limit // 2 - 1
    return f"{text[: limit - tail - 1].rstrip()}…{text[-tail:].lstrip()}"


def number(value: float | Decimal, digits: int = 3) -> str:
    """``value`` to so many significant digits, thousands grouped, never in exponents: 0.0041, 22, 1,240."""
    value = float(value)
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else ABSENT
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    places = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{min(places, 12)}f}".replace("-", "−")


def quantity(value: float | Decimal, unit: str, digits: int = 3) -> str:
    """A number with its unit, scaled to a readable one: ``22 ms``, ``1.24 s``, ``83 %``, ``$0.0041``, ``1.2 GiB``.

    Dollars are written in the currency being shown (``decide.wording.shown_in``).
    """
    factor, shown = _scale(float(value), unit)
    return _with_unit(float(value), factor, shown, digits)


def estimate(item: Estimate, metric: str) -> Shown:
    """An Estimate of a METRICS name as a person reads it."""
    return show(item, METRICS[metric].unit)


def show(item: Estimate, unit: str) -> Shown:
    """An Estimate as a person reads it; value and interval share digits and unit."""
    if item.value is None:
        at_least = f"≥ {quantity(item.low, unit)}" if item.low is not None else ""
        return Shown(ABSENT, at_least, why_absent=item.why_absent or "not measured", note=item.note)
    digits = _digits(item, unit)
    factor, shown = _scale(item.value, unit)
    ends = [ABSENT if end is None else _bare(end, factor, shown, digits) for end in (item.low, item.high)]
    interval = "" if item.low is None and item.high is None else f"[{_range(*ends)}]"
    return Shown(_with_unit(item.value, factor, shown, digits), interval, item.provenance, note=item.note)


def difference(item: Estimate, unit: str) -> Shown:
    """A signed difference; fractions are percentage points."""
    if item.value is None:
        return Shown(ABSENT, why_absent=item.why_absent or "not measured")
    word = "points" if unit == "fraction" else currency().sign.strip() if unit == "$" else unit
    factor = 100.0 if unit == "fraction" else currency().per_usd if unit == "$" else 1.0
    digits = 2
    texts = [
        ABSENT if end is None else f"{'+' if end > 0 else ''}{number(_tidy(end * factor), digits)}"
        for end in (item.value, item.low, item.high)
    ]
    interval = f"[{texts[1]} … {texts[2]}]" if item.low is not None or item.high is not None else ""
    sign = currency().sign
    value = f"{texts[0][:1]}{sign}{texts[0][1:]}" if unit == "$" and texts[0][:1] in "+−" else f"{texts[0]} {word}"
    return Shown(value, interval, item.provenance)


def change(item: Estimate, unit: str) -> Shown:
    """A signed difference in a readable unit: ``+240 ms``, ``+1.2 s``."""
    if item.value is None or unit not in LARGER:
        return difference(item, unit)
    factor, shown = _scale(max(abs(end) for end in (item.value, item.low, item.high) if end is not None), unit)
    value, low, high = (None if end is None else end / factor for end in (item.value, item.low, item.high))
    return difference(replace(item, value=value, low=low, high=high), shown)


def share(part: float, whole: float) -> str:
    """A share in percent, never rounded to all or nothing: ``< 1 %``, ``12 %``, ``> 99 %``."""
    if not whole:
        return ABSENT
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "< 1 %"
    return "> 99 %" if 99 < percent < 100 else f"{percent:.0f} %"


def times(ratio: float) -> str:
    """A factor: ``1.3×``, ``25×``, ``310×``."""
    return f"{number(ratio, 2)}×"


def size(count: int | None) -> str:
    """Bytes in a readable unit."""
    if count is None:
        return ABSENT
    return f"{count} B" if count < 2**20 else quantity(count / 2**20, "MiB")


def _tidy(value: float) -> float:
    return 0.0 if abs(value) < 1e-12 else value


def _digits(item: Estimate, unit: str) -> int:
    """Shares get a decimal only where the interval leaves it a meaning; money two digits; all else three."""
    if unit == "fraction":
        return 3 if item.low is not None and item.high is not None and item.high - item.low < 0.02 else 2
    return 2 if unit == "$" else 3


def _scale(value: float, unit: str) -> tuple[float, str]:
    if unit == "fraction":
        return 0.01, "%"
    if unit == "$":
        return 1 / currency().per_usd, unit
    steps = LARGER.get(unit, ())
    chosen = [step for step in steps if abs(value) >= step[0] * 0.9995]
    return chosen[-1] if chosen else (steps[0] if steps else (1.0, unit))


def _bare(value: float, factor: float, unit: str, digits: int) -> str:
    scaled = _tidy(value / factor)
    if unit == "%":
        return _percent(scaled, digits)
    return number(scaled, digits)


def _percent(scaled: float, digits: int) -> str:
    """A share times 100: with a decimal near the ends, where whole percents would say "none" or "all"."""
    if 0 < abs(scaled) < 0.05:
        return number(scaled, 1)
    near_end = abs(scaled) < 10 or 99 < scaled < 100
    shown = min(scaled, 99.9) if scaled < 100 else scaled
    return f"{shown:.{1 if near_end or digits > 2 else 0}f}".removesuffix(".0").replace("-", "−")


def _with_unit(value: float, factor: float, unit: str, digits: int) -> str:
    text = _bare(value, factor, unit, digits)
    if unit == "$":
        sign = currency().sign
        return f"−{sign}{text[1:]}" if text.startswith("−") else f"{sign}{text}"
    return f"{text} {unit}" if unit else text


def _range(low: str, high: str) -> str:
    if ABSENT in (low, high):
        return f"{low} … {high}"
    return f"{low} to {high}" if high.startswith(("−", "-")) or low.startswith(("−", "-")) else f"{low}–{high}"
