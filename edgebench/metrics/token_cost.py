"""What tokens cost: Σ over all calls of a request, retries and failed calls included, of tokens × rate.

Calls the provider refused at the door are not billed; a call that failed later without token counts may have been, so
it is *unpriced*, never free, and its request is left out of the mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from edgebench.metrics.charges import THOUSAND, Charges, absent
from edgebench.metrics.prices import PriceBook
from edgebench.metrics.rate_cards import in_words
from edgebench.metrics.till import Till
from edgebench.records import Cost, CostPart, Identity, Provenance, Record, TargetSpec

MOST_UNPRICED = 0.05  # more unpriced calls than this, and the mean of the others no longer stands for all


def by_tokens(
    book: PriceBook, spec: TargetSpec, identity: Identity, records: Sequence[Record], sent_at_s: Sequence[float]
) -> Charges:
    """What records cost whose target is billed by the token; ``sent_at_s`` where a call does not say when it left."""
    till = Till(book, spec, identity)
    usd = np.array([till.ring_up(one, sent_s) for one, sent_s in zip(records, sent_at_s, strict=True)], dtype=float)
    unpriced, source = till.unpriced, till.source()
    if not till.billed or unpriced > MOST_UNPRICED * (till.priced + unpriced):
        return absent(records, _why(till.reasons, unpriced, till.priced + unpriced), source, till.priced)
    cards, counted = till.cards(), int(np.isfinite(usd).sum())
    provenance: Provenance = "stand-in" if identity.placement == "stand-in" else cards[0].provenance
    explain = "; ".join(dict.fromkeys(in_words(card) for card in cards))  # cards differ by the hour, rates seldom
    parts = tuple(
        CostPart(name, total / counted * THOUSAND, provenance, explain) for name, total in till.totals().items()
    )
    notes = till.notes()
    if unpriced:
        notes.append(f"unpriced: {unpriced} of {till.priced + unpriced} calls, their requests left out")
    if provenance == "stand-in":
        notes.insert(0, f"priced as {source['model']} at {source['provider']}")
    cost = Cost(parts, source, unpriced, till.priced)
    return Charges(usd, cost, provenance, "tokens × rate", "; ".join(notes) or None)


def _why(reasons: Counter[str], unpriced: int, calls: int) -> str:
    if not unpriced:
        return "no call was answered, so none was billed" if calls else "no calls"
    return f"unpriced: {unpriced} of {calls} calls ({reasons.most_common(1)[0][0]})"
