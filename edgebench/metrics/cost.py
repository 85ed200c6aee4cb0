"""Cost: what 1,000 requests cost, as a sum of parts, each with where it comes from.

By tokens (a hosted API, or rates written in the plan: ``token_cost``) or by the busy seconds of a machine, one's own or
rented (``device_cost``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgebench import catalog
from edgebench.errors import UsageError
from edgebench.metrics.charges import Charges, absent
from edgebench.metrics.device_cost import FREE, by_device, rented
from edgebench.metrics.devices import load_device
from edgebench.metrics.prices import PriceBook
from edgebench.metrics.token_cost import by_tokens
from edgebench.records import Identity, Plan, PriceSpec, Record, TargetSpec


def charge(
    plan: Plan,
    book: PriceBook,
    spec: TargetSpec,
    identity: Identity,
    records: Sequence[Record],
    sent_at_s: Sequence[float],
    busy_s: NDArray[np.float64],
    metered_j: NDArray[np.float64] | None = None,
) -> Charges:
    """What an arm's records cost; absent, with the reason, where nobody knows a price.

    ``sent_at_s``: wall-clock seconds of each record's sending, where its calls do not say; ``busy_s``: seconds each
    record kept the device busy; ``metered_j``: joules of each, where a meter gave them. What runs on a device is never
    free, but by ``costs.marginal_only``.
    """
    if billed_by_token(spec, identity):
        found = by_tokens(book, spec, identity, records, sent_at_s)
        free = identity.placement == "device" and not any(part.usd_per_1k for part in found.cost.parts)
        return absent(records, FREE, found.cost.source) if free and found.cost.why_absent is None else found
    if spec.price is not None and spec.price.usd_per_hour is not None:
        return _by_rent(plan, spec, identity, records, busy_s)
    if identity.placement == "stand-in":
        return absent(records, "a stand-in is not billed; give it a `price:` to see what a real API would cost")
    name = spec.device or plan.device
    if name is None:
        known = ", ".join(catalog.names("devices"))
        return absent(records, f"no device profile: add `device: NAME` to the plan (known: {known})")
    try:
        return by_device(load_device(name), busy_s, plan.costs, metered_j)
    except UsageError as exc:
        return absent(records, f"{exc}; {exc.hint}" if exc.hint else str(exc))


def _by_rent(
    plan: Plan, spec: TargetSpec, identity: Identity, records: Sequence[Record], busy_s: NDArray[np.float64]
) -> Charges:
    """A machine rented at the price of the plan, as busy as the plan or its device profile says."""
    name = spec.device or plan.device
    try:
        machine = rented(spec.price or PriceSpec(), plan.costs, None if name is None else load_device(name))
    except UsageError as exc:
        return absent(records, f"{exc}; {exc.hint}" if exc.hint else str(exc))
    if machine is None:
        return absent(
            records, "a rented machine costs the same, busy or not: say how busy it is (costs: {duty_cycle: 0.1})"
        )
    found = by_device(machine, busy_s, plan.costs)
    if identity.placement != "stand-in" or found.cost.why_absent is not None:
        return found
    parts = tuple(replace(part, provenance="stand-in") for part in found.cost.parts)
    return replace(found, provenance="stand-in", cost=replace(found.cost, parts=parts))


def billed_by_token(spec: TargetSpec, identity: Identity) -> bool:
    """Whether tokens are what a target costs: it is an API, stands in for one at a price, or has rates in the plan."""
    if spec.price is not None and spec.price.usd_per_hour is not None:
        return False  # a rented machine
    if identity.placement == "device":
        return spec.price is not None and spec.price.input_per_million is not None
    return identity.placement == "hosted" or spec.price is not None
