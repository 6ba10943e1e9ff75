"""Repositories, branches and labels."""

from __future__ import annotations

from mlv.actions.context import Context
from mlv.actions.recovering import recover
from mlv_core.entities import Branch, BranchKind, Label, Repository
from mlv_core.errors import UsageError
from mlv_core.ids import RepositoryName, Revision, RevisionKind
from mlv_core.releasing import BranchStanding, CreatedRepository, Template


def create_repository(
    context: Context, name: str, description: str = "", template: str = "", *, dry_run: bool = False
) -> CreatedRepository:
    """A new, empty repository with the branch main, and what `template` ('': none) sets up.

    Raises: InvalidName, InvalidRequest, AlreadyExists, Denied, and those of the connection.
    """
    where = RepositoryName.parse(name)
    return context.server().create_repository_from(where, description, template, dry_run=dry_run)


def list_templates(context: Context) -> tuple[Template, ...]:
    """What a new repository may be set up with."""
    return context.server().list_templates()


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

    `target` '' is where it was made from: the branch that the revision names or was committed on; of what the workspace
    has, and of the head and what was before it, the workspace's. Raises: InvalidName, AlreadyExists, NotFound, Denied.
    """
    where = repository_of(context, repository)
    at = revision_for(context, revision, repository)
    return context.server().create_branch(
        where, name, kind, at, target or _made_from(context, revision, repository), dry_run=dry_run
    )


def list_branches(context: Context, repository: str | None = None) -> tuple[Branch, ...]:
    """The branches of a repository."""
    return context.server().list_branches(repository_of(context, repository))


def survey_branches(
    context: Context, repository: str | None = None, *, abandoned: bool = False
) -> tuple[BranchStanding, ...]:
    """The branches with where they stand; with `abandoned` the closed ones too. Raises: NotFound."""
    return context.server().survey_branches(repository_of(context, repository), abandoned=abandoned)


def abandon_branch(
    context: Context, name: str, *, reason: str, repository: str | None = None, dry_run: bool = False
) -> tuple[Branch, int]:
    """Close a branch: it is read, and nothing lands on it; the branch, and how many locks that released.

    Raises: InvalidRequest, NotFound, Denied, BranchAbandoned, Frozen.
    """
    return context.server().abandon_branch(repository_of(context, repository), name, reason, dry_run=dry_run)


def reopen_branch(
    context: Context, name: str, *, reason: str = "", repository: str | None = None, dry_run: bool = False
) -> Branch:
    """Open a branch again. Raises: InvalidRequest, NotFound, Denied."""
    return context.server().reopen_branch(repository_of(context, repository), name, reason, dry_run=dry_run)


def create_label(
    context: Context,
    name: str,
    revision: Revision | None = None,
    *,
    repository: str | None = None,
    message: str = "",
    dry_run: bool = False,
) -> Label:
    """A label on `revision` (None: what the workspace has).

    Raises: InvalidName, AlreadyExists, NotFound, Denied, UsageError.
    """
    if revision is None and repository is not None:
        raise UsageError("Without a workspace a label needs a version.", advice="mlv label NAME @REV --repo REPO")
    where = repository_of(context, repository)
    return context.server().create_label(
        where, name, revision_for(context, revision, repository), message, dry_run=dry_run
    )


def list_labels(context: Context, repository: str | None = None) -> tuple[Label, ...]:
    """The labels of a repository."""
    return context.server().list_labels(repository_of(context, repository))


def _branch(context: Context, repository: str | None) -> str:
    return context.workspace.branch if repository is None else "main"


def _made_from(context: Context, revision: Revision | None, repository: str | None) -> str:
    """The branch that a new one is made from; '' where the server tells by the revision."""
    here = revision is None or revision.kind in {RevisionKind.HAVE, RevisionKind.HEAD, RevisionKind.PREV}
    return _branch(context, repository) if here else ""


def revision_for(context: Context, revision: Revision | None, repository: str | None) -> str:
    """A revision (None: what the workspace has, else the head of main) as the server reads it.

    Raises: NotFound, NotAWorkspace.
    """
    if revision is not None and revision.kind not in {RevisionKind.HAVE, RevisionKind.HEAD, RevisionKind.PREV}:
        return str(revision)[1:]
    if revision is None and repository is not None:
        return "main"
    if revision is None or revision.kind is RevisionKind.HAVE:
        return str(context.workspace.base) if context.workspace.base else ""
    where = repository_of(context, repository)
    return str(int(context.server().resolve(where, str(revision)[1:], _branch(context, repository))[0]))
