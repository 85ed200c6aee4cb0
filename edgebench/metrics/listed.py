"""The public price list: genai-prices, offline, as rate cards.

A model belongs to the provider of its endpoint, or to the one a plan names; never to one guessed from the model's name,
for a model served from one's own gateway has no list price. The list's rules change with the clock (announced changes
at midnight UTC, off-peak hours at any minute), so it is read once for each stretch of an hour between two such moments.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from edgebench import plugins
from edgebench.errors import MissingExtra
from edgebench.metrics.rate_cards import Unpriced
from edgebench.records import PriceTier, Rate, RateCard, RateStep

HOUR_S = 3600
#: what a tier is called in a provider's own request, and so in the list
CONTEXT: Mapping[PriceTier, Mapping[str, str]] = {
    "standard": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}

#: since when (seconds since 1970), and what then holds: one hour's cards, ascending
Hour = tuple[tuple[int, RateCard | Unpriced], ...]


def listed(model: str, provider: str | None, url: str | None, tier: PriceTier, hour: int) -> Hour:
    """What the list says of a model throughout one hour (hours since 1970)."""
    since_s = hour * HOUR_S
    if provider is None and url is None:
        why = f"nobody's model: {model} has no endpoint; name `price: {{provider: …}}` in the plan"
        return ((since_s, Unpriced(why)),)
    try:
        snapshot = plugins.need("genai_prices.data_snapshot").get_snapshot()
    except MissingExtra as exc:
        return ((since_s, Unpriced(f"{exc}: {exc.hint}", settled=False)),)
    try:
        owner, entry = snapshot.find_provider_model(model, None, provider, None if provider else url)
    except LookupError:
        return ((since_s, Unpriced(f"{model} at {provider or url} is in no price list")),)
    lender = _lender(snapshot, owner, entry)
    return tuple((start, _card(owner, lender, entry, tier, start)) for start in changes(entry, since_s))


def providers_of(model: str) -> tuple[str, ...]:
    """Ids of the providers whose own list has an entry for this name.

    Raises
    ------
    MissingExtra: genai-prices is not installed.
    """
    snapshot = plugins.need("genai_prices.data_snapshot").get_snapshot()
    return tuple(owner.id for owner in snapshot.providers if owner.find_model(model) is not None)


def near_models(model: str) -> tuple[str, ...]:
    """Ids of listed models whose names come near.

    Raises
    ------
    MissingExtra: genai-prices is not installed.
    """
    snapshot = plugins.need("genai_prices.data_snapshot").get_snapshot()
    ids = sorted({entry.id for owner in snapshot.providers for entry in owner.models})
    return tuple(difflib.get_close_matches(model.lower(), ids, n=3))


def provider_called(name: str) -> str | None:
    """The id of the provider others call so ("vertex_ai" → "google"); None: the list has none.

    Raises
    ------
    MissingExtra: genai-prices is not installed.
    """
    found = plugins.need("genai_prices.data_snapshot")
    owner = found.find_provider_by_id(found.get_snapshot().providers, name)
    return None if owner is None else str(owner.id)


def version() -> str:
    """The list by name and version.

    Raises
    ------
    MissingExtra: genai-prices is not installed.
    """
    return f"genai-prices {plugins.need('genai_prices').__version__}"


def changes(entry: Any, since_s: int) -> tuple[int, ...]:
    """The hour's beginning, and every second within it at which a daily rule of the entry begins or ends."""
    edges = {since_s}
    for rule in _rules(entry):
        for moment in (getattr(rule, "start_time", None), getattr(rule, "end_time", None)):
            if isinstance(moment, time):
                of_day = _second_of_day(moment)
                if of_day // HOUR_S == since_s % 86_400 // HOUR_S:
                    edges.add(since_s + of_day % HOUR_S)
    return tuple(sorted(edges))


def _rules(entry: Any) -> Iterable[Any]:
    dated = entry.prices if isinstance(entry.prices, list) else []
    return [each.constraint for each in (*dated, *(entry.price_variants or ())) if each.constraint is not None]


def _second_of_day(moment: time) -> int:
    """In UTC; a time without a zone is UTC, as the list itself takes it."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    there = datetime.combine(date(1970, 1, 2), aware).astimezone(UTC)
    return there.hour * HOUR_S + there.minute * 60 + there.second


def _lender(snapshot: Any, owner: Any, entry: Any) -> str | None:
    """The provider from whose list the entry was borrowed, where the owner has none of its own."""
    if any(entry is own for own in owner.models):
        return None
    return next((other.id for other in snapshot.providers if any(entry is one for one in other.models)), "another")


def _card(owner: Any, lender: str | None, entry: Any, tier: PriceTier, since_s: int) -> RateCard | Unpriced:
    at = datetime.fromtimestamp(since_s, UTC)
    standard = entry.get_prices(at)
    found = standard if lender else entry.get_prices(at, CONTEXT[tier])  # a borrowed entry's variants are not lent
    charged = _rate(found.input_mtok)
    if charged is None:
        return Unpriced(f"{entry.id} at {owner.id} is in genai-prices without an input rate")
    fee = found.requests_kcount
    return RateCard(
        input=charged,
        output=_rate(found.output_mtok),
        cached=_rate(found.cache_read_mtok),
        reasoning=_rate(found.output_reasoning_mtok),
        request_usd=Decimal(0) if fee is None else fee / 1000,
        provider=owner.id,
        model=entry.id,
        listed=version(),
        as_of=at.strftime("%Y-%m-%dT%H:%MZ"),
        tier=tier,
        notes=tuple(_notes(owner.id, lender, tier, standard, found)),
    )


def _notes(owner: str, lender: str | None, tier: PriceTier, standard: Any, found: Any) -> Iterable[str]:
    if lender:
        yield f"{owner} lists no price of its own: {lender}'s is taken"
    if tier == "standard":
        return
    if found == standard:
        yield f"{tier}: context not priced, the standard rates are charged"
    elif found.cache_read_mtok is not None and found.cache_read_mtok == standard.cache_read_mtok:
        yield f"{tier}: no {tier} rate for cached input, the standard one is charged"


def _rate(price: Any) -> Rate | None:
    """A Decimal or genai-prices' tiered price as a Rate."""
    if price is None or isinstance(price, Decimal):
        return None if price is None else Rate(price)
    return Rate(price.base, tuple(RateStep(tier.start, tier.price) for tier in price.tiers))
