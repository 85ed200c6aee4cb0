"""What every Store must do, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgebench.contracts import Store
from edgebench.errors import StoreError
from edgebench.records import Run, Score
from edgebench.store import open_store
from tests.builders import Arm, run

Opener = Callable[[], Store]


@pytest.fixture(params=["sqlite"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the same store again and again; all are closed at the end."""
    opened: list[Store] = []

    def opens() -> Store:
        opened.append(open_store(tmp_path / "runs.db"))
        return opened[-1]

    yield opens
    for store in opened:
        store.close()


@pytest.fixture
def made() -> Run:
    return run({"small": Arm(), "large": Arm(accuracy=0.9, failure_rate=0.2)}, items=24)


def put(store: Store, made: Run, *, records: bool = True) -> None:
    """The run as a runner would store it."""
    store.begin(made.id, made.plan, made.workload, made.trials, created_at=made.created_at)
    for segment in made.segments:
        store.add_segment(made.id, replace(segment, ended_at=None, ended_why=None))
    for identity in made.identities.values():
        store.set_identity(made.id, identity)
    if records:
        store.append(made.id, made.records)
        store.add_readings(made.id, made.readings)
        store.add_scores(made.id, made.scores)


def end(store: Store, made: Run, why: str = "complete") -> None:
    for segment in made.segments:
        store.end_segment(segment.id, ended_at=str(segment.ended_at), why=why, not_issued={})


def test_a_run_comes_back_as_it_was(opener: Opener, made: Run) -> None:
    """What was stored is loaded as the same frozen nouns, by another opening of the store too."""
    store = opener()
    put(store, made)
    end(store, made)
    assert store.load(made.id) == made
    assert opener().load(made.id) == made


def test_digests_come_back_as_they_were(opener: Opener, made: Run) -> None:
    """Plan, workload and items keep their digests, so that runs pair."""
    store = opener()
    put(store, made)
    again = store.load(made.id)
    assert (again.plan.digest, again.workload.digest) == (made.plan.digest, made.workload.digest)
    assert [i.digest for i in again.workload.items] == [i.digest for i in made.workload.items]


def test_equal_requests_are_one_object_after_loading(opener: Opener, made: Run) -> None:
    """Two arms asked the same: loaded, they share it."""
    store = opener()
    put(store, made)
    requests = [call.request for record in store.load(made.id).records for call in record.calls]
    assert len({id(request) for request in requests}) == len(made.workload.items) < len(requests)


def test_done_names_the_records_that_exist(opener: Opener, made: Run) -> None:
    store = opener()
    put(store, made, records=False)
    assert store.done(made.id) == set()
    store.append(made.id, made.records[:5])
    assert opener().done(made.id) == {record.id for record in made.records[:5]}


def test_a_record_cannot_be_stored_twice(opener: Opener, made: Run) -> None:
    """A duplicate is refused, and nothing that came with it is kept."""
    store = opener()
    put(store, made, records=False)
    store.append(made.id, made.records[:3])
    with pytest.raises(StoreError, match="already"):
        store.append(made.id, [made.records[4], made.records[2]])
    assert store.done(made.id) == {record.id for record in made.records[:3]}
    store.append(made.id, [made.records[4]])
    assert store.load(made.id).records == (*made.records[:3], made.records[4])


def test_a_run_cannot_begin_twice(opener: Opener, made: Run) -> None:
    store = opener()
    put(store, made)
    with pytest.raises(StoreError, match="already"):
        store.begin(made.id, made.plan, made.workload, made.trials, created_at=made.created_at)


def test_an_unknown_run_is_one_sentence(opener: Opener, made: Run) -> None:
    """Every verb says so, none makes it up."""
    store = opener()
    put(store, replace(made, id="abcdef01"))
    for verb in (store.load, store.done, store.delete, lambda name: store.append(name, made.records)):
        with pytest.raises(StoreError, match="no run 'abcdef02'") as caught:
            verb("abcdef02")
        assert "abcdef01" in str(caught.value.hint)


def test_find_gives_the_newest_unfinished_run_of_the_experiment(opener: Opener, made: Run) -> None:
    """Same plan and same items; not what is complete, not another plan's."""
    store = opener()
    plan, job = made.plan.digest, made.workload.digest
    assert store.find(plan, job) is None
    put(store, replace(made, id="one"), records=False)
    assert store.find(plan, job) == "one"
    end(store, made)
    assert store.find(plan, job) is None
    put(store, replace(made, id="two"), records=False)
    end(store, made, why="interrupted")
    put(store, replace(made, id="three"), records=False)
    assert store.find(plan, job) == "three"
    assert store.find(plan, "other") is None
    assert store.find("other", job) is None


def test_a_run_resumes_in_a_second_segment(opener: Opener, made: Run) -> None:
    """The first start was killed; the second adds what is missing, and both are kept."""
    first = opener()
    put(first, made, records=False)
    first.append(made.id, made.records[:7])
    store = opener()
    second = replace(made.segments[0], id="s2", number=2, ended_at=None, ended_why=None)
    store.add_segment(made.id, second)
    left = [replace(r, segment_id="s2") for r in made.records if r.id not in store.done(made.id)]
    store.append(made.id, left)
    store.end_segment("s2", ended_at="2026-11-21T13:00:00Z", why="budget", not_issued={"budget": 3})
    loaded = store.load(made.id)
    assert [segment.ended_why for segment in loaded.segments] == [None, "budget"]
    assert loaded.segments[1].not_issued == {"budget": 3}
    assert [record.id for record in loaded.records] == [record.id for record in made.records]


def test_a_segment_ends_once(opener: Opener, made: Run) -> None:
    store = opener()
    put(store, made, records=False)
    end(store, made)
    with pytest.raises(StoreError, match="not open"):
        end(store, made, why="failed")
    assert store.load(made.id).segments[0].ended_why == "complete"


def test_the_last_identity_of_a_target_holds(opener: Opener, made: Run) -> None:
    store = opener()
    put(store, made)
    changed = replace(made.identities["small"], engine_version="2")
    store.set_identity(made.id, changed)
    assert store.load(made.id).identities == {**made.identities, "small": changed}


def test_new_scores_are_added_and_the_last_one_counts(opener: Opener, made: Run) -> None:
    """A new version of a scorer speaks for itself; another scorer's word stays."""
    store = opener()
    put(store, made)
    again = Score(made.scores[0].record_id, "label", "2", 0.5, None, "halfway")
    other = Score(made.scores[0].record_id, "human:ann", "1", 1.0)
    store.add_scores(made.id, [again, other])
    scores = {(score.record_id, score.scorer): score for score in store.load(made.id).scores}
    assert scores[again.record_id, "label"] == again
    assert scores[again.record_id, "human:ann"] == other
    assert len(scores) == len(made.scores) + 1


def test_a_score_of_no_record_is_refused(opener: Opener, made: Run) -> None:
    store = opener()
    put(store, made)
    with pytest.raises(StoreError):
        store.add_scores(made.id, [Score("nowhere/0", "label", "1", 1.0)])


def test_runs_are_listed_newest_first_with_their_counts(opener: Opener, made: Run) -> None:
    store = opener()
    put(store, replace(made, id="old", created_at="2026-01-01T00:00:00Z"))
    end(store, made)
    put(store, replace(made, id="new", created_at="2026-02-01T00:00:00Z"), records=False)
    new, old = store.runs()
    assert (new["id"], new["records"], new["failures"], new["finished"]) == ("new", 0, 0, False)
    assert (old["id"], old["records"], old["finished"], old["segments"]) == ("old", len(made.records), True, 1)
    assert old["failures"] == sum(record.failure is not None for record in made.records) > 0
    assert old["question"] == made.plan.question
    assert old["arms"] == ("small · zero-shot", "large · zero-shot")


def test_a_deleted_run_is_gone_and_others_stay(opener: Opener, made: Run) -> None:
    store = opener()
    put(store, made)
    end(store, made)
    put(store, replace(made, id="other"))
    end(store, made)
    store.delete(made.id)
    assert [entry["id"] for entry in store.runs()] == ["other"]
    assert store.load("other") == replace(made, id="other")
    with pytest.raises(StoreError):
        store.load(made.id)


def test_a_writer_whose_run_was_deleted_is_told(opener: Opener, made: Run) -> None:
    """Another process deletes the run; the next append fails and brings nothing back."""
    store = opener()
    put(store, made, records=False)
    store.append(made.id, made.records[:2])
    other = opener()
    other.delete(made.id)
    other.begin("next", made.plan, made.workload, made.trials, created_at=made.created_at)
    with pytest.raises(StoreError):
        store.append(made.id, made.records[2:4])
    assert other.done("next") == set()
