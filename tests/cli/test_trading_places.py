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
