"""One HTTP/1.1 connection to one host: a non-blocking socket whose every read carries a stamp.

The stamp is the kernel's (``SO_TIMESTAMPNS``, Linux): the moment the last packet of that read arrived, whatever this
process was busy with; elsewhere it is taken just after the read. TLS runs over memory buffers above the same reads,
so encrypted chunks keep their kernel stamps.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import socket
import ssl
import struct
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from edgebench.errors import TargetError

READ_BYTES = 256 * 1024
FALLBACK_S = 3.0  # an address that is not the last of its name gets this long to accept
_MAX_PROXY_HEAD = 64 * 1024
_TIMESTAMP_OPTION: int | None = getattr(socket, "SO_TIMESTAMPNS", 35) if sys.platform == "linux" else None
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0
_STEADY_NS = 20_000  # both clocks read within this: their difference is good to 20 µs
_OLDEST_NS = 60_000_000_000  # a stamp older than this is a clock that was set, not a packet that waited
_STEPPED_NS = 1_000_000  # wall and monotonic clock run alike: if they part by more than this, the wall clock was set


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; the address may carry ``user:password@``, which no message repeats.

    With a ``network`` it is no proxy of the person's but our own relay, which makes the endpoint as far away as that
    profile says (relay.py): plain HTTP is tunnelled too, and ``transparent`` ones are connected to as if they were
    the endpoint.
    """

    host: str
    port: int
    authorization: bytes | None = None
    network: str = ""
    transparent: bool = False

    @classmethod
    def parse(cls, url: str) -> Proxy:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("a proxy is written http://host:port")
        authorization = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            authorization = b"Basic " + base64.b64encode(pair)
        return cls(parts.hostname, parts.port or 80, authorization)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a connection leads; connections of equal routes can stand for each other."""

    scheme: str
    host: str
    port: int
    proxy: Proxy | None = None

    @property
    def place(self) -> str:
        """``host:port`` as a person reads it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def tunnelled(self) -> bool:
        """Whether a proxy is asked for a tunnel; without one it is sent the request itself, or there is none."""
        proxy = self.proxy
        return proxy is not None and not proxy.transparent and (self.scheme == "https" or bool(proxy.network))


@runtime_checkable
class Reaching(Protocol):
    """A target whose way to its endpoint can be chosen once it is open (see through.py)."""

    def endpoint(self) -> tuple[str, int]:
        """Host and port of what it speaks to."""

    async def go_through(self, proxy: Proxy) -> None:
        """From now on all its connections lead through there."""


#: Takes (plain bytes, stamp, user-space stamp, whether the kernel stamped); empty bytes: the peer closed.
Taker = Callable[[bytes, int, int, bool], None]


class Connection:
    """An open connection. One exchange at a time; whoever opened it closes it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._taker: Taker | None = None
        self._apart_ns: int | None = None  # wall − monotonic clock when we began to listen
        self._pump: asyncio.Task[None] | None = None
        self._tls_ended = False

    # ---------------------------------------------------------------------------------------------- opening

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """TLS handshake over the memory buffers."""
        loop = asyncio.get_running_loop()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await loop.sock_recv(self._sock, READ_BYTES)
                if not data:
                    raise ConnectionResetError("closed during the TLS handshake") from None
                self._incoming.write(data)
            else:
                await self._flush()
                return

    async def tunnel(self, route: Route, proxy: Proxy) -> None:
        """Ask the proxy for a tunnel (CONNECT) to the route's host."""
        loop = asyncio.get_running_loop()
        lines = [f"CONNECT {route.place} HTTP/1.1".encode("ascii"), f"Host: {route.place}".encode("ascii")]
        if proxy.authorization:
            lines.append(b"Proxy-Authorization: " + proxy.authorization)
        await loop.sock_sendall(self._sock, b"\r\n".join(lines) + b"\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            data = await loop.sock_recv(self._sock, 4096)
            head += data
            if not data or len(head) > _MAX_PROXY_HEAD:
                who = f"the network {proxy.network!r}" if proxy.network else "the proxy"
                raise TargetError("refused", f"{who} gave no tunnel to {route.place}", retryable=True)
        status = head.split(b"\r\n", 1)[0].split(b" ")[1:2]
        if not status or not status[0].startswith(b"2"):
            if proxy.network:
                raise _not_reached(route, proxy, head)
            said = status[0][:3].decode("latin-1") if status else "no status"
            raise TargetError("refused", f"the proxy refused a tunnel to {route.place} (HTTP {said})")

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await asyncio.get_running_loop().sock_sendall(self._sock, self._outgoing.read())

    # ---------------------------------------------------------------------------------------------- exchanging

    def listen(self, taker: Taker) -> None:
        """From now on every read goes to ``taker``, until :meth:`rest`."""
        self._taker = taker
        self._apart_ns = _wall_minus_monotonic_ns() if _ANCILLARY else None
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(self._sock.fileno(), self._readable)  # by number: asyncio writes out a socket it looks for
        except NotImplementedError:  # the default loop of Windows
            self._pump = loop.create_task(self._pumping(loop))

    async def _pumping(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listening for loops that cannot watch a socket."""
        while self._taker is not None:
            try:
                data = await loop.sock_recv(self._sock, READ_BYTES)
            except OSError:
                data = b""
            now = time.monotonic_ns()
            self._took(data, now, now, False)

    def rest(self) -> None:
        """Stop listening."""
        if self._taker is None:
            return
        self._taker = None
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        elif self._sock.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._sock.fileno())

    def sealed(self, data: bytes) -> memoryview:
        """``data`` as it goes on the wire: encrypted under TLS."""
        if self._tls is None:
            return memoryview(data)
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]
        return memoryview(self._outgoing.read())

    def send_now(self, data: memoryview) -> memoryview:
        """Hand over what the kernel takes at once; returns the rest."""
        try:
            return data[self._sock.send(data) :]
        except (BlockingIOError, InterruptedError):
            return data

    async def send(self, data: memoryview) -> None:
        """Hand over the rest as the kernel takes it."""
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    def _readable(self) -> None:
        """A read is ready: take it, stamp it, pass it on. Runs in the event loop, inside timed windows."""
        try:
            data, at_ns, user_ns, kernel = receive(self._sock, self._apart_ns)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # reset: for us the same as closed
            data, at_ns, user_ns, kernel = b"", time.monotonic_ns(), time.monotonic_ns(), True
        self._took(data, at_ns, user_ns, kernel)

    def _took(self, data: bytes, at_ns: int, user_ns: int, kernel: bool) -> None:
        taker = self._taker
        if taker is None:
            return
        if self._tls is None or not data:
            taker(data, at_ns, user_ns, kernel)
            return
        if plain := self._open(data):
            taker(plain, at_ns, user_ns, kernel)
        if self._tls_ended:
            taker(b"", at_ns, user_ns, kernel)

    def _open(self, data: bytes) -> bytes:
        """Decrypt what came. Bytes that are no TLS end the connection as a close would."""
        assert self._tls is not None  # noqa: S101  callers have checked; for the type checker
        self._incoming.write(data)
        pieces = []
        try:
            while piece := self._tls.read(READ_BYTES):
                pieces.append(piece)
            self._tls_ended = True
        except ssl.SSLWantReadError:
            if self._outgoing.pending:  # a key update wants its answer
                with contextlib.suppress(OSError):
                    self._sock.send(self._outgoing.read())
        except ssl.SSLError:
            self._tls_ended = True
        return b"".join(pieces)

    # ---------------------------------------------------------------------------------------------- resting, closing

    def is_clean(self) -> bool:
        """Whether nothing came since the last answer: a close, or bytes nobody asked for, spoil a kept connection."""
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close at once. Safe to repeat."""
        self.rest()
        self._sock.close()


def receive(sock: socket.socket, apart_ns: int | None = None) -> tuple[bytes, int, int, bool]:
    """One read: (bytes, stamp, user-space stamp, whether the kernel stamped it). Stamps are monotonic nanoseconds.

    ``apart_ns``: wall − monotonic clock before the packet can have come. If it is another one now, the wall clock was
    set in between and nobody knows by which of the two the kernel stamped: then the stamp is ours.
    """
    if not _ANCILLARY:
        data = sock.recv(READ_BYTES)
        now = time.monotonic_ns()
        return data, now, now, False
    data, ancillary, _, _ = sock.recvmsg(READ_BYTES, _ANCILLARY)
    user_ns = time.monotonic_ns()
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMP_OPTION and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            now_apart_ns = _wall_minus_monotonic_ns()
            if apart_ns is not None and abs(now_apart_ns - apart_ns) > _STEPPED_NS:
                break
            at_ns = seconds * 1_000_000_000 + nanoseconds - now_apart_ns
            if 0 <= user_ns - at_ns < _OLDEST_NS:
                return data, at_ns, user_ns, True
            if -_STEADY_NS <= user_ns - at_ns < 0:  # the clocks' difference is only so good
                return data, user_ns, user_ns, True
    return data, user_ns, user_ns, False


def _wall_minus_monotonic_ns() -> int:
    """The offset between the kernel's stamps and our clock, taken now so that a slewed clock cannot drift away.

    Being put aside between the two readings would shift the stamp: then they are read again, and the tightest holds.
    """
    found, tightest = 0, _OLDEST_NS
    for _ in range(4):
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        if after - before < tightest:
            found, tightest = wall - (before + after) // 2, after - before
        if tightest < _STEADY_NS:
            break
    return found


async def connect(route: Route, context: Callable[[], ssl.SSLContext], phases: dict[str, int]) -> Connection:
    """Open a connection along a route, the duration of every phase (ns) kept in ``phases``.

    Raises
    ------
    TargetError: ``refused`` (host not found, nobody there, reset, certificate not trusted), ``malformed`` (no TLS).
    """
    proxy = route.proxy
    sock = await _dial(*((proxy.host, proxy.port) if proxy else (route.host, route.port)), phases, is_proxy=bool(proxy))
    connection = Connection(sock)
    try:
        if route.tunnelled and proxy:
            began = time.monotonic_ns()
            await connection.tunnel(route, proxy)
            phases["proxy"] = time.monotonic_ns() - began
        if route.scheme == "https":
            began = time.monotonic_ns()
            await connection.secure(context(), route.host)
            phases["tls"] = time.monotonic_ns() - began
    except BaseException as exc:
        connection.close()
        if isinstance(exc, OSError):  # ssl.SSLError is one
            raise _refused(exc, route) from exc
        raise
    return connection


def _not_reached(route: Route, proxy: Proxy, head: bytes) -> TargetError:
    """What the relay's refusal says: an outage of the network, or nobody behind it."""
    _, status, reason = (*head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2), "", "", "")[:3]
    if status == "503":
        message = f"the network {proxy.network!r} had an outage: {route.place} was not reached"
    else:
        message = f"nothing answers at {route.place} through the network {proxy.network!r} ({reason})"
    return TargetError("refused", message, retryable=True)


def _refused(exc: OSError, route: Route) -> TargetError:
    if isinstance(exc, ssl.SSLCertVerificationError):
        message = (
            f"the certificate of {route.place} is not trusted: {exc.verify_message} (option ca_file names another CA)"
        )
        return TargetError("refused", message, fatal=True)
    if isinstance(exc, ssl.SSLError):
        message = f"{route.place} does not speak TLS as we do ({exc.reason}): is base_url meant to be http://?"
        return TargetError("malformed", message, fatal=True)
    return TargetError("refused", f"{route.place} closed the connection before it was ready", retryable=True)


async def _dial(host: str, port: int, phases: dict[str, int], *, is_proxy: bool) -> socket.socket:
    """A connected socket to the first address of the host that accepts."""
    loop, name = asyncio.get_running_loop(), f"the proxy {host}:{port}" if is_proxy else f"{host}:{port}"
    began = time.monotonic_ns()
    try:
        addresses = _numeric(host, port) or await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise TargetError("refused", f"the host {host!r} was not found", retryable=True) from exc
    found = time.monotonic_ns()
    phases["dns"] = found - began
    why = "no address"
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        last = index == len(addresses) - 1
        try:
            async with asyncio.timeout(None if last else FALLBACK_S):
                sock = await _dial_one(family, kind, protocol, address)
        except OSError as exc:  # TimeoutError is one
            why = exc.strerror or "no answer"
            continue
        phases["connect"] = time.monotonic_ns() - found
        return sock
    raise TargetError("refused", f"nothing answers at {name} ({why})", retryable=True)


def _numeric(host: str, port: int) -> list[tuple[Any, ...]]:
    """The address a host is written as; empty when it is a name, to be looked up in a thread that may wait."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []


async def _dial_one(family: int, kind: int, protocol: int, address: object) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if _TIMESTAMP_OPTION is not None and _ANCILLARY:
            with contextlib.suppress(OSError):  # then every read says that it was stamped here
                sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMP_OPTION, 1)
        await asyncio.get_running_loop().sock_connect(sock, address)  # type: ignore[arg-type]
    except BaseException:
        sock.close()
        raise
    return sock


def proxy_of_environment(scheme: str, host: str) -> Proxy | None:
    """The proxy ``HTTPS_PROXY``, ``HTTP_PROXY``, ``NO_PROXY`` name for that host; never one for loopback.

    Raises
    ------
    TargetError(refused): the variable holds no proxy.
    """
    found = urllib.request.getproxies_environment()
    url = found.get(scheme) or found.get("all")
    if not url or is_loopback(host) or urllib.request.proxy_bypass_environment(host, found):  # type: ignore[attr-defined]
        return None
    try:
        return Proxy.parse(url)
    except ValueError as exc:
        name = f"{scheme.upper()}_PROXY" if scheme in found else "ALL_PROXY"
        raise TargetError("refused", f"the environment variable {name}: {exc}", fatal=True) from None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address alone (nothing is looked up)."""
    host = host.rsplit(":", 1)[0] if host.count(":") == 1 else host
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
