"""Bring new bytes into their places: all beside the old first, one sync, then renames, then the state."""

from __future__ import annotations

import errno
import os
import shutil
import stat as stat_bits
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from mlv.workspace import journal as journals
from mlv.workspace import pristine
from mlv.workspace.guard import NO_ROOM, Rescue
from mlv.workspace.journal import Step, UpdateJournal
from mlv.workspace.layout import Layout
from mlv.workspace.scan import EXECUTABLE, SYMLINK, stamp_of
from mlv.workspace.state import Pending, State, TrackedFile
from mlv_core.errors import DiskFull
from mlv_core.failpoints import failpoint
from mlv_core.hashing import hash_content
from mlv_core.ids import escape
from mlv_core.paths import check_symlink

THREADS = 2
"""Renames of a local disk hold the processor, so that more threads only wait for each other."""
AT_ONCE = 256
"""Renames that one thread does in a row: handing over each costs more than the rename."""
SYNCED_SINGLY = 200
"""More files than this are made durable by one call for their file system: about a millisecond each otherwise."""
SYNC_THREADS = 8
"""Syncs that wait at the same time share one write of the file system's journal."""
_SETTLE_SECONDS = 0.002
_SETTLE_TRIES = 10


def umask() -> int:
    """The process's umask."""
    current = os.umask(0o022)
    os.umask(current)
    return current


def permissions(mode: int, *, read_only: bool, mask: int) -> int:
    """The permission bits of a file in the workspace (L13: read-only is a hint, the server decides)."""
    bits = (0o777 if mode == EXECUTABLE else 0o666) & ~mask
    return bits & ~0o222 if read_only else bits


def set_read_only(absolute: str, mode: int, *, read_only: bool) -> None:
    """Give a file in its place its permission bits; links have none."""
    if mode != SYMLINK:
        os.chmod(absolute, permissions(mode, read_only=read_only, mask=umask()))


def stage(layout: Layout, file: str, name: str, path: str, mode: int, *, read_only: bool, mask: int) -> None:
    """Make `incoming/name` what will stand at `path`: a link, or a file with its permission bits.

    `file` is an absolute name in the incoming folder; it is renamed. Raises: UnsupportedFile for a link that leaves
    the workspace.
    """
    if mode == SYMLINK:
        with open(file, "rb") as stream:
            link = os.fsdecode(stream.read())
        check_symlink(path, link)
        target = os.path.join(layout.incoming, name)
        beside = f"{target}.link"
        if os.path.lexists(beside):
            os.unlink(beside)
        os.symlink(link, beside)
        os.rename(beside, target)
        return
    os.chmod(file, permissions(mode, read_only=read_only, mask=mask))
    if os.path.basename(file) != name:
        os.rename(file, os.path.join(layout.incoming, name))


def sync_all(layout: Layout) -> None:
    """Make everything in the incoming folder durable, and the names of a workspace that was just made.

    Few files are synced one by one: one call for the whole file system waits for what everybody else has written.
    """
    names = os.listdir(layout.incoming) if os.path.isdir(layout.incoming) else []
    if len(names) > SYNCED_SINGLY and _sync_file_system(layout):
        return
    files = [file for name in names if not os.path.islink(file := os.path.join(layout.incoming, name))]
    if len(files) > 1:
        with ThreadPoolExecutor(SYNC_THREADS) as pool:
            list(pool.map(_sync, files))
    else:
        for file in files:
            _sync(file)
    folder = layout.incoming if names else layout.control
    while folder != (above := os.path.dirname(folder)):
        # A folder above that may not be read is older than the workspace.
        with suppress(PermissionError):
            journals.sync_folder(folder)
        folder = above


def _sync(file: str) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_file_system(layout: Layout) -> bool:
    """Whether the system has a call for it, and did it."""
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    handle = os.open(layout.control, os.O_RDONLY)
    try:
        return syncfs is not None and syncfs(handle) == 0
    finally:
        os.close(handle)


def begin(layout: Layout, plan: UpdateJournal) -> None:
    """Make the staged bytes durable, then say that the switch begins."""
    failpoint("update.staged")
    sync_all(layout)
    failpoint("update.synced")
    journals.write(layout, plan)
    failpoint("update.switching")


def finish(layout: Layout, state: State, plan: UpdateJournal, *, now: float | None = None) -> tuple[str, ...]:
    """Do all steps of `plan`, whichever were done before, and record the result; the paths that were rescued.

    The same call ends an update that a crash interrupted. Raises: DiskFull.
    """
    rescue = Rescue(layout, time.time() if now is None else now)
    placed = _run(layout, rescue, plan.steps)
    failpoint("update.renamed")
    _record(layout, state, plan, placed)
    failpoint("update.recorded")
    journals.remove(layout)
    failpoint("update.finished")
    pristine.drop_unused(layout, state)
    return tuple(rescue.saved)


def clear_incoming(layout: Layout) -> None:
    """Delete content that was fetched and is not needed."""
    shutil.rmtree(layout.incoming, ignore_errors=True)
    os.makedirs(layout.incoming, exist_ok=True)


def _run(layout: Layout, rescue: Rescue, steps: tuple[Step, ...]) -> dict[str, tuple[int, int]]:
    """Do the steps; (mtime_ns, inode) of what was placed, by path."""
    moves = [step for step in steps if step.source]
    removals = [step for step in steps if not step.file and not step.source]
    places = [step for step in steps if step.file]
    for step in moves:
        _move(layout, rescue, step)
    for step in removals:
        _remove(layout, rescue, step)
    for folder in sorted({os.path.dirname(step.path) for step in places}):
        _make_folder(layout, rescue, folder)

    incoming = layout.incoming

    def work(step: Step) -> tuple[str, tuple[int, int]] | None:
        return _place(layout, rescue, step, os.path.join(incoming, step.file))

    def work_all(run: list[Step]) -> list[tuple[str, tuple[int, int]]]:
        return list(filter(None, map(work, run)))

    if len(places) < 2 * AT_ONCE:
        return dict(filter(None, map(work, places)))
    with ThreadPoolExecutor(THREADS) as pool:
        runs = [places[start : start + AT_ONCE] for start in range(0, len(places), AT_ONCE)]
        return {path: stamp for done in pool.map(work_all, runs) for path, stamp in done}


def _place(layout: Layout, rescue: Rescue, step: Step, staged: str) -> tuple[str, tuple[int, int]] | None:
    try:
        status = os.lstat(staged)
    except FileNotFoundError:
        return None  # done before a crash
    target = layout.absolute(step.path)
    _make_room(rescue, step, target)
    try:
        os.rename(staged, target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            beside = f"{target}.mlv-new"
            shutil.copy2(staged, beside, follow_symlinks=False)
            os.rename(beside, target)
            os.unlink(staged)
            return None
        if error.errno in NO_ROOM:
            raise DiskFull(f"'{escape(step.path)}' could not be written: {error.strerror}.") from error
        raise
    failpoint("update.placed")
    return step.path, (status.st_mtime_ns, status.st_ino)


def _make_room(rescue: Rescue, step: Step, target: str) -> bool:
    """Whether `target`, which lies at the step's path, may be replaced now; what is the user's was moved aside."""
    try:
        status = os.lstat(target)
    except (FileNotFoundError, NotADirectoryError):
        return False
    stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    if step.expected is None or stamp != tuple(step.expected):
        rescue.take(step.path)
        return False
    return True


def _remove(layout: Layout, rescue: Rescue, step: Step) -> None:
    target = layout.absolute(step.path)
    if _make_room(rescue, step, target):
        os.unlink(target)
    prune_folders(layout, os.path.dirname(step.path))


def _move(layout: Layout, rescue: Rescue, step: Step) -> None:
    source = layout.absolute(step.source)
    if not os.path.lexists(source):
        return
    _make_folder(layout, rescue, os.path.dirname(step.path))
    if os.path.lexists(layout.absolute(step.path)):
        rescue.take(step.path)
    os.rename(source, layout.absolute(step.path))
    prune_folders(layout, os.path.dirname(step.source))


def _make_folder(layout: Layout, rescue: Rescue, folder: str) -> None:
    """Make `folder`; a file or link that stands in its way moves aside, so that nothing is written through it."""
    path = ""
    for part in folder.split("/") if folder else ():
        path = f"{path}/{part}" if path else part
        try:
            status = os.lstat(layout.absolute(path))
            if stat_bits.S_ISDIR(status.st_mode):
                continue
            rescue.take(path)
        except FileNotFoundError:
            pass
        os.makedirs(layout.absolute(path), exist_ok=True)


def prune_folders(layout: Layout, folder: str) -> None:
    """Delete `folder` and those above it as long as they are empty."""
    while folder:
        try:
            os.rmdir(layout.absolute(folder))
        except OSError:
            return
        folder = os.path.dirname(folder)


def stamped(layout: Layout, files: list[TrackedFile], placed: dict[str, tuple[int, int]]) -> list[TrackedFile]:
    """`files` with the stamps of what lies in their places.

    `placed` holds (mtime_ns, inode) of the verified bytes that were put there; what does not agree is left doubtful.
    """
    clock_ns = settled_clock(layout) if files else 0
    result = []
    for file in files:
        try:
            status = os.lstat(layout.absolute(file.path))
        except (FileNotFoundError, NotADirectoryError):
            result.append(file._replace(mtime_ns=0, ctime_ns=0, inode=0, doubtful=1))
            continue
        mtime_ns, ctime_ns, inode, doubtful = stamp_of(status, clock_ns)
        if placed.get(file.path) != (mtime_ns, inode):
            doubtful = 1
        result.append(file._replace(mtime_ns=mtime_ns, ctime_ns=ctime_ns, inode=inode, doubtful=doubtful))
    return result


def settled_clock(layout: Layout) -> int:
    """The file system's clock, one tick after now: stamps older than it prove that nothing changed since."""
    start = clock_ns = layout.clock_ns()
    for _ in range(_SETTLE_TRIES):
        if clock_ns > start:
            break
        time.sleep(_SETTLE_SECONDS)
        clock_ns = layout.clock_ns()
    return clock_ns


def _record(layout: Layout, state: State, plan: UpdateJournal, placed: dict[str, tuple[int, int]]) -> None:
    trusted = set(plan.trusted)
    rows = stamped(layout, [row for row in plan.rows if row.path in trusted], placed)
    rows.extend(row for row in plan.rows if row.path not in trusted)
    texts = _texts(layout, state, [row for row in rows if row.path in trusted])
    with state.transaction():
        state.drop_files(plan.dropped)
        state.put_files(rows)
        state.drop_pending(plan.pending_dropped)
        state.put_pending(Pending(*act) for act in plan.pending_added)
        state.drop_conflicts(plan.conflicts_dropped)
        for path, theirs in plan.conflicts:
            state.put_conflict(path, theirs)
        state.drop_property_edits(plan.edits_dropped)
        for path, key, value in plan.edits_added:
            state.edit_property(path, key, value)
        state.put_texts(texts)
        state.drop_stale_texts()
        if plan.join:
            state.join_base(keep=[*state.conflicts(), *(row.path for row in plan.rows if row.changeset)])
        state.set_settings(plan.settings)


def _texts(layout: Layout, state: State, rows: list[TrackedFile]) -> list[tuple[bytes, bytes]]:
    """(hash, bytes) of the small text files among `rows` whose bases are not kept yet, as they lie in their places."""
    wanted = [row for row in rows if row.text and row.mode != SYMLINK and row.size <= pristine.TEXT_LIMIT_BYTES]
    lacking = state.lacking_texts({row.content for row in wanted})
    texts = []
    for row in wanted:
        if row.content not in lacking:
            continue
        # After a crash there may be another file by now, or none.
        with suppress(FileNotFoundError, NotADirectoryError):
            with open(layout.absolute(row.path), "rb", buffering=0) as file:
                data = file.read(row.size + 1)
            if hash_content(data) == row.content:
                texts.append((row.content, data))
                lacking.discard(row.content)
    return texts
