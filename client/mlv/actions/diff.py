"""What differs: here against the version, or between two versions; files and records."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mlv.actions.context import Context
from mlv.actions.naming import check_named
from mlv.actions.status import scan_and_refresh
from mlv.actions.texts import is_text
from mlv.workspace import pristine
from mlv.workspace.opened import Workspace
from mlv.workspace.scan import EXECUTABLE, SYMLINK, Found, kind_of
from mlv_core.deferred import dataclass
from mlv_core.diffs import TEXT_DIFF_LIMIT, unified_diff
from mlv_core.errors import NotFound
from mlv_core.ids import escape

if TYPE_CHECKING:
    from mlv_core.requests import VersionDifference

_MODES = {EXECUTABLE: "executable", SYMLINK: "symbolic link"}


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One path on both sides; None where it does not exist or its bytes were not read.

    `state` is added, modified, deleted, moved or meta. `readable` says that both sides are text at hand. `modes` are
    those of both sides where both exist.
    """

    path: str
    state: str
    before: bytes | None
    after: bytes | None
    before_size: int
    after_size: int
    readable: bool
    source: str = ""
    modes: tuple[int, int] | None = None


def local_differences(context: Context, arguments: tuple[str, ...] = ()) -> Iterator[FileDifference]:
    """What differs here from the version; untracked files are left out. Works without the server for what is kept.

    Raises: NotAWorkspace, InvalidPath.
    """
    workspace = context.workspace
    states = {"A": "added", "M": "modified", "D": "deleted", "R": "moved", "P": "meta", "C": "modified"}
    roots = context.paths(arguments)
    check_named(workspace, roots)
    for found in scan_and_refresh(context, roots, untracked=False).found:
        if found.state in states and found.path != ".":
            yield _local(workspace, found, states[found.state])


def _local(workspace: Workspace, found: Found, state: str) -> FileDifference:
    base = found.base
    absolute = workspace.layout.absolute(found.path)
    there = os.path.lexists(absolute) and state != "deleted"
    after_size = os.lstat(absolute).st_size if there else 0
    before = after = None
    if base is not None:
        kept = pristine.base_of(workspace.layout, workspace.state, base)
        if base.mode == SYMLINK:
            before = None
        elif isinstance(kept, str):
            before = _text_of(kept)
        elif kept is not None:
            before = kept
        elif state == "moved":
            before = _text_of(absolute) if os.path.isfile(absolute) and not _changed(workspace, found) else None
    if there:
        after = os.fsencode(os.readlink(absolute)) if os.path.islink(absolute) else _text_of(absolute)
    readable = (base is None or before is not None) and (not there or after is not None)
    size = base.size if base is not None else 0
    mode = kind_of(os.lstat(absolute)) if there else None
    modes = (base.mode, mode) if base is not None and mode is not None else None
    return FileDifference(found.path, state, before, after, size, after_size, readable, found.source, modes)


def _changed(workspace: Workspace, found: Found) -> bool:
    from mlv.workspace.scan import hash_file

    base = found.base
    return base is None or hash_file(workspace.layout.absolute(found.path), base.mode) != base.content


def _text_of(file: str) -> bytes | None:
    """The bytes of a text file; None for anything else."""
    if os.path.getsize(file) > TEXT_DIFF_LIMIT:
        return None
    with open(file, "rb") as stream:
        data = stream.read()
    return data if is_text(data) else None


def unified(difference: FileDifference) -> Iterator[str]:
    """The lines of a unified diff, without line ends, fit to be shown; one line where a side is no text at hand.

    Lines that programs which apply diffs skip tell of moves, changed modes, and empty files that came or went.
    """
    path, source = escape(difference.path), escape(difference.source or difference.path)
    added, deleted = difference.state == "added", difference.state == "deleted"
    if difference.state == "moved":
        yield f"moved {source} -> {path}"
    if difference.modes is not None and difference.modes[0] != difference.modes[1]:
        yield f"mode of {path}: {' -> '.join(_MODES.get(mode, 'regular') for mode in difference.modes)}"
    if not difference.readable:
        old, new = "/dev/null" if added else f"a/{source}", "/dev/null" if deleted else f"b/{path}"
        yield f"Binary {old} and {new} differ: {difference.before_size} -> {difference.after_size} bytes"
    elif (added or deleted) and not difference.before_size + difference.after_size:
        yield f"{difference.state} {path}: an empty file"
    else:
        before = None if added else difference.before or b""
        after = None if deleted else difference.after or b""
        yield from unified_diff(before, after, f"a/{difference.source or difference.path}", f"b/{difference.path}")


def version_differences(
    context: Context, place: object, first: int, second: int, *, with_content: bool
) -> Iterator[FileDifference]:
    """What differs between two versions of a place's repository under its path.

    Raises: NotFound, and those of the connection.
    """
    from mlv.actions.history import Place, fetch_to
    from mlv_core.entities import FileState
    from mlv_core.ids import ChangesetNumber

    assert isinstance(place, Place)  # noqa: S101 - imported late: reading history loads the wire
    server = context.server(place.server)
    paths = (place.path,) if place.path else ()
    numbers = ChangesetNumber(first), ChangesetNumber(second)
    with tempfile.TemporaryDirectory(prefix="mlv-", ignore_cleanup_errors=True) as folder:

        def read(path: str, state: FileState | None, number: ChangesetNumber) -> bytes | None:
            if state is None:
                return b""
            if not with_content or not state.text or state.size > TEXT_DIFF_LIMIT:
                return None
            at = Place(place.server, place.repository, path, None, place.branch)
            with open(fetch_to(context, at, number, folder), "rb") as stream:
                return stream.read()

        rows = list(_with_moves(server.diff_versions(place.repository, *numbers, paths)))
        files = (row for at in numbers if at for row in server.list_files(place.repository, at, paths))
        if paths and not rows and next(files, None) is None:
            raise NotFound(
                f"Neither @{first} nor @{second} has '{escape(place.path)}'.", advice="'mlv ls @REV' lists its files."
            )
        for item in rows:
            old_path = item.moved_from or item.path
            before = read(old_path, item.before, numbers[0])
            after = read(item.path, item.after, numbers[1])
            yield FileDifference(
                item.path,
                _state_of(item.before, item.after, item.moved_from),
                before,
                after,
                item.before.size if item.before else 0,
                item.after.size if item.after else 0,
                before is not None and after is not None,
                item.moved_from,
                (int(item.before.mode), int(item.after.mode)) if item.before and item.after else None,
            )


def _with_moves(rows: Iterable[VersionDifference]) -> Iterator[VersionDifference]:
    """The rows, where a moved file is one: its new path, with what it was at its old one.

    A file that went from a path to which another was moved has a row of its own.
    """
    found = [row for row in rows if row.path != "."]
    stood = {row.path: row.before for row in found if row.before is not None}
    left = {row.moved_from for row in found if row.after is not None and row.moved_from in stood}
    for row in found:
        if row.after is None:
            if row.path not in left:
                yield row
        elif row.moved_from in left:
            if row.before is not None and row.path not in left:
                yield replace(row, after=None, moved_from="")
            yield replace(row, before=stood[row.moved_from])
        elif row.path in left:
            yield replace(row, before=None)
        else:
            yield row if row.before is None else replace(row, moved_from="")


def _state_of(before: object, after: object, moved_from: str) -> str:
    from mlv_core.entities import FileState

    if before is None:
        return "added"
    if after is None:
        return "deleted"
    if moved_from:
        return "moved"
    assert isinstance(before, FileState)  # noqa: S101
    assert isinstance(after, FileState)  # noqa: S101
    return "meta" if before.content == after.content and before.mode == after.mode else "modified"
