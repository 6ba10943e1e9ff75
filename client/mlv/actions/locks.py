"""Take, give back and list locks; open files for edit."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from mlv.actions.context import Context
from mlv.actions.recovering import recover
from mlv.actions.sparse import explained
from mlv.actions.status import FileStatus
from mlv.workspace import guard, materialize, pristine
from mlv.workspace.layout import under
from mlv.workspace.opened import BROKEN, Workspace
from mlv.workspace.scan import SYMLINK, hash_file, kind_of, scan
from mlv.workspace.state import TrackedFile
from mlv_core.deferred import dataclass
from mlv_core.entities import Lock, LockMode, LockNeed, LockScope
from mlv_core.errors import LocalChanges, LockHeld, LockLost, MlvError, NotFound, UsageError
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireOutcome, AcquireRequest, ReleaseRequest

FILES_LIMIT = 1000
"""L15: more in one request must be meant."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The paths that are open for edit now, and the locks that were taken or renewed."""

    paths: tuple[str, ...]
    locks: tuple[Lock, ...]


def edit(
    context: Context,
    arguments: tuple[str, ...],
    *,
    reason: str = "",
    update_first: bool = False,
    many: bool = False,
    dry_run: bool = False,
) -> Opened:
    """Take the locks that policy asks for, all or none, keep the bases, and make the files writable.

    Raises: NotFound, LockHeld, StaleBase, Denied, and those of the connection; nothing is changed then.
    """
    recover(context)
    workspace, roots = context.workspace, context.paths(arguments)
    if update_first:
        from mlv.actions.update import update

        updated = update(context, arguments, dry_run=dry_run)
        if updated.conflicts:
            raise LocalChanges("The newest version conflicts with local changes.", items=updated.conflicts)
    files = _chosen(workspace, roots)
    outcome = _acquire(context, files, reason=reason, only_required=True, scope=None, many=many, dry_run=dry_run)
    places = _places(workspace)
    if not dry_run:
        with guard.writing(workspace.layout):
            _open(workspace, files, outcome, places)
    return Opened(tuple(places.get(file.path, file.path) for file in files), outcome.locks)


def lock(
    context: Context,
    arguments: tuple[str, ...] = (),
    *,
    paths: tuple[str, ...] = (),
    reason: str = "",
    scope: LockScope | None = None,
    many: bool = False,
    dry_run: bool = False,
) -> Opened:
    """Take the locks of all tracked files under the paths, or none (L6); the files are opened too.

    `paths` are version's paths, used instead of `arguments`. Raises: as `edit`.
    """
    recover(context)
    workspace = context.workspace
    files = _chosen(workspace, paths or context.paths(arguments))
    outcome = _acquire(context, files, reason=reason, only_required=False, scope=scope, many=many, dry_run=dry_run)
    if not dry_run:
        with guard.writing(workspace.layout):
            _open(workspace, files, outcome, _places(workspace))
    return Opened(tuple(file.path for file in files), outcome.locks)


def unlock(
    context: Context,
    arguments: tuple[str, ...] = (),
    *,
    paths: tuple[str, ...] = (),
    everything: bool = False,
    force: bool = False,
    reason: str = "",
    dry_run: bool = False,
) -> tuple[Lock, ...]:
    """Give locks back; with `force` and a reason break those of others (L9). No content moves.

    Raises: UsageError, NotFound, Denied, LockHeld.
    """
    if force and not reason:
        raise UsageError("Breaking a lock needs a reason.", advice="mlv unlock --force -m WHY PATH")
    if not (arguments or paths or everything):
        raise UsageError("No path was named.", advice="Name paths, or --all for every lock of this workspace.")
    recover(context)
    workspace = context.workspace
    chosen = () if everything else (paths or _held_paths(context, context.paths(arguments), force=force))
    request = ReleaseRequest(
        RepositoryName.parse(workspace.repository),
        WorkspaceId(workspace.id),
        workspace.branch,
        paths=chosen,
        all_of_workspace=everything,
        force=force,
        reason=reason,
        dry_run=dry_run,
    )
    try:
        released = context.server().release_locks(request)
    except (LockHeld, NotFound):
        if not dry_run:
            _forget_dead(context, chosen)
        raise
    if not dry_run:
        _forget_tokens(workspace, released, chosen)
    return released


def list_locks(
    context: Context,
    repository: str | None = None,
    *,
    paths: tuple[str, ...] = (),
    mine: bool = False,
    all_branches: bool = False,
    branch: str = "",
) -> tuple[Lock, ...]:
    """The locks of a repository (None: the workspace's), of its branch unless `all_branches`.

    Raises: those of the connection.
    """
    if repository is None:
        recover(context)
    server = context.server()
    name = RepositoryName.parse(repository or context.workspace.repository)
    where = "" if all_branches else branch or (context.workspace.branch if repository is None else "")
    owner = server.whoami()[0].user if mine else ""
    return server.list_locks(name, where, paths, owner)


def with_server_locks(context: Context, files: list[FileStatus]) -> tuple[int, list[FileStatus]]:
    """The branch's head, and `files` with what the server knows of locks: other, expired, broken."""
    recover(context)
    workspace, server = context.workspace, context.server()
    repository = RepositoryName.parse(workspace.repository)
    found = server.list_locks(repository)
    note_broken(context, found)
    held = {item.path: item for item in found}
    head = int(server.resolve(repository, "head", workspace.branch)[0])
    return head, [_with_lock(workspace, file, held.get(file.source) or held.get(file.path)) for file in files]


def note_broken(context: Context, held: tuple[Lock, ...] | None = None) -> None:
    """Remember which locks of this workspace are not among those that the server has (None: it is asked).

    `status` shows them as broken until the file is reverted, unlocked or locked anew. Raises: those of the connection.
    """
    workspace = context.workspace
    if held is None:
        held = context.server().list_locks(RepositoryName.parse(workspace.repository))
    dead = {str(file.file_id): file.token for file in _dead(workspace, held)}
    told = json.dumps(dead, sort_keys=True) if dead else ""
    if told != workspace.settings.get(BROKEN, ""):
        with guard.writing(workspace.layout), workspace.state.transaction():
            workspace.state.set_settings({BROKEN: told})
        workspace.reload()


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


def _dead(workspace: Workspace, held: tuple[Lock, ...]) -> list[TrackedFile]:
    """The files whose lock the workspace believes to hold, and does not."""
    live = {(item.workspace, int(item.file_id), int(item.token)) for item in held}
    files = workspace.state.files().values()
    return [file for file in files if file.token and (workspace.id, file.file_id, file.token) not in live]


def has_expired(lock: Lock) -> bool:
    """Whether its lease has ended, by the clock of this machine: it shows and blocks nobody (L8)."""
    return lock.lease_until is not None and lock.lease_until <= time.time() * 1000


def _with_lock(workspace: Workspace, file: FileStatus, held: Lock | None) -> FileStatus:
    mine = held is not None and held.workspace == workspace.id
    expired = held is not None and has_expired(held)
    if held is not None and held.mode is LockMode.EXCLUSIVE and not mine:
        word = "broken" if file.lock in {"mine", "broken"} else "expired" if expired else "other"
        return replace(file, lock=word, holder=held.owner)
    if file.lock == "mine" and not mine:
        return replace(file, lock="broken")
    return replace(file, lock="expired") if expired and file.lock == "mine" else file


def _chosen(workspace: Workspace, roots: tuple[str, ...]) -> list[TrackedFile]:
    places = _places(workspace)
    files = workspace.state.files().values()
    chosen = [f for f in files if under(f.path, roots) or under(places.get(f.path, f.path), roots)]
    if not chosen:
        error = NotFound(
            "No tracked file at the named paths.", advice="A file that was never committed has no lock: just edit it."
        )
        raise explained(workspace, roots, error)
    return chosen


def _places(workspace: Workspace) -> dict[str, str]:
    return {act.source: act.path for act in workspace.state.pending().values() if act.kind == "move"}


def _acquire(
    context: Context,
    files: list[TrackedFile],
    *,
    reason: str,
    only_required: bool,
    scope: LockScope | None,
    many: bool,
    dry_run: bool,
) -> AcquireOutcome:
    workspace = context.workspace
    request = AcquireRequest(
        repository=RepositoryName.parse(workspace.repository),
        branch=workspace.branch,
        workspace=WorkspaceId(workspace.id),
        paths=tuple(file.path for file in files),
        have=tuple(ContentHash(file.content) for file in files),
        bases=tuple(ChangesetNumber(workspace.changeset_of(file)) for file in files),
        scope=scope,
        reason=reason,
        only_required=only_required,
        many=many,
        dry_run=dry_run,
    )
    return context.server().acquire_locks(request)


def _open(workspace: Workspace, files: list[TrackedFile], outcome: AcquireOutcome, places: dict[str, str]) -> None:
    """Keep bases, make writable, remember tokens."""
    tokens = {int(item.file_id): int(item.token) for item in outcome.locks if item.mode is LockMode.EXCLUSIVE}
    rows = []
    for file, need in zip(files, outcome.needs, strict=True):
        now = workspace.state.file(file.path) or file
        row = now._replace(need=int(need), token=tokens.get(file.file_id, now.token), opened=1)
        absolute = workspace.layout.absolute(places.get(file.path, file.path))
        if os.path.lexists(absolute) and row.mode != SYMLINK:
            row = _writable(workspace, row, absolute, already=bool(now.opened))
        rows.append(row)
    with workspace.state.transaction():
        workspace.state.put_files(rows)


def _writable(workspace: Workspace, row: TrackedFile, absolute: str, *, already: bool) -> TrackedFile:
    status = os.lstat(absolute)
    kind = kind_of(status)
    if kind is None:
        return row
    known = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, 0) == (
        row.size, row.mtime_ns, row.ctime_ns, row.inode, row.doubtful,
    )  # fmt: skip
    small = row.text and row.size <= pristine.TEXT_LIMIT_BYTES
    clean = known or (not small and status.st_size == row.size and hash_file(absolute, kind) == row.content)
    if clean and not already:
        pristine.keep(workspace.layout, row, absolute)
    if status.st_mode & 0o200:
        return row
    materialize.set_read_only(absolute, kind, read_only=False)
    after = os.lstat(absolute)
    # Only the bits were changed: the stamp follows, so that the next status need not read the file.
    if known and (after.st_mtime_ns, after.st_size, after.st_ino) == (row.mtime_ns, row.size, row.inode):
        doubtful = int(after.st_ctime_ns >= workspace.layout.clock_ns())
        return row._replace(ctime_ns=after.st_ctime_ns, doubtful=doubtful)
    return row._replace(doubtful=1)


def _held_paths(context: Context, roots: tuple[str, ...], *, force: bool) -> tuple[str, ...]:
    workspace = context.workspace
    believed = tuple(f.path for f in workspace.state.files().values() if f.token and under(f.path, roots))
    if force:
        held = context.server().list_locks(RepositoryName.parse(workspace.repository))
        # What only this workspace believes to be locked is asked for too: it is forgotten when the server says no.
        found = tuple(dict.fromkeys(item.path for item in held if under(item.path, roots))) or believed
    else:
        found = believed
        if not found:
            held = context.server().list_locks(RepositoryName.parse(workspace.repository), workspace.branch)
            found = tuple(dict.fromkeys(item.path for item in held if under(item.path, roots)))
    if not found:
        raise NotFound("No lock at the named paths.", advice="'mlv locks' lists them.")
    return found


def _forget_dead(context: Context, paths: tuple[str, ...]) -> None:
    """Drop the tokens of locks at `paths` that were broken or taken by others: they never open anything again (L9)."""
    workspace = context.workspace
    held = context.server().list_locks(RepositoryName.parse(workspace.repository))
    _forget_tokens(workspace, (), tuple(file.path for file in _dead(workspace, held) if file.path in paths))


def forget_released(workspace: Workspace, paths: tuple[str, ...]) -> None:
    """The server released these locks by itself."""
    _forget_tokens(workspace, (), paths)


def _forget_tokens(workspace: Workspace, released: tuple[Lock, ...], paths: tuple[str, ...]) -> None:
    """Unchanged files become read-only again; changed ones are left as they are, status shows them as E."""
    gone = {int(item.file_id) for item in released if item.workspace == workspace.id}
    with guard.writing(workspace.layout):
        files = [
            file
            for file in workspace.state.files().values()
            if file.token and (file.file_id in gone or file.path in paths)
        ]
        places = _places(workspace)
        roots = tuple(places.get(file.path, file.path) for file in files)
        # A stamp alone proves no change: it may be from before the file was made writable.
        found = scan(workspace.layout, workspace.state, roots, untracked=False).found if files else ()
        changed = {
            item.base.path
            for item in found
            if item.base is not None
            and item.state != "P"  # properties are no bytes
            and not (item.state == "R" and _has_bytes(workspace, item.path, item.base))
        }
        rows = [_closed(workspace, file, changed=file.path in changed) for file in files]
        with workspace.state.transaction():
            workspace.state.put_files(rows)
        pristine.drop_unused(workspace.layout, workspace.state)


def _has_bytes(workspace: Workspace, place: str, file: TrackedFile) -> bool:
    """Whether a moved file is otherwise as the version has it."""
    try:
        return hash_file(workspace.layout.absolute(place), file.mode) == file.content
    except OSError:
        return False


def _closed(workspace: Workspace, file: TrackedFile, *, changed: bool) -> TrackedFile:
    absolute = workspace.layout.absolute(_places(workspace).get(file.path, file.path))
    if changed or file.mode == SYMLINK or not os.path.lexists(absolute):
        return file._replace(token=0)
    if file.need == LockNeed.REQUIRED:
        materialize.set_read_only(absolute, file.mode, read_only=True)
    return file._replace(token=0, opened=0, doubtful=1)
