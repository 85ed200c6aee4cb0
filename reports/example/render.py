"""Render the example page again from its recorded run: ``make example``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import edgebench

HERE = Path(__file__).parent


def page() -> str:
    """The page of the recorded run beside this file."""
    with tempfile.TemporaryDirectory() as folder, edgebench.open_store(Path(folder) / "example.db") as store:
        run = store.load(edgebench.import_bundle(store, HERE / "run.zip"))
    return edgebench.render(run, edgebench.conclude(run))


if __name__ == "__main__":
    (HERE / "index.html").write_text(page(), encoding="utf-8")
