"""Predicted beside measured: exact where all is known, told apart where it is not, and live on a fake of one slot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgebench.decide.replay import handovers, times_of, unit_of
from edgebench.errors import NothingRan, UsageError
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import Plan, Record, Run, ScenarioSpec, TargetSpec, Usage, WorkloadSpec
from edgebench.run.concurrency import measure_rates, one_run, rates_of
from edgebench.run.validate import fresh, point, rate_at, validate
from edgebench.stats.queues import fifo
from edgebench.store import open_store
from tests.run.queues import observed

ITEMS = 100
SERVICE_S = np.random.default_rng(1).lognormal(np.log(0.05), 0.5, ITEMS)
S = 1_000_000_000


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def arm(run: Run) -> ArmColumns:
    (found,) = columns(run).values()
    return found


def served(
    gaps_s: np.ndarray, service_s: np.ndarray, *, tail_s: float = 0.0, tokens: np.ndarray | None = None
) -> ArmColumns:
    """What an engine of one slot leaves behind: it says how long each waited, and is busy ``tail_s`` longer."""
    came = np.cumsum(gaps_s)
    waited = fifo(came, service_s + tail_s) - came
    run = observed(gaps_s, waited + service_s, items=ITEMS)
    wait_ns = np.concatenate([[0], np.rint(waited * S)]).astype(int).tolist()
    counts = None if tokens is None else [int(tokens[0]), *tokens.tolist()]
    records = [
        _queued(record, wait_ns[place], round(tail_s * S), None if counts is None else int(counts[place]))
        for place, record in enumerate(run.records)
    ]
    return arm(replace(run, records=tuple(records)))


def _queued(record: Record, wait_ns: int, tail_ns: int, tokens: int | None) -> Record:
    call, done = record.calls[0], record.done_ns or 0
    usage = None if tokens is None else Usage(10, tokens)
    sent = record.due_ns + wait_ns
    call = replace(
        call,
        sent_ns=sent,
        end_ns=done + tail_ns,
        phases={"queue": wait_ns},
        usage=usage,
        chunk_tokens=(1,),
        stamp="user",
    )
    return replace(record, sent_ns=sent, calls=(call,))


def of_items(count: int, first: int = 1) -> np.ndarray:
    """Service times of ``count`` requests, each its item's own."""
    return SERVICE_S[(np.arange(count) + first) % ITEMS]


def alone(tail_s: float = 0.0, count: int = 2 * ITEMS) -> ArmColumns:
    """A closed loop of one user."""
    return served(np.full(count, 1.0), of_items(count), tail_s=tail_s)


@pytest.mark.parametrize("load", [0.5, 0.85])
@pytest.mark.parametrize("tail_s", [0.0, 0.01])
def test_the_same_arrivals_and_times_predict_what_was_measured(load: float, tail_s: float) -> None:
    """Each item takes what it took: every quantile to a ten-thousandth, the engine's last words included."""
    gaps = rng().exponential((SERVICE_S.mean() + tail_s) / load, 600)
    found = validate(alone(tail_s), served(gaps, of_items(600), tail_s=tail_s), rng=rng())
    for one in found.quantiles:
        assert one.error == pytest.approx(0.0, abs=1e-4)
        assert one.own == pytest.approx(one.measured, rel=1e-4)
    assert (found.n, found.matched, found.model) == (600, 1.0, "first-in-first-out")
    assert found.slower.value == pytest.approx(1.0)


def test_what_is_not_ours_to_know_is_told_apart() -> None:
    """A tenth longer under load: the prediction is too low, its own times are not, and the tenth is named."""
    gaps = rng().exponential(SERVICE_S.mean() / 0.8, 600)
    found = validate(alone(), served(gaps, 1.1 * of_items(600)), rng=rng())
    assert found.slower.value == pytest.approx(1.1, rel=1e-3)
    p95 = found.quantiles[1]
    assert p95.error is not None and p95.error < -0.15
    assert p95.own == pytest.approx(p95.measured, rel=1e-3)


def test_back_to_back_requests_show_what_lies_between_two() -> None:
    """An engine that is busy 10 ms longer than it says: a loop by two users measures that, one by one user cannot."""
    two = served(np.full(2 * ITEMS, 0.001), of_items(2 * ITEMS), tail_s=0.01)
    silent = replace(
        two, records=tuple(replace(r, calls=(replace(r.calls[0], end_ns=r.done_ns),)) for r in two.records)
    )
    assert np.median(handovers(silent)) == pytest.approx(0.01, rel=1e-3)
    assert times_of(silent).mean_hold_s == pytest.approx(SERVICE_S.mean() + 0.01, rel=1e-3)
    assert times_of(alone()).handovers == 0


def test_items_nobody_timed_are_foreseen_by_their_tokens() -> None:
    """s = 10 ms + 5 ms a token: half of the items were never calibrated, and each is foreseen to a thousandth."""
    length = np.random.default_rng(3).integers(1, 30, ITEMS)
    calibrated, asked = (length[(np.arange(count) + 1) % ITEMS] for count in (49, 800))
    calibration = served(np.full(49, 2.0), 0.01 + 0.005 * calibrated, tokens=calibrated)
    service = 0.01 + 0.005 * asked
    measured = served(rng().exponential(service.mean() / 0.6, 800), service, tokens=asked)
    found = validate(calibration, measured, rng=rng())
    assert found.matched == pytest.approx(0.49)
    for one in found.quantiles:
        assert one.error == pytest.approx(0.0, abs=1e-3)


def test_a_measurement_without_answers_compares_nothing() -> None:
    lost = alone()
    lost = replace(lost, failed=np.ones(len(lost.records), dtype=bool), records=tuple(
        replace(record, done_ns=None, answer=None) for record in lost.records
    ))  # fmt: skip
    with pytest.raises(NothingRan, match="no request was answered"):
        validate(lost, alone(), rng=rng())


def test_the_interval_narrows_with_what_is_measured() -> None:
    """Four times the requests, about half the width."""
    times, unit = times_of(alone(count=1000)), unit_of(alone())
    rate = rate_at(0.6, unit, times)
    few, many = (fresh(unit, times, rate, n, rng()) for n in (200, 3200))
    assert (many[0, 1] - many[0, 0]) < 0.6 * (few[0, 1] - few[0, 0])


# --------------------------------------------------------------------------------------------------- live

PLAN = Plan(
    question="?",
    workload=WorkloadSpec(builtin="support-triage", items=40),
    targets={
        "serial": TargetSpec(kind="fake", options={"latency_ms": 6, "spread": 0.4, "at_once": 1}),
        "free": TargetSpec(kind="fake", options={"latency_ms": 15, "spread": 0.4}),
        "lost": TargetSpec(kind="fake", retries=0, options={"failure_rate": 1.0, "failure": "malformed"}),
    },
)


def test_a_point_on_a_target_of_one_slot_is_predicted(tmp_path: Path) -> None:
    """Through execute() and the store: its queue is seen, the same arrivals are replayed, both runs are kept."""
    with open_store(tmp_path / "runs.db") as store:
        closed = ScenarioSpec(kind="closed", users=2)
        calibration = arm(one_run(PLAN, "serial", closed, 80, "calibrated", store=store, certify=False))
        times, unit = times_of(calibration), unit_of(calibration)
        assert (unit.model, unit.server.slots) == ("first-in-first-out", 1)
        assert times.handovers >= 40
        run = one_run(PLAN, "serial", point(rate_at(0.6, unit, times)), 120, "a point", store=store, certify=False)
        found = validate(calibration, arm(run), rng=rng())
        assert (found.n, found.matched) == (120, 1.0)
        assert 0.3 < found.load < 1.2
        assert found.quantiles[0].own == pytest.approx(found.quantiles[0].measured, rel=0.3)
        assert len(store.runs()) == 2
        assert run.trials[0].scenario.startswith("poisson(")


def test_rates_tell_what_shares_from_what_stands_in_line(tmp_path: Path) -> None:
    """r(2) is about 1 where requests only wait for each other, and about 2 where none slows another."""
    with open_store(tmp_path / "runs.db") as store:
        said: list[str] = []
        found = {}
        for target in ("serial", "free"):
            runs = measure_rates(PLAN, target, store=store, users=(1, 2), requests=40, say=said.append, certify=False)
            found[target] = rates_of(runs, target)
        assert found["serial"].speeds[0].value == 1.0
        assert (found["serial"].speeds[1].value or 0.0) < 1.4
        assert (found["free"].speeds[1].value or 0.0) > 1.6
        assert found["free"].filled()[0] == 1.0
        assert found["serial"].runs == tuple(run.id for run in measured_of(store, "serial"))
        assert "serial: 40 requests by 2 users" in said
        with pytest.raises(UsageError, match="by users there are: none"):
            rates_of([], "serial")


def measured_of(store: object, target: str) -> list[Run]:
    """Runs of a target, oldest first."""
    rows = reversed(store.runs())  # type: ignore[attr-defined]
    runs = [store.load(row["id"]) for row in rows]  # type: ignore[attr-defined]
    return [run for run in runs if target in run.plan.targets]


def test_a_target_that_answers_nothing_is_told_by_what_it_said(tmp_path: Path) -> None:
    with open_store(tmp_path / "runs.db") as store, pytest.raises(NothingRan, match="a failure that was asked for"):
        one_run(PLAN, "lost", ScenarioSpec(kind="closed"), 5, "lost", store=store, certify=False)


def test_between_two_numbers_of_users_the_rate_lies_on_a_line(tmp_path: Path) -> None:
    """1, 2 and 4 users were measured; 3 follows."""
    with open_store(tmp_path / "runs.db") as store:
        runs = measure_rates(PLAN, "free", store=store, users=(1, 2, 4), requests=20, certify=False)
        rates = rates_of(runs, "free")
    assert len(rates.filled()) == 4
    assert rates.filled()[2] == pytest.approx((rates.filled()[1] + rates.filled()[3]) / 2)
