"""Reading history and versions: history.proto."""

from __future__ import annotations

from collections.abc import Sequence

from mlv_core.deferred import maker
from mlv_core.entities import VERSION_PATH, Change, Operation
from mlv_core.errors import InvalidRequest
from mlv_core.ids import ChangesetNumber, FileId, RepositoryName
from mlv_core.requests import FileRow, HistoryFilter, VersionDifference
from mlv_proto.convert import checks
from mlv_proto.convert.values import changes_from_wire, changes_to_wire, needs_from_wire, needs_to_wire
from mlv_proto.v1 import history_pb2 as pb

PAGE_LIMIT = 1000
"""Changesets of one page: with records of a few KiB each it stays below one message."""


def history_filter_to_wire(repository: RepositoryName, asked: HistoryFilter) -> pb.ListChangesetsRequest:
    """Which changesets to list."""
    return pb.ListChangesetsRequest(
        repository=str(repository),
        branch=asked.branch,
        path=asked.path,
        author=asked.author,
        first=asked.first,
        last=asked.last,
        labelled=asked.labelled,
        page_size=asked.page_size,
        before=asked.before,
    )


def history_filter_from_wire(message: pb.ListChangesetsRequest) -> HistoryFilter:
    """Which changesets to list; a page size of 0 is the default. Raises: InvalidRequest."""
    if message.page_size > PAGE_LIMIT:
        raise InvalidRequest(f"page_size is {message.page_size}; the limit is {PAGE_LIMIT}.")
    return HistoryFilter(
        branch=checks.text(message.branch, "branch"),
        path=checks.text(message.path, "path"),
        author=checks.text(message.author, "author"),
        first=checks.number(message.first, "first"),
        last=checks.number(message.last, "last"),
        labelled=message.labelled,
        page_size=message.page_size or HistoryFilter().page_size,
        before=checks.number(message.before, "before"),
    )


def file_rows_to_wire(rows: Sequence[FileRow]) -> pb.ListFilesResponse:
    """Files of a version; each stands as an ADD, the version's own properties as a META."""
    return pb.ListFilesResponse(
        files=changes_to_wire([_listed(row) for row in rows]),
        changed_in=[row.changed_in for row in rows],
        lock_needs=needs_to_wire(row.need for row in rows),
    )


def file_rows_from_wire(message: pb.ListFilesResponse) -> tuple[FileRow, ...]:
    """Files of a version. Raises: InvalidRequest."""
    files = changes_from_wire(message.files, "files")
    changed = checks.bounded(message.changed_in, len(files), "changed_in")
    needs = needs_from_wire(message.lock_needs, len(files), "lock_needs")
    rows, new = [], maker(FileRow)
    for change, number, need in zip(files, changed, needs, strict=True):
        if change.state is None:
            raise InvalidRequest("files.operations holds a DELETE in a list of files.")
        rows.append(new(change.path, change.state, ChangesetNumber(number), need))
    return tuple(rows)


def differences_to_wire(differences: Sequence[VersionDifference]) -> pb.DiffVersionsResponse:
    """What differs between two versions; a side that has no file is a DELETE."""
    return pb.DiffVersionsResponse(
        after=changes_to_wire([_after(difference) for difference in differences]),
        before=changes_to_wire([_before(difference) for difference in differences]),
    )


def differences_from_wire(message: pb.DiffVersionsResponse) -> tuple[VersionDifference, ...]:
    """What differs between two versions. Raises: InvalidRequest."""
    after = changes_from_wire(message.after, "after")
    before = changes_from_wire(message.before, "before")
    if [change.path for change in after] != [change.path for change in before]:
        raise InvalidRequest("before.paths differs from after.paths.")
    return tuple(
        VersionDifference(new.path, old.state, new.state, new.source) for new, old in zip(after, before, strict=True)
    )


def _listed(row: FileRow) -> Change:
    operation = Operation.META if row.path == VERSION_PATH else Operation.ADD
    return maker(Change)(row.path, operation, row.state.file_id, row.state)


def _after(difference: VersionDifference) -> Change:
    before, after = difference.before, difference.after
    if after is None:
        return Change(difference.path, Operation.DELETE, before.file_id if before else FileId(0), None)
    if difference.moved_from:
        operation = Operation.MOVE
    elif before is None:
        operation = Operation.ADD
    else:
        operation = Operation.META if before.content == after.content else Operation.MODIFY
    return Change(difference.path, operation, after.file_id, after, difference.moved_from)


def _before(difference: VersionDifference) -> Change:
    state = difference.before
    operation = Operation.DELETE if state is None else Operation.ADD
    return Change(difference.path, operation, state.file_id if state else FileId(0), state)
