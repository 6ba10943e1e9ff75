"""Labels: immutable names of changesets."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Row, insert, select

from mlv_core.entities import Label
from mlv_core.ids import ChangesetNumber
from mlv_server.metadata.names import canonical_name, claim_name
from mlv_server.metadata.tables import labels

IN_LIMIT = 500
"""Values in one IN: below every database's limit of parameters."""


class Labels:
    """Labels by repository; names are found without regard to case."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, repository_id: int, label: Label) -> None:
        """Keep a new label.

        Raises: AlreadyExists.
        """
        claim_name(self._connection, repository_id, "label", label.name)
        self._connection.execute(
            insert(labels).values(
                repository_id=repository_id,
                name=label.name,
                changeset=label.changeset,
                message=label.message,
                by=label.by,
                time=label.time,
            )
        )

    def find(self, repository_id: int, name: str) -> Label | None:
        """The label of a name, or None."""
        canonical = canonical_name(self._connection, repository_id, "label", name)
        if canonical is None:
            return None
        found = select(labels).where(labels.c.repository_id == repository_id, labels.c.name == canonical)
        return _label(self._connection.execute(found).one())

    def list_all(self, repository_id: int) -> tuple[Label, ...]:
        """Every label, newest version first."""
        found = select(labels).where(labels.c.repository_id == repository_id)
        ordered = found.order_by(labels.c.changeset.desc(), labels.c.time.desc(), labels.c.name)
        return tuple(_label(row) for row in self._connection.execute(ordered))

    def of_changesets(
        self, repository_id: int, numbers: Iterable[ChangesetNumber]
    ) -> dict[ChangesetNumber, tuple[str, ...]]:
        """The names, sorted, that point at each of these changesets; changesets without label are absent."""
        wanted = list(numbers)
        found: dict[ChangesetNumber, tuple[str, ...]] = {}
        for start in range(0, len(wanted), IN_LIMIT):
            rows = self._connection.execute(
                select(labels.c.changeset, labels.c.name)
                .where(
                    labels.c.repository_id == repository_id, labels.c.changeset.in_(wanted[start : start + IN_LIMIT])
                )
                .order_by(labels.c.name)
            )
            for row in rows:
                number = ChangesetNumber(row.changeset)
                found[number] = (*found.get(number, ()), row.name)
        return found


def _label(row: Row[tuple[object, ...]]) -> Label:
    return Label(row.name, ChangesetNumber(row.changeset), row.message, row.by, row.time)
