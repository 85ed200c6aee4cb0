"""The wire against a real server on loopback: what it sends, what it stamps, and how it fails."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import os
import ssl
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.errors import TargetError
from edgebench.targets import connection as connections
from edgebench.targets import wire as wires
from edgebench.targets.connection import Proxy
from edgebench.targets.exchange import Exchange
from edgebench.targets.wire import EXCHANGE, Intake, Wire
from tests import servers
from tests.servers import Close, Hang, ProxyServer, Send, Server, Wait

MS = 1_000_000


@asynccontextmanager
async def opened(**options: str | None) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=Wire(**options), timeout=5.0, trust_env=False) as client:
        yield client


async def post(client: httpx2.AsyncClient, url: str, body: bytes = b"{}", **options: object) -> Exchange:
    """One POST; returns what the wire saw, also of a request that failed (raised with a note)."""
    exchange = Exchange()
    token = EXCHANGE.set(exchange)
    try:
        await client.post(f"{url}/x", content=body, **options)  # type: ignore[arg-type]
    finally:
        EXCHANGE.reset(token)
    return exchange


async def failing(url: str, **options: object) -> TargetError:
    async with opened() as client:
        with pytest.raises(TargetError) as caught:
            await post(client, url, **options)  # type: ignore[arg-type]
    return caught.value


# ------------------------------------------------------------------------------------------------------------- stamps


async def test_stamps_are_when_the_bytes_came() -> None:
    """Every stamp lies after the server's own stamp before its write, and close behind it."""
    with Server([servers.stream([f"w{k}" for k in range(40)], delay_s=0.003)]) as server:
        async with opened() as client:
            exchange = await post(client, server.base_url)
    texts = [servers.delta(content=f"w{k}") for k in range(40)]
    ends = [exchange.body.index(text) + len(text) for text in texts]
    errors = [exchange.at(end) - at_ns for end, at_ns in zip(ends, server.ledger.stamps("text"), strict=True)]
    assert min(errors) > -0.2 * MS
    assert statistics.median(errors) < 2 * MS
    assert exchange.complete and exchange.end_ns is not None and exchange.end_ns >= exchange.at(ends[-1])


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="kernel stamps are a thing of Linux")  # noqa: PTH110
async def test_on_linux_the_kernel_stamps_and_a_busy_loop_moves_no_stamp() -> None:
    """While this process is busy for 60 ms the packet waits in the kernel, already stamped."""
    reply = servers.body([Wait(0.03), Send(b"data: 1\n\n", "text")])
    with Server([reply]) as server:
        async with opened() as client:
            task = asyncio.create_task(post(client, server.base_url))
            await asyncio.sleep(0.01)
            time.sleep(0.06)  # noqa: ASYNC251  the point of the test
            exchange = await task
    assert exchange.kernel
    (at_ns, user_ns, _), written_ns = exchange.reads[0], server.ledger.stamps("text")[0]
    assert at_ns - written_ns < (user_ns - written_ns) / 2
    assert user_ns - at_ns > 10 * MS


async def test_where_the_kernel_does_not_stamp_we_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the socket option the stamps are our own, and the exchange says so."""
    monkeypatch.setattr(connections, "_TIMESTAMP_OPTION", None)
    with Server([servers.stream(["a", "b"])]) as server:
        async with opened() as client:
            exchange = await post(client, server.base_url)
    assert not exchange.kernel
    assert all(at_ns == user_ns for at_ns, user_ns, _ in exchange.reads)


async def test_a_loop_that_cannot_watch_sockets_still_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows' default loop has no add_reader: the same answer comes by awaiting reads."""

    def cannot(*args: object) -> None:
        raise NotImplementedError

    with Server([servers.stream(["a", "b"])]) as server:
        async with opened() as client:
            monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", cannot, raising=False)
            first = await post(client, server.base_url)
            second = await post(client, server.base_url)
    assert first.body == second.body and servers.DONE in first.body
    assert second.connection == "kept-alive" and not first.kernel


async def test_events_of_one_packet_share_a_stamp_and_a_torn_event_has_its_last_packets() -> None:
    """The stamp of a byte is the stamp of the read that brought it."""
    torn = servers.delta(content="torn")
    pieces: list[bytes | servers.Step] = [
        Send(b"data: 1\n\ndata: 2\n\n"),
        Wait(0.03),
        Send(torn[:9]),
        Wait(0.03),
        Send(torn[9:], "rest"),
    ]
    with Server([servers.body(pieces, framing="length")]) as server:
        async with opened() as client:
            exchange = await post(client, server.base_url)
    assert exchange.at(9) == exchange.at(18)
    assert exchange.at(len(exchange.body)) > server.ledger.stamps("rest")[0] - 0.2 * MS
    assert exchange.at(len(exchange.body)) - exchange.at(20) > 15 * MS


async def test_phases_of_a_new_and_of_a_kept_connection() -> None:
    """A new connection has DNS and connect phases, a kept one has none; both were written and thought about."""
    with Server([servers.stream(["a"], think_s=0.03)]) as server:
        async with opened() as client:
            first = await post(client, server.base_url)
            second = await post(client, server.base_url)
    assert (first.connection, second.connection) == ("new", "kept-alive")
    assert set(first.phases) == {"dns", "connect", "write", "first_byte", "server_think"}
    assert set(second.phases) == {"write", "first_byte", "server_think"}
    assert second.sent_ns is not None and second.written_ns is not None and second.first_byte_ns is not None
    assert second.sent_ns <= second.written_ns
    received_ns = server.ledger.requests[1].at_ns
    assert second.sent_ns <= received_ns
    assert second.phases["server_think"] >= 0
    assert server.ledger.connections == 1


# ------------------------------------------------------------------------------------------------------- connections


async def test_a_connection_closed_while_idle_is_not_used_again() -> None:
    """The server closes after its answer: the next request goes out on a new connection, once."""
    with Server([servers.stream(["a"])], keep_alive=False) as server:
        async with opened() as client:
            await post(client, server.base_url)
            await asyncio.sleep(0.05)
            second = await post(client, server.base_url)
    assert second.connection == "new" and second.complete
    assert len(server.ledger.requests) == 2


async def test_a_kept_connection_that_dies_under_a_request_is_refused_not_resent() -> None:
    """Sending again is a retry, and retries are counted: the wire does not make them by itself."""
    with Server([servers.stream(["a"]), [Close(reset=True)]]) as server:
        async with opened() as client:
            await post(client, server.base_url)
            with pytest.raises(TargetError) as caught:
                await post(client, server.base_url)
    assert caught.value.kind == "refused" and caught.value.retryable
    assert len(server.ledger.requests) == 2


async def test_unasked_bytes_spoil_a_kept_connection() -> None:
    """What came after the end of an answer must not become the beginning of the next one."""
    with Server([[*servers.stream(["a"]), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad")]]) as server:
        async with opened() as client:
            await post(client, server.base_url)
            await asyncio.sleep(0.03)
            second = await post(client, server.base_url)
    assert second.connection == "new" and b"bad" not in second.body


async def test_parallel_requests_have_connections_of_their_own() -> None:
    """Eight at once need eight connections; afterwards eight are kept and used again."""
    with Server([servers.stream(["a"], think_s=0.05)]) as server:
        async with opened() as client:
            for expected in ("new", "kept-alive"):
                exchanges = await asyncio.gather(*(post(client, server.base_url) for _ in range(8)))
                assert {exchange.connection for exchange in exchanges} == {expected}
    assert server.ledger.connections == 8


async def test_nothing_stays_open_whatever_happened() -> None:
    """Answered, failed, cancelled: when the client is closed no descriptor is left."""
    replies: list[servers.Reply] = [servers.stream(["a"]), [Close(reset=True)], [Send(b"nonsense")], [Hang()], [Hang()]]
    with Server(replies) as server:
        before = _descriptors()
        async with opened() as client:
            for _ in range(3):
                try:
                    await post(client, server.base_url)
                except TargetError:
                    continue
            for _ in range(2):
                task = asyncio.create_task(post(client, server.base_url))
                await asyncio.sleep(0.05)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
        await asyncio.sleep(0.1)
        assert _descriptors() <= before


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0


# ------------------------------------------------------------------------------------------------------------- sending


async def test_a_large_request_arrives_whole() -> None:
    """More than the kernel takes at once goes out piece by piece."""
    content = os.urandom(8 * 2**20)
    with Server([servers.document({})]) as server:
        async with opened() as client:
            exchange = await post(client, server.base_url, content)
            again = await post(client, server.base_url, b"small")
    assert server.ledger.requests[0].body == content
    assert exchange.status == 200 and again.connection == "kept-alive"


async def test_an_answer_before_the_request_was_taken_is_heard() -> None:
    """A server may refuse a large request by its headers and close: the refusal is the answer."""

    class Early(Server):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.5)

    with Early([]) as server:
        async with opened() as client:
            exchange = await post(client, server.base_url, bytes(32 * 2**20))
    assert exchange.status == 413


async def test_the_head_is_what_the_client_made() -> None:
    """Method, path, query, host and headers reach the server as the client wrote them."""
    with Server([servers.document({})]) as server:
        async with opened() as client:
            await client.post(f"{server.base_url}/a b?q=ü", content=b"{}", headers={"X-Mine": "yes"})
    (request,) = server.ledger.requests
    assert (request.method, request.target) == ("POST", "/v1/a%20b?q=%C3%BC")
    assert request.headers["x-mine"] == "yes" and request.headers["host"] == f"127.0.0.1:{server.port}"


async def test_a_header_cannot_smuggle_another() -> None:
    """A line break in a header is refused before a byte is sent."""
    with Server([servers.document({})]) as server:
        failure = await failing(server.base_url, headers={"X-Mine": "a\r\nX-Other: b"})
    assert failure.kind == "bad_request"
    assert server.ledger.requests == []


# ------------------------------------------------------------------------------------------------------------- framing


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_every_framing_in_packets_of_any_size(framing: servers.Framing, size: int) -> None:
    """Chunked, by length, until close: the same body, complete, whatever the packets."""
    reply = servers.stream(["Hel", "lo"], framing=framing)
    steps = servers.stream(["Hel", "lo"], framing="length")
    expected = b"".join(step.data for step in steps if isinstance(step, Send) and step.mark != "head")
    with Server([[*servers.repacked(reply, size), *([Close()] if framing == "close" else [])]]) as server:
        async with opened() as client:
            exchange = await post(client, server.base_url)
    assert bytes(exchange.body) == expected and exchange.complete


async def test_interim_responses_are_passed_over() -> None:
    """100 Continue and 103 Early Hints are not the answer."""
    interim = Send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
    with Server([[interim, Wait(0.01), *servers.stream(["a"])]]) as server:
        async with opened() as client:
            exchange = await post(client, server.base_url)
    assert exchange.status == 200 and exchange.header("link") is None and servers.DONE in exchange.body


async def test_an_answer_compressed_without_being_asked_keeps_its_stamps() -> None:
    """We ask for no compression; a server that compresses all the same is still understood, read by read."""
    parts = [servers.delta(content="a"), servers.delta(content="b")]
    engine = gzip.zlib.compressobj(wbits=31)  # type: ignore[attr-defined]
    packed = [engine.compress(part) + engine.flush(gzip.zlib.Z_SYNC_FLUSH) for part in parts]  # type: ignore[attr-defined]
    reply = servers.body([packed[0], Wait(0.03), packed[1], engine.flush()], headers={"Content-Encoding": "gzip"})
    with Server([reply]) as server:
        async with opened() as client:
            exchange = await post(client, server.base_url)
    assert bytes(exchange.body) == b"".join(parts)
    assert exchange.at(len(exchange.body)) - exchange.at(len(parts[0])) > 15 * MS


@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_an_encoding_we_cannot_undo_is_malformed(encoding: str) -> None:
    """Said to be compressed and not, or compressed in a way we did not ask for."""
    with Server([servers.stream(["a"], headers={"Content-Encoding": encoding})]) as server:
        assert (await failing(server.base_url)).kind == "malformed"


async def test_a_body_that_ends_early_is_kept_and_not_called_complete() -> None:
    """The close comes before the promised end: what came is there, for whoever can use it."""
    with Server([servers.stream(["a"], last=[Close()])]) as server:
        async with opened() as client:
            exchange = await post(client, server.base_url)
    assert not exchange.complete and servers.delta(content="a") in exchange.body


async def test_a_stream_that_is_done_but_never_ends_does_not_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """After [DONE] the framing gets a moment to end; then the answer is taken as it is, the connection dropped."""
    monkeypatch.setattr(wires, "DONE_GRACE_S", 0.05)
    with Server([servers.body([servers.DONE, Hang()])]) as server:
        async with opened() as client:
            began = time.monotonic()
            exchange = await post(client, server.base_url)
    assert time.monotonic() - began < 2.0
    assert exchange.body == servers.DONE and exchange.end_ns == exchange.reads[-1][0]


async def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server can fill our memory."""
    monkeypatch.setattr(wires, "MAX_BODY_BYTES", 10_000)
    with Server([servers.body([bytes(6_000)] * 3)]) as server:
        failure = await failing(server.base_url)
    assert failure.kind == "malformed" and "larger than" in failure.message


async def test_endless_headers_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers have a limit of their own."""
    monkeypatch.setattr(wires, "MAX_HEAD_BYTES", 5_000)
    lines = Send(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 6_000)
    with Server([[lines, Hang()]]) as server:
        failure = await failing(server.base_url)
    assert failure.kind == "malformed" and "headers" in failure.message


# ------------------------------------------------------------------------------------------------------------ failures


async def test_nobody_listens() -> None:
    """A closed port is refused, and may be tried again."""
    with Server([]) as server:
        url = server.base_url
    failure = await failing(url)
    assert failure.kind == "refused" and failure.retryable and "127.0.0.1" in failure.message


async def test_no_such_host() -> None:
    """A name that cannot be found is refused, by name."""
    failure = await failing("http://no-such-host.invalid/v1")
    assert failure.kind == "refused" and failure.retryable and "no-such-host.invalid" in failure.message


@pytest.mark.parametrize(
    ("reply", "kind", "retryable"),
    [
        ([Close()], "refused", True),
        ([Close(reset=True)], "refused", True),
        ([Send(b"\x00\x01garbage\xff")], "malformed", False),
        ([Send(b"HTTP/1.1 2oo OK\r\n\r\n")], "malformed", False),
        ([Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")], "malformed", False),
        ([Send(b"HTTP/1.1 200 OK\r\nContent-"), Close()], "cut_off", True),
        ([Hang()], "timeout", True),
        ([Send(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n"), Hang()], "timeout", True),
    ],
)
async def test_every_way_to_fail_has_its_name(reply: servers.Reply, kind: str, retryable: bool) -> None:
    """Closed, reset, garbage, half a header, silence."""
    with Server([reply]) as server:
        failure = await failing(server.base_url, timeout=0.2)
    assert (failure.kind, failure.retryable) == (kind, retryable)


async def test_the_read_timeout_counts_from_the_last_byte() -> None:
    """A slow but steady stream outlives the read timeout; a silence of that length does not."""
    with Server([servers.stream(list("abcdef"), delay_s=0.1)]) as server:
        async with opened() as client:
            exchange = await post(client, server.base_url, timeout=0.4)
    assert exchange.complete


async def test_a_server_that_does_not_read_times_out_the_write() -> None:
    """The request does not go out within the limit."""

    class Deaf(Server):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
            await asyncio.sleep(5)

    with Deaf([]) as server:
        failure = await failing(server.base_url, body=bytes(32 * 2**20), timeout=0.3)
    assert failure.kind == "timeout" and "did not take" in failure.message


# ----------------------------------------------------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "api.test").configure_cert(context)
    return context


async def test_tls_keeps_stamps_and_connections(tls: ssl.SSLContext, ca_file: str) -> None:
    """Encrypted chunks have stamps of their own; the handshake is paid once."""
    with Server([servers.stream(["a", "b", "c"], delay_s=0.02)], tls=tls) as server:
        async with opened(ca_file=ca_file) as client:
            first = await post(client, server.base_url, bytes(300_000))
            second = await post(client, server.base_url)
    assert set(first.phases) == {"dns", "connect", "tls", "write", "first_byte", "server_think"}
    assert second.connection == "kept-alive" and first.body == second.body
    assert len(server.ledger.requests[0].body) == 300_000
    ends = [first.body.index(servers.delta(content=text)) + 1 for text in "abc"]
    stamps = [first.at(end) for end in ends]
    assert stamps[0] < stamps[1] < stamps[2]
    written = server.ledger.stamps("text")[:3]
    assert all(at_ns > written_ns - 0.2 * MS for at_ns, written_ns in zip(stamps, written, strict=True))


async def test_ssl_cert_file_is_honoured(tls: ssl.SSLContext, ca_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual variable names another store of authorities."""
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    with Server([servers.stream(["a"])], tls=tls) as server:
        async with opened() as client:
            assert (await post(client, server.base_url)).complete


async def test_an_untrusted_certificate_is_refused_for_good(tls: ssl.SSLContext) -> None:
    """Verification is on; trying again would not help."""
    with Server([servers.stream(["a"])], tls=tls) as server:
        failure = await failing(server.base_url)
    assert failure.kind == "refused" and failure.fatal and not failure.retryable and "ca_file" in failure.message
    assert server.ledger.requests == []


async def test_a_certificate_for_another_name_is_refused(tls: ssl.SSLContext, ca_file: str) -> None:
    """The right authority, the wrong name."""
    with Server([servers.stream(["a"])], tls=tls) as server:
        async with opened(ca_file=ca_file) as client:
            with pytest.raises(TargetError) as caught:
                await post(client, f"https://127.0.0.1:{server.port}")
    assert caught.value.kind == "refused" and caught.value.fatal


async def test_a_server_without_tls_is_malformed() -> None:
    """https:// to a plain server."""

    class Plain(Server):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
            await reader.read(10)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()

    with Plain([]) as server:
        failure = await failing(f"https://127.0.0.1:{server.port}")
    assert failure.kind == "malformed" and failure.fatal


async def test_a_handshake_that_hangs_is_a_timeout_of_connecting() -> None:
    """Accepted, then silence: no connection within the limit."""

    class Silent(Server):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
            await asyncio.sleep(5)

    with Silent([]) as server:
        failure = await failing(f"https://127.0.0.1:{server.port}", timeout=0.2)
    assert failure.kind == "timeout" and "no connection" in failure.message


# ------------------------------------------------------------------------------------------------------------- proxies


async def test_a_plain_request_goes_through_the_proxy_in_absolute_form() -> None:
    """The proxy is asked for the whole URL, with its own credentials, which the server never sees."""
    with Server([servers.stream(["a"])]) as server, ProxyServer(server) as proxy:
        async with opened(proxy=proxy.url.replace("//", "//me:pa%20ss@")) as client:
            exchange = await post(client, "http://api.test:81/v1")
    assert exchange.complete
    assert proxy.ledger.requests[0].target == "http://api.test:81/v1/x"
    assert proxy.ledger.requests[0].headers["proxy-authorization"] == "Basic bWU6cGEgc3M="
    assert "proxy-authorization" not in server.ledger.requests[0].headers


async def test_a_tls_request_goes_through_a_tunnel(tls: ssl.SSLContext, ca_file: str) -> None:
    """CONNECT, then TLS with the server itself; the tunnel is kept."""
    with Server([servers.stream(["a"])], tls=tls) as server, ProxyServer(server) as proxy:
        async with opened(proxy=proxy.url, ca_file=ca_file) as client:
            first = await post(client, "https://api.test/v1")
            second = await post(client, "https://api.test/v1")
    assert proxy.ledger.tunnels == ["api.test:443"]
    assert "proxy" in first.phases and second.connection == "kept-alive" and second.complete


async def test_the_environment_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY is used, not for names in NO_PROXY, and never for loopback."""
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server([servers.stream(["a"])]) as server, ProxyServer(server) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "inner.test")
        async with opened() as client:
            assert (await post(client, "http://api.test/v1")).complete
            assert (await post(client, server.base_url)).complete
    assert len(proxy.ledger.requests) == 1
    wire = Wire()
    assert wire.route("http", "api.test", None).proxy == Proxy("127.0.0.1", proxy.port)
    assert wire.route("http", "inner.test", None).proxy is None
    assert wire.route("https", "api.test", None).proxy is None
    assert Wire(proxy="").route("http", "api.test", None).proxy is None


async def test_a_proxy_that_refuses_is_named_without_its_password(tls: ssl.SSLContext) -> None:
    """407 is the proxy's, not the server's; its credentials stay out of the message."""
    with Server([], tls=tls) as server, ProxyServer(server, refuse=407) as proxy:
        async with opened(proxy=proxy.url.replace("//", "//me:hushhush@")) as client:
            with pytest.raises(TargetError) as caught:
                await post(client, "https://api.test/v1")
    assert caught.value.kind == "refused" and "407" in caught.value.message
    assert "hushhush" not in repr(caught.value)


# ------------------------------------------------------------------------------------------------- any bytes at all


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


@given(cuts=st.lists(st.integers(0, 10_000), max_size=30), framing=st.sampled_from(["chunked", "length", "close"]))
def test_a_response_is_the_same_however_it_is_cut(cuts: list[int], framing: servers.Framing) -> None:
    """Status, headers, body and completeness do not depend on how the bytes fell into reads; stamps only grow."""
    reply = servers.stream(["Hel", "lo", "ü"], framing=framing, reasoning=["hm"])
    whole = b"".join(step.data for step in reply if isinstance(step, Send))
    seen = []
    for pieces in ([whole], _pieces(whole, cuts)):
        intake = Intake(Exchange())
        for at_ns, piece in enumerate(pieces):
            intake.feed(piece, at_ns, at_ns, True)
        intake.feed(b"", len(pieces), len(pieces), True)
        exchange = intake.exchange
        assert [end for _, _, end in exchange.reads] == sorted({end for _, _, end in exchange.reads})
        assert not exchange.reads or exchange.reads[-1][2] == len(exchange.body)
        seen.append((exchange.status, exchange.headers, bytes(exchange.body), exchange.complete, intake.failure))
    assert seen[0] == seen[1]
    assert seen[0][3] and seen[0][4] is None


@settings(max_examples=200)
@given(
    start=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
    rest=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 400), max_size=5),
)
def test_no_bytes_break_the_intake(start: bytes, rest: bytes, cuts: list[int]) -> None:
    """Arbitrary bytes end in a response or in a failure with a name, never in another exception."""
    intake = Intake(Exchange())
    for piece in _pieces(start + rest, cuts):
        intake.feed(piece, 1, 1, True)
    intake.feed(b"", 2, 2, True)
    assert intake.ended
    assert intake.failure is not None or intake.exchange.status is not None
