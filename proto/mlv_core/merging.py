"""What both sides say of merges: conflicts, how they were decided, the request and what came of it (B1-B5)."""

from __future__ import annotations

from enum import IntEnum

from mlv_core.deferred import dataclass
from mlv_core.entities import FileState
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, FencingToken, RepositoryName, RequestId, WorkspaceId
from mlv_core.requests import Published


class ConflictKind(IntEnum):
    """Why two sides do not go together."""

    CONTENT = 1
    """Both changed the bytes, and they cannot be merged."""
    DELETED_BY_MINE = 2
    """Deleted in the target, changed in the source."""
    DELETED_BY_THEIRS = 3
    """Changed in the target, deleted in the source."""
    MOVED_APART = 4
    """Moved to two places."""
    SAME_PATH = 5
    """Two different files at one path."""
    ATTRIBUTES = 6
    """Both changed the mode or one property."""


class Side(IntEnum):
    """Which state a conflict is decided for: the source is `theirs`, the target `mine`; CONTENT is a new one."""

    BASE = 1
    MINE = 2
    THEIRS = 3
    CONTENT = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A file at its path in one version."""

    path: str
    state: FileState


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file on which both sides disagree; None where a side has no such file. `path` names it to the user."""

    path: str
    kind: ConflictKind
    base: Place | None
    mine: Place | None
    theirs: Place | None


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a conflict was decided; `state` with CONTENT: mode, text, size and content of the file as it shall be."""

    side: Side
    state: FileState | None = None


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """Merge the branch `source` into `branch`.

    `source_head` and `branch_head` pin what was looked at before, 0: whatever they are now. `resolutions` by the path
    of their conflict; `recipes` and `inline_pack` bring the content of those with CONTENT, as a commit does.
    """

    repository: RepositoryName
    request_id: RequestId
    branch: str
    source: str
    workspace: WorkspaceId
    message: str = ""
    source_head: ChangesetNumber = ChangesetNumber(0)
    branch_head: ChangesetNumber = ChangesetNumber(0)
    resolutions: tuple[tuple[str, Resolution], ...] = ()
    tokens: tuple[tuple[str, FencingToken], ...] = ()
    recipes: tuple[tuple[ContentHash, ContentHash], ...] = ()
    inline_pack: bytes = b""
    upload: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge came to: the changeset, or conflicts and then nothing was written.

    `source` and `target` are the heads that were merged, `bases` where both began to differ, `texts` the paths whose
    lines or values were merged.
    """

    source: ChangesetNumber
    target: ChangesetNumber
    bases: tuple[ChangesetNumber, ...]
    texts: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    published: Published | None
