"""A workspace as an object: its layout, its state, and the end of what an earlier command was interrupted in."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable

from mlv.workspace import guard, journal, layout
from mlv.workspace.layout import Layout
from mlv.workspace.state import State, TrackedFile
from mlv_core.errors import DamagedContent

BROKEN = "broken"
"""The setting with the tokens of locks that the server no longer honours, by file id: a JSON object."""
OFFLINE = "offline"
"""The setting with the paths that were opened without the server, and why: a JSON object, or empty."""
TREES = "trees"
"""The setting with the tokens of this workspace's locks on folders, by path: a JSON object, or empty."""
VACATED = "vacated"
"""The setting with the paths where the base may have a file and the workspace has none any more: a JSON list."""
NOTICED = "noticed"
"""The setting with the number of the last event that this workspace was told of."""
WARNED = "warned"
"""The setting with the tokens of locks of whose end this workspace was warned: a JSON list."""
SCRIPTS = ".scripts"
"""The end of the names of these two settings as scripts have them, who are told beside people."""


class Workspace:
    """An open workspace; `settings` are those at the time of opening or of the last `reload`."""

    def __init__(self, where: Layout, state: State) -> None:
        self.layout = where
        self.state = state
        self.settings = state.settings()

    @classmethod
    def open(cls, directory: str, notice: Callable[[str], None]) -> Workspace:
        """The workspace that `directory` lies in; an interrupted update is ended first, and `notice` told so.

        Raises: NotAWorkspace, DamagedContent, VersionSkew.
        """
        where = layout.find(directory)
        workspace = cls(where, State.open(where.state))
        if os.path.exists(where.journal):
            workspace._end_update(notice)
        return workspace

    @classmethod
    def create(cls, root: str, settings: dict[str, str]) -> Workspace:
        """A new, empty workspace at `root`.

        Raises: UsageError when there is one already.
        """
        where = layout.create(root)
        _write_identity(where, settings)
        return cls(where, State.create(where.state, settings))

    @classmethod
    def rebuild(cls, directory: str) -> Workspace:
        """Set a damaged database aside and start a new one from the identity that lies beside it; no file is touched.

        Raises: NotAWorkspace, DamagedContent when the identity is gone too.
        """
        where = layout.find(directory)
        try:
            with open(where.identity, encoding="utf-8") as stream:
                settings = {str(key): str(value) for key, value in json.load(stream).items()}
        except (OSError, ValueError, AttributeError, RecursionError) as error:
            raise DamagedContent(
                "The workspace's identity is gone.", advice="Check out into a new directory."
            ) from error
        for end in ("-journal", "-wal", "-shm"):
            # A rollback journal that stayed behind would be played into the new file.
            if os.path.exists(where.state + end):
                os.replace(where.state + end, f"{where.state}{end}.damaged")
        # A copy: without its database, not even for a moment, a folder is no workspace.
        shutil.copyfile(where.state, f"{where.state}.damaged")
        return cls(where, State.create(where.state, {**settings, "base": "0"}))

    def restart(self, branch: str, *, only: str, exclude: str) -> None:
        """Begin an empty workspace anew with another branch or other globs (JSON lists)."""
        with self.state.transaction():
            self.state.set_settings({"branch": branch, "only": only, "exclude": exclude})
        self.reload()
        self.save_identity()

    def save_identity(self) -> None:
        """Write beside the database what is needed to rebuild it."""
        _write_identity(self.layout, self.settings)

    def _end_update(self, notice: Callable[[str], None]) -> None:
        if not guard.is_free(self.layout.long_lock):
            return
        with guard.writing(self.layout):
            found = journal.read(self.layout)
            if found is None:
                return
            from mlv.workspace import materialize

            rescued = materialize.finish(self.layout, self.state, found)
        self.reload()
        notice(f"Finished what an interrupted command had begun: {found.label}.")
        for path in rescued:
            notice(f"Your local '{path}' was moved to .mlv/rescue/.")

    def reload(self) -> None:
        """Read the settings again."""
        self.settings = self.state.settings()

    def close(self) -> None:
        """Let go of the database."""
        self.state.close()

    @property
    def id(self) -> str:
        """The id under which the server knows this workspace."""
        return self.settings["workspace"]

    @property
    def repository(self) -> str:
        """`namespace/name`."""
        return self.settings["repository"]

    @property
    def server(self) -> str:
        """The server's address."""
        return self.settings["server"]

    @property
    def branch(self) -> str:
        """The branch that commits go to."""
        return self.settings["branch"]

    @property
    def base(self) -> int:
        """The changeset that the workspace was last updated to; 0 before the first."""
        return int(self.settings["base"])

    def is_broken(self, file: TrackedFile) -> bool:
        """Whether the file's lock is known to be another's or nobody's by now; a lock taken anew has another token."""
        dead = self.settings.get(BROKEN, "")
        return bool(dead and file.token and json.loads(dead).get(str(file.file_id)) == file.token)

    @property
    def trees(self) -> dict[str, int]:
        """The tokens of this workspace's locks on folders, by their paths."""
        told = self.settings.get(TREES, "")
        return {str(path): int(token) for path, token in json.loads(told).items()} if told else {}

    def changeset_of(self, file: TrackedFile) -> int:
        """The changeset at which the workspace has the file: its own, or the base's."""
        return file.changeset or self.base

    @property
    def vacated(self) -> frozenset[str]:
        """The paths that left the workspace alone, while its base stayed: no row says so for them."""
        return frozenset(json.loads(self.settings.get(VACATED, "[]")))

    def vacating(self, left: Iterable[str], arrived: Iterable[str]) -> dict[str, str]:
        """The setting after tracked files `left` and others `arrived` without the base; none if nothing changes."""
        paths = (self.vacated | set(left)) - set(arrived)
        return {} if paths == self.vacated else {VACATED: json.dumps(sorted(paths))}

    @property
    def only(self) -> tuple[str, ...]:
        """Globs of a sparse workspace: what it holds; empty: everything."""
        return _globs(self.settings.get("only", "[]"))

    @property
    def exclude(self) -> tuple[str, ...]:
        """Globs of what a sparse workspace leaves out."""
        return _globs(self.settings.get("exclude", "[]"))

    @property
    def properties(self) -> dict[str, str]:
        """The properties of the version itself."""
        return dict(json.loads(self.settings.get("properties", "{}")))


def _globs(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(item) for item in json.loads(text))
    except (ValueError, TypeError) as error:
        raise DamagedContent("The workspace's sparse globs cannot be read.") from error


def _write_identity(where: Layout, settings: dict[str, str]) -> None:
    beside = f"{where.identity}.new"
    with open(beside, "w", encoding="utf-8") as stream:
        json.dump(settings, stream, indent=1)
    os.replace(beside, where.identity)
