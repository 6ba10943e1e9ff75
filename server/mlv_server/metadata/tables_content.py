"""Tables of content: packs, the frames inside them, where each segment lies, which files are proved."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, Table, UniqueConstraint

from mlv_server.metadata.schema import Hash, Id, metadata

packs = Table(
    "packs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("domain_id", BigInteger, nullable=False),
    Column("pack_id", Hash, nullable=False),
    Column("length", BigInteger, nullable=False),
    # Bytes of all its frames, and of those that a segment row still points at; the rest waits for a repack.
    Column("frame_bytes", BigInteger, nullable=False),
    Column("live_bytes", BigInteger, nullable=False),
    # When all its living frames had moved elsewhere; it is unlinked a grace period later.
    Column("retired_at", BigInteger),
    UniqueConstraint("domain_id", "pack_id"),
)

frames = Table(
    "frames",
    metadata,
    Column("id", Id, primary_key=True),
    Column("pack", Id, ForeignKey("packs.id"), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("header_length", Integer, nullable=False),
    Column("blob_length", Integer, nullable=False),
    Column("plain_length", Integer, nullable=False),
    Column("codec", Integer, nullable=False),
    # Names of the bases back to back; NULL where they are many and the frame's own header is read instead.
    Column("bases", LargeBinary),
    # BLAKE3 of header and blob, cut to 16 bytes: tells damage from a sound frame without decoding it.
    Column("checksum", LargeBinary(16), nullable=False),
    Column("live", Integer, nullable=False),
    Column("damaged", Boolean, nullable=False),
    UniqueConstraint("pack", "offset"),
)

segments = Table(
    "segments",
    metadata,
    Column("domain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Hash, primary_key=True),
    Column("frame", Id, nullable=False),
    Column("inner_offset", Integer, nullable=False),
    Column("length", Integer, nullable=False),
    sqlite_with_rowid=False,
)

contents = Table(
    "contents",
    metadata,
    Column("domain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Hash, primary_key=True),
    Column("size", BigInteger, nullable=False),
    # The name of its recipe; NULL for a file of one segment.
    Column("recipe", Hash),
    sqlite_with_rowid=False,
)

rebased = Table(
    "rebased",
    metadata,
    Column("repository_id", BigInteger, primary_key=True, autoincrement=False),
    # All contents that changesets up to this one brought follow the chain rule.
    Column("changeset", BigInteger, nullable=False),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("domain_id", BigInteger, primary_key=True, autoincrement=False),
    # How many times segments of the domain were removed as garbage: whoever saw them before looks again.
    Column("count", BigInteger, nullable=False),
)
