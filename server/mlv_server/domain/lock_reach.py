"""Whom a lock belongs to (L7), and commits to which branches it speaks of (L4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlv_core.entities import Branch, Lock, LockMode, LockScope
from mlv_core.ids import FileId, WorkspaceId
from mlv_server.domain.lock_rules import LockRules


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks: a lock's holder is user and workspace together (L7); `owned`: all locks of the user here (L15)."""

    user: str
    workspace: WorkspaceId
    host: str
    owned: int = 0


@dataclass(frozen=True, slots=True)
class LockGround:
    """What a decision about locks stands on: who asks, the branch among all, the locks on the files, the time (ms).

    `rules`: those of the repository.
    """

    holder: Holder
    branch: Branch
    branches: Mapping[str, Branch]
    held: Sequence[Lock]
    rules: LockRules
    now: int


def reaches(lock: Lock, branch: Branch, branches: Mapping[str, Branch]) -> bool:
    """Whether `lock` speaks of commits to `branch` (L4); `branches` has every branch by name."""
    if lock.scope is LockScope.REPOSITORY or lock.branch == branch.name:
        return True
    if lock.scope is LockScope.BRANCH:
        return False
    origin = branches[lock.branch]
    return (origin.target or origin.name) == (branch.target or branch.name)


def blocking(held: Iterable[Lock], branch: Branch, branches: Mapping[str, Branch]) -> dict[FileId, Lock]:
    """The exclusive lock on each file that reaches `branch`."""
    return {lock.file_id: lock for lock in held if lock.mode is LockMode.EXCLUSIVE and reaches(lock, branch, branches)}


def is_own(lock: Lock, holder: Holder) -> bool:
    """Whether `holder` is the lock's own: the same user in the same workspace (L7)."""
    return lock.owner == holder.user and lock.workspace == holder.workspace
