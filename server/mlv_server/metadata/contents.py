"""Whole files by their content: size, recipe, and that their recipe was proved to give their hash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlv_core.hashing import ContentHash
from sqlalchemy import Connection, Insert, Select, select
from sqlalchemy.dialects import postgresql, sqlite

from mlv_server.metadata.segments import batches
from mlv_server.metadata.tables_content import contents

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

    def page(self, domain_id: int, after: bytes, limit: int) -> list[ContentRow]:
        """Up to `limit` files of a domain in the order of their names, those after the name `after`."""
        query = _rows(domain_id).where(contents.c.hash > after).order_by(contents.c.hash).limit(limit)
        return [ContentRow(ContentHash(row.hash), row.size, row.recipe) for row in self._connection.execute(query)]

    def domains(self) -> list[int]:
        """Every content domain that holds files."""
        return list(self._connection.scalars(select(contents.c.domain_id).distinct().order_by(contents.c.domain_id)))


def insert_missing(connection: Connection, table) -> Insert:  # noqa: ANN001 - any table
    """An insert that leaves rows alone that are there already, for the connection's database."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


def _rows(domain_id: int) -> Select[tuple[bytes, int, bytes | None]]:
    return select(contents.c.hash, contents.c.size, contents.c.recipe).where(contents.c.domain_id == domain_id)
