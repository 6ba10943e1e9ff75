"""Tables of people, rights, repositories, refs, workspaces, locks, audit, events and requests."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
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

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False, unique=True),
    Column("server_admin", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("created_by", Text, nullable=False),
    # of a service account: who answers for it
    Column("owner_id", ForeignKey("users.id")),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("secret_hash", Hash, nullable=False),
    Column("description", Text, nullable=False),
    Column("scope", JSON, nullable=False),
    Column("networks", JSON, nullable=False),
    Column("repositories", JSON, nullable=False),
    Column("exchange", Boolean, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time),
    Column("last_used_at", Time),
    Column("last_used_from", Text, nullable=False),
    Column("revoked_at", Time),
)

groups = Table(
    "groups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False, unique=True),
    Column("created_at", Time, nullable=False),
    Column("created_by", Text, nullable=False),
)

group_members = Table(
    "group_members",
    metadata,
    Column("group_id", ForeignKey("groups.id"), primary_key=True, autoincrement=False),
    Column("user_id", ForeignKey("users.id"), primary_key=True, autoincrement=False, index=True),
)

rules = Table(
    "rules",
    metadata,
    Column("id", Id, primary_key=True),
    Column("effect", Integer, nullable=False),
    Column("subject_kind", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("actions", JSON, nullable=False),
    Column("repository", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("conditions", JSON, nullable=False),
    Column("expires_at", Time),
    Column("created_by", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    sqlite_autoincrement=True,  # audit rows name rules: an id is never used again
)

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("time", Time, nullable=False),
    Column("by", Text, nullable=False),
    # the repository, folded, or '' for the rules of several
    Column("document", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("added", JSON, nullable=False),
    Column("removed", JSON, nullable=False),
    # what the document holds besides rules, null where that is as it was
    Column("sections", JSON(none_as_null=True)),
    Index(None, "document", "version"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("changeset", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", ForeignKey("users.id"), primary_key=True, autoincrement=False),
    Column("message", Text, nullable=False),
    Column("time", Time, nullable=False),
)

domains = Table(
    "domains",
    metadata,
    Column("id", Id, primary_key=True),
    Column("created_at", Time, nullable=False),
)

repositories = Table(
    "repositories",
    metadata,
    Column("id", Id, primary_key=True),
    Column("domain_id", ForeignKey("domains.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("archived_at", Time),
    Column("last_branch_id", BigInteger, nullable=False),
)

lock_counters = Table(
    "lock_counters",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("last_token", BigInteger, nullable=False),
)

lock_rules = Table(
    "lock_rules",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    # JSON: a list of the tables that the rules were written as
    Column("rules", Text, nullable=False),
)

names = Table(
    "names",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("folded", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
)

branches = Table(
    "branches",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("target_id", BigInteger),
    Column("head", BigInteger, nullable=False),
    Column("origin", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("abandoned_at", Time),
    Column("abandoned_by", Text, nullable=False),
    Column("abandoned_why", Text, nullable=False),
    ForeignKeyConstraint(["repository_id", "target_id"], ["branches.repository_id", "branches.id"]),
    UniqueConstraint("repository_id", "name"),
)

labels = Table(
    "labels",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("changeset", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("time", Time, nullable=False),
    Column("moves", Integer, nullable=False),
    Index(None, "repository_id", "changeset"),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("owner_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("host", Text, nullable=False),
    Column("directory", Text, nullable=False),
    Column("branch_id", BigInteger, nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("last_seen", Time, nullable=False),
    ForeignKeyConstraint(["repository_id", "branch_id"], ["branches.repository_id", "branches.id"]),
)

locks = Table(
    "locks",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("token", BigInteger, primary_key=True, autoincrement=False),
    Column("file_id", BigInteger),
    Column("path", Text, nullable=False),
    Column("tree", Boolean, nullable=False),
    Column("mode", Integer, nullable=False),
    Column("scope", Integer, nullable=False),
    Column("branch_id", BigInteger, nullable=False),
    Column("owner_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("workspace", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("acquired_at", Time, nullable=False),
    # As it was written; a later sign of life of the workspace leads it further.
    Column("lease_until", Time),
    Column("ttl", BigInteger, nullable=False),
    Column("lease_limit", Time),
    # When it was told that the lease had ended; null while it has not.
    Column("expired_at", Time),
    ForeignKeyConstraint(["repository_id", "branch_id"], ["branches.repository_id", "branches.id"]),
    Index(None, "repository_id", "file_id"),
    Index(None, "repository_id", "workspace"),
)

ended_locks = Table(
    "ended_locks",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("token", BigInteger, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("end", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("time", Time, nullable=False),
)

divergences = Table(
    "divergences",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("file_id", BigInteger, primary_key=True, autoincrement=False),
    # The head at which a lock was taken, and the changeset elsewhere that it was taken in spite of.
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("changeset", BigInteger, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("time", Time, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    # 0 is the server's own chain; no foreign key, so that a chain outlives its repository
    Column("chain", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("time", Time, nullable=False, index=True),
    Column("user", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("previous", Hash, nullable=False),
    Column("hash", Hash, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("time", Time, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", JSON, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True, autoincrement=False),
    Column("request_id", Text, primary_key=True),
    Column("method", Text, nullable=False),
    Column("digest", Hash, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("time", Time, nullable=False, index=True),
)
