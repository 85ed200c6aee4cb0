"""Is a predicted queue the one that comes? One open-loop point on the real target, and its replay.

Measured quantiles vary: of 800 requests at load .7, a p99 lies within some 30 % of its own long-run value, whoever
measured it. A prediction that is to be held against it must meet the *same* arrivals (common random numbers): the due
times of the measured records, each with the time its own item took in the calibration, or, for an item that was not in
it, with a + b · tokens in + c · tokens out and a residual drawn from the fit. Beside it stands the interval in which
90 % of such measurements lie when the arrivals are fresh: what a prediction can promise before anybody came.

What is wrong with a prediction is told apart: ``own`` replays the measured requests' own times, so what that misses is
the queue's model; what it hits and the prediction misses is that the same items took longer under load than before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgebench.decide.replay import Drawn, Times, Unit, quantiles_of, served, times_of, unit_of
from edgebench.errors import NothingRan
from edgebench.metrics.table import ArmColumns, Flags, Floats, Index
from edgebench.records import Estimate, ScenarioSpec
from edgebench.stats import bootstrap

SHOWN = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
LEVEL = 0.90
WINDOWS = 400  # fresh measurements from which the interval is made
IN_FLIGHT = 800  # a queue is to grow as long as it likes


@dataclass(frozen=True, slots=True)
class Quantile:
    """One quantile of latency, ms. ``measured`` None: so many requests were never answered."""

    name: str
    measured: float | None
    predicted: float | None  # on the same arrivals
    own: float | None  # the same with the times they themselves took
    low: float  # of measurements with fresh arrivals
    high: float

    @property
    def error(self) -> float | None:
        """predicted / measured − 1."""
        return None if self.measured is None or self.predicted is None else self.predicted / self.measured - 1

    @property
    def covered(self) -> bool:
        """Whether the interval of fresh measurements holds this one."""
        return self.measured is not None and self.low <= self.measured <= self.high


@dataclass(frozen=True, slots=True)
class Validation:
    """Predicted and measured, side by side."""

    arm: str
    model: str
    rate: float  # as it came, requests a second
    load: float
    n: int
    quantiles: tuple[Quantile, ...]
    matched: float  # share of the requests whose item was in the calibration
    slower: Estimate  # time of the same items under load ÷ in the calibration
    calibrated: int  # requests in the calibration
    handovers: int  # back-to-back ones among them


def point(rate: float) -> ScenarioSpec:
    """The scenario of a measured point."""
    return ScenarioSpec(kind="poisson", rate=rate, max_in_flight=IN_FLIGHT)


def rate_at(load: float, unit: Unit, times: Times) -> float:
    """Requests a second at which a unit is loaded so; an API is reckoned as if it answered one at a time."""
    return load * (1.0 if unit.model == "no queue" else unit.server.fastest) / times.mean_hold_s


@dataclass(frozen=True)
class Replayed:
    """Latencies of the same requests (n,), seconds: measured, predicted, and by their own times; infinite if lost."""

    measured_s: Floats
    predicted_s: Floats
    own_s: Floats
    matched: int  # requests whose item was in the calibration
    seconds: float  # from the first one due to the last one due, over all starts

    @classmethod
    def together(cls, parts: Sequence[Replayed]) -> Replayed:
        return cls(
            np.concatenate([one.measured_s for one in parts]),
            np.concatenate([one.predicted_s for one in parts]),
            np.concatenate([one.own_s for one in parts]),
            sum(one.matched for one in parts),
            sum(one.seconds for one in parts),
        )


def validate(
    calibration: ArmColumns, measured: ArmColumns, *, rng: np.random.Generator, unit: Unit | None = None
) -> Validation:
    """Replay the arrivals of ``measured`` with the times of ``calibration``. Pure.

    Raises
    ------
    NothingRan: one of them holds no steady request that was answered.
    """
    unit = unit or unit_of(calibration)
    return weighed(replayed(calibration, measured, rng=rng, unit=unit), calibration, measured, rng=rng, unit=unit)


def replayed(calibration: ArmColumns, measured: ArmColumns, *, rng: np.random.Generator, unit: Unit) -> Replayed:
    """The measured requests, start by start, through a queue that is empty when each start begins.

    Raises
    ------
    NothingRan: one of the two holds no steady request that was answered.
    """
    known, seen = times_of(calibration), times_of(measured)
    if not np.isfinite(known.latency_s).any() or not np.isfinite(seen.latency_s).any():
        raise NothingRan("nothing to compare: no request was answered")
    due_s = np.array([record.due_ns for record in measured.records]) / 1e9
    starts: dict[tuple[str, str], list[int]] = {}
    for at, place in enumerate(seen.places.tolist()):
        record = measured.records[place]
        starts.setdefault((record.trial_id, record.segment_id), []).append(at)
    parts = []
    for inside in starts.values():
        order = np.array(sorted(inside, key=lambda at: due_s[seen.places[at]]), dtype=np.int64)
        places = seen.places[order]
        arrivals = due_s[places] - due_s[places[0]]
        drawn, matched = _matched(calibration, known, measured, places, arrivals, rng)
        its = seen.at(order)
        own = Drawn(its.latency_s, its.first_s, its.hold_s, its.tokens, arrivals)
        measured_s = np.where(measured.failed[places], np.inf, measured.latency_ms[places] / 1000)
        predicted_s, own_s = (served(unit, one, arrivals)[0] for one in (drawn, own))
        parts.append(Replayed(measured_s, predicted_s, own_s, matched, float(arrivals[-1])))
    return Replayed.together(parts)


def weighed(
    found: Replayed, calibration: ArmColumns, measured: ArmColumns, *, rng: np.random.Generator, unit: Unit
) -> Validation:
    """What a replay comes to, beside fresh arrivals at the rate that came."""
    known, n = times_of(calibration), len(found.measured_s)
    rate = n / found.seconds if found.seconds > 0 else 0.0
    return Validation(
        arm=measured.arm,
        model=unit.model,
        rate=rate,
        load=unit.load(rate, known),
        n=n,
        quantiles=_quantiles(found, fresh(unit, known, rate, n, rng)),
        matched=found.matched / n,
        slower=slower(calibration, measured),
        calibrated=known.n,
        handovers=known.handovers,
    )


def fresh(unit: Unit, times: Times, rate: float, n: int, rng: np.random.Generator, windows: int = WINDOWS) -> Floats:
    """(low, high) in seconds of each quantile shown, shape (quantiles, 2): 90 % of measurements with fresh arrivals.

    Each of the windows has arrivals of its own and items drawn anew, for the calibration is a sample too.
    """
    drawn = Drawn.of(times, rng, windows, n, anew=True)
    found = quantiles_of(served(unit, drawn, drawn.moments / rate)[0], tuple(SHOWN.values()))
    return quantiles_of(found, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)).T


def _quantiles(found: Replayed, between: Floats) -> tuple[Quantile, ...]:
    qs = tuple(SHOWN.values())
    measured, predicted, own = (quantiles_of(each, qs) for each in (found.measured_s, found.predicted_s, found.own_s))
    return tuple(
        Quantile(
            name,
            _ms(measured[place]),
            _ms(predicted[place]),
            _ms(own[place]),
            float(between[place, 0]) * 1000,
            float(between[place, 1]) * 1000,
        )
        for place, name in enumerate(SHOWN)
    )


def _ms(seconds: float) -> float | None:
    return float(seconds) * 1000 if np.isfinite(seconds) else None


# --------------------------------------------------------------------------------------------------- the same items


def _matched(
    calibration: ArmColumns,
    known: Times,
    measured: ArmColumns,
    order: Index,
    arrivals: Floats,
    rng: np.random.Generator,
) -> tuple[Drawn, int]:
    """The times each measured request would have had, by the calibration; and for how many the item was in it."""
    by_item: dict[str, list[int]] = {}
    for at, place in enumerate(known.places.tolist()):
        by_item.setdefault(calibration.records[place].item_digest, []).append(at)
    own = [by_item.get(measured.records[place].item_digest, []) for place in order.tolist()]
    places = np.array([rng.choice(found) if found else rng.integers(known.n) for found in own], dtype=np.int64)
    drawn = Drawn(known.latency_s[places], known.first_s[places], known.hold_s[places], known.tokens[places], arrivals)
    new = np.array([not found for found in own])
    if new.any():
        drawn = _foreseen(calibration, known, measured, order, drawn, new, places)
    return drawn, int((~new).sum())


def _foreseen(
    calibration: ArmColumns, known: Times, measured: ArmColumns, order: Index, drawn: Drawn, new: Flags, places: Index
) -> Drawn:
    """Items nobody timed: by their tokens, with the residual of the request drawn for each; as drawn without counts."""
    counts = _tokens(calibration, known.places)
    wanted = _tokens(measured, order)
    if not (np.isfinite(counts).all() and np.isfinite(wanted[new]).all()):
        return drawn
    fit, *_ = np.linalg.lstsq(counts, known.hold_s, rcond=None)
    longer = np.where(new, np.nan_to_num(wanted) @ fit - counts[places] @ fit, 0.0)
    least = 0.1 * known.mean_hold_s  # a line may promise nothing, or less
    hold = np.maximum(drawn.hold_s + longer, np.minimum(drawn.hold_s, least))
    factor = hold / drawn.hold_s
    return Drawn(drawn.latency_s * factor, drawn.first_s * factor, hold, drawn.tokens, drawn.moments)


def _tokens(arm: ArmColumns, places: Index) -> Floats:
    """Rows of (1, tokens in, tokens out)."""
    return np.stack([np.ones(len(places)), arm.input_tokens[places], arm.output_tokens[places]], axis=1)


def slower(calibration: ArmColumns, measured: ArmColumns) -> Estimate:
    """How much longer the same items took once they had their turn: Σ under load / Σ in the calibration, paired."""
    means: list[Mapping[str, float]] = []
    for arm in (calibration, measured):
        times = times_of(arm)
        took: dict[str, list[float]] = {}
        for at, place in enumerate(times.places.tolist()):
            if np.isfinite(times.latency_s[at]):
                took.setdefault(arm.records[place].item_digest, []).append(float(times.latency_s[at]))
        means.append({item: float(np.mean(each)) for item, each in took.items()})
    shared = sorted(means[0].keys() & means[1].keys())
    if not shared:
        return Estimate.absent("no item is in both")
    before, under = (np.array([each[item] for item in shared]) for each in means)
    weights = bootstrap.cluster_draws(len(shared), 1000, np.random.default_rng(0))
    drawn = bootstrap.ratios(weights, np.arange(len(shared)), under, before)
    low, high = bootstrap.interval(drawn, len(shared)) or (None, None)
    value = float(under.sum() / before.sum())
    return Estimate(value, low, high, len(shared), "Σ under load ÷ Σ in the calibration, the same items, bootstrap")
