"""The first tables. Written out, not taken from ``schema.py``: a migration says what was, whatever comes later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WRITTEN_ONCE = ("records", "calls", "texts", "readings", "scores")


def upgrade() -> None:
    _runs()
    _belongs("trials", _text("id"), _text("arm"), _text("body"), once=("id",))
    ended = (_text("owner", null=True), _text("ended_why", null=True), _text("ended", null=True))
    _belongs("segments", _text("id"), *ended, _text("body"), once=("id",))
    _belongs("identities", _text("name"), _text("body"), once=("name",))
    _belongs("cards", _text("name"), _text("body"), once=("name",))
    _belongs("texts", sa.Column("key", sa.LargeBinary, nullable=False), _text("body"), once=("key",))
    _records()
    _calls()
    _readings()
    _scores()
    if op.get_bind().dialect.name == "sqlite":
        _refuse_updates()


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


def _belongs(
    name: str,
    *columns: sa.schema.SchemaItem,
    once: tuple[str, ...] = (),
    of_record: bool = False,
) -> None:
    """A table whose rows go with their run (and, for some, with their record)."""
    own: list[sa.schema.SchemaItem] = [
        sa.Column("n", _BIG, primary_key=True, autoincrement=True),
        sa.Column("run", _BIG, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("n", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["run"], ["runs.n"], name=f"fk_{name}_run", ondelete="CASCADE"),
    ]
    if once:
        own.append(sa.UniqueConstraint("run", *once, name="_".join(("uq", name, "run", *once))))
    if of_record:
        here, there = ["run", "record_id"], ["records.run", "records.id"]
        own.append(sa.ForeignKeyConstraint(here, there, name=f"fk_{name}_run_record_id", ondelete="CASCADE"))
    op.create_table(name, *own)


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("n", _BIG, primary_key=True, autoincrement=True),
        *(_text(name) for name in ("id", "created_at", "plan_digest", "workload_digest", "question", "texts")),
        sa.Column("imported", sa.Boolean, nullable=False),
        *(_text(name) for name in ("plan", "workload", "notes")),
        sa.PrimaryKeyConstraint("n", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_plan_digest", "runs", ["plan_digest"])


def _records() -> None:
    _belongs(
        "records",
        *(_text(name) for name in ("id", "trial_id", "segment_id", "item_digest")),
        sa.Column("idx", sa.Integer, nullable=False),
        sa.Column("due_ns", sa.BigInteger, nullable=False),
        sa.Column("sent_ns", sa.BigInteger),
        sa.Column("done_ns", sa.BigInteger),
        _text("answer", null=True),
        sa.Column("confidence", sa.Float),
        _text("failure", null=True),
        _text("message", null=True),
        sa.Column("cold", sa.Boolean, nullable=False),
        once=("id",),
    )


def _calls() -> None:
    _belongs(
        "calls",
        _text("record_id"),
        sa.Column("number", sa.Integer, nullable=False),
        _text("role"),
        _text("failure", null=True),
        *(sa.Column(name, sa.LargeBinary) for name in ("head", "last", "words", "form")),
        _text("body"),
        once=("record_id", "number"),
        of_record=True,
    )


def _readings() -> None:
    _belongs(
        "readings",
        *(_text(name) for name in ("trial_id", "meter", "quantity")),
        sa.Column("value", sa.Float),
        *(_text(name) for name in ("unit", "phase")),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        _text("provenance"),
    )
    op.create_index("ix_readings_run", "readings", ["run"])


def _scores() -> None:
    _belongs(
        "scores",
        *(_text(name) for name in ("record_id", "scorer", "version")),
        sa.Column("value", sa.Float),
        _text("label", null=True),
        _text("explanation", null=True),
        _text("scored_at"),
        of_record=True,
    )
    op.create_index("ix_scores_run_record_id", "scores", ["run", "record_id"])


def _refuse_updates() -> None:
    for table in _WRITTEN_ONCE:
        op.execute(
            f"CREATE TRIGGER {table}_written_once BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} are written once'); END"
        )
