"""Bytes that the packs of an upload took, kept from its first pack until its Publish tells them."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from mlv_server.metadata.tables_history import uploads

KEPT_MILLISECONDS = 7 * 24 * 3600 * 1000
"""An upload that nobody publishes is forgotten after a week; its packs stay and are found by FindMissing."""


class Uploads:
    """Uploads in flight, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def grow(self, repository_id: int, upload: str, size_bytes: int, now: int) -> None:
        """Note that one more pack of the upload was kept; forgets uploads of more than a week ago."""
        self._connection.execute(delete(uploads).where(uploads.c.time < now - KEPT_MILLISECONDS))
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(uploads).values(
            repository_id=repository_id, upload=upload, stored_bytes=size_bytes, time=now
        )
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[uploads.c.repository_id, uploads.c.upload],
                set_={"stored_bytes": uploads.c.stored_bytes + statement.excluded.stored_bytes, "time": now},
            )
        )

    def take(self, repository_id: int, upload: str) -> int:
        """Bytes of all packs of the upload, which is forgotten; 0 for an unknown one."""
        mine = (uploads.c.repository_id == repository_id) & (uploads.c.upload == upload)
        found: int | None = self._connection.scalar(select(uploads.c.stored_bytes).where(mine))
        if found is not None:
            self._connection.execute(delete(uploads).where(mine))
        return found or 0
