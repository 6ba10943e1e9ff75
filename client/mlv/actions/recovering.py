"""End a commit that was interrupted: ask the server what became of it, then finish or drop it (C3)."""

from __future__ import annotations

import os

from mlv.actions.context import Context
from mlv.workspace import guard, journal
from mlv_core.ids import RepositoryName, RequestId


def recover(context: Context) -> None:
    """Finish or drop an interrupted commit, and say so in one line; nothing to do costs one look.

    A commit that is under way right now is left alone (C6). Raises: those of the connection.
    """
    workspace = context.workspace
    if not os.path.exists(workspace.layout.commit_journal) or not guard.is_free(workspace.layout.long_lock):
        return
    with guard.long_step(workspace.layout):
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
