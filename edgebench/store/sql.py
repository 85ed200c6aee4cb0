"""One store over SQL: SQLite in write-ahead mode by default, PostgreSQL by URL.

Every method is one transaction. With SQLite a killed process loses what it had not handed over, and nothing else
(``synchronous = NORMAL``: after a power cut the last moments may be missing, the file is whole all the same).
"""

from __future__ import annotations

import difflib
import hashlib
import os
import platform
import secrets
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

import psutil
from sqlalchemy import Connection, func, select

from edgebench.errors import StoreError
from edgebench.records import (
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
from edgebench.store import rows, schema
from edgebench.store.codec import dumps, loads
from edgebench.store.opening import border, connect, locate, shown, writing
from edgebench.store.packing import unpack_workload, with_plan
from edgebench.store.redaction import Policy, Texts


@dataclass
class _Open:
    """What is remembered of a run between two writes."""

    n: int
    policy: Policy | None  # None: texts are kept
    known: set[bytes] = field(default_factory=set)  # texts of this run that are surely stored


def new_id() -> str:
    """A fresh run id: eight hex digits."""
    return secrets.token_hex(4)


class SqlStore:
    """A :class:`edgebench.contracts.Store` in one database."""

    def __init__(self, place: str | Path) -> None:
        self.url = locate(place)
        self._engine = connect(self.url)
        self._writer = writing(self._engine)
        self._open: dict[str, _Open] = {}
        self._segments: dict[str, int] = {}  # segments begun here → their run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._engine.dispose()

    # ----------------------------------------------------------------------------------------------- a run begins

    def begin(
        self,
        run_id: str,
        plan: Plan,
        workload: Workload,
        trials: Sequence[Trial],
        *,
        created_at: str,
        notes: Sequence[str] = (),
    ) -> None:
        """Write a new run down. Its ``texts`` policy holds from here on, for the workload too."""
        policy = Policy(plan.texts, workload)
        stored = policy.workload(workload)
        with self._write() as connection:
            self._refuse_known(connection, run_id)
            n = rows.write_run(connection, run_id, plan, stored, created_at=created_at, texts=plan.texts, notes=notes)
            rows.write_trials(connection, n, trials)

    def add_run(self, run: Run, *, scores: Sequence[tuple[Score, str]] | None = None) -> None:
        """Write a whole run that was made elsewhere, as it is. It is shown like any other and never resumed.

        ``scores``: every score with its moment, oldest first; default: those of the run, made now.
        """
        with self._write() as connection:
            self._refuse_known(connection, run.id)
            self._write_whole(connection, run, scores, imported=True)

    def find(self, plan_digest: str, workload_digest: str) -> str | None:
        """The newest run of this experiment to be resumed: begun here, not complete, and not running right now."""
        r, s = schema.runs.c, schema.segments.c
        complete = select(s.n).where(s.run == r.n, s.ended_why == "complete").exists()
        same = (r.plan_digest == plan_digest, r.workload_digest == workload_digest, r.imported.is_(False), ~complete)
        with self._read() as connection:
            for n, run_id in connection.execute(select(r.n, r.id).where(*same).order_by(r.n.desc())).all():
                owners = connection.execute(select(s.owner).where(s.run == n, s.ended.is_(None))).scalars()
                if not any(_runs_elsewhere(owner) for owner in owners):
                    return str(run_id)
        return None

    def add_segment(self, run_id: str, segment: Segment) -> None:
        n = self._state(run_id).n
        with self._write() as connection:
            rows.write_segment(connection, n, segment, owner=dumps(_this_process()))
        self._segments[segment.id] = n

    def end_segment(self, segment_id: str, *, ended_at: str, why: str, not_issued: Mapping[str, int]) -> None:
        """Say how a segment ended. A segment begun by another store object must be the only one of its name."""
        s = schema.segments
        mine = self._segments.get(segment_id)
        place = (s.c.id == segment_id, s.c.ended_why.is_(None), *((s.c.run == mine,) if mine is not None else ()))
        with self._write() as connection:
            found = connection.execute(select(s.c.n).where(*place)).scalars().all()
            if len(found) != 1:
                what = "is not open" if not found else "is not the only one of its name"
                raise StoreError(f"segment {segment_id!r} {what}")
            change = {"ended_why": why, "ended": rows.pack_end(ended_at, not_issued)}
            connection.execute(s.update().where(s.c.n == found[0]).values(change))

    def set_identity(self, run_id: str, identity: Identity) -> None:
        """What answers under a target's name; said again, the last one holds."""
        n = self._state(run_id).n
        with self._write() as connection:
            rows.write_named(connection, schema.identities, n, {identity.name: identity})

    def set_cards(self, run_id: str, cards: Mapping[str, ModelCard]) -> None:
        """Keep the model cards a run was made with."""
        n = self._state(run_id).n
        with self._write() as connection:
            rows.write_named(connection, schema.cards, n, cards)

    # ----------------------------------------------------------------------------------------------- what is observed

    def append(self, run_id: str, records: Iterable[Record]) -> None:
        """Keep records: all of them or, when anything is wrong, none. Once this returns, ``kill -9`` cannot undo it.

        Raises
        ------
        StoreError: one of them is there already, the run was deleted, or the disk is full.
        """
        state = self._state(run_id)
        if state.policy is not None:
            records = [state.policy.record(record) for record in records]
        with self._write() as connection:
            added = rows.write_records(connection, state.n, records, state.known)
        state.known |= added  # only now: before, the transaction could have failed

    def add_readings(self, run_id: str, readings: Iterable[Reading]) -> None:
        n = self._state(run_id).n
        with self._write() as connection:
            rows.write_readings(connection, n, readings)

    def add_scores(self, run_id: str, scores: Iterable[Score]) -> None:
        """Add judgements. Earlier ones stay; :meth:`load` gives the last one of each (record, scorer)."""
        state, at = self._state(run_id), _now()
        with self._write() as connection:
            if state.policy is not None:
                r = schema.records.c
                query = select(r.id, r.item_digest).where(r.run == state.n)
                items = {row.id: row.item_digest for row in connection.execute(query)}
                scores = [state.policy.score(score, items.get(score.record_id, "")) for score in scores]
            rows.write_scores(connection, state.n, [(score, at) for score in scores])

    def add_rates(self, run_id: str, rates: Iterable[FrozenRate]) -> None:
        """Keep what calls cost when they were made. A rate kept before is never changed by a later one."""
        n = self._state(run_id).n
        with self._write() as connection:
            rows.write_rates(connection, n, rates)

    # ----------------------------------------------------------------------------------------------- what is there

    def done(self, run_id: str) -> set[str]:
        n = self._state(run_id).n
        with self._read() as connection:
            return set(connection.execute(select(schema.records.c.id).where(schema.records.c.run == n)).scalars())

    def load(self, run_id: str) -> Run:
        with self._read() as connection:
            return rows.read_run(connection, self._number(connection, run_id))

    def scores(self, run_id: str) -> list[tuple[Score, str]]:
        """Every score ever given to a run, oldest first, with its moment (ISO 8601 UTC)."""
        with self._read() as connection:
            return rows.read_scores(connection, self._number(connection, run_id))

    def runs(self) -> list[Mapping[str, Any]]:
        """Every run, newest first: id, created_at, question, arms, records, failures, segments, finished, imported."""
        r, s, t, d = schema.runs.c, schema.segments.c, schema.trials.c, schema.records.c
        with self._read() as connection:
            columns = (r.n, r.id, r.created_at, r.question, r.texts, r.imported)
            found = connection.execute(select(*columns).order_by(r.created_at.desc(), r.n.desc())).mappings().all()
            counted = select(d.run, func.count(), func.count(d.failure)).group_by(d.run)
            counts = {n: (records, failures) for n, records, failures in connection.execute(counted)}
            numbers = connection.execute(select(s.run)).scalars()
            segments = Counter(numbers)
            finished = set(connection.execute(select(s.run).where(s.ended_why == "complete")).scalars())
            arms: dict[int, dict[str, None]] = {}
            for n, arm in connection.execute(select(t.run, t.arm).order_by(t.n)):
                arms.setdefault(n, {})[arm] = None
        return [
            {
                "id": row["id"],
                "created_at": row["created_at"],
                "question": loads(row["question"]),
                "arms": tuple(arms.get(row["n"], ())),
                "records": counts.get(row["n"], (0, 0))[0],
                "failures": counts.get(row["n"], (0, 0))[1],
                "segments": segments[row["n"]],
                "finished": row["n"] in finished,
                "imported": bool(row["imported"]),
                "texts": row["texts"],
            }
            for row in found
        ]

    def resolve(self, prefix: str) -> str:
        """The run id that begins so; ``last`` is the newest.

        Raises
        ------
        StoreError: none does, or several do; the hint names those that come near.
        """
        r = schema.runs.c
        with self._read() as connection:
            ids = list(connection.execute(select(r.id).order_by(r.created_at.desc(), r.n.desc())).scalars())
        if not ids:
            raise StoreError(f"the store {shown(self.url)} holds no runs", hint="edgebench run PLAN")
        if prefix == "last":
            return str(ids[0])
        found = [prefix] if prefix in ids else [run_id for run_id in ids if prefix and run_id.startswith(prefix)]
        if len(found) == 1:
            return str(found[0])
        if found:
            raise StoreError(f"{len(found)} runs begin with {prefix!r}", hint=f"say which: {', '.join(found[:5])}")
        raise _unknown(prefix, ids)

    # ----------------------------------------------------------------------------------------------- erased on purpose

    def delete(self, run_id: str) -> None:
        """Erase a run with all its texts, from the file as well."""
        self._open.pop(run_id, None)
        with self._write() as connection:
            n = self._number(connection, run_id)
            connection.execute(schema.runs.delete().where(schema.runs.c.n == n))
        self._erase(f"run {run_id} is deleted")

    def redact(self, run_id: str, texts: Literal["redact", "hash"]) -> None:
        """Redact or hash the texts of a stored run. What was written stays otherwise as it was."""
        self._open.pop(run_id, None)
        with self._write() as connection:
            n = self._number(connection, run_id)
            kept = connection.execute(select(schema.runs.c.texts).where(schema.runs.c.n == n)).scalar_one()
            if (kept, texts) == ("hash", "redact"):
                return  # hashed texts say even less
            run, scores = rows.read_run(connection, n), rows.read_scores(connection, n)
            imported = connection.execute(select(schema.runs.c.imported).where(schema.runs.c.n == n)).scalar_one()
            connection.execute(schema.runs.delete().where(schema.runs.c.n == n))
            new = self._write_whole(connection, *_with_policy(run, scores, texts), imported=bool(imported))
        self._segments = {name: new if old == n else old for name, old in self._segments.items()}
        self._erase(f"the texts of run {run_id} are gone")

    def _erase(self, done: str) -> None:
        """Take what was deleted out of the file and its log too. SQLite has overwritten it already; this empties."""
        if self.url.get_backend_name() != "sqlite":
            return
        with border(self.url), self._engine.connect() as plain:
            raw = plain.connection.dbapi_connection
            cursor = raw.cursor() if raw is not None else None
            if cursor is None:
                return
            with suppress(sqlite3.Error):  # a smaller file is a kindness, no promise
                cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = bool(cursor.fetchall()[0][0])
            cursor.close()
        if busy:
            raise StoreError(
                f"{done}, but another process keeps the store open, and its log may still hold the texts",
                hint="when that process has ended, any edgebench command empties the log",
            )

    # ----------------------------------------------------------------------------------------------- inner parts

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with border(self.url), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with border(self.url), self._engine.connect() as connection:
            yield connection

    def _number(self, connection: Connection, run_id: str) -> int:
        r = schema.runs.c
        n = connection.execute(select(r.n).where(r.id == run_id)).scalar()
        if n is None:
            raise _unknown(run_id, list(connection.execute(select(r.id)).scalars()))
        return int(n)

    def _refuse_known(self, connection: Connection, run_id: str) -> None:
        if connection.execute(select(schema.runs.c.n).where(schema.runs.c.id == run_id)).first():
            raise StoreError(f"run {run_id} is in the store already", hint=f"edgebench report {run_id}")

    def _state(self, run_id: str) -> _Open:
        if run_id not in self._open:
            with self._read() as connection:
                n = self._number(connection, run_id)
                r = schema.runs.c
                texts, workload = connection.execute(select(r.texts, r.workload).where(r.n == n)).one()
            policy = None if texts == "keep" else Policy(texts, unpack_workload(workload))
            self._open[run_id] = _Open(n, policy)
        return self._open[run_id]

    def _write_whole(
        self, connection: Connection, run: Run, scores: Sequence[tuple[Score, str]] | None, *, imported: bool
    ) -> int:
        n = rows.write_run(
            connection,
            run.id,
            run.plan,
            run.workload,
            created_at=run.created_at,
            texts=run.plan.texts,
            imported=imported,
            notes=run.notes,
        )
        rows.write_trials(connection, n, run.trials)
        for segment in run.segments:
            rows.write_segment(connection, n, segment, owner=None)
        rows.write_named(connection, schema.identities, n, run.identities)
        rows.write_named(connection, schema.cards, n, run.cards)
        rows.write_records(connection, n, run.records, set())
        rows.write_readings(connection, n, run.readings)
        rows.write_rates(connection, n, run.rates)
        at = _now()
        rows.write_scores(connection, n, [(score, at) for score in run.scores] if scores is None else scores)
        return n


def _with_policy(
    run: Run, scores: Sequence[tuple[Score, str]], texts: Texts
) -> tuple[Run, Sequence[tuple[Score, str]]]:
    policy = Policy(texts, run.workload)
    items = {record.id: record.item_digest for record in run.records}
    changed = replace(
        run,
        plan=with_plan(run.plan, texts=texts),
        workload=policy.workload(run.workload),
        records=tuple(policy.record(record) for record in run.records),
    )
    return changed, [(policy.score(score, items.get(score.record_id, "")), at) for score, at in scores]


def _unknown(run_id: str, ids: Sequence[str]) -> StoreError:
    near = difflib.get_close_matches(run_id, ids, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "edgebench runs list"
    return StoreError(f"there is no run {run_id!r} in the store", hint=hint)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _this_process() -> dict[str, Any]:
    return {"host": _this_host(), "pid": os.getpid(), "started": psutil.Process().create_time()}


def _this_host() -> str:
    """Tells this machine from others without naming it."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:16]


def _runs_elsewhere(owner: str | None) -> bool:
    """Whether an open segment belongs to another process of this machine that is alive."""
    about = loads(owner) if owner else {}
    if about.get("host") != _this_host() or about.get("pid") == os.getpid():
        return False
    with suppress(psutil.Error):
        return bool(psutil.Process(about["pid"]).create_time() == about["started"])
    return False
