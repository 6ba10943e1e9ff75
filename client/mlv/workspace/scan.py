"""What differs between the disk and the workspace's version: stat stamps first, bytes only on doubt."""

from __future__ import annotations

import errno
import os
import re
import stat as stat_bits
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from mlv.workspace.layout import CONTROL, Layout, under
from mlv.workspace.state import Pending, State, TrackedFile
from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidSettings

REGULAR, EXECUTABLE, SYMLINK = 0, 1, 2
"""The values of mlv_core's FileMode, which costs start-up time to import."""
IGNORE_FILE = ".mlvignore"
_BLOCK = 1 << 20
_SAMPLED_FROM_BYTES = 4 << 20
_SAMPLES = 16
_SAMPLE_BYTES = 64 << 10
"""A larger file that is open for edit is compared with its base in so many places before all of it is hashed."""


class Found(NamedTuple):
    """A path that differs; `state` is a letter: A M D R C ? ! or P where only properties changed.

    `source` is the old path of a move or copy. `base` is the tracked file that it comes from.
    """

    path: str
    state: str
    source: str
    base: TrackedFile | None


@dataclass(frozen=True, slots=True)
class Scan:
    """All paths that differ, sorted, and fresher stamps of files that were doubted and found equal.

    `hidden` are folders that the system does not let be looked into: nothing is said of what is in them.
    """

    found: tuple[Found, ...]
    stamps: tuple[tuple[int, int, int, int, str], ...]
    hidden: tuple[str, ...] = ()


def kind_of(status: os.stat_result) -> int | None:
    """The mode in which a file is kept; None for what mlv does not keep."""
    if stat_bits.S_ISREG(status.st_mode):
        return EXECUTABLE if status.st_mode & stat_bits.S_IXUSR else REGULAR
    return SYMLINK if stat_bits.S_ISLNK(status.st_mode) else None


def hash_file(file: str, mode: int) -> bytes:
    """The content name of the file's bytes, or of the link's target."""
    from blake3 import blake3

    if mode == SYMLINK:
        return blake3(os.fsencode(os.readlink(file))).digest()
    hasher = blake3()
    with open(file, "rb", buffering=0) as stream:
        while block := stream.read(_BLOCK):
            hasher.update(block)
    return hasher.digest()


def stamp_of(status: os.stat_result, clock_ns: int) -> tuple[int, int, int, int]:
    """(mtime_ns, ctime_ns, inode, doubtful) of a file whose bytes are known.

    `clock_ns` was read before `status`: a file changed at or after it could change again without a new stamp.
    """
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino, int(status.st_ctime_ns >= clock_ns)


class _Disk:
    """What lies on the disk; `hidden` are the folders that cannot be looked into, for want of a permission."""

    def __init__(self, layout: Layout, roots: tuple[str, ...], *, walked: bool, strict: bool) -> None:
        self._layout = layout
        self._walked = walked
        self._strict = strict
        self.hidden: list[str] = []
        self.files = _walk(layout, roots, None if strict else self.hidden) if walked else {}

    def look(self, path: str) -> os.stat_result | None:
        """What is at a path, None where nothing is or can be seen."""
        status = self.files.get(path)
        if status is not None or (self._walked and not self.hides(path)):
            return status
        try:
            return _lstat(self._layout, path)
        except PermissionError:
            folder = os.path.dirname(path)
            if self._strict or not folder:
                raise
            if not self.hides(path):
                self.hidden.append(_highest_closed(self._layout, folder))
            return None

    def there(self, path: str) -> bool:
        """Whether anything is at a path, a folder too."""
        return self.look(path) is not None or (not self.hides(path) and _lstat(self._layout, path) is not None)

    def hides(self, path: str) -> bool:
        """Whether a path lies in a folder that cannot be looked into."""
        return bool(self.hidden) and under(path, tuple(self.hidden))


def _highest_closed(layout: Layout, folder: str) -> str:
    """The folder that keeps `folder` from being looked into: it, or one above it."""
    while above := os.path.dirname(folder):
        try:
            os.lstat(layout.absolute(folder))
        except PermissionError:
            folder = above
        else:
            break
    return folder


def scan(
    layout: Layout,
    state: State,
    roots: tuple[str, ...] = ("",),
    *,
    untracked: bool = True,
    thorough: bool = False,
    strict: bool = True,
) -> Scan:
    """Compare the disk with the state.

    `roots` limits it to files or directories. Without `untracked` folders are not walked. `thorough` reads every file.
    Raises: PermissionError for a folder that cannot be looked into, unless not `strict`.
    """
    files, pending, edits = state.files(), state.pending(), state.property_edits()
    places = {act.source: act.path for act in pending.values() if act.kind == "move"}
    disk = _Disk(layout, roots, walked=untracked, strict=strict)
    clock_ns = layout.clock_ns()
    found: list[Found] = []
    stamps: list[tuple[int, int, int, int, str]] = []
    known: set[str] = set(files)
    limited = roots != ("",)

    for path, file in files.items():
        place = places.get(path, path)
        if limited and not under(place, roots) and not under(path, roots):
            continue
        act = pending.get(path)
        letter = ""
        if act is not None and act.kind == "delete":
            letter = "D"
        elif (status := disk.look(place)) is not None:
            if thorough or _stamped_otherwise(file, status):
                base = layout.base_file(file.content) if file.opened and not thorough else ""
                equal = _equal(layout.absolute(place), file, status, base)
                letter = "" if equal else "M"
                if equal:
                    stamps.append((*stamp_of(status, clock_ns), path))
        elif not disk.hides(place):
            letter = "!"
        if place != path and letter in {"", "M"} and not disk.hides(place):
            found.append(Found(place, "R", path, file))
        elif letter:
            found.append(Found(place, letter, path if place != path else "", file))
        elif path in edits:
            found.append(Found(path, "P", "", file))
    found.extend(_recorded(pending, roots, files, disk))
    if "." in edits and not limited:
        found.append(Found(".", "P", "", None))
    if untracked:
        known.update(pending)
        found.extend(_untracked(layout, disk.files, known, pending))
    conflicts = [path for path in state.conflicts() if not limited or under(path, roots)]
    return Scan(_with_conflicts(found, conflicts, files), tuple(stamps), tuple(sorted(disk.hidden)))


def _with_conflicts(found: list[Found], conflicts: list[str], files: dict[str, TrackedFile]) -> tuple[Found, ...]:
    """What was found, sorted, with the paths in conflict as such."""
    by_path = {item.path: item for item in found}
    for path in conflicts:
        old = by_path.get(path)
        by_path[path] = Found(path, "C", old.source if old else "", old.base if old else files.get(path))
    return tuple(by_path[path] for path in sorted(by_path))


def _recorded(
    pending: dict[str, Pending], roots: tuple[str, ...], files: dict[str, TrackedFile], disk: _Disk
) -> Iterator[Found]:
    """Adds and copies; a path that was deleted and added again is a modification of what it was, a moved one is not."""
    moved = {act.source for act in pending.values() if act.kind == "move"}
    for path, act in pending.items():
        if act.kind not in {"add", "copy"} or not under(path, roots):
            continue
        there = disk.there(path)
        if not there and disk.hides(path):
            continue
        yield Found(path, "A" if there else "!", act.source, None if path in moved else files.get(path))


def _untracked(
    layout: Layout, disk: dict[str, os.stat_result], known: set[str], pending: dict[str, Pending]
) -> Iterator[Found]:
    """Files that nobody told mlv of, ignored ones left out."""
    gone = {act.source for act in pending.values() if act.kind == "move"}
    gone.update(act.path for act in pending.values() if act.kind == "delete")
    rest = [path for path in disk if path not in known or (path in gone and path not in _added(pending))]
    if not rest:
        return
    ignored = ignore_rules(layout)
    for path in rest:
        if kind_of(disk[path]) is not None and not ignored(path) and path not in gone:
            yield Found(path, "?", "", None)


def _added(pending: dict[str, Pending]) -> set[str]:
    return {act.path for act in pending.values() if act.kind != "delete"}


def ignore_rules(layout: Layout) -> Callable[[str], bool]:
    """Whether a path is ignored, by the `.mlvignore` of the workspace's root (the rules of .gitignore)."""
    try:
        with open(layout.absolute(IGNORE_FILE), encoding="utf-8", errors="replace") as stream:
            lines = stream.read().splitlines()
    except FileNotFoundError:
        return lambda _path: False
    import pathspec

    try:
        spec = pathspec.GitIgnoreSpec.from_lines(lines)
    except (ValueError, re.error) as error:
        raise InvalidSettings(
            f"{IGNORE_FILE}, line {_first_bad(pathspec.GitIgnoreSpec.from_lines, lines)}: this is no pattern.",
            advice="It takes the patterns of .gitignore.",
        ) from error
    return lambda path: bool(spec.match_file(path))


def _first_bad(compiles: Callable[[list[str]], object], lines: list[str]) -> int:
    for number, line in enumerate(lines, 1):
        try:
            compiles([line])
        except (ValueError, re.error):
            return number
    return len(lines)


def list_files(layout: Layout, roots: tuple[str, ...]) -> dict[str, os.stat_result]:
    """Every file under `roots` with its stat, ignored ones left out, sorted by path."""
    ignored = ignore_rules(layout)
    return {path: status for path, status in sorted(_walk(layout, roots).items()) if not ignored(path)}


def _walk(layout: Layout, roots: tuple[str, ...], hidden: list[str] | None = None) -> dict[str, os.stat_result]:
    """Every file under `roots` with its stat; links are not followed, `.mlv` folders not entered.

    Folders that may not be looked into are added to `hidden`. Raises: PermissionError where it is None.
    """
    found: dict[str, os.stat_result] = {}
    folders: list[str] = []
    for root in roots:
        status = _lstat(layout, root) if root else None
        if status is not None and not stat_bits.S_ISDIR(status.st_mode):
            found[root] = status
        elif status is not None or not root:
            folders.append(root)
    while folders:
        folder = folders.pop()
        prefix = f"{folder}/" if folder else ""
        try:
            with os.scandir(layout.absolute(folder)) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != CONTROL and not os.path.exists(os.path.join(entry.path, CONTROL, "state.db")):
                            folders.append(prefix + entry.name)
                    else:
                        with suppress(FileNotFoundError):  # gone since the folder was read
                            found[prefix + entry.name] = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        except PermissionError:
            if hidden is None or not folder:
                raise
            hidden.append(folder)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            # No call of the system reaches into it: it is told as one path that cannot be kept.
            found[folder] = os.lstat(layout.root)
    return found


def _lstat(layout: Layout, path: str) -> os.stat_result | None:
    try:
        status = os.lstat(layout.absolute(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status


def _stamped_otherwise(file: TrackedFile, status: os.stat_result) -> bool:
    return (
        file.doubtful != 0
        or status.st_ctime_ns != file.ctime_ns
        or status.st_mtime_ns != file.mtime_ns
        or status.st_size != file.size
        or status.st_ino != file.inode
    )


def _equal(absolute: str, file: TrackedFile, status: os.stat_result, base: str) -> bool:
    """Whether the bytes and mode on the disk are those of the base, of which the file `base` may keep the bytes."""
    mode = kind_of(status)
    if mode != file.mode or status.st_size != file.size:
        return False
    if base and mode != SYMLINK and _begins_otherwise(absolute, base, file.size):
        return False
    return hash_file(absolute, mode) == file.content


def _begins_otherwise(absolute: str, base: str, size: int) -> bool:
    """Whether a file differs from its base where that is soon seen: trained weights do, from their first number on."""
    if size < _SAMPLED_FROM_BYTES:
        return False
    try:
        with open(absolute, "rb", buffering=0) as now, open(base, "rb", buffering=0) as before:
            for part in range(_SAMPLES):
                at = size // _SAMPLES * part
                if os.pread(now.fileno(), _SAMPLE_BYTES, at) != os.pread(before.fileno(), _SAMPLE_BYTES, at):
                    return os.fstat(before.fileno()).st_size == size
    except FileNotFoundError:
        return False
    return False
