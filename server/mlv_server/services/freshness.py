"""Fresh bases in the reach of a lock (L5): newer versions on other branches, and what merges make of going apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mlv_core.entities import Branch, FileState, Lock, LockMode, LockScope
from mlv_core.ids import BranchId, ChangesetNumber, FileId
from mlv_core.requests import AcquireRequest
from mlv_server.domain.lock_freshness import Divergence, Rival, decide_fresh
from mlv_server.domain.lock_reach import reaches
from mlv_server.domain.merge_bases import merge_bases
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call
from mlv_server.services.sights import View, ref_of

_WINDOW = 512


def check(
    tx: Transaction,
    call: Call,
    view: View,
    branch: Branch,
    locks: Sequence[Lock],
    request: AcquireRequest,
) -> None:
    """Check that no other branch in the reach of `locks`, taken on `branch`, has a newer version of their files.

    Where that is meant it is kept for the next merge, and told. Raises: StaleBase, Denied, InvalidRequest.
    """
    wide = [lock for lock in locks if lock.scope is not LockScope.BRANCH and lock.mode is LockMode.EXCLUSIVE]
    row = view.row
    if not wide or not tx.rivals.any_other(row.id, branch.id):
        return
    rivals = _rivals(tx, view, branch, [lock for lock in wide if not lock.tree])
    if not rivals:
        return
    may_diverge = all(view.sight.may("lock.diverge", ref_of(branch.name), one.path) for one in rivals)
    decide_fresh(rivals, diverge=request.diverge, reason=request.reason, may_diverge=may_diverge)
    by = call.principal.user
    found = [
        Divergence(one.file_id, one.path, branch.head, one.changeset, by, request.reason, call.now) for one in rivals
    ]
    tx.rivals.diverged(row.id, found)
    entries = [
        access.audit_entry(
            call,
            "lock.diverged",
            one.path,
            branch=branch.name,
            other=one.branch,
            changeset=one.changeset,
            reason=request.reason,
        )
        for one in rivals
    ]
    tx.audit.append(row.id, tuple(entries))


def diverged(
    tx: Transaction, repository: RepositoryRow, source: ChangesetNumber, target: ChangesetNumber
) -> list[Divergence]:
    """Of what a merge of these two heads has to decide: where one holds the version that the other went apart from."""
    kept = tx.rivals.divergences(repository.id)
    if not kept:
        return []
    known = tx.changesets.find(repository.id, {number for one in kept for number in (one.at, one.changeset)})
    sides = [tx.changesets.ancestors(repository.id, head) for head in (source, target)]

    def holds(side: Mapping[BranchId, ChangesetNumber], number: ChangesetNumber) -> bool:
        found = known.get(number)
        return number == 0 or (found is not None and side.get(found.branch_id, 0) >= number)

    return [
        one
        for one in kept
        if any(
            holds(here, one.changeset) and not holds(there, one.changeset) and holds(there, one.at)
            for here, there in (sides, sides[::-1])
        )
    ]


def _rivals(tx: Transaction, view: View, branch: Branch, locks: Sequence[Lock]) -> list[Rival]:
    """The newer versions of locked files on other branches that the locks reach and the caller may list (P4)."""
    repository_id = view.row.id
    by_file = {lock.file_id: lock for lock in locks}
    newest = dict(tx.rivals.newest(repository_id, branch.id, by_file))
    for on, number in tx.rivals.large(repository_id, branch.id):
        for change in tx.versions.own_changes(repository_id, number):
            if change.file_id in by_file and number > newest.get((change.file_id, on), 0):
                newest[change.file_id, on] = number
    if not newest:
        return []
    shown = {one.id: one for one in view.branches()}
    names = {one.name: one for one in tx.branches.list_all(repository_id)}
    mine = tx.changesets.ancestors(repository_id, branch.head)
    bases: dict[BranchId, tuple[ChangesetNumber, ...]] = {}
    found = []
    for (file, on), number in sorted(newest.items()):
        lock, other = by_file[file], shown.get(on)
        if other is None or mine.get(on, 0) >= number or not reaches(lock, names[other.name], names):
            continue
        if on not in bases:
            bases[on] = _bases(tx, repository_id, other.head, branch.head)
        if _is_newer(tx, repository_id, file, other.head, branch.head, bases[on]):
            found.append(Rival(lock.path, file, other.name, on, number))
    return found


def _bases(
    tx: Transaction, repository_id: int, first: ChangesetNumber, second: ChangesetNumber
) -> tuple[ChangesetNumber, ...]:
    return merge_bases(first, second, lambda high: tx.changesets.parents(repository_id, high, _WINDOW))


def _is_newer(
    tx: Transaction,
    repository_id: int,
    file: FileId,
    there: ChangesetNumber,
    here: ChangesetNumber,
    bases: Iterable[ChangesetNumber],
) -> bool:
    """Whether a file changed `there` since both went apart, and not to what stands `here`."""
    paths = tx.versions.paths_of(repository_id, file)

    def content(at: ChangesetNumber) -> bytes | None:
        states: Iterable[FileState] = tx.versions.lookup(repository_id, at, paths).values() if at else ()
        return next((state.content for state in states if state.file_id == file), None)

    now = content(there)
    return now != content(here) and any(content(base) != now for base in bases)
