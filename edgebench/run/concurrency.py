"""How fast a target works on several requests at once: the same items by 1, 2 and 4 users, each a stored run.

With k users in a closed loop there are always k requests under way, so by Little's law it ends k / mean time of them a
second. r(k) is that over the same with one user: 1 where requests only wait for each other, k where none slows another.
Items are the same for every k, so what they differ in cancels; interval: items drawn anew, paired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgebench.contracts import Store
from edgebench.errors import NothingRan, UsageError
from edgebench.metrics.table import ArmColumns, columns
from edgebench.plan import own_items
from edgebench.records import Estimate, Plan, Run, ScenarioSpec, Workload
from edgebench.run.execute import execute
from edgebench.run.points import one_trial
from edgebench.stats import bootstrap
from edgebench.workloads import load

USERS = (1, 2, 4)
FEWEST = 40  # requests for each number of users, where the job has so many
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Rates:
    """r(k) at the numbers of users measured, and what follows for each number between them."""

    arm: str
    users: tuple[int, ...]
    speeds: tuple[Estimate, ...]  # of lone work, done together; the first is 1 by definition
    runs: tuple[str, ...]

    def filled(self) -> tuple[float, ...]:
        """r(1), r(2), … up to the most users: between two that were measured, on the line that joins them."""
        values = [one.value or 0.0 for one in self.speeds]
        return tuple(np.interp(np.arange(1, max(self.users) + 1), self.users, values).tolist())


def measure_rates(
    plan: Plan,
    target: str,
    *,
    store: Store,
    keys: Mapping[str, str] | None = None,
    users: Sequence[int] = USERS,
    requests: int | None = None,
    job: Workload | None = None,
    say: Callable[[str], None] = lambda line: None,
    certify: bool = True,
) -> tuple[Run, ...]:
    """Runs of the target by 1, 2, … users, kept in the store.

    Raises
    ------
    NothingRan: interrupted, or one of them answered nothing.
    """
    job = own_items(plan, job or load(plan.workload, folder=Path(plan.folder), seeds=plan.seeds))
    count = requests or max(FEWEST, len(job.items))
    runs = []
    for k in users:
        say(f"{target}: {count} requests by {k} user{'s' * (k > 1)}")
        question = f"Capacity: how fast is {target} with {k} at once?"
        scenario = ScenarioSpec(kind="closed", users=k)
        runs.append(
            one_run(plan, target, scenario, count, question, store=store, keys=keys, job=job, say=say, certify=certify)
        )
        certify = False  # the instrument stays the same
    return tuple(runs)


def one_run(
    plan: Plan,
    target: str,
    scenario: ScenarioSpec,
    count: int,
    question: str,
    *,
    store: Store,
    keys: Mapping[str, str] | None = None,
    job: Workload | None = None,
    say: Callable[[str], None] = lambda line: None,
    certify: bool = True,
    shuffled: int = 0,
) -> Run:
    """``count`` steady requests to one target in one trial under one scenario, the cold one before them: a stored run.

    ``shuffled``: another number, another order of the items and another draw of the arrivals.

    Raises
    ------
    NothingRan: it ended before it was complete, or no request was answered.
    """
    job = own_items(plan, job or load(plan.workload, folder=Path(plan.folder), seeds=plan.seeds))
    alone, trial = one_trial(plan, target, job, scenario, count + 1, question, shuffled=shuffled)
    finished = execute(
        alone, store=store, keys=keys, fresh=True, say=say, workload=job, trials=(trial,), certify=certify
    )
    run = store.load(finished.run_id)
    if finished.why != "complete":
        raise NothingRan(f"{question} ended early: {finished.why}")
    if all(record.failure is not None for record in run.records):
        first = next((record.failure.message for record in run.records if record.failure), "no answer")
        raise NothingRan(f"{target} answered nothing: {first}")
    return run


def rates_of(runs: Sequence[Run], target: str) -> Rates:
    """r(k) from stored closed-loop runs of one target.

    Raises
    ------
    UsageError: none of them is by one user, or none by several, or they share no item.
    """
    found: dict[int, tuple[ArmColumns, str]] = {}
    for run in runs:
        for arm in columns(run).values():
            k = _users(arm)
            if arm.target == target and k is not None:
                found[k] = arm, run.id
    if 1 not in found or len(found) < 2:
        there = ", ".join(map(str, sorted(found))) or "none"
        raise UsageError(
            f"rates of {target} need closed-loop runs by one user and by several; by users there are: {there}",
            hint="--measure-rates makes them",
        )
    users = tuple(sorted(found))
    alone = _mean_by_item(found[1][0])
    speeds = tuple(_speed(k, alone, _mean_by_item(found[k][0])) for k in users)
    return Rates(found[1][0].arm, users, speeds, tuple(found[k][1] for k in users))


def _users(arm: ArmColumns) -> int | None:
    """How many users sent an arm's requests; None unless all its trials were the same closed loop."""
    names = {trial.scenario for trial in arm.trials}
    (name,) = names if len(names) == 1 else ("",)
    inside = name.removeprefix("closed(").removesuffix(")")
    return int(inside) if name.startswith("closed(") and inside.isdecimal() else None


def _mean_by_item(arm: ArmColumns) -> Mapping[int, float]:
    """Item → mean seconds from having been sent by a free user to the end, waiting for one's turn included."""
    digests = [record.item_digest for record in arm.records]
    took: dict[int, list[float]] = {}
    for place in np.flatnonzero(arm.steady & np.isfinite(arm.latency_ms)).tolist():
        took.setdefault(int(digests[place][:15], 16), []).append(float(arm.latency_ms[place]) / 1000)
    return {item: float(np.mean(each)) for item, each in took.items()}


def _speed(k: int, alone: Mapping[int, float], together: Mapping[int, float]) -> Estimate:
    shared = sorted(alone.keys() & together.keys())
    if not shared:
        raise UsageError("the runs by one user and by several have no item in common", hint="--measure-rates")
    one, many = (np.array([each[item] for item in shared]) for each in (alone, together))
    value = k * float(one.sum() / many.sum())
    if k == 1:
        return Estimate(1.0, 1.0, 1.0, len(shared), "by definition", LEVEL)
    weights = bootstrap.cluster_draws(len(shared), 1000, np.random.default_rng(k))
    drawn = k * bootstrap.ratios(weights, np.arange(len(shared)), one, many)
    low, high = bootstrap.interval(drawn, len(shared), LEVEL) or (None, None)
    method = f"mean time by one user ÷ by {k}, times {k}; the same {len(shared)} items, bootstrap over them"
    return Estimate(value, low, high, len(shared), method, LEVEL)
