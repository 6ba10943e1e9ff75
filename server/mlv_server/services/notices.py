"""What concerns a workspace: read when it asks, and in memory only whether asking is worth its while."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import field, replace

from mlv_core.deferred import dataclass
from mlv_core.entities import Lock, LockMode
from mlv_core.errors import Denied
from mlv_core.ids import RepositoryName, WorkspaceId
from mlv_core.noticing import Notice, NoticeKind, Notices
from mlv_core.paths import parents
from mlv_server.domain.events import Event, EventKind, rights_of
from mlv_server.domain.noticing import EVERYBODY, KINDS, Workspace, addressees, last_warning, notice_of
from mlv_server.metadata.bells import Bells
from mlv_server.metadata.engine import Database
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services.call import Call
from mlv_server.services.sights import View

SHOWN = 50
"""Notices that one command tells; how many more there are is said."""
LOOKED_AT = 10_000
"""Events read for one workspace at most, from the newest on: some 50 ms."""
REPOSITORIES = 1_000
MARKS = 10_000
"""What is remembered: repositories, and workspaces of each; beyond, a workspace asks once for nothing."""
LEASES_MS = 600_000
"""Between two looks at the leases of one workspace."""


async def list_new(call: Call, repository: RepositoryName, workspace: WorkspaceId, after: int) -> Notices:
    """What has happened after event number `after` that concerns the caller's workspace.

    Locks whose lease no sign of life can lead on are told each time: the caller knows which it has told. A freeze that
    is over stops nobody, and is not told. Raises: NotFound, Denied for another's workspace.
    """

    def work(tx: Transaction) -> Notices:
        row = tx.repositories.get(repository)
        found = tx.workspaces.find(row.id, workspace)
        if found is not None and found.owner_id != call.principal.user_id:
            raise Denied("This workspace is another user's.", advice="Check out a workspace of your own.")
        view = View(tx, call, row)
        last = tx.events.last(row.id)
        mine = (call.principal.user, str(workspace))
        branch = found.workspace.branch if found is not None else ""
        frozen = {one.id for one in tx.freezes.live(row.id, call.now)}
        told: list[Notice] = []
        for sequence, time, event in tx.events.of_kinds(row.id, max(after, last - LOOKED_AT), KINDS):
            notice = notice_of(event, sequence, time, mine, branch, _holders(tx, row.id, event))
            over = event.kind is EventKind.FREEZE_SET and event.data["freeze"] not in frozen
            if notice is not None and not over and _may_know(view, call, event):
                told.append(notice)
        shown = told[-SHOWN:]
        return Notices((*shown, *_ending(tx, row.id, call, workspace)), last, len(told) - len(shown))

    return await call.db.read(work)


@dataclass(slots=True)
class _Leases:
    """When the leases of a workspace were looked at (ms), and the last moment of which it was warned."""

    looked_at: int
    warned: int = 0


@dataclass(slots=True)
class _Known:
    """What is known of a repository: up to which event, by which number of rings, and whom something concerns."""

    id: int
    sequence: int
    rings: int
    marks: dict[Workspace, int] = field(default_factory=dict)
    leases: dict[Workspace, _Leases] = field(default_factory=dict)


class NoticeBoard:
    """Whether a workspace that knows of everything up to an event has something to ask for; used in the event loop.

    Idle, a call costs two look-ups in dictionaries: nothing is read unless an event concerned somebody by name.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def look(self, repository: str, user: str, workspace: str, seen: int | None, now: int) -> int | None:
        """The number of an event that the workspace should know: where to begin (`seen` None), or that there is more.

        None: nothing is new.
        """
        known = await self._fresh(repository)
        if known is None:
            return None
        if seen is None:
            return known.sequence
        mine = (user, workspace)
        mark = max(known.marks.get(mine, 0), known.marks.get(EVERYBODY, 0))
        if mark > seen:
            return mark
        return known.sequence if await self._ends(known, mine, now) else None

    async def _ends(self, known: _Known, mine: Workspace, now: int) -> bool:
        """Whether a lease of the workspace ends soon of which it was not warned while this server runs."""
        leases = known.leases.get(mine)
        if leases is not None and now - leases.looked_at < LEASES_MS:
            return False
        due = await self._db.glance(lambda tx: _due(tx, known.id, mine))
        if len(known.leases) >= MARKS:
            known.leases.clear()
        before = known.leases.setdefault(mine, _Leases(now))
        before.looked_at = now
        if not due or due > now or due == before.warned:
            return False
        before.warned = due
        return True

    async def _fresh(self, repository: str) -> _Known | None:
        known = self._known.get(repository)
        bells: Bells = self._db.bells
        if known is not None and bells.concerned(known.id) == known.rings:
            return known
        read = await self._db.glance(lambda tx: _read(tx, bells, repository, known))
        if read is not None:
            self._known[repository] = read
            while len(self._known) > REPOSITORIES:
                self._known.popitem(last=False)
        return read


def _read(tx: Transaction, bells: Bells, repository: str, before: _Known | None) -> _Known | None:
    row = tx.repositories.find(RepositoryName.parse(repository))
    if row is None:
        return None
    rings, last = bells.concerned(row.id), tx.events.last(row.id)
    if before is None or before.id != row.id:
        # What happened before this server started: who asks is told, once each.
        before = _Known(row.id, max(0, last - LOOKED_AT), rings)
    known = _Known(row.id, last, rings, dict(before.marks), before.leases)
    for sequence, _, event in tx.events.of_kinds(row.id, max(before.sequence, last - LOOKED_AT), KINDS):
        for concerned in addressees(event, _holders(tx, row.id, event)):
            known.marks[concerned] = sequence
    if len(known.marks) > MARKS:
        known.marks = {EVERYBODY: last}
    return known


def _due(tx: Transaction, repository_id: int, mine: Workspace) -> int:
    """From when on a lease of the workspace ends soon; 0: never."""
    user, workspace = mine
    held = tx.locks.of_workspace(repository_id, WorkspaceId(workspace))
    return min((due for lock in held if lock.owner == user and (due := last_warning(lock)) is not None), default=0)


def _holders(tx: Transaction, repository_id: int, event: Event) -> tuple[Lock, ...]:
    """The locks at or above the path that somebody asks for, and those below a folder; intents are in nobody's way."""
    if event.kind is not EventKind.LOCK_REQUESTED:
        return ()
    path = str(event.data["path"])
    found = tx.locks.at_paths(repository_id, (path, *parents(path)))
    if event.data.get("tree"):
        found += tx.locks.below(repository_id, path)
    return tuple(lock for lock in found if lock.mode is LockMode.EXCLUSIVE)


def _may_know(view: View, call: Call, event: Event) -> bool:
    """Whether the caller may know of it: all of their own locks, else as watchers may (P4)."""
    action, ref, path = rights_of(event)
    return event.data.get("owner") == call.principal.user or view.sight.may(action, ref, path)


def _ending(tx: Transaction, repository_id: int, call: Call, workspace: WorkspaceId) -> list[Notice]:
    """The workspace's locks whose lease ends soon, whatever it does."""
    found = []
    for lock in tx.locks.of_workspace(repository_id, workspace):
        due = last_warning(lock)
        if lock.owner == call.principal.user and due is not None and due <= call.now < (lock.limit or 0):
            folder = lock.path if lock.tree else ""
            one = Notice(NoticeKind.LOCK_ENDS_SOON, lock.token, call.now, lock.path, lock.branch, folder=folder)
            found.append(replace(one, until=lock.limit or 0))
    return found
