"""Intents (L2): who opened a file that needs no lock is seen by the others, and blocks none of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mlv_core.deferred import dataclass
from mlv_core.entities import FileState, Lock, LockMode, LockScope
from mlv_core.ids import ChangesetNumber, FencingToken, FileId
from mlv_core.requests import AcquireRequest
from mlv_server.domain.leases import is_spent, leased
from mlv_server.domain.lock_reach import LockGround, is_own
from mlv_server.domain.lock_rules import LockTerms


@dataclass(frozen=True, slots=True)
class Intended:
    """Intents to be written new, and those of the same workspace to be written again."""

    new: tuple[Lock, ...]
    renewed: tuple[Lock, ...]


def intended(
    paths: Sequence[str],
    files: Mapping[str, FileState],
    terms: Mapping[str, LockTerms],
    bases: Mapping[str, ChangesetNumber],
    request: AcquireRequest,
    ground: LockGround,
    last_token: int,
) -> Intended:
    """The intents of who opens `paths`, which get no lock; with numbers counted on from `last_token`.

    They stand as long as a lock would, and say where the file is being changed: on the branch alone.
    """
    known = {lock.file_id: lock for lock in of_holder(ground) if lock.branch == ground.branch.name}
    new: list[Lock] = []
    renewed: list[Lock] = []
    for path in paths:
        file_id = files[path].file_id
        before = known.get(file_id)
        if before is not None and not is_spent(before, ground.now):
            again = replace(before, reason=request.reason or before.reason, base=bases[path])
            renewed.append(leased(again, terms[path], ground.now, request.ttl))
            continue
        lock = Lock(
            file_id=file_id,
            path=path,
            owner=ground.holder.user,
            workspace=ground.holder.workspace,
            host=ground.holder.host,
            mode=LockMode.INTENT,
            scope=LockScope.BRANCH,
            branch=ground.branch.name,
            base=bases[path],
            reason=request.reason,
            acquired_at=ground.now,
            lease_until=None,
            token=FencingToken(last_token + len(new) + 1),
        )
        new.append(leased(lock, terms[path], ground.now, request.ttl))
    return Intended(tuple(new), tuple(renewed))


def of_holder(ground: LockGround) -> tuple[Lock, ...]:
    """The holder's own intents."""
    return tuple(lock for lock in ground.held if lock.mode is LockMode.INTENT and is_own(lock, ground.holder))


def ended_by(held: Iterable[Lock], files: Iterable[FileId]) -> tuple[Lock, ...]:
    """Those of the intents `held` that a commit of `files` ends: what was intended is done (L11)."""
    done = frozenset(files)
    return tuple(lock for lock in held if lock.file_id in done)
