"""What is sensed beside the requests."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator

import pytest

from edgebench.meters.host import Host, _tree_seconds, device_name, fingerprint
from edgebench.meters.memory import Memory, tree

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's high-water mark is Linux's")
MIB = 2**20


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    """A process that allocates the MiB it is told to, frees them at once, and says so."""
    code = "import sys\nfor line in sys.stdin:\n    b = bytearray(int(line) << 20); del b\n    print('ok', flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def touch(child: subprocess.Popen[str], mib: int) -> None:
    assert child.stdin and child.stdout
    child.stdin.write(f"{mib}\n")
    child.stdin.flush()
    assert child.stdout.readline() == "ok\n"


def peak(child: subprocess.Popen[str]) -> float:
    readings = {r.quantity: r.value for r in Memory().mark("steady", [child.pid], trial_id="t")}
    return readings["peak_bytes"] / MIB


@linux
def test_memory_that_was_freed_at_once_is_still_in_the_peak(child: subprocess.Popen[str]) -> None:
    """The high-water mark is the kernel's, so memory held for a moment is seen without any polling."""
    touch(child, 0)
    before = peak(child)
    touch(child, 120)
    assert peak(child) - before == pytest.approx(120, abs=2)


@linux
def test_each_phase_has_its_own_peak(child: subprocess.Popen[str]) -> None:
    """After a mark the peak starts again from what is resident."""
    touch(child, 120)
    first = peak(child)
    touch(child, 10)
    assert peak(child) < first - 90


@linux
def test_child_processes_are_counted(child: subprocess.Popen[str]) -> None:
    """The tree below a root is summed."""
    alone = peak(child)
    readings = {r.quantity: r.value for r in Memory().mark("steady", [os.getpid()], trial_id="t")}
    assert child.pid in tree([os.getpid()])
    assert readings["rss_bytes"] / MIB > alone


def test_a_process_that_is_gone_has_no_readings() -> None:
    """Absent, not zero."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert Memory().mark("steady", [process.pid], trial_id="t") == []
    assert Memory().mark("steady", [], trial_id="t") == []


BURN = "import time\nend=time.process_time()+0.3\nwhile time.process_time()<end: pass\nprint('ok',flush=True)\ninput()"


def test_cpu_of_our_own_children_counts_as_ours() -> None:
    """What a target's process burns is in the tree's CPU seconds while it lives, and after it was reaped."""
    before = _tree_seconds([os.getpid()])
    with subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdout.readline() == b"ok\n"
        assert _tree_seconds([os.getpid()]) - before >= 0.29
        child.communicate(b"\n")
    assert _tree_seconds([os.getpid()]) - before >= 0.29


def test_the_share_of_others_spans_ready_to_last_answer() -> None:
    """The first mark sets the start; only the end of the steady phase gives a reading, between none and all."""
    meter = Host()
    assert {one.quantity for one in meter.mark("load", [], trial_id="t")} <= {"cpu_mhz"}
    assert meter.mark("first", [], trial_id="t") == []
    found = {one.quantity: one.value for one in meter.mark("steady", [], trial_id="t")}
    assert found["other_cpu_seconds"] >= 0
    assert found["machine_cpu_seconds"] > 0


def test_the_fingerprint_names_the_machine_and_nobody() -> None:
    """CPU, cores, memory, system are there; host and user names are not."""
    facts = fingerprint()
    assert {"cpu", "cores", "memory_bytes", "system", "python"} <= set(facts)
    text = repr(facts) + device_name()
    assert platform.node() not in text or len(platform.node()) < 4
