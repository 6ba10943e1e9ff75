"""Merge branches: the server does it; where files conflict, the workspace decides them, and then it is done (B1-B3)."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace

from mlv.actions.context import Context
from mlv.actions.fetching import CODECS, fetch_versions
from mlv.actions.held import noting_lost_locks
from mlv.actions.journalling import request
from mlv.actions.marking import has_markers, mark
from mlv.actions.naming import check_named
from mlv.actions.recovering import recover_held
from mlv.actions.revert import revert
from mlv.actions.update import Updated, update
from mlv.transfer.types import UploadInput, UploadResult
from mlv.transfer.upload import upload_changes
from mlv.workspace import guard, merging
from mlv.workspace.layout import under
from mlv.workspace.merging import OpenConflict, OpenMerge
from mlv.workspace.scan import scan
from mlv_core.deferred import dataclass
from mlv_core.entities import VERSION_PATH, FileMode, FileState
from mlv_core.errors import Conflict, DamagedContent, HeadMoved, LocalChanges, NotFound, UsageError
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, RepositoryName, RequestId, WorkspaceId, escape
from mlv_core.merging import Conflict as ServerConflict
from mlv_core.merging import ConflictKind, Merged, MergeRequest, Resolution, Side

_WORDS = {
    ConflictKind.CONTENT: "changed on both sides",
    ConflictKind.DELETED_BY_MINE: "deleted here, changed there",
    ConflictKind.DELETED_BY_THEIRS: "changed here, deleted there",
    ConflictKind.MOVED_APART: "moved to two places",
    ConflictKind.SAME_PATH: "two files at one path",
    ConflictKind.ATTRIBUTES: "mode or properties changed on both sides",
}
_SIDES = {"mine": Side.MINE, "theirs": Side.THEIRS, "base": Side.BASE}


@dataclass(frozen=True, slots=True)
class MergeDone:
    """What a merge came to; with `waiting` conflicts nothing was written. `updated`: what came into the workspace."""

    source: str
    branch: str
    merged: Merged
    waiting: tuple[OpenConflict, ...] = ()
    sent_bytes: int = 0
    updated: Updated | None = None


def merge(context: Context, source: str, into: str = "", *, message: str = "", dry_run: bool = False) -> MergeDone:
    """Merge the branch `source` into `into` ('': the workspace's branch) on the server; no content moves.

    Where files conflict, the workspace remembers the merge: texts get both edits with markers, everything else waits
    for `decide`. Raises: AlreadyMerged, HeadMoved, LocalChanges, UsageError, LockHeld, Denied, NotFound, PathClash.
    """
    workspace = context.workspace
    branch = into or workspace.branch
    with guard.long_step(workspace.layout), noting_lost_locks(context, dry_run=dry_run):
        # Whoever held it until now may have died with an answer that was not heard.
        recover_held(context)
        workspace.reload()
        known = merging.read(workspace.state)
        if known is not None:
            raise UsageError(
                f"A merge of {escape(known.source)} waits here already.",
                advice="'mlv merge --continue' finishes it, 'mlv merge --abort' drops it.",
            )
        server = context.server()
        sent = server.counters.sent_bytes
        wanted = replace(_request(context, branch, source, str(uuid.uuid4()), dry_run=dry_run), message=message)
        merged = _send(context, wanted)
    waiting: tuple[OpenConflict, ...] = tuple(_open_conflict(one) for one in merged.conflicts)
    if waiting and not dry_run:
        waiting = _keep_open(context, wanted, merged, waiting)
    return MergeDone(source, branch, merged, waiting, server.counters.sent_bytes - sent)


def decide(context: Context, arguments: tuple[str, ...], side: str, *, dry_run: bool = False) -> tuple[str, ...]:
    """Decide the conflicts of the open merge at or below the paths; the paths that were, () where none is theirs.

    mine, theirs and base are states of versions: nothing is fetched. edited is the file as it is here.
    Raises: NotFound, UsageError where a file still has markers.
    """
    workspace = context.workspace
    known = merging.read(workspace.state)
    if known is None:
        return ()
    roots = context.paths(arguments)
    chosen = [one for one in known.conflicts if under(one.path, roots) or (one.here and under(one.here, roots))]
    if chosen:
        check_named(workspace, roots)
    if side == "edited":
        _check_edited(context, chosen)
    if dry_run or not chosen:
        return tuple(one.path for one in chosen)
    marked = tuple(one.here for one in chosen if one.marked and side != "edited" and not one.decided)
    if marked:
        revert(context, tuple(os.path.join(workspace.layout.root, path) for path in marked))
    with guard.long_step(workspace.layout), guard.writing(workspace.layout):
        workspace.reload()
        latest = merging.read(workspace.state) or known
        merging.write(workspace.state, latest.deciding(frozenset(one.path for one in chosen), side))
    return tuple(one.path for one in chosen)


def finish(context: Context, *, message: str = "", dry_run: bool = False) -> MergeDone:
    """Finish the open merge as it was decided, and bring the workspace to the new version.

    Raises: Conflict naming what is not decided; as `merge`.
    """
    workspace, known = context.workspace, _known(context)
    with guard.long_step(workspace.layout), noting_lost_locks(context, dry_run=dry_run):
        recover_held(context)
        workspace.reload()
        server = context.server()
        sent = server.counters.sent_bytes
        merged = _landed(context, known) or _finish(context, message, dry_run=dry_run)
    done = MergeDone(known.source, known.branch, merged, (), server.counters.sent_bytes - sent)
    return done if dry_run else replace(done, updated=update(context))


def _landed(context: Context, known: OpenMerge) -> Merged | None:
    """The merge that waited until the server was asked what became of it, where it had been made (C3)."""
    if merging.read(context.workspace.state) is not None:
        return None
    repository = RepositoryName.parse(context.workspace.repository)
    published = context.server().outcome(repository, RequestId(known.request_id))
    return None if published is None else Merged(ChangesetNumber(0), published.parent, (), (), (), published)


def _finish(context: Context, message: str, *, dry_run: bool) -> Merged:
    """Merge as the open merge was decided. Raises: Conflict, HeadMoved, UsageError."""
    known = _known(context)
    if known.waiting:
        raise Conflict(
            f"{len(known.waiting)} conflicts of the merge are not decided.",
            items=known.waiting,
            advice="'mlv resolve --accept mine|theirs|base|edited PATH' decides.",
        )
    uploaded = _upload(context, known)
    wanted = replace(
        _request(context, known.branch, known.source, known.request_id, dry_run=dry_run),
        message=message or known.message,
        source_head=ChangesetNumber(known.source_head),
        branch_head=ChangesetNumber(known.branch_head),
        resolutions=_resolutions(context, known, uploaded),
        recipes=uploaded.recipes,
        inline_pack=uploaded.inline_pack,
    )
    merged = _send(context, wanted)
    if merged.conflicts:
        raise HeadMoved("The merge conflicts elsewhere by now.", advice="'mlv merge --abort', then merge again.")
    return merged


def _send(context: Context, wanted: MergeRequest) -> Merged:
    server = context.server()
    if wanted.dry_run:
        return server.merge(wanted)
    return request(context, "merge", wanted.request_id, lambda: server.merge(wanted), lambda merged: merged.published)


def abort(context: Context, *, dry_run: bool = False) -> tuple[str, ...]:
    """Drop the open merge; files with markers go back to the version. The paths that went back. Raises: UsageError."""
    workspace = context.workspace
    try:
        marked = tuple(one.here for one in _known(context).conflicts if one.marked)
    except DamagedContent:  # what cannot be read is dropped all the same: files stay as they are
        marked = ()
    if dry_run:
        return marked
    if marked:
        revert(context, tuple(os.path.join(workspace.layout.root, path) for path in marked))
    with guard.long_step(workspace.layout), guard.writing(workspace.layout):
        merging.write(workspace.state, None)
    return marked


def _known(context: Context) -> OpenMerge:
    known = merging.read(context.workspace.state)
    if known is None:
        raise UsageError("No merge waits here.", advice="'mlv merge BRANCH' begins one.")
    return known


def _request(context: Context, branch: str, source: str, request_id: str, *, dry_run: bool) -> MergeRequest:
    workspace = context.workspace
    held = tuple((file.path, FencingToken(file.token)) for file in workspace.state.files().values() if file.token)
    return MergeRequest(
        repository=RepositoryName.parse(workspace.repository),
        request_id=RequestId(request_id),
        branch=branch,
        source=source,
        workspace=WorkspaceId(workspace.id),
        tokens=held if branch == workspace.branch else (),
        dry_run=dry_run,
    )


def _open_conflict(conflict: ServerConflict) -> OpenConflict:
    sides = [side for side in (conflict.base, conflict.mine, conflict.theirs) if side is not None]
    text = conflict.kind is ConflictKind.CONTENT and all(side.state.text for side in sides) and len(sides) > 2  # noqa: PLR2004
    return OpenConflict(
        conflict.path, _WORDS[conflict.kind], conflict.mine.path if conflict.mine is not None else "", text
    )


def _keep_open(
    context: Context, wanted: MergeRequest, merged: Merged, waiting: tuple[OpenConflict, ...]
) -> tuple[OpenConflict, ...]:
    """Remember the merge, with both edits of each text in its file. Raises: UsageError, HeadMoved, LocalChanges."""
    workspace = context.workspace
    names = tuple(one.path for one in waiting)
    what = "1 file conflicts" if len(names) == 1 else f"{len(names)} files conflict"
    if wanted.branch != workspace.branch:
        raise Conflict(
            f"{what}, which a workspace of {escape(wanted.branch)} must decide.",
            items=names,
            advice=f"'mlv switch {escape(wanted.branch)}', then 'mlv merge {escape(wanted.source)}'.",
        )
    if workspace.base != merged.target:
        raise HeadMoved(
            f"{what}, and {escape(wanted.branch)} is at @{merged.target}, not @{workspace.base}.",
            items=names,
            advice="'mlv update', then merge again.",
        )
    with guard.long_step(workspace.layout), guard.writing(workspace.layout):
        workspace.reload()
        places = tuple(one.here for one in waiting if one.here and one.here != VERSION_PATH)
        found = scan(workspace.layout, workspace.state, places, untracked=False).found if places else ()
        changed = tuple(item.path for item in found)
        if changed:
            raise LocalChanges(
                "Files that conflict in the merge have local changes.",
                items=changed,
                advice="Commit or revert them first.",
            )
        texts = [one for one in waiting if one.text and one.here]
        marked = _mark_all(context, merged, [c for c in merged.conflicts if c.path in {one.path for one in texts}])
        waiting = tuple(replace(one, marked=one.path in marked) for one in waiting)
        merging.write(
            workspace.state,
            OpenMerge(
                wanted.source,
                int(merged.source),
                wanted.branch,
                int(merged.target),
                int(merged.bases[0]),
                wanted.message,
                wanted.request_id,
                waiting,
            ),
        )
    return waiting


def _mark_all(context: Context, merged: Merged, conflicts: list[ServerConflict]) -> set[str]:
    """Write both edits with markers into the files of conflicting texts; only these are fetched (B3)."""
    wanted: list[tuple[str, int]] = []
    for one in conflicts:
        for place, at in ((one.base, merged.bases[0]), (one.mine, merged.target), (one.theirs, merged.source)):
            if place is not None and at:
                wanted.append((place.path, int(at)))
    done: set[str] = set()
    by_version: dict[int, dict[str, str]] = {}
    for number in {at for _, at in wanted}:
        by_version[number] = fetch_versions(context, sorted({one for one in wanted if one[1] == number}))
    for one in conflicts:
        if one.base is None or one.mine is None or one.theirs is None:
            continue
        versions = ((one.base, merged.bases[0]), (one.mine, merged.target), (one.theirs, merged.source))
        files = [by_version.get(int(at), {}).get(place.path, "") for place, at in versions]
        if all(files):
            mark(context.workspace.layout, one.mine.path, *files, theirs_name=f"@{merged.source}")
            done.add(one.path)
    return done


def _check_edited(context: Context, chosen: list[OpenConflict]) -> None:
    for one in chosen:
        place = context.workspace.layout.absolute(one.here) if one.here else ""
        if one.path == VERSION_PATH or not one.here or not os.path.isfile(place) or os.path.islink(place):
            raise NotFound(
                f"'{escape(one.path)}' has no file here that could be taken.", advice="Accept mine, theirs or base."
            )
        if has_markers(place):
            raise UsageError(
                f"'{escape(one.here)}' still has conflict markers.", advice="Edit it, then accept it again."
            )


def _upload(context: Context, known: OpenMerge) -> UploadResult:
    layout = context.workspace.layout
    edited = [one.here for one in known.conflicts if one.decided == "edited"]
    inputs = [UploadInput(path, layout.absolute(path)) for path in edited]
    repository = RepositoryName.parse(context.workspace.repository)
    return upload_changes(context.server(), repository, inputs, upload="", codecs=CODECS, progress=context.progress)


def _resolutions(context: Context, known: OpenMerge, uploaded: UploadResult) -> tuple[tuple[str, Resolution], ...]:
    contents = {content.path: content for content in uploaded.contents}
    found: list[tuple[str, Resolution]] = []
    for one in known.conflicts:
        if one.decided != "edited":
            found.append((one.path, Resolution(_SIDES[one.decided])))
            continue
        content, file = contents[one.here], context.workspace.state.file(one.here)
        mode = FileMode(file.mode) if file is not None else FileMode.REGULAR
        state = FileState(FileId(0), mode, content.text, content.size, content.content)
        found.append((one.path, Resolution(Side.CONTENT, state)))
    return tuple(found)
