"""Which branches changed the same files (L5), and where people went apart on purpose."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from mlv_core.ids import BranchId, ChangesetNumber, FileId
from mlv_server.domain.lock_freshness import Divergence
from mlv_server.metadata.prepared import IN_LIMIT, Prepared
from mlv_server.metadata.tables import branches, divergences
from mlv_server.metadata.tables_history import changesets, path_changes
from mlv_server.metadata.versions import ROWS_LIMIT

Newest = dict[tuple[FileId, BranchId], ChangesetNumber]
"""The newest changeset of a branch that changed a file."""


class Rivals:
    """Changes of files on other branches of a repository that are open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def any_other(self, repository_id: int, branch_id: BranchId) -> bool:
        """Whether there is another open branch at all."""
        return _ANY.first(self._connection, repository=repository_id, branch=branch_id) is not None

    def newest(self, repository_id: int, branch_id: BranchId, files: Iterable[FileId]) -> Newest:
        """Where other open branches changed these files last, save for changesets too large to have rows."""
        wanted = sorted(set(files))
        if len(wanted) == 1:
            rows = _NEWEST.rows(self._connection, repository=repository_id, branch=branch_id, file=wanted[0])
            return {(FileId(file), BranchId(on)): ChangesetNumber(number) for file, on, number in rows}
        found: Newest = {}
        for start in range(0, len(wanted), IN_LIMIT):
            some = path_changes.c.file_id.in_(wanted[start : start + IN_LIMIT])
            asked = _CHANGED.where(some).group_by(path_changes.c.file_id, changesets.c.branch_id)
            values = {"repository": repository_id, "branch": branch_id}
            for file, on, number in self._connection.execute(asked, values):
                found[FileId(file), BranchId(on)] = ChangesetNumber(number)
        return found

    def large(self, repository_id: int, branch_id: BranchId) -> list[tuple[BranchId, ChangesetNumber]]:
        """The changesets of other open branches that are too large to have a row for each path."""
        rows = _LARGE.rows(self._connection, repository=repository_id, branch=branch_id)
        return [(BranchId(on), ChangesetNumber(number)) for on, number in rows]

    def diverged(self, repository_id: int, found: Iterable[Divergence]) -> None:
        """Keep that locks were taken in spite of newer versions; the newest word on a pair counts."""
        for one in found:
            self.settled(repository_id, [one])
            self._connection.execute(
                insert(divergences).values(
                    repository_id=repository_id,
                    file_id=one.file_id,
                    at=one.at,
                    changeset=one.changeset,
                    path=one.path,
                    by=one.by,
                    reason=one.reason,
                    time=one.time,
                )
            )

    def divergences(self, repository_id: int) -> list[Divergence]:
        """All that no merge has settled."""
        found = select(divergences).where(divergences.c.repository_id == repository_id)
        return [
            Divergence(
                file_id=FileId(row.file_id),
                path=row.path,
                at=ChangesetNumber(row.at),
                changeset=ChangesetNumber(row.changeset),
                by=row.by,
                reason=row.reason,
                time=row.time,
            )
            for row in self._connection.execute(found)
        ]

    def settled(self, repository_id: int, gone: Iterable[Divergence]) -> None:
        """Forget these: a merge decided them."""
        for one in gone:
            self._connection.execute(
                delete(divergences).where(
                    divergences.c.repository_id == repository_id,
                    divergences.c.file_id == one.file_id,
                    divergences.c.at == one.at,
                    divergences.c.changeset == one.changeset,
                )
            )


_ELSEWHERE = (
    branches.c.repository_id == bindparam("repository"),
    branches.c.id != bindparam("branch"),
    branches.c.abandoned_at.is_(None),
)
_ANY = Prepared(select(branches.c.id).where(*_ELSEWHERE).limit(1))
_OF_BRANCH = (changesets.c.repository_id == branches.c.repository_id) & (changesets.c.branch_id == branches.c.id)
_CHANGED = (
    select(path_changes.c.file_id, changesets.c.branch_id, func.max(path_changes.c.changeset))
    .select_from(path_changes)
    .join(
        changesets,
        (changesets.c.repository_id == path_changes.c.repository_id)
        & (changesets.c.number == path_changes.c.changeset),
    )
    .join(branches, _OF_BRANCH)
    .where(path_changes.c.repository_id == bindparam("repository"), *_ELSEWHERE)
)
_NEWEST = Prepared(
    _CHANGED.where(path_changes.c.file_id == bindparam("file")).group_by(path_changes.c.file_id, changesets.c.branch_id)
)
_LARGE = Prepared(
    select(changesets.c.branch_id, changesets.c.number)
    .join(branches, _OF_BRANCH)
    .where(changesets.c.files_changed > ROWS_LIMIT, *_ELSEWHERE)
)
