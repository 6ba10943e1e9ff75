"""End a commit that was interrupted: ask the server what became of it, then finish or drop it (C3)."""

from __future__ import annotations

import os
from contextlib import ExitStack

from mlv.actions.context import Context
from mlv.workspace import guard, journal
from mlv_core.errors import WorkspaceBusy
from mlv_core.ids import RepositoryName, RequestId


def recover(context: Context) -> None:
    """Finish or drop an interrupted commit, and say so in one line; nothing to do costs one look.

    A commit that is under way right now is left alone (C6). Raises: those of the connection.
    """
    layout = context.workspace.layout
    if not os.path.exists(layout.commit_journal):
        return
    with ExitStack() as held:
        try:
            held.enter_context(guard.long_step(layout, wait_seconds=0.0))
        except WorkspaceBusy:
            return
        recover_held(context)


def recover_held(context: Context) -> None:
    """As `recover`, for whoever holds the workspace already: a command that was waited for may have died just now."""
    workspace = context.workspace
    found = journal.read_commit(workspace.layout)
    if found is None:
        return
    workspace.reload()
    landed, _, changeset = workspace.settings.get("landed", "").partition(" ")
    if landed == found.request_id:
        journal.remove_commit(workspace.layout)
        context.notice(f"An interrupted commit had reached the server: it is @{changeset}.")
        return
    repository = RepositoryName.parse(workspace.repository)
    published = context.server().outcome(repository, RequestId(found.request_id))
    if published is None:
        journal.remove_commit(workspace.layout)
        context.notice("An interrupted commit had not reached the server; your changes are all here.")
        return
    from mlv.actions.landing import land

    land(context, found, published)
    context.notice(f"An interrupted commit had reached the server: it is @{published.changeset}.")
