"""Where a workspace keeps its things, and how a user's path argument becomes a path of the version."""

from __future__ import annotations

import os

from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidPath, NotAWorkspace, UsageError
from mlv_core.ids import escape

FEW_ROOTS = 8
"""Up to so many are compared one by one."""
CONTROL = ".mlv"


@dataclass(frozen=True, slots=True)
class Layout:
    """The files under a workspace's root; all names are absolute."""

    root: str

    @property
    def control(self) -> str:
        """The folder that holds everything that is not the user's."""
        return os.path.join(self.root, CONTROL)

    @property
    def state(self) -> str:
        """The workspace's database."""
        return os.path.join(self.control, "state.db")

    @property
    def identity(self) -> str:
        """What a damaged database is rebuilt from: workspace, server, repository, branch, base."""
        return os.path.join(self.control, "workspace.json")

    @property
    def pristine(self) -> str:
        """Bases of files that are open for edit, by hash."""
        return os.path.join(self.control, "pristine")

    def base_file(self, content: bytes) -> str:
        """The file that holds, or would hold, the base with this content."""
        return os.path.join(self.pristine, content.hex())

    @property
    def incoming(self) -> str:
        """New content that is not in its place yet, by hash."""
        return os.path.join(self.control, "incoming")

    @property
    def rescue(self) -> str:
        """Local bytes that had to make room."""
        return os.path.join(self.control, "rescue")

    @property
    def journal(self) -> str:
        """What is being done; present only while it is."""
        return os.path.join(self.control, "journal")

    @property
    def commit_journal(self) -> str:
        """The commit whose outcome is not known yet; beside the other journal, for local verbs go on meanwhile."""
        return os.path.join(self.control, "commit")

    @property
    def shelve_journal(self) -> str:
        """The shelve whose outcome is not known yet."""
        return os.path.join(self.control, "shelve")

    @property
    def request_journal(self) -> str:
        """The undo or merge whose outcome is not known yet."""
        return os.path.join(self.control, "request")

    @property
    def write_lock(self) -> str:
        """Held by a command while it changes the workspace."""
        return os.path.join(self.control, "write.lock")

    @property
    def long_lock(self) -> str:
        """Held by a commit or update from its first step to its last."""
        return os.path.join(self.control, "long.lock")

    @property
    def clock(self) -> str:
        """An empty file whose time tells the file system's own clock."""
        return os.path.join(self.control, "clock")

    def absolute(self, path: str) -> str:
        """The file of a version's path."""
        return os.path.join(self.root, path)

    def clock_ns(self) -> int:
        """Now, by the clock of the file system that stamps the workspace's files; 0 where nothing can be written."""
        try:
            os.close(os.open(self.clock, os.O_CREAT | os.O_WRONLY, 0o600))
            os.utime(self.clock)
            return os.stat(self.clock).st_mtime_ns
        except OSError:
            return 0


def find(start: str) -> Layout:
    """The workspace that `start` lies in.

    Raises: NotAWorkspace.
    """
    here = os.path.realpath(start)
    while True:
        if is_workspace(here):
            return Layout(here)
        parent = os.path.dirname(here)
        if parent == here:
            raise NotAWorkspace(f"'{escape(start)}' lies in no workspace.")
        here = parent


def is_workspace(root: str) -> bool:
    """Whether `root` itself is a workspace: its database appears last, and whole."""
    return os.path.exists(Layout(root).state)


def is_vacant(root: str) -> bool:
    """Whether nothing is in the folder `root` but what a checkout began that never came to a workspace."""
    return not is_workspace(root) and not set(os.listdir(root)) - {CONTROL}


def create(root: str) -> Layout:
    """Make the folders of a new workspace at `root`.

    Raises: UsageError when there is one already.
    """
    layout = Layout(os.path.realpath(root))
    if os.path.exists(layout.state):
        raise UsageError(f"'{escape(root)}' is a workspace already.", advice="Choose another directory.")
    for folder in (layout.control, layout.pristine, layout.incoming):
        os.makedirs(folder, exist_ok=True)
    # What a user saves below survives a power cut only when the names above it do.
    for folder in (os.path.dirname(layout.root), layout.root, layout.control):
        try:
            handle = os.open(folder, os.O_RDONLY)
        except PermissionError:
            continue  # a folder that may be passed but not read
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return layout


def to_version_path(layout: Layout, directory: str, argument: str) -> str:
    """The version's path that the user's `argument` means when typed in `directory`; '' is the whole workspace.

    Raises: InvalidPath when it is empty, lies outside of the workspace or inside of `.mlv`.
    """
    if not argument:  # such as a variable of the shell that was never set: it must not mean all there is
        raise InvalidPath("An empty argument names no path.", advice="Name files or folders; '.' is everything here.")
    joined = os.path.join(os.path.realpath(directory), argument)
    # The last part may be a symbolic link that is itself versioned: only its folder is resolved.
    head, tail = os.path.split(joined.rstrip("/") or "/")
    whole = tail in {"", ".", ".."}
    resolved = os.path.realpath(joined) if whole else os.path.join(os.path.realpath(head), tail)
    path = os.path.relpath(resolved, layout.root)
    if path == ".":
        return ""
    first = path.split("/", 1)[0]
    if first == os.pardir:
        raise InvalidPath(f"'{escape(argument)}' lies outside of the workspace.", advice="Name a path inside of it.")
    if first == CONTROL:
        raise InvalidPath(f"'{escape(argument)}' belongs to mlv itself.", advice="Name a file of yours.")
    return path


def under(path: str, roots: tuple[str, ...]) -> bool:
    """Whether `path` is one of `roots` or lies below one; the root '' holds everything."""
    if len(roots) <= FEW_ROOTS:
        return any(not root or path == root or path.startswith(f"{root}/") for root in roots)
    names = _LAST_ROOTS.names_of(roots)
    while path not in names:
        path, _, _ = path.rpartition("/")
        if not path:
            return "" in names
    return True


class _LastRoots:
    """The roots asked about last, as a set: who names 1,000 files asks about each of 100,000 in turn."""

    def __init__(self) -> None:
        self._last: tuple[tuple[str, ...], frozenset[str]] = ((), frozenset())

    def names_of(self, roots: tuple[str, ...]) -> frozenset[str]:
        """The set of the very tuple `roots`."""
        known, names = self._last
        if known is not roots:
            names = frozenset(roots)
            self._last = (roots, names)
        return names


_LAST_ROOTS = _LastRoots()
