"""What a commit must hold of the locks on the files that it changes (L2, L3, L12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlv_core.deferred import dataclass
from mlv_core.entities import Change, FileState, Lock, LockNeed, Operation
from mlv_core.errors import LockNeeded
from mlv_core.ids import FencingToken
from mlv_core.paths import is_below
from mlv_core.requests import ProposedChange
from mlv_server.domain import lock_refusals
from mlv_server.domain.leases import is_live
from mlv_server.domain.lock_reach import LockGround, blocking, is_own
from mlv_server.domain.lock_refusals import Lost, counted, shown
from mlv_server.domain.lock_rules import need_of
from mlv_server.domain.lock_trees import own_trees, trees


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
    files. A path without a file has no lock: its first Publish wins. The presented token must be one of the locks'
    own: an expired one counts as long as nobody has taken it (L8), since then it is still the highest. A lock on a
    folder counts for every file below it (L1).
    Raises: LockLost, LockHeld, LockNeeded, in this order, each naming every path.
    """
    holder, rules = ground.holder, ground.rules
    standing, folders = blocking(ground), own_trees(ground)
    # A workspace presents its locks on folders wherever it commits; where one does not reach, it says nothing.
    elsewhere = {lock.token for lock in trees(ground.held) if is_own(lock, holder) and lock not in folders}
    needs: list[LockNeed] = []
    lost: list[Lost] = []
    foreign: list[tuple[str, Lock]] = []
    lacking: list[str] = []
    own: dict[FencingToken, Lock] = {}
    for proposed in changes:
        path, before = _touched(proposed.change, current)
        needs.append(need_of(proposed.change.path, proposed.change.state or before, rules))
        if before is None:
            continue
        locks = standing.get(before.file_id, [])
        above = {lock.token: lock for lock in folders if is_below(path, lock.path)}
        mine = {lock.token: lock for lock in locks if is_own(lock, holder)}
        other = next((lock for lock in locks if not is_own(lock, holder) and is_live(lock, ground.now)), None)
        own.update(mine)
        token = 0 if proposed.token in elsewhere else proposed.token
        if token and (other is not None or token not in {*mine, *above}):
            live = next((lock for lock in mine.values() if is_live(lock, ground.now)), None)
            lost.append(Lost(path, other or live, ground.ended.get(proposed.token)))
        elif other is not None:
            foreign.append((path, other))
        elif not (token or above) and need_of(path, before, rules) is LockNeed.REQUIRED:
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
