"""Approvals: given to a version, taken back, listed, and counted where a rule asks for them (P3)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mlv_core.deferred import dataclass
from mlv_core.errors import ApprovalNeeded, Denied, InvalidRequest, NotFound
from mlv_core.ids import ChangesetNumber, RepositoryName
from mlv_core.policies import Approval
from mlv_server.domain.ancestry import brought
from mlv_server.domain.approving import asking, lacking
from mlv_server.domain.events import EventKind, approval_event
from mlv_server.domain.policy import Resource
from mlv_server.metadata.changesets import ChangesetRow
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access, history
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.sights import View

MESSAGE_LIMIT = 1_000
"""Characters: a paragraph."""
LISTED_LIMIT = 1_000
"""Approvals told at once, the newest."""
_WINDOW = 512


@dataclass(frozen=True, slots=True)
class Deed:
    """What needs approvals: an action on a version (`changeset`), that lands on or names `ref`.

    `base` is what is there already (0: nothing): whoever wrote what the version has beyond it is an author of it.
    `paths` are those that change, None for all of the version.
    """

    action: str
    ref: str
    changeset: ChangesetNumber
    base: ChangesetNumber
    paths: Collection[str] | None = None


async def approve(call: Call, repository: RepositoryName, revision: str, message: str, dry_run: bool) -> Approval:
    """Approve the version that `revision` names, once for each user; a second time changes what is said of it.

    It counts for this very version: what is committed after it was not approved. Raises: NotFound, InvalidRequest,
    Denied for who wrote the version, or what it merged.
    """
    if len(message) > MESSAGE_LIMIT:
        raise InvalidRequest(f"message has more than {MESSAGE_LIMIT:,} characters.")
    number = await _number(call, repository, revision)

    def work(tx: Transaction) -> Approval:
        row, changeset, branch = _version(tx, call, repository, number)
        user = call.principal.user
        written_by = authors(tx, row.id, number, changeset.first_parent)
        if user in tx.users.standing_for(written_by):
            who = "You" if user in written_by else "Who answers for you, or a program of yours,"
            raise Denied(
                f"{who} wrote @{number}, or a part of it: others approve it.",
                advice="Ask somebody else to look at it.",
            )
        approval = Approval(number, user, message, call.now)
        tx.approvals.put(row.id, call.principal.user_id, approval)
        _tell(tx, call, row, EventKind.APPROVAL_GIVEN, approval, branch)
        return approval

    once = Once((str(repository), revision, message), _read)
    target = f"{repository}@{number}"
    return await access.write(call, work, "approve", target, dry_run=dry_run, repository=repository, once=once)


async def withdraw(call: Call, repository: RepositoryName, revision: str, dry_run: bool) -> Approval:
    """Take the caller's own approval back. Raises: NotFound when there is none."""
    number = await _number(call, repository, revision)

    def work(tx: Transaction) -> Approval:
        row, _, branch = _version(tx, call, repository, number)
        if not tx.approvals.remove(row.id, number, call.principal.user_id):
            raise NotFound(f"You have not approved @{number}.", advice="'mlv approvals' shows who approved what.")
        approval = Approval(number, call.principal.user, "", call.now)
        _tell(tx, call, row, EventKind.APPROVAL_WITHDRAWN, approval, branch)
        return approval

    once = Once((str(repository), revision), _read)
    target = f"{repository}@{number}"
    return await access.write(call, work, "approve", target, dry_run=dry_run, repository=repository, once=once)


async def list_all(call: Call, repository: RepositoryName, revision: str) -> tuple[Approval, ...]:
    """The approvals of a version, or of all ('') that the caller may see, newest first. Raises: NotFound."""
    number = (await history.resolve(call, repository, revision, ""))[0] if revision else None

    def work(tx: Transaction) -> tuple[Approval, ...]:
        row = tx.repositories.get(repository)
        found = tx.approvals.of(row.id, number, LISTED_LIMIT)
        hidden = View(tx, call, row).hidden_branches()
        if not hidden:
            return found
        numbers = {ChangesetNumber(one.changeset) for one in found}
        known = tx.changesets.find(row.id, numbers)
        return tuple(one for one in found if known[ChangesetNumber(one.changeset)].branch_id not in hidden)

    return await call.db.read(work)


def check(tx: Transaction, call: Call, row: RepositoryRow, deed: Deed) -> None:
    """Check that the version has the approvals that rules ask for before `deed`.

    Raises: ApprovalNeeded naming each rule, who may approve and how many more must.
    """
    place = Resource(str(row.name), deed.ref)
    rules = asking(call.principal, deed.action, place, deed.paths, tx.rules.policy(), call.now)
    if not rules:
        return
    written_by = authors(tx, row.id, deed.changeset, deed.base)
    approvers = tx.approvals.approvers(row.id, deed.changeset)
    missing = lacking(rules, approvers, written_by, tx.users.standing_for(written_by))
    if missing:
        who = " or ".join(dict.fromkeys(name for one in missing for name in one.by))
        raise ApprovalNeeded(
            f"'{deed.action}' of @{deed.changeset} on {row.name}:{deed.ref} needs approvals that are not there "
            f"({', '.join(f'rule {one.rule}' for one in missing)}).",
            advice=f"Ask {who} for 'mlv approve @{deed.changeset}', then type the same command again.",
            items=tuple(map(str, missing)),
        )


def authors(tx: Transaction, repository_id: int, number: ChangesetNumber, base: ChangesetNumber) -> frozenset[str]:
    """Who wrote what the version `number` has beyond `base`."""

    def load(high: ChangesetNumber) -> dict[ChangesetNumber, tuple[ChangesetNumber, ...]]:
        return tx.changesets.parents(repository_id, high, _WINDOW)

    numbers = frozenset(brought(number, base, load))
    return frozenset(row.author for row in tx.changesets.find(repository_id, numbers).values())


async def _number(call: Call, repository: RepositoryName, revision: str) -> ChangesetNumber:
    """The changeset that `revision` names. Raises: InvalidRequest for none, NotFound."""
    number = (await history.resolve(call, repository, revision, ""))[0] if revision else 0
    if number == 0:
        raise InvalidRequest("There is no version to approve yet.", advice="Commit first.")
    return ChangesetNumber(number)


def _version(
    tx: Transaction, call: Call, repository: RepositoryName, number: ChangesetNumber
) -> tuple[RepositoryRow, ChangesetRow, str]:
    """The repository, the changeset and the name of its branch. Raises: NotFound, Denied."""
    row = tx.repositories.get(repository)
    changeset = tx.changesets.get(row.id, number)
    branch = tx.branches.by_id(row.id, changeset.branch_id).name
    access.check(tx, call, "read", row, f"branch/{branch}")
    return row, changeset, branch


def _tell(tx: Transaction, call: Call, row: RepositoryRow, kind: EventKind, approval: Approval, branch: str) -> None:
    said = {"why": approval.message} if approval.message else {}
    entry = access.audit_entry(call, kind.value, f"{row.name}@{approval.changeset}", branch=branch, **said)
    tx.audit.append(row.id, (entry,))
    tx.events.append(row.id, call.now, (approval_event(kind, approval.changeset, branch, approval.user),))


def _read(said: dict[str, Any]) -> Approval:
    return Approval(**said)
