"""Bring a database to the schema of this program, or tell that it has another."""

from __future__ import annotations

import sqlite3
import tempfile
from functools import cache
from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from mlv_core.errors import InvalidSettings
from mlv_server.metadata.failures import translated


def upgrade(url: str) -> None:
    """Make the tables of a new database, or bring those of an older program up to date."""
    with translated():
        command.upgrade(_config(url), "head")


def check(url: str) -> None:
    """Check that the database has the schema of this program.

    Raises: InvalidSettings when it has an older, a newer or none.
    """
    newest = ScriptDirectory.from_config(_config(url)).get_current_head()
    current = current_revision(url)
    if current == newest:
        return
    if current is None:
        raise InvalidSettings(
            "The database has no tables.", advice="'mlv-server init DIR' makes a server; check storage.database."
        )
    raise InvalidSettings(
        f"The database has schema {current}, this program needs {newest}.",
        advice="Run the program of the version that last used it.",
    )


@cache
def fresh_schema() -> frozenset[tuple[str, str, str, str | None]]:
    """Kind, name, table and statement of every table and index that the migrations make in a new SQLite database."""
    with tempfile.TemporaryDirectory(prefix="mlv-schema-") as folder:
        file = Path(folder) / "new.db"
        upgrade(f"sqlite:///{file}")
        database = sqlite3.connect(file)
        try:
            return frozenset(database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))
        finally:
            database.close()


def knows(revision: str) -> bool:
    """Whether this program has or can bring up a database of schema `revision`."""
    scripts = ScriptDirectory.from_config(_config(""))
    return any(script.revision == revision for script in scripts.walk_revisions())


def current_revision(url: str) -> str | None:
    """The schema that the database has; None if it has none or does not exist."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        return None
    engine = create_engine(parsed)
    try:
        with translated(), engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files(__name__)))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config
