"""What a run's numbers can show, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgebench.metrics import sample_size
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from tests import builders
from tests.builders import Arm


def test_a_line_an_arm_and_one_for_accuracy() -> None:
    """n and minutes for 5 % at p50, what a p99 needs, and the smallest difference in points."""
    lines = summarise(builders.run({"a": Arm(), "b": Arm()}, items=200), draws=100).sample_size
    assert len(lines) == 3
    assert "a · zero-shot: to see 5% at p50 you need n = " in lines[0] and "at this speed that is" in lines[0]
    assert "196 are here" in lines[0] and "a p99 needs 368" in lines[0]
    assert lines[2].startswith("accuracy: 200 items show a difference of") and "as measured" in lines[2]


def test_more_spread_needs_more_requests() -> None:
    """CV 10 % needs about 130 an arm (2·1.57·(.1·3.24/.05)²), CV 30 % about nine times as many."""
    table = columns(builders.run({"a": Arm(spread=0.1), "b": Arm(spread=0.3)}, items=800))
    calm, wild = (sample_size.measured(table, f"{name} · zero-shot") for name in "ab")
    assert calm is not None and wild is not None
    assert 80 < calm.n < 220 and 5 < wild.n / calm.n < 15
    assert calm.minutes == pytest.approx(calm.n * 0.051 / 60, rel=0.1)  # 50 ms a request and 1 ms between


def test_items_that_are_slow_for_everybody_save_requests() -> None:
    """Two arms that are slow on the same items need fewer than two that are not."""
    run = builders.run({"a": Arm(), "b": Arm()}, items=200)
    first = {(one.trial_id.split("-")[0], one.index): one for one in run.records if "-a" in one.trial_id}
    alike = []
    for one in run.records:
        twin = first[one.trial_id.split("-")[0], one.index]
        alike.append(replace(one, done_ns=one.due_ns + int(1.1 * ((twin.done_ns or 0) - twin.due_ns))))
    apart, paired = (
        sample_size.measured(columns(each), "a · zero-shot") for each in (run, replace(run, records=tuple(alike)))
    )
    assert apart is not None and paired is not None and paired.n < 0.1 * apart.n


def test_too_few_latencies_say_nothing_of_their_spread() -> None:
    """Sixteen requests: no line for the arm."""
    lines = summarise(builders.run({"a": Arm()}, items=16), draws=50).sample_size
    assert [line.split(":")[0] for line in lines] == ["accuracy"]
    assert "only by chance, the worst case" in lines[0]  # a single arm disagrees with nobody


def test_what_is_declared_is_named() -> None:
    """Nothing measured: a spread of 30 % is assumed and said; arms alike are told in one line."""
    one, two = (sample_size.declared(name, have, None) for name, have in (("a", 80), ("b", 240)))
    assert one.n == 1138 and one.minutes is None
    assert sample_size.words_of_all([one, two]) == [
        "not measured yet: to see 5% at p50 you need n = 1,138 an arm; 80 to 240 are planned; a p99 needs 368 "
        "(assumed: a spread (CV) of 30%)"
    ]
    timed = sample_size.declared("c", 80, 3.0)
    assert timed.minutes == pytest.approx(56.9)
    assert sample_size.words_of_all([timed]) == [
        "c: to see 5% at p50 you need n = 1,138; at this speed that is 57 min; 80 are planned; "
        "a p99 needs 368, 18 min (assumed: a spread (CV) of 30%)"
    ]


def test_durations_read_well() -> None:
    """In the unit that says most."""
    assert [sample_size.duration(s) for s in (0.2, 89, 3000, 7200, 300000)] == [
        "1 s",
        "89 s",
        "50 min",
        "2.0 h",
        "3.5 days",
    ]


def test_nothing_to_be_right_about() -> None:
    """Items without a reference have no accuracy line."""
    run = builders.run({"a": Arm()}, items=40)
    items = tuple(replace(item, reference=None) for item in run.workload.items)
    bare = replace(run, workload=replace(run.workload, items=items), scores=())
    assert not any(line.startswith("accuracy") for line in summarise(bare, draws=50).sample_size)
