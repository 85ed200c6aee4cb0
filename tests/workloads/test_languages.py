"""A job in several languages: parallel cases of the built-in one, tagged rows of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from edgebench.errors import DataError
from edgebench.records import Columns, Seeds, Workload, WorkloadSpec
from edgebench.workloads import builtin, load
from tests.workloads.alike import too_alike

JOB = builtin.read("support-triage")
LANGUAGES = ("es", "hi", "sw", "bn", "pcm", "sco", "hi-en", "es-en")
ENGLISH = {row["id"]: row for row in map(json.loads, JOB.rows.read_text(encoding="utf-8").splitlines())}


def rows(language: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in JOB.parallel[language].read_text(encoding="utf-8").splitlines()]


def loaded(folder: Path = Path(), **spec: object) -> Workload:
    return load(WorkloadSpec(**spec), folder=folder, seeds=Seeds())  # type: ignore[arg-type]


def test_the_built_in_job_speaks_eight_other_languages() -> None:
    """Four languages, two dialects, two code-mixes; the sheet says of each whose it is, and that nobody reviewed it."""
    assert set(JOB.parallel) == set(LANGUAGES) == set(JOB.extra["languages"])
    assert "NOT reviewed by native speakers" in JOB.provenance["other_languages"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_parallel_items_are_versions_of_english_cases(language: str) -> None:
    """At least 60, each with the label, topics and stakes of its English case, in words of its own."""
    found = rows(language)
    assert len(found) >= 60
    assert {row["id"] for row in found} == {f"{row['parallel']}-{language}" for row in found}
    for row in found:
        english = ENGLISH[str(row["parallel"])]
        assert (row["reference"], row["stakes"]) == (english["reference"], english["stakes"])
        assert row["tags"]["topics"] == english["tags"]["topics"]  # type: ignore[index]
        assert row["tags"]["language"] == language and row["input"] != english["input"]  # type: ignore[index]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_messages_of_a_language_are_near_duplicates(language: str) -> None:
    """Nobody filled in a template: neither within the language nor against English."""
    own = [str(row["input"]) for row in rows(language)]
    assert too_alike(own) == []
    assert [
        pair for pair in too_alike([*own, *(str(row["input"]) for row in ENGLISH.values())]) if pair[0] in own
    ] == []


@pytest.mark.parametrize(
    ("language", "low", "high"), [("hi", 0x900, 0x97F), ("bn", 0x980, 0x9FF)], ids=["Devanagari", "Bengali"]
)
def test_messages_are_in_their_script(language: str, low: int, high: int) -> None:
    """Most letters of every message are of the language's own script."""
    for row in rows(language):
        letters = [ord(sign) for sign in str(row["input"]) if sign.isalpha()]
        assert sum(low <= letter <= high for letter in letters) >= 0.5 * len(letters), row["id"]


def test_a_subset_is_drawn_from_the_cases_all_languages_have() -> None:
    """As many cases as asked for, the same in each language, and paired by their cluster."""
    job = loaded(builtin="support-triage", items=30, languages=("es", "pcm"))
    by = {name: {i.cluster for i in job.items if i.tags["language"] == name} for name in ("en", "es", "pcm")}
    assert len(job.items) == 90 and by["en"] == by["es"] == by["pcm"]


def test_more_items_than_parallel_cases_are_filled_up_with_english_ones() -> None:
    """All 60 parallel cases are among them, so that nothing that could be paired is lost."""
    job = loaded(builtin="support-triage", items=100, languages=("hi",))
    english = [item for item in job.items if item.tags["language"] == "en"]
    hindi = [item for item in job.items if item.tags["language"] == "hi"]
    assert (len(english), len(hindi)) == (100, 60)
    assert {item.cluster for item in hindi} <= {item.cluster for item in english}


def test_a_job_can_be_asked_in_another_language_alone() -> None:
    """``language: sw`` asks the Swahili cases, with the labels as they are."""
    job = loaded(builtin="support-triage", language="sw", items=12)
    assert {item.tags["language"] for item in job.items} == {"sw"} and len(job.items) == 12
    assert len(job.task.choices) == 12


def test_an_unknown_language_is_named_with_those_there_are() -> None:
    """The nearest one, or all of them."""
    with pytest.raises(DataError) as caught:
        loaded(builtin="support-triage", languages=("xx",))
    assert "'xx'" in str(caught.value) and "pcm" in (caught.value.hint or "")


def test_a_file_tells_its_languages_by_a_tag(tmp_path: Path) -> None:
    """Rows of one cluster are one case; a language nobody speaks there, or an own one not named, is refused."""
    lines = [
        {"input": f"{word} {k}", "reference": ("a", "b")[k % 2], "language": language, "case": f"c{k}"}
        for k in range(6)
        for language, word in (("en", "hello"), ("de", "hallo"))
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    columns = Columns(reference="reference", tags=("language",), cluster="case")
    spec = {"file": "x.jsonl", "columns": columns, "items": 4}
    job = loaded(tmp_path, **spec, language="en", languages=("de",))
    assert [item.tags["language"] for item in job.items].count("de") == 4
    assert {i.cluster for i in job.items if i.tags["language"] == "de"} == {
        i.cluster for i in job.items if i.tags["language"] == "en"
    }
    for wrong in ({"languages": ("de",)}, {"language": "en", "languages": ("fr",)}):
        with pytest.raises(DataError):
            loaded(tmp_path, **spec, **wrong)


@pytest.mark.parametrize("name", builtin.names())
def test_every_job_has_other_wordings_of_its_instruction(name: str) -> None:
    """At least four, all different, so that prompt sensitivity can be measured on every job."""
    sheet = yaml.safe_load((builtin.SHIPPED / f"{name}.yaml").read_text(encoding="utf-8"))
    wordings = [str(one).strip() for one in sheet["wordings"]]
    assert len(wordings) >= 4 and len({*wordings, str(sheet["instruction"]).strip()}) == len(wordings) + 1
