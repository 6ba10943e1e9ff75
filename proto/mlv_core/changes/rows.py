"""Rows of change lists, and the state of a version as a fold of sorted rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from mlv_core.deferred import maker
from mlv_core.entities import Change, FileMode, FileState, Operation, Properties
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, FileId

_DELETE = int(Operation.DELETE)
_NO_CONTENT = ContentHash(b"")
_MODES = tuple(FileMode)
_OPERATIONS = {int(operation): operation for operation in Operation}


class Row(NamedTuple):
    """One row: what its last change did to a path, the state since then, and the changeset of that change.

    A named tuple, because a version may have a million. For a DELETE `content` is empty and the rest is zero.
    """

    path: str
    operation: int
    file_id: FileId
    mode: int
    text: bool
    size: int
    content: ContentHash
    properties: Properties
    source: str
    changed_in: ChangesetNumber

    @property
    def state(self) -> FileState | None:
        """The file's state; None for a DELETE."""
        if self.operation == _DELETE:
            return None
        _, _, file_id, mode, text, size, content, properties, _, _ = self
        return maker(FileState)(file_id, _MODES[mode], text, size, content, properties)

    @property
    def change(self) -> Change:
        """The row as a change."""
        return maker(Change)(self.path, _OPERATIONS[self.operation], self.file_id, self.state, self.source)

    @classmethod
    def of(cls, change: Change, changed_in: ChangesetNumber) -> Row:
        """The row of a change made in the changeset `changed_in`."""
        state = change.state
        if state is None:
            return cls(change.path, _DELETE, change.file_id, 0, False, 0, _NO_CONTENT, (), "", changed_in)
        return cls(
            change.path,
            int(change.operation),
            change.file_id,
            int(state.mode),
            state.text,
            state.size,
            state.content,
            state.properties,
            change.source,
            changed_in,
        )


RowColumns = Sequence[Sequence[Any]]
"""Rows as their columns, in the order of the fields of `Row`."""


def rows_of(changes: Iterable[Change], changed_in: ChangesetNumber) -> list[Row]:
    """The sorted rows of one changeset's changes."""
    return sorted(Row.of(change, changed_in) for change in changes)


def columns_of(changes: Sequence[Change], changed_in: ChangesetNumber) -> RowColumns:
    """The columns of the rows of `changes`, in their order; by far quicker than by way of the rows."""
    states = [state for change in changes if (state := change.state) is not None]
    if len(states) != len(changes):
        return tuple(zip(*[Row.of(change, changed_in) for change in changes], strict=True))
    return (
        [change.path for change in changes],
        [int(change.operation) for change in changes],
        [change.file_id for change in changes],
        [int(state.mode) for state in states],
        [state.text for state in states],
        [state.size for state in states],
        [state.content for state in states],
        [state.properties for state in states],
        [change.source for change in changes],
        [changed_in] * len(changes),
    )


def states_of(rows: Iterable[Row]) -> list[FileState | None]:
    """The state of each row; None for a DELETE."""
    new = maker(FileState)
    return [
        new(file_id, _MODES[mode], text, size, content, properties) if operation != _DELETE else None
        for _, operation, file_id, mode, text, size, content, properties, _, _ in rows
    ]


def fold(lists: Iterable[Iterable[Row]]) -> list[Row]:
    """One sorted list with the effect of all `lists`, given oldest first: the last row of a path wins.

    Folding is associative; a path's DELETE stays in the result, because an older list may hold the path.
    """
    last: dict[str, Row] = {}
    for rows in lists:
        for row in rows:
            last[row.path] = row
    return sorted(last.values())


def apply(snapshot: Iterable[Row], changes: Sequence[Row]) -> Iterator[Row]:
    """The files of a version, sorted: a sorted `snapshot` with the sorted `changes` made on top of it."""
    at = 0
    count = len(changes)
    for row in snapshot:
        path = row.path
        while at < count and changes[at].path < path:
            if changes[at].operation != _DELETE:
                yield changes[at]
            at += 1
        if at < count and changes[at].path == path:
            if changes[at].operation != _DELETE:
                yield changes[at]
            at += 1
        else:
            yield row
    for row in changes[at:]:
        if row.operation != _DELETE:
            yield row
