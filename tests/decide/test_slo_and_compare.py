"""SLO verdicts and paired comparisons."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.decide.compare import compare
from edgebench.decide.slo import LEVEL, slacks, times, verdict, verdicts
from edgebench.errors import UsageError
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.records import SLO, Run, SLOVerdict
from edgebench.stats.rates import needed_without_exceedance
from tests import builders
from tests.builders import Arm


def judged(run: Run, slo: SLO) -> SLOVerdict:
    table = columns(run)
    arm = summarise(run, draws=200, table=table).arms[0]
    return verdict(slo, table[arm.arm], arm.estimates[slo.metric])


def test_a_limit_on_p95_is_judged_by_counting() -> None:
    """Far above all: met; far below: missed; at the edge: undecided, with the counts in words."""
    run = builders.run({"a": Arm(median_ms=50)}, items=200)
    assert judged(run, SLO("p95_ms", max=500)).verdict == "met"
    assert judged(run, SLO("p95_ms", max=50)).verdict == "missed"
    edge = judged(run, SLO("p95_ms", max=82))
    assert edge.verdict == "undecided" and "of 196 took longer than 82 ms" in edge.why


def test_p99_needs_299_and_no_quantile() -> None:
    """All fast: 196 leave it open (p99 itself is absent), 396 meet it."""
    assert judged(builders.run({"a": Arm()}, items=200), SLO("p99_ms", max=900)).verdict == "undecided"
    assert judged(builders.run({"a": Arm()}, items=400), SLO("p99_ms", max=900)).verdict == "met"


def test_a_failure_is_slower_than_any_limit() -> None:
    """A fifth of the requests time out: no p95 limit is kept, however high."""
    missed = judged(builders.run({"a": Arm(failure_rate=0.2)}, items=200), SLO("p95_ms", max=1e9))
    assert missed.verdict == "missed" and "failed" in missed.why


def test_other_metrics_are_judged_by_their_interval() -> None:
    """Accuracy by Wilson, memory by its largest value, an absent metric not at all."""
    run = builders.run({"a": Arm(accuracy=0.8, peak_mib=100)}, items=200)
    assert judged(run, SLO("accuracy", min=0.5)).verdict == "met"
    assert judged(run, SLO("accuracy", min=0.8)).verdict == "undecided"
    assert judged(run, SLO("accuracy", min=0.95)).verdict == "missed"
    assert judged(run, SLO("peak_mib", max=100)).verdict == "met"  # the boundary counts as kept
    assert judged(run, SLO("peak_mib", max=99)).verdict == "missed"
    unknown = judged(run, SLO("usd_per_1k", max=1))
    assert unknown.verdict == "undecided" and "no device profile" in unknown.why
    both = judged(run, SLO("accuracy", min=0.5, max=0.6))
    assert both.verdict == "missed"


def test_every_slo_is_judged_for_every_arm() -> None:
    """In the order of the plan."""
    run = builders.run({"a": Arm(), "b": Arm()}, items=40, slos=(SLO("p50_ms", max=900), SLO("accuracy", min=0.1)))
    found = verdicts(run, summarise(run, draws=100), columns(run))
    assert [(one.slo.metric, one.arm[0], one.verdict) for one in found] == [
        ("p50_ms", "a", "met"),
        ("p50_ms", "b", "met"),
        ("accuracy", "a", "met"),
        ("accuracy", "b", "met"),
    ]


@settings(deadline=None, max_examples=40)  # each makes and judges a run
@given(st.integers(1, 1000))
def test_the_tightest_limits_are_the_verdicts_own_edges(seed: int) -> None:
    """At the limit it is said to meet it is met; just below the one it is said to miss it is missed."""
    run = builders.run({"a": Arm()}, items=120, seed=seed)
    arm = columns(run)["a · zero-shot"]
    meets, misses = slacks(arm, "p95_ms")
    assert misses is not None
    if meets is None:  # blocks that differ by chance: too few independent requests for any limit to be met
        assert times(arm, "p95_ms").seen.effective_n(LEVEL) < needed_without_exceedance(0.05)
    else:
        assert misses < meets
        assert judged(run, SLO("p95_ms", max=meets)).verdict == "met"
    assert judged(run, SLO("p95_ms", max=misses)).verdict != "missed"
    assert judged(run, SLO("p95_ms", max=misses * (1 - 1e-9))).verdict == "missed"


def test_accuracy_is_compared_on_pairs() -> None:
    """b − a, Bonett–Price, McNemar's mid-p; the other way round it is its mirror."""
    run = builders.run({"a": Arm(accuracy=0.6), "b": Arm(accuracy=0.9)}, items=200)
    forth, back = (
        compare(run, *names, draws=200)
        for names in (("a · zero-shot", "b · zero-shot"), ("b · zero-shot", "a · zero-shot"))
    )
    assert forth.difference.value is not None and forth.difference.low is not None and forth.p_value is not None
    assert forth.difference.low > 0.1 and forth.p_value < 0.001 and "Bonett" in forth.difference.method
    assert back.difference.value == -forth.difference.value and back.difference.high == -forth.difference.low
    arms = summarise(run).arms
    expected = (arms[1].estimates["accuracy"].value or 0) - (arms[0].estimates["accuracy"].value or 0)
    assert forth.difference.value == pytest.approx(expected)


def test_latency_is_compared_by_paired_bootstrap_with_a_ratio() -> None:
    """Three times as slow: the ratio's interval holds 3, and the difference is that of the table."""
    run = builders.run({"a": Arm(median_ms=20), "b": Arm(median_ms=60)}, items=300)
    found = compare(run, "a · zero-shot", "b · zero-shot", "p50_ms")
    assert found.ratio is not None and found.ratio.low is not None and found.ratio.high is not None
    assert found.ratio.low < 3 < found.ratio.high and found.ratio.high - found.ratio.low < 1
    arms = summarise(run).arms
    expected = (arms[1].estimates["p50_ms"].value or 0) - (arms[0].estimates["p50_ms"].value or 0)
    assert found.difference.value == pytest.approx(expected)


def test_different_items_are_not_compared() -> None:
    """Only what both have met counts; where nothing is, there is no difference rather than zero."""
    run = builders.run({"a": Arm(), "b": Arm()}, items=80)
    halves = tuple(record for record in run.records if ("-a" in record.trial_id) == (int(record.trial_id[1]) < 2))
    found = compare(replace(run, records=halves), "a · zero-shot", "b · zero-shot", draws=100)
    assert found.difference.value is None and found.difference.why_absent == "no item was met by both"
    part = tuple(record for record in run.records if "-a" in record.trial_id or int(record.trial_id[1]) < 2)
    shared = compare(replace(run, records=part), "a · zero-shot", "b · zero-shot", draws=100)
    assert shared.difference.n == 40


def test_what_one_arm_lacks_is_not_compared() -> None:
    """The reason is the arm's."""
    run = builders.run({"a": Arm(), "b": Arm(peak_mib=None)}, items=40)
    found = compare(run, "a · zero-shot", "b · zero-shot", "peak_mib", draws=100)
    assert found.difference.value is None and str(found.difference.why_absent).startswith("b · zero-shot: no reading")
    with pytest.raises(UsageError) as caught:
        compare(run, "a · zero-shot", "c · zero-shot")
    assert "did you mean" in str(caught.value.hint)
