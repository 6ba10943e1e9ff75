"""What an update makes of each file, what a commit takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlv_core.entities import Change, FileMode, FileState, LockNeed, Operation
from mlv_core.errors import Conflict, LockNeeded, MissingFile, NothingToCommit
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, FencingToken, FileId
from mlv_core.planning import (
    ActionKind,
    CommitPlan,
    LocalFile,
    Situation,
    check_commit,
    plan_commit,
    plan_update,
    prepared_on,
)
from mlv_core.requests import PlannedChange


def state(content: bytes, *, text: bool = False, file_id: int = 1, mode: FileMode = FileMode.REGULAR) -> FileState:
    return FileState(FileId(file_id), mode, text, len(content), hash_content(content))


def incoming(path: str, new: FileState | None, source: str = "") -> PlannedChange:
    operation = Operation.DELETE if new is None else Operation.MOVE if source else Operation.MODIFY
    change = Change(path, operation, new.file_id if new else FileId(1), new, source)
    return PlannedChange(change, LockNeed.NONE, ChangesetNumber(5))


BASE, MINE, THEIRS = state(b"base"), state(b"mine"), state(b"theirs")
TEXT = [state(content, text=True) for content in (b"base", b"mine", b"theirs")]


@pytest.mark.parametrize(
    ("file", "new", "kind"),
    [
        (None, THEIRS, ActionKind.WRITE),
        (None, None, ActionKind.FORGET),
        (LocalFile("f", Situation.UNCHANGED, BASE), THEIRS, ActionKind.WRITE),
        (LocalFile("f", Situation.UNCHANGED, BASE), None, ActionKind.DELETE),
        (LocalFile("f", Situation.UNCHANGED, BASE), replace(BASE, mode=FileMode.EXECUTABLE), ActionKind.KEEP),
        (LocalFile("f", Situation.MODIFIED, BASE, local=MINE), THEIRS, ActionKind.CONFLICT),
        (LocalFile("f", Situation.MODIFIED, BASE, local=MINE), None, ActionKind.CONFLICT),
        (LocalFile("f", Situation.MODIFIED, BASE, local=THEIRS), THEIRS, ActionKind.KEEP),
        (
            LocalFile("f", Situation.MODIFIED, BASE, local=MINE),
            replace(BASE, properties=(("a", "b"),)),
            ActionKind.KEEP,
        ),
        (LocalFile("f", Situation.MODIFIED, TEXT[0], local=TEXT[1]), TEXT[2], ActionKind.MERGE),
        (LocalFile("f", Situation.MODIFIED, TEXT[0], local=MINE), TEXT[2], ActionKind.CONFLICT),
        (LocalFile("f", Situation.MISSING, BASE), THEIRS, ActionKind.WRITE),
        (LocalFile("f", Situation.MISSING, BASE), None, ActionKind.FORGET),
        (LocalFile("f", Situation.DELETED, BASE), None, ActionKind.FORGET),
        (LocalFile("f", Situation.DELETED, BASE), THEIRS, ActionKind.CONFLICT),
        (LocalFile("f", Situation.ADDED, local=MINE), THEIRS, ActionKind.CONFLICT),
        (LocalFile("f", Situation.ADDED, local=THEIRS), THEIRS, ActionKind.KEEP),
        (LocalFile("f", Situation.UNTRACKED, local=THEIRS), THEIRS, ActionKind.CONFLICT),
        (LocalFile("f", Situation.UNTRACKED), THEIRS, ActionKind.CONFLICT),
        (LocalFile("f", Situation.CONFLICT, BASE, local=MINE), THEIRS, ActionKind.CONFLICT),
    ],
)
def test_F5_a_locally_changed_file_is_never_overwritten(
    file: LocalFile | None, new: FileState | None, kind: ActionKind
):
    (action,) = plan_update([incoming("f", new)], {"f": file} if file else {})
    assert action.kind is kind


def test_an_untracked_file_of_the_same_bytes_is_taken_when_asked():
    file = LocalFile("f", Situation.UNTRACKED, local=THEIRS)
    (action,) = plan_update([incoming("f", THEIRS)], {"f": file}, adopt=True)
    assert action.kind is ActionKind.KEEP


@pytest.mark.parametrize(
    ("file", "new", "kind"),
    [
        (LocalFile("old", Situation.UNCHANGED, BASE), BASE, ActionKind.KEEP),
        (LocalFile("old", Situation.UNCHANGED, BASE), THEIRS, ActionKind.WRITE),
        (LocalFile("old", Situation.MODIFIED, BASE, local=MINE), BASE, ActionKind.KEEP),
        (LocalFile("old", Situation.MODIFIED, TEXT[0], local=TEXT[1]), TEXT[2], ActionKind.MERGE),
        (LocalFile("old", Situation.MODIFIED, BASE, local=MINE), THEIRS, ActionKind.CONFLICT),
    ],
)
def test_F5_local_changes_go_along_with_a_move(file: LocalFile, new: FileState, kind: ActionKind):
    planned = [incoming("new", new, "old"), incoming("old", None)]
    (action,) = plan_update(planned, {"old": file})
    assert (action.kind, action.mine, action.to) == (kind, "old", "new")


def test_F5_a_move_onto_something_that_lies_there_is_a_conflict():
    local = {"old": LocalFile("old", Situation.UNCHANGED, BASE), "new": LocalFile("new", Situation.UNTRACKED)}
    (action,) = plan_update([incoming("new", BASE, "old"), incoming("old", None)], local)
    assert action.kind is ActionKind.CONFLICT


def test_F5_a_file_that_was_moved_here_gets_new_content_where_it_lies():
    file = LocalFile("f", Situation.UNCHANGED, BASE, place="moved")
    (action,) = plan_update([incoming("f", THEIRS)], {"f": file})
    assert (action.kind, action.mine, action.to) == (ActionKind.WRITE, "moved", "moved")


def test_C8_a_commit_takes_all_that_differs_and_no_untracked_file():
    one = ChangesetNumber(1)
    files = [
        LocalFile("z-edited", Situation.MODIFIED, BASE, one, MINE),
        LocalFile("unchanged", Situation.UNCHANGED, BASE, one),
        LocalFile("added", Situation.ADDED, local=MINE),
        LocalFile("copied", Situation.ADDED, local=BASE, source="unchanged"),
        LocalFile("deleted", Situation.DELETED, BASE, one),
        LocalFile("old", Situation.UNCHANGED, BASE, one, place="moved"),
        LocalFile("meta", Situation.MODIFIED, BASE, one, replace(BASE, properties=(("k", "v"),))),
        LocalFile("chmod", Situation.MODIFIED, BASE, one, replace(BASE, mode=FileMode.EXECUTABLE)),
        LocalFile("stranger", Situation.UNTRACKED, local=MINE),
    ]
    plan = plan_commit(files)
    assert [(row.change.path, row.change.operation.name, row.change.source) for row in plan.changes] == [
        ("added", "ADD", ""),
        ("chmod", "MODIFY", ""),
        ("copied", "ADD", "unchanged"),
        ("deleted", "DELETE", ""),
        ("meta", "META", ""),
        ("moved", "MOVE", "old"),
        ("old", "DELETE", ""),
        ("z-edited", "MODIFY", ""),
    ]
    check_commit(plan, with_records=False)


@pytest.mark.parametrize(
    ("file", "error"),
    [
        (LocalFile("f", Situation.MISSING, BASE), MissingFile),
        (LocalFile("f", Situation.CONFLICT, BASE, local=MINE), Conflict),
        (LocalFile("f", Situation.MODIFIED, BASE, local=MINE, need=LockNeed.REQUIRED), LockNeeded),
        (LocalFile("f", Situation.DELETED, BASE, need=LockNeed.REQUIRED), LockNeeded),
    ],
)
def test_C8_what_stands_in_the_way_is_named(file: LocalFile, error: type[Exception]):
    other = LocalFile("g", Situation.MODIFIED, BASE, local=MINE, need=LockNeed.REQUIRED, token=FencingToken(4))
    with pytest.raises(error, match="'f'"):
        check_commit(plan_commit([other, file]), with_records=True)


def test_C5_nothing_changed_is_refused_unless_there_are_records():
    with pytest.raises(NothingToCommit):
        check_commit(CommitPlan(()), with_records=False)
    check_commit(CommitPlan(()), with_records=True)


def test_C4_a_mixed_workspace_says_so():
    files = [LocalFile(str(n), Situation.UNCHANGED, BASE, ChangesetNumber(n)) for n in (3, 7)]
    assert prepared_on(ChangesetNumber(9), files) == (3, 7)
    assert prepared_on(ChangesetNumber(9), []) == (9, 9)
