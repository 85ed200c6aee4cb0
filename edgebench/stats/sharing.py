"""Sharing: a server that works on several requests at once, in front of clients that lose patience.

Model: up to ``slots`` requests are active and share the server evenly (processor sharing, L. Kleinrock, JACM 1967);
with k active they get through ``speeds[k − 1]`` seconds of lone work a second together, as was measured. Behind them
requests wait in line. One slot is first in first out. Beside that:

- the model is loaded at the beginning, and again after ``unload_after`` idle seconds; meanwhile nothing moves;
- heat gathers while it works; after ``throttle_after`` busy seconds it goes ``throttled`` times as fast, until rest
  (``cooling`` seconds of heat go in each idle one) has taken it down to half of that;
- a client gives up ``timeout`` after sending and sends again after a pause, up to ``retries`` times: under overload
  that feeds the overload. The server stops what nobody waits for, or works on for nothing (``stops``);
- a hosted account has so many requests and tokens a minute (token buckets, full at the start): beyond it a request is
  refused at once and sent again when there is room;
- with ``most_waiting``, a request that would have to wait longer, by the line ahead of it and the mean service time,
  goes elsewhere.

Virtual time: with an equal share for all, every active request ends when the work done *per request* has grown by its
own, so one heap holds them all and no event touches more than one of them. Times in seconds.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Server:
    """What answers: how many at once, how fast together, and what slows it."""

    slots: int = 1
    speeds: tuple[float, ...] = (1.0,)  # with 1, 2, … active, the last one beyond it; none: nobody slows another
    load: float = 0.0
    loaded: bool = True  # at the start
    unload_after: float = NEVER
    throttle_after: float = NEVER
    throttled: float = 1.0
    cooling: float = 1.0
    hot: bool = False  # at the start
    requests_a_minute: float = NEVER
    tokens_a_minute: float = NEVER

    def speed(self, active: int) -> float:
        """Seconds of lone work a second with so many active."""
        return self.speeds[min(active, len(self.speeds)) - 1] if self.speeds else float(active)

    @property
    def fastest(self) -> float:
        """The most work it gets through: what its load is reckoned by."""
        return max(self.speed(k) for k in range(1, min(self.slots, len(self.speeds) or self.slots) + 1))


@dataclass(frozen=True, slots=True)
class Clients:
    """What asks: how long each waits, how often it asks again, and when it goes elsewhere."""

    timeout: float = NEVER
    retries: int = 0
    pause: float = 0.5  # before the first retry; doubled for each further one, up to 16 times
    stops: bool = True
    most_waiting: float = NEVER


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of every request."""

    latency: Array  # from its arrival to its answer; infinite where none came, NaN where it went elsewhere
    waited: Array  # from its arrival to the (last) beginning of work on it; infinite where there was none
    attempts: NDArray[np.int64]
    refused: int  # attempts beyond the limits of a minute
    busy: float  # seconds in which anything was active
    ended: float  # when the last event happened

    @property
    def elsewhere(self) -> NDArray[np.bool_]:
        return np.isnan(self.latency)

    @property
    def failed(self) -> NDArray[np.bool_]:
        return np.isinf(self.latency)


def shared(
    arrivals: Array, services: Array, server: Server, clients: Clients | None = None, *, tokens: Array | None = None
) -> Outcome:
    """Run requests (n,), arrivals never decreasing, through the server. ``tokens``: of each, for a limit on those.

    Raises
    ------
    ValueError: no slot, no speed, or one that is not above 0.
    """
    if server.slots < 1 or min(server.speeds, default=1.0) <= 0 or server.throttled <= 0:
        raise ValueError("a server needs a slot and speeds above 0")
    return _Floor(arrivals, services, server, clients or Clients(), tokens).run()


class _Floor:
    """The event loop. Attempts are numbered; ``of[attempt]`` is the request, ``state[attempt]`` where it is."""

    def __init__(
        self, arrivals: Array, services: Array, server: Server, clients: Clients, tokens: Array | None
    ) -> None:
        self.came, self.takes = arrivals.tolist(), services.tolist()
        self.server, self.clients = server, clients
        self.mean = float(services.mean()) if len(services) else 0.0
        self.buckets = _Buckets(server, [0.0] * len(self.came) if tokens is None else tokens.tolist())
        self.latency, self.waited = [NEVER] * len(self.came), [NEVER] * len(self.came)
        self.attempts = [0] * len(self.came)

    def run(self) -> Outcome:  # one thought: calls inside this loop would cost more than they explain
        came, takes, server, clients = self.came, self.takes, self.server, self.clients
        latency, waited, attempts = self.latency, self.waited, self.attempts
        slots, n = server.slots, len(came)
        per_request = [1.0, *(server.speed(k) / k for k in range(1, min(slots, len(server.speeds)) + 1))]
        last_speed, known, alone = server.speed(slots), len(per_request), not server.speeds
        timeout, retries = clients.timeout, clients.retries
        limited, patient = self.buckets.limited, math.isinf(timeout)
        overflows = not math.isinf(clients.most_waiting)
        heats, unloads = not math.isinf(server.throttle_after), not math.isinf(server.unload_after)
        active: list[tuple[float, int]] = []  # (virtual time of its end, attempt)
        line: deque[int] = deque()
        again: list[tuple[float, int]] = []  # (moment, request)
        giving_up: deque[tuple[float, int]] = deque()  # all wait alike, so in the order of sending
        of: list[int] = []
        gone = bytearray()  # 1: ended, given up or dropped
        working = bytearray()
        k = waiting = following = refused = 0
        now = virtual = busy = heat = 0.0
        factor, rate, idle_since = 1.0, 0.0, 0.0
        if server.hot and heats:
            heat, factor, idle_since = server.throttle_after, server.throttled, came[0] if n else 0.0
        ready = 0.0 if server.loaded or not n else came[0] + server.load
        push, pop = heapq.heappush, heapq.heappop
        while True:
            # ------------------------------------------------------------------ which event is next
            moment = came[following] if following < n else NEVER
            what = 0
            if again and again[0][0] < moment:
                moment, what = again[0][0], 1
            while active and gone[active[0][1]]:
                pop(active)
            if k and now >= ready:
                at = now + (active[0][0] - virtual) / rate
                if at <= moment:
                    moment, what = at, 2
                if heats and factor == 1.0 and now + (server.throttle_after - heat) < moment:
                    moment, what = now + max(0.0, server.throttle_after - heat), 3
            elif k and ready <= moment:
                moment, what = ready, 4
            if not patient:
                while giving_up and gone[giving_up[0][1]]:
                    giving_up.popleft()
                if giving_up and giving_up[0][0] < moment:
                    moment, what = giving_up[0][0], 5
            if moment == NEVER:
                break
            # ------------------------------------------------------------------ time passes
            if k:
                spent = moment - now
                busy += spent
                if now >= ready:
                    virtual += spent * rate
                    if heats:
                        heat = min(server.throttle_after, heat + spent)
            now = moment
            # ------------------------------------------------------------------ what happens
            if what < 2:
                if what:
                    request = pop(again)[1]
                else:
                    request, following = following, following + 1
                if limited:
                    wait = self.buckets.take(now, request)
                    if wait > 0:
                        refused += 1
                        attempts[request] += 1
                        if attempts[request] <= retries:
                            push(again, (now + wait, request))
                        continue
                if overflows and k >= slots:
                    ahead = (waiting + 1) * self.mean / (last_speed * factor)
                    if ahead > clients.most_waiting:
                        latency[request] = math.nan
                        continue
                attempt = len(of)
                of.append(request)
                gone.append(0)
                working.append(0)
                attempts[request] += 1
                if not patient:
                    giving_up.append((now + timeout, attempt))
                if k >= slots:
                    line.append(attempt)
                    waiting += 1
                    continue
                if not k:
                    if heats:
                        heat = max(0.0, heat - (now - idle_since) * server.cooling)
                        if heat <= server.throttle_after / 2:
                            factor = 1.0
                    if unloads and now - idle_since > server.unload_after and now > ready:
                        ready = now + server.load
                working[attempt] = 1
                waited[request] = now - came[request]
                push(active, (virtual + takes[request], attempt))
                k += 1
            elif what == 2:
                attempt = pop(active)[1]
                gone[attempt] = 1
                request = of[attempt]
                if latency[request] == NEVER and working[attempt] == 1:
                    latency[request] = now - came[request]
                k -= 1
            elif what == 3:
                heat, factor = server.throttle_after, server.throttled
            elif what == 5:
                attempt = giving_up.popleft()[1]
                request = of[attempt]
                if attempts[request] <= retries:
                    push(again, (now + clients.pause * 2.0 ** min(attempts[request] - 1, 4), request))
                if working[attempt] and not clients.stops:
                    working[attempt] = 2  # it works on, and nobody hears the answer
                    continue
                gone[attempt] = 1
                if working[attempt]:
                    k -= 1
                else:
                    waiting -= 1
            # ------------------------------------------------------------------ who is next in line
            while k < slots and line:
                attempt = line.popleft()
                if gone[attempt]:
                    continue
                waiting -= 1
                working[attempt] = 1
                request = of[attempt]
                waited[request] = now - came[request]
                push(active, (virtual + takes[request], attempt))
                k += 1
            if k:
                rate = (1.0 if alone else per_request[k] if k < known else last_speed / k) * factor
            else:
                idle_since = now
                active.clear()
        return Outcome(np.array(latency), np.array(waited), np.array(attempts, dtype=np.int64), refused, busy, now)


class _Buckets:
    """What is left of a minute's requests and tokens."""

    def __init__(self, server: Server, tokens: list[float]) -> None:
        self._tokens = tokens
        self._most = (server.requests_a_minute, server.tokens_a_minute)
        self._left = list(self._most)
        self._seen = 0.0
        self.limited = not all(math.isinf(most) for most in self._most)

    def take(self, now: float, request: int) -> float:
        """0 when the request may pass; else the seconds after which there will be room for it."""
        gone, self._seen = now - self._seen, now
        wants, wait = (1.0, self._tokens[request]), 0.0
        for place, most in enumerate(self._most):
            if math.isinf(most):
                continue
            self._left[place] = min(most, self._left[place] + gone * most / 60)
            short = min(wants[place], most) - self._left[place]  # one larger than a minute's worth passes a full bucket
            if short > 1e-9:
                wait = max(wait, short * 60 / most)
        if wait == 0.0:
            for place, most in enumerate(self._most):
                if not math.isinf(most):
                    self._left[place] -= wants[place]
        return wait
