"""Bring a shelf back into the workspace, whatever version that has by now; never over local work."""

from __future__ import annotations

import os
from dataclasses import replace

from mlv.actions import locks
from mlv.actions.context import Context
from mlv.actions.recovering import recover, recover_held
from mlv.actions.shelfconflicts import conflict_text
from mlv.actions.shelfstaging import Staged, fetch, settle, stage
from mlv.actions.shelving import address_of, split_address
from mlv.actions.sparse import refuse_outside
from mlv.actions.status import REQUIRED
from mlv.actions.unshelving import Act, Decision, Local, decide, wanted_changes
from mlv.workspace import guard, materialize, merging
from mlv.workspace.journal import UpdateJournal
from mlv.workspace.layout import Layout, under
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import scan
from mlv_core.deferred import dataclass
from mlv_core.entities import VERSION_PATH, Operation
from mlv_core.errors import Conflict, LocalChanges, NotFound
from mlv_core.ids import RepositoryName, escape
from mlv_core.paths import check_paths, parents
from mlv_core.shelving import Shelf, ShelvedChange, origin_of


@dataclass(frozen=True, slots=True)
class Unshelved:
    """What came back of a shelf, by path.

    `same` were here already. `kept` are `PATH KEY` of properties whose local value stayed. `need_lock` are the changed
    files that a commit will ask a lock for, `locked` those whose lock was taken now.
    """

    shelf: Shelf
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    rescued: tuple[str, ...] = ()
    need_lock: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    received_bytes: int = 0


def unshelve(
    context: Context, address: str = "", arguments: tuple[str, ...] = (), *, lock: bool = False, dry_run: bool = False
) -> Unshelved:
    """Bring back what is on the shelf `NAME` or `USER/NAME` ('': your newest), all of it or the paths; the shelf stays.

    Text is merged by lines; a file that cannot be and was changed on both sides is a conflict, for `resolve` (F5). With
    `lock` the locks that a commit will ask for are taken first, all or none. Raises: NotFound, LocalChanges where your
    own files stand in the way, Conflict, LockHeld, StaleBase, and those of the connection and of the transfer.
    """
    recover(context)
    workspace, server = context.workspace, context.server()
    owner, name = split_address(address)
    shelf, changes = server.get_shelf(RepositoryName.parse(workspace.repository), owner, name)
    chosen = _chosen(context, shelf, changes, arguments)
    locked: tuple[str, ...] = ()
    with guard.long_step(workspace.layout):
        recover_held(context)
        workspace.reload()
        _check_no_merge(context)
        decisions = _decided(workspace, chosen)
        need = _need_lock(decisions)
        if lock and need:
            taken = locks.lock(context, paths=need, reason=shelf.message, dry_run=dry_run)
            locked = tuple(item.path for item in taken.locks)
            workspace.reload()
            # Opening the files gave them new stamps.
            decisions = decisions if dry_run else _decided(workspace, chosen)
        if dry_run:
            return _told(shelf, decisions, (), need, locked, 0)
        received = server.counters.received_bytes
        staged = _apply(context, shelf, decisions)
        received = server.counters.received_bytes - received
    left = tuple(path for path in _need_lock(staged.decisions) if path not in locked)
    return _told(shelf, staged.decisions, staged.rescued, left, locked, received)


def take_theirs(context: Context, record: dict[str, str], prefix: str) -> UpdateJournal:
    """What brings the shelf's side of a conflict to its place; its bytes are staged under names with `prefix`.

    Raises: NotFound when the shelf is there no more, or not as it was; those of a transfer.
    """
    workspace = context.workspace
    repository = RepositoryName.parse(workspace.repository)
    shelf, changes = context.server().get_shelf(repository, record["owner"], record["name"])
    if str(shelf.id) != record["shelf"]:
        raise NotFound(
            f"The shelf '{escape(address_of(shelf))}' was replaced since.",
            advice="'mlv resolve --accept mine PATH' keeps your file; then unshelve again.",
        )
    rows = [one for one in changes if one.change.path == record["path"]]
    decisions = decide(rows, _local(workspace, rows), force=True)
    files, texts = fetch(context, shelf, decisions)
    return _journal(shelf, stage(workspace, decisions, files, texts, prefix))


def _chosen(
    context: Context, shelf: Shelf, changes: tuple[ShelvedChange, ...], arguments: tuple[str, ...]
) -> list[ShelvedChange]:
    rows = wanted_changes(changes)
    if not arguments:
        return rows
    roots = context.paths(arguments)
    chosen = [one for one in rows if under(one.change.path, roots) or under(origin_of(one.change), roots)]
    if not chosen:
        raise NotFound(
            f"The shelf '{escape(address_of(shelf))}' has nothing at the named paths.",
            advice=f"'mlv shelves show {escape(address_of(shelf))}' lists what is on it.",
        )
    return chosen


def _check_no_merge(context: Context) -> None:
    merge = merging.read(context.workspace.state)
    if merge is not None:
        raise Conflict(
            f"A merge of {escape(merge.source)} waits here.",
            items=merge.waiting,
            advice="Finish it with 'mlv merge --continue', or drop it with 'mlv merge --abort'.",
        )


def _decided(workspace: Workspace, chosen: list[ShelvedChange]) -> list[Decision]:
    """What happens to each path. Raises: LocalChanges, PathClash, UsageError outside of a sparse workspace."""
    local = _local(workspace, chosen)
    decisions = settle(workspace, decide(chosen, local))
    obstructed = tuple(one.place for one in decisions if one.act is Act.OBSTRUCTED)
    if obstructed:
        raise LocalChanges(
            "Your own files stand where the shelf has others.",
            items=obstructed,
            advice="Move or delete them, or name the paths that you want back.",
        )
    new = [one.place for one in decisions if one.act is not Act.CONFLICT and one.place not in {one.here, VERSION_PATH}]
    refuse_outside(workspace, new)
    if new:
        fresh, gone = set(new), {one.here for one in decisions if one.here != one.place or one.act is Act.REMOVE}
        check_paths([*(path for path in local.files if path not in gone and path not in fresh), *new])
    return decisions


def _local(workspace: Workspace, changes: list[ShelvedChange]) -> Local:
    state = workspace.state
    files = state.files()
    result = scan(workspace.layout, state, untracked=False)
    for mtime_ns, ctime_ns, inode, doubtful, path in result.stamps:
        files[path] = files[path]._replace(mtime_ns=mtime_ns, ctime_ns=ctime_ns, inode=inode, doubtful=doubtful)
    paths = {one.change.path for one in changes if one.change.path != VERSION_PATH}
    return Local(
        files=files,
        differs={item.base.path: item for item in result.found if item.base is not None},
        pending=state.pending(),
        conflicts=frozenset(state.conflicts()),
        edits=state.property_edits(),
        properties=workspace.properties,
        on_disk=frozenset(path for path in paths if path not in files and _in_the_way(workspace.layout, path)),
    )


def _in_the_way(layout: Layout, path: str) -> bool:
    """Whether something lies at `path`, or a file where a folder above it would have to be."""
    if os.path.lexists(layout.absolute(path)):
        return True
    above = (layout.absolute(folder) for folder in parents(path) if folder)
    return any(os.path.lexists(folder) and (os.path.islink(folder) or not os.path.isdir(folder)) for folder in above)


def _need_lock(decisions: list[Decision]) -> tuple[str, ...]:
    """The tracked paths that differ, or may once a conflict is decided, where a lock is needed and not held here."""
    found = []
    for one in decisions:
        file = one.file
        if file is not None and file.need == REQUIRED and not file.token:
            found.append(file.path)
    return tuple(dict.fromkeys(found))


def _apply(context: Context, shelf: Shelf, decisions: list[Decision]) -> Staged:
    """Fetch, merge, and bring everything to its place in one journalled step."""
    workspace = context.workspace
    files, texts = fetch(context, shelf, decisions)
    staged = stage(workspace, decisions, files, texts)
    plan = _journal(shelf, staged)
    with guard.writing(workspace.layout):
        materialize.begin(workspace.layout, plan)
        rescued = materialize.finish(workspace.layout, workspace.state, plan)
        materialize.clear_incoming(workspace.layout)
        workspace.reload()
    return replace(staged, rescued=rescued)


def _journal(shelf: Shelf, staged: Staged) -> UpdateJournal:
    conflicts = tuple(
        (one.path, conflict_text(shelf.id, shelf.owner, shelf.name, one.one.change.path))
        for one in staged.decisions
        if one.act is Act.CONFLICT
    )
    return UpdateJournal(
        label=f"bringing back the shelf {address_of(shelf)}",
        steps=tuple(staged.steps),
        rows=tuple(staged.rows),
        pending_dropped=tuple(staged.pending_dropped),
        pending_added=tuple(staged.pending_added),
        conflicts=conflicts,
        edits_added=tuple(staged.edits),
    )


def _told(
    shelf: Shelf,
    decisions: list[Decision],
    rescued: tuple[str, ...],
    need: tuple[str, ...],
    locked: tuple[str, ...],
    received: int,
) -> Unshelved:
    told: dict[str, list[str]] = {}
    kept: list[str] = []
    for one in decisions:
        told.setdefault(_kind(one), []).append(one.path)
        kept.extend(f"{one.place} {key}" for key in one.kept)
    kinds = ("added", "modified", "deleted", "moved", "merged", "same", "conflicts")
    lists = {kind: tuple(told.get(kind, ())) for kind in kinds}
    return Unshelved(
        shelf, kept=tuple(kept), rescued=rescued, need_lock=need, locked=locked, received_bytes=received, **lists
    )


def _kind(one: Decision) -> str:
    if one.act is Act.CONFLICT:
        return "conflicts"
    if one.act is Act.REMOVE:
        return "deleted"
    if one.act in {Act.MERGE, Act.COMPARE}:
        return "merged"
    if one.record is not None and one.record.kind in {"add", "copy"}:
        return "added" if one.act is Act.PLACE else "same"
    if one.act in {Act.PLACE, Act.MODE}:
        return "modified"
    if one.record is not None and one.one.change.operation is Operation.MOVE:
        return "moved"
    return "modified" if one.edits else "same"
