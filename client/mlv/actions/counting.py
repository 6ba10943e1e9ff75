"""Change lists as people count them."""

from __future__ import annotations

from collections.abc import Iterable

from mlv_core.entities import Change, Operation


def counted(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The rows of a change list without those that only say from where a file was moved: it is one file."""
    rows = tuple(changes)
    moved = {row.source for row in rows if row.operation is Operation.MOVE}
    return tuple(row for row in rows if row.state is not None or row.path not in moved)
