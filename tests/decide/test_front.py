"""The front: dominance, ties, dropped objectives, probabilities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgebench.decide.pareto import dominance, front
from edgebench.errors import UsageError
from edgebench.metrics.summary import summarise
from edgebench.records import Front, Run
from tests import builders
from tests.builders import Arm


def found(run: Run, *objectives: str, draws: int = 500) -> Front:
    return front(run, summarise(run, draws=200), objectives or None, draws=draws)


@given(arrays(float, (3, 5, 3), elements=st.integers(0, 3).map(float)))
def test_dominance_is_its_definition(loss: np.ndarray[tuple[int, int, int], np.dtype[np.float64]]) -> None:
    """No worse anywhere and better somewhere, pair by pair; never mutual, and somebody is always on the front."""
    beaten = dominance(loss)
    for d in range(3):
        for i in range(5):
            for j in range(5):
                pairs = list(zip(loss[d, j], loss[d, i], strict=True))
                assert beaten[d, i, j] == (all(b <= a for b, a in pairs) and any(b < a for b, a in pairs))
    assert not (beaten & beaten.transpose(0, 2, 1)).any()
    assert not beaten.any(axis=2).all(axis=1).any()


def test_a_clearly_worse_arm_is_dominated_and_says_by_whom() -> None:
    """Slower, wronger and no cheaper than one of the others."""
    arms = {
        "good": Arm(accuracy=0.9, median_ms=20),
        "fast": Arm(accuracy=0.6, median_ms=5),
        "bad": Arm(accuracy=0.4, median_ms=80),
    }
    members = {m.arm: m for m in found(builders.run(arms, items=300, device="pi-5-8gb")).members}
    assert members["good · zero-shot"].verdict == members["fast · zero-shot"].verdict == "on"
    assert members["bad · zero-shot"].verdict == "dominated"
    assert members["bad · zero-shot"].probability <= 0.05
    assert members["bad · zero-shot"].dominated_by in {"good · zero-shot", "fast · zero-shot"}


@settings(deadline=None, max_examples=40)  # each makes a run and its front
@given(st.integers(1, 5000))
def test_what_is_worse_in_every_request_is_never_on_the_front(seed: int) -> None:
    """A copy that is 1 ms slower each time has probability 0, its original 1, whatever is drawn."""
    run = builders.run({"a": Arm(), "b": Arm()}, items=80, seed=seed)
    first = {
        record.trial_id.split("-")[0] + str(record.index): record for record in run.records if "-a" in record.trial_id
    }
    slower = []
    for record in run.records:
        twin = first[record.trial_id.split("-")[0] + str(record.index)]
        extra = 0 if record is twin else 1_000_000
        slower.append(replace(record, due_ns=twin.due_ns, sent_ns=twin.sent_ns, done_ns=(twin.done_ns or 0) + extra))
    values = {record.id: 0.0 for record in run.records}
    scores = tuple(replace(score, value=values[score.record_id]) for score in run.scores)
    one = front(
        replace(run, records=tuple(slower), scores=scores), summarise(run, draws=50), ["accuracy", "p50_ms"], draws=50
    )
    assert [member.probability for member in one.members] == [1.0, 0.0]


def test_exact_ties_keep_both() -> None:
    """The same records under two names: neither beats the other."""
    run = builders.run({"a": Arm()}, items=80)
    rename = {trial.id: trial.id.replace("-a", "-b") for trial in run.trials}
    trials = tuple(replace(t, id=rename[t.id], arm="b · zero-shot", target="b") for t in run.trials)
    records = tuple(replace(r, id=rename[r.trial_id] + f"/{r.index}", trial_id=rename[r.trial_id]) for r in run.records)
    scores = tuple(replace(s, record_id=s.record_id.replace("-a", "-b")) for s in run.scores)
    both = replace(
        run,
        trials=(*run.trials, *trials),
        records=(*run.records, *records),
        scores=(*run.scores, *scores),
        identities={**run.identities, "b": run.identities["a"]},
    )
    assert [m.probability for m in found(both, "accuracy", "p50_ms").members] == [1.0, 1.0]


def test_an_objective_some_arm_lacks_is_dropped_for_all_and_said() -> None:
    """A stand-in without a price takes cost off the table, and is named for it."""
    arms = {"edge": Arm(), "seat": Arm(placement="stand-in")}
    one = found(builders.run(arms, items=100, device="pi-5-8gb"))
    assert one.objectives == ("accuracy", "p95_ms")
    assert one.dropped["usd_per_1k"].startswith("seat · zero-shot (a stand-in): a stand-in is not billed")
    assert "edge" not in one.dropped["usd_per_1k"]


def test_a_quantile_the_n_cannot_support_gives_way_to_the_next() -> None:
    """36 steady requests: p99 and p95 fall back on p90, and that is said."""
    one = found(builders.run({"a": Arm(), "b": Arm()}, items=40), "accuracy", "p99_ms")
    assert one.objectives == ("accuracy", "p90_ms")
    assert "36 of 368" in one.dropped["p99_ms"] and "judged by latency p90 instead" in one.dropped["p99_ms"]


def test_an_arm_without_answers_is_excluded_with_its_reason() -> None:
    """And does not take any objective off the table."""
    one = found(builders.run({"a": Arm(), "dead": Arm(failure_rate=1.0)}, items=80), "accuracy", "p95_ms")
    assert one.excluded == {"dead · zero-shot": "no request was answered"}
    assert [member.arm for member in one.members] == ["a · zero-shot"] and one.objectives == ("accuracy", "p95_ms")


def test_memory_is_an_objective_without_sampling() -> None:
    """The largest peak is what it is in every draw: the smaller arm dominates for certain."""
    one = found(builders.run({"a": Arm(peak_mib=100), "b": Arm(peak_mib=900)}, items=80), "peak_mib")
    assert [member.probability for member in one.members] == [1.0, 0.0]


def test_equal_arms_are_ambiguous_not_ranked() -> None:
    """Twenty items cannot separate 80 % from 80 %."""
    one = found(builders.run({"a": Arm(), "b": Arm()}, items=80), "accuracy")
    assert any(member.verdict == "ambiguous" for member in one.members)


def test_an_unknown_objective_is_answered_with_the_nearest() -> None:
    """A typing error in --objectives."""
    run = builders.run({"a": Arm()}, items=8)
    with pytest.raises(UsageError) as caught:
        found(run, "p95ms")
    assert caught.value.hint == "did you mean 'p95_ms'?"
