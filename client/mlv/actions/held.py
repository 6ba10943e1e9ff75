"""What the server knows of the locks of a workspace, and what the workspace remembers of those that it lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from mlv.actions.context import Context
from mlv.actions.losses import note_dead
from mlv.actions.status import FileStatus
from mlv.workspace.layout import under
from mlv.workspace.opened import Workspace
from mlv_core.entities import Lock, LockMode
from mlv_core.errors import LockLost, MlvError
from mlv_core.ids import RepositoryName


def with_server_locks(context: Context, files: list[FileStatus]) -> tuple[int, list[FileStatus]]:
    """The branch's head, and `files` with what the server knows of locks: other, expired, broken."""
    workspace, server = context.workspace, context.server()
    repository = RepositoryName.parse(workspace.repository)
    found = server.list_locks(repository)
    note_broken(context, found)
    held = {item.path: item for item in found if item.mode is LockMode.EXCLUSIVE and not item.tree}
    trees = [item for item in found if item.tree]

    def lock_of(file: FileStatus) -> Lock | None:
        lock = held.get(file.source) or held.get(file.path)
        return lock or next((tree for tree in trees if under(file.path, (tree.path,))), None)

    head = int(server.resolve(repository, "head", workspace.branch)[0])
    return head, [_with_lock(workspace, file, lock_of(file)) for file in files]


def note_broken(context: Context, held: tuple[Lock, ...] | None = None) -> None:
    """Remember which locks of this workspace are not among those that the server has (None: it is asked).

    `status` shows them as broken until the file is reverted, unlocked or locked anew. Raises: those of the connection.
    """
    workspace = context.workspace
    if held is None:
        held = context.server().list_locks(RepositoryName.parse(workspace.repository))
    note_dead(workspace, held)


@contextmanager
def noting_lost_locks(context: Context, *, dry_run: bool = False) -> Iterator[None]:
    """Remember the locks that a refusal inside of the block says are lost."""
    try:
        yield
    except LockLost:
        if not dry_run:
            with suppress(MlvError):  # the refusal is what the user must hear
                note_broken(context)
        raise


def has_expired(lock: Lock) -> bool:
    """Whether its lease has ended, by the server's clock where it told the time: it shows and blocks nobody (L8)."""
    return lock.has_expired(told_at(lock))


def told_at(lock: Lock) -> int:
    """The server's time (ms) when it told of the lock; this machine's where it did not say."""
    return lock.told_at or round(time.time() * 1000)


def _with_lock(workspace: Workspace, file: FileStatus, held: Lock | None) -> FileStatus:
    mine = held is not None and held.workspace == workspace.id
    expired = held is not None and has_expired(held)
    if held is not None and held.mode is LockMode.EXCLUSIVE and not mine:
        word = "broken" if file.lock in {"mine", "broken"} else "expired" if expired else "other"
        return replace(file, lock=word, holder=held.owner)
    if file.lock == "mine" and not mine:
        return replace(file, lock="broken")
    return replace(file, lock="expired") if expired and file.lock == "mine" else file
