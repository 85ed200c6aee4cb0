"""How fast this machine's memory is: two seconds of copying and reading arrays far larger than any cache.

*Copy* counts what is read plus what is written, as STREAM does (McCalpin 1995, tinymembench counts half of it). The
lines a copy makes the processor fetch before it overwrites them are not counted, so the bus carries up to half as
much again. *Read* counts what is read, and is what a language model does to its weights for every token; on a
Raspberry Pi 5 decoding runs at 0.84 to 0.91 of it, and above the copy of four threads (ggml-org/llama.cpp#26484).

Each is done by 1, 2, … and all threads (numpy lets go of the interpreter's lock meanwhile); the best pass counts,
for other work and page faults only ever slow a pass down. More threads are not always faster: on that same board one
copies 10.2 GB/s and four 6.2.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

BUDGET_S = 2.0
TIMES_CACHE = 4  # STREAM's rule: an array holds at least four times the last-level cache
LEAST_BYTES, MOST_BYTES = 32 * 2**20, 512 * 2**20  # above, filling the arrays would take the time for measuring
UNKNOWN_CACHE = 32 * 2**20  # taken where the system does not tell: a laptop's is smaller
MOST_OF_MEMORY = 4  # both arrays together take at most a quarter of what is free
SCALE = {"K": 2**10, "M": 2**20, "G": 2**30}

Words = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """GB/s by number of threads (1 GB = 10⁹ bytes); empty with ``why_absent`` where it could not be measured."""

    copy_gb_s: Mapping[int, float]  # bytes read + bytes written
    read_gb_s: Mapping[int, float]
    array_bytes: int
    passes: int  # in all
    seconds: float  # all it took
    why_absent: str | None = None

    @property
    def best_copy(self) -> float | None:
        return max(self.copy_gb_s.values(), default=None)

    @property
    def best_read(self) -> float | None:
        return max(self.read_gb_s.values(), default=None)


def probe(
    *, budget_s: float = BUDGET_S, array_bytes: int | None = None, clock: Callable[[], float] = time.perf_counter
) -> Bandwidth:
    """Measure for at most ``budget_s`` seconds, filling the arrays included.

    ``array_bytes``: of each of the two arrays, instead of four times the last-level cache (at most 512 MiB). A machine
    so slow or so short of memory that it cannot be done within the limits has an absent bandwidth, with the reason.
    """
    began = clock()
    wanted = TIMES_CACHE * (last_level_cache() or UNKNOWN_CACHE)
    size = array_bytes or min(max(LEAST_BYTES, wanted), MOST_BYTES)
    if 2 * size > (free := psutil.virtual_memory().available) // MOST_OF_MEMORY:
        return Bandwidth({}, {}, size, 0, 0.0, f"needs {2 * size >> 20} MiB, and {free >> 20} MiB are free")
    source, sink = np.ones(size // 4, dtype=np.int32), np.zeros(size // 4, dtype=np.int32)
    sink.fill(1)  # zeroed pages are not there until they are written
    works = [(_copy, threads, 2 * size) for threads in _counts()] + [(_read, threads, size) for threads in _counts()]
    found: dict[str, dict[int, float]] = {"copy": {}, "read": {}}
    passes = 0
    with ThreadPoolExecutor(max(_counts())) as pool:
        for place, (work, threads, moved) in enumerate(works):
            until = clock() + (began + budget_s - clock()) / (len(works) - place)
            times = _timed(partial(_together, pool, work, source, sink, threads), until, clock)
            passes += len(times)
            if times and (fastest := min(times)) > 0:
                found["copy" if work is _copy else "read"][threads] = moved / fastest / 1e9
    why = None if passes else f"not one pass over {size >> 20} MiB within {budget_s:g} s"
    return Bandwidth(found["copy"], found["read"], size, passes, clock() - began, why)


def _timed(once: Callable[[], None], until: float, clock: Callable[[], float]) -> list[float]:
    """Seconds of each pass; no pass is begun that would likely end after ``until``."""
    times: list[float] = []
    while (now := clock()) + (max(times) if times else 0.0) < until:
        once()
        times.append(clock() - now)
    return times


def _together(
    pool: ThreadPoolExecutor, work: Callable[[Words, Words], None], source: Words, sink: Words, threads: int
) -> None:
    """One pass over both arrays, each thread over a part of its own."""
    if threads == 1:
        work(source, sink)
        return
    for done in [
        pool.submit(work, *parts)
        for parts in zip(np.array_split(source, threads), np.array_split(sink, threads), strict=True)
    ]:
        done.result()


def _copy(source: Words, sink: Words) -> None:
    np.copyto(sink, source)


def _read(source: Words, _: Words) -> None:
    np.max(source)  # a reduction numpy has vector instructions for on every processor


def _counts() -> tuple[int, ...]:
    """1, 2 and all the processors this process may use, each once."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return tuple(sorted({1, min(2, usable), usable}))


def last_level_cache(sys_root: Path = Path("/sys")) -> int | None:
    """Bytes of the largest cache, all its instances together; None where the system does not tell (macOS, Windows)."""
    instances: dict[tuple[int, str], int] = {}
    for index in sys_root.glob("devices/system/cpu/cpu[0-9]*/cache/index[0-9]*"):
        try:
            level, size, shared = ((index / name).read_text().strip() for name in ("level", "size", "shared_cpu_list"))
            instances[int(level), shared] = int(size.rstrip("KMG")) * SCALE.get(size[-1:], 1)
        except (OSError, ValueError):
            continue
    last = max((level for level, _ in instances), default=0)
    return sum(size for (level, _), size in instances.items() if level == last) or None
