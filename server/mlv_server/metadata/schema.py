"""The one MetaData that all tables of the metadata database belong to, and the column types they share."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit id that the database counts up; SQLite does so only for a column declared INTEGER."""

Time: TypeEngine[int] = BigInteger()
"""Milliseconds since 1970 UTC."""

Hash: TypeEngine[bytes] = LargeBinary(32)
"""A raw 32-byte BLAKE3 hash."""
