"""What both sides say of asking for another's lock and of waiting for it (L10)."""

from __future__ import annotations

from enum import IntEnum

from mlv_core.deferred import dataclass
from mlv_core.ids import ChangesetNumber, FileId, RepositoryName, WorkspaceId


class Answer(IntEnum):
    """What a holder says to who asks."""

    GIVE = 1
    DENY = 2


@dataclass(frozen=True, slots=True)
class AskRequest:
    """Ask the holders of `paths` for their locks; with `waits` stand in the queue, all or none, for `wait_ms`.

    `bases[i]` is the changeset at which the workspace has `paths[i]`. `again`: the workspace stands there already and
    says that it is still alive. A workspace that waits for the same files twice stands in the queue once. `tree`: the
    paths are folders, with everything below that is there or is to come.
    """

    repository: RepositoryName
    branch: str
    workspace: WorkspaceId
    paths: tuple[str, ...]
    bases: tuple[ChangesetNumber, ...]
    reason: str = ""
    waits: bool = False
    wait_ms: int = 0
    again: bool = False
    dry_run: bool = False
    tree: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """`turn`: the locks may be taken now; `ahead`: how many workspaces go first; ask again within `contact_ms`.

    `holders` are the users who hold one of the locks.
    """

    turn: bool
    ahead: int
    contact_ms: int
    holders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WithdrawRequest:
    """Take back what the workspace asked for: for exactly these `paths`, or for everything if there are none.

    `tree`: the paths are folders.
    """

    repository: RepositoryName
    branch: str
    workspace: WorkspaceId
    paths: tuple[str, ...] = ()
    dry_run: bool = False
    tree: bool = False


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """Give the locks of `paths` to `user`, who asked for them, or deny them with a reason; `tree`: they are folders."""

    repository: RepositoryName
    branch: str
    paths: tuple[str, ...]
    user: str
    answer: Answer
    reason: str = ""
    dry_run: bool = False
    tree: bool = False


@dataclass(frozen=True, slots=True)
class LockRequest:
    """One file, or with `tree` one folder, that somebody asked for; times in ms since 1970 UTC.

    `place` in the queue for it, 1 goes next; 0 for who only asked, was denied, or is `absent`: silent for so
    long that others go first. `denied_by` is empty unless it was denied.
    """

    number: int
    file_id: FileId
    path: str
    user: str
    workspace: WorkspaceId
    host: str
    branch: str
    reason: str
    waits: bool
    place: int
    absent: bool
    asked_at: int
    until: int
    denied_by: str = ""
    denied_why: str = ""
    denied_at: int | None = None
    tree: bool = False
