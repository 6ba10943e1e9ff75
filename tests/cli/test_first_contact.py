"""What people who meet the command for the first time type, and what it tells them."""

from __future__ import annotations

import os

import pytest


def test_F1_what_cannot_be_kept_is_left_out_of_a_folder_and_refused_by_name(desk):
    os.mkfifo(desk.root / "pipe")
    desk.write("a.txt", b"a")
    assert desk.json("add", ".")["paths"] == ["a.txt"]
    assert "device, pipe or socket" in desk.mlv("add", "pipe", exit_code=2)
    (desk.root / "one").symlink_to("/etc/hostname")
    (desk.root / "two").symlink_to("../outside")
    desk.write("b.txt", b"b")
    error = desk.json("add", ".", exit_code=2)
    assert len(error["items"]) == 2
    assert desk.states() == {"a.txt": "added", "b.txt": "untracked", "one": "untracked", "two": "untracked"}


def test_a_rename_that_changes_only_case_is_a_move(pair_of_one):
    who = pair_of_one
    who.mlv("move", "readme.md", "README.md")
    assert who.states() == {"README.md": "moved"}
    who.mlv("commit", "-m", "louder")
    assert who.json("show")["changes"][0]["source"] == "readme.md"
    who.mlv("move", "src", "Src")
    who.mlv("commit", "-m", "a folder too")
    assert sorted(who.files()) == ["README.md", "Src/a.py", "Src/b.py"]
    assert [item["path"] for item in who.json("ls")] == ["README.md", "Src/a.py", "Src/b.py"]


def test_a_target_with_a_slash_is_a_folder(pair_of_one):
    pair_of_one.mlv("move", "readme.md", "docs/")
    assert pair_of_one.states() == {"docs/readme.md": "moved"}


def test_merged_text_can_be_compared_and_reverted_without_the_server(pair_of_one, workspace):
    first, second = pair_of_one, workspace()
    lines = [b"%d\n" % n for n in range(20)]
    first.write("src/a.py", b"".join(lines))
    first.mlv("commit", "-m", "numbers")
    second.mlv("update")
    first.write("src/a.py", b"first\n" + b"".join(lines))
    first.mlv("commit", "-m", "top")
    second.write("src/a.py", b"".join(lines) + b"last\n")
    assert second.json("update")["merged"] == ["src/a.py"]
    shown = second.mlv("diff")
    assert "+last" in shown
    assert "-first" not in shown


def test_log_of_a_revision_stops_there(pair_of_one):
    who = pair_of_one
    who.mlv("commit", "-m", "records " + "x" * 1000, "--param", "a=1")
    who.mlv("commit", "-m", "more", "--param", "a=2")
    assert [item["changeset"] for item in who.json("log", "@2")] == [2, 1]
    assert [item["changeset"] for item in who.json("log", "readme.md@2")] == [1]
    assert max(map(len, who.mlv("log").splitlines())) < 300
    assert "-r A:B" in who.mlv("log", "@2", "-r", "1:2", code=2)


def test_files_of_a_workspace_inside_are_its_own(desk):
    desk.write("inner/.mlv/state.db", b"")
    desk.write("inner/a.txt", b"a")
    desk.write("b.txt", b"b")
    assert desk.states() == {"b.txt": "untracked"}


def test_ls_of_what_is_not_there_exits_9(pair_of_one):
    assert "nothing" in pair_of_one.mlv("ls", "nothing", code=9)


def test_commit_asks_for_one_message(pair_of_one, tmp_path):
    assert "needs a message" in pair_of_one.mlv("commit", code=2)
    (tmp_path / "message").write_bytes(b"\xff\xfe")
    assert "UTF-8" in pair_of_one.mlv("commit", "-F", str(tmp_path / "message"), code=2)
    assert "both" in pair_of_one.mlv("commit", "-m", "x", "-F", str(tmp_path / "message"), code=2)


def test_a_refusal_of_many_files_names_some_and_counts_the_rest(desk):
    desk.track({f"w/{n:03}.npy": b"\0" for n in range(50)}, need=3)
    desk.mlv("delete", "w")
    shown = desk.mlv("commit", "-m", "gone", exit_code=4)
    assert "and 30 more" in shown
    assert len(shown.splitlines()) < 30


def test_choices_are_named_on_one_line(desk):
    desk.track({"a.txt": b"a"})
    assert "\\n" not in desk.mlv("resolve", "a.txt", exit_code=2)


def test_a_moved_file_is_compared_with_what_it_was(pair_of_one):
    who = pair_of_one
    who.mlv("move", "src/a.py", "src/c.py")
    who.write("src/c.py", b"a = 1\nb = 2\n")
    (who.here / "readme.md").chmod(0o755)
    who.write("empty", b"")
    who.mlv("add", "empty")
    local = who.mlv("diff")
    who.mlv("commit", "-m", "moved and edited")
    for shown in (local, who.mlv("diff", "-c", "2")):
        assert "moved src/a.py -> src/c.py" in shown
        assert "+b = 2" in shown
        assert "-a = 1" not in shown
        assert "mode of readme.md: regular -> executable" in shown
        assert "empty" in shown
    found = who.json("diff", "@1:@2", "--summary")
    assert [(row["path"], row["state"], row["source"]) for row in found] == [
        ("empty", "added", None),
        ("readme.md", "modified", None),
        ("src/c.py", "moved", "src/a.py"),
    ]


@pytest.fixture
def weights(workspace, member):
    """Two people's workspaces of a version with one file of weights."""
    first = workspace()
    first.write("w.safetensors", b"\0weights 1")
    first.mlv("add", ".")
    first.mlv("commit", "-m", "base")
    return first, workspace(member())


def test_C7_a_commit_of_a_file_that_another_holds_names_the_holder(weights):
    first, second = weights
    first.mlv("edit", "w.safetensors")
    second.write("w.safetensors", b"\0weights 2")
    error = second.json("commit", "-m", "no lock", code=4)
    assert error["code"] == "LOCK_HELD"
    assert "admin" in error["message"]
    first.mlv("unlock", "w.safetensors")
    error = second.json("commit", "-m", "no lock", code=4)
    assert error["code"] == "LOCK_NEEDED"
    assert "mlv lock w.safetensors" in error["advice"]


def test_C7_who_may_not_commit_is_told_so_before_locks_are_spoken_of(weights, member, workspace):
    reader = workspace(member("releaser"))
    reader.write("w.safetensors", b"\0weights 2")
    assert reader.json("commit", "-m", "no", code=5)["code"] == "DENIED"


def test_L9_a_broken_lock_is_given_up_by_revert_and_unlock(weights):
    first, second = weights
    second.mlv("edit", "w.safetensors")
    first.mlv("unlock", "--force", "-m", "away", "w.safetensors")
    first.mlv("edit", "w.safetensors")
    second.write("w.safetensors", b"\0weights 2")
    assert second.json("commit", "-m", "lost", code=4)["code"] == "LOCK_LOST"
    assert "left as it is" in second.mlv("revert", "-k", "w.safetensors")
    assert second.json("status")["files"] == [{"path": "w.safetensors", "state": "modified", "lock": "unlocked_edit"}]
    second.mlv("revert", "w.safetensors")
    first.mlv("unlock", "w.safetensors")
    second.json("edit", "w.safetensors")
    first.mlv("unlock", "--force", "-m", "away again", "w.safetensors")
    second.mlv("unlock", "w.safetensors", code=9)
    assert second.json("undo", "--to", "@1", code=2)["code"] == "NOTHING_TO_COMMIT"


def test_F3_status_names_what_is_open_and_what_stands_at_another_version(weights):
    first, second = weights
    second.write("p.txt", b"1\n")
    second.mlv("add", "p.txt")
    second.mlv("commit", "-m", "one")
    second.write("p.txt", b"2\n")
    second.mlv("commit", "-m", "two")
    assert "mixed" not in second.json("status")
    assert "named at @2" in second.mlv("update", "p.txt", "@2")
    found = second.json("status")
    assert (found["base"], found["files"]) == (3, [])
    assert found["mixed"] == [{"path": "p.txt", "changeset": 2}]
    assert "p.txt @2" in second.mlv("status")
    second.mlv("edit", "w.safetensors")
    assert second.json("status")["opened"] == ["w.safetensors"]
    assert "Open for edit, unchanged: w.safetensors" in second.mlv("status")
    first.mlv("update")
    assert "mistyped" in first.mlv("update", "mistyped", code=9)
    first.mlv("branch", "side", "@1")
    assert "side @1" in first.mlv("switch", "side", "-n")


def test_C5_nothing_to_commit_tells_what_may_have_been_meant(pair_of_one):
    who = pair_of_one
    assert "stands in quotes" in who.mlv("commit", "-m", "some", "more", "words", code=9)
    who.write("new.py", b"new\n")
    assert "mlv add" in who.mlv("commit", "-m", "untracked only", code=2)


def test_C5_an_environment_alone_is_no_record(pair_of_one):
    pair_of_one.write("frozen.txt", b"torch==2.4\n")
    pair_of_one.mlv("add", "frozen.txt")
    pair_of_one.mlv("commit", "-m", "frozen", "--env", "frozen.txt")
    error = pair_of_one.json("commit", "-m", "env", "--env", "frozen.txt", code=2)
    assert "environment alone is no record" in error["message"]
    assert "--param" in error["advice"]
    pair_of_one.mlv("commit", "-m", "env", "--env", "frozen.txt", "--param", "a=1")
    pair_of_one.write("frozen.txt", b"no list\n")
    error = pair_of_one.json("commit", "-m", "env", "--env", "frozen.txt", code=2)
    assert "describes no environment" in error["message"]


def test_C9_undo_says_what_to_take_back_first(pair_of_one):
    who = pair_of_one
    for number in (2, 3):
        who.write("src/a.py", b"a = %d\n" % number)
        who.mlv("commit", "-m", f"to {number}")
    shown = who.mlv("undo", "@2", code=3)
    assert "@3" in shown
    assert "commit again" not in shown
    who.mlv("undo", "--to", "@1", "src")
    assert "already" in who.mlv("undo", "--to", "@1", "src", code=2)


@pytest.fixture
def pair_of_one(workspace):
    """A workspace at @1 with a few files of text."""
    who = workspace()
    who.write("readme.md", b"hello\n")
    who.write("src/a.py", b"a = 1\n")
    who.write("src/b.py", b"b = 1\n")
    who.mlv("add", ".")
    who.mlv("commit", "-m", "base")
    return who


def test_L9_a_broken_lock_shows_as_broken_until_it_is_given_up_or_taken_anew(weights):
    first, second = weights

    def shown():
        return [(file["state"], file["lock"]) for file in second.json("status")["files"]]

    second.mlv("edit", "w.safetensors")
    second.write("w.safetensors", b"\0weights 2")
    first.mlv("unlock", "--force", "-m", "away", "w.safetensors")
    assert shown() == [("modified", "mine")]
    # A notice of the loss came with the refusal: what was told is known from then on, after a dry run too.
    second.json("commit", "-n", "-m", "lost", code=4)
    assert shown() == [("modified", "broken")]
    assert second.json("commit", "-m", "lost", code=4)["code"] == "LOCK_LOST"
    assert shown() == [("modified", "broken")]
    assert "M B w.safetensors" in second.mlv("status")
    second.mlv("lock", "w.safetensors")
    assert shown() == [("modified", "mine")]
    first.mlv("unlock", "--force", "-m", "away again", "w.safetensors")
    second.mlv("status", "-u")
    assert shown() == [("modified", "broken")]
    second.mlv("revert", "w.safetensors")
    assert shown() == []
    assert "broken" not in second.json("status")


def test_L9_a_broken_lock_of_an_unchanged_file_is_told(weights):
    first, second = weights
    second.mlv("edit", "w.safetensors")
    first.mlv("unlock", "--force", "-m", "away", "w.safetensors")
    second.mlv("status", "-u")
    assert "Unchanged, lock broken: w.safetensors" in second.mlv("status")
    assert second.json("status")["broken"] == ["w.safetensors"]
    second.mlv("unlock", "w.safetensors", code=9)
    assert "broken" not in second.json("status")


def test_L11_the_locks_of_a_disabled_user_have_expired_and_may_be_taken(weights, team):
    first, second = weights
    second.mlv("edit", "w.safetensors")
    assert [lock["expired"] for lock in first.json("locks")] == [False]
    first.mlv("user", "disable", second.name)
    (shown,) = first.json("locks")
    assert (shown["owner"], shown["expired"]) == (second.name, True)
    assert shown["lease_until"]
    assert "expired" in first.mlv("locks")
    first.write("w.safetensors", b"\0weights 2")
    (file,) = first.json("status", "-u")["files"]
    assert (file["lock"], file["holder"]) == ("expired", second.name)
    first.mlv("lock", "w.safetensors")
    assert first.json("commit", "-m", "two")["released"] == ["w.safetensors"]
    assert first.json("locks") == []
