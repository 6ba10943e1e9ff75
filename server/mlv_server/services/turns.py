"""The queue of a repository as a transaction sees it: whose turn it is, and whose lock fell to who waits (L10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mlv_core.deferred import dataclass
from mlv_core.entities import Branch, Lock, LockMode, LockScope
from mlv_core.ids import FileId, WorkspaceId
from mlv_core.paths import is_below
from mlv_server.domain import lock_queue
from mlv_server.domain.leases import is_live
from mlv_server.domain.lock_queue import Request
from mlv_server.domain.lock_reach import meets
from mlv_server.domain.lock_rules import LockTerms, terms_of
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services.call import Call

FALLEN = "the holder was silent for longer than the rules allow while others waited"
"""Why the lock of a silent holder is broken."""
_MS = 1000


@dataclass(frozen=True, slots=True)
class Queue:
    """Every request of a repository, the locks on their files and on folders, and what is needed to decide.

    `terms` has what the rules say of each file that somebody waits for, by file and branch; `contacts` the last sign of
    life of each workspace that holds a lock which falls to who waits once its holder is silent.
    """

    requests: tuple[Request, ...]
    locks: Mapping[FileId, tuple[Lock, ...]]
    folders: tuple[Lock, ...]
    branches: Mapping[str, Branch]
    terms: Mapping[tuple[FileId, str], LockTerms]
    contacts: Mapping[WorkspaceId, int]
    silence_ms: int
    now: int

    def line(self) -> list[Request]:
        """Those who wait and count, first come first."""
        return lock_queue.in_line(self.requests, self.silence_ms, self.now)

    def blocked(self, request: Request) -> bool:
        """Whether a lock of another keeps the request from being granted."""
        return any(not self._fallen(request, lock) for _, lock in self.in_the_way(request))

    def in_the_way(self, request: Request) -> list[tuple[FileId, Lock]]:
        """The live locks of others, on its files or on folders above them, that its own would meet."""
        return [(file, lock) for file, lock in self._met(request) if is_live(lock, self.now)]

    def expired(self, request: Request, files: Collection[FileId]) -> list[Lock]:
        """Expired locks of others on `files`: they end when somebody gets the lock, else they could be renewed."""
        found = [lock for file, lock in self._met(request) if file in files and not is_live(lock, self.now)]
        return list({lock.token: lock for lock in found}.values())

    def _met(self, request: Request) -> list[tuple[FileId, Lock]]:
        """The locks of others, expired or not, that its own would meet."""
        branch = self.branches[request.branch]
        return [
            (file, lock)
            for file, (path, _) in request.files.items()
            for lock in (*self.locks.get(file, ()), *(one for one in self.folders if is_below(path, one.path)))
            if lock.mode is LockMode.EXCLUSIVE
            and lock.workspace != request.workspace
            and meets(lock, self._scope(request, file), branch, self.branches)
        ]

    def fallen(self, workspace: WorkspaceId, files: Collection[FileId]) -> tuple[Lock, ...]:
        """Locks of silent holders on `files` that the workspace may take now: it is its turn, and policy lets it."""
        turns = lock_queue.rightful(self.line(), self.blocked)
        mine = [one for one in turns if one.workspace == workspace]
        found = [lock for one in mine for file, lock in self.in_the_way(one) if file in files]
        return tuple({lock.token: lock for lock in found}.values())

    def check_turn(self, workspace: WorkspaceId, granted: Collection[Lock], hidden: Collection[int] = ()) -> None:
        """Refuse locks that others have the right to, who waited before; whose of `hidden` requests is not told.

        Raises: LockHeld.
        """
        line = self.line()
        files = {lock.file_id: lock.path for lock in granted if not lock.tree}
        folders = [lock.path for lock in granted if lock.tree]
        if folders:
            waited = ((file, path) for one in line for file, (path, _) in one.files.items())
            files.update({file: path for file, path in waited if any(is_below(path, one) for one in folders)})
        lock_queue.check_turn(line, self.blocked, workspace, files, self.now, hidden)

    def next_change(self, request: Request) -> int | None:
        """When (ms) a lock that blocks the request ends by itself, by its lease or by its holder's silence."""
        moments = []
        for _, lock in self.in_the_way(request):
            if lock.lease_until is not None:
                moments.append(lock.lease_until)
            after = self._grant_after(request, lock)
            if after is not None:
                contact = self.contacts.get(lock.workspace, 0) + lock_queue.UNWRITTEN_MS
                moments.append(max(contact, request.counted_from) + after)
        return min(moments, default=None)

    def _scope(self, request: Request, file: FileId) -> LockScope:
        terms = self.terms.get((file, request.branch))
        return LockScope.BRANCH if terms is None else terms.scope_on(self.branches[request.branch].kind)

    def _grant_after(self, request: Request, lock: Lock) -> int | None:
        terms = self.terms.get((lock.file_id, request.branch))
        return None if terms is None else terms.grant_after

    def _fallen(self, request: Request, lock: Lock) -> bool:
        after = self._grant_after(request, lock)
        contact = self.contacts.get(lock.workspace, 0)
        return lock_queue.may_take_from_silent(request, contact, after, self.now)


def load(tx: Transaction, call: Call, repository_id: int, files: Collection[FileId] = (), branch: str = "") -> Queue:
    """The queue of a repository; it knows the locks on `files` and the branch of this name too."""
    requests = tx.lock_requests.list_all(repository_id)
    waiting = [one for one in requests if one.waits and one.denied_at is None]
    files = {file for one in requests for file in one.files}.union(files)
    locks: dict[FileId, tuple[Lock, ...]] = {}
    for lock in tx.locks.on_files(repository_id, files) if files else ():
        locks[lock.file_id] = (*locks.get(lock.file_id, ()), lock)
    folders = tx.locks.on_folders(repository_id)
    names = {one.branch for one in requests} | {lock.branch for some in (*locks.values(), folders) for lock in some}
    names |= {branch} - {""}
    branches = tx.branches.named(repository_id, names)
    told = _waited_for(tx, repository_id, waiting, branches)
    contacts: dict[WorkspaceId, int] = {}
    if any(one.grant_after is not None for one in told.values()):
        for workspace in {lock.workspace for some in (*locks.values(), folders) for lock in some}:
            known = tx.workspaces.find(repository_id, workspace)
            contacts[workspace] = 0 if known is None else known.workspace.last_seen
    silence = call.settings.waiter_silence_seconds * _MS
    return Queue(requests, locks, folders, branches, told, contacts, silence, call.now)


def fulfilled(tx: Transaction, repository_id: int, queue: Queue, workspace: WorkspaceId, files: set[FileId]) -> None:
    """Forget what the workspace asked for and has now."""
    done = [one.number for one in queue.requests if one.workspace == workspace and files.issuperset(one.files)]
    tx.lock_requests.remove(repository_id, done)


def terms(tx: Transaction, repository_id: int, branch: Branch, files: Mapping[FileId, str]) -> dict[FileId, LockTerms]:
    """What the rules say of a lock on each of `files`, by their paths on the branch."""
    rules = tx.lock_rules.of(repository_id)
    states = tx.versions.lookup(repository_id, branch.head, tuple(files.values())) if branch.head else {}
    return {file: terms_of(path, states.get(path), rules) for file, path in files.items()}


def _waited_for(
    tx: Transaction, repository_id: int, waiting: list[Request], branches: Mapping[str, Branch]
) -> dict[tuple[FileId, str], LockTerms]:
    """What the rules say of every file that somebody waits for, by file and branch."""
    found: dict[tuple[FileId, str], LockTerms] = {}
    for name in {one.branch for one in waiting}:
        files = {file: path for one in waiting if one.branch == name for file, (path, _) in one.files.items()}
        told = terms(tx, repository_id, branches[name], files)
        found.update({(file, name): term for file, term in told.items()})
    return found
