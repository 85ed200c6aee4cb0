"""Whether memory is weighed right: a child that holds what it is told to, and the meter that runs have.

The child touches every page itself, so what it holds is known. A peak of 5 ms is seen only by the kernel's high-water
mark; a mapped file belongs to the files, what the process made to itself.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

import psutil

from edgebench.meters.memory import Memory
from edgebench.records import Reading
from edgebench.run.certifying.scoring import Check, absent, check
from edgebench.targets.isolated import environment

MB, MIB = 1e6, 2**20
PEAKS_MIB = (64, 256)  # rising: where no kernel resets the mark, each is still a peak of its own
FILE_MIB, HELD_MIB = 64, 32
STOP_S = 10.0
IN_MEMORY = ("tmpfs", "ramfs")  # file systems whose pages count as shared memory

Weight = Mapping[str, float]  # quantity → bytes

#: Does what each line says and answers "ok". Standard library only, on every system.
CHILD = """
import mmap, sys, time
PAGE, kept = mmap.PAGESIZE, []
OWN = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_ANONYMOUS") else {}
def block(mib):
    area = mmap.mmap(-1, int(mib) << 20, **OWN)
    for at in range(0, len(area), PAGE):
        area[at] = 1
    return area
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "touch":
        with block(rest):
            time.sleep(0.005)
    elif word == "hold":
        kept.append(block(rest))
    elif word == "map":
        with open(rest, "rb") as file:
            area = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        kept.append((area, sum(area[at] for at in range(0, len(area), PAGE))))
    print("ok", flush=True)
"""


class Meter(Protocol):
    """What is examined."""

    def mark(self, phase: str, pids: Sequence[int], *, trial_id: str) -> list[Reading]: ...


class Child:
    """The child's process and the meter that weighs it; it ends with its standard input, whatever becomes of us."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    async def __aenter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: ASYNC220  milliseconds, and nothing here is timed
            [sys.executable, "-P", "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Once more does no harm."""
        if self._process.returncode is not None:
            return
        try:
            self._process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    async def weigh(self, order: str) -> Weight | None:
        """What the meter says when the order is done; None when the child is gone, so nothing was weighed."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101  pipes were asked for
        try:
            stdin.write(f"{order}\n".encode())
            stdin.flush()
        except OSError:
            return None
        if (await asyncio.to_thread(stdout.readline)).strip() != b"ok":
            return None
        marked = self._meter.mark("steady", [self._process.pid], trial_id="certify")
        return {one.quantity: one.value for one in marked}


async def weights(meter: Meter | None = None) -> list[Check]:
    """Short peaks, and what is backed by a file apart from what is not. ``meter``: for tests."""
    async with Child(meter or Memory()) as child:
        before = await child.weigh("nothing")
        peaks = [_peak(mib, before, await child.weigh(f"touch {mib}")) for mib in PEAKS_MIB]
    async with Child(meter or Memory()) as child:
        return [*peaks, *await _split(child)]


def _peak(mib: int, before: Weight | None, after: Weight | None) -> Check:
    name, true = f"memory-peak-{mib}-off", mib * MIB
    limit = max(0.01 * true, 2 * MB) / MB
    if before is None or after is None:
        return check(name, float("nan"), limit, unit="MB", n=0, note="the child is gone")
    if "peak_bytes" not in after or "rss_bytes" not in before:
        return absent(name, "MB", "this system keeps no peak of a process's memory")
    seen = after["peak_bytes"] - before["rss_bytes"]
    note = f"{mib} MiB touched for 5 ms, {seen / MIB:.4g} MiB seen"
    return check(name, abs(seen - true) / MB, limit, unit="MB", n=1, note=note)


async def _split(child: Child) -> list[Check]:
    before = await child.weigh("nothing")
    with tempfile.TemporaryDirectory(prefix="edgebench-") as folder:
        file = Path(folder) / "mapped"
        with file.open("wb") as out:
            for _ in range(FILE_MIB):
                out.write(b"\x01" * MIB)
        mapped = await child.weigh(f"map {file}")
        held = await child.weigh(f"hold {HELD_MIB}")
        await child.__aexit__()  # a mapped file cannot be removed on every system
        kind = file_system(Path(folder))
    in_memory = f"the temporary folder is in memory ({kind}): it has no files to map" if kind in IN_MEMORY else ""
    return [
        _share("file", FILE_MIB, before, mapped, in_memory),
        _share("anon", HELD_MIB, mapped, held),
    ]


def _share(kind: str, mib: int, before: Weight | None, after: Weight | None, why: str = "") -> Check:
    name, quantity = f"memory-{kind}-off", f"{kind}_bytes"
    if before is None or after is None:
        return check(name, float("nan"), 2.0, unit="%", n=0, note="the child is gone")
    if why or quantity not in before or quantity not in after:
        return absent(name, "%", why or "this system does not tell file-backed memory from a process's own")
    seen = after[quantity] - before[quantity]
    what = "of a file mapped" if kind == "file" else "held"
    note = f"{mib} MiB {what}, {seen / MIB:.4g} MiB seen"
    return check(name, 100 * abs(seen / (mib * MIB) - 1), 2.0, unit="%", n=1, note=note)


def file_system(folder: Path) -> str:
    """The kind of file system a folder is on; "" where none is known."""
    at = folder.resolve()
    mounts = {Path(one.mountpoint): one.fstype for one in psutil.disk_partitions(all=True)}
    return next((mounts[place] for place in (at, *at.parents) if place in mounts), "")
