"""The kernel's own shaper: what is refused everywhere, and the cable into the namespace where it can be laid."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from edgebench.errors import TargetError, UsageError
from edgebench.records import Message, Parts, Request, TargetSpec
from edgebench.run.asking import Asking
from edgebench.run.networks import examine
from edgebench.targets import netem, openai_compatible
from edgebench.targets.network import load_network
from edgebench.targets.shaping import Shape
from edgebench.targets.through import RelayProcess, Through
from tests import servers

SLOW = Shape(1.6, 0.75, 150, stall_share=0.002, stall_ms=(200, 1000))
UNSHAPED = Shape(netem.UNSHAPED_MBIT_S, netem.UNSHAPED_MBIT_S, 0)


def a_token_bucket(up: bool) -> Sequence[str]:
    """A discipline that more kernels have: it has a rate and no delay."""
    return ["root", "tbf", "rate", "8mbit", "burst", "16kb", "latency", "400ms"]


@pytest.fixture(scope="module")
def cables() -> None:
    """Skips where no cable can be laid."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("tc"):
        pytest.skip("needs Linux, root, ip and tc")
    try:
        with netem.Link(SLOW, shaped=a_token_bucket):
            pass
    except TargetError as exc:
        pytest.skip(f"no cable can be laid here: {exc.message}")


def has_netem() -> bool:
    try:
        with netem.Link(SLOW):
            return True
    except TargetError:
        return False


def test_the_discipline_is_half_the_way_and_each_directions_rate() -> None:
    """As tc(8) and netem(8) write it."""
    assert netem.discipline(SLOW, up=True) == [
        "root", "netem", "limit", "100000", "delay", "75000us", "rate", "750000bit", "loss", "0.2000%",
    ]  # fmt: skip
    assert "1600000bit" in netem.discipline(SLOW, up=False)
    assert "loss" not in netem.discipline(Shape(1, 1, 10), up=True)


def test_what_it_has_no_means_for_is_said() -> None:
    """A table of quantiles, and outages: the relay has them."""
    assert "quantiles" in str(netem.cannot(Shape(1, 1, 10, (1, 2, 3))))
    assert "no outages" in str(netem.cannot(Shape(1, 1, 10, outages_per_hour=1, outage_s=5)))
    assert netem.cannot(SLOW) is None


def test_where_it_cannot_work_it_is_refused_in_a_sentence() -> None:
    """Not root, no tools, or a kernel without the module; and what to write instead. Nothing of the try is left."""
    before = left()
    try:
        netem.demand()
    except UsageError as exc:
        assert str(exc).startswith("shaper: netem: ") and "\n" not in str(exc)
        assert exc.hint is not None and exc.hint.startswith("shaper: relay")
    else:
        assert has_netem()
    assert left() == before


def left() -> tuple[list[str], list[str]]:
    """Namespaces and cables of ours."""
    folder, devices = netem.NAMESPACES, Path("/sys/class/net")
    return (
        sorted(one.name for one in folder.glob(f"edgebench-{os.getpid()}-*")) if folder.is_dir() else [],
        sorted(one.name for one in devices.glob("eb*")) if devices.is_dir() else [],
    )


async def test_the_cable_reaches_the_endpoint_and_nothing_else_is_shaped(cables: None) -> None:
    """A megabyte through a bucket of 8 Mbit/s takes its second; loopback beside it has no discipline, and all is gone
    afterwards."""
    before = left()
    async with await asyncio.start_server(_sends_a_megabyte, "127.0.0.1", 0) as server:
        to = ("127.0.0.1", int(server.sockets[0].getsockname()[1]))
        with netem.Link(UNSHAPED, shaped=a_token_bucket) as link:
            relay = RelayProcess(UNSHAPED, name="n", key="1", to=to, listen=(link.namespace, link.far))
            async with relay:
                assert relay.proxy.transparent and relay.proxy.host == link.far
                reader, writer = await asyncio.open_connection(relay.proxy.host, relay.proxy.port)
                assert writer.get_extra_info("sockname")[0] == link.near
                began = asyncio.get_running_loop().time()
                assert len(await reader.read(-1)) == 10**6
                took = asyncio.get_running_loop().time() - began
                writer.close()
                loopback = shapes("lo")
    assert 0.85 < took < 1.6
    assert "tbf" not in loopback and "netem" not in loopback
    assert left() == before


def shapes(device: str) -> str:
    """The disciplines of a device, as tc lists them."""
    command = [str(shutil.which("tc")), "qdisc", "show", "dev", device]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def test_a_target_goes_through_the_cable_without_asking_for_a_tunnel(
    cables: None, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's own handshake is the connection's; the bucket stands for netem, which few test machines have."""
    monkeypatch.setattr(netem, "discipline", lambda shape, *, up: a_token_bucket(up))
    spec = TargetSpec(kind="openai", model="m")
    with servers.Server([servers.stream(["a", "b"])]) as server:
        inner = openai_compatible.target(Parts(name="api", spec=replace(spec, base_url=server.base_url)))
        async with Through(inner, load_network("cable"), key="k", shaper="netem") as target:
            asking = Asking(target, due_ns=time.monotonic_ns(), retries=0, timeout_s=10)
            answer = await asking(Request(messages=(Message("user", "hello"),), text="hello"))
            identity = target.identity()
    assert answer.text == "ab" and len(server.ledger.requests) == 1
    assert "proxy" not in asking.calls[0].phases and asking.calls[0].phases["connect"] > 0
    assert identity.details["network"]["shaper"] == "netem"


async def test_the_examination_goes_through_the_cable_too(cables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket has a rate and no distance, and that is what is found."""
    monkeypatch.setattr(netem, "discipline", lambda shape, *, up: a_token_bucket(up))
    found = await examine("n", Shape(8.0, 8.0, 100.0), key="k", shaper="netem")
    assert found["checks"][0]["passed"] is False  # no delay: 100 ms too near
    assert 6.5 < found["measured"]["down_mbit_s"] < 8.5 and found["measured"]["rtt_p50_ms"] < 50


async def _sends_a_megabyte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(10**6))
    await writer.drain()
    writer.close()
