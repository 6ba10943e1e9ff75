"""Whether a lock may be taken though a branch in its reach has a newer version of the file (L5)."""

from __future__ import annotations

from collections.abc import Sequence

from mlv_core.deferred import dataclass
from mlv_core.errors import Denied, InvalidRequest, StaleBase
from mlv_core.ids import BranchId, ChangesetNumber, FileId, escape
from mlv_core.paths import show_path


@dataclass(frozen=True, slots=True)
class Rival:
    """A branch that has a version of a file which the branch of the lock has not: since which changeset."""

    path: str
    file_id: FileId
    branch: str
    branch_id: BranchId
    changeset: ChangesetNumber


@dataclass(frozen=True, slots=True)
class Divergence:
    """A lock that was taken at version `at` of its branch in spite of `changeset` elsewhere: a merge decides."""

    file_id: FileId
    path: str
    at: ChangesetNumber
    changeset: ChangesetNumber
    by: str
    reason: str
    time: int


def decide_fresh(rivals: Sequence[Rival], *, diverge: bool, reason: str, may_diverge: bool) -> None:
    """Refuse locks on files of which other branches in reach have newer versions, unless that is meant (L5).

    Raises: StaleBase naming each file, branch and changeset; with `diverge` Denied and InvalidRequest instead.
    """
    if not rivals:
        return
    items = tuple(f"{show_path(one.path)} is newer on {escape(one.branch)} in @{one.changeset}" for one in rivals)
    if not diverge:
        text = (
            f"{items[0]}, which is not merged." if len(items) == 1 else f"{len(items)} newer versions are not merged."
        )
        name = escape(rivals[0].branch)
        ways = f"'mlv merge {name}' brings it, 'mlv branch --abandon {name}' drops it"
        raise StaleBase(text, advice=f"{ways}, '--diverge -m WHY' goes apart.", items=items)
    if not may_diverge:
        raise Denied("Going apart from other branches needs the right 'lock.diverge'.", items=items)
    if not reason.strip():
        raise InvalidRequest("Going apart from other branches needs a reason.", advice="Say why with -m WHY.")
