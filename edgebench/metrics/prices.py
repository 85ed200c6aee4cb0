"""The price book of a run: every rate card it may use, each looked up once per model, tier and hour.

Where a rate comes from, nearest first: the cards frozen with the run, figures in the plan (``price:``), the plan's own
price file (``prices:``), the person's own shelf, then the public list (:mod:`edgebench.metrics.listed`). Every call is
priced at the moment it was sent, by the card of that hour, so a report made a year later says the same.
Nobody's price is never zero: it is :class:`Unpriced`, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from edgebench import catalog
from edgebench.errors import UsageError
from edgebench.metrics.listed import HOUR_S, Hour, listed
from edgebench.metrics.price_files import RATES, Entry, card_of, read_prices, shelf_prices
from edgebench.metrics.rate_cards import Unpriced
from edgebench.records import Call, FrozenRate, Identity, Plan, PriceSpec, RateCard, TargetSpec

__all__ = ["PriceBook", "Unpriced", "at", "load_prices", "read_prices"]

DEFAULT_URL: Mapping[str, str] = {"openai": "https://api.openai.com/v1"}  # where a target of that kind speaks to


@dataclass(frozen=True)
class PriceBook:
    """Every price one plan may use."""

    plan: Plan
    own: Mapping[str, Entry] = field(default_factory=dict)  # model → entry of the plan's price file
    own_name: str = ""
    missing: str = ""  # why the plan's price file could not be read here
    shelf: Mapping[str, Entry] = field(default_factory=dict)  # model → entry of the person's own files
    frozen: tuple[FrozenRate, ...] = ()  # what calls cost when they were made
    above: Mapping[str, Entry] = field(default_factory=dict)  # entries above all else: a repricing
    above_name: str = ""
    moment: date | datetime | None = None  # the list is read as of then: a repricing; a day keeps each call's hour
    _seen: dict[tuple[Any, ...], Hour] = field(default_factory=dict, repr=False, compare=False)

    def card(self, spec: TargetSpec, identity: Identity, call: Call, at_s: float) -> RateCard | Unpriced:
        """The rate card of one call, sent at ``at_s`` (seconds since 1970)."""
        return at(self.hour(spec, identity, call.served_model, int(at_s // HOUR_S)), at_s)

    def hour(self, spec: TargetSpec, identity: Identity, served_model: str | None, hour: int) -> Hour:
        """What a target's tokens cost throughout one hour (hours since 1970)."""
        url = _url(spec, identity)
        key = (identity.name, spec.price, spec.model, identity.model, served_model, url, hour)
        if key not in self._seen:
            names = [name for name in (spec.model, identity.model, served_model) if name]
            found = self._kept.get((identity.name, served_model or "", hour))
            self._seen[key] = self._found(spec.price or PriceSpec(), names, url, hour, found)
        return self._seen[key]

    def _found(self, price: PriceSpec, names: list[str], url: str | None, hour: int, frozen: Hour | None) -> Hour:
        names = [price.model] if price.model else list(dict.fromkeys(names))
        always: RateCard | Unpriced | None = self._from(self.above, self.above_name, names, price)
        if always is None and frozen is not None:
            return frozen
        always = always or _declared(price, names[0] if names else "")
        always = always or self._from(self.own, self.own_name, names, price)
        if always is None and self.missing:
            always = Unpriced(self.missing, settled=False)
        always = always or self._from(self.shelf, "", names, price)
        if always is not None:
            return ((hour * HOUR_S, always),)
        found: Hour = ((hour * HOUR_S, Unpriced("the target has no model name to look up")),)
        for name in names:
            found = self._listed(name, price, url, hour)
            if any(isinstance(card, RateCard) for _, card in found):
                break
        return found

    def _from(self, entries: Mapping[str, Entry], file: str, names: Iterable[str], price: PriceSpec) -> RateCard | None:
        for name in names:
            entry = entries.get(name)
            if entry is not None and entry.get("provider", price.provider) == price.provider:
                return card_of(name, entry, file or entry.get("file", ""), price.tier)
        return None

    def _listed(self, model: str, price: PriceSpec, url: str | None, hour: int) -> Hour:
        """The public list throughout an hour; read as of another moment, where one is asked for."""
        if self.moment is None:
            return listed(model, price.provider, url, price.tier, hour)
        if isinstance(self.moment, datetime):
            then_s = self.moment.timestamp()
            whole = listed(model, price.provider, url, price.tier, int(then_s // HOUR_S))
            return ((hour * HOUR_S, at(whole, then_s)),)
        midnight = datetime(self.moment.year, self.moment.month, self.moment.day, tzinfo=UTC)
        there = int(midnight.timestamp()) // HOUR_S + hour % 24
        shifted = (hour - there) * HOUR_S
        return tuple(
            (since_s + shifted, card) for since_s, card in listed(model, price.provider, url, price.tier, there)
        )

    @cached_property
    def _kept(self) -> Mapping[tuple[str, str, int], Hour]:
        out: dict[tuple[str, str, int], Hour] = {}
        for one in sorted(self.frozen, key=lambda rate: rate.since_s):
            key = (one.target, one.served_model, one.since_s // HOUR_S)
            card = one.card or Unpriced(
                f"{one.why or 'nobody had a price'} when it was asked (--reprice prices it anew)"
            )
            out[key] = (*out.get(key, ()), (one.since_s, card))
        return out


def at(hour: Hour, at_s: float) -> RateCard | Unpriced:
    """The card of an hour that holds at a moment of it."""
    return next((card for since_s, card in reversed(hour) if since_s <= at_s), hour[0][1])


def load_prices(plan: Plan, frozen: tuple[FrozenRate, ...] = ()) -> PriceBook:
    """The price book of a plan. A price file that is not on this machine leaves its models unpriced, and says so.

    ``frozen``: the rates kept with the run; they come first.

    Raises
    ------
    DataError: a price file is there and cannot be understood.
    """
    shelf = shelf_prices()
    if plan.prices is None:
        return PriceBook(plan, shelf=shelf, frozen=frozen)
    beside = Path(plan.folder) / plan.prices
    try:
        file = beside if beside.is_file() else catalog.path("prices", plan.prices)
    except UsageError:
        missing = f"the plan's price file {plan.prices} is not on this machine"
        return PriceBook(plan, missing=missing, shelf=shelf, frozen=frozen)
    return PriceBook(plan, read_prices(file), plan.prices, shelf=shelf, frozen=frozen)


def _declared(price: PriceSpec, model: str) -> RateCard | None:
    """Rates written in the plan itself: those of the tier it asks for."""
    if price.input_per_million is None:
        return None
    entry: dict[str, Any] = {name: Decimal(str(value)) for name in RATES if (value := getattr(price, name)) is not None}
    entry |= {"provider": price.provider, "source": price.source or "", "as_of": price.as_of or "not said"}
    return card_of(model, entry | {price.tier: {}}, "the plan", price.tier)


def _url(spec: TargetSpec, identity: Identity) -> str | None:
    said = identity.details.get("base_url")
    url = said if isinstance(said, str) else spec.base_url or DEFAULT_URL.get(spec.kind)
    return url.lower() if url else None
