"""Whole files by their content: size, recipe, and that their recipe was proved to give their hash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Insert, Select, Table, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber
from mlv_server.metadata.segments import batches
from mlv_server.metadata.tables_content import contents, rebased

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
        """Those of `hashes` that are proved files of the domain."""
        return {
            ContentHash(row.hash): ContentRow(ContentHash(row.hash), row.size, row.recipe)
            for batch in batches(hashes)
            for row in self._connection.execute(_rows(domain_id).where(contents.c.hash.in_(batch)))
        }

    def record(self, domain_id: int, items: Iterable[ContentItem]) -> None:
        """Keep what was proved; a file that is known already keeps its first recipe."""
        rows = [{"domain_id": domain_id, "hash": name, "size": size, "recipe": recipe} for name, size, recipe in items]
        if rows:
            self._connection.execute(insert_missing(self._connection, contents), rows)

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
        query = _rows(domain_id).where(contents.c.hash > after).order_by(contents.c.hash).limit(limit)
        return [ContentRow(ContentHash(row.hash), row.size, row.recipe) for row in self._connection.execute(query)]

    def domains(self) -> list[int]:
        """Every content domain that holds files."""
        return list(self._connection.scalars(select(contents.c.domain_id).distinct().order_by(contents.c.domain_id)))


def insert_missing(connection: Connection, table: Table) -> Insert:
    """An insert that leaves rows alone that are there already, for the connection's database."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _rows(domain_id: int) -> Select[tuple[bytes, int, bytes | None]]:
    return select(contents.c.hash, contents.c.size, contents.c.recipe).where(contents.c.domain_id == domain_id)
