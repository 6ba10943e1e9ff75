"""What a commit must hold of the locks on the files that it changes (L2, L3, L12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlv_core.entities import Change, FileState, Lock, LockNeed, Operation
from mlv_core.errors import LockNeeded
from mlv_core.ids import FencingToken
from mlv_core.requests import ProposedChange
from mlv_server.domain import lock_refusals
from mlv_server.domain.leases import is_live
from mlv_server.domain.lock_reach import LockGround, blocking, is_own
from mlv_server.domain.lock_refusals import counted, shown
from mlv_server.domain.lock_rules import need_of


@dataclass(frozen=True, slots=True)
class CommitLocks:
    """What policy asks for per change, in their order, and the workspace's own locks on the changed files (L11)."""

    needs: tuple[LockNeed, ...]
    own: tuple[Lock, ...]


def check_commit(
    changes: Sequence[ProposedChange], current: Mapping[str, FileState], ground: LockGround
) -> CommitLocks:
    """Check that the holder has every lock that these changes need (L2, L3, L12).

    `current` is what stands at the changes' paths and sources in the branch's head; `ground` has every lock on those
    files. A path without a file has no lock: its first Publish wins. The presented token must be the live lock's own.
    Raises: LockLost, LockHeld, LockNeeded, in this order, each naming every path.
    """
    holder, rules, now = ground.holder, ground.rules, ground.now
    standing = blocking(ground.held, ground.branch, ground.branches)
    needs: list[LockNeed] = []
    lost: list[tuple[str, Lock | None]] = []
    foreign: list[tuple[str, Lock]] = []
    lacking: list[str] = []
    own: dict[FencingToken, Lock] = {}
    for proposed in changes:
        path, before = _touched(proposed.change, current)
        needs.append(need_of(proposed.change.path, proposed.change.state or before, rules))
        if before is None:
            continue
        lock = standing.get(before.file_id)
        live = lock if lock is not None and is_live(lock, now) else None
        if live is not None and is_own(live, holder):
            own[live.token] = live
        if proposed.token and (live is None or live.token != proposed.token or not is_own(live, holder)):
            lost.append((path, live))
        elif live is not None and not is_own(live, holder):
            foreign.append((path, live))
        elif not proposed.token and need_of(path, before, rules) is LockNeed.REQUIRED:
            lacking.append(path)
    if lost:
        raise lock_refusals.lost(lost, holder)
    if foreign:
        raise lock_refusals.held(foreign, holder)
    if lacking:
        text = counted(lacking, "must be locked before it is changed", "must be locked before they are changed")
        raise LockNeeded(f"{text}.", items=shown(lacking))
    return CommitLocks(tuple(needs), tuple(own.values()))


def _touched(change: Change, current: Mapping[str, FileState]) -> tuple[str, FileState | None]:
    """The path and state of the file that `change` changes; no state for a path that no version has yet."""
    if change.operation is Operation.MOVE:
        return change.source, current.get(change.source)
    return change.path, current.get(change.path)
