"""Asking for another's lock: requests, the queue, and what the holder answers (L10)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from mlv_core.asking import AnswerRequest, Asked, AskRequest, LockRequest, WithdrawRequest
from mlv_core.entities import Branch, FileState
from mlv_core.errors import Denied, InvalidRequest, LimitExceeded, NotFound
from mlv_core.ids import FileId, RepositoryName
from mlv_core.paths import glob_matches_any, show_path
from mlv_server.domain import lock_order, lock_queue, lock_trees
from mlv_server.domain.events import EventKind, asking_event
from mlv_server.domain.lock_queue import Request, Resource
from mlv_server.domain.locking import REASON_LIMIT
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.metadata.workspaces import WorkspaceRow
from mlv_server.services import access, freezes, tree_locks, turns
from mlv_server.services.call import Call
from mlv_server.services.sights import View, ref_of

CONTACTS = 3
"""Signs of life in the time after which a waiter counts as gone: two may get lost."""
SHORTEST_CONTACT_MS = 200
"""Nobody asks more often, however soon a lease ends."""


async def ask(call: Call, request: AskRequest) -> Asked:
    """Ask the holders of files or folders for their locks, or stand in the queue; again changes nothing but the time.

    Raises: InvalidRequest, LimitExceeded, NotFound, Denied, BranchAbandoned; LockDenied when a holder said no to who
    waits, LockHeld where two would wait for each other.
    """
    _check(request)

    def work(tx: Transaction) -> Asked:
        repository, branch, workspace = _place(tx, call, request)
        freezes.check_open(branch)
        view = View(tx, call, repository)
        if request.tree:
            _check_folders(tx, repository.id, branch, request.paths)
        wanted = _wished(tx, call, repository.id, branch, request, workspace)
        queue = load(tx, call, repository.id, wanted)
        if request.tree:
            around = queue.around[branch.name]
            held = (lock for folder in request.paths for lock in around[folder])
            tree_locks.check_below(tx, view, branch, request.paths, held)
        if not wanted.waits:
            wanted = _held_by_others(queue, wanted)
        before = lock_queue.same(queue.requests, request.workspace, wanted.resources(), waits=request.waits)
        if before is not None and before.denied_at is not None:
            if request.again:
                raise lock_queue.refuse_denied(before)
            tx.lock_requests.remove(repository.id, [before.number])
            before = None

        if before is not None:
            tx.lock_requests.seen(repository.id, before.number, call.now, wanted.until)
            number = before.number
        else:
            number = _join(tx, call, repository.id, branch, queue, wanted, again=request.again)
        return _asked(turns.load(tx, call, repository.id), number, view)

    return await access.write(
        call, work, "lock.ask", target(request), dry_run=request.dry_run, repository=request.repository
    )


def _join(
    tx: Transaction, call: Call, repository_id: int, branch: Branch, queue: turns.Queue, wanted: Request, *, again: bool
) -> int:
    """Keep a new request; its number. Who waits for what they had only asked for asks no second time.

    Nor does who comes `again` after its place in the queue has run out. Raises: LimitExceeded.
    """
    known = lock_queue.asked_before(queue.requests, wanted) if wanted.waits else ()
    lock_queue.check_room([one for one in queue.requests if one not in known], wanted)
    tx.lock_requests.remove(repository_id, [one.number for one in known])
    reason = wanted.reason or next((one.reason for one in known), "")
    number = tx.lock_requests.add(repository_id, branch.id, replace(wanted, reason=reason))
    told = {on for one in known if wanted.reason in {"", one.reason} for on in one.resources()}
    heard = frozenset(path for on, path in wanted.resources().items() if again or on in told)
    tell(tx, call, repository_id, EventKind.LOCK_REQUESTED, wanted, reason, again=heard)
    return number


async def withdraw(call: Call, request: WithdrawRequest) -> int:
    """Take back what the caller's workspace asked for, named whole or without what it has by now; how many they were.

    Raises: NotFound, Denied.
    """

    def work(tx: Transaction) -> int:
        repository, branch, _ = _place(tx, call, request)
        queue = turns.load(tx, call, repository.id)
        found = [one for one in queue.requests if one.workspace == request.workspace]
        if request.paths:
            files = {} if request.tree else files_at(tx, repository.id, branch, request.paths)
            wanted: set[Resource] = set(request.paths) if request.tree else set(files.values())
            found = [one for one in found if wanted in (one.resources().keys(), queue.lacking(one))]
        tx.lock_requests.remove(repository.id, [one.number for one in found])
        for one in found:
            tell(tx, call, repository.id, EventKind.LOCK_WITHDRAWN, one, one.reason)
        return len(found)

    return await access.write(
        call, work, "lock.withdraw", target(request), dry_run=request.dry_run, repository=request.repository
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
        lacking = {one.number: queue.lacking(one) for one in standing}
        return tuple(
            one
            for one in lock_order.listed(standing, queue.silence_ms, call.now)
            if (not name or one.branch == name)
            and (not paths or glob_matches_any(paths, one.path))
            and (one.path if one.tree else one.file_id) in lacking[one.number]
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
    check_reason(request.reason)


def check_reason(reason: str) -> None:
    """Check the length of a reason. Raises: InvalidRequest."""
    if len(reason) > REASON_LIMIT:
        raise InvalidRequest(f"reason has {len(reason):,} characters; {REASON_LIMIT:,} are allowed.")


def _place(
    tx: Transaction, call: Call, request: AskRequest | WithdrawRequest
) -> tuple[RepositoryRow, Branch, WorkspaceRow]:
    """Where the caller stands. Raises: NotFound, Denied."""
    repository = tx.repositories.get(request.repository)
    branch = opened(tx, call, repository, request.branch, request.paths)
    workspace = tx.workspaces.get(repository.id, request.workspace)
    if workspace.owner_id != call.principal.user_id:
        raise Denied("This workspace is another user's.", advice="Ask from a workspace of your own.")
    return repository, branch, workspace


def opened(tx: Transaction, call: Call, repository: RepositoryRow, name: str, paths: Collection[str]) -> Branch:
    """The branch, on which the caller may open `paths`. Raises: NotFound, Denied."""
    view = View(tx, call, repository)
    branch = view.branch(name)
    access.check(tx, call, "open", repository, ref_of(branch.name))
    view.check_paths("open", branch, paths)
    return branch


def files_at(tx: Transaction, repository_id: int, branch: Branch, paths: Iterable[str]) -> dict[str, FileId]:
    """The file at each path of the branch's head. Raises: NotFound, naming every path that has none."""
    wanted = tuple(dict.fromkeys(paths))
    states: Mapping[str, FileState] = tx.versions.lookup(repository_id, branch.head, wanted) if branch.head else {}
    if missing := [path for path in wanted if path not in states]:
        shown = f"'{show_path(missing[0])}' is" if len(missing) == 1 else f"{len(missing)} files are"
        raise NotFound(
            f"{shown} not in {branch.name}, and cannot be locked.", items=tuple(show_path(path) for path in missing)
        )
    return {path: states[path].file_id for path in wanted}


def load(tx: Transaction, call: Call, repository_id: int, new: Request | None = None) -> turns.Queue:
    """The queue without the requests that say nothing any more; those are forgotten."""
    queue = turns.load(tx, call, repository_id, new)
    moot = [one.number for one in queue.requests if _is_moot(queue, one)]
    if not moot:
        return queue
    tx.lock_requests.remove(repository_id, moot)
    return turns.load(tx, call, repository_id, new)


def _is_moot(queue: turns.Queue, request: Request) -> bool:
    tokens = [int(lock.token) for file in request.files for lock in queue.locks.get(file, ())]
    tokens += [int(lock.token) for _, lock in queue.met(request)] if request.folders else []
    tokens += [int(lock.token) for path, _ in request.files.values() for lock in queue.above(path)]
    return lock_queue.is_moot(request, tokens, queue.now)


def _check_folders(tx: Transaction, repository_id: int, branch: Branch, folders: tuple[str, ...]) -> None:
    """Check that these are folders that may be asked for, as if they were locked. Raises: InvalidRequest."""
    lock_trees.check_folders(folders)
    files = tx.versions.lookup(repository_id, branch.head, folders) if branch.head else {}
    if files:
        path = show_path(min(files))
        raise InvalidRequest(f"'{path}' is a file and no folder.", advice="Ask for it without --tree.")


def _wished(
    tx: Transaction, call: Call, repository_id: int, branch: Branch, request: AskRequest, workspace: WorkspaceRow
) -> Request:
    """All that is asked for, as it would stand in the queue. Raises: NotFound for what is no file of the branch."""
    files = {} if request.tree else files_at(tx, repository_id, branch, request.paths)
    bases = dict(zip(request.paths, request.bases, strict=True))
    return Request(
        number=0,
        user=call.principal.user,
        owner_id=call.principal.user_id,
        workspace=request.workspace,
        host=workspace.workspace.host,
        branch=branch.name,
        reason=request.reason,
        waits=request.waits,
        files={file: (path, 0) for path, file in files.items()},
        bases={file: bases[path] for path, file in files.items()},
        asked_at=call.now,
        seen=call.now,
        until=call.now + (request.wait_ms if request.waits else lock_queue.ASKED_MS),
        counted_from=call.now,
        folders=bases if request.tree else {},
        behind=tx.locks.last_token(repository_id),
    )


def _held_by_others(queue: turns.Queue, wanted: Request) -> Request:
    """The request as it is kept of who only asks: for what another has. Raises: NotFound when nobody else has any."""
    held = {on: int(lock.token) for on, lock in queue.in_the_way(wanted)}
    if not held:
        paths = wanted.paths()
        shown = f"'{show_path(paths[0])}' is" if len(paths) == 1 else "These files are"
        raise NotFound(f"{shown} not locked by anybody else.", advice="'mlv lock PATH' takes the lock.")
    files = {file: (path, held[file]) for file, (path, _) in wanted.files.items() if file in held}
    return replace(wanted, files=files, folders={path: base for path, base in wanted.folders.items() if path in held})


def _asked(queue: turns.Queue, number: int, view: View) -> Asked:
    """What who asked is told; of holders whom they may not know of, nothing (P4). Raises: LockHeld for a circle."""
    mine = next(one for one in queue.requests if one.number == number)
    line = queue.line()
    if mine.waits:
        lock_order.check_circle(mine, line, queue.barrier, view.hidden_requests(queue.requests))
    turn = any(one.number == number for one in lock_order.rightful(line, queue.barrier))
    contact = queue.silence_ms // CONTACTS
    moment = queue.next_change(mine)
    if moment is not None:
        contact = min(contact, max(moment - queue.now, SHORTEST_CONTACT_MS))
    holders = dict.fromkeys(lock.owner for lock in view.locks(lock for _, lock in queue.in_the_way(mine)))
    return Asked(turn, lock_order.ahead_of(line, number), contact, tuple(holders))


def tell(
    tx: Transaction,
    call: Call,
    repository_id: int,
    kind: EventKind,
    request: Request,
    reason: str,
    *,
    again: frozenset[str] = frozenset(),
) -> None:
    """Every lock event goes to audit and to the event stream (L17); of the paths `again` the holder knows already."""
    paths = request.paths()
    by = call.principal.user
    tx.audit.append(
        repository_id,
        tuple(
            access.audit_entry(call, kind.value, path, user=request.user, branch=request.branch, reason=reason)
            for path in paths
        ),
    )
    told = (request.branch, request.user, str(request.workspace), reason, by)
    marks = {"tree": frozenset(request.folders), "again": again}
    events = tuple(
        asking_event(kind, path, *told, *(mark for mark, of in marks.items() if path in of)) for path in paths
    )
    tx.events.append(repository_id, call.now, events)


def target(request: AskRequest | WithdrawRequest | AnswerRequest) -> str:
    """What a request is about, for the audit."""
    return f"{request.repository}:{request.branch}"
