"""The harness: CPU of EdgeBench for one item against a target that does nothing"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.result import Result, of
from edgebench.records import Plan, TargetSpec, Workload, WorkloadSpec
from edgebench.run.execute import execute
from edgebench.store import open_store
from edgebench.workloads import load

PASSES = 5


def measure() -> list[Result]:
    plan = Plan(
        question="What does the harness cost?",
        workload=WorkloadSpec(builtin="support-triage"),
        targets={"null": TargetSpec(kind="fake", options={"latency_ms": 0.0, "spread": 0.0})},
    )
    job = load(plan.workload, folder=Path(), seeds=plan.seeds)
    return [of("CPU per item, null target", [_once(plan, job) for _ in range(PASSES)], "ms", at_most=2.0)]


def _once(plan: Plan, job: Workload) -> float:
    """CPU ms per item of this process: asking, recording, storing, scoring; start-up of the run included."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "bench.db")
        before = time.process_time()
        execute(plan, store=store, workload=job, fresh=True, certify=False)  # no item's cost
        spent = time.process_time() - before
        store.close()
    return spent * 1e3 / len(job.items)
