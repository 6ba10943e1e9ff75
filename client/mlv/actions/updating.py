"""Decide what an update does to each path: pure, from the plan, the workspace's state and what differs on the disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from enum import Enum

from mlv.workspace.scan import Found, Scan
from mlv.workspace.state import Pending, TrackedFile, encode_properties
from mlv_core.deferred import dataclass
from mlv_core.entities import Change, FileMode, FileState, Operation
from mlv_core.requests import PlannedChange


class Act(Enum):
    """What happens to one path."""

    PLACE = "place"
    RETAG = "retag"
    REMOVE = "remove"
    FORGET = "forget"
    REBASE = "rebase"
    COMPARE = "compare"
    CONFLICT = "conflict"
    OBSTRUCTED = "obstructed"


@dataclass(frozen=True, slots=True)
class Decision:
    """One path: `row` is the file as the version has it (None: it goes), `base` as the workspace had it.

    `place` is where its bytes lie or will lie. RETAG has the right bytes on the disk already, maybe under the old path.
    FORGET has none there. REBASE keeps the local bytes under a new base. COMPARE needs the bytes of both sides before
    it can be merged, adopted, or be a conflict. OBSTRUCTED: what lies there is the user's, or the version exchanges
    files that were changed here. `fresh`: the bytes of `base` are the workspace's own and go; `replaces` is the
    unchanged file whose bytes may be replaced at `place`. All other bytes that are in the way move aside first.
    """

    act: Act
    path: str
    row: TrackedFile | None
    base: TrackedFile | None
    place: str
    fresh: bool = False
    drop_pending: bool = False
    replaces: TrackedFile | None = None


@dataclass(slots=True)
class Local:
    """What the workspace knows: tracked files, what differs by path of the base, recorded acts, what is in the way.

    `files` have the stamps under which a scan found them unchanged. `on_disk` are those planned paths of no
    tracked file where something lies.
    """

    files: dict[str, TrackedFile]
    differs: dict[str, Found]
    pending: dict[str, Pending]
    conflicts: frozenset[str]
    on_disk: frozenset[str] = field(default_factory=frozenset)


def local_of(
    files: dict[str, TrackedFile], result: Scan, pending: dict[str, Pending], conflicts: Iterable[str]
) -> Local:
    """What is known after a scan; its stamps are newer than those of `files`."""
    known = dict(files)
    for mtime_ns, ctime_ns, inode, doubtful, path in result.stamps:
        known[path] = known[path]._replace(mtime_ns=mtime_ns, ctime_ns=ctime_ns, inode=inode, doubtful=doubtful)
    differs = {item.base.path: item for item in result.found if item.base is not None}
    return Local(known, differs, pending, frozenset(conflicts))


def decide(changes: list[PlannedChange], local: Local, *, force: bool) -> list[Decision]:
    """What to do with every planned path.

    F5: a locally changed file is never overwritten, save with `force`, which moves its bytes to the rescue folder.
    """
    moved = {item.change.source for item in changes if _is_move(item.change) and item.change.source in local.files}
    decisions: list[Decision] = []
    for item in changes:
        change = item.change
        if change.state is None:
            if change.path not in moved:
                decisions.extend(_removed(change.path, local, force=force))
            continue
        source = change.source if _is_move(change) and change.source in local.files else change.path
        if change.path in local.files and (source != change.path or change.path in moved):
            decisions.append(_exchanged(item, change.state, source, local, force=force))
        else:
            decisions.append(_brought(item, change.state, source, local, force=force))
    return decisions


def _is_move(change: Change) -> bool:
    return change.operation is Operation.MOVE and bool(change.source)


def _removed(path: str, local: Local, *, force: bool) -> list[Decision]:
    base = local.files.get(path)
    if base is None:
        return []
    found = local.differs.get(path)
    if found is None or found.state == "P":
        return [Decision(Act.REMOVE, path, None, base, path, fresh=True, replaces=base)]
    if found.state in {"D", "!"}:
        return [Decision(Act.FORGET, path, None, base, path)]
    return [Decision(Act.REMOVE if force else Act.CONFLICT, path, None, base, found.path)]


def _exchanged(item: PlannedChange, state: FileState, source: str, local: Local, *, force: bool) -> Decision:
    """Another file comes to where a tracked one was: by itself if both are unchanged here."""
    path = item.change.path
    occupant = local.files[path]
    base = local.files[source] if source != path else None
    changed = any(
        (found := local.differs.get(at)) is not None and found.state not in {"P", "!"} for at in {path, source}
    )
    row = row_of(item, state, base)
    if changed and not force:
        return Decision(Act.OBSTRUCTED, path, row, base, path)
    unchanged = local.differs.get(path) is None or local.differs[path].state == "P"
    return Decision(
        Act.PLACE, path, row, base, path, fresh=not changed, drop_pending=True, replaces=occupant if unchanged else None
    )


def row_of(item: PlannedChange, state: FileState, base: TrackedFile | None) -> TrackedFile:
    """The tracked file that a planned change brings; whether it is open and locked stays."""
    return TrackedFile(
        path=item.change.path,
        file_id=state.file_id,
        mode=int(state.mode),
        text=int(state.text),
        size=state.size,
        content=bytes(state.content),
        changeset=0,
        need=int(item.need),
        opened=base.opened if base is not None else 0,
        token=base.token if base is not None else 0,
        properties=encode_properties(state.properties),
    )


def _brought(item: PlannedChange, state: FileState, source: str, local: Local, *, force: bool) -> Decision:
    path = item.change.path
    base = local.files.get(source)
    row = row_of(item, state, base)
    if base is None:
        return _new(path, row, local, force=force)
    found = local.differs.get(source)
    if path != source and path in local.on_disk and not force:
        return Decision(Act.OBSTRUCTED, path, row, base, path)
    if found is None or found.state == "P":
        same = row.content == base.content and _is_link(row) == _is_link(base)
        replaces = base if path == source else None
        return Decision(Act.RETAG if same else Act.PLACE, path, row, base, path, fresh=True, replaces=replaces)
    if found.state == "!":
        return Decision(Act.PLACE, path, row, base, path, fresh=True)
    if source in local.conflicts or found.state == "C":
        return Decision(Act.CONFLICT, path, row, base, found.path)
    if found.state == "D":
        same = row.content == base.content and row.mode == base.mode and row.path == base.path
        act = Act.REBASE if same else Act.PLACE if force else Act.CONFLICT
        return Decision(act, path, row, base, path, drop_pending=act is Act.PLACE)
    return _over_local(row, base, found, path, force=force)


def _over_local(row: TrackedFile, base: TrackedFile, found: Found, path: str, *, force: bool) -> Decision:
    """The local file was edited, moved, or both; a local move wins over none on the server."""
    source = base.path
    place = found.path if found.path != source else path
    if force:
        return Decision(Act.PLACE, path, row, base, place)
    if len({found.path, source, path}) == 3:  # noqa: PLR2004 - moved to different places by both sides
        return Decision(Act.CONFLICT, path, row, base, found.path)
    if row.content == base.content and row.mode == base.mode:
        return Decision(Act.REBASE, path, row, base, place)
    return Decision(Act.COMPARE, path, row, base, found.path)


def _new(path: str, row: TrackedFile, local: Local, *, force: bool) -> Decision:
    if path not in local.on_disk:
        return Decision(Act.PLACE, path, row, None, path, fresh=True, drop_pending=path in local.pending)
    if path in local.pending and not force:
        return Decision(Act.COMPARE, path, row, None, path)
    if force:
        return Decision(Act.PLACE, path, row, None, path, drop_pending=True)
    return Decision(Act.OBSTRUCTED, path, row, None, path)


def needs_content(decision: Decision) -> bool:
    """Whether the version's bytes must be at hand."""
    return decision.row is not None and decision.act in {Act.PLACE, Act.COMPARE}


def _is_link(file: TrackedFile) -> bool:
    return file.mode == FileMode.SYMLINK
