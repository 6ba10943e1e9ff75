"""Users and the groups they are in."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy import Row as SqlRow

from mlv_core.entities import User
from mlv_core.errors import AlreadyExists, NotFound
from mlv_core.ids import escape, fold
from mlv_server.metadata.prepared import IN_LIMIT, Prepared, Row
from mlv_server.metadata.tables import group_members, groups, users

_OWNERS = users.alias("owners")
_ONES = users.alias("ones")
_COLUMNS = (
    *(users.c[name] for name in ("name", "server_admin", "disabled", "created_at", "created_by")),
    users.c.owner_id.is_not(None),
    func.coalesce(_OWNERS.c.name, ""),
)
_SELECT = select(*_COLUMNS).select_from(users.outerjoin(_OWNERS, users.c.owner_id == _OWNERS.c.id))
_KNOWN = Prepared(_SELECT.where(users.c.id == bindparam("user")))
_GROUPS = Prepared(select(groups.c.name).join(group_members).where(group_members.c.user_id == bindparam("user")))


class Users:
    """Users, found by name without regard to case."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, user: User) -> int:
        """Keep a new user; returns the id.

        Raises: AlreadyExists, NotFound for the owner of a service account.
        """
        if self._row(user.name) is not None:
            raise AlreadyExists(f"There is a user '{escape(user.name)}' already.")
        owner_id = self.get(user.owner)[0] if user.service else None
        added = insert(users).values(
            owner_id=owner_id,
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
        return row.id, self.by_id(row.id)

    def by_id(self, user_id: int) -> User:
        """The user of an id that the database holds."""
        row = _KNOWN.first(self._connection, user=user_id)
        if row is None:
            raise NotFound(f"There is no user {user_id}.")
        return _user(row)

    def list_all(self) -> tuple[User, ...]:
        """Every user, sorted by name."""
        found = self._connection.execute(_SELECT.order_by(users.c.folded))
        return tuple(_user(tuple(row)) for row in found)

    def disable(self, user_id: int) -> None:
        """Let the user's tokens sign nobody in any more."""
        self._connection.execute(update(users).where(users.c.id == user_id).values(disabled=True))

    def active_admins(self) -> int:
        """How many users may administer the server."""
        active = select(func.count()).where(users.c.server_admin.is_(True), users.c.disabled.is_(False))
        return self._connection.scalar(active) or 0

    def standing_for(self, names: Iterable[str]) -> frozenset[str]:
        """`names`, the people who answer for programs among them, and every program of any of these people."""
        wanted, found = sorted(set(names)), set(names)
        for start in range(0, len(wanted), IN_LIMIT):
            some = _ONES.c.name.in_(wanted[start : start + IN_LIMIT])
            people = select(func.coalesce(_ONES.c.owner_id, _ONES.c.id)).where(some)
            found.update(
                self._connection.scalars(
                    select(users.c.name).where(users.c.id.in_(people) | users.c.owner_id.in_(people))
                )
            )
        return frozenset(found)

    def services_of(self, user_id: int) -> tuple[int, ...]:
        """The ids of the service accounts that a person answers for."""
        return tuple(self._connection.scalars(select(users.c.id).where(users.c.owner_id == user_id)))

    def groups_of(self, user_id: int) -> frozenset[str]:
        """The names of the groups that the user is in."""
        return frozenset(name for (name,) in _GROUPS.rows(self._connection, user=user_id))

    def known_group(self, name: str) -> str | None:
        """The group's name as it was given at its making, found without regard to case; None if there is none."""
        found: str | None = self._connection.scalar(select(groups.c.name).where(groups.c.folded == fold(name)))
        return found

    def _row(self, name: str) -> SqlRow[tuple[object, ...]] | None:
        return self._connection.execute(select(users).where(users.c.folded == fold(name))).first()


def _user(row: Row) -> User:
    name, admin, disabled, created_at, created_by, service, owner = row
    return User(name, bool(admin), bool(disabled), created_at, created_by, service=bool(service), owner=owner)
