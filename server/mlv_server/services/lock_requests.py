"""Asking for another's lock: requests, the queue, and what the holder answers (L10)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from mlv_core.asking import Answer, AnswerRequest, Asked, AskRequest, LockRequest, WithdrawRequest
from mlv_core.entities import Branch, FileState, Lock, LockMode, LockScope
from mlv_core.errors import Denied, InvalidRequest, LimitExceeded, NotFound
from mlv_core.ids import FileId, RepositoryName, WorkspaceId
from mlv_core.paths import glob_matches_any, show_path
from mlv_server.domain import lock_answers, lock_queue
from mlv_server.domain.events import EventKind, asking_event
from mlv_server.domain.lock_answers import Handover
from mlv_server.domain.lock_ends import LockEnd
from mlv_server.domain.lock_queue import Request
from mlv_server.domain.lock_reach import Holder
from mlv_server.domain.locking import REASON_LIMIT
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.workspaces import WorkspaceRow
from mlv_server.services import access, lock_ends, turns
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.sights import View, ref_of

CONTACTS = 3
"""Signs of life in the time after which a waiter counts as gone: two may get lost."""
SHORTEST_CONTACT_MS = 200
"""Nobody asks more often, however soon a lease ends."""


async def ask(call: Call, request: AskRequest) -> Asked:
    """Ask the holders of files for their locks, or stand in the queue; the same again changes nothing but the time.

    Raises: InvalidRequest, LimitExceeded, NotFound, Denied; LockDenied when a holder said no to who waits.
    """
    _check(request)

    def work(tx: Transaction) -> Asked:
        repository, branch, workspace = _place(tx, call, request)
        files = _files(tx, repository.id, branch, request.paths)
        queue = _load(tx, call, repository.id, files.values(), branch.name)
        before = lock_queue.same(queue.requests, request.workspace, files.values(), waits=request.waits)
        if before is not None and before.denied_at is not None:
            if request.again:
                raise lock_queue.refuse_denied(before)
            tx.lock_requests.remove(repository.id, [before.number])
            before = None

        wanted = _wanted(call, request, queue, workspace, files)
        if before is not None:
            tx.lock_requests.seen(repository.id, before.number, call.now, wanted.until)
            number = before.number
        else:
            lock_queue.check_room(queue.requests, request.workspace, wanted.files)
            number = tx.lock_requests.add(repository.id, branch.id, wanted)
            _tell(tx, call, repository.id, EventKind.LOCK_REQUESTED, wanted, request.reason)
        return _asked(turns.load(tx, call, repository.id), number, View(tx, call, repository))

    return await access.write(
        call, work, "lock.ask", _target(request), dry_run=request.dry_run, repository=request.repository
    )


async def withdraw(call: Call, request: WithdrawRequest) -> int:
    """Take back what the caller's workspace asked for; how many requests that were.

    Raises: NotFound, Denied.
    """

    def work(tx: Transaction) -> int:
        repository, branch, _ = _place(tx, call, request)
        found = [one for one in tx.lock_requests.list_all(repository.id) if one.workspace == request.workspace]
        if request.paths:
            files = frozenset(_files(tx, repository.id, branch, request.paths).values())
            found = [one for one in found if frozenset(one.files) == files]
        tx.lock_requests.remove(repository.id, [one.number for one in found])
        for one in found:
            _tell(tx, call, repository.id, EventKind.LOCK_WITHDRAWN, one, one.reason)
        return len(found)

    return await access.write(
        call, work, "lock.withdraw", _target(request), dry_run=request.dry_run, repository=request.repository
    )


async def answer(call: Call, request: AnswerRequest) -> tuple[Lock, ...]:
    """Give locks to who asked for them, under higher tokens and in one transaction, or deny them; the new locks.

    Raises: InvalidRequest, NotFound, LockHeld, Denied.
    """
    lock_answers.check_answer(request, call.principal.user)
    _check_reason(request.reason)

    def work(tx: Transaction) -> tuple[Lock, ...]:
        repository = tx.repositories.get(request.repository)
        branch = _opened(tx, call, repository, request.branch, request.paths)
        view = View(tx, call, repository)
        files = {file: path for path, file in _files(tx, repository.id, branch, request.paths).items()}
        queue = _load(tx, call, repository.id, files, branch.name)
        asked = lock_answers.requests_of(request.user, queue.requests, files)
        held, others = _held(queue, asked, call.principal.user)

        if request.answer is Answer.DENY:
            may_break = all(view.sight.may("lock.break", ref_of(branch.name), path) for path in request.paths)
            denied = lock_answers.decide_deny(call.principal.user, request, asked, held, files, may_break=may_break)
            for one in denied:
                tx.lock_requests.denied(repository.id, one.number, call.principal.user, request.reason, call.now)
                _tell(tx, call, repository.id, EventKind.LOCK_DENIED, one, request.reason)
            return ()
        last = tx.locks.last_token(repository.id)
        terms = turns.terms(tx, repository.id, branch, files)
        more = [(files[file], lock) for file, lock in others]
        hidden = view.hidden_locks((*held.values(), *(lock for _, lock in others)))
        giver = Holder(call.principal.user, WorkspaceId(""), host="", hidden=hidden)
        handed = lock_answers.decide_give(giver, asked, held, files, terms, last, call.now, more)
        for one in {request.number: request for request in asked.values()}.values():
            lock_ends.end(tx, call, repository.id, queue.expired(one, files), LockEnd.EXPIRED, "")
        _hand_over(tx, call, repository.id, handed)
        return tuple(one.after for one in handed)

    return await access.write(
        call,
        work,
        "lock.answer",
        _target(request),
        dry_run=request.dry_run,
        repository=request.repository,
        once=Once((request,), _read),
    )


async def list_all(
    call: Call, repository: RepositoryName, branch: str, paths: tuple[str, ...]
) -> tuple[LockRequest, ...]:
    """Who asked for locks and who waits: on one branch ('': all), under these globs (none: all).

    Raises: NotFound, InvalidPath for a glob that is too long.
    """

    def work(tx: Transaction) -> tuple[LockRequest, ...]:
        row = tx.repositories.get(repository)
        view = View(tx, call, row)
        name = view.branch(branch).name if branch else ""
        queue = turns.load(tx, call, row.id)
        standing = [one for one in queue.requests if not _is_moot(queue, one)]
        had = {(lock.file_id, lock.workspace) for some in queue.locks.values() for lock in some}
        return tuple(
            one
            for one in lock_queue.listed(standing, queue.silence_ms, call.now)
            if (not name or one.branch == name)
            and (not paths or glob_matches_any(paths, one.path))
            and (one.file_id, one.workspace) not in had
            and (one.user == call.principal.user or view.sight.may("list", ref_of(one.branch), one.path))
        )

    return await call.db.read(work)


def _check(request: AskRequest) -> None:
    """Check what a request says by itself. Raises: InvalidRequest, LimitExceeded."""
    if not request.paths:
        raise InvalidRequest("paths is empty: there is nothing to ask for.")
    if len(request.bases) != len(request.paths):
        raise InvalidRequest("bases must have one entry for each path.")
    if request.waits and not 0 < request.wait_ms <= lock_queue.LONGEST_WAIT_MS:
        raise InvalidRequest(f"wait_ms must lie between 1 and {lock_queue.LONGEST_WAIT_MS:,}: a week.")
    if len(request.paths) > lock_queue.FILES_LIMIT:
        raise LimitExceeded(
            f"{len(request.paths):,} files in one request; {lock_queue.FILES_LIMIT:,} can be asked for at once.",
            advice="Ask for those that you need first.",
        )
    _check_reason(request.reason)


def _check_reason(reason: str) -> None:
    if len(reason) > REASON_LIMIT:
        raise InvalidRequest(f"reason has {len(reason):,} characters; {REASON_LIMIT:,} are allowed.")


def _place(
    tx: Transaction, call: Call, request: AskRequest | WithdrawRequest
) -> tuple[RepositoryRow, Branch, WorkspaceRow]:
    """Where the caller stands. Raises: NotFound, Denied."""
    repository = tx.repositories.get(request.repository)
    branch = _opened(tx, call, repository, request.branch, request.paths)
    workspace = tx.workspaces.get(repository.id, request.workspace)
    if workspace.owner_id != call.principal.user_id:
        raise Denied("This workspace is another user's.", advice="Ask from a workspace of your own.")
    return repository, branch, workspace


def _opened(tx: Transaction, call: Call, repository: RepositoryRow, name: str, paths: Collection[str]) -> Branch:
    """The branch, on which the caller may open `paths`. Raises: NotFound, Denied."""
    view = View(tx, call, repository)
    branch = view.branch(name)
    access.check(tx, call, "open", repository, ref_of(branch.name))
    view.check_paths("open", branch, paths)
    return branch


def _files(tx: Transaction, repository_id: int, branch: Branch, paths: Iterable[str]) -> dict[str, FileId]:
    """The file at each path of the branch's head. Raises: NotFound, naming every path that has none."""
    wanted = tuple(dict.fromkeys(paths))
    states: Mapping[str, FileState] = tx.versions.lookup(repository_id, branch.head, wanted) if branch.head else {}
    if missing := [path for path in wanted if path not in states]:
        shown = f"'{show_path(missing[0])}' is" if len(missing) == 1 else f"{len(missing)} files are"
        raise NotFound(
            f"{shown} not in {branch.name}, and cannot be locked.", items=tuple(show_path(path) for path in missing)
        )
    return {path: states[path].file_id for path in wanted}


def _load(tx: Transaction, call: Call, repository_id: int, files: Collection[FileId], branch: str) -> turns.Queue:
    """The queue without the requests that say nothing any more; those are forgotten."""
    queue = turns.load(tx, call, repository_id, files, branch)
    moot = [one.number for one in queue.requests if _is_moot(queue, one)]
    if not moot:
        return queue
    tx.lock_requests.remove(repository_id, moot)
    return turns.load(tx, call, repository_id, files, branch)


def _is_moot(queue: turns.Queue, request: Request) -> bool:
    tokens = [int(lock.token) for file in request.files for lock in queue.locks.get(file, ())]
    tokens += [int(lock.token) for lock in queue.folders]
    return lock_queue.is_moot(request, tokens, queue.now)


def _wanted(
    call: Call, request: AskRequest, queue: turns.Queue, workspace: WorkspaceRow, files: Mapping[str, FileId]
) -> Request:
    """The request as it is to be kept: who waits wants all the files, who asks those that another has.

    Raises: NotFound when it asks for what nobody else has.
    """
    bases = dict(zip(request.paths, request.bases, strict=True))
    wanted = Request(
        number=0,
        user=call.principal.user,
        owner_id=call.principal.user_id,
        workspace=request.workspace,
        host=workspace.workspace.host,
        branch=request.branch,
        reason=request.reason,
        waits=request.waits,
        files={file: (path, 0) for path, file in files.items()},
        bases={file: bases[path] for path, file in files.items()},
        asked_at=call.now,
        seen=call.now,
        until=call.now + (request.wait_ms if request.waits else lock_queue.ASKED_MS),
        counted_from=call.now,
    )
    if request.waits:
        return wanted
    held = {file: int(lock.token) for file, lock in queue.in_the_way(wanted)}
    if not held:
        shown = f"'{show_path(request.paths[0])}' is" if len(files) == 1 else "These files are"
        raise NotFound(f"{shown} not locked by anybody else.", advice="'mlv lock PATH' takes the lock.")
    return replace(wanted, files={file: (path, held[file]) for path, file in files.items() if file in held})


def _asked(queue: turns.Queue, number: int, view: View) -> Asked:
    """What who asked is told; of holders whom they may not know of, nothing (P4)."""
    mine = next(one for one in queue.requests if one.number == number)
    line = queue.line()
    turn = any(one.number == number for one in lock_queue.rightful(line, queue.blocked))
    contact = queue.silence_ms // CONTACTS
    moment = queue.next_change(mine)
    if moment is not None:
        contact = min(contact, max(moment - queue.now, SHORTEST_CONTACT_MS))
    holders = dict.fromkeys(lock.owner for lock in view.locks(lock for _, lock in queue.in_the_way(mine)))
    return Asked(turn, lock_queue.ahead_of(line, number), contact, tuple(holders))


def _held(
    queue: turns.Queue, asked: Mapping[FileId, Request], giver: str
) -> tuple[dict[FileId, Lock], list[tuple[FileId, Lock]]]:
    """The lock that stands in the way of who asked, for each file, the giver's own first; and all others that do."""
    found: dict[FileId, Lock] = {}
    others: list[tuple[FileId, Lock]] = []
    for file, one in asked.items():
        locks = [lock for on, lock in queue.in_the_way(one) if on == file]
        locks.sort(key=lambda lock: lock.owner != giver)
        found.update((file, lock) for lock in locks[:1])
        others += [(file, lock) for lock in locks[1:]]
    return found, others


def _hand_over(tx: Transaction, call: Call, repository_id: int, handed: Iterable[Handover]) -> None:
    """Write the new locks in the place of the old ones; who waits finds the lock to be its own, and stops."""
    for one in handed:
        request = one.request
        branch = tx.branches.get(repository_id, request.branch)
        lock_ends.end(tx, call, repository_id, (one.before,), LockEnd.GIVEN, f"to {request.user}")
        tx.locks.add(repository_id, request.owner_id, branch.id, (one.after,))
        lock_ends.tell(tx, call, repository_id, EventKind.LOCK_ACQUIRED, (one.after,), request.reason)


def _tell(tx: Transaction, call: Call, repository_id: int, kind: EventKind, request: Request, reason: str) -> None:
    """Every lock event goes to audit and to the event stream (L17)."""
    paths = [path for path, _ in request.files.values()]
    by = call.principal.user
    tx.audit.append(
        repository_id,
        tuple(
            access.audit_entry(call, kind.value, path, user=request.user, branch=request.branch, reason=reason)
            for path in paths
        ),
    )
    told = (request.branch, request.user, str(request.workspace), reason, by)
    tx.events.append(repository_id, call.now, tuple(asking_event(kind, path, *told) for path in paths))


def _target(request: AskRequest | WithdrawRequest | AnswerRequest) -> str:
    return f"{request.repository}:{request.branch}"


def _read(said: list[dict[str, Any]]) -> tuple[Lock, ...]:
    return tuple(Lock(**{**one, "mode": LockMode(one["mode"]), "scope": LockScope(one["scope"])}) for one in said)
