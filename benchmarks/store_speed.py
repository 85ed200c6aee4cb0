"""The store: 10,000 records kept, read back and summarised"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.result import Result, of
from edgebench.metrics.summary import summarise
from edgebench.store import open_store
from tests.builders import Arm, run

ARMS = {f"arm-{k}": Arm(accuracy=0.6 + 0.03 * k, median_ms=20.0 * (k + 1)) for k in range(10)}


def measure() -> list[Result]:
    made = run(ARMS, items=1000)
    times: dict[str, list[float]] = {"written, batches of 10": [], "read back": [], "summarised": [], "together": []}
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(Path(folder) / "bench.db")
            store.begin(made.id, made.plan, made.workload, made.trials, created_at=made.created_at)
            store.add_segment(made.id, made.segments[0])
            for identity in made.identities.values():
                store.set_identity(made.id, identity)
            stamps = [time.perf_counter()]
            for start in range(0, len(made.records), 10):
                store.append(made.id, made.records[start : start + 10])
            store.add_scores(made.id, made.scores)
            stamps.append(time.perf_counter())
            loaded = store.load(made.id)
            stamps.append(time.perf_counter())
            summarise(loaded)
            stamps.append(time.perf_counter())
            store.close()
        for name, start, end in (
            ("written, batches of 10", 0, 1),
            ("read back", 1, 2),
            ("summarised", 2, 3),
            ("together", 0, 3),
        ):
            times[name].append(stamps[end] - stamps[start])
    return [of(name, values, "s", at_most=10 if name == "together" else None) for name, values in times.items()]
