"""Commits on a real database and content store: what lands, what is refused, what is told afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.integration.server.commit_kit import (
    AT1,
    MODEL,
    add,
    delete,
    files,
    head,
    lock,
    locked_paths,
    modify,
    move,
    publish,
    request_for,
    state_of,
    undo,
)
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.content_kit import cut, frames_for, pack_of

from mlv_core.entities import (
    VERSION_PATH,
    Change,
    FileMode,
    LockNeed,
    Metric,
    Operation,
    Records,
)
from mlv_core.errors import (
    AlreadyExists,
    DamagedContent,
    Denied,
    HeadMoved,
    InvalidPath,
    InvalidRequest,
    LockHeld,
    LockLost,
    LockNeeded,
    NotFound,
    NothingToCommit,
    PathClash,
    RequestReused,
    UnsupportedFile,
)
from mlv_core.hashing import ContentHash, hash_content
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, WorkspaceId
from mlv_core.requests import BeginRequest, ProposedChange
from mlv_server.services import commits, history


def test_C1_a_commit_writes_all_that_belongs_to_it_at_once(detector: House):
    token = lock(detector, "alice", "wa")
    done = publish(detector, "alice", request_for(modify(MODEL, b"\0two", token=token), contents=(b"\0two",)))
    assert (done.changeset, done.parent, done.released) == (2, 1, (MODEL,))
    assert files(detector, 2)[MODEL] == hash_content(b"\0two")
    assert files(detector, 1)[MODEL] == hash_content(b"\0one")
    assert locked_paths(detector) == []
    changeset, changes = detector.run(history.get(detector.call("rita"), DETECTOR, ChangesetNumber(2)))
    assert (changeset.author, changeset.parents, changeset.message, changeset.id) == ("alice", (1,), "work", done.id)
    assert changes == done.changes
    kinds, audited = detector.db.read_now(
        lambda tx: (
            [event.kind.value for _, _, event in tx.events.after(1, 0, 100)],
            [row.record for row in tx.audit.rows(1)],
        )
    )
    assert kinds[-2:] == ["commit.published", "lock.released"]
    assert any(b'"action":"commit"' in record for record in audited)


def test_C1_publish_decides_again_what_begin_had_allowed(detector: House):
    token = lock(detector, "alice", "wa")
    change = modify(MODEL, b"\0two", token=token)
    begun = detector.run(
        commits.begin(
            detector.call("alice"),
            BeginRequest(DETECTOR, "main", WorkspaceId("wa"), (change,), frozenset({0, 1, 200})),
        )
    )
    assert begun.head == 1
    assert begun.needs == (LockNeed.REQUIRED,)
    assert begun.codecs == {0, 1}
    detector.db.write_now(lambda tx: tx.locks.remove(1, [FencingToken(token)]))
    with pytest.raises(LockLost):
        publish(detector, "alice", request_for(change, contents=(b"\0two",)))
    assert head(detector) == 1


@pytest.mark.parametrize("user", ["rita", "stranger"])
def test_C1_nobody_commits_without_the_right(detector: House, user: str):
    with pytest.raises((Denied, NotFound)):
        publish(detector, user, request_for(add("notes.txt", b"x"), contents=(b"x",)))
    assert head(detector) == 1


def test_C3_the_same_request_again_gets_the_first_answer(detector: House):
    request = request_for(modify("train.py", b"print(2)\n"), contents=(b"print(2)\n",))
    first = publish(detector, "alice", request)
    again = publish(detector, "alice", replace(request, inline_pack=b"", upload="another way"))
    assert again == first
    assert head(detector) == 2
    asked = detector.run(commits.outcome(detector.call("alice"), DETECTOR, request.request_id))
    assert asked == first
    assert detector.run(commits.outcome(detector.call("bob"), DETECTOR, request.request_id)) is None


def test_C3_a_request_id_cannot_stand_for_another_request(detector: House):
    request = request_for(modify("train.py", b"print(2)\n"), contents=(b"print(2)\n",))
    publish(detector, "alice", request)
    with pytest.raises(RequestReused):
        publish(detector, "alice", replace(request, message="something else"))


def test_C4_disjoint_commits_from_one_base_both_land(detector: House):
    publish(detector, "alice", request_for(add("a.txt", b"a"), contents=(b"a",)))
    done = publish(detector, "bob", request_for(add("b.txt", b"b"), contents=(b"b",), workspace="wb"))
    assert (done.changeset, done.parent) == (3, 2)
    changeset, _ = detector.run(history.get(detector.call("rita"), DETECTOR, ChangesetNumber(3)))
    assert (changeset.prepared_min, changeset.prepared_max, changeset.parents) == (1, 1, (2,))
    assert changeset.measured_elsewhere
    assert {"a.txt", "b.txt"} <= files(detector, 3).keys()


@pytest.mark.parametrize("second", [modify("train.py", b"bob\n"), delete("train.py")])
def test_C4_a_path_changed_since_is_refused_by_path_changeset_and_author(detector: House, second: ProposedChange):
    publish(detector, "alice", request_for(modify("train.py", b"alice\n"), contents=(b"alice\n",)))
    with pytest.raises(HeadMoved) as refusal:
        publish(detector, "bob", request_for(second, contents=(b"bob\n",), workspace="wb"))
    assert refusal.value.items == ("train.py changed in @2 by alice",)
    assert head(detector) == 2


def test_C4_a_path_deleted_or_added_since_is_refused(detector: House):
    publish(detector, "alice", request_for(delete("train.py"), add("new.txt", b"mine"), contents=(b"mine",)))
    with pytest.raises(HeadMoved, match=r"train\.py changed in @2 by alice"):
        publish(detector, "bob", request_for(modify("train.py", b"bob\n"), contents=(b"bob\n",), workspace="wb"))
    with pytest.raises(HeadMoved, match=r"new\.txt changed in @2 by alice"):
        publish(detector, "bob", request_for(add("new.txt", b"x"), contents=(b"x",), workspace="wb"))


def test_C5_nothing_changed_is_refused_unless_something_was_recorded(detector: House):
    with pytest.raises(NothingToCommit):
        publish(detector, "alice", request_for())
    with pytest.raises(NothingToCommit):
        publish(detector, "alice", request_for(modify("train.py", b"print()\n")))
    records = Records(metrics=(Metric("val/f1", float("nan")),))
    done = publish(detector, "alice", request_for(records=records))
    changeset, changes = detector.run(history.get(detector.call("rita"), DETECTOR, done.changeset))
    assert changes == ()
    assert [metric.name for metric in changeset.records.metrics] == ["val/f1"]


def test_C7_begin_refuses_before_any_content(detector: House):
    def begin(*changes: ProposedChange):
        asked = BeginRequest(DETECTOR, "main", WorkspaceId("wa"), changes, frozenset({0}))
        return detector.run(commits.begin(detector.call("alice"), asked))

    unhashed = Change(MODEL, Operation.MODIFY, FileId(0), replace(state_of(b"\0x"), content=ContentHash(bytes(32))))
    with pytest.raises(LockNeeded):
        begin(ProposedChange(unhashed, AT1, FencingToken(0)))
    lock(detector, "bob", "wb")
    with pytest.raises(LockHeld, match="bob"):
        begin(ProposedChange(unhashed, AT1, FencingToken(0)))
    publish(detector, "bob", request_for(modify("train.py", b"bob\n"), contents=(b"bob\n",), workspace="wb"))
    with pytest.raises(HeadMoved):
        begin(modify("train.py", b"alice\n"))
    assert begin(add("new.py", b"x")).needs == (LockNeed.NONE,)


def test_C2_content_that_was_not_sent_or_is_not_what_it_says_is_never_referenced(detector: House):
    with pytest.raises(NotFound):
        publish(detector, "alice", request_for(add("lost.txt", b"never sent")))
    lying = replace(state_of(b"honest"), size=7)
    change = ProposedChange(Change("lie.txt", Operation.ADD, FileId(0), lying), AT1, FencingToken(0))
    with pytest.raises((DamagedContent, NotFound)):
        publish(detector, "alice", request_for(change, contents=(b"honest",)))
    assert head(detector) == 1


def test_L11_a_commit_releases_the_locks_of_its_own_paths_only(detector: House):
    token = lock(detector, "alice", "wa")
    other = lock(detector, "alice", "wa", "data/train.parquet", b"\0rows")
    kept = request_for(modify(MODEL, b"\0two", token=token), contents=(b"\0two",), keep_locks=True)
    assert publish(detector, "alice", kept).released == ()
    assert sorted(locked_paths(detector)) == ["data/train.parquet", MODEL]
    third = request_for(modify(MODEL, b"\0three", 2, token), contents=(b"\0three",), prepared=2)
    assert publish(detector, "alice", third).released == (MODEL,)
    assert locked_paths(detector) == ["data/train.parquet"]
    gone = request_for(delete("data/train.parquet", 3, other), prepared=3, keep_locks=True)
    assert publish(detector, "alice", gone).released == ("data/train.parquet",)


def test_L1_a_lock_that_is_kept_follows_its_file(detector: House):
    token = lock(detector, "alice", "wa")
    request = request_for(*move(MODEL, "weights/m.safetensors", b"\0one", token=token), keep_locks=True)
    # The content lies in the store only by its hash: what was written straight into the database is sent now.
    request = replace(request, inline_pack=pack_of(frames_for(cut(b"\0one"))))
    done = publish(detector, "alice", request)
    assert [change.operation for change in done.changes] == [Operation.DELETE, Operation.MOVE]
    assert len({change.file_id for change in done.changes}) == 1
    assert locked_paths(detector) == ["weights/m.safetensors"]


def test_L12_a_lock_that_is_not_live_any_more_is_told_before_a_stale_base(detector: House):
    lost = lock(detector, "alice", "wa")
    detector.db.write_now(lambda tx: tx.locks.remove(1, [FencingToken(lost)]))
    token = lock(detector, "bob", "wb")
    publish(detector, "bob", request_for(modify(MODEL, b"\0b", token=token), contents=(b"\0b",), workspace="wb"))
    with pytest.raises(LockLost):
        publish(detector, "alice", request_for(modify(MODEL, b"\0a", token=lost), contents=(b"\0a",)))


@pytest.mark.parametrize(
    ("path", "other"),
    [("Train.py", "train.py"), ("DATA/x.txt", "data/train.parquet"), ("train.py/x", "train.py"), ("data", "data/t")],
)
def test_F2_paths_that_one_system_cannot_hold_are_refused_by_both_names(detector: House, path: str, other: str):
    with pytest.raises(PathClash) as refusal:
        publish(detector, "alice", request_for(add(path, b"x"), contents=(b"x",)))
    assert path in refusal.value.message
    assert other in refusal.value.message


def test_F2_a_rename_that_only_changes_case_is_no_clash(detector: House):
    request = request_for(*move("train.py", "Train.py", b"print()\n"), contents=(b"print()\n",))
    publish(detector, "alice", request)
    assert "Train.py" in files(detector, 2)
    assert "train.py" not in files(detector, 2)


def test_F1_links_that_leave_the_workspace_are_refused(detector: House):
    good = request_for(add("data/latest", b"train.parquet", mode=FileMode.SYMLINK), contents=(b"train.parquet",))
    assert publish(detector, "alice", good).changeset == 2
    for target in (b"/etc/passwd", b"../../out", b".mlv/state.db"):
        bad = request_for(add("data/bad", target, mode=FileMode.SYMLINK), contents=(target,))
        with pytest.raises(UnsupportedFile, match="data/bad"):
            publish(detector, "alice", bad)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ((add("../out", b"x"),), InvalidPath),
        ((add("a//b", b"x"),), InvalidPath),
        ((add("a", b"x"), add("a", b"y")), InvalidRequest),
        ((add("x.txt", b"x", base=99),), InvalidRequest),
        ((add("train.py", b"x"),), AlreadyExists),
        ((modify("nothing.py", b"x"),), InvalidRequest),
        ((delete("nothing.py"),), InvalidRequest),
        ((move("train.py", "b.py", b"print()\n")[0],), InvalidRequest),
        ((ProposedChange(Change("a", Operation.ADD, FileId(0), None), AT1, FencingToken(0)),), InvalidRequest),
    ],
)
def test_requests_that_make_no_sense_are_refused_by_name(detector: House, changes, error):
    with pytest.raises(error):
        publish(detector, "alice", request_for(*changes))
    assert head(detector) == 1


def test_properties_change_without_content(detector: House):
    new = (("licence", "MIT"),)
    version = Change(VERSION_PATH, Operation.META, FileId(0), replace(state_of(b""), properties=new))
    file = Change("train.py", Operation.META, FileId(0), state_of(b"print()\n", properties=new))
    request = request_for(ProposedChange(version, AT1, FencingToken(0)), ProposedChange(file, AT1, FencingToken(0)))
    done = publish(detector, "alice", request)
    assert [(change.path, change.operation) for change in done.changes] == [
        (VERSION_PATH, Operation.META),
        ("train.py", Operation.META),
    ]
    assert VERSION_PATH not in files(detector, 2)
    assert files(detector, 2)["train.py"] == files(detector, 1)["train.py"]
    undo(detector, first=ChangesetNumber(2), last=ChangesetNumber(2))
    states = detector.db.read_now(lambda tx: tx.versions.lookup(1, ChangesetNumber(3), (VERSION_PATH, "train.py")))
    assert [state.properties for state in states.values()] == [(), ()]


def test_a_dry_run_decides_everything_and_changes_nothing(detector: House):
    token = lock(detector, "alice", "wa")
    request = request_for(modify(MODEL, b"\0two", token=token), dry_run=True)
    done = publish(detector, "alice", request)
    assert (done.changeset, done.released) == (2, (MODEL,))
    assert head(detector) == 1
    assert locked_paths(detector) == [MODEL]
    assert publish(detector, "alice", replace(request, dry_run=False, inline_pack=pack_of(frames_for(cut(b"\0two")))))
    assert undo(detector, to=AT1, dry_run=True).changeset == 3
    assert head(detector) == 2
