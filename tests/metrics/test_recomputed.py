"""Accuracy, p50, p95 and cost of a stored run, recomputed from its records in plain Python, without ``metrics``."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from edgebench.metrics.summary import summarise
from edgebench.records import Call, Record, Run
from tests import builders

ARMS = {
    "tiny": builders.Arm(accuracy=0.7, median_ms=20, failure_rate=0.05),
    "api": builders.Arm(accuracy=0.9, median_ms=300, placement="hosted", kind="openai", model="gpt-4o-mini"),
}


def recorded() -> Run:
    run = builders.run(ARMS, items=240, seed=3, device="pi-5-8gb")
    return replace(run, records=tuple(map(_cached, run.records)))


def _cached(record: Record) -> Record:
    """Some input tokens cached, so that they could be counted twice."""

    def call(one: Call) -> Call:
        return replace(one, usage=replace(one.usage, cached_tokens=40)) if one.usage else one

    return replace(record, calls=tuple(call(one) for one in record.calls))


def arm_records(run: Run, target: str) -> list[Record]:
    trials = {trial.id for trial in run.trials if trial.target == target}
    return [record for record in run.records if record.trial_id in trials]


@pytest.mark.parametrize("target", list(ARMS))
def test_accuracy_and_latency_are_what_the_records_say(target: str) -> None:
    """Right answers over all requests; the ⌈n·q⌉-th smallest done − due of the answered, cold ones left out."""
    run = recorded()
    references = {item.digest: item.reference for item in run.workload.items}
    records = arm_records(run, target)
    right = sum(one.answer is not None and one.answer.text == references[one.item_digest] for one in records)
    times = sorted(
        (one.done_ns - one.due_ns) / 1e6 for one in records if one.done_ns is not None and not one.cold
    )  # fmt: skip
    found = next(arm for arm in summarise(run).arms if arm.target == target).estimates
    assert found["accuracy"].value == pytest.approx(right / len(records), abs=1e-12)
    for metric, share in (("p50_ms", 0.5), ("p95_ms", 0.95)):
        assert found[metric].value == pytest.approx(times[math.ceil(share * len(times)) - 1], abs=1e-9)
        assert found[metric].n == len(times)


def test_the_bill_of_an_api_is_tokens_times_list_price() -> None:
    """gpt-4o-mini: $0.15 in, $0.075 cached, $0.60 out a million tokens; cached tokens are part of the input."""
    run = recorded()
    dollars = Decimal(0)
    for record in arm_records(run, "api"):
        for call in record.calls:
            assert call.usage is not None
            dollars += (100 - 40) * Decimal("0.15") + 40 * Decimal("0.075") + 3 * Decimal("0.60")
    arm = next(arm for arm in summarise(run).arms if arm.target == "api")
    per_1k = dollars / 1_000_000 / 240 * 1000
    assert arm.estimates["usd_per_1k"].value == pytest.approx(float(per_1k), rel=1e-12)
    assert arm.cost is not None and sum(part.usd_per_1k for part in arm.cost.parts) == per_1k
    assert arm.cost.source["model"] == "gpt-4o-mini" and arm.cost.source["provider"] == "openai"
    assert arm.cost.source["list"].startswith("genai-prices ")


def test_the_bill_of_a_device_is_its_formula() -> None:
    """Purchase, active and idle energy per busy second, failed requests' time included."""
    run = recorded()
    spans = [
        (call.end_ns - call.sent_ns) / 1e9
        for record in arm_records(run, "tiny")
        for call in record.calls
        if call.sent_ns is not None and call.end_ns is not None
    ]
    busy = sum(spans) / len(spans)
    price, years, duty, active, idle, kwh = 165, 3, 0.10, 12.5, 3.0, 0.17
    purchase = price * 1.05 / (years * 365.25 * 86400 * duty) * busy
    energy = (active * busy + idle * (busy / duty - busy)) / 3.6e6 * kwh
    arm = next(arm for arm in summarise(run).arms if arm.target == "tiny")
    assert arm.estimates["usd_per_1k"].value == pytest.approx(1000 * (purchase + energy), rel=1e-9)
    assert arm.estimates["usd_per_1k"].provenance == "estimated"
    assert arm.cost is not None and [part.name for part in arm.cost.parts] == [
        "purchase",
        "active energy",
        "idle energy",
    ]
    assert arm.estimates["joules_per_request"].value == pytest.approx(active * busy)
