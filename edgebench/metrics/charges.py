"""Charges: what an arm's records cost, however that was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from edgebench.metrics.devices import DeviceProfile
from edgebench.records import Cost, Provenance, Record
from edgebench.sourced import Figure

THOUSAND = Decimal(1000)
_FIRMNESS: tuple[Provenance, ...] = ("stand-in", "projected", "estimated", "declared", "measured")


@dataclass(frozen=True)
class Charges:
    """Dollars of every record of an arm (NaN where unpriced), and their sum by part."""

    usd: NDArray[np.float64]
    cost: Cost
    provenance: Provenance = "declared"
    method: str = ""
    note: str | None = None
    device: DeviceProfile | None = None  # one's own, with what the plan and a meter say above its profile
    machine: DeviceProfile | None = None  # the same, or the one that is rented by the hour (``device`` None)
    watts: Figure | None = None  # of a device while busy
    of: Mapping[str, Charges] = field(default_factory=dict)  # of a target made of others: each part's own


def least_firm(found: Iterable[Provenance]) -> Provenance:
    """A sum is no firmer than its least firm part."""
    return min(found, key=_FIRMNESS.index)


def absent(records: Sequence[Record], why: str, source: Mapping[str, str] | None = None, priced: int = 0) -> Charges:
    """No price, and why; ``priced``: calls that had one all the same."""
    calls = sum(len(record.calls) for record in records)
    return Charges(np.full(len(records), np.nan), Cost((), source or {}, calls - priced, priced, why))
