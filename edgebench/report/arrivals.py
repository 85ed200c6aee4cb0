"""How requests arrived: scenario, planned against delivered rate, our own lag, latency beside service time.

A rate is requests per second between the first and the last of a trial, over all its trials: planned by the moments
requests were due, delivered by the moments they were sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgebench.records import ArmSummary, Record, Run, is_open
from edgebench.report import formatting
from edgebench.report.formatting import ABSENT
from edgebench.report.looks import Look
from edgebench.report.tables import Cell, Column, Table, arm_cell, number_cell, table

Looks = Mapping[str, Look]
TIMES = ("p50_ms", "service_p50_ms", "p95_ms", "service_p95_ms")


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests per second, of the open-loop trials of one arm."""

    planned: float
    delivered: float
    n: int


def rates(run: Run) -> Mapping[str, Rates]:
    """Planned and delivered rate of every arm that had open-loop trials of two requests or more."""
    arms = {trial.id: trial.arm for trial in run.trials if is_open(trial.scenario)}
    trials: dict[str, list[Record]] = {}
    for record in run.records:
        if record.trial_id in arms:
            trials.setdefault(record.trial_id, []).append(record)
    spans: dict[str, list[tuple[int, int, int]]] = {}
    for trial, records in trials.items():
        dues, sents = [one.due_ns for one in records], [one.sent_ns for one in records if one.sent_ns is not None]
        if len(sents) == len(dues) > 1:
            spans.setdefault(arms[trial], []).append((len(dues) - 1, max(dues) - min(dues), max(sents) - min(sents)))
    return {arm: found for arm, parts in spans.items() if (found := _rates(parts)) is not None}


def _rates(parts: Sequence[tuple[int, int, int]]) -> Rates | None:
    gaps, due, sent = (sum(each) for each in zip(*parts, strict=True))
    return Rates(gaps * 1e9 / due, gaps * 1e9 / sent, gaps) if due > 0 and sent > 0 else None


def arrivals(run: Run, arms: Sequence[ArmSummary], looks: Looks) -> Table:
    """One row an arm. Latency counts from the moment a request was due, service time from when it was sent."""
    found = rates(run)
    open_loop = any(is_open(name) for arm in arms for name in scenarios(run, arm))
    columns = [
        Column("target", numeric=False),
        Column("arrivals", numeric=False),
        *([Column("planned"), Column("delivered", "rate of sending, and how far it is off")] if open_loop else []),
        *(Column(name, explain) for name, explain in HEADINGS),
    ]
    lines = [
        [
            arm_cell(arm.arm, looks),
            Cell(", ".join(scenarios(run, arm))),
            *(_rate_cells(found.get(arm.arm)) if open_loop else []),
            *(number_cell(arm.estimates.get(name), name) for name in ("send_lag_p99_ms", *TIMES)),
        ]
        for arm in arms
    ]
    return table("arrivals", "How requests arrived, and latency beside service time", columns, lines)


HEADINGS = (
    ("send lag p99", "sent − due"),
    ("latency p50", "done − due"),
    ("service p50", "done − sent"),
    ("latency p95", "done − due"),
    ("service p95", "done − sent"),
)


def scenarios(run: Run, arm: ArmSummary) -> tuple[str, ...]:
    """How this arm's requests arrived, by the names of the scenarios."""
    return arm.scenarios or tuple(dict.fromkeys(trial.scenario for trial in run.trials if trial.arm == arm.arm))


def _rate_cells(found: Rates | None) -> list[Cell]:
    if found is None:
        why = "a closed loop: an answer frees the next request, so no rate is planned"
        return [Cell(ABSENT, why=why), Cell(ABSENT, why=why)]
    off = 100 * (found.delivered / found.planned - 1)
    return [
        Cell(f"{formatting.number(found.planned)}/s", sort=found.planned),
        Cell(f"{formatting.number(found.delivered)}/s", f"{off:+.2f} %".replace("-", "−"), sort=found.delivered),
    ]


def finding(run: Run, arms: Sequence[ArmSummary]) -> str:
    """How requests came, in a sentence."""
    names = list(dict.fromkeys(name for arm in arms for name in scenarios(run, arm)))
    if names == ["closed(1)"]:
        return "Requests came one at a time, each when the one before it was answered"
    lags = [lag.value for arm in arms if (lag := arm.estimates.get("send_lag_p99_ms")) and lag.value is not None]
    came = f"Requests came as {', '.join(names)}" if names else "No request was sent"
    if not lags or not any(is_open(name) for name in names):
        return came
    return f"{came}; at each target 99 of 100 were sent within {formatting.quantity(max(lags), 'ms')} of their time"
