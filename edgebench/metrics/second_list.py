"""A second price list beside the public one: where the two disagree, one of them is wrong.

Read are our own price files and litellm's ``model_prices_and_context_window.json``, whose rates are dollars per token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from edgebench.errors import DataError
from edgebench.metrics.listed import HOUR_S, listed, provider_called, providers_of
from edgebench.metrics.price_files import MOST_USD, read_prices
from edgebench.metrics.prices import at
from edgebench.metrics.rate_cards import MILLION, Unpriced
from edgebench.records import RateCard

SAME = Decimal("0.005")  # rates closer than this share of the list's agree

_OURS = {
    "input_per_million": "input",
    "output_per_million": "output",
    "cached_input_per_million": "cached input",
    "reasoning_per_million": "reasoning",
}
_LITELLM = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached input",
    "output_cost_per_reasoning_token": "reasoning",
}


@dataclass(frozen=True, slots=True)
class Quote:
    """What the second list says of one model."""

    model: str
    provider: str | None
    rates: Mapping[str, Decimal]  # "input", "output", … → dollars per million tokens


@dataclass(frozen=True, slots=True)
class Difference:
    """One rate on which the two lists are more than half a per cent apart."""

    rate: str
    quoted: Decimal
    listed: Decimal
    share: Decimal | None  # quoted / listed − 1; None: the list says it is free


@dataclass(frozen=True, slots=True)
class Compared:
    """One model of the second list beside the public one."""

    model: str
    provider: str
    verdict: Literal["agree", "disagree", "absent"]
    matched: str = ""  # the public list's entry
    why: str = ""  # of absence
    differences: tuple[Difference, ...] = ()


def read_second(file: Path) -> tuple[Quote, ...]:
    """Every model with a rate by the token of a price file (YAML) or of litellm's list (JSON).

    Raises
    ------
    DataError: neither of the two, or a rate that is no price.
    """
    if file.suffix != ".json":
        return tuple(
            Quote(model, entry.get("provider"), {name: entry[key] for key, name in _OURS.items() if key in entry})
            for model, entry in read_prices(file).items()
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
    except OSError as exc:
        raise DataError(f"{file}: cannot be read: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:
        raise DataError(f"{file}: is not JSON: {exc}") from exc
    entries = content if isinstance(content, dict) else {}
    quotes = tuple(
        _litellm(file, model, entry)
        for model, entry in entries.items()
        if isinstance(entry, dict) and "input_cost_per_token" in entry and model != "sample_spec"
    )
    if not quotes:
        raise DataError(
            f"{file}: holds no model with an `input_cost_per_token`",
            hint="a price file of ours (.yaml), or litellm's model_prices_and_context_window.json",
        )
    return quotes


def compared(quotes: tuple[Quote, ...], moment: datetime, provider: str | None = None) -> Iterator[Compared]:
    """Each model beside the public list at that moment; ``provider``: of models that name none.

    Raises
    ------
    MissingExtra: genai-prices is not installed.
    """
    for quote in quotes:
        named = quote.provider or provider
        card = _card(quote.model, named, moment)
        if isinstance(card, Unpriced):
            yield Compared(quote.model, named or "", "absent", why=card.why)
            continue
        apart = tuple(_apart(quote, card))
        yield Compared(quote.model, card.provider, "disagree" if apart else "agree", card.model, differences=apart)


def _litellm(file: Path, model: str, entry: Mapping[str, Any]) -> Quote:
    provider = str(entry.get("litellm_provider") or "") or None
    rates = {}
    for key, name in _LITELLM.items():
        value = entry.get(key)
        if value is None:
            continue
        if not isinstance(value, Decimal) or not 0 <= value <= MOST_USD:
            raise DataError(f"{file}: {model}: {key}: {str(value)[:40]!r} is not a price")
        rates[name] = value * MILLION
    return Quote(model.removeprefix(f"{provider}/"), provider, rates)


def _card(model: str, named: str | None, moment: datetime) -> RateCard | Unpriced:
    """The public list's card at the provider named, or at the only one that lists the model."""
    owners = providers_of(model) if named is None else ()
    owner = provider_called(named) if named else owners[0] if len(owners) == 1 else None
    if owner is None:
        return Unpriced(f"no provider is called {named!r}" if named else f"{len(owners)} providers list it: name one")
    at_s = moment.timestamp()
    return at(listed(model, owner, None, "standard", int(at_s // HOUR_S)), at_s)


def _apart(quote: Quote, card: RateCard) -> Iterator[Difference]:
    known = {"input": card.input, "output": card.output, "cached input": card.cached, "reasoning": card.reasoning}
    for name, quoted in quote.rates.items():
        rate = known[name]
        if rate is None:
            continue
        if abs(quoted - rate.usd) > SAME * rate.usd:
            yield Difference(name, quoted, rate.usd, quoted / rate.usd - 1 if rate.usd else None)
