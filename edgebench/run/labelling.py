"""Labels a person gave by hand, read from a file: each becomes a Score by ``human:NAME``.

A table (CSV, TSV, JSONL, JSON) with a column ``record`` (the id the page and the exports show), or ``item`` and
``arm``; a column ``mode`` (what kind of wrong answer it is, in records.MODES or in words of one's own; empty: not
wrong), and, where the person says whether it is right, ``value`` (0 to 1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edgebench.errors import DataError, did_you_mean
from edgebench.records import Run, Score
from edgebench.workloads import readers
from edgebench.workloads.readers import Row

NEEDED = "record, mode   or   item, arm, mode"


def read_labels(path: Path, run: Run, *, by: str | None = None) -> list[Score]:
    """Hand labels as Scores of the run's records; ``by``: who gave them (default: the file's name).

    Raises
    ------
    DataError: no such file, column, record or value; a record labelled twice; with the row.
    """
    table = readers.table(path)
    columns = set(table.columns)
    if "mode" not in columns or not ({"record"} <= columns or {"item", "arm"} <= columns):
        raise DataError(f"{path.name}: its columns are {', '.join(table.columns) or 'none'}", hint=f"needed: {NEEDED}")
    name = re.sub(r"[^\w.-]+", "-", by or path.stem).strip("-") or "hand"
    found = _Records(run)
    scores: dict[str, Score] = {}
    for row in table.rows:
        for record_id in found.of(row, path.name):
            if record_id in scores:
                raise DataError(f"{path.name}: row {row.number}: record {record_id} is labelled twice")
            label = str(row.values.get("mode") or "").strip() or None
            value = _value(row, path.name)
            note = str(row.values.get("note") or "").strip() or None
            scores[record_id] = Score(record_id, f"human:{name}", table.sha256[:12], value, label, note)
    if not scores:
        raise DataError(f"{path.name} holds no label", hint=f"needed: {NEEDED}")
    return list(scores.values())


class _Records:
    """The records a row of labels may speak of."""

    def __init__(self, run: Run) -> None:
        arms = {trial.id: trial.arm for trial in run.trials if not trial.judges}
        digests = {item.digest: item.id for item in run.workload.items}
        self.ids = [record.id for record in run.records if record.trial_id in arms]
        self._by_place: dict[tuple[str, str], list[str]] = {}
        for record in run.records:
            if record.trial_id in arms:
                place = (digests.get(record.item_digest, ""), arms[record.trial_id])
                self._by_place.setdefault(place, []).append(record.id)

    def of(self, row: Row, file: str) -> Iterator[str]:
        """The record of a row, or all records of its item in its arm (one of each repetition)."""
        record = str(row.values.get("record") or "").strip()
        if record:
            if record not in self.ids:
                raise DataError(
                    f"{file}: row {row.number}: the run has no record {record!r}", hint=_hint(record, self.ids)
                )
            yield record
            return
        item, arm = (str(row.values.get(column) or "").strip() for column in ("item", "arm"))
        found = self._by_place.get((item, arm), [])
        if not found:
            items = [known for known, name in self._by_place if name == arm]
            arms = list(dict.fromkeys(name for _, name in self._by_place))
            hint = _hint(item, items) if items else _hint(arm, arms)
            raise DataError(f"{file}: row {row.number}: no answer of {arm!r} to item {item!r}", hint=hint)
        yield from found


def _hint(word: str, known: Sequence[str]) -> str:
    return did_you_mean(word, known, f"for example: {', '.join(map(repr, known[:3]))}")


def _value(row: Row, file: str) -> float | None:
    given: Mapping[str, object] = row.values
    text = str(given.get("value") if given.get("value") is not None else "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise DataError(f"{file}: row {row.number}: value {text!r} is no number from 0 to 1", hint="1 right, 0 wrong")
    return value
