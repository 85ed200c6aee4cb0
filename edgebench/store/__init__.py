"""Where it rests: observations are written once, survive a killed process, and travel between machines.

:func:`open_store` gives the one SQL store (SQLite by default, PostgreSQL by URL); ``interchange`` writes runs as JSONL,
CSV and bundles, reads bundles and merges runs; ``redaction`` says what happens to texts before they are stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgebench.store.sql import SqlStore


def open_store(place: str | Path) -> SqlStore:
    """The store at a path or URL, made when it is not there and brought to this version's tables.

    Raises
    ------
    StoreError: it cannot be opened, is no store of ours, or was written by a newer version.
    """
    from edgebench.store.sql import SqlStore  # late: SQLAlchemy takes half a second

    return SqlStore(place)
