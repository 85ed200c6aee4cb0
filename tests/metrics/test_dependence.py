"""Summaries and comparisons of runs whose requests are not independent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edgebench.decide.compare import compare
from edgebench.decide.resampled import resample
from edgebench.decide.slo import verdict
from edgebench.metrics.observed import observe
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.records import SLO, Estimate, Record, Run, Trial
from tests import builders
from tests.builders import Arm

NAME = "a · zero-shot"


def retimed(run: Run, factor: Callable[[Record], float]) -> Run:
    """The same run, each request's latency times ``factor``."""
    records = tuple(
        replace(one, done_ns=one.due_ns + int((one.done_ns - one.due_ns) * factor(one))) if one.done_ns else one
        for one in run.records
    )
    return replace(run, records=records)


def width(one: Estimate) -> float:
    assert one.low is not None and one.high is not None
    return one.high - one.low


def estimate(run: Run, metric: str) -> Estimate:
    return summarise(run, draws=300).arms[0].estimates[metric]


def block_of(record: Record) -> int:
    return int(record.trial_id[1])


def test_a_steady_run_is_worth_all_its_requests() -> None:
    """No blocks apart, nothing remembered: the method says order statistics and nothing else."""
    assert estimate(builders.run({"a": Arm()}, items=200, seed=2), "p50_ms").method == "order statistics"


def test_blocks_apart_widen_quantiles_and_means() -> None:
    """Every other block half as slow again: wider intervals of p50, p95 and throughput, and the reason is a warning."""
    run = builders.run({"a": Arm(spread=0.1)}, items=200)
    drifting = retimed(run, lambda one: 1.5 if block_of(one) % 2 else 1.0)
    for metric in ("p50_ms", "p95_ms"):
        naive = estimate(replace(drifting, trials=_one_start(drifting)), metric)
        assert width(estimate(drifting, metric)) > 1.3 * width(naive)
        assert "independent ones" in estimate(drifting, metric).method
    warnings = summarise(drifting, draws=300).warnings
    assert any("between blocks" in one and "wider for it" in one for one in warnings)


def _one_start(run: Run) -> tuple[Trial, ...]:
    return tuple(replace(trial, block=0) for trial in run.trials)


def test_a_bound_is_not_lost_to_blocks() -> None:
    """Blocks ten times apart: the median keeps an interval, as far as its values reach."""
    run = retimed(builders.run({"a": Arm(spread=0.05)}, items=200), lambda one: 10.0 ** (block_of(one) / 3))
    found = estimate(run, "p50_ms")
    assert found.low is not None and found.high is not None and found.high > 5 * found.low


def test_requests_that_remember_are_worth_fewer() -> None:
    """Slow spells of ten requests: the median's interval widens, and the p99 of 400 is no longer supported."""
    run = builders.run({"a": Arm(spread=0.05)}, items=420)
    spells = retimed(run, lambda one: 1.3 if one.index % 20 >= 10 else 1.0)
    observed = observe(columns(spells)[NAME], "p50_ms")
    assert observed is not None and observed.effective_n() < 0.4 * observed.n
    assert estimate(run, "p99_ms").value is not None
    assert "independent ones" in str(estimate(spells, "p99_ms").why_absent)


def test_starts_are_numbered_alike_in_all_arms() -> None:
    """Repetition and block together, whatever else an arm did; places are those of sending."""
    run = builders.run({"a": Arm(), "b": Arm()}, items=40)
    trials = tuple(replace(one, repetition=1 + one.block % 2) for one in run.trials if one.target == "a" or one.block)
    records = tuple(one for one in run.records if one.trial_id in {trial.id for trial in trials})
    a, b = columns(replace(run, trials=trials, records=records)).values()
    starts = {one.id: start for arm in (a, b) for one, start in zip(arm.records, arm.start.tolist(), strict=True)}
    assert {starts["b2-a/3"], starts["b0-a/0"]} == {0, 1} and starts["b2-a/3"] == starts["b2-b/0"] == 1
    assert len(set(a.start.tolist())) == 4 and len(set(b.start.tolist())) == 3
    assert a.order.max() == 9


def test_what_both_arms_share_is_no_difference_and_what_one_has_is_no_proof() -> None:
    """Blocks drifting for both alike hardly widen the difference; one arm's own starts do, and p says the same."""
    run = builders.run({"a": Arm(spread=0.1), "b": Arm(spread=0.1)}, items=200)
    steady, both, one = (
        compare(each, NAME, "b · zero-shot", "p50_ms", draws=1000)
        for each in (
            run,
            retimed(run, lambda record: (1.0, 1.05, 1.1, 1.15)[block_of(record)]),
            retimed(run, lambda record: (1.1, 0.9, 1.1, 0.9)[block_of(record)] if "-a" in record.trial_id else 1.0),
        )
    )
    assert width(both.difference) < 2 * width(steady.difference)
    assert width(one.difference) > 2.5 * width(steady.difference) and "what its blocks show" in one.method
    for found in (steady, both, one):
        low, high = found.difference.low, found.difference.high
        assert low is not None and high is not None and found.p_value is not None
        assert (low > 0 or high < 0) == (found.p_value < 0.05)
        assert found.ratio is not None and found.ratio.low is not None and found.ratio.low > 0


def test_failures_of_one_block_are_no_steady_rate() -> None:
    """All 20 failures in one block of four: an interval that knows is wider than Wilson's of 200."""
    run = builders.run({"a": Arm(failure_rate=0.0)}, items=200)
    bad = builders.run({"a": Arm(failure_rate=1.0)}, items=200)
    spread = _failing(run, bad, lambda one: one.index % 10 == 5)
    heap = _failing(run, bad, lambda one: block_of(one) == 1 and one.index < 20)
    assert estimate(spread, "failure_rate").value == estimate(heap, "failure_rate").value == 0.1
    assert width(estimate(heap, "failure_rate")) > 1.5 * width(estimate(spread, "failure_rate"))


def _failing(run: Run, bad: Run, chosen: Callable[[Record], bool]) -> Run:
    pairs = zip(run.records, bad.records, strict=True)
    return replace(run, records=tuple(worse if chosen(worse) else fine for fine, worse in pairs))


def test_accuracy_is_not_widened_by_the_luck_of_a_deal() -> None:
    """What an answer is worth does not depend on the hour: Wilson's plain interval in nearly every run."""
    plain = [estimate(builders.run({"a": Arm()}, items=80, seed=k), "accuracy").method == "Wilson" for k in range(40)]
    assert sum(plain) >= 38


def test_draws_of_the_front_are_as_unsure_as_the_run() -> None:
    """Blocks apart: the draws of p95 that fronts and advice see spread wider than those of the items alone."""
    run = retimed(builders.run({"a": Arm(spread=0.1)}, items=200), lambda one: 1 + block_of(one) / 5)
    resampled = resample(run, summarise(run, draws=300), draws=300)
    assert resampled.draws(NAME, "p95_ms").std() > 1.2 * resampled.of_items(NAME, "p95_ms").std()
    assert np.array_equal(resampled.draws(NAME, "peak_mib"), resampled.of_items(NAME, "peak_mib"))


def test_an_slo_is_judged_by_what_the_requests_are_worth() -> None:
    """All 196 fast enough meets a p95; where they came in long spells they are worth too few to tell."""
    run = builders.run({"a": Arm(spread=0.05)}, items=200)
    slow = retimed(run, lambda one: 1.3 if one.index >= 25 else 1.0)
    for each, expected in ((run, "met"), (slow, "undecided")):
        arm = summarise(each, draws=100).arms[0]
        assert verdict(SLO("p95_ms", max=900), columns(each)[NAME], arm.estimates["p95_ms"]).verdict == expected


def test_one_block_tells_nothing_of_blocks() -> None:
    """A run of one block is judged by its items alone."""
    observed = observe(columns(builders.run({"a": Arm()}, items=100, blocks=1))[NAME], "p50_ms")
    assert observed is not None and observed.spread.blocks == 0
    assert width(estimate(builders.run({"a": Arm()}, items=100, blocks=1), "p50_ms")) == pytest.approx(8, rel=0.9)
