"""What ``edgebench capacity`` asks the real target: how fast it is with several at once, and one open-loop point."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edgebench.cli.options import say
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from edgebench.decide.replay import Unit
    from edgebench.metrics.table import ArmColumns
    from edgebench.records import Plan, Run, Workload
    from edgebench.run.concurrency import Rates
    from edgebench.run.validate import Validation
    from edgebench.store.sql import SqlStore


def measured_rates(run: Run, arm: ArmColumns, store: SqlStore, *, yes: bool, certify: bool) -> Rates:
    """r(k) at 1, 2 and 4 users, measured now; the runs are kept."""
    from edgebench.run.concurrency import measure_rates, rates_of

    plan, keys = _ready(run, arm, yes=yes)
    made = measure_rates(plan, arm.target, store=store, keys=keys, job=_job(run), say=say, certify=certify)
    return rates_of(made, arm.target)


def stored_rates(store: SqlStore, names: Sequence[str], arm: ArmColumns) -> Rates:
    """r(k) from runs made before."""
    from edgebench.run.concurrency import rates_of

    return rates_of([store.load(store.resolve(name)) for name in names], arm.target)


def validated(
    run: Run, arm: ArmColumns, unit: Unit, store: SqlStore, at_load: float, requests: int, *, yes: bool, certify: bool
) -> tuple[Validation, str | None]:
    """One measured point and its prediction; and why the point is INVALID, if it is."""
    from edgebench.decide.replay import times_of
    from edgebench.metrics.observed import generator
    from edgebench.metrics.table import columns
    from edgebench.metrics.verdict import invalid
    from edgebench.run.concurrency import one_run
    from edgebench.run.validate import point, rate_at, validate

    plan, keys = _ready(run, arm, yes=yes)
    times = times_of(arm)
    if not times.n or not times.mean_hold_s > 0:
        raise UsageError(f"{arm.arm} has no answered request to predict from", hint="edgebench run PLAN")
    rate = rate_at(at_load, unit, times)
    say(f"{arm.target}: {requests} requests at {rate:.3g}/s, about {requests / rate:.0f} s")
    question = f"Capacity: is {arm.target} at load {at_load:g} what a replay predicts?"
    measured = one_run(
        plan, arm.target, point(rate), requests, question, store=store, keys=keys, job=_job(run), say=say,
        certify=certify,
    )  # fmt: skip
    table = columns(measured)
    found = validate(arm, next(iter(table.values())), rng=generator(run, "validate"), unit=unit)
    return found, next(invalid(measured, table), None)


def _ready(run: Run, arm: ArmColumns, *, yes: bool) -> tuple[Plan, dict[str, str]]:
    """The run's plan with this arm's prompting, and the keys its target needs."""
    from edgebench.cli.confirm import confirm, resolve_keys
    from edgebench.plan import key_pairs
    from edgebench.run.points import one_target

    if arm.target not in run.plan.targets:
        raise UsageError(
            f"{arm.target!r} is no target of one plan: live measuring needs a single run", hint="name one RUN"
        )
    spec = replace(run.plan.targets[arm.target], prompting=arm.trials[0].prompting)
    plan = one_target(replace(run.plan, targets={**run.plan.targets, arm.target: spec}), arm.target)
    keys = resolve_keys(plan, os.environ)
    confirm(key_pairs(plan), yes=yes)
    return plan, keys


def _job(run: Run) -> Workload | None:
    """The very items of the run, where their texts were kept; else they are read again from where the plan says."""
    return run.workload if run.plan.texts == "keep" else None
