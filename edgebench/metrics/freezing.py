"""Freezing: the rate card of every hour in which a call was made, so that what a run cost never changes.

A list that could not be read here (a package or a file that is missing) is not frozen: elsewhere it may be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from edgebench.metrics.cost import billed_by_token
from edgebench.metrics.listed import HOUR_S, Hour
from edgebench.metrics.prices import PriceBook
from edgebench.metrics.rate_cards import Unpriced
from edgebench.records import FrozenRate, Run

Place = tuple[str, str, int]  # target, the model as the answer named it, hour since 1970


def frozen_rates(run: Run, book: PriceBook) -> tuple[FrozenRate, ...]:
    """What the tokens of every call of a run cost by this book, each card once, in the order of time."""
    found = []
    for target, served_model, hour in sorted(set(places(run))):
        spec, identity = run.plan.targets[target], run.identities[target]
        of_hour = book.hour(spec, identity, served_model or None, hour)
        if all(card.settled for _, card in of_hour if isinstance(card, Unpriced)):
            found += list(_frozen(target, served_model, of_hour))
    return tuple(found)


def places(run: Run) -> Iterator[Place]:
    """Where and when tokens were bought: of every call whose target is billed by the token."""
    target_of = {trial.id: trial.target for trial in run.trials}
    started = {one.id: datetime.fromisoformat(one.started_at).timestamp() for one in run.segments}
    created_s = datetime.fromisoformat(run.created_at).timestamp()
    billed = {
        name
        for name, identity in run.identities.items()
        if name in run.plan.targets and billed_by_token(run.plan.targets[name], identity)
    }
    for record in run.records:
        sent_s = started.get(record.segment_id, created_s)
        for call in record.calls:
            target = call.target or target_of[record.trial_id]
            if target in billed:
                at_s = sent_s if call.wall_s is None else call.wall_s
                yield target, call.served_model or "", int(at_s // HOUR_S)


def _frozen(target: str, served_model: str, hour: Hour) -> Iterator[FrozenRate]:
    for since_s, card in hour:
        if isinstance(card, Unpriced):
            yield FrozenRate(target, served_model, since_s, None, card.why)
        else:
            yield FrozenRate(target, served_model, since_s, card)
