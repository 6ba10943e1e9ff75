"""When a branch may be abandoned and opened again: nothing that was committed on it goes away."""

from __future__ import annotations

from dataclasses import replace

from mlv_core.entities import Branch, BranchKind
from mlv_core.errors import InvalidRequest

REASON_LIMIT = 1_000
"""Characters of a reason: a sentence or two."""
_ADVICE = "'mlv branches --all' shows which are open, and which were abandoned."


def decide_abandon(branch: Branch, reason: str, by: str, now: int) -> Branch:
    """The branch as it is after `by` abandoned it at `now` (ms). Raises: InvalidRequest."""
    if branch.kind is BranchKind.MAIN:
        raise InvalidRequest(f"{branch.name} is the repository's main branch: it is never abandoned.", advice=_ADVICE)
    if not reason.strip():
        raise InvalidRequest("Whoever finds the branch closed must be able to read why.", advice="Say why with -m WHY.")
    _check_length(reason)
    return replace(branch, abandoned_at=now, abandoned_by=by, abandoned_why=reason)


def decide_reopen(branch: Branch, reason: str) -> Branch:
    """The branch as it is when it is open again; a reason may be given. Raises: InvalidRequest."""
    if branch.abandoned_at is None:
        raise InvalidRequest(f"{branch.name} is open: it was not abandoned.", advice=_ADVICE)
    _check_length(reason)
    return replace(branch, abandoned_at=None, abandoned_by="", abandoned_why="")


def _check_length(reason: str) -> None:
    if len(reason) > REASON_LIMIT:
        raise InvalidRequest(f"The reason has more than {REASON_LIMIT:,} characters.")
