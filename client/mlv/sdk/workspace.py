"""A workspace on this disk: the same acts as the command's."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, SupportsFloat

from mlv.actions import checkout, commit, locks, resolve, revert, shelving, status, tracking, unshelve, update
from mlv.actions.context import Context
from mlv.actions.recording import Given
from mlv.sdk.closing import Closing
from mlv.sdk.version import Version
from mlv_core.entities import Lock, LockScope
from mlv_core.errors import UsageError
from mlv_core.ids import ChangesetNumber, RepositoryName, Revision, escape

if TYPE_CHECKING:
    from mlv.actions.commit import Committed
    from mlv.actions.locks import Opened
    from mlv.actions.resolve import Resolved
    from mlv.actions.revert import Reverted
    from mlv.actions.shelving import Shelved
    from mlv.actions.status import Status
    from mlv.actions.tracking import Recorded
    from mlv.actions.unshelve import Unshelved
    from mlv.actions.update import Updated
    from mlv.remote.credentials import Credential
    from mlv_core.shelving import Shelf

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""One path or several, relative to the workspace's root, or absolute."""

logger = logging.getLogger("mlv")
_VALUE_SHOWN = 60
"""Characters of a wrong value that its refusal shows."""


def open_workspace(directory: str | os.PathLike[str] = ".", *, timeout_seconds: float | None = None) -> Workspace:
    """The workspace that `directory` lies in; what an interrupted command had begun is ended first.

    Raises: NotAWorkspace, DamagedContent, VersionSkew.
    """
    return Workspace(os.path.abspath(directory), timeout_seconds=timeout_seconds)


class Workspace(Closing):
    """A workspace. Use it from one thread at a time; close it, or use it in a `with` statement.

    Every act is the command's of the same name and raises the same errors (docs/errors.md).
    """

    def __init__(
        self,
        directory: str,
        credentials: dict[str, Credential] | None = None,
        *,
        timeout_seconds: float | None = None,
    ) -> None:
        found = Context(directory, timeout_seconds, logger.info)
        root = found.workspace.layout.root
        found.close()
        self._context = Context(root, timeout_seconds, logger.info, credentials=dict(credentials or {}))

    def __repr__(self) -> str:
        return f"<mlv.Workspace {self.directory}>"

    @property
    def directory(self) -> str:
        """The workspace's root."""
        return self._context.directory

    @property
    def repository(self) -> str:
        """`namespace/name`."""
        return self._context.workspace.repository

    @property
    def branch(self) -> str:
        """The branch that commits go to."""
        return self._context.workspace.branch

    @property
    def base(self) -> int:
        """The changeset that the workspace was last updated to."""
        return self._context.workspace.base

    def version(self) -> Version:
        """The version that the workspace was last updated to, as the server has it."""
        name = RepositoryName.parse(self.repository)
        return Version(self._context.server(), name, ChangesetNumber(self.base))

    def status(self, paths: Paths = (), *, ask_server: bool = False) -> Status:
        """The files that differ from the version; with `ask_server` also others' locks and the branch's head.

        Without `ask_server` no server is needed.
        """
        return status.status(self._context, self._arguments(paths), ask_server=ask_server)

    def edit(
        self, paths: Paths, *, reason: str = "", ttl_seconds: float = 0, wait_seconds: float | None = None
    ) -> Opened:
        """Take the locks that policy asks for, of all paths or none, and make the files writable.

        `ttl_seconds`: how long they stand after the last sign of life, 0: as policy says (L8). `wait_seconds`: how long
        to stand in the queue for what others hold; a version that came meanwhile is brought first (L10).
        Raises: LockHeld, LockDenied, StaleBase, NotFound; UsageError for a lease that is less than a millisecond.
        """
        wanted = locks.Wanted(ttl_ms=_milliseconds(ttl_seconds))
        return locks.edit(
            self._context, self._arguments(paths), reason=reason, wanted=wanted, wait_seconds=wait_seconds
        )

    def lock(
        self,
        paths: Paths,
        *,
        reason: str = "",
        scope: LockScope | None = None,
        ttl_seconds: float = 0,
        wait_seconds: float | None = None,
        steal: bool = False,
    ) -> Opened:
        """Take the locks of all paths or none.

        `ttl_seconds` and `wait_seconds` as in `edit`. `steal` takes what others hold too, for a `reason` and with the
        right (L9).
        Raises: LockHeld, StaleBase, NotFound, Denied.
        """
        wanted = locks.Wanted(scope=scope, ttl_ms=_milliseconds(ttl_seconds), steal=steal)
        return locks.lock(
            self._context, self._arguments(paths), reason=reason, wanted=wanted, wait_seconds=wait_seconds
        )

    def heartbeat(self) -> tuple[Lock, ...]:
        """Tell the server that somebody is at work here: the leases of all locks are renewed (L8); all locks.

        Any call of a workspace does so by the way; a run that speaks with no server for hours calls it now and then.
        """
        return locks.renew(self._context)

    def unlock(self, paths: Paths = (), *, everything: bool = False) -> tuple[Lock, ...]:
        """Give locks back; those that went. Raises: UsageError when neither paths nor `everything` is given."""
        return locks.unlock(self._context, self._arguments(paths), everything=everything)

    def add(self, paths: Paths) -> Recorded:
        """Track new files, or all that lie in a directory, from the next commit on."""
        return tracking.add(self._context, self._arguments(paths))

    def delete(self, paths: Paths, *, keep_local: bool = False) -> Recorded:
        """Delete files with the next commit. Raises: LocalChanges, NotFound."""
        return tracking.delete(self._context, self._arguments(paths), keep_local=keep_local)

    def move(self, source: str | os.PathLike[str], target: str | os.PathLike[str]) -> Recorded:
        """Rename or move a file or directory; history and lock go with it."""
        arguments = self._arguments([source, target])
        return tracking.move(self._context, arguments[:1], arguments[1])

    def revert(self, paths: Paths, *, keep_local: bool = False) -> Reverted:
        """Bring the files back to what the version has, and give their locks back."""
        return revert.revert(self._context, self._arguments(paths), keep_local=keep_local)

    def commit(  # noqa: PLR0913 - one parameter a kind of record
        self,
        message: str,
        paths: Paths = (),
        *,
        params: Mapping[str, object] | None = None,
        metrics: Mapping[str, SupportsFloat | tuple[SupportsFloat, str]] | None = None,
        datasets: Mapping[str, str | Sequence[str]] | None = None,
        trained_from: str | int | None = None,
        environment_file: str | os.PathLike[str] = "",
        run_id: str = "",
        keep_locks: bool = False,
    ) -> Committed:
        """Commit everything that differs under `paths` (none: the whole workspace) as one new version.

        `params`: values are written as JSON writes them, texts as they are. `metrics`: a number, or a number and the
        data set it was measured on, `REPO@REV:PATH` or a role of `datasets`. `datasets`: role (train, eval, dev, test)
        to one or more `REPO@REV:PATH`. `trained_from`: the version whose tree the changed weights were made from.

        Raises: NothingToCommit, MissingFile, Conflict, LockNeeded, LockHeld, LockLost, HeadMoved, FileChanging.
        Nothing local is lost by any of them.
        """
        given = Given(
            params=tuple(f"{_name(name)}={_text(value)}" for name, value in (params or {}).items()),
            metrics=tuple(_metric(name, value) for name, value in (metrics or {}).items()),
            datasets=tuple(
                f"{role}={dataset}" for role, named in (datasets or {}).items() for dataset in _several(named)
            ),
            environment_file=os.fspath(environment_file),
            trained_from="" if trained_from is None else str(Revision.parse(str(trained_from))),
            run_id=run_id,
            origin="sdk",
        )
        return commit.commit(self._context, self._arguments(paths), message=message, given=given, keep_locks=keep_locks)

    def shelve(
        self,
        paths: Paths = (),
        *,
        name: str = "",
        message: str = "",
        private: bool = False,
        replace: bool = False,
        revert: bool = False,
    ) -> Shelved:
        """Keep everything that differs under `paths` (none: the whole workspace) on the server; needs no lock.

        `name` is found where none is given; `replace` exchanges your shelf of that name. With `revert` the files go
        back to the version once the shelf is kept. Raises: NothingToCommit, AlreadyExists, MissingFile, Conflict,
        FileChanging.
        """
        return shelving.shelve(
            self._context,
            self._arguments(paths),
            name=name,
            message=message,
            private=private,
            exchange=replace,
            revert=revert,
        )

    def unshelve(self, name: str = "", paths: Paths = (), *, lock: bool = False) -> Unshelved:
        """Bring back what is on the shelf `NAME` or `USER/NAME` ('': your newest); text is merged, the shelf stays.

        `lock` takes the locks that a commit will need, first. Raises: NotFound, LocalChanges, LockHeld, StaleBase.
        """
        return unshelve.unshelve(self._context, name, self._arguments(paths), lock=lock)

    def shelves(self, *, mine: bool = False) -> tuple[Shelf, ...]:
        """The shelves of this repository that you may see, the newest first."""
        return shelving.list_shelves(self._context, mine=mine)

    def delete_shelf(self, name: str) -> Shelf:
        """Drop the shelf `NAME` or `USER/NAME`. Raises: NotFound, Denied."""
        return shelving.delete(self._context, name)

    def update(self, revision: str | int | None = None, paths: Paths = ()) -> Updated:
        """Bring the workspace to `revision` (None: the head of its branch); local changes are merged or kept (F5)."""
        parsed = None if revision is None else Revision.parse(str(revision))
        return update.update(self._context, self._arguments(paths), parsed)

    def resolve(self, paths: Paths, accept: Literal["mine", "theirs", "shelf"]) -> Resolved:
        """Decide files in conflict; with "theirs" or "shelf" the local bytes move to `.mlv/rescue/` first (F5)."""
        return resolve.resolve(self._context, self._arguments(paths), accept)

    def switch(self, branch: str) -> Updated:
        """Go to the head of another branch; nothing local is lost. Raises: LocalChanges, NotFound."""
        return checkout.switch(self._context, branch)

    def close(self) -> None:
        """Let go of the workspace's database and of the server."""
        self._context.close()

    def _arguments(self, paths: Paths) -> tuple[str, ...]:
        some = [paths] if isinstance(paths, (str, os.PathLike)) else paths
        # An empty text stays one, so that it is refused: joined, it would mean the whole workspace.
        return tuple((name := os.fspath(path)) and os.path.join(self.directory, name) for path in some)


def _name(name: str) -> str:
    if "=" in name:
        raise UsageError(f"'{escape(name)}' cannot name a param or metric.", advice="Use a name without '='.")
    return name


def _milliseconds(seconds: float) -> int:
    """How long a lease is, 0: as policy says. Raises: UsageError for what is no length, or rounds to none."""
    if seconds and not 1 <= seconds * 1000 < float("inf"):
        raise UsageError(f"ttl_seconds is {seconds!r}, which is no length of a lease.", advice="0: as policy says.")
    return round(seconds * 1000)


def _text(value: object) -> str:
    """A value as JSON writes it; a text as it is."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def _metric(name: str, value: SupportsFloat | tuple[SupportsFloat, str]) -> str:
    """A metric as the command takes it. Raises: UsageError for what is no number, nor a number and its data set."""
    try:
        number, dataset = value if isinstance(value, tuple) else (value, "")
        measured = float(number)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(
            f"The metric '{escape(name)}' is {escape(repr(value)[:_VALUE_SHOWN])}, which is no number.",
            advice="Give a number, or a number and its data set: {'f1': (0.9, 'REPO@REV:PATH')}.",
        ) from error
    return f"{_name(name)}={measured!r}" + (f"@{dataset}" if dataset else "")


def _several(named: str | Sequence[str]) -> Sequence[str]:
    return [named] if isinstance(named, str) else named
