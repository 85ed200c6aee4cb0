"""The rate cards that were in force when calls were made, kept with their run so that a bill never changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rates",
        sa.Column("n", _BIG, primary_key=True, autoincrement=True),
        sa.Column("run", _BIG, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("served_model", sa.Text, nullable=False),
        sa.Column("since_s", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_rates"),
        sa.ForeignKeyConstraint(["run"], ["runs.n"], name="fk_rates_run", ondelete="CASCADE"),
        sa.UniqueConstraint(
            "run", "target", "served_model", "since_s", name="uq_rates_run_target_served_model_since_s"
        ),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER rates_written_once BEFORE UPDATE ON rates "
            "BEGIN SELECT RAISE(ABORT, 'rates are written once'); END"
        )
