"""What the faults happen to: a server in a process of its own, plans, and a store that was run into."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edgebench.records import Columns, Plan, Run, TargetSpec, WorkloadSpec
from edgebench.run.execute import Finished, execute
from edgebench.store import open_store

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def truth_process() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server that speaks OpenAI's protocol, and its port; the model asked for says how it answers."""
    command = [sys.executable, "-P", "-m", "edgebench.run.truth_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def endpoint(port: int, model: str = "fixed?chunks=4&first_ms=4&gap_ms=2", **spec: Any) -> TargetSpec:
    """A target behind that port of this machine, which tries nothing twice unless told."""
    given = {"kind": "openai", "model": model, "base_url": f"http://127.0.0.1:{port}/v1", "retries": 0}
    return TargetSpec(**{**given, **spec})


def plan(folder: Path, targets: dict[str, TargetSpec], *, items: int = 20, **fields: Any) -> Plan:
    """So many short messages for each target, in one block unless told."""
    lines = [json.dumps({"input": f"message {k}", "reference": "x"}) for k in range(items)]
    (folder / "items.jsonl").write_text("\n".join(lines), encoding="utf-8")
    workload = WorkloadSpec(
        file="items.jsonl", columns=Columns(reference="reference"), output="text", scorers=("text",)
    )
    return Plan("Does it run?", workload, targets, **{"blocks": 1, "folder": str(folder), **fields})


def carried_out(
    blueprint: Plan, folder: Path, progress: Callable[[int, int, str], None] = lambda done, total, arm: None
) -> tuple[Finished, Run]:
    """How the plan ended, and the run as it is stored."""
    with open_store(folder / "runs.db") as store:
        finished = execute(blueprint, store=store, progress=progress)
        return finished, store.load(finished.run_id)
