"""Plans of the workspace verbs: what an update makes of each file (F5), what a commit takes (C8).

Nothing is done here: the caller looks at the disk and the state, asks for the plan, and carries it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from mlv_core.entities import Change, FileMode, FileState, LockNeed, Operation
from mlv_core.errors import Conflict, LockNeeded, MissingFile, NothingToCommit
from mlv_core.hashing import HASH_LENGTH, ContentHash
from mlv_core.ids import ChangesetNumber, FencingToken, FileId
from mlv_core.requests import PlannedChange, ProposedChange

UNKNOWN_CONTENT = ContentHash(bytes(HASH_LENGTH))
"""Stands for content that was not hashed yet (C7)."""


NO_CHANGESET = ChangesetNumber(0)
NO_TOKEN = FencingToken(0)


class Situation(Enum):
    """How a path of the workspace stands to its base."""

    UNCHANGED = "unchanged"
    MODIFIED = "modified"
    MISSING = "missing"
    """Tracked, gone from the disk, no delete recorded."""
    DELETED = "deleted"
    """A delete is recorded."""
    ADDED = "added"
    """Not in the version; an add or copy is recorded."""
    UNTRACKED = "untracked"
    """Not in the version, not recorded, but something lies there."""
    CONFLICT = "conflict"
    """Waits for `resolve`."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A path as the workspace has it.

    `base`, `base_changeset`: the file as last updated or committed; None and 0 for a path that is not in the version.
    `place` is where the bytes lie after a recorded move, else `path`. `local` is the state of the bytes on the disk,
    with its properties, where it differs from `base` and is known; None when there is no file or it was not read.
    `source` is the origin of a recorded copy. `token` 0: no lock.
    """

    path: str
    situation: Situation
    base: FileState | None = None
    base_changeset: ChangesetNumber = NO_CHANGESET
    local: FileState | None = None
    place: str = ""
    source: str = ""
    need: LockNeed = LockNeed.NONE
    token: FencingToken = NO_TOKEN

    @property
    def at(self) -> str:
        """Where the bytes lie."""
        return self.place or self.path


class ActionKind(Enum):
    """What an update does with one path."""

    WRITE = "write"
    """Put the target's content at `to`; bytes at `mine`, if any, are those of the base and go."""
    DELETE = "delete"
    """Remove the unchanged file at `mine`; forget the path."""
    KEEP = "keep"
    """Leave the bytes, moved from `mine` to `to` where these differ; mode and base become the target's."""
    FORGET = "forget"
    """The path leaves the state; nothing on the disk changes."""
    MERGE = "merge"
    """Merge text by lines: base, the bytes at `mine`, the target's; result at `to`, the base becomes the target's."""
    CONFLICT = "conflict"
    """Leave the bytes and the base; the path waits for `resolve`."""


@dataclass(frozen=True, slots=True)
class UpdateAction:
    """What is to be done for one planned change; `mine` is '' where no local bytes are concerned."""

    kind: ActionKind
    planned: PlannedChange
    to: str
    mine: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CommitPlan:
    """What a commit takes, and what stands in its way, each by path."""

    changes: tuple[ProposedChange, ...]
    missing: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    unlocked: tuple[str, ...] = ()


def plan_update(
    planned: Sequence[PlannedChange], local: Mapping[str, LocalFile], *, adopt: bool = False
) -> tuple[UpdateAction, ...]:
    """What `update` and `switch` do for each change, in the order given (F5).

    `local` holds every path of `planned`, and every old path of its moves, that is tracked, recorded or occupied.
    A locally changed file is never overwritten. With `adopt` an untracked file of the target's content is taken as
    it is, else only one whose add was recorded. A move and the delete of its old path give one action.
    """
    moves = _moves(planned)
    actions: list[UpdateAction] = []
    for change in planned:
        path, state = change.change.path, change.change.state
        if state is None:
            if path not in moves.values():
                actions.append(_on_delete(change, local.get(path)))
        elif path in moves:
            actions.append(_on_move(change, local.get(moves[path]), local.get(path), adopt=adopt))
        else:
            actions.append(_on_content(change, state, local.get(path), adopt=adopt))
    return tuple(actions)


def plan_commit(files: Iterable[LocalFile]) -> CommitPlan:
    """What a commit of `files` takes: each that differs from its base, opened or not, and all that was recorded (C8).

    Untracked files never; a missing file stands in the way, and so does one that needs a lock and has no token. The
    caller passes the files of the paths it was given, or all. Rows are sorted by path.
    """
    changes: list[ProposedChange] = []
    missing: list[str] = []
    conflicts: list[str] = []
    unlocked: list[str] = []
    for file in files:
        if file.situation is Situation.MISSING:
            missing.append(file.path)
        elif file.situation is Situation.CONFLICT:
            conflicts.append(file.path)
        else:
            rows = _rows(file)
            changes += rows
            if rows and file.base is not None and file.need is LockNeed.REQUIRED and not file.token:
                unlocked.append(file.path)
    changes.sort(key=lambda row: row.change.path)
    return CommitPlan(tuple(changes), tuple(sorted(missing)), tuple(sorted(conflicts)), tuple(sorted(unlocked)))


def check_commit(plan: CommitPlan, *, with_records: bool) -> None:
    """Refuse a commit that cannot be made (C5, C8).

    Raises: Conflict, MissingFile, LockNeeded, NothingToCommit; the first three name every path in the way.
    """
    if plan.conflicts:
        raise Conflict(f"{_count(plan.conflicts)} in conflict.", items=plan.conflicts)
    if plan.missing:
        raise MissingFile(f"{_count(plan.missing)} missing from the disk.", items=plan.missing)
    if plan.unlocked:
        raise LockNeeded(f"{_count(plan.unlocked)} changed without the lock that policy requires.", items=plan.unlocked)
    if not plan.changes and not with_records:
        raise NothingToCommit("Nothing differs from the version, and no records were given.")


def prepared_on(base: ChangesetNumber, files: Iterable[LocalFile]) -> tuple[ChangesetNumber, ChangesetNumber]:
    """The lowest and highest changeset at which the workspace's files stand (C4); `base` where it has none."""
    numbers = {file.base_changeset for file in files if file.base is not None} or {base}
    return min(numbers), max(numbers)


def _moves(planned: Sequence[PlannedChange]) -> dict[str, str]:
    """New path -> old path of each file that the target has elsewhere."""
    gone = {item.change.file_id: item.change.path for item in planned if item.change.state is None}
    return {
        item.change.path: gone[item.change.file_id]
        for item in planned
        if item.change.state is not None and item.change.file_id and item.change.file_id in gone
    }


def _on_delete(planned: PlannedChange, file: LocalFile | None) -> UpdateAction:
    path = planned.change.path
    if file is None or file.base is None or file.situation in {Situation.MISSING, Situation.DELETED}:
        return UpdateAction(ActionKind.FORGET, planned, path)
    if file.situation is Situation.UNCHANGED and file.at == path:
        return UpdateAction(ActionKind.DELETE, planned, path, path)
    act = "moved" if file.at != path else "changed"
    return UpdateAction(ActionKind.CONFLICT, planned, path, file.at, f"deleted there, {act} here")


def _on_content(planned: PlannedChange, state: FileState, file: LocalFile | None, *, adopt: bool) -> UpdateAction:
    path = planned.change.path
    if file is None or file.situation is Situation.MISSING:
        return UpdateAction(ActionKind.WRITE, planned, path)
    if file.situation is Situation.CONFLICT:
        return UpdateAction(ActionKind.CONFLICT, planned, path, file.at, "waits for 'mlv resolve'")
    if file.base is None:
        same = file.local is not None and _same_bytes(file.local, state)
        if same and (adopt or file.situation is Situation.ADDED):
            return UpdateAction(ActionKind.KEEP, planned, path, path)
        why = "added there and here" if file.situation is Situation.ADDED else "an untracked file is in the way"
        return UpdateAction(ActionKind.CONFLICT, planned, path, path, why)
    return _on_tracked(planned, state, file, file.at)


def _on_move(planned: PlannedChange, old: LocalFile | None, there: LocalFile | None, *, adopt: bool) -> UpdateAction:
    """The file stands at another path in the target; local changes move with it."""
    state = planned.change.state
    path = planned.change.path
    if state is None or old is None or old.base is None:
        return _on_content(planned, state, there, adopt=adopt) if state else _on_delete(planned, old)
    if there is not None:
        return UpdateAction(ActionKind.CONFLICT, planned, path, path, "moved there to a path that is taken here")
    if old.at != old.path:
        return UpdateAction(ActionKind.CONFLICT, planned, path, old.at, "moved there and here")
    if old.situation is Situation.MISSING:
        return UpdateAction(ActionKind.WRITE, planned, path)
    if old.situation is Situation.CONFLICT:
        return UpdateAction(ActionKind.CONFLICT, planned, path, old.path, "waits for 'mlv resolve'")
    return _on_tracked(planned, state, old, path)


def _on_tracked(planned: PlannedChange, state: FileState, file: LocalFile, to: str) -> UpdateAction:
    base = file.base
    if base is None or _same_bytes(base, state):
        return UpdateAction(ActionKind.KEEP, planned, to, file.at)
    if file.situation is Situation.UNCHANGED:
        return UpdateAction(ActionKind.WRITE, planned, to, file.at)
    if file.situation is Situation.DELETED or file.local is None:
        return UpdateAction(ActionKind.CONFLICT, planned, to, file.at, "changed there, deleted here")
    if _same_bytes(file.local, state) or _same_bytes(file.local, base):
        kind = ActionKind.KEEP if _same_bytes(file.local, state) else ActionKind.WRITE
        return UpdateAction(kind, planned, to, file.at)
    if (
        base.text
        and state.text
        and file.local.text
        and FileMode.SYMLINK not in (base.mode, state.mode, file.local.mode)
    ):
        return UpdateAction(ActionKind.MERGE, planned, to, file.at)
    return UpdateAction(ActionKind.CONFLICT, planned, to, file.at, "changed there and here, and cannot be merged")


def _same_bytes(one: FileState, other: FileState) -> bool:
    links = FileMode.SYMLINK in (one.mode, other.mode)
    return one.content == other.content and one.content != UNKNOWN_CONTENT and (not links or one.mode == other.mode)


def _rows(file: LocalFile) -> list[ProposedChange]:
    def row(path: str, operation: Operation, state: FileState | None, source: str = "") -> ProposedChange:
        file_id = file.base.file_id if file.base is not None and operation is not Operation.ADD else FileId(0)
        return ProposedChange(Change(path, operation, file_id, state, source), file.base_changeset, file.token)

    state = file.local or file.base
    if file.situation is Situation.UNTRACKED or state is None:
        return []
    if file.base is None:
        return [row(file.at, Operation.ADD, replace(state, file_id=FileId(0)), file.source)]
    if file.situation is Situation.DELETED:
        return [row(file.path, Operation.DELETE, None)]
    state = replace(state, file_id=file.base.file_id)
    if file.at != file.path:
        return [row(file.at, Operation.MOVE, state, file.path), row(file.path, Operation.DELETE, None)]
    if state.content != file.base.content or state.mode != file.base.mode:
        return [row(file.path, Operation.MODIFY, state)]
    return [row(file.path, Operation.META, state)] if state.properties != file.base.properties else []


def _count(paths: tuple[str, ...]) -> str:
    return f"'{paths[0]}' is" if len(paths) == 1 else f"{len(paths)} files are"
