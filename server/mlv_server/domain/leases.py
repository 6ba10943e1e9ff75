"""How long a lock stands (L8)."""

from __future__ import annotations

from mlv_core.entities import Lock


def is_live(lock: Lock, now: int) -> bool:
    """Whether the lock still blocks others at `now` (ms): its lease, if it has one, has not ended."""
    return lock.lease_until is None or lock.lease_until > now
