"""A sweep: the search for the highest rate at which a target still keeps its SLOs. Pure: it only says what to measure.

From a start the rate doubles while the SLOs are met and halves while they are not; then the gap between the highest
rate that met them and the lowest that did not is halved on a logarithmic scale, down to RESOLUTION. A rate that was
undecided or INVALID is measured again, a bounded number of times, and the evidence is judged together; what still is
not *met* bounds the search from above, for a limit nobody could show to be kept is not promised. Both ends of the
answer are measured a second time at the end, so that it stands on no lucky or unlucky point, nor on a colder machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from edgebench.records import Estimate

Verdict = Literal["met", "missed", "undecided", "invalid"]
Why = Literal["resolved", "ceiling", "floor", "points", "invalid"]

RESOLUTION = 0.10  # the highest rate met and the lowest not met lie this close at the end
AGAIN = 2  # an undecided rate is measured this many times more …
ONCE_MORE = 1  # … and an INVALID one so many
MOST_POINTS = 30
HOPELESS = 2  # rates, all of them INVALID, after which a quieter machine is needed rather than more points


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a search looks and when it gives up. Rates are requests a second; 0 < low ≤ start ≤ high."""

    low: float
    high: float
    start: float
    resolution: float = RESOLUTION
    again: int = AGAIN
    once_more: int = ONCE_MORE
    most: int = MOST_POINTS


@dataclass(frozen=True, slots=True)
class Point:
    """What was seen at one rate, all its runs judged together."""

    rate: float  # planned, requests a second
    verdict: Verdict
    why: str  # of the verdict, in words
    n: int = 0  # requests of the steady state
    delivered: float | None = None  # answers a second while it lasted
    estimates: Mapping[str, Estimate] = field(default_factory=dict)  # p50_ms, p95_ms and what the SLOs limit
    lag_p99_ms: float | None = None  # our own lateness in sending
    slos: tuple[tuple[str, Verdict, str], ...] = ()  # the SLO, its verdict, why
    runs: tuple[str, ...] = ()  # where its records are


class Ended(Exception):
    """Raised by a measurement when there will be no more: interrupted, or a budget is used up."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of a sweep, with every rate measured, in the order they were first tried."""

    why: str  # a Why, or why the measuring ended
    points: tuple[Point, ...]

    @property
    def best(self) -> Point | None:
        """The highest rate that met every SLO."""
        return max((one for one in self.points if one.verdict == "met"), key=lambda one: one.rate, default=None)

    @property
    def above(self) -> Point | None:
        """The lowest rate that did not, above it."""
        floor = self.best.rate if self.best else 0.0
        over = [one for one in self.points if one.verdict != "met" and one.rate > floor]
        return min(over, key=lambda one: one.rate, default=None)


def sweep(
    measure: Callable[[float], Point], limits: Limits, *, measured: Callable[[Point], None] = lambda point: None
) -> Found:
    """Measure rate after rate until the search ends; ``measured`` hears of every one.

    ``measure`` is called again with a rate it knows and then judges everything seen there together. It may raise
    :class:`Ended`: what was measured until then is kept.
    """
    points: dict[float, Point] = {}
    seen: list[tuple[float, Verdict]] = []
    while not isinstance(step := following(seen, limits), str):
        try:
            point = measure(step)
        except Ended as ended:
            return Found(ended.why, tuple(points.values()))
        except KeyboardInterrupt:  # between two runs; within one it ends the run, which raises Ended
            return Found("interrupted", tuple(points.values()))
        points[step] = point
        seen.append((step, point.verdict))
        measured(point)
    return Found(step, tuple(points.values()))


def following(seen: Sequence[tuple[float, Verdict]], limits: Limits) -> float | Why:
    """The rate to measure next, or why there is none; a function of what was seen, (rate, verdict) in order.

    Ends after at most ``limits.most`` measurements, whatever the verdicts are.
    """
    if not seen:
        return limits.start
    if len(seen) >= limits.most:
        return "points"
    latest, times = dict(seen), Counter(rate for rate, _ in seen)
    rate, word = seen[-1]
    if times[rate] <= {"undecided": limits.again, "invalid": limits.once_more}.get(word, 0):
        return rate
    met = max((rate for rate, word in latest.items() if word == "met"), default=None)
    over = min((rate for rate, word in latest.items() if word != "met"), default=None)
    if met is None:
        return _lower(latest, over if over is not None else limits.low, limits)
    if over is None:
        return "ceiling" if met >= limits.high else min(limits.high, rounded(2 * met))
    if over > met * (1 + limits.resolution):
        return rounded((met * over) ** 0.5)
    return next((end for end in (met, over) if times[end] < 2), "resolved")


def _lower(latest: dict[float, Verdict], over: float, limits: Limits) -> float | Why:
    """Nothing was met yet: half the lowest rate tried."""
    if set(latest.values()) == {"invalid"} and (len(latest) >= HOPELESS or over <= limits.low):
        return "invalid"
    if over <= limits.low:
        return "floor"
    return max(limits.low, rounded(over / 2))


def rounded(rate: float) -> float:
    """Three significant digits: a rate one can say."""
    return float(f"{rate:.3g}")
