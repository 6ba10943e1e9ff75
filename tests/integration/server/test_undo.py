"""Undo on a real database: committed changes taken back from change lists alone (C9)."""

from __future__ import annotations

import pytest
from tests.integration.server.commit_kit import (
    AT1,
    MODEL,
    add,
    delete,
    files,
    head,
    lock,
    modify,
    move,
    publish,
    request_for,
    undo,
)
from tests.integration.server.conftest import DETECTOR, House

from mlv_core.entities import (
    Operation,
)
from mlv_core.errors import (
    HeadMoved,
    InvalidRequest,
    LockHeld,
    NotFound,
    NothingToCommit,
)
from mlv_core.ids import ChangesetNumber, RequestId
from mlv_server.services import branches, commits, history


def test_C9_undo_takes_back_one_or_several_changesets(detector: House):
    publish(detector, "alice", request_for(modify("train.py", b"2\n"), contents=(b"2\n",)))
    publish(detector, "alice", request_for(add("a.txt", b"a", 2), delete("train.py", 2), contents=(b"a",), prepared=2))
    done = undo(detector, first=ChangesetNumber(3), last=ChangesetNumber(3))
    assert files(detector, done.changeset) == files(detector, 2)
    assert {change.path: change.operation for change in done.changes} == {
        "a.txt": Operation.DELETE,
        "train.py": Operation.ADD,
    }
    ids = detector.db.read_now(
        lambda tx: {tx.versions.lookup(1, ChangesetNumber(n), ("train.py",))["train.py"].file_id for n in (1, 2, 4)}
    )
    assert len(ids) == 1
    done = undo(detector, first=ChangesetNumber(2), last=ChangesetNumber(4))
    assert files(detector, done.changeset) == files(detector, 1)
    changeset, _ = detector.run(history.get(detector.call("rita"), DETECTOR, done.changeset))
    assert changeset.message == "Undo @2:@4"
    assert head(detector) == 5


def test_C9_undo_to_a_version_needs_no_lock_that_nobody_holds(detector: House):
    token = lock(detector, "alice", "wa")
    publish(detector, "alice", request_for(modify(MODEL, b"\0two", token=token), contents=(b"\0two",)))
    done = undo(detector, to=AT1)
    assert files(detector, 3) == files(detector, 1)
    assert (done.changeset, done.stored_bytes < 1000) == (3, True)


def test_C9_undo_respects_anothers_lock(detector: House):
    token = lock(detector, "alice", "wa")
    publish(detector, "alice", request_for(modify(MODEL, b"\0two", token=token), contents=(b"\0two",)))
    lock(detector, "bob", "wb", data=b"\0two", base=2)
    with pytest.raises(LockHeld, match="bob"):
        undo(detector, to=AT1)
    detector.grant("maintainer", "bob")
    assert undo(detector, "bob", "wb", to=AT1).released == (MODEL,)


def test_C9_undo_refuses_by_name_what_changed_since(detector: House):
    publish(detector, "alice", request_for(modify("train.py", b"2\n"), add("a.txt", b"a"), contents=(b"2\n", b"a")))
    publish(detector, "bob", request_for(modify("train.py", b"3\n", 2), contents=(b"3\n",), prepared=2, workspace="wb"))
    with pytest.raises(HeadMoved, match=r"train\.py changed in @3 by bob"):
        undo(detector, first=ChangesetNumber(2), last=ChangesetNumber(2))
    done = undo(detector, first=ChangesetNumber(2), last=ChangesetNumber(2), paths=("a.txt",))
    assert [change.path for change in done.changes] == ["a.txt"]


def test_C9_undo_takes_back_a_move_as_a_whole(detector: House):
    publish(detector, "alice", request_for(*move("train.py", "src/t.py", b"print()\n"), contents=(b"print()\n",)))
    done = undo(detector, first=ChangesetNumber(2), last=ChangesetNumber(2), paths=("src",))
    assert [(change.path, change.operation, change.source) for change in done.changes] == [
        ("src/t.py", Operation.DELETE, ""),
        ("train.py", Operation.MOVE, "src/t.py"),
    ]
    with pytest.raises(HeadMoved):
        undo(detector, first=ChangesetNumber(2), last=ChangesetNumber(2))


def test_C9_undo_does_not_bring_a_file_back_beside_itself(detector: House):
    publish(detector, "alice", request_for(delete("train.py")))
    undo(detector, first=ChangesetNumber(2), last=ChangesetNumber(2))
    publish(
        detector, "alice",
        request_for(*move("train.py", "t.py", b"print()\n", base=3), contents=(b"print()\n",), prepared=3),
    )  # fmt: skip
    with pytest.raises(HeadMoved, match=r"lives on as t\.py"):
        undo(detector, first=ChangesetNumber(2), last=ChangesetNumber(2))


def test_C9_undo_of_nothing_or_of_what_is_not_there(detector: House):
    with pytest.raises(NothingToCommit):
        undo(detector, to=AT1)
    with pytest.raises(NotFound):
        undo(detector, first=ChangesetNumber(7), last=ChangesetNumber(7))
    with pytest.raises(InvalidRequest):
        undo(detector, first=ChangesetNumber(0), last=ChangesetNumber(1))
    assert undo(detector, to=ChangesetNumber(0)).changeset == 2
    assert files(detector, 2) == {}


def test_C9_the_same_undo_again_is_answered_from_memory(detector: House):
    publish(detector, "alice", request_for(add("a.txt", b"a"), contents=(b"a",)))
    request_id = RequestId("undo-1")
    first = undo(detector, to=AT1, request_id=request_id)
    assert undo(detector, to=AT1, request_id=request_id) == first
    assert detector.run(commits.outcome(detector.call("alice"), DETECTOR, request_id)) == first
    assert head(detector) == 3


def test_undo_reaches_only_versions_of_its_branch(detector: House):
    detector.run(branches.create(detector.call("alice"), DETECTOR, "trial", None, "1", "", dry_run=False))
    publish(detector, "alice", request_for(add("a.txt", b"a"), contents=(b"a",), branch="trial"))
    with pytest.raises(InvalidRequest, match="no version of the branch main"):
        undo(detector, first=ChangesetNumber(2), last=ChangesetNumber(2))
    assert undo(detector, first=ChangesetNumber(2), last=ChangesetNumber(2), branch="trial").branch == "trial"
