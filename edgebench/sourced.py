"""Sourced figures: numbers on a shelf, each with who says so, when, and what kind of saying it is.

Profiles of devices and networks are mappings of such figures::

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

FigureKind = Literal["measured", "vendor", "published", "assumed", "derived", "declared"]

#: figure → (unit, least, most): what a profile may say, and between which bounds it makes sense
Bounds = Mapping[str, tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, who says so, when, and what kind of saying it is."""

    value: Decimal
    source: str
    date: str
    kind: FigureKind


@dataclass(frozen=True)
class Profile:
    """A shelf's entry: figures with their sources."""

    name: str
    title: str
    figures: Mapping[str, Figure]
    notes: str = ""

    def __getitem__(self, name: str) -> Decimal:
        return self.figures[name].value

    def get(self, name: str) -> Decimal | None:
        figure = self.figures.get(name)
        return None if figure is None else figure.value

    def assumed(self) -> tuple[str, ...]:
        """Figures nobody measured or published."""
        return tuple(name for name, figure in self.figures.items() if figure.kind == "assumed")


def read_profile(
    shelf: catalog.Shelf, name: str, bounds: Bounds, *, needed: frozenset[str], more: frozenset[str] = frozenset()
) -> tuple[Profile, Mapping[str, Any]]:
    """A profile of that name (or path), and what else its file says under the keys ``more``.

    Raises
    ------
    UsageError: no such profile (with the nearest name).
    DataError: a figure without value, source, date or kind; an unknown or missing figure; a value out of bounds.
    """
    content = catalog.read(shelf, name)
    what = f"{shelf.removesuffix('s')} profile {name}"
    known = {"title", "figures", "notes", *more}
    if unknown := content.keys() - known:
        raise DataError(f"{what}: unknown key {min(unknown)!r}", hint=f"known: {', '.join(sorted(known))}")
    entries = content.get("figures")
    if not isinstance(content.get("title"), str) or not isinstance(entries, Mapping):
        raise DataError(f"{what}: needs a title and a mapping of figures")
    figures = {str(key): _figure(f"{what}: {key}", str(key), entry, bounds) for key, entry in entries.items()}
    if missing := needed - figures.keys():
        raise DataError(f"{what}: {', '.join(sorted(missing))} is missing")
    profile = Profile(name, content["title"], figures, str(content.get("notes", "")))
    return profile, {key: content[key] for key in more if key in content}


def _figure(where: str, key: str, entry: Any, bounds: Bounds) -> Figure:
    if key not in bounds:
        raise DataError(f"{where}: unknown figure", hint=f"known: {', '.join(bounds)}")
    if not isinstance(entry, Mapping) or entry.keys() != {"value", "source", "date", "kind"}:
        raise DataError(f"{where}: write it as {{value, source, date, kind}}; an unsourced number is refused")
    if entry["kind"] not in get_args(FigureKind):
        raise DataError(f"{where}: kind is {entry['kind']!r}", hint=f"one of {', '.join(get_args(FigureKind))}")
    if not str(entry["source"] or "").strip() or not str(entry["date"] or "").strip():
        raise DataError(f"{where}: source and date must say something")
    return Figure(_number(where, bounds[key], entry["value"]), str(entry["source"]), str(entry["date"]), entry["kind"])


def _number(where: str, bounds: tuple[str, str, str], value: Any) -> Decimal:
    unit, least, most = bounds
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise DataError(f"{where}: {value!r} is not a number") from None
    if isinstance(value, bool) or not number.is_finite() or not Decimal(least) <= number <= Decimal(most):
        raise DataError(f"{where}: {value} is not between {least} and {most} ({unit})")
    return number
