"""Readers: any bytes become rows or one sentence with the row in it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgebench.errors import DataError
from edgebench.workloads import readers

FORMATS = ["csv", "tsv", "jsonl", "json"]
FUZZ = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def put(tmp_path: Path):
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusal(path: Path, **options) -> DataError:
    with pytest.raises(DataError) as caught:
        readers.read(path, **options)
    return caught.value


def test_quoted_line_breaks_do_not_shift_row_numbers(put):
    """A row is numbered by the line it begins on, as an editor shows it."""
    rows = readers.read(put("a.csv", 'text,label\r\n"one\r\ntwo, ""three""",x\r\n\r\nfour,y\r\n'))
    assert [(row.number, dict(row.values)) for row in rows] == [
        (2, {"text": 'one\r\ntwo, "three"', "label": "x"}),
        (5, {"text": "four", "label": "y"}),
    ]


def test_blank_rows_are_left_out_and_counted(put):
    """Rows with nothing in them are no cases, and their number is kept."""
    table = readers.table(put("a.csv", "a,b\n\n1,2\n , \n3,4\n\n"))
    assert ([row.number for row in table.rows], table.blank) == ([3, 5], 3)
    assert readers.table(put("a.jsonl", '{"a": 1}\n\n{"a": null}\n{}\n')).blank == 3
    assert readers.table(put("a.json", '[{"a": 1}, {"a": " "}]')).blank == 1


def test_columns_without_a_header_are_numbered(put):
    """``header: false`` names the columns "1", "2", …."""
    rows = readers.read(put("a.tsv", "q\t18\nr\t3\n"), header=False)
    assert [dict(row.values) for row in rows] == [{"1": "q", "2": "18"}, {"1": "r", "2": "3"}]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_decides(put, encoding):
    """A mark is obeyed, also against the encoding asked for, and never becomes part of a column's name."""
    path = put("a.csv", "text,label\ncafé,x\n".encode(encoding))
    for asked in (None, "cp1252"):
        table = readers.table(path, encoding=asked)
        assert table.columns == ("text", "label")
        assert table.rows[0].values["text"] == "café"


def test_an_encoding_can_be_named(put):
    """cp1252 is refused as UTF-8 with its row and byte, and read when it is named."""
    path = put("a.csv", "text\nok\ncafé\n".encode("cp1252"))
    error = refusal(path)
    assert "row 3" in str(error) and "byte 12" in str(error) and "cp1252" in error.hint
    assert readers.read(path, encoding="cp1252")[1].values["text"] == "café"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", 'a,b\n1,2\n"x,2\n3,4\n', ["row 3", "never closed"]),
        ("a.csv", 'a,b\n"x"y,2\n', ["row 2", "closing quote"]),
        ("a.csv", "a,b\n1,2\n1,2,3\n", ["row 3", "3 cells", "2 are expected"]),
        ("a.csv", "a,b\n1\n", ["row 2", "1 cells"]),
        ("a.csv", "a,b\n1,\0\n", ["row 2", "NUL"]),
        ("a.csv", "a,a\n1,2\n", ["row 1", "'a'"]),
        ("a.csv", "a\n" + "x" * 131_073 + "\n", ["row 2", "131,072"]),
        ("a.jsonl", '{"a": 1}\n{"a": }\n', ["a.jsonl:2:7"]),
        ("a.jsonl", '{"a": 1}\n[1]\n', ["row 2", "a list"]),
        ("a.jsonl", '{"a": NaN}\n', ["row 1", "NaN"]),
        ("a.jsonl", '{"a": 1e999}\n', ["row 1", "infinite"]),
        ("a.jsonl", '{"a": "\\ud800"}\n', ["row 1", "surrogate"]),
        ("a.jsonl", '{"a": "x\\u0000"}\n', ["row 1", "NUL"]),
        ("a.jsonl", '{"a": ' + "9" * 5000 + "}\n", ["a.jsonl:1", "too long"]),
        ("a.jsonl", '{"a": ' + "[" * 60 + "]" * 60 + "}\n", ["row 1", "nested"]),
        ("a.json", "[" * 100_000, ["a.json:1", "nested too deep"]),
        ("a.json", '[{"a": 1},\n {"a" 2}]', ["a.json:2:7"]),
        ("a.json", '[{"a": 1}, 3]', ["row 2", "a number"]),
        ("a.json", '{"a": 1}', ["no list"]),
        ("a.json", '{"a": [], "b": []}', ["2 lists", "'a', 'b'"]),
        ("a.json", "7", ["neither a list nor an object"]),
        ("a.txt", "a\n", ["what format"]),
        ("a.csv.gz", b"\x1f\x8bnot gzip", ["gzip"]),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-6], ["gzip"]),
    ],
)
def test_broken_files_are_refused_with_their_place(put, name, content, words):
    """Each way a file can be broken is one sentence that names the row (or line and column)."""
    error = refusal(put(name, content))
    assert all(word in str(error) for word in words), str(error)
    assert "\n" not in str(error)


def test_missing_files_and_folders(tmp_path, put):
    """What is not there is said, with the nearest name."""
    put("tickets.csv", "a\n1\n")
    assert "tickets.csv" in refusal(tmp_path / "tikets.csv").hint
    assert "folder" in refusal(tmp_path / "no" / "x.csv").hint
    assert "not a file" in str(refusal(tmp_path, format="csv"))
    refusal(Path("a\0b.csv"))


def test_an_unknown_encoding_is_refused(put):
    """A codec that is no text encoding is a mistake of the plan."""
    path = put("a.csv", "a\n1\n")
    for encoding in ("utf-9", "hex", "undefined"):
        assert encoding in str(refusal(path, encoding=encoding))


def test_gzip_json_lists_and_provenance(put):
    """.gz is read through, JSON may keep its list in an object, and the hash is that of the bytes on disk."""
    packed = gzip.compress(b'{"data": [{"a": 1}, {"b": "\\\\u0000"}], "version": 3}')
    table = readers.table(put("a.json.gz", packed))
    assert [dict(row.values) for row in table.rows] == [{"a": 1}, {"b": "\\u0000"}]
    assert (table.sha256, table.bytes) == (hashlib.sha256(packed).hexdigest(), len(packed))


def test_line_separators_inside_json_strings_are_text(put):
    """U+2028 does not end a JSONL line."""
    assert readers.read(put("a.jsonl", '{"a": "x\u2028y"}\r\n'))[0].values["a"] == "x\u2028y"


def test_tsv_with_and_without_quoting(put):
    """A TSV of a spreadsheet (quoted) and one of a script (a quote is a quote) are both read."""
    assert readers.read(put("a.tsv", 'a\tb\n"x\ty"\t1\n'))[0].values["a"] == "x\ty"
    assert readers.read(put("b.tsv", 'a\tb\n"Hi" she said\t1\n'))[0].values["a"] == '"Hi" she said'


def test_semicolons_of_european_spreadsheets(put):
    """A header without commas but with semicolons is separated by them."""
    assert dict(readers.read(put("a.csv", "a;b\n1,5;2\n"))[0].values) == {"a": "1,5", "b": "2"}


@FUZZ
@given(kind=st.sampled_from(FORMATS), data=st.binary(max_size=200), header=st.booleans(), packed=st.booleans())
def test_any_bytes_are_rows_or_a_data_error(tmp_path_factory, kind, data, header, packed):
    """No bytes make a reader fall over."""
    path = tmp_path_factory.getbasetemp() / f"fuzz.{kind}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(data) if packed and len(data) % 2 else data)
    for encoding in (None, "cp1252", "utf-16"):
        try:
            table = readers.table(path, header=header, encoding=encoding)
        except DataError as exc:
            assert "\n" not in str(exc).split(": ")[0]
        else:
            assert all(row.number >= 1 for row in table.rows)


JSONISH = st.text(alphabet='{}[]",:\\\n\r\t01eE.-+ nulltrueNaN;ux\u2028\ud800', max_size=60)


@FUZZ
@given(kind=st.sampled_from(FORMATS), text=st.one_of(st.text(max_size=80), JSONISH))
def test_any_text_is_rows_or_a_data_error(tmp_path_factory, kind, text):
    """No text makes a reader fall over."""
    path = tmp_path_factory.getbasetemp() / f"text.{kind}"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        readers.read(path)
    except DataError:
        return


CELL = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@FUZZ
@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=6))
def test_what_the_csv_writer_writes_is_read_back(tmp_path_factory, rows):
    """Every text survives CSV: commas, quotes, line breaks, any script."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    path = tmp_path_factory.getbasetemp() / "round.csv"
    path.write_bytes(buffer.getvalue().encode())
    read = [list(row.values.values()) for row in readers.read(path)]
    assert read == [row for row in rows if any(cell.strip() for cell in row)]


@FUZZ
@given(st.lists(st.dictionaries(CELL, st.one_of(CELL, st.integers(), st.none()), max_size=3), max_size=5))
def test_json_and_jsonl_agree(tmp_path_factory, objects):
    """The same objects are read from both formats."""
    sound = [one for one in objects if not any("\0" in key for key in one)]
    folder = tmp_path_factory.getbasetemp()
    (folder / "same.json").write_text(json.dumps(sound), encoding="utf-8")
    (folder / "same.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in sound), encoding="utf-8")
    both = [[dict(row.values) for row in readers.read(folder / name)] for name in ("same.json", "same.jsonl")]
    assert both[0] == both[1]
