"""What a repository's event stream tells its watchers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum

from mlv_core.deferred import dataclass
from mlv_core.entities import Branch, Label, Lock
from mlv_core.errors import InvalidRequest
from mlv_core.paths import glob_match, glob_matches_any
from mlv_core.releasing import Freeze, Reservation
from mlv_core.shelving import Shelf

EventValue = str | int | bool | None


class EventKind(Enum):
    """What happened."""

    COMMIT_PUBLISHED = "commit.published"
    BRANCH_CREATED = "branch.created"
    BRANCH_ABANDONED = "branch.abandoned"
    BRANCH_REOPENED = "branch.reopened"
    LABEL_CREATED = "label.created"
    LABEL_MOVED = "label.moved"
    LABEL_DELETED = "label.deleted"
    LABEL_RESERVED = "label.reserved"
    FREEZE_SET = "freeze.set"
    FREEZE_LIFTED = "freeze.lifted"
    SHELF_CREATED = "shelf.created"
    SHELF_DELETED = "shelf.deleted"
    POLICY_CHANGED = "policy.changed"
    APPROVAL_GIVEN = "approval.given"
    APPROVAL_WITHDRAWN = "approval.withdrawn"
    LOCK_ACQUIRED = "lock.acquired"
    LOCK_RELEASED = "lock.released"
    LOCK_BROKEN = "lock.broken"
    LOCK_STOLEN = "lock.stolen"
    LOCK_EXPIRED = "lock.expired"
    LOCK_INTENDED = "lock.intended"
    LOCK_REQUESTED = "lock.requested"
    LOCK_WITHDRAWN = "lock.withdrawn"
    LOCK_DENIED = "lock.denied"
    LOCK_GIVEN = "lock.given"
    WEBHOOK_STOPPED = "webhook.stopped"


_OF_VERSIONS = frozenset({EventKind.COMMIT_PUBLISHED, EventKind.APPROVAL_GIVEN, EventKind.APPROVAL_WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; `data` are flat facts that JSON can hold."""

    kind: EventKind
    data: Mapping[str, EventValue]


def lock_event(kind: EventKind, lock: Lock, by: str, reason: str = "", *, elsewhere: bool = False) -> Event:
    """A lock was taken, given up, broken or stolen by user `by`, or has expired (L17).

    `elsewhere`: its own user ended it in another workspace than its own, which the event then says (L9).
    """
    facts: dict[str, EventValue] = {
        "path": lock.path,
        "file_id": lock.file_id,
        "owner": lock.owner,
        "workspace": lock.workspace,
        "host": lock.host,
        "branch": lock.branch,
        "token": lock.token,
        "by": by,
        "reason": reason,
    }
    return Event(kind, {**facts, "elsewhere": True} if elsewhere else facts)


def asking_event(
    kind: EventKind, path: str, branch: str, user: str, workspace: str, why: str, by: str, *marks: str
) -> Event:
    """User `user` asked for the lock of a file, or waits for it, or took that back, or was denied it by `by` (L10).

    `marks` are what else the event says: 'tree', that it is a folder; 'again', that who had asked for it waits now.
    """
    facts: dict[str, EventValue] = {"path": path, "user": user, "workspace": workspace, "branch": branch}
    facts |= {"reason": why, "by": by}
    return Event(kind, facts | dict.fromkeys(marks, True))


def shelf_event(kind: EventKind, shelf: Shelf, by: str) -> Event:
    """A shelf that others may see was made, replaced or deleted."""
    return Event(
        kind,
        {"shelf": shelf.name, "owner": shelf.owner, "branch": shelf.branch, "files": shelf.files, "by": by},
    )


def branch_event(branch: Branch) -> Event:
    """A branch was made."""
    return Event(
        EventKind.BRANCH_CREATED,
        {"branch": branch.name, "kind": branch.kind.name.lower(), "origin": branch.origin, "by": branch.created_by},
    )


def closing_event(kind: EventKind, branch: Branch, by: str, why: str) -> Event:
    """A branch was abandoned or opened again."""
    return Event(kind, {"branch": branch.name, "changeset": branch.head, "by": by, "reason": why})


def label_event(label: Label) -> Event:
    """A label was made."""
    return Event(EventKind.LABEL_CREATED, {"label": label.name, "changeset": label.changeset, "by": label.by})


def label_changed_event(kind: EventKind, label: Label, before: int | None, by: str, why: str) -> Event:
    """A label was moved (it named `before`, None if it was deleted then) or deleted."""
    return Event(kind, {"label": label.name, "changeset": label.changeset, "before": before, "by": by, "reason": why})


def reservation_event(reservation: Reservation) -> Event:
    """Names of labels are kept for some, or for nobody any more."""
    subjects = " ".join(reservation.subjects)
    return Event(EventKind.LABEL_RESERVED, {"label": reservation.pattern, "for": subjects, "by": reservation.by})


def freeze_event(kind: EventKind, freeze: Freeze, by: str, why: str) -> Event:
    """A freeze was set or lifted."""
    return Event(
        kind,
        {
            "freeze": freeze.id,
            "branch": freeze.branch,
            "label": freeze.label,
            "path": freeze.path,
            "until": freeze.until,
            "by": by,
            "reason": why,
        },
    )


def commit_event(branch: str, changeset: int, files: int, by: str, workspace: str) -> Event:
    """A changeset landed on a branch."""
    return Event(
        EventKind.COMMIT_PUBLISHED,
        {"branch": branch, "changeset": changeset, "files": files, "by": by, "workspace": workspace},
    )


def webhook_event(webhook: str, why: str) -> Event:
    """A webhook was given up on: it waits for a person."""
    return Event(EventKind.WEBHOOK_STOPPED, {"webhook": webhook, "reason": why})


def policy_event(act: str, version: int, added: int, removed: int, by: str) -> Event:
    """The policy of the repository has a new version."""
    return Event(
        EventKind.POLICY_CHANGED, {"act": act, "version": version, "added": added, "removed": removed, "by": by}
    )


def approval_event(kind: EventKind, changeset: int, branch: str, by: str) -> Event:
    """A version was approved, or an approval was taken back (P3)."""
    return Event(kind, {"changeset": changeset, "branch": branch, "by": by})


def is_kind(kind: EventKind, name: str) -> bool:
    """Whether `name` is the kind or its first words: 'lock' is all of lock.*."""
    return kind.value == name or kind.value.startswith(f"{name}.")


def is_wanted(event: Event, kinds: Collection[str], branch: str, paths: Collection[str]) -> bool:
    """Whether an event is of one of `kinds`, of `branch`, about a path that one of `paths` matches; empty: any."""
    if kinds and not any(is_kind(event.kind, kind) for kind in kinds):
        return False
    if branch and event.data.get("branch") != branch:
        return False
    path = event.data.get("path")
    return not paths or (path is not None and glob_matches_any(paths, str(path)))


def check_wanted(kinds: Collection[str], paths: Collection[str]) -> None:
    """Raises: InvalidRequest for a kind that there is not, InvalidPath for a glob that is too long."""
    for kind in kinds:
        if not any(is_kind(known, kind) for known in EventKind):
            known_kinds = ", ".join(known.value for known in EventKind)
            raise InvalidRequest(f"There is no kind of events '{kind}'.", advice=f"Kinds: {known_kinds}.")
    for pattern in paths:
        glob_match(pattern, "")


def rights_of(event: Event) -> tuple[str, str, str]:
    """Whoever is told of it needs this action on this ref and path ('' where it has none)."""
    data = event.data
    if event.kind is EventKind.WEBHOOK_STOPPED:
        return "admin", "", ""
    if event.kind is EventKind.POLICY_CHANGED:
        return "policy.read", "", ""
    action = "meta.read" if event.kind in _OF_VERSIONS else "list"
    if data.get("label"):
        return action, f"label/{data['label']}", ""
    return action, f"branch/{data['branch']}" if data["branch"] else "", str(data.get("path") or "")
