"""Bring the workspace to another version: plan, decide, fetch, switch; local changes are merged or kept."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from mlv.actions import fetching
from mlv.actions.basetexts import keep_base_texts
from mlv.actions.composing import Work, compose
from mlv.actions.context import Context
from mlv.actions.recovering import recover, recover_held
from mlv.actions.shelfconflicts import refuse_waiting
from mlv.actions.updating import Act, Decision, Local, decide, local_of, needs_content
from mlv.workspace import guard, materialize, merging
from mlv.workspace.journal import UpdateJournal
from mlv.workspace.layout import Layout, under
from mlv.workspace.opened import VACATED, Workspace
from mlv.workspace.scan import scan
from mlv_core.deferred import dataclass
from mlv_core.entities import VERSION_PATH
from mlv_core.errors import LocalChanges, NotFound
from mlv_core.ids import ChangesetNumber, RepositoryName, Revision, RevisionKind, WorkspaceId, escape
from mlv_core.paths import check_paths
from mlv_core.requests import PlannedChange, PlanRequest


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update did, by path; `base` and `branch` are the workspace's afterwards.

    `withheld` counts files that it left out, because their content is not for the user to read.
    """

    branch: str
    base: int
    target: int
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    rescued: tuple[str, ...] = ()
    received_bytes: int = 0
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """What an update is asked for; `strict` refuses where anything local would have to be merged (switch).

    `newest`: the newest version of the workspace's branch at the moment when the update begins, whatever `target` says.
    `rebuilding`: the state knows no file yet, so that an interrupted commit can only be ended afterwards.
    """

    target: int
    branch: str
    roots: tuple[str, ...] = ("",)
    force: bool = False
    adopt: bool = False
    verify: bool = False
    strict: bool = False
    dry_run: bool = False
    newest: bool = False
    rebuilding: bool = False


def _unheard() -> None:
    """Nobody waits for the moment."""


def resolve_target(context: Context, revision: Revision | None) -> int:
    """The changeset that the user means; None: the head of the workspace's branch.

    Raises: NotFound, and those of the connection.
    """
    workspace = context.workspace
    if revision is not None and revision.kind is RevisionKind.HAVE:
        return workspace.base
    if revision is not None and revision.kind is RevisionKind.NUMBER and revision.number == 0:
        return 0
    repository = RepositoryName.parse(workspace.repository)
    text = "head" if revision is None else str(revision)[1:]
    return int(context.server().resolve(repository, text, workspace.branch)[0])


def update(
    context: Context,
    arguments: tuple[str, ...] = (),
    revision: Revision | None = None,
    *,
    force: bool = False,
    adopt: bool = False,
    verify: bool = False,
    dry_run: bool = False,
) -> Updated:
    """Bring the paths, or everything, to `revision` or the branch's head.

    Raises: LocalChanges where untracked files stand in the way; those of the connection and of the transfer.
    """
    recover(context)
    target = 0 if revision is None else resolve_target(context, revision)
    wish = Wish(
        target,
        context.workspace.branch,
        context.paths(arguments),
        force=force,
        adopt=adopt,
        verify=verify,
        dry_run=dry_run,
        newest=revision is None,
    )
    updated = bring(context, wish)
    if adopt and not dry_run:
        keep_base_texts(context)
    return updated


def bring(context: Context, wish: Wish) -> Updated:
    """Do what `wish` says, in one journalled step.

    Raises: as `update`; with `strict` LocalChanges for everything that would be merged or left in conflict.
    """
    workspace = context.workspace
    with guard.long_step(workspace.layout):
        # Whoever held the workspace until now may have moved it: what was read before counts no more.
        if not wish.rebuilding:
            recover_held(context)
        workspace.reload()
        refuse_waiting(workspace.state)
        merging.refuse_waiting(workspace.state)
        if wish.newest:
            wish = replace(wish, target=resolve_target(context, None), branch=workspace.branch)
        server = context.server()
        received = server.counters.received_bytes
        beside = ThreadPoolExecutor(1, thread_name_prefix="mlv-beside")
        try:
            properties = beside.submit(_properties, context, wish)
            decisions, files, withheld = _bytes_for(context, wish)
            if wish.dry_run:
                return replace(_foretold(workspace, decisions, wish), withheld=withheld)
            work = compose(workspace, decisions, files, target=wish.target, strict=wish.strict)
            register = _registration(context, wish)
            calls: list[Future[object]] = []
            done = _switch(workspace, wish, work, properties.result(), lambda: calls.append(beside.submit(register)))
            for call in calls:
                call.result()
        finally:
            # After a failure nobody waits for an answer that may never come: it ends with the connection.
            beside.shutdown(wait=False)
        spent = server.counters.received_bytes - received
    return replace(_updated(workspace, wish, work.told, done, spent), withheld=withheld)


def _bytes_for(context: Context, wish: Wish) -> tuple[list[Decision], dict[str, str], int]:
    """What happens to each path, the fetched file of each that needs one (dry run: none), how many are withheld."""
    workspace = context.workspace
    state = workspace.state
    result = scan(workspace.layout, state, untracked=False, thorough=wish.verify)
    local = local_of(state.files(), result, state.pending(), state.conflicts())
    request = _request(workspace, wish, local)
    # With nothing local in the way the version's content is needed as it is, so that one plan is enough.
    alone = not (wish.dry_run or wish.adopt or local.differs or local.pending or local.conflicts)
    plan = fetching.plan(context, replace(request, without_content=not alone))
    _check_roots(wish, local, plan.changes)
    check_paths(change.change.path for change in plan.changes if change.change.state)
    new = (c.change.path for c in plan.changes if c.change.path not in local.files)
    local.on_disk = frozenset(_lying(workspace.layout, new))
    decisions = decide(plan.changes, local, force=wish.force)
    decisions = _adopted(workspace, decisions, local) if wish.adopt else decisions
    _refuse(decisions, wish)
    return decisions, {} if wish.dry_run else _fetch(context, request, decisions, plan, local), plan.withheld


def _lying(layout: Layout, paths: Iterable[str]) -> Iterator[str]:
    """Those of `paths` where something lies; in a folder that is not there nothing is looked for."""
    folders: dict[str, bool] = {}
    for path in paths:
        folder = os.path.dirname(path)
        if folder not in folders:
            folders[folder] = os.path.isdir(layout.absolute(folder))
        if folders[folder] and os.path.lexists(layout.absolute(path)):
            yield path


def _check_roots(wish: Wish, local: Local, changes: list[PlannedChange]) -> None:
    """Refuse a path that neither the workspace nor the version has: it was mistyped."""
    if wish.roots == ("",):
        return
    known = {*local.files, *local.pending, *(change.change.path for change in changes)}
    absent = [root for root in wish.roots if root and not any(under(path, (root,)) for path in known)]
    if absent:
        names = ", ".join(f"'{escape(root)}'" for root in absent)
        raise NotFound(
            f"Neither the workspace nor @{wish.target} has {names}.", advice="'mlv ls @REV' lists its files."
        )


def _request(workspace: Workspace, wish: Wish, local: Local) -> PlanRequest:
    base = workspace.base
    vacated = workspace.vacated - local.files.keys()
    others = tuple((f.path, ChangesetNumber(f.changeset)) for f in local.files.values() if f.changeset not in {0, base})
    return PlanRequest(
        repository=RepositoryName.parse(workspace.repository),
        base=ChangesetNumber(base),
        target=ChangesetNumber(wish.target),
        codecs=fetching.CODECS,
        paths=tuple(root for root in wish.roots if root),
        only=workspace.only,
        exclude=workspace.exclude,
        others=(*others, *((path, ChangesetNumber(0)) for path in sorted(vacated))),
        without_old=tuple(p for p in local.differs if _old_file(workspace, local, p) is None),
    )


def _old_file(workspace: Workspace, local: Local, path: str) -> str | None:
    """Where the unchanged bytes of a tracked file lie, if on this disk."""
    file = local.files.get(path)
    if file is None:
        return None
    found = local.differs.get(path)
    if found is None or found.state == "P":
        return workspace.layout.absolute(path)
    kept = workspace.layout.base_file(file.content)
    return kept if os.path.exists(kept) else None


def _adopted(workspace: Workspace, decisions: list[Decision], local: Local) -> list[Decision]:
    """Files that stand in the way of new ones are taken: what differs in them becomes a local change."""
    return [
        replace(d, act=Act.REBASE)
        if d.act is Act.OBSTRUCTED
        and d.base is None
        and d.path in local.on_disk
        and os.path.isfile(workspace.layout.absolute(d.path))
        else d
        for d in decisions
    ]


def _refuse(decisions: list[Decision], wish: Wish) -> None:
    obstructed = tuple(d.path for d in decisions if d.act is Act.OBSTRUCTED)
    if obstructed:
        raise LocalChanges(
            "Your own files stand where the version has others.", items=obstructed,
            advice="Move or commit them, take equal ones with --adopt, or --force: your bytes move to .mlv/rescue/.",
        )  # fmt: skip
    touched = tuple(d.place for d in decisions if d.act in {Act.COMPARE, Act.CONFLICT})
    if wish.strict and touched:
        raise LocalChanges(
            "Local changes touch files that differ there.", items=touched, advice="Commit or revert them first."
        )


def _fetch(
    context: Context, request: PlanRequest, decisions: list[Decision], plan: fetching.Plan, local: Local
) -> dict[str, str]:
    """The bytes of all that need them; a plan without content is asked for again, for no more paths than needed."""
    wanted = tuple(d.path for d in decisions if needs_content(d))
    if not wanted:
        return {}
    with_state = [c for c in plan.changes if c.change.state is not None]
    paths = request.paths if len(wanted) == len(with_state) else wanted
    workspace = context.workspace
    full = replace(request, paths=paths)
    return fetching.fetch(context, full, lambda path: _old_file(workspace, local, path), plan.parts)


def _properties(context: Context, wish: Wish) -> dict[str, str]:
    """The properties of the version itself, which are no file of a plan."""
    if not wish.target or wish.roots != ("",) or wish.dry_run:
        return {}
    repository = RepositoryName.parse(context.workspace.repository)
    rows = context.server().list_files(repository, ChangesetNumber(wish.target), (VERSION_PATH,))
    return {key: value for row in rows if row.path == VERSION_PATH for key, value in row.state.properties}


def _switch(
    workspace: Workspace, wish: Wish, work: Work, properties: dict[str, str], begun: Callable[[], None] = _unheard
) -> tuple[str, ...]:
    """Bring the staged bytes to their places; `begun` is called when nothing can undo that any more."""
    whole = wish.roots == ("",)
    settings: dict[str, str] = {}
    if whole:
        kept = json.dumps(properties, sort_keys=True)
        settings = {"base": str(wish.target), "branch": wish.branch, "properties": kept, VACATED: "[]"}
    else:
        work.rows = [row._replace(changeset=row.changeset or wish.target) for row in work.rows]
        settings = workspace.vacating(work.dropped, (row.path for row in work.rows))
    conflicted = {path for path, _ in work.conflicts}
    rows = [
        row._replace(changeset=workspace.changeset_of(row)) if row.path in conflicted and whole else row
        for row in work.rows
    ]
    plan = UpdateJournal(
        label=f"an update to @{wish.target}",
        steps=tuple(work.steps),
        rows=tuple(rows),
        trusted=tuple(work.trusted),
        dropped=tuple(work.dropped),
        pending_dropped=tuple(work.pending),
        pending_added=tuple(work.added_pending),
        conflicts=tuple(work.conflicts),
        conflicts_dropped=tuple(work.settled),
        edits_dropped=tuple(work.edits),
        settings=settings,
        join=whole,
    )
    with guard.writing(workspace.layout):
        materialize.begin(workspace.layout, plan)
        begun()
        rescued = materialize.finish(workspace.layout, workspace.state, plan)
        materialize.clear_incoming(workspace.layout)
        workspace.reload()
        workspace.save_identity()
    return rescued


def _registration(context: Context, wish: Wish) -> Callable[[], object]:
    """What tells the server where the workspace stands after the update."""
    workspace = context.workspace
    whole = wish.roots == ("",)
    return partial(
        context.server().register_workspace,
        RepositoryName.parse(workspace.repository),
        WorkspaceId(workspace.id),
        socket.gethostname(),
        workspace.layout.root,
        wish.branch if whole else workspace.branch,
        ChangesetNumber(wish.target if whole else workspace.base),
    )


def _updated(
    workspace: Workspace, wish: Wish, told: dict[str, list[str]], rescued: tuple[str, ...], received: int
) -> Updated:
    kinds = ("added", "modified", "deleted", "merged", "conflicts")
    lists = {kind: tuple(told.get(kind, ())) for kind in kinds}
    return Updated(
        wish.branch, workspace.base, wish.target, rescued=rescued, received_bytes=received, withheld=0, **lists
    )


def _foretold(workspace: Workspace, decisions: list[Decision], wish: Wish) -> Updated:
    told: dict[str, list[str]] = {}
    names = {
        Act.REMOVE: "deleted", Act.FORGET: "deleted", Act.CONFLICT: "conflicts",
        Act.COMPARE: "merged", Act.REBASE: "merged",
    }  # fmt: skip
    for decision in decisions:
        fallback = "modified" if decision.base is not None else "added"
        told.setdefault(names.get(decision.act, fallback), []).append(decision.path)
    return _updated(workspace, wish, told, (), 0)
