"""Tables of webhooks, what was delivered to them, and external checks."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from mlv_server.metadata import tables
from mlv_server.metadata.schema import Time, metadata

_REPOSITORY, _USER = tables.repositories.c.id, tables.users.c.id

webhooks = Table(
    "webhooks",
    metadata,
    Column("repository_id", ForeignKey(_REPOSITORY), primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("kinds", JSON, nullable=False),
    Column("paths", JSON, nullable=False),
    Column("branch", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("old_secret", Text, nullable=False),
    Column("old_secret_until", Time),
    Column("created_by_id", ForeignKey(_USER), nullable=False),
    Column("created_at", Time, nullable=False),
    Column("state", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failing_since", Time),
    Column("next_at", Time),
    Column("last_delivery", BigInteger, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("repository_id", BigInteger, primary_key=True, autoincrement=False),
    Column("webhook", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("time", Time, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("status", Integer, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("fault", Text, nullable=False),
    Column("answer", Text, nullable=False),
    ForeignKeyConstraint(["repository_id", "webhook"], ["webhooks.repository_id", "webhooks.id"]),
)

checks = Table(
    "checks",
    metadata,
    Column("repository_id", ForeignKey(_REPOSITORY), primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("moments", JSON, nullable=False),
    Column("ref", Text, nullable=False),
    Column("paths", JSON, nullable=False),
    Column("deadline", Integer, nullable=False),
    Column("fail_open", Boolean, nullable=False),
    Column("secret", Text, nullable=False),
    Column("old_secret", Text, nullable=False),
    Column("old_secret_until", Time),
    Column("created_by_id", ForeignKey(_USER), nullable=False),
    Column("created_at", Time, nullable=False),
    UniqueConstraint("repository_id", "name"),
)
