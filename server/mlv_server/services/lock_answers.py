"""What holders say to those who ask for their locks (L10): given, under higher tokens and at once, or denied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlv_core.asking import Answer, AnswerRequest
from mlv_core.entities import Branch, Lock, LockMode, LockScope
from mlv_core.ids import FileId, WorkspaceId
from mlv_server.domain import lock_answers
from mlv_server.domain.events import EventKind
from mlv_server.domain.lock_answers import Handover
from mlv_server.domain.lock_ends import LockEnd
from mlv_server.domain.lock_queue import Request, Resource
from mlv_server.domain.lock_reach import Holder
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, lock_ends, lock_requests, tree_locks, turns
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.sights import View, ref_of


async def answer(call: Call, request: AnswerRequest) -> tuple[Lock, ...]:
    """Give locks to who asked for them, under higher tokens and in one transaction, or deny them; the new locks.

    Raises: InvalidRequest, NotFound, LockHeld, Denied.
    """
    lock_answers.check_answer(request, call.principal.user)
    lock_requests.check_reason(request.reason)

    def work(tx: Transaction) -> tuple[Lock, ...]:
        repository = tx.repositories.get(request.repository)
        branch = lock_requests.opened(tx, call, repository, request.branch, request.paths)
        view = View(tx, call, repository)
        places = {} if request.tree else lock_requests.files_at(tx, repository.id, branch, request.paths)
        files = {file: path for path, file in places.items()}
        queue = lock_requests.load(tx, call, repository.id)
        asked: dict[Resource, Request] = {}
        if request.tree:
            asked.update(lock_answers.folder_requests_of(request.user, queue.requests, request.paths).items())
        else:
            asked.update(lock_answers.requests_of(request.user, queue.requests, files).items())
        if request.answer is Answer.DENY:
            _deny(tx, call, view, branch, request, queue, asked)
            return ()
        if request.tree:
            handed = _folders_given(tx, call, view, branch, queue, asked)
        else:
            handed = _files_given(tx, call, view, branch, queue, asked, files)
        for one in {request.number: request for request in asked.values()}.values():
            lock_ends.end(tx, call, repository.id, queue.expired(one, asked), LockEnd.EXPIRED, "")
        _hand_over(tx, call, repository.id, handed)
        return tuple(one.after for one in handed)

    return await access.write(
        call,
        work,
        "lock.answer",
        lock_requests.target(request),
        dry_run=request.dry_run,
        repository=request.repository,
        once=Once((request,), _read),
    )


def _deny(
    tx: Transaction,
    call: Call,
    view: View,
    branch: Branch,
    request: AnswerRequest,
    queue: turns.Queue,
    asked: Mapping[Resource, Request],
) -> None:
    """Say no. Raises: InvalidRequest, Denied."""
    me, row_id = call.principal.user, view.row.id
    may_break = all(view.sight.may("lock.break", ref_of(branch.name), path) for path in request.paths)
    held = {wanted for wanted, one in asked.items() if any(lock.owner == me for lock in _in_way(queue, one, wanted))}
    paths = {wanted: one.resources()[wanted] for wanted, one in asked.items()}
    for one in lock_answers.decide_deny(request, asked, held, paths, may_break=may_break):
        tx.lock_requests.denied(row_id, one.number, me, request.reason, call.now)
        lock_requests.tell(tx, call, row_id, EventKind.LOCK_DENIED, one, request.reason)


def _files_given(
    tx: Transaction,
    call: Call,
    view: View,
    branch: Branch,
    queue: turns.Queue,
    asked: Mapping[Resource, Request],
    files: Mapping[FileId, str],
) -> tuple[Handover, ...]:
    """The locks on files that change hands. Raises: NotFound, LockHeld, InvalidRequest."""
    me, row_id = call.principal.user, view.row.id
    held: dict[FileId, Lock] = {}
    others: list[tuple[str, Lock]] = []
    for file, path in files.items():
        locks = sorted(_in_way(queue, asked[file], file), key=lambda lock: lock.owner != me)
        held.update((file, lock) for lock in locks[:1])
        others += [(path, lock) for lock in locks[1:]]
    hidden = view.hidden_locks((*held.values(), *(lock for _, lock in others)))
    giver = Holder(me, WorkspaceId(""), host="", hidden=hidden)
    terms, last = turns.terms(tx, row_id, branch, files), tx.locks.last_token(row_id)
    wanted = {file: asked[file] for file in files}
    return lock_answers.decide_give(giver, wanted, held, files, terms, last, call.now, others)


def _folders_given(
    tx: Transaction, call: Call, view: View, branch: Branch, queue: turns.Queue, asked: Mapping[Resource, Request]
) -> tuple[Handover, ...]:
    """The folders that change hands. Raises: NotFound, LockHeld, InvalidRequest, Denied."""
    row_id = view.row.id
    folders = {folder: one for folder, one in asked.items() if isinstance(folder, str)}
    tree_locks.check_below(tx, view, branch, folders, tree_locks.held_around(tx, row_id, branch, folders))
    held = {folder: _in_way(queue, one, folder) for folder, one in folders.items()}
    hidden = view.hidden_locks(lock for locks in held.values() for lock in locks)
    giver = Holder(call.principal.user, WorkspaceId(""), host="", hidden=hidden)
    kinds = {one.branch: queue.branches[one.branch].kind for one in folders.values()}
    terms, last = turns.folder_terms(tx, row_id, folders), tx.locks.last_token(row_id)
    return lock_answers.decide_give_folders(giver, folders, held, terms, kinds, last, call.now)


def _in_way(queue: turns.Queue, request: Request, wanted: Resource) -> list[Lock]:
    """The locks that keep who asked from one of the things that were asked for."""
    return [lock for on, lock in queue.in_the_way(request) if on == wanted]


def _hand_over(tx: Transaction, call: Call, repository_id: int, handed: Iterable[Handover]) -> None:
    """Write the new locks in the place of the old ones; who waits finds the lock to be its own, and stops."""
    for one in handed:
        request = one.request
        branch = tx.branches.get(repository_id, request.branch)
        lock_ends.end(tx, call, repository_id, one.before, LockEnd.GIVEN, f"to {request.user}")
        tx.locks.add(repository_id, request.owner_id, branch.id, (one.after,))
        lock_ends.tell(tx, call, repository_id, EventKind.LOCK_ACQUIRED, (one.after,), request.reason)


def _read(said: list[dict[str, Any]]) -> tuple[Lock, ...]:
    return tuple(Lock(**{**one, "mode": LockMode(one["mode"]), "scope": LockScope(one["scope"])}) for one in said)
