"""Capacity, daily curves and a day's bill: what they refuse, what is known beforehand, one month by hand."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edgebench import catalog
from edgebench.decide.capacity import Effort, Simulation, capacities, capacity, lacking
from edgebench.decide.conclude import conclude
from edgebench.decide.curves import load_curve
from edgebench.decide.day import breakeven_a_day, carriers, day_plans, needed
from edgebench.decide.replay import Assumed, Drawn, Times, served, times_of, unit_of
from edgebench.decide.resampled import resample
from edgebench.errors import DataError, UsageError
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import (
    SLO,
    Capacity,
    Cascade,
    CascadePoint,
    Conclusion,
    DayPlan,
    Estimate,
    PriceSpec,
    Run,
    TargetSpec,
)
from edgebench.stats.queues import mean_wait_mmk
from edgebench.stats.sharing import NEVER
from tests.builders import Arm, run
from tests.run.queues import bearable

P95 = SLO("p95_ms", max=300.0)


def arm_of(arm: Arm, items: int = 400, **fields: object) -> ArmColumns:
    (found,) = columns(run({"a": arm}, items=items, **fields)).values()
    return found


QUICK = Effort(windows=8, window=1_000, steps=7)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def times_like(hold_s: np.ndarray) -> Times:
    """Times of requests that hold the target for so long and answer at the end of it."""
    n = len(hold_s)
    return Times(hold_s, hold_s, hold_s, np.zeros(n), np.arange(n), np.arange(n))


# --------------------------------------------------------------------------------------------------- the highest rate


def test_the_highest_rate_is_that_of_the_formula() -> None:
    """An M/M/1 server of 20 a second under p95 ≤ 400 ms: μ − ln 20 / T, within the sampling error of 4,000 times."""
    hold = np.random.default_rng(5).exponential(1 / 20, 4_000)
    hold *= 1 / 20 / hold.mean()
    unit = unit_of(arm_of(Arm()))
    found = Simulation(unit, times_like(hold), (SLO("p95_ms", max=400.0),), rng(), Effort()).highest()
    assert found.value == pytest.approx(bearable(20.0, 0.4, 0.95), rel=0.05)
    assert found.low is not None
    assert found.high is not None
    assert found.low < bearable(20.0, 0.4, 0.95) < found.high


def test_a_point_grows_with_the_rate_and_its_verdict_falls() -> None:
    found = capacity(arm_of(Arm(median_ms=50)), (P95,), rng=rng())
    values = [point.p95_ms.value or 0.0 for point in found.points]
    assert values == sorted(values)
    assert found.points[0].met == "met"
    assert found.points[-1].met == "missed"
    assert len(found.points) <= 10
    assert all(p.p95_ms.low <= p.p95_ms.value <= p.p95_ms.high for p in found.points)  # type: ignore[operator]


def test_it_is_the_same_again_and_needs_no_slo() -> None:
    """Seeded; without an SLO the limit is three times its own p95, and says so."""
    arm = arm_of(Arm(median_ms=50))
    found = capacity(arm, (), rng=rng(), effort=QUICK)
    assert found == capacity(arm, (), rng=rng(), effort=QUICK)
    p95 = float(np.sort(arm.latency_ms[arm.steady])[int(np.ceil(0.95 * arm.steady.sum())) - 1])
    assert found.slos[0].max == pytest.approx(3 * p95, rel=0.01)
    assert "no SLO on time was given" in found.why


def test_p99_is_refused_of_too_few_records_and_given_of_enough() -> None:
    """368 service times support a p99; 367 do not, and neither do 400 of 100 items that repeat themselves."""
    few, enough = arm_of(Arm(), items=300), arm_of(Arm(), items=400)
    slo = (SLO("p99_ms", max=1000.0),)
    refused = capacity(few, slo, rng=rng())
    assert refused.highest_rps.value is None
    assert "a p99 needs 368 service times, there are 296" in (refused.highest_rps.why_absent or "")
    assert all(point.p99_ms.value is None and point.p95_ms.value is not None for point in refused.points)
    assert all(point.met == "undecided" for point in refused.points)
    assert capacity(enough, slo, rng=rng()).highest_rps.value is not None
    again = times_like(np.tile(np.random.default_rng(1).exponential(0.05, 100), 4))
    again = replace(again, member=np.tile(np.arange(100), 4))
    found = Simulation(unit_of(enough), again, slo, rng(), Effort.light()).highest()
    assert "worth 100 for their items repeat" in (found.why_absent or "")


def test_loads_above_95_per_cent_are_unstable() -> None:
    """No numbers there; and an SLO kept up to .95 is promised no further."""
    arm = arm_of(Arm(median_ms=50))
    mean = times_of(arm).mean_hold_s
    found = capacity(arm, (SLO("p50_ms", max=1e6),), rng=rng(), rates=(0.96 / mean, 1.2 / mean))
    assert found.highest_rps.value == pytest.approx(0.95 / mean)
    assert "nothing is claimed" in (found.highest_rps.note or "")
    at = {round(point.utilisation, 2): point for point in found.points}
    assert "unstable: load 0.96" in (at[0.96].p50_ms.why_absent or "")
    assert (at[0.96].met, at[1.2].met) == ("undecided", "missed")


def test_failures_count_as_misses() -> None:
    """One request in ten fails: no rate keeps a p95, a p50 is kept; and the time they took counts."""
    arm = arm_of(Arm(median_ms=50, failure_rate=0.1))
    lost = capacity(arm, (P95,), rng=rng())
    assert lost.highest_rps.value is None
    assert "too often none" in (lost.highest_rps.why_absent or "")
    assert capacity(arm, (SLO("p50_ms", max=300.0),), rng=rng()).highest_rps.value
    assert times_of(arm).n == int(arm.steady.sum())
    assert "failed and count as missed" in lost.why
    assert capacity(arm, (SLO("failure_rate", max=0.01),), rng=rng()).highest_rps.value is None


def test_an_slo_missed_even_alone_says_what_is_lacking() -> None:
    arm = arm_of(Arm(median_ms=400))
    found = capacity(arm, (P95,), rng=rng())
    assert "even without a queue: latency p95 is" in (found.highest_rps.why_absent or "")
    assert "wanted ≤ 300 ms" in (found.highest_rps.why_absent or "")
    ((slo, (own, limit)),) = lacking(arm, (P95,)).items()
    assert (slo, limit) == (P95, 300.0)
    assert own > 600


def test_an_api_has_no_queue_of_its_own_but_limits_that_are_declared() -> None:
    """Latency as measured at any rate; 60 requests a minute are one a second, and 6,000 tokens as many of 103."""
    arm = arm_of(Arm(placement="hosted"))
    free = capacity(arm, (P95,), rng=rng(), rates=(1000.0,))
    assert (free.model, free.highest_rps.value) == ("no queue", None)
    assert free.points[0].met == "met"
    limited = capacity(arm, (P95,), rng=rng(), unit=unit_of(arm, Assumed(rpm=60, retries=3)), effort=QUICK)
    assert limited.highest_rps.value == pytest.approx(0.95, rel=0.02)
    tokens = unit_of(arm, Assumed(tpm=6000))
    assert tokens.load(1.0, times_of(arm)) == pytest.approx(60 * 103 / 6000)


def test_sharing_with_a_measured_rate_carries_more_than_one_at_a_time() -> None:
    """r(4) = 2: about twice the highest rate; retries and heat take from it."""
    arm = arm_of(Arm(median_ms=50))
    alone = capacity(arm, (P95,), rng=rng(), effort=QUICK).highest_rps.value or 0.0
    rates = Assumed(speeds=(1.0, 1.5, 1.8, 2.0))
    shared = capacity(arm, (P95,), rng=rng(), unit=unit_of(arm, rates), effort=QUICK)
    assert shared.model == "processor-sharing"
    assert 1.5 * alone < (shared.highest_rps.value or 0.0) < 2.5 * alone
    hot = unit_of(arm, replace(rates, throttle_after_s=60.0, throttled=0.5))
    slowed = capacity(arm, (P95,), rng=rng(), unit=hot, effort=QUICK).highest_rps.value or 0.0
    assert slowed < 0.6 * (shared.highest_rps.value or 0.0)


def test_a_timeout_is_a_failure_and_its_retry_more_load() -> None:
    """A tight timeout at a high load: p95 is never answered where patience would have waited."""
    arm = arm_of(Arm(median_ms=50))
    impatient = unit_of(arm, Assumed(timeout_s=0.1, retries=0))
    drawn = Drawn.of(times_of(arm), rng(), 1, 2_000, anew=False)
    last, _ = served(impatient, drawn, drawn.moments * times_of(arm).mean_hold_s / 0.9)
    assert np.isinf(last).mean() > 0.05
    assert np.nanmax(last[np.isfinite(last)]) <= 0.1 + 1e-9


def test_capacities_of_a_conclusion_are_quick() -> None:
    """Five arms of 300 items within .5 s, with room for a busy machine; benchmarks/queueing.py has twenty of 1,000."""
    made = run({f"a{k}": Arm(median_ms=20 + k, peak_mib=None) for k in range(5)}, items=300, slos=(P95,))
    table = columns(made)
    resampled = resample(made, summarise(made, draws=10, table=table), draws=10, table=table)
    began = time.process_time()
    found = capacities(resampled)
    assert time.process_time() - began < 1.5
    assert len(found) == 5
    assert all(one.highest_rps.value for one in found)


# --------------------------------------------------------------------------------------------------- curves


@pytest.mark.parametrize("name", catalog.names("curves"))
def test_every_shipped_curve_is_whole_and_sourced(name: str) -> None:
    curve = load_curve(name)
    assert len(curve.weights) == 24
    assert curve.source and curve.date
    assert curve.kind in ("measured", "published", "assumed", "derived", "vendor")
    assert sum(curve.rates(86_400.0)) / 24 == pytest.approx(1.0)


def test_round_the_clock_is_what_it_says_it_is() -> None:
    one, three = load_curve("office-hours").weights, load_curve("round-the-clock").weights
    for hour in range(24):
        mean = sum(one[(hour + shift) % 24] for shift in (0, 8, 16)) / 3
        assert three[hour] == pytest.approx(mean, abs=0.51)


WHOLE = "hour,weight\n" + "".join(f"{hour},{hour % 5}\n" for hour in range(24))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WHOLE.replace("\n7,2\n", "\n"), "hour 7 is missing, and a gap is not a zero"),
        (WHOLE.replace("\n7,2\n", "\n7,-2\n"), "own.csv:9: hour 7: '-2' is no weight"),
        (WHOLE.replace("\n7,2\n", "\n7,\n"), "own.csv:9: hour 7: '' is no weight"),
        (WHOLE.replace("\n7,2\n", "\n7,nan\n"), "own.csv:9: hour 7: 'nan' is no weight"),
        (WHOLE.replace("\n7,2\n", "\n6,2\n"), "own.csv:9: hour 6 was given before"),
        (WHOLE.replace("\n7,2\n", "\n24,2\n"), "own.csv:9: '24' is no hour"),
        (WHOLE.replace("\n7,2\n", "\n7,2,3\n"), "own.csv:9: 3 columns"),
        (WHOLE.replace("hour,weight", "stunde,gewicht"), "own.csv:1: the header is not hour,weight"),
        ("", "own.csv:1: the header is not hour,weight"),
        ("hour,weight\n" + "".join(f"{hour},0\n" for hour in range(24)), "all weights are 0"),
    ],
)
def test_a_curve_with_gaps_is_refused_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said.replace("(", r"\(")):
        load_curve(str(file))


def test_a_curve_of_ones_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("﻿" + WHOLE.replace("\n", "\r\n"), encoding="utf-8")
    assert load_curve(str(file)).weights[:5] == (0.0, 1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights": [1] * 23}, "23 of them, where a day has 24"),
        ({"weights": [1] * 23 + [-1]}, "hour 23: '-1' is no weight"),
        ({"weights": [1] * 23 + ["x"]}, "hour 23: 'x' is no weight"),
        ({"weights": 24}, "no list, where a day has 24"),
        ({"source": ""}, "source is missing; a curve without a source is refused"),
        ({"kind": "guessed"}, "kind is 'guessed'"),
        ({"wieghts": 1}, "unknown key 'wieghts'"),
    ],
)
def test_a_curve_on_the_shelf_is_held_to_its_form(change: Mapping[str, object], said: str, own_home: Path) -> None:
    shelf = own_home / "curves"
    shelf.mkdir()
    content = {"title": "t", "weights": [1] * 24, "source": "s", "date": "2026-11", "kind": "assumed", **change}
    (shelf / "mine.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        load_curve("mine")


def test_an_unknown_curve_names_the_nearest(own_home: Path) -> None:
    with pytest.raises(UsageError, match="office-hour") as caught:
        load_curve("office-hour")
    assert "office-hours" in (caught.value.hint or "")


# --------------------------------------------------------------------------------------------------- a day


@given(st.floats(0.01, 1e5), st.floats(0.01, 1e4))
def test_devices_share_the_busiest_hour(peak: float, each: float) -> None:
    """n carry it, n − 1 do not."""
    n = needed(peak, each)
    assert n >= 1
    assert peak / n <= each * (1 + 1e-9)
    assert n == 1 or peak / (n - 1) > each * (1 - 1e-9)


@cache
def decided() -> tuple[Run, Conclusion, Mapping[str, ArmColumns]]:
    """A device of a known profile beside an API of a known price."""
    made = run({"edge": Arm(median_ms=100), "api": Arm(median_ms=150, placement="hosted")}, items=400, slos=(P95X,))
    price = PriceSpec(input_per_million=2, output_per_million=10, source="made up", as_of="2026-11")  # type: ignore[arg-type]
    targets = {
        "edge": replace(made.plan.targets["edge"], device="x86-mini-n150"),
        "api": replace(made.plan.targets["api"], price=price),
    }
    made = replace(made, plan=replace(made.plan, targets=targets))
    table = columns(made)
    return made, conclude(made, draws=50), table


P95X = SLO("p95_ms", max=500.0)


def planned(a_day: float, *cascades: Cascade) -> Mapping[str, DayPlan]:
    _, conclusion, table = decided()
    conclusion = replace(conclusion, cascades=cascades)
    found = tuple(capacity(arm, (P95X,), rng=rng(), effort=QUICK) for arm in table.values())
    among = carriers(conclusion, table, found)
    plans = day_plans(conclusion, among, a_day, load_curve("office-hours"), rng=rng())
    return {plan.name: plan for plan in plans}


def test_one_monthly_bill_by_hand() -> None:
    """400,000 requests a day on N150s, on the API, and on both: added up from their parts with pencil and paper."""
    _, conclusion, table = decided()
    running = {one.arm: one for one in conclusion.monthly.running}
    edge, api = running["edge · zero-shot"], running["api · zero-shot"]
    # the API: 100 tokens in at $2, 3 out at $10 a million
    assert api.usd_a_request == pytest.approx(100 * 2e-6 + 3 * 10e-6)
    best = CascadePoint(0.5, Estimate(0.2, n=400), *[Estimate(1.0)] * 6)
    cascade = Cascade("edge · zero-shot", "api · zero-shot", "sequential", "margin", Estimate(0.8), (best,), best, 0.0)
    plans = planned(400_000, cascade)
    # busiest hour: its share of what the hours' means add up to
    weights = load_curve("office-hours").weights
    peak = 400_000 * max(weights) / sum(weights) / 3600
    alone = plans["edge · zero-shot"]
    assert alone.peak_rps == pytest.approx(peak)
    highest = capacity(table["edge · zero-shot"], (P95X,), rng=rng(), effort=QUICK).highest_rps.value or 0.0
    devices = int(np.ceil(peak / highest))
    assert alone.devices == devices > 1
    by_hand = 30.4375 * (devices * edge.fixed_usd_a_day + 400_000 * edge.usd_a_request)
    assert alone.usd_a_month.value == pytest.approx(by_hand)
    busy_s = times_of(table["edge · zero-shot"]).mean_hold_s
    assert alone.utilisation == pytest.approx(400_000 * busy_s / 86_400 / devices)
    assert plans["api · zero-shot"].usd_a_month.value == pytest.approx(30.4375 * 400_000 * 230e-6)
    both = plans["edge · zero-shot → api · zero-shot (cascade)"]
    assert both.devices is not None
    assert both.devices >= devices
    assert both.usd_a_month.value == pytest.approx(
        30.4375 * (both.devices * edge.fixed_usd_a_day + 400_000 * (edge.usd_a_request + 0.2 * 230e-6))
    )
    over = plans["edge · zero-shot → api · zero-shot (overflow)"]
    assert over.devices is not None and over.overflow is not None
    assert 1 <= over.devices <= devices
    assert 0 < over.overflow < 0.1
    assert over.usd_a_month.value == pytest.approx(
        30.4375
        * (
            over.devices * edge.fixed_usd_a_day
            + 400_000 * ((1 - over.overflow) * edge.usd_a_request + over.overflow * 230e-6)
        )
    )


def test_the_duty_cycle_is_the_one_the_day_implies() -> None:
    """A hundred times the requests on one device: nearly the same month, a hundredth of the cost a request."""
    few, many = planned(500)["edge · zero-shot"], planned(50_000)["edge · zero-shot"]
    assert (few.devices, many.devices) == (1, 1)
    assert many.utilisation == pytest.approx(100 * (few.utilisation or 0.0))
    assert (many.usd_a_month.value or 0.0) < 1.3 * (few.usd_a_month.value or 0.0)


def test_the_breakeven_is_where_both_bills_are_equal() -> None:
    _, conclusion, table = decided()
    found = tuple(capacity(arm, (P95X,), rng=rng(), effort=QUICK) for arm in table.values())
    edge, api = carriers(conclusion, table, found)
    curve = load_curve("flat")
    volume = breakeven_a_day(edge, api, curve)
    assert volume is not None
    plans = {one.name: one for one in day_plans(conclusion, (edge, api), volume, curve, rng=rng())}
    assert plans[edge.arm].devices == 1
    assert plans[edge.arm].usd_a_month.value == pytest.approx(plans[api.arm].usd_a_month.value)


def test_what_cannot_be_carried_has_no_bill() -> None:
    """A device that misses even alone, one without a profile, and an API that misses as measured."""
    made, conclusion, table = decided()
    tight = (SLO("p95_ms", max=50.0),)
    found = tuple(capacity(arm, tight, rng=rng()) for arm in table.values())
    plans = day_plans(conclusion, carriers(conclusion, table, found), 1000, load_curve("flat"), rng=rng())
    assert all(plan.devices is None for plan in plans)
    alone = next(plan for plan in plans if plan.name == "edge · zero-shot")
    assert alone.usd_a_month.value is None
    assert "even without a queue" in alone.why
    api = next(plan for plan in plans if plan.name == "api · zero-shot")
    assert "misses as measured: p95_ms" in api.why
    bare = replace(made, plan=replace(made.plan, targets={**made.plan.targets, "edge": TargetSpec(kind="fake")}))
    conclusion, table = conclude(bare, draws=50), columns(bare)
    capable = tuple(capacity(arm, (P95X,), rng=rng(), effort=QUICK) for arm in table.values())
    plans = day_plans(conclusion, carriers(conclusion, table, capable), 1000, load_curve("flat"), rng=rng())
    unpriced = next(plan for plan in plans if plan.name == "edge · zero-shot")
    assert unpriced.devices == 1
    assert "no device profile" in (unpriced.usd_a_month.why_absent or "")


def test_more_slots_wait_less() -> None:
    """Four slots at four times the rate: Erlang's wait, through the same replay."""
    hold = np.random.default_rng(6).exponential(1.0, 3_000)
    hold /= hold.mean()
    unit = unit_of(arm_of(Arm()), Assumed(slots=4))
    drawn = Drawn.of(times_like(hold), rng(), 1, 200_000, anew=False)
    last, _ = served(unit, drawn, drawn.moments / 2.8)
    squared = hold.var()  # 1 for an exponential; Allen and Cunneen's factor for what this sample is
    assert last.mean() == pytest.approx(1 + mean_wait_mmk(2.8, 1.0, 4) * (1 + squared) / 2, rel=0.04)


def test_capacity_without_answers_is_absent() -> None:
    found = capacity(arm_of(Arm(failure_rate=1.0)), (P95,), rng=rng())
    assert isinstance(found, Capacity)
    assert found.highest_rps.why_absent == "no request was answered"
    assert unit_of(arm_of(Arm())).server.unload_after == NEVER
