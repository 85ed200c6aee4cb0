"""Decoding: the bytes of a file as text, whatever wrote them; or one sentence saying where they are not text."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

from edgebench.errors import DataError, did_you_mean

#: The longer marks first: UTF-32's begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MAX_BYTES = 2**30  # a file is read whole; this also bounds what a small .gz may unfold to


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a file, with what provenance needs."""

    content: str
    sha256: str  # of the bytes on disk
    bytes: int
    encoding: str


def text(path: Path, encoding: str | None = None) -> Text:
    """A file's text: unpacked if it ends in .gz; UTF-8 unless asked or a byte-order mark says otherwise (it wins).

    Raises
    ------
    DataError: it is missing, too large, or not text; names the row.
    """
    data, unfolded = unpacked(path)
    content, used = _decode(unfolded, encoding, path.name)
    return Text(content, hashlib.sha256(data).hexdigest(), len(data), used)


def unpacked(path: Path) -> tuple[bytes, bytes]:
    """The bytes of a file as they lie on disk, and unfolded where it ends in .gz.

    Raises
    ------
    DataError: it is missing, too large, or no whole gzip file.
    """
    data = _bytes(path)
    return data, _unfold(data, path)


def _bytes(path: Path) -> bytes:
    try:
        if not path.exists():
            raise DataError(f"there is no file {path}", hint=_nearby(path))
        if not path.is_file():
            raise DataError(f"{path} is not a file", hint="name one file: .csv, .tsv, .jsonl or .json")
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path.name} is larger than 1 GiB", hint="take a sample of its rows into a smaller file")
        return path.read_bytes()
    except (OSError, ValueError) as exc:  # ValueError: a NUL inside the path
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise DataError(f"{str(path)!r} cannot be read: {reason}", hint="check the path and its permissions") from exc


def _nearby(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either; a relative path starts at the plan's folder"
    beside = [entry.name for entry in folder.iterdir()]
    return did_you_mean(path.name, beside, "a relative path starts at the plan's folder")


def _unfold(data: bytes, path: Path) -> bytes:
    if path.suffix.lower() != ".gz":
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            unfolded = packed.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as exc:
        raise DataError(f"{path.name} is not a whole gzip file: {exc}", hint="fetch or pack it again") from exc
    if len(unfolded) > MAX_BYTES:
        raise DataError(f"{path.name} unfolds to more than 1 GiB", hint="take a sample of its rows into a smaller file")
    return unfolded


def _decode(data: bytes, asked: str | None, name: str) -> tuple[str, str]:
    encoding = next((marked for mark, marked in MARKS if data.startswith(mark)), asked or "utf-8")
    try:
        text = data.decode(encoding)
        text.encode()  # half a surrogate pair cannot be hashed or stored
    except LookupError as exc:
        raise DataError(f"{name}: no text encoding is called {encoding!r}", hint="try `encoding: cp1252`") from exc
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise DataError(
            f"{name}: row {line}: byte {exc.start + 1} of the file (0x{data[exc.start : exc.start + 1].hex()}) "
            f"is not {encoding}",
            hint="say how it is written, for example `encoding: cp1252` (Windows, Western Europe)",
        ) from exc
    except UnicodeError as exc:
        raise DataError(f"{name} is not {encoding}: {exc}", hint="try `encoding: cp1252`") from exc
    text = text.removeprefix("\ufeff")
    if (place := text.find("\0")) >= 0:
        line = text.count("\n", 0, place) + 1
        raise DataError(
            f"{name}: row {line}: a NUL character, which no text holds", hint="if it is UTF-16, say `encoding: utf-16`"
        )
    return text, encoding
