"""End a commit or shelve that was interrupted: ask the server what became of it, then finish or drop it (C3)."""

from __future__ import annotations

import os
from contextlib import ExitStack

from mlv.actions.context import Context
from mlv.workspace import guard, journal
from mlv_core.errors import WorkspaceBusy
from mlv_core.ids import RepositoryName, RequestId


def recover(context: Context) -> None:
    """Finish or drop an interrupted commit or shelve, and say so in one line; nothing to do costs two looks.

    A commit that is under way right now is left alone (C6). Raises: those of the connection.
    """
    layout = context.workspace.layout
    if not (os.path.exists(layout.commit_journal) or os.path.exists(layout.shelve_journal)):
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
    _recover_shelve(context)
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


def _recover_shelve(context: Context) -> None:
    """A shelf is whole or not there; either way every local change is still here."""
    layout = context.workspace.layout
    found = journal.read_shelve(layout)
    if found is None:
        return
    repository = RepositoryName.parse(context.workspace.repository)
    shelf = context.server().shelve_outcome(repository, RequestId(found.request_id))
    journal.remove_shelve(layout)
    if shelf is None:
        context.notice("An interrupted shelve had not reached the server; your changes are all here.")
    else:
        context.notice(f"An interrupted shelve had reached the server: it is the shelf '{shelf.name}'.")
