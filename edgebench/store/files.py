"""Writes a file whole or not at all, readable by its owner only: what people said is in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edgebench.errors import StoreError


@contextmanager
def written_whole(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file that takes its name only when everything is in it.

    Raises
    ------
    StoreError: the disk is full, the folder is missing or may not be written to.
    """
    final = Path(path)
    draft = final.with_name(f".{final.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        draft.replace(final)
    except OSError as exc:
        raise StoreError(f"{final} cannot be written: {exc.strerror or exc}", hint="name another place") from exc
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
