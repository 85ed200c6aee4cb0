"""Start-up: `edgebench --help`, and how much a core install brings"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, requires

from benchmarks.result import Result, of


def measure() -> list[Result]:
    times = [_help_ms() for _ in range(15)]
    return [
        of("edgebench --help, wall time", times, "ms", at_most=300),
        of("packages of a core install, itself included", [float(len(closure("edgebench")))], "", at_most=25),
    ]


def _help_ms() -> float:
    before = time.perf_counter()
    subprocess.run([sys.executable, "-m", "edgebench", "--help"], check=True, capture_output=True)
    return (time.perf_counter() - before) * 1e3


def closure(root: str) -> set[str]:
    """Names of all packages a plain install of ``root`` brings here (extras left out, markers roughly read)."""
    found: set[str] = set()
    todo = [root]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        try:
            needs = requires(name) or []
        except PackageNotFoundError:
            continue  # not for this platform
        found.add(name)
        for need in needs:
            head, _, marker = need.partition(";")
            if "extra ==" not in marker:
                todo.append(re.split(r"[^A-Za-z0-9._-]", head.strip())[0].lower().replace("_", "-"))
    return found
