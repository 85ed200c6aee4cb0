"""The search for the highest rate met: on verdicts made up, and on queues whose answer is known by formula."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.records import SLO
from edgebench.run.points import enough, needed
from edgebench.run.pooling import fell_behind, judged, pooled, taken
from edgebench.run.sweep import Ended, Found, Limits, Point, Verdict, following, sweep
from edgebench.stats import rates
from tests.run.queues import bearable, np, observed, server, sojourns

WORDS: tuple[Verdict, ...] = ("met", "missed", "undecided", "invalid")
LIMITS = Limits(low=1.0, high=200.0, start=8.0)


def knife(edge: float, other: Verdict = "missed") -> Callable[[float], Point]:
    """A target that keeps its SLO up to a rate, and never above."""
    return lambda rate: Point(rate, "met" if rate <= edge else other, "")


@pytest.mark.parametrize("edge", [1.0, 1.5, 7.9, 8.0, 33.3, 150.0, 199.0])
def test_a_sharp_edge_is_bracketed_within_the_resolution(edge: float) -> None:
    """The highest rate met and the lowest missed enclose the edge and lie within 10 %."""
    found = sweep(knife(edge), LIMITS)
    assert found.why == "resolved"
    assert found.best
    assert found.above
    assert found.best.rate <= edge < found.above.rate <= 1.1 * found.best.rate + 1e-9


def test_the_ends_of_the_range_end_the_search() -> None:
    """All met: the ceiling. None met: the floor, and no rate is promised."""
    up, down = sweep(knife(1e6), LIMITS), sweep(knife(0.0), LIMITS)
    assert (up.why, up.best and up.best.rate, up.above) == ("ceiling", 200.0, None)
    assert (down.why, down.best) == ("floor", None)
    assert min(point.rate for point in down.points) == 1.0


def test_the_answer_is_measured_twice() -> None:
    """A rate met once by luck is asked again, and given up when it does not hold."""
    asked: Counter[float] = Counter()

    def lucky(rate: float) -> Point:
        asked[rate] += 1
        return Point(rate, "met" if rate <= 20 or (rate <= 40 and asked[rate] == 1) else "missed", "")

    found = sweep(lucky, LIMITS)
    assert found.best
    assert 18 <= found.best.rate <= 20
    assert asked[found.best.rate] == 2


@pytest.mark.parametrize("word", ["undecided", "invalid"])
def test_what_cannot_be_decided_is_repeated_and_then_bounds_the_search(word: Verdict) -> None:
    """Three times at most at one rate; such a rate is never called met."""
    asked: list[float] = []

    def measure(rate: float) -> Point:
        asked.append(rate)
        return knife(30.0, word)(rate)

    found = sweep(measure, LIMITS)
    assert found.best
    assert found.above
    assert found.best.rate <= 30.0 < found.above.rate
    assert found.above.verdict == word
    assert max(Counter(asked).values()) <= 3


def test_a_machine_on_which_every_point_is_invalid_is_given_up() -> None:
    """Two rates, each measured twice, and no more."""
    asked: list[float] = []
    found = sweep(lambda rate: (asked.append(rate), Point(rate, "invalid", "busy"))[1], LIMITS)
    assert (found.why, found.best) == ("invalid", None)
    assert asked == [8.0, 8.0, 4.0, 4.0]


@given(st.lists(st.sampled_from(WORDS), min_size=40, max_size=40))
def test_no_verdicts_whatever_keep_it_going_for_ever(words: list[Verdict]) -> None:
    """Any noise ends within the bound, and a rate is only promised while its last verdict was met."""
    given_ = iter(words)
    found = sweep(lambda rate: Point(rate, next(given_), ""), LIMITS)
    assert all(LIMITS.low <= point.rate <= LIMITS.high for point in found.points)
    assert found.best is None or found.best.verdict == "met"
    if found.best and found.above:
        assert found.above.rate > found.best.rate


def test_a_repetition_that_is_undecided_does_not_change_what_was_asked_before() -> None:
    """The next step is a function of what was seen: the same history, the same step."""
    seen: list[tuple[float, Verdict]] = [(8.0, "met"), (16.0, "undecided")]
    assert following(seen, LIMITS) == 16.0
    assert following([*seen, (16.0, "undecided")], LIMITS) == 16.0
    assert following([*seen, (16.0, "undecided"), (16.0, "undecided")], LIMITS) == pytest.approx(11.3)


def interrupted_after(n: int, why: str | None) -> Callable[[float], Point]:
    left: Iterator[int] = iter(range(n))

    def measure(rate: float) -> Point:
        if next(left, None) is None:
            raise KeyboardInterrupt if why is None else Ended(why)
        return Point(rate, "met", "")

    return measure


@pytest.mark.parametrize("why", [None, "interrupted", "budget: dollars"])
def test_an_interrupt_keeps_the_points_so_far(why: str | None) -> None:
    """Within a run, between two, or by a budget: what was measured is told."""
    found = sweep(interrupted_after(2, why), LIMITS)
    assert (found.why, len(found.points)) == (why or "interrupted", 2)
    assert found.best
    assert found.best.rate == 16.0


def test_an_empty_answer_has_neither_rate() -> None:
    """Ended before anything was measured."""
    assert (Found("interrupted", ()).best, Found("interrupted", ()).above) == (None, None)


# ------------------------------------------------------------------------------------------------ simulated queues


def test_the_rate_a_queue_can_bear_is_found() -> None:
    """M/M/1 of 50 a second, p95 ≤ 300 ms: the median of three sweeps within 15 % of μ − ln 20 / limit = 40.0.

    None promises more than a resolution above it; below, a sweep stays where it cannot show that the limit is kept.
    """
    truth = bearable(50.0, 0.3, 0.95)
    limits = Limits(low=6.0, high=1000.0, start=25.0)
    found = [sweep(server(50.0, SLO("p95_ms", max=300.0), seed=seed, seconds=12.0), limits) for seed in (1, 2, 3)]
    assert all(one.why == "resolved" for one in found)
    best = sorted(one.best.rate for one in found if one.best)
    assert len(best) == 3
    assert best[1] == pytest.approx(truth, rel=0.15)
    assert best[0] > 0.75 * truth
    assert best[2] < 1.1 * truth


def test_what_one_run_would_call_met_by_luck_does_not_add_up_to_it() -> None:
    """Far beyond what a queue can bear, no seed finds a rate; the promise is never more than what it can serve."""
    slow = [sweep(server(20.0, SLO("p95_ms", max=500.0), seed=seed), Limits(17.0, 40.0, 20.0)) for seed in (4, 5)]
    assert all(one.best is None for one in slow)


def test_a_limit_below_the_service_time_is_missed_at_every_rate() -> None:
    """A p95 of 60 ms at a server that takes 60 ms in 5 of 100 requests alone: no rate is promised."""
    found = sweep(server(20.0, SLO("p95_ms", max=60.0), seed=5), Limits(low=2.0, high=100.0, start=10.0))
    assert found.best is None
    assert found.points[-1].rate == 2.0
    assert found.points[-1].verdict == "missed"


def test_overload_that_a_short_point_would_hide_is_seen() -> None:
    """75 requests a second at a server of 50 keep a limit of 20 s for 20 seconds, and never for an hour."""
    rng = np.random.default_rng(6)
    gaps, service = rng.exponential(1 / 75, 1500), rng.exponential(1 / 50, 1500)
    point = judged(75.0, [taken(observed(gaps, sojourns(gaps, service)))], [SLO("p95_ms", max=20_000.0)])
    assert point.verdict == "missed"
    assert "the queue grows" in point.why
    assert point.delivered == pytest.approx(50, rel=0.1)


def test_a_bearable_load_does_not_fall_behind() -> None:
    """Long answers in flight at the end are no queue: a parallel server with 5 s of latency keeps up."""
    gaps = np.full(400, 0.05)
    assert fell_behind([observed(gaps, np.full(400, 5.0))]) is None


def test_a_client_that_was_late_is_never_called_met() -> None:
    """Sent 50 ms late each time: INVALID, though every latency keeps the limit."""
    gaps = np.full(200, 0.02)
    late = taken(observed(gaps, np.full(200, 0.06), lag_s=0.05))
    point = judged(50.0, [late], [SLO("p95_ms", max=300.0)])
    assert point.verdict == "invalid"
    assert point.lag_p99_ms == pytest.approx(50.0, abs=1)
    both = judged(50.0, [late, taken(observed(gaps, np.full(200, 0.01)))], [SLO("p95_ms", max=300.0)])
    assert (both.verdict, both.n) == ("met", 200)


def test_runs_at_one_rate_are_judged_together() -> None:
    """Each a block of its own; every record is there once, under a name of its own."""
    gaps = np.full(80, 0.02)
    both = pooled([observed(gaps, np.full(80, 0.01)), observed(gaps, np.full(80, 0.01))])
    assert len({record.id for record in both.records}) == 162
    assert [trial.block for trial in both.trials] == [0, 1]
    point = judged(50.0, [taken(observed(gaps, np.full(80, 0.01)))] * 2, [SLO("p95_ms", max=300.0)])
    assert (point.n, point.verdict) == (160, "met")


# ------------------------------------------------------------------------------------------------ how much is needed


def test_a_quantile_needs_as_many_requests_as_it_takes_without_an_exceedance() -> None:
    """59 for a p95, 299 for a p99; several SLOs need the most of them."""
    assert needed([SLO("p95_ms", max=1.0)]) == 59
    assert needed([SLO("p95_ms", max=1.0), SLO("ttft_p50_ms", max=1.0), SLO("p99_ms", max=1.0)]) == 299


@pytest.mark.parametrize("planned", [59, 120, 800, 20_000])
def test_a_point_ends_early_only_when_it_is_certain(planned: int) -> None:
    """As many exceedances condemn all that was planned, even if every other request keeps the limit."""
    k = enough(planned, 0.05)
    assert k < planned
    assert rates.exceedances(k, planned, 0.05, alpha=0.01) == "missed"
    assert k >= 2 * 0.05 * planned
