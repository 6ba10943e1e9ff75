"""How alembic reaches the database: by the URL it is handed, in one transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from mlv_server.metadata import (
    covers,
    tables,
    tables_content,
    tables_history,
    tables_hooks,
    tables_releases,
    tables_shelves,
    tables_waiting,
)
from mlv_server.metadata.schema import metadata

ROOMS = (tables, tables_history, tables_content, tables_hooks, tables_releases, tables_waiting, tables_shelves, covers)
"""The modules that have put their tables and indexes into the MetaData."""


def run() -> None:
    """Run the migrations that alembic was asked for."""
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
