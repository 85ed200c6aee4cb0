"""The points of a sweep: each a real run, kept in the store, at one open-loop rate.

One trial a point: the target is opened once and the queue is never emptied by a restart. Items are taken in whole
passes where more than one is needed. A point that is certain to miss an SLO stops sending, for a target in overload
grows its queue without end; answers under way may still come for a while, so that the next point meets an idle server.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from edgebench.contracts import Store
from edgebench.errors import NothingRan
from edgebench.load.stopping import Stopping
from edgebench.metrics.observed import QUANTILES, is_quantile_of_time
from edgebench.plan import base_cell, own_items, unfold
from edgebench.records import SLO, Plan, Record, Run, ScenarioKind, ScenarioSpec, Trial, Workload
from edgebench.run.execute import Finished, execute
from edgebench.run.pooling import Taken, judged, taken
from edgebench.run.sweep import Ended, Point
from edgebench.stats import rates
from edgebench.workloads import load

CERTAIN = 0.01  # chance, at the limit, of as many exceedances as end a point early
DRAIN_S = 30.0  # answers under way at an early end may still come for so long
REST_S = 1.0  # between two points
PROBED = 30  # requests of the first, closed-loop look at the service time
MOST_IN_FLIGHT = 800  # sockets a process usually may open, with room to spare
TOO_LATE = "certain to miss an SLO"


@dataclass(frozen=True, slots=True)
class Load:
    """How the points of a sweep load their target."""

    target: str
    slos: tuple[SLO, ...]
    arrivals: ScenarioKind = "poisson"
    seconds: float = 20.0  # at least, for each point


@dataclass
class Watch:
    """Hears of every record of a point and says when an SLO on a time is certain to be missed. Cheap: it only counts.

    Certain: even if every request still to come kept the limit, as many exceedances would be rare (≤ CERTAIN) at it.
    """

    slos: Sequence[SLO]
    planned: int
    stopping: Stopping
    certain: str | None = None
    _beyond: dict[int, int] = field(default_factory=dict)
    _ends: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, slo in enumerate(self.slos):
            if slo.max is not None and is_quantile_of_time(slo.metric) and QUANTILES[slo.metric][0] in _TIMES:
                self._ends[place] = enough(self.planned, 1 - QUANTILES[slo.metric][1])

    def __call__(self, record: Record) -> None:
        if record.cold or self.certain is not None:
            return
        for place, end in self._ends.items():
            slo = self.slos[place]
            self._beyond[place] = self._beyond.get(place, 0) + _beyond(record, slo)
            if self._beyond[place] >= end:
                self.certain = (
                    f"{end} of the {self.planned} planned had already taken longer than {slo.max:g} ms ({slo.metric})"
                )
                self.stopping.reason = self.stopping.reason or TOO_LATE
                asyncio.get_running_loop().call_later(DRAIN_S, self.stopping.interrupt)
                return


def enough(planned: int, allowed: float) -> int:
    """The fewest exceedances that condemn a point of ``planned`` requests, however the rest of them fares."""
    k = max(math.ceil(2 * allowed * planned), 3)
    while k < planned and rates.at_least(k, planned, allowed) > CERTAIN:
        k += 1
    return k


_TIMES = ("latency_ms", "service_ms", "ttft_ms")


def _beyond(record: Record, slo: SLO) -> bool:
    """Whether this request took longer than the limit; a failed one did."""
    column, limit_ns = QUANTILES[slo.metric][0], (slo.max or 0.0) * 1e6
    if record.failure is not None or record.done_ns is None:
        return True
    if column == "service_ms":
        return record.sent_ns is not None and record.done_ns - record.sent_ns > limit_ns
    if column == "ttft_ms":
        return record.first_ns is None or record.first_ns - record.due_ns > limit_ns
    return record.done_ns - record.due_ns > limit_ns


def needed(slos: Sequence[SLO]) -> int:
    """Requests from which every SLO can be called met, if none of them goes beyond it: 59 for a p95, 299 for a p99."""
    return max(rates.needed_without_exceedance(_allowed(slo)) for slo in slos)


def _allowed(slo: SLO) -> float:
    """The share of requests that may go beyond the limit."""
    if is_quantile_of_time(slo.metric):
        return 1 - QUANTILES[slo.metric][1]
    if slo.metric == "failure_rate":
        return min(0.5, max(slo.max or 0.0, 1e-3))
    return 0.05


class Points:
    """Measures one rate after another; called again with a rate, it judges all its runs together.

    ``begun`` hears the rate, the requests and the seconds of each point before it is timed; ``say`` what is worth
    saying between points.
    """

    def __init__(
        self,
        plan: Plan,
        load_: Load,
        *,
        store: Store,
        keys: Mapping[str, str] | None = None,
        begun: Callable[[float, int, float], None] = lambda rate, count, seconds: None,
        say: Callable[[str], None] = lambda line: None,
        job: Workload | None = None,
        certify: bool = True,
    ) -> None:
        self._plan, self._load, self._store, self._keys = plan, load_, store, dict(keys or {})
        self._begun, self._say, self._certify = begun, say, certify
        self._certificate: Mapping[str, Any] | None = None  # of the first run; the instrument stays the same
        self.job = own_items(plan, job or load(plan.workload, folder=Path(plan.folder), seeds=plan.seeds))
        self.needed = needed(load_.slos)
        different = len({item.cluster or item.digest for item in self.job.items})
        if different < self.needed:
            say(
                f"{self.needed} requests are needed and the job has {different} items: repeated ones may count for less"
            )
        self._taken: dict[float, list[Taken]] = {}
        self._count = 0
        self._stopping: Stopping | None = None

    def service_s(self) -> float:
        """Median service time (s) of one user alone, from a stored run of up to PROBED requests.

        Raises
        ------
        NothingRan: no request was answered. Ended: interrupted, or a budget is used up.
        """
        count = min(len(self.job.items), PROBED)
        spec = ScenarioSpec(kind="closed")
        run, _ = self._run(spec, count, f"Sweep: how long does {self._load.target} take, one request at a time?")
        took = [one.done_ns - one.sent_ns for one in run.records if one.done_ns and one.sent_ns and not one.cold]
        if not took:
            first = next((one.failure.message for one in run.records if one.failure), "no answer")
            raise NothingRan(f"{self._load.target} answered nothing: {first}")
        return median(took) / 1e9

    def __call__(self, rate: float) -> Point:
        """One more run at ``rate``, judged with those before it.

        Raises
        ------
        Ended: interrupted, or a budget is used up; the run in the making is kept in the store.
        """
        before = self._taken.setdefault(rate, [])
        valid = sum(one.invalid is None for one in before)
        count = self.requests(rate) * 2**valid  # a repetition brings more evidence than there was
        self._begun(rate, count, count / rate)
        run, certain = self._run(self._scenario(rate), count + 1, self._question(rate))  # one is the cold one
        before.append(taken(run, certain))
        return judged(rate, before, self._load.slos)

    def requests(self, rate: float) -> int:
        """Requests of a first point at ``rate``: enough for the seconds and for the SLOs, in whole passes."""
        count = max(self.needed, math.ceil(rate * self._load.seconds))
        items = len(self.job.items)
        return count if count < items else math.ceil((count + 1) / items) * items - 1

    def _question(self, rate: float) -> str:
        limits = ", ".join(f"{slo.metric} {limit(slo)}" for slo in self._load.slos)
        return f"Sweep: does {self._load.target} keep {limits} at {rate:g} requests a second ({self._load.arrivals})?"

    def _scenario(self, rate: float) -> ScenarioSpec:
        """Room in flight for four times what the slowest allowed answers would hold (Little's law)."""
        longest_ms = max((slo.max for slo in self._load.slos if slo.max and is_quantile_of_time(slo.metric)), default=0)
        room = min(MOST_IN_FLIGHT, math.ceil(4 * rate * longest_ms / 1000) + 64)
        return replace(
            self._plan.scenario,
            kind=self._load.arrivals,
            users=1,
            rate=rate,
            to_rate=None,
            trace=None,
            max_in_flight=max(self._plan.scenario.max_in_flight, room),
        )

    def _run(self, scenario: ScenarioSpec, count: int, question: str) -> tuple[Run, str | None]:
        self._count += 1
        plan, trial = one_trial(
            replace(self._plan, slos=self._load.slos),
            self._load.target,
            self.job,
            scenario,
            count,
            question,
            shuffled=self._count,
        )
        before, began = self._stopping, Stopping(plan.budget)
        if before is not None:  # a budget holds for the sweep, not for each of its points
            began = Stopping(plan.budget, started_ns=before.started_ns, spent_usd=before.spent_usd)
            time.sleep(REST_S)
        self._stopping = began
        watch = Watch(self._load.slos if scenario.rate is not None else (), len(trial.item_digests) - 1, began)
        finished = self._execute(plan, trial, watch)
        if finished.why not in ("complete", TOO_LATE):
            raise Ended(finished.why)
        run = self._store.load(finished.run_id)
        self._certificate = run.segments[-1].certificate
        return run, watch.certain

    def _execute(self, plan: Plan, trial: Trial, watch: Watch) -> Finished:
        return execute(
            plan,
            store=self._store,
            keys=self._keys,
            fresh=True,
            say=self._say,
            workload=self.job,
            trials=(trial,),
            stopping=watch.stopping,
            watch=watch,
            certify=self._certify,
            certificate=self._certificate,
        )


def one_trial(
    plan: Plan, target: str, job: Workload, scenario: ScenarioSpec, count: int, question: str, *, shuffled: int
) -> tuple[Plan, Trial]:
    """The plan of one target under one scenario, and its one trial: ``count`` items, pass after pass.

    Each pass has its own order. ``shuffled``: another number, another order of the items, another draw of the arrivals.
    """
    passes = math.ceil(count / len(job.items))
    seeds = replace(plan.seeds, order=plan.seeds.order + shuffled, arrivals=plan.seeds.arrivals + shuffled)
    alone = replace(one_target(plan, target), question=question, scenario=scenario, repeats=passes, seeds=seeds)
    trials = unfold(alone, job)
    digests = tuple(digest for trial in trials for digest in trial.item_digests)
    return alone, replace(trials[0], item_digests=digests[:count])


def one_target(plan: Plan, name: str) -> Plan:
    """The plan with one target under one prompting (its own, or the plan's first), in one block without a stop rule."""
    alone = base_cell(plan, name)
    spec = replace(alone.targets[name], repeats=None)
    return replace(alone, targets={name: spec}, blocks=1, repeats=1, stop=None)


def limit(slo: SLO) -> str:
    """``≤ 300``."""
    return f"≤ {slo.max:g}" if slo.max is not None else f"≥ {slo.min:g}"
