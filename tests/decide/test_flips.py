"""Where the recommendation flips: found again by deciding anew on either side of the value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from edgebench.decide.conclude import conclude
from edgebench.decide.flips import Lever, Scene, Values, flip
from edgebench.metrics.table import Floats
from edgebench.records import SLO, Conclusion, PriceSpec, Run, StakeOfChange, Utilities
from tests import builders
from tests.builders import Arm

API = Arm(accuracy=0.97, median_ms=400, placement="hosted", kind="openai", model="gpt-4o-mini")
EDGE = Arm(accuracy=0.9, median_ms=20)
CHEAPEST = ("usd_per_1k", "accuracy")


def made(*, items: int = 240, **fields: object) -> Run:
    return builders.run({"edge": EDGE, "api": API}, items=items, device="pi-5-8gb", **fields)  # type: ignore[arg-type]


def stake(found: Conclusion, quantity: str) -> StakeOfChange:
    return next(one for one in found.changes if one.quantity == quantity)


def flips_at(one: StakeOfChange) -> float:
    assert one.flips_at is not None
    return one.flips_at


def on_both_sides(found: Conclusion, one: StakeOfChange, again: Callable[[float], Run]) -> None:
    """A hair on the near side the recommendation stays, a hair beyond it is ``to``."""
    at, now = flips_at(one), one.now or 0.0
    away = 1.001 if at > now else 1 / 1.001
    assert conclude(again(at / away), draws=200).advice.arm == found.advice.arm
    assert conclude(again(at * away), draws=200).advice.arm == one.to
    assert one.low is None or one.low <= at
    assert one.high is None or at <= one.high


def test_the_price_of_an_api() -> None:
    """The rule reads it in the plan's own price list, on both sides."""

    def priced(per_1k: float) -> Run:
        each = Decimal(repr(per_1k / 103 * 1000))  # 100 tokens in, 3 out, at one rate
        spec = PriceSpec(input_per_million=each, output_per_million=each, source="us", as_of="2026-11-01")
        run = made(objectives=CHEAPEST)
        return replace(
            run,
            plan=replace(run.plan, targets={**run.plan.targets, "api": replace(run.plan.targets["api"], price=spec)}),
        )

    found = conclude(priced(0.02))
    one = stake(found, "price of api · zero-shot")
    assert found.advice.arm == "edge · zero-shot" and one.to == "api · zero-shot"
    assert one.now == pytest.approx(0.02) and flips_at(one) < 0.02
    on_both_sides(found, one, priced)


def test_the_price_of_a_wrong_answer_where_the_rule_knows_it() -> None:
    """By the expected value: dear mistakes are worth an API, cheap ones are not."""

    def wronged(usd: float) -> Run:
        return made(objectives=("value_per_1k",), utilities=Utilities(0.0, usd, 0.001))

    found = conclude(wronged(0.02))
    one = stake(found, "price of a wrong answer")
    assert found.advice.arm == "api · zero-shot" and one.now == pytest.approx(0.02) and flips_at(one) < 0.02
    on_both_sides(found, one, wronged)


def test_the_price_of_a_wrong_answer_where_nobody_said_it() -> None:
    """Extra dollars over extra right answers; ``now`` is not known rather than 0."""
    found = conclude(made(objectives=CHEAPEST))
    one, arms = stake(found, "price of a wrong answer"), {arm.arm: arm.estimates for arm in found.summary.arms}
    edge, api = arms["edge · zero-shot"], arms["api · zero-shot"]
    extra = ((api["usd_per_1k"].value or 0) - (edge["usd_per_1k"].value or 0)) / 1000
    assert one.now is None and one.to == "api · zero-shot"
    assert one.flips_at == pytest.approx(extra / ((api["accuracy"].value or 0) - (edge["accuracy"].value or 0)))


def test_a_limit_on_latency() -> None:
    """Tightened until the recommended arm is shown to miss it; its interval ends where it is shown to meet."""

    def limited(ms: float) -> Run:
        return made(slos=(SLO("p95_ms", max=ms),))

    found = conclude(limited(2000.0))
    one = stake(found, "limit on latency p95")
    assert found.advice.arm == "api · zero-shot" and one.to == "edge · zero-shot"
    on_both_sides(found, one, limited)
    loose = conclude(limited(400.0))
    back = stake(loose, "limit on latency p95")
    assert loose.advice.arm == "edge · zero-shot" and back.to == "api · zero-shot"
    assert flips_at(back) == flips_at(one)


def test_the_accuracy_of_an_arm_is_told_by_the_tolerance() -> None:
    """With accuracy first an API 5 points ahead may fall to 2 ahead of the cheap one, and no further."""
    found = conclude(made())
    mine = {arm.arm: arm.estimates["accuracy"].value or 0.0 for arm in found.summary.arms}
    api, edge = stake(found, "accuracy of api · zero-shot"), stake(found, "accuracy of edge · zero-shot")
    assert found.advice.arm == "api · zero-shot"
    assert api.flips_at == pytest.approx(mine["edge · zero-shot"] + 0.02, abs=1e-6)
    assert edge.flips_at == pytest.approx(mine["api · zero-shot"] - 0.02, abs=1e-6)
    assert api.to == edge.to == "edge · zero-shot" and api.now == mine["api · zero-shot"]


def test_requests_a_day_and_duty_cycle_of_a_device() -> None:
    """Where the device's fixed dollars, shared by its requests, come to what the API asks; less one tenth of it."""
    found = conclude(made(objectives=CHEAPEST))
    volume, duty = stake(found, "requests a day"), stake(found, "duty cycle")
    edge = next(one for one in found.monthly.running if one.arm == "edge · zero-shot")
    api = next(one for one in found.monthly.running if one.arm == "api · zero-shot")
    assert edge.most_a_day is not None and found.advice.arm == "edge · zero-shot"
    # an API no more than a tenth dearer is let in by the tolerance and wins on accuracy
    even = edge.fixed_usd_a_day / (api.usd_a_request / 1.1 - edge.usd_a_request)
    assert volume.flips_at == pytest.approx(even, rel=1e-5) and volume.to == "api · zero-shot"
    assert duty.flips_at == pytest.approx(even / edge.most_a_day, rel=1e-5) and duty.to == "api · zero-shot"
    assert duty.now == pytest.approx(0.1)


def test_no_value_changes_what_nothing_depends_on() -> None:
    """Twenty points behind, no price makes the cheaper arm the one to ship; that is said as None."""
    run = builders.run({"edge": Arm(accuracy=0.6), "api": API}, items=240, device="pi-5-8gb")
    one = stake(conclude(run), "price of api · zero-shot")
    assert (one.flips_at, one.low, one.high, one.to) == (None, None, None, None)


def test_a_stand_ins_price_changes_nothing() -> None:
    """It may not be recommended, whatever it asks."""
    seat = Arm(accuracy=0.97, placement="stand-in")
    run = builders.run({"edge": EDGE, "seat": seat}, items=100, device="pi-5-8gb")
    spec = replace(run.plan.targets["seat"], price=PriceSpec(provider="openai", model="gpt-4o-mini"))
    run = replace(run, plan=replace(run.plan, targets={**run.plan.targets, "seat": spec}))
    one = stake(conclude(run), "price of seat · zero-shot")
    assert one.now is not None and one.flips_at is None


def test_nothing_flips_where_nothing_is_recommended() -> None:
    """Every arm misses its limit."""
    assert conclude(made(slos=(SLO("p95_ms", max=0.1),))).changes == ()


def test_the_interval_is_that_of_the_values_at_which_the_draws_flip() -> None:
    """Two arms on one objective: the flip of a draw is known in closed form, row by row."""
    rng = np.random.default_rng(5)
    draws = np.stack([rng.normal(10, 1, 400), rng.normal(20, 1, 400)], axis=1)

    def move(seen: Values, theta: Floats) -> Values:
        usd = seen["usd_per_1k"].copy()
        usd[:, 1] *= theta
        return {"usd_per_1k": usd}

    scene = Scene(("a", "b"), 0, ("usd_per_1k",), {"usd_per_1k": np.array([[10.0, 20.0]])}, {"usd_per_1k": draws})
    found = flip(scene, Lever("price of b", 1.0, (0.01, 100.0), move))
    values = np.sort(draws[:, 0] / draws[:, 1])
    assert found.flips_at == pytest.approx(0.5, rel=1e-6) and found.to == "b"
    assert found.low == pytest.approx(values[9], rel=1e-3) and found.high == pytest.approx(values[390], rel=1e-3)


def test_an_end_beyond_the_bounds_is_open() -> None:
    """Where more than 2.5 % of the draws never flip, there is no number to give."""
    draws = np.array([[10.0, 20.0]] * 90 + [[1e9, 20.0]] * 10)

    def move(seen: Values, theta: Floats) -> Values:
        return {"usd_per_1k": seen["usd_per_1k"] * np.stack([theta, np.ones(len(theta))], axis=1)}

    scene = Scene(("a", "b"), 0, ("usd_per_1k",), {"usd_per_1k": np.array([[10.0, 20.0]])}, {"usd_per_1k": draws})
    found = flip(scene, Lever("price of a", 1.0, (0.01, 100.0), move))
    assert found.flips_at == pytest.approx(2.0) and found.low is None and found.high is not None


def test_more_items_make_the_interval_narrower() -> None:
    """Four times the requests, about half the width."""
    widths = []
    for items in (120, 960):
        one = stake(
            conclude(made(items=items, objectives=("value_per_1k",), utilities=Utilities(0.0, 0.02))),
            "accuracy of api · zero-shot",
        )
        assert one.low is not None and one.high is not None
        widths.append(one.high - one.low)
    assert widths[1] < 0.6 * widths[0]


def test_the_sentences_draw_on_these_values() -> None:
    """What is told is what is kept."""
    found = conclude(made(objectives=CHEAPEST))
    lines = "\n".join(found.advice.what_would_change_it)
    one = stake(found, "duty cycle")
    assert "the rule picks api · zero-shot with a duty cycle below" in lines and "now 10 %" in lines
    assert not math.isnan(flips_at(one))
    worth = conclude(made(objectives=("value_per_1k",), utilities=Utilities(0.0, 0.02, 0.001)))
    assert any(
        "a point of accuracy is worth $0.2 per 1,000 requests" in line for line in worth.advice.what_would_change_it
    )
