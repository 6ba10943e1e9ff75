"""Stored change lists: a commit's own, folds of many, snapshots; and the way from a version back to the empty one."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, LargeBinary, bindparam, cast, func, insert, select

from mlv_core.changes import EncodedList, ListReader, Shelf
from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent, MlvError
from mlv_core.ids import ChangesetNumber
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.tables_history import change_lists, list_parts

ListId = bytes
EMPTY = ChangesetNumber(0)
"""The version before the first commit."""
OWN_LEVEL = 0
SNAPSHOT_LEVEL = 100
"""Above any level of folds: 16**15 lists exceed a 64-bit number of changesets."""
PART_BYTES = 64 * 1024
"""Bytes of a list in one row: about what a look-up reads of a long list (its index, a leaf)."""
_AHEAD = 64
"""Rows read at once on the way back: a version lies behind about 24 lists, branches between them."""


@dataclass(frozen=True, slots=True)
class ListRow:
    """A stored list that leads from version `before` to version `changeset`; `list_id` b"": it is not believed."""

    changeset: ChangesetNumber
    level: int
    before: ChangesetNumber
    entries: int
    bytes: int
    list_id: ListId = b""


class Lists:
    """The stored lists of one repository, within one transaction."""

    def __init__(self, connection: Connection, repository_id: int, shelf: Shelf | None = None) -> None:
        self._connection = connection
        self._repository_id = repository_id
        self._shelf = shelf
        self._readers: dict[tuple[ChangesetNumber, int], ListReader] = {}

    def put(self, changeset: ChangesetNumber, level: int, before: ChangesetNumber, encoded: EncodedList) -> None:
        """Store a list; there must be none of that level at that changeset."""
        key = {"repository_id": self._repository_id, "changeset": changeset, "level": level}
        blob = encoded.blob
        row = {
            **key,
            "before": before,
            "entries": encoded.count,
            "bytes": len(blob),
            "list_id": encoded.id,
            "data": blob[:PART_BYTES],
        }
        _ADD.run(self._connection, **row)
        parts = [
            {**key, "part": number, "data": blob[number * PART_BYTES : (number + 1) * PART_BYTES]}
            for number in range(1, -(-len(blob) // PART_BYTES))
        ]
        if parts:
            _ADD_PART.run_many(self._connection, parts)

    def find(self, changeset: ChangesetNumber, level: int) -> ListRow | None:
        """The list of one level that ends at `changeset`, None where it was not made."""
        return next((row for row in self._ahead(changeset) if (row.changeset, row.level) == (changeset, level)), None)

    def at(self, changeset: ChangesetNumber) -> list[ListRow]:
        """Every list that ends at `changeset`, the highest level first."""
        return [row for row in self._ahead(changeset) if row.changeset == changeset]

    def way(self, changeset: ChangesetNumber, until: ChangesetNumber = EMPTY) -> Iterator[ListRow]:
        """The fewest stored lists that lead from `until` to `changeset`, the newest first.

        `until` must be an ancestor along first parents. Raises: DamagedContent when a list is missing.
        """
        ahead: list[ListRow] = []
        while changeset > until:
            usable = [row for row in ahead if row.changeset == changeset and row.before >= until]
            if not usable:
                ahead = self._ahead(changeset)
                usable = [row for row in ahead if row.changeset == changeset and row.before >= until]
            if not usable:
                raise missing_list(changeset)
            chosen = min(usable, key=lambda row: row.before)
            yield chosen
            changeset = chosen.before

    def common(self, first: ChangesetNumber, second: ChangesetNumber) -> ChangesetNumber:
        """The newest version from which both lead on along first parents; 0 where only the empty one is."""
        while first != second:
            low, high = sorted((first, second))
            first, second = low, self._back(high, low)
        return first

    def reader(self, row: ListRow) -> ListReader:
        """A reader of a list's rows; what it reads, it reads from this transaction. Raises: DamagedContent."""
        key = (row.changeset, row.level)
        if key not in self._readers:
            try:
                parts = _Parts(self._connection, self._repository_id, row)
                self._readers[key] = ListReader(parts.read, self._shelf, row.list_id)
            except MlvError as error:
                raise DamagedContent(f"The change list of @{row.changeset} is damaged: {error.message}") from error
        return self._readers[key]

    def total_bytes(self) -> int:
        """Encoded bytes of all lists, folds and snapshots."""
        total = select(func.coalesce(func.sum(change_lists.c.bytes), 0)).where(
            change_lists.c.repository_id == self._repository_id
        )
        return int(self._connection.execute(total).scalar_one())

    def _back(self, changeset: ChangesetNumber, low: ChangesetNumber) -> ChangesetNumber:
        """Where the list of `changeset` begins that reaches back farthest without passing `low`; else its parent."""
        starts = [row.before for row in self._ahead(changeset) if row.changeset == changeset]
        if not starts:
            raise missing_list(changeset)
        return min((start for start in starts if start >= low), default=max(starts))

    def _ahead(self, changeset: ChangesetNumber) -> list[ListRow]:
        found = _BACK_FROM.rows(self._connection, repository=self._repository_id, changeset=changeset)
        return [ListRow(*row) for row in found]


_ADD = Prepared(insert(change_lists), change_lists.c.keys())
_ADD_PART = Prepared(insert(list_parts), list_parts.c.keys())
_BACK_FROM = Prepared(
    select(*(change_lists.c[name] for name in ("changeset", "level", "before", "entries", "bytes", "list_id")))
    .where(change_lists.c.repository_id == bindparam("repository"), change_lists.c.changeset <= bindparam("changeset"))
    .order_by(change_lists.c.changeset.desc(), change_lists.c.level.desc())
    .limit(_AHEAD)
)
_FIRST_PART, _PART = (
    Prepared(
        # Whoever edited a row may have left text there, which the driver would try to decode.
        select(cast(table.c.data, LargeBinary)).where(
            table.c.repository_id == bindparam("repository"),
            table.c.changeset == bindparam("changeset"),
            table.c.level == bindparam("level"),
            *more,
        )
    )
    for table, more in ((change_lists, ()), (list_parts, (list_parts.c.part == bindparam("part"),)))
)


def missing_list(changeset: ChangesetNumber) -> DamagedContent:
    """The failure of finding no list for a changeset that exists."""
    return DamagedContent(f"The change list of @{changeset} is missing in the server's database.")


class _Parts:
    """Random access to the bytes of one stored list; the last part read is kept, for the next read is near."""

    def __init__(self, connection: Connection, repository_id: int, row: ListRow) -> None:
        self._connection = connection
        self._repository_id = repository_id
        self._row = row
        self._kept: tuple[int, bytes] = (-1, b"")

    def read(self, offset: int, length: int) -> bytes:
        """The bytes at `offset`, fewer at the end."""
        first, last = offset // PART_BYTES, (offset + max(length, 1) - 1) // PART_BYTES
        data = b"".join(self._part(number) for number in range(first, last + 1))
        start = offset - first * PART_BYTES
        return data[start : start + length]

    def _part(self, number: int) -> bytes:
        if self._kept[0] != number:
            where = {"repository": self._repository_id, "changeset": self._row.changeset, "level": self._row.level}
            if number:
                data = _PART.scalar(self._connection, **where, part=number)
            else:
                data = _FIRST_PART.scalar(self._connection, **where)
            self._kept = (number, data or b"")
        return self._kept[1]
