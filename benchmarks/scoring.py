"""Scoring: 10,000 records by label, json-fields and their failure modes

Half of the answers are to a choice among twenty labels, half to a message whose eight fields are wanted; right ones,
wrong ones, and ones dressed in fences, sentences and prose. Every answer goes through the first scorer and the modes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.result import Result, of
from edgebench.contracts import Scorer
from edgebench.records import Item, Task
from edgebench.workloads import scorers

RECORDS = 10_000
PASSES = 3
_NAMES = (
    "refund card_arrival card_lost login password_reset invoice delivery_late delivery_damaged change_address "
    "cancel_order cancel_account upgrade downgrade trial_ended tax_document data_request complaint praise spam other"
)
LABELS = tuple(_NAMES.split())
DRESSES = ("{}", "{}.", "Label: {}", "**{}**", "I think this is about {}, so {}.", "<think>hm, or other?</think>{}")
FIELDS = ("supplier", "invoice_number", "invoice_date", "due_date", "currency", "net", "tax", "total")

Case = tuple[Scorer, Item, Task, str]


def measure() -> list[Result]:
    cases = [*choices(RECORDS // 2), *invoices(RECORDS // 2)]
    seconds, modes, first = [], [], []
    for _ in range(PASSES):
        before = time.perf_counter()
        judged = [scorer(item, task, answer) for scorer, item, task, answer in cases]
        between = time.perf_counter()
        for (_, item, task, answer), said in zip(cases, judged, strict=True):
            scorers.mode_of(item, task, answer, said, "stop")
        after = time.perf_counter()
        first.append(between - before)
        modes.append(after - between)
        seconds.append(after - before)
    wrong = sum(said.value != 1 for said in judged)
    return [
        of("10,000 records", seconds, "s", at_most=20.0, note=f"{wrong:,} of the answers are wrong"),
        of("… of which label and json-fields", first, "s"),
        of("… of which the modes", modes, "s"),
    ]


def choices(count: int) -> list[Case]:
    """Answers to a choice: two of three right, in every dress; some labels that do not exist, some refusals."""
    rng = np.random.default_rng(1)
    task, scorer = Task("choice", choices=LABELS), scorers.label()
    out: list[Case] = []
    for place in range(count):
        right, other = (LABELS[each] for each in rng.integers(0, len(LABELS), 2))
        dress = DRESSES[int(rng.integers(len(DRESSES)))]
        kind = rng.random()
        said = right if kind < 2 / 3 else other if kind < 0.9 else "shipping_delay"
        answer = "I'm sorry, but I can't help with that." if kind > 0.97 else dress.format(said, said)
        out.append((scorer, Item(str(place), "the message of a customer", right), task, answer))
    return out


def invoices(count: int) -> list[Case]:
    """Answers of eight fields: some differ, some are in a fence or among words, some are cut off."""
    rng = np.random.default_rng(2)
    task, scorer = Task("json"), scorers.json_fields()
    out: list[Case] = []
    for place in range(count):
        reference = _invoice(rng)
        given = {key: value for key, value in reference.items() if rng.random() > 0.05}
        if rng.random() < 0.4:
            given["total"] = float(rng.integers(1, 999))
        answer = _dressed(given, rng.random())
        out.append((scorer, Item(str(place), "the text of an invoice", reference), task, answer))
    return out


def _invoice(rng: np.random.Generator) -> dict[str, Any]:
    net = float(rng.integers(10, 9999)) / 10
    values: Sequence[Any] = (
        f"Northfield & Sons {rng.integers(99)} Ltd",
        f"NF-{rng.integers(10_000)}",
        "2026-02-09",
        "2026-03-11",
        "GBP",
        net,
        round(net / 5, 2),
        round(net * 1.2, 2),
    )
    return dict(zip(FIELDS, values, strict=True))


def _dressed(given: dict[str, Any], dice: float) -> str:
    text = json.dumps(given)
    if dice < 0.6:
        return text
    if dice < 0.8:
        return f"Here are the fields:\n```json\n{json.dumps(given, indent=2)}\n```\nTell me if you need more."
    return f"The invoice says {text} and nothing else." if dice < 0.95 else text[: len(text) // 2]
