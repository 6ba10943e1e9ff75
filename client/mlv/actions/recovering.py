"""End a commit, shelve, undo or merge that was interrupted: ask what became of it, then finish or drop it (C3)."""

from __future__ import annotations

import os
import uuid
from contextlib import ExitStack
from dataclasses import replace

from mlv.actions.context import Context
from mlv.workspace import guard, journal, merging
from mlv_core.errors import WorkspaceBusy
from mlv_core.ids import RepositoryName, RequestId


def recover(context: Context) -> None:
    """Finish or drop what was interrupted, and say so in one line; nothing to do costs three looks.

    A command that is under way right now is left alone (C6). Raises: DamagedContent, and those of the connection.
    """
    layout = context.workspace.layout
    if not any(map(os.path.exists, (layout.commit_journal, layout.shelve_journal, layout.request_journal))):
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
    _recover_request(context)
    found = journal.read_commit(workspace.layout)
    if found is None:
        return
    workspace.reload()
    landed, _, changeset = workspace.settings.get("landed", "").partition(" ")
    if landed == found.request_id:
        journal.drop(workspace.layout, found)
        context.notice(f"An interrupted commit had reached the server: it is @{changeset}.")
        return
    repository = RepositoryName.parse(workspace.repository)
    published = context.server().outcome(repository, RequestId(found.request_id))
    if published is None:
        journal.drop(workspace.layout, found)
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
    journal.drop(layout, found)
    if shelf is None:
        context.notice("An interrupted shelve had not reached the server; your changes are all here.")
    else:
        context.notice(f"An interrupted shelve had reached the server: it is the shelf '{shelf.name}'.")


def _recover_request(context: Context) -> None:
    """An undo or merge is on the server or nowhere; here it ends locks, and the merge that waited for it."""
    workspace = context.workspace
    found = journal.read_request(workspace.layout)
    if found is None:
        return
    workspace.reload()
    repository = RepositoryName.parse(workspace.repository)
    published = context.server().outcome(repository, RequestId(found.request_id))
    if published is not None:
        from mlv.actions.journalling import note

        note(workspace, found, published)
    else:
        _renew_merge(context, found.request_id)
    journal.drop(workspace.layout, found)
    if published is None:
        context.notice(f"An interrupted {found.verb} had not reached the server; nothing was changed there.")
    else:
        context.notice(f"An interrupted {found.verb} had reached the server: it is @{published.changeset}.")


def _renew_merge(context: Context, request_id: str) -> None:
    """An open merge gets a new id: an id of which the server has said that nothing came is refused from then on."""
    workspace = context.workspace
    waiting = merging.read(workspace.state)
    if waiting is not None and waiting.request_id == request_id:
        with guard.writing(workspace.layout):
            merging.write(workspace.state, replace(waiting, request_id=str(uuid.uuid4())))
        workspace.reload()
