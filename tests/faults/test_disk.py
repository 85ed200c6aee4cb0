"""The disk is full in the middle of a run: one sentence, exit 2, and the same command goes on when there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebench.plan import load_plan
from edgebench.run.execute import execute
from edgebench.store import open_store

PLAN = """\
question: Does it run?
workload: {builtin: support-triage, items: 48}
targets:
  a: {kind: fake, options: {latency_ms: 0.5, chunks: 4}}
  b: {kind: fake, options: {latency_ms: 0.5, chunks: 4}}
repeats: 2
"""


MOUNT, UNMOUNT = shutil.which("mount"), shutil.which("umount")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, where we may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    if MOUNT is None or UNMOUNT is None:
        pytest.skip("there is no mount here")
    command = [MOUNT, "-t", "tmpfs", "-o", "size=1m", "edgebench-test", str(place)]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield place
    subprocess.run([UNMOUNT, str(place)], check=True)


def run(folder: Path, store: Path) -> subprocess.CompletedProcess[str]:
    (folder / "plan.yaml").write_text(PLAN, encoding="utf-8")
    command = [sys.executable, "-m", "edgebench", "run", str(folder / "plan.yaml"), "--store", str(store)]
    return subprocess.run([*command, "--no-page", "--yes"], capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_when_there_is_room(tmp_path: Path, small_disk: Path) -> None:
    """Nothing that was stored is lost or repeated; what was under way when the disk was full is asked again."""
    store = small_disk / "runs.db"
    done = run(tmp_path, store)
    lines = [line for line in done.stderr.splitlines() if "requests" not in line]  # without the line of progress
    assert done.returncode == 2
    assert len(lines) == 2, done.stderr
    assert lines[0].endswith("the disk is full") and lines[0].startswith("error: the store ")
    assert "type the same command again" in lines[1]
    subprocess.run([str(MOUNT), "-o", "remount,size=64m", str(small_disk)], check=True)
    with open_store(store) as opened:
        before = {record.id: record for record in opened.load(opened.resolve("last")).records}
        assert 0 < len(before) < 192
        again = execute(load_plan(tmp_path / "plan.yaml"), store=opened)
        after = opened.load(again.run_id).records
    assert again.resumed and again.why == "complete"
    assert set(Counter(record.id for record in after).values()) == {1} and len(after) == 192
    assert before.items() <= {record.id: record for record in after}.items()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes")
def test_a_file_that_may_not_grow_is_one_sentence(tmp_path: Path) -> None:
    """A quota of the process instead of a full disk: the same exit code, no traceback, nothing stored is lost."""
    store, plan = tmp_path / "runs.db", tmp_path / "plan.yaml"
    plan.write_text(PLAN, encoding="utf-8")
    program = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000));"
        "sys.argv = ['edgebench', 'run', sys.argv[1], '--store', sys.argv[2], '--no-page', '--yes'];"
        "runpy.run_module('edgebench', run_name='__main__')"
    )
    command = [sys.executable, "-c", program, str(plan), str(store)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and done.stderr.count("error: ") == 1
    with open_store(store) as opened:
        kept = opened.load(opened.resolve("last")).records
    assert 0 < len(kept) < 192 and all(record.calls for record in kept)
