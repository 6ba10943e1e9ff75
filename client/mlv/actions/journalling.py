"""Requests that the journal knows before the server does, so that no answer is lost (C3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mlv.actions.context import Context
from mlv.actions.opening import forget_tokens
from mlv.workspace import guard, journal, merging
from mlv.workspace.journal import CommitJournal, RequestJournal, ShelveJournal
from mlv.workspace.layout import Layout
from mlv.workspace.opened import Workspace
from mlv_core.errors import MlvError, Unreachable
from mlv_core.failpoints import failpoint
from mlv_core.ids import RequestId
from mlv_core.requests import Published

T = TypeVar("T")

UNKNOWN_CODES = frozenset({"INTERNAL", "INTERRUPTED", "DEADLINE_EXCEEDED"})
"""Failures after which it is not known what became of a request."""


@contextmanager
def journalled(layout: Layout, plan: CommitJournal | ShelveJournal | RequestJournal) -> Iterator[None]:
    """Make `plan` durable before the block sends its request; a refusal drops it.

    It stays after an answer, until what came of it is in the state, and where it is not known what became of it: the
    next online command asks. The caller holds the workspace (`guard.long_step`), else one that recovers would ask now.
    """
    with guard.writing(layout):
        journal.write(layout, plan)
    try:
        yield
    except Unreachable:
        raise
    except MlvError as error:
        if error.code not in UNKNOWN_CODES:
            journal.drop(layout, plan)
        raise


def request(
    context: Context, verb: str, request_id: RequestId, ask: Callable[[], T], published: Callable[[T], Published | None]
) -> T:
    """What `ask` answers to an undo or merge, with the locks forgotten that the server released with it.

    `published` finds in the answer what landed. The caller holds the workspace. Raises: what `ask` raises.
    """
    workspace = context.workspace
    tokens = tuple((file.path, file.token) for file in workspace.state.files().values() if file.token)
    plan = RequestJournal(str(request_id), verb, tokens)
    with journalled(workspace.layout, plan):
        failpoint("request.journal")
        answer = ask()
    failpoint("request.answered")
    landed = published(answer)
    if landed is not None:
        note(workspace, plan, landed)
    journal.drop(workspace.layout, plan)
    return answer


def note(workspace: Workspace, plan: RequestJournal, published: Published) -> None:
    """Forget the locks of `plan` that were released with it, none that was taken since, and the merge that it made."""
    released = frozenset(published.released)
    gone = {token for path, token in plan.tokens if path in released}
    paths = tuple(file.path for file in workspace.state.files().values() if file.token in gone) if gone else ()
    if paths:
        forget_tokens(workspace, (), paths)
    waiting = merging.read(workspace.state)
    if waiting is not None and waiting.request_id == plan.request_id:
        with guard.writing(workspace.layout):
            merging.write(workspace.state, None)
        workspace.reload()
