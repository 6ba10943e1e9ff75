"""Locks: taken, given up, broken and listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlv_core.entities import Branch, FileState, Lock, LockMode, LockScope
from mlv_core.errors import Denied, InvalidRequest
from mlv_core.ids import RepositoryName, WorkspaceId
from mlv_core.paths import glob_matches_any, is_below, show_path
from mlv_core.requests import AcquireOutcome, AcquireRequest, ReleaseRequest
from mlv_server.domain import locking
from mlv_server.domain.events import EventKind
from mlv_server.domain.lock_ends import LockEnd
from mlv_server.domain.lock_queue import Resource
from mlv_server.domain.lock_reach import Holder, LockGround, is_own, reaches
from mlv_server.domain.lock_trees import decide_trees
from mlv_server.domain.locking import Acquisition
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, freezes, freshness, lock_ends, tree_locks, turns
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.sights import View, ref_of


async def acquire(call: Call, request: AcquireRequest) -> AcquireOutcome:
    """Take the locks of every path in `request`, or of none (L6).

    Raises: InvalidRequest, LimitExceeded, NotFound, Denied, LockHeld, StaleBase; the last two name every path that
    stands in the way.
    """

    def work(tx: Transaction) -> AcquireOutcome:
        repository = tx.repositories.get(request.repository)
        view = View(tx, call, repository)
        branch = view.branch(request.branch)
        access.check(tx, call, "open", repository, ref_of(branch.name))
        view.check_paths("open", branch, request.paths)
        freezes.check_branch(tx, call, repository.id, branch, request.paths)
        workspace = tx.workspaces.get(repository.id, request.workspace)
        if workspace.owner_id != call.principal.user_id:
            raise Denied("This workspace is another user's.", advice="Lock from a workspace of your own.")
        files = tx.versions.lookup(repository.id, branch.head, request.paths) if branch.head else {}
        held = _held(tx, repository.id, branch, request, files)

        standing = tx.locks.standing(repository.id, call.principal.user_id)
        queue = turns.load(tx, call, repository.id) if standing.asked else None
        named: set[Resource] = set(request.paths) if request.tree else {state.file_id for state in files.values()}
        fallen = queue.fallen(request.workspace, named) if queue else ()
        dead = {lock.token for lock in fallen}
        held = tuple(lock for lock in held if lock.token not in dead) if dead else held

        hidden = view.hidden_locks(held)
        holder = Holder(call.principal.user, request.workspace, workspace.workspace.host, standing.owned, hidden)
        branches = tx.branches.with_branch(repository.id, view.whole(branch), (lock.branch for lock in held))
        rules = tx.lock_rules.of(repository.id)
        ground = LockGround(holder, branches[branch.name], branches, held, rules, call.now)
        last = standing.last_token
        may_break = request.steal and view.may_break(held)
        if request.tree:
            tree_locks.check_below(tx, view, branch, request.paths, held)
            changed = tree_locks.changed_below(tx, view, branch, request)
            decision = decide_trees(request, changed, ground, last, may_break=may_break)
        else:
            decision = locking.decide_acquire(request, files, ground, last, may_break=may_break)

        freshness.check(tx, call, view, branch, decision.granted + decision.renewed, request)
        if queue is not None:
            queue.check_turn(request.workspace, decision.granted, view.hidden_requests(queue.requests))
            turns.settle(tx, repository.id, queue, request.workspace, decision.granted, named)
        lock_ends.end(tx, call, repository.id, fallen, LockEnd.BROKEN, turns.FALLEN)
        _write(tx, call, repository.id, branch, decision, request.reason)
        mine = (lock for lock in decision.granted + decision.renewed if lock.mode is LockMode.EXCLUSIVE)
        return AcquireOutcome(tuple(mine), decision.needs)

    target = f"{request.repository}:{request.branch}"
    return await access.write(
        call, work, "lock.acquire", target, dry_run=request.dry_run, repository=request.repository
    )


def _write(tx: Transaction, call: Call, repository_id: int, branch: Branch, decision: Acquisition, reason: str) -> None:
    """Store what was decided: what ends before what begins."""
    lock_ends.end(tx, call, repository_id, decision.replaced, LockEnd.EXPIRED, reason)
    lock_ends.end(tx, call, repository_id, decision.moved, LockEnd.RELEASED, reason)
    lock_ends.end(tx, call, repository_id, decision.stolen, LockEnd.STOLEN, reason)
    tx.locks.renew(repository_id, decision.renewed)
    tx.locks.add(repository_id, call.principal.user_id, branch.id, decision.granted + decision.intended)
    lock_ends.tell(tx, call, repository_id, EventKind.LOCK_ACQUIRED, decision.granted, reason)
    lock_ends.tell(tx, call, repository_id, EventKind.LOCK_INTENDED, decision.intended, reason)


async def release(call: Call, request: ReleaseRequest) -> tuple[Lock, ...]:
    """Give up one's own locks, wherever they were taken (L7), or break others' with the right and a reason (L9).

    Where all of the workspace are meant, no other lock ends, of the same user neither.

    Raises: InvalidRequest, NotFound, LockHeld, Denied.
    """

    def work(tx: Transaction) -> tuple[Lock, ...]:
        repository = tx.repositories.get(request.repository)
        view = View(tx, call, repository)
        branch = view.branch(request.branch) if request.branch else None
        if request.all_of_workspace and not request.paths:
            held = tx.locks.of_workspace(repository.id, request.workspace)
        elif branch is None:
            raise InvalidRequest("branch must be set unless all locks of the workspace are meant.")
        else:
            held = _locks_on(tx, repository.id, branch, request.paths)
        held = view.locks(held)
        may_break = view.may_break(held)

        holder = Holder(call.principal.user, request.workspace, host="")
        decision = locking.decide_release(holder, request, held, call.now, may_break=may_break)

        here = tuple(lock for lock in decision.given_up if is_own(lock, holder))
        tx.locks.remove(repository.id, [lock.token for lock in here])
        lock_ends.tell(tx, call, repository.id, EventKind.LOCK_RELEASED, here, request.reason)
        elsewhere = tuple(lock for lock in decision.given_up if not is_own(lock, holder))
        lock_ends.end(tx, call, repository.id, elsewhere, LockEnd.RELEASED, request.reason)
        lock_ends.end(tx, call, repository.id, decision.broken, LockEnd.BROKEN, request.reason)
        return decision.given_up + decision.broken

    target = str(request.repository)
    return await access.write(
        call,
        work,
        "lock.release",
        target,
        dry_run=request.dry_run,
        repository=request.repository,
        once=Once((request,), _read),
    )


async def renew(call: Call, repository: RepositoryName, workspace: WorkspaceId) -> tuple[Lock, ...]:
    """Note a sign of life of the caller's workspace, which renews the leases of its locks (L8); all of them.

    Raises: NotFound, Denied.
    """

    def work(tx: Transaction) -> tuple[Lock, ...]:
        row = tx.repositories.get(repository)
        found = tx.workspaces.get(row.id, workspace)
        if found.owner_id != call.principal.user_id:
            raise Denied("This workspace is another user's.", advice="Renew from a workspace of your own.")
        tx.workspaces.seen(str(row.name), workspace, call.principal.user_id, call.now)
        return tuple(replace(lock, told_at=call.now) for lock in tx.locks.of_workspace(row.id, workspace))

    return await access.write(call, work, "lock.renew", str(repository), dry_run=False, repository=repository)


async def list_all(
    call: Call, repository: RepositoryName, branch: str, paths: tuple[str, ...], owner: str
) -> tuple[Lock, ...]:
    """The locks that reach one branch ('': all), under these globs (none: all), of one owner ('': all).

    Raises: NotFound, InvalidPath for a glob that is too long.
    """

    def work(tx: Transaction) -> tuple[Lock, ...]:
        row = tx.repositories.get(repository)
        view = View(tx, call, row)
        shown = [
            replace(lock, told_at=call.now)
            for lock in view.locks(tx.locks.list_all(row.id))
            if (not owner or lock.owner == owner)
            and (not paths or glob_matches_any(paths, lock.path))
            and not (lock.mode is LockMode.INTENT and lock.has_expired(call.now))
        ]
        return tuple(_reaching(tx, row.id, view.branch(branch), shown)) if branch else tuple(shown)

    return await call.db.read(work)


def _read(said: list[dict[str, Any]]) -> tuple[Lock, ...]:
    return tuple(Lock(**{**one, "mode": LockMode(one["mode"]), "scope": LockScope(one["scope"])}) for one in said)


def _held(
    tx: Transaction, repository_id: int, branch: Branch, request: AcquireRequest, files: Mapping[str, FileState]
) -> tuple[Lock, ...]:
    """Every lock that could meet those that are asked for. Raises: InvalidRequest for a file that is no folder."""
    if request.tree and files:
        path = show_path(min(files))
        raise InvalidRequest(f"'{path}' is a file and no folder.", advice=f"'mlv lock {path}' locks it.")
    if request.tree:
        return tree_locks.held_around(tx, repository_id, branch, request.paths)
    on_files = tx.locks.on_files(repository_id, [state.file_id for state in files.values()])
    folders = tx.locks.on_folders(repository_id)
    return on_files + tuple(one for one in folders if any(is_below(path, one.path) for path in request.paths))


def _locks_on(tx: Transaction, repository_id: int, branch: Branch, paths: tuple[str, ...]) -> tuple[Lock, ...]:
    """The locks on these paths that reach `branch`, shown under the paths that were asked for."""
    files = tx.versions.lookup(repository_id, branch.head, paths) if branch.head else {}
    asked = {state.file_id: path for path, state in files.items()}
    on_files = tx.locks.on_files(repository_id, asked)
    # A file that is gone from the head still has its lock, under the path that it had.
    gone = tx.locks.at_paths(repository_id, [path for path in paths if path not in files])
    found = [replace(lock, path=asked[lock.file_id]) for lock in on_files] + list(gone)
    return tuple(_reaching(tx, repository_id, branch, found))


def _reaching(tx: Transaction, repository_id: int, branch: Branch, locks: Sequence[Lock]) -> Iterator[Lock]:
    """Those of `locks` that speak of commits to `branch` (L4)."""
    branches = tx.branches.with_branch(repository_id, branch, (lock.branch for lock in locks))
    return (lock for lock in locks if reaches(lock, branch, branches))
