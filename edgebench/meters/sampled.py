"""The sampler's readings: the parent's end of ``sampler.py``, a meter like the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Self

from edgebench.records import Reading

PATIENCE_S = 5.0  # for an answer; a sampler that cannot give one in time is let go
UNITS = {"samples": "", "sampler_cpu_seconds": "s", "tree_peak_bytes": "B"}


class Sampler:
    """The meter: starts the process with the first target that has one, and asks it at the edges of phases."""

    name = "sampler"

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._watching = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.communicate()

    def mark(self, phase: str, pids: Sequence[int], *, trial_id: str) -> list[Reading]:
        """What was sampled in the phase that ends now: nothing at "load", when watching begins."""
        if phase == "load":
            self._watch(pids)
            return []
        if not self._watching:
            return []
        if phase == "steady" or not pids:
            self._watching = False
        return self._readings(self._ask("report" if self._watching else "report\nwatch"), phase, trial_id)

    def _watch(self, pids: Sequence[int]) -> None:
        self._watching = bool(pids)
        if not pids:
            return
        if self._process is None:
            self._process = _started()
        self._ask(f"watch {' '.join(map(str, pids))}\nreport")  # its answer says that it is there, and is of nothing

    def _ask(self, words: str) -> dict[str, Any]:
        """Its answer to one ``report``; empty when it is gone or takes too long, and then it is not asked again."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return {}
        try:
            process.stdin.write(f"{words}\n")
            process.stdin.flush()
            line = process.stdout.readline() if _readable(process.stdout.fileno()) else ""
        except OSError:
            line = ""
        if not line:
            self._watching = False
            self.__exit__()
            return {}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _readings(self, answer: dict[str, Any], phase: str, trial_id: str) -> list[Reading]:
        at = time.monotonic_ns()
        return [
            Reading(trial_id, self.name, quantity, float(answer[quantity]), unit, phase, at)
            for quantity, unit in UNITS.items()
            if answer.get(quantity) is not None
        ]


def _started() -> subprocess.Popen[str]:
    command = (sys.executable, "-P", "-m", "edgebench.meters.sampler")
    # a session of its own: Ctrl-C is for us, who end it; nothing it could say on stderr is wanted
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=os.name == "posix",
    )


def _readable(descriptor: int) -> bool:
    if os.name != "posix":  # there, select knows no pipes
        return True
    import select

    return bool(select.select([descriptor], [], [], PATIENCE_S)[0])
