"""Cost: what 1,000 requests cost, as a sum of parts, each with where it comes from.

By tokens (a hosted API, or rates written in the plan: ``token_cost``) or by a device's busy seconds (``device_cost``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgebench import catalog
from edgebench.errors import UsageError
from edgebench.metrics.charges import Charges, absent
from edgebench.metrics.device_cost import by_device
from edgebench.metrics.devices import load_device
from edgebench.metrics.prices import PriceBook
from edgebench.metrics.token_cost import by_tokens
from edgebench.records import Identity, Plan, Record, TargetSpec


def charge(
    plan: Plan,
    book: PriceBook,
    spec: TargetSpec,
    identity: Identity,
    records: Sequence[Record],
    sent_at_s: Sequence[float],
    busy_s: NDArray[np.float64],
) -> Charges:
    """What an arm's records cost; absent, with the reason, where nobody knows a price.

    ``sent_at_s``: wall-clock seconds of each record's sending, where its calls do not say; ``busy_s``: seconds each
    record kept the device busy.
    """
    declared = spec.price is not None
    has_rates = identity.placement == "hosted" or (spec.price is not None and spec.price.input_per_million is not None)
    if identity.placement == "stand-in" and not declared:
        return absent(records, "a stand-in is not billed; give it a `price:` to see what a real API would cost")
    if has_rates or identity.placement == "stand-in":
        return by_tokens(book, spec, identity, records, sent_at_s)
    name = spec.device or plan.device
    if name is None:
        known = ", ".join(catalog.names("devices"))
        return absent(records, f"no device profile: add `device: NAME` to the plan (known: {known})")
    try:
        return by_device(load_device(name), busy_s)
    except UsageError as exc:
        return absent(records, f"{exc}; {exc.hint}" if exc.hint else str(exc))
