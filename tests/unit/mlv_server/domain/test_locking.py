"""When locks are given, renewed, widened, stolen and refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.unit.mlv_server.domain.lock_kit import (
    ALICE,
    BOB,
    BRANCHES,
    DEEP,
    DEV,
    ELSEWHERE,
    FILES,
    MAIN,
    NOW,
    OTHER,
    acquire,
    ask,
    lock_of,
    state,
)

from mlv_core.entities import (
    Branch,
    Lock,
    LockMode,
    LockNeed,
    LockScope,
)
from mlv_core.errors import (
    Denied,
    InvalidRequest,
    LimitExceeded,
    LockHeld,
    MlvError,
    NotFound,
    StaleBase,
)
from mlv_core.ids import ChangesetNumber, FencingToken, FileId
from mlv_core.requests import AcquireRequest
from mlv_server.domain.leases import lease_end
from mlv_server.domain.lock_reach import reaches
from mlv_server.domain.lock_rules import LEASE, LONGEST_LEASE
from mlv_server.domain.locking import FILES_LIMIT, HELD_LIMIT


def refusal(error: type[MlvError], request: AcquireRequest, held: Sequence[Lock] = ()) -> MlvError:
    with pytest.raises(error) as caught:
        acquire(request, held)
    return caught.value


def test_L1_a_lock_records_everything_and_its_token_is_higher_than_any_before() -> None:
    request = ask("m.pt", "n.pt", reason="retrain")
    granted = acquire(request).granted
    assert granted == tuple(
        Lock(
            file_id=FileId(number),
            path=path,
            owner="alice",
            workspace=ALICE.workspace,
            host="laptop",
            mode=LockMode.EXCLUSIVE,
            scope=LockScope.LINE,
            branch="main",
            base=ChangesetNumber(3),
            reason="retrain",
            acquired_at=NOW,
            lease_until=NOW + LEASE,
            token=FencingToken(10 + number),
            ttl=LEASE,
            limit=NOW + LONGEST_LEASE,
        )
        for number, path in ((1, "m.pt"), (2, "n.pt"))
    )


def test_L1_a_path_without_a_file_has_no_lock_and_says_what_to_do() -> None:
    error = refusal(NotFound, ask("m.pt", "new.pt"))
    assert error.items == ("new.pt",)
    assert "commit" in error.advice


def test_L2_an_exclusive_lock_has_one_holder() -> None:
    error = refusal(LockHeld, ask("m.pt"), [lock_of(BOB, 1, "m.pt", reason="tuning")])
    assert "bob on gpu1" in error.message
    assert "2023-11-14 22:13 UTC" in error.message
    assert "tuning" in error.message
    assert "no end" in error.message


def test_L2_intent_blocks_nobody() -> None:
    assert acquire(ask("m.pt"), [lock_of(BOB, 1, "m.pt", mode=LockMode.INTENT)]).granted


def test_L3_edit_takes_a_lock_only_where_policy_asks_for_one() -> None:
    decision = acquire(ask("code.py", "m.pt", "new.pt", only_required=True))
    assert [lock.path for lock in decision.granted] == ["m.pt"]
    assert decision.needs == (LockNeed.NONE, LockNeed.REQUIRED, LockNeed.REQUIRED)


def test_L3_lock_takes_one_on_any_file_that_is_named() -> None:
    assert [lock.path for lock in acquire(ask("code.py")).granted] == ["code.py"]


def test_L12_edit_is_refused_on_a_file_that_another_has_locked_though_it_needs_none() -> None:
    refusal(LockHeld, ask("code.py", only_required=True), [lock_of(BOB, 3, "code.py")])


@pytest.mark.parametrize(
    ("scope", "of", "to", "expected"),
    [
        (LockScope.BRANCH, "main", MAIN, True),
        (LockScope.BRANCH, "main", DEV, False),
        (LockScope.BRANCH, "dev", OTHER, False),
        (LockScope.LINE, "dev", OTHER, True),
        (LockScope.LINE, "dev", MAIN, True),
        (LockScope.LINE, "main", DEV, True),
        (LockScope.LINE, "dev", DEEP, False),
        (LockScope.LINE, "deep", DEEP, True),
        (LockScope.REPOSITORY, "deep", OTHER, True),
    ],
)
def test_L4_scope_says_which_branches_a_lock_blocks(scope: LockScope, of: str, to: Branch, expected: bool) -> None:
    assert reaches(lock_of(BOB, 1, "m.pt", scope=scope, branch=of), to, BRANCHES) is expected


def test_L4_a_lock_on_another_branch_is_not_in_the_way() -> None:
    assert acquire(ask("m.pt", scope=LockScope.BRANCH), [lock_of(BOB, 1, "m.pt", branch="dev")]).granted
    assert acquire(ask("m.pt"), [lock_of(BOB, 1, "m.pt", branch="deep")]).granted


@pytest.mark.parametrize(
    ("wanted", "on", "scope", "of"),
    [
        (None, MAIN, LockScope.BRANCH, "dev"),
        (LockScope.LINE, OTHER, LockScope.BRANCH, "dev"),
        (LockScope.REPOSITORY, MAIN, LockScope.BRANCH, "deep"),
        (None, DEV, LockScope.LINE, "main"),
        (None, DEV, LockScope.LINE, "other"),
        (None, DEEP, LockScope.REPOSITORY, "main"),
    ],
)
def test_L4_two_locks_that_would_reach_one_branch_do_not_stand_together(
    wanted: LockScope | None, on: Branch, scope: LockScope, of: str
) -> None:
    request = ask("m.pt", scope=wanted, branch=on.name)
    with pytest.raises(LockHeld, match="bob"):
        acquire(request, [lock_of(BOB, 1, "m.pt", scope=scope, branch=of)], at=on)


def test_L4_the_scope_is_the_branchs_own_unless_the_taker_names_one() -> None:
    assert acquire(ask("m.pt")).granted[0].scope is LockScope.LINE
    assert acquire(ask("m.pt"), at=DEV).granted[0].scope is LockScope.BRANCH
    assert acquire(ask("m.pt", scope=LockScope.REPOSITORY), at=DEV).granted[0].scope is LockScope.REPOSITORY


def test_L4_a_held_lock_is_widened_only_where_nobody_is_in_the_way() -> None:
    mine = lock_of(ALICE, 1, "m.pt", token=4, branch="dev")
    wider = ask("m.pt", scope=LockScope.LINE, branch="dev")
    assert acquire(wider, [mine], at=DEV).renewed[0].scope is LockScope.LINE
    with pytest.raises(LockHeld, match="bob"):
        acquire(wider, [mine, lock_of(BOB, 1, "m.pt", token=5, branch="other")], at=DEV)


def test_L4_a_lock_that_was_taken_elsewhere_keeps_its_reach_when_it_is_renewed() -> None:
    mine = lock_of(ALICE, 1, "m.pt", token=4, scope=LockScope.LINE)
    decision = acquire(ask("m.pt", scope=LockScope.BRANCH, branch="dev"), [mine], at=DEV)
    assert (decision.granted, decision.renewed[0].scope) == ((), LockScope.LINE)


def test_L5_a_stale_base_is_refused_with_every_path() -> None:
    error = refusal(StaleBase, ask("m.pt", "n.pt", have="old"))
    assert error.items == ("m.pt", "n.pt")
    assert error.exit_code == 3


def test_L5_edit_of_a_mergeable_file_needs_no_fresh_base() -> None:
    assert acquire(ask("code.py", have="old", only_required=True)).granted == ()


def test_L6_all_or_none_and_every_conflict_is_named() -> None:
    held = [lock_of(BOB, 1, "m.pt"), lock_of(BOB, 3, "code.py", token=2)]
    error = refusal(LockHeld, ask("m.pt", "n.pt", "code.py"), held)
    assert [item.split()[0] for item in error.items] == ["m.pt", "code.py"]


def test_L6_a_lock_of_the_same_workspace_is_renewed_with_its_token() -> None:
    held = [lock_of(ALICE, 1, "m.pt", token=4, base=ChangesetNumber(1), reason="old")]
    decision = acquire(ask("m.pt", "n.pt"), held)
    lease = {"lease_until": NOW + LEASE, "ttl": LEASE, "limit": NOW - 1000 + LONGEST_LEASE}
    assert decision.renewed == (replace(held[0], base=ChangesetNumber(3), **lease),)  # type: ignore[arg-type]
    assert [(lock.path, lock.token) for lock in decision.granted] == [("n.pt", 11)]


def test_L6_a_path_named_twice_gets_one_lock() -> None:
    decision = acquire(ask("m.pt", "m.pt"))
    assert len(decision.granted) == 1
    assert decision.needs == (LockNeed.REQUIRED, LockNeed.REQUIRED)


def test_L7_the_same_user_elsewhere_is_refused_and_told_the_way() -> None:
    error = refusal(LockHeld, ask("m.pt"), [lock_of(ELSEWHERE, 1, "m.pt")])
    assert "you in another workspace on desktop" in error.message
    assert "unlock" in error.advice


def test_L8_an_expired_lock_is_in_nobodys_way_and_is_replaced_by_a_higher_token() -> None:
    old = lock_of(BOB, 1, "m.pt", lease_until=NOW)
    decision = acquire(ask("m.pt"), [old])
    assert decision.replaced == (old,)
    assert decision.granted[0].token > old.token


def test_L8_a_lease_ends_when_its_taker_says_within_the_bounds_of_policy() -> None:
    hour = 3_600_000
    assert acquire(ask("m.pt", ttl=hour)).granted[0].lease_until == NOW + hour
    assert acquire(ask("m.pt", ttl=LONGEST_LEASE)).granted[0].lease_until == NOW + LONGEST_LEASE
    for wrong in (LONGEST_LEASE + 1, 299_999):
        assert "5m and 2w" in refusal(InvalidRequest, ask("m.pt", ttl=wrong)).message


def test_L8_no_renewal_leads_past_the_limit_and_then_the_lock_is_taken_anew() -> None:
    old = lock_of(ALICE, 1, "m.pt", token=4, acquired_at=NOW - LONGEST_LEASE + 1, limit=NOW + 1)
    assert acquire(ask("m.pt"), [old]).renewed[0].lease_until == NOW + 1
    spent = replace(old, acquired_at=NOW - LONGEST_LEASE, limit=NOW, lease_until=NOW)
    decision = acquire(ask("m.pt"), [spent])
    assert (decision.renewed, decision.replaced, decision.granted[0].token) == ((), (spent,), 11)


def test_L8_an_expired_lock_may_be_renewed_by_its_holder_while_nobody_has_it() -> None:
    old = lock_of(ALICE, 1, "m.pt", token=4, lease_until=NOW, limit=NOW + 2 * LEASE)
    renewed = acquire(ask("m.pt"), [old]).renewed[0]
    assert (renewed.token, renewed.lease_until) == (4, NOW + LEASE)


def test_L8_a_sign_of_life_leads_a_lease_further_up_to_its_limit_and_never_back() -> None:
    assert lease_end(100, 50, 1000, 80) == 130
    assert lease_end(100, 50, 110, 80) == 110
    assert lease_end(100, 50, 1000, 20) == 100
    assert lease_end(100, 50, None, 80) == 130
    assert lease_end(None, 50, 1000, 80) is None
    assert lease_end(100, 50, 1000, None) == lease_end(100, 0, 1000, 500) == 100


def test_L8_a_lease_ends_soon_at_four_fifths() -> None:
    lock = lock_of(ALICE, 1, "m.pt", ttl=LEASE, lease_until=NOW + LEASE)
    assert not lock.ends_soon(NOW + LEASE * 4 // 5 - 1)
    assert lock.ends_soon(NOW + LEASE * 4 // 5)
    assert not lock.has_expired(NOW + LEASE - 1)
    assert lock.has_expired(NOW + LEASE)
    assert not lock_of(ALICE, 1, "m.pt").ends_soon(NOW)


def test_L9_stealing_needs_the_right_and_a_reason_and_gives_a_higher_token() -> None:
    theirs = lock_of(BOB, 1, "m.pt")
    with pytest.raises(Denied, match=r"lock\.break"):
        acquire(ask("m.pt", steal=True, reason="bob is away"), [theirs])
    with pytest.raises(InvalidRequest, match="reason"):
        acquire(ask("m.pt", steal=True, reason=" "), [theirs], may_break=True)
    decision = acquire(ask("m.pt", "n.pt", steal=True, reason="bob is away"), [theirs], may_break=True)
    assert (decision.stolen, decision.moved) == ((theirs,), ())
    assert [lock.token for lock in decision.granted] == [11, 12]


def test_L9_stealing_what_has_expired_needs_neither_right_nor_reason() -> None:
    old = lock_of(BOB, 1, "m.pt", lease_until=NOW)
    decision = acquire(ask("m.pt", steal=True), [old])
    assert (decision.stolen, decision.replaced) == ((), (old,))


def test_L7_ones_own_lock_is_moved_here_without_the_right() -> None:
    there = lock_of(ELSEWHERE, 1, "m.pt")
    decision = acquire(ask("m.pt", steal=True), [there])
    assert (decision.moved, decision.stolen, decision.granted[0].workspace) == ((there,), (), ALICE.workspace)


def test_L15_more_than_a_thousand_files_must_be_meant() -> None:
    paths = tuple(f"{number}.pt" for number in range(FILES_LIMIT + 1))
    files = {path: state(number) for number, path in enumerate(paths)}
    with pytest.raises(LimitExceeded, match="1,001 files"):
        acquire(ask(*paths), files=files)
    assert len(acquire(ask(*paths, many=True), files=files).granted) == FILES_LIMIT + 1
    assert len(acquire(ask(*paths[1:]), files=files).granted) == FILES_LIMIT


def test_L15_more_than_five_thousand_locks_must_be_meant() -> None:
    def take(owned: int, *, many: bool = False) -> int:
        request = ask(next(iter(FILES)), many=many)
        return len(acquire(request, holder=replace(ALICE, owned=owned)).granted)

    assert take(HELD_LIMIT - 1) == 1
    with pytest.raises(LimitExceeded, match="5,001 locks"):
        take(HELD_LIMIT)
    assert take(HELD_LIMIT, many=True) == 1


def test_L2_L15_intents_count_among_the_five_thousand_and_those_that_are_renewed_do_not_count_anew() -> None:
    def open_both(owned: int, held: Sequence[Lock] = (), *, many: bool = False) -> int:
        request = ask("m.pt", "code.py", only_required=True, many=many)
        decision = acquire(request, held, replace(ALICE, owned=owned))
        return len(decision.granted) + len(decision.intended)

    assert open_both(HELD_LIMIT - 2) == 2
    with pytest.raises(LimitExceeded, match="5,001 locks"):
        open_both(HELD_LIMIT - 1)
    assert open_both(HELD_LIMIT - 1, many=True) == 2
    before = lock_of(ALICE, 3, "code.py", token=6, mode=LockMode.INTENT)
    assert open_both(HELD_LIMIT - 1, [before]) == 1
    with pytest.raises(LimitExceeded, match="5,001 locks"):
        open_both(HELD_LIMIT, [before])


@pytest.mark.parametrize(
    "wrong",
    [
        {"have": ()},
        {"bases": ()},
        {"mode": LockMode.FREEZE},
        {"reason": "x" * 1001},
    ],
)
def test_requests_out_of_range_are_refused_by_name(wrong: dict[str, object]) -> None:
    refusal(InvalidRequest, replace(ask("m.pt"), **wrong))  # type: ignore[arg-type]
