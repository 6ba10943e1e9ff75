"""Tables of those who asked for a lock that another holds, and of the queue of those who wait."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, Table, Text

from mlv_server.metadata.schema import Time, metadata

lock_requests = Table(
    "lock_requests",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("owner_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("workspace", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("branch_id", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("waits", Boolean, nullable=False),
    Column("asked_at", Time, nullable=False),
    Column("seen", Time, nullable=False),
    Column("until", Time, nullable=False),
    Column("counted_from", Time, nullable=False),
    Column("denied_by", Text, nullable=False),
    Column("denied_why", Text, nullable=False),
    Column("denied_at", Time),
    Column("behind", BigInteger, nullable=False),
    ForeignKeyConstraint(["repository_id", "branch_id"], ["branches.repository_id", "branches.id"]),
)

lock_request_files = Table(
    "lock_request_files",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("file_id", BigInteger, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("base", BigInteger, nullable=False),
    ForeignKeyConstraint(["repository_id", "number"], ["lock_requests.repository_id", "lock_requests.number"]),
    Index(None, "repository_id", "file_id"),
)

lock_request_folders = Table(
    "lock_request_folders",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("path", Text, primary_key=True),
    Column("base", BigInteger, nullable=False),
    ForeignKeyConstraint(["repository_id", "number"], ["lock_requests.repository_id", "lock_requests.number"]),
)
