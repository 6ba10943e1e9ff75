"""Workspaces: registered, so that everyone can see who works on what."""

from __future__ import annotations

from mlv_core.entities import Workspace
from mlv_core.errors import Denied, InvalidRequest
from mlv_core.ids import ChangesetNumber, RepositoryName, WorkspaceId
from mlv_server.domain.lock_ends import LockEnd
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.workspaces import WorkspaceRow
from mlv_server.services import access, lock_ends
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.sights import View, ref_of

ID_LIMIT = 64
TEXT_LIMIT = 4096
"""Characters of a directory: what a file system allows at most."""


async def register(
    call: Call,
    repository: RepositoryName,
    id: WorkspaceId,  # noqa: A002 - the word of the contract
    host: str,
    directory: str,
    branch: str,
    base: ChangesetNumber,
) -> Workspace:
    """Register the caller's workspace, or note where it stands now.

    Raises: InvalidRequest, NotFound, Denied when the workspace is another user's.
    """
    if not 0 < len(id) <= ID_LIMIT or not id.isascii() or not id.isprintable():
        raise InvalidRequest(f"workspace must be an id of 1 to {ID_LIMIT} plain characters.")
    if len(host) > TEXT_LIMIT or len(directory) > TEXT_LIMIT:
        raise InvalidRequest(f"host and directory may have {TEXT_LIMIT:,} characters.")

    def work(tx: Transaction) -> Workspace:
        row = tx.repositories.get(repository)
        view = View(tx, call, row)
        stands_on = view.branch(branch)
        before = tx.workspaces.find(row.id, id)

        if before is not None and before.owner_id != call.principal.user_id:
            raise Denied("This workspace is another user's.", advice="Check out a workspace of your own.")
        view.version("meta.read", base)
        workspace = Workspace(id, row.name, call.principal.user, host, directory, stands_on.name, base, call.now)

        tx.workspaces.put(row.id, WorkspaceRow(workspace, call.principal.user_id, stands_on.id))
        if before is None:
            tx.audit.append(row.id, (access.audit_entry(call, "workspace.register", id, host=host),))
        return workspace

    return await access.write(call, work, "workspace.register", id, dry_run=False, repository=repository)


async def list_all(call: Call, repository: RepositoryName) -> tuple[Workspace, ...]:
    """Every registered workspace, last seen first.

    Raises: NotFound.
    """

    def work(tx: Transaction) -> tuple[Workspace, ...]:
        row = tx.repositories.get(repository)
        view = View(tx, call, row)
        found = tx.workspaces.list_all(row.id)
        return tuple(one for one in found if not view.tells_refs or view.sight.may("list", ref_of(one.branch)))

    return await call.db.read(work)


async def remove(call: Call, repository: RepositoryName, id: WorkspaceId) -> int:  # noqa: A002 - as above
    """Forget a workspace and release its locks (L11); returns how many. Others' need the right `lock.break`.

    Raises: NotFound, Denied.
    """

    def work(tx: Transaction) -> int:
        row = tx.repositories.get(repository)
        workspace = tx.workspaces.get(row.id, id)
        held = tx.locks.of_workspace(row.id, id)

        own = workspace.owner_id == call.principal.user_id
        if not own and not access.may(tx, call, "lock.break", row.name):
            raise Denied("This workspace is another user's.", advice="A maintainer may remove it.")

        lock_ends.end(tx, call, row.id, held, LockEnd.CLOSED if own else LockEnd.BROKEN, "its workspace was removed")
        asked = [one.number for one in tx.lock_requests.list_all(row.id) if one.workspace == id]
        tx.lock_requests.remove(row.id, asked)
        tx.workspaces.remove(row.id, id)
        tx.audit.append(row.id, (access.audit_entry(call, "workspace.remove", id, locks=len(held)),))
        return len(held)

    once = Once((str(repository), id), int)
    return await access.write(call, work, "workspace.remove", id, dry_run=False, repository=repository, once=once)
