"""Locks on a folder and on everything below it, what is there and what is to come (L1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mlv_core.entities import Change, Lock, LockMode
from mlv_core.errors import InvalidRequest, StaleBase
from mlv_core.ids import FencingToken, FileId
from mlv_core.paths import is_below
from mlv_core.requests import AcquireRequest
from mlv_server.domain import lock_refusals
from mlv_server.domain.leases import check_ttl, is_live, is_spent, leased
from mlv_server.domain.lock_reach import LockGround, is_own, meets, reaches
from mlv_server.domain.lock_rules import LockTerms, terms_of
from mlv_server.domain.locking import Acquisition, check_owned, check_request, overcome

TREES_LIMIT = 100
"""Folders in one request: who wants more wants a folder above them."""
SHOWN_LIMIT = 100
"""Paths that a refusal names; the number of all is said beside them."""
NO_FILE = FileId(0)
"""A lock on a folder is on no file."""


def check_trees(changes: Iterable[Change], ground: LockGround) -> None:
    """Check that nobody else has locked a folder into which, or out of which, one of `changes` reaches (L12).

    New files are held too. Raises: LockHeld naming each path.
    """
    foreign = [
        lock
        for lock in trees(ground.held)
        if not is_own(lock, ground.holder)
        and is_live(lock, ground.now)
        and reaches(lock, ground.branch, ground.branches)
    ]
    if not foreign:
        return
    touched = {path for change in changes for path in (change.path, change.source) if path}
    conflicts = [(path, lock) for path in sorted(touched) for lock in foreign if is_below(path, lock.path)]
    if conflicts:
        raise lock_refusals.held(conflicts, ground.holder)


def own_trees(ground: LockGround) -> tuple[Lock, ...]:
    """The holder's own locks on folders that reach the branch; an expired one counts until somebody takes it (L8)."""
    return tuple(
        lock
        for lock in trees(ground.held)
        if is_own(lock, ground.holder) and reaches(lock, ground.branch, ground.branches)
    )


def trees(held: Iterable[Lock]) -> list[Lock]:
    """The exclusive locks on folders among `held`."""
    return [lock for lock in held if lock.tree and lock.mode is LockMode.EXCLUSIVE]


def decide_trees(
    request: AcquireRequest,
    changed: Mapping[str, Sequence[str]],
    ground: LockGround,
    last_token: FencingToken,
    *,
    may_break: bool = False,
) -> Acquisition:
    """Locks on all the folders of `request`, or on none (L6).

    `ground` has every lock on a folder and every lock on a file below, under its path on the branch; `changed` what is
    newer on the branch than in the workspace, by folder (L5). Raises: InvalidRequest, LimitExceeded, Denied, LockHeld,
    StaleBase.
    """
    check_request(request)
    if request.only_required:
        raise InvalidRequest("tree and only_required exclude each other: a folder has no need of its own.")
    check_folders(request.paths)
    granted: list[Lock] = []
    renewed: list[Lock] = []
    dead: dict[FencingToken, Lock] = {}
    conflicts: list[tuple[str, Lock]] = []
    bases = dict(zip(request.paths, request.bases, strict=True))
    for folder in dict.fromkeys(request.paths):
        terms = terms_of(folder, None, ground.rules)
        check_ttl(request.ttl, terms)
        own = _own(folder, ground)
        lock = _wanted(folder, own, request, ground, terms)
        lock = leased(replace(lock, base=bases[folder]), terms, ground.now, request.ttl)
        near = [one for one in ground.held if _meets(one, lock, ground)]
        conflicts += [(one.path, one) for one in near if is_live(one, ground.now)]
        dead.update({one.token: one for one in near if not is_live(one, ground.now)})
        if own is not None:
            renewed.append(lock)
        else:
            granted.append(replace(lock, token=FencingToken(last_token + len(granted) + 1)))
    moved, stolen = overcome(conflicts, request, ground.holder, may_break=may_break)
    if stale := [path for folder in bases for path in changed.get(folder, ())]:
        raise StaleBase(
            lock_refusals.counted(stale, "is newer", "are newer") + f" on {ground.branch.name} than in your workspace.",
            advice="'mlv update' brings the newest versions; then lock the folder again.",
            items=lock_refusals.shown(stale[:SHOWN_LIMIT]),
        )
    check_owned(ground.holder, granted, (*moved, *dead.values()), many=request.many)
    needs = tuple(terms_of(folder, None, ground.rules).need for folder in request.paths)
    return Acquisition(tuple(granted), tuple(renewed), tuple(dead.values()), moved, stolen, needs)


def check_folders(folders: Sequence[str]) -> None:
    """Check that these folders may be locked, or asked for, at once. Raises: InvalidRequest."""
    if len(folders) > TREES_LIMIT:
        raise InvalidRequest(f"{len(folders):,} folders in one request; {TREES_LIMIT} are allowed.")
    if any(path in {"", "."} for path in folders):
        raise InvalidRequest(
            "The whole repository cannot be locked as a folder.",
            advice="'mlv freeze' stops all work on a branch; or name the folders.",
        )


def _own(folder: str, ground: LockGround) -> Lock | None:
    """The workspace's own lock on exactly this folder, to be renewed."""
    for lock in own_trees(ground):
        if lock.path == folder and not is_spent(lock, ground.now):
            return lock
    return None


def _wanted(folder: str, own: Lock | None, request: AcquireRequest, ground: LockGround, terms: LockTerms) -> Lock:
    """The lock as it is to be, without lease and new token."""
    if own is not None:
        scope = request.scope or own.scope
        if own.branch != ground.branch.name:
            scope = max(own.scope, scope)  # narrower it would no longer reach this branch
        return replace(own, scope=scope, reason=request.reason or own.reason)
    holder = ground.holder
    return Lock(
        file_id=NO_FILE,
        path=folder,
        owner=holder.user,
        workspace=holder.workspace,
        host=holder.host,
        mode=LockMode.EXCLUSIVE,
        scope=request.scope or terms.scope_on(ground.branch.kind),
        branch=ground.branch.name,
        base=request.bases[0],
        reason=request.reason,
        acquired_at=ground.now,
        lease_until=None,
        token=FencingToken(0),
        tree=True,
    )


def _meets(one: Lock, wanted: Lock, ground: LockGround) -> bool:
    """Whether a lock of another workspace and the one on a folder are about the same files of some branch."""
    if one.mode is not LockMode.EXCLUSIVE or is_own(one, ground.holder):
        return False
    near = is_below(one.path, wanted.path) or (one.tree and is_below(wanted.path, one.path))
    return near and meets(one, wanted.scope, ground.branch, ground.branches)
