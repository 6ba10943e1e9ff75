"""The nouns both sides speak of, as frozen values: files, changes, changesets, branches, labels, locks, people."""

from __future__ import annotations

from dataclasses import field
from enum import IntEnum

from mlv_core.deferred import dataclass
from mlv_core.hashing import ContentHash
from mlv_core.ids import BranchId, ChangesetNumber, FencingToken, FileId, RepositoryName, WorkspaceId

Properties = tuple[tuple[str, str], ...]
"""KEY, VALUE pairs sorted by key."""

VERSION_PATH = "."
"""The path under which a version's own properties stand in a change list; never a file."""


class FileMode(IntEnum):
    """What of a file's mode is kept (F1)."""

    REGULAR = 0
    EXECUTABLE = 1
    SYMLINK = 2


class Operation(IntEnum):
    """What a change does to its path; a MOVE stands at the new path, with a DELETE of the same file id at the old."""

    ADD = 1
    MODIFY = 2
    DELETE = 3
    MOVE = 4
    META = 5


@dataclass(frozen=True, slots=True)
class FileState:
    """A file in one version. `content` is the BLAKE3 of its bytes (of the target for a symbolic link).

    `text` says that the bytes are UTF-8 without NUL, so that lines can be merged.
    """

    file_id: FileId
    mode: FileMode
    text: bool
    size: int
    content: ContentHash
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One row of a change list. `state` is None for DELETE; `source` is the old path of a move or copy, else ''."""

    path: str
    operation: Operation
    file_id: FileId
    state: FileState | None
    source: str = ""


class DatasetRole(IntEnum):
    """What an input was used for."""

    TRAIN = 1
    EVAL = 2
    DEV = 3
    TEST = 4


class MetricKind(IntEnum):
    """How a metric came about."""

    TRAINING = 1
    EVALUATION = 2
    VALIDATION = 3


@dataclass(frozen=True, slots=True)
class DatasetReference:
    """An exact version of a data file; `digest` is its content hash, empty when it was not resolved."""

    repository: str
    changeset: ChangesetNumber
    path: str
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Param:
    """A hyper-parameter as text, and where it came from: 'file:line', 'command line', 'sdk'."""

    name: str
    value: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """A measured value (R3); `time` in milliseconds since 1970 UTC, 0 when unknown; `step` -1 when there is none."""

    name: str
    value: float
    kind: MetricKind = MetricKind.TRAINING
    dataset: DatasetReference | None = None
    step: int = -1
    time: int = 0
    context: tuple[tuple[str, str], ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """A data file that went into the version."""

    role: DatasetRole
    dataset: DatasetReference


@dataclass(frozen=True, slots=True)
class Environment:
    """What the version was made with (R1); `facts` holds python, os, machine, cuda, driver, hardware where known.

    `digest` alone names an environment that the repository knows already, instead of stating it once more.
    """

    facts: tuple[tuple[str, str], ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    origin: str = ""
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Records:
    """What a changeset remembers besides its files; `trained_from` None means the commit's own tree."""

    params: tuple[Param, ...] = ()
    metrics: tuple[Metric, ...] = ()
    inputs: tuple[Input, ...] = ()
    trained_from: ChangesetNumber | None = None
    environment: Environment = field(default_factory=Environment)
    run_id: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was recorded; a captured environment alone is no record (C5)."""
        return not (self.params or self.metrics or self.inputs or self.trained_from or self.run_id)


@dataclass(frozen=True, slots=True)
class Changeset:
    """One immutable version. `time` in milliseconds since 1970 UTC by the server's clock.

    `prepared_min == prepared_max` names the one changeset it was prepared on (C4); else the workspace was mixed.
    `labels` are those that pointed at it when it was read.
    """

    number: ChangesetNumber
    id: bytes
    parents: tuple[ChangesetNumber, ...]
    branch: str
    author: str
    time: int
    message: str
    prepared_min: ChangesetNumber
    prepared_max: ChangesetNumber
    records: Records
    files_changed: int
    labels: tuple[str, ...] = ()

    @property
    def measured_elsewhere(self) -> bool:
        """Whether its metrics were measured on another tree than the one that landed (C4)."""
        parent = self.parents[0] if self.parents else ChangesetNumber(0)
        return not self.prepared_min == self.prepared_max == parent


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository; sizes in bytes: of history (`stored`), of the cache, of the plain files of all versions."""

    name: RepositoryName
    description: str
    created_at: int
    created_by: str
    changesets: int
    stored_bytes: int = 0
    cache_bytes: int = 0
    raw_bytes: int = 0


class BranchKind(IntEnum):
    """What a branch is for."""

    MAIN = 1
    INTEGRATION = 2
    EXPERIMENT = 3
    RELEASE = 4


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch; `target` is the branch it merges into ('' for main), `origin` the changeset it was made at.

    An abandoned one is closed: `abandoned_at` (ms since 1970 UTC, None while it is open), by whom and why.
    """

    id: BranchId
    name: str
    kind: BranchKind
    target: str
    head: ChangesetNumber
    origin: ChangesetNumber
    created_by: str
    created_at: int
    abandoned_at: int | None = None
    abandoned_by: str = ""
    abandoned_why: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A name of one changeset; `by` and `time` tell of the act that put it there, `moves` how often it was moved."""

    name: str
    changeset: ChangesetNumber
    message: str
    by: str
    time: int
    moves: int = 0


@dataclass(frozen=True, slots=True)
class Workspace:
    """A registered workspace."""

    id: WorkspaceId
    repository: RepositoryName
    owner: str
    host: str
    directory: str
    branch: str
    base: ChangesetNumber
    last_seen: int = 0


class LockMode(IntEnum):
    """L2."""

    EXCLUSIVE = 1
    INTENT = 2
    FREEZE = 3


class LockScope(IntEnum):
    """L4."""

    BRANCH = 1
    LINE = 2
    REPOSITORY = 3


class LockNeed(IntEnum):
    """L3."""

    NONE = 1
    OPTIONAL = 2
    REQUIRED = 3


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on a file id (L1); `lease_until` None means that it does not expire; times in ms since 1970 UTC.

    Each sign of life of its workspace leads `ttl` ms further, not past `limit` (L8). `told_at` is the server's time
    when it told of the lock, 0 where it did not say.
    """

    file_id: FileId
    path: str
    owner: str
    workspace: WorkspaceId
    host: str
    mode: LockMode
    scope: LockScope
    branch: str
    base: ChangesetNumber
    reason: str
    acquired_at: int
    lease_until: int | None
    token: FencingToken
    tree: bool = False
    ttl: int = 0
    limit: int | None = None
    told_at: int = 0

    def has_expired(self, now: int) -> bool:
        """Whether its lease has ended at `now` (ms): it still shows, and blocks nobody (L8)."""
        return self.lease_until is not None and self.lease_until <= now

    def ends_soon(self, now: int) -> bool:
        """Whether less than a fifth of its lease is left at `now` (ms), or nothing: time for a warning (L8)."""
        return self.lease_until is not None and self.lease_until - now <= self.ttl // 5


@dataclass(frozen=True, slots=True)
class User:
    """A person or a service account; `server_admin` may administer the whole server.

    A `service` account is a program's; the person `owner` answers for it and sees to its tokens.
    """

    name: str
    server_admin: bool
    disabled: bool
    created_at: int
    created_by: str
    service: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Users who are given rights together, by name; a group holds no groups."""

    name: str
    members: tuple[str, ...]
    created_at: int
    created_by: str


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """What a token is bound to beside its actions: networks to be used from, globs of repositories to be used for."""

    networks: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A token without its secret; `scope` holds the actions it is limited to, empty for all of its user's.

    `networks` are those from which it may be used and `repositories` globs of those for which, empty for all.
    `last_used_from` is the address of its last use.
    """

    id: str
    user: str
    description: str
    scope: tuple[str, ...]
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked: bool
    networks: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    last_used_from: str = ""
    service: bool = False


class Effect(IntEnum):
    """What a rule does when it matches (P1-P3)."""

    ALLOW = 1
    DENY = 2
    REQUIRE = 3


class SubjectKind(IntEnum):
    """Whom a rule speaks of."""

    USER = 1
    GROUP = 2
    TOKEN = 3
    EVERYBODY = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the access policy. Resource = `repository : ref : path`, each a glob.

    Exactly one of `role` and `actions` is set. `conditions` holds name, value pairs (from, until, approvals).
    """

    id: int
    effect: Effect
    subject_kind: SubjectKind
    subject: str
    role: str
    actions: tuple[str, ...]
    repository: str
    ref: str = "*"
    path: str = "**"
    conditions: tuple[tuple[str, str], ...] = ()
    expires_at: int | None = None
    created_by: str = ""
    created_at: int = 0
