"""The wire under the openai client: it sends what the client made, and stamps what comes back.

A transport of httpx2, because that is what the client lets us replace. Inside the window it keeps bytes and stamps
only; a response is handed up when it is whole, so nothing is parsed, decompressed or copied about while another chunk
may be arriving. This module needs ``httpx2`` and ``httptools``: import it late.

One stance worth knowing: a kept-alive connection is probed before it is used again, but if the server closes it in the
very moment we write, the request is *not* quietly sent twice. It is ``refused`` and retryable, and the retry is a Call
of its own, because the first may have been counted and paid for.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httptools
import httpx2

from edgebench.contracts import MOMENT
from edgebench.errors import TargetError
from edgebench.targets.connection import Connection, Proxy, Route, connect, proxy_of_environment
from edgebench.targets.exchange import MAX_BODY_BYTES, Exchange

MAX_IDLE = 256  # kept-alive connections per route: as many as an open loop has under way unless told
MAX_IDLE_NS = 60 * 1_000_000_000
SETTLED_NS = 1_000_000  # by then whoever was asked has been woken
DONE_GRACE_S = 1.0  # after [DONE], how long the response may take to end as its framing promised
_LAST_WORDS = (b"data: [DONE]\n\n", b"data: [DONE]\r\n\r\n")
MAX_HEAD_BYTES = 256 * 1024  # status line, headers, chunk sizes: what is not body

#: Where the caller wants to see what the wire saw. It is filled as things happen, so that it tells of failures too.
EXCHANGE: ContextVar[Exchange] = ContextVar("EXCHANGE")


class Intake:
    """Parses one response out of reads, into an Exchange. Knows no socket, so that tests can feed it anything."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.ended = False
        self.keep_alive = False
        self.failure: TargetError | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._framed = False
        self._interim = False
        self._bytes = 0

    def rest(self) -> None:
        """Let go of the parser, which holds us as we hold it: collection is off while requests are timed."""
        self._parser = None

    def feed(self, data: bytes, at_ns: int, user_ns: int, kernel: bool) -> None:
        """Take one read; empty ``data`` says that the peer closed."""
        exchange = self.exchange
        if self.ended:
            self.keep_alive = False  # bytes nobody asked for
            return
        if not data:
            self._close(at_ns)
            return
        # the kernel's clock is converted to within microseconds: not enough to let two stamps change places
        at_ns = max(at_ns, exchange.last_read_ns or exchange.sent_ns or 0)
        if exchange.first_byte_ns is None:
            exchange.first_byte_ns = at_ns
        exchange.last_read_ns = at_ns
        exchange.kernel = exchange.kernel and kernel
        before = len(exchange.body)
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.keep_alive = False
            if not self.ended:  # after a whole answer it is only the connection that is spoilt
                self._fail(TargetError("malformed", f"not HTTP/1.1: {bytes(data[:4000])!r}"))
        if len(exchange.body) > before:
            exchange.reads.append((at_ns, user_ns, len(exchange.body)))
        if len(exchange.body) > MAX_BODY_BYTES or self._bytes > 8 * MAX_BODY_BYTES:
            self._fail(TargetError("malformed", f"the answer is larger than {MAX_BODY_BYTES // 2**20} MiB"))
        elif exchange.status is None and self._bytes > MAX_HEAD_BYTES:
            self._fail(TargetError("malformed", f"no end of the headers within {MAX_HEAD_BYTES // 2**10} KiB"))
        if self.ended:
            exchange.end_ns = at_ns

    def _close(self, at_ns: int) -> None:
        exchange = self.exchange
        exchange.end_ns, self.ended, self.keep_alive = at_ns, True, False
        if exchange.first_byte_ns is None:
            message = "the server closed the connection without an answer"
            self.failure = TargetError("refused", message, retryable=True)
        elif exchange.status is None:
            message = "the server closed the connection in the middle of the headers"
            self.failure = TargetError("cut_off", message, retryable=True)
        else:
            exchange.complete = not self._framed  # without a length the close is the end

    def _fail(self, failure: TargetError) -> None:
        self.failure, self.ended, self.keep_alive = failure, True, False

    # ------------------------------------------------------------------------------------------ httptools calls these

    def on_message_begin(self) -> None:
        if self.ended:
            self.keep_alive = False  # a second answer to one question

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.ended:
            self.exchange.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.ended:
            return
        status = self._parser.get_status_code()
        self._interim = 100 <= status < 200 and status != 101
        if self._interim:
            self.exchange.headers.clear()
            return
        self._framed = any(
            name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self.exchange.headers
        )
        self.exchange.status = status

    def on_body(self, body: bytes) -> None:
        if not self.ended:
            self.exchange.body += body

    def on_message_complete(self) -> None:
        if not self._interim and not self.ended:
            self.ended = self.exchange.complete = True
            self.keep_alive = self._parser.should_keep_alive()


@dataclass(frozen=True, slots=True)
class Form:
    """A request as the client made it, to be sent with any body: route, bytes around the length of the body, limits.

    Making a request anew costs the client 0.7 ms, all of it between the moment it is due and the moment it leaves.
    """

    route: Route
    head: bytes  # without the empty line, and without the length of the body
    sized: bool  # whether it has a body, whose length is told
    limits: Mapping[str, float | None]  # connect, read, write, in seconds; None: as long as it takes

    def filled(self, body: bytes) -> bytes:
        """The whole request with this body."""
        if not self.sized:
            return self.head + b"\r\n" + body
        return b"%sContent-Length: %d\r\n\r\n%s" % (self.head, len(body), body)


@dataclass(slots=True)
class _Idle:
    connection: Connection
    since_ns: int


class Wire(httpx2.AsyncBaseTransport):
    """An HTTP/1.1 transport with stamps: TLS, chunked and keep-alive, proxies. Belongs to one event loop.

    Parameters
    ----------
    ca_file: PEM file of a certificate authority to trust beside the system's (``SSL_CERT_FILE`` is honoured too).
    proxy: ``http://[user:password@]host:port``; None: as ``HTTPS_PROXY``, ``HTTP_PROXY``, ``NO_PROXY`` say, though
        never for loopback, which no proxy reaches.
    """

    def __init__(self, *, ca_file: str | None = None, proxy: str | None = None) -> None:
        self._ca_file, self._proxy = ca_file, proxy
        self._relay: Proxy | None = None
        self._context: ssl.SSLContext | None = None
        self._idle: dict[Route, list[_Idle]] = {}
        self._rehearsed: list[httpx2.Request] | None = None
        self._sent_ns = 0  # when any request last left
        if ca_file is not None:
            self._tls()  # a file that is no certificate is better found now

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send, collect, hand up. Fills the Exchange found in :data:`EXCHANGE`.

        Raises
        ------
        TargetError: ``refused``, ``timeout``, ``malformed``, ``cut_off`` (before the headers were whole). A body that
            ends too early is no error here: ``Exchange.complete`` is false, and what came is kept.
        """
        if self._rehearsed is not None:
            self._rehearsed.append(request)
            return httpx2.Response(200, content=b"{}", request=request)
        form = self.form(request)
        exchange = await self.send(form, await request.aread())
        hidden = (b"content-length", b"transfer-encoding", b"content-encoding")
        headers = [(name, value) for name, value in exchange.headers if name.lower() not in hidden]
        return httpx2.Response(exchange.status or 0, headers=headers, content=bytes(exchange.body), request=request)

    def form(self, request: httpx2.Request) -> Form:
        """What the client made, with the place where another body's length goes."""
        route = self.route(request.url.scheme, request.url.host, request.url.port)
        limits: Mapping[str, float | None] = request.extensions.get("timeout", {})
        return Form(route, _head(request, route), "content-length" in request.headers, limits)

    async def send(self, form: Form, body: bytes) -> Exchange:
        """Send a body in a form, collect the answer. Fills the Exchange found in :data:`EXCHANGE`, or a new one.

        Raises as :meth:`handle_async_request` does.
        """
        exchange = EXCHANGE.get(None) or Exchange()
        payload = form.filled(body)
        if moment := MOMENT.get():
            await moment.come()  # of an open loop: ready before it is due, and not sent before
        connection = await self._connection(form.route, exchange, form.limits.get("connect"))
        intake = Intake(exchange)
        self._sent_ns = time.monotonic_ns()
        try:
            await _converse(connection, payload, intake, form.limits)
        except BaseException:
            connection.close()
            raise
        finally:
            intake.rest()
        self._put_back(form.route, connection, keep=intake.ended and intake.keep_alive and intake.failure is None)
        if intake.failure is not None:
            raise intake.failure
        exchange.decode()
        return exchange

    async def settled(self) -> None:
        """Return when no request has left within the last millisecond.

        A server on this machine often wakes on the very core that wrote to it; were that core busy, the server would
        stand in line for a whole time slice (3 ms on Linux), and its answer be timed with it.
        """
        while time.monotonic_ns() - self._sent_ns < SETTLED_NS:  # noqa: ASYNC110  no event tells of quiet
            await asyncio.sleep(SETTLED_NS / 1e9)

    async def aclose(self) -> None:
        for idle in self._idle.values():
            for entry in idle:
                entry.connection.close()
        self._idle.clear()

    @contextlib.contextmanager
    def rehearsal(self) -> Iterator[list[httpx2.Request]]:
        """Answer the client with an empty object and send nothing; gives what would have been sent."""
        made: list[httpx2.Request] = []
        self._rehearsed = made
        try:
            yield made
        finally:
            self._rehearsed = None

    def go_through(self, relay: Proxy) -> None:
        """Every route made from now on leads through there."""
        self._relay = relay

    def route(self, scheme: str, host: str, port: int | None) -> Route:
        """Where a request to that place goes, a proxy included."""
        return Route(scheme, host, port or (443 if scheme == "https" else 80), self._proxy_for(scheme, host))

    # --------------------------------------------------------------------------------------------------- connections

    async def _connection(self, route: Route, exchange: Exchange, limit_s: float | None) -> Connection:
        idle = self._idle.get(route, [])
        while idle:
            entry = idle.pop()  # the youngest: the least likely to be stale
            if time.monotonic_ns() - entry.since_ns < MAX_IDLE_NS and entry.connection.is_clean():
                exchange.connection = "kept-alive"
                return entry.connection
            entry.connection.close()
        exchange.connection = "new"
        try:
            async with asyncio.timeout(limit_s):
                return await connect(route, self._tls, exchange.phases)
        except TimeoutError as exc:
            message = f"no connection to {route.place} within {limit_s:g} s"
            raise TargetError("timeout", message, retryable=True) from exc

    def _put_back(self, route: Route, connection: Connection, *, keep: bool) -> None:
        idle = self._idle.setdefault(route, [])
        if keep and len(idle) < MAX_IDLE:
            idle.append(_Idle(connection, time.monotonic_ns()))
        else:
            connection.close()

    def _tls(self) -> ssl.SSLContext:
        """One context for all, so that sessions share what was read from disk."""
        if self._context is None:
            context = ssl.create_default_context()
            found = ssl.get_default_verify_paths()
            if found.cafile is None and found.capath is None:  # a Python that knows no system store
                with contextlib.suppress(ImportError):
                    import certifi  # type: ignore[import-not-found,unused-ignore]

                    context.load_verify_locations(certifi.where())
            if self._ca_file is not None:
                context.load_verify_locations(self._ca_file)
            context.set_alpn_protocols(["http/1.1"])
            self._context = context
        return self._context

    def _proxy_for(self, scheme: str, host: str) -> Proxy | None:
        if self._relay is not None:
            return self._relay
        if self._proxy is not None:
            return Proxy.parse(self._proxy) if self._proxy else None
        return proxy_of_environment(scheme, host)


async def _converse(connection: Connection, payload: bytes, intake: Intake, limits: Mapping[str, float | None]) -> None:
    """Write the request and take the response. From the first stamp to the last nothing else happens here."""
    exchange = intake.exchange
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    patience: list[asyncio.TimerHandle] = []

    def take(data: bytes, at_ns: int, user_ns: int, kernel: bool) -> None:
        intake.feed(data, at_ns, user_ns, kernel)
        if intake.ended:
            finish()
        elif exchange.body.endswith(_LAST_WORDS):
            patience.append(loop.call_later(DONE_GRACE_S, finish))

    def finish() -> None:
        if not ended.done():
            connection.rest()
            exchange.end_ns = exchange.end_ns or exchange.last_read_ns
            ended.set_result(None)

    sealed = connection.sealed(payload)
    connection.listen(take)
    try:
        exchange.sent_ns = time.monotonic_ns()
        await _write(connection, sealed, ended, intake, limits.get("write"))
        exchange.written_ns = time.monotonic_ns()
        exchange.phases["write"] = exchange.written_ns - exchange.sent_ns
        await _wait(ended, exchange, limits.get("read"))
    finally:
        connection.rest()
        for timer in patience:
            timer.cancel()
    # on loopback the kernel may stamp the answer before we have stamped the end of our writing
    if exchange.first_byte_ns is not None:
        exchange.phases["first_byte"] = max(0, exchange.first_byte_ns - exchange.written_ns)
    if exchange.reads:
        exchange.phases["server_think"] = max(0, exchange.reads[0][0] - exchange.written_ns)


async def _write(
    connection: Connection, sealed: memoryview, ended: asyncio.Future[None], intake: Intake, limit_s: float | None
) -> None:
    """Hand over the request. A server may answer (413, say) and close before it has read everything."""
    try:
        sealed = connection.send_now(sealed)
        if not sealed:
            return
        writing = asyncio.ensure_future(connection.send(sealed))
        try:
            await asyncio.wait({writing, ended}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
                return
            if not ended.done():
                message = f"the server did not take the request within {limit_s:g} s"
                raise TargetError("timeout", message, retryable=True)
            intake.keep_alive = False  # answered before it was asked to the end
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
    except OSError:
        intake.keep_alive = False  # the reader sees the same end, after whatever answer came before it


async def _wait(ended: asyncio.Future[None], exchange: Exchange, limit_s: float | None) -> None:
    """Until the response has ended, or nothing came for ``limit_s``. One timer a wait, not one a chunk."""
    while not ended.done():
        heard_ns = exchange.last_read_ns or exchange.written_ns or time.monotonic_ns()
        left_s = None if limit_s is None else limit_s - (time.monotonic_ns() - heard_ns) / 1e9
        if left_s is not None and left_s <= 0:
            raise TargetError("timeout", silence(exchange, limit_s or 0.0), retryable=True)
        await asyncio.wait({ended}, timeout=left_s)


def silence(exchange: Exchange, waited_s: float) -> str:
    """How far an exchange had come when the time was up."""
    if exchange.sent_ns is None:
        return f"not connected within {waited_s:g} s"
    if exchange.status is None:
        return f"no answer within {waited_s:g} s of the request"
    return f"no end of the answer within {waited_s:g} s; {len(exchange.body)} bytes had come"


def _head(request: httpx2.Request, route: Route) -> bytes:
    """The request line and the headers as the client made them, but for the length of the body."""
    target = request.url.raw_path
    headers: list[tuple[bytes, bytes]] = list(request.headers.raw)
    if route.proxy and route.scheme == "http" and not route.proxy.network:
        target = f"http://{request.url.netloc.decode('ascii')}".encode() + target
        if route.proxy.authorization:
            headers.append((b"Proxy-Authorization", route.proxy.authorization))
    lines = [request.method.encode("ascii") + b" " + target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in headers if name.lower() != b"content-length"]
    if any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
        raise TargetError("bad_request", "a header of the request contains a line break", fatal=True)
    return b"\r\n".join([*lines, b""])
