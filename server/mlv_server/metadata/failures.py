"""What a failure of the database driver means in mlv's own errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from mlv_core.errors import DamagedContent, DiskFull, MlvError, Unreachable

_SQLITE_BUSY = 5
_SQLITE_LOCKED = 6
_SQLITE_CORRUPT = 11
_SQLITE_FULL = 13
_SQLITE_CANNOT_OPEN = 14
_SQLITE_NOT_A_DATABASE = 26
_SQLITE_NO_TEXT = "Could not decode to UTF-8"
_PRIMARY_CODE = 0xFF
_POSTGRES_AGAIN = frozenset({"40001", "40P01"})
_POSTGRES_DISK_FULL = "53100"


def is_serialization_failure(error: BaseException) -> bool:
    """Whether the transaction lost a race on PostgreSQL and may simply run again."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _POSTGRES_AGAIN


def translate(error: BaseException) -> BaseException:
    """The mlv error that `error` amounts to, with `error` as its cause; `error` itself where it has no other name."""
    named = _name(error)
    if named is None:
        return error
    named.__cause__ = error
    return named


@contextmanager
def translated() -> Iterator[None]:
    """Raise failures of the database inside of the block under the names they have in mlv."""
    try:
        yield
    except Exception as error:
        named = translate(error)
        if named is error:
            raise
        raise named from error


def _name(error: BaseException) -> MlvError | None:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _disk_full()
    if isinstance(error, UnicodeDecodeError):
        return _damaged()  # the driver fails so on SQLite's own message when that quotes a damaged schema
    if not isinstance(error, DBAPIError):
        return None
    code = getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code == _SQLITE_FULL or getattr(error.orig, "sqlstate", None) == _POSTGRES_DISK_FULL:
        return _disk_full()
    if code in {_SQLITE_CORRUPT, _SQLITE_NOT_A_DATABASE} or str(error.orig).startswith(_SQLITE_NO_TEXT):
        return _damaged()
    if code in {_SQLITE_BUSY, _SQLITE_LOCKED, _SQLITE_CANNOT_OPEN} or error.connection_invalidated:
        return Unreachable("The server's metadata database is busy or away.", advice="Try again in a moment.")
    return None


def _damaged() -> DamagedContent:
    return DamagedContent(
        "The server's metadata database is damaged.", advice="Stop the server and restore the database from a backup."
    )


def _disk_full() -> DiskFull:
    return DiskFull("The server's disk is full: nothing of this request was stored.")
