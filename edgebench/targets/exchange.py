"""What the wire saw of one request: bytes, and a stamp for every read. Pure data; nothing is understood here yet."""

from __future__ import annotations

import bisect
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from edgebench.errors import TargetError

MAX_BODY_BYTES = 64 * 2**20


@dataclass(slots=True)
class Exchange:
    """One request on the wire: bytes and stamps, nothing understood yet. Stamps are monotonic nanoseconds.

    ``reads`` holds (stamp, user-space stamp, body bytes so far) for every read that brought body bytes.
    """

    sent_ns: int | None = None  # just before the first byte was handed to the kernel
    written_ns: int | None = None  # just after the last one was
    first_byte_ns: int | None = None  # first byte of the response, its header included
    end_ns: int | None = None  # the response's last byte
    last_read_ns: int | None = None
    phases: dict[str, int] = field(default_factory=dict)  # dns connect proxy tls write first_byte server_think
    connection: Literal["new", "kept-alive"] | None = None
    status: int | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    reads: list[tuple[int, int, int]] = field(default_factory=list)
    kernel: bool = True  # every read so far carried the kernel's stamp
    complete: bool = False  # the response's own framing says that it ended

    def header(self, name: str) -> str | None:
        """The last value of a response header, by its lower-case name."""
        found = [value for key, value in self.headers if key.lower() == name.encode()]
        return found[-1].decode("latin-1").strip() if found else None

    def at(self, end: int) -> int:
        """Stamp of the read that brought the ``end``-th byte of the body."""
        index = bisect.bisect_left(self.reads, end, key=lambda read: read[2])
        return self.reads[min(index, len(self.reads) - 1)][0]

    def decode(self) -> None:
        """Undo a ``Content-Encoding`` we never asked for, read by read, so that every byte keeps its stamp."""
        encoding = (self.header("content-encoding") or "identity").lower()
        if encoding == "identity":
            return
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise TargetError("malformed", f"the answer is encoded as {encoding[:40]!r}, which was not asked for")
        self.body, self.reads = _inflate(self.body, self.reads)
        self.headers = [(key, value) for key, value in self.headers if key.lower() != b"content-encoding"]


def _inflate(body: bytearray, reads: Sequence[tuple[int, int, int]]) -> tuple[bytearray, list[tuple[int, int, int]]]:
    engine, plain, start = zlib.decompressobj(wbits=47), bytearray(), 0  # 47: gzip or zlib, told by its header
    out = []
    try:
        for at_ns, user_ns, end in reads:
            plain += engine.decompress(bytes(body[start:end]), MAX_BODY_BYTES - len(plain) + 1)
            start = end
            out.append((at_ns, user_ns, len(plain)))
    except zlib.error as exc:
        raise TargetError("malformed", "the answer says it is compressed, and is not") from exc
    if len(plain) > MAX_BODY_BYTES:
        raise TargetError("malformed", f"the answer is larger than {MAX_BODY_BYTES // 2**20} MiB")
    return plain, out
