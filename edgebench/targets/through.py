"""A target reached through a network: the relay's process, and the wrapper that sends a target through it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any, Literal, Self

from edgebench.contracts import Target
from edgebench.errors import TargetError
from edgebench.records import Chunk, Identity, Request, Task
from edgebench.targets import netem
from edgebench.targets.child import Child
from edgebench.targets.connection import Proxy, Reaching
from edgebench.targets.network import Network, shape_of
from edgebench.targets.shaping import Shape

Shaper = Literal["relay", "netem"]


class RelayProcess:
    """The relay's process, started and stopped with ``async with``; it dies with this one whatever happens.

    Parameters
    ----------
    name: of the network, for messages.
    key: seeds every delay; the same key gives every connection the same delays.
    to: host and port all connections lead to; None: wherever CONNECT says.
    listen: (path of a network namespace, address in it) to listen there instead of on loopback.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        name: str,
        key: str,
        to: tuple[str, int] | None = None,
        listen: Sequence[str] | None = None,
    ) -> None:
        self._line = {"shape": shape.to_json(), "key": key, "to": to, "listen": listen}
        self._host, self._name = listen[1] if listen else "127.0.0.1", name
        self._child = Child("edgebench.targets.relay")
        self.port = 0

    @property
    def proxy(self) -> Proxy:
        """Where to connect to."""
        return Proxy(self._host, self.port, network=self._name, transparent=self._line["to"] is not None)

    def alive(self) -> bool:
        return self._child.alive()

    async def __aenter__(self) -> Self:
        """Start it.

        Raises
        ------
        TargetError(load_failed): it does not say its port in time.
        """
        try:
            self.port = await self._child.start(json.dumps(self._line).encode() + b"\n")
        except (ValueError, OSError) as exc:
            raise TargetError("load_failed", f"the relay of network {self._name!r} did not start", fatal=True) from exc
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._child.stop()


@contextlib.asynccontextmanager
async def relayed(
    name: str, shape: Shape, *, key: str, shaper: Shaper, to: tuple[str, int]
) -> AsyncIterator[RelayProcess]:
    """A relay through which ``to`` is as far away as the shape says, by delays of ours or the kernel's own."""
    if shaper == "relay":
        async with RelayProcess(shape, name=name, key=key) as relay:
            yield relay
        return
    plain = Shape(down_mbit_s=netem.UNSHAPED_MBIT_S, up_mbit_s=netem.UNSHAPED_MBIT_S, rtt_ms=0.0)
    with netem.Link(shape) as link:
        async with RelayProcess(plain, name=name, key=key, to=to, listen=(link.namespace, link.far)) as relay:
            yield relay


class Through:
    """A target whose every connection goes through a network profile; everything else is the target's own."""

    def __init__(self, target: Target, network: Network, *, key: str, shaper: Shaper = "relay") -> None:
        if not isinstance(target, Reaching):
            raise TypeError(f"{type(target).__name__} cannot be sent through a network")
        self.name, self._target, self._way = target.name, target, target
        self._network, self._key, self._shaper = network, key, shaper
        self._stack = AsyncExitStack()
        self._relay: RelayProcess | None = None

    @property
    def makes_ready(self) -> bool:
        return bool(getattr(self._target, "makes_ready", False))

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._target)  # first: a server of our own has no port before
            opened = relayed(
                self._network.name,
                shape_of(self._network),
                key=self._key,
                shaper=self._shaper,
                to=self._way.endpoint(),
            )
            self._relay = await stack.enter_async_context(opened)
            await self._way.go_through(self._relay.proxy)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def prepare(self, task: Task) -> None:
        try:
            await self._target.prepare(task)
        except TargetError as error:
            raise self._blamed(error) from error

    async def answer(self, request: Request) -> AsyncIterator[Chunk]:
        try:
            async with aclosing(self._target.answer(request)) as stream:  # type: ignore[type-var]
                async for chunk in stream:
                    yield chunk
        except TargetError as error:
            raise self._blamed(error) from error

    def _blamed(self, error: TargetError) -> TargetError:
        """The failure itself, or the relay's death behind it."""
        if self._relay is None or self._relay.alive():
            return error
        return TargetError("crashed", f"the relay of network {self._network.name!r} is gone", fatal=True)

    def identity(self) -> Identity:
        found = self._target.identity()
        return replace(
            found,
            device=f"{found.device} through {self._network.name}",
            details={**found.details, "network": described(self._network, self._shaper)},
        )

    def pids(self) -> tuple[int, ...]:
        return self._target.pids()

    def load_ns(self) -> int | None:
        return self._target.load_ns()

    def resident_before_load(self) -> int | None:
        return self._target.resident_before_load()


def described(network: Network, shaper: Shaper) -> dict[str, Any]:
    """The network as an identity keeps it: name, figures, who shapes."""
    figures = {name: float(figure.value) for name, figure in network.figures.items()}
    return {"name": network.name, "shaper": shaper, **figures}
