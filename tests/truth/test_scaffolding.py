"""The scaffolding gap is recovered: a target whose behaviour under each prompting is known is measured as it is.

The world: raw is right 60 % of the time and takes one unit of time; a chain of thought 75 % and three units;
self-consistency draws five answers of one unit each. A draw is right with the probability q at which three or more of
five independent ones are right 80 % of the time; wrong draws of one item agree, so the vote is between two answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import comb
from pathlib import Path
from statistics import median

import pytest
from scipy.optimize import brentq

from edgebench.decide.compare import compare
from edgebench.records import Plan, PriceSpec, Record, Run, ScenarioSpec, Seeds, TargetSpec, WorkloadSpec
from edgebench.run.execute import execute
from edgebench.store import open_store

ITEMS, UNIT_MS, DRAWS = 200, 40.0, 5
RAW, CHAIN, VOTE = "fake · raw", "fake · chain-of-thought", "fake · self-consistency(5, of=raw)"
ACCURACY = {RAW: 0.60, CHAIN: 0.75, VOTE: 0.80}
TIMES = {RAW: 1, CHAIN: 3, VOTE: DRAWS}
TOKENS = {RAW: (50, 3), CHAIN: (80, 120), VOTE: (50, 7)}  # in and out, of each call
PRICE = PriceSpec(input_per_million=Decimal(1), output_per_million=Decimal(4), source="made up")


def majority(q: float) -> float:
    """Probability that most of five independent draws are right, each with probability q."""
    return sum(comb(DRAWS, k) * q**k * (1 - q) ** (DRAWS - k) for k in range(DRAWS // 2 + 1, DRAWS + 1))


def world() -> Plan:
    chain = {
        "contains": "step by step",
        "accuracy": ACCURACY[CHAIN],
        "latency_ms": TIMES[CHAIN] * UNIT_MS,
        "text": "One thing follows from another.\nAnswer: {answer}",
        "input_tokens": TOKENS[CHAIN][0],
        "output_tokens": TOKENS[CHAIN][1],
    }
    draw = {
        "sampled": True,
        "accuracy": brentq(lambda q: majority(q) - ACCURACY[VOTE], 0.5, 1.0),
        "wrong": "fixed",
        "output_tokens": TOKENS[VOTE][1],
    }
    options = {"accuracy": ACCURACY[RAW], "latency_ms": UNIT_MS, "output_tokens": TOKENS[RAW][1], "when": [chain, draw]}
    return Plan(
        question="Is the known gap found?",
        workload=WorkloadSpec(builtin="support-triage", items=ITEMS),
        targets={"fake": TargetSpec(kind="fake", options=options, price=PRICE)},
        prompting=("raw", "chain-of-thought", {"self-consistency": {"n": DRAWS, "of": "raw"}}),
        scenario=ScenarioSpec(users=4),  # four at a time: a quarter of the wall time, the same latencies
        seeds=Seeds(sampling=5),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The plan carried out, and read back from the store."""
    with open_store(Path(tmp_path_factory.mktemp("scaffolding"), "runs.db")) as store:
        return store.load(execute(world(), store=store, certify=False).run_id)


def by_arm(run: Run) -> Mapping[str, list[Record]]:
    arms = {trial.id: trial.arm for trial in run.trials}
    found: dict[str, list[Record]] = {arm: [] for arm in ACCURACY}
    for record in run.records:
        found[arms[record.trial_id]].append(record)
    return found


@pytest.mark.parametrize("arm", [CHAIN, VOTE])
def test_the_gap_in_accuracy_is_within_its_interval(run: Run, arm: str) -> None:
    """Paired on the same 200 items; the interval leaves out no gap, and what was not there is left out."""
    difference = compare(run, RAW, arm, "accuracy").difference
    known = ACCURACY[arm] - ACCURACY[RAW]
    assert difference.n == ITEMS and difference.low is not None and difference.high is not None
    assert difference.low <= known <= difference.high
    assert difference.low > 0 and difference.high - difference.low < 0.2


@pytest.mark.parametrize("arm", [CHAIN, VOTE])
def test_the_ratio_of_latencies_is_known_to_five_percent(run: Run, arm: str) -> None:
    """Three and five times raw's median, steps and draws counted, as the stored stamps say."""
    ratio = compare(run, RAW, arm, "p50_ms").ratio
    assert ratio is not None and ratio.value == pytest.approx(TIMES[arm] / TIMES[RAW], rel=0.05)
    took = {one: median(r.done_ns - r.due_ns for r in records if r.done_ns) for one, records in by_arm(run).items()}
    assert took[arm] / took[RAW] == pytest.approx(ratio.value, rel=0.02)


def test_every_sub_call_is_counted_to_the_token_and_the_cent(run: Run) -> None:
    """Tokens in and out are those of one call times the calls; dollars are what these cost."""
    roles = {RAW: ["answer"], CHAIN: ["answer"], VOTE: ["draw"] * DRAWS}
    for arm, records in by_arm(run).items():
        assert len(records) == ITEMS
        assert all([call.role for call in record.calls] == roles[arm] for record in records)
        used = [call.usage for record in records for call in record.calls]
        spent = tuple(
            sum(getattr(one, side) for one in used if one is not None) for side in ("input_tokens", "output_tokens")
        )
        calls = ITEMS * len(roles[arm])
        assert spent == tuple(tokens * calls for tokens in TOKENS[arm])
    for arm in (CHAIN, VOTE):
        extra = compare(run, RAW, arm, "usd_per_1k").difference.value
        cost = {one: len(roles[one]) * (into + 4 * out) for one, (into, out) in TOKENS.items()}
        assert extra == pytest.approx((cost[arm] - cost[RAW]) * 1e-3, rel=1e-9)


def test_the_share_of_votes_is_the_confidence_and_the_last_draw_the_end(run: Run) -> None:
    """Between three and five of five; a record is done when its last draw is."""
    for record in by_arm(run)[VOTE]:
        assert record.answer is not None and record.answer.confidence in (0.6, 0.8, 1.0)
        assert record.done_ns == record.calls[-1].done_ns
        assert len({call.request.seed for call in record.calls if call.request}) == DRAWS


def test_lost_draws_are_kept_and_waited_for(tmp_path: Path) -> None:
    """A failed draw is a failed Call of an answered record, which is done when the last draw's fate is known."""
    options = {"latency_ms": 1.0, "failure_rate": 0.4, "failure": "server_error"}
    plan = Plan(
        question="What of lost draws?",
        workload=WorkloadSpec(builtin="support-triage", items=24),
        targets={"fake": TargetSpec(kind="fake", options=options)},
        prompting=({"self-consistency": {"n": 3, "of": "zero-shot"}},),
    )
    with open_store(tmp_path / "runs.db") as store:
        run = store.load(execute(plan, store=store, certify=False).run_id)
    lost = [record for record in run.records if record.answer and record.calls[-1].failure]
    assert lost and all(record.done_ns == record.calls[-1].end_ns for record in lost)
    for record in run.records:
        failed = [call.failure is not None for call in record.calls]
        assert len(failed) == 3 and (record.failure is not None) == all(failed)
        assert (record.done_ns is None) == all(failed)
    assert {score.value for score in run.scores if score.value is not None} == {1.0}
