"""Tell what concerns the workspace, once: the server's answers say whether there is anything to ask for (L9, L10)."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from mlv.workspace import guard
from mlv.workspace.opened import NOTICED, SCRIPTS, WARNED, Workspace
from mlv_core.errors import MlvError

if TYPE_CHECKING:
    from mlv.remote import Server
    from mlv_core.noticing import Notice

_WAIT_SECONDS = 0.2
"""Another command that is at work must not keep this one from its end: then it is told again."""


def seen_until(workspace: Workspace, *, scripts: bool) -> str:
    """The last event that people, or scripts, were told of here; '' before the first.

    Scripts that were never told of anything go on where people are.
    """
    settings = workspace.settings
    return (settings.get(NOTICED + SCRIPTS, "") if scripts else "") or settings.get(NOTICED, "")


def tell_news(
    workspace: Workspace, server: Server, notice: Callable[[str], None], news: Callable[[Notice], None] | None = None
) -> None:
    """Give `news`, which is for scripts, each thing that is new to the workspace; None: a line each to `notice`.

    One call if there is any, two where a lock is lost, which `status` knows from then on; none else. Whatever goes
    wrong is no failure of the command that this ends: what was not told is told the next time.
    """
    if server.noticed is None:
        return
    with suppress(MlvError):
        seen = seen_until(workspace, scripts=news is not None)
        if seen:
            _ask(workspace, server, int(seen), notice, news)
        else:
            _keep(workspace, {NOTICED + (SCRIPTS if news else ""): str(server.noticed)})


def _ask(
    workspace: Workspace,
    server: Server,
    seen: int,
    notice: Callable[[str], None],
    news: Callable[[Notice], None] | None,
) -> None:
    from mlv_core.ids import RepositoryName, WorkspaceId
    from mlv_core.noticing import LOST, NoticeKind, line_of

    found = server.list_notices(RepositoryName.parse(workspace.repository), WorkspaceId(workspace.id), seen)
    suffix = SCRIPTS if news else ""
    known = set(json.loads(workspace.state.settings().get(WARNED + suffix, "[]")))
    ending = [one for one in found.notices if one.kind is NoticeKind.LOCK_ENDS_SOON]
    if found.more:
        notice(f"{found.more} older notices are left out; 'mlv watch' tells of everything that happens.")
    due = [one for one in found.notices if one not in ending or one.sequence not in known]
    # Who asks twice for the same lock is told of once.
    for line, one in {line_of(one): one for one in due}.items():
        if news:
            news(one)
        else:
            notice(line)
    if any(one.kind in LOST for one in found.notices):
        from mlv.actions.losses import note_dead

        note_dead(workspace, server.list_locks(RepositoryName.parse(workspace.repository)))
    warned = json.dumps([one.sequence for one in ending])
    _keep(workspace, {NOTICED + suffix: str(found.sequence), WARNED + suffix: warned})


def _keep(workspace: Workspace, settings: dict[str, str]) -> None:
    with guard.writing(workspace.layout, wait_seconds=_WAIT_SECONDS), workspace.state.transaction():
        workspace.state.set_settings(settings)
