"""Take back committed changesets by a new one that the server makes; no content moves (C9)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from mlv.actions.context import Context
from mlv.actions.counting import counted
from mlv.actions.held import noting_lost_locks
from mlv.actions.journalling import request
from mlv.actions.recovering import recover_held
from mlv.workspace import guard
from mlv_core.deferred import dataclass
from mlv_core.errors import HeadMoved, NothingToCommit, UsageError
from mlv_core.ids import (
    ChangesetNumber,
    FencingToken,
    RepositoryName,
    RequestId,
    Revision,
    RevisionKind,
    WorkspaceId,
    escape,
)
from mlv_core.requests import Published, UndoRequest

if TYPE_CHECKING:
    from mlv.remote.service import Server


@dataclass(frozen=True, slots=True)
class Undone:
    """The new changeset (0 on a dry run), the paths it changed, a moved file once, and what the client sent for it."""

    published: Published
    paths: tuple[str, ...]
    sent_bytes: int


def undo(
    context: Context,
    *,
    first: Revision | None = None,
    last: Revision | None = None,
    to: Revision | None = None,
    paths: tuple[str, ...] = (),
    message: str = "",
    dry_run: bool = False,
) -> Undone:
    """Take back `first`..`last`, or go back to the version `to`; `paths` limits either.

    The workspace's files stay as they are until `update`. Raises: HeadMoved, LockNeeded, LockHeld, NotFound, Denied.
    """
    if (first is None) == (to is None):
        raise UsageError("Name what to take back, or --to a version.", advice="mlv undo @N, or mlv undo --to @REV")
    workspace = context.workspace
    with guard.long_step(workspace.layout), noting_lost_locks(context, dry_run=dry_run):
        # Whoever held it until now may have died with an answer that was not heard.
        recover_held(context)
        workspace.reload()
        server = context.server()
        sent = server.counters.sent_bytes
        wanted = _request(context, first, last, to, message)
        wanted = replace(wanted, paths=paths, dry_run=dry_run)
        published = _ask(server, wanted) if dry_run else _send(context, server, wanted)
        sent = server.counters.sent_bytes - sent
    return Undone(published, tuple(c.path for c in counted(published.changes)), sent)


def _request(
    context: Context, first: Revision | None, last: Revision | None, to: Revision | None, message: str
) -> UndoRequest:
    """What is asked for, with revisions as numbers and the locks that the workspace has. Raises: NotFound."""
    workspace = context.workspace
    repository = RepositoryName.parse(workspace.repository)

    def number(revision: Revision) -> ChangesetNumber:
        if revision.kind is RevisionKind.NUMBER:
            return ChangesetNumber(revision.number)
        if revision.kind is RevisionKind.HAVE:
            return ChangesetNumber(workspace.base)
        return context.server().resolve(repository, str(revision)[1:], workspace.branch)[0]

    low = number(first) if first is not None else ChangesetNumber(0)
    high = number(last) if last is not None else low
    target = number(to) if to is not None else None
    return UndoRequest(
        repository=repository,
        request_id=RequestId(str(uuid.uuid4())),
        branch=workspace.branch,
        workspace=WorkspaceId(workspace.id),
        message=message or (f"Undo: back to @{target}" if target is not None else f"Undo {_span(low, high)}"),
        first=low,
        last=high,
        to=target,
        tokens=tuple((f.path, FencingToken(f.token)) for f in workspace.state.files().values() if f.token),
    )


def _send(context: Context, server: Server, wanted: UndoRequest) -> Published:
    return request(context, "undo", wanted.request_id, lambda: _ask(server, wanted), lambda published: published)


def _ask(server: Server, wanted: UndoRequest) -> Published:
    """The answer; refusals of a commit are told in words of an undo."""
    try:
        return server.undo(wanted)
    except HeadMoved as error:
        raise HeadMoved(
            error.message.replace(", after the version that you have", ", after what is to be taken back"),
            items=error.items,
            advice="Take the later changes back first: 'mlv undo @N' for each, or 'mlv undo --to @REV' for all.",
        ) from error
    except NothingToCommit as error:
        if wanted.paths:
            names = ", ".join(f"'{escape(path)}'" for path in wanted.paths)
            raise NothingToCommit(
                f"Nothing is to be taken back at {names}: no change there, or it is taken back already.",
                advice="'mlv log PATH' shows what changed it.",
            ) from error
        raise NothingToCommit(
            "Nothing is left to take back: the branch stands there already.", advice="'mlv log' shows what was done."
        ) from error


def _span(low: int, high: int) -> str:
    return f"@{low}" if low == high else f"@{low}:@{high}"
