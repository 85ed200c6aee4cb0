"""Whether code that came with a plan, its data or a model's answer may run: never, unless a person said so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: set by ``--allow-code`` for as long as the command runs
ALLOWED: ContextVar[bool] = ContextVar("ALLOWED", default=False)


@contextmanager
def permitted(allow: bool) -> Iterator[None]:
    """Allow code to run inside, if ``allow``."""
    token = ALLOWED.set(allow)
    try:
        yield
    finally:
        ALLOWED.reset(token)
