"""The sampler: a small process that looks at the target's process tree twice a second, from outside.

The kernel's high-water marks say how much each process held at its own worst moment. The sampler says how much the
tree held *together*, and sees children that came and went between two phases. It is polite (nice 10), reads one
short line of the kernel's a process, answers only when asked, and reports the CPU time it took itself.
Where it is not Linux, psutil gives the resident sets; where neither can, there are no readings.

Run as ``python -m edgebench.meters.sampler`` (see ``sampled.py``): lines ``watch PID PID …`` and ``report`` on stdin;
every ``report`` is answered by one JSON line on stdout and starts a new phase. When stdin ends, its parent is gone
and so is it.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

PERIOD_S = 0.5  # 2 Hz at most
NICE = 10


def summed(roots: Iterable[int], resident: Callable[[int], int | None]) -> int | None:
    """Bytes the living processes among ``roots`` and their descendants hold together; None when none lives."""
    held = [size for pid in roots for one in family(pid) if (size := resident(one)) is not None]
    return sum(held) if held else None


def family(root: int) -> list[int]:
    """A process and all its descendants."""
    if sys.platform != "linux":
        return _family_elsewhere(root)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += [child for child in _children(pid) if child not in found]
    return found


def _children(pid: int) -> list[int]:
    """The kernel keeps children by the thread that started them."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    out: list[int] = []
    for thread in threads:
        try:
            out += map(int, (thread / "children").read_bytes().split())
        except OSError:
            continue
    return out


def _family_elsewhere(root: int) -> list[int]:
    import psutil

    try:
        return [root, *(child.pid for child in psutil.Process(root).children(recursive=True))]
    except psutil.Error:
        return []


def resident_bytes(pid: int) -> int | None:
    """Resident set of a process; None when it is gone, a zombie, or not ours to look at."""
    if sys.platform == "linux":
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
        except (OSError, IndexError):
            return None
        return pages * os.sysconf("SC_PAGE_SIZE") or None
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(NICE)
    words: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(words,), daemon=True).start()
    roots: list[int] = []
    samples, peak, cpu = 0, 0, time.process_time()
    while True:
        try:
            word, *rest = words.get(timeout=PERIOD_S if roots else None).split()
        except queue.Empty:
            word, rest = "", []
        if word == "watch":
            roots = [int(pid) for pid in rest]
            continue
        held = summed(roots, resident_bytes)
        if held is not None:
            samples, peak = samples + 1, max(peak, held)
        if word == "report":
            now = time.process_time()
            told = {"samples": samples, "tree_peak_bytes": peak or None, "sampler_cpu_seconds": now - cpu}
            sys.stdout.write(f"{json.dumps(told)}\n")
            sys.stdout.flush()
            samples, peak, cpu = 0, 0, now


def _listen(words: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        if line.strip():
            words.put(line)
    os._exit(0)  # the parent is gone


if __name__ == "__main__":
    main()
