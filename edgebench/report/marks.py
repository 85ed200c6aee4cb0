"""A figure as data: what the static SVG writer and plotly both draw from.

Positions are data values. A row axis has one slot per name, at 0, 1, 2 … from the top. Colours are CSS
variables (``var(--arm-1)``), so one figure serves both themes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from edgebench.decide.wording import currency
from edgebench.report import formatting

Shape = Literal["square", "circle", "diamond", "triangle"]
WIDE_RANGE = 20.0  # a linear axis hides whatever lies below a twentieth of its end


@dataclass(frozen=True, slots=True)
class Axis:
    label: str
    scale: Literal["linear", "log", "rows"]
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """One arm as a point with its 95 % crosshair; ``outlined`` on the front, ``faded`` when dominated."""

    x: float
    y: float
    colour: str
    shape: Shape
    label: str
    hover: str
    x_low: float | None = None
    x_high: float | None = None
    y_low: float | None = None
    y_high: float | None = None
    hollow: bool = False
    outlined: bool = False
    faded: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points, or a staircase (each y holds until the next x)."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    colour: str
    label: str = ""
    hover: str = ""
    stairs: bool = False
    dash: str = ""
    width: float = 2.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit at one x, over the whole height."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of x, over the whole height: the interval of a limit."""

    low: float
    high: float
    colour: str
    hover: str


@dataclass(frozen=True, slots=True)
class Area:
    """What lies between two lines over the same xs: the interval along a curve."""

    xs: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    colour: str
    hover: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """A limit at one y, over the whole width."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a horizontal bar in a row."""

    row: int
    start: float
    end: float
    colour: str
    strength: float  # 0…1: opacity of the colour
    text: str
    hover: str


@dataclass(frozen=True, slots=True)
class Whisker:
    """A horizontal stretch in a row: the middle half of a distribution, or nearly all of it."""

    row: int
    low: float
    high: float
    colour: str
    width: float
    hover: str


Mark = Dot | Curve | Rule | Band | Area | Level | Bar | Whisker


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart: ``title`` is the finding, ``subtitle`` what is drawn, ``summary`` what a screen reader says."""

    id: str
    title: str
    subtitle: str
    summary: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    right: tuple[str, ...] = ()  # a text at the end of each row
    note: str = ""
    small: bool = False  # one of several side by side: nearly square, and what a pointer reads is kept at any width


def axis(label: str, values: Iterable[float], unit: str) -> Axis:
    """An axis that holds every value: logarithmic when they span more than 20×, in round ticks."""
    kept = [value for value in values if math.isfinite(value)]
    positive = [value for value in kept if value > 0]
    if positive and len(positive) == len(kept) and max(positive) > WIDE_RANGE * min(positive):
        return log_axis(label, positive, unit)
    return _linear(label, 0.0, max([*kept, 0.0]) or 1.0, unit)


def log_axis(label: str, values: Iterable[float], unit: str) -> Axis:
    """A logarithmic axis that holds every value, all above zero, in round ticks; a decade at least."""
    kept = list(values)
    room = max(1.0, math.sqrt(10.0 * min(kept) / max(kept)))
    return _log(label, min(kept) / room, max(kept) * room, unit)


def fraction_axis(label: str, values: Iterable[float]) -> Axis:
    """A percent axis around the values, in tenths, inside 0…1."""
    kept = list(values) or [0.0, 1.0]
    low = max(0.0, math.floor((min(kept) - 0.02) * 10) / 10)
    high = min(1.0, math.ceil((max(kept) + 0.02) * 10) / 10)
    step = 0.1 if high - low <= 0.6 else 0.2
    first = math.ceil(low / step - 1e-9)
    ticks = [round(k * step, 6) for k in range(first, int(high / step + 1e-9) + 1)]
    room = 0.03 * (high - low)  # a point at 100 % keeps its whole shape
    return Axis(label, "linear", low - room, high + room, tuple((tick, f"{tick * 100:.0f} %") for tick in ticks))


def rows(names: Iterable[str]) -> Axis:
    """One slot per name, first on top."""
    kept = tuple(enumerate(names))
    return Axis("", "rows", -0.5, len(kept) - 0.5, tuple((float(place), name) for place, name in kept))


def _linear(label: str, low: float, high: float, unit: str) -> Axis:
    rate = _rate(unit)
    low, high = low * rate, high * rate
    raw = max((high - low) / 5, 1.0 if unit == "count" else 0.0)  # half a failure is no tick
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * k for k in (1, 2, 2.5, 5, 10) if power * k >= raw * 0.999)
    top = high * 1.06
    ticks = tuple((k * step, formatting.number(k * step)) for k in range(int(top / step) + 1))
    shown = tuple((at / rate, _tick(at, unit)) for at, _ in ticks)
    return Axis(label, "linear", (low - 0.02 * (high - low)) / rate, top / rate, shown)


def _log(label: str, low: float, high: float, unit: str) -> Axis:
    rate = _rate(unit)
    low, high = low / 1.35 * rate, high * 1.35 * rate
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [k * 10.0**power for power in decades for k in steps if low <= k * 10.0**power <= high]
        if len(ticks) <= 7:
            break
    ticks = ticks[:: math.ceil(len(ticks) / 7)]
    return Axis(label, "log", low / rate, high / rate, tuple((tick / rate, _tick(tick, unit)) for tick in ticks))


def _tick(value: float, unit: str) -> str:
    text = formatting.number(value)
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{currency().sign}{text}" if unit == "$" else text


def _rate(unit: str) -> float:
    """Positions are dollars; ticks are round in the currency being shown."""
    return currency().per_usd if unit == "$" else 1.0
