"""The tables of history: changesets, their lists and folds, one row per changed path, contents along a file's life."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
)

from mlv_server.metadata.schema import Hash, Time, metadata

SNAPSHOT_LEVEL = 100
"""The level of a list that holds a whole version; folds have 1, 2, ..., a commit's own list has 0."""

changesets = Table(
    "changesets",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Hash, nullable=False),
    # 0 is the empty state before the first commit; second_parent is null save for merges.
    Column("first_parent", BigInteger, nullable=False),
    Column("second_parent", BigInteger),
    # Changesets on the way to the empty state along first parents: which folds end here follows from it.
    Column("depth", BigInteger, nullable=False),
    Column("branch_id", ForeignKey("branches.id"), nullable=False),
    Column("author", String(128), nullable=False),
    Column("time", Time, nullable=False),
    Column("message", Text, nullable=False),
    Column("prepared_min", BigInteger, nullable=False),
    Column("prepared_max", BigInteger, nullable=False),
    Column("files_changed", Integer, nullable=False),
    # Plain bytes of the files added and modified; bytes by which packs and metadata grew.
    Column("raw_bytes", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    # The repository's counter of file ids after this changeset.
    Column("last_file_id", BigInteger, nullable=False),
    Column("records", LargeBinary, nullable=False),
)
Index("ix_changesets_time", changesets.c.repository_id, changesets.c.branch_id, changesets.c.time)
Index("ix_changesets_author", changesets.c.repository_id, changesets.c.author, changesets.c.number)

change_lists = Table(
    "change_lists",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("changeset", BigInteger, primary_key=True, autoincrement=False),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    # The version that this list leads on from; 0 is the empty one.
    Column("before", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("list_hash", Hash, nullable=False),
    # The list when it is small, else its index: its leaves lie in list_leaves.
    Column("data", LargeBinary, nullable=False),
)

list_leaves = Table(
    "list_leaves",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("hash", Hash, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

path_changes = Table(
    "path_changes",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("file_id", BigInteger, primary_key=True, autoincrement=False),
    Column("changeset", BigInteger, primary_key=True, autoincrement=False),
    # A file that moves has two rows in one changeset: where it went and where it was.
    Column("path", Text, primary_key=True),
    Column("operation", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_path_changes_path", path_changes.c.repository_id, path_changes.c.path, path_changes.c.changeset)

file_contents = Table(
    "file_contents",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("file_id", BigInteger, primary_key=True, autoincrement=False),
    Column("content", Hash, primary_key=True),
    # Place in the file's chain of contents; the first is 0. A content that comes back keeps its place.
    Column("ordinal", Integer, nullable=False),
    Column("previous", Hash),
    Column("changeset", BigInteger, nullable=False),
    # Whether the chain rule asks for another base than the one it arrived with, and that was not yet seen to.
    Column("due", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_file_contents_due", file_contents.c.repository_id, sqlite_where=file_contents.c.due, postgresql_where=file_contents.c.due)
