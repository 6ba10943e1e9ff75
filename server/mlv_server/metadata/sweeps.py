"""How often garbage was removed from a content domain: tells whoever looked at content earlier to look again."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update

from mlv_core.errors import Unreachable
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.tables_content import sweeps

_COUNT = Prepared(select(sweeps.c.count).where(sweeps.c.domain_id == bindparam("domain")))


class Sweeps:
    """The counts of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, domain_id: int) -> int:
        """How often segments were removed from a domain."""
        return _COUNT.scalar(self._connection, domain=domain_id) or 0

    def check(self, domain_id: int, seen: int) -> None:
        """Whether nothing was removed since the count was `seen`. Raises: Unreachable; trying again looks again."""
        if self.count(domain_id) != seen:
            raise Unreachable("Garbage was removed at the same moment.", advice="Type the same command again.")

    def note(self, domain_id: int) -> None:
        """Count one more."""
        known = sweeps.c.domain_id == domain_id
        found = self._connection.execute(update(sweeps).where(known).values(count=sweeps.c.count + 1))
        if not found.rowcount:
            self._connection.execute(insert(sweeps).values(domain_id=domain_id, count=1))
