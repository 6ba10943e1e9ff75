"""The contents that a file has had, numbered along its history: what the chain rule of stored deltas is counted by."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select

from mlv_core.deferred import dataclass
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, FileId
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.tables_history import file_contents

_COLUMNS = [file_contents.c[name] for name in ("file_id", "content", "ordinal", "previous", "changeset")]
_ONE = Prepared(
    select(*_COLUMNS).where(
        file_contents.c.repository_id == bindparam("repository"),
        file_contents.c.file_id == bindparam("file"),
        file_contents.c.content == bindparam("content"),
    )
)
_ADD = Prepared(insert(file_contents), file_contents.c.keys())


@dataclass(frozen=True, slots=True)
class FileContent:
    """One content of a file: its place in the file's chain, the content before it, the changeset that brought it."""

    file_id: FileId
    content: ContentHash
    ordinal: int
    previous: ContentHash | None
    changeset: ChangesetNumber


class FileContents:
    """Contents of files, within one transaction.

    A file that was never modified has no row: its only content has the ordinal 0. A content that comes back, by an
    undo, keeps its place, and what is made from it counts on from there: branches and undone versions form a tree.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, repository_id: int, file_id: FileId, content: ContentHash) -> FileContent | None:
        """The place of a content, None for the first content of a file that was never modified."""
        row = _ONE.first(self._connection, repository=repository_id, file=file_id, content=content)
        return None if row is None else FileContent(*row)

    def extend(
        self,
        repository_id: int,
        file_id: FileId,
        before: tuple[ContentHash, ChangesetNumber],
        after: tuple[ContentHash, ChangesetNumber],
    ) -> int:
        """Note that the content `before` of a file became `after`, each with its changeset; how many rows it took."""
        if self.find(repository_id, file_id, after[0]) is not None:
            return 0
        known = self.find(repository_id, file_id, before[0])
        rows = []
        if known is None:
            known = FileContent(file_id, before[0], 0, None, before[1])
            rows.append(known)
        rows.append(FileContent(file_id, after[0], known.ordinal + 1, before[0], after[1]))
        _ADD.run_many(
            self._connection,
            [
                {
                    "repository_id": repository_id,
                    "file_id": row.file_id,
                    "content": row.content,
                    "ordinal": row.ordinal,
                    "previous": row.previous,
                    "changeset": row.changeset,
                }
                for row in rows
            ],
        )
        return len(rows)

    def ancestor(self, repository_id: int, known: FileContent, ordinal: int) -> FileContent | None:
        """The content with a lower `ordinal` from which `known` was made, None where the chain does not reach it."""
        step: FileContent | None = known
        while step is not None and step.ordinal > ordinal:
            step = None if step.previous is None else self.find(repository_id, step.file_id, step.previous)
        return step if step is not None and step.ordinal == ordinal else None

    def brought_after(self, repository_id: int, changeset: ChangesetNumber, limit: int) -> tuple[FileContent, ...]:
        """At most `limit` contents, oldest changeset first, that changesets after `changeset` brought to known files.

        All contents of the last changeset in the answer may not be in it.
        """
        columns = file_contents.c
        statement = (
            select(columns.file_id, columns.content, columns.ordinal, columns.previous, columns.changeset)
            .where(columns.repository_id == repository_id, columns.changeset > changeset, columns.ordinal > 0)
            .order_by(columns.changeset, columns.file_id)
            .limit(limit)
        )
        return tuple(FileContent(*row) for row in self._connection.execute(statement))
