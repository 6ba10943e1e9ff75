"""The content of a shelf, as a plan of what a workspace has to fetch."""

from __future__ import annotations

from collections.abc import AsyncIterator

from mlv_core.entities import VERSION_PATH, FileMode, Operation
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber
from mlv_core.requests import PlannedChange, PlanPart
from mlv_core.shelving import PlanShelfRequest, ShelvedChange
from mlv_server.content.plans import PartPlanner, Wish
from mlv_server.domain.lock_rules import LockRules, need_of
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import content, reading, shelves
from mlv_server.services.call import Call


async def plan(call: Call, request: PlanShelfRequest) -> AsyncIterator[PlanPart]:
    """What to fetch to have the files of a shelf, against what stood there before, in parts that stand by themselves.

    Raises: NotFound when there is no such shelf for the caller, DamagedContent.
    """

    def load(tx: Transaction) -> tuple[RepositoryRow, LockRules, tuple[ShelvedChange, ...]]:
        row = tx.repositories.get(request.repository)
        return row, tx.lock_rules.of(row.id), shelves.taken(tx, call, row, request.shelf)

    row, rules, changes = await call.db.read(load)
    contents = {state.content for one in changes if (state := one.change.state) is not None and state.size}
    codecs = await reading.planned(call, row, contents, request.codecs)
    planner = PartPlanner(call.store, row.domain_id, ChangesetNumber(0), codecs)
    asked, without_old = frozenset(request.paths), frozenset(request.without_old)

    async def wishes() -> AsyncIterator[Wish]:
        for one in changes:
            path = one.change.path
            if one.change.state is not None and path != VERSION_PATH and (not asked or path in asked):
                yield _wish(one, rules, has_old=path not in without_old)

    async for part in content.in_parts(planner, wishes()):
        yield part


def _wish(one: ShelvedChange, rules: LockRules, *, has_old: bool) -> Wish:
    """The content of a changed file, on top of what the workspace has had there."""
    before = one.before
    old: ContentHash | None = None
    if has_old and before is not None and before.mode is not FileMode.SYMLINK:
        old = before.content
    planned = PlannedChange(one.change, need_of(one.change.path, one.change.state, rules), one.base)
    return Wish(planned, old, content=one.change.operation is not Operation.META)
