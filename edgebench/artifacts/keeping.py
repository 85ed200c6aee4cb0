"""What is remembered of files already here: verified hashes, pinned hashes, and one puller at a time."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from edgebench import catalog
from edgebench.errors import ModelError
from edgebench.records import Source

SLACK = 32 * 2**20  # room to leave on the disk


def sha256_of(file: Path) -> str:
    """SHA-256 (hex) of a file, read in pieces."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_of(file: Path) -> str:
    """SHA-256 of a file, from the note beside it while size and time of change are what they were then."""
    stat = file.stat()
    known = _notes(file.parent).get(file.name)
    if known and known[:2] == [stat.st_size, stat.st_mtime_ns]:
        return str(known[2])
    found = sha256_of(file)
    note(file, found)
    return found


def note(file: Path, sha256: str) -> None:
    """Remember that these bytes have this hash, so that no run reads 100 MB again to know it."""
    stat = file.stat()
    notes = {**_notes(file.parent), file.name: [stat.st_size, stat.st_mtime_ns, sha256]}
    with contextlib.suppress(PermissionError):  # a read-only cache is only slower
        _replace(file.parent / ".verified.json", json.dumps(notes, indent=1))


def _notes(folder: Path) -> dict[str, list[Any]]:
    try:
        found = json.loads((folder / ".verified.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


# ------------------------------------------------------------------------------------------------------------- pins


def pin_file() -> Path:
    return catalog.cache() / "pins.yaml"


def pinned(card: str, role: str, source: Source | None) -> str | None:
    """The hash pinned at the first pull of a file whose card publishes none; a changed source voids it."""
    entry = _pins().get(card, {}).get(role)
    return str(entry["sha256"]) if isinstance(entry, dict) and entry.get("source") == origin(source) else None


def pin(card: str, role: str, source: Source | None, sha256: str) -> None:
    """Keep a hash, so that the same bytes are demanded from now on."""
    with locked(catalog.cache()):
        pins = _pins()
        pins.setdefault(card, {})[role] = {"sha256": sha256, "source": origin(source)}
        head = "# Hashes of model files whose cards publish none, pinned when they were first pulled or made here.\n"
        _replace(pin_file(), head + yaml.safe_dump(pins, sort_keys=True))


def _pins() -> dict[str, dict[str, Any]]:
    try:
        found = yaml.safe_load(pin_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ModelError(f"{pin_file()}: not YAML any more", hint="mend it, or delete it to pin anew") from exc
    return found if isinstance(found, dict) else {}


def origin(source: Source | None) -> str:
    """Where a file comes from, in one line."""
    if source is None:
        return "made here"
    if source.package is not None:
        return f"package {source.package}"
    if source.hub is not None:
        return f"hub {source.hub}/{source.hub_file}@{source.revision or 'main'}"
    return f"url {source.url}" if source.url is not None else f"path {source.path}"


# ------------------------------------------------------------------------------------------------- disk and neighbours


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process at a time works in this folder, where the system can say so."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("a")
    try:
        try:
            import fcntl
        except ModuleNotFoundError:  # no such locks on this system: the atomic rename still keeps files whole
            yield
        else:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
    finally:
        handle.close()


@contextlib.contextmanager
def disk_errors(folder: Path, needed: int | None = None) -> Iterator[None]:
    """A disk that is full or forbids writing, in one sentence."""
    wanted = f"; {megabytes(needed)} are needed" if needed else ""
    hint = "free some room, or point EDGEBENCH_CACHE at a larger disk"
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelError(f"the disk is full at {folder}{wanted}", hint=hint) from exc
        if isinstance(exc, PermissionError) or exc.errno == errno.EROFS:
            raise ModelError(f"{folder} cannot be written: {exc.strerror}", hint="set EDGEBENCH_CACHE") from exc
        raise


def demand_room(folder: Path, needed: int) -> None:
    """Refuse before the first byte when the disk cannot hold what is coming."""
    free = shutil.disk_usage(folder).free
    if free < needed + SLACK:
        raise ModelError(
            f"the disk is too full at {folder}: {megabytes(needed)} are needed, {megabytes(free)} are free",
            hint="free some room, or point EDGEBENCH_CACHE at a larger disk",
        )


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count >= 10**6 else f"{count:,} bytes"


def _replace(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
