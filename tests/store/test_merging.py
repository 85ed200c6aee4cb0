"""The same items on several machines become one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from edgebench.errors import StoreError
from edgebench.records import ModelCard, Run
from edgebench.store import open_store
from edgebench.store.interchange import import_bundle, merge, write_bundle
from tests.builders import Arm, run, workload


def machine(run_id: str, device: str, arms: tuple[str, ...] = ("small", "api"), items: int = 12, seed: int = 1) -> Run:
    made = run({name: Arm() for name in arms}, items=items, run_id=run_id, seed=seed)
    devices: Mapping[str, str] = {"api": "api.example.com"}
    identities = {name: replace(i, device=devices.get(name, device)) for name, i in made.identities.items()}
    return replace(made, identities=identities)


PI = machine("aaaa", "Raspberry Pi 5 · 4 cores · 8 GiB")
LAPTOP = machine("bbbb", "AMD Ryzen · 8 cores · 32 GiB", seed=2)


def test_items_pair_across_machines_and_the_device_names_the_target() -> None:
    """Every item has every machine's answer; targets of one name are told apart by where they ran."""
    merged = merge([PI, LAPTOP])
    assert list(merged.plan.targets) == [
        "small @ Raspberry Pi 5, 4 cores, 8 GiB",
        "api @ api.example.com #aaaa",
        "small @ AMD Ryzen, 8 cores, 32 GiB",
        "api @ api.example.com #bbbb",
    ]
    assert set(merged.identities) == set(merged.plan.targets)
    assert all(name == identity.name for name, identity in merged.identities.items())
    assert merged.identities["small @ AMD Ryzen, 8 cores, 32 GiB"].device == "AMD Ryzen · 8 cores · 32 GiB"
    assert set(Counter(record.item_digest for record in merged.records).values()) == {4}
    assert {trial.arm for trial in merged.trials} == {f"{name} · zero-shot" for name in merged.plan.targets}
    assert {trial.target for trial in merged.trials} == set(merged.plan.targets)


def test_names_that_do_not_collide_stay() -> None:
    merged = merge([machine("aaaa", "Pi", ("small",)), machine("bbbb", "Laptop", ("large",))])
    assert list(merged.plan.targets) == ["small", "large"]


def test_the_same_target_twice_on_one_machine_stays_two() -> None:
    """Two runs of one thing on one device are two arms, not one that is twice as long."""
    merged = merge([machine("aaaa", "Pi", ("small",)), machine("bbbb", "Pi", ("small",), seed=2)])
    assert list(merged.plan.targets) == ["small @ Pi #aaaa", "small @ Pi #bbbb"]


def test_clocks_stay_apart_and_everything_still_belongs_together() -> None:
    """No stamp is touched; ids are unique, and every reference points into its own run."""
    merged = merge([PI, LAPTOP])
    trials, segments = {t.id for t in merged.trials}, {s.id: s for s in merged.segments}
    records = {record.id for record in merged.records}
    assert len(trials) == len(merged.trials) == len(PI.trials) + len(LAPTOP.trials)
    assert len(records) == len(merged.records) == len(PI.records) + len(LAPTOP.records)
    assert set(segments) == {"aaaa:s1", "bbbb:s1"}
    assert [segment.number for segment in merged.segments] == [1, 2]
    for record in merged.records:
        assert record.trial_id in trials
        assert record.segment_id == f"{record.id.partition(':')[0]}:s1"
        assert record.id == f"{record.trial_id}/{record.index}"
    assert [r.calls for r in merged.records] == [r.calls for r in (*PI.records, *LAPTOP.records)]
    assert {reading.trial_id for reading in merged.readings} <= trials
    assert {score.record_id for score in merged.scores} <= records
    assert len(merged.scores) == len(PI.scores) + len(LAPTOP.scores)
    orders = [trial.order for trial in merged.trials]
    assert orders == sorted(set(orders))


def test_notes_say_what_was_merged_and_in_what_plans_differ() -> None:
    other = replace(LAPTOP, plan=replace(LAPTOP.plan, blocks=2), notes=("warm room",))
    notes = merge([PI, other]).notes
    assert "merged from run aaaa of 2026-11-21T12:00:00Z (Raspberry Pi 5 · 4 cores · 8 GiB; api.example.com)" in notes
    assert "the plans of aaaa and bbbb differ in: blocks" in notes
    assert "run bbbb: warm room" in notes


def test_different_item_sets_are_refused_with_their_overlap() -> None:
    """Only this is refused: other targets, other prompts, other machines are the point."""
    with pytest.raises(StoreError, match="different item sets: 12 of 20 items in common"):
        merge([PI, machine("cccc", "Pi", items=20)])


def test_the_order_of_items_does_not_matter() -> None:
    job = workload(12)
    shuffled = replace(LAPTOP, workload=replace(job, items=job.items[::-1]))
    assert len(merge([PI, shuffled]).records) == len(PI.records) * 2


def test_the_same_run_twice_is_refused() -> None:
    with pytest.raises(StoreError, match="run aaaa is named 2 times"):
        merge([PI, LAPTOP, PI])


def test_one_run_stays_as_it_is_and_none_is_refused() -> None:
    assert merge([PI]) is PI
    with pytest.raises(StoreError, match="no run"):
        merge([])


def test_texts_come_from_a_run_that_kept_them() -> None:
    """One machine hashed its texts, another kept them: the merged workload is readable."""
    hashed = replace(PI, plan=replace(PI.plan, texts="hash"), workload=replace(PI.workload, name="hashed"))
    assert merge([hashed, LAPTOP]).workload.name == "made-up"


def test_cards_of_one_name_that_differ_are_both_kept() -> None:
    one, two = (ModelCard(name="m", title=title, kind="fake", files={}) for title in ("one", "two"))
    same = merge([replace(PI, cards={"m": one}), replace(LAPTOP, cards={"m": one})])
    assert same.cards == {"m": one}
    both = merge([replace(PI, cards={"m": one}), replace(LAPTOP, cards={"m": two})])
    assert both.cards == {"m": one, "m #bbbb": two}


def test_a_merged_run_can_be_kept_and_sent_on(tmp_path: Path) -> None:
    """It is a run like any other: stored, loaded, bundled."""
    merged = merge([PI, LAPTOP])
    write_bundle(merged, [(score, "x") for score in merged.scores], tmp_path / "m.zip")
    with open_store(tmp_path / "runs.db") as store:
        assert store.load(import_bundle(store, tmp_path / "m.zip")) == merged


def test_merging_gives_the_same_id_in_any_order() -> None:
    assert merge([PI, LAPTOP]).id == merge([LAPTOP, PI]).id
