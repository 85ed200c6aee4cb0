"""Labels given by hand become scores; whatever is wrong in the file is a sentence with its row."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgebench.errors import DataError
from edgebench.run.labelling import read_labels
from tests import builders

RUN = builders.run({"a": builders.Arm(), "b": builders.Arm(accuracy=0.5)})
FIRST = RUN.records[0]


def labels(folder: Path, text: str) -> Path:
    file = folder / "anna.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_record_is_labelled_by_its_id(tmp_path: Path) -> None:
    """The person's name is the file's unless it is said."""
    file = labels(tmp_path, f"record,mode,value,note\n{FIRST.id},wrong tone,0,too curt\n")
    (score,) = read_labels(file, RUN)
    assert (score.record_id, score.scorer, score.label, score.value) == (FIRST.id, "human:anna", "wrong tone", 0.0)
    assert score.explanation == "too curt"
    assert read_labels(file, RUN, by="Ben K.")[0].scorer == "human:Ben-K."


def test_an_item_and_an_arm_name_all_their_answers(tmp_path: Path) -> None:
    """Every repetition of that item in that arm gets the label; an empty mode says it is not wrong."""
    arm = next(trial.arm for trial in RUN.trials if trial.id == FIRST.trial_id)
    item = next(one.id for one in RUN.workload.items if one.digest == FIRST.item_digest)
    (score,) = read_labels(labels(tmp_path, f"item,arm,mode\n{item},{arm},\n"), RUN)
    assert (score.record_id, score.label, score.value) == (FIRST.id, None, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("record,kind\nx,y\n", "columns are record, kind"),
        ("record,mode\nnope,wrong\n", "row 2: the run has no record 'nope'"),
        ("item,arm,mode\ni0,zzz,wrong\n", "row 2: no answer of 'zzz'"),
        (f"record,mode\n{FIRST.id},a\n{FIRST.id},b\n", "row 3"),
        (f"record,mode,value\n{FIRST.id},a,7\n", "row 2: value '7'"),
        ("record,mode\n", "holds no label"),
    ],
)
def test_mistakes_name_their_row(tmp_path: Path, text: str, words: str) -> None:
    """One sentence, and what the file should look like."""
    with pytest.raises(DataError) as caught:
        read_labels(labels(tmp_path, text), RUN)
    assert words in str(caught.value)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["record", "mode", "value", "item", "arm"]), st.text(max_size=12)), max_size=4
    )
)
def test_any_table_is_labels_or_a_sentence(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    """No table of texts gives another exception."""
    file = tmp_path / "any.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with contextlib.suppress(DataError):
        read_labels(file, RUN)
