"""What answers are worth: by hand, record by record; what is absent, and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.metrics.worth import Exchange, exchange
from edgebench.records import Estimate, Item, Run, Utilities
from tests import builders
from tests.builders import Arm

BY_STAKES = {"1": 0.01, "2": 0.05, "3": 0.25, "4": 1.0}


def run_of(
    utilities: Utilities | None, *, items: int = 40, arm: Arm | None = None, device: str | None = "pi-5-8gb"
) -> Run:
    """One arm, one block, so that stakes and blocks are not the same thing."""
    return builders.run({"a": arm or Arm(failure_rate=0.1)}, items=items, blocks=1, utilities=utilities, device=device)


def worth(run: Run) -> tuple[Estimate, Estimate]:
    found = summarise(run, draws=400).arms[0].estimates
    return found["loss_per_1k"], found["value_per_1k"]


def by_hand(run: Run, right: float, wrong: dict[str, float], second: float) -> tuple[float, float]:
    """(loss, value) per 1,000 in plain Python; dollars are those of the table."""
    stakes = {item.digest: str(item.stakes) for item in run.workload.items}
    scored = {score.record_id: score.value or 0.0 for score in run.scores}
    warm = [(one.calls[-1].end_ns or 0) - one.due_ns for one in run.records if not one.cold]
    usd = next(iter(columns(run).values())).usd
    losses, values = [], []
    for record, dollars in zip(run.records, usd, strict=True):
        value, costs = scored.get(record.id, 0.0), wrong[stakes[record.item_digest]]
        waited = (record.calls[-1].end_ns or 0) - record.due_ns
        if record.cold:  # its answer counts, its latency does not
            waited = sum(warm) / len(warm)  # type: ignore[assignment]
        losses.append(costs * (1 - value))
        values.append(right * value - costs * (1 - value) - second * waited / 1e9 - dollars)
    return 1000 * sum(losses) / len(losses), 1000 * sum(values) / len(values)


@pytest.mark.parametrize("wrong", [BY_STAKES, 0.4])
def test_loss_and_value_are_their_formulas(wrong: dict[str, float] | float) -> None:
    """Failed requests are wrong, and were waited for until their failure was known."""
    run = run_of(Utilities(0.02, wrong, 3.0))
    assert any(record.failure for record in run.records)
    loss, value = worth(run)
    each = wrong if isinstance(wrong, dict) else dict.fromkeys("1234", wrong)
    hand = by_hand(run, 0.02, each, 3.0)
    assert loss.value == pytest.approx(hand[0], rel=1e-12) and value.value == pytest.approx(hand[1], rel=1e-12)
    for one in (loss, value):
        assert one.provenance == "declared" and one.n == 40
        assert one.low is not None and one.high is not None and one.low < (one.value or 0.0) < one.high


def test_value_is_what_its_parts_add_up_to() -> None:
    """Right answers − loss − waiting in the steady state − cost per 1,000."""
    run = run_of(Utilities(0.02, BY_STAKES, 3.0))
    arm, found = next(iter(columns(run).values())), summarise(run, draws=100).arms[0].estimates
    accuracy, usd, loss = ((found[name].value or 0.0) for name in ("accuracy", "usd_per_1k", "loss_per_1k"))
    waited = float(arm.waited_s[arm.steady].mean())
    assert found["value_per_1k"].value == pytest.approx(1000 * (0.02 * accuracy - 3.0 * waited) - loss - usd, rel=1e-9)


def test_a_failing_arm_is_not_praised_for_what_nobody_priced() -> None:
    """Its unpriced failures stay in the mean, as wrong answers that cost what the others cost."""
    hosted = Arm(accuracy=1.0, failure_rate=0.04, placement="hosted", kind="openai", model="gpt-4o-mini")
    run = run_of(Utilities(0.0, 1.0, 0.0), items=200, arm=hosted, device=None)
    arm = next(iter(columns(run).values()))
    assert np.isnan(arm.usd).sum() == arm.failed.sum() > 0
    loss, value = worth(run)
    usd = summarise(run, draws=100).arms[0].estimates["usd_per_1k"].value or 0.0
    assert loss.value == pytest.approx(1000 * arm.failed.mean())
    assert value.value == pytest.approx(-1000 * arm.failed.mean() - usd) and value.n == 200


def test_no_mistake_seen_is_not_none_made() -> None:
    """0 of 200 wrong: the loss is 0, and its interval reaches what Wilson leaves open at the stakes declared."""
    run = run_of(Utilities(0.0, BY_STAKES, 0.0), items=200, arm=Arm(accuracy=1.0))
    loss, _ = worth(run)
    assert loss.value == 0 and loss.low == 0
    assert loss.high is not None and 5 < loss.high < 25  # 50 items of each stakes: up to 7 % of the dear quarter wrong
    assert "Wilson" in loss.method


@pytest.mark.parametrize(
    ("change", "why", "of_value"),
    [
        ({"utilities": None}, "the plan declares no utilities", None),
        ({"utilities": Utilities(0.02, {"1": 0.01})}, "not for 30 of 40 requests", None),
        ({"utilities": Utilities(0.02, 0.4), "device": None}, None, "what its requests cost is not known"),
    ],
)
def test_what_is_not_declared_is_absent(change: dict[str, object], why: str | None, of_value: str | None) -> None:
    """Never 0: without utilities, without stakes, without a price."""
    loss, value = worth(run_of(**{"utilities": None, **change}))  # type: ignore[arg-type]
    assert (loss.value is None) is (why is not None) and value.value is None
    assert (why or "") in (loss.why_absent or "") and (of_value or why or "") in (value.why_absent or "")


def test_an_item_without_stakes_makes_the_loss_absent() -> None:
    """Under a mapping; under one figure for all it does not matter."""
    run = run_of(Utilities(0.0, BY_STAKES, 0.0))
    items = tuple(replace(item, stakes=None) if k == 3 else item for k, item in enumerate(run.workload.items))
    run = replace(run, workload=replace(run.workload, items=items))
    assert "not for 1 of 40 requests" in (worth(run)[0].why_absent or "")
    assert worth(replace(run, plan=replace(run.plan, utilities=Utilities(0.0, 0.4))))[0].value is not None


def test_answers_nobody_judged_are_left_out_and_said() -> None:
    """They are neither right nor wrong."""
    run = run_of(Utilities(0.0, 1.0), arm=Arm(accuracy=0.5))
    loss, _ = worth(replace(run, scores=run.scores[:30]))
    assert loss.n == 30 and loss.note == "10 of 40 answers not judged"
    assert loss.value == pytest.approx(1000 * np.mean([1 - (score.value or 0.0) for score in run.scores[:30]]))
    assert "not scored yet" in (worth(replace(run, scores=()))[0].why_absent or "")


def test_is_one_per_cent_accuracy_worth_half_a_second() -> None:
    """A point: 10 of 1,000 answers, each $0.40 of wrong and $0.02 of right; at $0.001 a second that is 4.2 s."""
    found = exchange(Utilities(0.02, 0.4, 0.001))
    assert found == Exchange(pytest.approx(4.2), pytest.approx(4200.0))  # type: ignore[arg-type]
    items = [Item(str(k), "x", stakes=1 + k % 4) for k in range(8)]
    mean = exchange(Utilities(0.0, BY_STAKES, 0.01), items)
    assert mean is not None and mean.usd_per_point == pytest.approx(10 * 0.3275)
    assert exchange(Utilities(0.02, 0.4)) == Exchange(pytest.approx(4.2), None)  # type: ignore[arg-type]
    assert exchange(Utilities(0.02, BY_STAKES), [Item("a", "x")]) is None
