"""Labels: names of changesets, all that was ever done to them, and the names that are kept for some."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from mlv_core.entities import Label
from mlv_core.ids import ChangesetNumber, fold
from mlv_core.releasing import LabelAct, LabelEntry, Reservation
from mlv_server.metadata.names import canonical_name, claim_name
from mlv_server.metadata.prepared import IN_LIMIT
from mlv_server.metadata.tables import labels, repositories
from mlv_server.metadata.tables_releases import label_history, label_reservations


class Labels:
    """Labels by repository; names are found without regard to case."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, repository_id: int, label: Label) -> None:
        """Keep a new label, or one that was deleted before and has its name still.

        Raises: AlreadyExists.
        """
        deleted = self.known_name(repository_id, label.name) == label.name and not self.find(repository_id, label.name)
        if not deleted:
            claim_name(self._connection, repository_id, "label", label.name)
        self._connection.execute(insert(labels).values(repository_id=repository_id, **_columns(label)))

    def put(self, repository_id: int, label: Label) -> None:
        """Write a label that is there already."""
        named = (labels.c.repository_id == repository_id, labels.c.name == label.name)
        self._connection.execute(update(labels).where(*named).values(**_columns(label)))

    def remove(self, repository_id: int, name: str) -> None:
        """End a label; its name stays a label's, and its history stays."""
        gone = (labels.c.repository_id == repository_id, labels.c.name == name)
        self._connection.execute(delete(labels).where(*gone))

    def find(self, repository_id: int, name: str) -> Label | None:
        """The label of a name, or None."""
        canonical = canonical_name(self._connection, repository_id, "label", name)
        if canonical is None:
            return None
        found = select(labels).where(labels.c.repository_id == repository_id, labels.c.name == canonical)
        row = self._connection.execute(found).first()
        return None if row is None else _label(row)

    def known_name(self, repository_id: int, name: str) -> str | None:
        """The name as it was given to the label at its making, also if that is deleted; None if there was none."""
        return canonical_name(self._connection, repository_id, "label", name)

    def note(self, repository_id: int, entry: LabelEntry) -> None:
        """Write down what was done to a label."""
        mine = (label_history.c.repository_id == repository_id, label_history.c.name == entry.name)
        last = self._connection.scalar(select(func.max(label_history.c.sequence)).where(*mine)) or 0
        self._connection.execute(
            insert(label_history).values(
                repository_id=repository_id,
                name=entry.name,
                sequence=last + 1,
                act=int(entry.act),
                changeset=entry.changeset,
                by=entry.by,
                time=entry.time,
                why=entry.why,
            )
        )

    def history(self, repository_id: int, name: str = "") -> tuple[LabelEntry, ...]:
        """All that was done to the label of this very name ('': to every one), oldest first in each label."""
        found = select(label_history).where(label_history.c.repository_id == repository_id)
        if name:
            found = found.where(label_history.c.name == name)
        ordered = found.order_by(label_history.c.name, label_history.c.sequence)
        return tuple(_entry(row) for row in self._connection.execute(ordered))

    def reservations(self, repository_id: int) -> tuple[Reservation, ...]:
        """The patterns that are kept for some, sorted: of each the newest version."""
        mine = label_reservations.c.repository_id == repository_id
        newest: dict[str, Reservation] = {}
        for row in self._connection.execute(
            select(label_reservations).where(mine).order_by(label_reservations.c.version)
        ):
            newest[fold(row.pattern)] = Reservation(row.pattern, tuple(row.subjects), row.by, row.time, row.version)
        return tuple(newest[key] for key in sorted(newest) if newest[key].subjects)

    def kept_for(self, subject: str) -> tuple[str, ...]:
        """What is kept for `subject` in any repository, each as `repository: pattern`, sorted."""
        newest: dict[tuple[str, str], tuple[str, list[str]]] = {}
        found = select(repositories.c.name, label_reservations.c.pattern, label_reservations.c.subjects)
        joined = found.join(repositories, repositories.c.id == label_reservations.c.repository_id)
        for row in self._connection.execute(joined.order_by(label_reservations.c.version)):
            newest[row.name, fold(row.pattern)] = (f"{row.name}: {row.pattern}", row.subjects)
        return tuple(sorted(text for text, subjects in newest.values() if fold(subject) in map(fold, subjects)))

    def reserve(self, repository_id: int, pattern: str, subjects: tuple[str, ...], by: str, now: int) -> Reservation:
        """Keep names that match `pattern` for `subjects`, none: for nobody any more; a new version of the settings."""
        mine = label_reservations.c.repository_id == repository_id
        last = self._connection.scalar(select(func.max(label_reservations.c.version)).where(mine)) or 0
        self._connection.execute(
            insert(label_reservations).values(
                repository_id=repository_id,
                version=last + 1,
                pattern=pattern,
                subjects=list(subjects),
                by=by,
                time=now,
            )
        )
        return Reservation(pattern, subjects, by, now, last + 1)

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


def _columns(label: Label) -> dict[str, object]:
    return {
        "name": label.name,
        "changeset": label.changeset,
        "message": label.message,
        "by": label.by,
        "time": label.time,
        "moves": label.moves,
    }


def _label(row: Row[tuple[object, ...]]) -> Label:
    return Label(row.name, ChangesetNumber(row.changeset), row.message, row.by, row.time, row.moves)


def _entry(row: Row[tuple[object, ...]]) -> LabelEntry:
    return LabelEntry(row.name, LabelAct(row.act), ChangesetNumber(row.changeset), row.by, row.time, row.why)
