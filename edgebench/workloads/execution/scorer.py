"""The scorer ``code``: whether the program in an answer passes the item's own test.

Unlike every other scorer it is no pure function: each judgement starts a process. It keeps what the others promise as
far as it can: chance is seeded and hashes are fixed, so a program's verdict is the same each time, unless the clock
decides it (a program near its time limit).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgebench.contracts import Scorer
from edgebench.errors import UsageError
from edgebench.records import Item, Judgement, Task
from edgebench.workloads.execution import launching
from edgebench.workloads.execution.programs import readings
from edgebench.workloads.permission import ALLOWED

NOT_ALLOWED = "generated programs run only with --allow-code"
LONGEST_S, LEAST_MIB, MOST_MIB = 600.0, 64, 65_536
FAILED = ("assertion", "exception", "timeout", "memory", "syntax", "missing", "ended")


def code(*, seconds: float = 10.0, memory_mib: int = 512) -> Scorer:
    """Right when the program in the answer passes the item's test, within ``seconds`` and ``memory_mib`` MiB.

    **It starts a process for every answer, and only when told to** (``permission.ALLOWED``): in namespaces of its own
    without network, with limits on memory, time, processes and files, an empty environment and a folder in memory as
    its home. Where such an enclosure cannot be made nothing runs, and the judgement says why.

    The reference is ``{"test": …, "entry_point": …, "prompt": …}``: Python that defines ``check(candidate)`` or
    asserts, the function's name, and how the function begins (its imports, too). A wrong answer's label is
    ``code_fails``; its explanation begins with one of: assertion, exception, timeout, memory, syntax, missing, ended.
    """
    if not 0 < seconds <= LONGEST_S:
        raise UsageError(f"scorer code: seconds must be above 0 and at most {LONGEST_S:g}", hint="code: {seconds: 10}")
    if not LEAST_MIB <= memory_mib <= MOST_MIB:
        hint = "code: {memory_mib: 512}"
        raise UsageError(f"scorer code: memory_mib must be from {LEAST_MIB} to {MOST_MIB}", hint=hint)
    return ByRunning(seconds, memory_mib)


@dataclass(frozen=True, slots=True)
class ByRunning:
    """A scorer that runs the program it judges."""

    seconds: float
    memory_mib: int

    @property
    def name(self) -> str:
        return "code"

    @property
    def version(self) -> str:
        """Its number and options; another where nothing may run, so that the same records are judged when it may."""
        options = f" seconds={self.seconds:g}" * (self.seconds != 10.0)
        options += f" memory_mib={self.memory_mib}" * (self.memory_mib != 512)
        return f"1{options}{' (not run)' if why_not() else ''}"

    def __call__(self, item: Item, task: Task, answer: str) -> Judgement:
        order = ordered(item.reference)
        if order is None:
            return Judgement(None, explanation="the reference holds no test and entry_point")
        if (why := why_not()) is not None:
            return Judgement(None, explanation=why)
        sources = readings(answer, order.prompt, order.entry_point)
        verdict = launching.tried(order, sources, seconds=self.seconds, memory_mib=self.memory_mib)
        if verdict.kind == "passed":
            return Judgement(1.0, "passed")
        if verdict.kind in FAILED:
            return Judgement(0.0, "code_fails", f"{verdict.kind}: {verdict.detail}")
        return Judgement(None, explanation=f"{verdict.kind}: {verdict.detail}")


def why_not() -> str | None:
    """Why no program is run now; None when programs are."""
    if not ALLOWED.get():
        return NOT_ALLOWED
    return obstacle()


def obstacle() -> str | None:
    """Why this machine cannot run generated programs safely; None when it can. Tried once in a process."""
    why = launching.way().why
    return None if why is None else f"generated programs do not run here: {why}"


def ordered(reference: Any) -> launching.Order | None:
    """What a reference asks of a program; None when it asks nothing."""
    if not isinstance(reference, Mapping):
        return None
    texts = [reference.get(key, "") for key in ("test", "entry_point", "prompt")]
    test, entry_point, prompt = texts
    if not all(isinstance(text, str) for text in texts) or not test.strip() or not entry_point.isidentifier():
        return None
    return launching.Order(test, entry_point, prompt)
