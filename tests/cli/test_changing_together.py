"""Two people and one repository: updates, merges, conflicts, moves, branches, as a user sees them."""

from __future__ import annotations

import json
import time

import pytest
from tests.cli.people import LINES, Typist, changed


def test_F5_text_is_merged_by_lines_and_stays_a_local_change(pair):
    first, second = pair
    first.write("train.py", changed(3, b"three"))
    first.mlv("commit", "-m", "three")
    second.write("train.py", changed(30, b"thirty"))
    found = second.json("update")
    assert found["merged"] == ["train.py"]
    assert found["conflicts"] == []
    assert second.read("train.py") == changed(3, b"three").replace(b"line 30\n", b"thirty\n")
    assert second.states() == {"train.py": "modified"}
    assert changed(30, b"thirty") in second.rescued()
    assert second.json("commit", "-m", "thirty")["changeset"] == 3
    first.mlv("update")
    assert first.read("train.py") == second.read("train.py")


@pytest.mark.parametrize("accept", ["mine", "theirs"])
def test_F5_a_conflict_keeps_the_local_file_until_it_is_decided(pair, accept):
    first, second = pair
    first.write("train.py", changed(3, b"theirs"))
    first.mlv("commit", "-m", "theirs")
    second.write("train.py", changed(3, b"mine"))
    assert second.json("update")["conflicts"] == ["train.py"]
    assert second.states() == {"train.py": "conflict"}
    assert second.read("train.py") == changed(3, b"mine")
    assert second.json("commit", "-m", "no", code=3)["code"] == "CONFLICT"
    second.mlv("resolve", "--accept", accept, "train.py")
    if accept == "mine":
        assert second.states() == {"train.py": "modified"}
        assert second.json("commit", "-m", "mine")["changeset"] == 3
        assert second.read("train.py") == changed(3, b"mine")
    else:
        assert second.states() == {}
        assert second.read("train.py") == changed(3, b"theirs")
        assert changed(3, b"mine") in second.rescued()


def test_F5_an_unmergeable_file_is_never_overwritten(pair):
    first, second = pair
    first.mlv("edit", "w.safetensors")
    first.write("w.safetensors", b"\0weights 2")
    first.mlv("commit", "-m", "two")
    second.write("w.safetensors", b"\0my weights")
    assert second.json("update")["conflicts"] == ["w.safetensors"]
    assert second.read("w.safetensors") == b"\0my weights"
    second.mlv("resolve", "--accept", "mine", ".")
    second.mlv("lock", "w.safetensors")
    second.mlv("commit", "-m", "mine after all")
    first.mlv("update")
    assert first.read("w.safetensors") == b"\0my weights"


@pytest.mark.parametrize("accept", ["mine", "theirs"])
def test_F5_a_slip_among_the_paths_of_a_decision_decides_nothing(pair, accept):
    first, second = pair
    first.write("train.py", changed(3, b"three"))
    first.mlv("commit", "-m", "three")
    second.write("train.py", changed(3, b"drei"))
    second.mlv("update")
    assert "'nope'" in second.mlv("resolve", "--accept", accept, "train.py", "nope", code=9)
    assert second.states() == {"train.py": "conflict"}


def test_F5_a_file_deleted_there_and_changed_here_is_a_conflict(pair):
    first, second = pair
    first.mlv("delete", "train.py")
    first.mlv("commit", "-m", "gone")
    second.write("train.py", changed(3, b"mine"))
    assert second.json("update")["conflicts"] == ["train.py"]
    second.mlv("resolve", "--accept", "mine", "train.py")
    assert second.states() == {"train.py": "added"}
    assert second.json("commit", "-m", "back")["changeset"] == 3


def test_an_untracked_file_in_the_way_is_refused_unless_told(pair):
    first, second = pair
    first.write("new.txt", b"theirs\n")
    first.mlv("add", "new.txt")
    first.mlv("commit", "-m", "new")
    second.write("new.txt", b"mine\n")
    error = second.json("update", code=3)
    assert error["code"] == "LOCAL_CHANGES"
    assert error["items"] == ["new.txt"]
    assert second.read("new.txt") == b"mine\n"
    second.mlv("update", "--adopt")
    assert second.read("new.txt") == b"mine\n"
    assert second.states() == {"new.txt": "modified"}
    second.mlv("update", "-f")
    second.mlv("revert", "new.txt")
    assert second.read("new.txt") == b"theirs\n"
    assert b"mine\n" in second.rescued()


def test_a_moved_file_keeps_local_edits_and_file_ids(pair):
    first, second = pair
    before = {f["path"]: f["file_id"] for f in first.json("ls")}
    first.mlv("move", "train.py", "src/train.py")
    first.mlv("commit", "-m", "moved")
    second.write("train.py", changed(30, b"thirty"))
    second.mlv("update")
    assert second.files()["src/train.py"] == changed(30, b"thirty")
    assert "train.py" not in second.files()
    assert second.states() == {"src/train.py": "modified"}
    second.mlv("commit", "-m", "edited after the move")
    assert {f["path"]: f["file_id"] for f in second.json("ls")}["src/train.py"] == before["train.py"]
    assert [c["changeset"] for c in second.json("log", "src/train.py")] == [3, 2, 1]


def test_a_local_move_follows_an_edit_of_the_server(pair):
    first, second = pair
    first.write("train.py", changed(3, b"three"))
    first.mlv("commit", "-m", "three")
    second.mlv("move", "train.py", "run.py")
    second.mlv("update")
    assert second.files()["run.py"] == changed(3, b"three")
    assert "train.py" not in second.files()
    assert second.states() == {"run.py": "moved"}
    second.mlv("commit", "-m", "renamed")
    assert {f["path"] for f in second.json("ls")} == {"data/a.txt", "run.py", "w.safetensors"}


def test_C4_disjoint_commits_land_and_say_what_they_were_prepared_on(pair):
    first, second = pair
    first.write("train.py", changed(3, b"three"))
    first.mlv("commit", "-m", "one")
    second.write("data/a.txt", b"b\n")
    second.mlv("commit", "-m", "other", "--metric", "f1=0.5")
    shown = second.json("show", "@3")
    assert (shown["prepared_on"], shown["parents"]) == (1, [2])
    assert shown["measured_elsewhere"]
    # The workspace is mixed now: the committed path at @3, the rest at @1.
    second.write("data/a.txt", b"c\n")
    second.mlv("commit", "-m", "again")
    assert second.json("show", "@4")["prepared_on"] == "mixed (1..3)"
    second.mlv("update")
    assert second.read("train.py") == changed(3, b"three")
    assert second.states() == {}


def test_C4_a_stale_path_is_refused_and_nothing_local_is_lost(pair):
    first, second = pair
    first.write("train.py", changed(3, b"three"))
    first.mlv("commit", "-m", "one")
    second.write("train.py", changed(20, b"four"))
    error = second.json("commit", "-m", "stale", code=3)
    assert error["code"] == "HEAD_MOVED"
    assert "train.py" in json.dumps(error)
    assert second.read("train.py") == changed(20, b"four")
    second.mlv("update")
    assert second.json("commit", "-m", "merged")["changeset"] == 3


def test_C8_a_missing_file_is_refused_by_name(pair):
    first, _ = pair
    (first.here / "train.py").unlink()
    error = first.json("commit", "-m", "x", code=2)
    assert error["code"] == "MISSING_FILE"
    assert error["items"] == ["train.py"]


def test_C8_a_changed_file_without_its_lock_refuses_the_whole_commit(pair):
    first, _ = pair
    first.write("train.py", changed(3, b"three"))
    first.write("w.safetensors", b"\0x")
    error = first.json("commit", "-m", "x", code=4)
    assert error["code"] == "LOCK_NEEDED"
    assert error["items"] == ["w.safetensors"]


def test_C5_nothing_to_commit_is_refused_unless_there_are_records(pair):
    first, _ = pair
    assert first.json("commit", "-m", "x", code=2)["code"] == "NOTHING_TO_COMMIT"
    assert first.json("commit", "-m", "evaluated", "--metric", "f1=0.9")["changeset"] == 2


def test_C8_a_commit_of_a_path_leaves_the_rest(pair):
    first, _ = pair
    first.write("train.py", changed(3, b"three"))
    first.write("data/a.txt", b"b\n")
    assert first.json("commit", "data", "-m", "data")["paths"] == ["data/a.txt"]
    assert first.states() == {"train.py": "modified"}


def test_C9_undo_makes_a_new_version_and_leaves_files_until_update(pair):
    first, _ = pair
    first.write("train.py", changed(3, b"three"))
    first.mlv("commit", "-m", "two")
    assert first.json("undo", "@2")["changeset"] == 3
    assert first.read("train.py") == changed(3, b"three")
    first.mlv("update")
    assert first.read("train.py") == LINES
    assert len(first.json("log")) == 3


def test_switching_branches_keeps_local_changes_or_refuses(pair):
    first, _ = pair
    first.mlv("branch", "exp")
    first.mlv("switch", "exp")
    first.write("train.py", changed(3, b"three"))
    first.mlv("commit", "-m", "on exp")
    first.write("data/a.txt", b"local\n")
    first.mlv("switch", "main")
    assert first.read("train.py") == LINES
    assert first.states() == {"data/a.txt": "modified"}
    first.write("train.py", changed(5, b"five"))
    assert first.json("switch", "exp", code=3)["code"] == "LOCAL_CHANGES"
    assert first.json("status")["branch"] == "main"
    assert first.read("train.py") == changed(5, b"five")


def test_a_sparse_workspace_holds_and_updates_only_its_part(pair, workspace):
    first, _ = pair
    part = workspace(None, "--only", "data/**")
    assert set(part.files()) == {"data/a.txt"}
    first.write("train.py", changed(3, b"three"))
    first.write("data/b.txt", b"b\n")
    first.mlv("add", ".")
    first.mlv("commit", "-m", "both")
    part.mlv("update")
    assert set(part.files()) == {"data/a.txt", "data/b.txt"}
    part.write("data/a.txt", b"aa\n")
    part.mlv("commit", "-m", "from a part")
    first.mlv("update")
    assert first.files()["data/a.txt"] == b"aa\n"


def test_F3_what_a_sparse_workspace_leaves_out_is_named_as_that(pair, workspace, repository):
    part = workspace(None, "--only", "data/**")
    for arguments in (
        ("edit", "train.py"),
        ("lock", "w.safetensors"),
        ("rm", "train.py"),
        ("mv", "train.py", "data/train.py"),
        ("cp", "train.py", "data/train.py"),
        ("meta", "set", "train.py", "k=v"),
    ):
        error = part.json(*arguments, code=9)
        assert "sparse workspace leaves out" in error["message"], arguments
        assert f"mlv checkout {repository} DIR --only" in error["advice"]
    part.write("train.py", b"another one\n")
    part.write("data/new.txt", b"new\n")
    assert "leaves out 'train.py'" in part.json("add", "train.py", code=2)["message"]
    assert "leaves out 'c.txt'" in part.json("mv", "data/a.txt", "c.txt", code=2)["message"]
    assert part.json("add", ".")["paths"] == ["data/new.txt"]
    assert part.json("commit", "-m", "new")["files"] == 1
    assert "leaves out" not in part.json("rm", "data/nothing", code=9)["message"]


def test_an_interrupted_checkout_goes_on_and_a_finished_one_is_not_overwritten(pair, repository, tmp_path):
    first, _ = pair
    half = tmp_path / "half"
    Typist(first.name, first.config, tmp_path).mlv("checkout", f"{repository}@0", str(half))
    (half / ".mlv" / "incoming" / "00.part").write_bytes(b"half of something")
    Typist(first.name, first.config, tmp_path).mlv("checkout", repository, str(half))
    again = Typist(first.name, first.config, half)
    assert again.files() == first.files()
    assert again.states() == {}
    refused = Typist(first.name, first.config, tmp_path).json("checkout", repository, str(half), code=3)
    assert refused["code"] == "LOCAL_CHANGES"


def test_one_path_can_be_brought_to_another_version(pair):
    first, _ = pair
    first.write("train.py", changed(3, b"three"))
    first.mlv("commit", "-m", "two")
    first.mlv("update", "train.py@1")
    assert first.read("train.py") == LINES
    assert first.states() == {}
    assert first.json("status")["base"] == 2
    first.mlv("update")
    assert first.read("train.py") == changed(3, b"three")


def test_modes_links_and_empty_files_travel(pair):
    first, second = pair
    first.write("run.sh", b"#!/bin/sh\n")
    (first.here / "run.sh").chmod(0o755)
    (first.here / "latest").symlink_to("run.sh")
    first.write("empty", b"")
    first.mlv("add", ".")
    first.mlv("commit", "-m", "kinds")
    second.mlv("update")
    assert (second.here / "run.sh").stat().st_mode & 0o100
    assert (second.here / "latest").readlink().name == "run.sh"
    assert second.read("empty") == b""
    (first.here / "run.sh").chmod(0o644)
    first.mlv("commit", "-m", "not executable")
    second.mlv("update")
    assert not (second.here / "run.sh").stat().st_mode & 0o100
    assert second.states() == {}


def test_properties_are_committed_and_compared(pair):
    first, second = pair
    first.mlv("meta", "set", "data/a.txt", "licence=CC0")
    first.mlv("meta", "set", ".", "stage=draft")
    assert first.json("commit", "-m", "properties")["files"] == 2
    assert first.states() == {}
    second.mlv("update")
    assert second.json("meta", "show", "data/a.txt")["properties"] == {"licence": "CC0"}
    assert second.json("meta", "show", ".")["properties"] == {"stage": "draft"}
    names = {row["name"] for row in first.json("diff", "@1:@2", "--meta")["meta"]}
    assert "data/a.txt: licence" in names


def test_L5_a_lock_on_an_old_version_is_refused_and_edit_update_mends_it(pair):
    first, second = pair
    first.mlv("edit", "w.safetensors")
    first.write("w.safetensors", b"\0weights 2")
    first.mlv("commit", "-m", "two")
    assert second.json("edit", "w.safetensors", code=3)["code"] == "STALE_BASE"
    second.mlv("edit", "--update", "w.safetensors")
    assert second.read("w.safetensors") == b"\0weights 2"
    assert second.json("status", "-u")["head"] == 2


def test_a_damaged_workspace_database_is_rebuilt_and_no_file_is_touched(pair):
    first, _ = pair
    first.write("train.py", changed(3, b"mine"))
    (first.here / ".mlv" / "state.db").write_bytes(b"rubbish" * 1000)
    assert first.json("status", code=7)["code"] == "DAMAGED_CONTENT"
    first.mlv("update", "--verify")
    assert first.read("train.py") == changed(3, b"mine")
    assert first.states() == {"train.py": "modified"}


def test_an_update_and_a_checkout_tell_how_long_they_took(pair, repository):
    first, second = pair
    first.write("train.py", changed(3, b"three"))
    first.mlv("commit", "-m", "three")
    began = time.monotonic()
    told = second.json("update")["seconds"]
    assert 0 < told <= time.monotonic() - began
    again = f"{second.here}-again"
    began = time.monotonic()
    told = second.json("checkout", repository, again)["seconds"]
    assert 0 < told <= time.monotonic() - began
