"""Shelves on a real database and store: proved, found, hidden, replaced, and safe from gc as long as they are there."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import delete as sql_delete
from sqlalchemy import update
from tests.integration.server.commit_kit import AT1, MODEL, add, delete, head, lock, modify, move, publish, request_for
from tests.integration.server.conftest import DETECTOR, House
from tests.integration.server.content_kit import cut, frames_for, pack_of
from tests.integration.server.test_garbage import between, collect, is_there, noise, sound

from mlv_core.entities import Change, FileMode, FileState, Operation
from mlv_core.errors import (
    AlreadyExists,
    DamagedContent,
    Denied,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    NothingToCommit,
    RequestReused,
    Unreachable,
)
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, FencingToken, FileId, RequestId, WorkspaceId
from mlv_core.requests import ProposedChange
from mlv_core.shelving import PlanShelfRequest, ShelveRequest
from mlv_server.metadata.tables_shelves import shelf_contents, shelf_parts
from mlv_server.services import shelf_content, shelves, verification

BIG, OTHER = noise(300_000, 11), noise(300_000, 12)
CODECS = frozenset(range(16))


def shelve_request(*changes: ProposedChange, contents: tuple[bytes, ...] = (), **more) -> ShelveRequest:
    sent = [cut(data) for data in contents]
    frames = [frame for file in sent for frame in frames_for(file)]
    values = {
        "repository": DETECTOR,
        "request_id": RequestId(str(uuid.uuid4())),
        "branch": "main",
        "workspace": WorkspaceId("wa"),
        "name": "",
        "message": "work",
        "changes": changes,
        "recipes": tuple((file.name, recipe) for file in sent if (recipe := file.item[2]) is not None),
        "inline_pack": pack_of(frames) if frames else b"",
    }
    return ShelveRequest(**{**values, **more})


def shelve(house: House, user: str, request: ShelveRequest):
    return house.run(shelves.shelve(house.call(user), request))


def drop(house: House, user: str, name: str, owner: str = ""):
    return house.run(shelves.remove(house.call(user), DETECTOR, owner, name))


def get(house: House, user: str, name: str = "", owner: str = ""):
    return house.run(shelves.get(house.call(user), DETECTOR, owner, name))


def names(house: House, user: str, **which) -> list[str]:
    return [f"{one.owner}/{one.name}" for one in house.run(shelves.list_all(house.call(user), DETECTOR, **which))]


def recipes(data: bytes):
    file = cut(data)
    return ((file.name, file.item[2]),)


def damaged(house: House) -> list[str]:
    """What verify says of shelves and content; the version that the house begins with is none of a client's."""
    found = house.run(verification.verify(house.db, house.store)).damaged
    return [one for one in found if "@1" not in one]


def test_a_shelf_is_kept_beside_history_and_needs_no_lock(detector: House):
    lock(detector, "bob", "wb")
    request = shelve_request(
        modify(MODEL, b"\0two"), *move("train.py", "src/train.py", b"print(1)\n"), add("new.bin", BIG),
        contents=(b"\0two", b"print(1)\n", BIG),
    )  # fmt: skip
    made = shelve(detector, "alice", request)
    assert (made.owner, made.name, made.branch, made.files) == ("alice", "shelf-1", "main", 4)
    assert made.stored_bytes > len(BIG) * 0.9
    assert head(detector) == 1
    shelf, changes = get(detector, "alice")
    assert shelf == made
    found = {one.change.path: (one.change.operation, one.base, one.before is not None) for one in changes}
    assert found == {
        MODEL: (Operation.MODIFY, AT1, True),
        "new.bin": (Operation.ADD, AT1, False),
        "src/train.py": (Operation.MOVE, AT1, True),
        "train.py": (Operation.DELETE, AT1, True),
    }
    # Each names the file that it changes, so that it is found wherever the version has it by then.
    assert all(one.change.file_id == one.before.file_id for one in changes if one.before is not None)
    assert damaged(detector) == []


def test_C3_the_same_request_again_gets_the_first_answer(detector: House):
    request = shelve_request(add("a.bin", BIG), contents=(BIG,))
    first = shelve(detector, "alice", request)
    assert shelve(detector, "alice", request) == first
    assert names(detector, "alice") == ["alice/shelf-1"]
    with pytest.raises(RequestReused):
        shelve(detector, "alice", replace(request, message="another"))
    assert detector.run(shelves.outcome(detector.call("alice"), DETECTOR, request.request_id)) == first


def test_C3_a_request_that_was_said_not_to_have_arrived_never_does(detector: House):
    request = shelve_request(add("a.bin", BIG), contents=(BIG,))
    assert detector.run(shelves.outcome(detector.call("alice"), DETECTOR, request.request_id)) is None
    with pytest.raises(RequestReused):
        shelve(detector, "alice", request)
    assert names(detector, "alice") == []


def test_what_a_shelf_names_must_be_there_and_be_what_it_says(detector: House):
    with pytest.raises(NotFound):
        shelve(detector, "alice", shelve_request(add("a.bin", BIG), recipes=recipes(BIG)))
    wrong = ((hash_content(BIG), cut(OTHER).item[2]),)
    with pytest.raises(DamagedContent):
        shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(OTHER,), recipes=wrong))
    with pytest.raises(NothingToCommit):
        shelve(detector, "alice", shelve_request())
    with pytest.raises(InvalidRequest, match="no such file"):
        shelve(detector, "alice", shelve_request(modify("nowhere.bin", b"\0x"), contents=(b"\0x",)))
    with pytest.raises(InvalidRequest, match="newest"):
        shelve(detector, "alice", shelve_request(add("a.bin", b"\0x", base=9), contents=(b"\0x",)))
    state = FileState(FileId(0), FileMode.REGULAR, text=False, size=4, content=hash_content(b"\0two"))
    meta = ProposedChange(Change(MODEL, Operation.META, FileId(0), state), AT1, FencingToken(0))
    with pytest.raises(InvalidRequest, match="content as well"):
        shelve(detector, "alice", shelve_request(meta))
    assert names(detector, "alice") == []


def test_a_name_is_replaced_at_once_or_not_at_all(detector: House):
    first = shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(BIG,), name="Try"))
    again = shelve_request(add("b.bin", OTHER), contents=(OTHER,), name="try")
    with pytest.raises(AlreadyExists):
        shelve(detector, "alice", again)
    made = shelve(detector, "alice", replace(again, replace=True, request_id=RequestId("again")))
    assert made.id != first.id
    assert [one.change.path for one in get(detector, "alice", "TRY")[1]] == ["b.bin"]
    collect(detector)
    assert is_there(detector, OTHER)
    assert not is_there(detector, BIG)
    sound(detector)


def test_shelves_of_a_user_are_limited(detector: House):
    detector.settings = replace(detector.settings, shelves=1)
    shelve(detector, "alice", shelve_request(add("a.bin", b"\0x"), contents=(b"\0x",), name="one"))
    with pytest.raises(LimitExceeded, match="allows 1"):
        shelve(detector, "alice", shelve_request(add("a.bin", b"\0x"), contents=(b"\0x",)))
    shelve(detector, "alice", shelve_request(add("a.bin", b"\0y"), contents=(b"\0y",), name="one", replace=True))
    shelve(detector, "bob", shelve_request(add("a.bin", b"\0x"), contents=(b"\0x",)))


def test_a_dry_run_keeps_nothing(detector: House):
    made = shelve(detector, "alice", shelve_request(add("a.bin", BIG), dry_run=True))
    assert made.name == "shelf-1"
    assert names(detector, "alice") == []


def test_P4_who_may_not_see_a_shelf_is_told_that_there_is_none(detector: House):
    shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(BIG,), name="mine", private=True))
    shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(BIG,), name="ours"))
    assert names(detector, "bob") == ["alice/ours"]
    with pytest.raises(NotFound) as hidden:
        get(detector, "bob", "mine", "alice")
    with pytest.raises(NotFound) as absent:
        get(detector, "bob", "none", "alice")
    assert hidden.value.message.replace("mine", "none") == absent.value.message
    shelf, _ = get(detector, "alice", "mine")
    with pytest.raises(NotFound):
        plan(detector, "bob", shelf.id)
    with pytest.raises(NotFound):
        drop(detector, "bob", "mine", "alice")
    with pytest.raises(Denied):
        drop(detector, "bob", "ours", "alice")


def plan(house: House, user: str, shelf_id: int, **more):
    call = house.call(user)

    async def parts():
        request = PlanShelfRequest(DETECTOR, shelf_id, CODECS, **more)
        return [part async for part in shelf_content.plan(call, request)]

    return house.run(parts())


def test_the_plan_of_a_shelf_builds_on_what_the_workspace_has(detector: House):
    publish(detector, "alice", request_for(add("big.bin", BIG), contents=(BIG,)))
    edited = BIG[:100_000] + b"a few other bytes" + BIG[100_000:]
    sent = frames_for(cut(edited), cut(BIG))
    two = ChangesetNumber(2)
    request = shelve_request(modify("big.bin", edited, base=2), inline_pack=pack_of(sent), recipes=recipes(edited))
    assert shelve(detector, "alice", request).stored_bytes < 100_000
    shelf, changes = get(detector, "bob", "", "alice")
    assert [(one.base, one.before.content) for one in changes] == [(two, hash_content(BIG))]

    def fetched(**more) -> int:
        return sum(one.length for part in plan(detector, "bob", shelf.id, **more) for one in part.ranges)

    assert fetched() < 100_000
    assert fetched(without_old=("big.bin",)) > 200_000
    assert plan(detector, "bob", shelf.id, paths=("nothing",))[0].changes == ()


def test_N2_what_is_shelved_stays_and_what_was_dropped_goes(detector: House):
    shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(BIG,), name="one"))
    shelve(detector, "bob", shelve_request(add("b.bin", BIG), recipes=recipes(BIG), name="two"))
    assert collect(detector).segments == 0
    drop(detector, "alice", "one")
    assert collect(detector).segments == 0
    assert is_there(detector, BIG)
    drop(detector, "bob", "two")
    assert collect(detector).segments > 0
    assert not is_there(detector, BIG)
    sound(detector)
    assert damaged(detector) == []


def test_N2_garbage_that_is_shelved_after_it_was_marked_stays(detector: House, monkeypatch):
    shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(BIG,), name="one"))
    drop(detector, "alice", "one")
    again = shelve_request(add("a.bin", BIG), recipes=recipes(BIG), name="two")
    between(monkeypatch, lambda: shelve(detector, "alice", again))
    assert collect(detector).segments == 0
    assert is_there(detector, BIG)
    sound(detector)


def test_N2_content_that_came_with_a_shelf_and_was_committed_outlives_it(detector: House):
    shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(BIG,), name="one"))
    # The server knows the file already: what this says of its recipe is not looked at, and must not be kept.
    bogus = ((hash_content(BIG), hash_content(b"no recipe")),)
    publish(detector, "alice", request_for(add("a.bin", BIG), recipes=bogus))
    drop(detector, "alice", "one")
    collect(detector)
    assert is_there(detector, BIG)
    sound(detector)
    assert damaged(detector) == []


def test_a_commit_that_found_content_of_a_shelf_which_went_meanwhile_looks_again(detector: House, monkeypatch):
    shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(BIG,), name="one"))
    prove = type(detector.store).prove

    async def proved(self, domain_id, items):
        await prove(self, domain_id, items)
        monkeypatch.undo()
        call = detector.call_as(alice)
        await shelves.remove(call, DETECTOR, "", "one")

    alice = detector.call("alice").principal
    monkeypatch.setattr(type(detector.store), "prove", proved)
    with pytest.raises(Unreachable):
        publish(detector, "alice", request_for(add("a.bin", BIG), recipes=recipes(BIG)))
    assert head(detector) == 1


def test_F4_verify_names_a_shelf_whose_list_or_content_is_damaged(detector: House):
    shelf = shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(BIG,), name="one"))
    assert damaged(detector) == []
    detector.db.write_now(lambda tx: tx.connection.execute(sql_delete(shelf_contents)))
    assert damaged(detector) == [f"fraud/detector: shelf alice/one, a.bin: content {hash_content(BIG).hex()}"]
    detector.db.write_now(
        lambda tx: tx.connection.execute(
            update(shelf_parts).where(shelf_parts.c.shelf == shelf.id).values(data=b"no list")
        )
    )
    assert damaged(detector) == ["fraud/detector: shelf alice/one: its change list"]
    with pytest.raises(DamagedContent, match="alice/one"):
        get(detector, "alice", "one")


def test_F4_verify_names_a_shelf_whose_pack_is_damaged(detector: House):
    shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(BIG,), name="one"))
    domain = detector.db.read_now(lambda tx: tx.repositories.get(DETECTOR)).domain_id
    row = max(detector.db.read_now(lambda tx: tx.packs.list_all(domain)), key=lambda one: one.length)
    path = next(p for p in detector.settings.content_folder.rglob(f"*{row.pack_id.hex()}*") if p.is_file())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    assert f"fraud/detector: shelf alice/one, a.bin: content {hash_content(BIG).hex()}" in damaged(detector)


def test_each_act_is_audited_and_told(detector: House):
    shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(BIG,), name="one"))
    shelve(detector, "alice", shelve_request(add("a.bin", BIG), contents=(BIG,), name="two", private=True))
    drop(detector, "alice", "one")
    drop(detector, "alice", "two")
    row = detector.db.read_now(lambda tx: tx.repositories.get(DETECTOR))
    entries = detector.db.read_now(lambda tx: [json.loads(stored.record) for stored in tx.audit.rows(row.id)])
    acts = [(one["action"], one["object"]) for one in entries if one["action"].startswith("shelf.")]
    assert acts == [
        ("shelf.created", "alice/one"),
        ("shelf.created", "alice/two"),
        ("shelf.deleted", "alice/one"),
        ("shelf.deleted", "alice/two"),
    ]
    events = detector.db.read_now(lambda tx: tx.events.after(row.id, 0, 100))
    told = [(event.kind.value, event.data["shelf"]) for _, _, event in events if event.kind.value.startswith("shelf.")]
    assert told == [("shelf.created", "one"), ("shelf.deleted", "one")]


def test_a_deleted_file_needs_no_content(detector: House):
    shelve(detector, "alice", shelve_request(delete(MODEL), name="gone"))
    assert get(detector, "alice", "gone")[1][0].change.state is None


def test_a_reader_may_not_shelve(detector: House):
    with pytest.raises(Denied):
        shelve(detector, "rita", shelve_request(add("a.bin", BIG), contents=(BIG,)))
