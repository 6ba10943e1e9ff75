"""Registered workspaces: who works where, on which branch, from which changeset."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from mlv_core.deferred import dataclass
from mlv_core.entities import Workspace
from mlv_core.errors import NotFound
from mlv_core.ids import BranchId, ChangesetNumber, RepositoryName, WorkspaceId, escape, fold
from mlv_server.metadata.prepared import Prepared, Row
from mlv_server.metadata.tables import branches, repositories, users, workspaces


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    """A workspace, its owner's id and its branch's."""

    workspace: Workspace
    owner_id: int
    branch_id: BranchId


class Workspaces:
    """Workspaces by repository and the id that their client made."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, repository_id: int, row: WorkspaceRow) -> None:
        """Register the workspace, or note where it stands now."""
        workspace = row.workspace
        where = {
            "host": workspace.host,
            "directory": workspace.directory,
            "branch_id": row.branch_id,
            "base": workspace.base,
            "last_seen": workspace.last_seen,
        }
        known = self._connection.execute(
            update(workspaces)
            .where(workspaces.c.repository_id == repository_id, workspaces.c.id == workspace.id)
            .values(**where)
            .returning(workspaces.c.id)
        ).first()
        if known is None:
            self._connection.execute(
                insert(workspaces).values(
                    repository_id=repository_id,
                    id=workspace.id,
                    owner_id=row.owner_id,
                    created_at=workspace.last_seen,
                    **where,
                )
            )

    def moved(
        self, repository_id: int, workspace: WorkspaceId, branch_id: BranchId, base: ChangesetNumber, now: int
    ) -> None:
        """Note that the workspace now stands on `base` of a branch; nothing if it is not registered."""
        self._connection.execute(
            update(workspaces)
            .where(workspaces.c.repository_id == repository_id, workspaces.c.id == workspace)
            .values(branch_id=branch_id, base=base, last_seen=now)
        )

    def seen(self, repository: str, workspace: WorkspaceId, owner_id: int, now: int) -> None:
        """Note a sign of life at `now` (ms) of a workspace in the repository of this name; nothing if it has none."""
        _SEEN.run(self._connection, name=fold(repository), workspace=workspace, owner=owner_id, moment=now)

    def seen_many(self, contacts: Mapping[tuple[str, str, int], int]) -> None:
        """Note signs of life, with their times in ms, by name of repository, id of workspace and id of its owner."""
        names = ("name", "workspace", "owner")
        _SEEN.run_many(
            self._connection,
            [
                {**dict(zip(names, (fold(repository), *rest), strict=True)), "moment": at}
                for (repository, *rest), at in contacts.items()
            ],
        )

    def find(self, repository_id: int, workspace: WorkspaceId) -> WorkspaceRow | None:
        """The workspace of an id, or None."""
        row = _KNOWN.first(self._connection, repository=repository_id, workspace=workspace)
        return None if row is None else _workspace(row)

    def get(self, repository_id: int, workspace: WorkspaceId) -> WorkspaceRow:
        """The workspace of an id.

        Raises: NotFound.
        """
        row = self.find(repository_id, workspace)
        if row is None:
            raise NotFound(
                f"The server knows no workspace '{escape(workspace)}'.", advice="'mlv update' registers it again."
            )
        return row

    def list_all(self, repository_id: int) -> tuple[Workspace, ...]:
        """Every workspace, last seen first."""
        found = _SELECT.where(workspaces.c.repository_id == repository_id)
        ordered = found.order_by(workspaces.c.last_seen.desc(), workspaces.c.id)
        return tuple(_workspace(tuple(row)).workspace for row in self._connection.execute(ordered))

    def remove(self, repository_id: int, workspace: WorkspaceId) -> None:
        """Forget the workspace."""
        self._connection.execute(
            delete(workspaces).where(workspaces.c.repository_id == repository_id, workspaces.c.id == workspace)
        )


_SELECT = (
    select(
        workspaces.c.id,
        workspaces.c.owner_id,
        workspaces.c.host,
        workspaces.c.directory,
        workspaces.c.branch_id,
        workspaces.c.base,
        workspaces.c.last_seen,
        users.c.name.label("owner"),
        branches.c.name.label("branch"),
        repositories.c.name.label("repository"),
    )
    .join(users, users.c.id == workspaces.c.owner_id)
    .join(repositories, repositories.c.id == workspaces.c.repository_id)
    .join(
        branches,
        (branches.c.repository_id == workspaces.c.repository_id) & (branches.c.id == workspaces.c.branch_id),
    )
)
_SEEN = Prepared(
    update(workspaces)
    .where(
        workspaces.c.repository_id
        == select(repositories.c.id).where(repositories.c.folded == bindparam("name")).scalar_subquery(),
        workspaces.c.id == bindparam("workspace"),
        workspaces.c.owner_id == bindparam("owner"),
        workspaces.c.last_seen < bindparam("moment"),
    )
    .values(last_seen=bindparam("moment"))
)
_KNOWN = Prepared(
    _SELECT.where(workspaces.c.repository_id == bindparam("repository"), workspaces.c.id == bindparam("workspace"))
)


def _workspace(row: Row) -> WorkspaceRow:
    identifier, owner_id, host, directory, branch_id, base, seen, owner, branch, repository = row
    name = RepositoryName(*repository.split("/", 1))
    workspace = Workspace(WorkspaceId(identifier), name, owner, host, directory, branch, ChangesetNumber(base), seen)
    return WorkspaceRow(workspace, owner_id, BranchId(branch_id))
