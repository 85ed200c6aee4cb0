"""What a run has spent so far, for a budget in dollars: never counted lower than it may be billed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from edgebench.errors import UsageError
from edgebench.metrics.cost import NOT_BILLED
from edgebench.metrics.prices import PriceBook, Unpriced, load_prices
from edgebench.records import Call, Identity, Plan, Record, Usage

CHARACTERS_PER_TOKEN = 3  # on the low side, so that a guessed count is on the high side


def spending(plan: Plan) -> Callable[[str, Record], float]:
    """A function (target, record) → dollars billed for it.

    Tokens nobody counted (a call cut off, say) are taken as many as they can have been.

    Raises
    ------
    UsageError: the plan has a budget in dollars and a hosted target whose price nobody knows.
    """
    book = load_prices(plan)
    identities = {name: _identity(plan, name) for name in plan.targets if _billed(plan, name)}
    if plan.budget.usd is None:
        return lambda target, record: 0.0
    for name, identity in identities.items():
        card = book.card(plan.targets[name], identity, Call("answer", 0), time.time())
        if isinstance(card, Unpriced):
            raise UsageError(
                f"budget.usd: what {name!r} spends cannot be counted: {card.why}",
                hint="give the target a `price:`, or leave `usd` out of the budget",
            )
    return lambda target, record: (
        sum(_dollars(book, plan, target, identities[target], call) for call in record.calls)
        if target in identities
        else 0.0
    )


def _billed(plan: Plan, name: str) -> bool:
    """A target is billed by the token when it is an endpoint elsewhere, or when the plan gives it a price."""
    spec = plan.targets[name]
    elsewhere = spec.kind == "openai" and spec.placement != "device" and "serve" not in spec.options
    return elsewhere or spec.price is not None


def _identity(plan: Plan, name: str) -> Identity:
    spec = plan.targets[name]
    return Identity(name, spec.kind, "hosted", model=spec.model or "")


def _dollars(book: PriceBook, plan: Plan, target: str, identity: Identity, call: Call) -> float:
    if call.failure is not None and call.usage is None and call.failure.kind in NOT_BILLED:
        return 0.0
    card = book.card(plan.targets[target], identity, call, call.wall_s or time.time())
    charged = card if isinstance(card, Unpriced) else card.charge(call)
    if isinstance(charged, Unpriced) and not isinstance(card, Unpriced):
        charged = card.charge(replace(call, usage=_most(call)))
    return 0.0 if isinstance(charged, Unpriced) else float(sum(charged.values()))


def _most(call: Call) -> Usage:
    asked = sum(len(message.content) for message in call.request.messages) if call.request else 0
    return Usage(asked // CHARACTERS_PER_TOKEN + 1, call.request.max_tokens if call.request else 0, 0, 0, "client")
