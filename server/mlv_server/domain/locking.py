"""When a lock is given, renewed, refused, given up, and what a commit must hold (L1-L7, L9, L11, L12, L15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mlv_core.entities import Branch, Change, FileState, Lock, LockMode, LockNeed, LockScope, Operation
from mlv_core.errors import (
    Denied,
    InvalidRequest,
    LimitExceeded,
    LockHeld,
    LockLost,
    LockNeeded,
    NotFound,
    StaleBase,
)
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, WorkspaceId, escape
from mlv_core.paths import show_path
from mlv_core.requests import AcquireRequest, ProposedChange, ReleaseRequest
from mlv_server.domain.lock_rules import need_of

FILES_LIMIT = 1_000
"""Files in one request, unless it says that it means more (L15): more is seldom meant."""
HELD_LIMIT = 5_000
"""Locks of one user in a repository, unless a request says that it means more (L15): more is a branch of one's own."""
REASON_LIMIT = 1_000
"""Characters of a reason: a sentence or two."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks: a lock's holder is user and workspace together (L7); `owned`: all locks of the user here (L15)."""

    user: str
    workspace: WorkspaceId
    host: str
    owned: int = 0


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


@dataclass(frozen=True, slots=True)
class CommitLocks:
    """What policy asks for per change, in their order, and the workspace's own locks on the changed files (L11)."""

    needs: tuple[LockNeed, ...]
    own: tuple[Lock, ...]


def reaches(lock: Lock, branch: Branch, branches: Mapping[str, Branch]) -> bool:
    """Whether `lock` speaks of commits to `branch` (L4); `branches` has every branch by name."""
    if lock.scope is LockScope.REPOSITORY or lock.branch == branch.name:
        return True
    if lock.scope is LockScope.BRANCH:
        return False
    origin = branches[lock.branch]
    return (origin.target or origin.name) == (branch.target or branch.name)


def is_live(lock: Lock, now: int) -> bool:
    """Whether the lock still blocks others at `now` (ms): its lease, if it has one, has not ended."""
    return lock.lease_until is None or lock.lease_until > now


def decide_acquire(
    holder: Holder,
    request: AcquireRequest,
    branch: Branch,
    branches: Mapping[str, Branch],
    files: Mapping[str, FileState],
    held: Sequence[Lock],
    last_token: FencingToken,
    now: int,
) -> Acquisition:
    """All locks that `request` asks for, with tokens counted on from `last_token`, or none (L6).

    `files` is what stands at the request's paths in the branch's head, `held` every lock on those files.
    Raises: InvalidRequest, LimitExceeded, NotFound, LockHeld, StaleBase; the last three name every path in the way.
    """
    _check_request(request)
    needs = tuple(need_of(path, files.get(path)) for path in request.paths)
    wanted = {
        path: place
        for place, path in enumerate(request.paths)
        if not request.only_required or needs[place] is LockNeed.REQUIRED
    }
    if missing := [path for path in wanted if path not in files and not request.only_required]:
        raise NotFound(
            _count(missing, f"is not in {branch.name} yet", f"are not in {branch.name} yet") + " and cannot be locked.",
            advice="Add and commit first; then it can be locked.",
            items=_shown(missing),
        )
    blocking = _blocking(held, branch, branches)
    known = {path: files[path] for path in dict.fromkeys(request.paths) if path in files}
    foreign = [
        (path, lock)
        for path, state in known.items()
        if (lock := blocking.get(state.file_id)) and is_live(lock, now) and not _is_own(lock, holder)
    ]
    if foreign:
        raise _held(foreign, holder)
    taken = {path: state for path, state in known.items() if path in wanted}
    if stale := [path for path, state in taken.items() if request.have[wanted[path]] != state.content]:
        where = f"newer on {branch.name} than in your workspace"
        raise StaleBase(_count(stale, f"is {where}", f"are {where}") + ".", items=_shown(stale))
    granted: list[Lock] = []
    renewed: list[Lock] = []
    replaced: list[Lock] = []
    for path, state in taken.items():
        base = request.bases[wanted[path]]
        before = blocking.get(state.file_id)
        if before is not None and _is_own(before, holder):
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
        own = tuple(lock for lock in held if _is_own(lock, holder))
        return Release(given_up=own, broken=())
    found = {lock.path for lock in held}
    if missing := [path for path in request.paths if path not in found]:
        raise NotFound(
            _count(missing, "is not locked", "are not locked") + ".",
            advice="'mlv locks' shows what is locked.",
            items=_shown(missing),
        )
    given_up = tuple(lock for lock in held if lock.owner == holder.user)
    others = tuple(lock for lock in held if lock.owner != holder.user)
    if others and not request.force:
        raise _held([(lock.path, lock) for lock in others], holder)
    if others and not may_break:
        raise Denied(
            "Breaking another's lock needs the right 'lock.break'.",
            advice="Ask the holder, or a maintainer.",
            items=tuple(_line(lock.path, lock, holder) for lock in others),
        )
    if others and not request.reason.strip():
        raise InvalidRequest("Breaking another's lock needs a reason.", advice="Say why with -m WHY.")
    return Release(given_up, broken=others)


def check_commit(
    holder: Holder,
    changes: Sequence[ProposedChange],
    current: Mapping[str, FileState],
    branch: Branch,
    branches: Mapping[str, Branch],
    held: Sequence[Lock],
    now: int,
) -> CommitLocks:
    """Check that `holder` has every lock that these changes need (L2, L3, L12).

    `current` is what stands at the changes' paths and sources in the branch's head, `held` every lock on those files.
    A path without a file has no lock: its first Publish wins. The presented token must be the live lock's own.
    Raises: LockLost, LockHeld, LockNeeded, in this order, each naming every path.
    """
    blocking = _blocking(held, branch, branches)
    needs: list[LockNeed] = []
    lost: list[tuple[str, Lock | None]] = []
    foreign: list[tuple[str, Lock]] = []
    lacking: list[str] = []
    own: dict[FencingToken, Lock] = {}
    for proposed in changes:
        path, before = _touched(proposed.change, current)
        needs.append(need_of(proposed.change.path, proposed.change.state or before))
        if before is None:
            continue
        lock = blocking.get(before.file_id)
        live = lock if lock is not None and is_live(lock, now) else None
        if live is not None and _is_own(live, holder):
            own[live.token] = live
        if proposed.token and (live is None or live.token != proposed.token or not _is_own(live, holder)):
            lost.append((path, live))
        elif live is not None and not _is_own(live, holder):
            foreign.append((path, live))
        elif not proposed.token and need_of(path, before) is LockNeed.REQUIRED:
            lacking.append(path)
    if lost:
        raise _lost(lost, holder)
    if foreign:
        raise _held(foreign, holder)
    if lacking:
        text = _count(lacking, "must be locked before it is changed", "must be locked before they are changed")
        raise LockNeeded(f"{text}.", items=_shown(lacking))
    return CommitLocks(tuple(needs), tuple(own.values()))


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


def _blocking(held: Iterable[Lock], branch: Branch, branches: Mapping[str, Branch]) -> dict[FileId, Lock]:
    """The exclusive lock on each file that reaches `branch`."""
    return {lock.file_id: lock for lock in held if lock.mode is LockMode.EXCLUSIVE and reaches(lock, branch, branches)}


def _touched(change: Change, current: Mapping[str, FileState]) -> tuple[str, FileState | None]:
    """The path and state of the file that `change` changes; no state for a path that no version has yet."""
    if change.operation is Operation.MOVE:
        return change.source, current.get(change.source)
    return change.path, current.get(change.path)


def _is_own(lock: Lock, holder: Holder) -> bool:
    return lock.owner == holder.user and lock.workspace == holder.workspace


def _held(conflicts: Sequence[tuple[str, Lock]], holder: Holder) -> LockHeld:
    lines = tuple(_line(path, lock, holder) for path, lock in conflicts)
    only_mine = all(lock.owner == holder.user for _, lock in conflicts)
    advice = "'mlv unlock PATH' gives up your lock from here too." if only_mine else None
    if len(lines) == 1:
        return LockHeld(f"{lines[0]}.", advice=advice, items=lines)
    return LockHeld(f"{len(lines)} files are locked elsewhere.", advice=advice, items=lines)


def _lost(conflicts: Sequence[tuple[str, Lock | None]], holder: Holder) -> LockLost:
    lines = tuple(
        _line(path, lock, holder) if lock is not None else f"{show_path(path)} is no longer locked"
        for path, lock in conflicts
    )
    if len(lines) == 1:
        return LockLost(f"Your lock is lost: {lines[0]}.", items=lines)
    return LockLost(f"Your locks on {len(lines)} files are lost.", items=lines)


def _line(path: str, lock: Lock, holder: Holder) -> str:
    who = f"you in another workspace on {lock.host}" if lock.owner == holder.user else f"{lock.owner} on {lock.host}"
    until = "no end" if lock.lease_until is None else f"until {_time(lock.lease_until)}"
    why = f": {escape(lock.reason)}" if lock.reason else ""
    return f"{show_path(path)} is locked by {escape(who)} since {_time(lock.acquired_at)} ({until}){why}"


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _count(paths: Sequence[str], one: str, many: str) -> str:
    return f"'{show_path(paths[0])}' {one}" if len(paths) == 1 else f"{len(paths)} files {many}"


def _shown(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(show_path(path) for path in paths)
