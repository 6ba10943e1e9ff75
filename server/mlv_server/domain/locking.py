"""When a lock is given, renewed, refused, given up or broken (L1, L5-L7, L9, L15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlv_core.deferred import dataclass
from mlv_core.entities import FileState, Lock, LockMode, LockNeed, LockScope
from mlv_core.errors import Denied, InvalidRequest, LimitExceeded, NotFound, StaleBase
from mlv_core.ids import ChangesetNumber, FencingToken
from mlv_core.paths import is_below
from mlv_core.requests import AcquireRequest, ReleaseRequest
from mlv_server.domain import lock_intents, lock_refusals
from mlv_server.domain.leases import check_ttl, is_live, is_spent, leased
from mlv_server.domain.lock_reach import Holder, LockGround, exclusive, is_own, meets, reaches
from mlv_server.domain.lock_refusals import counted, line, shown
from mlv_server.domain.lock_rules import LockTerms, terms_of

FILES_LIMIT = 1_000
"""Files in one request, unless it says that it means more (L15): more is seldom meant."""
HELD_LIMIT = 5_000
"""Locks of one user in a repository, unless a request says that it means more (L15): more is a branch of one's own.

Intents count: they block nobody, but each is a row, in every workspace of the user.
"""
REASON_LIMIT = 1_000
"""Characters of a reason: a sentence or two."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Locks to be written new, locks of the same workspace to be written again, and those that end for that.

    `replaced` had expired, `moved` are the user's own of other workspaces, `stolen` those of others (L9). `intended`
    are new too, and block nobody (L2).
    """

    granted: tuple[Lock, ...]
    renewed: tuple[Lock, ...]
    replaced: tuple[Lock, ...]
    moved: tuple[Lock, ...]
    stolen: tuple[Lock, ...]
    needs: tuple[LockNeed, ...]
    intended: tuple[Lock, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """Locks to be removed: given up by their user, and taken from others."""

    given_up: tuple[Lock, ...]
    broken: tuple[Lock, ...]


def decide_acquire(
    request: AcquireRequest,
    files: Mapping[str, FileState],
    ground: LockGround,
    last_token: FencingToken,
    *,
    may_break: bool = False,
) -> Acquisition:
    """All locks that `request` asks for, with tokens counted on from `last_token`, or none (L6).

    `files` is what stands at the request's paths in the branch's head; `ground` has every lock on those files.
    Raises: InvalidRequest, LimitExceeded, NotFound, Denied, LockHeld, StaleBase; the last three name every path.
    """
    check_request(request)
    branch = ground.branch
    terms = {path: terms_of(path, files.get(path), ground.rules) for path in request.paths}
    needs = tuple(terms[path].need for path in request.paths)
    wanted = _wanted(request, terms, files, branch.name)
    standing, folders = exclusive(ground.held), [lock for lock in ground.held if lock.tree]

    def on(path: str) -> list[Lock]:
        above = [lock for lock in folders if is_below(path, lock.path)]
        return [*standing.get(files[path].file_id, ()), *above]

    claims = [_claim(path, files[path], terms[path], request, ground, on(path)) for path in wanted]
    conflicts = [(claim.path, lock) for claim in claims for lock in claim.foreign]
    # What is opened without a lock is refused all the same where somebody else has one that would stop its commit.
    conflicts += [
        (path, lock)
        for path in files.keys() - wanted
        for lock in _others(on(path), LockScope.BRANCH, ground)
        if is_live(lock, ground.now)
    ]
    place = {path: number for number, path in enumerate(terms)}
    conflicts.sort(key=lambda conflict: place[conflict[0]])
    moved, stolen = overcome(conflicts, request, ground.holder, may_break=may_break)
    have = dict(zip(request.paths, request.have, strict=True))
    if stale := [claim.path for claim in claims if have[claim.path] != claim.state.content]:
        where = f"newer on {branch.name} than in your workspace"
        raise StaleBase(counted(stale, f"is {where}", f"are {where}") + ".", items=shown(stale))
    bases = dict(zip(request.paths, request.bases, strict=True))
    granted = _granted([claim for claim in claims if claim.own is None], bases, request, ground, last_token)
    renewed = tuple(
        _renewed(claim, claim.own, bases[claim.path], request, ground.now) for claim in claims if claim.own is not None
    )
    replaced = tuple({lock.token: lock for claim in claims for lock in claim.dead}.values())
    opened = files.keys() - wanted
    intended = lock_intents.intended(
        [path for path in terms if path in opened], files, terms, bases, request, ground, last_token + len(granted)
    )
    check_owned(ground.holder, granted + intended.new, (*moved, *replaced), many=request.many)
    return Acquisition(granted, renewed + intended.renewed, replaced, moved, stolen, needs, intended.new)


def _wanted(
    request: AcquireRequest, terms: Mapping[str, LockTerms], files: Mapping[str, FileState], branch: str
) -> list[str]:
    """The paths that shall be locked. Raises: NotFound, InvalidRequest for a lease that policy does not allow."""
    wanted = [
        path
        for path, term in terms.items()
        if not request.only_required or (term.need is LockNeed.REQUIRED and path in files)
    ]
    if missing := [path for path in wanted if path not in files]:
        raise NotFound(
            counted(missing, f"is not in {branch} yet", f"are not in {branch} yet") + " and cannot be locked.",
            advice="Add and commit first; then it can be locked.",
            items=shown(missing),
        )
    for path in wanted:
        check_ttl(request.ttl, terms[path])
    return wanted


@dataclass(frozen=True, slots=True)
class _Claim:
    """A file whose lock is asked for, its state in the head, how far the lock is to reach, and the locks that it meets.

    `own` is renewed instead of a new one, `dead` make way, `foreign` do not.
    """

    path: str
    state: FileState
    terms: LockTerms
    scope: LockScope
    own: Lock | None
    dead: tuple[Lock, ...]
    foreign: tuple[Lock, ...]


def _claim(
    path: str,
    state: FileState,
    terms: LockTerms,
    request: AcquireRequest,
    ground: LockGround,
    locks: Sequence[Lock],
) -> _Claim:
    """What a lock on one file comes to, among all `locks` on it."""
    branch, now = ground.branch, ground.now
    held = (lock for lock in locks if is_own(lock, ground.holder) and not lock.tree)
    mine = [lock for lock in held if reaches(lock, branch, ground.branches)]
    own = next((lock for lock in mine if not is_spent(lock, now)), None)
    if own is None:
        scope = request.scope or terms.scope_on(branch.kind)
    elif own.branch == branch.name:
        scope = request.scope or own.scope
    else:
        scope = max(own.scope, request.scope or own.scope)  # narrower it would no longer reach this branch
    others = _others(locks, scope, ground)
    return _Claim(
        path=path,
        state=state,
        terms=terms,
        scope=scope,
        own=own,
        dead=tuple(lock for lock in (*others, *mine) if lock is not own and not is_live(lock, now)),
        foreign=tuple(lock for lock in others if is_live(lock, now)),
    )


def _others(locks: Sequence[Lock], scope: LockScope, ground: LockGround) -> list[Lock]:
    """Those of `locks` of other workspaces that a lock of this scope on the branch would meet."""
    return [
        lock for lock in locks if not is_own(lock, ground.holder) and meets(lock, scope, ground.branch, ground.branches)
    ]


def overcome(
    conflicts: Sequence[tuple[str, Lock]], request: AcquireRequest, holder: Holder, *, may_break: bool
) -> tuple[tuple[Lock, ...], tuple[Lock, ...]]:
    """Live locks of other workspaces that end for the request: the user's own, and by the right those of others (L9).

    Raises: LockHeld, Denied, InvalidRequest without a reason.
    """
    if conflicts and not request.steal:
        raise lock_refusals.held(conflicts, holder, tree=request.tree)
    others = [(path, lock) for path, lock in conflicts if lock.owner != holder.user]
    if others and not may_break:
        raise _may_not_break("Stealing", others, holder)
    if others and not request.reason.strip():
        raise InvalidRequest("Stealing another's lock needs a reason.", advice="Say why with -m WHY.")
    found = {lock.token: lock for _, lock in conflicts}.values()
    mine = tuple(lock for lock in found if lock.owner == holder.user)
    return mine, tuple(lock for lock in found if lock.owner != holder.user)


def _granted(
    claims: Sequence[_Claim],
    bases: Mapping[str, ChangesetNumber],
    request: AcquireRequest,
    ground: LockGround,
    last_token: FencingToken,
) -> tuple[Lock, ...]:
    holder, now = ground.holder, ground.now
    made = []
    for number, claim in enumerate(claims, start=1):
        lock = Lock(
            file_id=claim.state.file_id,
            path=claim.path,
            owner=holder.user,
            workspace=holder.workspace,
            host=holder.host,
            mode=LockMode.EXCLUSIVE,
            scope=claim.scope,
            branch=ground.branch.name,
            base=bases[claim.path],
            reason=request.reason,
            acquired_at=now,
            lease_until=None,
            token=FencingToken(last_token + number),
        )
        made.append(leased(lock, claim.terms, now, request.ttl))
    return tuple(made)


def _renewed(claim: _Claim, own: Lock, base: ChangesetNumber, request: AcquireRequest, now: int) -> Lock:
    """The workspace's own lock once more, under the same token."""
    again = replace(own, scope=claim.scope, reason=request.reason or own.reason, base=base)
    return leased(again, claim.terms, now, request.ttl)


def check_owned(holder: Holder, new: Sequence[Lock], ending: Sequence[Lock], *, many: bool) -> None:
    """Check how many locks and intents the user would have, when those of `ending` are gone (L15).

    Raises: LimitExceeded.
    """
    owned = holder.owned + len(new) - sum(lock.owner == holder.user for lock in ending)
    if owned > HELD_LIMIT and new and not many:
        raise LimitExceeded(
            f"You would hold {owned:,} locks here, intents counted; {HELD_LIMIT:,} are allowed.",
            advice="Give some up with 'mlv unlock' or 'mlv revert -k', or repeat with --yes if you mean it.",
        )


def decide_release(
    holder: Holder, request: ReleaseRequest, held: Sequence[Lock], now: int, *, may_break: bool
) -> Release:
    """Which locks end: of `held`, those that the request's paths or the whole workspace stand for.

    One's own locks always, wherever they were taken (L7); others' only by force: expired ones by anybody, live ones
    with the right and a reason (L9). Of tokens that the request names those that live: what came after a lock that
    was lost stays (L1). Raises: InvalidRequest, NotFound, LockHeld, Denied.
    """
    # What others intend is nobody's to end (L2).
    held = [lock for lock in held if lock.mode is not LockMode.INTENT or is_own(lock, holder)]
    if request.tokens:
        held = _of_tokens(held, request)
    if request.all_of_workspace:
        own = tuple(lock for lock in held if is_own(lock, holder))
        return Release(given_up=own, broken=())
    found = {lock.path for lock in held}
    if not request.tokens and (missing := [path for path in request.paths if path not in found]):
        raise NotFound(
            counted(missing, "is not locked", "are not locked") + ".",
            advice="'mlv locks' shows what is locked.",
            items=shown(missing),
        )
    given_up = tuple(lock for lock in held if lock.owner == holder.user)
    others = [(lock.path, lock) for lock in held if lock.owner != holder.user]
    live = [(path, lock) for path, lock in others if is_live(lock, now)]
    if others and not request.force:
        raise lock_refusals.held(others, holder)
    if live and not may_break:
        raise _may_not_break("Breaking", live, holder)
    if live and not request.reason.strip():
        raise InvalidRequest("Breaking another's lock needs a reason.", advice="Say why with -m WHY.")
    return Release(given_up, broken=tuple(lock for _, lock in others))


def _of_tokens(held: Sequence[Lock], request: ReleaseRequest) -> list[Lock]:
    """The locks whose tokens are named, with what is intended on their files, which ends with them.

    Where all of the workspace at some paths is meant, its intents there end whatever became of a lock.
    """
    named = frozenset(request.tokens)
    files = {lock.file_id for lock in held if lock.token in named}
    return [
        lock
        for lock in held
        if lock.token in named or (lock.mode is LockMode.INTENT and (request.all_of_workspace or lock.file_id in files))
    ]


def check_request(request: AcquireRequest) -> None:
    """Check what a request says by itself. Raises: InvalidRequest, LimitExceeded."""
    count = len(request.paths)
    if len(request.have) != count or len(request.bases) != count:
        raise InvalidRequest("hashes and bases must have one entry for each path.")
    if request.mode is not LockMode.EXCLUSIVE:
        raise InvalidRequest("mode must be exclusive: the server gives no other locks yet.")
    if len(request.reason) > REASON_LIMIT:
        raise InvalidRequest(f"reason has {len(request.reason):,} characters; {REASON_LIMIT:,} are allowed.")
    if count > FILES_LIMIT and not request.many:
        raise LimitExceeded(
            f"{count:,} files in one request; {FILES_LIMIT:,} are allowed.", advice="Repeat with --yes if you mean it."
        )


def _may_not_break(act: str, others: Sequence[tuple[str, Lock]], holder: Holder) -> Denied:
    return Denied(
        f"{act} another's lock needs the right 'lock.break'.",
        advice="'mlv lock --request PATH' asks the holder; or ask a maintainer.",
        items=tuple(line(path, lock, holder) for path, lock in others),
    )
