"""Locks on folders, with everything below them that is there or is to come (L1)."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from mlv.actions.context import Context
from mlv.actions.recovering import recover
from mlv.workspace import guard
from mlv.workspace.layout import under
from mlv.workspace.opened import TREES, Workspace
from mlv_core.entities import Lock
from mlv_core.errors import NotFound
from mlv_core.hashing import HASH_LENGTH, ContentHash
from mlv_core.ids import ChangesetNumber, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireRequest

if TYPE_CHECKING:
    from mlv.actions.locks import Wanted

_NO_CONTENT = ContentHash(bytes(HASH_LENGTH))


def lock_folders(
    context: Context, arguments: tuple[str, ...], wanted: Wanted, *, reason: str = "", dry_run: bool = False
) -> tuple[Lock, ...]:
    """Lock folders, all or none: nobody else commits anything below them, and files there need no lock of their own.

    No file is opened by that. Raises: NotFound for what is no folder here, LockHeld, StaleBase, Denied, and those of
    the connection.
    """
    recover(context)
    workspace = context.workspace
    folders = context.paths(arguments)
    files = workspace.state.files().values()
    bases = []
    for folder in folders:
        below = [workspace.changeset_of(file) for file in files if under(file.path, (folder,))]
        if not below and not os.path.isdir(workspace.layout.absolute(folder)):
            raise NotFound(f"There is no folder '{folder}' here.", advice="Make it first, or name another.")
        bases.append(ChangesetNumber(min(below, default=workspace.base)))
    outcome = context.server().acquire_locks(
        AcquireRequest(
            repository=RepositoryName.parse(workspace.repository),
            branch=workspace.branch,
            workspace=WorkspaceId(workspace.id),
            paths=folders,
            have=(_NO_CONTENT,) * len(folders),
            bases=tuple(bases),
            scope=wanted.scope,
            ttl=wanted.ttl_ms,
            steal=wanted.steal,
            reason=reason,
            dry_run=dry_run,
            tree=True,
        )
    )
    if not dry_run:
        _remember(workspace, {**workspace.trees, **{lock.path: int(lock.token) for lock in outcome.locks}})
    return outcome.locks


def forget_folders(workspace: Workspace, living: set[int]) -> None:
    """Forget the locks on folders whose tokens are not among the `living`."""
    kept = {path: token for path, token in workspace.trees.items() if token in living}
    if kept != workspace.trees:
        _remember(workspace, kept)


def _remember(workspace: Workspace, trees: dict[str, int]) -> None:
    with guard.writing(workspace.layout), workspace.state.transaction():
        workspace.state.set_settings({TREES: json.dumps(trees, sort_keys=True) if trees else ""})
    workspace.reload()
