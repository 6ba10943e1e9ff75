"""What a commit or an undo may do: the decisions without a database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlv_core.entities import (
    VERSION_PATH,
    Branch,
    BranchKind,
    Change,
    FileMode,
    FileState,
    Lock,
    LockMode,
    LockScope,
    Operation,
)
from mlv_core.errors import (
    HeadMoved,
    InvalidPath,
    InvalidRequest,
    LimitExceeded,
    LockHeld,
    LockLost,
    LockNeeded,
    NothingToCommit,
    PathClash,
)
from mlv_core.hashing import hash_content
from mlv_core.ids import BranchId, ChangesetNumber, FencingToken, FileId, WorkspaceId
from mlv_core.requests import ProposedChange
from mlv_server.domain import changes as lists
from mlv_server.domain import commits as rules
from mlv_server.domain.lock_reach import Holder, LockGround
from mlv_server.domain.lock_rules import DEFAULT_RULES

AT0 = ChangesetNumber(0)
MAIN = Branch(BranchId(1), "main", BranchKind.MAIN, "", ChangesetNumber(5), AT0, "ann", 0)
ALICE = Holder("alice", WorkspaceId("wa"), "laptop")


def state(file_id: int, data: bytes = b"x", *, text: bool = True, properties=()) -> FileState:
    return FileState(FileId(file_id), FileMode.REGULAR, text, len(data), hash_content(data), properties)


def change(path: str, operation: Operation, data: bytes | None = b"new", source: str = "") -> Change:
    return Change(path, operation, FileId(0), None if data is None else state(0, data), source)


def proposed(one: Change, token: int = 0) -> ProposedChange:
    return ProposedChange(one, ChangesetNumber(5), FencingToken(token))


def lock_of(file_id: int, token: int, owner: str = "alice", workspace: str = "wa") -> Lock:
    return Lock(
        FileId(file_id), "m.bin", owner, WorkspaceId(workspace), "host", LockMode.EXCLUSIVE, LockScope.BRANCH,
        "main", ChangesetNumber(5), "training", 0, None, FencingToken(token),
    )  # fmt: skip


def ground(*held: Lock) -> LockGround:
    return LockGround(ALICE, MAIN, {"main": MAIN}, held, DEFAULT_RULES, now=1000)


names = st.sampled_from(["a", "b", "c/d", "c/e", "f"])
states = st.dictionaries(
    names,
    st.builds(state, st.integers(1, 6), st.sampled_from([b"1", b"2"])),
).filter(lambda found: len({one.file_id for one in found.values()}) == len(found))


@given(states, states)
def test_the_changes_between_two_versions_lead_from_one_to_the_other(before, after):
    made = dict(before)
    changes = lists.changes_between(before, after)
    for one in changes:
        if one.state is None:
            del made[one.path]
        else:
            made[one.path] = one.state
    assert made == after
    assert [one.path for one in changes] == sorted(one.path for one in changes)
    for one in changes:
        if one.operation is Operation.MOVE:
            assert before[one.source].file_id == one.file_id
            assert after.get(one.source, state(0)).file_id != one.file_id


@given(states, states)
def test_what_leads_there_leads_back(before, after):
    there, back = lists.changes_between(before, after), lists.changes_between(after, before)
    assert {one.path for one in there} == {one.path for one in back}


def test_new_files_get_ids_in_path_order_and_others_keep_theirs():
    current = {"m": state(3), "old": state(4)}
    rows = lists.land(
        [
            change("z", Operation.ADD),
            change("a", Operation.ADD),
            change("m", Operation.MODIFY),
            change("old", Operation.DELETE, None),
            change("moved", Operation.MOVE, b"x", "old"),
        ],
        current,
    )
    landed, last = lists.numbered(rows, FileId(9))
    assert [(one.path, one.operation, one.file_id) for one in landed] == [
        ("a", Operation.ADD, 10),
        ("m", Operation.MODIFY, 3),
        ("moved", Operation.MOVE, 4),
        ("old", Operation.DELETE, 4),
        ("z", Operation.ADD, 11),
    ]
    assert last == 11
    assert all(one.state is None or one.state.file_id == one.file_id for one in landed)


def test_rows_that_change_nothing_are_dropped_and_properties_alone_are_meta():
    current = {"same": state(1, b"x"), "tagged": state(2, b"x"), VERSION_PATH: lists.version_state((("a", "1"),))}
    tagged = Change("tagged", Operation.MODIFY, FileId(0), state(0, b"x", properties=(("rows", "3"),)))
    version = Change(VERSION_PATH, Operation.META, FileId(0), lists.version_state((("a", "1"),)))
    landed = lists.land([change("same", Operation.MODIFY, b"x"), tagged, version], current)
    assert [(one.path, one.operation) for one in landed] == [("tagged", Operation.META)]


def test_two_files_can_swap_their_paths():
    current = {"a": state(1, b"1"), "b": state(2, b"2")}
    swap = [change("a", Operation.MOVE, b"2", "b"), change("b", Operation.MOVE, b"1", "a")]
    lists.check_proposed(swap)
    landed = lists.land(swap, current)
    assert [(one.path, one.file_id) for one in landed] == [("a", 2), ("b", 1)]


def test_a_new_file_may_take_the_path_of_a_moved_one():
    both = [change("a", Operation.ADD), change("old-a", Operation.MOVE, b"x", "a")]
    lists.check_proposed(both)
    landed, _ = lists.numbered(lists.land(both, {"a": state(1)}), FileId(1))
    assert [(one.path, one.file_id) for one in landed] == [("a", 2), ("old-a", 1)]


@pytest.mark.parametrize(
    "changes",
    [
        [change("a", Operation.ADD), change("a", Operation.ADD)],
        [change("b", Operation.MOVE, b"x", "a")],
        [
            change("b", Operation.MOVE, b"x", "a"),
            change("c", Operation.MOVE, b"x", "a"),
            change("a", Operation.DELETE, None),
        ],
        [change("a", Operation.ADD, None)],
        [change("a", Operation.DELETE, b"x")],
        [change(VERSION_PATH, Operation.ADD)],
        [change("a", Operation.MOVE, b"x", "a")],
        [Change("a", Operation.ADD, FileId(0), replace(state(0), size=-1))],
        [Change("a", Operation.ADD, FileId(0), replace(state(0), content=b"short"))],
        [Change("a", Operation.ADD, FileId(0), state(0, properties=(("b", "1"), ("a", "2"))))],
        [Change("a", Operation.ADD, FileId(0), state(0, properties=(("a=b", "1"),)))],
        [Change("a", Operation.ADD, FileId(0), state(0, properties=(("a", "1" * 5000),)))],
    ],
)
def test_changes_that_make_no_sense_are_refused(changes):
    with pytest.raises(InvalidRequest):
        lists.check_proposed(changes)


def test_paths_that_were_found_good_are_good_again_and_others_are_not():
    many = [change(f"f{number:05d}", Operation.ADD) for number in range(2 * lists.MANY_PATHS)]
    lists.check_proposed(many)
    lists.check_proposed(many)
    for path, refusal in (("F00001", PathClash), ("a\\b", InvalidPath), ("f00001\0f00002", InvalidPath)):
        for _ in range(2):
            with pytest.raises(refusal):
                lists.check_proposed([*many[:-1], change(path, Operation.ADD)])


def test_a_move_onto_a_file_that_stays_is_refused():
    with pytest.raises(InvalidRequest, match="still has"):
        lists.land(
            [change("b", Operation.MOVE, b"x", "a"), change("a", Operation.DELETE, None)],
            {"a": state(1), "b": state(2)},
        )


def test_C4_only_paths_that_stand_elsewhere_are_stale():
    bases = {"same": state(1), "edited": state(2), "deleted": state(3), "undone": state(4)}
    current = {"same": state(1), "edited": state(2, b"other"), "added": state(5), "undone": state(4)}
    paths = ["same", "edited", "deleted", "added", "undone", "nowhere"]
    assert rules.changed_since(paths, bases, current) == ("added", "deleted", "edited")


def test_C4_the_refusal_names_path_changeset_and_author():
    culprits = {"a": (ChangesetNumber(7), "bob"), "b": (ChangesetNumber(8), "eve\x1b[31m")}
    one = rules.refuse_stale(("a",), culprits, "main")
    assert one.message == "a changed in @7 by bob on main, after the version that you have."
    both = rules.refuse_stale(("a", "b"), culprits, "main")
    assert both.items == ("a changed in @7 by bob", "b changed in @8 by eve\\x1b[31m")
    assert both.exit_code == 3


def test_C1_refusals_come_in_the_order_in_which_they_can_be_mended():
    current = {"m.bin": state(1, text=False)}
    wanted = change("m.bin", Operation.MODIFY)
    stale = rules.refuse_stale(("m.bin",), {}, "main")
    with pytest.raises(LockLost):
        rules.decide_locks([proposed(wanted, 7)], current, ground(), stale)
    with pytest.raises(LockHeld):
        rules.decide_locks([proposed(wanted)], current, ground(lock_of(1, 8, "bob", "wb")), stale)
    with pytest.raises(HeadMoved):
        rules.decide_locks([proposed(wanted)], current, ground(), stale)
    with pytest.raises(HeadMoved):
        rules.decide_locks([proposed(wanted, 7)], current, ground(lock_of(1, 7)), stale)
    with pytest.raises(LockNeeded):
        rules.decide_locks([proposed(wanted)], current, ground(), None)
    assert rules.decide_locks([proposed(wanted, 7)], current, ground(lock_of(1, 7)), None) == (lock_of(1, 7),)


def test_a_new_file_on_the_path_of_a_moved_one_needs_no_lock_of_its_own():
    current = {"m.bin": state(1, text=False)}
    rows = [
        proposed(change("m.bin", Operation.ADD)),
        proposed(change("old.bin", Operation.MOVE, b"x", "m.bin"), 7),
    ]
    assert rules.decide_locks(rows, current, ground(lock_of(1, 7)), None) == (lock_of(1, 7),)


def test_C9_an_undo_needs_no_lock_but_respects_every_lock():
    current = {"m.bin": state(1, text=False)}
    back = [Change("m.bin", Operation.MODIFY, FileId(1), state(1, b"old", text=False))]
    assert rules.decide_undo_locks(back, current, {}, ground()) == ()
    assert rules.decide_undo_locks(back, current, {}, ground(lock_of(1, 7))) == (lock_of(1, 7),)
    assert rules.decide_undo_locks(back, current, {"m.bin": FencingToken(7)}, ground(lock_of(1, 7)))
    with pytest.raises(LockHeld):
        rules.decide_undo_locks(back, current, {}, ground(lock_of(1, 7, "bob", "wb")))
    with pytest.raises(LockHeld):
        rules.decide_undo_locks(back, current, {}, ground(lock_of(1, 7, "alice", "elsewhere")))
    with pytest.raises(LockLost):
        rules.decide_undo_locks(back, current, {"m.bin": FencingToken(6)}, ground(lock_of(1, 7)))


def test_C9_an_undo_respects_the_lock_of_a_file_whose_path_another_takes():
    current = {"m.bin": state(2, text=False), "old.bin": state(1, text=False)}
    back = lists.changes_between(current, {"m.bin": state(1, text=False)})
    assert [(one.path, one.operation) for one in back] == [
        ("m.bin", Operation.MOVE),
        ("old.bin", Operation.DELETE),
    ]
    with pytest.raises(LockHeld):
        rules.decide_undo_locks(back, current, {}, ground(lock_of(2, 7, "bob", "wb")))


def test_L11_only_the_locks_of_committed_files_end():
    own = (lock_of(1, 7), lock_of(2, 8), lock_of(3, 9))
    changes = [
        Change("a", Operation.MODIFY, FileId(1), state(1)),
        Change("b", Operation.DELETE, FileId(2), None),
    ]
    assert rules.released_by(own, changes, keep_locks=False) == own[:2]
    assert rules.released_by(own, changes, keep_locks=True) == own[1:2]
    moved = [Change("b", Operation.DELETE, FileId(2), None), Change("c", Operation.MOVE, FileId(2), state(2), "b")]
    assert rules.released_by(own, moved, keep_locks=True) == ()


@pytest.mark.parametrize("around", [["Model.py"], ["model.py/x"], ["MODEL.PY/x"]])
def test_F2_a_new_path_clashes_by_case_or_as_a_folder(around):
    with pytest.raises(PathClash, match=r"model\.py"):
        rules.check_clashes([change("model.py", Operation.ADD)], around)


def test_F2_a_rename_of_case_does_not_clash_with_itself():
    rules.check_clashes([change("Model.py", Operation.MOVE, b"x", "model.py")], ["Model.py", "other"])


def test_C5_records_alone_are_worth_a_commit():
    rules.check_something((), has_records=True)
    with pytest.raises(NothingToCommit):
        rules.check_something((), has_records=False)


@pytest.mark.parametrize(
    ("bases", "prepared"),
    [((9,), (1, 1)), ((1,), (3, 2)), ((1,), (0, 9)), ((-1,), (1, 1))],
)
def test_numbers_of_other_repositories_are_refused(bases, prepared):
    with pytest.raises(InvalidRequest):
        rules.check_numbers(bases, prepared, ChangesetNumber(5))


def test_messages_have_a_limit():
    rules.check_message("m" * rules.MESSAGE_LIMIT)
    with pytest.raises(LimitExceeded):
        rules.check_message("ü" * rules.MESSAGE_LIMIT)


def test_C9_a_file_that_lives_on_is_not_brought_back_beside_itself():
    back = [Change("a", Operation.ADD, FileId(1), state(1))]
    rules.check_revived(back, {})
    with pytest.raises(HeadMoved, match="a lives on as b"):
        rules.check_revived(back, {FileId(1): "b"})


def test_C9_half_a_move_is_taken_back_with_its_other_half():
    before, after = {"a": state(1), "x": state(2)}, {"b": state(1), "x": state(2, b"other")}
    assert rules.with_moved_parts(["b"], before, after) == {"a", "b"}
