"""The change list of a commit, from what differs on the disk."""

from __future__ import annotations

import os
from dataclasses import replace

from mlv.actions.context import Context
from mlv.actions.meta import effective
from mlv.actions.status import REQUIRED, scan_and_refresh
from mlv.actions.texts import looks_like_text
from mlv.transfer.types import UploadedContent, UploadInput
from mlv.workspace import pristine
from mlv.workspace.layout import under
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import SYMLINK, Found, kind_of
from mlv.workspace.state import TrackedFile, decode_properties
from mlv_core.deferred import dataclass, maker
from mlv_core.entities import VERSION_PATH, Change, FileMode, FileState, Operation
from mlv_core.errors import Conflict, MissingFile, UnsupportedFile
from mlv_core.hashing import HASH_LENGTH, ContentHash
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, escape
from mlv_core.paths import check_paths, check_symlink
from mlv_core.requests import ProposedChange

UNKNOWN = ContentHash(bytes(HASH_LENGTH))
"""Stands for content that has not been read yet."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The changes, without the hashes of new content; `inputs` are the contents to be read, `size` their bytes.

    `oldest` and `newest` are the changesets that the workspace's files stand at. `unlocked` are the paths whose needed
    lock is not held here, by what was known of the policy when the files were brought.
    """

    changes: tuple[ProposedChange, ...]
    inputs: tuple[UploadInput, ...]
    size: int
    oldest: int
    newest: int
    unlocked: tuple[str, ...] = ()


def propose(context: Context, roots: tuple[str, ...]) -> Proposal:
    """What a commit of `roots` takes (C8).

    Raises: Conflict, MissingFile, PathClash, UnsupportedFile.
    """
    workspace = context.workspace
    found = scan_and_refresh(context, roots, untracked=False).found
    found = tuple(item for item in found if item.state != "?")
    _refuse(found)
    files = workspace.state.files()
    edits = workspace.state.property_edits()
    changes: list[ProposedChange] = []
    inputs: list[UploadInput] = []
    size = 0
    for item in found:
        changes.extend(_changes(workspace, item, edits.get(item.path, {})))
        if item.state in {"A", "M", "R"}:
            given, length = _input(workspace, item)
            inputs.append(given)
            size += length
    changes = _without_replaced(changes)
    _check_clashes(files, changes)
    changes.sort(key=lambda proposed: proposed.change.path)
    bases = [workspace.base, *(file.changeset for file in files.values() if file.changeset)]
    trees = workspace.trees
    changes = [_under_folder(trees, proposed) for proposed in changes] if trees else changes
    unlocked = tuple(
        item.path
        for item in found
        if item.base is not None
        and item.base.need == REQUIRED
        and not item.base.token
        and not (trees and under(item.base.path, tuple(trees)))
    )
    return Proposal(tuple(changes), tuple(inputs), size, min(bases), max(bases), unlocked)


def _without_replaced(changes: list[ProposedChange]) -> list[ProposedChange]:
    """Files that are moved leave their paths; where another file is by now, its row says so, and no other is wanted."""
    taken = {one.change.path for one in changes if one.change.state is not None}
    return [one for one in changes if one.change.state is not None or one.change.path not in taken]


def _under_folder(trees: dict[str, int], proposed: ProposedChange) -> ProposedChange:
    """The change with the token of the lock on a folder above its file, where the file has none of its own (L12)."""
    place = proposed.change.source if proposed.change.operation is Operation.MOVE else proposed.change.path
    if proposed.token or proposed.change.operation is Operation.ADD:
        return proposed
    token = next((token for path, token in trees.items() if under(place, (path,))), 0)
    return replace(proposed, token=FencingToken(token))


def _refuse(found: tuple[Found, ...]) -> None:
    waiting = tuple(item.path for item in found if item.state == "C")
    if waiting:
        raise Conflict("Files in conflict must be decided before they are committed.", items=waiting)
    missing = tuple(item.path for item in found if item.state == "!")
    if missing:
        raise MissingFile("Tracked files are gone from the disk.", items=missing)


def _changes(workspace: Workspace, item: Found, edits: dict[str, str | None]) -> list[ProposedChange]:
    base = item.base
    if item.path == VERSION_PATH:
        properties = tuple(sorted(effective(workspace.properties, edits).items()))
        state = FileState(FileId(0), FileMode.REGULAR, text=False, size=0, content=UNKNOWN, properties=properties)
        return [_proposed(workspace, Change(VERSION_PATH, Operation.META, FileId(0), state), None)]
    if item.state == "D" and base is not None:
        return [_proposed(workspace, Change(base.path, Operation.DELETE, FileId(base.file_id), None), base)]
    state = _state(workspace, item, edits)
    if item.state == "R" and base is not None:
        file_id = FileId(base.file_id)
        return [
            _proposed(workspace, Change(item.path, Operation.MOVE, file_id, state, base.path), base),
            _proposed(workspace, Change(base.path, Operation.DELETE, file_id, None), base),
        ]
    if item.state == "A" and base is None:
        return [_proposed(workspace, Change(item.path, Operation.ADD, FileId(0), state, item.source), None)]
    operation = Operation.META if item.state == "P" else Operation.MODIFY
    file_id = FileId(base.file_id if base is not None else 0)
    return [_proposed(workspace, Change(item.path, operation, file_id, state), base)]


def _proposed(workspace: Workspace, change: Change, base: TrackedFile | None) -> ProposedChange:
    at = workspace.changeset_of(base) if base is not None else workspace.base
    token = base.token if base is not None else 0
    return ProposedChange(change, ChangesetNumber(at), FencingToken(token))


def _state(workspace: Workspace, item: Found, edits: dict[str, str | None]) -> FileState:
    base = item.base
    stored = dict(decode_properties(base.properties)) if base is not None and item.state != "A" else {}
    properties = tuple(sorted(effective(stored, edits).items()))
    if item.state == "P" and base is not None:
        content, mode = ContentHash(base.content), FileMode(base.mode)
        return FileState(FileId(base.file_id), mode, bool(base.text), base.size, content, properties)
    status = os.lstat(workspace.layout.absolute(item.path))
    kind = kind_of(status)
    if kind is None:
        raise UnsupportedFile(f"'{escape(item.path)}' is a device, pipe or socket.")
    file_id = FileId(base.file_id if base is not None and item.state != "A" else 0)
    text = kind != SYMLINK and looks_like_text(workspace.layout.absolute(item.path))
    return FileState(file_id, FileMode(kind), text=text, size=status.st_size, content=UNKNOWN, properties=properties)


def _input(workspace: Workspace, item: Found) -> tuple[UploadInput, int]:
    absolute = workspace.layout.absolute(item.path)
    status = os.lstat(absolute)
    if kind_of(status) == SYMLINK:
        target = os.readlink(absolute)
        check_symlink(item.path, target)
        return UploadInput(item.path, os.fsencode(target)), len(target)
    base = pristine.base_of(workspace.layout, workspace.state, item.base) if item.base is not None else None
    if base is None and item.source:
        origin = workspace.state.file(item.source)
        source = workspace.layout.absolute(item.source)
        if origin is not None and os.path.isfile(source):
            base = source
    return UploadInput(item.path, absolute, base), status.st_size


def _check_clashes(files: dict[str, TrackedFile], changes: list[ProposedChange]) -> None:
    """F2 over the version as it will be, when paths are new."""
    new = [p.change.path for p in changes if p.change.operation in {Operation.ADD, Operation.MOVE}]
    if new:
        gone = {p.change.path for p in changes if p.change.state is None}
        fresh = set(new)
        check_paths([*(path for path in files if path not in gone and path not in fresh), *new])


def with_contents(proposal: Proposal, contents: tuple[UploadedContent, ...]) -> tuple[ProposedChange, ...]:
    """The changes with the hashes, sizes and text flags of what was read."""
    read = {item.path: item for item in contents}
    new_state, new_change, new = maker(FileState), maker(Change), maker(ProposedChange)
    result = []
    for proposed in proposal.changes:
        change, state = proposed.change, proposed.change.state
        found = read.get(change.path)
        if found is None or state is None:
            result.append(proposed)
            continue
        state = new_state(state.file_id, state.mode, found.text, found.size, found.content, state.properties)
        change = new_change(change.path, change.operation, change.file_id, state, change.source)
        result.append(new(change, proposed.base, proposed.token))
    return tuple(result)
