"""The rule of a cascade: who answers a request, the edge or the cloud. Pure; shared by the live target and the replay.

*Sequential*: the edge answers first; what it is less sure of than ``threshold`` is asked of the cloud as well.
*Hedged*: the cloud is asked too when the edge has not answered within ``hedge_after_s`` (0: both at once).
*Overflow*: the cloud is asked instead when as many requests as ``most_waiting`` are under way at the edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgebench.records import CascadePolicy


@dataclass(frozen=True, slots=True)
class Rule:
    """When to ask the cloud."""

    policy: CascadePolicy = "sequential"
    threshold: float = -math.inf  # of the edge's confidence; below it the cloud answers
    hedge_after_s: float = math.inf
    most_waiting: int | None = None


def defers(rule: Rule, confidence: float | None) -> bool:
    """Whether an answer of this confidence is not served by the edge. An edge that does not say is never sure."""
    return (-math.inf if confidence is None else confidence) < rule.threshold
