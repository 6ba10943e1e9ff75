"""Labels after they were made: moved, deleted, their history, and which names are kept for whom."""

from __future__ import annotations

from mlv.actions.context import Context
from mlv.actions.refs import repository_of, revision_for
from mlv_core.entities import Label
from mlv_core.errors import UsageError
from mlv_core.ids import Revision
from mlv_core.releasing import LabelEntry, Reservation


def move_label(
    context: Context,
    name: str,
    revision: Revision | None,
    *,
    reason: str,
    repository: str | None = None,
    dry_run: bool = False,
) -> Label:
    """Let a label name `revision` (None: what the workspace has) from now on; its history keeps where it was.

    Raises: UsageError, InvalidRequest, NotFound, Denied, Frozen.
    """
    if revision is None and repository is not None:
        raise UsageError("Without a workspace a label needs a version.", advice="mlv label NAME @REV --move -m WHY")
    where = repository_of(context, repository)
    at = revision_for(context, revision, repository)
    return context.server().move_label(where, name, at, reason, dry_run=dry_run)


def delete_label(
    context: Context, name: str, *, reason: str, repository: str | None = None, dry_run: bool = False
) -> Label:
    """End a label; it as it stood. Raises: InvalidRequest, NotFound, Denied, Frozen."""
    return context.server().delete_label(repository_of(context, repository), name, reason, dry_run=dry_run)


def label_history(context: Context, name: str = "", repository: str | None = None) -> tuple[LabelEntry, ...]:
    """All that was ever done to a label, '': to every one, oldest first. Raises: NotFound."""
    return context.server().label_history(repository_of(context, repository), name)


def reserve_labels(
    context: Context,
    pattern: str,
    subjects: tuple[str, ...],
    *,
    repository: str | None = None,
    dry_run: bool = False,
) -> Reservation:
    """Keep labels that match `pattern` for `subjects` (group:NAME, user:NAME); none: for nobody any more.

    Raises: InvalidRequest, NotFound, Denied.
    """
    where = repository_of(context, repository)
    return context.server().reserve_labels(where, pattern, subjects, dry_run=dry_run)


def list_reservations(context: Context, repository: str | None = None) -> tuple[Reservation, ...]:
    """Which patterns are kept for whom. Raises: NotFound."""
    return context.server().list_reservations(repository_of(context, repository))
