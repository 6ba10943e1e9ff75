"""What bringing a shelf back does to each path, without a disk: nobody's work is overwritten (F5)."""

from __future__ import annotations

import pytest

from mlv.actions.unshelving import Act, Local, decide
from mlv.workspace.scan import Found
from mlv.workspace.state import Pending, TrackedFile
from mlv_core.entities import VERSION_PATH, Change, FileMode, FileState, Operation
from mlv_core.hashing import hash_content
from mlv_core.ids import ChangesetNumber, FileId
from mlv_core.shelving import ShelvedChange

AT = ChangesetNumber(1)
OLD, NEW, OTHER = b"old", b"new", b"other"


def state(data: bytes, *, mode: FileMode = FileMode.REGULAR, file_id: int = 7, **properties: str) -> FileState:
    return FileState(FileId(file_id), mode, True, len(data), hash_content(data), tuple(sorted(properties.items())))


def tracked(path: str, data: bytes, *, file_id: int = 7, properties: str = "{}", mode: int = 0) -> TrackedFile:
    return TrackedFile(path, file_id, mode, 1, len(data), hash_content(data), 0, 1, properties=properties)


def edited(path: str = "a", before: FileState | None = None, after: FileState | None = None) -> ShelvedChange:
    return ShelvedChange(Change(path, Operation.MODIFY, FileId(7), after or state(NEW)), AT, before or state(OLD))


def moved(source: str, path: str, after: FileState | None = None) -> list[ShelvedChange]:
    return [
        ShelvedChange(Change(path, Operation.MOVE, FileId(7), after or state(OLD), source), AT, state(OLD)),
        ShelvedChange(Change(source, Operation.DELETE, FileId(7), None), AT, state(OLD)),
    ]


def gone(path: str = "a") -> ShelvedChange:
    return ShelvedChange(Change(path, Operation.DELETE, FileId(7), None), AT, state(OLD))


def added(path: str = "n") -> ShelvedChange:
    return ShelvedChange(Change(path, Operation.ADD, FileId(0), state(NEW, file_id=0)), AT, None)


def local(*files: TrackedFile, found: tuple[Found, ...] = (), pending: tuple[Pending, ...] = (), **more) -> Local:
    return Local(
        files={file.path: file for file in files},
        differs={item.base.path: item for item in found if item.base is not None},
        pending={act.path: act for act in pending},
        conflicts=more.pop("conflicts", frozenset()),
        edits=more.pop("edits", {}),
        properties=more.pop("properties", {}),
        **more,
    )


def only(changes, here: Local, **how):
    (found,) = decide(changes, here, **how)
    return found


def test_an_unchanged_file_gets_the_bytes_of_the_shelf():
    found = only([edited()], local(tracked("a", OLD)))
    assert (found.act, found.here, found.place, found.fresh, found.record) == (Act.PLACE, "a", "a", True, None)


@pytest.mark.parametrize("letter", ["M", "R"])
def test_F5_a_changed_file_is_looked_at_first(letter: str):
    file = tracked("a", OLD)
    here = local(file, found=(Found("a" if letter == "M" else "b", letter, "" if letter == "M" else "a", file),))
    assert only([edited()], here).act is Act.COMPARE


def test_F5_a_file_that_the_version_changed_is_looked_at_first():
    assert only([edited()], local(tracked("a", OTHER))).act is Act.COMPARE


def test_a_file_that_is_missing_here_comes_back():
    file = tracked("a", OLD)
    assert only([edited()], local(file, found=(Found("a", "!", "", file),))).act is Act.PLACE
    other = tracked("a", OTHER)
    assert only([edited()], local(other, found=(Found("a", "!", "", other),))).act is Act.CONFLICT


def test_deleted_on_one_side_and_changed_on_the_other_is_a_conflict():
    file = tracked("a", OLD)
    assert only([edited()], local(file, found=(Found("a", "D", "", file),))).act is Act.CONFLICT
    assert only([edited()], local()).act is Act.CONFLICT
    assert only([gone()], local(tracked("a", OTHER))).act is Act.CONFLICT
    assert only([gone()], local(file, found=(Found("a", "M", "", file),))).act is Act.CONFLICT


def test_deleted_on_both_sides_is_nothing():
    file = tracked("a", OLD)
    assert decide([gone()], local()) == []
    assert decide([gone()], local(file, found=(Found("a", "D", "", file),))) == []
    found = only([gone()], local(file))
    assert (found.act, found.record) == (Act.REMOVE, Pending("a", "delete", ""))


def test_a_move_is_one_change_and_is_recorded():
    found = only(moved("a", "b"), local(tracked("a", OLD)))
    assert (found.act, found.here, found.place) == (Act.KEEP, "a", "b")
    assert found.record == Pending("b", "move", "a")


def test_a_file_is_followed_to_where_the_version_moved_it():
    found = only([edited()], local(tracked("c", OLD)))
    assert (found.act, found.here, found.place) == (Act.PLACE, "c", "c")
    same = only(moved("a", "b"), local(tracked("b", OLD)))
    assert (same.act, same.here, same.place, same.record) == (Act.KEEP, "b", "b", None)


def test_moved_to_two_places_or_onto_another_is_a_conflict():
    assert only(moved("a", "b"), local(tracked("c", OLD))).act is Act.CONFLICT
    assert only(moved("a", "b"), local(tracked("a", OLD), tracked("b", OTHER, file_id=8))).act is Act.CONFLICT
    assert only(moved("a", "b"), local(tracked("a", OLD), on_disk=frozenset({"b"}))).act is Act.CONFLICT


def test_two_files_change_places_only_with_bytes_of_the_shelf():
    swap = [
        ShelvedChange(Change("b", Operation.MOVE, FileId(7), state(OLD), "a"), AT, state(OLD)),
        ShelvedChange(
            Change("a", Operation.MOVE, FileId(8), state(OTHER, file_id=8), "b"), AT, state(OTHER, file_id=8)
        ),
    ]
    both = local(tracked("a", OLD), tracked("b", OTHER, file_id=8))
    assert [one.act for one in decide(swap, both)] == [Act.PLACE, Act.PLACE]
    changed = local(tracked("a", NEW), tracked("b", OTHER, file_id=8))
    # One cannot go, so that the other has no room either.
    assert [one.act for one in decide(swap, changed)] == [Act.CONFLICT, Act.CONFLICT]


def test_a_new_file_takes_a_free_path_and_no_other():
    found = only([added()], local())
    assert (found.act, found.here, found.record) == (Act.PLACE, "", Pending("n", "add", ""))
    assert only([added()], local(on_disk=frozenset({"n"}))).act is Act.OBSTRUCTED
    recorded = local(pending=(Pending("n", "add", ""),), on_disk=frozenset({"n"}))
    assert only([added()], recorded).act is Act.COMPARE
    assert only([added()], local(tracked("n", OTHER))).act is Act.COMPARE


def test_a_mode_alone_is_changed_alone():
    change = edited(after=state(OLD, mode=FileMode.EXECUTABLE))
    assert only([change], local(tracked("a", OTHER))).act is Act.MODE
    assert only([change], local(tracked("a", OTHER, mode=1))).act is Act.KEEP


def test_properties_come_back_where_nobody_changed_them_since():
    change = edited(before=state(OLD, owner="x", stage="1"), after=state(OLD, owner="y", new="n"))
    found = only([change], local(tracked("a", OLD, properties='{"owner": "x", "stage": "2"}')))
    assert found.act is Act.KEEP
    assert found.edits == (("new", "n"), ("owner", "y"))
    assert found.kept == ("stage",)
    here = local(tracked("a", OLD, properties='{"owner": "x"}'), edits={"a": {"owner": "z", "new": "n"}})
    assert (only([change], here).edits, only([change], here).kept) == ((), ("owner",))


def test_properties_of_the_version_are_those_of_the_workspace():
    change = ShelvedChange(Change(VERSION_PATH, Operation.META, FileId(0), state(b"", stage="draft")), AT, None)
    assert only([change], local(properties={"other": "1"})).edits == (("stage", "draft"),)


def test_a_path_in_conflict_stays_one():
    assert only([edited()], local(tracked("a", OLD), conflicts=frozenset({"a"}))).act is Act.CONFLICT
    assert only([added()], local(conflicts=frozenset({"n"}), on_disk=frozenset({"n"}))).act is Act.CONFLICT


def test_theirs_wins_when_it_is_chosen():
    file = tracked("a", OTHER)
    assert only([edited()], local(file, conflicts=frozenset({"a"})), force=True).act is Act.PLACE
    assert only([gone()], local(file), force=True).act is Act.REMOVE
    assert only([edited()], local(), force=True).record == Pending("a", "add", "")
