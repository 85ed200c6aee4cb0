"""A log file as numbered entries, whatever it is: JSON lines, one JSON document, a table, texts, YAML or an archive.

What is promised for any bytes at all: entries and broken lines, or :class:`~edgebench.errors.DataError`. A line that
cannot be read is told and read past; nothing is executed, and an archive's members are bounded by size.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from edgebench.errors import DataError
from edgebench.workloads import decoding, sheets
from edgebench.workloads.importing import tolerant
from edgebench.workloads.importing.found import Broken, Entry

Shape = Literal["lines", "document", "table", "texts", "yaml", "archive"]
Entries = Callable[[], Iterator[Entry | Broken]]

SAMPLE = 50  # entries looked at to recognise a log
MOST_MEMBERS = 200_000
MOST_OF_A_MEMBER = 2**28  # bytes, unpacked
_SOMETHING = re.compile(r"\S")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Log:
    """A file to be read; ``entries()`` begins anew each time."""

    name: str
    sha256: str  # of the bytes on disk
    bytes: int
    shape: Shape
    entries: Entries
    about: int  # how many entries there are about
    columns: tuple[str, ...] = ()  # of a table
    note: str = ""

    def sample(self) -> list[Entry]:
        """The first entries that can be read."""
        return [entry for entry in islice(self.entries(), 4 * SAMPLE) if isinstance(entry, Entry)][:SAMPLE]

    def objects(self) -> Iterator[Entry | Broken]:
        """The entries that are objects; any other is a broken one."""
        for entry in self.entries():
            sound = isinstance(entry, Broken) or isinstance(entry.value, dict)
            yield entry if sound else Broken(entry.number, "not an object")


def read(path: Path) -> Log:
    """A log by its ending and its content.

    Raises
    ------
    DataError: it is missing, too large, empty, or nothing that could hold a log.
    """
    raw, data = decoding.unpacked(path)
    suffix = next((s.lower() for s in reversed(path.suffixes) if s.lower() != ".gz"), "")
    facts = (path.name, hashlib.sha256(raw).hexdigest(), len(raw))
    if data[:4] == b"PK\x03\x04":
        return _archive(facts, data)
    if suffix in (".yaml", ".yml"):
        return _yaml(facts, path)
    text, note = _decoded(data, path.name)
    if not text.strip():
        raise DataError(f"{path.name} is empty", hint="name a file that holds messages")
    shape, entries, columns = _shaped(text, suffix, path.name)
    return Log(*facts, shape, entries, max(1, text.count("\n")), columns, note)


def _decoded(data: bytes, name: str) -> tuple[str, str]:
    """The text, with half surrogates where bytes are no text; and what was assumed of a file that is not UTF-8."""
    marked = next((encoding for mark, encoding in decoding.MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(marked, "surrogateescape" if marked.startswith("utf-8") else "replace")
    except UnicodeError as exc:
        raise DataError(f"{name} is not {marked}: {exc}", hint="save it as UTF-8") from exc
    text = text.removeprefix("\ufeff")
    if marked != "utf-8" or not _SURROGATE.search(text):
        return text, ""
    sound = any(not line.isascii() and not _SURROGATE.search(line) for line in text.split("\n"))
    if sound or text.lstrip()[:1] in ("{", "["):  # JSON is UTF-8
        return text, ""
    # no line has a letter beyond ASCII in UTF-8: an old code page, as spreadsheets write it
    return data.decode("cp1252", "surrogateescape"), "it is not UTF-8 and was read as Windows-1252"


def _shaped(text: str, suffix: str, name: str) -> tuple[Shape, Entries, tuple[str, ...]]:
    if suffix in (".csv", ".tsv"):
        return _table(text, suffix)
    if suffix in (".jsonl", ".ndjson"):
        return "lines", lambda: _lines(text), ()
    first = text.lstrip()[:1]
    if first in ("[", "{"):
        if not (_share_of_objects(text) >= 0.5 and suffix != ".json"):
            whole = _parsed(text)
            if isinstance(whole, (dict, list)):
                return "document", lambda: _document(whole), ()
        if _share_of_objects(text) > 0:
            return "lines", lambda: _lines(text), ()
        if first == "{":
            return "lines", lambda: _one_after_another(text), ()
        raise DataError(f"{name} begins like JSON and cannot be read as such", hint="look for a cut-off end")
    if _share_of_objects(text) >= 1 / 3:
        return "lines", lambda: _lines(text), ()
    if suffix == ".json":
        raise DataError(f"{name} is no JSON", hint="a log is JSON, JSON lines, CSV, TSV or plain text")
    return _table(text, suffix) if suffix != ".txt" else ("texts", lambda: _texts(text), ())


# --------------------------------------------------------------------------------------------------- JSON


def _parsed(text: str) -> Any:
    """Parsed JSON; a Broken where it is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        return Broken(exc.lineno, f"not JSON: {exc.msg}")
    except RecursionError:
        return Broken(1, "JSON nested too deep to read")
    except ValueError:  # an integer of thousands of digits
        return Broken(1, "a number too long to read")


def _share_of_objects(text: str) -> float:
    """Of the first lines that hold anything, the share that is one JSON object each."""
    lines = [line for line in text[:2_000_000].split("\n") if line.strip()][:SAMPLE]
    found = [isinstance(_parsed(line), dict) for line in lines if line.lstrip()[:1] == "{"]
    return sum(found) / max(1, len(lines))


def _lines(text: str) -> Iterator[Entry | Broken]:
    for number, line in _numbered(text):
        if not line.strip():
            continue
        if (why := _no_text(line)) is not None:
            yield Broken(number, why)
            continue
        value = _parsed(line)
        yield Broken(number, value.why) if isinstance(value, Broken) else Entry(number, value)


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    """Lines one by one, so that a large log is not held twice."""
    number, at = 0, 0
    while at <= len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        number += 1
        yield number, text[at:end].removesuffix("\r")
        at = end + 1


def _no_text(line: str) -> str | None:
    if _SURROGATE.search(line):
        return "bytes that are not UTF-8"
    return "a NUL character, which no text holds" if "\0" in line else None


def _document(whole: Any) -> Iterator[Entry | Broken]:
    values = whole if isinstance(whole, list) else [whole]
    yield from (Entry(number, value) for number, value in enumerate(values, 1))


def _one_after_another(text: str) -> Iterator[Entry | Broken]:
    """Objects over several lines each, as consoles print them; behind a broken one, on at the next line with one."""
    decoder, at, line, counted = json.JSONDecoder(), 0, 1, 0
    while (begins := _SOMETHING.search(text, at)) is not None:
        at = begins.start()
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield Broken(line, "not JSON")
            nxt = text.find("\n{", at + 1)
            at = len(text) if nxt < 0 else nxt + 1
            continue
        yield Entry(line, value)


# --------------------------------------------------------------------------------------------------- others


def _table(text: str, suffix: str) -> tuple[Shape, Entries, tuple[str, ...]]:
    mark = "\t" if suffix == ".tsv" else tolerant.separator(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    columns = tolerant.header(lines, mark)
    return "table", lambda: tolerant.rows(lines, mark, columns), columns


def _texts(text: str) -> Iterator[Entry | Broken]:
    for number, line in _numbered(text):
        if line.strip():
            why = _no_text(line)
            yield Entry(number, {"text": line}) if why is None else Broken(number, why)


def _yaml(facts: tuple[str, str, int], path: Path) -> Log:
    sheet = sheets.read(path)
    values = sheet.value if isinstance(sheet.value, list) else [sheet.value]

    def entries() -> Iterator[Entry | Broken]:
        yield from (Entry(number, value) for number, value in enumerate(values, 1))

    return Log(*facts, "yaml", entries, len(values))


def _archive(facts: tuple[str, str, int], data: bytes) -> Log:
    name = facts[0]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = [info for info in packed.infolist() if info.filename.endswith(".json")]
    except _ARCHIVE_ERRORS as exc:
        raise DataError(f"{name} is no whole archive: {exc}", hint="fetch it again") from exc
    whole = sum(info.file_size for info in members)
    if len(members) > MOST_MEMBERS or whole > decoding.MAX_BYTES:
        raise DataError(f"{name} unfolds to more than 1 GiB or {MOST_MEMBERS:,} files", hint="take a part of it")

    def entries() -> Iterator[Entry | Broken]:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for number, info in enumerate(sorted(members, key=lambda info: info.filename), 1):
                yield _member(packed, info, number)

    return Log(*facts, "archive", entries, len(members), tuple(info.filename for info in members))


def _member(packed: zipfile.ZipFile, info: zipfile.ZipInfo, number: int) -> Entry | Broken:
    if info.file_size > MOST_OF_A_MEMBER:
        return Broken(number, f"a member of more than {MOST_OF_A_MEMBER // 2**20} MiB")
    try:
        with packed.open(info) as file:
            content = file.read(MOST_OF_A_MEMBER + 1)
        value = _parsed(content.decode("utf-8"))
    except NotImplementedError:
        return Broken(number, "packed in a way this Python cannot unpack (inspect log convert --to json can)")
    except _ARCHIVE_ERRORS as exc:
        return Broken(number, f"cannot be unpacked: {type(exc).__name__}")
    return Broken(number, value.why) if isinstance(value, Broken) else Entry(number, (info.filename, value))
