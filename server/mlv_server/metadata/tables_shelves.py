"""Tables of shelves: change lists that are kept and never land, their parts, and the contents that they need."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from mlv_server.metadata.schema import Hash, Id, Time, metadata

shelves = Table(
    "shelves",
    metadata,
    # Drawn at random: an id is never used again, and nobody guesses another's.
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("repository_id", ForeignKey("repositories.id"), nullable=False),
    Column("owner_id", ForeignKey("users.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False),
    Column("branch_id", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("time", Time, nullable=False),
    Column("files", Integer, nullable=False),
    # Plain bytes of the files added and modified; bytes by which packs and metadata grew.
    Column("raw_bytes", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("private", Boolean, nullable=False),
    # Names the canonical list, whose rows hold the changeset that each was changed from.
    Column("list_id", Hash, nullable=False),
    ForeignKeyConstraint(["repository_id", "branch_id"], ["branches.repository_id", "branches.id"]),
    UniqueConstraint("repository_id", "owner_id", "folded"),
)

shelf_parts = Table(
    "shelf_parts",
    metadata,
    Column("shelf", ForeignKey("shelves.id"), primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

shelf_contents = Table(
    "shelf_contents",
    metadata,
    Column("domain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Hash, primary_key=True),
    Column("shelf", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    # As in contents; rows of one hash have the same.
    Column("recipe", Hash),
    # All columns, so that each lies in the table and in an index (covers.py).
    Index("ix_shelf_contents_shelf", "shelf", "size", "recipe"),
    sqlite_with_rowid=False,
)
