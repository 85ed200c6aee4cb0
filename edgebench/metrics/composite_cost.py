"""What an arm costs whose target is made of others (a cascade): the sum of what each of its parts costs.

Every call says which part answered it. A part's calls are charged by that part's own spec and identity: tokens at its
rates, or the seconds they kept its device busy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgebench.metrics.charges import Charges, absent, least_firm
from edgebench.metrics.cost import charge
from edgebench.metrics.prices import PriceBook
from edgebench.metrics.till import NOT_BILLED
from edgebench.metrics.token_cost import MOST_UNPRICED
from edgebench.records import Call, Cost, Identity, Record, Run, TargetSpec

Busy = Callable[[Sequence[Record]], NDArray[np.float64]]


def charge_parts(
    run: Run,
    book: PriceBook,
    target: str,
    records: Sequence[Record],
    sent_at_s: Sequence[float],
    busy: Busy,
    metered_j: NDArray[np.float64] | None = None,
) -> Charges:
    """What an arm's records cost, whoever answered their calls; absent, with the reason, where a part has no price.

    ``sent_at_s``: wall-clock seconds of each record's sending, where its calls do not say; ``busy``: seconds each of
    some records kept its target busy; ``metered_j``: joules of each record, where a meter gave them. Of what is made of
    parts nobody knows which part drew them.
    """

    def one(
        name: str, some: Sequence[Record], sent: Sequence[float], joules: NDArray[np.float64] | None = None
    ) -> Charges:
        identity = run.identities.get(name) or Identity(name=name, kind="", placement="device")
        spec = run.plan.targets.get(name) or TargetSpec(kind=identity.kind)
        return charge(run.plan, book, spec, identity, some, sent, busy(some), joules)

    names = parts_of(records)
    if not names:
        return one(target, records, sent_at_s, metered_j)
    of = {name: one(name, _only(records, name), sent_at_s) for name in names}
    lost = [sum(map(_lost, record.calls)) for record in records]
    usd = np.sum([part.usd for part in of.values()], axis=0) + np.where(np.array(lost) > 0, np.nan, 0.0)
    cost = _together(of, sum(lost))
    whole = np.flatnonzero(np.isfinite(usd)).tolist()
    if cost.why_absent is None and not len(whole):
        cost = replace(cost, parts=(), why_absent="no request was priced whole")
    if cost.why_absent is not None:
        return replace(absent(records, cost.why_absent, cost.source), cost=cost, of=of)
    if len(whole) < len(records):  # parts are of the requests that are in the mean, and of no others
        kept, sent = [records[place] for place in whole], [sent_at_s[place] for place in whole]
        again = _together({name: one(name, _only(kept, name), sent) for name in names}, 0)
        cost = replace(cost, parts=again.parts)
    notes = [f"{name}: {part.note}" for name, part in of.items() if part.note]
    firm = least_firm(part.provenance for part in of.values())
    return Charges(usd, cost, firm, "Σ over the parts that were called", "; ".join(notes) or None, of=of)


def parts_of(records: Sequence[Record]) -> tuple[str, ...]:
    """The targets that answered calls of these records for another; empty: each record's own target answered."""
    return tuple(dict.fromkeys(call.target for record in records for call in record.calls if call.target is not None))


def _only(records: Sequence[Record], name: str) -> list[Record]:
    """The records, each with the calls of one part alone."""
    return [replace(one, calls=tuple(call for call in one.calls if call.target == name)) for one in records]


def _lost(call: Call) -> bool:
    """Whether a call says of no part that it answered, and may have been billed all the same."""
    return call.target is None and (call.failure is None or call.failure.kind not in NOT_BILLED)


def _together(of: Mapping[str, Charges], lost: int) -> Cost:
    """The parts of a cost under their targets' names; ``lost``: calls of which nobody knows who answered."""
    unpriced = lost + sum(part.cost.unpriced for part in of.values())
    priced = sum(part.cost.priced for part in of.values())
    why = next((f"{name}: {part.cost.why_absent}" for name, part in of.items() if part.cost.why_absent), None)
    if why is None and unpriced > MOST_UNPRICED * (priced + unpriced):
        why = f"unpriced: {unpriced} of {priced + unpriced} calls ({lost} of them say of no part that it answered)"
    return Cost(
        parts=() if why else tuple(
            replace(part, name=f"{name}: {part.name}") for name, each in of.items() for part in each.cost.parts
        ),
        source={f"{name}: {key}": value for name, each in of.items() for key, value in each.cost.source.items()},
        unpriced=unpriced,
        priced=priced,
        why_absent=why,
    )  # fmt: skip
