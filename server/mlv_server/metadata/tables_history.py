"""The tables of history: changesets, their lists and folds, one row per changed path, contents along a file's life."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

from mlv_server.metadata.schema import Hash, Time, metadata

ByteText = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that compares by code point, as change lists are sorted."""

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
    Column("branch_id", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
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
    ForeignKeyConstraint(["repository_id", "branch_id"], ["branches.repository_id", "branches.id"]),
    Index("ix_changesets_branch", "repository_id", "branch_id", "number"),
    Index("ix_changesets_author", "repository_id", "author", "number"),
)

environments = Table(
    "environments",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    # Names the canonical bytes; the records of changesets hold it instead of them.
    Column("digest", Hash, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

change_lists = Table(
    "change_lists",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("changeset", BigInteger, primary_key=True, autoincrement=False),
    # 0: a commit's own list, 1, 2, ...: folds of 16 lists of the level below, 100: a snapshot.
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    # The version that this list leads on from; 0 is the empty one.
    Column("before", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("list_id", Hash, nullable=False),
    # The first part of the encoded list; the others lie in list_parts.
    Column("data", LargeBinary, nullable=False),
)

list_parts = Table(
    "list_parts",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("changeset", BigInteger, primary_key=True, autoincrement=False),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

folded = Table(
    "folded",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    # All folds and snapshots that end at this changeset or an earlier one are made.
    Column("changeset", BigInteger, nullable=False),
)

path_changes = Table(
    "path_changes",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("file_id", BigInteger, primary_key=True, autoincrement=False),
    Column("changeset", BigInteger, primary_key=True, autoincrement=False),
    # A file that moves has two rows in one changeset: where it went and where it was.
    Column("path", ByteText, primary_key=True),
    Column("operation", SmallInteger, nullable=False),
    # The operation is part of it so that each column lies in the table and in an index (covers.py).
    Index("ix_path_changes_path", "repository_id", "path", "changeset", "operation"),
    sqlite_with_rowid=False,
)

file_contents = Table(
    "file_contents",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("file_id", BigInteger, primary_key=True, autoincrement=False),
    Column("content", Hash, primary_key=True),
    # Place in the file's chain of contents; the first is 0. A content that comes back keeps its place.
    Column("ordinal", Integer, nullable=False),
    Column("previous", Hash),
    # The changeset that brought it.
    Column("changeset", BigInteger, nullable=False),
    # All columns, so that each lies in the table and in an index (covers.py).
    Index("ix_file_contents_changeset", "repository_id", "changeset", "ordinal", "previous"),
    sqlite_with_rowid=False,
)

uploads = Table(
    "uploads",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("upload", Text, primary_key=True),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("time", Time, nullable=False, index=True),
)
