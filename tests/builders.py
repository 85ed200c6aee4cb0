"""Plausible runs made without any engine, for tests of what comes after the measuring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgebench.records import (
    Answer,
    Call,
    Example,
    Failure,
    Identity,
    Item,
    Message,
    Placement,
    Plan,
    Reading,
    Record,
    Request,
    Run,
    Score,
    ScorerSpec,
    Segment,
    TargetSpec,
    Task,
    Trial,
    Usage,
    Workload,
    WorkloadSpec,
)

LABELS = ("refund", "login", "shipping")
MS = 1_000_000


@dataclass(frozen=True)
class Arm:
    """How one made-up arm behaves."""

    accuracy: float = 0.8
    median_ms: float = 50.0
    spread: float = 0.3  # sigma of the log-normal
    placement: Placement = "device"
    failure_rate: float = 0.0
    kind: str = "fake"
    model: str = "made-up"
    peak_mib: float | None = 100.0


def workload(n: int = 40) -> Workload:
    items = tuple(
        Item(
            id=f"i{k}",
            input=f"message number {k}",
            reference=LABELS[k % 3],
            tags={"tone": ("calm", "angry")[k % 2]},
            stakes=1 + k % 4,
        )
        for k in range(n)
    )
    task = Task(output="choice", instruction="Pick one label.", choices=LABELS, max_tokens=8)
    return Workload(
        name="made-up",
        items=items,
        task=task,
        scorers=(ScorerSpec("label"),),
        pool=(Example("give my money back", "refund"),),
        source={"made": "by tests/builders.py"},
    )


def plan(arms: Mapping[str, Arm], **fields: object) -> Plan:
    return Plan(
        question="Which made-up arm is best?",
        workload=WorkloadSpec(builtin="made-up"),
        targets={name: TargetSpec(kind=arm.kind, model=arm.model) for name, arm in arms.items()},
        **fields,  # type: ignore[arg-type]
    )


def run(
    arms: Mapping[str, Arm],
    *,
    items: int = 40,
    blocks: int = 4,
    seed: int = 1,
    run_id: str = "r1",
    **plan_fields: object,
) -> Run:
    """A run in which every arm answers every item once, items dealt into blocks."""
    rng = np.random.default_rng(seed)
    job, blueprint = workload(items), plan(arms, blocks=blocks, **plan_fields)
    trials, records, readings, scores = [], [], [], []
    clock, order = 10_000_000_000, 0
    for block in range(blocks):
        members = job.items[block::blocks]
        for name, arm in arms.items():
            trial = Trial(
                id=f"b{block}-{name}",
                arm=f"{name} · zero-shot",
                target=name,
                prompting="zero-shot",
                block=block,
                repetition=0,
                order=order,
                item_digests=tuple(item.digest for item in members),
            )
            trials.append(trial)
            order += 1
            for index, item in enumerate(members):
                due = clock
                latency = int(arm.median_ms * float(np.exp(rng.normal(0, arm.spread))) * MS)
                sent, first, done = due + 50_000, due + latency // 2, due + latency
                clock = done + MS
                failed = bool(rng.random() < arm.failure_rate)
                right = bool(rng.random() < arm.accuracy)
                reference = str(item.reference)
                text = reference if right else LABELS[(LABELS.index(reference) + 1) % 3]
                record_id = f"{trial.id}/{index}"
                request = Request(messages=(Message("user", item.text),), text=item.text, item_digest=item.digest)
                failure = Failure("timeout", "no answer in 1 s") if failed else None
                call = Call(
                    role="answer",
                    due_ns=due,
                    sent_ns=sent,
                    first_ns=None if failed else first,
                    first_content_ns=None if failed else first,
                    done_ns=None if failed else done,
                    end_ns=done,
                    chunk_ns=() if failed else (first, (first + done) // 2, done),
                    chunk_tokens=() if failed else (1, 1, 1),
                    request=request,
                    text=None if failed else text,
                    usage=None if failed else Usage(100, 3, 0, None, "engine"),
                    finish_reason=None if failed else "stop",
                    failure=failure,
                    phases={} if failed else {"prefill": first - sent, "decode": done - first},
                    confidence=None if failed else float(rng.uniform(0.4, 1.0)),
                    stamp="engine",
                    wall_s=1_790_000_000.0,
                )
                records.append(
                    Record(
                        id=record_id,
                        trial_id=trial.id,
                        segment_id="s1",
                        item_digest=item.digest,
                        index=index,
                        due_ns=due,
                        sent_ns=sent,
                        done_ns=None if failed else done,
                        calls=(call,),
                        answer=None if failed else Answer(text, call.confidence),
                        failure=failure,
                        cold=index == 0,
                    )
                )
                if not failed:
                    scores.append(Score(record_id, "label", "1", float(right), text))
            if arm.peak_mib is not None:
                for quantity, value in (
                    ("peak_bytes", arm.peak_mib * 2**20),
                    ("anon_bytes", arm.peak_mib * 2**19),
                    ("file_bytes", arm.peak_mib * 2**19),
                ):
                    readings.append(Reading(trial.id, "memory", quantity, value, "B", "steady", clock))
                readings.append(Reading(trial.id, "memory", "load_ns", 5e8, "ns", "load", clock))
    identities = {
        name: Identity(name=name, kind=arm.kind, placement=arm.placement, model=arm.model, device="test machine")
        for name, arm in arms.items()
    }
    segment = Segment(
        id="s1",
        number=1,
        started_at="2026-11-21T12:00:00Z",
        anchor_ns=10_000_000_000,
        host={"cpu": "test cpu", "cores": 2, "memory_bytes": 8 * 2**30, "system": "Linux"},
        versions={"edgebench": "0.1.0"},
        ended_at="2026-11-21T12:10:00Z",
        ended_why="complete",
    )
    return Run(
        id=run_id,
        created_at="2026-11-21T12:00:00Z",
        plan=blueprint,
        workload=job,
        identities=identities,
        trials=tuple(trials),
        segments=(segment,),
        records=tuple(records),
        readings=tuple(readings),
        scores=tuple(scores),
    )
