"""Daily curves: how the requests of a day share out over its hours.

A curve is a YAML file on the ``curves`` shelf (shipped, or one's own in ``~/.config/edgebench/curves``) of 24 weights
with source, date and kind, or a CSV file with the columns ``hour,weight``. An hour nobody gave is a gap, and a curve
with gaps is refused: absence is never zero.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from edgebench import catalog
from edgebench.errors import DataError, UsageError
from edgebench.sourced import FigureKind

HOURS = 24
HOUR_S = 3600
KEYS = frozenset({"title", "weights", "source", "date", "kind"})


@dataclass(frozen=True, slots=True)
class Curve:
    """24 weights, hour 0 to 23: what counts is their proportion."""

    name: str
    title: str
    weights: tuple[float, ...]
    source: str
    date: str
    kind: str

    def rates(self, a_day: float) -> tuple[float, ...]:
        """Requests a second in each hour of a day of ``a_day`` requests."""
        whole = sum(self.weights)
        return tuple(a_day * weight / whole / HOUR_S for weight in self.weights)

    @property
    def peak(self) -> float:
        """Requests a second in the busiest hour, of a day of one request."""
        return max(self.rates(1.0))


def load_curve(name: str) -> Curve:
    """The curve of that name, or in that file (YAML or CSV).

    Raises
    ------
    UsageError: no such curve (with the nearest name).
    DataError: weights that are not 24 numbers from 0 up, with the place; no source, date or kind.
    """
    if Path(name).suffix == ".csv":
        return _of_csv(Path(name).expanduser())
    return _of_mapping(name, catalog.read("curves", name))


def _of_mapping(name: str, content: Mapping[str, Any]) -> Curve:
    what = f"curve {name}"
    if unknown := content.keys() - KEYS - {"notes"}:
        raise DataError(f"{what}: unknown key {min(unknown)!r}", hint=f"known: {', '.join(sorted(KEYS))}, notes")
    if missing := [key for key in sorted(KEYS) if not str(content.get(key) or "").strip()]:
        raise DataError(f"{what}: {', '.join(missing)} is missing; a curve without a source is refused")
    if content["kind"] not in get_args(FigureKind):
        raise DataError(f"{what}: kind is {content['kind']!r}", hint=f"one of {', '.join(get_args(FigureKind))}")
    given = content["weights"]
    if not isinstance(given, list) or len(given) != HOURS:
        count = f"{len(given)} of them" if isinstance(given, list) else "no list"
        raise DataError(f"{what}: weights: {count}, where a day has {HOURS}: one for each hour from 0 to 23")
    weights = tuple(_weight(f"{what}: weights: hour {hour}", value) for hour, value in enumerate(given))
    texts = {key: str(content[key]) for key in ("title", "source", "date", "kind")}
    return _whole(what, Curve(name=name, weights=weights, **texts))


def _of_csv(file: Path) -> Curve:
    rows: dict[int, float] = {}
    for line, row in _lines(file):
        place = f"{file.name}:{line}"
        hour = _hour(place, row[0])
        if hour in rows:
            raise DataError(f"{place}: hour {hour} was given before", hint="one line for each hour from 0 to 23")
        rows[hour] = _weight(f"{place}: hour {hour}", row[1])
    if missing := [hour for hour in range(HOURS) if hour not in rows]:
        told = ", ".join(map(str, missing[:6])) + (" …" if len(missing) > 6 else "")
        plural = "s" if len(missing) > 1 else ""
        raise DataError(
            f"{file.name}: hour{plural} {told} {'are' if plural else 'is'} missing, and a gap is not a zero",
            hint="write 0 for an hour without requests",
        )
    curve = Curve(file.stem, file.name, tuple(rows[hour] for hour in range(HOURS)), file.name, "", "measured")
    return _whole(file.name, curve)


def _lines(file: Path) -> list[tuple[int, list[str]]]:
    """Numbered rows below the header ``hour,weight``."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text)
            rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except FileNotFoundError:
        known = ", ".join(catalog.names("curves"))
        raise UsageError(f"there is no file {file}", hint=f"shipped curves: {known}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise DataError(f"{file.name}: cannot be read as text: {exc}") from exc
    if not rows or [cell.strip().lower() for cell in rows[0][1]] != ["hour", "weight"]:
        raise DataError(f"{file.name}:1: the header is not hour,weight", hint="hour,weight, then a line for each hour")
    for line, row in rows[1:]:
        if len(row) != 2:
            raise DataError(f"{file.name}:{line}: {len(row)} columns, where there are two: hour,weight")
    return rows[1:]


def _hour(place: str, text: str) -> int:
    if not text.strip().isdecimal() or not 0 <= int(text) < HOURS:
        raise DataError(f"{place}: {text.strip()[:20]!r} is no hour from 0 to 23")
    return int(text)


def _weight(place: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise DataError(f"{place}: {str(value)[:20]!r} is no weight (a number from 0 up)")
    return number


def _whole(what: str, curve: Curve) -> Curve:
    if not sum(curve.weights) > 0:
        raise DataError(f"{what}: all weights are 0: such a day has no requests")
    return curve
