"""Nouns into tables and back, inside a transaction that the store opened. ``n`` is the run's number in the database."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Table, bindparam, insert, select

from edgebench.errors import StoreError
from edgebench.records import (
    Call,
    FrozenRate,
    Identity,
    ModelCard,
    Plan,
    Reading,
    Record,
    Run,
    Score,
    Segment,
    Trial,
    Workload,
)
from edgebench.store import schema
from edgebench.store.codec import decode, dumps, encode, loads
from edgebench.store.packing import (
    PIECES,
    UNREADABLE,
    Unpacker,
    pack_plan,
    pack_record,
    pack_workload,
    unpack_plan,
    unpack_workload,
)

T = TypeVar("T")
_AT_ONCE = 500  # keys in one IN (…): every database takes that many

# --------------------------------------------------------------------------------------------------- writing


def write_run(
    connection: Connection,
    run_id: str,
    plan: Plan,
    workload: Workload,
    *,
    created_at: str,
    texts: str,
    imported: bool = False,
    notes: Sequence[str] = (),
) -> int:
    """The run's own row; returns its number."""
    row = {
        "id": run_id,
        "created_at": created_at,
        "plan_digest": plan.digest,
        "workload_digest": workload.digest,
        "question": dumps(plan.question),
        "texts": texts,
        "imported": imported,
        "plan": pack_plan(plan),
        "workload": pack_workload(workload),
        "notes": dumps(list(notes)),
    }
    key = connection.execute(insert(schema.runs), row).inserted_primary_key
    return int(key[0]) if key else 0


def write_trials(connection: Connection, n: int, trials: Iterable[Trial]) -> None:
    rows = [{"run": n, "id": t.id, "arm": t.arm, "body": dumps(encode(t))} for t in trials]
    _write(connection, schema.trials, rows)


def write_segment(connection: Connection, n: int, segment: Segment, *, owner: str | None) -> None:
    """A segment; how it ended is kept apart, because that alone is known later."""
    ended = None
    if segment.ended_why is not None or segment.ended_at is not None or segment.not_issued:
        ended = pack_end(segment.ended_at, segment.not_issued)
    begun = replace(segment, ended_at=None, ended_why=None, not_issued={})
    row = {"run": n, "id": segment.id, "owner": owner, "ended_why": segment.ended_why, "ended": ended}
    _write(connection, schema.segments, [row | {"body": dumps(encode(begun))}])


def pack_end(ended_at: str | None, not_issued: Mapping[str, int]) -> str:
    return dumps({"ended_at": ended_at, "not_issued": dict(not_issued)})


def write_named(connection: Connection, table: Table, n: int, nouns: Mapping[str, Identity | ModelCard]) -> None:
    """Identities or cards by name; the last one said holds."""
    if nouns:
        connection.execute(table.delete().where(table.c.run == n, table.c.name.in_(list(nouns))))
    _write(connection, table, [{"run": n, "name": key, "body": dumps(encode(noun))} for key, noun in nouns.items()])


def write_records(connection: Connection, n: int, records: Iterable[Record], known: set[bytes]) -> set[bytes]:
    """Records, their calls and the texts not yet there; returns the keys that are there now besides ``known``."""
    rows, calls = [], []
    texts: dict[bytes, str] = {}
    for record in records:
        row, own_calls, own_texts = pack_record(record)
        rows.append(row | {"run": n})
        calls += [call | {"run": n} for call in own_calls]
        texts |= own_texts
    unknown = texts.keys() - known
    new = unknown - _stored(connection, n, unknown)
    missing = [key for key in texts if key in new]
    _write(connection, schema.texts, [{"run": n, "key": key, "body": texts[key]} for key in missing])
    _write(connection, schema.records, rows)
    _write(connection, schema.calls, calls)
    return unknown


#: made once: a statement is a ring of objects, and nothing collects those while requests are timed
_THERE = select(schema.texts.c.key).where(
    schema.texts.c.run == bindparam("run"), schema.texts.c.key.in_(bindparam("keys", expanding=True))
)


def _stored(connection: Connection, n: int, keys: Iterable[bytes]) -> set[bytes]:
    """Which of these texts are there: another process may have written them."""
    left, there = list(keys), set[bytes]()
    while left:
        some, left = left[:_AT_ONCE], left[_AT_ONCE:]
        there.update(connection.execute(_THERE, {"run": n, "keys": some}).scalars())
    return there


def write_readings(connection: Connection, n: int, readings: Iterable[Reading]) -> None:
    _write(connection, schema.readings, [{"run": n, **encode(r), "value": r.value, "at_ns": r.at_ns} for r in readings])


def write_scores(connection: Connection, n: int, scores: Iterable[tuple[Score, str]]) -> None:
    """Scores, each with the moment it was made."""
    rows = [
        {
            "run": n,
            "record_id": score.record_id,
            "scorer": score.scorer,
            "version": score.version,
            "value": score.value,
            "label": _words(score.label),
            "explanation": _words(score.explanation),
            "scored_at": at,
        }
        for score, at in scores
    ]
    _write(connection, schema.scores, rows)


def write_rates(connection: Connection, n: int, rates: Iterable[FrozenRate]) -> None:
    """Frozen rates; one that is there already stays as it is."""
    there = {_rate_key(rate) for rate in read_rates(connection, n)}
    new = {_rate_key(rate): rate for rate in rates if _rate_key(rate) not in there}
    _write(
        connection,
        schema.rates,
        [
            {"run": n, "target": target, "served_model": served, "since_s": since_s, "body": dumps(encode(rate))}
            for (target, served, since_s), rate in new.items()
        ],
    )


def _rate_key(rate: FrozenRate) -> tuple[str, str, int]:
    return rate.target, rate.served_model, rate.since_s


def _words(text: str | None) -> str | None:
    return None if text is None else dumps(text)


def _write(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


# --------------------------------------------------------------------------------------------------- reading


def read_run(connection: Connection, n: int) -> Run:
    """The whole run.

    Raises
    ------
    StoreError: a row is not what this version writes.
    """
    row = connection.execute(select(schema.runs).where(schema.runs.c.n == n)).mappings().one()
    try:
        records = _read_records(connection, n)
        return Run(
            id=row["id"],
            created_at=row["created_at"],
            plan=unpack_plan(row["plan"]),
            workload=unpack_workload(row["workload"]),
            identities=_read_named(connection, schema.identities, n, Identity),
            trials=tuple(decode(Trial, loads(r["body"])) for r in _rows(connection, schema.trials, n)),
            segments=tuple(_segment(r) for r in _rows(connection, schema.segments, n)),
            records=records,
            readings=tuple(_reading(r) for r in _rows(connection, schema.readings, n)),
            scores=newest(score for score, _ in read_scores(connection, n)),
            cards=_read_named(connection, schema.cards, n, ModelCard),
            notes=tuple(loads(row["notes"])),
            rates=read_rates(connection, n),
        )
    except UNREADABLE as exc:
        raise StoreError(f"run {row['id']} cannot be read: {exc}", hint="the file may be damaged") from exc


def read_rates(connection: Connection, n: int) -> tuple[FrozenRate, ...]:
    """What a run's calls cost when they were made."""
    return tuple(decode(FrozenRate, loads(row["body"])) for row in _rows(connection, schema.rates, n))


def read_scores(connection: Connection, n: int) -> list[tuple[Score, str]]:
    """Every score ever given, oldest first, with its moment."""
    return [
        (
            Score(
                record_id=row["record_id"],
                scorer=row["scorer"],
                version=row["version"],
                value=row["value"],
                label=_maybe(loads, row["label"]),
                explanation=_maybe(loads, row["explanation"]),
            ),
            row["scored_at"],
        )
        for row in _rows(connection, schema.scores, n)
    ]


def newest(scores: Iterable[Score]) -> tuple[Score, ...]:
    """The last one said by each scorer of each record."""
    return tuple({(score.record_id, score.scorer): score for score in scores}.values())


def _rows(connection: Connection, table: Table, n: int) -> Sequence[RowMapping]:
    return connection.execute(select(table).where(table.c.run == n).order_by(table.c.n)).mappings().all()


def _read_records(connection: Connection, n: int) -> tuple[Record, ...]:
    """Records with their calls; columns are picked, because the rest costs time."""
    texts = {row["key"]: row["body"] for row in _rows(connection, schema.texts, n)}
    rows = _rows(connection, schema.records, n)
    items = {row["id"]: row["item_digest"] for row in rows}
    unpacker = Unpacker(texts)
    calls: dict[str, list[Call]] = {record_id: [] for record_id in items}
    c = schema.calls.c
    picked = select(c.record_id, c.role, *(c[name] for name in PIECES), c.body)
    for row in connection.execute(picked.where(c.run == n).order_by(c.n)).mappings():
        calls[row["record_id"]].append(unpacker.call(row, items[row["record_id"]]))
    return tuple(unpacker.record(row, tuple(calls[row["id"]])) for row in rows)


def _read_named(connection: Connection, table: Table, n: int, kind: type[T]) -> dict[str, T]:
    return {row["name"]: decode(kind, loads(row["body"])) for row in _rows(connection, table, n)}


def _segment(row: RowMapping) -> Segment:
    end = loads(row["ended"]) if row["ended"] is not None else {}
    return decode(Segment, loads(row["body"]) | end | {"ended_why": row["ended_why"]})


def _reading(row: RowMapping) -> Reading:
    names = ("trial_id", "meter", "quantity", "unit", "phase", "at_ns", "provenance")
    value = math.nan if row["value"] is None else row["value"]  # SQLite keeps "not a number" as NULL
    return decode(Reading, {name: row[name] for name in names} | {"value": value})


def _maybe(read: Callable[[str], Any], text: str | None) -> Any:
    return None if text is None else read(text)
