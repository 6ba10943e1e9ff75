"""Repositories, branches and labels."""

from __future__ import annotations

from mlv.actions.context import Context
from mlv.actions.recovering import recover
from mlv_core.entities import Branch, BranchKind, Label, Repository
from mlv_core.errors import UsageError
from mlv_core.ids import RepositoryName, Revision, RevisionKind


def create_repository(context: Context, name: str, description: str = "", *, dry_run: bool = False) -> Repository:
    """A new, empty repository with the branch main.

    Raises: InvalidName, AlreadyExists, Denied, and those of the connection.
    """
    return context.server().create_repository(RepositoryName.parse(name), description, dry_run=dry_run)


def list_repositories(context: Context) -> tuple[Repository, ...]:
    """The repositories that the caller may list."""
    return context.server().list_repositories()


def show_repository(context: Context, name: str | None = None) -> Repository:
    """A repository (None: the workspace's) with its sizes.

    Raises: NotFound, NotAWorkspace.
    """
    return context.server().get_repository(repository_of(context, name))


def repository_of(context: Context, name: str | None) -> RepositoryName:
    """The named repository, or the workspace's, in which an interrupted commit is ended first (C3).

    Raises: InvalidName, NotAWorkspace, and those of the connection.
    """
    if name is not None:
        return RepositoryName.parse(name)
    recover(context)
    return RepositoryName.parse(context.workspace.repository)


def create_branch(
    context: Context,
    name: str,
    revision: Revision | None = None,
    *,
    repository: str | None = None,
    kind: BranchKind | None = None,
    target: str = "",
    dry_run: bool = False,
) -> Branch:
    """A branch at `revision` (None: what the workspace has, else the head of main), merging into `target`.

    Raises: InvalidName, AlreadyExists, NotFound, Denied.
    """
    where = repository_of(context, repository)
    at = _at(context, revision, repository)
    return context.server().create_branch(
        where, name, kind, at, target or _branch(context, repository), dry_run=dry_run
    )


def list_branches(context: Context, repository: str | None = None) -> tuple[Branch, ...]:
    """The branches of a repository."""
    return context.server().list_branches(repository_of(context, repository))


def create_label(
    context: Context,
    name: str,
    revision: Revision | None = None,
    *,
    repository: str | None = None,
    message: str = "",
    dry_run: bool = False,
) -> Label:
    """A label on `revision` (None: what the workspace has); it never moves.

    Raises: InvalidName, AlreadyExists, NotFound, Denied, UsageError.
    """
    if revision is None and repository is not None:
        raise UsageError("Without a workspace a label needs a version.", advice="mlv label NAME @REV --repo REPO")
    where = repository_of(context, repository)
    return context.server().create_label(where, name, _at(context, revision, repository), message, dry_run=dry_run)


def list_labels(context: Context, repository: str | None = None) -> tuple[Label, ...]:
    """The labels of a repository."""
    return context.server().list_labels(repository_of(context, repository))


def _branch(context: Context, repository: str | None) -> str:
    return context.workspace.branch if repository is None else "main"


def _at(context: Context, revision: Revision | None, repository: str | None) -> str:
    """The revision as the server reads it."""
    if revision is not None and revision.kind not in {RevisionKind.HAVE, RevisionKind.HEAD, RevisionKind.PREV}:
        return str(revision)[1:]
    if revision is None and repository is not None:
        return "main"
    if revision is None or revision.kind is RevisionKind.HAVE:
        return str(context.workspace.base) if context.workspace.base else ""
    where = repository_of(context, repository)
    return str(int(context.server().resolve(where, str(revision)[1:], _branch(context, repository))[0]))
