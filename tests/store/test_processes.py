"""Several processes at one store, and processes that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from edgebench.store import open_store
from tests.builders import Arm, run

ROOT = Path(__file__).parents[2]
MADE = run({"a": Arm()}, items=1500, blocks=1)

#: appends batches to a run until it is done or killed, and says after each how many are there
WRITER = """
import sys
from edgebench.store import open_store
from tests.store.test_processes import MADE
place, run_id, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(place)
done = store.done(run_id)
left = [record for record in MADE.records if record.id not in done]
for k in range(0, len(left), batch):
    store.append(run_id, left[k : k + batch])
    print(*(record.id for record in left[k : k + batch]), flush=True)
store.close()
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_killed_process_loses_nothing_it_was_told_is_stored(tmp_path: Path) -> None:
    """``kill -9`` at five moments: every record acknowledged is there, whole and once; the rest goes on."""
    place, moments = tmp_path / "runs.db", random.Random(7)
    with open_store(place) as store:
        store.begin("r", MADE.plan, MADE.workload, MADE.trials, created_at="2026-01-01T00:00:00Z")
    told: set[str] = set()
    for _ in range(5):
        writer = start(WRITER, place, "r", moments.choice((1, 3, 10)))
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.25))
        writer.send_signal(signal.SIGKILL)
        out, _ = writer.communicate()
        whole_lines = (first + out).rpartition("\n")[0]
        told |= set(whole_lines.split())
    with open_store(place) as store:
        loaded = store.load("r").records
    ids = [record.id for record in loaded]
    assert told
    assert told <= set(ids)
    assert len(ids) == len(set(ids))
    assert {record.id: record for record in MADE.records if record.id in set(ids)} == {r.id: r for r in loaded}


def test_two_runs_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Two processes write into one new file, from its very making on; both runs are whole."""
    place = tmp_path / "runs.db"
    program = (
        "import sys; from edgebench.store import open_store; from tests.store.test_processes import MADE\n"
        "open_store(sys.argv[1]).begin(sys.argv[2], MADE.plan, MADE.workload, MADE.trials, created_at='x')\n" + WRITER
    )
    writers = [start(program, place, run_id, 40) for run_id in ("one", "two")]
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors
    with open_store(place) as store:
        assert store.load("one").records == store.load("two").records == MADE.records


def test_a_run_that_is_running_is_not_resumed_by_another_process(tmp_path: Path) -> None:
    """The same command typed twice: the second does not step into the first; once that is killed, it resumes it."""
    place = tmp_path / "runs.db"
    program = (
        "import sys, time; from edgebench.store import open_store; from tests.store.test_processes import MADE\n"
        "from dataclasses import replace\n"
        "store = open_store(sys.argv[1])\n"
        "store.begin('r', MADE.plan, MADE.workload, MADE.trials, created_at='x')\n"
        "store.add_segment('r', replace(MADE.segments[0], ended_at=None, ended_why=None))\n"
        "print('ready', flush=True); time.sleep(60)\n"
    )
    runner = start(program, place)
    assert runner.stdout is not None
    runner.stdout.readline()
    with open_store(place) as store:
        assert store.find(MADE.plan.digest, MADE.workload.digest) is None
        runner.kill()
        runner.communicate()
        assert store.find(MADE.plan.digest, MADE.workload.digest) == "r"
        store.add_segment("r", replace(MADE.segments[0], id="s2", number=2, ended_at=None, ended_why=None))
        assert store.find(MADE.plan.digest, MADE.workload.digest) == "r"
