"""Where the time of a request goes: the median of each part of its journey, in milliseconds.

Model: every answered call of the steady state is one observation of each part it tells; the interval is that of the
median by order statistics (``stats.quantiles``), at the n that calls are worth which share an item, a block or
their neighbourhood in time (``Observed.effective_n``).

Counted here from stamps (``sent`` is the moment the first byte of the request was handed over):

- ``lag``: sent − due − looking up, connecting and queueing: what the client itself added
- ``first_token``: request written → first non-empty chunk
- ``streaming``: first chunk → last content
- ``pipe``: an engine's own stamp of the last chunk → our receipt in another process
- ``new_connection``, ``kept_connection``: done − due, of the calls that opened a connection and of those that found one
- ``retry``: due → end of every call that was a second try, answered or not

All others are as the wire or the engine told them (see ``Completion.phases``). They are no sum: ``first_byte`` lies
inside ``server_think``, that inside ``first_token``; ``provider`` is the provider's word for a part of these.
Connections are opened by cold requests mostly, so what concerns new ones (``NEW``) counts those too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from edgebench.metrics.observed import Observed
from edgebench.metrics.table import ArmColumns, Floats, Index
from edgebench.records import Call, Estimate
from edgebench.stats import quantiles

MS = 1e6
#: in the order they happen
JOURNEY = (
    "lag",
    "queue",
    "dns",
    "connect",
    "proxy",
    "tls",
    "write",
    "first_byte",
    "server_think",
    "provider",
    "first_token",
    "load",
    "tokenise",
    "prefill",
    "labels",
    "decode",
    "streaming",
    "pipe",
    "new_connection",
    "kept_connection",
    "retry",
)
NEW = frozenset({"dns", "connect", "proxy", "tls", "new_connection"})


def phases(arm: ArmColumns) -> Mapping[str, Estimate]:
    """Part → median with its interval and n, in the order of the journey; a part nobody told of is not there."""
    found: dict[str, list[tuple[int, float]]] = {}
    for name, place, ms in _told(arm):
        found.setdefault(name, []).append((place, ms))
    lag = np.flatnonzero(arm.steady & ~arm.failed & np.isfinite(arm.client_lag_ms))
    if len(lag):
        found["lag"] = [(int(place), float(arm.client_lag_ms[place])) for place in lag]
    order = [*JOURNEY, *sorted(set(found) - set(JOURNEY))]
    return {name: _median(arm, found[name], _note(arm, name)) for name in order if name in found}


def _told(arm: ArmColumns) -> Iterator[tuple[str, int, float]]:
    """(part, place of its record, milliseconds) of every part of every call that counts."""
    for place, record in enumerate(arm.records):
        steady = bool(arm.steady[place])
        for call in record.calls:
            if call.attempt:
                yield from _named("retry", place, call.due_ns, call.end_ns if call.failure else call.done_ns)
            if call.failure is not None:
                continue
            for name, ns in {**call.phases, **_stamped(call)}.items():
                if steady or name in NEW:
                    yield name, place, ns / MS


def _named(name: str, place: int, start: int, end: int | None) -> Iterable[tuple[str, int, float]]:
    return () if end is None else ((name, place, (end - start) / MS),)


def _stamped(call: Call) -> Mapping[str, int]:
    """What follows from a call's stamps, in ns."""
    out: dict[str, int] = {}
    written = call.phases.get("write")
    if written is not None and call.sent_ns is not None and call.first_ns is not None and call.done_ns is not None:
        # on loopback the kernel may stamp the answer before we have stamped the end of our writing
        out["first_token"] = max(0, call.first_ns - call.sent_ns - written)
        if len(call.chunk_ns) > 1:
            out["streaming"] = call.done_ns - call.first_ns
    if call.pipe_ns is not None:
        out["pipe"] = call.pipe_ns
    if call.connection is not None and call.done_ns is not None:
        name = "new_connection" if call.connection == "new" else "kept_connection"
        out[name] = call.done_ns - call.due_ns
    return out


def _median(arm: ArmColumns, told: Sequence[tuple[int, float]], note: str | None) -> Estimate:
    at: Index = np.array([place for place, _ in told], dtype=np.int64)
    values: Floats = np.array([ms for _, ms in told], dtype=float)
    observed = Observed("phase", arm.cluster[at], values, np.ones(len(at)), 0.5, arm.start[at], arm.order[at])
    ordered, effective = np.sort(values), observed.effective_n()
    low, high = observed.order_interval(ordered)
    words = [note] if note else []
    if low is None or high is None:
        low = high = None
        words.append(f"between {ordered[0]:.3g} and {ordered[-1]:.3g} ms; too few for an interval")
    spread = "" if effective == len(values) else f", worth {effective:.0f} independent ones"
    method = f"median of {len(values)}, order statistics{spread}"
    return Estimate(quantiles.point(ordered, 0.5), low, high, len(values), method, note="; ".join(words) or None)


def _note(arm: ArmColumns, name: str) -> str | None:
    if name in NEW:
        return "new connections only, those of cold requests included"
    if name == "provider":
        return "as the provider's own header says; not ours"
    if name == "retry":
        tries = [call for record in arm.records for call in record.calls if call.attempt]
        return f"{sum(call.failure is not None for call in tries)} of {len(tries)} failed again"
    if name in ("prefill", "server_think") and (share := cached_share(arm)):
        return f"{share:.0%} of the prompt tokens came from a cache"
    return None


WARM = 0.1  # of the prompt tokens: a shared instruction of a few tokens is no warm cache


def mixed_caches(arms: Iterable[ArmColumns]) -> str | None:
    """A warning where the prompts of one arm came from a cache and those of another, that has one, did not.

    Engines without a prompt cache (a classifier reads each text whole) are no part of it.
    """
    shares = {
        arm.arm: share
        for arm in arms
        if "prompt_cache" in arm.identity.details and (share := cached_share(arm)) is not None
    }
    warm = [f"{arm} {share:.0%}" for arm, share in shares.items() if share > WARM]
    cold = [f"{arm} {share:.0%}" for arm, share in shares.items() if share <= WARM]
    if not warm or not cold:
        return None
    return (
        f"latencies compare a warm prompt cache with a cold one: of the prompt tokens, {', '.join(warm)} came from a "
        f"cache, {', '.join(cold)}; give both the same options.prompt_cache"
    )


def cached_share(arm: ArmColumns) -> float | None:
    """Share of the prompt tokens of the steady state that a cache had; None where nobody said."""
    known = arm.steady & ~arm.failed & np.isfinite(arm.cached_tokens) & np.isfinite(arm.input_tokens)
    total = float(arm.input_tokens[known].sum())
    return float(arm.cached_tokens[known].sum()) / total if total else None
