"""One line in the next command of whom it concerns: what a notice says, and how it reads (L9, L10)."""

from __future__ import annotations

from enum import Enum

from mlv_core.deferred import dataclass
from mlv_core.ids import escape, typed


class NoticeKind(Enum):
    """What somebody is told."""

    LOCK_BROKEN = "lock.broken"
    LOCK_STOLEN = "lock.stolen"
    LOCK_EXPIRED = "lock.expired"
    LOCK_RELEASED = "lock.released"
    """By its own user, in another workspace."""
    LOCK_ENDS_SOON = "lock.ends_soon"
    LOCK_REQUESTED = "lock.requested"
    LOCK_DENIED = "lock.denied"
    LOCK_GRANTED = "lock.granted"
    LOCK_GIVEN = "lock.given"
    BRANCH_FROZEN = "branch.frozen"
    BRANCH_ABANDONED = "branch.abandoned"


LOST = frozenset({NoticeKind.LOCK_BROKEN, NoticeKind.LOCK_STOLEN, NoticeKind.LOCK_RELEASED, NoticeKind.LOCK_GIVEN})
"""What tells a workspace that a lock of its own is gone."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What concerns a workspace: `by` did it, or asks; `until` (ms, 0: none) is when it ends.

    `sequence` is the number of the event that it comes from, of a lease that ends soon the lock's token; `path` is ''
    for a whole branch. `folder` is the wider one that is locked where somebody asks for a part of it, and of a lock on
    a folder that was granted, has expired or ends soon the folder, else ''.
    """

    kind: NoticeKind
    sequence: int
    time: int
    path: str
    branch: str
    by: str = ""
    reason: str = ""
    until: int = 0
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Notices:
    """What is new for a workspace, the oldest first, and the number to go on from; `more` were left out."""

    notices: tuple[Notice, ...]
    sequence: int
    more: int = 0


def line_of(notice: Notice) -> str:
    """The notice as one line: what happened, by whom, why, and what to type next."""
    path, branch, by, word = escape(notice.path), escape(notice.branch), escape(notice.by), typed(notice.path)
    why = f": {escape(notice.reason)}" if notice.reason else ""
    keep, tree = "'mlv shelve' keeps your work.", "--tree " if notice.folder else ""
    place = f"{path} on {branch}" if path else f"the branch {branch}"
    lines = {
        NoticeKind.LOCK_BROKEN: f"{by} broke your lock on {path}{why}. {keep}",
        NoticeKind.LOCK_STOLEN: f"{by} took over your lock on {path}{why}. {keep}",
        NoticeKind.LOCK_EXPIRED: f"Your lock on {path} has expired. 'mlv lock {tree}{word}' takes it again.",
        NoticeKind.LOCK_RELEASED: f"You ended this workspace's lock on {path} in another one{why}. {keep}",
        NoticeKind.LOCK_ENDS_SOON: f"Your lock on {path} ends soon, as policy says. "
        f"'mlv lock {tree}{word}' takes it anew.",
        NoticeKind.LOCK_REQUESTED: f"{by} asks for your lock on {path}{why}. 'mlv unlock --give {by} {word}' gives it, "
        f"'mlv lock --deny {by} -m WHY {word}' keeps it.",
        NoticeKind.LOCK_DENIED: f"{by} keeps the lock on {path} that you asked for{why}.",
        NoticeKind.LOCK_GRANTED: f"The lock on {path} that you asked for is yours, from {by}. "
        + (f"'mlv lock --tree {word}' takes it up here." if notice.folder else f"'mlv edit {word}' opens it."),
        NoticeKind.LOCK_GIVEN: f"Your lock on {path} went to another by {by}{why}. {keep}",
        NoticeKind.BRANCH_FROZEN: f"{by} froze {place}{why}. {keep}",
        NoticeKind.BRANCH_ABANDONED: f"{by} abandoned the branch {branch}{why}. {keep}",
    }
    if notice.folder and notice.kind is NoticeKind.LOCK_REQUESTED:
        return _asked_for_a_part(notice)
    return lines[notice.kind]


def _asked_for_a_part(notice: Notice) -> str:
    """Who holds a folder gives no part of it: what is left is to give it up, or to say no."""
    by, folder, word = escape(notice.by), typed(notice.folder), typed(notice.path)
    why = f": {escape(notice.reason)}" if notice.reason else ""
    return (
        f"{by} asks for {escape(notice.path)}{why}. Your lock is on all of {escape(notice.folder)} and is not given in "
        f"parts: 'mlv unlock {folder}' gives it up, 'mlv lock --deny {by} -m WHY {word}' keeps it."
    )
