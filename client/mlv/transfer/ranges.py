"""Plain bytes of one file of a version, by range: for `cat` and for reading without a checkout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlv_core.errors import DamagedContent, InvalidRequest, NotFound, Unreachable
from mlv_core.hashing import ContentHasher
from mlv_core.ids import escape
from mlv_core.requests import Range, RangeKind

if TYPE_CHECKING:
    from mlv.remote.service import Server
    from mlv_core.entities import FileState
    from mlv_core.ids import ChangesetNumber, RepositoryName

BYTES_AT_ONCE = 1 << 30
"""Bytes asked for in one call, far below what a server gives in one."""


def state_of(server: Server, repository: RepositoryName, changeset: ChangesetNumber, path: str) -> FileState:
    """The file at `path` of a version. Raises: NotFound, and whatever the server refuses with."""
    for row in server.list_files(repository, changeset, (path,)):
        if row.path == path:
            return row.state
    raise NotFound(f"Version @{changeset} has no file '{escape(path)}'.", advice=f"'mlv ls @{changeset}' lists them.")


def read_range(
    server: Server,
    repository: RepositoryName,
    changeset: ChangesetNumber,
    state: FileState,
    offset: int = 0,
    length: int | None = None,
) -> Iterator[bytes]:
    """`length` bytes of a file from `offset` (None: to its end), in pieces; cut at the end of the file.

    The server checks each segment before it sends (F4); a file that is read whole is checked here as well. A
    connection that breaks is taken up again as long as each new one brings something.
    Raises: InvalidRequest for negative numbers; DamagedContent; whatever the server refuses with.
    """
    if offset < 0 or (length is not None and length < 0):
        raise InvalidRequest(f"offset {offset} and length {length} must not be negative.")
    end = state.size if length is None else min(state.size, offset + length)
    hasher = ContentHasher() if offset == 0 and end == state.size else None
    while offset < end:
        start = offset
        wanted = Range(RangeKind.FILE, state.content, offset, min(BYTES_AT_ONCE, end - offset))
        try:
            for data in server.get_ranges(repository, changeset, (wanted,)):
                offset += len(data)
                if hasher is not None:
                    hasher.update(data)
                yield bytes(data)
        except Unreachable:
            if offset == start:
                raise
            continue
        if offset != start + wanted.length:
            raise DamagedContent("The server's stream ended early.", advice="Type the same command again.")
    if hasher is not None and hasher.digest() != state.content:
        raise DamagedContent(
            f"File {state.content.hex()} of @{changeset} did not arrive as it was committed.",
            advice="Type the same command again; if it stays so, run 'mlv-server verify' on the server.",
        )
