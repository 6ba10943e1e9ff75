"""Repositories and their content domains."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update

from mlv_core.deferred import dataclass
from mlv_core.errors import AlreadyExists, NotFound
from mlv_core.ids import BranchId, RepositoryName, escape, fold
from mlv_server.metadata.prepared import Prepared, Row
from mlv_server.metadata.tables import domains, lock_counters, repositories


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """A repository as the database knows it."""

    id: int
    domain_id: int
    name: RepositoryName
    description: str
    created_at: int
    created_by: str


class Repositories:
    """Repositories, found by name without regard to case."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, name: RepositoryName, description: str, by: str, now: int) -> RepositoryRow:
        """Keep a new, empty repository with a content domain of its own.

        Raises: AlreadyExists.
        """
        if self.find(name) is not None:
            raise AlreadyExists(f"There is a repository '{name}' already.")
        domain_id = self._connection.execute(
            insert(domains).values(created_at=now).returning(domains.c.id)
        ).scalar_one()
        row = self._connection.execute(
            insert(repositories)
            .values(
                domain_id=domain_id,
                name=str(name),
                folded=fold(str(name)),
                description=description,
                created_at=now,
                created_by=by,
                last_branch_id=0,
            )
            .returning(*_COLUMNS)
        ).one()
        self._connection.execute(insert(lock_counters).values(repository_id=row.id, last_token=0))
        return _repository(tuple(row))

    def find(self, name: RepositoryName) -> RepositoryRow | None:
        """The repository of a name, or None."""
        row = _NAMED.first(self._connection, folded=fold(str(name)))
        return None if row is None else _repository(row)

    def get(self, name: RepositoryName) -> RepositoryRow:
        """The repository of a name.

        Raises: NotFound.
        """
        row = self.find(name)
        if row is None:
            raise NotFound(f"There is no repository '{escape(str(name))}'.", advice="'mlv repo list' shows yours.")
        return row

    def list_all(self) -> tuple[RepositoryRow, ...]:
        """Every repository, sorted by name."""
        return tuple(
            _repository(tuple(row))
            for row in self._connection.execute(select(*_COLUMNS).order_by(repositories.c.folded))
        )

    def by_id(self, repository_id: int) -> RepositoryRow:
        """The repository of an id that the database holds."""
        found = self._connection.execute(select(*_COLUMNS).where(repositories.c.id == repository_id))
        return _repository(tuple(found.one()))

    def all_ids(self) -> tuple[int, ...]:
        """The id of every repository."""
        return tuple(self._connection.scalars(select(repositories.c.id).order_by(repositories.c.id)))

    def next_branch_id(self, repository_id: int) -> BranchId:
        """An id for a new branch; the first is 1."""
        counter = repositories.c.last_branch_id
        advanced = (
            update(repositories)
            .where(repositories.c.id == repository_id)
            .values(last_branch_id=counter + 1)
            .returning(counter)
        )
        return BranchId(int(self._connection.execute(advanced).scalar_one()))


_COLUMNS = tuple(
    repositories.c[name] for name in ("id", "domain_id", "name", "description", "created_at", "created_by")
)
_NAMED = Prepared(select(*_COLUMNS).where(repositories.c.folded == bindparam("folded")))


def _repository(row: Row) -> RepositoryRow:
    number, domain_id, name, description, at, by = row
    return RepositoryRow(number, domain_id, RepositoryName(*name.split("/", 1)), description, at, by)
