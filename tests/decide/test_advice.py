"""The advice: the rule, its doubts, and what would change it."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal

import pytest

from edgebench.decide.breakeven import breakeven
from edgebench.decide.conclude import conclude
from edgebench.decide.resampled import resample
from edgebench.metrics.summary import summarise
from edgebench.records import SLO, Conclusion, PriceSpec, Reading, Run
from tests import builders
from tests.builders import Arm

API = Arm(accuracy=0.97, median_ms=400, placement="hosted", kind="openai", model="gpt-4o-mini")


def words(conclusion: Conclusion) -> str:
    advice = conclusion.advice
    return "\n".join((advice.headline, *advice.reasons, *advice.how_sure, *advice.what_would_change_it))


def priced_seat(run: Run, name: str = "seat") -> Run:
    spec = replace(run.plan.targets[name], price=PriceSpec(provider="openai", model="gpt-4o-mini"))
    return replace(run, plan=replace(run.plan, targets={**run.plan.targets, name: spec}))


def test_the_most_accurate_arm_wins_when_it_clearly_is() -> None:
    """Twenty points better: sure, though slower."""
    run = builders.run({"edge": Arm(accuracy=0.7, median_ms=20), "api": API}, items=300, device="pi-5-8gb")
    found = conclude(run)
    assert found.advice.arm == "api · zero-shot" and found.advice.headline.startswith("Ship api")
    assert "picked by the rule in 100 % of them" in words(found)


def test_among_equals_in_accuracy_the_next_objective_decides() -> None:
    """A point apart is no reason to wait twenty times as long."""
    run = builders.run({"slow": Arm(accuracy=1.0, median_ms=400), "fast": Arm(accuracy=0.99, median_ms=20)}, items=300)
    found = conclude(run)
    assert found.advice.arm == "fast · zero-shot"
    assert "latency p95: best is fast · zero-shot" in words(found)


def test_what_cannot_be_told_apart_is_not_ranked() -> None:
    """Two equal arms at n = 80: tentative, and the doubt is in words with the n."""
    found = conclude(builders.run({"a": Arm(median_ms=50), "b": Arm(median_ms=52)}, items=80))
    assert found.advice.headline.startswith("Tentatively")
    assert "can't be told apart from" in words(found) and "at n = 80" in words(found)


def test_an_arm_that_misses_an_slo_is_not_recommended() -> None:
    """However accurate; and when all do, nothing is."""
    arms = {"edge": Arm(accuracy=0.7, median_ms=20), "api": API}
    one = conclude(builders.run(arms, items=200, slos=(SLO("p95_ms", max=100),)))
    assert one.advice.arm == "edge · zero-shot" and "api · zero-shot: misses latency p95 ≤ 100 ms" in words(one)
    none = conclude(builders.run(arms, items=200, slos=(SLO("p95_ms", max=1),)))
    assert none.advice.arm is None and "every arm misses an SLO" in none.advice.headline


def test_an_undecided_slo_is_said() -> None:
    """p99 of 196 requests: kept so far, not proven."""
    found = conclude(builders.run({"a": Arm()}, items=200, slos=(SLO("p99_ms", max=900),)))
    assert "undecided: latency p99 ≤ 900 ms (0 of 196 took longer" in words(found)


def test_a_stand_in_is_not_recommended_as_an_api() -> None:
    """Better in everything and still not shipped; alone, it is named for what it is."""
    seat = Arm(accuracy=0.97, median_ms=10, placement="stand-in")
    found = conclude(builders.run({"edge": Arm(accuracy=0.7, median_ms=50), "seat": seat}, items=200))
    assert found.advice.arm == "edge · zero-shot"
    assert "not seat · zero-shot: a stand-in" in words(found) and "a real API instead of seat" in words(found)
    alone = conclude(builders.run({"seat": seat}, items=100))
    assert "Only stand-ins" in alone.advice.headline and "not yet an API" in alone.advice.headline


def test_an_invalid_run_recommends_nothing_to_be_shipped() -> None:
    """Its numbers stay, its advice is withdrawn in the headline."""
    run = builders.run({"a": Arm()}, items=100)
    seconds = {"other_cpu_seconds": 0.6, "machine_cpu_seconds": 1.0}
    busy = tuple(
        Reading(t.id, "host", key, value, "s", "steady", 0) for t in run.trials for key, value in seconds.items()
    )
    found = conclude(replace(run, readings=(*run.readings, *busy)))
    assert found.summary.verdict == "INVALID" and found.advice.headline.startswith("Ship nothing on this run")


def test_an_arm_no_better_than_guessing_is_not_to_be_shipped() -> None:
    """The rule picks the best there is; where that cannot be told from chance, or is worse, the headline says so."""
    guessing = builders.run({"edge": Arm(accuracy=0.35, median_ms=20)}, items=60)  # of three labels
    found = conclude(guessing)
    assert found.advice.arm == "edge · zero-shot" and found.advice.headline.startswith("Don't ship edge")
    assert "cannot be told from chance (33 %" in found.advice.headline
    worse = conclude(builders.run({"edge": Arm(accuracy=0.05, median_ms=20)}, items=60))
    assert "is below chance (33 %" in worse.advice.headline
    asked_for_speed = replace(guessing, plan=replace(guessing.plan, objectives=("p95_ms",)))
    assert conclude(asked_for_speed).advice.headline.startswith("Ship edge")


def test_a_run_of_failures_recommends_nothing() -> None:
    """And says so rather than raising."""
    found = conclude(builders.run({"a": Arm(failure_rate=1.0)}, items=20))
    assert found.advice.arm is None and "no request was answered" in found.advice.headline
    empty = conclude(replace(builders.run({"a": Arm()}, items=20), records=(), scores=(), readings=()))
    assert empty.advice.arm is None


def test_break_even_volume_is_fixed_cost_over_what_a_request_saves() -> None:
    """Recomputed by hand from the profile and the list price."""
    arms = {"edge": Arm(accuracy=0.9, median_ms=20), "api": replace(API, accuracy=0.8)}
    run = builders.run(arms, items=200, device="pi-5-8gb")
    summary = summarise(run)
    found = breakeven(resample(run, summary), "edge · zero-shot", "api · zero-shot")
    busy = [
        (call.end_ns - call.sent_ns) / 1e9
        for record in run.records
        if "-edge" in record.trial_id
        for call in record.calls
        if call.end_ns is not None and call.sent_ns is not None
    ]
    fixed = 165 * 1.05 / (3 * 365.25) + 3.0 * 86400 / 3.6e6 * 0.17
    electricity = (12.5 - 3.0) * sum(busy) / len(busy) / 3.6e6 * 0.17
    assert found is not None and found.value == pytest.approx(fixed / (0.0000168 - electricity), rel=1e-6)
    assert found.low is not None and found.high is not None and found.low <= found.value <= found.high
    assert "requests a day api · zero-shot is cheaper" in words(conclude(run))


def test_an_api_cheaper_than_the_current_is_cheaper_at_any_volume() -> None:
    """No break-even is invented."""
    run = builders.run({"edge": Arm(median_ms=4000), "api": API}, items=80, device="pi-5-8gb")
    cheap = replace(
        run.plan.targets["api"],
        price=PriceSpec(input_per_million=Decimal("0.0001"), output_per_million=Decimal("0.0001"), source="us"),
    )
    run = replace(run, plan=replace(run.plan, targets={**run.plan.targets, "api": cheap}))
    found = breakeven(resample(run, summarise(run)), "edge · zero-shot", "api · zero-shot")
    assert found is not None and found.value is None


def test_the_price_of_a_wrong_answer_that_turns_the_choice() -> None:
    """Extra dollars over extra right answers, with the SLO the dearer arm misses in the same breath."""
    arms = {"edge": Arm(accuracy=0.7, median_ms=20), "api": API}
    run = builders.run(arms, items=300, device="pi-5-8gb", slos=(SLO("p95_ms", max=100),))
    found = conclude(run)
    edge, api = (arm.estimates for arm in found.summary.arms)
    extra = ((api["usd_per_1k"].value or 0) - (edge["usd_per_1k"].value or 0)) / 1000
    worth = extra / ((api["accuracy"].value or 0) - (edge["accuracy"].value or 0))
    sentence = next(line for line in found.advice.what_would_change_it if "wrong answer costs more than" in line)
    assert f"${Decimal(f'{worth:.2g}'):f}" in sentence and "but it misses an SLO" in sentence


def test_a_priced_stand_in_speaks_as_what_it_is_priced() -> None:
    """Its break-even is of the model it is priced as, and said to be."""
    run = priced_seat(
        builders.run({"edge": Arm(accuracy=0.9), "seat": Arm(placement="stand-in")}, items=100, device="pi-5-8gb")
    )
    found = conclude(run)
    assert found.front.objectives == ("accuracy", "p95_ms", "usd_per_1k")
    assert "seat · zero-shot (a stand-in), priced as gpt-4o-mini, is cheaper" in words(found)


def test_the_duty_cycle_is_laid_open() -> None:
    """A device busy a hundredth of the time costs some ten times as much a request as one busy a tenth."""
    found = conclude(builders.run({"edge": Arm()}, items=100, device="pi-5-8gb"))
    assert "assumes a device busy 10 % of the time" in words(found) and "at 1 %" in words(found)


def test_comparisons_are_corrected_for_their_number() -> None:
    """Three arms, three pairs: Holm within each metric."""
    run = builders.run({"a": Arm(), "b": Arm(), "c": Arm(accuracy=0.3)}, items=100)
    found = conclude(run)
    accuracy = [one for one in found.comparisons if one.metric == "accuracy"]
    assert len(accuracy) == 3 and all("Holm over 3 pairs" in one.method for one in accuracy)
    assert {one.metric for one in found.comparisons} >= {"accuracy", "p50_ms", "p95_ms"}


def test_the_same_run_gives_the_same_conclusion() -> None:
    """To the last bit, whatever order the records were stored in within their trials."""
    run = builders.run({"edge": Arm(failure_rate=0.05), "api": API}, items=80, device="pi-5-8gb")
    assert conclude(run, draws=300) == conclude(run, draws=300)


def test_ten_arms_of_a_thousand_requests_take_seconds_not_minutes() -> None:
    """CPU time, all of it: columns, summary, front, verdicts, 45 pairs, advice, flips, cascades, capacities.

    About 3 s on a quiet machine (benchmarks/report_page.py); anything quadratic in the requests would take minutes.
    """
    arms = {f"a{k}": Arm(accuracy=0.7 + 0.02 * k, median_ms=20 + 30 * k, failure_rate=0.01) for k in range(10)}
    run = builders.run(arms, items=1000, device="pi-5-8gb", slos=(SLO("p95_ms", max=400),))
    began = time.process_time()
    conclude(run)
    assert time.process_time() - began < 15
