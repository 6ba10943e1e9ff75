"""Locks on folders, with everything below them that is there or is to come (L1)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from mlv.actions.context import Context
from mlv.actions.losses import remember_folders
from mlv.actions.recovering import recover
from mlv.workspace.layout import under
from mlv.workspace.opened import Workspace
from mlv_core.asking import AskRequest
from mlv_core.entities import Lock
from mlv_core.errors import LocalChanges, NotFound
from mlv_core.hashing import HASH_LENGTH, ContentHash
from mlv_core.ids import ChangesetNumber, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireRequest

if TYPE_CHECKING:
    from mlv.actions.locks import Wanted

_NO_CONTENT = ContentHash(bytes(HASH_LENGTH))


def lock_folders(
    context: Context,
    arguments: tuple[str, ...],
    wanted: Wanted,
    *,
    reason: str = "",
    wait_seconds: float | None = None,
    many: bool = False,
    dry_run: bool = False,
) -> tuple[Lock, ...]:
    """Lock folders, all or none: nobody else commits anything below them, and files there need no lock of their own.

    No file is opened by that. With `wait_seconds` stand in the queue for what others hold at, below or above them, and
    bring what they commit. Raises: NotFound for what is no folder here, LockHeld, LockDenied, StaleBase, Denied, and
    those of the connection.
    """
    recover(context)
    workspace = context.workspace
    folders = context.paths(arguments)
    brought: list[int] = []

    def take() -> tuple[Lock, ...]:
        # What an update of the folders left alone is as new as the version that it brought.
        bases = tuple(ChangesetNumber(max(base, *brought, 0)) for base in bases_of(workspace, folders))
        request = AcquireRequest(
            repository=RepositoryName.parse(workspace.repository),
            branch=workspace.branch,
            workspace=WorkspaceId(workspace.id),
            paths=folders,
            have=(_NO_CONTENT,) * len(folders),
            bases=bases,
            scope=wanted.scope,
            ttl=wanted.ttl_ms,
            steal=wanted.steal,
            reason=reason,
            many=many,
            dry_run=dry_run,
            tree=True,
        )
        return context.server().acquire_locks(request).locks

    if wait_seconds is None or dry_run:
        taken = take()
    else:
        taken = _waited(context, take, arguments, folders, reason, wait_seconds, brought)
    if not dry_run:
        remember_folders(workspace, {**workspace.trees, **{lock.path: int(lock.token) for lock in taken}})
    return taken


def bases_of(workspace: Workspace, folders: tuple[str, ...]) -> tuple[ChangesetNumber, ...]:
    """The oldest changeset at which the workspace has a file below each folder.

    Raises: NotFound for what is no folder here.
    """
    files = workspace.state.files().values()
    bases = []
    for folder in folders:
        below = [workspace.changeset_of(file) for file in files if under(file.path, (folder,))]
        if not below and not os.path.isdir(workspace.layout.absolute(folder)):
            raise NotFound(f"There is no folder '{folder}' here.", advice="Make it first, or name another.")
        bases.append(ChangesetNumber(min(below, default=workspace.base)))
    return tuple(bases)


def _waited(
    context: Context,
    take: Callable[[], tuple[Lock, ...]],
    arguments: tuple[str, ...],
    folders: tuple[str, ...],
    reason: str,
    wait_seconds: float,
    brought: list[int],
) -> tuple[Lock, ...]:
    """What `take` gives, at once or after waiting; `brought` gets each version to which all below was brought."""
    from mlv.actions import waiting

    workspace = context.workspace

    def refresh() -> int:
        from mlv.actions.update import update

        updated = update(context, arguments)
        if updated.conflicts:
            raise LocalChanges("The newest version conflicts with local changes.", items=updated.conflicts)
        brought.append(updated.target)
        return updated.target

    request = AskRequest(
        repository=RepositoryName.parse(workspace.repository),
        branch=workspace.branch,
        workspace=WorkspaceId(workspace.id),
        paths=folders,
        bases=bases_of(workspace, folders),
        reason=reason,
        waits=True,
        tree=True,
    )
    return waiting.until_taken(context, take, request, wait_seconds, refresh)
