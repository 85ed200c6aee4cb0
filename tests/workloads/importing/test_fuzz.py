"""Whatever bytes a log holds: cases, or one sentence saying why there are none. Never another exception."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edgebench.errors import DataError
from edgebench.records import Columns, Seeds, WorkloadSpec
from edgebench.workloads import importing, load
from edgebench.workloads.importing.gathering import gather
from edgebench.workloads.importing.recognise import FORMATS
from tests.workloads.importing.written import LOGS

#: words that readers look for, so that generated JSON gets deep into them
WORDS = ("input", "target", "ideal", "choices", "messages", "role", "content", "user", "assistant", "text", "vars",
         "assert", "type", "value", "equals", "tests", "prompts", "{{a}}", "a", "doc", "arguments", "gen_args_0",
         "arg_0", "resps", "references", "output", "tags", "correct", "data", "annotations", "completions", "result",
         "request", "response", "body", "custom_id", "error", "status_code", "attributes", "key", "stringValue",
         "arrayValue", "values", "kvlistValue", "gen_ai.input.messages", "gen_ai.output.messages",
         "gen_ai.prompt.0.content", "events", "name", "gen_ai.user.message", "resourceSpans", "scopeSpans", "spans",
         "logRecords", "samples", "eval", "attachment://x", "attachments", "parts", "instance", "request_states",
         "metadata", "perturbation", "__expected", "file://x", "conversation_id")  # fmt: skip

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**20), st.floats(), st.sampled_from(WORDS), st.text(max_size=8)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=6)
    ),
    max_leaves=25,
)
FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def survives(content: bytes, name: str, format: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(content)
        try:
            gathered = gather([file], format=format)
        except DataError as exc:
            assert str(exc)
        else:
            assert all(case.found.asked.strip() for case in gathered.cases)


@pytest.mark.parametrize("format", FORMATS)
@given(rows=st.lists(JSON, max_size=5))
@FUZZ
@example(rows=[{"input": {"text": []}, "references": [{"output": None}]}])
def test_any_json_lines(format: str, rows: list[Any]) -> None:
    """Lines of JSON of the wrong shape, read as each format."""
    survives("\n".join(json.dumps(row) for row in rows).encode(), "a.jsonl", format)


@given(document=JSON)
@settings(max_examples=80, deadline=None)
def test_any_json_document(document: Any) -> None:
    """One JSON value, recognised or not."""
    survives(json.dumps(document).encode(), "a.json", "auto")


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".tsv", ".txt", ".yaml", ".eval", ".log", ".jsonl.gz"])
@given(content=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@FUZZ
@example(content=b"PK\x03\x04" + b"\0" * 40)
@example(content=b"\xff\xfe\0\0")
@example(content=b"\x1f\x8b\x08")
@example(content=b"tests: &a [*a]")
@example(content=b"tests: [{vars: {a: 2001-99-99, b: !!int ''}}]")
@example(content=b"[" * 100_000)
@example(content=b'{"a":' * 100_000)
@example(content=b'{"input": ' + b"9" * 5_000 + b"}")
def test_any_bytes(suffix: str, content: bytes) -> None:
    """Bytes under every ending."""
    survives(content, f"a{suffix}", "auto")


@given(
    rows=st.lists(st.lists(st.text('",;\n\r ab\0é', max_size=8), min_size=1, max_size=4), max_size=6),
    mark=st.sampled_from(",;\t"),
)
@FUZZ
def test_any_table(rows: list[list[str]], mark: str) -> None:
    """Tables with quotes and line breaks where they like."""
    survives("\n".join(["message,label", *(mark.join(row) for row in rows)]).encode(), "a.csv", "messages")


@pytest.mark.parametrize("name", LOGS)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_damaged_logs(name: str, data: st.DataObject) -> None:
    """A real log with bytes cut out, changed or put in."""
    content = LOGS[name][0]
    whole = bytearray(content if isinstance(content, bytes) else content.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(whole) - 1)))
        whole[at : at + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=4))
    survives(bytes(whole), name, "auto")


@given(rows=st.lists(JSON.filter(lambda one: isinstance(one, (dict, str))), min_size=1, max_size=6), reference=JSON)
@settings(max_examples=30, deadline=None)
def test_whatever_is_imported_loads(rows: list[Any], reference: Any) -> None:
    """What comes out of a log loads as a workload by the columns of its sheet, whatever its references are."""
    content = "\n".join(
        json.dumps(
            {"message": row if isinstance(row, str) else json.dumps(row), "reference": reference if n % 2 else row}
        )
        for n, row in enumerate(rows)
    )
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "a.jsonl", Path(folder) / "out.jsonl"
        file.write_text(content)
        try:
            made = importing.make([file], importing.Wanted(items=4))
        except DataError:
            return
        sheet = importing.written(made, out, today="2026-11-29")
        columns = Columns(**{**sheet["columns"], "tags": tuple(sheet["columns"]["tags"])})
        workload = load(WorkloadSpec(file=out.name, columns=columns), folder=Path(folder), seeds=Seeds())
        assert workload.digest == sheet["digest"]
