"""What an audit row says, and the chain of hashes that makes every edit, cut and reorder of the trail visible."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mlv_core.deferred import dataclass
from mlv_core.hashing import HASH_LENGTH, hash_structured

SERVER_CHAIN = 0
"""The chain of what belongs to no repository; a repository's chain has its id."""
START = bytes(HASH_LENGTH)
"""What the first row of a chain names as the hash before it."""
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did or was refused what, on which object, by which rule, from where. `detail` holds name, value pairs."""

    time: int
    user: str
    token_id: str
    peer: str
    request_id: str
    action: str
    object: str
    allowed: bool
    rule: int | None = None
    reason: str = ""
    detail: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry as it lies in its chain: canonical bytes, the hash of the row before it, its own hash."""

    sequence: int
    record: bytes
    previous: bytes
    hash: bytes


def seal(chain: int, sequence: int, previous: bytes, entry: AuditEntry) -> AuditRow:
    """The row that `entry` becomes at place `sequence` (from 1) of `chain`, after the row whose hash is `previous`."""
    record = _ENCODER.encode(
        {
            "chain": chain,
            "sequence": sequence,
            "time": entry.time,
            "user": entry.user,
            "token": entry.token_id,
            "peer": entry.peer,
            "request": entry.request_id,
            "action": entry.action,
            "object": entry.object,
            "allowed": entry.allowed,
            "rule": entry.rule,
            "reason": entry.reason,
            "detail": dict(entry.detail),
        }
    ).encode("ascii")
    return AuditRow(sequence, record, previous, hash_row(previous, record))


def hash_row(previous: bytes, record: bytes) -> bytes:
    """The hash of a row: of the hash before it and its canonical bytes."""
    return hash_structured("audit", previous + record)


def first_fault(chain: int, rows: Iterable[AuditRow]) -> int | None:
    """The sequence number of the first row that was edited, cut out, put in or moved; None for a sound chain."""
    previous = START
    for expected, row in enumerate(rows, start=1):
        said = _place(row.record)
        if row.sequence != expected or said != (chain, expected) or row.previous != previous:
            return expected
        if row.hash != hash_row(previous, row.record):
            return expected
        previous = row.hash
    return None


def _place(record: bytes) -> tuple[object, object] | None:
    try:
        said = json.loads(record)
    except ValueError:
        return None
    return (said.get("chain"), said.get("sequence")) if isinstance(said, dict) else None
