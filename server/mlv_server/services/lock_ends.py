"""Locks that begin and end, told where it must be: audit, events, and the record for whoever loses one (L9, L17)."""

from __future__ import annotations

from collections.abc import Sequence

from mlv_core.entities import Lock
from mlv_server.domain.events import EventKind, lock_event
from mlv_server.domain.lock_ends import LockEnd, ended
from mlv_server.metadata.unit_of_work import Transaction
from mlv_server.services import access
from mlv_server.services.call import Call

_KINDS = {
    LockEnd.BROKEN: EventKind.LOCK_BROKEN,
    LockEnd.STOLEN: EventKind.LOCK_STOLEN,
    LockEnd.EXPIRED: EventKind.LOCK_EXPIRED,
    LockEnd.RELEASED: EventKind.LOCK_RELEASED,
    LockEnd.GIVEN: EventKind.LOCK_GIVEN,
    LockEnd.CLOSED: EventKind.LOCK_RELEASED,
}


def tell(
    tx: Transaction,
    call: Call,
    repository_id: int,
    kind: EventKind,
    locks: Sequence[Lock],
    reason: str,
    *,
    elsewhere: bool = False,
) -> None:
    """Every lock event goes to audit and to the event stream (L17); `elsewhere`: as `lock_event`."""
    if not locks:
        return
    entries = tuple(
        access.audit_entry(
            call, kind.value, lock.path, owner=lock.owner, branch=lock.branch, token=lock.token, reason=reason
        )
        for lock in locks
    )
    tx.audit.append(repository_id, entries)
    told = tuple(lock_event(kind, lock, call.principal.user, reason, elsewhere=elsewhere) for lock in locks)
    tx.events.append(repository_id, call.now, told)


def end(tx: Transaction, call: Call, repository_id: int, locks: Sequence[Lock], how: LockEnd, reason: str) -> None:
    """End locks that their own workspace does not give up: its next commit is told how, by whom and why (L9).

    That a lease has ended is told once (L17): not again when somebody takes the lock.
    """
    if not locks:
        return
    news = tx.locks.untold(repository_id, locks) if how is LockEnd.EXPIRED else locks
    tx.locks.remove(repository_id, [lock.token for lock in locks])
    tx.ended_locks.add(repository_id, ended(locks, how, call.principal.user, reason, call.now))
    tell(tx, call, repository_id, _KINDS[how], news, reason, elsewhere=how is LockEnd.RELEASED)
