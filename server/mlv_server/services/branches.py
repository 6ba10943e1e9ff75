"""Branches: made in constant time at any version, listed, abandoned and opened again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlv_core.entities import Branch, BranchKind
from mlv_core.errors import InvalidRequest
from mlv_core.ids import BranchId, ChangesetNumber, RepositoryName, check_name
from mlv_server.domain import branches as rules
from mlv_server.domain.events import EventKind, branch_event, closing_event
from mlv_server.domain.lock_ends import LockEnd
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, freezes, history, lock_ends, reading
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.sights import View


async def create(
    call: Call, repository: RepositoryName, name: str, kind: BranchKind | None, at: str, target: str, dry_run: bool
) -> Branch:
    """Make a branch at revision `at` ('': the head of main) that merges into `target` ('': where it was made from).

    It has id 0 on a dry run. Raises: InvalidName, InvalidRequest, NotFound, AlreadyExists, Denied, BranchAbandoned.
    """
    check_name(name, "branch")
    if kind is BranchKind.MAIN:
        raise InvalidRequest("kind must be integration, experiment or release: a repository has one main branch.")
    start = await history.resolve(call, repository, at, "") if at else None

    def work(tx: Transaction) -> Branch:
        row = tx.repositories.get(repository)
        access.check(tx, call, "branch.create", row, f"branch/{name}")
        # Where a name may be taken that the caller may not list, nothing can be made: trying must not tell (P4).
        access.check(tx, call, "list", row, f"branch/{name}")
        view = View(tx, call, row)

        head, made_from = start or ((main := view.main()).head, main.name)
        reading.check_taken(tx, call, row, ChangesetNumber(head), f"branch/{name}")
        branch = Branch(
            id=BranchId(0),
            name=name,
            kind=kind or BranchKind.EXPERIMENT,
            target=_target(view, target, made_from),
            head=ChangesetNumber(head),
            origin=ChangesetNumber(head),
            created_by=call.principal.user,
            created_at=call.now,
        )

        return _store(tx, call, row.id, branch, dry_run=dry_run)

    return await access.write(
        call,
        work,
        "branch.create",
        f"{repository}:{name}",
        dry_run=dry_run,
        repository=repository,
        once=Once((str(repository), name, kind, at, target), _read),
    )


async def list_all(call: Call, repository: RepositoryName) -> tuple[Branch, ...]:
    """Every branch of a repository, in the order of making.

    Raises: NotFound.
    """
    return await call.db.read(lambda tx: View(tx, call, tx.repositories.get(repository)).branches())


async def abandon(call: Call, repository: RepositoryName, name: str, reason: str, dry_run: bool) -> tuple[Branch, int]:
    """Close a branch for good or until it is opened again; the branch, and how many locks that released (L11).

    What was committed stays, with its numbers. Raises: InvalidRequest, NotFound, Denied, BranchAbandoned, Frozen.
    """

    def work(tx: Transaction) -> tuple[Branch, int]:
        row, branch = _find(tx, call, repository, name)
        freezes.check_branch(tx, call, row.id, branch)
        by = call.principal.user

        closed = rules.decide_abandon(branch, reason, by, call.now)

        tx.branches.abandon(row.id, branch.id, closed.abandoned_at, by, closed.abandoned_why)
        released = _release_locks(tx, call, row, branch)
        entry = access.audit_entry(
            call, EventKind.BRANCH_ABANDONED.value, branch.name, head=branch.head, locks=released, reason=reason
        )
        tx.audit.append(row.id, (entry,))
        tx.events.append(row.id, call.now, (closing_event(EventKind.BRANCH_ABANDONED, branch, by, reason),))
        return closed, released

    return await access.write(
        call,
        work,
        "branch.delete",
        f"{repository}:{name}",
        dry_run=dry_run,
        repository=repository,
        once=Once((str(repository), "abandon", name, reason), lambda said: (_read(said[0]), int(said[1]))),
    )


async def reopen(call: Call, repository: RepositoryName, name: str, reason: str, dry_run: bool) -> Branch:
    """Open a branch again that was abandoned.

    Raises: InvalidRequest, NotFound, Denied.
    """

    def work(tx: Transaction) -> Branch:
        row, branch = _find(tx, call, repository, name)
        by = call.principal.user

        opened = rules.decide_reopen(branch, reason)

        tx.branches.abandon(row.id, branch.id, None, "", "")
        entry = access.audit_entry(call, EventKind.BRANCH_REOPENED.value, branch.name, head=branch.head, reason=reason)
        tx.audit.append(row.id, (entry,))
        tx.events.append(row.id, call.now, (closing_event(EventKind.BRANCH_REOPENED, branch, by, reason),))
        return opened

    return await access.write(
        call,
        work,
        "branch.delete",
        f"{repository}:{name}",
        dry_run=dry_run,
        repository=repository,
        once=Once((str(repository), "reopen", name, reason), _read),
    )


def _find(tx: Transaction, call: Call, repository: RepositoryName, name: str) -> tuple[RepositoryRow, Branch]:
    """The branch that is to be closed or opened. Raises: NotFound, Denied."""
    row = tx.repositories.get(repository)
    branch = View(tx, call, row).branch(name)
    access.check(tx, call, "branch.delete", row, f"branch/{branch.name}")
    return row, branch


def _release_locks(tx: Transaction, call: Call, row: RepositoryRow, branch: Branch) -> int:
    """End every lock that was taken on the branch, and every wish for one (L11, L17); how many locks there were."""
    held = [lock for lock in tx.locks.list_all(row.id) if lock.branch == branch.name]
    lock_ends.end(tx, call, row.id, held, LockEnd.CLOSED, f"{branch.name} was abandoned")
    asked = [one.number for one in tx.lock_requests.list_all(row.id) if one.branch == branch.name]
    tx.lock_requests.remove(row.id, asked)
    return len(held)


def _target(view: View, wanted: str, made_from: str) -> str:
    """What a new branch merges into: where it was made from, or the first open one on the way from there to main.

    Raises: NotFound, BranchAbandoned for one that was asked for.
    """
    branch = view.branch(wanted or made_from or view.main().name)
    if wanted:
        freezes.check_open(branch)
    while branch.abandoned_at is not None:
        branch = view.branch(branch.target) if branch.target else view.main()
    return branch.name


def _read(said: dict[str, Any]) -> Branch:
    return Branch(**{**said, "kind": BranchKind(said["kind"])})


def _store(tx: Transaction, call: Call, repository_id: int, branch: Branch, *, dry_run: bool) -> Branch:
    made = replace(branch, id=tx.repositories.next_branch_id(repository_id))
    tx.branches.add(repository_id, made)
    entry = access.audit_entry(call, "branch.create", branch.name, at=branch.head, into=branch.target)
    tx.audit.append(repository_id, (entry,))
    tx.events.append(repository_id, call.now, (branch_event(made),))
    return branch if dry_run else made
