"""Whom an event concerns by name: pure, from the event and who holds what."""

from __future__ import annotations

from collections.abc import Collection

from mlv_core.entities import Lock
from mlv_core.noticing import Notice, NoticeKind
from mlv_core.paths import is_below
from mlv_server.domain.events import Event, EventKind

EVERYBODY = ("", "")
"""Stands for all workspaces of a repository: which of them an event concerns is only known when one asks."""

_LOST = {
    EventKind.LOCK_BROKEN: NoticeKind.LOCK_BROKEN,
    EventKind.LOCK_STOLEN: NoticeKind.LOCK_STOLEN,
    EventKind.LOCK_EXPIRED: NoticeKind.LOCK_EXPIRED,
    EventKind.LOCK_RELEASED: NoticeKind.LOCK_RELEASED,
}
_BRANCH = {EventKind.FREEZE_SET: NoticeKind.BRANCH_FROZEN, EventKind.BRANCH_ABANDONED: NoticeKind.BRANCH_ABANDONED}
KINDS = frozenset({
    *_LOST, *_BRANCH, EventKind.LOCK_ACQUIRED, EventKind.LOCK_GIVEN, EventKind.LOCK_REQUESTED, EventKind.LOCK_DENIED,
})  # fmt: skip
"""The kinds of events that may concern somebody by name."""

Workspace = tuple[str, str]
"""A user's name and the id of a workspace."""


def is_personal(event: Event) -> bool:
    """Whether an event concerns anybody by name: most, such as locks that people take for themselves, do not."""
    data = event.data
    if event.kind in {EventKind.LOCK_ACQUIRED, EventKind.LOCK_GIVEN}:
        return data["by"] != data["owner"]
    if event.kind is EventKind.LOCK_REQUESTED:
        return not data.get("again")
    if event.kind is EventKind.LOCK_RELEASED:
        return bool(data.get("elsewhere"))
    if event.kind is EventKind.FREEZE_SET:
        return bool(data["branch"])
    return event.kind in KINDS


def addressees(event: Event, holders: Collection[Lock]) -> frozenset[Workspace]:
    """The workspaces that an event concerns; `holders` are the locks at or above its path."""
    data = event.data
    if not is_personal(event):
        return frozenset()
    if event.kind in _BRANCH:
        return frozenset({EVERYBODY})
    if event.kind is EventKind.LOCK_REQUESTED:
        asking = (str(data["user"]), str(data["workspace"]))
        return frozenset((lock.owner, str(lock.workspace)) for lock in holders) - {asking}
    if event.kind is EventKind.LOCK_DENIED:
        return frozenset({(str(data["user"]), str(data["workspace"]))})
    return frozenset({(str(data["owner"]), str(data["workspace"]))})


def notice_of(
    event: Event, sequence: int, time: int, workspace: Workspace, branch: str, holders: Collection[Lock]
) -> Notice | None:
    """What an event says to a workspace that stands on `branch`; None where it does not concern it."""
    data = event.data
    concerned = addressees(event, holders)
    if workspace not in concerned and EVERYBODY not in concerned:
        return None
    by = str(data["by"])
    if event.kind in _BRANCH and (data["branch"] != branch or by == workspace[0]):
        return None
    kind = _LOST.get(event.kind) or _BRANCH.get(event.kind) or _ASKED[event.kind]
    until = data.get("until")
    return Notice(
        kind,
        sequence,
        time,
        str(data.get("path") or ""),
        str(data["branch"]),
        str(data["user"]) if event.kind is EventKind.LOCK_REQUESTED else by,
        str(data.get("reason") or ""),
        until if isinstance(until, int) else 0,
        _folder_of(event, workspace, holders),
    )


def _folder_of(event: Event, workspace: Workspace, holders: Collection[Lock]) -> str:
    """The folder that was granted or expired, or the widest that is locked where somebody asks for a part, else ''."""
    if event.kind in {EventKind.LOCK_ACQUIRED, EventKind.LOCK_EXPIRED} and not event.data["file_id"]:
        return str(event.data["path"])
    if event.kind is not EventKind.LOCK_REQUESTED:
        return ""
    path = str(event.data["path"])
    mine = (lock for lock in holders if lock.tree and (lock.owner, str(lock.workspace)) == workspace)
    return min((lock.path for lock in mine if lock.path != path and is_below(path, lock.path)), key=len, default="")


def last_warning(lock: Lock) -> int | None:
    """From when on (ms) no sign of life leads a lock's lease on by more than a fifth of it (L8); None: never."""
    return None if lock.limit is None or not lock.ttl else lock.limit - lock.ttl // 5


_ASKED = {
    EventKind.LOCK_ACQUIRED: NoticeKind.LOCK_GRANTED,
    EventKind.LOCK_GIVEN: NoticeKind.LOCK_GIVEN,
    EventKind.LOCK_REQUESTED: NoticeKind.LOCK_REQUESTED,
    EventKind.LOCK_DENIED: NoticeKind.LOCK_DENIED,
}
