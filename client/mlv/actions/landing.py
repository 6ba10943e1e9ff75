"""Bring a commit that the server made into the workspace's state."""

from __future__ import annotations

import json
import os

from mlv.actions.context import Context
from mlv.actions.status import REQUIRED
from mlv.workspace import guard, journal, materialize, pristine
from mlv.workspace.journal import CommitJournal, Stamp
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import SYMLINK, kind_of, stamp_of
from mlv.workspace.state import TrackedFile, encode_properties
from mlv_core.entities import VERSION_PATH, Change, FileState, LockNeed, Operation
from mlv_core.failpoints import failpoint
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_core.requests import Published

LANDED = "landed"
"""The setting that names the request id and changeset of the last commit that the state knows."""


def land(context: Context, plan: CommitJournal, published: Published) -> None:
    """The committed paths are tracked at the new changeset, closed and, where policy says so, read-only again.

    The workspace's base moves along when the commit landed right on it; else only the committed paths do (C4).
    """
    workspace = context.workspace
    needs = {file.path: file.need for file in plan.files}
    unknown = tuple(c.path for c in published.changes if c.state and c.path != VERSION_PATH and not needs.get(c.path))
    if unknown:
        needs.update(_ask_needs(context, published, unknown))
    stamps = {file.path: file.stamp for file in plan.files}
    with guard.writing(workspace.layout):
        on_base = int(published.parent) == workspace.base
        files = workspace.state.files()
        committed = {file.path for file in plan.files}
        landed = []
        for change in published.changes:
            if change.state is None or change.path == VERSION_PATH:
                continue
            origin = change.source if change.operation is Operation.MOVE else change.path
            old = None if change.operation is Operation.ADD else files.get(origin)
            row = _row(change, change.state, old, needs, keep=plan.keep_locks)
            landed.append(row._replace(changeset=0 if on_base else int(published.changeset)))
        rows = _settle(workspace, landed, stamps)
        texts = [text for row in rows for text in _text(workspace, row)]
        gone = {change.path for change in published.changes if change.state is None}
        there = {row.path for row in rows}
        gone.update(file.path for file in plan.files if file.stamp is None and file.path not in there)
        settings = {LANDED: f"{plan.request_id} {published.changeset}"}
        if on_base:
            settings["base"] = str(int(published.changeset))
        else:
            settings.update(workspace.vacating(gone, (row.path for row in rows)))
        _record(workspace, published, rows, texts, gone, committed, settings)
        failpoint("commit.recorded")
        journal.drop(workspace.layout, plan)
        failpoint("commit.finished")
        pristine.drop_unused(workspace.layout, workspace.state)
        workspace.reload()
        workspace.save_identity()


def _ask_needs(context: Context, published: Published, paths: tuple[str, ...]) -> dict[str, int]:
    """What policy asks for of new files: whoever committed without Begin does not know."""
    repository = RepositoryName.parse(context.workspace.repository)
    rows = context.server().list_files(repository, ChangesetNumber(published.changeset), paths)
    return {row.path: int(row.need) for row in rows}


def _row(
    change: Change, state: FileState, old: TrackedFile | None, needs: dict[str, int], *, keep: bool
) -> TrackedFile:
    return TrackedFile(
        path=change.path,
        file_id=int(change.file_id),
        mode=int(state.mode),
        text=int(state.text),
        size=state.size,
        content=bytes(state.content),
        changeset=0,
        need=needs.get(change.path) or int(LockNeed.NONE),
        opened=old.opened if old is not None and keep else 0,
        token=old.token if old is not None and keep else 0,
        properties=encode_properties(state.properties),
    )


def _settle(workspace: Workspace, rows: list[TrackedFile], stamps: dict[str, Stamp | None]) -> list[TrackedFile]:
    """Read-only again where they must be, stamped when they are still the files that were read, else left doubtful.

    Stamps are taken one tick of the clock after the last change of permissions, so that they prove something.
    """
    layout = workspace.layout
    clock_ns = layout.clock_ns()
    closed = [_close(workspace, row, stamps.get(row.path), clock_ns) for row in rows]
    clock_ns = materialize.settled_clock(layout) if rows else 0
    settled = []
    for row, before in zip(rows, closed, strict=True):
        try:
            after = os.lstat(layout.absolute(row.path))
        except (FileNotFoundError, NotADirectoryError):
            settled.append(row)
            continue
        mtime_ns, ctime_ns, inode, doubtful = stamp_of(after, clock_ns)
        same = before is not None and (before.st_size, before.st_mtime_ns, before.st_ino) == (
            after.st_size, mtime_ns, inode,
        )  # fmt: skip
        doubtful = doubtful if same else 1
        settled.append(row._replace(mtime_ns=mtime_ns, ctime_ns=ctime_ns, inode=inode, doubtful=doubtful))
    return settled


def _close(workspace: Workspace, row: TrackedFile, stamp: Stamp | None, clock_ns: int) -> os.stat_result | None:
    """Give a file its permissions back; its stat before that, None unless it proves the bytes that were read."""
    absolute = workspace.layout.absolute(row.path)
    try:
        before = os.lstat(absolute)
    except (FileNotFoundError, NotADirectoryError):
        return None
    same = stamp is not None and tuple(stamp) == (
        before.st_size, before.st_mtime_ns, before.st_ctime_ns, before.st_ino,
    )  # fmt: skip
    if row.need == REQUIRED and not row.token and row.mode != SYMLINK and kind_of(before) == row.mode:
        materialize.set_read_only(absolute, row.mode, read_only=True)
    if row.opened and same and row.mode != SYMLINK:
        pristine.keep(workspace.layout, row, absolute)
    return before if same and before.st_ctime_ns < clock_ns else None


def _text(workspace: Workspace, row: TrackedFile) -> list[tuple[bytes, bytes]]:
    """The bytes of a small text file, to be kept as the base of later edits."""
    if not row.text or row.size > pristine.TEXT_LIMIT_BYTES or row.mode == SYMLINK:
        return []
    from mlv_core.hashing import hash_content

    try:
        with open(workspace.layout.absolute(row.path), "rb") as stream:
            data = stream.read(pristine.TEXT_LIMIT_BYTES + 1)
    except OSError:
        return []
    return [(row.content, data)] if hash_content(data) == row.content else []


def _record(
    workspace: Workspace,
    published: Published,
    rows: list[TrackedFile],
    texts: list[tuple[bytes, bytes]],
    gone: set[str],
    committed: set[str],
    settings: dict[str, str],
) -> None:
    state = workspace.state
    with state.transaction():
        state.drop_files(gone)
        state.put_files(rows)
        state.drop_pending(committed | gone)
        state.drop_property_edits([*committed, *gone])
        state.put_texts(texts)
        state.drop_stale_texts()
        for change in published.changes:
            if change.path == VERSION_PATH and change.state is not None:
                settings["properties"] = json.dumps(dict(change.state.properties), sort_keys=True)
                state.drop_property_edits([VERSION_PATH])
        state.set_settings(settings)
