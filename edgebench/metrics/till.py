"""The till: where one target's calls are rung up, rate card by rate card.

Tokens are counted per card and length of context and multiplied once, so the totals are exact decimals however many
calls there are; what a single request cost is a float, for statistics.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from edgebench.metrics.listed import CONTEXT, HOUR_S
from edgebench.metrics.prices import PriceBook
from edgebench.metrics.rate_cards import Quantities, Unpriced, bought, dollars, in_words, prices, starts, step_of
from edgebench.records import Call, Identity, RateCard, Record, TargetSpec

NOT_BILLED = frozenset(  # the request never got as far as a model
    {"refused", "unauthorized", "rate_limited", "not_found", "bad_request", "server_error"}
)
_UNITS: tuple[Quantities, ...] = ((1, 0, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 1, 0, 0), (0, 0, 0, 1, 0), (0, 0, 0, 0, 1))


@dataclass(slots=True)
class _Context:
    """One rate card in one length of context: its rates, and what was bought at them so far."""

    rates: tuple[Decimal, ...]
    usd_each: tuple[float, ...]  # of one token, and of one request
    count: list[int] = field(default_factory=lambda: [0, 0, 0, 0, 0])


class _Used:
    """One rate card in use, between its first and its last call."""

    def __init__(self, card: RateCard) -> None:
        self.card, self.starts = card, starts(card)
        self.contexts: dict[int, _Context] = {}
        self.first_s, self.last_s = math.inf, -math.inf

    def context(self, input_tokens: int, at_s: float) -> _Context:
        self.first_s, self.last_s = min(self.first_s, at_s), max(self.last_s, at_s)
        step = step_of(self.starts, input_tokens)
        if step not in self.contexts:
            rates = prices(self.card, input_tokens)
            each = tuple(float(sum(dollars(unit, rates).values())) for unit in _UNITS)
            self.contexts[step] = _Context(rates, each)
        return self.contexts[step]


_Bill = list[tuple[_Context, Quantities]]  # what is due for one request, call by call


class Till:
    """Rings up the calls of one target."""

    def __init__(self, book: PriceBook, spec: TargetSpec, identity: Identity) -> None:
        self._book, self._spec, self._identity = book, spec, identity
        self._hours: dict[tuple[str | None, int], list[tuple[int, _Used | Unpriced]]] = {}
        self._cards: dict[RateCard, _Used] = {}
        self.reasons: Counter[str] = Counter()  # why calls are unpriced → how many
        self.priced = self.billed = 0  # calls

    @property
    def unpriced(self) -> int:
        return sum(self.reasons.values())

    def ring_up(self, record: Record, sent_s: float) -> float:
        """Dollars of one request; NaN when one of its calls has no price, and then none of them is in the totals.

        ``sent_s``: wall-clock seconds, where a call does not say when it left.
        """
        bill: _Bill = []
        why = [self._charge(call, sent_s if call.wall_s is None else call.wall_s, bill) for call in record.calls]
        if lost := [one for one in why if one is not None]:
            self.reasons.update(lost)
            return math.nan
        usd = 0.0
        for context, quantities in bill:
            for part, count in enumerate(quantities):
                context.count[part] += count
                usd += count * context.usd_each[part]
        return usd

    def cards(self) -> list[RateCard]:
        """The cards that priced something, in the order of their first use."""
        return [used.card for used in self._in_use()]

    def totals(self) -> dict[str, Decimal]:
        """Part → dollars, exact; parts that cost nothing are left out."""
        sums: dict[str, Decimal] = {}
        for context in (context for used in self._in_use() for context in used.contexts.values()):
            for name, usd in dollars(tuple(context.count), context.rates).items():
                sums[name] = sums.get(name, Decimal(0)) + usd
        return sums

    def notes(self) -> list[str]:
        """What was charged otherwise than a reader would think."""
        said = [note for card in self.cards() for note in card.notes]
        plain = [used for used in self._in_use() if used.card.cached is None]
        cached = sum(context.count[1] for used in plain for context in used.contexts.values())
        if cached:
            said.append(f"no rate for cached input: {cached:,} cached tokens are charged as input")
        return list(dict.fromkeys(said))

    def source(self) -> dict[str, str]:
        """The rate cards that were used, written into the conclusion."""
        spec, cards = self._spec, self.cards()
        asked = (spec.price.model if spec.price else None) or spec.model or self._identity.model
        if not cards:
            return {"asked": asked}
        first_s, last_s = (min(one.first_s for one in self._in_use()), max(one.last_s for one in self._in_use()))
        source = {
            "asked": asked,
            "provider": _joined(card.provider for card in cards),
            "model": _joined(card.model for card in cards),
            "list": _joined(card.listed for card in cards),
            "as_of": _joined([min(card.as_of for card in cards), max(card.as_of for card in cards)]),
            "sent": _joined(datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ") for at in (first_s, last_s)),
            "rates": _joined(in_words(card) for card in cards),
            "tier": _joined(_tier(card) for card in cards),
        }
        notes = self.notes()
        return {**source, "note": "; ".join(notes)} if notes else source

    def _charge(self, call: Call, at_s: float, bill: _Bill) -> str | None:
        """Put what a call is billed for on the bill; returns why it has no price."""
        if call.failure is not None and call.usage is None:
            if call.failure.kind not in NOT_BILLED:
                return f"failed ({call.failure.kind}) without token counts, perhaps billed"
            self.priced += 1
            return None
        used = self._card(call.served_model, at_s)
        if isinstance(used, Unpriced):
            return used.why
        quantities = bought(used.card, call.usage)
        if isinstance(quantities, Unpriced):
            return quantities.why
        self.priced, self.billed = self.priced + 1, self.billed + 1
        bill.append((used.context(quantities[0] + quantities[1], at_s), quantities))
        return None

    def _card(self, served_model: str | None, at_s: float) -> _Used | Unpriced:
        key = (served_model, int(at_s // HOUR_S))
        if key not in self._hours:
            hour = self._book.hour(self._spec, self._identity, *key)
            self._hours[key] = [(since_s, self._use(card)) for since_s, card in reversed(hour)]
        stretches = self._hours[key]
        return next((one for since_s, one in stretches if since_s <= at_s), stretches[-1][1])

    def _use(self, card: RateCard | Unpriced) -> _Used | Unpriced:
        return card if isinstance(card, Unpriced) else self._cards.setdefault(card, _Used(card))

    def _in_use(self) -> list[_Used]:
        return [used for used in self._cards.values() if used.contexts]


def _tier(card: RateCard) -> str:
    if card.tier == "standard":
        return "standard (no batch, flex or priority discount asked for)"
    asked = ", ".join(f"{name}={value}" for name, value in CONTEXT[card.tier].items())
    return f"{card.tier} ({asked})"


def _joined(words: Iterable[str]) -> str:
    return " … ".join(dict.fromkeys(word for word in words if word))
