"""Where branches stand: how far from their targets, who committed last, what is frozen there."""

from __future__ import annotations

from collections.abc import Mapping

from mlv_core.entities import Branch
from mlv_core.ids import BranchId, ChangesetNumber, RepositoryName
from mlv_core.releasing import BranchStanding, Freeze
from mlv_server.metadata.repositories import RepositoryRow
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import freezes
from mlv_server.services.call import Call
from mlv_server.services.sights import View

MESSAGE_SHOWN = 200
"""Characters of the newest version's message: `log` has all of it."""

Reach = Mapping[BranchId, ChangesetNumber]


async def list_all(call: Call, repository: RepositoryName, abandoned: bool) -> tuple[BranchStanding, ...]:
    """Every branch that may be listed, in the order of making; with `abandoned` the closed ones too.

    Raises: NotFound.
    """

    def work(tx: Transaction) -> tuple[BranchStanding, ...]:
        row = tx.repositories.get(repository)
        view = View(tx, call, row)
        known = {branch.name: branch for branch in view.branches()}
        live = freezes.seen(tx, call, repository, tx.freezes.live(row.id, call.now))
        reaches: dict[str, Reach] = {}
        return tuple(
            _standing(tx, view, row, branch, known.get(branch.target), live, reaches)
            for branch in known.values()
            if abandoned or branch.abandoned_at is None
        )

    return await call.db.read(work)


def _standing(
    tx: Transaction,
    view: View,
    row: RepositoryRow,
    branch: Branch,
    target: Branch | None,
    live: tuple[Freeze, ...],
    reaches: dict[str, Reach],
) -> BranchStanding:
    ahead = behind = 0
    if target is not None and target.head != branch.head:
        for one in (branch, target):
            if one.name not in reaches:
                reaches[one.name] = tx.changesets.ancestors(row.id, one.head)
        mine, theirs = reaches[branch.name], reaches[target.name]
        ahead, behind = (tx.changesets.count_beyond(row.id, *two) for two in ((mine, theirs), (theirs, mine)))
    told = branch.head and view.sight.may("meta.read", f"branch/{branch.name}")
    last = tx.changesets.get(row.id, branch.head) if told else None
    return BranchStanding(
        branch,
        ahead,
        behind,
        "" if last is None else last.author,
        0 if last is None else last.time,
        "" if last is None else last.message[:MESSAGE_SHOWN],
        tuple(one for one in live if one.branch == branch.name or (one.path and not one.branch)),
    )
