"""Cascades replayed: against one worked out by hand, against the rule item by item, and at both ends."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.decide.cascade import cascades, hedges, replayed, useful_pairs
from edgebench.decide.cascading import Pairs, hull, paired, replay, thresholds
from edgebench.decide.conclude import conclude
from edgebench.decide.crossfitting import Aim, Limit, crossfit, means
from edgebench.decide.resampled import Resampled, resample
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import SLO, Answer, Call, Record, Run, Utilities
from edgebench.routing import Heard, Rule, asked_at, served
from tests import builders
from tests.builders import Arm

EDGE, CLOUD = "edge · zero-shot", "cloud · zero-shot"


def told(run: Run, noise: Mapping[str, float | None], seed: int = 7) -> Run:
    """The run with confidences that know something: 0.9 where right, 0.6 where wrong, and noise; None: none at all."""
    rng = np.random.default_rng(seed)
    arm_of = {trial.id: trial.target for trial in run.trials}
    references = {item.digest: str(item.reference) for item in run.workload.items}

    def one(record: Record) -> Record:
        sigma = noise.get(arm_of[record.trial_id], 0.1)
        if record.answer is None:
            return record
        right = record.answer.text == references[record.item_digest]
        sure = None if sigma is None else float(np.clip(rng.normal(0.9 if right else 0.6, sigma), 0, 1))
        calls = tuple(replace(call, confidence=sure, confidence_method="margin") for call in record.calls)
        return replace(record, answer=replace(record.answer, confidence=sure), calls=calls)

    return replace(run, records=tuple(one(record) for record in run.records))


def two(items: int = 200, *, edge: Arm | None = None, cloud: Arm | None = None, **plan: object) -> Run:
    arms = {
        "edge": edge or Arm(accuracy=0.7, median_ms=20, placement="device"),
        "cloud": cloud or Arm(accuracy=0.92, median_ms=90, placement="hosted", peak_mib=None),
    }
    return told(builders.run(arms, items=items, **plan), {"cloud": None})  # type: ignore[arg-type]


def drawn(run: Run, draws: int = 300) -> Resampled:
    table = columns(run)
    return resample(run, summarise(run, draws=draws, table=table), draws=draws, table=table)


def test_one_point_by_hand() -> None:
    """Every number of one threshold recomputed from the records with nothing but Python."""
    run = two(60)
    found = replayed(drawn(run), EDGE, CLOUD)
    point = found.points[len(found.points) // 2]
    rows = {target: {} for target in ("edge", "cloud")}
    arm_of = {trial.id: trial.target for trial in run.trials}
    for record in run.records:
        rows[arm_of[record.trial_id]][record.item_digest] = record
    references = {item.digest: str(item.reference) for item in run.workload.items}
    right, deferred, times = [], 0, []
    for digest, edge in rows["edge"].items():
        cloud = rows["cloud"][digest]
        assert edge.answer and cloud.answer and edge.done_ns and cloud.done_ns
        unsure = (edge.answer.confidence or 0.0) < point.threshold
        deferred += unsure
        answer = cloud.answer if unsure else edge.answer
        right.append(answer.text == references[digest])
        took = edge.done_ns - edge.due_ns + (cloud.done_ns - cloud.due_ns if unsure else 0)
        if not edge.cold and not cloud.cold:
            times.append(took / 1e6)
    assert point.accuracy.value == pytest.approx(sum(right) / 60)
    assert point.deferred.value == pytest.approx(deferred / 60)
    assert point.p50_ms.value == pytest.approx(sorted(times)[math.ceil(len(times) / 2) - 1])


def test_the_two_ends_are_the_edge_alone_and_the_cloud_after_the_edge() -> None:
    """Never deferred: the edge. Always: the cloud's answers, both latencies, both memories where both are here."""
    resampled = drawn(two())
    found = replayed(resampled, EDGE, CLOUD)
    first, last = found.points[0], found.points[-1]
    assert (first.threshold, last.threshold) == (-math.inf, math.inf)
    assert first.accuracy.value == pytest.approx(resampled.point(EDGE, "accuracy"))
    assert first.p50_ms.value == pytest.approx(resampled.point(EDGE, "p50_ms"))
    assert last.accuracy.value == pytest.approx(resampled.point(CLOUD, "accuracy"))
    assert (first.deferred.value, last.deferred.value) == (0.0, 1.0)
    assert (last.p50_ms.value or 0) > (resampled.point(CLOUD, "p50_ms") or 0)
    assert first.peak_mib.value == resampled.point(EDGE, "peak_mib")


def test_no_threshold_beats_the_oracle_and_the_curve_defers_ever_more() -> None:
    run = two()
    found = replayed(drawn(run), EDGE, CLOUD)
    pairs = paired(*(columns(run)[name] for name in (EDGE, CLOUD)))
    oracle = float(np.maximum(*pairs.of("value")).mean())
    assert all((point.accuracy.value or 0) <= oracle + 1e-12 for point in found.points)
    deferred = [point.deferred.value or 0 for point in found.points]
    assert deferred == sorted(deferred) and len(found.points) <= 40


TIME = st.floats(0.001, 1.0)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(TIME, TIME, st.booleans(), st.booleans(), st.floats(0, 1)), min_size=1, max_size=12),
    st.sampled_from([math.inf, 0.0, 0.1, 0.4]),
    st.floats(0, 1),
)
def test_the_arrays_do_what_the_rule_does(
    rows: list[tuple[float, float, bool, bool, float]], patience: float, threshold: float
) -> None:
    """For any latencies, failures, confidences, patience and threshold: the same who, when, and whether asked."""
    edge, cloud = (_made(rows, side) for side in (0, 1))
    rule = Rule("sequential") if math.isinf(patience) else Rule("hedged", hedge_after_s=patience)
    found = replay(Pairs(edge, cloud, (np.arange(len(rows)),) * 2), rule, np.array([threshold]))
    for k, (edge_s, cloud_s, edge_ok, cloud_ok, sure) in enumerate(rows):
        heard = Heard(edge_s, edge_ok, edge_ok and sure >= threshold)
        at = asked_at(heard, patience)
        expected = served(heard, None if math.isinf(at) else Heard(at + cloud_s, cloud_ok))
        assert found.asked[0, k] == (not math.isinf(at))
        assert found.by_cloud[0, k] == (expected.by == "cloud")
        assert found.failed[0, k] == (expected.by is None)
        assert found.waited_s[0, k] == pytest.approx(expected.at)
        assert found.usd[0, k] == pytest.approx(1.0 if math.isinf(at) else 11.0)


def _made(rows: list[tuple[float, float, bool, bool, float]], side: int) -> ArmColumns:
    """Columns of one side, as far as the replay reads them."""

    class Made:
        arm, item = "x", np.arange(len(rows))
        failed = np.array([not row[2 + side] for row in rows])
        waited_s = np.array([row[side] for row in rows])
        value = np.ones(len(rows))
        usd = np.full(len(rows), (1.0, 10.0)[side])
        records = tuple(
            Record("r", "t", "s", "d", 0, 0, 0, 1, (Call("answer", 0),), Answer("a", row[4])) for row in rows
        )

    return Made  # type: ignore[return-value]


def test_what_the_edge_fails_to_answer_the_cloud_answers_at_every_threshold() -> None:
    """And where the cloud fails too, the request has failed; nothing is counted as free."""
    run = two(edge=Arm(accuracy=0.7, failure_rate=0.2), cloud=Arm(accuracy=0.9, placement="hosted", failure_rate=0.1))
    table = columns(run)
    pairs = paired(table[EDGE], table[CLOUD])
    outcome = replay(pairs, Rule(), thresholds(pairs.confidence))
    edge_failed, cloud_failed = pairs.failed
    assert outcome.asked[0].tolist() == edge_failed.tolist()
    assert (outcome.failed == (edge_failed & cloud_failed)).all()
    assert outcome.by_cloud[0].tolist() == (edge_failed & ~cloud_failed).tolist()
    assert outcome.failed[0].any()
    assert np.isnan(outcome.latency_ms[outcome.failed]).all() and (outcome.value[outcome.failed] == 0).all()


def test_a_signal_that_knows_is_told_from_one_that_does_not() -> None:
    """AUROC and words; a deaf signal gives no gain over deferring at random and no praise."""
    knowing = replayed(drawn(two(300)), EDGE, CLOUD)
    assert (knowing.auroc.low or 0) > 0.9 and (knowing.auroc.note or "").startswith("good")
    assert knowing.signal == "margin"
    assert knowing.gain is not None and (knowing.gain.low or 0) > 0.02
    assert knowing.verdict.startswith("Worth it") and (knowing.on_front or 0) > 0.95
    arms = {"edge": Arm(accuracy=0.7), "cloud": Arm(accuracy=0.92, median_ms=90, placement="hosted")}
    deaf = replayed(drawn(builders.run(arms, items=300)), EDGE, CLOUD)
    assert deaf.auroc.low is not None and deaf.auroc.low < 0.5 < (deaf.auroc.high or 0)
    assert deaf.auroc.note == "cannot be told from chance"
    assert deaf.gain is not None and (deaf.gain.low or 0) < 0 and not deaf.verdict.startswith("Worth it")


def test_the_best_point_is_judged_on_answers_it_was_not_chosen_by() -> None:
    """Its accuracy is not the curve's at the same threshold, and ``optimism`` is what lies between them."""
    found = replayed(drawn(two(120)), EDGE, CLOUD)
    assert found.best is not None and found.optimism is not None
    on_curve = next(point for point in found.points if point.threshold == found.best.threshold)
    gap = (on_curve.accuracy.value or 0) - (found.best.accuracy.value or 0)
    assert found.optimism == pytest.approx(gap) and found.optimism != 0


def test_without_utilities_it_is_the_least_deferral_within_two_points_of_the_best() -> None:
    found = replayed(drawn(two(300)), EDGE, CLOUD)
    assert found.best is not None
    top = max(point.accuracy.value or 0 for point in found.points)
    near = [point for point in found.points if (point.accuracy.value or 0) >= top - 0.02 - 1e-12]
    assert found.best.threshold == near[0].threshold


def test_utilities_choose_and_dear_mistakes_defer_more() -> None:
    """A wrong answer of a cent is hardly worth a call and a wait, one of ten dollars is."""
    shares = []
    for wrong in (0.01, 10.0):
        run = two(300, utilities=Utilities(right_usd=0.0, wrong_usd=wrong, second_usd=0.05), device="pi-4-8gb")
        run = replace(run, plan=_priced(run))
        found = replayed(drawn(run), EDGE, CLOUD)
        assert found.best is not None and found.best.usd_per_1k.value is not None
        shares.append(found.best.deferred.value or 0)
    assert shares[0] < shares[1] - 0.1


def _priced(run: Run) -> object:
    from decimal import Decimal

    from edgebench.records import PriceSpec

    price = PriceSpec(input_per_million=Decimal(100), output_per_million=Decimal(100))
    targets = {name: replace(spec, price=price) for name, spec in run.plan.targets.items()}
    return replace(run.plan, targets=targets)


def test_a_deferred_request_pays_both_costs() -> None:
    """One cent at either: one cent where the edge is served, two where it is not."""
    run = two(100)
    found = replayed(drawn(replace(run, plan=_priced(run))), EDGE, CLOUD)  # type: ignore[arg-type]
    first, last = found.points[0].usd_per_1k.value or 0, found.points[-1].usd_per_1k.value or 0
    assert last == pytest.approx(2 * first) and first == pytest.approx(1000 * 103 * 100 / 1e6)
    for point in found.points:
        assert point.usd_per_1k.value == pytest.approx(first * (1 + (point.deferred.value or 0)))


def test_thresholds_stay_within_the_plans_slos() -> None:
    """A limit on the p95 between the two forbids deferring much, and the best point keeps it where it was seen."""
    free = replayed(drawn(two(300)), EDGE, CLOUD)
    assert free.best is not None
    limit = (free.points[0].p95_ms.value or 0) + 15
    run = two(300, slos=(SLO("p95_ms", max=limit),))
    tight = replayed(drawn(run), EDGE, CLOUD)
    assert tight.best is not None
    on_curve = next(point for point in tight.points if point.threshold == tight.best.threshold)
    assert (on_curve.p95_ms.value or math.inf) <= limit < (free.best.p95_ms.value or 0)
    assert (tight.best.deferred.value or 0) < (free.best.deferred.value or 0)
    nobody = replayed(drawn(two(100, slos=(SLO("p95_ms", max=1.0),))), EDGE, CLOUD)
    assert "no threshold keeps the plan's SLOs" in nobody.verdict


def test_hedging_buys_time_with_calls() -> None:
    """Both asked at once: every request costs both, and the deferred ones wait for the slower of the two only."""
    resampled = drawn(two(300))
    plain = replayed(resampled, EDGE, CLOUD)
    after_s = hedges(resampled, EDGE)
    assert after_s[0] == 0.0 and len(after_s) == 3 and list(after_s) == sorted(after_s)
    hedged = [replayed(resampled, EDGE, CLOUD, "hedged", after) for after in after_s]
    assert all(point.deferred.value == 1.0 for point in hedged[0].points)
    for one, other in zip(plain.points, hedged[0].points, strict=True):
        assert (other.p95_ms.value or 0) <= (one.p95_ms.value or 0)
    shares = [one.best.deferred.value for one in hedged if one.best is not None]
    assert shares == sorted(shares, key=lambda share: -(share or 0))
    assert hedged[1].hedge_after_s == after_s[1] and plain.hedge_after_s is None


def test_memory_is_the_edges_where_the_cloud_is_elsewhere_and_the_sum_where_both_are_here() -> None:
    local = Arm(accuracy=0.95, median_ms=300, placement="device", peak_mib=400.0)
    both = replayed(drawn(two(cloud=local)), EDGE, CLOUD)
    assert both.points[0].peak_mib.value == pytest.approx(500.0) and "resident" in (both.points[0].peak_mib.note or "")
    run = two(cloud=local)
    apart = {**run.identities, "cloud": replace(run.identities["cloud"], device="another machine")}
    other = replayed(drawn(replace(run, identities=apart)), EDGE, CLOUD)
    assert other.points[0].peak_mib.value == pytest.approx(400.0)


def test_guarantees_are_by_stakes_and_say_why_there_is_none() -> None:
    """600 items, 150 of each stakes: a promise for most, and for 40 items in all only a reason."""
    good = Arm(accuracy=0.93, median_ms=20)
    found = replayed(drawn(two(600, edge=good)), EDGE, CLOUD)
    assert [one.stakes for one in found.guarantees] == [None, 1, 2, 3, 4]
    whole = found.guarantees[0]
    assert whole.threshold is not None and (whole.served.value or 0) > 0.5 and whole.n == 600
    few = replayed(drawn(two(40, edge=good)), EDGE, CLOUD)
    assert few.guarantees[1].threshold is None and "too few" in few.guarantees[1].why
    bad = replayed(drawn(builders_random(400)), EDGE, CLOUD)
    assert bad.guarantees[0].threshold is None and "wrong" in bad.guarantees[0].why


def builders_random(items: int) -> Run:
    arms = {"edge": Arm(accuracy=0.5), "cloud": Arm(accuracy=0.92, median_ms=90, placement="hosted")}
    return builders.run(arms, items=items)


def test_pairs_are_those_worth_a_look() -> None:
    """Edges on the device that say how sure they are; clouds elsewhere before better ones here; at most six."""
    arms = {
        "small": Arm(accuracy=0.7, placement="device"),
        "mute": Arm(accuracy=0.75, placement="device"),
        "big": Arm(accuracy=0.85, placement="device", median_ms=200),
        "api": Arm(accuracy=0.9, placement="hosted"),
    }
    run = told(builders.run(arms, items=100), {"mute": None})
    names = [tuple(name.split(" · ")[0] for name in pair) for pair in useful_pairs(drawn(run))]
    assert set(names[:2]) == {("small", "api"), ("big", "api")}
    assert {("small", "big"), ("small", "mute")} == set(names[2:])
    many = {f"a{k}": Arm(accuracy=0.5 + k / 20, placement="device") for k in range(6)}
    found = cascades(drawn(told(builders.run(many, items=60), {})))
    assert sum(one.policy == "sequential" for one in found) == 6
    assert [one.policy for one in found[6:]] == ["hedged"] * 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda run: told(run, {"edge": None}), "does not say how sure"),
        (lambda run: replace(run, scores=()), "judged"),
        (lambda run: _apart(run), "no item in common"),
    ],
)
def test_where_there_is_nothing_to_replay_one_sentence_says_why(change: object, why: str) -> None:
    run = change(two(40))  # type: ignore[operator]
    found = replayed(drawn(run), EDGE, CLOUD)
    assert why in (found.why_absent or "") and not found.points and found.best is None
    assert found.auroc.value is None


def _apart(run: Run) -> Run:
    """Each arm has met half of the items, the other half."""
    half = {item.digest for item in run.workload.items[:20]}
    arm_of = {trial.id: trial.target for trial in run.trials}
    kept = [one for one in run.records if (one.item_digest in half) == (arm_of[one.trial_id] == "edge")]
    return replace(run, records=tuple(kept))


def test_a_run_without_any_confidence_says_so_once() -> None:
    run = told(two(40), {"edge": None, "cloud": None})
    (found,) = cascades(drawn(run))
    assert found.why_absent == f"{EDGE} does not say how sure it is"


def test_an_edge_that_is_always_right_has_no_signal_to_judge() -> None:
    found = replayed(drawn(two(40, edge=Arm(accuracy=1.0))), EDGE, CLOUD)
    assert found.auroc.value is None and "all right" in (found.auroc.why_absent or "")
    assert found.verdict.startswith("No cascade is needed")


def test_repeated_items_pair_answer_by_answer() -> None:
    """The k-th answer of one with the k-th of the other; the item stays one cluster."""
    run = two(30)
    again = tuple(replace(trial, id=f"{trial.id}-again", repetition=1, order=trial.order + 100) for trial in run.trials)
    records = tuple(
        replace(one, id=one.id.replace("/", "-again/"), trial_id=f"{one.trial_id}-again") for one in run.records
    )
    scores = tuple(replace(one, record_id=one.record_id.replace("/", "-again/")) for one in run.scores)
    twice = replace(run, trials=run.trials + again, records=run.records + records, scores=run.scores + scores)
    table = columns(twice)
    pairs = paired(table[EDGE], table[CLOUD])
    assert pairs.n == 60 and len(np.unique(pairs.member)) == 30
    for mine, theirs in zip(*pairs.at, strict=True):
        assert table[EDGE].records[mine].item_digest == table[CLOUD].records[theirs].item_digest
        assert table[EDGE].records[mine].id.count("again") == table[CLOUD].records[theirs].id.count("again")
    one, two_ = replayed(drawn(run), EDGE, CLOUD), replayed(drawn(twice), EDGE, CLOUD)
    for mine_, theirs_ in zip(one.guarantees, two_.guarantees, strict=True):
        assert mine_ == theirs_  # the test of a promise counts an item once


def test_the_hull_is_what_no_mixture_reaches() -> None:
    across = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    up = np.array([0.5, 0.7, 0.72, 0.9, 0.85, 0.91])
    assert hull(across, up).tolist() == [True, True, False, True, False, True]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=12))
def test_every_point_lies_on_or_below_the_hull(points: list[tuple[int, int]]) -> None:
    across, up = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    on = hull(across, up)
    order = np.argsort(across[on])
    reached = np.interp(across, across[on][order], up[on][order])
    assert (up <= reached + 1e-9).all()
    assert up[on].max() == up.max()


def test_the_conclusion_holds_them_and_is_the_same_to_the_last_bit() -> None:
    run = two(80)
    first, second = conclude(run, draws=200), conclude(run, draws=200)
    assert first.cascades and first.cascades == second.cascades
    assert (first.cascades[0].edge, first.cascades[0].cloud) == (EDGE, CLOUD)


def test_a_threshold_is_chosen_on_other_items_than_it_is_judged_on() -> None:
    """Two thresholds, each best by a little on all; whatever an item says never counts for its own threshold."""
    rng = np.random.default_rng(1)
    value = rng.random((5, 40))
    member = np.repeat(np.arange(20), 2)
    first = crossfit(Aim(value, value), member, np.random.default_rng(3), splits=3)
    for item in (0, 7, 19):
        changed = value.copy()
        changed[:, member == item] = np.array([[9e9], [0], [0], [0], [0]])
        again = crossfit(Aim(changed, changed), member, np.random.default_rng(3), splits=3)
        assert (again[:, member == item] == first[:, member == item]).all()
        assert (again != first).any()
    assert (first[:, ::2] == first[:, 1::2]).all()  # one cluster, one fold


def test_limits_are_of_means_and_of_quantiles() -> None:
    values = np.array([[1.0, 2.0, 3.0, np.nan], [5.0, 6.0, 7.0, 8.0]])
    everything, half = np.ones((1, 4), dtype=bool), np.array([[True, True, False, True]])
    assert means(values, everything)[0].tolist() == [2.0, 6.5]
    assert Limit(SLO("p50_ms", max=2.0), values, 0.5).holds(everything)[0].tolist() == [True, False]
    assert Limit(SLO("p95_ms", max=2.0), values, 0.95).holds(half)[0].tolist() == [True, False]
    assert Limit(SLO("accuracy", min=6.0), values).holds(everything)[0].tolist() == [False, True]


def test_many_arms_do_not_take_long() -> None:
    """Six pairs are replayed, however many arms there are to pair."""
    arms = {f"a{k}": Arm(accuracy=0.5 + k / 50, placement="device" if k < 10 else "hosted") for k in range(12)}
    resampled = drawn(builders.run(arms, items=80), draws=1000)
    began = time.process_time()
    assert len(cascades(resampled)) == 9
    assert time.process_time() - began < 3
