"""The tables. Rows hang on ``runs.n``; everything about one run goes when its row goes.

Columns hold what is asked of the database; the rest of a noun is one JSON text. ``records``, ``calls``, ``texts``,
``readings``, ``scores`` and ``rates`` are written once: on SQLite triggers refuse every UPDATE of them (the law:
observations are kept). They can be deleted with their run, which is also how texts are redacted later: deleted and
written anew.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

#: revisions of migrations/versions, oldest first; the last one is what this version of EdgeBench reads and writes
REVISIONS = ("0001", "0002")
HEAD = REVISIONS[-1]

WRITTEN_ONCE = ("records", "calls", "texts", "readings", "scores", "rates")

metadata = MetaData(
    naming_convention={
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _number() -> Column[int]:
    return Column("n", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)


def _run() -> Column[int]:
    column = BigInteger().with_variant(Integer(), "sqlite")
    return Column("run", column, ForeignKey("runs.n", ondelete="CASCADE"), nullable=False)


def _of_record() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["run", "record_id"], ["records.run", "records.id"], ondelete="CASCADE")


runs = Table(
    "runs",
    metadata,
    _number(),
    Column("id", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("plan_digest", Text, nullable=False, index=True),
    Column("workload_digest", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("texts", Text, nullable=False),  # keep, redact, hash: what is done to texts before they are written
    Column("imported", Boolean, nullable=False),  # made elsewhere: shown, never resumed
    Column("plan", Text, nullable=False),
    Column("workload", Text, nullable=False),
    Column("notes", Text, nullable=False),
    UniqueConstraint("id"),
    sqlite_autoincrement=True,  # a number is never given twice, so no process can write into another's run
)

trials = Table(
    "trials",
    metadata,
    _number(),
    _run(),
    Column("id", Text, nullable=False),
    Column("arm", Text, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("run", "id"),
)

segments = Table(
    "segments",
    metadata,
    _number(),
    _run(),
    Column("id", Text, nullable=False),
    Column("owner", Text),  # JSON: the process that runs it, so that nobody resumes what is still running
    Column("ended_why", Text),
    Column("ended", Text),  # JSON: when it ended and what was not issued
    Column("body", Text, nullable=False),
    UniqueConstraint("run", "id"),
)

identities = Table(
    "identities",
    metadata,
    _number(),
    _run(),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("run", "name"),
)

cards = Table(
    "cards",
    metadata,
    _number(),
    _run(),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("run", "name"),
)

texts = Table(
    "texts",
    metadata,
    _number(),
    _run(),
    Column("key", LargeBinary, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("run", "key"),
)

records = Table(
    "records",
    metadata,
    _number(),
    _run(),
    Column("id", Text, nullable=False),
    Column("trial_id", Text, nullable=False),
    Column("segment_id", Text, nullable=False),
    Column("item_digest", Text, nullable=False),
    Column("idx", Integer, nullable=False),
    Column("due_ns", BigInteger, nullable=False),
    Column("sent_ns", BigInteger),
    Column("done_ns", BigInteger),
    Column("answer", Text),  # a JSON text, like every word of a model or a person below
    Column("confidence", Float),
    Column("failure", Text),
    Column("message", Text),
    Column("cold", Boolean, nullable=False),
    UniqueConstraint("run", "id"),
)

calls = Table(
    "calls",
    metadata,
    _number(),
    _run(),
    Column("record_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("role", Text, nullable=False),
    Column("failure", Text),
    Column("head", LargeBinary),  # keys of texts
    Column("last", LargeBinary),
    Column("words", LargeBinary),
    Column("form", LargeBinary),
    Column("body", Text, nullable=False),
    UniqueConstraint("run", "record_id", "number"),
    _of_record(),
)

readings = Table(
    "readings",
    metadata,
    _number(),
    _run(),
    Column("trial_id", Text, nullable=False),
    Column("meter", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("value", Float),
    Column("unit", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("provenance", Text, nullable=False),
)

scores = Table(
    "scores",
    metadata,
    _number(),
    _run(),
    Column("record_id", Text, nullable=False),
    Column("scorer", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("value", Float),
    Column("label", Text),
    Column("explanation", Text),
    Column("scored_at", Text, nullable=False),
    _of_record(),
)

rates = Table(
    "rates",
    metadata,
    _number(),
    _run(),
    Column("target", Text, nullable=False),
    Column("served_model", Text, nullable=False),
    Column("since_s", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("run", "target", "served_model", "since_s"),
)

# A run's readings and scores are found by it, and a record's scores go with it.
Index("ix_readings_run", readings.c.run)
Index("ix_scores_run_record_id", scores.c.run, scores.c.record_id)
