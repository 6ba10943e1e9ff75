"""Stage what comes back from a shelf: compare with the local bytes, fetch what is needed, merge, and list the steps."""

from __future__ import annotations

import os
from dataclasses import field, replace

from mlv.actions.context import Context
from mlv.actions.fetching import CODECS, fetch_versions
from mlv.actions.merging import MERGE_LIMIT_BYTES
from mlv.actions.texts import is_text
from mlv.actions.unshelving import Act, Decision
from mlv.transfer.download import download
from mlv.workspace import materialize, pristine
from mlv.workspace.journal import Stamp, Step
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import SYMLINK, hash_file, kind_of
from mlv.workspace.state import TrackedFile
from mlv_core.deferred import dataclass
from mlv_core.entities import FileState
from mlv_core.ids import RepositoryName
from mlv_core.merges import merge_text
from mlv_core.shelving import PlanShelfRequest, Shelf, origin_of


@dataclass(frozen=True, slots=True)
class Staged:
    """The parts of a journal, and what became of each decision: a merge that failed is a conflict."""

    decisions: list[Decision] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    rows: list[TrackedFile] = field(default_factory=list)
    pending_added: list[tuple[str, str, str]] = field(default_factory=list)
    pending_dropped: list[str] = field(default_factory=list)
    edits: list[tuple[str, str, str | None]] = field(default_factory=list)
    rescued: tuple[str, ...] = ()


def settle(workspace: Workspace, decisions: list[Decision]) -> list[Decision]:
    """The decisions after a look at the local bytes: equal, unchanged since the shelf began, or to be merged."""
    return [_settled(workspace, one) if one.act is Act.COMPARE else one for one in decisions]


def _settled(workspace: Workspace, one: Decision) -> Decision:
    state, before = one.one.change.state, one.one.before
    local = workspace.layout.absolute(one.here)
    status = os.lstat(local)
    kind = kind_of(status)
    if state is None or kind is None:
        return replace(one, act=Act.CONFLICT)
    sizes = {state.size} if before is None else {state.size, before.size}
    content = hash_file(local, kind) if status.st_size in sizes else b""
    if (content, kind) == (state.content, int(state.mode)):
        return replace(one, act=Act.KEEP)
    if before is not None and (content, kind) == (before.content, int(before.mode)):
        return replace(one, act=Act.PLACE)
    if before is None or not _mergeable(state, before, kind, status.st_size):
        return replace(one, act=Act.CONFLICT, record=None, edits=())
    return replace(one, act=Act.MERGE)


def _mergeable(state: FileState, before: FileState, kind: int, size: int) -> bool:
    if SYMLINK in {kind, int(state.mode), int(before.mode)} or not (state.text and before.text):
        return False
    return max(state.size, before.size, size) <= MERGE_LIMIT_BYTES


def fetch(context: Context, shelf: Shelf, decisions: list[Decision]) -> tuple[dict[str, str], dict[bytes, bytes]]:
    """The shelf's file of each change that needs one, and the texts that merges begin from, by content.

    Raises: those of the connection, NotFound, DamagedContent, DiskFull.
    """
    workspace = context.workspace
    repository = RepositoryName.parse(workspace.repository)
    needed = [one for one in decisions if one.act in {Act.PLACE, Act.MERGE}]
    files: dict[str, str] = {}
    if needed:
        olds = {one.one.change.path: _old_file(workspace, one) for one in needed}
        places = {origin_of(one.one.change): olds[one.one.change.path] for one in needed}
        request = PlanShelfRequest(
            repository,
            shelf.id,
            CODECS,
            paths=tuple(olds),
            without_old=tuple(path for path, old in olds.items() if old is None),
        )
        incoming = workspace.layout.incoming
        os.makedirs(incoming, exist_ok=True)
        parts = context.server().plan_shelf(request)
        fetched = download(context.server(), repository, parts, places.get, incoming, context.progress)
        files = {item.change.change.path: item.file for item in fetched}
    return files, _base_texts(context, [one for one in decisions if one.act is Act.MERGE])


def _old_file(workspace: Workspace, one: Decision) -> str | None:
    """Where the bytes lie that the shelf's were made from, if on this disk."""
    before, file = one.one.before, one.file
    if before is None or file is None or int(before.mode) == SYMLINK:
        return None
    if one.fresh and file.content == before.content and one.here:
        return workspace.layout.absolute(one.here)
    kept = workspace.layout.base_file(bytes(before.content))
    return kept if os.path.exists(kept) else None


def _base_texts(context: Context, merging: list[Decision]) -> dict[bytes, bytes]:
    workspace = context.workspace
    found: dict[bytes, bytes] = {}
    absent: list[Decision] = []
    for one in merging:
        before = one.one.before
        if before is None:
            continue
        kept = workspace.layout.base_file(bytes(before.content))
        text = workspace.state.text(bytes(before.content))
        if os.path.exists(kept):
            text = _read(kept)
        if text is None:
            absent.append(one)
        else:
            found[bytes(before.content)] = text
    if absent:
        files = fetch_versions(context, [(origin_of(one.one.change), int(one.one.base)) for one in absent])
        for one in absent:
            if one.one.before is not None:
                found[bytes(one.one.before.content)] = _read(files[origin_of(one.one.change)])
    return found


def stage(
    workspace: Workspace,
    decisions: list[Decision],
    files: dict[str, str],
    texts: dict[bytes, bytes],
    prefix: str = "shelf",
) -> Staged:
    """Put all new bytes beside the old ones, under names that begin with `prefix`, and list what is to be done."""
    staged = Staged()
    for number, decision in enumerate(decisions):
        one = _stage_bytes(workspace, staged, decision, files, texts, f"{prefix}-{number}")
        staged.decisions.append(one)
        if one.act is Act.CONFLICT:
            continue
        if one.record is not None:
            staged.pending_added.append((one.record.path, one.record.kind, one.record.source))
            if one.here and one.here != one.record.path:
                staged.pending_dropped.append(one.here)
        staged.edits.extend((one.place, key, value) for key, value in one.edits)
        if one.file is not None and one.act in {Act.PLACE, Act.MERGE, Act.MODE}:
            staged.rows.append(one.file._replace(opened=1, doubtful=1))
    return staged


def _stage_bytes(
    workspace: Workspace,
    staged: Staged,
    one: Decision,
    files: dict[str, str],
    texts: dict[bytes, bytes],
    name: str,
) -> Decision:
    """Stage the bytes of one decision; the decision as it is carried out."""
    layout, state = workspace.layout, one.one.change.state
    expected = _stamp(workspace, one)
    if one.act is Act.REMOVE:
        staged.steps.append(Step(one.here, "", expected))
        return one
    if one.act is Act.KEEP and one.here and one.place != one.here:
        staged.steps.append(Step(one.place, source=one.here))
        return one
    if state is None or one.act not in {Act.PLACE, Act.MERGE, Act.MODE}:
        return one
    beside = os.path.join(layout.incoming, f"{name}.bytes")
    mode = int(state.mode)
    if one.act is Act.MERGE:
        local = layout.absolute(one.here)
        merged = _merged(one, _read(local), _read(files[one.one.change.path]), texts)
        if merged is None:
            return replace(one, act=Act.CONFLICT, record=None, edits=())
        kind = kind_of(os.lstat(local))
        mode = mode if one.one.before is not None and mode != int(one.one.before.mode) else kind or 0
        with open(beside, "wb") as stream:
            stream.write(merged)
    else:
        pristine.clone(files[one.one.change.path] if one.act is Act.PLACE else layout.absolute(one.here), beside,
                       durable=False)  # fmt: skip
    if one.fresh and one.file is not None and one.here:
        pristine.keep(layout, one.file, layout.absolute(one.here))
    materialize.stage(layout, beside, name, one.place, mode, read_only=False, mask=materialize.umask())
    if one.here and one.here != one.place:
        staged.steps.append(Step(one.here, "", expected))
        expected = None
    staged.steps.append(Step(one.place, name, expected))
    return one


def _stamp(workspace: Workspace, one: Decision) -> Stamp | None:
    """The stamp of local bytes that are the version's own, or whose copy takes their place; all others move aside."""
    if one.act is Act.MODE and one.here:
        status = os.lstat(workspace.layout.absolute(one.here))
        return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    file = one.file
    if file is None or not one.fresh:
        return None
    return file.size, file.mtime_ns, file.ctime_ns, file.inode


def _merged(one: Decision, mine: bytes, theirs: bytes, texts: dict[bytes, bytes]) -> bytes | None:
    before = one.one.before
    if before is None or not is_text(mine) or bytes(before.content) not in texts:
        return None
    return merge_text(texts[bytes(before.content)], mine, theirs)


def _read(file: str) -> bytes:
    with open(file, "rb") as stream:
        return stream.read()
