"""Cells in which another answer is right, from the plan through run and scores to what is concluded and shown."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgebench.decide.conclude import conclude
from edgebench.plan import arms
from edgebench.records import (
    Answer,
    FieldStudy,
    Gap,
    Item,
    JudgeSpec,
    Plan,
    Run,
    StakesSpec,
    TargetSpec,
    VarySpec,
    WorkloadSpec,
)
from edgebench.report import noise_costs
from edgebench.report.cells import studied
from edgebench.report.failed_items import UNKNOWN, examples
from edgebench.report.looks import looks
from edgebench.report.page import render
from edgebench.run.execute import execute
from edgebench.run.scoring import NOT_TOLD, judgements, scorers
from edgebench.store import open_store
from edgebench.store.interchange import export_csv
from edgebench.workloads.perturbations import as_asked, build

ITEMS = 24
ENGLISH, AFRICAN = ({"signed": {"group": group}} for group in ("english", "west-african"))


def plan(job: str, *perturbations: object, **fields: object) -> Plan:
    known = {
        "question": "Does it read?",
        "workload": WorkloadSpec(builtin=job, items=ITEMS),
        "targets": {"reads": TargetSpec(kind="fake", options={"latency_ms": 1.0})},
        "blocks": 1,
        "vary": VarySpec(perturbations=perturbations),  # type: ignore[arg-type]
    }
    return Plan(**{**known, **fields})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One target that is always right, on invoices with other numbers, signed by people of two groups, and judged."""
    targets = {name: TargetSpec(kind="fake", options={"latency_ms": 1.0}) for name in ("reads", "judge")}
    made = plan("invoice-extraction", "other-values", ENGLISH, AFRICAN, targets=targets,
                judges={"strict": JudgeSpec("judge")})  # fmt: skip
    with open_store(tmp_path_factory.mktemp("directed") / "runs.db") as store:
        yield store.load(execute(made, store=store, certify=False).run_id)


def in_cell(run: Run, perturbation: str, target: str = "reads") -> set[str]:
    """The trials of a cell."""
    return {one.id for one in run.trials if (one.target, one.perturbation, one.judges) == (target, perturbation, "")}


def reciting(run: Run) -> Run:
    """The same run of somebody who does not read: with other values it says what was right of the item as it is."""
    turned, known = in_cell(run, "other-values"), {item.digest: item.reference for item in run.workload.items}
    records = tuple(
        replace(one, answer=Answer(json.dumps(known[one.item_digest]))) if one.trial_id in turned else one
        for one in run.records
    )
    bare = replace(run, records=records, scores=())
    return replace(bare, scores=tuple(judgements(bare, scorers(bare.workload), {})))


def study(run: Run) -> FieldStudy:
    found = conclude(run, draws=200).study
    assert found is not None
    return found


def turned(found: FieldStudy) -> Gap:
    return next(gap for gap in found.gaps if gap.target == "reads" and gap.test_type == "DIR")


def changed(run: Run) -> list[Item]:
    form = build("other-values")
    return [one for one in run.workload.items if form(one, run.plan.seeds.perturbations).text != one.text]


def test_who_reads_follows_and_who_recites_does_not(run: Run) -> None:
    """Right is the new value: of the changed items all are followed or none, and answers that changed are no fault."""
    n = len(changed(run))
    follows, recites = turned(study(run)), turned(study(reciting(run)))
    assert n > ITEMS / 4 and follows.followed is not None and recites.followed is not None
    assert (follows.followed.value, follows.followed.n) == (1.0, n) and follows.flipped.value == pytest.approx(
        n / ITEMS
    )
    assert (recites.followed.value, recites.followed.n) == (0.0, n) and recites.flipped.value == 0.0
    assert follows.differences["accuracy"].difference.value == 0.0
    assert (recites.differences["accuracy"].difference.value or 0.0) < 0
    assert all(gap.followed is None for gap in study(run).gaps if gap.test_type != "DIR")
    assert any("follows in 0 %" in line and f"(n = {n})" in line for line in study(reciting(run)).findings)


def test_without_kept_words_nobody_can_tell_which_items_changed(run: Run) -> None:
    """Then what was followed is absent and says why, and so is what was right, for a scorer that comes later."""
    hashed = replace(run, plan=replace(run.plan, texts="hash"))
    assert "not kept" in str(getattr(turned(study(hashed)).followed, "why_absent", ""))
    items = tuple(replace(item, input="masked") for item in run.workload.items)
    for masked, item in zip(items, run.workload.items, strict=True):
        masked.__dict__["digest"] = item.digest
    blind = replace(run, workload=replace(run.workload, items=items), scores=())
    blind.workload.__dict__["digest"] = run.workload.digest
    cell = in_cell(run, "other-values")
    made = [one for one in judgements(blind, scorers(run.workload), {}) if one.record_id.rpartition("/")[0] in cell]
    assert made and all((one.value, one.explanation) == (None, NOT_TOLD) for one in made)


def test_what_is_shown_beside_an_answer_is_what_was_right_there(run: Run, tmp_path: Path) -> None:
    """On the page the new reference stands beside the answer; a table of all answers leaves the old one out."""
    recites = reciting(run)
    found = conclude(recites, draws=200)
    given = studied(recites.plan, found, looks(found.summary))
    assert given is not None
    shown = [one for one in examples(recites, given).shown if one.noise == "other values"]
    items = {one.id: one for one in recites.workload.items}
    assert shown
    for one in shown:
        assert one.reference == build("other-values")(items[one.item], run.plan.seeds.perturbations).reference
        assert one.reference["invoice_number"] in str(one.asked)  # type: ignore[index]
    page = render(recites, found)
    assert "should change" in page and "West African instead of English" in page
    table = noise_costs.every_change(given)
    assert table is not None and [column.name for column in table.columns][-2] == "followed"
    assert {row[0].text: row[-2].text for row in table.rows if row[1].text == "other values"}["reads"] == "0 %"
    masked = {one.digest: replace(one, input="masked") for one in recites.workload.items}
    for digest, one in masked.items():
        one.__dict__["digest"] = digest
    gone = replace(recites, workload=replace(recites.workload, items=tuple(masked.values())))
    unseen = [one for one in examples(gone, given).shown if one.noise == "other values"]
    assert {one.reference for one in unseen} == {UNKNOWN}
    export_csv(run, tmp_path / "run.csv")
    with (tmp_path / "run.csv").open(encoding="utf-8-sig", newline="") as file:
        told = [row for row in csv.DictReader(file) if row["arm"].startswith("reads") and "other-" in row["arm"]]
    assert told and {row["reference"] for row in told} == {""}


def test_a_judge_is_shown_what_was_right_there(run: Run) -> None:
    """The message as it was sent and its own reference, not those of the item."""
    trial = next(one for one in run.trials if one.judges.startswith("reads") and "other-values" in one.judges)
    items = {one.digest: one for one in changed(run)}
    seen = 0
    for record in run.records:
        if record.trial_id == trial.id and record.item_digest in items:
            item = items[record.item_digest]
            new = as_asked(item, build("other-values"), run.plan.seeds.perturbations)
            asked = str(record.calls[0].request)
            assert new is not None and new.reference["invoice_number"] in asked
            assert item.reference["invoice_number"] not in asked
            seen += 1
    assert seen == len(items)


def test_stakes_of_pairs_and_confusions_are_not_read_off_a_reference_that_is_not_right(run: Run) -> None:
    """Where stakes hang on the reference, harm is absent in such a cell and says why; elsewhere it is there."""
    pairs = StakesSpec(pairs={"a -> b": 4, "* -> c": 2})
    found = study(replace(run, plan=replace(run.plan, stakes=pairs)))
    harm = {one.arm: one.loss_per_1k for one in found.harm if one.arm.startswith("reads")}
    cell = next(one.arm for one in found.cells if one.target == "reads" and one.perturbation == "other-values")
    assert "another answer than the reference" in str(harm[cell].why_absent)
    assert [one.value is not None for arm, one in harm.items() if arm != cell] == [True] * (len(harm) - 1)
    assert any("another answer is right there" in note and "other-values" in note for note in found.notes)


def test_two_groups_are_held_against_each_other(run: Run) -> None:
    """The first named against the other, paired: every message was signed, and nothing but the names is other."""
    found = [gap for gap in study(run).gaps if gap.factor == "counterfactual" and gap.target == "reads"]
    (gap,) = found
    assert gap.a.endswith("signed(english)") and gap.b.endswith("signed(west-african)") and gap.test_type == "INV"
    assert gap.differences["accuracy"].difference.n == ITEMS and gap.flipped.value == 0.0
    assert gap.differences["accuracy"].difference.value == 0.0


def test_noise_alone_makes_the_field() -> None:
    """Neither another right answer nor anybody's name is noise, unless a plan says so."""
    made = plan("tool-calls", "other-values", ENGLISH, AFRICAN, "lower-case", "no-punctuation")
    corners = {one.corner: one.perturbation for one in arms(made) if one.corner}
    assert corners["field"] == "lower-case + no-punctuation"
    alone = replace(made, vary=VarySpec(perturbations=("other-values",)))
    assert {one.corner for one in arms(alone)} == {""}
    named = replace(made, vary=VarySpec(perturbations=("lower-case",), field=("other-values", "lower-case")))
    assert {one.perturbation for one in arms(named) if one.corner == "field"} == {"other-values + lower-case"}
