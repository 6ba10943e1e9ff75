"""The requests and answers that have more than a few fields, as frozen values for both sides."""

from __future__ import annotations

from dataclasses import field
from enum import IntEnum

from mlv_core.deferred import dataclass
from mlv_core.entities import Change, FileState, Lock, LockMode, LockNeed, LockScope, Records
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, FencingToken, RepositoryName, RequestId, WorkspaceId


@dataclass(frozen=True, slots=True)
class AcquireRequest:
    """Ask for the locks of all `paths` or of none (L6).

    `have[i]` is the content that the workspace has of `paths[i]` (L5), `bases[i]` the changeset it has it at.
    With `only_required` a lock is taken only where policy asks for one (`edit`), else on every path (`lock`).
    `scope` None: as policy says. `many`: more than the limit of files is meant. `ttl`: the lease in ms, 0: as policy
    says (L8). `steal` takes what others hold, for a reason (L9). `diverge` takes it although a branch in its reach has
    a newer version, for a reason (L5). With `tree` the paths are folders, `have` is of no account, `bases[i]` is the
    oldest changeset at which the workspace has a file below (L1).
    """

    repository: RepositoryName
    branch: str
    workspace: WorkspaceId
    paths: tuple[str, ...]
    have: tuple[ContentHash, ...]
    bases: tuple[ChangesetNumber, ...]
    mode: LockMode = LockMode.EXCLUSIVE
    scope: LockScope | None = None
    reason: str = ""
    only_required: bool = False
    many: bool = False
    dry_run: bool = False
    ttl: int = 0
    steal: bool = False
    diverge: bool = False
    tree: bool = False


@dataclass(frozen=True, slots=True)
class AcquireOutcome:
    """The locks taken or renewed, and what policy asks for on every path, in the request's order."""

    locks: tuple[Lock, ...]
    needs: tuple[LockNeed, ...]


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """Give up locks of `paths`, or `all_of_workspace`; `force` breaks others' locks with a reason (L9).

    With both, what this workspace has at `paths` ends, whatever else is there; that it has nothing is no refusal.
    With `tokens` no lock of another token ends, whoever holds it; that one of them has ended before is no refusal.
    """

    repository: RepositoryName
    workspace: WorkspaceId
    branch: str
    paths: tuple[str, ...] = ()
    all_of_workspace: bool = False
    force: bool = False
    reason: str = ""
    dry_run: bool = False
    tokens: tuple[FencingToken, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which changesets to list: ancestors of `branch` ('' = any), bounds inclusive (0 = open), newest first."""

    branch: str = ""
    path: str = ""
    author: str = ""
    first: int = 0
    last: int = 0
    labelled: bool = False
    page_size: int = 100
    before: int = 0


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of a version, the changeset that last changed it and what policy asks for before a change."""

    path: str
    state: FileState
    changed_in: ChangesetNumber
    need: LockNeed


@dataclass(frozen=True, slots=True)
class VersionDifference:
    """One path that differs between two versions; None where it does not exist."""

    path: str
    before: FileState | None
    after: FileState | None
    moved_from: str = ""


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """A change that a workspace wants to commit, the changeset it has the path at, and its lock's token (0: none)."""

    change: Change
    base: ChangesetNumber
    token: FencingToken


@dataclass(frozen=True, slots=True)
class BeginRequest:
    """May these changes be committed? Asked before any content is sent; content hashes may still be zeros (C7)."""

    repository: RepositoryName
    branch: str
    workspace: WorkspaceId
    changes: tuple[ProposedChange, ...]
    codecs: frozenset[int]


@dataclass(frozen=True, slots=True)
class BeginOutcome:
    """The upload's id, the codecs both sides know, the branch's head, and what policy asks for per change."""

    upload: str
    codecs: frozenset[int]
    head: ChangesetNumber
    needs: tuple[LockNeed, ...]


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """Everything of a commit. `recipes` pairs the hash of each new file of more than one segment with its recipe's."""

    repository: RepositoryName
    request_id: RequestId
    branch: str
    workspace: WorkspaceId
    message: str
    changes: tuple[ProposedChange, ...]
    prepared_min: ChangesetNumber
    prepared_max: ChangesetNumber
    records: Records = field(default_factory=Records)
    recipes: tuple[tuple[ContentHash, ContentHash], ...] = ()
    inline_pack: bytes = b""
    upload: str = ""
    keep_locks: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """The changeset that a Publish or Undo made. `changes` is the list as it landed, with file ids."""

    changeset: ChangesetNumber
    parent: ChangesetNumber
    id: bytes
    branch: str
    time: int
    released: tuple[str, ...]
    changes: tuple[Change, ...]
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class UndoRequest:
    """Take back `first`..`last`, or with `to` go back to that version; `paths` limits it; `tokens` by path (C9)."""

    repository: RepositoryName
    request_id: RequestId
    branch: str
    workspace: WorkspaceId
    message: str
    first: ChangesetNumber = ChangesetNumber(0)
    last: ChangesetNumber = ChangesetNumber(0)
    to: ChangesetNumber | None = None
    paths: tuple[str, ...] = ()
    tokens: tuple[tuple[str, FencingToken], ...] = ()
    dry_run: bool = False


class RangeKind(IntEnum):
    """What a range is a range of: one whole frame of a pack, or plain bytes of a file's content."""

    PACK = 1
    FILE = 2


@dataclass(frozen=True, slots=True)
class Range:
    """`length` bytes at `offset` of the pack or file named by `id` (32 raw bytes)."""

    kind: RangeKind
    id: bytes
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What is to be brought to `target` from what the workspace has: `base`, save for `others` (path, changeset).

    `paths` limits it to files or directories, `only` and `exclude` by glob (sparse). `without_old` names paths whose
    old bytes are not on the disk; `without_content` asks for the changes alone.
    """

    repository: RepositoryName
    base: ChangesetNumber
    target: ChangesetNumber
    codecs: frozenset[int]
    paths: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    others: tuple[tuple[str, ChangesetNumber], ...] = ()
    without_old: tuple[str, ...] = ()
    without_content: bool = False


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One path that differs between the workspace and the target."""

    change: Change
    need: LockNeed
    changed_in: ChangesetNumber


@dataclass(frozen=True, slots=True)
class PlannedSegment:
    """A segment of a plan: `range` indexes the part's ranges, with `offset` in that range's plain bytes.

    `range` None: the segment lies in old files, as `old` says: (index of change, offset, length) each.
    """

    hash: ContentHash
    length: int
    range: int | None
    offset: int
    old: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """`length` bytes at `offset` of a segment belong next into the file of change number `change`."""

    change: int
    segment: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class PlanPart:
    """A self-contained part of a download plan; all indexes are into this part.

    Ranges stand in the order of fetching and decoding: a frame's bases are decoded before it. A PACK range is
    exactly one frame. Bases of frames are found by hash among `segments`.

    A file of very many pieces comes alone in several parts: `start` is where in the file the pieces of this one begin,
    `more` whether another follows. `withheld` counts files up to here that the caller may list but not read: they are
    left out.
    """

    target: ChangesetNumber
    changes: tuple[PlannedChange, ...]
    segments: tuple[PlannedSegment, ...] = ()
    ranges: tuple[Range, ...] = ()
    pieces: tuple[Piece, ...] = ()
    start: int = 0
    more: bool = False
    withheld: int = 0
