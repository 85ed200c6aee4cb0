"""What Alembic runs to reach a revision; the connection is handed in by ``edgebench.store.opening``."""

from __future__ import annotations

from alembic import context

from edgebench.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can, when BEGIN is ours; Alembic does not believe it by itself
)
with context.begin_transaction():
    context.run_migrations()
