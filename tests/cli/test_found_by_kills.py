"""What kills at random instants found, as the few commands that it takes without any kill."""

from __future__ import annotations

import os

from tests.cli.people import Typist, changed


def commit_beside(first: Typist, second: Typist) -> None:
    """`second` stands behind the head: what it commits from now on does not move its base."""
    first.write("train.py", changed(3, b"three"))
    first.mlv("commit", "-m", "three")


def test_F5_a_file_deleted_beside_the_head_comes_back_when_that_is_undone(pair):
    first, second = pair
    commit_beside(first, second)
    second.mlv("delete", "data/a.txt")
    second.mlv("commit", "-m", "away")
    second.mlv("undo", "@3")
    assert second.json("update")["added"] == ["data/a.txt"]
    assert second.read("data/a.txt") == b"a\n"
    assert second.states() == {}


def test_F5_a_file_moved_beside_the_head_comes_home_when_that_is_undone(pair):
    first, second = pair
    commit_beside(first, second)
    second.mlv("move", "data/a.txt", "data/b.txt")
    second.mlv("commit", "-m", "moved")
    second.mlv("undo", "@3")
    second.mlv("update")
    assert sorted(second.files()) == ["data/a.txt", "train.py", "w.safetensors"]
    assert second.states() == {}


def test_F5_a_file_that_an_update_of_its_path_took_away_comes_with_the_version_that_has_it(pair):
    first, second = pair
    first.mlv("delete", "data/a.txt")
    first.mlv("commit", "-m", "away")
    second.mlv("update", "data/a.txt")
    assert sorted(second.files()) == ["train.py", "w.safetensors"]
    second.mlv("update", "@1")
    assert second.read("data/a.txt") == b"a\n"


def test_F5_a_file_whose_deletion_was_accepted_comes_with_the_version_that_has_it(pair):
    first, second = pair
    first.mlv("delete", "data/a.txt")
    first.mlv("commit", "-m", "away")
    second.write("data/a.txt", b"mine\n")
    assert second.json("update", "data/a.txt")["conflicts"] == ["data/a.txt"]
    second.mlv("resolve", "--accept", "theirs", "data/a.txt")
    second.mlv("update", "@1")
    assert second.read("data/a.txt") == b"a\n"


def test_L11_a_file_with_the_bytes_of_its_version_is_closed_with_its_lock_whatever_its_stamp(pair):
    first, _ = pair
    first.mlv("edit", "w.safetensors")
    os.utime(first.here / "w.safetensors", (1, 1))
    first.mlv("unlock", "w.safetensors")
    assert first.json("status").get("opened", []) == []
    assert not (first.here / "w.safetensors").stat().st_mode & 0o200


def test_L11_a_file_of_which_only_properties_are_edited_is_closed_with_its_lock(pair):
    first, _ = pair
    first.mlv("edit", "w.safetensors")
    first.mlv("meta", "set", "w.safetensors", "source=web")
    first.mlv("unlock", "w.safetensors")
    assert first.json("status").get("opened", []) == []


def test_a_delete_that_was_cut_off_ends_when_it_is_typed_again(pair):
    first, _ = pair
    first.mlv("move", "data/a.txt", "data/b.txt")
    for path in ("data/b.txt", "train.py"):
        (first.here / path).unlink()  # as far as it came
        first.mlv("delete", path)
    assert first.states() == {"data/a.txt": "deleted", "train.py": "deleted"}


def test_L1_a_move_on_another_branch_leaves_the_path_that_a_lock_shows(pair):
    first, second = pair
    first.mlv("branch", "side")
    second.mlv("lock", "--scope", "branch", "train.py")
    first.mlv("switch", "side")
    first.mlv("lock", "train.py")
    first.mlv("move", "train.py", "run.py")
    first.mlv("commit", "--keep-locks", "-m", "moved")
    shown = {(lock["branch"], lock["path"]) for lock in first.json("locks", "--all-branches")}
    assert shown == {("main", "train.py"), ("side", "run.py")}
