"""What runs inside a worker: a synchronous engine, its stop flag, and its options.

An engine is built as ``Engine(parts, stop)`` and used from one thread only.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, Protocol, TypeVar

from edgebench.errors import TargetError, UsageError
from edgebench.records import Chunk, Identity, Parts, Request, Task

T = TypeVar("T")


class Stop:
    """A flag another thread raises to stop the answer being made; C code can read it too.

    It is two bytes of memory: empty string = go on, one character = stop. ``strlen`` of it is therefore a
    ready-made C function ``bool (*)(void *)`` for engines that poll a callback at every graph node, where a
    Python callback would take the interpreter's lock a thousand times a token.
    """

    def __init__(self) -> None:
        self._bytes = ctypes.create_string_buffer(2)

    def set(self) -> None:
        self._bytes[0] = b"1"

    def clear(self) -> None:
        self._bytes[0] = b"\0"

    def is_set(self) -> bool:
        return bool(self._bytes[0] != b"\0")

    @property
    def address(self) -> int:
        return ctypes.addressof(self._bytes)

    def check(self) -> None:
        """Leave the answer if it is no longer wanted."""
        if self.is_set():
            raise TargetError("timeout", "the answer was stopped")


class Engine(Protocol):
    """A model in this very process."""

    def __init__(self, parts: Parts, stop: Stop) -> None: ...

    def load(self) -> None:
        """Make it ready. Raises TargetError(load_failed)."""

    def prepare(self, task: Task) -> None:
        """What can be done before the clock starts."""

    def answer(self, request: Request) -> Iterator[Chunk]:
        """Stamped chunks, the last with a Completion. Polls its stop flag."""

    def identity(self) -> Identity: ...


def checked(options: type[T], parts: Parts) -> tuple[T, Parts]:
    """The options in force (the card's, then the plan's), and parts that carry them all.

    Raises
    ------
    UsageError: a value of the wrong type, or a name these options do not have.
    """
    from pydantic import TypeAdapter, ValidationError  # not in the worker: its memory is measured

    given = {**(dict(parts.card.options) if parts.card else {}), **parts.spec.options}
    try:
        found = TypeAdapter(options).validate_python(given)
    except ValidationError as exc:
        first = exc.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        known = ", ".join(vars(options)["__dataclass_fields__"])
        raise UsageError(f"target {parts.name!r}: options.{place}: {first['msg']}", hint=f"known: {known}") from exc
    return found, replace(parts, spec=replace(parts.spec, options=asdict(found)))  # type: ignore[call-overload]


def plain(options: type[T], parts: Parts) -> T:
    """The options that `checked` wrote into the parts, on the other side of the pipe (lists become tuples)."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in parts.spec.options.items()
    }
    return options(**values)
