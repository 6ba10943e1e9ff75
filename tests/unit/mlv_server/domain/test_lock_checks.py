"""When locks are given up or broken, and what a commit must hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.unit.mlv_server.domain.lock_kit import (
    ALICE,
    BOB,
    BRANCHES,
    ELSEWHERE,
    FILES,
    MAIN,
    NOW,
    REPOSITORY,
    lock_of,
    state,
)

from mlv_core.entities import (
    Branch,
    Change,
    Lock,
    LockMode,
    LockNeed,
    Operation,
)
from mlv_core.errors import (
    Denied,
    InvalidRequest,
    LockHeld,
    LockLost,
    LockNeeded,
    NotFound,
)
from mlv_core.ids import ChangesetNumber, FencingToken, FileId
from mlv_core.requests import ProposedChange, ReleaseRequest
from mlv_server.domain.lock_checks import CommitLocks, check_commit
from mlv_server.domain.lock_ends import EndedLock, LockEnd
from mlv_server.domain.lock_reach import LockGround
from mlv_server.domain.lock_rules import DEFAULT_RULES, LEASE
from mlv_server.domain.locking import decide_release


def let_go(*paths: str, **more: object) -> ReleaseRequest:
    request = ReleaseRequest(REPOSITORY, ALICE.workspace, "main", paths)
    return replace(request, **more)  # type: ignore[arg-type]


def test_L7_ones_own_lock_may_be_dropped_from_elsewhere() -> None:
    held = [lock_of(ELSEWHERE, 1, "m.pt")]
    assert decide_release(ALICE, let_go("m.pt"), held, NOW, may_break=False).given_up == tuple(held)


def test_L1_L7_of_tokens_that_are_named_only_the_living_end() -> None:
    held = [lock_of(ALICE, 1, "m.pt", token=7), lock_of(ELSEWHERE, 2, "n.pt", token=9)]
    named = let_go("m.pt", "n.pt", tokens=(FencingToken(7), FencingToken(8)))
    assert decide_release(ALICE, named, held, NOW, may_break=False).given_up == (held[0],)
    lost = replace(named, tokens=(FencingToken(8),))
    assert decide_release(ALICE, lost, held, NOW, may_break=False).given_up == ()
    others = [lock_of(BOB, 1, "m.pt", token=9)]
    assert decide_release(ALICE, lost, others, NOW, may_break=False).given_up == ()
    with pytest.raises(LockHeld, match="bob"):
        decide_release(ALICE, replace(named, tokens=(FencingToken(9),)), others, NOW, may_break=True)


def test_L2_what_is_intended_ends_with_the_lock_of_a_named_token_and_not_in_its_place() -> None:
    intent = lock_of(ALICE, 3, "code.py", token=6, mode=LockMode.INTENT)
    held = [lock_of(ALICE, 3, "code.py", token=7), intent]
    named = let_go("code.py", tokens=(FencingToken(7),))
    assert decide_release(ALICE, named, held, NOW, may_break=False).given_up == tuple(held)
    assert decide_release(ALICE, named, [intent], NOW, may_break=False).given_up == ()
    reverted = replace(named, all_of_workspace=True)
    assert decide_release(ALICE, reverted, [intent], NOW, may_break=False).given_up == (intent,)


def test_L9_anothers_lock_is_not_given_up_without_force() -> None:
    held = [lock_of(BOB, 1, "m.pt")]
    with pytest.raises(LockHeld, match="bob"):
        decide_release(ALICE, let_go("m.pt"), held, NOW, may_break=True)


def test_L9_an_expired_lock_is_broken_by_anybody_who_says_force() -> None:
    held = [lock_of(BOB, 1, "m.pt", lease_until=NOW)]
    with pytest.raises(LockHeld, match="bob"):
        decide_release(ALICE, let_go("m.pt"), held, NOW, may_break=False)
    assert decide_release(ALICE, let_go("m.pt", force=True), held, NOW, may_break=False).broken == tuple(held)


def test_L9_force_needs_the_right_and_a_reason() -> None:
    held = [lock_of(BOB, 1, "m.pt"), lock_of(ALICE, 2, "n.pt", token=2)]
    forced = let_go("m.pt", "n.pt", force=True, reason="bob is away")
    with pytest.raises(Denied, match=r"lock\.break"):
        decide_release(ALICE, forced, held, NOW, may_break=False)
    with pytest.raises(InvalidRequest, match="reason"):
        decide_release(ALICE, replace(forced, reason=" "), held, NOW, may_break=True)
    decision = decide_release(ALICE, forced, held, NOW, may_break=True)
    assert (decision.given_up, decision.broken) == ((held[1],), (held[0],))


def test_a_path_that_is_not_locked_is_named_and_nothing_is_given_up() -> None:
    with pytest.raises(NotFound) as caught:
        decide_release(ALICE, let_go("m.pt", "n.pt"), [lock_of(ALICE, 1, "m.pt")], NOW, may_break=False)
    assert caught.value.items == ("n.pt",)


def test_all_of_a_workspace_means_no_others_locks() -> None:
    held = [lock_of(ALICE, 1, "m.pt"), lock_of(ELSEWHERE, 2, "n.pt")]
    assert decide_release(ALICE, let_go(all_of_workspace=True), held, NOW, may_break=True).given_up == (held[0],)


def propose(operation: Operation, path: str, token: int = 0, source: str = "") -> ProposedChange:
    after = None if operation is Operation.DELETE else state(0, "new", is_text=path.endswith(".py"))
    return ProposedChange(Change(path, operation, FileId(0), after, source), ChangesetNumber(3), FencingToken(token))


def commit(*changes: ProposedChange, held: Sequence[Lock] = (), to: Branch = MAIN) -> CommitLocks:
    return check_commit(changes, FILES, LockGround(ALICE, to, BRANCHES, held, DEFAULT_RULES, NOW))


TOUCHES = [
    propose(Operation.MODIFY, "m.pt"),
    propose(Operation.DELETE, "m.pt"),
    propose(Operation.META, "m.pt"),
    propose(Operation.MOVE, "moved.pt", source="m.pt"),
]


@pytest.mark.parametrize("change", TOUCHES, ids=lambda change: change.change.operation.name)
def test_L3_any_change_of_a_required_file_needs_the_lock(change: ProposedChange) -> None:
    with pytest.raises(LockNeeded) as caught:
        commit(change)
    assert caught.value.items == ("m.pt",)
    held = lock_of(ALICE, 1, "m.pt", token=7)
    locked = replace(change, token=FencingToken(7))
    assert commit(locked, held=[held]).own == (held,)


def test_L3_mergeable_files_and_new_paths_need_none() -> None:
    decision = commit(propose(Operation.MODIFY, "code.py"), propose(Operation.ADD, "new.pt"))
    assert decision.needs == (LockNeed.NONE, LockNeed.REQUIRED)
    assert decision.own == ()


@pytest.mark.parametrize("change", [*TOUCHES, propose(Operation.MODIFY, "code.py")], ids=lambda c: c.change.path)
def test_L2_anothers_lock_blocks_every_change(change: ProposedChange) -> None:
    held = [lock_of(BOB, 1, "m.pt"), lock_of(BOB, 3, "code.py")]
    with pytest.raises(LockHeld, match="bob on gpu1"):
        commit(change, held=held)


def test_L4_a_lock_on_another_branch_neither_blocks_nor_serves() -> None:
    commit(propose(Operation.MODIFY, "code.py"), held=[lock_of(BOB, 3, "code.py", branch="dev")])
    with pytest.raises(LockLost):
        commit(propose(Operation.MODIFY, "m.pt", 7), held=[lock_of(ALICE, 1, "m.pt", token=7, branch="dev")])


def test_L7_the_lock_of_the_same_user_elsewhere_does_not_serve() -> None:
    with pytest.raises(LockHeld, match="another workspace"):
        commit(propose(Operation.MODIFY, "m.pt"), held=[lock_of(ELSEWHERE, 1, "m.pt")])


@pytest.mark.parametrize(
    "held",
    [
        [],
        [lock_of(ALICE, 1, "m.pt", token=8)],
        [lock_of(BOB, 1, "m.pt", token=8)],
        [lock_of(BOB, 1, "m.pt", token=7)],
        [lock_of(ALICE, 1, "m.pt", token=7, lease_until=NOW), lock_of(BOB, 1, "m.pt", token=8)],
    ],
    ids=["gone", "newer", "stolen", "same number, other holder", "expired and taken"],
)
def test_L12_a_token_that_is_not_the_live_one_is_a_lost_lock(held: list[Lock]) -> None:
    with pytest.raises(LockLost) as caught:
        commit(propose(Operation.MODIFY, "m.pt", 7), held=held)
    assert caught.value.items[0].startswith("m.pt")


def test_L8_L12_an_expired_lock_serves_its_holder_as_long_as_nobody_has_taken_it() -> None:
    old = lock_of(ALICE, 1, "m.pt", token=7, lease_until=NOW - LEASE)
    assert commit(propose(Operation.MODIFY, "m.pt", 7), held=[old]).own == (old,)
    with pytest.raises(LockNeeded):
        commit(propose(Operation.MODIFY, "m.pt"), held=[lock_of(BOB, 1, "m.pt", token=7, lease_until=NOW)])


@pytest.mark.parametrize("end", list(LockEnd))
def test_L9_whoever_lost_a_lock_is_told_how_by_whom_when_and_why(end: LockEnd) -> None:
    ended = EndedLock(FencingToken(7), "m.pt", ALICE.workspace, end, "bob", "urgent fix", NOW)
    ground = LockGround(
        ALICE, MAIN, BRANCHES, [lock_of(BOB, 1, "m.pt", token=8)], DEFAULT_RULES, NOW, {ended.token: ended}
    )
    with pytest.raises(LockLost) as caught:
        check_commit([propose(Operation.MODIFY, "m.pt", 7)], FILES, ground)
    said = caught.value.items[0]
    assert [part for part in ("by bob", "on 2023-11-14 22:13 UTC", "urgent fix") if part not in said] == []
    assert "m.pt is locked by bob on gpu1" in said


def test_L12_a_lost_lock_is_lost_on_a_file_that_needs_none_too() -> None:
    with pytest.raises(LockLost):
        commit(propose(Operation.MODIFY, "code.py", 7))


def test_L11_the_locks_of_exactly_the_committed_files_are_found() -> None:
    mine = lock_of(ALICE, 1, "m.pt", token=7)
    text = lock_of(ALICE, 3, "code.py", token=8)
    unrelated = lock_of(ALICE, 2, "n.pt", token=9)
    moved = [propose(Operation.DELETE, "m.pt", 7), propose(Operation.MOVE, "k.pt", 7, source="m.pt")]
    changes = (*moved, propose(Operation.MODIFY, "code.py"))
    assert commit(*changes, held=[mine, text, unrelated]).own == (mine, text)
