"""What differs between the workspace and its version, and who holds locks; without the server unless asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlv.actions.context import Context
from mlv.actions.naming import check_named
from mlv.workspace import guard, merging
from mlv.workspace.layout import under
from mlv.workspace.merging import OpenMerge
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import Found, Scan, scan
from mlv_core.deferred import dataclass
from mlv_core.errors import MlvError

if TYPE_CHECKING:
    from mlv_core.asking import LockRequest
    from mlv_core.releasing import Freeze

REQUIRED = 3
"""The value of LockNeed.REQUIRED, whose module costs start-up time."""
STATES = {
    "A": "added", "M": "modified", "D": "deleted", "R": "moved", "P": "meta", "C": "conflict", "?": "untracked",
    "!": "missing",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileStatus:
    """A path that differs; `lock` is mine, other, unlocked_edit, expired, broken or None; `source` of a move or copy.

    `letter` is the short form of `state`; `holder` names the user of another's lock.
    """

    path: str
    state: str
    lock: str | None
    letter: str
    source: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """The workspace and all paths that differ; `head` is the branch's newest changeset, None if not asked.

    `opened` are the files open for edit or locked here, changed or not; `mixed` those that stand at another version
    than `base`, with that version (F3); `broken` those of `opened` whose lock is known to be broken. All are of the
    paths asked for. `merge` is the one that waits for decisions; its conflicts show as conflicts. `requests`: who asks
    for locks that are held here, `freezes`: what is frozen on the branch, if the server was asked.
    """

    workspace: str
    repository: str
    branch: str
    base: int
    server: str
    files: tuple[FileStatus, ...]
    head: int | None = None
    opened: tuple[str, ...] = ()
    mixed: tuple[tuple[str, int], ...] = ()
    broken: tuple[str, ...] = ()
    merge: OpenMerge | None = None
    requests: tuple[LockRequest, ...] = ()
    freezes: tuple[Freeze, ...] = ()


def scan_and_refresh(context: Context, roots: tuple[str, ...] = ("",), *, untracked: bool = True) -> Scan:
    """Scan, and keep the fresher stamps when nobody else is writing, so that the next scan reads less.

    Folders that may not be looked into are told, and left out with all that is in them.
    """
    workspace = context.workspace
    result = scan(workspace.layout, workspace.state, roots, untracked=untracked, strict=False)
    for folder in result.hidden:
        context.notice(f"No permission to look into '{folder}': what is in it is left out.")
    if result.stamps:
        try:
            with guard.writing(workspace.layout, wait_seconds=0.0), workspace.state.transaction():
                workspace.state.set_stamps(result.stamps)
        except (MlvError, OSError):  # they are only a help: a full disk or another writer is no reason to say nothing
            return result
    return result


def status(context: Context, arguments: tuple[str, ...] = (), *, ask_server: bool = False) -> Status:
    """The state of the paths named, or of all; with `ask_server` also others' locks and the branch's head.

    Raises: NotAWorkspace, InvalidPath; with `ask_server` those of the connection.
    """
    workspace = context.workspace
    roots = context.paths(arguments)
    if ask_server:
        from mlv.actions.recovering import recover

        recover(context)  # before the look: it may close files, and forget locks
    check_named(workspace, roots)
    result = scan_and_refresh(context, roots)
    trees = workspace.trees
    files = [_file_status(workspace, found, trees) for found in result.found]
    merge = merging.read(workspace.state)
    if merge is not None:
        files = _with_conflicts(files, [path for path in merge.waiting if under(path, roots)])
    head = None
    requests: tuple[LockRequest, ...] = ()
    frozen: tuple[Freeze, ...] = ()
    if ask_server:
        from mlv.actions import asking, freezes, held

        head, files = held.with_server_locks(context, files)
        requests = asking.of_own_locks(workspace, asking.list_requests(context))
        frozen = freezes.on_branch(context)
    opened = tuple(path for path in workspace.state.opened() if under(path, roots))
    return Status(
        workspace.id,
        workspace.repository,
        workspace.branch,
        workspace.base,
        workspace.server,
        tuple(files),
        head,
        opened,
        tuple((path, at) for path, at in workspace.state.elsewhere(workspace.base) if under(path, roots)),
        tuple(path for path in opened if (file := workspace.state.file(path)) and workspace.is_broken(file)),
        merge,
        requests,
        frozen,
    )


def _with_conflicts(files: list[FileStatus], waiting: list[str]) -> list[FileStatus]:
    """The files, those that wait in a merge as conflicts."""
    known = {file.path: file for file in files}
    for path in waiting:
        known[path] = FileStatus(path, STATES["C"], known[path].lock if path in known else None, "C")
    return [known[path] for path in sorted(known)]


def _file_status(workspace: Workspace, found: Found, trees: dict[str, int]) -> FileStatus:
    letter = "M" if found.state == "P" else found.state
    lock = None
    base = found.base or workspace.state.file(found.path)
    if base is not None:
        if base.token:
            lock = "broken" if workspace.is_broken(base) else "mine"
        elif trees and under(base.path, tuple(trees)):
            lock = "mine"
        elif base.need == REQUIRED and found.state in {"M", "D", "R", "P", "C"}:
            lock = "unlocked_edit"
    return FileStatus(found.path, STATES[found.state], lock, letter, found.source)
