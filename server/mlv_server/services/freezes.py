"""Freezes: set, lifted and listed; and the one question that every act asks which changes a branch or a label."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from mlv_core.entities import Branch
from mlv_core.errors import BranchAbandoned, Denied, NotFound
from mlv_core.ids import RepositoryName, escape
from mlv_core.releasing import Freeze
from mlv_server.domain import freezes as rules
from mlv_server.domain.events import EventKind, freeze_event
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call
from mlv_server.services.once import Once
from mlv_server.services.sights import View

REPLACED = "another freeze took its place"


def check_branch(tx: Transaction, call: Call, repository_id: int, branch: Branch, paths: Collection[str] = ()) -> None:
    """Check that `paths` on `branch`, or the branch itself, may be changed now by anybody (L2, L12).

    Raises: BranchAbandoned, Frozen.
    """
    check_open(branch)
    rules.check(tx.freezes.live(repository_id, call.now), call.now, branch=branch.name, paths=paths)


def check_label(tx: Transaction, call: Call, repository_id: int, name: str) -> None:
    """Check that the label of this name may be made, moved or deleted now by anybody (L12). Raises: Frozen."""
    rules.check(tx.freezes.live(repository_id, call.now), call.now, label=name)


def check_open(branch: Branch) -> None:
    """Raises: BranchAbandoned."""
    if branch.abandoned_at is not None:
        raise BranchAbandoned(
            f"{branch.name} was abandoned by {branch.abandoned_by}: {escape(branch.abandoned_why)}.",
            advice=f"Work on another branch; 'mlv branch --reopen {branch.name}' opens it again.",
        )


async def freeze(call: Call, repository: RepositoryName, wanted: Freeze, dry_run: bool) -> Freeze:
    """Freeze what `wanted` names, until it is lifted or its end has come; one of the same place is replaced.

    It has number 0 on a dry run. Raises: InvalidRequest, InvalidName, InvalidPath, NotFound, Denied.
    """
    new = replace(wanted, id=0, by=call.principal.user, at=call.now)
    rules.check_new(new, call.now)

    def work(tx: Transaction) -> Freeze:
        row, found, branch = _place(tx, call, repository, new)
        before = [one for one in tx.freezes.live(row.id, call.now) if rules.same_place(one, found)]

        for one in before:
            _end(tx, call, row, one, REPLACED)
        made = replace(found, id=tx.freezes.add(row.id, branch.id if branch is not None else None, found))
        until = "" if made.until is None else made.until
        entry = access.audit_entry(
            call, EventKind.FREEZE_SET.value, rules.place_of(made), freeze=made.id, until=until, reason=made.reason
        )
        tx.audit.append(row.id, (entry,))
        tx.events.append(
            row.id, call.now, (freeze_event(EventKind.FREEZE_SET, made, call.principal.user, made.reason),)
        )
        return found if dry_run else made

    return await access.write(
        call,
        work,
        "freeze",
        f"{repository}:{rules.place_of(new)}",
        dry_run=dry_run,
        repository=repository,
        once=Once((str(repository), wanted), _read),
    )


async def lift(call: Call, repository: RepositoryName, wanted: Freeze, dry_run: bool) -> Freeze:
    """Lift the freeze of the very place that `wanted` names; its reason says why.

    Raises: NotFound where nothing is frozen there, InvalidRequest, Denied.
    """
    rules.check_lifting(wanted)

    def work(tx: Transaction) -> Freeze:
        row, place, _ = _place(tx, call, repository, wanted)
        live = tx.freezes.live(row.id, call.now)
        found = next((one for one in live if rules.same_place(one, place)), None)
        if found is None:
            raise NotFound(
                f"There is no freeze of {escape(rules.place_of(place))} to lift.", advice="'mlv freezes' shows them."
            )

        return _end(tx, call, row, found, wanted.reason)

    return await access.write(
        call,
        work,
        "freeze",
        f"{repository}:{rules.place_of(wanted)}",
        dry_run=dry_run,
        repository=repository,
        once=Once((str(repository), "lift", wanted), _read),
    )


async def list_all(call: Call, repository: RepositoryName, ended: bool) -> tuple[Freeze, ...]:
    """The freezes that hold now, with `ended` also those that were lifted or came to their end.

    Raises: NotFound.
    """

    def work(tx: Transaction) -> tuple[Freeze, ...]:
        row = tx.repositories.get(repository)
        found = tx.freezes.list_all(row.id) if ended else tx.freezes.live(row.id, call.now)
        return seen(tx, call, repository, found)

    return await call.db.read(work)


def seen(tx: Transaction, call: Call, repository: RepositoryName, freezes: tuple[Freeze, ...]) -> tuple[Freeze, ...]:
    """Those of `freezes` that are of what the caller may list (P4)."""
    if not freezes:
        return ()
    sight = access.sight(tx, call, repository)
    return tuple(one for one in freezes if sight.may("list", rules.seen_under(one), one.path))


def _place(
    tx: Transaction, call: Call, repository: RepositoryName, wanted: Freeze
) -> tuple[RepositoryRow, Freeze, Branch | None]:
    """The repository, the freeze with its branch's own name, and that branch. Raises: NotFound, Denied."""
    row = tx.repositories.get(repository)
    view = View(tx, call, row)
    branch = view.branch(wanted.branch) if wanted.branch else None
    found = wanted if branch is None else replace(wanted, branch=branch.name)
    access.check(tx, call, "freeze", row, rules.ref_of(found))
    # A rule about some paths gives no right over all of them: what is asked for is the place as a whole.
    if not found.label and not view.sight.may("freeze", rules.ref_of(found), found.path or "**"):
        raise Denied(
            f"You may not 'freeze' all of {escape(rules.place_of(found))} on {row.name}.",
            advice="Name paths on which you may, with --path GLOB, or ask a maintainer.",
        )
    return row, found, branch


def _end(tx: Transaction, call: Call, row: RepositoryRow, freeze: Freeze, why: str) -> Freeze:
    """Lift a freeze, and tell of it."""
    by = call.principal.user
    tx.freezes.lift(row.id, freeze.id, by, call.now, why)
    entry = access.audit_entry(
        call, EventKind.FREEZE_LIFTED.value, rules.place_of(freeze), freeze=freeze.id, reason=why
    )
    tx.audit.append(row.id, (entry,))
    tx.events.append(row.id, call.now, (freeze_event(EventKind.FREEZE_LIFTED, freeze, by, why),))
    return replace(freeze, lifted_at=call.now, lifted_by=by, lifted_why=why)


def _read(said: dict[str, Any]) -> Freeze:
    return Freeze(**said)
