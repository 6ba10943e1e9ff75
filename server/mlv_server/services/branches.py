"""Branches: made in constant time at any version, and listed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlv_core.entities import Branch, BranchKind
from mlv_core.errors import InvalidRequest
from mlv_core.ids import BranchId, ChangesetNumber, RepositoryName, check_name
from mlv_server.domain.events import branch_event
from mlv_server.metadata.branches import MAIN
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, history
from mlv_server.services.call import Call
from mlv_server.services.once import Once


async def create(
    call: Call, repository: RepositoryName, name: str, kind: BranchKind | None, at: str, target: str, dry_run: bool
) -> Branch:
    """Make a branch at revision `at` ('': the head of main) that merges into `target` ('': where it was made from).

    It has id 0 on a dry run. Raises: InvalidName, InvalidRequest, NotFound, AlreadyExists, Denied.
    """
    check_name(name, "branch")
    if kind is BranchKind.MAIN:
        raise InvalidRequest("kind must be integration, experiment or release: a repository has one main branch.")
    start = await history.resolve(call, repository, at, "") if at else None

    def work(tx: Transaction) -> Branch:
        row = tx.repositories.get(repository)
        access.check(tx, call, "branch.create", row, f"branch/{name}")
        main = tx.branches.by_id(row.id, MAIN)

        head, made_from = start or (main.head, main.name)
        branch = Branch(
            id=BranchId(0),
            name=name,
            kind=kind or BranchKind.EXPERIMENT,
            target=tx.branches.get(row.id, target or made_from or main.name).name,
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
    return await call.db.read(lambda tx: tx.branches.list_all(tx.repositories.get(repository).id))


def _read(said: dict[str, Any]) -> Branch:
    return Branch(**{**said, "kind": BranchKind(said["kind"])})


def _store(tx: Transaction, call: Call, repository_id: int, branch: Branch, *, dry_run: bool) -> Branch:
    made = replace(branch, id=tx.repositories.next_branch_id(repository_id))
    tx.branches.add(repository_id, made)
    entry = access.audit_entry(call, "branch.create", branch.name, at=branch.head, into=branch.target)
    tx.audit.append(repository_id, (entry,))
    tx.events.append(repository_id, call.now, (branch_event(made),))
    return branch if dry_run else made
