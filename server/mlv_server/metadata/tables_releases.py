"""Tables of release managers: freezes, the history of labels, names of labels that are kept for some."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, Table, Text

from mlv_server.metadata.schema import Time, metadata

freezes = Table(
    "freezes",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    # Without a branch the path is meant on all of them.
    Column("branch_id", BigInteger),
    Column("label", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Time, nullable=False),
    Column("until", Time),
    Column("reason", Text, nullable=False),
    Column("lifted_at", Time),
    Column("lifted_by", Text, nullable=False),
    Column("lifted_why", Text, nullable=False),
    ForeignKeyConstraint(["repository_id", "branch_id"], ["branches.repository_id", "branches.id"]),
    Index(None, "repository_id", "lifted_at"),
)

label_history = Table(
    "label_history",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("act", Integer, nullable=False),
    Column("changeset", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("time", Time, nullable=False),
    Column("why", Text, nullable=False),
)

label_reservations = Table(
    "label_reservations",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("pattern", Text, nullable=False),
    # Empty: the pattern is kept for nobody any more.
    Column("subjects", JSON, nullable=False),
    Column("by", Text, nullable=False),
    Column("time", Time, nullable=False),
)
