"""What release managers speak of: labels that moved, names kept for some, freezes, where branches stand, templates."""

from __future__ import annotations

from enum import IntEnum

from mlv_core.deferred import dataclass
from mlv_core.entities import Branch, Repository
from mlv_core.ids import ChangesetNumber


class LabelAct(IntEnum):
    """What was done to a label."""

    CREATED = 1
    MOVED = 2
    DELETED = 3


@dataclass(frozen=True, slots=True)
class LabelEntry:
    """One line of a label's history: it named `changeset` from `time` on, or for DELETED until then.

    `why` is the message of a new label, the reason of a moved or deleted one.
    """

    name: str
    act: LabelAct
    changeset: ChangesetNumber
    by: str
    time: int
    why: str


@dataclass(frozen=True, slots=True)
class Reservation:
    """Names of labels that match `pattern` are kept for `subjects`, each `group:NAME` or `user:NAME`."""

    pattern: str
    subjects: tuple[str, ...]
    by: str
    time: int
    version: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """What nobody may change (L2): a branch, the paths of a glob there or everywhere, or labels by name or pattern.

    It holds until it is lifted or `until` (ms since 1970 UTC, None: no end) has come.
    """

    id: int
    branch: str
    label: str
    path: str
    by: str
    at: int
    until: int | None
    reason: str
    lifted_at: int | None = None
    lifted_by: str = ""
    lifted_why: str = ""


@dataclass(frozen=True, slots=True)
class BranchStanding:
    """A branch and what is seen of it at a glance.

    `ahead` and `behind` count the changesets that its target lacks and that it lacks of its target. `author`, `time`
    and `message` are those of its newest version, empty where it has none. `freezes` hold on it now.
    """

    branch: Branch
    ahead: int
    behind: int
    author: str
    time: int
    message: str
    freezes: tuple[Freeze, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """What a new repository may be set up with."""

    name: str
    summary: str


@dataclass(frozen=True, slots=True)
class SetUp:
    """One thing that a template set up; `kind` is branch, locks, labels or rule."""

    kind: str
    name: str
    what: str


@dataclass(frozen=True, slots=True)
class CreatedRepository:
    """A new repository and what its template set up in it."""

    repository: Repository
    set_up: tuple[SetUp, ...] = ()
