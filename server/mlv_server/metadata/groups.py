"""Groups of users, found by name without regard to case."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy import Row as SqlRow

from mlv_core.entities import Group
from mlv_core.errors import AlreadyExists, NotFound
from mlv_core.ids import escape, fold
from mlv_server.metadata.tables import group_members, groups, users


class Groups:
    """All groups, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, group: Group) -> None:
        """Keep a new group, without members. Raises: AlreadyExists."""
        if self._row(group.name) is not None:
            raise AlreadyExists(f"There is a group '{escape(group.name)}' already.")
        self._connection.execute(
            insert(groups).values(
                name=group.name, folded=fold(group.name), created_at=group.created_at, created_by=group.created_by
            )
        )

    def get(self, name: str) -> tuple[int, Group]:
        """A group's id and the group with its members, sorted. Raises: NotFound."""
        row = self._row(name)
        if row is None:
            raise NotFound(f"There is no group '{escape(name)}'.", advice="'mlv group list' shows them.")
        found = (
            select(users.c.name).join(group_members).where(group_members.c.group_id == row.id).order_by(users.c.folded)
        )
        return row.id, _group(row, tuple(self._connection.scalars(found)))

    def list_all(self) -> tuple[Group, ...]:
        """Every group with its members, sorted by name."""
        members: dict[int, list[str]] = {}
        found = select(group_members.c.group_id, users.c.name).join(users).order_by(users.c.folded)
        for group_id, name in self._connection.execute(found):
            members.setdefault(group_id, []).append(name)
        rows = self._connection.execute(select(groups).order_by(groups.c.folded))
        return tuple(_group(row, tuple(members.get(row.id, ()))) for row in rows)

    def delete(self, group_id: int) -> None:
        """End a group and every membership in it."""
        self._connection.execute(delete(group_members).where(group_members.c.group_id == group_id))
        self._connection.execute(delete(groups).where(groups.c.id == group_id))

    def put_in(self, group_id: int, user_id: int) -> None:
        """Make a user who is none a member."""
        self._connection.execute(insert(group_members).values(group_id=group_id, user_id=user_id))

    def take_out(self, group_id: int, user_id: int) -> None:
        """End a membership."""
        mine = (group_members.c.group_id == group_id) & (group_members.c.user_id == user_id)
        self._connection.execute(delete(group_members).where(mine))

    def _row(self, name: str) -> SqlRow[tuple[object, ...]] | None:
        return self._connection.execute(select(groups).where(groups.c.folded == fold(name))).first()


def _group(row: SqlRow[tuple[object, ...]], members: tuple[str, ...]) -> Group:
    return Group(row.name, members, row.created_at, row.created_by)
