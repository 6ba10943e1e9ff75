"""One server at a time on a database file: a lock of the operating system, which ends with the process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from mlv_core.errors import InvalidSettings


@contextmanager
def claimed(url: str) -> Iterator[None]:
    """Hold the SQLite file of `url` for this process; other databases look after themselves.

    Raises: InvalidSettings when another server holds it, OSError.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        yield
        return
    place = Path(f"{parsed.database}.lock")
    handle = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            message = f"A server already runs on {parsed.database} (process {holder or 'unknown'})."
            advice = "Stop it first, or give this server a folder of its own."
            raise InvalidSettings(message, advice=advice) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(handle)
