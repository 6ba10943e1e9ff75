"""Shelves as people use them: kept without a lock, brought back on a later version, never over anybody's work."""

from __future__ import annotations

import os

from tests.cli.people import LINES, changed


def shelved(person, *options):
    return person.json("shelve", *options)


def everything(person):
    """One change of each kind."""
    person.mlv("edit", "w.safetensors")
    person.write("w.safetensors", b"\0weights 2")
    person.write("train.py", changed(3, b"three"))
    (person.here / "train.py").chmod(0o755)
    person.write("new/model.bin", b"\0new")
    person.mlv("add", "new")
    (person.here / "new" / "link").symlink_to("../train.py")
    person.mlv("add", "new/link")
    person.mlv("move", "data/a.txt", "data/b.txt")
    person.write("data/b.txt", b"a\nb\n")
    person.mlv("meta", "set", "train.py", "owner=me")
    person.mlv("meta", "set", ".", "stage=draft")


def test_a_shelf_brings_back_every_kind_of_change(pair):
    first, second = pair
    everything(first)
    before, states, files = first.mlv("diff"), first.states(), first.files()
    done = shelved(first, "-m", "half a thought", "--revert")
    assert (done["shelf"], done["owner"], done["branch"], done["private"]) == ("shelf-1", first.name, "main", False)
    assert sorted(done["paths"]) == [
        ".", "data/b.txt", "new/link", "new/model.bin", "train.py", "w.safetensors",
    ]  # fmt: skip
    assert done["released"] == ["w.safetensors"]
    assert done["rescued"] == []
    assert first.states() == {}
    assert first.files() == {"train.py": LINES, "w.safetensors": b"\0weights 1", "data/a.txt": b"a\n"}
    assert first.json("locks") == []
    found = first.json("unshelve")
    assert (found["shelf"], found["conflicts"], found["rescued"]) == ("shelf-1", [], [])
    assert found["need_lock"] == ["w.safetensors"]
    assert first.files() == files
    assert first.states() == states
    assert first.mlv("diff") == before
    assert str((first.here / "new" / "link").readlink()) == "../train.py"
    assert first.json("meta", "show", "train.py")["properties"] == {"owner": "me"}
    first.mlv("edit", "w.safetensors")
    first.mlv("commit", "-m", "done")
    second.mlv("update")
    assert second.files() == files


def test_by_default_everything_stays_here_and_no_lock_is_touched(pair):
    first, _ = pair
    first.mlv("edit", "w.safetensors")
    first.write("w.safetensors", b"\0weights 2")
    done = shelved(first, "--name", "try")
    assert (done["reverted"], done["released"]) == ([], [])
    assert first.states() == {"w.safetensors": "modified"}
    assert [lock["path"] for lock in first.json("locks")] == ["w.safetensors"]
    # What is on it is here already.
    assert first.json("unshelve", "try")["same"] == ["w.safetensors"]


def test_L9_the_shelf_rescues_a_lost_lock(pair):
    first, second = pair
    second.mlv("edit", "w.safetensors")
    second.write("w.safetensors", b"\0weights of the second")
    first.mlv("unlock", "--force", "-m", "I need it", "w.safetensors")
    first.mlv("edit", "w.safetensors")
    first.write("w.safetensors", b"\0weights of the first")
    first.mlv("commit", "-m", "mine")
    refused = second.json("commit", "-m", "lost", code=4)
    assert refused["code"] == "LOCK_LOST"
    assert "mlv shelve" in refused["advice"]
    assert shelved(second, "--revert")["paths"] == ["w.safetensors"]
    assert second.states() == {}
    second.mlv("update")
    assert second.read("w.safetensors") == b"\0weights of the first"
    # Both changed it, and weights cannot be merged.
    found = second.json("unshelve")
    assert found["conflicts"] == ["w.safetensors"]
    assert second.read("w.safetensors") == b"\0weights of the first"
    assert second.states() == {"w.safetensors": "conflict"}
    assert second.json("commit", "-m", "no", code=3)["code"] == "CONFLICT"
    assert second.json("update", code=3)["code"] == "CONFLICT"
    assert found["need_lock"] == ["w.safetensors"]
    done = second.json("resolve", "--accept", "shelf", "w.safetensors")
    assert done["paths"] == ["w.safetensors"]
    assert second.rescued() == [b"\0weights of the first"]
    assert second.read("w.safetensors") == b"\0weights of the second"
    assert second.states() == {"w.safetensors": "modified"}
    second.mlv("edit", "w.safetensors")
    assert second.json("commit", "-m", "back")["changeset"] == 3


def test_a_lost_lock_on_an_unchanged_version_comes_back_in_one_command(pair):
    first, second = pair
    second.mlv("edit", "w.safetensors")
    second.write("w.safetensors", b"\0kept")
    first.mlv("unlock", "--force", "-m", "why", "w.safetensors")
    second.json("commit", "-m", "lost", code=4)
    shelved(second, "--revert")
    found = second.json("unshelve", "--lock")
    assert (found["modified"], found["locked"], found["need_lock"]) == (["w.safetensors"], ["w.safetensors"], [])
    assert second.json("commit", "-m", "back")["changeset"] == 2


def test_F5_text_is_merged_and_edits_here_stay(pair):
    first, second = pair
    first.write("train.py", changed(3, b"three"))
    shelved(first, "--name", "three", "--revert")
    second.write("train.py", changed(30, b"thirty"))
    second.mlv("commit", "-m", "thirty")
    first.mlv("update")
    first.write("train.py", changed(30, b"thirty").replace(b"line 20\n", b"twenty\n"))
    found = first.json("unshelve", "three")
    assert found["merged"] == ["train.py"]
    assert first.read("train.py") == changed(30, b"thirty").replace(b"line 20\n", b"twenty\n").replace(
        b"line 3\n", b"three\n"
    )
    # The merged bytes were never seen by the user: what was here is kept.
    assert found["rescued"] == ["train.py"]


def test_F5_lines_that_both_changed_are_a_conflict(pair):
    first, _ = pair
    first.write("train.py", changed(3, b"three"))
    shelved(first, "--name", "three", "--revert")
    first.write("train.py", changed(3, b"tres"))
    found = first.json("unshelve", "three")
    assert (found["conflicts"], found["rescued"]) == (["train.py"], [])
    assert first.read("train.py") == changed(3, b"tres")
    assert first.states() == {"train.py": "conflict"}
    first.mlv("resolve", "--accept", "mine", "train.py")
    assert first.states() == {"train.py": "modified"}
    assert first.read("train.py") == changed(3, b"tres")


def test_own_files_in_the_way_are_refused_by_name(pair):
    first, _ = pair
    first.write("new.bin", b"\0new")
    first.mlv("add", "new.bin")
    shelved(first, "--name", "new", "--revert")
    assert not (first.here / "new.bin").exists()
    first.write("new.bin", b"\0another")
    refused = first.json("unshelve", "new", code=3)
    assert (refused["code"], refused["items"]) == ("LOCAL_CHANGES", ["new.bin"])
    assert first.read("new.bin") == b"\0another"


def test_a_file_that_the_version_deleted_or_changed_is_a_conflict(pair):
    first, second = pair
    first.mlv("edit", "w.safetensors")
    first.write("w.safetensors", b"\0weights 2")
    first.mlv("delete", "data/a.txt")
    shelved(first, "--revert")
    second.mlv("edit", "w.safetensors")
    second.mlv("delete", "w.safetensors")
    second.write("data/a.txt", b"changed\n")
    second.mlv("commit", "-m", "otherwise")
    first.mlv("update")
    found = first.json("unshelve", "--lock")
    assert sorted(found["conflicts"]) == ["data/a.txt", "w.safetensors"]
    first.mlv("resolve", "--accept", "theirs", "w.safetensors", "data/a.txt")
    assert first.read("w.safetensors") == b"\0weights 2"
    assert first.states() == {"data/a.txt": "deleted", "w.safetensors": "added"}


def test_a_moved_file_is_followed(pair):
    first, second = pair
    first.write("train.py", changed(3, b"three"))
    shelved(first, "--revert")
    second.mlv("move", "train.py", "src/train.py")
    second.mlv("commit", "-m", "moved")
    first.mlv("update")
    assert first.json("unshelve")["modified"] == ["src/train.py"]
    assert first.read("src/train.py") == changed(3, b"three")


def test_a_shelf_of_another_is_listed_shown_and_taken(pair):
    first, second = pair
    first.write("train.py", changed(3, b"three"))
    first.write("new.bin", b"\0" * 5000)
    first.mlv("add", "new.bin")
    shelved(first, "--name", "hand-over", "-m", "please go on")
    found = second.json("shelves")
    assert [(one["owner"], one["shelf"], one["files"], one["message"]) for one in found] == [
        (first.name, "hand-over", 2, "please go on")
    ]
    assert second.json("shelves", "--mine") == []
    address = f"{first.name}/hand-over"
    shown = second.json("shelves", "show", address)
    assert [(one["path"], one["state"], one["size"], one["changeset"]) for one in shown["changes"]] == [
        ("new.bin", "added", 5000, 1),
        ("train.py", "modified", len(changed(3, b"three")), 1),
    ]
    assert second.json("unshelve", address, "new.bin")["added"] == ["new.bin"]
    assert second.states() == {"new.bin": "added"}
    assert second.json("shelves", "delete", address, code=5)["code"] == "DENIED"
    assert first.json("shelves", "delete", "hand-over")["shelf"] == "hand-over"
    assert second.json("shelves") == []
    assert second.json("unshelve", address, code=9)["code"] == "NOT_FOUND"


def test_P4_a_private_shelf_is_its_owners_alone(pair):
    first, second = pair
    second.write("train.py", changed(3, b"three"))
    shelved(second, "--private", "--name", "mine")
    # The admin knows that it is there, and may drop it, but sees nothing of it.
    assert [one["private"] for one in first.json("shelves")] == [True]
    assert first.json("shelves", "show", f"{second.name}/mine", code=9)["code"] == "NOT_FOUND"
    assert first.json("unshelve", f"{second.name}/mine", code=9)["code"] == "NOT_FOUND"
    first.write("train.py", changed(4, b"four"))
    shelved(first, "--private", "--name", "hidden")
    assert [one["shelf"] for one in second.json("shelves")] == ["mine"]
    assert second.json("shelves", "delete", f"{first.name}/hidden", code=9)["code"] == "NOT_FOUND"


def test_the_same_name_again_needs_f_and_replaces_the_whole(pair):
    first, _ = pair
    first.write("train.py", changed(3, b"three"))
    shelved(first, "--name", "Try")
    first.write("train.py", changed(4, b"four"))
    assert first.json("shelve", "--name", "try", code=9)["code"] == "ALREADY_EXISTS"
    assert first.json("shelve", "--name", "try", "-f", "-n")["dry_run"] is True
    shelved(first, "--name", "try", "-f", "--revert")
    assert [one["shelf"] for one in first.json("shelves")] == ["try"]
    first.mlv("unshelve", "TRY")
    assert first.read("train.py") == changed(4, b"four")


def test_names_and_empty_shelves_are_refused(pair):
    first, _ = pair
    assert first.json("shelve", code=2)["code"] == "NOTHING_TO_COMMIT"
    first.write("train.py", changed(3, b"three"))
    assert first.json("shelve", "--name", "a/b", code=2)["code"] == "INVALID_NAME"
    assert first.json("unshelve", "nothing", code=9)["code"] == "NOT_FOUND"
    assert first.json("shelves") == []


def test_a_dry_run_of_unshelve_changes_nothing(pair):
    first, _ = pair
    first.write("train.py", changed(3, b"three"))
    shelved(first, "--revert")
    assert first.json("unshelve", "-n")["modified"] == ["train.py"]
    assert first.states() == {}


def test_text_for_people(pair):
    first, _ = pair
    first.write("train.py", changed(3, b"three"))
    assert f"shelf {first.name}/shelf-1: 1 file" in first.mlv("shelve", "--revert")
    assert "shelf-1" in first.mlv("shelves")
    assert "modified" in first.mlv("shelves", "show")
    assert "M train.py" in first.mlv("unshelve")
    assert "deleted the shelf" in first.mlv("shelves", "delete", "shelf-1")
    assert first.mlv("shelves") == "No shelves.\n"


def test_who_may_open_and_not_write_may_shelve_large_files_too(pair, repository, workspace, member):
    first, _ = pair
    reader = member("reader")
    here = workspace(reader)
    here.write("new.bin", os.urandom(400_000))
    here.mlv("add", "new.bin")
    refused = here.json("shelve", code=5)
    assert refused["code"] == "DENIED"
    assert here.states() == {"new.bin": "added"}
    document = here.here.parent / "policy.toml"
    allowed = f'[[allow]]\nwho = "{reader.name}"\nactions = ["open"]\n'
    document.write_text(first.mlv("policy", "show", repository, "--toml") + allowed, encoding="utf-8")
    first.mlv("policy", "set", repository, str(document))
    assert here.json("shelve")["files"] == 1
    assert here.json("commit", "-m", "no", code=5)["code"] == "DENIED"


def test_a_frozen_or_ended_branch_stops_no_shelf(pair):
    first, second = pair
    first.mlv("freeze", "main", "-m", "release week")
    second.write("train.py", changed(3, b"three"))
    assert second.json("commit", "-m", "no", code=4)["code"] == "FROZEN"
    assert shelved(second, "--revert")["paths"] == ["train.py"]
    first.mlv("unfreeze", "main", "-m", "over")
    first.mlv("branch", "dev")
    second.mlv("switch", "dev")
    second.mlv("unshelve")
    first.mlv("branch", "dev", "--abandon", "-m", "over")
    assert shelved(second, "--name", "late")["branch"] == "dev"
    assert [one["shelf"] for one in first.json("shelves", "--all-branches")] == ["late", "shelf-1"]
