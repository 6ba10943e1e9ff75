"""The lock machine: whatever people do, one file has one holder, tokens only grow, and only the holder commits."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mlv_core.entities import Branch, BranchKind, Change, FileMode, FileState, Lock, Operation
from mlv_core.errors import LockHeld, LockLost, LockNeeded, NotFound
from mlv_core.hashing import hash_content
from mlv_core.ids import BranchId, ChangesetNumber, FencingToken, FileId, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireRequest, ProposedChange, ReleaseRequest
from mlv_server.domain.lock_checks import check_commit
from mlv_server.domain.lock_reach import Holder, LockGround
from mlv_server.domain.lock_rules import DEFAULT_RULES
from mlv_server.domain.locking import decide_acquire, decide_release

REPOSITORY = RepositoryName("a", "b")
MAIN = Branch(BranchId(1), "main", BranchKind.MAIN, "", ChangesetNumber(1), ChangesetNumber(0), "root", 0)
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
some_paths = st.lists(st.sampled_from(sorted(FILES)), min_size=1, max_size=3, unique=True).map(tuple)


class LockMachine(RuleBasedStateMachine):
    """The model: who holds which path, and which token each workspace believes to have."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Lock] = []
        self.last = FencingToken(0)
        self.model: dict[str, Holder] = {}
        self.believed: dict[tuple[Holder, str], FencingToken] = {}

    def ground(self, holder: Holder) -> LockGround:
        return LockGround(holder, MAIN, {"main": MAIN}, self.held, DEFAULT_RULES, 0)

    @rule(holder=holders, paths=some_paths)
    def acquire(self, holder: Holder, paths: tuple[str, ...]) -> None:
        request = AcquireRequest(
            REPOSITORY, "main", holder.workspace, paths, (HEAD,) * len(paths), (ChangesetNumber(1),) * len(paths)
        )
        free = all(self.model.get(path, holder) == holder for path in paths)
        try:
            decision = decide_acquire(request, FILES, self.ground(holder), self.last)
        except LockHeld as refused:
            named = len(refused.items)
            assert not free
            assert named == sum(self.model.get(path, holder) != holder for path in paths)
            return
        assert free
        assert all(lock.token > self.last for lock in decision.granted)
        self.held += decision.granted
        self.last = max([self.last, *(lock.token for lock in decision.granted)])
        for lock in (*decision.granted, *decision.renewed):
            self.model[lock.path] = holder
            self.believed[holder, lock.path] = lock.token

    @rule(holder=holders, paths=some_paths, force=st.booleans())
    def release(self, holder: Holder, paths: tuple[str, ...], force: bool) -> None:
        request = ReleaseRequest(REPOSITORY, holder.workspace, "main", paths, force=force, reason="why")
        asked = [lock for lock in self.held if lock.path in paths]
        try:
            decision = decide_release(holder, request, asked, may_break=True)
        except NotFound:
            assert any(path not in self.model for path in paths)
            return
        except LockHeld:
            assert not force
            assert any(self.model[path].user != holder.user for path in paths)
            return
        for lock in (*decision.given_up, *decision.broken):
            self.held.remove(lock)
            del self.model[lock.path]

    @rule(holder=holders, paths=some_paths)
    def commit(self, holder: Holder, paths: tuple[str, ...]) -> None:
        changes = [
            ProposedChange(
                Change(path, Operation.MODIFY, FileId(0), FILES[path]),
                ChangesetNumber(1),
                self.believed.get((holder, path), FencingToken(0)),
            )
            for path in paths
        ]
        may = all(self.model.get(path) == holder for path in paths)
        try:
            decision = check_commit(changes, FILES, self.ground(holder))
        except (LockLost, LockHeld, LockNeeded):
            assert not may
            for path in paths:
                if self.model.get(path) != holder:
                    self.believed.pop((holder, path), None)
            return
        assert may
        assert {lock.path for lock in decision.own} == set(paths)
        for lock in decision.own:
            self.held.remove(lock)
            del self.model[lock.path]

    @invariant()
    def one_holder_a_file(self) -> None:
        """N5."""
        assert sorted(lock.path for lock in self.held) == sorted(self.model)
        assert all(
            (lock.owner, lock.workspace) == (h.user, h.workspace) for lock in self.held for h in [self.model[lock.path]]
        )


TestLockMachine = LockMachine.TestCase
