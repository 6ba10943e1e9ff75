"""From what a workspace proposes to a change list: is it well formed, what lands, what leads from state to state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter

from mlv_core.deferred import maker
from mlv_core.entities import VERSION_PATH, Change, FileMode, FileState, Operation
from mlv_core.errors import AlreadyExists, InvalidRequest
from mlv_core.hashing import HASH_LENGTH, ContentHash, hash_content
from mlv_core.ids import FileId
from mlv_core.paths import PATH_LIMIT, are_ascending, check_path, check_paths, show_path

States = Mapping[str, FileState | None]
"""What stands at each path in one version; None, or no entry, where nothing does."""

UNKNOWN_CONTENT = ContentHash(bytes(HASH_LENGTH))
"""Stands for content that a client has not hashed yet (C7)."""
SIZE_LIMIT = 1 << 50
"""Bytes of one file: a petabyte, far below where 64-bit sums overflow."""
ROW_BYTES = 32
"""What a row, and each of its states, takes in a message besides path and properties: a hash or numbers, and tags."""
_ADD, _MODIFY, _MOVE, _SYMLINK = Operation.ADD, Operation.MODIFY, Operation.MOVE, FileMode.SYMLINK
"""Looked up here at once: there may be a million changes, and an enum's member costs more than a comparison."""
MANY_PATHS = 1000
"""From so many on it is remembered that paths were found good: a Publish brings those that its Begin brought."""
PROPERTIES_LIMIT = 256
PROPERTY_KEY_LIMIT = 128
PROPERTY_VALUE_LIMIT = 4096
"""Properties are short facts of a file; long texts belong into files."""


def check_proposed(changes: Sequence[Change]) -> None:
    """Check what can be told from the changes alone: shape, paths, and that they fit each other.

    Raises: InvalidRequest, InvalidPath, PathClash.
    """
    paths = [change.path for change in changes]
    if not are_ascending(paths) and len(set(paths)) != len(paths):
        twice = next(path for path, count in Counter(paths).items() if count > 1)
        raise InvalidRequest(f"The path '{show_path(twice)}' stands in the change list twice.")
    _check_once([change.path for change in changes if change.state is not None and change.path != VERSION_PATH])
    _check_rows(changes)
    sources = Counter(change.source for change in changes if change.operation is _MOVE)
    for source, count in sources.items():
        if count > 1:
            raise InvalidRequest(f"'{show_path(source)}' is moved to {count} places at once.")


def land(changes: Iterable[Change], current: States) -> tuple[Change, ...]:
    """The change list that lands on `current`, sorted by path; its new files are still to be `numbered`.

    Rows that change nothing are dropped. Moved files keep their ids. `current` holds what stands at every path and
    source of `changes`. Raises: InvalidRequest for a row that does not fit `current`, AlreadyExists for a new file
    where one stands.
    """
    proposed = sorted(changes, key=attrgetter("path"))
    moved = {change.source for change in proposed if change.operation is _MOVE}
    landed: list[Change] = []
    for change in proposed:
        path = change.path
        row: Change | None = change
        if path == VERSION_PATH:
            row = _land_version(change, current.get(VERSION_PATH))
        elif change.operation is _ADD:
            if path in current and current[path] is not None and path not in moved:
                raise AlreadyExists(
                    f"'{show_path(path)}' is added, but the version has it already.",
                    advice="Your workspace leaves it out: check out one that holds it, and change it there.",
                )
        else:
            row = _land_known(change, current, moved)
        if row is not None:
            landed.append(row)
    return tuple(landed)


def numbered(changes: Iterable[Change], last_file_id: FileId) -> tuple[tuple[Change, ...], FileId]:
    """`changes`, sorted by path, with ids for the new files in that order, and the last file id given out."""
    found: list[Change] = []
    for change in changes:
        if change.operation is _ADD:
            last_file_id = FileId(last_file_id + 1)
            found.append(_with_id(change, last_file_id))
        else:
            found.append(change)
    return tuple(found), last_file_id


def changes_between(before: States, after: States) -> tuple[Change, ...]:
    """The change list, sorted by path, that leads from `before` to `after`; paths equal in both give no row."""
    paths = sorted({*before, *after})
    gone = {
        state.file_id: path
        for path in paths
        if (state := before.get(path)) is not None and not _same_file(state, after.get(path))
    }
    found = []
    for path in paths:
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        if path == VERSION_PATH:
            found.append(Change(path, Operation.META, FileId(0), new or version_state(())))
        elif new is None:
            if old is not None:
                found.append(Change(path, Operation.DELETE, old.file_id, None))
        elif old is not None and _same_file(old, new):
            found.append(Change(path, _kind_of(old, new), new.file_id, new))
        elif new.file_id in gone:
            found.append(Change(path, Operation.MOVE, new.file_id, new, gone[new.file_id]))
        else:
            found.append(Change(path, Operation.ADD, new.file_id, new))
    return tuple(found)


def version_state(properties: tuple[tuple[str, str], ...]) -> FileState:
    """The entry under which the properties of a whole version are kept."""
    return FileState(FileId(0), FileMode.REGULAR, text=False, size=0, content=UNKNOWN_CONTENT, properties=properties)


def _land_version(change: Change, current: FileState | None) -> Change | None:
    properties = change.state.properties if change.state is not None else ()
    if properties == (current.properties if current is not None else ()):
        return None
    return Change(VERSION_PATH, Operation.META, FileId(0), version_state(properties))


def _land_known(change: Change, current: States, moved: set[str]) -> Change | None:
    """A change of a file that has an id already; None when it changes nothing."""
    origin = change.source if change.operation is Operation.MOVE else change.path
    known = current.get(origin)
    if known is None:
        raise InvalidRequest(f"'{show_path(origin)}' is changed, but the version does not have it.")
    if change.state is None:
        return Change(change.path, Operation.DELETE, known.file_id, None)
    row = _with_id(change, known.file_id)
    if change.operation is Operation.MOVE:
        if current.get(change.path) is not None and change.path not in moved:
            raise InvalidRequest(
                f"'{show_path(change.source)}' is moved onto '{show_path(change.path)}', which the version still has.",
                advice="Commit the delete of the file that is in the way first.",
            )
        return row
    if change.path in moved:
        raise InvalidRequest(f"'{show_path(change.path)}' is moved away and changed in one commit.")
    if row.state == known or row.state is None:
        return None
    kind = _kind_of(known, row.state)
    if change.operation is Operation.META and kind is not Operation.META:
        raise InvalidRequest(f"The properties of '{show_path(change.path)}' change, but its content as well.")
    return replace(row, operation=kind, source="")


def told_bytes(path: str, *states: FileState | None) -> int:
    """About what a row of a list takes in a message: its path, the properties of its states, and the rest."""
    properties = sum(len(key) + len(value) for state in states if state is not None for key, value in state.properties)
    return (1 + sum(state is not None for state in states)) * ROW_BYTES + len(path) + properties


def _with_id(change: Change, file_id: FileId) -> Change:
    old = change.state
    if old is not None:
        old = maker(FileState)(file_id, old.mode, old.text, old.size, old.content, old.properties)
    return maker(Change)(change.path, change.operation, file_id, old, change.source)


def _same_file(state: FileState, other: FileState | None) -> bool:
    return other is not None and state.file_id == other.file_id


def _kind_of(old: FileState, new: FileState) -> Operation:
    return Operation.META if replace(old, properties=new.properties) == new else Operation.MODIFY


class _Paths:
    """Very many paths, known again by a hash of them; a text between them that a good path cannot hold."""

    __slots__ = ("name", "paths")

    def __init__(self, paths: Sequence[str]) -> None:
        self.name = (len(paths), hash_content("\0".join(paths).encode("utf-8", "surrogatepass")))
        self.paths = paths

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Paths) and self.name == other.name


def _check_once(paths: Sequence[str]) -> None:
    """As `check_paths`; what was found good a moment ago is not looked at again. Raises: PathClash, InvalidPath."""
    if len(paths) < MANY_PATHS:
        check_paths(paths)
    else:
        _check_many(_Paths(paths))


@lru_cache(maxsize=64)
def _check_many(given: _Paths) -> None:
    check_paths(given.paths)
    given.paths = ()  # only its name is kept


def _check_rows(changes: Sequence[Change]) -> None:
    """Check each change, and that what it is moved from leaves its path."""
    odd = [change for change in changes if not _is_usual(change)]
    moves = any(change.operation is _MOVE for change in odd)
    rows = {change.path: change for change in changes} if moves else {}
    for change in odd:
        _check_row(change)
        if change.operation is _MOVE and not _leaves(rows.get(change.source)):
            raise InvalidRequest(
                f"'{show_path(change.path)}' is moved from '{show_path(change.source)}', which the change list "
                "neither deletes nor replaces."
            )


def _is_usual(change: Change) -> bool:
    """Whether a quick look finds nothing to check: a file without source and properties, with a hash, not too large."""
    state = change.state
    return (
        state is not None
        and (change.operation is _ADD or change.operation is _MODIFY)
        and not change.source
        and change.path != VERSION_PATH
        and not state.properties
        and len(state.content) == HASH_LENGTH
        and 0 <= state.size <= (PATH_LIMIT if state.mode is _SYMLINK else SIZE_LIMIT)
    )


def _leaves(change: Change | None) -> bool:
    """Whether a row takes away the file that was at its path."""
    return change is not None and change.operation in {Operation.DELETE, Operation.ADD, Operation.MOVE}


def _check_row(change: Change) -> None:
    """Check all but the form of a path that holds a file afterwards: those are checked together."""
    if (change.state is None) != (change.operation is Operation.DELETE):
        raise InvalidRequest(f"The change of '{show_path(change.path)}' has a state if and only if it is no delete.")
    if change.path == VERSION_PATH:
        if change.operation is not Operation.META:
            raise InvalidRequest("The version itself can only change its properties.")
    elif change.state is None:
        check_path(change.path)
    if change.operation is Operation.MOVE or change.source:
        check_path(change.source)
    if change.source == change.path:
        raise InvalidRequest(f"'{show_path(change.path)}' is moved or copied onto itself.")
    if change.state is not None:
        _check_state(change.path, change.state)


def _check_state(path: str, state: FileState) -> None:
    plain = 0 <= state.size <= PATH_LIMIT or (0 <= state.size <= SIZE_LIMIT and state.mode is not FileMode.SYMLINK)
    if plain and len(state.content) == HASH_LENGTH and not state.properties:
        return
    shown = show_path(path)
    if not 0 <= state.size <= SIZE_LIMIT:
        raise InvalidRequest(f"The size of '{shown}' is {state.size}; it may be 0 to {SIZE_LIMIT} bytes.")
    if state.mode is FileMode.SYMLINK and state.size > PATH_LIMIT:
        raise InvalidRequest(f"The target of the symbolic link '{shown}' has more than {PATH_LIMIT} bytes.")
    if len(state.content) != HASH_LENGTH:
        raise InvalidRequest(f"The content hash of '{shown}' has {len(state.content)} bytes, not {HASH_LENGTH}.")
    keys = [key for key, _ in state.properties]
    if keys != sorted(set(keys)) or len(keys) > PROPERTIES_LIMIT:
        raise InvalidRequest(f"'{shown}' needs at most {PROPERTIES_LIMIT} properties, sorted by key, each key once.")
    for key, value in state.properties:
        if not 0 < len(key) <= PROPERTY_KEY_LIMIT or "=" in key or len(value) > PROPERTY_VALUE_LIMIT:
            raise InvalidRequest(
                f"A property of '{shown}' breaks the limits: a key has 1 to {PROPERTY_KEY_LIMIT} characters and no "
                f"'=', a value at most {PROPERTY_VALUE_LIMIT} characters."
            )
