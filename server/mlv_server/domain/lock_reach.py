"""Whom a lock belongs to (L7), and commits to which branches it speaks of (L4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from mlv_core.deferred import dataclass
from mlv_core.entities import Branch, Lock, LockMode, LockScope
from mlv_core.ids import FencingToken, FileId, WorkspaceId
from mlv_server.domain.lock_ends import EndedLock
from mlv_server.domain.lock_rules import LockRules


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks: a lock's holder is user and workspace together (L7); `owned`: locks and intents of the user here (L15).

    `hidden`: locks in the way of which nothing may be told but that they are there (P4).
    """

    user: str
    workspace: WorkspaceId
    host: str
    owned: int = 0
    hidden: frozenset[FencingToken] = frozenset()


@dataclass(frozen=True, slots=True)
class LockGround:
    """What a decision about locks stands on: who asks, the branch among all, the locks on the files, the time (ms).

    `rules`: those of the repository. `ended`: how presented locks ended that are no longer held, where it is known.
    """

    holder: Holder
    branch: Branch
    branches: Mapping[str, Branch]
    held: Sequence[Lock]
    rules: LockRules
    now: int
    ended: Mapping[FencingToken, EndedLock] = field(default_factory=dict)


def reaches(lock: Lock, branch: Branch, branches: Mapping[str, Branch]) -> bool:
    """Whether `lock` speaks of commits to `branch` (L4); `branches` has every branch by name."""
    if lock.scope is LockScope.REPOSITORY or lock.branch == branch.name:
        return True
    return lock.scope is LockScope.LINE and line_of(branches[lock.branch]) == line_of(branch)


def meets(lock: Lock, scope: LockScope, branch: Branch, branches: Mapping[str, Branch]) -> bool:
    """Whether there is a branch of which both `lock` and one of this scope on `branch` would speak."""
    if scope is LockScope.REPOSITORY or reaches(lock, branch, branches):
        return True
    return scope is LockScope.LINE and line_of(branches[lock.branch]) == line_of(branch)


def line_of(branch: Branch) -> str:
    """The name of the branch into which a line merges: the branch's target, or itself if it merges into none."""
    return branch.target or branch.name


def exclusive(held: Iterable[Lock]) -> dict[FileId, list[Lock]]:
    """The exclusive locks on each file, on whatever branch; those on folders are none of them."""
    found: dict[FileId, list[Lock]] = {}
    for lock in held:
        if lock.mode is LockMode.EXCLUSIVE and not lock.tree:
            found.setdefault(lock.file_id, []).append(lock)
    return found


def blocking(ground: LockGround) -> dict[FileId, list[Lock]]:
    """The exclusive locks on each file that reach the branch: of one holder alone, save for expired ones."""
    return exclusive(lock for lock in ground.held if reaches(lock, ground.branch, ground.branches))


def is_own(lock: Lock, holder: Holder) -> bool:
    """Whether `holder` is the lock's own: the same user in the same workspace (L7)."""
    return lock.owner == holder.user and lock.workspace == holder.workspace
