"""The environments that versions of a repository were made with, each stored once."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from mlv_server.metadata.tables_history import environments


class Environments:
    """Environments by their digest, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, repository_id: int, digest: bytes, data: bytes) -> int:
        """Store an environment unless it is there; the bytes by which that grows the database."""
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(environments).values(repository_id=repository_id, digest=digest, data=data)
        added = self._connection.execute(statement.on_conflict_do_nothing().returning(environments.c.digest)).all()
        return len(data) if added else 0

    def find(self, repository_id: int, digests: Collection[bytes]) -> dict[bytes, bytes]:
        """The stored forms of those `digests` that the repository knows."""
        wanted = sorted(set(digests) - {b""})
        found: dict[bytes, bytes] = {}
        for start in range(0, len(wanted), 500):
            statement = select(environments.c.digest, environments.c.data).where(
                environments.c.repository_id == repository_id,
                environments.c.digest.in_(wanted[start : start + 500]),
            )
            found.update((row.digest, row.data) for row in self._connection.execute(statement))
        return found

    def total_bytes(self, repository_id: int) -> int:
        """Bytes of all stored environments of a repository."""
        total = select(func.coalesce(func.sum(func.length(environments.c.data)), 0))
        return int(self._connection.scalar(total.where(environments.c.repository_id == repository_id)) or 0)
