"""Merging branches on a real database and a real store (B1-B5)."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest
from tests.integration.server import commit_kit
from tests.integration.server.commit_kit import MODEL, files, lock, publish, request_for, state_of
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.content_kit import cut, frames_for, pack_of

from mlv_core.entities import BranchKind, FileMode, Operation
from mlv_core.errors import (
    AlreadyMerged,
    DamagedContent,
    Denied,
    HeadMoved,
    InvalidRequest,
    LockHeld,
    LockLost,
    NotFound,
    PathClash,
    RequestReused,
)
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, FencingToken, RequestId, WorkspaceId
from mlv_core.merging import ConflictKind, Merged, MergeRequest, Resolution, Side
from mlv_core.requests import AcquireRequest
from mlv_server.services import branches, commits, history, locks, merges

N = ChangesetNumber
FORK = 2
"""The changeset at which `forked` branches."""


def add(path: str, data: bytes, base: int = FORK):
    return commit_kit.add(path, data, base)


def modify(path: str, data: bytes, base: int = FORK, token: int = 0):
    return commit_kit.modify(path, data, base, token)


def delete(path: str, base: int = FORK):
    return commit_kit.delete(path, base)


def move(source: str, path: str, data: bytes):
    return commit_kit.move(source, path, data, FORK)


def request_of(source: str = "dev", branch: str = "main", **more) -> MergeRequest:
    values = {
        "repository": DETECTOR,
        "request_id": RequestId(str(uuid.uuid4())),
        "branch": branch,
        "source": source,
        "workspace": WorkspaceId("wa"),
    }
    return MergeRequest(**{**values, **more})


def merge(house: House, source: str = "dev", branch: str = "main", user: str = "alice", **more) -> Merged:
    return house.run(merges.merge(house.call(user), request_of(source, branch, **more)))


def branch(house: House, name: str, at: str = "1") -> None:
    call = house.call("alice")
    house.run(branches.create(call, DETECTOR, name, BranchKind.EXPERIMENT, at, "main", dry_run=False))


def commit(house: House, name: str, *changes, contents=(), base: int = FORK) -> int:
    wanted = request_for(*changes, contents=contents, prepared=base, branch=name)
    return int(publish(house, "alice", wanted).changeset)


def content(house: House, number: int, path: str) -> bytes:
    call = house.call("rita")
    name = files(house, number)[path]

    async def read() -> bytes:
        return b"".join([piece async for piece in call.store.read_range(1, name, 0, 1 << 20)])

    return house.run(read())


@pytest.fixture
def forked(detector: House) -> House:
    """Main and dev, both at @2, which has a text with its content."""
    commit(detector, "main", add("code.py", b"print()\n", 1), contents=(b"print()\n",), base=1)
    branch(detector, "dev", "2")
    return detector


def test_B1_a_merge_is_one_changeset_with_two_parents(forked: House):
    commit(forked, "main", add("m.bin", b"\0m"), contents=(b"\0m",))
    commit(forked, "dev", add("d.bin", b"\0d"), contents=(b"\0d",))
    merged = merge(forked, message="take dev")
    assert (merged.source, merged.target, merged.bases, merged.conflicts) == (4, 3, (2,), ())
    changeset, changes = forked.run(history.get(forked.call("rita"), DETECTOR, N(5)))
    assert changeset.parents == (3, 4)
    assert (changeset.branch, changeset.author, changeset.message) == ("main", "alice", "take dev")
    assert [(one.path, one.operation) for one in changes] == [("d.bin", Operation.ADD)]
    assert files(forked, 5) == files(forked, 3) | files(forked, 4)
    # The file is the same one on both branches: its history and its locks follow it.
    ids = forked.db.read_now(lambda tx: {tx.versions.lookup(1, N(n), ("d.bin",))["d.bin"].file_id for n in (4, 5)})
    assert len(ids) == 1
    with pytest.raises(AlreadyMerged):
        merge(forked)


def test_B1_a_target_without_work_of_its_own_takes_everything(forked: House):
    commit(forked, "dev", modify("code.py", b"2\n"), add("d.bin", b"\0d"), contents=(b"2\n", b"\0d"))
    assert merge(forked).published is not None
    assert files(forked, 4) == files(forked, 3)


def test_C3_the_same_merge_again_gets_the_first_answer(forked: House):
    commit(forked, "dev", add("d.bin", b"\0d"), contents=(b"\0d",))
    request = request_of()
    first = forked.run(merges.merge(forked.call("alice"), request))
    again = forked.run(merges.merge(forked.call("alice"), request))
    assert again.published == first.published
    assert forked.run(commits.outcome(forked.call("alice"), DETECTOR, request.request_id)) == first.published
    with pytest.raises(RequestReused):
        forked.run(merges.merge(forked.call("alice"), replace(request, message="other")))


def test_a_dry_run_tells_all_and_writes_nothing(forked: House):
    commit(forked, "main", modify("code.py", b"a\nprint()\n"), contents=(b"a\nprint()\n",))
    commit(forked, "dev", modify("code.py", b"print()\nb\n"), contents=(b"print()\nb\n",))
    foretold = merge(forked, dry_run=True)
    assert foretold.published is not None
    assert [one.path for one in foretold.published.changes] == ["code.py"]
    with pytest.raises(NotFound):
        forked.run(history.get(forked.call("rita"), DETECTOR, N(5)))
    assert merge(forked).published is not None


def test_B2_texts_and_documents_are_merged_into_new_content(forked: House):
    params, code = b'{"lr": 1e-5, "batch": 32}\n', b"one\ntwo\nthree\n"
    commit(forked, "main", add("p.json", params), add("c.py", code), contents=(params, code))
    branch(forked, "exp", "3")
    mine, mine_code = b'{"lr": 2e-5, "batch": 32}\n', b"ONE\ntwo\nthree\n"
    commit(forked, "main", modify("p.json", mine, 3), modify("c.py", mine_code, 3), contents=(mine, mine_code), base=3)
    theirs, their_code = b'{"lr": 1e-5, "batch": 64}\n', b"one\ntwo\nTHREE\n"
    commit(
        forked, "exp", modify("p.json", theirs, 3), modify("c.py", their_code, 3), contents=(theirs, their_code), base=3
    )
    merged = merge(forked, "exp")
    assert merged.texts == ("c.py", "p.json")
    assert json.loads(content(forked, 6, "p.json")) == {"lr": 2e-5, "batch": 64}
    assert content(forked, 6, "c.py") == b"ONE\ntwo\nTHREE\n"


def test_B2_unmergeable_files_take_the_changed_side_or_conflict(forked: House):
    commit(forked, "dev", modify(MODEL, b"\0dev", token=lock_on(forked, "dev")), contents=(b"\0dev",))
    assert merge(forked).conflicts == ()
    assert content(forked, 4, MODEL) == b"\0dev"
    commit(
        forked, "main", modify(MODEL, b"\0main", 4, lock_on(forked, "main", b"\0dev", 4)), contents=(b"\0main",), base=4
    )
    commit(
        forked, "dev", modify(MODEL, b"\0dev 2", 3, lock_on(forked, "dev", b"\0dev", 3)), contents=(b"\0dev 2",), base=3
    )
    merged = merge(forked)
    assert [(one.path, one.kind) for one in merged.conflicts] == [(MODEL, ConflictKind.CONTENT)]
    assert merged.published is None


def lock_on(house: House, name: str, data: bytes = b"\0one", base: int = FORK) -> int:
    request = AcquireRequest(DETECTOR, name, WorkspaceId("wa"), (MODEL,), (hash_content(data),), (N(base),))
    return house.run(locks.acquire(house.call("alice"), request)).locks[0].token


@pytest.mark.parametrize(
    ("side", "expected"),
    [(Side.MINE, b"mine\n"), (Side.THEIRS, b"theirs\n"), (Side.BASE, b"print()\n"), (Side.CONTENT, b"both\n")],
)
def test_B3_a_conflict_is_resolved_to_any_side_or_to_new_content(forked: House, side: Side, expected: bytes):
    commit(forked, "main", modify("code.py", b"mine\n"), contents=(b"mine\n",))
    commit(forked, "dev", modify("code.py", b"theirs\n"), contents=(b"theirs\n",))
    (conflict,) = merge(forked).conflicts
    assert (conflict.path, conflict.kind) == ("code.py", ConflictKind.CONTENT)
    made = state_of(b"both\n") if side is Side.CONTENT else None
    pack = pack_of(frames_for(cut(b"both\n"))) if side is Side.CONTENT else b""
    done = merge(
        forked,
        resolutions=(("code.py", Resolution(side, made)),),
        inline_pack=pack,
        source_head=N(4),
        branch_head=N(3),
    )
    assert done.published is not None
    assert content(forked, int(done.published.changeset), "code.py") == expected


def test_B3_resolutions_are_checked_before_anything_is_written(forked: House):
    commit(forked, "main", modify("code.py", b"mine\n"), contents=(b"mine\n",))
    commit(forked, "dev", modify("code.py", b"theirs\n"), contents=(b"theirs\n",))
    with pytest.raises(InvalidRequest, match="no conflict"):
        merge(forked, resolutions=(("other.py", Resolution(Side.MINE)),))
    with pytest.raises(InvalidRequest, match="regular file"):
        merge(forked, resolutions=(("code.py", Resolution(Side.CONTENT, state_of(b"x", FileMode.SYMLINK))),))
    with pytest.raises((NotFound, DamagedContent)):
        merge(forked, resolutions=(("code.py", Resolution(Side.CONTENT, state_of(b"never sent"))),))
    with pytest.raises(HeadMoved, match="no longer at @1"):
        merge(forked, source_head=N(1))
    assert [one.path for one in merge(forked).conflicts] == ["code.py"]


def test_B4_a_merge_bypasses_neither_lock_nor_right(forked: House):
    commit(forked, "dev", modify(MODEL, b"\0dev", token=lock_on(forked, "dev")), contents=(b"\0dev",))
    with pytest.raises(Denied):
        merge(forked, user="rita")
    with pytest.raises(NotFound):
        merge(forked, user="stranger")
    token = lock(forked, "bob", "wb")
    with pytest.raises(LockHeld):
        merge(forked)
    with pytest.raises(LockLost):
        merge(forked, tokens=((MODEL, FencingToken(token - 1)),))
    done = merge(forked, user="bob", workspace=WorkspaceId("wb"), tokens=((MODEL, FencingToken(token)),))
    assert done.published is not None
    assert done.published.released == (MODEL,)


def test_B5_a_repeated_merge_starts_at_the_last_one(forked: House):
    commit(forked, "dev", modify("code.py", b"1\n"), contents=(b"1\n",))
    merge(forked)
    # main takes back what came; dev goes on elsewhere: the earlier merge is no reason to bring it again.
    commit(forked, "main", modify("code.py", b"print()\n", 4), contents=(b"print()\n",), base=4)
    commit(forked, "dev", add("n.py", b"n\n", 3), contents=(b"n\n",), base=3)
    merged = merge(forked)
    assert merged.bases == (3,)
    assert merged.published is not None
    assert content(forked, int(merged.published.changeset), "code.py") == b"print()\n"


def test_B5_criss_cross_merges_lose_nothing_silently(forked: House):
    commit(forked, "main", modify("code.py", b"main\n"), contents=(b"main\n",))
    commit(forked, "dev", modify("code.py", b"dev\n"), contents=(b"dev\n",))
    branch(forked, "main2", "3")
    branch(forked, "dev2", "4")
    # Each takes the other's head and keeps its own side of the conflict.
    merge(forked, "dev2", resolutions=(("code.py", Resolution(Side.MINE)),))
    merge(forked, "main2", "dev", resolutions=(("code.py", Resolution(Side.MINE)),))
    merged = merge(forked)
    assert sorted(merged.bases) == [3, 4]
    assert [one.path for one in merged.conflicts] == ["code.py"]


def test_B5_moves_meet_edits_and_paths_that_clash_are_refused(forked: House):
    moved = (*move("code.py", "src/code.py", b"print()\n"), add("Notes", b"n"))
    commit(forked, "main", *moved, contents=(b"n",))
    commit(forked, "dev", modify("code.py", b"edited\n"), add("notes", b"x"), contents=(b"edited\n", b"x"))
    with pytest.raises(PathClash):
        merge(forked)
    commit(forked, "dev", delete("notes", 4), base=4)
    merged = merge(forked)
    assert merged.published is not None
    assert [(one.path, one.operation) for one in merged.published.changes] == [("src/code.py", Operation.MODIFY)]
    assert content(forked, int(merged.published.changeset), "src/code.py") == b"edited\n"


def test_B5_the_same_file_added_on_both_branches_is_one(forked: House):
    commit(forked, "main", add("n.txt", b"n\n"), contents=(b"n\n",))
    commit(forked, "dev", add("n.txt", b"n\n"), add("d.txt", b"d\n"), contents=(b"n\n", b"d\n"))
    merged = merge(forked)
    assert merged.published is not None
    assert [one.path for one in merged.published.changes] == ["d.txt"]
