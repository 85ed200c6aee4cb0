"""When a run stops before its plan is done: a budget is used up, or a person asks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from edgebench.load.clock import now_ns
from edgebench.records import Budget


@dataclass
class Stopping:
    """The reason to stop, asked before every request. Once there is one, it stays."""

    budget: Budget
    started_ns: int = field(default_factory=now_ns)
    spent_usd: float = 0.0
    reason: str | None = None
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)

    def interrupt(self) -> None:
        """A person asks: nothing more is issued, and whoever waits on ``interrupted`` wakes."""
        self.reason = self.reason or "interrupted"
        self.interrupted.set()

    def spend(self, usd: float) -> None:
        self.spent_usd += usd

    def __call__(self) -> str | None:
        if self.reason is None:
            minutes = (now_ns() - self.started_ns) / 60e9
            if self.budget.minutes is not None and minutes >= self.budget.minutes:
                self.reason = "budget: minutes"
            elif self.budget.usd is not None and self.spent_usd >= self.budget.usd:
                self.reason = "budget: dollars"
        return self.reason
