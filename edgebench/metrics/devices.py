"""Device profiles: what a device costs to own and to run, each figure with its source and date.

A profile is a YAML file on the ``devices`` shelf (shipped, or one's own in ``~/.config/edgebench/devices``)::

    title: Raspberry Pi 5, 8 GB
    figures:
      price_usd: {value: 125, source: who says so, date: 2026-02, kind: published}

A bare number is refused: a price without a date is wrong within a year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

from edgebench import catalog
from edgebench.errors import DataError

FigureKind = Literal["measured", "vendor", "published", "assumed", "derived"]

#: name → (unit, least, most): what a profile must or may say, and between which bounds it makes sense
FIGURES: Mapping[str, tuple[str, str, str]] = {
    "price_usd": ("$", "0", "1e6"),
    "residual_fraction": ("of the price, when it is retired", "0", "1"),
    "maintenance_fraction": ("of the price, over its life", "0", "10"),
    "lifetime_years": ("years", "0.01", "50"),
    "duty_cycle": ("of the time busy", "0.0001", "1"),
    "idle_w": ("W at the wall", "0", "1e5"),
    "active_w": ("W at the wall", "0", "1e5"),
    "kwh_usd": ("$/kWh", "0", "100"),
    "ops_usd_per_month": ("$/month", "0", "1e6"),
    "ram_gib": ("GiB", "0", "1e5"),
}
OPTIONAL = frozenset({"ops_usd_per_month", "ram_gib"})


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, who says so, when, and what kind of saying it is."""

    value: Decimal
    source: str
    date: str
    kind: FigureKind


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """What one kind of device costs to own and to run."""

    name: str
    title: str
    figures: Mapping[str, Figure]
    notes: str = ""

    def __getitem__(self, name: str) -> Decimal:
        return self.figures[name].value

    def assumed(self) -> tuple[str, ...]:
        """Figures nobody measured or published."""
        return tuple(name for name, figure in self.figures.items() if figure.kind == "assumed")


def load_device(name: str) -> DeviceProfile:
    """The profile of that name (or path).

    Raises
    ------
    UsageError: no such profile (with the nearest name).
    DataError: a figure without value, source, date or kind; an unknown or missing figure; a value out of bounds.
    """
    content = catalog.read("devices", name)
    unknown = content.keys() - {"title", "figures", "notes"}
    if unknown:
        raise DataError(f"device profile {name}: unknown key {min(unknown)!r}", hint="known: title, figures, notes")
    entries = content.get("figures")
    if not isinstance(content.get("title"), str) or not isinstance(entries, Mapping):
        raise DataError(f"device profile {name}: needs a title and a mapping of figures")
    figures = {str(key): _figure(f"device profile {name}: {key}", str(key), entry) for key, entry in entries.items()}
    missing = FIGURES.keys() - OPTIONAL - figures.keys()
    if missing:
        raise DataError(f"device profile {name}: {', '.join(sorted(missing))} is missing")
    return DeviceProfile(name, content["title"], figures, str(content.get("notes", "")))


def _figure(where: str, key: str, entry: Any) -> Figure:
    if key not in FIGURES:
        raise DataError(f"{where}: unknown figure", hint=f"known: {', '.join(FIGURES)}")
    if not isinstance(entry, Mapping) or entry.keys() != {"value", "source", "date", "kind"}:
        raise DataError(f"{where}: write it as {{value, source, date, kind}}; an unsourced number is refused")
    if entry["kind"] not in get_args(FigureKind):
        raise DataError(f"{where}: kind is {entry['kind']!r}", hint=f"one of {', '.join(get_args(FigureKind))}")
    if not str(entry["source"] or "").strip() or not str(entry["date"] or "").strip():
        raise DataError(f"{where}: source and date must say something")
    return Figure(_number(where, key, entry["value"]), str(entry["source"]), str(entry["date"]), entry["kind"])


def _number(where: str, key: str, value: Any) -> Decimal:
    unit, least, most = FIGURES[key]
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise DataError(f"{where}: {value!r} is not a number") from None
    if isinstance(value, bool) or not number.is_finite() or not Decimal(least) <= number <= Decimal(most):
        raise DataError(f"{where}: {value} is not between {least} and {most} ({unit})")
    return number
