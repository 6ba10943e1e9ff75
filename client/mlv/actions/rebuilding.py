"""Mend a workspace whose database is damaged: from the server and the disk, touching no file of the user's."""

from __future__ import annotations

import json
import os
import sqlite3

from mlv.actions.basetexts import keep_base_texts
from mlv.actions.context import Context
from mlv.actions.update import Wish, bring
from mlv.workspace import journal, layout
from mlv.workspace.opened import Workspace
from mlv.workspace.state import State
from mlv_core.errors import DamagedContent


def open_or_rebuild(context: Context) -> bool:
    """Open the workspace; when its database is damaged, build it anew first. Says whether it was.

    Damaged journals are set aside: what they told of is on the server or not, and every local byte is where it was.
    Recorded adds, deletes and moves are lost with the database: `status` shows those files as untracked or missing.
    Raises: NotAWorkspace, DamagedContent when the identity is gone too, and those of the connection.
    """
    where = layout.find(context.directory)
    _set_journals_aside(context, where)
    known = _known_base(where.state)
    begun = known == 0 and _is_rebuilt(where)
    if known is not None and not begun:
        return False
    base = int(_identity_base(where.root))
    if begun:
        context.use(Workspace.open(context.directory, context.notice))
    else:
        if os.path.exists(where.journal):
            os.replace(where.journal, f"{where.journal}.damaged")
        context.use(Workspace.rebuild(context.directory))
    bring(context, Wish(base, context.workspace.branch, adopt=True, rebuilding=True))
    keep_base_texts(context)
    context.notice("The workspace's database was damaged; it was rebuilt from the server and the disk.")
    return True


def _set_journals_aside(context: Context, where: layout.Layout) -> None:
    for place, read in (
        (where.journal, journal.read),
        (where.commit_journal, journal.read_commit),
        (where.shelve_journal, journal.read_shelve),
        (where.request_journal, journal.read_request),
    ):
        try:
            read(where)
        except DamagedContent:
            os.replace(place, f"{place}.damaged")
            name = os.path.relpath(place, where.root)
            context.notice(f"The journal '{name}' was damaged and is set aside; 'mlv log' shows what had landed.")


def _known_base(file: str) -> int | None:
    """The version that a workspace's database says it has; None when it is damaged."""
    try:
        state = State.open(file)
        try:
            settings = state.settings()
            return int(settings["base"]) if state.is_whole() else None
        finally:
            state.close()
    except (DamagedContent, sqlite3.DatabaseError, KeyError, ValueError):
        return None


def _is_rebuilt(where: layout.Layout) -> bool:
    """Whether the empty database is that of a rebuilding which was interrupted: the identity knows a version."""
    try:
        return int(_identity_base(where.root)) > 0
    except (DamagedContent, ValueError):
        return False


def _identity_base(root: str) -> str:
    try:
        with open(layout.Layout(root).identity, encoding="utf-8") as stream:
            return str(json.load(stream)["base"])
    except (OSError, ValueError, KeyError) as error:
        raise DamagedContent("The workspace's identity is gone.", advice="Check out into a new directory.") from error
