"""The instrument examines itself: what EdgeBench reports, against what a truth server in another process wrote.

Model: the server stamps every write on the clock we stamp reads with, so client − server is our error plus what
loopback takes. Our stamps are scored event by event against that ledger, never against the schedule that was meant.
What the machine itself does (other work, a coarse timer) is told apart by a reference client that takes turns with
ours: a figure fails only if it is beyond its limit *and* more than the limit above the reference's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from edgebench import plugins
from edgebench.contracts import TargetFactory
from edgebench.errors import MissingExtra, TargetError, UsageError
from edgebench.run.certifying.scoring import Check, again
from edgebench.run.certifying.subject import Subject, quiet
from edgebench.run.truth import TruthServer

#: Environment variable that skips the certificate at the start of a run when it is "off".
SWITCH = "EDGEBENCH_CERTIFY"
Progress = Callable[[str], None]
Certificate = Mapping[str, Any]
Section = Callable[[], Awaitable[Sequence[Check]]]


async def certify(*, short: bool, progress: Progress = lambda line: None) -> Certificate:
    """The certificate: ``{"mode", "seconds", "stamps", "passed", "checks": [{"name", "value", "unit", …}]}``.

    ``short``: the figures that matter most, in some five seconds; else all, in a minute and a half. ``progress``
    is told what is examined next, never inside a timed window.

    Raises
    ------
    MissingExtra: the client of hosted APIs is not installed. NoTruth: no server can be started on loopback.
    """
    factory, began = _ours(), time.monotonic_ns()
    checks: list[Check] = []
    async with TruthServer() as server, Subject(server, factory) as subject:
        for what, section in _short(subject, server) if short else _full(subject, server):
            checks += await _examined(what, section, progress)
        kernel = subject.kernel
    for what, section in [] if short else _alone(factory):
        checks += await _examined(what, section, progress)
    return {
        "mode": "short" if short else "full",
        "seconds": round((time.monotonic_ns() - began) / 1e9, 1),
        "stamps": "kernel" if kernel else "user",
        "passed": not any(_failed(one) for one in checks),
        "checks": [one.mapping() for one in checks],
    }


async def _examined(what: str, section: Section, progress: Progress) -> Sequence[Check]:
    """A section's checks. What fails is examined once more: a fault of the instrument's comes back, a jolt does not."""
    progress(what)
    with quiet():
        first = await section()
        if not any(_failed(one) for one in first):
            return first
        progress(f"{what}, once more")
        second = await section()
    before = {one.name: one for one in first if _failed(one)}
    return [again(one, before[one.name]) if one.name in before else one for one in second]


def _failed(one: Check) -> bool:
    return one.judged and one.passed is False


async def _frozen(make: TargetFactory) -> Sequence[Check]:
    """With a server of its own: the others would stand still too."""
    from edgebench.run.certifying import loads

    async with TruthServer() as server, Subject(server, make) as subject:
        return await loads.frozen(subject)


def _ours() -> TargetFactory:
    for module in ("openai", "httpx2", "httptools"):
        plugins.need(module)
    from edgebench.targets.openai_compatible import target

    return target


def _short(subject: Subject, server: TruthServer) -> list[tuple[str, Section]]:
    from edgebench.run.certifying import protocol, stamps

    return [
        ("stamps", lambda: stamps.stamp_errors(subject, server, streams=4, turns=4, chunks=25)),
        ("an early role delta", lambda: protocol.role_early(subject, server, requests=8)),
        ("many tokens an event", lambda: protocol.k_tokens(subject, server, requests=4)),
    ]


def _full(subject: Subject, server: TruthServer) -> list[tuple[str, Section]]:
    from edgebench.run.certifying import cpu, loads, protocol, stamps

    return [
        ("stamps", lambda: stamps.stamp_errors(subject, server, streams=8, turns=8, chunks=50)),
        ("TTFT of long streams", lambda: stamps.reported_ttft(subject, server, turns=5)),
        ("times that vary", lambda: stamps.reported_durations(subject, server)),
        ("stalls", lambda: stamps.stalls(subject, server)),
        ("an early role delta", lambda: protocol.role_early(subject, server, requests=16)),
        ("reasoning", lambda: protocol.reasoning(subject, server)),
        ("many tokens an event", lambda: protocol.k_tokens(subject, server, requests=8)),
        ("packets of every shape", lambda: protocol.shapes(subject, server)),
        ("missing usage", lambda: protocol.no_usage(subject, server)),
        ("429 and Retry-After", lambda: protocol.refusals(subject, server)),
        ("an error in a stream", lambda: protocol.errors_in_streams(subject, server)),
        ("CPU of a chunk", lambda: cpu.per_chunk(subject, server)),
        ("200 streams a second", lambda: loads.punctual(subject, server, "fixed?gap_ms=5", rate=200, seconds=5)),
        ("400 requests a second", lambda: loads.punctual(subject, server, "plain", rate=400, seconds=5)),
    ]


def _alone(make: TargetFactory) -> list[tuple[str, Section]]:
    """What needs no server, or one of its own."""
    from edgebench.run.certifying import arrivals, memory

    return [
        ("a server that freezes", lambda: _frozen(make)),
        ("memory", memory.weights),
        ("schedules", arrivals.schedules),
    ]


async def certificate_of_a_start(*, wanted: bool, say: Progress) -> Certificate:
    """What a run's segment keeps: the short certificate, or ``{"skipped": why}``. Never stops a run."""
    if os.environ.get(SWITCH, "").lower() == "off":
        return {"skipped": f"{SWITCH}=off"}
    if not wanted:
        return {"skipped": "it was not asked for (--no-certify)"}
    say("certifying the instrument: a truth server on loopback, some five seconds …")
    try:
        return await certify(short=True)
    except MissingExtra as exc:
        return {"skipped": f"{exc}: what is examined is the client of hosted APIs"}
    except (UsageError, TargetError, OSError) as exc:
        return {"skipped": f"it could not be made: {exc}"}
