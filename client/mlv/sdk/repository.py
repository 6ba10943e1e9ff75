"""A repository: its versions, branches, labels and locks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mlv.actions import checkout as checking_out
from mlv.actions import history, watching
from mlv.sdk.version import Version
from mlv.sdk.workspace import Workspace
from mlv_core import entities
from mlv_core.entities import BranchKind, Changeset, Label, Lock
from mlv_core.errors import InvalidRevision
from mlv_core.ids import RepositoryName, Revision, RevisionKind
from mlv_core.releasing import Freeze, LabelEntry
from mlv_core.requests import HistoryFilter
from mlv_core.watching import EventFilter, EventRecord

if TYPE_CHECKING:
    from mlv.actions.context import Context
    from mlv.remote import Server


class Repository:
    """A repository of a signed-in server. Every method raises NotFound, Denied and Unreachable where they apply."""

    def __init__(self, context: Context, url: str, name: RepositoryName) -> None:
        self._context = context
        self._url = url
        self._name = name

    def __repr__(self) -> str:
        return f"<mlv.Repository {self._name}>"

    @property
    def name(self) -> str:
        """`namespace/name`."""
        return str(self._name)

    @property
    def info(self) -> entities.Repository:
        """Description, number of changesets and sizes in bytes, as the server knows them now."""
        return self._server.get_repository(self._name)

    def version(self, revision: str | int = "head", *, branch: str = "main") -> Version:
        """The version that `revision` names: 42, "@42", "@main", "@v1.0", "@2026-11-22", "@head" or "@prev".

        "@head" and "@prev" are those of `branch`; a date means the newest version of `branch` at that time.
        Raises: InvalidRevision; NotFound.
        """
        parsed = Revision.parse(str(revision))
        if parsed.kind is RevisionKind.HAVE:
            raise InvalidRevision("'@have' is the version of a workspace.", advice="Use Workspace.version().")
        number, _ = self._server.resolve(self._name, str(parsed)[1:], branch)
        return Version(self._server, self._name, number)

    def log(
        self,
        *,
        branch: str = "",
        path: str = "",
        author: str = "",
        first: int = 0,
        last: int = 0,
        labelled: bool = False,
        limit: int = 0,
    ) -> Iterator[Changeset]:
        """Changesets, newest first: of `branch` ('' = all), that changed `path`, by `author`, between two numbers.

        `limit` 0 means all; pages are fetched as they are needed.
        """
        place = history.Place(self._url, self._name, path, None, branch or "main")
        wanted = HistoryFilter(branch, path, author, first, last, labelled)
        return history.log(self._context, place, wanted, limit)

    def branches(self) -> tuple[entities.Branch, ...]:
        """All branches."""
        return self._server.list_branches(self._name)

    def create_branch(
        self, name: str, revision: str | int = "main", *, kind: BranchKind | None = None, target: str = ""
    ) -> entities.Branch:
        """A branch that starts at `revision` and merges into `target` ('' = the branch it was made from).

        Raises: InvalidName, AlreadyExists.
        """
        at = str(Revision.parse(str(revision)))[1:]
        return self._server.create_branch(self._name, name, kind, at, target)

    def abandon_branch(self, name: str, *, why: str) -> entities.Branch:
        """Close a branch: it is read, and nothing lands on it. Raises: BranchAbandoned, Frozen."""
        return self._server.abandon_branch(self._name, name, why)[0]

    def reopen_branch(self, name: str) -> entities.Branch:
        """Open a branch again."""
        return self._server.reopen_branch(self._name, name)

    def labels(self) -> tuple[Label, ...]:
        """All labels."""
        return self._server.list_labels(self._name)

    def create_label(self, name: str, revision: str | int = "main", *, message: str = "") -> Label:
        """Name a version. Raises: InvalidName, AlreadyExists, Frozen."""
        return self._server.create_label(self._name, name, str(Revision.parse(str(revision)))[1:], message)

    def move_label(self, name: str, revision: str | int, *, why: str) -> Label:
        """Let a label name another version from now on; its history keeps where it was. Raises: Frozen."""
        return self._server.move_label(self._name, name, str(Revision.parse(str(revision)))[1:], why)

    def label_history(self, name: str = "") -> tuple[LabelEntry, ...]:
        """All that was ever done to a label, '' = to every one, oldest first."""
        return self._server.label_history(self._name, name)

    def freeze(
        self, branch: str = "", *, label: str = "", path: str = "", until: int | None = None, why: str
    ) -> Freeze:
        """Let nobody change a branch, paths of it ('' = of every branch) or labels, until it is lifted.

        `until` is an end in ms since 1970 UTC; `label` a name or a pattern. Raises: InvalidRequest.
        """
        return self._server.set_freeze(self._name, Freeze(0, branch, label, path, "", 0, until, why))

    def unfreeze(self, branch: str = "", *, label: str = "", path: str = "", why: str = "") -> Freeze:
        """Lift the freeze of the very same place."""
        return self._server.lift_freeze(self._name, Freeze(0, branch, label, path, "", 0, None, why))

    def freezes(self, *, ended: bool = False) -> tuple[Freeze, ...]:
        """What is frozen, with `ended` also what was."""
        return self._server.list_freezes(self._name, ended=ended)

    def locks(self, *, branch: str = "", paths: Sequence[str] = (), owner: str = "") -> tuple[Lock, ...]:
        """Who has what locked; `paths` are globs."""
        return self._server.list_locks(self._name, branch, tuple(paths), owner)

    def watch(
        self, *, after: int | None = None, kinds: Sequence[str] = (), branch: str = "", follow: bool = True
    ) -> Iterator[EventRecord]:
        """What happens, each event once and in order, from number `after` + 1 on (None: from now on).

        With `follow` it waits for more without an end, and makes a broken line anew. `kinds` such as "commit" or
        "lock.broken". Raises: InvalidRequest for a kind that there is not; NotSignedIn when the token is revoked.
        """
        wanted = EventFilter(self.name, after, tuple(kinds), (), branch, follow)
        return watching.watch(self._context, wanted, self._url)

    def checkout(
        self,
        directory: str | os.PathLike[str],
        revision: str | int | None = None,
        *,
        branch: str = "",
        only: Sequence[str] = (),
        exclude: Sequence[str] = (),
    ) -> Workspace:
        """Make a workspace of a version (None: the newest of `branch`, or of main) in a new or empty directory.

        `only` and `exclude` are globs of a sparse workspace. Raises: LocalChanges when the directory holds files;
        DamagedContent, DiskFull.
        """
        target = f"{self._url}/{self._name}"
        if revision is not None:
            target += str(Revision.parse(str(revision)))
        root, _ = checking_out.checkout(
            self._context,
            target,
            os.path.abspath(directory),
            branch=branch,
            only=tuple(only),
            exclude=tuple(exclude),
        )
        return Workspace(root, self._context.credentials, timeout_seconds=self._context.timeout_seconds)

    @property
    def _server(self) -> Server:
        return self._context.server(self._url)
