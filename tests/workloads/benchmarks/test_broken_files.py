"""Files that are not as published: one sentence with file and row, whatever the bytes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgebench.errors import DataError
from edgebench.records import Seeds, Workload, WorkloadSpec
from edgebench.workloads import benchmarks, load
from tests.workloads.benchmarks import published

FILES = {
    "mmlu": "test/tea_making_test.csv",
    "gsm8k": "test.jsonl",
    "mgsm": "mgsm_en.tsv",
    "humaneval": "HumanEval.jsonl.gz",
    "hellaswag": "hellaswag_val.jsonl",
    "banking77": "train.csv",
}


def loaded(name: str, folder: Path) -> Workload:
    return load(WorkloadSpec(benchmark=name, file=str(folder), languages=()), folder=Path(), seeds=Seeds())


def spoilt(name: str, folder: Path, line: str, *, at: int = 1) -> Path:
    """The benchmark's file with one of its rows replaced."""
    file = published.ALL[name](folder) / FILES[name]
    packed = file.suffix == ".gz"
    lines = (gzip.decompress(file.read_bytes()) if packed else file.read_bytes()).decode().split("\n")
    lines[at] = line
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    file.write_bytes(gzip.compress(content) if packed else content)
    return folder


def hellaswag_row(**other: object) -> str:
    return json.dumps({"ctx": "x", "endings": ["a", "b", "c", "d"], "label": 1, "activity_label": "y"} | other)


def humaneval_row(**other: object) -> str:
    return json.dumps({"task_id": "t", "prompt": "def f(): ...", "entry_point": "f", "test": "x"} | other)


@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        ("mmlu", "Which?,a,b,c,d,E", "the answer 'E', which is not A, B, C or D"),
        ("mmlu", "Which?,a,b,c,d,", "a blank '6'"),
        ("mmlu", "Which?,a,b,,d,A", "a blank '4'"),
        ("mmlu", "Which?,a,b,c,A", "5 cells where 6 are expected"),
        ("gsm8k", '{"question": "x"}', "no 'answer'"),
        ("gsm8k", '{"question": "x", "answer": "It is 4"}', "does not end with #### and a number"),
        ("gsm8k", '{"question": "x", "answer": "#### four"}', "does not end with #### and a number"),
        ("gsm8k", '{"question": 4, "answer": "#### 4"}', "no text under 'question'"),
        ("gsm8k", '{"question": " ", "answer": "#### 4"}', "a blank 'question'"),
        ("gsm8k", "[1]", "not an object"),
        ("gsm8k", "{", "not JSON"),
        ("mgsm", "How many?\tmany", "the answer 'many', which is no number"),
        ("mgsm", "How many?", "1 cells where 2 are expected"),
        ("mgsm", "\t4", "a blank '1'"),
        ("humaneval", humaneval_row(entry_point="a b"), "no name of a function"),
        ("humaneval", humaneval_row(test=""), "a blank 'test'"),
        ("humaneval", humaneval_row(task_id=3), "no text under 'task_id'"),
        ("humaneval", humaneval_row(task_id="HumanEval/0"), "the task_id 'HumanEval/0' of row 1"),
        ("hellaswag", hellaswag_row(endings=["a", "b", "c"]), "does not have four endings"),
        ("hellaswag", hellaswag_row(endings=["a", "b", "c", ""]), "does not have four endings"),
        ("hellaswag", hellaswag_row(endings="abcd"), "does not have four endings"),
        ("hellaswag", hellaswag_row(label=4), "the label '4', which is not 0, 1, 2 or 3"),
        ("hellaswag", hellaswag_row(label=""), "the label ''"),
        ("hellaswag", hellaswag_row(label=True), "the label 'True'"),
        ("hellaswag", hellaswag_row(ctx=None), "no 'ctx'"),
        ("banking77", "hello,", "a blank 'category'"),
        ("banking77", '"hello,top_up', "text follows a closing quote"),
        ("banking77", "a,b,c", "3 cells where 2 are expected"),
    ],
)  # fmt: skip
def test_a_row_that_is_not_as_published_is_named(tmp_path, name, line, words):
    """File, row, and what is wrong with it."""
    with pytest.raises(DataError) as caught:
        loaded(name, spoilt(name, tmp_path, line))
    said = str(caught.value)
    assert words in said and Path(FILES[name]).name in said
    assert "row 2" in said or ":2:" in said


@pytest.mark.parametrize("name", FILES)
def test_an_empty_or_other_file_is_no_benchmark(tmp_path, name):
    """Nothing in it, or something else altogether."""
    file = published.ALL[name](tmp_path) / FILES[name]
    for content in (b"", b"\n\n", b"id,words\n1,hello\n", b'{"id": 1}\n', b"\x1f\x8b broken", b"\xff\xfe"):
        file.write_bytes(content)
        with pytest.raises(DataError, match=r"\w"):
            loaded(name, tmp_path)


def test_columns_of_another_file_are_named(tmp_path):
    """A CSV with other columns lacks the one that is asked for."""
    folder = published.banking77(tmp_path)
    (folder / "test.csv").write_text("message,intent\nhello,top_up\n")
    with pytest.raises(DataError, match=r"test\.csv: row 2 has no 'text'"):
        loaded("banking77", folder)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    content=st.one_of(st.binary(max_size=200), st.text(max_size=120).map(lambda text: text.encode("utf-8", "replace")))
)
def test_any_bytes_are_a_benchmark_or_a_sentence(tmp_path, name, content):
    """Never another error, whatever the file holds."""
    file = published.ALL[name](tmp_path) / FILES[name]
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" and len(content) % 2 else content)
    try:
        loaded(name, tmp_path)
    except DataError as error:
        assert str(error)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
KEYS = {
    "gsm8k": ("question", "answer"),
    "humaneval": ("task_id", "prompt", "entry_point", "test"),
    "hellaswag": ("ind", "ctx", "endings", "label", "activity_label"),
}


@pytest.mark.parametrize("name", KEYS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_value_in_any_field_is_a_benchmark_or_a_sentence(tmp_path, name, data):
    """A field may hold anything JSON holds."""
    row = {key: data.draw(st.one_of(st.just(value), JSON)) for key, value in good(name).items() if key in KEYS[name]}
    try:
        job = loaded(name, spoilt(name, tmp_path, json.dumps(row)))
    except DataError as error:
        assert "row 2" in str(error) or "say the same" in str(error) or ":2:" in str(error)
    else:
        assert len(job.items) >= 1


def good(name: str) -> dict[str, object]:
    rows: dict[str, dict[str, object]] = {
        "gsm8k": {"question": "How many?", "answer": "Two.\n#### 2"},
        "humaneval": json.loads(humaneval_row()),
        "hellaswag": json.loads(hellaswag_row()),
    }
    return rows[name]


def test_the_table_of_benchmarks_is_complete():
    """Every benchmark has a made-up form to be tested with."""
    assert set(FILES) == set(published.ALL) == set(benchmarks.names())
