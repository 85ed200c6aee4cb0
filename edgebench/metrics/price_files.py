"""Price files: what a person knows of prices, above the public list. Dollars per million tokens, and nothing else.

A file is a mapping of ``models:`` to rates, with ``source`` and ``as_of`` for all or for each. Whatever it says that we
do not understand is refused with its place: a price misread by a factor of a thousand is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from edgebench import catalog
from edgebench.errors import DataError, did_you_mean
from edgebench.records import PriceTier, Rate, RateCard

RATES = ("input_per_million", "output_per_million", "cached_input_per_million", "reasoning_per_million")
TIERS: tuple[PriceTier, ...] = ("batch", "flex", "priority")
UNIT = "usd_per_million_tokens"
MOST_USD = 10**9  # more is no price
_TOP = ("models", "source", "as_of", "unit")
_ENTRY = (*RATES, *TIERS, "provider", "source", "as_of", "unit")

Entry = Mapping[str, Any]


def read_prices(file: Path) -> Mapping[str, Entry]:
    """Model → entry (rates as Decimals, source, as_of; rates of a tier under its name) of a price file.

    Raises
    ------
    DataError: not YAML, an unknown key or unit, a rate that is no number or below 0, no source or date; with its place.
    """
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as exc:
        raise DataError(f"{file}: cannot be read: {exc.strerror}") from exc
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise DataError(f"{file}{place}: cannot be read as YAML") from exc
    sheet = _Mapped(str(file), "", root)
    sheet.demand(_TOP, "source, as_of, models")
    if "models" not in sheet or not isinstance(sheet["models"], yaml.MappingNode):
        raise sheet.wrong(root, "needs a mapping `models:` of model name to rates")
    models = _Mapped(str(file), "", sheet["models"])
    return {name: _entry(name, _Mapped(str(file), f"{name}: ", node), sheet) for name, node in models.items()}


def shelf_prices() -> Mapping[str, Entry]:
    """Every model on the person's own shelf (``prices`` in EDGEBENCH_HOME); of two entries the newest ``as_of`` holds.

    Each entry says under ``file`` where it stands.

    Raises
    ------
    DataError: one of the files cannot be understood.
    """
    found: dict[str, Entry] = {}
    for file in sorted((catalog.home() / "prices").glob("*.yaml")):
        for name, entry in read_prices(file).items():
            if name not in found or entry["as_of"] > found[name]["as_of"]:
                found[name] = {**entry, "file": file.name}
    return found


def card_of(model: str, entry: Entry, name: str, tier: PriceTier) -> RateCard:
    """An entry as a rate card; ``name``: of the list it stands in."""
    apart = entry.get(tier)
    rates = {key: Rate(value) for key in RATES if (value := {**entry, **(apart or {})}.get(key)) is not None}
    return RateCard(
        input=rates["input_per_million"],
        output=rates.get("output_per_million"),
        cached=rates.get("cached_input_per_million"),
        reasoning=rates.get("reasoning_per_million"),
        request_usd=Decimal(0),
        provider=entry.get("provider") or "",
        model=model,
        listed=f"{name}: {entry['source']}" if entry["source"] else name,
        as_of=entry["as_of"],
        tier=tier,
        notes=()
        if tier == "standard" or tier in entry
        else (f"{tier}: context not priced, the standard rates are charged",),
    )


@dataclass(frozen=True)
class _Mapped:
    """A YAML mapping by key, every mistake with its place."""

    file: str
    about: str
    node: Any

    def __post_init__(self) -> None:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong(self.node, "needs a mapping `models:` of model name to rates" if not self.about else
                             "needs input_per_million")  # fmt: skip
        seen: set[str] = set()
        for key, _ in self.node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in seen:
                raise self.wrong(key, "a key must be a word, given once")
            seen.add(key.value)

    def wrong(self, node: yaml.Node | None, message: str, hint: str | None = None) -> DataError:
        place = f":{node.start_mark.line + 1}:{node.start_mark.column + 1}" if node is not None else ""
        return DataError(f"{self.file}{place}: {self.about}{message}", hint=hint)

    def items(self) -> Iterator[tuple[str, yaml.Node]]:
        return ((str(key.value), value) for key, value in self.node.value)

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.items())

    def __getitem__(self, name: str) -> yaml.Node:
        return next(value for key, value in self.items() if key == name)

    def words(self, name: str) -> str | None:
        """A text; None where it is missing or empty."""
        node = next((value for key, value in self.items() if key == name), None)
        return str(node.value).strip() or None if isinstance(node, yaml.ScalarNode) else None

    def demand(self, known: tuple[str, ...], told: str) -> None:
        """Refuse keys and units that mean nothing here."""
        for key, _ in self.node.value:
            if key.value not in known:
                raise self.wrong(key, f"unknown key {key.value!r}", _hint(key.value, known, told))
        if "unit" in self and self.words("unit") != UNIT:
            raise self.wrong(self["unit"], f"unknown unit {self.words('unit')!r}", f"rates are in {UNIT}: convert them")

    def rates(self) -> dict[str, Decimal]:
        return {name: self._dollars(name) for name in RATES if name in self}

    def _dollars(self, name: str) -> Decimal:
        node = self[name]
        said = node.value if isinstance(node, yaml.ScalarNode) else "this"
        try:
            number = Decimal(said) if isinstance(node, yaml.ScalarNode) else Decimal("nan")
        except InvalidOperation:
            raise self.wrong(node, f"{name}: {said!r} is not a number") from None
        if not number.is_finite() or not 0 <= number <= MOST_USD:
            raise self.wrong(node, f"{name}: {said!r} is not a price")
        return number


def _hint(key: str, known: tuple[str, ...], told: str) -> str:
    for unit, factor in (("token", "1,000,000"), ("1k", "1,000"), ("thousand", "1,000")):
        if key.lower().endswith(unit):
            return f"rates are in dollars per million tokens: multiply by {factor} and write input_per_million or so"
    return did_you_mean(key, known, f"known: {told}")


def _entry(name: str, entry: _Mapped, sheet: _Mapped) -> Entry:
    entry.demand(_ENTRY, ", ".join(_ENTRY))
    if "input_per_million" not in entry:
        raise entry.wrong(entry.node, "needs input_per_million")
    out: dict[str, Any] = dict(entry.rates())
    for said in ("source", "as_of"):
        value = entry.words(said) or sheet.words(said)
        if value is None:
            raise entry.wrong(entry.node, f"needs {said}, here or at the top of the file")
        out[said] = value
    for tier in TIERS:
        if tier in entry:
            apart = _Mapped(entry.file, f"{name}: {tier}: ", entry[tier])
            apart.demand(RATES, ", ".join(RATES))
            out[tier] = apart.rates()
    return out | ({"provider": entry.words("provider")} if entry.words("provider") else {})
