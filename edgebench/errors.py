"""Everything EdgeBench raises on purpose, and the exit code of each; and the hint of a misspelling.

::

    EdgebenchError                    1
    ├── UsageError                    2   the person can mend it: one sentence, and what to type next
    │   ├── PlanError                 2   carries file:line:col and the source line
    │   ├── DataError                 2   a dataset or bundle that cannot be read as asked; carries the row
    │   ├── MissingExtra              2   an optional package is not installed
    │   ├── ModelError                2   a model file is missing, wrong, or cannot be fetched
    │   └── StoreError                2   no such run, a store from a newer version, a broken bundle
    ├── GateFailed                    3
    ├── GateUndecided                 4
    ├── NothingRan                    5   nothing was measured, or the run is INVALID
    └── TargetError                   1   a target could not answer; becomes a failure in a record, never a crash

Foreign errors are translated once, at the border, with ``raise … from exc``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar


class EdgebenchError(Exception):
    """The root: everything raised on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(EdgebenchError):
    """A mistake the person can mend. ``str(error)`` is one sentence; ``hint`` says what to type next."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class PlanError(UsageError):
    """A plan that cannot be run, with its place: ``file:line:col: path: what is wrong``."""

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        path: str = "",
        source_line: str | None = None,
        hint: str | None = None,
    ) -> None:
        place = ":".join(str(part) for part in (file, line, column) if part is not None)
        super().__init__(": ".join(part for part in (place, path, message) if part), hint=hint)
        self.message, self.file, self.line, self.column = message, file, line, column
        self.path, self.source_line = path, source_line


class DataError(UsageError):
    """A dataset, bundle or reference that cannot be read as asked; the message names file and row."""


class MissingExtra(UsageError):
    """An optional package is not installed; the hint is the command that installs it."""


class ModelError(UsageError):
    """A model file that is missing, damaged, of the wrong kind, or cannot be fetched."""


class StoreError(UsageError):
    """A store, run or bundle that cannot be opened."""


class GateFailed(EdgebenchError):
    """A gate (``compare``, an SLO) was missed."""

    exit_code: ClassVar[int] = 3


class GateUndecided(EdgebenchError):
    """A gate could not be decided: too few items, or the interval straddles the limit."""

    exit_code: ClassVar[int] = 4


class NothingRan(EdgebenchError):
    """Nothing was measured, or what was measured is INVALID."""

    exit_code: ClassVar[int] = 5


class TargetError(EdgebenchError):
    """A target could not answer.

    ``kind`` is a :data:`edgebench.records.FailureKind`. ``fatal`` says that this target can answer nothing
    more in this trial (its process died, its model did not load, its key was refused).
    ``retry_after_s`` is the wait a server asked for, in seconds.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        retryable: bool = False,
        fatal: bool = False,
        retry_after_s: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message
        self.retryable, self.fatal = retryable, fatal
        self.retry_after_s, self.status = retry_after_s, status


def near(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one is nearest to, upper or lower case; None where none is near."""
    import difflib  # here: every process of ours imports this module, and few of them meet a misspelling

    words = list(known)
    if close := difflib.get_close_matches(word, words, n=1):
        return close[0]
    lower = {one.lower(): one for one in words}
    return next((lower[one] for one in difflib.get_close_matches(word.lower(), lower, n=1)), None)


def did_you_mean(word: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """The hint of a misspelling: the nearest known word; where none is near ``otherwise``, else all that are known."""
    words = list(known)
    found = near(word, words)
    if found is not None:
        return f"did you mean {found!r}?"
    return f"known: {', '.join(words)}" if otherwise is None else otherwise
