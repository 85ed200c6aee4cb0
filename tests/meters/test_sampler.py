"""The sampler: sees the tree from outside, costs next to nothing, says so, and outlives nobody."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from edgebench.meters.sampled import Sampler
from edgebench.meters.sampler import family, resident_bytes, summed

MIB = 2**20
FAMILY = """
import subprocess, sys
code = "b = bytearray(40 << 20); print('up', flush=True); input()"
children = [subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(2)]
[child.stdout.readline() for child in children]
print("up", flush=True)
input()
for child in children:
    child.communicate(b"\\n")
print("alone", flush=True)
input()
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """A process with two children of 40 MiB each."""
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "up\n"
        yield process
        process.kill()


def end_children(parent: subprocess.Popen[str]) -> None:
    assert parent.stdin and parent.stdout
    parent.stdin.write("\n")
    parent.stdin.flush()
    assert parent.stdout.readline() == "alone\n"


def told(sampler: Sampler, phase: str, pids: list[int]) -> dict[str, float]:
    return {one.quantity: one.value for one in sampler.mark(phase, pids, trial_id="t")}


def test_the_peak_is_of_the_tree_together_and_belongs_to_its_phase(parent: subprocess.Popen[str]) -> None:
    """Two children count while they live, and no longer in the phase after."""
    with Sampler() as sampler:
        assert told(sampler, "load", [parent.pid]) == {}
        first = told(sampler, "first", [parent.pid])
        end_children(parent)
        sampler.mark("first", [parent.pid], trial_id="t")  # the phase in which they ended
        last = told(sampler, "steady", [parent.pid])
    assert 80 * MIB < first["tree_peak_bytes"] < 160 * MIB
    assert last["tree_peak_bytes"] < 40 * MIB
    assert first["samples"] >= 1


def test_it_samples_no_more_than_twice_a_second_and_tells_its_own_cpu(parent: subprocess.Popen[str]) -> None:
    """1.2 s hold two or three looks (one more when asked), which cost milliseconds."""
    with Sampler() as sampler:
        told(sampler, "load", [parent.pid])
        time.sleep(1.2)
        found = told(sampler, "steady", [parent.pid])
    assert 2 <= found["samples"] <= 4
    assert 0 <= found["sampler_cpu_seconds"] < 0.1


def test_nothing_to_watch_means_no_process_and_no_readings() -> None:
    """A hosted target's trial starts none."""
    with Sampler() as sampler:
        before = len(psutil.Process().children())
        for phase in ("load", "first", "steady"):
            assert sampler.mark(phase, [], trial_id="t") == []
        assert len(psutil.Process().children()) == before


def test_a_sampler_that_died_is_absent_not_zero(parent: subprocess.Popen[str]) -> None:
    """Its readings are missing, the run goes on, and the next trial has another."""
    with Sampler() as sampler:
        told(sampler, "load", [parent.pid])
        child = next(one for one in psutil.Process().children() if "edgebench.meters.sampler" in one.cmdline())
        child.kill()
        child.wait()
        assert told(sampler, "first", [parent.pid]) == {}
        assert told(sampler, "steady", [parent.pid]) == {}
        told(sampler, "load", [parent.pid])
        assert told(sampler, "steady", [parent.pid])["samples"] >= 1


ORPHAN = """
import os, signal, psutil
from edgebench.meters.sampled import Sampler
sampler = Sampler()
sampler.mark("load", [os.getpid()], trial_id="t")
print([child.pid for child in psutil.Process().children()][0], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_it_ends_with_its_parent_even_one_that_was_killed() -> None:
    """No orphan stays behind a ``kill -9``."""
    done = subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the sampler outlived its parent"
        time.sleep(0.02)


def test_a_process_that_is_gone_holds_nothing(parent: subprocess.Popen[str]) -> None:
    """It is not summed; a tree of nothing but the gone has no sum."""
    assert len(family(parent.pid)) == 3
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert summed([gone.pid], resident_bytes) is None
    assert summed([gone.pid, parent.pid], resident_bytes) == pytest.approx(
        summed([parent.pid], resident_bytes), rel=0.01
    )
