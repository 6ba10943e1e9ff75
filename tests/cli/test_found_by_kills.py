"""What kills at random instants found, as the few commands that it takes without any kill."""

from __future__ import annotations

import os

import pytest
from tests.cli.people import Typist, changed
from tests.faults.model import Repository
from tests.servers import User

from mlv_core.failpoints import EXIT_CODE, VARIABLE


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


def test_F5_a_deletion_stays_one_where_only_properties_were_changed_there(pair):
    """As it does where the deletion was there and the properties here; the model took it for a conflict."""
    first, second = pair
    first.mlv("meta", "set", "data/a.txt", "source=web")
    first.mlv("commit", "-m", "where it is from")
    second.mlv("delete", "data/a.txt")
    updated = second.json("update")
    assert (updated["merged"], updated["conflicts"]) == (["data/a.txt"], [])
    assert second.states() == by_the_model("source") == {"data/a.txt": "deleted"}
    first.mlv("meta", "set", "data/a.txt", "source=mail")
    second.mlv("commit", "-m", "away")
    assert first.json("update")["deleted"] == ["data/a.txt"]
    assert first.states() == {}


def test_F5_a_deletion_is_a_conflict_where_the_bytes_were_changed_there(pair):
    first, second = pair
    first.write("data/a.txt", b"b\n")
    first.mlv("commit", "-m", "changed")
    second.mlv("delete", "data/a.txt")
    assert second.json("update")["conflicts"] == ["data/a.txt"]
    assert second.states() == by_the_model("bytes") == {"data/a.txt": "conflict"}


def by_the_model(changed_there: str) -> dict[str, str]:
    """What status shows after an update, by the model, of a file that was changed there and deleted here."""
    path, repo = "data/a.txt", Repository()
    for name in ("first", "second"):
        repo.checkout(name, name, "main")
    first, second = repo.workspaces["first"], repo.workspaces["second"]
    repo.write(first, path, b"a\n")
    assert (repo.add(first, path), repo.commit(first), repo.update(second)) == ("", "", "")
    if changed_there == "bytes":
        repo.write(first, path, b"b\n")
    else:
        repo.set_property(first, path, "web")
    assert (repo.commit(first), repo.delete(second, path), repo.update(second)) == ("", "", "")
    return second.status()


def test_F5_a_property_set_on_a_file_that_is_deleted_there_does_not_come_back_with_it(pair):
    first, second = pair
    second.mlv("delete", "data/a.txt")
    second.mlv("commit", "-m", "away")
    first.mlv("meta", "set", "data/a.txt", "source=web")
    first.mlv("update")
    second.mlv("undo", "@2")
    assert first.json("update")["added"] == ["data/a.txt"]
    assert first.states() == {}


def test_F5_a_property_set_on_a_file_whose_deletion_is_accepted_does_not_come_back_with_it(pair):
    first, second = pair
    second.mlv("delete", "data/a.txt")
    second.mlv("commit", "-m", "away")
    first.mlv("meta", "set", "data/a.txt", "source=web")
    first.write("data/a.txt", b"mine\n")
    assert first.json("update")["conflicts"] == ["data/a.txt"]
    first.mlv("resolve", "--accept", "theirs", "data/a.txt")
    second.mlv("undo", "@2")
    assert first.json("update")["added"] == ["data/a.txt"]
    assert first.states() == {}


@pytest.mark.parametrize("point", ["locks.released", "locks.forgotten"])
def test_N3_C3_a_client_killed_after_an_undo_released_its_lock_is_as_after_it_when_it_has_asked(pair, point):
    """By the next command that speaks to the server; unlock then has nothing to do."""
    first, _ = pair
    first.mlv("edit", "w.safetensors")
    first.write("w.safetensors", b"\0weights 2")
    first.mlv("commit", "--keep-locks", "-m", "two")
    killed_at(first, point, "undo", "@2")
    assert [one["changeset"] for one in first.json("log")] == [3, 2, 1]
    assert first.json("locks") == []
    assert first.json("status").get("opened", []) == []
    first.mlv("unlock", "w.safetensors", code=9)
    assert first.json("status").get("opened", []) == []
    assert not (first.here / "w.safetensors").stat().st_mode & 0o200
    first.mlv("update")
    assert first.read("w.safetensors") == b"\0weights 1"


@pytest.mark.parametrize("point", ["locks.taken", "locks.opened"])
def test_L6_a_client_killed_after_it_took_a_lock_opens_the_file_by_the_same_command(pair, point):
    first, _ = pair
    killed_at(first, point, "edit", "w.safetensors")
    (lock,) = first.json("locks")
    assert first.json("status").get("opened", []) == (["w.safetensors"] if point == "locks.opened" else [])
    first.mlv("edit", "w.safetensors")
    assert [one["fencing_token"] for one in first.json("locks")] == [lock["fencing_token"]]
    first.write("w.safetensors", b"\0weights 2")
    first.mlv("commit", "-m", "two")
    assert first.json("locks") == []


@pytest.mark.parametrize("verb", ["unlock", "revert"])
@pytest.mark.parametrize("point", ["locks.released", "locks.forgotten"])
def test_L11_a_client_killed_after_it_gave_a_lock_back_closes_the_file_by_the_same_command(pair, point, verb):
    first, _ = pair
    first.mlv("edit", "w.safetensors")
    killed_at(first, point, verb, "w.safetensors")
    assert first.json("locks") == []
    first.mlv(verb, "w.safetensors", code=9 if verb == "unlock" else 0)
    assert first.json("status").get("opened", []) == []
    assert not (first.here / "w.safetensors").stat().st_mode & 0o200


def killed_at(who: Typist, point: str, *arguments: str) -> None:
    """Type a command, as a process of its own, that dies at `point`."""
    mortal = User(who.name, who.config, who.here, {VARIABLE: f"{point}=exit"})
    mortal.mlv(*arguments, code=EXIT_CODE)


@pytest.mark.parametrize("again", [("unlock",), ("unlock", "--force", "-m", "gone")])
def test_L2_L9_an_unlock_after_a_killed_break_does_not_end_what_was_intended_since(pair, again):
    """The workspace still believes in the lock; the server has an intent at the path, which is none."""
    first, second = pair
    first.mlv("lock", "train.py")
    killed_at(first, "locks.released", "unlock", "--force", "-m", "mine", "train.py")
    first.mlv("edit", "train.py")
    assert [one["mode"] for one in second.json("locks")] == ["intent"]
    first.mlv("unlock", "-n", "train.py", code=9)
    refused = first.json(*again, "train.py", code=9)
    assert (refused["code"], refused["items"]) == ("NOT_FOUND", ["train.py"])
    assert [one["mode"] for one in second.json("locks")] == ["intent"]
    # It is forgotten here: what is committed now presents no lock.
    first.json("unlock", "train.py", code=9)
    first.write("train.py", changed(3, b"three"))
    assert first.json("commit", "-m", "two")["released"] == []


def test_L7_an_unlock_of_a_lock_beside_an_intent_of_the_same_workspace_ends_both(pair):
    first, second = pair
    first.mlv("edit", "train.py")
    first.mlv("lock", "train.py")
    first.mlv("unlock", "train.py")
    assert second.json("locks") == []


def test_L7_a_revert_ends_what_its_workspace_intends_and_no_lock_of_the_same_user_elsewhere(pair, workspace):
    first, _ = pair
    elsewhere = workspace()
    elsewhere.mlv("edit", "train.py")
    elsewhere.write("train.py", changed(3, b"three"))
    first.mlv("lock", "train.py")
    (held,) = (lock for lock in first.json("locks") if lock["mode"] == "exclusive")
    elsewhere.mlv("revert", "train.py")
    assert first.json("locks") == [held]
    elsewhere.mlv("revert", "train.py")
    assert first.json("locks") == [held]
    first.write("train.py", changed(5, b"five"))
    first.mlv("commit", "-m", "five")


def test_L7_a_revert_gives_back_no_lock_that_the_same_user_took_elsewhere_meanwhile(pair, workspace):
    first, _ = pair
    elsewhere = workspace()
    elsewhere.mlv("edit", "w.safetensors")
    elsewhere.write("w.safetensors", b"\0mine")
    first.mlv("unlock", "w.safetensors")
    first.mlv("lock", "w.safetensors")
    (held,) = first.json("locks")
    told = elsewhere.noticed("revert", "w.safetensors")
    assert "No lock to give back, it had ended before: w.safetensors" in told
    assert first.json("locks") == [held]
    assert elsewhere.states() == {}


@pytest.mark.parametrize("path", ["w.safetensors", "train.py"])
def test_L1_L7_an_unlock_gives_back_no_lock_that_came_after_a_lost_one(pair, workspace, path):
    first, second = pair
    elsewhere = workspace()
    elsewhere.mlv("lock", path, "data/a.txt")
    first.mlv("unlock", "--force", "-m", "mine", path)
    first.mlv("lock", path)
    (held,) = (lock for lock in first.json("locks") if lock["path"] == path)
    refused = elsewhere.json("unlock", "-n", path, code=9)
    assert (refused["code"], refused["items"]) == ("NOT_FOUND", [path])
    # The lock that lives is given back all the same, and what was lost is told and forgotten.
    refused = elsewhere.json("unlock", path, "data/a.txt", code=9)
    assert (refused["code"], refused["items"]) == ("NOT_FOUND", [path])
    assert "1 other is given back" in refused["message"]
    assert second.json("locks") == [held]
    assert elsewhere.json("status").get("opened", []) == []
    # What is not believed to be held here ends by its path, as before (L7).
    elsewhere.mlv("unlock", path)
    assert second.json("locks") == []


def test_L1_L7_a_folders_lock_that_was_lost_is_not_given_back_in_its_successor(pair, workspace):
    first, second = pair
    elsewhere = workspace()
    elsewhere.mlv("lock", "--tree", "data")
    first.mlv("unlock", "--force", "-m", "mine", "data")
    first.mlv("lock", "--tree", "data")
    (held,) = second.json("locks")
    assert elsewhere.json("unlock", "data", code=9)["items"] == ["data"]
    assert second.json("locks") == [held]


def test_L9_who_lost_the_lock_of_a_file_is_told_so_by_an_undo_that_brings_it_home(pair):
    """Found by the model: the workspace knows the lock by the path that the file has again after the undo."""
    first, second = pair
    second.mlv("lock", "data/a.txt")
    first.mlv("unlock", "--force", "-m", "needed", "data/a.txt")
    first.mlv("move", "data/a.txt", "data/b.txt")
    first.mlv("commit", "-m", "moved")
    refused = second.json("undo", "@2", code=4)
    assert refused["code"] == "LOCK_LOST"
    assert "data/b.txt, broken by" in refused["items"][0]
    # It is remembered until the user has seen to it.
    second.mlv("undo", "@2", code=4)
    second.mlv("unlock", "data/a.txt", code=9)
    second.mlv("undo", "@2")


def test_L9_the_model_knows_a_lost_lock_by_the_path_that_the_file_comes_home_to():
    repo = Repository(maintainers=frozenset({"ann"}))
    for name, user in (("ann1", "ann"), ("bob1", "bob")):
        repo.checkout(name, user, "main")
    ann, bob = repo.workspaces["ann1"], repo.workspaces["bob1"]
    ann.disk["a.txt"] = (b"a\n", False)
    steps = (
        repo.add(ann, "a.txt"), repo.commit(ann), repo.update(bob), repo.acquire(bob, "a.txt", required_only=False),
        repo.release(ann, "a.txt", force=True), repo.move(ann, "a.txt", "b.txt"), repo.commit(ann),
    )  # fmt: skip
    assert not any(steps)
    assert repo.undo(bob, 2) == "LOCK_LOST"
