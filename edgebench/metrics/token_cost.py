"""What tokens cost: Σ over all calls of a request, retries and failed calls included, of tokens × rate.

Calls the provider refused at the door are not billed; a call that failed later without token counts may have been, so
it is *unpriced*, never free, and its request is left out of the mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from edgebench.metrics.charges import THOUSAND, Charges, absent
from edgebench.metrics.prices import PriceBook, RateCard, Unpriced
from edgebench.records import Call, Cost, CostPart, Identity, Provenance, Record, TargetSpec

NOT_BILLED = frozenset(  # the request never got as far as a model
    {"refused", "unauthorized", "rate_limited", "not_found", "bad_request", "server_error"}
)
MOST_UNPRICED = 0.05  # more unpriced calls than this, and the mean of the others no longer stands for all


def by_tokens(
    book: PriceBook, spec: TargetSpec, identity: Identity, records: Sequence[Record], sent_at_s: Sequence[float]
) -> Charges:
    usd = np.full(len(records), np.nan)
    sums: dict[str, Decimal] = {}
    cards: dict[RateCard, list[float]] = {}
    reasons: Counter[str] = Counter()
    priced = billed = counted = 0
    for place, record in enumerate(records):
        parts: dict[str, Decimal] = {}
        whole = True
        for call in record.calls:
            at_s = call.wall_s if call.wall_s is not None else sent_at_s[place]
            charged = _one(book, spec, identity, call, at_s, cards)
            if isinstance(charged, Unpriced):
                reasons[charged.why] += 1
                whole = False
                continue
            priced, billed = priced + 1, billed + bool(charged)
            for name, dollars in charged.items():
                parts[name] = parts.get(name, Decimal(0)) + dollars
        if whole:
            usd[place], counted = float(sum(parts.values())), counted + 1
            for name, dollars in parts.items():
                sums[name] = sums.get(name, Decimal(0)) + dollars
    unpriced = sum(reasons.values())
    source = _card_source(cards, spec, identity)
    if not billed or unpriced > MOST_UNPRICED * (priced + unpriced):
        return absent(records, _why(reasons, unpriced, priced + unpriced), source, priced)
    provenance: Provenance = "stand-in" if identity.placement == "stand-in" else next(iter(cards)).provenance
    explain = "; ".join(dict.fromkeys(card.rates() for card in cards))  # cards differ by the minute, rates seldom
    kept = tuple(
        CostPart(name, total / counted * THOUSAND, provenance, explain) for name, total in sums.items() if total
    )
    note = f"unpriced: {unpriced} of {priced + unpriced} calls, their requests left out" if unpriced else None
    if provenance == "stand-in":
        note = "; ".join(filter(None, (f"priced as {source['model']} at {source['provider']}", note)))
    return Charges(usd, Cost(kept, source, unpriced, priced), provenance, "tokens × rate", note)


def _one(
    book: PriceBook,
    spec: TargetSpec,
    identity: Identity,
    call: Call,
    at_s: float,
    cards: dict[RateCard, list[float]],
) -> Mapping[str, Decimal] | Unpriced:
    if call.failure is not None and call.usage is None:
        if call.failure.kind in NOT_BILLED:
            return {}
        return Unpriced(f"failed ({call.failure.kind}) without token counts, perhaps billed")
    card = book.card(spec, identity, call, at_s)
    if isinstance(card, Unpriced):
        return card
    cards.setdefault(card, []).append(at_s)
    return card.charge(call)


def _why(reasons: Counter[str], unpriced: int, calls: int) -> str:
    if not unpriced:
        return "no call was answered, so none was billed" if calls else "no calls"
    return f"unpriced: {unpriced} of {calls} calls ({reasons.most_common(1)[0][0]})"


def _card_source(cards: Mapping[RateCard, Sequence[float]], spec: TargetSpec, identity: Identity) -> dict[str, str]:
    """The rate cards that were used, frozen into the conclusion."""
    asked = (spec.price.model if spec.price else None) or spec.model or identity.model
    if not cards:
        return {"asked": asked}
    times = [at for used in cards.values() for at in used]
    first, last = (datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ") for at in (min(times), max(times)))
    return {
        "asked": asked,
        "provider": _joined(card.provider for card in cards),
        "model": _joined(card.model for card in cards),
        "list": _joined(card.listed for card in cards),
        "as_of": _joined([min(card.as_of for card in cards), max(card.as_of for card in cards)]),
        "sent": _joined([first, last]),
        "rates": _joined(card.rates() for card in cards),
        "tier": "standard (no batch, flex or priority discount asked for)",
    }


def _joined(words: Iterable[str]) -> str:
    return " … ".join(dict.fromkeys(word for word in words if word))
