"""Copies of a whole SQLite database, taken while others write to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Engine

from mlv_core.errors import DamagedContent, DiskFull, Unreachable
from mlv_server.metadata.failures import translated

_FULL = 13
_BUSY = frozenset({5, 6})


def copy_sqlite(engine: Engine, target: Path) -> None:
    """Write the committed state of the engine's database to the new file `target`, which holds no log of its own.

    Pages keep their places, so that two copies differ only where the database does. All of it is read in one
    transaction. The file is not synced. Raises: DiskFull, DamagedContent, Unreachable.
    """
    with translated():
        held = engine.raw_connection()
    try:
        source = held.driver_connection
        copy = sqlite3.connect(target)
        try:
            copy.execute("PRAGMA synchronous = OFF")
            source.backup(copy)  # type: ignore[union-attr]
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()
    except sqlite3.Error as error:
        raise _named(error) from error
    finally:
        held.close()


def _named(error: sqlite3.Error) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == _FULL:
        return DiskFull("The disk of the backup is full: there is no room for a copy of the database.")
    if code in _BUSY:
        return Unreachable("The server's metadata database is busy.", advice="Try again in a moment.")
    return DamagedContent(f"The database cannot be copied: {error}.")
