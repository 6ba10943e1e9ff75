"""Locks on folders, decided without a database (L1), and intents (L2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.mlv_server.domain.test_locking import ALICE, BOB, BRANCHES, DEV, MAIN, NOW

from mlv_core.entities import Branch, Change, FileMode, FileState, Lock, LockMode, LockScope, Operation
from mlv_core.errors import Denied, InvalidRequest, LimitExceeded, LockHeld, LockLost, LockNeeded, StaleBase
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, RepositoryName, WorkspaceId
from mlv_core.requests import AcquireRequest, ProposedChange
from mlv_server.domain.leases import leased
from mlv_server.domain.lock_checks import check_commit
from mlv_server.domain.lock_intents import ended_by, intended
from mlv_server.domain.lock_reach import Holder, LockGround
from mlv_server.domain.lock_rules import DEFAULT_RULES, LEASE, terms_of
from mlv_server.domain.lock_trees import NO_FILE, check_trees, decide_trees
from mlv_server.domain.locking import HELD_LIMIT, Acquisition

HEAD = hash_content(b"head")


def request(holder: Holder, *folders: str, scope: LockScope | None = None, steal: bool = False) -> AcquireRequest:
    count = len(folders)
    return AcquireRequest(
        repository=RepositoryName("a", "b"),
        branch="main",
        workspace=holder.workspace,
        paths=folders,
        have=(HEAD,) * count,
        bases=(ChangesetNumber(1),) * count,
        scope=scope,
        reason="why",
        steal=steal,
        tree=True,
    )


def ground(holder: Holder, *held: Lock, branch: Branch = MAIN, now: int = NOW) -> LockGround:
    return LockGround(holder, branch, BRANCHES, held, DEFAULT_RULES, now)


def take(holder: Holder, *folders: str, held: tuple[Lock, ...] = (), now: int = NOW, **more: bool) -> Acquisition:
    asked = request(holder, *folders, steal=more.get("steal", False))
    return decide_trees(asked, {}, ground(holder, *held, now=now), FencingToken(7), may_break=more.get("may", False))


def file_lock(holder: Holder, path: str, scope: LockScope = LockScope.BRANCH, branch: str = "main") -> Lock:
    lock = replace(take(holder, "x").granted[0], file_id=FileId(3), path=path, tree=False, scope=scope, branch=branch)
    return replace(lock, token=FencingToken(5))


def change(path: str, source: str = "") -> Change:
    state = FileState(FileId(9), FileMode.REGULAR, text=True, size=1, content=HEAD)
    return Change(path, Operation.MOVE if source else Operation.ADD, FileId(9), state, source)


def test_L1_all_folders_are_locked_or_none_with_rising_tokens() -> None:
    granted = take(ALICE, "a", "b/c").granted
    assert [(lock.path, lock.token, lock.tree, lock.file_id) for lock in granted] == [
        ("a", 8, True, NO_FILE),
        ("b/c", 9, True, NO_FILE),
    ]
    assert granted[0].lease_until == NOW + LEASE
    with pytest.raises(LockHeld) as caught:
        take(BOB, "d", "b", held=granted)
    assert len(caught.value.items) == 1


@pytest.mark.parametrize("path", ["a", "a/b", "a/b/c"])
def test_L1_folders_above_below_and_at_the_same_place_exclude_each_other(path: str) -> None:
    held = take(ALICE, "a/b").granted
    with pytest.raises(LockHeld, match="alice"):
        take(BOB, path, held=held)
    assert take(BOB, "a/bc", "b", held=held).granted


def test_L1_a_file_below_is_in_the_way_and_one_beside_is_not() -> None:
    with pytest.raises(LockHeld, match=r"a/b\.pt is locked by"):
        take(BOB, "a", held=(file_lock(ALICE, "a/b.pt"),))
    assert take(BOB, "a", held=(file_lock(ALICE, "ab.pt"), file_lock(BOB, "a/b.pt"))).granted


def test_L6_the_same_folder_again_is_renewed_under_its_token() -> None:
    held = take(ALICE, "a").granted
    again = take(ALICE, "a", held=held, now=NOW + 1000)
    assert (again.granted, [lock.token for lock in again.renewed]) == ((), [8])
    assert again.renewed[0].lease_until == NOW + 1000 + LEASE


def test_L15_folders_count_among_the_five_thousand_locks_of_a_user() -> None:
    full = replace(ALICE, owned=HELD_LIMIT)
    with pytest.raises(LimitExceeded, match="5,001 locks"):
        take(full, "a")
    assert take(replace(ALICE, owned=HELD_LIMIT - 1), "a").granted
    held = take(ALICE, "a").granted
    assert take(full, "a", held=held).renewed
    # What ends for it does not count: an own lock of another workspace, expired or moved here.
    elsewhere = replace(full, workspace=WorkspaceId("wa2"))
    assert take(elsewhere, "a", held=held, now=NOW + LEASE).granted
    assert take(elsewhere, "a", held=held, steal=True).moved == held
    many = replace(request(ALICE, "a"), many=True)
    assert decide_trees(many, {}, ground(full), FencingToken(7)).granted


def test_L8_an_expired_lock_makes_way_for_a_folder_and_cannot_be_revived() -> None:
    held = (file_lock(ALICE, "a/b.pt"), *take(ALICE, "a/c").granted)
    taken = take(BOB, "a", held=held, now=NOW + LEASE)
    assert {lock.token for lock in taken.replaced} == {5, 8}


def test_L9_a_folder_is_stolen_with_the_right_and_a_reason() -> None:
    held = take(ALICE, "a").granted
    with pytest.raises(Denied):
        take(BOB, "a", held=held, steal=True)
    taken = take(BOB, "a/b", held=held, steal=True, may=True)
    assert ([lock.token for lock in taken.stolen], taken.granted[0].token) == ([8], 8)


def test_L4_a_folder_reaches_the_branches_that_its_scope_says() -> None:
    lock = decide_trees(request(ALICE, "a", scope=LockScope.BRANCH), {}, ground(ALICE), FencingToken(0)).granted[0]
    check_trees([change("a/new")], ground(BOB, lock, branch=DEV))
    wide = replace(lock, scope=LockScope.REPOSITORY)
    with pytest.raises(LockHeld):
        check_trees([change("a/new")], ground(BOB, wide, branch=DEV))


def test_L4_a_folder_renewed_from_another_branch_of_its_reach_is_not_made_narrower_than_that() -> None:
    wide = replace(take(ALICE, "a").granted[0], scope=LockScope.REPOSITORY)
    asked = request(ALICE, "a", scope=LockScope.BRANCH)
    there = decide_trees(asked, {}, ground(ALICE, wide, branch=DEV), FencingToken(8)).renewed[0]
    assert (there.scope, there.branch) == (LockScope.REPOSITORY, MAIN.name)
    assert decide_trees(asked, {}, ground(ALICE, wide), FencingToken(8)).renewed[0].scope is LockScope.BRANCH


def test_L12_both_ends_of_a_move_are_checked_and_the_holder_and_the_expired_pass() -> None:
    held = take(ALICE, "a").granted[0]
    for moved in (change("a/x", "b/x"), change("b/x", "a/x")):
        with pytest.raises(LockHeld):
            check_trees([moved], ground(BOB, held))
    check_trees([change("a/x", "b/x")], ground(ALICE, held))
    check_trees([change("a/x")], ground(BOB, held, now=NOW + LEASE))
    check_trees([change("ab/x"), change("b")], ground(BOB, held))


def test_L12_a_lock_on_a_folder_counts_below_it_on_the_branches_that_it_reaches() -> None:
    lock = decide_trees(request(ALICE, "a", scope=LockScope.BRANCH), {}, ground(ALICE), FencingToken(0)).granted[0]
    path = "a/w.pt"
    before = FileState(FileId(9), FileMode.REGULAR, text=False, size=1, content=HEAD)
    code = replace(before, text=True)

    def commit(state: FileState, token: int, at: LockGround, where: str = path) -> None:
        changed = Change(where, Operation.MODIFY, FileId(9), state)
        check_commit([ProposedChange(changed, ChangesetNumber(1), FencingToken(token))], {where: state}, at)

    commit(before, 1, ground(ALICE, lock))
    commit(before, 0, ground(ALICE, lock))
    commit(code, 1, ground(ALICE, lock, branch=DEV), where="a/x.py")
    with pytest.raises(LockNeeded):
        commit(before, 1, ground(ALICE, lock, branch=DEV))
    with pytest.raises(LockNeeded):
        commit(before, 0, ground(ALICE, lock), where="b/w.pt")
    with pytest.raises(LockLost):
        commit(code, 1, ground(ALICE), where="a/x.py")


def test_L5_what_is_newer_below_is_named() -> None:
    with pytest.raises(StaleBase) as caught:
        decide_trees(request(ALICE, "a"), {"a": ("a/new", "a/old")}, ground(ALICE), FencingToken(0))
    assert caught.value.items == ("a/new", "a/old")


@pytest.mark.parametrize("folder", ["", "."])
def test_the_whole_repository_is_no_folder(folder: str) -> None:
    with pytest.raises(InvalidRequest, match="whole repository"):
        take(ALICE, folder)


def test_L2_intents_are_new_once_renewed_later_and_end_with_the_commit_of_their_files() -> None:
    path, state = "train.py", FileState(FileId(4), FileMode.REGULAR, text=True, size=1, content=HEAD)
    asked = replace(request(ALICE, path), tree=False, only_required=True)
    terms = {path: terms_of(path, state, DEFAULT_RULES)}

    def open_for(holder: Holder, *held: Lock) -> tuple[tuple[Lock, ...], tuple[Lock, ...]]:
        bases = {path: ChangesetNumber(1)}
        found = intended([path], {path: state}, terms, bases, asked, ground(holder, *held), 7)
        return found.new, found.renewed

    new, renewed = open_for(ALICE)
    assert ([(lock.mode, lock.token) for lock in new], renewed) == ([(LockMode.INTENT, 8)], ())
    assert new[0] == leased(new[0], terms[path], NOW)
    again, renewed = open_for(ALICE, *new)
    assert (again, [lock.token for lock in renewed]) == ((), [8])
    others, _ = open_for(BOB, *new)
    assert [lock.owner for lock in others] == ["bob"]
    assert ended_by(new, [FileId(4)]) == new
    assert ended_by(new, [FileId(5)]) == ()
