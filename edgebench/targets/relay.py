"""The relay: a process between the client and the endpoint that lets every byte through as late as a network would.

A client asks it for a tunnel (``CONNECT host:port``); what then passes is not looked at, so TLS is between the client
and the endpoint. The answer to CONNECT comes one round trip later, as TCP's would: a cold connection costs what it
costs. It is started with ``python -P -m edgebench.targets.relay`` and pipes, reads one line of JSON (shape, key), says
its port, and ends when its input does. Standard library only, and its own process, because its timers must not wait
for a client that reads, or the client's stamps for them.

With ``to`` in the line it needs no CONNECT and forwards every connection there, and with ``listen`` it does so in
another network namespace of Linux (see netem.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from edgebench.targets.alarm import Alarm
from edgebench.targets.kernel import die_with_parent, end_with_input
from edgebench.targets.shaping import Direction, Flow, Lane, Shape, delays, outages

HANDSHAKE_BYTES = 40  # a SYN, or its answer: headers without payload
PACKET_BYTES = 1460
PIECE_NS = 2_000_000  # what passes a fast lane in this time is one piece; a Python process has no time for packets
AHEAD_NS = 30_000_000  # so far ahead a lane is booked; more waits where it comes from
AHEAD_PIECES = 3  # … though at least so many pieces, or a slow lane would run dry
HELD_MOST = 4 * 2**20  # bytes of one connection held up, above what its rate and distance need
MAX_EARLY = 64 * 1024

REFUSED, OUTAGE, ESTABLISHED = b"502", b"503", b"200"


class Way:
    """One direction of the network: its lane, and how much is read at once and ahead."""

    def __init__(self, shape: Shape, direction: Direction) -> None:
        ns_per_byte = shape.ns_per_byte(direction)
        self.direction = direction
        self.lane = Lane(ns_per_byte, shape.one_way_ns)
        self.piece = max(PACKET_BYTES, int(PIECE_NS / ns_per_byte))
        self.ahead_ns = max(AHEAD_NS, int(AHEAD_PIECES * self.piece * ns_per_byte))
        self.held_most = HELD_MOST + int((shape.one_way_ns + self.ahead_ns) / ns_per_byte)


class Side(asyncio.BufferedProtocol):
    """One end of a connection. What it reads goes through its flow, and is written to the other end when it is due."""

    transport: asyncio.Transport

    def __init__(self, alarm: Alarm, way: Way, flow: Flow) -> None:
        self._alarm, self._way, self.flow = alarm, way, flow
        self._buffer = memoryview(bytearray(way.piece))
        self.other: Side | None = None
        self.full = False  # the peer does not take what is written
        self.lost = False
        self._paused = self._waking = self._ended = False
        self._held = 0

    # ------------------------------------------------------------------------------------------- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  for the type checker: this is TCP
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.take(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> bool:
        self._later(0, Side.finish)
        return True  # the other direction may have more to say

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self._ended:
            self._later(0, Side.abort)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        if self.other is not None:
            self.other.consider()

    # ------------------------------------------------------------------------------------------------------- through

    def take(self, data: bytes) -> None:
        """Bytes that arrived now."""
        self._held += len(data)
        self._later(len(data), partial(self._deliver, data))
        self.consider()

    def _later(self, size: int, call: Callable[[Side], None]) -> None:
        """When so many bytes have passed, do this with the other end."""
        other = self.other
        if other is not None:
            self._alarm.at(self.flow.departs(time.monotonic_ns(), size), lambda: call(other))

    def _deliver(self, data: bytes, other: Side) -> None:
        self._held -= len(data)
        if not other.lost:
            other.transport.write(data)
        self.consider()

    def finish(self) -> None:
        """The other end has said its last; when both have, the connection is over."""
        self._ended = True
        if self.lost:
            return
        if self.other is not None and self.other._ended:
            self.transport.close()
            self.other.transport.close()
        else:
            self.transport.write_eof()

    def abort(self) -> None:
        """Reset: whoever reads there is told at once."""
        self._ended = True
        if not self.lost:
            linger = struct.pack("ii", 1, 0)
            with contextlib.suppress(OSError):
                self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()

    # -------------------------------------------------------------------------------------------------- backpressure

    def consider(self) -> None:
        """Read on, or leave the rest where it comes from: what is held is bounded, and a lane is shared in turns."""
        if self.lost or self.other is None:
            return
        now = time.monotonic_ns()
        early_ns = self._way.lane.free_ns - now - self._way.ahead_ns
        if early_ns > 0 or self.other.full or self._held > self._way.held_most:
            if not self._paused:
                self._paused = True
                self.transport.pause_reading()
            if early_ns > 0 and not self._waking:
                self._waking = True
                self._alarm.at(now + early_ns, self._wake)
        elif self._paused:
            self._paused = False
            self.transport.resume_reading()

    def _wake(self) -> None:
        self._waking = False
        self.consider()


class Near(Side):
    """The client's end: asks for a tunnel first, unless there is only one place to go."""

    def __init__(self, network: Relay, number: int) -> None:
        flow, self._flow_back = network.flows(number)
        super().__init__(network.alarm, network.up, flow)
        self._network = network
        self._early = bytearray()  # what came before the tunnel stood
        self._joining: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._network.near.add(self)
        if self._network.to is not None:
            self._join(*self._network.to)

    def connection_lost(self, exc: Exception | None) -> None:
        self._network.near.discard(self)
        if self._joining is not None:
            self._joining.cancel()
        super().connection_lost(exc)

    def eof_received(self) -> bool:
        return super().eof_received() if self.other is not None else False  # left before it was through

    def take(self, data: bytes) -> None:
        if self.other is not None:
            super().take(data)
            return
        self._early += data
        end = self._early.find(b"\r\n\r\n")
        if self._joining is None and end >= 0:
            head = bytes(self._early[:end])
            del self._early[: end + 4]
            self._asked(head)
        elif len(self._early) > MAX_EARLY:
            self.transport.pause_reading()  # until the tunnel stands, if ever

    def _asked(self, head: bytes) -> None:
        method, _, rest = head.partition(b" ")
        host, _, port = rest.partition(b" ")[0].decode("latin-1").rpartition(":")
        if method != b"CONNECT" or not host or not port.isdigit():
            self.answer(b"400", "only CONNECT is understood here")
        else:
            self._join(host.strip("[]"), int(port))

    def _join(self, host: str, port: int) -> None:
        self._joining = asyncio.get_running_loop().create_task(self._joined(host, port))

    async def _joined(self, host: str, port: int) -> None:
        """The handshake: there, the endpoint's own, and back."""
        loop = asyncio.get_running_loop()
        far = Side(self._alarm, self._network.down, self._flow_back)
        if self._network.dark:
            self.answer(OUTAGE, "outage")
            return
        await self._network.until(self.flow.departs(time.monotonic_ns(), HANDSHAKE_BYTES))
        try:
            await loop.create_connection(lambda: far, host, port)
        except (OSError, UnicodeError) as exc:
            await self._network.until(far.flow.departs(time.monotonic_ns(), HANDSHAKE_BYTES))
            self.answer(REFUSED, getattr(exc, "strerror", None) or "no answer")
            return
        try:
            far.transport.pause_reading()
            await self._network.until(far.flow.departs(time.monotonic_ns(), HANDSHAKE_BYTES))
        except asyncio.CancelledError:
            far.transport.abort()
            raise
        self.other, far.other = far, self
        if self._network.to is None:
            self.answer(ESTABLISHED, "Connection established")
        if self._early:
            self.take(bytes(self._early))
        for side in (self, far):
            side.transport.resume_reading()
            side.consider()
        if far.lost:
            self.abort()

    def answer(self, status: bytes, reason: str) -> None:
        self.transport.write(b"HTTP/1.1 %s %s\r\n\r\n" % (status, reason.encode("ascii", "replace")))
        if status != ESTABLISHED:
            self.transport.close()


class Relay:
    """What all connections share: both ways, the clock, and whether there is any network at the moment."""

    def __init__(self, shape: Shape, key: str, alarm: Alarm, to: tuple[str, int] | None = None) -> None:
        self.alarm, self.to = alarm, to
        self.up, self.down = Way(shape, "up"), Way(shape, "down")
        self.dark = False
        self.near: set[Near] = set()
        self._shape, self._key, self._count = shape, key, 0
        self._began_ns = time.monotonic_ns()
        self._outages = outages(shape, key)
        self._next_outage()

    def accept(self) -> Near:
        self._count += 1
        return Near(self, self._count)

    def flows(self, number: int) -> tuple[Flow, Flow]:
        """There and back, of the ``number``-th connection."""
        key = f"{self._key}/{number}"
        there, back = (Flow(way.lane, delays(self._shape, key, way.direction)) for way in (self.up, self.down))
        return there, back

    async def until(self, due_ns: int) -> None:
        come = asyncio.Event()
        self.alarm.at(due_ns, come.set)
        await come.wait()

    def _next_outage(self) -> None:
        for begins_ns, ends_ns in self._outages:
            self.alarm.at(self._began_ns + begins_ns, partial(self._goes_dark, ends_ns))
            return

    def _goes_dark(self, ends_ns: int) -> None:
        self.dark = True
        for side in list(self.near):
            if side.other is not None:
                side.other.abort()
            side.abort()
        self.alarm.at(self._began_ns + ends_ns, self._returns)

    def _returns(self) -> None:
        self.dark = False
        self._next_outage()


async def serve(line: dict[str, Any]) -> None:
    """Listen where the line says (a free port of loopback unless told), say on which port, and relay until killed."""
    loop, to = asyncio.get_running_loop(), line.get("to")
    shape = Shape.from_json(line["shape"])
    relay = Relay(shape, line["key"], Alarm(loop), None if to is None else (str(to[0]), int(to[1])))
    server = await loop.create_server(relay.accept, sock=_listening(line.get("listen")), backlog=1024)
    end_with_input()
    gc.collect()
    gc.freeze()  # what is left to collect is so little that nobody sees it
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  the one line our parent reads
    await server.serve_forever()


def _listening(place: Sequence[str] | None) -> socket.socket:
    if place is None:
        return socket.create_server(("127.0.0.1", 0))
    from edgebench.targets.netem import listening

    return listening(*place)


def main() -> None:
    die_with_parent()
    asyncio.run(serve(json.loads(sys.stdin.buffer.readline())))


if __name__ == "__main__":
    main()
