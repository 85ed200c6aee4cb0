"""The networks of a run: targets sent through them, and the shaper examined before anything is timed through it.

Model of the examination. Fifty connections are opened through the shaper to an echo server of ours on loopback, 20 ms
apart, each with one ping: no ping waits behind another. What a ping should take is known beforehand: the profile's
round trip, and the jitter its seed has drawn for it. The median of the fifty must be off by no more than 5 % (or 5 ms,
whichever is more); then one transfer each way, sized to last a second and a half, must come at the profile's rate
within 5 %. A run whose shaper is not what its profile says is INVALID (metrics/verdict.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import ContextVar
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from edgebench.contracts import Target
from edgebench.errors import TargetError, UsageError
from edgebench.plan.networks import network_of
from edgebench.records import Plan
from edgebench.run.certifying.scoring import Check
from edgebench.targets import netem
from edgebench.targets.connection import Proxy, proxy_of_environment
from edgebench.targets.network import Network, load_network, shape_of
from edgebench.targets.shaping import Direction, Shape, delays
from edgebench.targets.through import Shaper, Through, relayed

PINGS = 50
APART_S = 0.02
PING = b"p" * 16
TOLERANCE = 0.05
TOLERANCE_MS = 5.0
TRANSFER_S = 1.5
STEADY = 1 / 3  # of a transfer, at its end: what jitter held up at its beginning comes all at once
MOST_BYTES = 64 * 2**20  # of a transfer: a network that is faster is seen to be so in less time
PATIENCE_S = 60.0  # a shaper this much slower than its profile has failed in any case
_PIECE = 64 * 1024

Progress = Callable[[str], None]
Certificate = Mapping[str, Any]

#: (repetition, block) of the trial for which targets are made: part of what seeds their delays
PLACE: ContextVar[tuple[int, int]] = ContextVar("PLACE", default=(0, 0))


# --------------------------------------------------------------------------------------------- targets behind networks


def networks_of(plan: Plan) -> Mapping[str, Network]:
    """Target → the profile it is reached through; those reached as they are, are not there."""
    named = {target: network_of(plan, target) for target in plan.targets}
    profiles = {name: load_network(name) for name in set(named.values()) if name is not None}
    return {target: profiles[name] for target, name in named.items() if name is not None}


def demand(plan: Plan, networks: Mapping[str, Network]) -> None:
    """Refuse what cannot work here, before anything is timed.

    Raises
    ------
    UsageError: the environment names a proxy for an endpoint that is reached through a network, or the kernel has
        no netem.
    """
    for target in networks:
        spec = plan.targets[target]
        url = urlsplit(spec.base_url or "https://api.openai.com")
        ours = "serve" in spec.options or spec.options.get("proxy") is not None  # loopback; the plan's own word
        if not ours and _proxied(url.scheme, url.hostname or ""):
            raise UsageError(
                f"target {target!r}: the environment names a proxy for {url.hostname}, and a network profile cannot "
                "be on the way beside it",
                hint="network: none   leaves the profile out, options: {proxy: ''}   the proxy",
            )
    if plan.shaper == "netem" and networks:
        netem.demand()


def _proxied(scheme: str, host: str) -> bool:
    try:
        return proxy_of_environment(scheme, host) is not None
    except TargetError as exc:
        raise UsageError(exc.message) from None


def sent_through(target: Target, network: Network, plan: Plan) -> Target:
    """The target behind the network. The same seed, target, repetition and block give the same delays."""
    repetition, block = PLACE.get()
    key = f"{plan.seeds.network}/{target.name}/{repetition}/{block}"
    return Through(target, network, key=key, shaper=plan.shaper)


# ----------------------------------------------------------------------------------------------------- the examination


async def with_networks(
    certificate: Certificate, networks: Mapping[str, Network], plan: Plan, say: Progress
) -> Certificate:
    """The certificate, and under ``networks`` what was found of those this run uses, unless it is there already."""
    if not networks or "networks" in certificate:
        return certificate
    return {**certificate, "networks": await examined(networks, seed=plan.seeds.network, shaper=plan.shaper, say=say)}


async def examined(
    networks: Mapping[str, Network], *, seed: int, shaper: Shaper, say: Progress = lambda line: None
) -> Mapping[str, Mapping[str, Any]]:
    """Target → what :func:`examine` says of its network; each profile is measured once, one after the other.

    What fails is examined once more: a fault of the shaper's comes back, a jolt of the machine does not.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for name, network in {network.name: network for network in networks.values()}.items():
        say(f"network {name}: examining the shaper by {PINGS} pings and a transfer each way …")
        shape, key = shape_of(network), f"{seed}/{name}/examined"
        found[name] = await examine(name, shape, key=key, shaper=shaper)
        if not found[name]["passed"]:
            say(f"network {name}: {in_a_line(found[name])}; once more …")
            found[name] = await examine(name, shape, key=key, shaper=shaper)
        say(f"network {name}: {in_a_line(found[name])}")
    return {target: found[network.name] for target, network in networks.items()}


async def examine(
    name: str, shape: Shape, *, key: str, shaper: Shaper = "relay", told: Shape | None = None
) -> Mapping[str, Any]:
    """What the shaper makes of a shape: ``{"network", "shaper", "passed", "measured", "checks", "why"}``.

    ``measured``: rtt_p50_ms, down_mbit_s, up_mbit_s. ``checks`` are those of a certificate. ``why``: it could not be
    used at all. ``told``: what the shaper is told instead of the shape, so that a test can put a fault there.
    Outages are left out: nothing can be measured in one.
    """
    lasting = (told or shape).without_outages()
    found: dict[str, Any] = {"network": name, "shaper": shaper, "passed": False, "measured": {}, "checks": []}
    try:
        async with _echo() as port, relayed(name, lasting, key=key, shaper=shaper, to=("127.0.0.1", port)) as relay:
            async with asyncio.timeout(PATIENCE_S):
                pings_ms = await _pings(relay.proxy, port)
                down, up = await asyncio.gather(
                    _transfer(relay.proxy, port, "down", shape.down_mbit_s),
                    _transfer(relay.proxy, port, "up", shape.up_mbit_s),
                )
    except (TargetError, OSError, asyncio.IncompleteReadError) as exc:
        return {**found, "why": f"it could not be used: {exc or type(exc).__name__}"}
    checks = (
        _round_trip(name, shape, drawn_ms(shape, key), pings_ms),
        _rate(name, "down", shape.down_mbit_s, down),
        _rate(name, "up", shape.up_mbit_s, up),
    )
    return {
        **found,
        "passed": all(one.passed for one in checks),
        "measured": {"rtt_p50_ms": statistics.median(pings_ms), "down_mbit_s": down, "up_mbit_s": up},
        "checks": [one.mapping() for one in checks],
    }


def in_a_line(found: Mapping[str, Any]) -> str:
    """How an examination ended."""
    if "why" in found:
        return str(found["why"])
    verdict = "as its profile says" if found["passed"] else "not what its profile says"
    return f"{'; '.join(one['note'] for one in found['checks'])}: {verdict}"


def drawn_ms(shape: Shape, key: str) -> list[float]:
    """What each ping should take: on its connection the first burst each way is the handshake's, the second its own."""
    found = []
    for number in range(1, PINGS + 1):
        ways: tuple[Direction, ...] = ("up", "down")
        held_ns = sum(next(islice(delays(shape, f"{key}/{number}", way), 1, None)) for way in ways)
        found.append(shape.rtt_ms + held_ns / 1e6)
    return found


def _round_trip(name: str, shape: Shape, drawn: Sequence[float], pings_ms: Sequence[float]) -> Check:
    """Ping by ping: where jitter is wide, a median of fifty tells little about an error of a few milliseconds."""
    wanted = statistics.median(drawn)
    off = statistics.median(took - due for took, due in zip(pings_ms, drawn, strict=True))
    limit = max(TOLERANCE * wanted, TOLERANCE_MS)
    jitter = " with the jitter drawn" if wanted != shape.rtt_ms else ""
    note = f"round trip {wanted + off:.4g} ms of {wanted:.4g}{jitter}"
    passed = abs(off) <= limit
    return Check(f"{name}-round-trip-off", round(abs(off), 3), "ms", limit, passed, n=len(pings_ms), note=note)


def _rate(name: str, way: Direction, wanted: float, measured: float) -> Check:
    limit, off = 100 * TOLERANCE, 100 * abs(measured / wanted - 1)
    note = f"{way} {measured:.4g} Mbit/s of {wanted:.4g}"
    return Check(f"{name}-rate-{way}-off", round(off, 3), "%", limit, off <= limit, n=1, note=note)


async def _pings(proxy: Proxy, port: int) -> list[float]:
    """Milliseconds each of the pings took, on connections of their own."""

    async def one(number: int) -> float:
        await asyncio.sleep(number * APART_S)
        async with _opened(proxy, port) as (reader, writer):
            if proxy.transparent:  # the kernel's handshake is over, the relay's own connection perhaps not yet
                writer.write(b"echo\n" + PING)
                await reader.readexactly(len(PING))
            began = time.monotonic_ns()
            writer.write(PING if proxy.transparent else b"echo\n" + PING)
            await reader.readexactly(len(PING))
            return (time.monotonic_ns() - began) / 1e6

    return list(await asyncio.gather(*(one(number) for number in range(PINGS))))


async def _transfer(proxy: Proxy, port: int, way: Direction, mbit_s: float) -> float:
    """Mbit/s of one transfer, as the receiving end has it."""
    size = min(int(mbit_s * 1e6 / 8 * TRANSFER_S), MOST_BYTES)
    async with _opened(proxy, port) as (reader, writer):
        writer.write(b"%s %d\n" % (b"send" if way == "down" else b"take", size))
        if way == "down":
            return await _received(reader, size)
        await _sent(writer, size)
        return float(await reader.readline())


async def _received(reader: asyncio.StreamReader, size: int) -> float:
    """Mbit/s of the last part of a transfer, from the read it begins with to the last one."""
    came = first = began = ended = 0
    while came < size:
        piece = await reader.read(_PIECE)
        if not piece:
            raise asyncio.IncompleteReadError(b"", size - came)
        came, ended = came + len(piece), time.monotonic_ns()
        if not began and came >= size * (1 - STEADY):
            first, began = came, ended
    return (came - first) * 8e3 / max(1, ended - began)


async def _sent(writer: asyncio.StreamWriter, size: int) -> None:
    piece = bytes(_PIECE)
    while size > 0:
        writer.write(piece[:size])
        await writer.drain()
        size -= len(piece)


@contextlib.asynccontextmanager
async def _opened(proxy: Proxy, port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection through the shaper to a port of loopback."""
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port, limit=2**18)
    try:
        if not proxy.transparent:
            writer.write(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % port)
            await reader.readuntil(b"\r\n\r\n")
        yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def _echo() -> AsyncIterator[int]:
    """A server that echoes, sends or takes, as the first line asks; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            what, _, size = (await reader.readline()).strip().partition(b" ")
            if what == b"send":
                await _sent(writer, int(size))
            elif what == b"take":
                writer.write(b"%.6f\n" % await _received(reader, int(size)))
            while piece := await reader.read(_PIECE):
                writer.write(piece)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other end sees the same, and says so
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**18)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
