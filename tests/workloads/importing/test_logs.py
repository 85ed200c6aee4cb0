"""A log file as entries: read past what is broken, told line by line; bombs refused; nothing executed."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from edgebench.errors import DataError
from edgebench.workloads import decoding
from edgebench.workloads.importing import logs, tolerant
from edgebench.workloads.importing.found import Broken, Entry
from edgebench.workloads.importing.gathering import SHOWN, gather
from tests.workloads.importing.written import inspect_archive


def entries(folder: Path, name: str, content: str | bytes) -> list[Entry | Broken]:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(logs.read(file).entries())


def test_broken_lines_are_told_and_read_past(tmp_path: Path) -> None:
    """Cut-off JSON, foreign bytes, NUL characters and blank lines: the rest is read, with the lines' own numbers."""
    content = b'{"text": "one"}\n{"text": "tw\n\n{"text": "\xff"}\n{"text": "a\x00b"}\n{"text": "six"}\r\n[1]\n'
    found = entries(tmp_path, "a.jsonl", content)
    assert [(one.number, one.value) for one in found if isinstance(one, Entry)] == [
        (1, {"text": "one"}), (6, {"text": "six"}), (7, [1])]  # fmt: skip
    broken = {one.number: one.why for one in found if isinstance(one, Broken)}
    assert set(broken) == {2, 4, 5}
    assert "not JSON" in broken[2]
    assert "not UTF-8" in broken[4]
    assert "NUL" in broken[5]


def test_the_first_broken_lines_are_named_and_all_are_counted(tmp_path: Path) -> None:
    """A log with more broken lines than are shown."""
    rows = ['{"text": "a fine message"}', *["{broken"] * 40, '"a bare text"', '{"text": "another message"}']
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    gathered = gather([tmp_path / "a.jsonl"])
    assert (len(gathered.cases), gathered.broken, len(gathered.shown)) == (2, 41, SHOWN)
    assert gathered.shown[0].startswith("a.jsonl:2: not JSON")
    assert gathered.sources[0].broken == 41


def test_a_table_is_read_past_its_broken_rows(tmp_path: Path) -> None:
    """Cells too many or too few, a quote that is never closed, text behind one: the next rows are read."""
    content = (
        'message,queue\nfine,a\ntoo,many,cells\nlonely\n"opened, and never closed,b\n"two\nlines",c\n'
        'ok "so" so,d\n"x"y,e\nlast,f\n'
    )
    found = entries(tmp_path, "a.csv", content)
    assert [one.value["queue"] for one in found if isinstance(one, Entry)] == ["a", "c", "d", "f"]
    assert {one.number for one in found if isinstance(one, Broken)} >= {3, 4, 5}


def test_an_unclosed_quote_costs_a_window_not_the_file(tmp_path: Path) -> None:
    """Thousands of rows behind it are read."""
    rows = [f"row {n},x" for n in range(3 * tolerant.WINDOW)]
    found = entries(tmp_path, "a.csv", "\n".join(["message,queue", '"open,x', *rows]))
    assert sum(isinstance(one, Entry) for one in found) == len(rows)
    assert [one.number for one in found if isinstance(one, Broken)] == [2]


@pytest.mark.parametrize(("content", "shape", "count"), [
    ('[{"a": 1}, {"a": 2}]', "document", 2),
    ('{"a": 1}', "lines", 1),
    ('{"a": 1}\n{"a": 2}\n', "lines", 2),
    ('{\n "a": 1\n}\n{\n "a": 2\n}\n', "lines", 2),
    ("one\ntwo\n", "table", 1),
    ("\ufeff{\"a\": 1}\n{\"a\": 2}", "lines", 2),
])  # fmt: skip
def test_the_shape_is_told_by_the_content(tmp_path: Path, content: str, shape: str, count: int) -> None:
    """With an ending that says nothing."""
    file = tmp_path / "a.log"
    file.write_text(content, encoding="utf-8")
    log = logs.read(file)
    assert (log.shape, len(list(log.entries()))) == (shape, count)


def test_json_lines_under_another_ending_are_lines(tmp_path: Path) -> None:
    """Many exports call JSON lines .json."""
    assert len(entries(tmp_path, "a.json", '{"a": 1}\n{"a": 2}\n{"a"\n')) == 3


def test_old_code_pages_and_marks_are_understood(tmp_path: Path) -> None:
    """A spreadsheet's Windows-1252 and UTF-16 are read, the first with a word about it."""
    file = tmp_path / "a.csv"
    file.write_bytes("message;label\nGrüße aus Köln;x\n".encode("cp1252"))
    log = logs.read(file)
    assert [entry.value["message"] for entry in log.entries() if isinstance(entry, Entry)] == ["Grüße aus Köln"]
    assert "Windows-1252" in log.note
    file.write_bytes("message\tlabel\nGrüße\tx\n".encode("utf-16"))
    assert [entry.value for entry in logs.read(file).entries()] == [{"message": "Grüße", "label": "x"}]


def test_packed_logs_are_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"text": "hello"}\n'))
    assert [entry.value for entry in logs.read(file).entries()] == [{"text": "hello"}]


# --------------------------------------------------------------------------------------------------- strangers


def packed(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_archives_that_unfold_too_far_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what they say of their size before anything is unpacked; a single huge member is a broken one."""
    bomb = packed({"header.json": b"{}", "samples/1.json": b" " * 3_000_000})
    assert len(bomb) < 10_000
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "MAX_BYTES", 1_000_000)
        with pytest.raises(DataError, match="unfolds to more than"):
            entries(tmp_path, "a.eval", bomb)
    monkeypatch.setattr(logs, "MOST_OF_A_MEMBER", 1_000_000)
    found = entries(tmp_path, "a.eval", bomb)
    assert [one.number for one in found if isinstance(one, Broken)] == [2]


def test_an_archive_that_lies_about_its_sizes_is_no_bomb(tmp_path: Path) -> None:
    """A member is never unpacked beyond the size it declares."""
    whole = packed({"samples/1.json": b'{"input": "' + b"x" * 200_000 + b'"}'})
    lie = whole.replace((200_013).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lie != whole
    (found,) = entries(tmp_path, "a.eval", lie)
    assert isinstance(found, Broken)


def test_damaged_archives_are_told(tmp_path: Path) -> None:
    """A cut-off archive is an error; a damaged member is a broken one; another archive holds no log."""
    whole = inspect_archive()
    with pytest.raises(DataError, match="is no whole archive"):
        entries(tmp_path, "a.eval", whole[: len(whole) // 2])
    (tmp_path / "b.zip").write_bytes(packed({"word/document.xml": b"<a/>"}))
    with pytest.raises(DataError, match="holds no Inspect log"):
        gather([tmp_path / "b.zip"])


def test_aliases_that_grow_and_tags_that_run_are_refused(tmp_path: Path) -> None:
    """YAML from strangers: a billion laughs ends in a sentence, and so does a tag that would build an object."""
    laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{key}: &{key} [{', '.join([f'*{before}'] * 9)}]\n" for before, key in zip("abcdefgh", "bcdefghi", strict=True)
    )
    ran = tmp_path / "ran"
    for content in (laughs, f"tests: [!!python/object/apply:os.system ['touch {ran}']]"):
        with pytest.raises(DataError):
            entries(tmp_path, "a.yaml", content)
    assert not ran.exists()


def test_deep_and_huge_values_are_broken_lines(tmp_path: Path) -> None:
    """Nested a hundred thousand deep, or a number of thousands of digits."""
    deep, long = "[" * 100_000 + "]" * 100_000, '{"a": ' + "9" * 5_000 + "}"
    found = entries(tmp_path, "a.jsonl", f"{deep}\n{long}\n{json.dumps({'text': 'fine'})}\n")
    assert [type(one) for one in found] == [Broken, Broken, Entry]
