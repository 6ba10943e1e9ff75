"""Approvals of changesets: who approved which, when and why (P3)."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, or_, select

from mlv_core.ids import ChangesetNumber
from mlv_core.policies import Approval
from mlv_server.domain.approving import Approver
from mlv_server.metadata.tables import approvals, group_members, groups, users

_PEOPLE = users.alias("people")
_ACTIVE = _PEOPLE.c.disabled.is_(False)


class Approvals:
    """Approvals of all repositories, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, repository_id: int, user_id: int, approval: Approval) -> None:
        """Keep an approval, in the place of an earlier one of the same user."""
        self.remove(repository_id, ChangesetNumber(approval.changeset), user_id)
        self._connection.execute(
            insert(approvals).values(
                repository_id=repository_id,
                changeset=approval.changeset,
                user_id=user_id,
                message=approval.message,
                time=approval.time,
            )
        )

    def remove(self, repository_id: int, changeset: ChangesetNumber, user_id: int) -> bool:
        """Take an approval back; whether there was one."""
        gone = self._connection.execute(
            delete(approvals).where(
                approvals.c.repository_id == repository_id,
                approvals.c.changeset == changeset,
                approvals.c.user_id == user_id,
            )
        )
        return gone.rowcount > 0

    def of(self, repository_id: int, changeset: ChangesetNumber | None, limit: int) -> tuple[Approval, ...]:
        """The approvals of a changeset, or of all, newest first."""
        found = (
            select(approvals, users.c.name)
            .join(users, users.c.id == approvals.c.user_id)
            .where(approvals.c.repository_id == repository_id)
            .order_by(approvals.c.time.desc(), users.c.folded)
            .limit(limit)
        )
        if changeset is not None:
            found = found.where(approvals.c.changeset == changeset)
        return tuple(
            Approval(row.changeset, row.name, row.message, row.time) for row in self._connection.execute(found)
        )

    def approvers(self, repository_id: int, changeset: ChangesetNumber) -> tuple[Approver, ...]:
        """Who approved a changeset and can still sign in, with the groups that they are in now."""
        found = (
            select(users.c.id, users.c.name)
            .join(approvals, users.c.id == approvals.c.user_id)
            .where(
                approvals.c.repository_id == repository_id,
                approvals.c.changeset == changeset,
                users.c.disabled.is_(False),
                or_(users.c.owner_id.is_(None), users.c.owner_id.in_(select(_PEOPLE.c.id).where(_ACTIVE))),
            )
        )
        rows = self._connection.execute(found).all()
        inside = self._groups({row.id for row in rows})
        return tuple(Approver(row.name, frozenset(inside.get(row.id, ()))) for row in rows)

    def _groups(self, user_ids: Collection[int]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        asked = select(group_members.c.user_id, groups.c.name).join(groups, groups.c.id == group_members.c.group_id)
        for row in self._connection.execute(asked.where(group_members.c.user_id.in_(sorted(user_ids)))):
            found.setdefault(row.user_id, []).append(row.name)
        return found
