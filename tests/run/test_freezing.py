"""A start of a run ends by keeping what its calls cost."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from edgebench.records import Plan, PriceSpec, TargetSpec, WorkloadSpec
from edgebench.run.execute import execute
from edgebench.run.freezing import freeze
from edgebench.store import open_store


def test_a_run_ends_with_its_rates_frozen(tmp_path: Path) -> None:
    """Of the target billed by the token, whatever its list says later; of the other, none; again, nothing new."""
    priced = PriceSpec(provider="openai", model="gpt-4o-mini")
    options = {"latency_ms": 0.0, "spread": 0.0}
    plan = Plan(
        question="What did it cost?",
        workload=WorkloadSpec(builtin="support-triage", items=8),
        targets={
            "seat": TargetSpec(kind="fake", placement="stand-in", price=priced, options=options),
            "edge": TargetSpec(kind="fake", placement="device", options=options),
        },
        blocks=1,
    )
    with open_store(tmp_path / "runs.db") as store:
        run_id = execute(plan, store=store, certify=False).run_id
        run = store.load(run_id)
        assert {rate.target for rate in run.rates} == {"seat"} and 1 <= len(run.rates) <= 2  # 2: over a full hour
        card = run.rates[0].card
        assert card is not None and (card.provider, card.input.usd) == ("openai", Decimal("0.15"))
        assert freeze(store, store.load(run_id)) == len(run.rates) and store.load(run_id).rates == run.rates
