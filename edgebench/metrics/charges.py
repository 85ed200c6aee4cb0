"""Charges: what an arm's records cost, however that was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from edgebench.metrics.devices import DeviceProfile
from edgebench.records import Cost, Provenance, Record

THOUSAND = Decimal(1000)


@dataclass(frozen=True)
class Charges:
    """Dollars of every record of an arm (NaN where unpriced), and their sum by part."""

    usd: NDArray[np.float64]
    cost: Cost
    provenance: Provenance = "declared"
    method: str = ""
    note: str | None = None
    device: DeviceProfile | None = None
    usd_per_busy_s: float | None = None  # of a device: all parts together


def absent(records: Sequence[Record], why: str, source: Mapping[str, str] | None = None, priced: int = 0) -> Charges:
    """No price, and why; ``priced``: calls that had one all the same."""
    calls = sum(len(record.calls) for record in records)
    return Charges(np.full(len(records), np.nan), Cost((), source or {}, calls - priced, priced, why))
