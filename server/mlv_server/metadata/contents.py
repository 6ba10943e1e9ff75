"""Whole files by their content: size, recipe, and that their recipe was proved to give their hash.

A file that only shelves have lies in a table of its own, so that it goes when they do.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Insert, Select, Table, bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from mlv_core.deferred import dataclass, maker
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber
from mlv_server.metadata.prepared import PreparedAmong
from mlv_server.metadata.tables_content import contents, rebased
from mlv_server.metadata.tables_shelves import shelf_contents

ContentItem = tuple[ContentHash, int, ContentHash | None]
"""File hash, size in bytes, hash of its recipe (None: the file is one segment)."""


@dataclass(frozen=True, slots=True)
class ContentRow:
    """A proved file; `recipe` None says that it is one segment."""

    hash: ContentHash
    size: int
    recipe: ContentHash | None


class Contents:
    """The content rows of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, domain_id: int, hashes: Iterable[ContentHash]) -> dict[ContentHash, ContentRow]:
        """Those of `hashes` that are proved files of the domain, whether a version or a shelf brought them."""
        wanted = list(dict.fromkeys(hashes))
        found = self._found(_PROVED, domain_id, wanted)
        left = [name for name in wanted if name not in found]
        return {**self._shelved(domain_id, left), **found} if left else found

    def record(self, domain_id: int, items: Iterable[ContentItem]) -> None:
        """Keep what was proved; a file that is known already keeps its first recipe."""
        rows = self._proved(domain_id, items)
        if rows:
            self._connection.execute(insert_missing(self._connection, contents), rows)

    def record_shelved(self, domain_id: int, shelf: int, items: Iterable[ContentItem]) -> None:
        """Keep what was proved for a shelf, as long as that is there; a known file keeps its first recipe."""
        known = list(items)
        recipes = {name: row.recipe for name, row in self.find(domain_id, [item[0] for item in known]).items()}
        rows = [
            {"domain_id": domain_id, "hash": name, "shelf": shelf, "size": size, "recipe": recipes.get(name, recipe)}
            for name, size, recipe in known
        ]
        if rows:
            self._connection.execute(insert_missing(self._connection, shelf_contents), rows)

    def rebased_until(self, repository_id: int) -> ChangesetNumber:
        """The changeset up to which the contents of a repository follow the chain rule; 0 for none."""
        query = select(rebased.c.changeset).where(rebased.c.repository_id == repository_id)
        return ChangesetNumber(self._connection.execute(query).scalar() or 0)

    def set_rebased(self, repository_id: int, changeset: ChangesetNumber) -> None:
        """Note that the contents up to `changeset` follow the chain rule."""
        self._connection.execute(delete(rebased).where(rebased.c.repository_id == repository_id))
        self._connection.execute(insert(rebased), {"repository_id": repository_id, "changeset": changeset})

    def page(self, domain_id: int, after: bytes, limit: int) -> list[ContentRow]:
        """Up to `limit` files of a domain in the order of their names, those after the name `after`."""
        found = {
            row.hash: row
            for table in (shelf_contents, contents)  # a version's row counts where both have one
            for row in self._rows_after(table, domain_id, after, limit)
        }
        return [found[name] for name in sorted(found)[:limit]]

    def domains(self) -> list[int]:
        """Every content domain that holds files."""
        tables = (contents, shelf_contents)
        return sorted(
            {one for table in tables for one in self._connection.scalars(select(table.c.domain_id).distinct())}
        )

    def _proved(self, domain_id: int, items: Iterable[ContentItem]) -> list[dict[str, object]]:
        """Rows for `items`; where a shelf holds the same file, with the recipe that was proved for it."""
        known = list(items)
        any_shelf = select(shelf_contents.c.hash).where(shelf_contents.c.domain_id == domain_id).limit(1)
        shelved: dict[ContentHash, ContentRow] = {}
        if known and self._connection.execute(any_shelf).first() is not None:
            shelved = self._shelved(domain_id, [item[0] for item in known])
        return [
            {
                "domain_id": domain_id,
                "hash": name,
                "size": size,
                "recipe": shelved[name].recipe if name in shelved else recipe,
            }
            for name, size, recipe in known
        ]

    def _shelved(self, domain_id: int, hashes: Iterable[ContentHash]) -> dict[ContentHash, ContentRow]:
        return self._found(_SHELVED, domain_id, list(dict.fromkeys(hashes)))

    def _found(self, rows: PreparedAmong, domain_id: int, distinct: list[ContentHash]) -> dict[ContentHash, ContentRow]:
        new = maker(ContentRow)
        found = rows.rows(self._connection, distinct, domain=domain_id)
        return {name: new(name, size, recipe) for name, size, recipe in found}

    def _rows_after(self, table: Table, domain_id: int, after: bytes, limit: int) -> list[ContentRow]:
        query = _rows(table).where(table.c.domain_id == domain_id, table.c.hash > after)
        query = query.order_by(table.c.hash).limit(limit)
        rows = self._connection.execute(query.distinct() if table is shelf_contents else query)
        return [ContentRow(ContentHash(row.hash), row.size, row.recipe) for row in rows]


def insert_missing(connection: Connection, table: Table) -> Insert:
    """An insert that leaves rows alone that are there already, for the connection's database."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _rows(table: Table) -> Select[tuple[bytes, int, bytes | None]]:
    return select(table.c.hash, table.c.size, table.c.recipe)


def _rows_among(table: Table) -> PreparedAmong:
    """The rows of some names of a domain."""
    of_domain = table.c.domain_id == bindparam("domain")
    return PreparedAmong(lambda names: _rows(table).where(of_domain, table.c.hash.in_(names)))


_PROVED = _rows_among(contents)
_SHELVED = _rows_among(shelf_contents)
