"""Rate cards at work: what a call was billed for, and what that comes to.

The convention is genai-prices' own: input tokens are the *total*, cached ones included, and output tokens include the
tokens of reasoning. A rate that rises with the length of the context holds for the whole request.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from edgebench.records import Call, Rate, RateCard, Usage

MILLION = Decimal(1_000_000)
#: what a call can be billed for, in the order of ``bought`` and ``prices``
PARTS = ("input tokens", "cached input tokens", "output tokens", "reasoning tokens", "request fee")
_PER = (MILLION, MILLION, MILLION, MILLION, Decimal(1))

Quantities = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Unpriced:
    """No price, and why."""

    why: str
    settled: bool = True  # False: the list could not be read here; elsewhere there may be a price


def bought(card: RateCard, usage: Usage | None) -> Quantities | Unpriced:
    """Fresh input, cached input, answer and reasoning tokens of one call, and the one request."""
    if usage is None or usage.input_tokens is None:
        return Unpriced("no token counts")
    if card.output is not None and usage.output_tokens is None:
        return Unpriced("no output token count")
    if card.output is None and usage.output_tokens:
        return Unpriced("the price list has no output rate for this model")
    total, cached = usage.input_tokens, usage.cached_tokens or 0
    out, thought = usage.output_tokens or 0, usage.reasoning_tokens or 0
    if cached > total:
        return Unpriced(f"{cached} cached of {total} input tokens: these counts contradict each other")
    if thought > out:
        return Unpriced(f"{thought} reasoning of {out} output tokens: these counts contradict each other")
    apart = thought if card.reasoning is not None else 0
    return total - cached, cached, out - apart, apart, 1


def starts(card: RateCard) -> tuple[int, ...]:
    """Above how many input tokens the card's rates change, ascending."""
    return tuple(sorted({step.above for rate in _rates(card) for step in rate.steps}))


def step_of(thresholds: tuple[int, ...], input_tokens: int) -> int:
    """Which of the card's contexts a request belongs to; 0: below all thresholds."""
    return bisect_left(thresholds, input_tokens)


def prices(card: RateCard, input_tokens: int) -> tuple[Decimal, ...]:
    """The rates of ``PARTS`` for a request of that many input tokens, per million tokens and per request."""
    none = Decimal(0)
    of_input = _at(card.input, input_tokens)
    of_cached = of_input if card.cached is None else _at(card.cached, input_tokens)
    of_output = none if card.output is None else _at(card.output, input_tokens)
    of_reasoning = none if card.reasoning is None else _at(card.reasoning, input_tokens)
    return of_input, of_cached, of_output, of_reasoning, card.request_usd


def dollars(quantities: tuple[int, ...], rates: tuple[Decimal, ...]) -> Mapping[str, Decimal]:
    """Part → dollars: exact, and the same to the last digit as genai-prices reckons one call."""
    billed = zip(PARTS, quantities, rates, _PER, strict=True)
    return {name: rate * count / per for name, count, rate, per in billed if count and rate}


def charged(card: RateCard, call: Call) -> Mapping[str, Decimal] | Unpriced:
    """Dollars of one call by part."""
    found = bought(card, call.usage)
    if isinstance(found, Unpriced):
        return found
    return dollars(found, prices(card, found[0] + found[1]))


def in_words(card: RateCard) -> str:
    """The rates of a card as one line."""
    cached = f"cached input {_words(card.cached)}" if card.cached else "cached input charged as input"
    output = f"output {_words(card.output)}" if card.output else "no output rate"
    reasoning = f", reasoning {_words(card.reasoning)}" if card.reasoning else ""
    fee = f" + {card.request_usd} a request" if card.request_usd else ""
    return f"input {_words(card.input)}, {cached}, {output}{reasoning} $/M tokens{fee}"


def _rates(card: RateCard) -> list[Rate]:
    return [rate for rate in (card.input, card.output, card.cached, card.reasoning) if rate is not None]


def _at(rate: Rate, input_tokens: int) -> Decimal:
    return next((step.usd for step in reversed(rate.steps) if input_tokens > step.above), rate.usd)


def _words(rate: Rate) -> str:
    return "".join([f"{rate.usd}", *(f" ({step.usd} above {step.above} tokens)" for step in rate.steps)])
