"""Runs of many cells made without any engine: promptings, perturbations, languages, corners, repeats, kinds, judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import ndtr, ndtri

from edgebench.records import (
    Answer,
    Call,
    Failure,
    Identity,
    Item,
    JudgeSpec,
    Named,
    Placement,
    Plan,
    Record,
    Run,
    Score,
    ScorerSpec,
    StakesSpec,
    TargetSpec,
    Task,
    Trial,
    Usage,
    VarySpec,
    Workload,
    WorkloadSpec,
)
from tests import builders

LABELS = ("refund", "login", "shipping", "billing", "other")
TYPOS, CHAT = "keyboard-typos(0.05)", "chat-spelling(0.5)"
MS = 1_000_000


@dataclass(frozen=True)
class Made:
    """How one target behaves; ``shift``: a prompting, perturbation or language → what it adds to the accuracy."""

    accuracy: float = 0.8
    shift: Mapping[str, float] = field(default_factory=dict)
    median_ms: float = 50.0
    times: Mapping[str, float] = field(default_factory=dict)  # prompting → times as slow, and as many calls
    sure: float | None = None  # added to a calibrated confidence; None: it does not say how sure it is
    failure_rate: float = 0.0
    off_format: float = 0.1  # of its wrong answers
    placement: Placement = "device"
    kind: str = "fake"
    tags: Mapping[tuple[str, str], float] = field(default_factory=dict)  # slice → what it adds to the accuracy


def name_of(part: Named) -> str:
    """``few-shot(5)`` of ``{few-shot: {k: 5}}``."""
    if isinstance(part, str):
        return part
    (name, options), *_ = part.items()
    return f"{name}({', '.join(str(value) for value in options.values())})"


def workload(n: int = 60, *, languages: Sequence[str] = (), parallel: int = 30, stakes: bool = True) -> Workload:
    """``n`` items, and so many parallel ones in each language; each with a tone, a topic and stakes."""
    own = [_item(f"i{k}", k, {"language": "en"} if languages else {}, stakes) for k in range(n)]
    others = [
        replace(_item(f"{language}{k}", k, {"language": language}, stakes), cluster=f"i{k}")
        for language in languages
        for k in range(min(parallel, n))
    ]
    if languages:
        own = [replace(item, cluster=item.id) for item in own]
    task = Task(output="choice", instruction="Pick one label.", choices=LABELS, max_tokens=8)
    return Workload("made-up", (*own, *others), task, (ScorerSpec("label"),), source={"made": "by tests/cells.py"})


def _item(name: str, k: int, tags: Mapping[str, str], stakes: bool) -> Item:
    return Item(
        id=name,
        input=f"message number {name}",
        reference=LABELS[k % len(LABELS)],
        tags={"tone": ("calm", "angry")[k // 2 % 2], "topic": ("money", "access", "parcel")[k % 3], **tags},
        stakes=1 + k // 3 % 4 if stakes else None,
    )


def plan(
    targets: Mapping[str, Made],
    *,
    prompting: Sequence[Named] = ("raw",),
    perturbations: Sequence[Named] = (),
    languages: Sequence[str] = (),
    **fields: object,
) -> Plan:
    return Plan(
        question="How far do the lab's numbers carry?",
        workload=WorkloadSpec(builtin="made-up", language="en" if languages else None, languages=tuple(languages)),
        targets={name: TargetSpec(kind=made.kind, model="made-up") for name, made in targets.items()},
        prompting=tuple(prompting),
        vary=VarySpec(perturbations=tuple(perturbations)) if perturbations or languages else None,
        **fields,  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class _Cell:
    prompting: Named
    perturbations: tuple[Named, ...] = ()
    language: str = ""
    corner: str = ""

    @property
    def perturbation(self) -> str:
        return " + ".join(name_of(one) for one in self.perturbations) or "none"

    def arm(self, target: str) -> str:
        noise = "" if self.perturbation == "none" else self.perturbation
        return " · ".join(part for part in (target, name_of(self.prompting), noise, self.language) if part)


def _design(blueprint: Plan) -> list[_Cell]:
    """One factor at a time around the base cell, and both corners where anything is perturbed."""
    first, *others = blueprint.prompting
    noises = blueprint.vary.perturbations if blueprint.vary else ()
    cells = [_Cell(first, corner="" if others or not noises else "lab")]
    cells += [_Cell(one, corner="lab" if noises and one == others[-1] else "") for one in others]
    cells += [_Cell(first, (one,), corner="field" if len(noises) == 1 else "") for one in noises]
    cells += [_Cell(first, (), language) for language in blueprint.workload.languages]
    if len(noises) > 1:
        cells.append(_Cell(first, tuple(noises), corner="field"))
    return cells


def run(
    targets: Mapping[str, Made],
    *,
    items: int = 60,
    parallel: int = 30,
    blocks: int = 4,
    repeats: int = 1,
    seed: int = 1,
    alike: float = 0.5,
    stakes: bool = True,
    prompting: Sequence[Named] = ("raw",),
    perturbations: Sequence[Named] = (),
    languages: Sequence[str] = (),
    judges: Mapping[str, JudgeSpec] | None = None,
    **fields: object,
) -> Run:
    """Every cell answers every item of its language ``repeats`` times; ``alike``: how much answers hang on the item."""
    rng = np.random.default_rng(seed)
    job = workload(items, languages=languages, parallel=parallel, stakes=stakes)
    blueprint = plan(
        targets, prompting=prompting, perturbations=perturbations, languages=languages, blocks=blocks, repeats=repeats,
        judges=judges or {}, **fields,
    )  # fmt: skip
    dealt = [job.items[place] for place in rng.permutation(len(job.items))]
    hardness = {item.cluster or item.id: float(rng.normal()) for item in job.items}
    clock, trials, records, scores = _Clock(), [], [], []
    for repetition in range(repeats):
        for block in range(blocks):
            for target, made in targets.items():
                for cell in _design(blueprint):
                    spoken = [item for item in dealt if item.tags.get("language", "en") == (cell.language or "en")]
                    members = spoken[block::blocks]
                    trial = _trial(target, cell, repetition, block, len(trials), members)
                    trials.append(trial)
                    for index, item in enumerate(members):
                        chance = _chance(made, cell, item, hardness[item.cluster or item.id], alike)
                        record, found = _record(trial, index, item, made, cell, chance, clock, rng)
                        records.append(record)
                        scores += found
    arms = {name: builders.Arm(placement=one.placement, kind=one.kind) for name, one in targets.items()}
    made_up = builders.run(arms, items=4, blocks=1)
    identities = {
        name: Identity(name=name, kind=one.kind, placement=one.placement, model="made-up", device="test machine")
        for name, one in targets.items()
    }
    done = replace(
        made_up,
        plan=blueprint,
        workload=job,
        identities=identities,
        trials=tuple(trials),
        records=tuple(records),
        readings=(),
        scores=tuple(scores),
    )
    return judged(done, clock, rng) if judges else done


@dataclass
class _Clock:
    now_ns: int = 10_000_000_000


def _trial(target: str, cell: _Cell, repetition: int, block: int, order: int, items: Sequence[Item]) -> Trial:
    return Trial(
        id=f"{repetition}.{block}.{cell.arm(target)}",
        arm=cell.arm(target),
        target=target,
        prompting=cell.prompting,
        block=block,
        repetition=repetition,
        order=order,
        item_digests=tuple(item.digest for item in items),
        perturbation=cell.perturbation,
        perturbations=cell.perturbations,
        language=cell.language,
        corner=cell.corner,
    )


def _chance(made: Made, cell: _Cell, item: Item, hard: float, alike: float) -> float:
    """How likely the item is answered right, by how hard it is."""
    factors = [name_of(cell.prompting), *(name_of(one) for one in cell.perturbations), cell.language]
    share = made.accuracy + sum(made.shift.get(one, 0.0) for one in factors)
    share += sum(more for (tag, value), more in made.tags.items() if item.tags.get(tag) == value)
    share = min(max(share, 1e-9), 1 - 1e-9)
    return float(ndtr((ndtri(share) - np.sqrt(alike) * hard) / np.sqrt(1 - alike)))


def _record(
    trial: Trial,
    index: int,
    item: Item,
    made: Made,
    cell: _Cell,
    chance: float,
    clock: _Clock,
    rng: np.random.Generator,
) -> tuple[Record, list[Score]]:
    right = bool(rng.random() < chance)
    reference = str(item.reference)
    others = [label for label in LABELS if label != reference]
    broken = not right and rng.random() < made.off_format
    text = (
        reference if right else "I could not say." if broken else others[0 if rng.random() < 0.6 else rng.integers(4)]
    )
    failed = bool(rng.random() < made.failure_rate)
    sure = None if made.sure is None else float(np.clip(chance + made.sure, 0.01, 1.0))
    times = made.times.get(name_of(cell.prompting), 1.0)
    took = int(made.median_ms * times * float(np.exp(rng.normal(0, 0.3))) * MS)
    due, calls = clock.now_ns, []
    for place in range(max(1, round(times))):
        role = "answer" if place == max(1, round(times)) - 1 else "step"
        start = due + place * took // max(1, round(times))
        end = due + (place + 1) * took // max(1, round(times))
        lost = failed and role == "answer"
        calls.append(
            Call(
                role=role,  # type: ignore[arg-type]
                due_ns=start,
                sent_ns=start + 10_000,
                first_ns=None if lost else (start + end) // 2,
                done_ns=None if lost else end,
                end_ns=end,
                text=None if lost else text,
                usage=None if lost else Usage(100, 5, 0, None, "engine"),
                finish_reason=None if lost else "stop",
                failure=Failure("timeout", "no answer in 1 s") if lost else None,
                confidence=None if lost else sure,
                confidence_method=None if sure is None else "label-likelihood",
                stamp="engine",
                wall_s=1_790_000_000.0,
            )
        )
    clock.now_ns = due + took + MS
    record = Record(
        id=f"{trial.id}/{index}",
        trial_id=trial.id,
        segment_id="s1",
        item_digest=item.digest,
        index=index,
        due_ns=due,
        sent_ns=due + 10_000,
        done_ns=None if failed else due + took,
        calls=tuple(calls),
        answer=None if failed else Answer(text, sure),
        failure=Failure("timeout", "no answer in 1 s") if failed else None,
        cold=index == 0,
    )
    if failed:
        return record, []
    label = "not a label" if broken else text
    mode = None if right else "off_format" if broken else "wrong_label"
    return record, [Score(record.id, "label", "2", float(right), label), Score(record.id, "mode", "1", None, mode)]


# ----------------------------------------------------------------------------------------------------------- judges


def judged(run: Run, clock: _Clock | None = None, rng: np.random.Generator | None = None) -> Run:
    """The run with the verdicts of its plan's judges on every cell of the other targets."""
    clock, rng = (
        clock or _Clock(max(call.end_ns or 0 for one in run.records for call in one.calls)),
        rng or np.random.default_rng(5),
    )
    trials, records, scores = list(run.trials), list(run.records), list(run.scores)
    for name, spec in run.plan.judges.items():
        for arm, against in _judged(run, spec):
            mine = [trial for trial in run.trials if trial.arm == arm and trial.repetition == 0]
            ids = {trial.id for trial in mine}
            answers = [one for one in run.records if one.trial_id in ids and one.answer is not None]
            judged_ = f"{arm} vs {against}" if against else arm
            trial = Trial(
                id=f"judge.{name}.{judged_}",
                arm=f"judge:{name} · {judged_}",
                target=spec.target,
                prompting=spec.mode,
                block=0,
                repetition=0,
                order=len(trials),
                item_digests=tuple(one.item_digest for one in answers),
                judges=judged_,
            )
            trials.append(trial)
            value = {score.record_id: score.value or 0.0 for score in run.scores if score.scorer == "label"}
            for index, answer in enumerate(answers):
                said = list(_verdicts(spec, value[answer.id], rng))
                records.append(_verdict_record(trial, index, answer, len(said), clock))
                scorer = f"judge:{name} vs {against}" if against else f"judge:{name}"
                scores += [Score(answer.id, f"{scorer}/{suffix}", "1", one, label) for suffix, one, label in said]
                scores.append(Score(answer.id, scorer, "1", float(np.mean([one for _, one, _ in said]))))
    return replace(run, trials=tuple(trials), records=tuple(records), scores=tuple(scores))


def _judged(run: Run, spec: JudgeSpec) -> Iterator[tuple[str, str]]:
    others = list(dict.fromkeys(trial.arm for trial in run.trials if trial.target != spec.target))
    if spec.mode == "rubric":
        yield from ((arm, "") for arm in others)
        return
    bases = [arm for arm in others if arm.count(" · ") == 1]
    yield bases[0], bases[1]


def _verdicts(spec: JudgeSpec, value: float, rng: np.random.Generator) -> Iterator[tuple[str, float, str | None]]:
    """(suffix, value, label): right four times in five; of a pair, what stands first in three of five."""
    for repeat in range(1, spec.repeats + 1):
        if spec.mode == "rubric":
            yield str(repeat), value if rng.random() < 0.8 else 1 - value, None
        else:
            for order in ("ab", "ba"):
                label = order[0] if rng.random() < 0.6 else order[1]
                yield f"{order}/{repeat}", float(label == "a"), label


def _verdict_record(trial: Trial, index: int, answer: Record, count: int, clock: _Clock) -> Record:
    due = clock.now_ns
    calls = tuple(
        Call("judge", due + k * 20 * MS, due + k * 20 * MS, due + k * 20 * MS + MS, None, due + (k + 1) * 20 * MS,
             due + (k + 1) * 20 * MS, text="{}", usage=Usage(300, 10, 0, None, "engine"), wall_s=1_790_000_000.0)
        for k in range(count)
    )  # fmt: skip
    clock.now_ns = due + count * 20 * MS + MS
    return Record(
        id=f"{trial.id}/{index}",
        trial_id=trial.id,
        segment_id="s1",
        item_digest=answer.item_digest,
        index=index,
        due_ns=due,
        sent_ns=due,
        done_ns=due + count * 20 * MS,
        calls=calls,
        answer=Answer("{}"),
    )


def with_stakes(run: Run, **weights: float) -> Run:
    """The run with other weights of stakes: ``with_stakes(run, one=1, four=100)``."""
    names = dict(zip(("one", "two", "three", "four"), "1234", strict=True))
    given = {**StakesSpec().weights, **{names[key]: value for key, value in weights.items()}}
    return replace(run, plan=replace(run.plan, stakes=StakesSpec(weights=given)))
