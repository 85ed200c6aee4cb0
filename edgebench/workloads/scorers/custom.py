"""The scorer that is a Python function of the person's own, run only when they allow code to run."""

from __future__ import annotations

import ast
import hashlib
import math
import types
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from edgebench.contracts import Scorer
from edgebench.errors import DataError, UsageError, did_you_mean
from edgebench.records import Item, Judgement, Task
from edgebench.workloads.permission import ALLOWED
from edgebench.workloads.scorers.rule import Rule

FAILED = "scorer failed"


def python(
    *,
    file: str,
    function: str = "score",
    version: str | int = "1",
    source: str | None = None,
    needs_reference: bool = True,
) -> Scorer:
    """What a function ``score(item, task, answer)`` of a Python file says of an answer.

    It returns a number from 0 to 1 (or true, false), None where it cannot judge, ``(value, label)``,
    ``(value, label, explanation)`` or a Judgement. Whatever goes wrong in it becomes a judgement without a value and
    the label "scorer failed": the record stays. The file stands alone (modules beside it are not found), must not wait
    for anything, and is part of the version by its SHA-256. ``source``: its text, as :func:`inlined` puts it here.

    Raises
    ------
    UsageError: nobody allowed code to run, or the file was not read.
    DataError: not Python, or no such function in it (with the nearest).
    """
    if not ALLOWED.get():
        raise UsageError(
            f"scorer python: {file} is code, and code from a plan runs only when you allow it", hint="add --allow-code"
        )
    if source is None:
        raise UsageError(f"scorer python: {file} has not been read", hint="a workload's `scorers:` reads it")
    _check(file, source, function)
    sha256 = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
    judge = partial(_judged, file=file, source=source, function=function)
    return Rule("python", f"1 {function} {version} sha256:{sha256}", judge, needs_reference=needs_reference)


def _check(file: str, source: str, function: str) -> None:
    """Refuse a file that cannot be read as Python or lacks the function, without running it."""
    try:
        tree = ast.parse(source, filename=file)
    except SyntaxError as exc:
        raise DataError(f"{file}:{exc.lineno or 1}:{exc.offset or 1}: not Python: {exc.msg}") from exc
    except (ValueError, RecursionError, MemoryError) as exc:
        raise DataError(f"{file}: not Python: {exc}") from exc
    defined = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assigned = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    imported = [
        name.asname or name.name for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names
    ]
    if function not in (*defined, *assigned, *imported):
        hint = did_you_mean(function, defined) if defined else "def score(item, task, answer): return 1.0"
        raise DataError(f"{file}: defines no function {function!r}", hint=hint)


@lru_cache(maxsize=16)
def _loaded(file: str, source: str, function: str) -> Callable[[Item, Task, str], Any]:
    module = types.ModuleType("scorer_of_the_plan")
    exec(compile(source, file, "exec"), module.__dict__)  # noqa: S102 - only under --allow-code
    found: Callable[[Item, Task, str], Any] = module.__dict__[function]
    return found


def _judged(item: Item, task: Task, answer: str, *, file: str, source: str, function: str) -> Judgement:
    try:
        said = _loaded(file, source, function)(item, task, answer)
        return _judgement(said)
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - somebody else's code: what it raises is told, not lost
        return Judgement(None, FAILED, f"{type(exc).__name__}: {_words(exc)}")


def _words(exc: BaseException) -> str:
    try:
        return str(exc)[:500]
    except Exception:  # noqa: BLE001 - a foreign error may fail to describe itself
        return "its error cannot be shown"


def _judgement(said: Any) -> Judgement:
    if isinstance(said, tuple):
        if not 1 <= len(said) <= 3:
            raise TypeError("it must return a value, (value, label) or (value, label, explanation)")
        value, label, explanation = (*said, None, None)[:3]
    elif isinstance(said, Judgement):
        value, label, explanation = said.value, said.label, said.explanation
    else:
        value, label, explanation = said, None, None
    if value is not None:
        value = float(value)
        if not math.isfinite(value) or not 0 <= value <= 1:
            raise ValueError(f"it returned {value}, not a number from 0 to 1")
    return Judgement(value, *(None if each is None else str(each) for each in (label, explanation)))
