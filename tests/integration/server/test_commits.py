"""Commits and undos on a real database and content store: what lands, what is refused, what is told afterwards."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.content_kit import chunks_of, cut, frames_for, pack_of

from mlv_core.entities import (
    VERSION_PATH,
    Change,
    FileMode,
    FileState,
    LockNeed,
    Metric,
    Operation,
    Records,
)
from mlv_core.errors import (
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
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, RequestId, WorkspaceId
from mlv_core.requests import AcquireRequest, BeginRequest, HistoryFilter, ProposedChange, PublishRequest, UndoRequest
from mlv_server.services import branches, commits, content, history, labels, locks

AT1 = ChangesetNumber(1)
MODEL = "model.safetensors"


def state_of(data: bytes, mode: FileMode = FileMode.REGULAR, properties=()) -> FileState:
    return FileState(FileId(0), mode, b"\0" not in data, len(data), hash_content(data), properties)


def add(path: str, data: bytes, base: int = 1, mode: FileMode = FileMode.REGULAR) -> ProposedChange:
    change = Change(path, Operation.ADD, FileId(0), state_of(data, mode))
    return ProposedChange(change, ChangesetNumber(base), FencingToken(0))


def modify(path: str, data: bytes, base: int = 1, token: int = 0) -> ProposedChange:
    change = Change(path, Operation.MODIFY, FileId(0), state_of(data))
    return ProposedChange(change, ChangesetNumber(base), FencingToken(token))


def delete(path: str, base: int = 1, token: int = 0) -> ProposedChange:
    return ProposedChange(Change(path, Operation.DELETE, FileId(0), None), ChangesetNumber(base), FencingToken(token))


def move(source: str, path: str, data: bytes, base: int = 1, token: int = 0) -> list[ProposedChange]:
    change = Change(path, Operation.MOVE, FileId(0), state_of(data), source)
    return [
        ProposedChange(change, ChangesetNumber(base), FencingToken(token)),
        delete(source, base, token),
    ]


def request_for(
    *changes: ProposedChange, contents: tuple[bytes, ...] = (), prepared: int = 1, workspace: str = "wa", **more
) -> PublishRequest:
    sent = [cut(data) for data in contents]
    frames = [frame for file in sent for frame in frames_for(file)]
    values = {
        "repository": DETECTOR,
        "request_id": RequestId(str(uuid.uuid4())),
        "branch": "main",
        "workspace": WorkspaceId(workspace),
        "message": "work",
        "changes": changes,
        "prepared_min": ChangesetNumber(prepared),
        "prepared_max": ChangesetNumber(prepared),
        "recipes": tuple((file.name, recipe) for file in sent if (recipe := file.item[2]) is not None),
        "inline_pack": pack_of(frames) if frames else b"",
    }
    return PublishRequest(**{**values, **more})


def publish(house: House, user: str, request: PublishRequest):
    return house.run(commits.publish(house.call(user), request))


def undo(house: House, user: str = "alice", workspace: str = "wa", **what):
    values = {
        "repository": DETECTOR, "request_id": RequestId(str(uuid.uuid4())), "branch": "main",
        "workspace": WorkspaceId(workspace), "message": "",
    }  # fmt: skip
    return house.run(commits.undo(house.call(user), UndoRequest(**{**values, **what})))


def lock(house: House, user: str, workspace: str, path: str = MODEL, data: bytes = b"\0one", base: int = 1) -> int:
    request = AcquireRequest(
        DETECTOR, "main", WorkspaceId(workspace), (path,), (hash_content(data),), (ChangesetNumber(base),)
    )
    return house.run(locks.acquire(house.call(user), request)).locks[0].token


def locked_paths(house: House) -> list[str]:
    return [one.path for one in house.run(locks.list_all(house.call("rita"), DETECTOR, "", (), ""))]


def files(house: House, number: int) -> Mapping[str, ContentHash]:
    call = house.call("rita")

    async def collect():
        stream = history.list_files(call, DETECTOR, ChangesetNumber(number), ())
        return {row.path: row.state.content async for rows in stream for row in rows}

    return house.run(collect())


def head(house: House) -> int:
    return house.run(history.resolve(house.call("rita"), DETECTOR, "head", ""))[0]


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
        ((add("train.py", b"x"),), InvalidRequest),
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


def test_stored_bytes_tell_what_a_commit_took(detector: House):
    data = bytes(range(256)) * 400
    done = publish(detector, "alice", request_for(add("d.bin", data), contents=(data,)))
    on_disk = detector.run(detector.store.stored_bytes(1))
    assert on_disk < done.stored_bytes < on_disk + 1000


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


def test_a_branch_shares_history_and_goes_on_by_itself(detector: House):
    detector.run(branches.create(detector.call("alice"), DETECTOR, "trial", None, "1", "", dry_run=False))
    publish(detector, "alice", request_for(add("a.txt", b"a"), contents=(b"a",), branch="trial"))
    publish(detector, "bob", request_for(add("b.txt", b"b"), contents=(b"b",), workspace="wb"))
    assert "a.txt" in files(detector, 2)
    assert "a.txt" not in files(detector, 3)

    def numbers(**what):
        found, more = detector.run(history.list_changesets(detector.call("rita"), DETECTOR, HistoryFilter(**what)))
        return [changeset.number for changeset in found], more

    assert numbers() == ([3, 2, 1], 0)
    assert numbers(branch="main") == ([3, 1], 0)
    assert numbers(branch="trial") == ([2, 1], 0)
    assert numbers(author="bob") == ([3], 0)
    assert numbers(page_size=1) == ([3], 3)
    assert numbers(page_size=1, before=3) == ([2], 2)
    assert numbers(first=2, last=2) == ([2], 0)


def test_log_of_a_path_follows_its_file_over_renames(detector: House):
    publish(detector, "alice", request_for(modify("train.py", b"2\n"), contents=(b"2\n",)))
    publish(detector, "alice", request_for(*move("train.py", "src/t.py", b"2\n", 2), prepared=2))
    publish(detector, "alice", request_for(add("other.txt", b"o", 3), contents=(b"o",), prepared=3))
    detector.grant("releaser", "rita")
    detector.run(labels.create(detector.call("rita"), DETECTOR, "v1.0", "@2", "first", dry_run=False))

    def log(**what):
        return detector.run(history.list_changesets(detector.call("rita"), DETECTOR, HistoryFilter(**what)))[0]

    assert [changeset.number for changeset in log(path="src/t.py")] == [3, 2, 1]
    assert [changeset.number for changeset in log(path="train.py")] == [3, 2, 1]
    assert [changeset.number for changeset in log(path="src")] == [3]
    assert [(changeset.number, changeset.labels) for changeset in log(labelled=True)] == [(2, ("v1.0",))]
    with pytest.raises(NotFound, match="nowhere"):
        log(path="nowhere")


def test_revisions_name_versions(detector: House):
    publish(detector, "alice", request_for(add("a.txt", b"a"), contents=(b"a",)))
    detector.grant("releaser", "rita")
    detector.run(labels.create(detector.call("rita"), DETECTOR, "v1.0", "@1", "", dry_run=False))

    def resolve(text: str, branch: str = ""):
        return detector.run(history.resolve(detector.call("rita"), DETECTOR, text, branch))

    assert resolve("@2") == (2, "main")
    assert resolve("0") == (0, "main")
    assert resolve("main") == resolve("head") == (2, "main")
    assert resolve("prev") == (1, "main")
    assert resolve("V1.0") == (1, "main")
    assert resolve("2023-11-14") == (2, "main")
    assert resolve("2023-11-14T22:13") == (2, "main")
    for missing in ("@9", "nobody", "2020-01-01"):
        with pytest.raises(NotFound):
            resolve(missing)


def test_differences_name_moves(detector: House):
    publish(detector, "alice", request_for(*move("train.py", "src/t.py", b"print()\n"), contents=(b"print()\n",)))

    call = detector.call("rita")

    async def collect(first: int, second: int, *paths: str):
        stream = history.diff_versions(call, DETECTOR, ChangesetNumber(first), ChangesetNumber(second), paths)
        return [
            (one.path, one.before is None, one.after is None, one.moved_from) async for part in stream for one in part
        ]

    assert detector.run(collect(1, 2)) == [("src/t.py", True, False, "train.py"), ("train.py", False, True, "")]
    assert detector.run(collect(2, 1)) == [("src/t.py", False, True, ""), ("train.py", True, False, "src/t.py")]
    assert detector.run(collect(1, 2, "src")) == [("src/t.py", True, False, "train.py")]
    assert len(detector.run(collect(0, 1))) == 3


def test_a_large_commit_is_found_by_path_without_a_row_for_each(detector: House):
    many = [add(f"bulk/{number:05}.txt", b"x") for number in range(4200)]
    publish(detector, "alice", request_for(*many, contents=(b"x",)))
    publish(detector, "alice", request_for(modify("bulk/00007.txt", b"y", 2), contents=(b"y",), prepared=2))

    def log(path: str):
        wanted = HistoryFilter(path=path)
        return [one.number for one in detector.run(history.list_changesets(detector.call("rita"), DETECTOR, wanted))[0]]

    assert log("bulk/00007.txt") == [3, 2]
    assert log("bulk/00008.txt") == [2]
    assert log("bulk") == [3, 2]
    assert log("train.py") == [1]
    assert len(files(detector, 3)) == 4203
    with pytest.raises(HeadMoved, match=r"bulk/00009\.txt changed in @2 by alice"):
        publish(detector, "bob", request_for(add("bulk/00009.txt", b"x"), contents=(b"x",), workspace="wb"))
    with pytest.raises(PathClash, match=r"bulk/00000\.txt and BULK/1"):
        publish(detector, "bob", request_for(add("BULK/1", b"x", 3), contents=(b"x",), workspace="wb"))


def test_C1_commits_of_many_at_once_land_one_after_the_other(detector: House):
    requests = [request_for(add(f"f{n}.txt", b"%d" % n), contents=(b"%d" % n,)) for n in range(20)]
    calls = [detector.call(("alice", "bob")[n % 2]) for n in range(20)]

    async def all_at_once():
        return await asyncio.gather(*(commits.publish(call, one) for call, one in zip(calls, requests, strict=True)))

    done = detector.run(all_at_once())
    assert sorted(one.changeset for one in done) == list(range(2, 22))
    assert all(one.parent == one.changeset - 1 for one in done)
    assert len(files(detector, 21)) == 23
    ids = detector.db.read_now(lambda tx: [row.file_id for row in tx.versions.files(1, ChangesetNumber(21))])
    assert len(set(ids)) == 23


def test_C3_one_request_sent_many_times_at_once_makes_one_changeset(detector: House):
    request = request_for(add("a.txt", b"a"), contents=(b"a",))
    calls = [detector.call("alice") for _ in range(8)]

    async def all_at_once():
        return await asyncio.gather(*(commits.publish(call, request) for call in calls))

    assert {one.changeset for one in detector.run(all_at_once())} == {2}
    assert head(detector) == 2


def test_C4_of_two_commits_to_one_file_at_once_one_lands(detector: House):
    requests = [request_for(modify("train.py", b"%d\n" % n), contents=(b"%d\n" % n,)) for n in range(4)]
    calls = [detector.call("alice") for _ in requests]

    async def all_at_once():
        running = (commits.publish(call, one) for call, one in zip(calls, requests, strict=True))
        return await asyncio.gather(*running, return_exceptions=True)

    outcomes = detector.run(all_at_once())
    assert sorted(type(one).__name__ for one in outcomes) == ["HeadMoved"] * 3 + ["Published"]
    assert head(detector) == 2


def test_packs_sent_before_count_as_stored_by_the_publish_that_names_their_upload(detector: House):
    data = bytes(range(256)) * 300
    file = cut(data)

    async def send():
        return await content.put_pack(detector_call, DETECTOR, "upload-7", chunks_of(pack_of(frames_for(file))))

    detector_call = detector.call("alice")
    _, kept = detector.run(send())
    request = request_for(add("d.bin", data), recipes=((file.name, file.item[2]),), upload="upload-7")
    done = publish(detector, "alice", request)
    assert kept < done.stored_bytes < kept + 1000
    again = publish(detector, "alice", request_for(add("e.txt", b"e"), contents=(b"e",), upload="upload-7"))
    assert again.stored_bytes < 1000


def test_chains_stay_short_while_one_file_is_committed_again_and_again(detector: House):
    rng = random.Random(7)
    data = bytearray(rng.randbytes(60_000))
    base = cut(bytes(data))
    publish(
        detector, "alice",
        request_for(add("log.txt", base.plain), contents=(base.plain,)),
    )  # fmt: skip
    sent = [base]
    for number in range(2, 26):
        data[rng.randrange(len(data))] ^= 0xFF
        new = cut(bytes(data))
        token = lock(detector, "alice", "wa", "log.txt", sent[-1].plain, number)
        publish(
            detector, "alice",
            request_for(
                modify("log.txt", new.plain, number, token), prepared=number,
                recipes=((new.name, new.item[2]),), inline_pack=pack_of(frames_for(new, sent[-1])),
            ),
        )  # fmt: skip
        sent.append(new)
    detector.run(detector.background.settle())
    depth = detector.run(detector.store.depth_of(1, [file.recipe for file in sent]))
    assert depth <= 9
