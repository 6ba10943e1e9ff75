"""Users and the groups they are in."""

from __future__ import annotations

from sqlalchemy import Connection, Row, func, insert, select, update

from mlv_core.entities import User
from mlv_core.errors import AlreadyExists, NotFound
from mlv_core.ids import escape, fold
from mlv_server.metadata.tables import group_members, groups, users


class Users:
    """Users, found by name without regard to case."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, user: User) -> int:
        """Keep a new user; returns the id.

        Raises: AlreadyExists.
        """
        if self._row(user.name) is not None:
            raise AlreadyExists(f"There is a user '{escape(user.name)}' already.")
        added = insert(users).values(
            name=user.name,
            folded=fold(user.name),
            server_admin=user.server_admin,
            disabled=user.disabled,
            created_at=user.created_at,
            created_by=user.created_by,
        )
        return int(self._connection.execute(added.returning(users.c.id)).scalar_one())

    def get(self, name: str) -> tuple[int, User]:
        """A user's id and the user.

        Raises: NotFound.
        """
        row = self._row(name)
        if row is None:
            raise NotFound(f"There is no user '{escape(name)}'.", advice="'mlv user list' shows them.")
        return row.id, _user(row)

    def by_id(self, user_id: int) -> User:
        """The user of an id that the database holds."""
        return _user(self._connection.execute(select(users).where(users.c.id == user_id)).one())

    def list_all(self) -> tuple[User, ...]:
        """Every user, sorted by name."""
        return tuple(_user(row) for row in self._connection.execute(select(users).order_by(users.c.folded)))

    def disable(self, user_id: int) -> None:
        """Let the user's tokens sign nobody in any more."""
        self._connection.execute(update(users).where(users.c.id == user_id).values(disabled=True))

    def active_admins(self) -> int:
        """How many users may administer the server."""
        active = select(func.count()).where(users.c.server_admin.is_(True), users.c.disabled.is_(False))
        return self._connection.scalar(active) or 0

    def groups_of(self, user_id: int) -> frozenset[str]:
        """The names of the groups that the user is in."""
        found = select(groups.c.name).join(group_members).where(group_members.c.user_id == user_id)
        return frozenset(self._connection.scalars(found))

    def _row(self, name: str) -> Row[tuple[object, ...]] | None:
        return self._connection.execute(select(users).where(users.c.folded == fold(name))).first()


def _user(row: Row[tuple[object, ...]]) -> User:
    return User(row.name, row.server_admin, row.disabled, row.created_at, row.created_by)
