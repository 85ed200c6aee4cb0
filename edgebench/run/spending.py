"""What a run has spent so far, for a budget in dollars: never counted lower than it may be billed."""

from __future__ import annotations

import time
from dataclasses import replace

from edgebench.errors import UsageError
from edgebench.metrics.prices import load_prices
from edgebench.metrics.rate_cards import Unpriced, charged
from edgebench.metrics.till import NOT_BILLED
from edgebench.records import Call, Identity, Plan, Record, Run, Usage

CHARACTERS_PER_TOKEN = 3  # on the low side, so that a guessed count is on the high side


class Bill:
    """Dollars billed under a plan that has a budget in dollars; nothing is reckoned under one that has none.

    Tokens nobody counted (a call cut off, say) are taken as many as they can have been.

    Raises
    ------
    UsageError: the plan has a budget in dollars and a hosted target whose price nobody knows.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan, self._book = plan, load_prices(plan)
        names = [name for name in plan.targets if _billed(plan, name)] if plan.budget.usd is not None else []
        self._identities = {name: _identity(plan, name) for name in names}
        for name, identity in self._identities.items():
            card = self._book.card(plan.targets[name], identity, Call("answer", 0), time.time())
            if isinstance(card, Unpriced):
                raise UsageError(
                    f"budget.usd: what {name!r} spends cannot be counted: {card.why}",
                    hint="give the target a `price:`, or leave `usd` out of the budget",
                )

    def of_record(self, target: str, record: Record) -> float:
        """What one record of a target costs; a call that says who answered it, at that target's price."""
        return sum(self._dollars(call.target or target, call) for call in record.calls)

    def of_run(self, run: Run) -> float:
        """What was spent before this start."""
        target_of = {trial.id: trial.target for trial in run.trials}
        return sum(self.of_record(target_of[record.trial_id], record) for record in run.records)

    def _dollars(self, target: str, call: Call) -> float:
        never = call.failure is not None and call.usage is None and call.failure.kind in NOT_BILLED
        if never or target not in self._identities:
            return 0.0
        spec, identity = self._plan.targets[target], self._identities[target]
        card = self._book.card(spec, identity, call, call.wall_s or time.time())
        if isinstance(card, Unpriced):
            return 0.0
        bill = charged(card, call)
        if isinstance(bill, Unpriced):
            bill = charged(card, replace(call, usage=_most(call)))
        return 0.0 if isinstance(bill, Unpriced) else float(sum(bill.values()))


def _billed(plan: Plan, name: str) -> bool:
    """A target is billed by the token when it is an endpoint elsewhere, or when the plan gives it a price."""
    spec = plan.targets[name]
    if spec.price is not None and spec.price.usd_per_hour is not None:
        return False  # a rented machine is paid whether it is asked or not
    elsewhere = spec.kind == "openai" and spec.placement != "device" and "serve" not in spec.options
    return elsewhere or spec.price is not None


def _identity(plan: Plan, name: str) -> Identity:
    spec = plan.targets[name]
    return Identity(name, spec.kind, "hosted", model=spec.model or "")


def _most(call: Call) -> Usage:
    asked = sum(len(message.content) for message in call.request.messages) if call.request else 0
    return Usage(asked // CHARACTERS_PER_TOKEN + 1, call.request.max_tokens if call.request else 0, 0, 0, "client")
