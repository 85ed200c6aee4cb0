"""Capacity: predicted and measured latency of a real llama.cpp target under open-loop load, on the same arrivals

SmolLM2 135M Q4_1 in one thread, answers of a few tokens to prompts of 3 to 18 words. Poisson arrivals at three loads,
each in four blocks; before and after every block a closed loop by two users calibrates each item's time and how soon a
request follows the one before, so that a machine that grows slower by the minute is met half-way. Each block is
replayed on its own arrivals with every item's calibrated time; the range says what the requests' own times would have
predicted, and where measurements with fresh arrivals would lie. A core is left to the client: an engine that takes all
of them is slowed by whoever asks it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.result import Result
from edgebench.decide.replay import times_of, unit_of
from edgebench.metrics.table import ArmColumns, columns
from edgebench.metrics.verdict import invalid
from edgebench.records import Plan, Run, ScenarioSpec, TargetSpec, Workload, WorkloadSpec
from edgebench.run.concurrency import one_run
from edgebench.run.pooling import pooled
from edgebench.run.validate import Replayed, Validation, point, rate_at, replayed, weighed
from edgebench.store import open_store
from edgebench.store.sql import SqlStore
from edgebench.workloads import load

LOADS = (0.5, 0.7, 0.85)
REQUESTS = int(os.environ.get("EDGEBENCH_REPLAY_REQUESTS", "800"))  # at each load; fewer only show that it runs
BLOCKS = 4
ITEMS = 100  # each of them in every calibration
WORDS = (3, 18)
TOKENS = 4
MOST = {"p50": 0.10, "p95": 0.10, "p99": 0.15}
TARGET = "smollm2"
PLAN = Plan(
    question="Does a replay predict what a queue does?",
    workload=WorkloadSpec(builtin="support-triage", items=ITEMS),
    targets={
        TARGET: TargetSpec(
            kind="llama.cpp",
            model="smollm2-135m-q4_1",
            options={"threads": 1, "prompt_cache": "warm", "confidence": "none"},
        )
    },
)


def measure() -> list[Result]:
    """About twelve minutes at 800 requests a load and 120 ms a request."""
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "runs.db") as store:
        return _measure(store, job())


def job() -> Workload:
    """The first words of support messages, to be answered in a few tokens."""
    whole = load(PLAN.workload, folder=Path(), seeds=PLAN.seeds)
    least, most = WORDS
    items = [
        replace(item, input=" ".join(item.text.split()[: least + place % (most - least + 1)]), reference=None)
        for place, item in enumerate(whole.items)
    ]
    task = replace(whole.task, output="text", instruction="", choices=(), descriptions={}, max_tokens=TOKENS)
    items = items[: max(10, REQUESTS)]
    return replace(whole, items=tuple({item.digest: item for item in items}.values()), task=task, scorers=(), pool=())


def _measure(store: SqlStore, asked: Workload) -> list[Result]:
    before, out = _calibrated(store, asked, 0), []
    for load_number, at in enumerate(LOADS, 1):
        rng, parts, runs, known = np.random.default_rng(load_number), [], [], [before]
        for block in range(BLOCKS):
            number = 10 * load_number + block
            count, unit, times = REQUESTS // BLOCKS, unit_of(_arm(before)), times_of(_arm(before))
            rate = rate_at(at, unit, times)
            told = f"{count} requests of {1000 * times.mean_hold_s:.0f} ms, about {count / rate:.0f} s"
            print(f"load {at}, block {block + 1} of {BLOCKS}: {told}", file=sys.stderr)
            run = _run(store, asked, point(rate), count, number)
            after = _calibrated(store, asked, number)
            parts.append(replayed(_arm(pooled([before, after])), _arm(run), rng=rng, unit=unit))
            runs.append(run)
            known.append(after)
            before = after
        whole, measured = _arm(pooled(known)), _arm(pooled(runs))
        found = weighed(Replayed.together(parts), whole, measured, rng=rng, unit=unit_of(whole))
        verdicts = [why for run in runs for why in invalid(run, columns(run))]
        out += _rows(found, at, verdicts[0] if verdicts else "VALID")
    return out


def _calibrated(store: SqlStore, asked: Workload, number: int) -> Run:
    """Two users, so that there is always one waiting: every item once."""
    return _run(store, asked, ScenarioSpec(kind="closed", users=2), len(asked.items), 100 + number)


def _run(store: SqlStore, asked: Workload, scenario: ScenarioSpec, count: int, number: int) -> Run:
    question = f"replay, part {number}"
    return one_run(PLAN, TARGET, scenario, count, question, store=store, job=asked, certify=False, shuffled=number)


def _arm(run: Run) -> ArmColumns:
    (arm,) = columns(run).values()
    return arm


def _rows(found: Validation, at: float, verdict: str) -> list[Result]:
    slower = found.slower
    known = f"{found.handovers} of {found.calibrated} calibrated back to back"
    note = f"{found.rate:.2f} requests a second; {known}; {verdict}"
    span = f"{slower.low:.3f} … {slower.high:.3f}" if slower.low and slower.high else ""
    rows = [
        Result(f"load {at}: same items, under load / calibrated", slower.value, "×", slower.n, span, note=note),
    ]
    for one in found.quantiles:
        if one.error is None or one.measured is None or one.predicted is None:
            rows.append(Result(f"load {at}: {one.name}", None, "", found.n, note="never answered"))
            continue
        told = (
            f"measured {one.measured:.0f} ms, predicted {one.predicted:.0f}, by their own times {one.own or 0:.0f}; "
            f"fresh {one.low:.0f} … {one.high:.0f}"
            f"{'' if one.covered else ', not covered'}"
        )
        most = MOST[one.name]
        what, goal = f"load {at}: {one.name}, predicted / measured − 1", f"within ± {100 * most:.0f} %"
        rows.append(Result(what, 100 * one.error, "%", found.n, told, goal, abs(one.error) <= most))
    return rows


if __name__ == "__main__":
    for row in measure():
        print(row)
