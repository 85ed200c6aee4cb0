"""The recorded example's decision, computed again in plain Python from its records: a front, a cascade, a break-even, a bill.

Nothing of ``metrics`` or ``decide`` takes part in the right-hand sides; only the records, the plan, and the figures
of the device profile and of the rate card that the run itself names.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import edgebench
from edgebench.records import Conclusion, Record, Run

EXAMPLE = Path(__file__).parents[2] / "reports" / "example"
PROFILES = Path(__file__).parents[2] / "profiles" / "devices"
YEAR_S, MONTH_DAYS, JOULES_PER_KWH = 31_557_600.0, 365.25 / 12, 3.6e6


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with tempfile.TemporaryDirectory() as folder, edgebench.open_store(Path(folder) / "example.db") as store:
        yield store.load(edgebench.import_bundle(store, EXAMPLE / "run.zip"))


@pytest.fixture(scope="module")
def found(run: Run) -> Conclusion:
    return edgebench.conclude(run)


@dataclass(frozen=True)
class Seen:
    """One request, read by hand."""

    item: str
    right: float
    ms: float | None  # None: failed
    cold: bool
    usd: float
    busy_s: float
    confidence: float | None


def by_hand(run: Run, arm: str) -> list[Seen]:
    """Every request of an arm."""
    trials = {trial.id: trial for trial in run.trials if trial.arm == arm}
    target = next(iter(trials.values())).target
    references = {item.digest: item.reference for item in run.workload.items}
    return [
        Seen(
            item=one.item_digest,
            right=float(one.answer is not None and one.answer.text.strip() == references[one.item_digest]),
            ms=None if one.done_ns is None else (one.done_ns - one.due_ns) / 1e6,
            cold=one.cold,
            usd=dollars(run, target, one),
            busy_s=busy(one),
            confidence=None if one.answer is None else one.answer.confidence,
        )
        for one in run.records
        if one.trial_id in trials
    ]


def busy(record: Record) -> float:
    return sum(
        max(call.done_ns or 0, call.end_ns or 0) - call.sent_ns for call in record.calls if call.sent_ns is not None
    ) / 1e9


def figures(name: str) -> Mapping[str, float]:
    content = yaml.safe_load((PROFILES / f"{name}.yaml").read_text(encoding="utf-8"))
    return {key: float(entry["value"]) for key, entry in content["figures"].items()}


def dollars(run: Run, target: str, record: Record) -> float:
    """gpt-4o-mini's list price for the stand-in (0.15 in, 0.60 out a million tokens); the laptop's profile else."""
    if run.identities[target].placement == "device":
        f = figures(run.plan.device or "")
        owned = f["price_usd"] * (1 - f["residual_fraction"]) * (1 + f["maintenance_fraction"])
        a_second = owned / (f["lifetime_years"] * YEAR_S * f["duty_cycle"])
        a_second += (f["active_w"] + f["idle_w"] * (1 / f["duty_cycle"] - 1)) * f["kwh_usd"] / JOULES_PER_KWH
        return a_second * busy(record)
    return sum(
        ((call.usage.input_tokens or 0) * 0.15 + (call.usage.output_tokens or 0) * 0.60) / 1e6
        for call in record.calls
        if call.usage is not None
    )


def quantile(values: Sequence[float], q: float) -> float:
    """The ⌈n·q⌉-th smallest."""
    return sorted(values)[math.ceil(q * len(values)) - 1]


def triple(seen: Sequence[Seen]) -> tuple[float, float, float]:
    """(−accuracy, p95 of the warm and answered, dollars per 1,000): all three better when lower."""
    times = [one.ms for one in seen if one.ms is not None and not one.cold]
    right = sum(one.right for one in seen) / len(seen)
    return -right, quantile(times, 0.95), 1000 * sum(one.usd for one in seen) / len(seen)


def beats(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))
