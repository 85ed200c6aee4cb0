"""The summary: complete, honest about absence, and INVALID only on evidence."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.records import METRICS, Item, Reading, Record, Run, Score
from tests import builders
from tests.builders import Arm


def one(run: Run, **changes: object) -> dict[str, object]:
    return dict(summarise(replace(run, **changes)).arms[0].estimates)  # type: ignore[arg-type]


def test_every_metric_is_there_or_says_why_not() -> None:
    """For every placement, with and without a device profile, with failures, and for a run of nothing."""
    arms = {
        "device": Arm(),
        "api": Arm(placement="hosted", kind="openai", model="gpt-4o-mini"),
        "seat": Arm(placement="stand-in", peak_mib=None),
        "broken": Arm(failure_rate=1.0),
    }
    run = builders.run(arms, items=40)
    for case in (run, replace(run, records=(), readings=(), scores=())):
        for arm in summarise(case).arms:
            assert list(arm.estimates) == list(METRICS)
            for estimate in arm.estimates.values():
                assert (estimate.value is None) == (estimate.why_absent is not None)
                assert estimate.value is None or (estimate.n > 0 and estimate.method)


def test_a_stand_in_is_marked_in_every_number() -> None:
    """Its latency is not a cloud's."""
    arm = summarise(builders.run({"seat": Arm(placement="stand-in")}, items=40)).arms[0]
    assert {estimate.provenance for estimate in arm.estimates.values()} == {"stand-in"}


def test_an_unsupported_quantile_says_what_it_would_take() -> None:
    """36 steady requests cannot tell p95, but know that it is at least something."""
    p95 = summarise(builders.run({"a": Arm()}, items=40)).arms[0].estimates["p95_ms"]
    assert p95.value is None and str(p95.why_absent).startswith("n/a (36 of 72): 36 more take about ")
    assert p95.low is not None and p95.high is None


def test_items_without_references_have_no_accuracy() -> None:
    """Absent, not zero, and failures there are no wrong answers."""
    run = builders.run({"a": Arm(failure_rate=0.2)}, items=40)
    bare = tuple(replace(item, reference=None) for item in run.workload.items)
    digests = {old.digest: new.digest for old, new in zip(run.workload.items, bare, strict=True)}
    records = tuple(replace(record, item_digest=digests[record.item_digest]) for record in run.records)
    found = one(run, workload=replace(run.workload, items=bare), records=records, scores=())["accuracy"]
    assert found.value is None and "no references" in found.why_absent  # type: ignore[attr-defined]


def test_failures_are_wrong_and_counted_by_kind() -> None:
    """Half of the requests fail: accuracy is at most half, and latency is told of the rest, with a warning."""
    run = builders.run({"a": Arm(accuracy=1.0, failure_rate=0.5)}, items=200)
    summary = summarise(run)
    arm = summary.arms[0]
    failed = arm.failures["timeout"]
    assert arm.estimates["accuracy"].value == pytest.approx(1 - failed / 200)
    assert arm.estimates["failure_rate"].value == pytest.approx(failed / 200)
    assert arm.estimates["p50_ms"].n + failed >= 196
    assert any("latency quantiles are of the answered ones" in warning for warning in summary.warnings)


def test_unscored_answers_are_not_wrong() -> None:
    """Half of the scores are missing: accuracy is of the others, and the summary says how many are not judged."""
    run = builders.run({"a": Arm(accuracy=1.0)}, items=40)
    summary = summarise(replace(run, scores=run.scores[:20]))
    assert summary.arms[0].estimates["accuracy"].value == 1.0
    assert summary.arms[0].estimates["accuracy"].n == 20
    assert any("20 answers are not judged" in warning for warning in summary.warnings)


def test_repeated_items_widen_the_interval() -> None:
    """Four identical passes tell no more than one: the interval stays that of the items."""
    run = builders.run({"a": Arm(accuracy=0.7)}, items=120)
    copies: list[Record] = []
    scores: list[Score] = []
    for k in range(4):
        copies += [replace(record, id=f"{record.id}#{k}", cold=record.cold and k == 0) for record in run.records]
        scores += [replace(score, record_id=f"{score.record_id}#{k}") for score in run.scores]
    once = summarise(run).arms[0].estimates
    many = summarise(replace(run, records=tuple(copies), scores=tuple(scores))).arms[0].estimates
    for metric in ("accuracy", "p50_ms"):
        single, repeated = once[metric], many[metric]
        assert single.low is not None and single.high is not None
        assert repeated.low is not None and repeated.high is not None
        assert repeated.high - repeated.low == pytest.approx(single.high - single.low, rel=0.25)
    assert many["accuracy"].method == "bootstrap over 120 clusters"
    assert many["p99_ms"].value is None  # 464 requests, but of 120 items


def test_clusters_of_items_are_one_observation_each() -> None:
    """Forty questions about ten documents."""
    run = builders.run({"a": Arm()}, items=40)
    clustered = tuple(replace(item, cluster=f"d{k // 4}") for k, item in enumerate(run.workload.items))
    accuracy = one(run, workload=replace(run.workload, items=clustered))["accuracy"]
    assert "10 clusters" in accuracy.method  # type: ignore[attr-defined]


def test_graded_scores_are_averaged_by_bootstrap() -> None:
    """F1 of fields is no coin: Wilson does not apply."""
    run = builders.run({"a": Arm()}, items=100)
    graded = tuple(replace(score, value=0.2 + 0.6 * (k % 2)) for k, score in enumerate(run.scores))
    accuracy = one(run, scores=graded)["accuracy"]
    assert accuracy.value == pytest.approx(0.5) and "bootstrap" in accuracy.method  # type: ignore[attr-defined]


def test_slices_are_of_tags_and_stakes() -> None:
    """Their counts add up to the whole."""
    arm = summarise(builders.run({"a": Arm()}, items=80)).arms[0]
    assert set(arm.slices) == {"tone", "stakes"}
    assert sum(one.n for one in arm.slices["tone"].values()) == 80
    weighted = sum((one.value or 0) * one.n for one in arm.slices["stakes"].values()) / 80
    assert weighted == pytest.approx(arm.estimates["accuracy"].value)


def test_the_cold_request_is_apart() -> None:
    """A cold start ten times as slow moves cold_first_ms and not the quantiles."""
    run = builders.run({"a": Arm(median_ms=50)}, items=80)
    slow = tuple(
        replace(record, done_ns=record.due_ns + 500_000_000) if record.cold and record.done_ns else record
        for record in run.records
    )
    before, after = one(run), one(run, records=slow)
    assert after["cold_first_ms"].value == 500.0  # type: ignore[attr-defined]
    assert after["p90_ms"] == before["p90_ms"]


def test_only_cold_requests_are_used_and_said() -> None:
    """Blocks of one item each have nothing but first requests."""
    summary = summarise(builders.run({"a": Arm()}, items=8, blocks=8))
    assert summary.arms[0].estimates["p50_ms"].value is not None
    assert "cold requests only" in str(summary.arms[0].estimates["p50_ms"].note)


def test_overlapping_requests_share_the_device() -> None:
    """Two users at once: busy seconds add up to the time the target was busy, not to twice that."""
    run = builders.run({"a": Arm()}, items=8, blocks=1)
    first = run.records[0]
    call = first.calls[0]
    assert call.sent_ns is not None and call.end_ns is not None
    same = tuple(replace(record, calls=first.calls, sent_ns=first.sent_ns) for record in run.records)
    busy = columns(replace(run, records=same))["a · zero-shot"].busy_s
    assert busy.sum() == pytest.approx((call.end_ns - call.sent_ns) / 1e9)


def _late(run: Run, ms: float, every: int) -> Run:
    late = tuple(
        replace(record, sent_ns=record.due_ns + int(ms * 1e6)) if k % every == 1 else record
        for k, record in enumerate(run.records)
    )
    return replace(run, records=late)


def test_a_client_that_cannot_keep_up_makes_the_run_invalid() -> None:
    """A tenth of the requests sent 20 ms late; one hiccup alone condemns nobody."""
    run = builders.run({"a": Arm(median_ms=50)}, items=100)
    assert summarise(run).verdict == "VALID"
    assert summarise(_late(run, 20, 100)).verdict == "VALID"
    summary = summarise(_late(run, 20, 10))
    assert summary.verdict == "INVALID" and "could not keep up" in summary.reasons[0]


def test_connecting_is_the_networks_lateness_not_ours() -> None:
    """A server that closes every connection costs a handshake each time; the client is not to blame."""
    run = _late(builders.run({"a": Arm(median_ms=50)}, items=100), 20, 2)
    calm = tuple(
        replace(
            record,
            calls=tuple(replace(call, phases={"connect": 12_000_000, "tls": 8_000_000}) for call in record.calls),
        )
        for record in run.records
    )
    assert summarise(replace(run, records=calm)).verdict == "VALID"


def shared(run: Run, *others: float, machine_s: float = 1.0) -> Run:
    """The run with these CPU seconds used by others, trial by trial, of ``machine_s`` each."""
    sensed = tuple(
        Reading(trial.id, "host", quantity, value, "s", "steady", 0)
        for trial, used in zip(run.trials, others, strict=True)
        for quantity, value in (("other_cpu_seconds", used), ("machine_cpu_seconds", machine_s))
    )
    return replace(run, readings=(*run.readings, *sensed))


def test_a_busy_machine_makes_the_run_invalid() -> None:
    """Judged over all trials together: others used 40 % of the CPU, or 13 % with one busy trial of four."""
    run = builders.run({"a": Arm()}, items=40)
    summary = summarise(shared(run, 0.4, 0.4, 0.4, 0.4))
    assert summary.verdict == "INVALID" and "40%" in summary.reasons[0]
    assert summarise(shared(run, 0.5, 0.01, 0.01, 0.01)).verdict == "VALID"
    assert summarise(shared(run, 0.9, 0.01, 0.01, 0.01)).verdict == "INVALID"


def test_a_moment_too_short_for_the_kernels_ticks_is_not_judged() -> None:
    """Four trials of 20 ms: a tick of 10 ms in each is no proof of a busy machine."""
    run = builders.run({"a": Arm()}, items=40)
    assert summarise(shared(run, 0.01, 0.01, 0.01, 0.01, machine_s=0.02)).verdict == "VALID"


def test_a_run_without_answers_is_invalid() -> None:
    """And says what to look at."""
    summary = summarise(builders.run({"a": Arm(failure_rate=1.0)}, items=8))
    assert summary.verdict == "INVALID" and "no request was answered" in summary.reasons[0]


def test_what_was_not_issued_is_counted_once() -> None:
    """An interrupted segment, resumed and finished, leaves nothing; an unfinished one its rest."""
    run = builders.run({"a": Arm()}, items=40)
    segment = replace(run.segments[0], ended_why="interrupted", not_issued={"interrupted": 10})
    finished = replace(run, segments=(segment, replace(run.segments[0], id="s2", number=2)))
    assert summarise(finished).not_issued == {}
    cut = replace(run, segments=(segment,), records=run.records[:28])
    assert summarise(cut).not_issued == {"interrupted": 10, "not run yet": 2}
    assert any("unfinished: 12" in warning for warning in summarise(cut).warnings)


def test_memory_is_the_largest_peak_over_starts() -> None:
    """The kernel's mark of the worst trial, in MiB; what another target used does not count."""
    run = builders.run({"a": Arm(peak_mib=100), "b": Arm(peak_mib=900)}, items=40)
    first = run.trials[0]
    more = Reading(first.id, "memory", "peak_bytes", 150 * 2**20, "B", "first", 5)
    started = Reading(first.id, "memory", "rss_bytes", 20 * 2**20, "B", "start", 1)
    loaded = replace(started, value=110 * 2**20, phase="load", at_ns=2)
    found = one(run, readings=(*run.readings, more, started, loaded))
    assert found["peak_mib"].value == 150  # type: ignore[attr-defined]
    assert found["load_growth_mib"].value == 90  # type: ignore[attr-defined]
    assert found["load_s"].value == 0.5  # type: ignore[attr-defined]


def test_metered_joules_win_over_watts_on_paper() -> None:
    """What a meter says is measured, not estimated."""
    run = builders.run({"a": Arm()}, items=40, device="pi-5-8gb")
    assert one(run)["joules_per_request"].provenance == "estimated"  # type: ignore[attr-defined]
    meter = tuple(Reading(trial.id, "plug", "joules", 30.0, "J", "steady", 9) for trial in run.trials)
    found = one(run, readings=(*run.readings, *meter))["joules_per_request"]
    assert found.value == pytest.approx(3.0) and found.provenance == "measured"  # type: ignore[attr-defined]


def test_a_machine_that_drifts_is_warned_of() -> None:
    """The last block twice as slow."""
    run = builders.run({"a": Arm(spread=0.1)}, items=100)
    slow = tuple(
        replace(record, done_ns=2 * record.done_ns - record.due_ns)
        if record.trial_id.startswith("b3") and record.done_ns
        else record
        for record in run.records
    )
    assert not any("between blocks" in warning for warning in summarise(run).warnings)
    assert any("between blocks" in warning for warning in summarise(replace(run, records=slow)).warnings)


def test_the_same_run_gives_the_same_summary() -> None:
    """To the last bit; another bootstrap seed moves only what is resampled."""
    arms = {"a": Arm(failure_rate=0.1), "b": Arm()}
    run = builders.run(arms, items=60, device="pi-5-8gb")
    assert summarise(run) == summarise(run)
    assert summarise(replace(run, records=run.records[::-1])).arms[0].estimates["p50_ms"] == one(run)["p50_ms"]


def test_ten_thousand_records_take_seconds() -> None:
    """Ten arms of a thousand requests."""
    run = builders.run({f"a{k}": Arm() for k in range(10)}, items=1000, device="pi-5-8gb")
    began = time.process_time()
    summarise(run)
    assert time.process_time() - began < 5


def test_an_item_the_workload_does_not_know_is_still_an_item() -> None:
    """Merged bundles may bring one; it has no reference, so its answers are not judged."""
    run = builders.run({"a": Arm()}, items=40)
    stranger = Item(id="x", input="who are you")
    moved = replace(run.records[0], item_digest=stranger.digest)
    table = columns(replace(run, records=(moved, *run.records[1:]), scores=run.scores[1:]))["a · zero-shot"]
    assert len(np.unique(table.item)) == 40 and np.isnan(table.value[0])
