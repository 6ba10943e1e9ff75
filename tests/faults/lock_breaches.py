"""Servers broken on purpose, each in one rule of locks: the checker of histories must find every one of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlv_core.entities import LockNeed
from mlv_core.errors import LockLost
from mlv_server.domain import commits, locking
from mlv_server.domain.lock_checks import CommitLocks, check_commit


def _lost_tokens(_folder: Path) -> Callable[[], None]:
    """A commit on a lost lock lands (against L12)."""

    def check(changes: Sequence[Any], current: Any, ground: Any) -> CommitLocks:
        try:
            return check_commit(changes, current, ground)
        except LockLost:
            return CommitLocks((LockNeed.REQUIRED,) * len(changes), ())

    def prepare() -> None:
        commits.check_commit = check

    return prepare


def _stealing(_folder: Path) -> Callable[[], None]:
    """Everybody may take a live lock (against L9): two believe to hold it."""

    def prepare() -> None:
        locking.is_live = lambda *_: False

    return prepare


def _forgetful(folder: Path) -> Callable[[], None]:
    """A restart loses the locks (against L1)."""
    return lambda: _change(folder, "delete from locks")


def _counting_anew(folder: Path) -> Callable[[], None]:
    """After a restart tokens begin anew (against L1)."""
    return lambda: _change(folder, "delete from locks; update lock_counters set last_token = 0")


def _change(folder: Path, statements: str) -> None:
    with sqlite3.connect(folder / "mlv.db") as database:
        database.executescript(statements)


BREACHES: dict[str, Callable[[Path], Callable[[], None]]] = {
    "lost tokens": _lost_tokens,
    "stealing": _stealing,
    "forgetful": _forgetful,
    "counting anew": _counting_anew,
}
