"""The lock machine: whatever people do, one file has one holder, tokens only grow, and only the holder commits.

Leases run out, are renewed and taken over, locks are stolen, and reach a branch, a line or all.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mlv_core.entities import Branch, BranchKind, Change, FileMode, FileState, Lock, LockScope, Operation
from mlv_core.errors import LockHeld, LockLost, LockNeeded, NotFound
from mlv_core.hashing import hash_content
from mlv_core.ids import BranchId, ChangesetNumber, FencingToken, FileId, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireRequest, ProposedChange, ReleaseRequest
from mlv_server.domain.leases import lease_end
from mlv_server.domain.lock_checks import check_commit
from mlv_server.domain.lock_reach import Holder, LockGround
from mlv_server.domain.lock_rules import DEFAULT_RULES, HOUR, LEASE, LONGEST_LEASE
from mlv_server.domain.locking import decide_acquire, decide_release

REPOSITORY = RepositoryName("a", "b")


def _branch(name: str, number: int, kind: BranchKind, target: str) -> Branch:
    return Branch(BranchId(number), name, kind, target, ChangesetNumber(1), ChangesetNumber(0), "root", 0)


BRANCHES = {
    one.name: one
    for one in (
        _branch("main", 1, BranchKind.MAIN, ""),
        _branch("x", 2, BranchKind.EXPERIMENT, "main"),
        _branch("y", 3, BranchKind.EXPERIMENT, "main"),
        _branch("deep", 4, BranchKind.EXPERIMENT, "x"),
    )
}
LINE = {"main": "main", "x": "main", "y": "main", "deep": "x"}
HEAD = hash_content(b"head")
FILES = {
    path: FileState(FileId(number), FileMode.REGULAR, text=False, size=4, content=HEAD)
    for number, path in enumerate(("a.pt", "b.pt", "c.pt"), start=1)
}
HOLDERS = (
    Holder("alice", WorkspaceId("wa"), "h1"),
    Holder("alice", WorkspaceId("wa2"), "h2"),
    Holder("bob", WorkspaceId("wb"), "h3"),
)
holders = st.sampled_from(HOLDERS)
branches = st.sampled_from(sorted(BRANCHES))
scopes = st.sampled_from([None, *LockScope])
some_paths = st.lists(st.sampled_from(sorted(FILES)), min_size=1, max_size=3, unique=True).map(tuple)


def covered(lock: Lock) -> frozenset[str]:
    """The branches a lock speaks of, told naively."""
    if lock.scope is LockScope.REPOSITORY:
        return frozenset(BRANCHES)
    if lock.scope is LockScope.BRANCH:
        return frozenset({lock.branch})
    return frozenset(name for name in BRANCHES if LINE[name] == LINE[lock.branch])


class LockMachine(RuleBasedStateMachine):
    """The model: all locks, which token each workspace last got on a path, when each workspace was last heard of."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000
        self.held: list[Lock] = []
        self.last = FencingToken(0)
        self.believed: dict[tuple[Holder, str], FencingToken] = {}

    def ground(self, holder: Holder, branch: str) -> LockGround:
        return LockGround(holder, BRANCHES[branch], BRANCHES, self.held, DEFAULT_RULES, self.now)

    def live(self, path: str, branch: str) -> list[Lock]:
        """The locks on a file that stop others on a branch."""
        return [
            lock
            for lock in self.held
            if lock.path == path and branch in covered(lock) and not lock.has_expired(self.now)
        ]

    def drop(self, locks: tuple[Lock, ...]) -> None:
        for lock in locks:
            self.held.remove(lock)

    @rule(hours=st.sampled_from([1, 6, 13, 24 * 15]))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(holder=holders)
    def sign_of_life(self, holder: Holder) -> None:
        self.held = [
            replace(lock, lease_until=lease_end(lock.lease_until, lock.ttl, lock.limit, self.now))
            if lock.workspace == holder.workspace
            else lock
            for lock in self.held
        ]

    @rule(holder=holders, branch=branches, paths=some_paths, scope=scopes, steal=st.booleans())
    def acquire(
        self, holder: Holder, branch: str, paths: tuple[str, ...], scope: LockScope | None, steal: bool
    ) -> None:
        request = AcquireRequest(
            REPOSITORY,
            branch,
            holder.workspace,
            paths,
            (HEAD,) * len(paths),
            (ChangesetNumber(1),) * len(paths),
            scope=scope,
            steal=steal,
            reason="why",
        )
        files = {path: FILES[path] for path in paths}
        try:
            decision = decide_acquire(request, files, self.ground(holder, branch), self.last, may_break=True)
        except LockHeld as refused:
            assert not steal
            named = {item.split()[0] for item in refused.items}
            for path in paths:
                others = [lock for lock in self.held if lock.path == path and lock.workspace != holder.workspace]
                if not [lock for lock in others if not lock.has_expired(self.now)]:
                    assert path not in named
            return
        self.drop(decision.replaced + decision.moved + decision.stolen)
        assert all(lock.has_expired(self.now) for lock in decision.replaced)
        assert steal or not (decision.moved or decision.stolen)
        tokens = [lock.token for lock in decision.granted]
        assert tokens == [self.last + 1 + number for number in range(len(tokens))]
        self.last = max([self.last, *tokens])
        renewed = {lock.token: lock for lock in decision.renewed}
        self.held = [renewed.get(lock.token, lock) for lock in self.held] + list(decision.granted)
        for lock in (*decision.granted, *decision.renewed):
            assert branch in covered(lock)
            assert self.now < (lock.lease_until or 0) <= min(self.now + LEASE, lock.acquired_at + LONGEST_LEASE)
            self.believed[holder, lock.path] = lock.token

    @rule(holder=holders, branch=branches, paths=some_paths, force=st.booleans())
    def release(self, holder: Holder, branch: str, paths: tuple[str, ...], force: bool) -> None:
        request = ReleaseRequest(REPOSITORY, holder.workspace, branch, paths, force=force, reason="why")
        asked = [lock for lock in self.held if lock.path in paths and branch in covered(lock)]
        try:
            decision = decide_release(holder, request, asked, self.now, may_break=True)
        except NotFound:
            assert {lock.path for lock in asked} < set(paths)
            return
        except LockHeld:
            assert not force
            assert any(lock.owner != holder.user for lock in asked)
            return
        self.drop(decision.given_up + decision.broken)

    @rule(holder=holders, branch=branches, paths=some_paths, everything=st.booleans())
    def release_known(self, holder: Holder, branch: str, paths: tuple[str, ...], everything: bool) -> None:
        """By the tokens that the workspace believes in, no other lock ends, and it is never refused (L1, L7)."""
        believed = {self.believed[holder, path] for path in paths if (holder, path) in self.believed}
        tokens = tuple(sorted(believed)) or (FencingToken(1 << 40),)
        request = ReleaseRequest(REPOSITORY, holder.workspace, branch, paths, everything, tokens=tokens)
        asked = [lock for lock in self.held if lock.path in paths and branch in covered(lock)]
        decision = decide_release(holder, request, asked, self.now, may_break=False)
        assert decision.broken == ()
        assert {lock.token for lock in decision.given_up} == {lock.token for lock in asked} & believed
        assert all(lock.workspace == holder.workspace for lock in decision.given_up)
        self.drop(decision.given_up)

    @rule(holder=holders, branch=branches, paths=some_paths)
    def commit(self, holder: Holder, branch: str, paths: tuple[str, ...]) -> None:
        changes = [
            ProposedChange(
                Change(path, Operation.MODIFY, FileId(0), FILES[path]),
                ChangesetNumber(1),
                self.believed.get((holder, path), FencingToken(0)),
            )
            for path in paths
        ]
        mine = {lock.token: lock for lock in self.held if lock.workspace == holder.workspace}
        may = all(
            change.token in mine
            and branch in covered(mine[change.token])
            and all(lock.workspace == holder.workspace for lock in self.live(change.change.path, branch))
            for change in changes
        )
        try:
            decision = check_commit(changes, FILES, self.ground(holder, branch))
        except (LockLost, LockHeld, LockNeeded):
            assert not may
            return
        assert may
        assert {lock.path for lock in decision.own} == set(paths)
        self.drop(decision.own)

    @invariant()
    def one_holder_of_a_file_on_each_branch(self) -> None:
        """N5: of two locks that speak of one branch at most one workspace's stand, expired ones aside."""
        for path in FILES:
            for branch in BRANCHES:
                assert len({lock.workspace for lock in self.live(path, branch)}) <= 1

    @invariant()
    def no_token_twice(self) -> None:
        tokens = [lock.token for lock in self.held]
        assert len(tokens) == len(set(tokens))
        assert all(token <= self.last for token in tokens)


TestLockMachine = LockMachine.TestCase
