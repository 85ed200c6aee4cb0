"""The table: a run's records as numpy columns, one set per arm, in the order of the design's definitions.

``latency = done − due``, ``service = done − sent``, ``send lag = sent − due``, ``TTFT = first − due``,
``TPOT = (done − first) / (output tokens − tokens of the first chunk)``. A request that failed has no latency (NaN),
and counts as not right; an answer nobody has scored, or that has no reference, has no value (NaN).
The first request after each start is *cold*: outside the steady state, reported apart, its answer counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from edgebench.metrics import stakes
from edgebench.metrics.beside import TAXONOMY, answering, first_scorer, scores_by
from edgebench.metrics.charges import Charges
from edgebench.metrics.composite_cost import charge_parts
from edgebench.metrics.gravity import SEVERE, WHOLE, Gravity, OfItem, by_item, by_kind, gravity
from edgebench.metrics.prices import PriceBook, load_prices
from edgebench.records import Call, Identity, Record, Run, Trial, Utilities, redirects

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]

MS = 1e6  # nanoseconds
S = 1e9


@dataclass(frozen=True)
class ArmColumns:
    """One arm. Every array has one entry per record, but ``gaps_ms`` and ``gap_record``: one per gap."""

    arm: str
    target: str
    prompting: str
    identity: Identity
    trials: tuple[Trial, ...]
    records: tuple[Record, ...]
    item: Index  # place of the item in the run
    cluster: Index  # items of one cluster are not independent; an item without one is its own
    clusters: int  # how many the whole run has
    block: Index
    start: Index  # which start of the target: repetition and block, numbered alike in all arms
    order: Index  # place in that start, in the order of sending
    latency_ms: Floats
    service_ms: Floats
    send_lag_ms: Floats
    client_lag_ms: Floats  # send lag without looking up, connecting, shaking hands and queueing: our side alone
    ttft_ms: Floats
    tpot_ms: Floats
    prefill_tok_s: Floats
    decode_tok_s: Floats
    metered_j: Floats  # joules a meter gave for the trial, shared out by busy time; NaN without one
    busy_s: Floats  # time the target was occupied, shared out where requests overlapped
    value: Floats  # 0…1; NaN: not judged
    failed: Flags
    cold: Flags
    steady: Flags  # not cold; all, where there is nothing but cold requests
    input_tokens: Floats
    output_tokens: Floats
    cached_tokens: Floats
    gaps_ms: Floats
    gap_record: Index
    charges: Charges
    utilities: Utilities | None  # what answers are worth; None: nobody said
    wrong_usd: Floats  # dollars of a wrong answer by the item's stakes; NaN: not declared
    waited_s: Floats  # until the answer, or until it was known that there is none
    understood: tuple[str | None, ...]  # what the first scorer understood of each answer, where it says
    gravity: Gravity  # stakes of wrong answers, by item and by what was answered

    @property
    def redirected(self) -> bool:
        """Whether another answer than the item's reference was right here (DIR): scores know which, items do not."""
        return redirects(self.trials[0].perturbation)

    @property
    def usd(self) -> Floats:
        return self.charges.usd

    @property
    def joules(self) -> Floats:
        """Joules of each record: a meter's, or active watts × busy seconds; NaN without either."""
        if np.isfinite(self.metered_j).any():
            return self.metered_j
        watts = self.charges.watts
        return np.full(len(self.records), np.nan) if watts is None else self.busy_s * float(watts.value)

    @property
    def loss(self) -> Floats:
        """Dollars of wrong answers, per 1,000 requests like each record; NaN where not judged or not declared."""
        return stakes.loss(self.value, self.wrong_usd)

    @property
    def worth(self) -> Floats:
        """Dollars an answer is worth, all costs taken off, per 1,000 requests like each record; NaN where unknown."""
        if self.utilities is None:
            return np.full(len(self.records), np.nan)
        return stakes.worth(self.utilities, self.value, self.wrong_usd, self.waited_s, self.steady, self.usd)

    @property
    def harm(self) -> Floats:
        """Weight of wrong answers, per 1,000 requests like each record; NaN where not judged, 0 where not wrong.

        NaN everywhere, where the stakes of an answer that was judged are not declared: unknown is not harmless.
        """
        if (self.gravity.unknown & np.isfinite(self.value)).any():
            return np.full(len(self.records), np.nan)
        return np.where(self.value >= WHOLE, 0.0, stakes.loss(self.value, self.gravity.weight))

    @property
    def severe(self) -> Floats:
        """How wrong each answer was at stakes 4; NaN like ``harm``, and where nothing has such stakes."""
        if not self.gravity.may[:, SEVERE - 1].any():
            return np.full(len(self.records), np.nan)
        return np.where(np.isfinite(self.harm), (self.gravity.level == SEVERE) * (1 - self.value), np.nan)

    @property
    def only_cold(self) -> bool:
        return bool(self.cold.all())

    @property
    def answered(self) -> int:
        return int((~self.failed).sum())


def columns(run: Run) -> Mapping[str, ArmColumns]:
    """Every arm's columns, arms in the plan's order of targets. Judges are no arms: they judge the answers of arms."""
    return _columns(run, answering(run))


def judge_columns(run: Run) -> Mapping[str, ArmColumns]:
    """The same of the trials in which a target judges, by their own names."""
    return _columns(run, [trial for trial in run.trials if trial.judges])


def _columns(run: Run, trials: Sequence[Trial]) -> Mapping[str, ArmColumns]:
    by_trial: dict[str, list[Record]] = {}
    for record in run.records:
        by_trial.setdefault(record.trial_id, []).append(record)
    arms: dict[str, list[Trial]] = {}
    targets = {name: place for place, name in enumerate(run.plan.targets)}
    for trial in sorted(trials, key=lambda one: (targets.get(one.target, len(targets)), one.order)):
        arms.setdefault(trial.arm, []).append(trial)
    if not arms:
        return {}
    shared = _shared(run)
    return {arm: _arm(arm, trials, by_trial, shared) for arm, trials in arms.items()}


@dataclass(frozen=True)
class _Shared:
    """What every arm's columns are made with."""

    run: Run
    place: Mapping[str, int]  # item digest → place in the run
    cluster_of: Index  # place → cluster
    values: Mapping[str, float]  # record → 0…1, where a scorer judged it
    labels: Mapping[str, str]  # record → what that scorer understood of it
    judged: frozenset[str]  # digests of the items about which an answer can be right or wrong
    book: PriceBook
    starts: Mapping[tuple[int, int], int]  # (repetition, block) → number
    stakes: Mapping[str, int | None]  # item digest → stakes
    gravest: Mapping[str, OfItem]  # item digest → stakes of wrong answers to it
    unnamed: Mapping[str, OfItem]  # the same where the right answer is another one than the reference
    kinds: Mapping[str, int]  # record → stakes of its kind of failure, where the user's taxonomy gives some
    grave_kinds: frozenset[int]  # all stakes that taxonomy gives
    started_s: Mapping[str, float]  # segment → wall clock at its start
    created_s: float


def _shared(run: Run) -> _Shared:
    place = {item.digest: at for at, item in enumerate(run.workload.items)}
    for record in run.records:
        place.setdefault(record.item_digest, len(place))
    names: dict[str, str] = {item.digest: f"cluster {item.cluster}" for item in run.workload.items if item.cluster}
    groups: dict[str, int] = {}
    cluster_of = [groups.setdefault(names.get(digest, f"item {digest}"), len(groups)) for digest in place]
    values, labels = _values(run)
    judged = {item.digest for item in run.workload.items if item.reference is not None}
    judged |= {record.item_digest for record in run.records if record.id in values}
    started = {one.id: datetime.fromisoformat(one.started_at).timestamp() for one in run.segments}
    created = datetime.fromisoformat(run.created_at).timestamp()
    cluster_index = np.array(cluster_of, dtype=np.int64)
    cells = sorted({(trial.repetition, trial.block) for trial in run.trials})
    starts = {cell: number for number, cell in enumerate(cells)}
    turned = any(redirects(trial.perturbation) for trial in run.trials)
    return _Shared(
        run, place, cluster_index, values, labels, frozenset(judged), load_prices(run.plan, run.rates), starts,
        {item.digest: item.stakes for item in run.workload.items}, by_item(run.plan, run.workload),
        by_item(run.plan, run.workload, redirected=True) if turned else {},
        *_kinds(run), started, created,
    )  # fmt: skip


def _values(run: Run) -> tuple[Mapping[str, float], Mapping[str, str]]:
    """Record → value, and record → what was understood, by the scorer that judges answers."""
    scorer = first_scorer(run)
    mine = [score for score in run.scores if score.scorer == scorer]
    values = {one.record_id: one.value for one in mine if one.value is not None}
    return values, {one.record_id: one.label for one in mine if one.label is not None}


def _kinds(run: Run) -> tuple[Mapping[str, int], frozenset[int]]:
    """Record → stakes of its kind in the user's taxonomy; and all the stakes that one gives."""
    declared = by_kind(run.workload)
    sorted_ = scores_by(run, names=(TAXONOMY,)) if declared else {}
    found = {of: declared[one.label] for of, one in sorted_.items() if one.label is not None and one.label in declared}
    return found, frozenset(declared.values())


def _arm(arm: str, trials: Sequence[Trial], by_trial: Mapping[str, Sequence[Record]], shared: _Shared) -> ArmColumns:
    run, target = shared.run, trials[0].target
    records = tuple(record for trial in trials for record in by_trial.get(trial.id, ()))
    blocks = {trial.id: trial.block for trial in trials}
    starts = {trial.id: shared.starts[trial.repetition, trial.block] for trial in trials}
    identity = run.identities.get(target) or Identity(name=target, kind="", placement="device")
    rows = np.array([_row(record, shared) for record in records], dtype=float).reshape(len(records), len(_ROW))
    column = dict(zip(_ROW, rows.T, strict=True))
    item = np.array([shared.place[record.item_digest] for record in records], dtype=np.int64)
    failed, cold = (np.array([test(record) for record in records], dtype=bool) for test in (_failed, _cold))
    busy_s = occupied(records)
    metered_j = _metered(run, records, busy_s)
    gaps, owners = _gaps(records)
    understood = tuple(None if _failed(record) else shared.labels.get(record.id) for record in records)
    grave = shared.unnamed if redirects(trials[0].perturbation) else shared.gravest
    asked = [grave.get(record.item_digest) for record in records]
    sent_at = [shared.started_s.get(record.segment_id, shared.created_s) for record in records]
    return ArmColumns(
        arm=arm,
        target=target,
        prompting=arm.partition(" · ")[2],
        identity=identity,
        trials=tuple(trials),
        records=records,
        item=item,
        cluster=shared.cluster_of[item],
        clusters=int(shared.cluster_of.max()) + 1 if len(shared.cluster_of) else 0,
        block=np.array([blocks[record.trial_id] for record in records], dtype=np.int64),
        start=np.array([starts[record.trial_id] for record in records], dtype=np.int64),
        order=np.array([record.index for record in records], dtype=np.int64),
        metered_j=metered_j,
        busy_s=busy_s,
        failed=failed,
        cold=cold,
        steady=~cold if not cold.all() else np.ones(len(records), dtype=bool),
        gaps_ms=gaps,
        gap_record=owners,
        charges=charge_parts(run, shared.book, target, records, sent_at, occupied, metered_j),
        utilities=run.plan.utilities,
        wrong_usd=stakes.wrong_usd(run.plan.utilities, [shared.stakes.get(r.item_digest) for r in records]),
        waited_s=np.array([stakes.waited_s(record) for record in records], dtype=float),
        understood=understood,
        gravity=gravity(
            run.plan, asked, understood, [shared.kinds.get(r.id) for r in records], column["value"], shared.grave_kinds
        ),
        **column,
    )


_ROW = (
    "latency_ms",
    "service_ms",
    "send_lag_ms",
    "client_lag_ms",
    "ttft_ms",
    "tpot_ms",
    "prefill_tok_s",
    "decode_tok_s",
    "value",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
)


def _row(record: Record, shared: _Shared) -> tuple[float, ...]:
    due, sent, done = record.due_ns, record.sent_ns, None if _failed(record) else record.done_ns
    lag = np.nan if sent is None else (sent - due) / MS
    last = record.served if done is not None else None
    first_ns = record.first_ns if last else None
    waited = record.calls[0].waited_ns / MS if record.calls else 0.0
    return (
        np.nan if done is None else (done - due) / MS,
        np.nan if done is None or sent is None else (done - sent) / MS,
        lag,
        max(0.0, lag - waited) if sent is not None else np.nan,
        np.nan if first_ns is None else (first_ns - due) / MS,
        *(_speeds(last) if last else (np.nan, np.nan, np.nan)),
        _value(record, shared),
        *(_tokens(record, name) for name in ("input_tokens", "output_tokens", "cached_tokens")),
    )


def _speeds(call: Call) -> tuple[float, float, float]:
    """TPOT in ms, prefill and decode in tokens a second; NaN what this call cannot tell."""
    usage, first, done = call.usage, call.first_ns, call.done_ns
    tpot = prefill = np.nan
    if usage and usage.output_tokens is not None and first is not None and done is not None and done > first:
        later = usage.output_tokens - (call.chunk_tokens[0] if call.chunk_tokens else 1)
        tpot = (done - first) / MS / later if later > 0 else np.nan
    spent = call.phases.get("prefill", 0)
    if usage and usage.input_tokens is not None and spent > 0:
        fresh = usage.input_tokens - (usage.cached_tokens or 0)
        prefill = fresh / (spent / S) if fresh > 0 else np.nan
    return tpot, prefill, 1000 / tpot


def _tokens(record: Record, name: str) -> float:
    """Tokens of all calls of a request; NaN where any call did not say."""
    counts = [getattr(call.usage, name) if call.usage else None for call in record.calls]
    said = [float(count) for count in counts if count is not None]
    return sum(said) if said and len(said) == len(counts) else np.nan


def _value(record: Record, shared: _Shared) -> float:
    if _failed(record):
        return 0.0 if record.item_digest in shared.judged else np.nan
    return shared.values.get(record.id, np.nan)


def _failed(record: Record) -> bool:
    return record.failure is not None or record.answer is None


def _cold(record: Record) -> bool:
    return record.cold


def _metered(run: Run, records: Sequence[Record], busy_s: Floats) -> Floats:
    """Each request's share of the joules that a meter gave for its trial."""
    joules: dict[str, float] = {}
    for reading in run.readings:
        if reading.quantity == "joules" and reading.phase in ("first", "steady"):
            joules[reading.trial_id] = joules.get(reading.trial_id, 0.0) + reading.value
    trials = np.array([record.trial_id for record in records])
    out = np.full(len(records), np.nan)
    for trial, total in joules.items():
        of = trials == trial
        if of.any() and busy_s[of].sum() > 0:
            out[of] = total * busy_s[of] / busy_s[of].sum()
    return out


def _gaps(records: Sequence[Record]) -> tuple[Floats, Index]:
    """Times between consecutive chunks of answered requests, and whose they are."""
    gaps, owners = [np.empty(0)], [np.empty(0, dtype=np.int64)]
    for place, record in enumerate(records):
        call = None if _failed(record) else record.served
        if call is None or len(call.chunk_ns) < 2:
            continue
        stamps = np.asarray(call.chunk_ns, dtype=np.int64)
        between = (stamps[1:] - stamps[:-1]) / MS
        gaps.append(between)
        owners.append(np.full(len(between), place, dtype=np.int64))
    return np.concatenate(gaps), np.concatenate(owners)


def occupied(records: Sequence[Record]) -> Floats:
    """Seconds each request kept what answered it busy."""
    return _busy([_intervals(record) for record in records], [record.trial_id for record in records])


def _intervals(record: Record) -> tuple[int, int, int]:
    """(first sent, last end, ns spent in calls) of a request; failed calls and retries included, waits between not."""
    spans = [
        (call.sent_ns, end)
        for call in record.calls
        if call.sent_ns is not None and (end := max(call.done_ns or 0, call.end_ns or 0)) > call.sent_ns
    ]
    if not spans:
        return 0, 0, 0
    return spans[0][0], max(end for _, end in spans), sum(end - sent for sent, end in spans)


def _busy(spans: Sequence[tuple[int, int, int]], trial_ids: Sequence[str]) -> Floats:
    """Seconds each request occupied the target. Where requests overlap (several users), the time is shared out."""
    start, end, spent = np.array(spans, dtype=np.int64).reshape(len(spans), 3).T
    busy = spent / S
    trials = np.array(trial_ids)
    for trial in dict.fromkeys(trial_ids):
        of = (trials == trial) & (spent > 0)
        if not of.any():
            continue
        order = np.argsort(start[of], kind="stable")
        begin, finish = start[of][order], np.maximum.accumulate(end[of][order])
        reached = np.concatenate([begin[:1], finish[:-1]])
        union = float(np.maximum(0, finish - np.maximum(begin, reached)).sum())
        whole = float((end[of] - start[of]).sum())
        busy[of] *= min(1.0, union / whole)
    return np.asarray(busy, dtype=float)
