"""How a lock ended that its holder's workspace did not give up itself (L9), in words for whoever lost it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import IntEnum

from mlv_core.deferred import dataclass
from mlv_core.entities import Lock
from mlv_core.ids import FencingToken, WorkspaceId, escape
from mlv_core.paths import show_path


class LockEnd(IntEnum):
    """What became of it."""

    BROKEN = 1
    STOLEN = 2
    EXPIRED = 3
    """Its lease ended, and somebody took the lock."""
    RELEASED = 4
    """Its own user gave it up, or took it, in another workspace."""
    GIVEN = 5
    """Its own user gave it to somebody who had asked."""
    CLOSED = 6
    """It went with its branch or its workspace, of which its holder is told, or knows."""


@dataclass(frozen=True, slots=True)
class EndedLock:
    """A lock by its token, how it ended, by whom, why, and when (ms)."""

    token: FencingToken
    path: str
    workspace: WorkspaceId
    end: LockEnd
    by: str
    reason: str
    time: int


_WORDS = {
    LockEnd.BROKEN: "broken by {}",
    LockEnd.STOLEN: "stolen by {}",
    LockEnd.EXPIRED: "expired, and taken by {}",
    LockEnd.RELEASED: "given up by {} in another workspace",
    LockEnd.GIVEN: "given away by {}",
    LockEnd.CLOSED: "released by {}",
}


def ended(locks: Iterable[Lock], end: LockEnd, by: str, reason: str, now: int) -> tuple[EndedLock, ...]:
    """What is remembered of locks that user `by` ended at `now` (ms)."""
    return tuple(EndedLock(lock.token, lock.path, lock.workspace, end, by, reason, now) for lock in locks)


def told(path: str, one: EndedLock) -> str:
    """What became of the lock on `path`: by whom, when and why."""
    how = _WORDS[one.end].format(escape(one.by))
    why = f": {escape(one.reason)}" if one.reason else ""
    return f"{show_path(path)}, {how} on {moment(one.time)}{why}"


def moment(milliseconds: int) -> str:
    """A time as refusals write it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
