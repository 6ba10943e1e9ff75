"""Shelves: their rows, their change lists, and the contents that are kept for them alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from mlv_core.changes import EncodedList, ListReader
from mlv_core.changes import Row as ListRow
from mlv_core.deferred import dataclass
from mlv_core.errors import DamagedContent, MlvError
from mlv_core.ids import escape, fold
from mlv_core.shelving import Shelf
from mlv_server.metadata.lists import PART_BYTES
from mlv_server.metadata.tables import branches, users
from mlv_server.metadata.tables_shelves import shelf_contents, shelf_parts, shelves


@dataclass(frozen=True, slots=True)
class ShelfRow:
    """A shelf, and what its list is named by."""

    shelf: Shelf
    list_id: bytes


class Shelves:
    """Shelves by repository, owner and name (found without regard to case), within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, repository_id: int, owner_id: int, branch_id: int, shelf: Shelf, encoded: EncodedList) -> None:
        """Keep a new shelf and its list."""
        self._connection.execute(
            insert(shelves).values(
                id=shelf.id,
                repository_id=repository_id,
                owner_id=owner_id,
                name=shelf.name,
                folded=fold(shelf.name),
                branch_id=branch_id,
                message=shelf.message,
                workspace=shelf.workspace,
                host=shelf.host,
                time=shelf.created_at,
                files=shelf.files,
                raw_bytes=shelf.raw_bytes,
                stored_bytes=shelf.stored_bytes,
                private=shelf.private,
                list_id=encoded.id,
            )
        )
        blob = encoded.blob
        parts = [
            {"shelf": shelf.id, "part": number, "data": blob[start : start + PART_BYTES]}
            for number, start in enumerate(range(0, len(blob), PART_BYTES))
        ]
        self._connection.execute(insert(shelf_parts), parts)

    def remove(self, shelf_id: int) -> None:
        """Forget a shelf, its list and what is kept for it alone: that becomes garbage."""
        for table, column in ((shelf_contents, "shelf"), (shelf_parts, "shelf"), (shelves, "id")):
            self._connection.execute(delete(table).where(table.c[column] == shelf_id))

    def find(self, repository_id: int, owner: str, name: str) -> ShelfRow | None:
        """The shelf of a name among a user's."""
        mine = (users.c.folded == fold(owner)) & (shelves.c.folded == fold(name))
        row = self._connection.execute(_SELECT.where(shelves.c.repository_id == repository_id, mine)).first()
        return None if row is None else _shelf(row)

    def by_id(self, repository_id: int, shelf_id: int) -> ShelfRow | None:
        """The shelf of an id, if it is in the repository."""
        named = (shelves.c.repository_id == repository_id, shelves.c.id == shelf_id)
        row = self._connection.execute(_SELECT.where(*named)).first()
        return None if row is None else _shelf(row)

    def list_all(self, repository_id: int, owner: str = "") -> tuple[ShelfRow, ...]:
        """The shelves of a repository, or those of one user in it; the newest first."""
        found = _SELECT.where(shelves.c.repository_id == repository_id)
        if owner:
            found = found.where(users.c.folded == fold(owner))
        ordered = found.order_by(shelves.c.time.desc(), shelves.c.id)
        return tuple(_shelf(row) for row in self._connection.execute(ordered))

    def rows(self, row: ShelfRow) -> list[ListRow]:
        """The rows of a shelf's list. Raises: DamagedContent naming the shelf."""
        parts = select(shelf_parts.c.data).where(shelf_parts.c.shelf == row.shelf.id).order_by(shelf_parts.c.part)
        name = f"{escape(row.shelf.owner)}/{escape(row.shelf.name)}"
        try:
            reader = ListReader.of(b"".join(self._connection.scalars(parts)))
            found = list(reader.rows())
        except MlvError as error:
            raise DamagedContent(f"The change list of the shelf {name} is damaged: {error.message}") from error
        if reader.id != row.list_id or len(found) != row.shelf.files:
            raise DamagedContent(f"The change list of the shelf {name} is not the one that was kept.")
        return found

    def said_bytes(self, repository_id: int) -> int:
        """Bytes of the lists and messages of a repository's shelves."""
        mine = shelves.c.repository_id == repository_id
        joined = select(func.coalesce(func.sum(func.length(shelf_parts.c.data)), 0)).join(
            shelves, shelves.c.id == shelf_parts.c.shelf
        )
        lists = int(self._connection.execute(joined.where(mine)).scalar_one())
        texts = select(func.coalesce(func.sum(func.length(shelves.c.message)), 0)).where(mine)
        return lists + int(self._connection.execute(texts).scalar_one())

    def ids_of_domain(self, domain_id: int) -> frozenset[int]:
        """The shelves for which contents of a domain are kept."""
        found = select(shelf_contents.c.shelf).where(shelf_contents.c.domain_id == domain_id).distinct()
        return frozenset(self._connection.scalars(found))

    def hashes_of(self, shelf_ids: Iterable[int]) -> set[bytes]:
        """The contents that are kept for these shelves."""
        found: set[bytes] = set()
        for shelf_id in shelf_ids:
            names = select(shelf_contents.c.hash).where(shelf_contents.c.shelf == shelf_id)
            found.update(bytes(name) for name in self._connection.scalars(names))
        return found


_SELECT = (
    select(shelves, users.c.name.label("owner"), branches.c.name.label("branch"))
    .join(users, users.c.id == shelves.c.owner_id)
    .join(
        branches,
        (branches.c.repository_id == shelves.c.repository_id) & (branches.c.id == shelves.c.branch_id),
    )
)


def _shelf(row: Row[Any]) -> ShelfRow:
    shelf = Shelf(
        id=row.id,
        owner=row.owner,
        name=row.name,
        branch=row.branch,
        message=row.message,
        workspace=row.workspace,
        host=row.host,
        created_at=row.time,
        files=row.files,
        raw_bytes=row.raw_bytes,
        stored_bytes=row.stored_bytes,
        private=row.private,
    )
    return ShelfRow(shelf, bytes(row.list_id))
