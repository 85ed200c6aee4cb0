"""The kernel's own network emulation (netem), for the traffic of one target and for nothing else.

A network namespace is joined to this machine by a pair of virtual cables; netem sits on both ends, each shaping what
leaves there. The relay's process listens inside the namespace and connects to the endpoint from outside it, so that
only what goes from the client to the relay and back is shaped: no route, no rule and no other traffic of the machine
changes. Unlike the relay's own delays this is packet by packet, with the kernel's own handshake, slow start and
retransmissions; a loss is a loss. It needs Linux, root, ``ip`` and ``tc``, and a kernel with ``sch_netem``.

netem knows no table of quantiles and reorders what it delays unevenly, and it has no outages: profiles with these
figures are for the relay.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from edgebench.errors import TargetError, UsageError
from edgebench.targets.shaping import Shape

NAMESPACES = Path("/var/run/netns")
UNSHAPED_MBIT_S = 1e5
INSTEAD = "shaper: relay   (delays of our own: any system, no root)"
_NUMBERS = itertools.count()
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of <sched.h>


def cannot(shape: Shape) -> str | None:
    """What of a shape netem has no means for; None when it can all of it."""
    if shape.jitter_ms:
        return "the kernel's netem has no table of quantiles and reorders what it delays unevenly"
    if shape.outages_per_hour:
        return "the kernel's netem has no outages"
    return None


def demand() -> None:
    """Make sure that a link can be built here, by building one.

    Raises
    ------
    UsageError: not Linux, not root, no ``ip`` or ``tc``, or a kernel without netem.
    """
    why = None
    if sys.platform != "linux":
        why = "netem is Linux's"
    elif os.geteuid() != 0:
        why = "netem needs root"
    elif missing := [name for name in ("ip", "tc") if shutil.which(name) is None]:
        why = f"netem needs the program {missing[0]!r} (package iproute2)"
    if why is None:
        try:
            with Link(Shape(1000.0, 1000.0, 1.0)):
                return
        except TargetError as exc:
            why = f"this kernel shapes nothing with netem ({exc.message})"
    raise UsageError(f"shaper: netem: {why}", hint=INSTEAD)


def discipline(shape: Shape, *, up: bool) -> list[str]:
    """netem for one direction: half the round trip, the rate, and a share of packets lost."""
    rate = shape.up_mbit_s if up else shape.down_mbit_s
    lost = ["loss", f"{shape.stall_share:.4%}"] if shape.stall_share else []
    delay = ["delay", f"{round(shape.rtt_ms * 500)}us"]
    return ["root", "netem", "limit", "100000", *delay, "rate", f"{round(rate * 1e6)}bit", *lost]


class Link:
    """A namespace and the shaped cable into it, as long as it is open. ``near`` and ``far``: addresses of its ends.

    ``shaped``: the discipline of an end (True: ours, which is up), instead of netem's.
    """

    def __init__(self, shape: Shape, *, shaped: Callable[[bool], Sequence[str]] | None = None) -> None:
        number = next(_NUMBERS)
        self._name = f"edgebench-{os.getpid()}-{number}"
        self._ends = tuple(f"eb{os.getpid() % 10**7:x}{number % 4096:x}{end}" for end in "nf")
        # 198.18.0.0/15 is set aside for measuring networks (RFC 2544) and never routed
        block = (os.getpid() * 64 + number) % 2**15 * 4
        self.near, self.far = (f"198.{18 + (block >> 16)}.{block >> 8 & 255}.{(block & 255) + end}" for end in (1, 2))
        self._shaped = shaped or (lambda up: discipline(shape, up=up))

    @property
    def namespace(self) -> str:
        """Path by which a process enters it."""
        return str(NAMESPACES / self._name)

    def __enter__(self) -> Self:
        """Build it.

        Raises
        ------
        TargetError(load_failed): a command was refused; nothing of it is left.
        """
        near, far = self._ends
        inside = ("-n", self._name)
        commands: list[Sequence[str]] = [
            ("ip", "netns", "add", self._name),
            ("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", self._name),
            ("ip", "addr", "add", f"{self.near}/30", "dev", near),
            ("ip", *inside, "addr", "add", f"{self.far}/30", "dev", far),
            ("ip", "link", "set", near, "up"),
            ("ip", *inside, "link", "set", far, "up"),
            ("tc", "qdisc", "add", "dev", near, *self._shaped(True)),
            ("tc", *inside, "qdisc", "add", "dev", far, *self._shaped(False)),
        ]
        try:
            for command in commands:
                _run(command)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        """Take it down; the cable goes with the namespace that holds its other end."""
        with contextlib.suppress(TargetError):
            _run(("ip", "link", "del", self._ends[0]))
        with contextlib.suppress(TargetError):
            _run(("ip", "netns", "del", self._name))


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise TargetError("load_failed", f"{' '.join(command[:3])}: {said[:200]}", fatal=True)


def listening(namespace: str, address: str) -> socket.socket:
    """A listening socket in another network namespace; what it accepts is there too, the process stays here."""
    with Path("/proc/thread-self/ns/net").open("rb") as here, Path(namespace).open("rb") as there:
        _enter(there.fileno())
        try:
            return socket.create_server((address, 0))
        finally:
            _enter(here.fileno())


def _enter(descriptor: int) -> None:
    """This thread's sockets are made there from now on (setns(2); Python has it from 3.12)."""
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _NEW_NETWORK) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
