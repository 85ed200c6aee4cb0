"""JSONL is faithful; CSV is safe to open."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.records import Answer, Record, Run
from edgebench.store.codec import decode
from edgebench.store.interchange import disarmed, export_csv, export_jsonl
from tests.builders import Arm, run


@pytest.fixture
def made() -> Run:
    return run({"small": Arm(), "large": Arm(failure_rate=0.4)}, items=12)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_jsonl_holds_every_record_as_it_was(tmp_path: Path, made: Run) -> None:
    """Each line stands alone: arm, item with its digest, the record with every stamp, its scores."""
    export_jsonl(made, tmp_path / "run.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert tuple(decode(Record, line["record"]) for line in lines) == made.records
    assert {line["arm"] for line in lines} == {"small · zero-shot", "large · zero-shot"}
    assert [line["item"]["digest"] for line in lines] == [record.item_digest for record in made.records]
    assert sum(len(line["scores"]) for line in lines) == len(made.scores)


def test_csv_holds_one_row_a_record_with_numbers_as_numbers(tmp_path: Path, made: Run) -> None:
    """Durations are milliseconds after ``due``; what is absent is an empty cell."""
    export_csv(made, tmp_path / "run.csv")
    table = rows(tmp_path / "run.csv")
    assert len(table) == len(made.records)
    for row, record in zip(table, made.records, strict=True):
        assert row["item_digest"] == record.item_digest
        assert float(row["sent_ms_after_due"]) == 0.05
        if record.done_ns is None:
            assert (row["done_ms_after_due"], row["answer"], row["output_tokens"]) == ("", "", "")
            assert row["failure"] == "timeout"
            assert row["score.label"] == ""
        else:
            assert float(row["done_ms_after_due"]) == (record.done_ns - record.due_ns) / 1e6
            assert (row["output_tokens"], row["failure"]) == ("3", "")
            assert row["score.label"] in ("0.0", "1.0")
        assert row["tag.tone"] in ("calm", "angry")
    raw = (tmp_path / "run.csv").read_text(encoding="utf-8-sig")
    assert '"3"' not in raw.splitlines()[1], "numbers are not quoted"


ATTACKS = (
    "=1+1",
    "+1",
    "-1+2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    '"=1"',
    "'=1",
    "“=1”",
    "\u00a0=1",
    "＝1+1",
    "=cmd|'/C calc'!A0",
    '=HYPERLINK("http://x.example","click")',
    '=DDE("cmd";"/C calc";"x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "hello;=cmd|'/C calc'!A0",
    'hello\n"=1+1',
    "hello\t+1",
    "a;;-1",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_cell_can_become_a_formula(tmp_path: Path, made: Run, attack: str) -> None:
    """In inputs, answers, tags, references and even headers: at the start, after quotes, after another separator."""
    item = replace(made.workload.items[0], input=attack, reference=attack, tags={attack: attack, "tone": "calm"})
    record = next(r for r in made.records if r.item_digest == made.workload.items[0].digest)
    hostile = replace(record, item_digest=item.digest, answer=Answer(attack))
    job = replace(made.workload, items=(item, *made.workload.items[1:]))
    export_csv(replace(made, workload=job, records=(hostile,)), tmp_path / "run.csv")
    (row,) = rows(tmp_path / "run.csv")
    for cell in (*row, *row.values()):
        for delimiter in (";", "\t", "\n", "\r"):
            for piece in cell.split(delimiter):
                assert piece.strip(' "“”\u00a0')[:1] not in tuple("=+-@＝"), cell
        assert cell[:1] not in ("\t", "\r", "\n"), cell
    assert row["answer"].replace("'", "") == attack.replace("'", "")


@given(st.text(st.sampled_from("=+-@;\t\r\n '\"a1"), max_size=20))
def test_disarming_only_adds_apostrophes(text: str) -> None:
    """No character of the text is lost, and what was harmless is untouched."""
    safe = disarmed(text)
    assert safe.replace("'", "") == text.replace("'", "")
    assert safe == text or any(sign in text for sign in "=+-@\t\r\n")
    assert safe[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")


def test_text_of_any_kind_can_be_exported(tmp_path: Path, made: Run) -> None:
    """Half characters and NULs, as models say them, end neither export."""
    odd = tuple(replace(r, answer=Answer("\ud83d \x00 é 🙂")) for r in made.records)
    export_csv(replace(made, records=odd), tmp_path / "run.csv")
    export_jsonl(replace(made, records=odd), tmp_path / "run.jsonl")
    assert "é 🙂" in (tmp_path / "run.csv").read_text(encoding="utf-8-sig")
