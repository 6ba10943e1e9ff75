"""What an update does to each path, decided without a disk."""

from __future__ import annotations

import pytest

from mlv.actions.updating import Act, Local, decide, local_of
from mlv.workspace.scan import Found, Scan
from mlv.workspace.state import Pending, TrackedFile
from mlv_core.entities import Change, FileMode, FileState, LockNeed, Operation
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber, FileId
from mlv_core.requests import PlannedChange

OLD, NEW = ContentHash(b"\1" * 32), ContentHash(b"\2" * 32)


def tracked(path: str, content: bytes = OLD, **more) -> TrackedFile:
    return TrackedFile(path, 1, 0, 1, 3, content, 0, 1, **more)


def planned(path: str, content: ContentHash | None = NEW, operation=Operation.MODIFY, source="") -> PlannedChange:
    state = FileState(FileId(1), FileMode.REGULAR, text=True, size=3, content=content) if content else None
    change = Change(path, operation if state else Operation.DELETE, FileId(1), state, source)
    return PlannedChange(change, LockNeed.NONE, ChangesetNumber(2))


def local(*files: TrackedFile, found: tuple[Found, ...] = (), on_disk=(), pending=(), conflicts=()) -> Local:
    return Local(
        {file.path: file for file in files},
        {item.base.path: item for item in found if item.base},
        {act.path: act for act in pending},
        frozenset(conflicts),
        frozenset(on_disk),
    )


def acts(changes: list[PlannedChange], here: Local, *, force: bool = False) -> list[tuple[Act, str]]:
    return [(d.act, d.place) for d in decide(changes, here, force=force)]


A = tracked("a")


@pytest.mark.parametrize(
    ("change", "here", "force", "expected"),
    [
        (planned("a"), local(A), False, Act.PLACE),
        (planned("a", OLD, Operation.META), local(A), False, Act.RETAG),
        (planned("a"), local(A, found=(Found("a", "M", "", A),)), False, Act.COMPARE),
        (planned("a", OLD, Operation.META), local(A, found=(Found("a", "M", "", A),)), False, Act.REBASE),
        (planned("a"), local(A, found=(Found("a", "M", "", A),)), True, Act.PLACE),
        (planned("a"), local(A, found=(Found("a", "!", "", A),)), False, Act.PLACE),
        (planned("a"), local(A, found=(Found("a", "D", "", A),)), False, Act.CONFLICT),
        (planned("a"), local(A, found=(Found("a", "C", "", A),), conflicts=("a",)), False, Act.CONFLICT),
        (planned("a"), local(A, found=(Found("a", "D", "", A),)), True, Act.PLACE),
        (planned("a", OLD), local(A, found=(Found("a", "D", "", A),)), False, Act.REBASE),
        (planned("a", OLD, Operation.META), local(A, found=(Found("a", "P", "", A),)), False, Act.RETAG),
        (planned("a", None), local(A), False, Act.REMOVE),
        (planned("a", None), local(A, found=(Found("a", "P", "", A),)), False, Act.REMOVE),
        (planned("a", None), local(A, found=(Found("a", "D", "", A),)), True, Act.FORGET),
        (planned("a", None), local(A, found=(Found("a", "!", "", A),)), False, Act.FORGET),
        (planned("a", None), local(), False, None),
        (planned("a", None), local(A, found=(Found("a", "M", "", A),)), False, Act.CONFLICT),
        (planned("a", None), local(A, found=(Found("a", "M", "", A),)), True, Act.REMOVE),
        (planned("n", NEW, Operation.ADD), local(), False, Act.PLACE),
        (planned("n", NEW, Operation.ADD), local(on_disk=("n",)), False, Act.OBSTRUCTED),
        (planned("n", NEW, Operation.ADD), local(on_disk=("n",)), True, Act.PLACE),
        (
            planned("n", NEW, Operation.ADD),
            local(on_disk=("n",), pending=(Pending("n", "add", ""),)),
            False,
            Act.COMPARE,
        ),
    ],
)
def test_F5_what_happens_to_a_path(change, here, force, expected):
    assert [act for act, _ in acts([change], here, force=force)] == ([] if expected is None else [expected])


def test_a_move_of_the_server_takes_the_file_along_and_its_old_path_is_not_deleted_twice():
    changes = [planned("b", OLD, Operation.MOVE, "a"), planned("a", None)]
    assert acts(changes, local(A)) == [(Act.RETAG, "b")]


def test_a_local_move_keeps_its_place_under_an_edit_of_the_server():
    here = local(A, found=(Found("mine", "R", "a", A),))
    assert acts([planned("a")], here) == [(Act.COMPARE, "mine")]


def test_a_file_moved_to_two_places_is_a_conflict():
    here = local(A, found=(Found("mine", "R", "a", A),))
    assert acts([planned("b", OLD, Operation.MOVE, "a")], here) == [(Act.CONFLICT, "mine")]


def test_an_untracked_file_where_the_server_moved_to_is_in_the_way():
    here = local(A, on_disk=("b",))
    assert acts([planned("b", OLD, Operation.MOVE, "a")], here) == [(Act.OBSTRUCTED, "b")]


B = tracked("b", b"\3" * 32)
SWAPPED = [planned("a", ContentHash(B.content), Operation.MOVE, "b"), planned("b", OLD, Operation.MOVE, "a")]


def test_files_that_change_places_are_both_brought_anew_and_replace_each_other():
    found = decide(SWAPPED, local(A, B), force=False)
    assert [(d.act, d.path, d.base, d.replaces, d.fresh) for d in found] == [
        (Act.PLACE, "a", B, A, True),
        (Act.PLACE, "b", A, B, True),
    ]


@pytest.mark.parametrize("state", ["M", "R", "D", "C"])
def test_F5_files_that_were_changed_here_do_not_change_places(state):
    here = local(A, B, found=(Found("a", state, "", A),))
    assert {act for act, _ in acts(SWAPPED, here)} == {Act.OBSTRUCTED}
    assert {(d.act, d.fresh) for d in decide(SWAPPED, here, force=True)} == {(Act.PLACE, False)}


def test_a_new_file_where_one_moved_away_is_no_version_of_it():
    changes = [planned("a", NEW, Operation.ADD), planned("b", OLD, Operation.MOVE, "a")]
    first, second = decide(changes, local(A), force=False)
    assert (first.act, first.base, first.replaces) == (Act.PLACE, None, A)
    assert (second.act, second.base) == (Act.RETAG, A)


def test_N4_only_what_a_scan_found_unchanged_may_be_replaced():
    stamp = (7, 8, 9, 0)
    here = local_of({"a": A}, Scan((), ((*stamp, "a"),)), {}, ())
    (decision,) = decide([planned("a")], here, force=False)
    assert decision.replaces == A._replace(mtime_ns=7, ctime_ns=8, inode=9, doubtful=0)
    for state in "MRDC!":
        here = local(A, found=(Found("a", state, "", A),))
        for change in (planned("a"), planned("a", None)):
            assert [d.replaces for d in decide([change], here, force=True)] == [None]
