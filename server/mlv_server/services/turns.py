"""The queue of a repository as a transaction sees it: whose turn it is, and whose lock fell to who waits (L10)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from mlv_core.deferred import dataclass
from mlv_core.entities import Branch, Lock, LockMode, LockScope
from mlv_core.ids import FileId, WorkspaceId
from mlv_core.paths import is_below, parents
from mlv_server.domain import lock_order, lock_queue
from mlv_server.domain.leases import is_live
from mlv_server.domain.lock_queue import Request, Resource
from mlv_server.domain.lock_reach import meets
from mlv_server.domain.lock_rules import LockTerms, terms_of
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import tree_locks
from mlv_server.services.call import Call

FALLEN = "the holder was silent for longer than the rules allow while others waited"
"""Why the lock of a silent holder is broken."""
_MS = 1000


@dataclass(frozen=True, slots=True)
class Queue:
    """Every request of a repository, the locks on their files and on folders, and what is needed to decide.

    `folders` has the locks on folders by their paths; `around`, by branch and by folder that was asked for there, every
    lock that could meet one on it, under its path on the branch. `terms` has what the rules say of each file and folder
    that somebody waits for or that stands in the way, by branch too; `contacts` the last sign of life of each workspace
    that holds a lock which falls to who waits once its holder is silent.
    """

    requests: tuple[Request, ...]
    locks: Mapping[FileId, tuple[Lock, ...]]
    folders: Mapping[str, tuple[Lock, ...]]
    around: Mapping[str, Mapping[str, tuple[Lock, ...]]]
    branches: Mapping[str, Branch]
    terms: Mapping[tuple[Resource, str], LockTerms]
    contacts: Mapping[WorkspaceId, int]
    silence_ms: int
    now: int

    def line(self) -> list[Request]:
        """Those who wait and count, first come first."""
        return lock_queue.in_line(self.requests, self.silence_ms, self.now)

    def barrier(self, request: Request) -> list[Lock]:
        """The locks of others that keep the request from being granted; those of the silent may have fallen."""
        return [lock for _, lock in self.in_the_way(request) if not self._fallen(request, lock)]

    def in_the_way(self, request: Request) -> list[tuple[Resource, Lock]]:
        """The live locks of others that its own would meet: on its files or folders, above them, or below a folder."""
        return [(wanted, lock) for wanted, lock in self.met(request) if is_live(lock, self.now)]

    def expired(self, request: Request, wanted: Collection[Resource]) -> list[Lock]:
        """Expired locks of others on `wanted`: they end when somebody gets the lock, else they could be renewed."""
        found = [lock for on, lock in self.met(request) if on in wanted and not is_live(lock, self.now)]
        return list({lock.token: lock for lock in found}.values())

    def met(self, request: Request) -> list[tuple[Resource, Lock]]:
        """The locks of others, expired or not, that its own would meet."""
        branch = self.branches[request.branch]
        return [
            (wanted, lock)
            for wanted, lock in self._near(request)
            if lock.mode is LockMode.EXCLUSIVE
            and lock.workspace != request.workspace
            and meets(lock, self._scope(request, wanted), branch, self.branches)
        ]

    def _near(self, request: Request) -> Iterator[tuple[Resource, Lock]]:
        """All locks that are about what was asked for, on whatever branch."""
        for file, (path, _) in request.files.items():
            for lock in self.locks.get(file, ()):
                yield file, lock
            for lock in self.above(path):
                yield file, lock
        around = self.around.get(request.branch, {})
        for folder in request.folders:
            for lock in around.get(folder, ()):
                yield folder, lock

    def lacking(self, request: Request) -> frozenset[Resource]:
        """What was asked for and the workspace has no lock on: the rest it was given, or has taken since."""

        def has(wanted: Resource) -> bool:
            locks = self.folders.get(wanted, ()) if isinstance(wanted, str) else self.locks.get(wanted, ())
            return any(lock.workspace == request.workspace and lock.mode is LockMode.EXCLUSIVE for lock in locks)

        return frozenset(wanted for wanted in request.resources() if not has(wanted))

    def above(self, path: str) -> Iterator[Lock]:
        """The locks on folders in which a path lies, or which it is."""
        for folder in (path, *parents(path)):
            yield from self.folders.get(folder, ())

    def fallen(self, workspace: WorkspaceId, wanted: Collection[Resource]) -> tuple[Lock, ...]:
        """Locks of silent holders on `wanted` that the workspace may take now: it is its turn, and policy lets it."""
        mine = [one for one in lock_order.rightful(self.line(), self.barrier) if one.workspace == workspace]
        found = [lock for one in mine for on, lock in self.in_the_way(one) if on in wanted]
        return tuple({lock.token: lock for lock in found}.values())

    def check_turn(self, workspace: WorkspaceId, granted: Collection[Lock], hidden: Collection[int] = ()) -> None:
        """Refuse locks that others have the right to, who waited before; whose of `hidden` requests is not told.

        Raises: LockHeld.
        """
        lock_order.check_turn(self.line(), self.barrier, workspace, _resources(granted), self.now, hidden)

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

    def _scope(self, request: Request, wanted: Resource) -> LockScope:
        terms = self.terms.get((wanted, request.branch))
        return LockScope.BRANCH if terms is None else terms.scope_on(self.branches[request.branch].kind)

    def _grant_after(self, request: Request, lock: Lock) -> int | None:
        """By the rule of what is locked: a folder falls by what the rules say of its own path."""
        terms = self.terms.get((_resource(lock), request.branch))
        return None if terms is None else terms.grant_after

    def _fallen(self, request: Request, lock: Lock) -> bool:
        after = self._grant_after(request, lock)
        contact = self.contacts.get(lock.workspace, 0)
        return lock_queue.may_take_from_silent(request, contact, after, self.now)


def load(tx: Transaction, call: Call, repository_id: int, new: Request | None = None) -> Queue:
    """The queue of a repository; it knows the locks that a `new` request could meet too, which does not stand in it."""
    requests = tx.lock_requests.list_all(repository_id)
    asking = requests if new is None else (*requests, new)
    waiting = [one for one in asking if one.waits and one.denied_at is None]
    files = {file for one in asking for file in one.files}
    locks: dict[FileId, tuple[Lock, ...]] = {}
    for lock in tx.locks.on_files(repository_id, files) if files else ():
        locks[lock.file_id] = (*locks.get(lock.file_id, ()), lock)
    folders = _by_path(tx.locks.on_folders(repository_id))
    asked = tx.branches.named(repository_id, {one.branch for one in asking if one.folders})
    around = {
        name: tree_locks.by_folder(tx, repository_id, place, _folders(asking, name)) for name, place in asked.items()
    }
    near = (*locks.values(), *folders.values(), *(some for found in around.values() for some in found.values()))
    held = {lock.token: lock for some in near for lock in some}.values()
    names = {one.branch for one in asking} | {lock.branch for lock in held}
    branches = tx.branches.named(repository_id, names)
    told = _waited_for(tx, repository_id, waiting, branches, folders, around)
    contacts: dict[WorkspaceId, int] = {}
    if any(one.grant_after is not None for one in told.values()):
        for workspace in {lock.workspace for lock in held}:
            known = tx.workspaces.find(repository_id, workspace)
            contacts[workspace] = 0 if known is None else known.workspace.last_seen
    silence = call.settings.waiter_silence_seconds * _MS
    return Queue(requests, locks, folders, around, branches, told, contacts, silence, call.now)


def settle(
    tx: Transaction,
    repository_id: int,
    queue: Queue,
    workspace: WorkspaceId,
    granted: Collection[Lock],
    had: Iterable[Resource],
) -> None:
    """Note in the queue what the workspace takes: it goes before all who stood behind it there (L10).

    What it asked for and has now (`had` are all files and folders that it named) is forgotten.
    """
    taken = _resources(granted)
    if taken:
        token = max(lock.token for lock in granted)
        behind = [one.number for one in lock_order.overtaken(queue.requests, workspace, taken)]
        tx.lock_requests.passed(repository_id, behind, token)
    mine = [one for one in queue.requests if one.workspace == workspace]
    names = set(had)
    roots = [name for name in names if isinstance(name, str)]
    done = [
        one.number
        for one in mine
        if all(
            wanted in names or any(is_below(path, root) for root in roots) for wanted, path in one.resources().items()
        )
    ]
    tx.lock_requests.remove(repository_id, done)


def terms(tx: Transaction, repository_id: int, branch: Branch, files: Mapping[FileId, str]) -> dict[FileId, LockTerms]:
    """What the rules say of a lock on each of `files`, by their paths on the branch."""
    rules = tx.lock_rules.of(repository_id)
    states = tx.versions.lookup(repository_id, branch.head, tuple(files.values())) if branch.head else {}
    return {file: terms_of(path, states.get(path), rules) for file, path in files.items()}


def folder_terms(tx: Transaction, repository_id: int, folders: Iterable[str]) -> dict[str, LockTerms]:
    """What the rules say of a lock on each of `folders`."""
    rules = tx.lock_rules.of(repository_id)
    return {folder: terms_of(folder, None, rules) for folder in folders}


def _waited_for(
    tx: Transaction,
    repository_id: int,
    waiting: list[Request],
    branches: Mapping[str, Branch],
    locked: Collection[str],
    around: Mapping[str, Mapping[str, tuple[Lock, ...]]],
) -> dict[tuple[Resource, str], LockTerms]:
    """What the rules say of all that somebody waits for, and of the folders `locked` there, by branch too."""
    found: dict[tuple[Resource, str], LockTerms] = {}
    for name in {one.branch for one in waiting}:
        near = around.get(name, {}).values()
        files = {lock.file_id: lock.path for some in near for lock in some if not lock.tree}
        files.update({file: path for one in waiting if one.branch == name for file, (path, _) in one.files.items()})
        told = terms(tx, repository_id, branches[name], files)
        found.update({(file, name): term for file, term in told.items()})
        folders = _folders(waiting, name).union(locked)
        found.update({(one, name): term for one, term in folder_terms(tx, repository_id, folders).items()})
    return found


def _folders(requests: Iterable[Request], branch: str) -> set[str]:
    """The folders that somebody asks for on the branch of this name."""
    return {folder for one in requests if one.branch == branch for folder in one.folders}


def _by_path(locks: Iterable[Lock]) -> dict[str, tuple[Lock, ...]]:
    found: dict[str, tuple[Lock, ...]] = {}
    for lock in locks:
        found[lock.path] = (*found.get(lock.path, ()), lock)
    return found


def _resources(locks: Iterable[Lock]) -> dict[Resource, str]:
    """What these locks are on, with its path."""
    return {_resource(lock): lock.path for lock in locks if lock.mode is LockMode.EXCLUSIVE}


def _resource(lock: Lock) -> Resource:
    return lock.path if lock.tree else lock.file_id
