"""Decide conflicts: the local file stays over the version's new state, or the version's file replaces it."""

from __future__ import annotations

import os

from mlv.actions.basetexts import keep_base_texts
from mlv.actions.context import Context
from mlv.actions.fetching import fetch_versions
from mlv.actions.naming import check_named
from mlv.actions.recovering import recover
from mlv.actions.shelfconflicts import on_shelf
from mlv.actions.status import REQUIRED
from mlv.workspace import guard, journal, materialize, pristine
from mlv.workspace.journal import Step, UpdateJournal
from mlv.workspace.layout import under
from mlv.workspace.opened import Workspace
from mlv.workspace.state import TrackedFile
from mlv_core.deferred import dataclass
from mlv_core.errors import NotFound

SHELF = "shelf"
"""The side of a shelf in a conflict that bringing it back left."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The paths that were decided, and those whose local bytes are kept in `.mlv/rescue/`."""

    paths: tuple[str, ...]
    accepted: str
    rescued: tuple[str, ...] = ()


@dataclass(slots=True)
class _Ends:
    steps: list[Step]
    rows: list[TrackedFile]
    trusted: list[str]
    dropped: list[str]
    pending: list[str]
    added: list[tuple[str, str, str]]
    edits: list[tuple[str, str, str | None]]
    edits_dropped: list[str]


def resolve(context: Context, arguments: tuple[str, ...], accept: str, *, dry_run: bool = False) -> Resolved:
    """Decide every conflict under the paths: `accept` is mine or theirs; a path's base moves only now (F5).

    `theirs` first moves the local bytes to the rescue folder; of a conflict with a shelf it is the shelf's side, and
    'shelf' means those conflicts alone. Raises: NotFound, also for a path that names nothing; for `theirs` those
    of a transfer.
    """
    if accept in {"theirs", SHELF}:
        recover(context)
    workspace = context.workspace
    roots = context.paths(arguments)
    with guard.long_step(workspace.layout):
        workspace.reload()
        chosen = {path: text for path, text in workspace.state.conflicts().items() if under(path, roots)}
        if accept == SHELF:
            chosen = {path: text for path, text in chosen.items() if on_shelf(text) is not None}
        if not chosen:
            raise NotFound("No conflict at the named paths.", advice="'mlv status' shows conflicts with a C.")
        check_named(workspace, tuple(root for root in roots if not any(under(path, (root,)) for path in chosen)))
        if dry_run:
            return Resolved(tuple(chosen), accept)
        ends = _Ends([], [], [], [], [], [], [], [])
        shelved = {path: record for path, text in chosen.items() if (record := on_shelf(text)) is not None}
        theirs = {path: journal.decode_row(text) for path, text in chosen.items() if path not in shelved}
        if accept in {"theirs", SHELF}:
            wanted = [(row.path, row.changeset) for row in theirs.values() if row is not None]
            files = fetch_versions(context, wanted) if wanted else {}
            for number, (path, row) in enumerate(theirs.items()):
                _take_theirs(workspace, ends, path, row, files, number)
            _take_shelved(context, ends, shelved)
        else:
            for path, row in theirs.items():
                _keep_mine(workspace, ends, path, row)
        rescued = _apply(workspace, ends, tuple(chosen))
        if accept == "mine":
            keep_base_texts(context, [row.path for row in ends.rows])
    return Resolved(tuple(chosen), accept, rescued)


def _base_path(workspace: Workspace, path: str) -> str:
    """The tracked path that the local file at `path` comes from."""
    act = workspace.state.pending().get(path)
    return act.source if act is not None and act.kind == "move" else path


def _keep_mine(workspace: Workspace, ends: _Ends, path: str, row: TrackedFile | None) -> None:
    origin = _base_path(workspace, path)
    act = workspace.state.pending().get(path)
    deleted = act is not None and act.kind == "delete"
    if row is None:
        ends.dropped.append(origin)
        ends.pending.append(path)
        if not deleted:
            ends.added.append((path, "add", ""))
        return
    ends.rows.append(_at_base(workspace, row)._replace(doubtful=1))
    if origin != row.path:
        ends.dropped.append(origin)
    if deleted:
        if path != row.path:
            ends.pending.append(path)
            ends.added.append((row.path, "delete", ""))
    elif path not in (row.path, origin):
        ends.added.append((path, "move", row.path))
    else:
        ends.pending.append(path)
        if path != row.path:
            ends.steps.append(Step(row.path, source=path))


def _take_theirs(
    workspace: Workspace, ends: _Ends, path: str, row: TrackedFile | None, files: dict[str, str], number: int
) -> None:
    origin = _base_path(workspace, path)
    ends.pending.extend((path, origin))
    if row is None:
        ends.steps.append(Step(path, "", None))
        ends.dropped.append(origin)
        ends.edits_dropped.extend({path, origin})
        return
    name = f"theirs-{number}"
    own = os.path.join(workspace.layout.incoming, f"{name}.bytes")
    pristine.clone(files[row.path], own, durable=False)
    read_only = row.need == REQUIRED and not row.opened and not row.token
    mask = materialize.umask()
    materialize.stage(workspace.layout, own, name, row.path, row.mode, read_only=read_only, mask=mask)
    if path != row.path:
        ends.steps.append(Step(path, "", None))
    ends.steps.append(Step(row.path, name, None))
    if origin != row.path:
        ends.dropped.append(origin)
    ends.rows.append(_at_base(workspace, row))
    ends.trusted.append(row.path)


def _take_shelved(context: Context, ends: _Ends, shelved: dict[str, dict[str, str]]) -> None:
    """Bring the shelf's side of each conflict to its place; the base of the file does not move."""
    from mlv.actions.unshelve import take_theirs

    for number, record in enumerate(shelved.values()):
        plan = take_theirs(context, record, f"shelved-{number}")
        ends.steps.extend(plan.steps)
        ends.rows.extend(plan.rows)
        ends.pending.extend(plan.pending_dropped)
        ends.added.extend(plan.pending_added)
        ends.edits.extend(plan.edits_added)


def _at_base(workspace: Workspace, row: TrackedFile) -> TrackedFile:
    return row._replace(changeset=0) if row.changeset == workspace.base else row


def _apply(workspace: Workspace, ends: _Ends, paths: tuple[str, ...]) -> tuple[str, ...]:
    plan = UpdateJournal(
        label=f"resolving {len(paths)} conflicts",
        steps=tuple(ends.steps),
        rows=tuple(ends.rows),
        trusted=tuple(ends.trusted),
        dropped=tuple(ends.dropped),
        pending_dropped=tuple(ends.pending),
        pending_added=tuple(ends.added),
        edits_dropped=tuple(ends.edits_dropped),
        edits_added=tuple(ends.edits),
        conflicts_dropped=paths,
        settings=workspace.vacating(ends.dropped, (row.path for row in ends.rows)),
    )
    with guard.writing(workspace.layout):
        materialize.begin(workspace.layout, plan)
        rescued = materialize.finish(workspace.layout, workspace.state, plan)
        materialize.clear_incoming(workspace.layout)
        workspace.reload()
    return rescued
