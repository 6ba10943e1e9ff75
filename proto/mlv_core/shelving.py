"""What both sides say of shelves: changes of a workspace that are kept on the server and are no part of history."""

from __future__ import annotations

from mlv_core.deferred import dataclass
from mlv_core.entities import Change, FileState, Operation
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, RepositoryName, RequestId, WorkspaceId
from mlv_core.requests import ProposedChange


@dataclass(frozen=True, slots=True)
class Shelf:
    """A shelf: whose, its name among theirs, the branch and workspace it was made on; sizes in bytes.

    `raw_bytes` are the plain files, `stored_bytes` the growth of the server's store. `id` is never used again.
    """

    id: int
    owner: str
    name: str
    branch: str
    message: str
    workspace: str
    host: str
    created_at: int
    files: int
    raw_bytes: int
    stored_bytes: int
    private: bool


@dataclass(frozen=True, slots=True)
class ShelvedChange:
    """A change, the changeset that its workspace had the path at, and what stood there (None: nothing)."""

    change: Change
    base: ChangesetNumber
    before: FileState | None


@dataclass(frozen=True, slots=True)
class ShelveRequest:
    """Keep `changes` under a name, '' for one that the server finds; `replace` exchanges a shelf of that name.

    Content travels as a commit's: `recipes` pairs the hash of each new file of several segments with its recipe's.
    """

    repository: RepositoryName
    request_id: RequestId
    branch: str
    workspace: WorkspaceId
    name: str
    message: str
    changes: tuple[ProposedChange, ...]
    private: bool = False
    replace: bool = False
    recipes: tuple[tuple[ContentHash, ContentHash], ...] = ()
    inline_pack: bytes = b""
    upload: str = ""
    dry_run: bool = False


def origin_of(change: Change) -> str:
    """The path at which the file of a change stood before it."""
    return change.source if change.operation is Operation.MOVE else change.path


@dataclass(frozen=True, slots=True)
class PlanShelfRequest:
    """What is to be brought of the shelf with this id: the content of `paths` (all of them where none is named).

    `without_old` are those for which the caller does not have the bytes that stood there before the change.
    """

    repository: RepositoryName
    shelf: int
    codecs: frozenset[int]
    paths: tuple[str, ...] = ()
    without_old: tuple[str, ...] = ()
