"""What a commit or an undo may do to a branch (C1, C4, C5, C9): fresh bases, locks, clashes; and what lands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from mlv_core.entities import VERSION_PATH, Change, FileState, Lock, Operation
from mlv_core.errors import (
    HeadMoved,
    InvalidRequest,
    LimitExceeded,
    LockNeeded,
    MlvError,
    NothingToCommit,
    PathClash,
)
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, escape
from mlv_core.paths import find_clashes, show_path
from mlv_core.requests import ProposedChange
from mlv_server.domain.changes import States
from mlv_server.domain.leases import is_live
from mlv_server.domain.lock_checks import check_commit
from mlv_server.domain.lock_reach import LockGround, blocking, is_own
from mlv_server.domain.lock_trees import check_trees

_ADD, _MOVE = Operation.ADD, Operation.MOVE
"""Looked up here at once: there may be a million changes."""
MESSAGE_LIMIT = 64 * 1024
"""Bytes of a message: it is read by people, and stands in every log."""
SHOWN_LIMIT = 100
"""Paths that a refusal names; the number of all is said beside them."""

Culprits = Mapping[str, tuple[ChangesetNumber, str]]
"""For a path that changed: the changeset that last changed it, and its author."""


def check_numbers(
    bases: Iterable[ChangesetNumber], prepared: tuple[ChangesetNumber, ChangesetNumber], newest: ChangesetNumber
) -> None:
    """Check that every changeset a request names exists, and that what it was prepared on is a span.

    Raises: InvalidRequest.
    """
    low, high = prepared
    unknown = next((number for number in sorted({*bases, low, high}) if not 0 <= number <= newest), None)
    if unknown is not None:
        raise InvalidRequest(f"The request names the changeset @{unknown}; the newest one is @{newest}.")
    if low > high:
        raise InvalidRequest(f"prepared_min @{low} is above prepared_max @{high}.")


def check_message(message: str) -> None:
    """Check the size of a message. Raises: LimitExceeded."""
    size = len(message.encode("utf-8", "surrogatepass"))
    if size > MESSAGE_LIMIT:
        raise LimitExceeded(f"The message has {size:,} bytes; {MESSAGE_LIMIT:,} are allowed.")


def changed_since(paths: Iterable[str], bases: States, current: States) -> tuple[str, ...]:
    """Those of `paths`, sorted, that do not stand in the branch's head as they stood at the workspace's base (C4)."""
    if not bases and not current:
        return ()
    return tuple(sorted({path for path in paths if bases.get(path) != current.get(path)}))


def refuse_stale(stale: Sequence[str], culprits: Culprits, branch: str) -> HeadMoved:
    """The refusal that names every path that changed, in which changeset and by whom (C4)."""
    items = tuple(_blame(path, culprits) for path in stale[:SHOWN_LIMIT])
    if len(stale) == 1:
        return HeadMoved(f"{items[0]} on {branch}, after the version that you have.", items=items)
    return HeadMoved(f"{len(stale)} files changed on {branch} after the versions that you have.", items=items)


def decide_locks(
    changes: Sequence[ProposedChange], current: Mapping[str, FileState], ground: LockGround, stale: MlvError | None
) -> tuple[Lock, ...]:
    """Check the locks of a commit, and then that its base is fresh; the workspace's own locks on its files.

    A lost or foreign lock is told before a stale base, and that before a lock that is merely not taken: the lock could
    not be taken on a stale base (L5). Raises: LockLost, LockHeld, `stale` itself, LockNeeded.
    """
    # A new file has no lock, also where it takes the path of one that is moved away.
    known = [proposed for proposed in changes if proposed.change.operation is not _ADD]
    try:
        locks = check_commit(known, current, ground)
    except LockNeeded as needed:
        check_trees((proposed.change for proposed in changes), ground)
        if stale is not None:
            raise stale from needed
        raise
    check_trees((proposed.change for proposed in changes), ground)
    if stale is not None:
        raise stale
    return locks.own


def decide_undo_locks(
    changes: Sequence[Change],
    current: Mapping[str, FileState],
    tokens: Mapping[str, FencingToken],
    ground: LockGround,
) -> tuple[Lock, ...]:
    """Check the locks of an undo; the workspace's own locks on the files that it changes.

    Where nobody holds a lock, the undo holds it for its own transaction (C9), so none need be presented; a presented
    one must be the lock's own (L12). Raises: LockLost, LockHeld.
    """
    standing = blocking(ground)
    proposed = []
    for change in _with_replaced(changes, current):
        origin = change.source if change.operation is Operation.MOVE else change.path
        state = current.get(origin)
        locks = [] if state is None else standing.get(state.file_id, [])
        mine = next((lock.token for lock in locks if is_own(lock, ground.holder)), FencingToken(0))
        token = tokens.get(change.path) or tokens.get(origin) or mine
        if token or any(is_live(lock, ground.now) for lock in locks):
            proposed.append(ProposedChange(change, ChangesetNumber(0), token))
    decided = check_commit(proposed, current, ground)
    check_trees(changes, ground)
    return decided.own


def released_by(own: Collection[Lock], changes: Iterable[Change], *, keep_locks: bool) -> tuple[Lock, ...]:
    """Which of the workspace's own locks a commit ends: those of the files it committed, no others (L11).

    With `keep_locks` only those of files that are gone.
    """
    if not own:
        return ()
    rows = tuple(changes)
    living = {change.file_id for change in rows if change.state is not None}
    ended = {change.file_id for change in rows}
    return tuple(lock for lock in own if lock.file_id in (ended - living if keep_locks else ended))


def check_revived(changes: Iterable[Change], living: Mapping[FileId, str]) -> None:
    """Refuse to bring back a file that lives on under another path. Raises: HeadMoved naming both paths."""
    items = tuple(
        f"{show_path(change.path)} lives on as {show_path(living[change.file_id])}"
        for change in changes
        if change.operation is Operation.ADD and change.file_id in living
    )
    if items:
        raise HeadMoved(f"{items[0]}: it cannot be brought back beside itself.", items=items[:SHOWN_LIMIT])


def check_clashes(changes: Iterable[Change], around: Iterable[str]) -> None:
    """Check that no new path clashes with another of the version (F2); `around` are those it could clash with.

    Raises: PathClash naming both paths of each pair.
    """
    new = [change.path for change in changes if change.operation in {Operation.ADD, Operation.MOVE}]
    known = set(new)
    pairs = find_clashes([*(path for path in around if path not in known), *new])
    if pairs:
        shown = tuple(f"{show_path(first)} and {show_path(second)}" for first, second in pairs[:SHOWN_LIMIT])
        raise PathClash(
            f"Paths differ only by case or Unicode form, or one is a folder of the other: {shown[0]}.", items=shown
        )


def check_something(changes: Sequence[Change], *, has_records: bool) -> None:
    """Refuse a commit that changes nothing and records nothing (C5). Raises: NothingToCommit."""
    if not changes and not has_records:
        raise NothingToCommit("Nothing has changed and nothing was recorded.")


def touched_paths(changes: Iterable[Change]) -> tuple[str, ...]:
    """The paths whose states decide about `changes`: where they stand and where they come from; some perhaps twice."""
    rows = tuple(changes)
    return tuple([change.path for change in rows if change.path] + [change.source for change in rows if change.source])


def vacated_paths(changes: Iterable[Change]) -> frozenset[str]:
    """The paths that `changes` leave without a file."""
    return frozenset(change.path for change in changes if change.state is None)


def present(states: States) -> dict[str, FileState]:
    """Only the paths that hold something."""
    return {path: state for path, state in states.items() if state is not None}


def raw_bytes_of(changes: Iterable[Change], current: States) -> int:
    """Plain bytes of the files whose content changes."""
    if not current:
        return sum([change.state.size for change in changes if change.state is not None])
    total = 0
    for change in changes:
        origin = change.source if change.operation is _MOVE else change.path
        old = current.get(origin)
        if change.state is not None and (old is None or old.content != change.state.content):
            total += change.state.size
    return total


def with_moved_parts(paths: Collection[str], before: States, after: States) -> frozenset[str]:
    """`paths` and those that hold the same files in the other version: a move is taken back as a whole."""
    wanted = set(paths)
    sides = (before, after)
    ids = {
        state.file_id
        for side in sides
        for path in wanted
        if path != VERSION_PATH and (state := side.get(path)) is not None
    }
    for side in sides:
        wanted |= {path for path, state in side.items() if state is not None and state.file_id in ids}
    return frozenset(wanted)


def undo_message(first: ChangesetNumber, last: ChangesetNumber, to: ChangesetNumber | None) -> str:
    """What an undo is called when its user gave it no message."""
    if to is not None:
        return f"Go back to @{to}"
    return f"Undo @{first}" if first == last else f"Undo @{first}:@{last}"


def _with_replaced(changes: Iterable[Change], current: Mapping[str, FileState]) -> Iterator[Change]:
    """`changes`, and a delete for each file whose path another file takes."""
    for change in changes:
        before = current.get(change.path)
        if change.operation is not Operation.ADD:
            yield change
        if change.state is not None and before is not None and before.file_id != change.file_id:
            yield Change(change.path, Operation.DELETE, before.file_id, None)


def _blame(path: str, culprits: Culprits) -> str:
    number, author = culprits.get(path, (None, ""))
    if number is None:
        return f"{show_path(path)} changed"
    return f"{show_path(path)} changed in @{number} by {escape(author)}"
