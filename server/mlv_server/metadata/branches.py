"""Branches and their moving heads."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, insert, select, update

from mlv_core.entities import Branch, BranchKind
from mlv_core.errors import HeadMoved, NotFound
from mlv_core.ids import BranchId, ChangesetNumber, escape, fold
from mlv_server.metadata.names import claim_name
from mlv_server.metadata.prepared import IN_LIMIT, Prepared, Row
from mlv_server.metadata.tables import branches, names

MAIN = BranchId(1)
"""Every repository's first branch."""


class Branches:
    """Branches by repository; names are found without regard to case."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, repository_id: int, branch: Branch) -> None:
        """Keep a new branch, whose target ('' for none) must exist.

        Raises: AlreadyExists, NotFound.
        """
        claim_name(self._connection, repository_id, "branch", branch.name)
        self._connection.execute(
            insert(branches).values(
                repository_id=repository_id,
                id=branch.id,
                name=branch.name,
                kind=int(branch.kind),
                target_id=self.get(repository_id, branch.target).id if branch.target else None,
                head=branch.head,
                origin=branch.origin,
                created_by=branch.created_by,
                created_at=branch.created_at,
                abandoned_at=branch.abandoned_at,
                abandoned_by=branch.abandoned_by,
                abandoned_why=branch.abandoned_why,
            )
        )

    def find(self, repository_id: int, name: str) -> Branch | None:
        """The branch of a name, or None."""
        row = _NAMED.first(self._connection, repository=repository_id, folded=fold(name))
        return None if row is None else _branch(row)

    def get(self, repository_id: int, name: str) -> Branch:
        """The branch of a name.

        Raises: NotFound.
        """
        branch = self.find(repository_id, name)
        if branch is None:
            raise no_branch(name)
        return branch

    def by_id(self, repository_id: int, branch_id: BranchId) -> Branch:
        """The branch of an id that the database holds."""
        found = _SELECT.where(branches.c.repository_id == repository_id, branches.c.id == branch_id)
        return _branch(tuple(self._connection.execute(found).one()))

    def list_all(self, repository_id: int) -> tuple[Branch, ...]:
        """Every branch, in the order of making."""
        found = _SELECT.where(branches.c.repository_id == repository_id).order_by(branches.c.id)
        return tuple(_branch(tuple(row)) for row in self._connection.execute(found))

    def named(self, repository_id: int, names: Iterable[str]) -> dict[str, Branch]:
        """Those branches of these names, as they were given at their making, that exist; by name."""
        wanted = sorted(set(names))
        found: dict[str, Branch] = {}
        for start in range(0, len(wanted), IN_LIMIT):
            some = branches.c.name.in_(wanted[start : start + IN_LIMIT])
            rows = self._connection.execute(_SELECT.where(branches.c.repository_id == repository_id, some))
            found.update((row.name, _branch(tuple(row))) for row in rows)
        return found

    def with_branch(self, repository_id: int, branch: Branch, names: Iterable[str]) -> dict[str, Branch]:
        """`branch`, which the caller has already, and those of `names` that exist; by name."""
        others = set(names) - {branch.name}
        return {branch.name: branch, **(self.named(repository_id, others) if others else {})}

    def abandon(self, repository_id: int, branch_id: BranchId, at: int | None, by: str, why: str) -> None:
        """Close a branch at `at` (ms), or with None open it again."""
        mine = (branches.c.repository_id == repository_id, branches.c.id == branch_id)
        closed = update(branches).where(*mine).values(abandoned_at=at, abandoned_by=by, abandoned_why=why)
        self._connection.execute(closed)

    def advance(
        self, repository_id: int, branch_id: BranchId, expected: ChangesetNumber, head: ChangesetNumber
    ) -> None:
        """Move the head from `expected` to `head`.

        Raises: HeadMoved when it stands elsewhere.
        """
        moved = self._connection.execute(
            update(branches)
            .where(branches.c.repository_id == repository_id, branches.c.id == branch_id, branches.c.head == expected)
            .values(head=head)
            .returning(branches.c.name)
        ).first()
        if moved is None:
            raise HeadMoved(f"The branch's head is no longer @{expected}.")


_target = branches.alias("target")
_SELECT = select(
    branches.c.id,
    branches.c.name,
    branches.c.kind,
    _target.c.name.label("target"),
    branches.c.head,
    branches.c.origin,
    branches.c.created_by,
    branches.c.created_at,
    branches.c.abandoned_at,
    branches.c.abandoned_by,
    branches.c.abandoned_why,
).outerjoin(_target, (branches.c.repository_id == _target.c.repository_id) & (branches.c.target_id == _target.c.id))
_NAMED = Prepared(
    _SELECT.join(names, (names.c.repository_id == branches.c.repository_id) & (names.c.name == branches.c.name)).where(
        names.c.repository_id == bindparam("repository"),
        names.c.folded == bindparam("folded"),
        names.c.kind == "branch",
    )
)


def no_branch(name: str) -> NotFound:
    """What is said of a branch that is not there, or that the caller may not know of (P4)."""
    return NotFound(f"There is no branch '{escape(name)}'.", advice="'mlv branches' shows them.")


def _branch(row: Row) -> Branch:
    number, name, kind, target, head, origin, by, at, closed_at, closed_by, closed_why = row
    return Branch(
        BranchId(number),
        name,
        BranchKind(kind),
        target or "",
        ChangesetNumber(head),
        ChangesetNumber(origin),
        by,
        at,
        closed_at,
        closed_by,
        closed_why,
    )
