"""How long a lock stands (L8): a lease that each sign of life of its workspace leads further, up to a limit."""

from __future__ import annotations

from dataclasses import replace

from mlv_core.entities import Lock
from mlv_core.errors import InvalidRequest
from mlv_server.domain.lock_rule_tables import SHORTEST_MILLISECONDS, duration_text
from mlv_server.domain.lock_rules import LockTerms


def is_live(lock: Lock, now: int) -> bool:
    """Whether the lock still blocks others at `now` (ms): its lease, if it has one, has not ended."""
    return not lock.has_expired(now)


def is_spent(lock: Lock, now: int) -> bool:
    """Whether no renewal can help the lock any more at `now` (ms): its holder has to take it anew."""
    return lock.limit is not None and lock.limit <= now


def leased(lock: Lock, terms: LockTerms, now: int, ttl: int = 0) -> Lock:
    """`lock` with a lease that begins at `now` (ms): `ttl` long (0: as the rules say), within the rules' limit."""
    length = ttl or terms.ttl
    limit = lock.acquired_at + terms.max
    return replace(lock, ttl=length, limit=limit, lease_until=min(now + length, limit))


def lease_end(lease_until: int | None, ttl: int, limit: int | None, contact: int | None) -> int | None:
    """When a lease ends that was written as `lease_until`, if its workspace was last heard of at `contact`.

    All in ms. Signs of life are kept once for the workspace, so that one written row renews all of its locks.
    """
    if lease_until is None or contact is None or not ttl:
        return lease_until
    renewed = contact + ttl if limit is None else min(contact + ttl, limit)
    return max(lease_until, renewed)


def check_ttl(ttl: int, terms: LockTerms) -> None:
    """Check the lease that somebody wishes (ms; 0: none is wished). Raises: InvalidRequest naming the bounds."""
    if ttl and not SHORTEST_MILLISECONDS <= ttl <= terms.max:
        shortest, longest = duration_text(SHORTEST_MILLISECONDS), duration_text(terms.max)
        raise InvalidRequest(f"ttl must lie between {shortest} and {longest}, the most that policy allows here.")
