"""The recorded example's decision, computed again in plain Python from its records: front, cascade, break-even, bill.

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
from edgebench.records import Call, Conclusion, Run

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
            usd=sum(dollars(run, target, call) for call in one.calls),
            busy_s=busy(one.calls),
            confidence=None if one.answer is None else one.answer.confidence,
        )
        for one in run.records
        if one.trial_id in trials
    ]


def busy(calls: Sequence[Call]) -> float:
    spans = [max(one.done_ns or 0, one.end_ns or 0) - one.sent_ns for one in calls if one.sent_ns is not None]
    return sum(spans) / 1e9


def figures(name: str) -> Mapping[str, float]:
    content = yaml.safe_load((PROFILES / f"{name}.yaml").read_text(encoding="utf-8"))
    return {key: float(entry["value"]) for key, entry in content["figures"].items()}


def dollars(run: Run, target: str, call: Call) -> float:
    """gpt-4o-mini's list price for the stand-ins (0.15 in, 0.60 out a million tokens); the laptop's profile else."""
    if run.identities[call.target or target].placement != "device":
        assert call.usage is not None
        return ((call.usage.input_tokens or 0) * 0.15 + (call.usage.output_tokens or 0) * 0.60) / 1e6
    f = figures(run.plan.device or "")
    owned = f["price_usd"] * (1 - f["residual_fraction"]) * (1 + f["maintenance_fraction"])
    a_second = owned / (f["lifetime_years"] * YEAR_S * f["duty_cycle"])
    a_second += (f["active_w"] + f["idle_w"] * (1 / f["duty_cycle"] - 1)) * f["kwh_usd"] / JOULES_PER_KWH
    return a_second * busy([call])


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


def value(estimate: object) -> float:
    found = getattr(estimate, "value")  # noqa: B009 (an Estimate, whose value must be there)
    assert isinstance(found, float)
    return found


def test_the_front_is_what_a_hand_made_bootstrap_says(run: Run, found: Conclusion) -> None:
    """400 draws of the items with Python's own generator: each target's share of draws on the front, near enough."""
    assert found.front.objectives == ("accuracy", "p95_ms", "usd_per_1k")
    seen = {member.arm: by_hand(run, member.arm) for member in found.front.members}
    for arm in found.summary.arms:
        right, p95, usd = triple(seen[arm.arm])
        assert value(arm.estimates["accuracy"]) == pytest.approx(-right, abs=1e-12)
        assert value(arm.estimates["p95_ms"]) == pytest.approx(p95, abs=1e-9)
        assert value(arm.estimates["usd_per_1k"]) == pytest.approx(usd, rel=1e-6)
    rng, items = random.Random(7), sorted({one.item for each in seen.values() for one in each})
    of_item = {arm: {item: [one for one in each if one.item == item] for item in items} for arm, each in seen.items()}
    on, draws = dict.fromkeys(seen, 0), 400
    for _ in range(draws):
        drawn = rng.choices(items, k=len(items))
        now = {arm: triple([one for item in drawn for one in by_item[item]]) for arm, by_item in of_item.items()}
        for arm, mine in now.items():
            on[arm] += not any(beats(theirs, mine) for theirs in now.values())
    for member in found.front.members:
        share = on[member.arm] / draws
        # the product widens arms whose blocks differ; a hand-made bootstrap does not
        assert member.probability == pytest.approx(share, abs=0.15), member.arm
        if member.verdict != "ambiguous":
            assert (share > 0.75) if member.verdict == "on" else (share < 0.25), member.arm


def test_a_point_of_a_cascade_is_what_its_pairs_say(run: Run, found: Conclusion) -> None:
    """What the edge is less sure of than the threshold pays for both and waits for both."""
    cascade = next(one for one in found.cascades if one.policy == "sequential" and len(one.points) > 4)
    edge = {one.item: one for one in by_hand(run, cascade.edge)}
    cloud = {one.item: one for one in by_hand(run, cascade.cloud)}
    point = cascade.points[len(cascade.points) // 2]
    both = sorted(edge.keys() & cloud.keys())
    asked = {item for item in both if (edge[item].confidence or -math.inf) < point.threshold}
    right = sum((cloud if item in asked else edge)[item].right for item in both)
    usd = sum(edge[item].usd + (cloud[item].usd if item in asked else 0.0) for item in both)
    times = [
        (edge[item].ms or 0.0) + ((cloud[item].ms or 0.0) if item in asked else 0.0)
        for item in both
        if not edge[item].cold and not cloud[item].cold
    ]
    assert 0 < len(asked) < len(both) == len(items_of(run))
    assert value(point.deferred) == pytest.approx(len(asked) / len(both))
    assert value(point.accuracy) == pytest.approx(right / len(both))
    assert value(point.usd_per_1k) == pytest.approx(1000 * usd / len(both), rel=1e-6)
    assert value(point.p95_ms) == pytest.approx(quantile(times, 0.95), rel=1e-6)


def items_of(run: Run) -> set[str]:
    return {item.digest for item in run.workload.items}


def device_a_day(run: Run) -> float:
    """What the laptop costs in a day without a request: its purchase over its life, and its idle watts."""
    f = figures(run.plan.device or "")
    owned = f["price_usd"] * (1 - f["residual_fraction"]) * (1 + f["maintenance_fraction"])
    return owned / (f["lifetime_years"] * YEAR_S / 86_400) + f["idle_w"] * 86_400 / JOULES_PER_KWH * f["kwh_usd"]


def a_request_more(run: Run, seen: Sequence[Seen]) -> float:
    """What one more request adds to the laptop's bill: the watts above idle for its busy seconds."""
    f = figures(run.plan.device or "")
    busy_s = sum(one.busy_s for one in seen) / len(seen)
    return (f["active_w"] - f["idle_w"]) * busy_s * f["kwh_usd"] / JOULES_PER_KWH


def test_the_break_even_is_fixed_dollars_over_dollars_saved(run: Run, found: Conclusion) -> None:
    even = found.monthly.breakeven
    assert even is not None and even.value is not None
    device, hosted = by_hand(run, even.device), by_hand(run, even.hosted)
    saved = sum(one.usd for one in hosted) / len(hosted) - a_request_more(run, device)
    assert even.value == pytest.approx(device_a_day(run) / saved, rel=1e-6)
    assert even.low is not None and even.high is not None and even.low <= even.value <= even.high
    assert even.most_a_day == pytest.approx(86_400 / (sum(one.busy_s for one in device) / len(device)))


def test_a_monthly_bill_is_its_devices_and_its_requests(run: Run, found: Conclusion) -> None:
    """20,000 requests a day for 365.25 / 12 days: an API by the request, a device by the day and the joule."""
    from edgebench.decide.monthly import usd_a_month

    assert found.monthly.breakeven is not None
    running = {one.arm: one for one in found.monthly.running}
    hosted, device = found.monthly.breakeven.hosted, found.monthly.breakeven.device
    each = sum(one.usd for one in by_hand(run, hosted)) / len(by_hand(run, hosted))
    assert usd_a_month(running[hosted], 20_000) == pytest.approx(20_000 * each * MONTH_DAYS, rel=1e-6)
    mine = by_hand(run, device)
    count = math.ceil(20_000 * sum(one.busy_s for one in mine) / len(mine) / 86_400)
    by_the_day = count * device_a_day(run) + 20_000 * a_request_more(run, mine)
    assert usd_a_month(running[device], 20_000) == pytest.approx(by_the_day * MONTH_DAYS, rel=1e-6)
