"""The relay for real: a process of its own between a client and a server, and a target sent through it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import psutil
import pytest
import trustme

from edgebench.contracts import Target
from edgebench.errors import TargetError
from edgebench.records import Call, Message, Parts, Request, TargetSpec, Task
from edgebench.run.asking import Asking
from edgebench.targets import fake, openai_compatible
from edgebench.targets.network import Network, load_network, shape_of
from edgebench.targets.shaping import Shape, delays, outages
from edgebench.targets.through import RelayProcess, Through
from tests import servers
from tests.servers import Server
from tests.targets.test_network import PLAIN, figure, written

MS = 1_000_000
NEAR = Shape(100.0, 100.0, 2.0)
ASK = Request(messages=(Message("user", "hello"),), text="hello", timeout_s=10.0)


@pytest.fixture
def far_away(own_home: Path) -> Network:
    """100 ms there and back, and fast enough that only the distance is seen."""
    return mine(own_home, down_mbit_s=200, up_mbit_s=200, rtt_ms=100)


def mine(home: Path, **figures: float) -> Network:
    return load_network(written(home, {**PLAIN, **{name: figure(value) for name, value in figures.items()}}))


def endpoint(url: str, **options: object) -> Target:
    spec = TargetSpec(kind="openai", model="m", base_url=url, options=options)
    return openai_compatible.target(Parts(name="api", spec=spec))


async def asked(target: Target, timeout_s: float = 10.0) -> Call:
    """One request as a run would keep it, failures too."""
    asking = Asking(target, due_ns=time.monotonic_ns(), retries=0, timeout_s=timeout_s)
    with contextlib.suppress(TargetError):
        await asking(ASK)
    return asking.calls[0]


@asynccontextmanager
async def connected(relay: RelayProcess, port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    try:
        writer.write(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % port)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write(b"bye")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def to_an_echo(shape: Shape, key: str = "1") -> AsyncIterator[tuple[RelayProcess, int]]:
    async with echo() as port, RelayProcess(shape, name="n", key=key) as relay:
        yield relay, port


# ------------------------------------------------------------------------------------------------- a target behind it


async def test_a_cold_request_pays_two_round_trips_and_a_kept_connection_one(far_away: Network) -> None:
    """Plain HTTP is tunnelled too; the handshake is the phase "proxy", which is nobody's lateness in sending."""
    with Server([servers.stream(["a", "b"])]) as server:
        async with Through(endpoint(server.base_url), far_away, key="k") as target:
            cold, warm = await asked(target), await asked(target)
    assert [request.target for request in server.ledger.requests] == ["/v1/chat/completions"] * 2
    assert (cold.connection, warm.connection) == ("new", "kept-alive")
    assert 100 * MS <= cold.phases["proxy"] < 190 * MS and cold.waited_ns >= cold.phases["proxy"]
    assert cold.done_ns is not None and cold.done_ns - cold.due_ns >= 200 * MS
    assert cold.sent_ns is not None and cold.sent_ns - cold.due_ns - cold.waited_ns < 50 * MS
    assert warm.done_ns is not None and 100 * MS <= warm.done_ns - warm.due_ns < 190 * MS and warm.waited_ns == 0


async def test_tls_passes_untouched_and_pays_its_own_round_trip(far_away: Network, tmp_path: Path) -> None:
    """The certificate is the endpoint's own, and still checked; tunnel, handshake and request are a round trip each."""
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with Server([servers.stream(["a"])], tls=context) as server:
        for trusted in (True, False):
            options = {"ca_file": str(tmp_path / "ca.pem")} if trusted else {}
            async with Through(endpoint(server.base_url, **options), far_away, key="k") as target:
                call = await asked(target)
            if trusted:
                assert call.failure is None and call.text == "a"
                assert all(100 * MS <= call.phases[phase] < 190 * MS for phase in ("proxy", "tls"))
            else:
                assert call.failure is not None and "is not trusted" in call.failure.message


async def test_the_identity_says_through_which_network(far_away: Network) -> None:
    """Name, figures and shaper are kept with the run, and a stand-in stays one."""
    with Server([servers.stream(["a"])]) as server:
        async with Through(endpoint(server.base_url), far_away, key="k") as target:
            await target.prepare(Task())
            identity, relays = target.identity(), children()
    assert identity.placement == "stand-in" and identity.device.endswith("through mine")
    assert identity.details["network"] == {
        "name": "mine", "shaper": "relay", "rtt_ms": 100.0, "down_mbit_s": 200.0, "up_mbit_s": 200.0,
    }  # fmt: skip
    assert getattr(target, "makes_ready", False) and target.pids() == () and target.load_ns() is None
    assert relays and not children()  # it ends with the target


def children() -> list[psutil.Process]:
    found = psutil.Process().children(recursive=True)
    return [one for one in found if "edgebench.targets.relay" in one.cmdline()]


async def test_nobody_behind_the_network_is_refused_as_without_it(far_away: Network) -> None:
    """After the round trip it takes to know, in the words of a direct connection, and worth another try."""
    with Server([]) as server:
        url = server.base_url
    async with Through(endpoint(url), far_away, key="k") as target:
        call = await asked(target)
        with pytest.raises(TargetError) as caught:
            await anext(aiter(target.answer(ASK)))
    assert call.failure is not None and call.failure.kind == "refused"
    assert "nothing answers at 127.0.0.1:" in call.failure.message and "'mine'" in call.failure.message
    assert caught.value.retryable and not caught.value.fatal


async def test_a_relay_that_dies_is_said_to_be_the_one(far_away: Network) -> None:
    """Fatal, so that the target is opened again with a new one."""
    with Server([servers.stream(["a"])]) as server:
        async with Through(endpoint(server.base_url), far_away, key="k") as target:
            (relay,) = children()
            relay.kill()
            relay.wait()
            with pytest.raises(TargetError, match="the relay of network 'mine' is gone") as caught:
                await anext(aiter(target.answer(ASK)))
    assert (caught.value.kind, caught.value.fatal) == ("crashed", True)


def test_only_what_speaks_to_an_endpoint_can_be_sent_through(far_away: Network) -> None:
    """A program's mistake, not a person's: plans are checked."""
    with pytest.raises(TypeError, match="cannot be sent through a network"):
        Through(fake.target(Parts(name="f", spec=TargetSpec(kind="fake"))), far_away, key="k")


# -------------------------------------------------------------------------------------------------- delays and bytes


async def test_the_same_seed_gives_the_same_delays_whenever_the_words_come() -> None:
    """Two relays, pings at different paces: every round trip is the distance and its own draw, in the same order."""
    shape, seen = Shape(100, 100, 4, jitter_ms=(10, 60, 90)), []
    drawn = [4 + held / MS for held in islice(delays(shape, "7/1", "down"), 13)][1:]  # the first was the handshake's
    for pause_s in (0.0, 0.01):
        async with to_an_echo(shape, key="7") as (relay, port), connected(relay, port) as (reader, writer):
            took = []
            for _ in drawn:
                await asyncio.sleep(pause_s)
                began = time.monotonic_ns()
                writer.write(b"ping")
                await reader.readexactly(4)
                took.append((time.monotonic_ns() - began) / MS)
            seen.append(took)
    for took in seen:
        late = [one - due for one, due in zip(took, drawn, strict=True)]
        assert min(late) >= 0 and statistics.median(late) < 3


async def test_bytes_come_whole_in_order_and_both_ends_are_told_of_the_end() -> None:
    """A megabyte each way at once; a half-closed connection still brings the last words."""
    data = bytes(range(256)) * 4096
    shape = Shape(80, 80, 3, (2, 5, 9), 0.05, (5, 20))
    async with to_an_echo(shape) as (relay, port), connected(relay, port) as (reader, writer):
        writer.write(data)
        writer.write_eof()
        assert await reader.read(-1) == data + b"bye"


async def test_a_hasty_sender_is_held_back_and_the_relay_stays_small() -> None:
    """40 MB for a lane of 2 Mbit/s: most of it waits in the sender, not in the relay."""
    async with to_an_echo(Shape(2, 2, 100)) as (relay, port):
        (process,) = children()
        before = process.memory_info().rss
        async with connected(relay, port) as (_, writer):
            writer.write(bytes(40 * 2**20))
            await asyncio.sleep(0.7)
            assert writer.transport.get_write_buffer_size() > 25 * 2**20
            assert process.memory_info().rss - before < 8 * 2**20
            assert process.cpu_times().user + process.cpu_times().system < 0.6  # it waits, and does not look


async def test_a_long_transfer_does_not_keep_a_word_of_another_connection_waiting() -> None:
    """The lane is booked little ahead: a ping beside an upload waits for some packets, not for the upload."""
    async with (
        to_an_echo(Shape(8, 8, 10)) as (relay, port),
        connected(relay, port) as (_, bulk),
        connected(relay, port) as (reader, writer),
    ):
        bulk.write(bytes(4 * 2**20))  # four seconds of the lane
        await asyncio.sleep(0.2)
        began = time.monotonic()
        writer.write(b"ping")
        await reader.readexactly(4)
        assert 0.010 < time.monotonic() - began < 0.3


async def test_an_outage_resets_what_is_open_refuses_what_is_new_and_passes(own_home: Path) -> None:
    """Calls in it are refused or cut off, and say so; before and after it there are answers."""
    network = mine(own_home, rtt_ms=2, outages_per_hour=1800, outage_s=0.5)
    key = next(key for key in map(str, range(1000)) if a_second_in(outages(shape_of(network), key)))
    kinds: list[str] = []
    words: set[str] = set()
    with Server([servers.stream(["a", "b"], delay_s=0.02)]) as server:
        async with Through(endpoint(server.base_url), network, key=key) as target:
            ends = time.monotonic() + 2.2
            while time.monotonic() < ends:
                failure = (await asked(target)).failure
                kinds.append(failure.kind if failure else "")
                words.add(failure.message if failure else "")
                await asyncio.sleep(0.02)
    lost = [place for place, kind in enumerate(kinds) if kind]
    assert lost[0] > 0 and lost[-1] < len(kinds) - 1 and lost == list(range(lost[0], lost[-1] + 1))
    assert {"refused"} <= set(kinds) <= {"", "refused", "cut_off"} and 5 <= len(lost) <= 30
    assert any("the network 'mine' had an outage" in one for one in words)


def a_second_in(times: Iterator[tuple[int, int]]) -> bool:
    """One outage about a second after the start, and no other soon."""
    (first, _), (second, _) = islice(times, 2)
    return 0.8e9 < first < 1.2e9 and second > 5e9


async def test_an_abandoned_answer_leaves_no_connection_behind(far_away: Network) -> None:
    """A client that goes away in the middle is told on: the server sees the end, the relay keeps nothing."""
    with Server([servers.stream(["a"] * 3, last=[servers.Hang()])]) as server:
        async with Through(endpoint(server.base_url), far_away, key="k") as target:
            call = await asked(target, timeout_s=0.6)
            (relay,) = children()
            for _ in range(40):
                open_now = [one for one in relay.net_connections("tcp") if one.status == "ESTABLISHED"]
                if not open_now:
                    break
                await asyncio.sleep(0.05)
            assert not open_now
    assert call.failure is not None and call.failure.kind == "timeout"


async def test_what_is_no_connect_is_told_so() -> None:
    """Whoever finds the port gets no open relay of plain requests."""
    async with RelayProcess(NEAR, name="n", key="1") as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"GET http://example.com/ HTTP/1.1\r\n\r\n")
        assert (await reader.read(-1)).startswith(b"HTTP/1.1 400 ")
        writer.close()
