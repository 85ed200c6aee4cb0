"""At the end of a start: what its calls cost is kept with the run, before any price list changes."""

from __future__ import annotations

from edgebench.contracts import Store
from edgebench.metrics.freezing import frozen_rates
from edgebench.metrics.prices import load_prices
from edgebench.records import Run


def freeze(store: Store, run: Run) -> int:
    """Keep the rate cards of every hour of a run that has none yet; return how many the run has now."""
    rates = frozen_rates(run, load_prices(run.plan, run.rates))
    store.add_rates(run.id, rates)
    return len(rates)
