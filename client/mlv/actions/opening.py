"""The files of a workspace as locks open and close them: bases kept, write bits set, tokens remembered."""

from __future__ import annotations

import os

from mlv.actions.naming import check_named
from mlv.actions.sparse import explained
from mlv.workspace import guard, materialize, pristine
from mlv.workspace.layout import under
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import SYMLINK, hash_file, kind_of, scan
from mlv.workspace.state import TrackedFile
from mlv_core.entities import Lock, LockMode, LockNeed
from mlv_core.errors import NotFound
from mlv_core.failpoints import failpoint
from mlv_core.requests import AcquireOutcome

OPENED, INTENDED = 1, 2
"""How a file is open for edit: here alone or with a lock; or with an intent, which the server shows to others (L2)."""


def places_of(workspace: Workspace) -> dict[str, str]:
    """Where files stand that were moved and not yet committed, by the path of their version."""
    return {act.source: act.path for act in workspace.state.pending().values() if act.kind == "move"}


def chosen(workspace: Workspace, roots: tuple[str, ...]) -> list[TrackedFile]:
    """The tracked files under `roots`, by the path of their version or where they stand. Raises: NotFound."""
    places = places_of(workspace)
    files = workspace.state.files().values()
    chosen = [f for f in files if under(f.path, roots) or under(places.get(f.path, f.path), roots)]
    check_named(workspace, roots)
    if not chosen:
        error = NotFound(
            "No tracked file at the named paths.", advice="A file that was never committed has no lock: just edit it."
        )
        raise explained(workspace, roots, error)
    return chosen


def open_files(
    workspace: Workspace,
    files: list[TrackedFile],
    outcome: AcquireOutcome,
    places: dict[str, str],
    *,
    told: bool = True,
) -> None:
    """Keep bases, make writable, remember tokens; `told`: the server shows to others what is open without one."""
    tokens = {int(item.file_id): int(item.token) for item in outcome.locks if item.mode is LockMode.EXCLUSIVE}
    failpoint("locks.taken")
    rows = []
    for file, need in zip(files, outcome.needs, strict=True):
        now = workspace.state.file(file.path) or file
        token = tokens.get(file.file_id, now.token)
        row = now._replace(need=int(need), token=token, opened=INTENDED if told and not token else OPENED)
        absolute = workspace.layout.absolute(places.get(file.path, file.path))
        if os.path.lexists(absolute) and row.mode != SYMLINK:
            row = _writable(workspace, row, absolute, already=bool(now.opened))
        rows.append(row)
    with workspace.state.transaction():
        workspace.state.put_files(rows)
    failpoint("locks.opened")


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


def forget_tokens(workspace: Workspace, released: tuple[Lock, ...], paths: tuple[str, ...]) -> None:
    """Unchanged files become read-only again; changed ones are left as they are, status shows them as E."""
    gone = {int(item.file_id) for item in released if item.workspace == workspace.id}
    failpoint("locks.released")
    with guard.writing(workspace.layout):
        files = [
            file
            for file in workspace.state.files().values()
            if file.token and (file.file_id in gone or file.path in paths)
        ]
        places = places_of(workspace)
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
        failpoint("locks.forgotten")
        pristine.drop_unused(workspace.layout, workspace.state)


def _has_bytes(workspace: Workspace, place: str, file: TrackedFile) -> bool:
    """Whether a moved file is otherwise as the version has it."""
    try:
        return hash_file(workspace.layout.absolute(place), file.mode) == file.content
    except OSError:
        return False


def _closed(workspace: Workspace, file: TrackedFile, *, changed: bool) -> TrackedFile:
    absolute = workspace.layout.absolute(places_of(workspace).get(file.path, file.path))
    if changed or file.mode == SYMLINK or not os.path.lexists(absolute):
        return file._replace(token=0)
    if file.need == LockNeed.REQUIRED:
        materialize.set_read_only(absolute, file.mode, read_only=True)
    return file._replace(token=0, opened=0, doubtful=1)
