"""The rule of a cascade: who answers a request, the edge or the cloud. Pure; shared by the live target and the replay.

*Sequential*: the edge answers first; what it is less sure of than ``threshold``, or fails to answer, is asked of the
cloud as well. *Hedged*: the cloud is asked too when the edge has not answered within ``hedge_after_s`` (0: both at
once); whoever has an answer that may be served first is heard. *Overflow*: the cloud is asked instead when as many
requests as ``most_waiting`` are under way at the edge; else as in a sequential one.

Nothing that was asked is called back: its tokens are paid for, and how many they are is known only at the end.
An edge's answer that is not sure enough is still better than none: it is served where the cloud fails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from edgebench.records import CascadePolicy

#: Waits before the first, second, … retry (s) when the server names none. The last one repeats.
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class Rule:
    """When to ask the cloud."""

    policy: CascadePolicy = "sequential"
    threshold: float = -math.inf  # of the edge's confidence; below it the cloud answers
    hedge_after_s: float = 0.0  # hedged: how long the edge is waited for
    most_waiting: int = 1  # overflow: requests under way at the edge from which on the cloud is asked instead

    @property
    def patience_s(self) -> float:
        """How long after a request is due the cloud is asked too, should the edge not have answered."""
        return self.hedge_after_s if self.policy == "hedged" else math.inf

    def overflows(self, under_way: int) -> bool:
        """Whether the cloud is asked instead, with so many requests under way at the edge."""
        return self.policy == "overflow" and under_way >= self.most_waiting

    def sure(self, confidence: float | None) -> bool:
        """Whether the edge's answer is served. An edge that does not say how sure it is, is not."""
        return (-math.inf if confidence is None else confidence) >= self.threshold


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of asking one of the two: when its answer or its failure was known (in one unit, from one origin)."""

    at: float
    answered: bool
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Served:
    """Whose answer is served, and when; ``by`` None: nobody's, both failed."""

    by: Literal["edge", "cloud"] | None
    at: float


def asked_at(edge: Heard, patience: float) -> float:
    """When the cloud is asked; infinite: never. ``edge`` as it will have been heard."""
    if edge.at > patience:
        return patience
    return math.inf if edge.answered and edge.sure else edge.at


def served(edge: Heard, cloud: Heard | None) -> Served:
    """Whose answer it is: the first that may be served, or an unsure one where the cloud failed."""
    if cloud is None:
        return Served("edge" if edge.answered else None, edge.at)
    if edge.answered and edge.sure and (edge.at <= cloud.at or not cloud.answered):
        return Served("edge", edge.at)
    if cloud.answered:
        return Served("cloud", cloud.at)
    return Served("edge" if edge.answered else None, max(edge.at, cloud.at))


def backoff_s(attempt: int, asked_s: float | None = None) -> float:
    """Seconds to wait after an attempt (0, 1, …) that may be repeated: what the server asked for, or ever longer."""
    return BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)] if asked_s is None else asked_s
