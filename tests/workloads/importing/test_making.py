"""From logs to a frozen set: redacted, without near-duplicates, stratified, the same every time, and ready to run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edgebench.errors import DataError, UsageError
from edgebench.records import Columns, Seeds, Workload, WorkloadSpec
from edgebench.redacting import MEASURED, claim
from edgebench.workloads import importing, load
from edgebench.workloads.importing import making
from edgebench.workloads.importing.making import Made, Wanted
from edgebench.workloads.importing.vectors import Array
from tests.workloads.importing.written import LOGS, THINGS, chat, lines, put, tickets


def make(
    folder: Path, content: list[dict[str, Any]] | str, **wanted: Any
) -> tuple[Made, dict[str, Any], list[dict[str, Any]]]:
    log, out = folder / "log.jsonl", folder / "tickets.jsonl"
    log.write_text(content if isinstance(content, str) else lines(content), encoding="utf-8")
    made = importing.make([log], Wanted(**wanted))
    sheet = importing.written(made, out, today="2026-11-29", force=True)
    return made, sheet, [json.loads(row) for row in out.read_text(encoding="utf-8").splitlines()]


def loaded(folder: Path, sheet: dict[str, Any]) -> Workload:
    """The set by nothing but the columns of its sheet."""
    columns = Columns(**{**sheet["columns"], "tags": tuple(sheet["columns"]["tags"])})
    return load(WorkloadSpec(file=sheet["file"], columns=columns), folder=folder, seeds=Seeds())


def test_a_set_loads_as_a_workload_with_its_digest(tmp_path: Path) -> None:
    """By the columns of the sheet alone: references as labels, tags for slices, and the digest that was written."""
    _, sheet, items = make(tmp_path, tickets(), items=40)
    workload = loaded(tmp_path, sheet)
    assert workload.digest == sheet["digest"]
    assert len(workload.items) == len(items) == 40
    assert set(workload.task.choices) == {item["reference"] for item in items}
    assert set(workload.items[0].tags) == {"channel", "kind", "seen"}
    assert [item.id for item in workload.items] == [item["id"] for item in items]
    assert yaml.safe_load((tmp_path / "tickets.yaml").read_text(encoding="utf-8")) == sheet


@pytest.mark.parametrize("name", LOGS)
def test_every_kind_of_log_becomes_a_set_that_loads(tmp_path: Path, name: str) -> None:
    """Whatever it was read from."""
    made = importing.make([put(tmp_path, name)], Wanted(keep_texts=True))
    sheet = importing.written(made, tmp_path / "tickets.jsonl", today="2026-11-29")
    workload = loaded(tmp_path, sheet)
    assert (len(workload.items), workload.digest) == (3, sheet["digest"])
    assert all(item.reference is not None for item in workload.items) is LOGS[name][2]


def test_the_same_log_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    """Items and sheet; another seed draws others."""
    written = []
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        make(tmp_path / run, tickets(), items=30)
        written.append([(tmp_path / run / name).read_bytes() for name in ("tickets.jsonl", "tickets.yaml")])
    assert written[0] == written[1]
    (tmp_path / "c").mkdir()
    make(tmp_path / "c", tickets(), items=30, seed=2)
    assert (tmp_path / "c" / "tickets.jsonl").read_bytes() != written[0][0]


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """Neither the items nor the sheet, unless told; the file must be JSON lines in a folder that exists."""
    made, _, _ = make(tmp_path, tickets(30))
    out = tmp_path / "tickets.jsonl"
    with pytest.raises(UsageError, match="stays as it is"):
        importing.written(made, out, today="2026-11-29")
    out.unlink()
    with pytest.raises(UsageError, match=r"tickets\.yaml is there already"):
        importing.written(made, out, today="2026-11-29")
    importing.written(made, out, today="2026-11-29", force=True)
    for wrong in (tmp_path / "tickets.csv", tmp_path / "no" / "tickets.jsonl"):
        with pytest.raises(UsageError):
            importing.written(made, wrong, today="2026-11-29")
    assert not list(tmp_path.glob("*.part"))


# --------------------------------------------------------------------------------------------------- duplicates


def test_near_duplicates_stand_behind_one_that_remembers_them(tmp_path: Path) -> None:
    """The first is kept with how many it stands for; numbers and case do not make a message another one."""
    texts = ["Where is order 12?", "where is order 99?", "WHERE IS ORDER 7?", "the lamp is broken"]
    made, sheet, items = make(
        tmp_path, [{"message": text, "label": "x" if n < 3 else "y"} for n, text in enumerate(texts)]
    )
    assert [(item["input"], item["weight"], item["tags"]["seen"]) for item in items] == [
        ("Where is order 12?", 3, "2 to 9 times"), ("the lamp is broken", 1, "once")]  # fmt: skip
    assert sheet["counts"]["near_duplicates_dropped"] == made.near_duplicates == 2
    assert [item["from"] for item in items] == ["log.jsonl:1", "log.jsonl:4"]


def test_messages_that_only_differ_by_who_wrote_them_are_one(tmp_path: Path) -> None:
    """Redaction comes first, so nothing is twice in the set that a loader would then refuse."""
    names = ("Anna Kowalska", "Priya Sharma", "John Miller")
    _, sheet, items = make(tmp_path, [{"message": f"My name is {name} and it is late", "label": "a"} for name in names])
    assert [(item["input"], item["weight"]) for item in items] == [("My name is [name] and it is late", 3)]
    assert loaded(tmp_path, sheet).digest == sheet["digest"]


def test_references_that_disagree_go_by_the_majority_or_are_left_out(tmp_path: Path) -> None:
    """The same message with different labels: the commoner one; of a draw nobody knows, and it is counted."""
    texts = [
        ("where is it", "a"),
        ("where is it", "b"),
        ("Where is it", "a"),
        ("it is broken", "a"),
        ("it is broken", "b"),
    ]
    made, _, items = make(tmp_path, [{"message": text, "label": label} for text, label in texts])
    assert [item["reference"] for item in items] == ["a", None]
    assert made.disagreeing == 1


# --------------------------------------------------------------------------------------------------- redaction


def test_no_personal_word_reaches_the_set(tmp_path: Path) -> None:
    """Neither in questions, in what came before, in free references, in tags, in examples of the sheet nor in names."""
    secret = "I am Rosa Gomez, rosa@example.com, +44 20 7946 0958"
    talk = [
        *chat("and now?", (("user", secret), ("assistant", "Thank you, Rosa Gomez."))),
        {"role": "assistant", "content": "ok"},
    ]
    content = [{"messages": talk, "topic": topic} for topic in ("a", "b", "rosa@example.com", "b", "a", "b", "a", "b")]
    made, sheet, _ = make(tmp_path, content)
    everything = (tmp_path / "tickets.jsonl").read_text() + (tmp_path / "tickets.yaml").read_text()
    assert "rosa" not in everything.lower()
    assert "gomez" not in everything.lower()
    assert "7946" not in everything
    assert made.marks["e-mail"] >= 1
    assert {"phone", "name"} <= set(made.marks)
    assert sheet["redaction"]["says"] == claim()
    assert sheet["redaction"]["recall_on_our_test_set"]["name"] == f"{MEASURED['name'][0]}/{MEASURED['name'][1]}"
    assert "anonym" not in everything.lower()


def test_labels_stay_and_free_references_are_redacted(tmp_path: Path) -> None:
    """A queue called after a person is the author's word; an ideal answer may hold a customer's name."""
    labels = [{"message": f"a message about {word} things", "label": "Anna Berg" if n % 2 else "other"}
              for n, word in enumerate(("blue", "heavy", "missing", "broken"))]  # fmt: skip
    assert {item["reference"] for item in make(tmp_path, labels)[2]} == {"Anna Berg", "other"}
    free = [{"message": f"who sent the {word} thing?", "ideal": f"Anna Berg, because of the {word} thing"}
            for word in ("blue", "heavy", "missing", "broken")]  # fmt: skip
    assert all(item["reference"].startswith("[name],") for item in make(tmp_path, free)[2])


def test_texts_are_kept_when_told_and_it_is_said(tmp_path: Path) -> None:
    _, sheet, items = make(tmp_path, [{"message": "I am Rosa Gomez, where is it?"}] * 2, keep_texts=True)
    assert items[0]["input"] == "I am Rosa Gomez, where is it?"
    assert sheet["redaction"] == {"done": False, "why": "--keep-texts"}


def test_names_of_ones_own_are_replaced_too(tmp_path: Path) -> None:
    own = frozenset({"Zyx Quorl"})
    assert (
        make(tmp_path, [{"message": "zyx quorl has my parcel"}], own_names=own)[2][0]["input"] == "[name] has my parcel"
    )


# --------------------------------------------------------------------------------------------------- strata


def test_rare_kinds_are_represented(tmp_path: Path) -> None:
    """By a tag: two of each at least, the square root of the size beyond; the sheet says how many there are of each."""
    made, sheet, items = make(tmp_path, tickets(400), items=40, by="reference")
    counted = Counter(item["tags"]["kind"] for item in items)
    assert len(counted) == 4
    assert min(counted.values()) >= 2
    assert counted == {one["kind"]: one["items"] for one in sheet["strata"]["each"]}
    assert sum(one["messages"] for one in sheet["strata"]["each"]) == 400
    assert sum(one.items for one in made.strata) == 40


def test_a_tag_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no message has the tag 'chanel'") as caught:
        make(tmp_path, tickets(50), by="chanel")
    assert "channel" in (caught.value.hint or "")


def test_a_model_groups_by_what_it_is_told_to_mean(tmp_path: Path) -> None:
    """The embedding is given from outside; of a large log it sees a sample, which is then what is drawn from."""
    asked: list[int] = []

    def embed(texts: Sequence[str]) -> Array:
        asked.append(len(texts))
        return np.array([[1.0, 0.0] if "parcel" in text else [0.0, 1.0] for text in texts], np.float32)

    log = tmp_path / "log.jsonl"
    log.write_text(lines(tickets(120)))
    made = importing.make([log], Wanted(items=20, model="meaning"), embed=embed)
    assert asked == [made.different]
    assert made.method.endswith("embeddings of meaning")
    kinds = {one.stratum: {"parcel" in one.case.found.asked} for one in made.chosen}
    assert all(len(which) == 1 for which in kinds.values())


def test_of_a_log_too_large_to_embed_a_sample_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "MOST_EMBEDDED", 30)
    log = tmp_path / "log.jsonl"
    log.write_text(lines(tickets(120)))
    made = importing.make([log], Wanted(items=20), embed=lambda texts: np.eye(len(texts), 8, dtype=np.float32))
    assert (made.grouped, made.different > 30, len(made.chosen)) == (30, True, 20)


def test_a_log_smaller_than_the_set_is_taken_whole(tmp_path: Path) -> None:
    made, sheet, items = make(tmp_path, tickets(30))
    assert len(items) == made.different
    assert (sheet["coverage"]["share_of_messages"], sheet["coverage"]["uniform_sample_of_as_many"]) == (1.0, None)


# --------------------------------------------------------------------------------------------------- conversations


def test_turns_of_one_conversation_share_a_cluster(tmp_path: Path) -> None:
    """So that intervals do not take them for independent; a conversation with one item has none."""
    long = [message for n in range(3) for message in (
        {"role": "user", "content": f"question {'abc'[n]} about my {THINGS[n]}"},
        {"role": "assistant", "content": "Yes."})]  # fmt: skip
    short = [*chat("something else entirely"), {"role": "assistant", "content": "No."}]
    _, sheet, items = make(tmp_path, [{"messages": long}, {"messages": short}])
    assert [item["cluster"] for item in items] == ["conversation-1"] * 3 + [None]
    assert [type(item["input"]).__name__ for item in items] == ["str", "list", "list", "str"]
    assert loaded(tmp_path, sheet).items[1].text == "question b about my monthly box"


def test_an_instruction_that_all_share_is_told_once(tmp_path: Path) -> None:
    """The system message of production is the job's: it stands in the sheet, redacted, and not in every item."""
    content = [{"messages": [{"role": "system", "content": "You sort mail for Anna Berg."},
                             *chat(f"what about the {thing}?"),
                             {"role": "assistant", "content": "x"}]} for thing in THINGS]  # fmt: skip
    _, sheet, items = make(tmp_path, content)
    assert sheet["instruction_of_the_log"] == "You sort mail for [name]."
    assert all(isinstance(item["input"], str) for item in items)


# --------------------------------------------------------------------------------------------------- one task


def test_choices_for_some_are_written_into_the_questions(tmp_path: Path) -> None:
    """One file is one task: choices for all items stay choices, for some of them they become text."""
    content = [
        {"input": f"Which way, {n}?", "target": "A", "choices": ["left", "right"]}
        for n in ("first", "or second", "lastly")
    ]
    _, sheet, _ = make(tmp_path, content)
    assert loaded(tmp_path, sheet).task.choices == ("left", "right")
    _, sheet, items = make(tmp_path, [*content, {"input": "And why is that so?", "target": "because"}])
    assert "choices" not in sheet["columns"]
    assert items[0]["input"].endswith("A) left\nB) right")


def test_a_reference_that_never_changes_is_left_out(tmp_path: Path) -> None:
    """It tells no two answers apart, and a choice of one label is none."""
    _, sheet, items = make(tmp_path, [{"message": f"about the {thing}", "label": "en"} for thing in THINGS])
    assert all(item["reference"] is None for item in items)
    assert any("tells no two answers apart" in note for note in sheet["notes"])
    assert loaded(tmp_path, sheet).digest == sheet["digest"]


def test_fewer_than_one_item_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="measures nothing"):
        make(tmp_path, tickets(10), items=0)
