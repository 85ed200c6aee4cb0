"""An SLO nobody meets: who comes closest, and what that one lacks."""

from __future__ import annotations

from edgebench.decide.conclude import conclude
from edgebench.records import SLO, Conclusion
from tests import builders
from tests.builders import Arm

NEAR, FAR = Arm(accuracy=0.9, median_ms=15, spread=0.1), Arm(accuracy=0.8, median_ms=200, spread=0.1)


def told(*slos: SLO, **arms: Arm) -> Conclusion:
    return conclude(builders.run(arms, items=200, slos=slos), draws=300)


def test_the_nearest_arm_is_named_with_its_number_and_what_it_is_over() -> None:
    """In the headline and first among the reasons; the interval and the gap with it."""
    found = told(SLO("p95_ms", max=10), far=FAR, near=NEAR)
    near = next(arm for arm in found.summary.arms if arm.target == "near").estimates["p95_ms"]
    first = found.advice.reasons[0]
    assert found.advice.arm is None and first in found.advice.headline
    assert first.startswith("nobody meets latency p95 ≤ 10 ms; closest is near · zero-shot at ")
    assert near.value is not None and near.low is not None and near.high is not None
    assert f"{near.value:.3g} ms [{near.low:.3g}–{near.high:.3g}], {near.value - 10:.3g} ms over" in first


def test_every_limit_out_of_reach_has_its_own_sentence() -> None:
    """A floor on accuracy is told in points."""
    found = told(SLO("p95_ms", max=10), SLO("accuracy", min=0.99), far=FAR, near=NEAR)
    lines = [line for line in found.advice.reasons if line.startswith("nobody meets")]
    assert len(lines) == 2 and "accuracy ≥ 99 %" in lines[1] and "points under" in lines[1] and "near" in lines[1]


def test_limits_that_are_met_by_different_arms() -> None:
    """Each is met by somebody, none meets both: the arm that lacks least, by its share of the limit."""
    found = told(SLO("p95_ms", max=100), SLO("accuracy", min=0.9), exact=Arm(1.0, 400.0, 0.1), near=Arm(0.7, 15.0, 0.1))
    assert found.advice.arm is None
    assert "each SLO is met by some arm, but none meets all; closest is near · zero-shot" in found.advice.headline
    assert "which misses only accuracy ≥ 90 %, at " in found.advice.headline


def test_failures_that_cost_the_limit_are_told_as_they_were_counted() -> None:
    """Its answered requests are quick enough: the count says why it misses all the same."""
    found = told(SLO("p95_ms", max=100), lossy=Arm(median_ms=15, spread=0.1, failure_rate=0.3))
    assert "closest is lossy · zero-shot: " in found.advice.headline and "of them failed" in found.advice.headline


def test_where_only_a_stand_in_is_left_the_others_lack_is_told() -> None:
    """Nobody real meets the limit; the stand-in does, and is no API."""
    found = told(SLO("p95_ms", max=100), far=FAR, seat=Arm(median_ms=15, placement="stand-in"))
    assert "Only stand-ins" in found.advice.headline
    assert any(
        line.startswith("none but stand-ins meets latency p95 ≤ 100 ms; closest is far")
        for line in found.advice.reasons
    )


def test_nothing_is_said_where_an_arm_keeps_its_limits() -> None:
    """The recommended arm meets them; the others' lack is told as before."""
    found = told(SLO("p95_ms", max=100), far=FAR, near=NEAR)
    assert found.advice.arm == "near · zero-shot" and not any("closest" in line for line in found.advice.reasons)
