"""Files that take each other's places: two that are swapped, a row of them, a new one where an old one was."""

from __future__ import annotations

import pytest


def swap(who, one: str, other: str) -> None:
    who.mlv("move", one, "aside.tmp")
    who.mlv("move", other, one)
    who.mlv("move", "aside.tmp", other)


@pytest.fixture
def two(workspace):
    """A workspace with the files that change places, and another of the same version."""
    first = workspace()
    for name in ("a", "b"):
        first.write(f"{name}.txt", name.encode() * 9)
        first.write(f"{name}.bin", b"\0" + name.encode() * 9)
    first.mlv("add", ".")
    first.mlv("commit", "-m", "first")
    return first, workspace()


def test_F1_two_files_that_were_swapped_are_committed_and_come_to_others(two):
    """The change list named each path twice, so that the server refused it."""
    first, second = two
    ids = {row["path"]: row["file_id"] for row in first.json("ls")}
    first.mlv("lock", "a.bin", "b.bin")
    before = {lock["path"]: lock["fencing_token"] for lock in first.json("locks")}
    swap(first, "a.txt", "b.txt")
    swap(first, "a.bin", "b.bin")
    found = first.json("commit", "-m", "swapped", "--keep-locks")
    assert found["files"] == 4
    assert first.states() == {}
    after = {row["path"]: row["file_id"] for row in first.json("ls")}
    assert (after["a.txt"], after["b.bin"]) == (ids["b.txt"], ids["a.bin"])
    assert {lock["path"]: lock["fencing_token"] for lock in first.json("locks")} == {
        "a.bin": before["b.bin"],
        "b.bin": before["a.bin"],
    }
    first.write("a.bin", b"\0more")
    first.mlv("commit", "-m", "the lock went with the file")
    second.mlv("update")
    assert second.files() == first.files()
    second.mlv("update", "@1")
    assert (second.read("a.txt"), second.read("b.bin")) == (b"a" * 9, b"\0" + b"b" * 9)
    assert [one["changeset"] for one in first.json("log", "a.txt")] == [2, 1]
    assert second.states() == {}


def test_F1_a_row_of_moves_and_a_new_file_where_an_old_one_was(two):
    first, second = two
    first.mlv("move", "b.txt", "c.txt")
    first.mlv("move", "a.txt", "b.txt")
    first.write("a.txt", b"new\n")
    first.mlv("add", "a.txt")
    assert first.states() == {"a.txt": "added", "b.txt": "moved", "c.txt": "moved"}
    first.mlv("commit", "-m", "shifted")
    assert first.states() == {}
    second.mlv("update")
    assert second.files() == first.files()
    assert first.json("log", "a.txt")[0]["changeset"] == 2
    first.mlv("undo", "@2", "--update")
    assert (first.read("a.txt"), first.read("b.txt")) == (b"a" * 9, b"b" * 9)


@pytest.mark.parametrize("edited", [(), ("a",), ("b",), ("a", "b")])
def test_N4_a_revert_brings_each_file_home(two, edited):
    """It left one file where the other had been, and the other in the rescue folder."""
    first, _ = two
    before = first.files()
    first.mlv("lock", "a.bin", "b.bin")
    for kind in ("txt", "bin"):
        swap(first, f"a.{kind}", f"b.{kind}")
        for name in edited:
            first.write(f"{name}.{kind}", b"\0edited " + name.encode())
    found = first.json("revert", ".")
    assert first.files() == before
    assert first.states() == {}
    kept = {path.read_bytes() for path in (first.here / ".mlv/rescue").rglob("*") if path.is_file()}
    assert kept == {b"\0edited " + name.encode() for name in edited}
    assert len(found["rescued"]) == 2 * len(edited)


def test_N4_a_row_of_moves_is_reverted_whole_or_refused(two):
    first, _ = two
    before = first.files()
    first.mlv("move", "b.bin", "c.bin")
    first.mlv("move", "a.bin", "b.bin")
    refused = first.json("revert", "c.bin", code=3)
    assert "'b.bin' is taken by what was moved there from 'a.bin'" in refused["message"]
    first.mlv("revert", "c.bin", "b.bin")
    assert first.files() == before
    assert first.states() == {}


def test_a_shelf_of_swapped_files_comes_back(two):
    first, second = two
    swap(first, "a.txt", "b.txt")
    first.mlv("shelve", "--name", "swap", "--revert")
    assert first.states() == {}
    assert first.read("a.txt") == b"a" * 9
    second.mlv("unshelve", "swap")
    assert (second.read("a.txt"), second.read("b.txt")) == (b"b" * 9, b"a" * 9)
    assert second.states() == {"a.txt": "moved", "b.txt": "moved"}


def test_a_row_of_moves_tells_each_file_once(two):
    """The first of the row was told as moved and as deleted, the last as added."""
    first, _ = two
    first.mlv("move", "b.txt", "c.txt")
    first.mlv("move", "a.txt", "b.txt")
    first.mlv("commit", "-m", "shifted")
    told = [(one["path"], one["state"], one["source"]) for one in first.json("diff", "@1:@2", "--summary")]
    assert told == [("b.txt", "moved", "a.txt"), ("c.txt", "moved", "b.txt")]
    # Nothing in them differs: a diff of each has no line of text.
    assert first.mlv("diff", "@1:@2").splitlines() == ["moved a.txt -> b.txt", "moved b.txt -> c.txt"]
    shown = first.mlv("show", "@2")
    assert [line.split()[:2] for line in shown.split("changes\n")[1].splitlines()] == [["R", "b.txt"], ["R", "c.txt"]]
    undone = first.json("undo", "@2")
    assert undone["files"] == 2
    assert first.mlv("undo", "@3", "-n").splitlines() == ["dry run: b.txt", "dry run: c.txt"]


def test_a_file_that_was_replaced_by_another_is_told_as_deleted_beside_the_move(two):
    first, _ = two
    first.mlv("delete", "b.txt")
    first.mlv("commit", "-m", "room")
    first.mlv("move", "a.txt", "b.txt")
    first.write("a.txt", b"new\n")
    first.mlv("add", "a.txt")
    first.mlv("commit", "-m", "replaced")
    told = [(one["path"], one["state"], one["source"]) for one in first.json("diff", "@1:@3", "--summary")]
    assert told == [("a.txt", "added", None), ("b.txt", "deleted", None), ("b.txt", "moved", "a.txt")]


def test_a_merge_counts_a_moved_file_once(two):
    first, _ = two
    first.mlv("branch", "side")
    first.mlv("switch", "side")
    first.mlv("move", "a.txt", "z.txt")
    first.mlv("commit", "-m", "moved")
    first.mlv("switch", "main")
    told = first.mlv("merge", "side", "-n")
    assert told.splitlines() == ["dry run: R z.txt  (from a.txt)", "dry run: side @2 into main: 1 file"]
