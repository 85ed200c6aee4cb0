"""What crosses between the examiner and the candidate: plain values as JSON, whose reading runs nothing.

Types are kept (a tuple stays a tuple, a set a set, an integer of any size itself). An object of any other kind crosses
as its type's name, and equals nothing over there.
"""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

LARGEST_BYTES = 16 * 2**20  # of one call's arguments or answer, as text
LONGEST_ITERATOR = 100_000


class Gone(BaseException):
    """The other side answers no more. Not an Exception: a test's own ``except`` must not swallow it."""


class Uncrossable(BaseException):
    """A test hands over something that is no plain value."""


class Wire:
    """Values between the two, each as a length (4 bytes, big-endian) and JSON."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def send(self, value: Mapping[str, Any]) -> None:
        text = json.dumps(value).encode()
        if len(text) > LARGEST_BYTES:
            text = json.dumps({"raised": "MemoryError", "said": "an answer too large to hand over"}).encode()
        try:
            self._socket.sendall(len(text).to_bytes(4, "big") + text)
        except OSError as exc:
            raise Gone from exc

    def receive(self) -> dict[str, Any]:
        """The next value. Gone: there is none, or what came is no value (its words say so)."""
        size = int.from_bytes(self._exactly(4), "big")
        if size > LARGEST_BYTES:
            raise Gone("it handed over more than a value may be long")
        try:
            value = json.loads(self._exactly(size))
        except (ValueError, RecursionError) as exc:
            raise Gone("what it handed over is no value") from exc
        if not isinstance(value, dict):
            raise Gone("what it handed over is no value")
        return value

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._socket.recv(min(65536, size - len(parts)))
            except OSError as exc:
                raise Gone from exc
            if not part:
                raise Gone
            parts += part
        return bytes(parts)


class Opaque:
    """Something the program returned that is no plain value."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<{self.kind}>"


def pack(value: Any, *, strict: bool) -> Any:
    """A value ready for JSON. What is no plain value: its type's name, or Uncrossable when ``strict``."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if -(2**53) < value < 2**53 else {"i": hex(value)}
    if isinstance(value, float):
        return float(value)
    if isinstance(value, complex):
        return {"c": [value.real, value.imag]}
    if isinstance(value, (bytes, bytearray)):
        return {"b": value.hex()}
    if isinstance(value, range):
        return {"r": [hex(value.start), hex(value.stop), hex(value.step)]}
    if isinstance(value, dict):
        return {"d": [[pack(key, strict=strict), pack(one, strict=strict)] for key, one in value.items()]}
    for tag, kind in (("", list), ("t", tuple), ("s", set), ("f", frozenset)):
        if isinstance(value, kind):
            members = [pack(one, strict=strict) for one in value]
            return {tag: members} if tag else members
    if strict:
        raise Uncrossable(f"a {type(value).__name__}")
    if hasattr(type(value), "__next__"):
        return {"n": [pack(one, strict=False) for one in itertools.islice(value, LONGEST_ITERATOR)]}
    return {"o": type(value).__name__}


def unpack(packed: Any) -> Any:
    """The value again. Gone: it is nothing :func:`pack` makes."""
    if isinstance(packed, list):
        return [unpack(one) for one in packed]
    if not isinstance(packed, dict):
        return packed
    try:
        ((tag, inner),) = packed.items()
        return UNPACKERS[tag](inner)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as exc:
        raise Gone("what it handed over is no value") from exc


UNPACKERS: Mapping[str, Callable[[Any], Any]] = {
    "i": lambda inner: int(inner, 16),
    "c": lambda inner: complex(*inner),
    "b": bytes.fromhex,
    "r": lambda inner: range(*(int(part, 16) for part in inner)),
    "d": lambda inner: {unpack(key): unpack(one) for key, one in inner},
    "t": lambda inner: tuple(map(unpack, inner)),
    "s": lambda inner: set(map(unpack, inner)),
    "f": lambda inner: frozenset(map(unpack, inner)),
    "n": lambda inner: iter([unpack(one) for one in inner]),
    "o": Opaque,
}
