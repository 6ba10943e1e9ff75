"""When a lock is given, renewed, refused, given up or broken (L1, L5-L7, L9, L15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mlv_core.entities import Branch, FileState, Lock, LockMode, LockNeed, LockScope
from mlv_core.errors import Denied, InvalidRequest, LimitExceeded, NotFound, StaleBase
from mlv_core.ids import ChangesetNumber, FencingToken, FileId
from mlv_core.requests import AcquireRequest, ReleaseRequest
from mlv_server.domain import lock_refusals
from mlv_server.domain.leases import is_live
from mlv_server.domain.lock_reach import Holder, LockGround, blocking, is_own
from mlv_server.domain.lock_refusals import counted, line, shown
from mlv_server.domain.lock_rules import need_of

FILES_LIMIT = 1_000
"""Files in one request, unless it says that it means more (L15): more is seldom meant."""
HELD_LIMIT = 5_000
"""Locks of one user in a repository, unless a request says that it means more (L15): more is a branch of one's own."""
REASON_LIMIT = 1_000
"""Characters of a reason: a sentence or two."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Locks to be written new, locks of the same workspace to be written again, dead locks in the way to be removed."""

    granted: tuple[Lock, ...]
    renewed: tuple[Lock, ...]
    replaced: tuple[Lock, ...]
    needs: tuple[LockNeed, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """Locks to be removed: given up by their user, and taken from others."""

    given_up: tuple[Lock, ...]
    broken: tuple[Lock, ...]


def decide_acquire(
    request: AcquireRequest, files: Mapping[str, FileState], ground: LockGround, last_token: FencingToken
) -> Acquisition:
    """All locks that `request` asks for, with tokens counted on from `last_token`, or none (L6).

    `files` is what stands at the request's paths in the branch's head; `ground` has every lock on those files.
    Raises: InvalidRequest, LimitExceeded, NotFound, LockHeld, StaleBase; the last three name every path in the way.
    """
    _check_request(request)
    holder, branch, now = ground.holder, ground.branch, ground.now
    needs = tuple(need_of(path, files.get(path), ground.rules) for path in request.paths)
    wanted = {
        path: place
        for place, path in enumerate(request.paths)
        if not request.only_required or needs[place] is LockNeed.REQUIRED
    }
    if missing := [path for path in wanted if path not in files and not request.only_required]:
        raise NotFound(
            counted(missing, f"is not in {branch.name} yet", f"are not in {branch.name} yet")
            + " and cannot be locked.",
            advice="Add and commit first; then it can be locked.",
            items=shown(missing),
        )
    standing = blocking(ground.held, branch, ground.branches)
    known = {path: files[path] for path in dict.fromkeys(request.paths) if path in files}
    foreign = [
        (path, lock)
        for path, state in known.items()
        if (lock := standing.get(state.file_id)) and is_live(lock, now) and not is_own(lock, holder)
    ]
    if foreign:
        raise lock_refusals.held(foreign, holder)
    taken = {path: state for path, state in known.items() if path in wanted}
    if stale := [path for path, state in taken.items() if request.have[wanted[path]] != state.content]:
        where = f"newer on {branch.name} than in your workspace"
        raise StaleBase(counted(stale, f"is {where}", f"are {where}") + ".", items=shown(stale))
    granted: list[Lock] = []
    renewed: list[Lock] = []
    replaced: list[Lock] = []
    for path, state in taken.items():
        base = request.bases[wanted[path]]
        before = standing.get(state.file_id)
        if before is not None and is_own(before, holder):
            renewed.append(replace(before, reason=request.reason or before.reason, base=base, lease_until=None))
            continue
        if before is not None:
            replaced.append(before)
        token = FencingToken(last_token + len(granted) + 1)
        granted.append(_new_lock(holder, request, branch, path, state.file_id, base, token, now))
    if holder.owned + len(granted) > HELD_LIMIT and granted and not request.many:
        raise LimitExceeded(
            f"You would hold {holder.owned + len(granted):,} locks here; {HELD_LIMIT:,} are allowed.",
            advice="Give some up with 'mlv unlock', or repeat with --yes if you mean it.",
        )
    return Acquisition(tuple(granted), tuple(renewed), tuple(replaced), needs)


def decide_release(
    holder: Holder,
    request: ReleaseRequest,
    held: Sequence[Lock],
    *,
    may_break: bool,
) -> Release:
    """Which locks end: of `held`, those that the request's paths or the whole workspace stand for.

    One's own locks always, wherever they were taken (L7); others' only by force, with the right and a reason (L9).
    Raises: InvalidRequest, NotFound, LockHeld, Denied.
    """
    if request.all_of_workspace:
        own = tuple(lock for lock in held if is_own(lock, holder))
        return Release(given_up=own, broken=())
    found = {lock.path for lock in held}
    if missing := [path for path in request.paths if path not in found]:
        raise NotFound(
            counted(missing, "is not locked", "are not locked") + ".",
            advice="'mlv locks' shows what is locked.",
            items=shown(missing),
        )
    given_up = tuple(lock for lock in held if lock.owner == holder.user)
    others = tuple(lock for lock in held if lock.owner != holder.user)
    if others and not request.force:
        raise lock_refusals.held([(lock.path, lock) for lock in others], holder)
    if others and not may_break:
        raise Denied(
            "Breaking another's lock needs the right 'lock.break'.",
            advice="Ask the holder, or a maintainer.",
            items=tuple(line(lock.path, lock, holder) for lock in others),
        )
    if others and not request.reason.strip():
        raise InvalidRequest("Breaking another's lock needs a reason.", advice="Say why with -m WHY.")
    return Release(given_up, broken=others)


def _check_request(request: AcquireRequest) -> None:
    count = len(request.paths)
    if len(request.have) != count or len(request.bases) != count:
        raise InvalidRequest("hashes and bases must have one entry for each path.")
    if request.mode is not LockMode.EXCLUSIVE:
        raise InvalidRequest("mode must be exclusive: the server gives no other locks yet.")
    if request.scope not in {None, LockScope.BRANCH}:
        raise InvalidRequest("scope must be branch: the server gives no wider locks yet.")
    if len(request.reason) > REASON_LIMIT:
        raise InvalidRequest(f"reason has {len(request.reason):,} characters; {REASON_LIMIT:,} are allowed.")
    if count > FILES_LIMIT and not request.many:
        raise LimitExceeded(
            f"{count:,} files in one request; {FILES_LIMIT:,} are allowed.", advice="Repeat with --yes if you mean it."
        )


def _new_lock(
    holder: Holder,
    request: AcquireRequest,
    branch: Branch,
    path: str,
    file_id: FileId,
    base: ChangesetNumber,
    token: FencingToken,
    now: int,
) -> Lock:
    return Lock(
        file_id=file_id,
        path=path,
        owner=holder.user,
        workspace=holder.workspace,
        host=holder.host,
        mode=LockMode.EXCLUSIVE,
        scope=LockScope.BRANCH,
        branch=branch.name,
        base=base,
        reason=request.reason,
        acquired_at=now,
        lease_until=None,
        token=token,
    )
