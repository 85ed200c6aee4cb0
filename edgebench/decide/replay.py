"""Replay: the measured times of an arm put through a queue, under arrivals nobody has measured.

What is known of a request is how long it keeps the target from the next one (``hold_s``: from having its turn to
giving it back, pipe and last words included) and when, within that, its first and last tokens come. The queue
(``stats.queues``, ``stats.sharing``) adds the waiting. A failed request holds the target too, and its answer never
comes, so it misses every limit.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edgebench.decide.wording import number
from edgebench.metrics.table import ArmColumns, Floats, Index
from edgebench.records import Call, Record
from edgebench.stats import queues, sharing
from edgebench.stats.sharing import NEVER, Clients, Server

Model = Literal["first-in-first-out", "processor-sharing", "no queue"]
ANY_NUMBER = 1_000_000  # slots of an API, whose own queue nobody sees
WARM_UP = 0.1  # of a window: the queue fills before it is looked at
HANDOVERS = 10  # back-to-back requests from which the time between two of them is measured, not added up from parts


# --------------------------------------------------------------------------------------------------- what was measured


@dataclass(frozen=True)
class Times:
    """Seconds of each steady request of an arm; arrays of shape (n,)."""

    latency_s: Floats  # from having its turn to its last content; infinite where it failed
    first_s: Floats  # … to its first token; infinite where there was none
    hold_s: Floats  # … to the next one's turn
    tokens: Floats  # both ways, for limits on those; 0 where nobody counted
    member: Index  # cluster of its item
    places: Index  # among the arm's records
    handovers: int = 0  # back-to-back requests among them, which show the time between two

    @property
    def n(self) -> int:
        return len(self.hold_s)

    @property
    def mean_hold_s(self) -> float:
        return float(self.hold_s.mean())

    def at(self, places: Index) -> Times:
        return Times(
            self.latency_s[places],
            self.first_s[places],
            self.hold_s[places],
            self.tokens[places],
            self.member[places],
            self.places[places],
        )

    def drawn(self, rng: np.random.Generator, count: int, *, anew: bool) -> Index:
        """Places of ``count`` requests, drawn with replacement; ``anew``: of items that were drawn anew themselves."""
        if not anew:
            return rng.integers(0, self.n, count)
        groups, member = np.unique(self.member, return_inverse=True)
        taken = np.bincount(rng.integers(0, len(groups), len(groups)), minlength=len(groups))
        pool = np.repeat(np.arange(self.n), taken[member])
        return np.asarray(pool[rng.integers(0, len(pool), count)])


def times_of(arm: ArmColumns) -> Times:
    """The times of an arm's steady requests that were sent at all."""
    places = [place for place in np.flatnonzero(arm.steady).tolist() if _sent(arm.records[place])]
    rows = np.array([_row(arm.records[place]) for place in places], dtype=float).reshape(len(places), 3)
    gaps = handovers(arm)
    hold = rows[:, 2]
    if len(gaps) >= HANDOVERS:
        service = arm.service_ms[places] / 1000
        hold = np.where(np.isfinite(service), service + float(np.median(gaps)), hold)
    counts = np.nan_to_num(arm.input_tokens[places]) + np.nan_to_num(arm.output_tokens[places])
    return Times(rows[:, 0], rows[:, 1], hold, counts, arm.cluster[places], np.array(places, dtype=np.int64), len(gaps))


def _sent(record: Record) -> bool:
    return record.sent_ns is not None and bool(record.calls)


def _row(record: Record) -> tuple[float, float, float]:
    """Seconds from having the turn to the last content, the first token, the next one's turn."""
    calls = record.calls
    queued = sum(call.phases.get("queue", 0) for call in calls)
    failed = record.failure is not None or record.done_ns is None
    first_ns = record.first_ns
    return (
        NEVER if failed or record.done_ns is None else max(0, record.done_ns - record.due_ns - queued) / 1e9,
        NEVER if failed or first_ns is None else max(0, first_ns - record.due_ns - queued) / 1e9,
        max(0, max(_given_back(call) for call in calls) - record.due_ns - queued) / 1e9,
    )


def _given_back(call: Call) -> int:
    """When the target could take the next request: the engine's own end, and the pipe that tells us of it."""
    end = max(call.end_ns or 0, call.done_ns or 0)
    return end + (call.pipe_ns or 0) if call.stamp == "engine" else end


def handovers(arm: ArmColumns) -> Floats:
    """Seconds from the last content of a request to the sending of one that had waited for its turn by then."""
    out: list[float] = []
    by_start: dict[tuple[str, str], list[Record]] = {}
    for record in arm.records:
        if _sent(record) and len(record.calls) == 1:
            by_start.setdefault((record.trial_id, record.segment_id), []).append(record)
    for records in by_start.values():
        ordered = sorted(records, key=lambda one: one.sent_ns or 0)
        for one, two in itertools.pairwise(ordered):
            done_ns, sent_ns = one.done_ns, two.sent_ns
            if done_ns is None or sent_ns is None or one.failure is not None:
                continue
            if two.calls[0].phases.get("queue", 0) > 0 and two.due_ns < done_ns <= sent_ns:
                out.append((sent_ns - done_ns) / 1e9)
    return np.array(out)


def is_serial(arm: ArmColumns) -> bool:
    """Whether the target itself says how long a request waited for its turn: then it answers so many at a time."""
    return any("queue" in call.phases for record in arm.records[:50] for call in record.calls)


# --------------------------------------------------------------------------------------------------- what serves them


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is said of a unit rather than measured; None: as the arm shows it."""

    slots: int | None = None
    speeds: tuple[float, ...] | None = None  # with 1, 2, … active, as measured
    rpm: float | None = None
    tpm: float | None = None
    timeout_s: float | None = None
    retries: int = 0
    unload_after_s: float | None = None
    throttle_after_s: float | None = None
    throttled: float = 1.0


@dataclass(frozen=True, slots=True)
class Unit:
    """One device or API account as a queue."""

    model: Model
    server: Server
    clients: Clients
    why: str

    @property
    def plain(self) -> bool:
        """Nothing but slots of full speed: no need to simulate event by event."""
        server = self.server
        free = (server.unload_after, server.throttle_after, server.requests_a_minute, server.tokens_a_minute)
        even = self.model == "first-in-first-out" or (self.model == "no queue")
        return even and min(free) == NEVER and self.clients.timeout == NEVER and server.loaded

    def load(self, rate: float, times: Times) -> float:
        """Share of what it can bear: 1 is the most it could ever do; 0 where nothing limits it."""
        return self.load_of(rate, times.mean_hold_s, float(times.tokens.mean()))

    def load_of(self, rate: float, hold_s: float, tokens: float) -> float:
        """The same by the mean time of a request and its mean tokens."""
        server = self.server
        by_time = (
            0.0
            if self.model == "no queue"
            else rate * hold_s / (server.fastest * (server.throttled if server.hot else 1.0))
        )
        return max(by_time, 60 * rate / server.requests_a_minute, 60 * rate * tokens / server.tokens_a_minute)

    def highest(self, times: Times) -> float:
        """The rate at which its load is that of an unstable queue; infinite where nothing limits it."""
        per_request = self.load(1.0, times)
        return queues.UNSTABLE / per_request if per_request > 0 else NEVER


def unit_of(arm: ArmColumns, given: Assumed | None = None, *, load_s: float = 0.0) -> Unit:
    """How one unit of an arm's target serves: by what it is, what its records show and what is given."""
    given = given or Assumed()
    clients = Clients(timeout=given.timeout_s or NEVER, retries=given.retries if given.timeout_s or given.rpm else 0)
    server = Server(
        load=load_s,
        unload_after=NEVER if given.unload_after_s is None else given.unload_after_s,
        throttle_after=NEVER if given.throttle_after_s is None else given.throttle_after_s,
        throttled=given.throttled,
        hot=given.throttle_after_s is not None,  # a window is short: it is taken from the end of a busy hour
        requests_a_minute=given.rpm or NEVER,
        tokens_a_minute=given.tpm or NEVER,
    )
    if given.rpm or given.tpm:
        clients = replace(clients, retries=given.retries)
    serial = is_serial(arm)
    if arm.identity.placement != "device" and not serial and given.slots is None:
        return Unit("no queue", replace(server, slots=ANY_NUMBER, speeds=()), clients, _of_an_api(given))
    if given.speeds is not None and len(given.speeds) > 1 and not serial:
        slots = given.slots or len(given.speeds)
        told = ", ".join(f"{number(speed)} at {k}" for k, speed in enumerate(given.speeds, 1))
        why = f"up to {slots} at once share it; work done together, as measured: {told}"
        return Unit("processor-sharing", replace(server, slots=slots, speeds=given.speeds), clients, why)
    slots = given.slots or _at_once(arm)
    server = replace(server, slots=slots, speeds=tuple(float(k) for k in range(1, slots + 1)))
    return Unit("first-in-first-out", server, clients, _of_a_queue(slots, given, serial=serial, arm=arm))


def _at_once(arm: ArmColumns) -> int:
    said = arm.identity.details.get("at_once")
    return said if isinstance(said, int) and said > 0 else 1


def _of_an_api(given: Assumed) -> str:
    limits = [
        f"{number(each)} {what} a minute" for each, what in ((given.rpm, "requests"), (given.tpm, "tokens")) if each
    ]
    if limits:
        return f"an API with {' and '.join(limits)}; below that, latency as measured: its own queue is not seen"
    return "an API's own queue is not seen: latency as measured, at any rate (--rpm and --tpm declare its limits)"


def _of_a_queue(slots: int, given: Assumed, *, serial: bool, arm: ArmColumns) -> str:
    if slots > 1:
        return f"{slots} at once, each at full speed, as {'declared' if given.slots else 'the target says'}"
    if serial or arm.identity.kind in ("llama.cpp", "onnxruntime"):
        return "one request at a time"
    return "taken to answer one request at a time; --measure-rates shows whether two are faster together"


def load_s_of(arm: ArmColumns, load_s: float | None) -> float:
    """Seconds from nothing to an answer beyond a warm one's: model load, and what the cold request took longer."""
    times, cold = arm.latency_ms[arm.steady], arm.latency_ms[arm.cold]
    longer = (
        float(np.nanmedian(cold) - np.nanmedian(times)) if np.isfinite(cold).any() and np.isfinite(times).any() else 0
    )
    return (load_s or 0.0) + max(0.0, longer / 1000)


# ------------------------------------------------------------------------------------------------ what they then wait


@dataclass(frozen=True)
class Drawn:
    """Windows of requests drawn for a simulation: shape (windows, n), the moments in units of the mean gap."""

    latency_s: Floats
    first_s: Floats
    hold_s: Floats
    tokens: Floats
    moments: Floats

    @classmethod
    def of(cls, times: Times, rng: np.random.Generator, windows: int, n: int, *, anew: bool) -> Drawn:
        """Poisson arrivals, fresh in every window; ``anew``: items resampled in every window too."""
        places = np.stack([times.drawn(rng, n, anew=anew) for _ in range(windows)])
        moments = np.cumsum(rng.exponential(1.0, (windows, n)), axis=1)
        return cls(times.latency_s[places], times.first_s[places], times.hold_s[places], times.tokens[places], moments)

    def row(self, place: int) -> Drawn:
        return Drawn(*(each[place] for each in (self.latency_s, self.first_s, self.hold_s, self.tokens, self.moments)))


def served(unit: Unit, drawn: Drawn, arrivals: Floats) -> tuple[Floats, Floats]:
    """(latency, time to first token) in seconds of each request that came at ``arrivals``; infinite where none came.

    One window (n,), or several (windows, n).
    """
    if unit.model == "no queue" and unit.plain:
        return drawn.latency_s, drawn.first_s
    if unit.plain and unit.server.slots == 1:
        waited = queues.fifo(arrivals, drawn.hold_s) - arrivals
        return waited + drawn.latency_s, waited + drawn.first_s
    if drawn.hold_s.ndim > 1:
        each = [served(unit, drawn.row(place), arrivals[place]) for place in range(len(arrivals))]
        return np.stack([one for one, _ in each]), np.stack([two for _, two in each])
    if unit.plain:
        waited = queues.fifo(arrivals, drawn.hold_s, unit.server.slots) - arrivals
        return waited + drawn.latency_s, waited + drawn.first_s
    return _shared(unit, drawn, arrivals)


def _shared(unit: Unit, drawn: Drawn, arrivals: Floats) -> tuple[Floats, Floats]:
    """Event by event. What a request's own time is stretched by, its first token is stretched by too."""
    found = sharing.shared(arrivals, drawn.hold_s, unit.server, unit.clients, tokens=drawn.tokens)
    out = []
    for own in (drawn.latency_s, drawn.first_s):
        told, answered = np.full(len(own), NEVER), np.isfinite(found.latency) & np.isfinite(own)
        worked = found.latency[answered] - found.waited[answered]
        stretch = worked / np.maximum(drawn.hold_s[answered], 1e-9)
        told[answered] = found.waited[answered] + stretch * own[answered]
        out.append(told)
    return out[0], out[1]


def quantiles_of(values: Floats, qs: Sequence[float]) -> Floats:
    """Quantiles (len(qs), windows) by order statistics over the last axis; infinite values are the largest."""
    n = values.shape[-1]
    ranks = [min(max(int(np.ceil(n * q - 1e-9)), 1), n) - 1 for q in qs]
    ordered = np.partition(values, ranks, axis=-1)
    return np.stack([ordered[..., rank] for rank in ranks])
