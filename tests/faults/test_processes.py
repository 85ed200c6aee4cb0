"""Processes that hang, are killed for memory, or lose their parent: the failure has its name, and nothing stays."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from edgebench.errors import TargetError, UsageError
from edgebench.plan import load_plan
from edgebench.records import Parts, Request, TargetSpec
from edgebench.run.execute import execute
from edgebench.store import open_store
from edgebench.targets import confine, isolated
from edgebench.targets.isolated import Isolated
from tests.faults.scenes import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def gone(pids: list[int], within_s: float) -> list[int]:
    """Those that still run after so long; a zombie does not."""
    deadline = time.monotonic() + within_s
    while (left := [pid for pid in pids if _runs(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def test_a_stopped_worker_is_killed_with_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGSTOP, as a machine out of memory or a debugger would: after its time limit nothing of it is left."""
    monkeypatch.setattr(isolated, "GRACE_S", 0.3)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    engine = "tests.faults.engines:Parent"
    async with Isolated(Parts("t", TargetSpec("fake")), engine) as opened:
        (worker,) = opened.pids()
        children = [child.pid for child in psutil.Process(worker).children()]
        assert len(children) == 1
        os.kill(worker, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(TargetError) as caught:
            async for _ in opened.answer(Request((), "hi", timeout_s=0.3)):
                pass
        assert (caught.value.kind, caught.value.fatal) == ("hung", True)
        assert time.monotonic() - began < 5
        assert gone([worker, *children], within_s=1.0) == []


@pytest.mark.parametrize("how", ["killed", "quits"])
async def test_what_an_engine_started_does_not_outlive_it(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a worker ends, its children end with it."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with Isolated(Parts("t", TargetSpec("fake")), "tests.faults.engines:Parent") as opened:
        (worker,) = opened.pids()
        children = [child.pid for child in psutil.Process(worker).children()]
        if how == "killed":
            os.kill(worker, signal.SIGKILL)
            with pytest.raises(TargetError) as caught:
                async for _ in opened.answer(Request((), "hi", timeout_s=5.0)):
                    pass
            assert caught.value.kind == "crashed"
    assert len(children) == 1 and gone([worker, *children], within_s=1.0) == []


async def test_a_confined_worker_that_takes_too_much_is_out_of_memory_and_the_group_is_gone() -> None:
    """The plan's own memory limit: the kernel kills, the failure says so, and no control group stays behind."""
    spec = TargetSpec("fake", memory_limit="64MiB", options={"on": "answer", "how": "allocate", "number": 300})
    try:
        target = Isolated(Parts("t", spec), "edgebench.targets.fake:FakeEngine")
    except UsageError as exc:
        pytest.skip(str(exc))
    async with target as opened:
        assert target._confinement is not None
        group = target._confinement.group
        with pytest.raises(TargetError) as caught:
            async for _ in opened.answer(Request((), "hi", timeout_s=20.0)):
                pass
    assert (caught.value.kind, caught.value.fatal) == ("out_of_memory", True)
    assert not group.exists()
    assert confine.PREFIX in group.name


#: everything that is started for a run, held open; prints the pids of what runs below it
PARENT = """
import asyncio, json, sys
from pathlib import Path
import psutil
from edgebench.meters.sampled import Sampler
from edgebench.records import Identity, Parts, Request, TargetSpec
from edgebench.run.truth import TruthServer
from edgebench.targets.isolated import Isolated
from tests.targets.test_served import small

async def main():
    options = {"on": "answer", "how": "hold"}
    worker = Isolated(Parts("t", TargetSpec("fake", options=options)), "edgebench.targets.fake:FakeEngine")
    async with worker, TruthServer() as truth, small("well", Path(sys.argv[1])) as served:
        with Sampler() as sampler:
            sampler.mark("load", worker.pids(), trial_id="t")
            mine = [*worker.pids(), truth.pid, *served.pids(), sampler._process.pid]
            async for _ in worker.answer(Request((), "hi")):
                print(json.dumps(mine), flush=True)
                await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_kill_9_of_the_parent_leaves_no_orphan(tmp_path: Path) -> None:
    """Worker (stuck in C code), sampler, truth server and served engine are all gone within two seconds."""
    note = tmp_path / "note.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PARENT, str(note)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pids = json.loads(parent.stdout.readline())
        assert len(pids) == len(set(pids)) == 4 and all(map(_runs, pids))
        parent.kill()
        left = gone(pids, within_s=2.0)
    with contextlib.suppress(OSError, KeyError):  # the small server's own child had not asked to die with it
        os.kill(json.loads(note.read_text())["child"], signal.SIGKILL)
    assert left == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_kill_9_of_a_run_leaves_no_orphan_and_the_run_goes_on(tmp_path: Path) -> None:
    """The command itself, killed in the middle of a trial: nothing of it runs on, what it kept is there."""
    (tmp_path / "plan.yaml").write_text(
        "question: Does it go on?\n"
        "workload: {builtin: support-triage, items: 12}\n"
        "targets:\n  a: {kind: fake, options: {latency_ms: 40}}\n  b: {kind: fake, options: {latency_ms: 40}}\n"
    )
    store = tmp_path / "runs.db"
    command = [sys.executable, "-m", "edgebench", "run", str(tmp_path / "plan.yaml"), "--store", str(store)]
    command += ["--no-page", "--yes"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as parent:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and _records(store) < 3:
            time.sleep(0.1)
        below = [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]
        parent.kill()
        assert gone(below, within_s=2.0) == []
    assert _records(store) >= 3
    with open_store(store) as opened:
        again = execute(load_plan(tmp_path / "plan.yaml"), store=opened)
        run = opened.load(again.run_id)
    assert again.resumed and again.why == "complete"
    assert set(Counter(record.id for record in run.records).values()) == {1}
    assert len(run.records) == 24 and len(run.segments) == 2


def _records(store: Path) -> int:
    if not store.exists():
        return 0
    with open_store(store) as opened:
        return sum(int(row["records"]) for row in opened.runs())
