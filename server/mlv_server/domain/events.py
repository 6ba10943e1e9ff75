"""What a repository's event stream tells its watchers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from mlv_core.entities import Branch, Label, Lock

EventValue = str | int | bool | None


class EventKind(Enum):
    """What happened."""

    COMMIT_PUBLISHED = "commit.published"
    BRANCH_CREATED = "branch.created"
    LABEL_CREATED = "label.created"
    LOCK_ACQUIRED = "lock.acquired"
    LOCK_RELEASED = "lock.released"
    LOCK_BROKEN = "lock.broken"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; `data` are flat facts that JSON can hold."""

    kind: EventKind
    data: Mapping[str, EventValue]


def lock_event(kind: EventKind, lock: Lock, by: str) -> Event:
    """A lock was taken, given up or broken by user `by` (L17)."""
    return Event(
        kind,
        {
            "path": lock.path,
            "file_id": lock.file_id,
            "owner": lock.owner,
            "workspace": lock.workspace,
            "host": lock.host,
            "branch": lock.branch,
            "token": lock.token,
            "by": by,
        },
    )


def branch_event(branch: Branch) -> Event:
    """A branch was made."""
    return Event(
        EventKind.BRANCH_CREATED,
        {"branch": branch.name, "kind": branch.kind.name.lower(), "origin": branch.origin, "by": branch.created_by},
    )


def label_event(label: Label) -> Event:
    """A label was made."""
    return Event(EventKind.LABEL_CREATED, {"label": label.name, "changeset": label.changeset, "by": label.by})


def commit_event(branch: str, changeset: int, files: int, by: str, workspace: str) -> Event:
    """A changeset landed on a branch."""
    return Event(
        EventKind.COMMIT_PUBLISHED,
        {"branch": branch, "changeset": changeset, "files": files, "by": by, "workspace": workspace},
    )


def is_kind(kind: EventKind, name: str) -> bool:
    """Whether `name` is the kind or its first words: 'lock' is all of lock.*."""
    return kind.value == name or kind.value.startswith(f"{name}.")


def rights_of(event: Event) -> tuple[str, str, str]:
    """Whoever is told of it needs this action on this ref and path ('' where it has none)."""
    data = event.data
    action = "meta.read" if event.kind is EventKind.COMMIT_PUBLISHED else "list"
    if event.kind is EventKind.LABEL_CREATED:
        return action, f"label/{data['label']}", ""
    return action, f"branch/{data['branch']}", str(data.get("path") or "")
