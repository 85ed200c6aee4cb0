"""The control group a target's processes were put in, seen from outside: what it was charged and how often it was full.

Only groups EdgeBench made (``edgebench-…``) are read: in any other, the counts are everybody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MARK = "edgebench-"


def group_of(pids: Iterable[int], *, cgroups: Path = CGROUPS, proc: Path = Path("/proc")) -> Path | None:
    """The folder of the group of ours that these processes are in; None where they are in none."""
    for pid in pids:
        for line in _lines(proc / str(pid) / "cgroup"):
            _, controllers, place = line.split(":", 2)
            if not place.rpartition("/")[2].startswith(MARK):
                continue
            mounts = (cgroups, cgroups / "unified") if controllers == "" else (cgroups / controllers,)
            for mount in mounts:
                if (mount / place.lstrip("/")).is_dir():
                    return mount / place.lstrip("/")
    return None


def counters(group: Path) -> Mapping[str, int]:
    """What the kernel counted since the group was made; what it does not count is not there.

    ``limit_hits``: times the limit was reached. ``refaults``: file pages read again after they had been pushed out,
    which is what thrashing is. ``charged_peak_bytes``: the most the group was charged, page cache included.
    """
    events, stat = (_fields(group / name) for name in ("memory.events", "memory.stat"))
    peaks = [_number(_word(group / name)) for name in ("memory.peak", "memory.max_usage_in_bytes")]
    found = {
        "limit_hits": events.get("max") if events else _fails(group),
        "refaults": stat.get("workingset_refault_file"),
        "charged_peak_bytes": _sum(peaks),
    }
    return {name: value for name, value in found.items() if value is not None}


def mapped_bytes(group: Path) -> int | None:
    """File pages charged to the group that some process maps."""
    stat = _fields(group / "memory.stat")
    return stat.get("file_mapped", stat.get("total_mapped_file", stat.get("mapped_file")))


def _fails(group: Path) -> int | None:
    """Version 1 counts a full group at whichever limit was met first, that with swap or that without.

    Some kernels keep the files and do not count: a group as full as its limit that was never refused says so.
    """
    fails = _sum(_number(_word(group / name)) for name in ("memory.failcnt", "memory.memsw.failcnt"))
    most, limit = (_number(_word(group / f"memory.{name}_in_bytes")) for name in ("max_usage", "limit"))
    full = most is not None and limit is not None and most >= limit
    return None if full and not fails else fails


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _number(word: str | None) -> int | None:
    return int(word) if word is not None and word.isdigit() else None


def _fields(file: Path) -> Mapping[str, int]:
    """``name value`` lines."""
    pairs = (line.split() for line in _lines(file))
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _word(file: Path) -> str | None:
    return next((line.strip() for line in _lines(file)), None)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
