"""Decide what bringing a shelf back does to each path: pure, from its changes, the workspace's state and the disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from enum import Enum

from mlv.workspace.scan import Found
from mlv.workspace.state import Pending, TrackedFile, decode_properties
from mlv_core.deferred import dataclass
from mlv_core.entities import VERSION_PATH, FileMode, FileState, Operation
from mlv_core.shelving import ShelvedChange, origin_of

Edits = Mapping[str, Mapping[str, str | None]]
"""Edited properties by path; None: unset."""


class Act(Enum):
    """What happens to the bytes of one path."""

    KEEP = "keep"
    PLACE = "place"
    COMPARE = "compare"
    MERGE = "merge"
    MODE = "mode"
    REMOVE = "remove"
    CONFLICT = "conflict"
    OBSTRUCTED = "obstructed"


@dataclass(frozen=True, slots=True)
class Decision:
    """One change of the shelf: `file` is what the workspace's version has of the same file, None for nothing.

    The local bytes lie at `here` ('': nowhere) and belong at `place` afterwards. KEEP leaves them as they are, PLACE
    puts the shelf's bytes there, COMPARE looks whether both are equal or may be merged, MERGE merges their lines, MODE
    changes the mode alone, REMOVE deletes them, CONFLICT leaves everything. `fresh`: the local bytes are the version's
    own. `record` is the act that the next commit takes, if any; `edits` are property values to record, `kept` keys
    whose local value stays.
    """

    act: Act
    one: ShelvedChange
    file: TrackedFile | None
    here: str
    place: str
    fresh: bool = False
    record: Pending | None = None
    edits: tuple[tuple[str, str | None], ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """How the user knows it: where it lies, or would lie."""
        return self.here if self.act is Act.CONFLICT and self.here else self.place


@dataclass(slots=True)
class Local:
    """What the workspace knows: its files, what differs by path of the base, recorded acts and edits, what is there.

    `on_disk` are those paths of the shelf at which something lies that is no tracked file's.
    """

    files: dict[str, TrackedFile]
    differs: dict[str, Found]
    pending: dict[str, Pending]
    conflicts: frozenset[str]
    edits: Edits
    properties: Mapping[str, str]
    on_disk: frozenset[str] = field(default_factory=frozenset)


def wanted_changes(changes: Iterable[ShelvedChange]) -> list[ShelvedChange]:
    """The changes without the deletes that only say where a moved file was."""
    rows = list(changes)
    moved = {(one.change.source, one.change.file_id) for one in rows if one.change.operation is Operation.MOVE}
    return [one for one in rows if one.change.state is not None or (one.change.path, one.change.file_id) not in moved]


def decide(changes: Iterable[ShelvedChange], local: Local, *, force: bool = False) -> list[Decision]:
    """What to do with every change; `force`: the shelf's side wins, local bytes move aside (`resolve --accept theirs`).

    F5: without `force` no locally changed file is overwritten.
    """
    rows = wanted_changes(changes)
    by_id = {file.file_id: file for file in local.files.values() if file.file_id}
    leaving = {
        file.path
        for one in rows
        if one.change.operation in {Operation.MOVE, Operation.DELETE}
        and (file := by_id.get(one.change.file_id)) is not None
    }
    found: list[Decision | None] = []
    for one in rows:
        if one.change.path == VERSION_PATH:
            found.append(_version(one, local))
        elif one.change.operation is Operation.ADD:
            found.append(_added(one, local, leaving, force=force))
        elif one.change.state is None:
            found.append(_deleted(one, by_id.get(one.change.file_id), local, force=force))
        else:
            found.append(_changed(one, one.change.state, by_id.get(one.change.file_id), local, leaving, force=force))
    return _in_peace([decision for decision in found if decision is not None])


def _in_peace(decisions: list[Decision]) -> list[Decision]:
    """The decisions, with a conflict for each file that would come to where another one stays in conflict."""
    staying = {decision.here for decision in decisions if decision.act is Act.CONFLICT and decision.here}
    return [
        replace(one, act=Act.CONFLICT, record=None, edits=())
        if one.act is not Act.CONFLICT and one.place != one.here and one.place in staying
        else one
        for one in decisions
    ]


def _version(one: ShelvedChange, local: Local) -> Decision:
    stored = local.properties
    edits, kept = _properties(one, stored, local.edits.get(VERSION_PATH, {}))
    return Decision(Act.KEEP, one, None, VERSION_PATH, VERSION_PATH, edits=edits, kept=kept)


def _added(one: ShelvedChange, local: Local, leaving: set[str], *, force: bool) -> Decision:
    path = one.change.path
    kind = "copy" if one.change.source and one.change.source in local.files else "add"
    record = Pending(path, kind, one.change.source if kind == "copy" else "")
    edits, kept = _properties(one, {}, local.edits.get(path, {}))
    file = local.files.get(path)
    act = local.pending.get(path)
    mine = act is not None and act.kind != "delete"
    if file is not None and path not in leaving and not mine:
        # The version has a file there by now: both sides made one.
        edits, kept = _properties(one, dict(decode_properties(file.properties)), local.edits.get(path, {}))
        doubtful = act is not None or path in local.conflicts
        usual = Act.CONFLICT if doubtful else Act.COMPARE
        return Decision(Act.PLACE if force else usual, one, file, path, path, edits=edits, kept=kept)
    if path not in local.on_disk:
        return Decision(Act.PLACE, one, None, "", path, record=record, edits=edits, kept=kept)
    if force:
        return Decision(Act.PLACE, one, None, path, path, record=record, edits=edits, kept=kept)
    if path in local.conflicts:
        return Decision(Act.CONFLICT, one, None, path, path)
    if mine:
        return Decision(Act.COMPARE, one, None, path, path, record=act, edits=edits, kept=kept)
    return Decision(Act.OBSTRUCTED, one, None, path, path, record=record, edits=edits, kept=kept)


def _deleted(one: ShelvedChange, file: TrackedFile | None, local: Local, *, force: bool) -> Decision | None:
    if file is None:
        return None  # gone already
    found = local.differs.get(file.path)
    if found is not None and found.state == "D":
        return None
    here = _place_of(file, local)
    record = Pending(file.path, "delete", "")
    same = one.before is not None and _same(file, one.before)
    if force or (same and (found is None or found.state in {"P", "!"})):
        return Decision(Act.REMOVE, one, file, here, here, fresh=found is None, record=record)
    return Decision(Act.CONFLICT, one, file, here, here)


def _changed(
    one: ShelvedChange, state: FileState, file: TrackedFile | None, local: Local, leaving: set[str], *, force: bool
) -> Decision:
    path = one.change.path
    if file is None:
        other = local.files.get(path)
        if force and other is not None:
            return Decision(Act.PLACE, one, other, path, path)
        if force:
            added = Pending(path, "add", "")
            return Decision(Act.PLACE, one, None, path, path, record=added, edits=tuple(state.properties))
        return Decision(Act.CONFLICT, one, None, "", path)  # changed there, deleted by the version since
    here = _place_of(file, local)
    found = local.differs.get(file.path)
    place = one.change.path if one.change.operation is Operation.MOVE else here
    record = Pending(place, "move", file.path) if place not in {here, file.path} else None
    edits, kept = _properties(one, dict(decode_properties(file.properties)), local.edits.get(here, {}))
    if force:
        return Decision(Act.PLACE, one, file, here, place, record=record, edits=edits, kept=kept)
    occupied = place != here and (place in local.on_disk or (place in local.files and place not in leaving))
    undecided = here in local.conflicts or (found is not None and found.state in {"C", "D"})
    if undecided or occupied or _apart(one, file, here):
        return Decision(Act.CONFLICT, one, file, here, place)
    act = _bytes(one, state, file, found)
    if place != here and place in local.files and act is not Act.PLACE:
        # Another file leaves that path in the same moment: only bytes that come from the shelf can go there.
        act = Act.PLACE if found is None and one.before is not None and _same(file, one.before) else Act.CONFLICT
    fresh = found is None or found.state == "P"
    return Decision(act, one, file, here, place, fresh=fresh, record=record, edits=edits, kept=kept)


def _bytes(one: ShelvedChange, state: FileState, file: TrackedFile, found: Found | None) -> Act:
    """What happens to the bytes of a file that both sides have."""
    before = one.before
    if before is not None and before.content == state.content and _is_link(before.mode) == _is_link(state.mode):
        return Act.KEEP if state.mode in {before.mode, file.mode} else Act.MODE
    unchanged = before is not None and _same(file, before)
    if unchanged and (found is None or found.state in {"P", "!"}):
        return Act.PLACE
    if found is not None and found.state == "!":
        return Act.CONFLICT
    return Act.COMPARE


def _apart(one: ShelvedChange, file: TrackedFile, here: str) -> bool:
    """Whether the shelf moved the file to one place, and the version or the workspace to another."""
    if one.change.operation is not Operation.MOVE:
        return False
    return not {here, file.path} <= {origin_of(one.change), one.change.path}


def _place_of(file: TrackedFile, local: Local) -> str:
    found = local.differs.get(file.path)
    return found.path if found is not None and found.source == file.path else file.path


def _same(file: TrackedFile, state: FileState) -> bool:
    return (file.content, file.mode) == (state.content, state.mode)


def _is_link(mode: int) -> bool:
    return mode == FileMode.SYMLINK


def _properties(
    one: ShelvedChange, stored: Mapping[str, str], edits: Mapping[str, str | None]
) -> tuple[tuple[tuple[str, str | None], ...], tuple[str, ...]]:
    """Property values to record, and the keys whose value here stays, as it was changed here or by the version."""
    before = dict(one.before.properties) if one.before is not None else {}
    after = dict(one.change.state.properties) if one.change.state is not None else {}
    taken: list[tuple[str, str | None]] = []
    kept: list[str] = []
    for key in sorted({*before, *after}):
        wanted = after.get(key)
        if wanted == before.get(key):
            continue
        here = edits[key] if key in edits else stored.get(key)
        if here == wanted:
            continue
        if here == before.get(key):
            taken.append((key, wanted))
        else:
            kept.append(key)
    return tuple(taken), tuple(kept)
