"""The main job as users do it: real server, real sockets, real checkpoints, two workspaces over TLS."""

from __future__ import annotations

import shutil
import signal
import stat
from pathlib import Path

import pytest
from tests.integration.conftest import BF16

MODEL = "model.safetensors"


def put(workspace: Path, step: int, name: str = MODEL) -> None:
    shutil.copyfile(BF16[step], workspace / name)


@pytest.fixture
def checkpoints(team, repository):
    """A repository with two versions of a checkpoint, and the admin's workspace of it."""
    team.admin.mlv("checkout", repository, "w" + repository.rpartition("/")[2])
    workspace = team.admin.home / ("w" + repository.rpartition("/")[2])
    put(workspace, 0)
    team.admin.mlv("add", ".", cwd=workspace)
    team.admin.mlv("commit", "-m", "base", "--param", "lr=2e-5", "--metric", "val/f1=0.871", cwd=workspace)
    team.admin.mlv("edit", MODEL, cwd=workspace)
    put(workspace, 1)
    team.admin.mlv("commit", "-m", "24 more steps", "--metric", "val/f1=0.883", cwd=workspace)
    return workspace


def checkout(user, repository: str, *more: str) -> Path:
    user.mlv("checkout", repository, *more, "here" + repository.rpartition("/")[2])
    return user.home / ("here" + repository.rpartition("/")[2])


def test_a_checkpoint_comes_back_bit_for_bit_and_a_fine_tune_costs_a_fraction(team, repository):
    team.admin.mlv("checkout", repository, "first")
    workspace = team.admin.home / "first"
    put(workspace, 0)
    team.admin.mlv("add", ".", cwd=workspace)
    first = team.admin.mlv("commit", "-m", "base", "--json", cwd=workspace).json
    team.admin.mlv("edit", MODEL, cwd=workspace)
    put(workspace, 1)
    second = team.admin.mlv("commit", "-m", "more", "--json", cwd=workspace).json
    assert (first["changeset"], second["changeset"]) == (1, 2)
    assert second["raw_bytes"] == BF16[1].stat().st_size
    assert second["sent_bytes"] < 0.2 * second["raw_bytes"]
    for number, source in ((1, BF16[0]), (2, BF16[1])):
        team.admin.mlv("checkout", f"{repository}@{number}", f"at{number}")
        assert (team.admin.home / f"at{number}" / MODEL).read_bytes() == source.read_bytes()


def test_L13_a_file_that_must_be_locked_is_read_only_until_edit(team, checkpoints):
    assert not (checkpoints / MODEL).stat().st_mode & stat.S_IWUSR
    team.admin.mlv("edit", MODEL, cwd=checkpoints)
    assert (checkpoints / MODEL).stat().st_mode & stat.S_IWUSR
    team.admin.mlv("revert", MODEL, cwd=checkpoints)
    assert not (checkpoints / MODEL).stat().st_mode & stat.S_IWUSR


def test_L6_a_lock_of_another_is_refused_with_its_holder_named(team, repository, checkpoints, member):
    other = member("contributor", repository)
    theirs = checkout(other, repository)
    team.admin.mlv("edit", MODEL, "-m", "tuning the head", cwd=checkpoints)
    refused = other.mlv("edit", MODEL, cwd=theirs, code=4)
    assert "admin" in refused.err
    assert "tuning the head" in refused.err
    assert other.mlv("edit", MODEL, "--json", cwd=theirs, code=4).json["code"] == "LOCK_HELD"
    team.admin.mlv("unlock", MODEL, cwd=checkpoints)
    other.mlv("edit", MODEL, cwd=theirs)


def test_L7_the_same_user_elsewhere_is_refused_but_may_drop_the_lock(team, repository, checkpoints):
    team.admin.mlv("checkout", repository, "second" + repository[-2:])
    second = team.admin.home / ("second" + repository[-2:])
    team.admin.mlv("edit", MODEL, cwd=checkpoints)
    team.admin.mlv("edit", MODEL, cwd=second, code=4)
    team.admin.mlv("unlock", MODEL, cwd=second)
    team.admin.mlv("edit", MODEL, cwd=second)


def test_L5_a_stale_base_is_refused_and_update_heals_it(team, repository, checkpoints, member):
    other = member("contributor", repository)
    theirs = checkout(other, f"{repository}@1")
    refused = other.mlv("edit", MODEL, "--json", cwd=theirs, code=3).json
    assert refused["code"] == "STALE_BASE"
    other.mlv("edit", "--update", MODEL, cwd=theirs)
    assert (theirs / MODEL).read_bytes() == BF16[1].read_bytes()


def test_L9_a_maintainer_breaks_a_lock_with_a_reason_and_the_loser_cannot_commit(repository, checkpoints, member):
    holder, boss = member("contributor", repository), member("maintainer", repository)
    theirs, mine = checkout(holder, repository), checkout(boss, repository)
    holder.mlv("edit", MODEL, cwd=theirs)
    boss.mlv("unlock", "--force", MODEL, cwd=mine, code=2)
    third = member("contributor", repository)
    third.mlv("unlock", "--force", "-m", "mine now", MODEL, cwd=checkout(third, repository), code=5)
    boss.mlv("unlock", "--force", "-m", "on holiday", MODEL, cwd=mine)
    put(theirs, 2)
    lost = holder.mlv("commit", "-m", "late", "--json", cwd=theirs, code=4).json
    assert lost["code"] in {"LOCK_LOST", "LOCK_NEEDED"}
    assert (theirs / MODEL).read_bytes() == BF16[2].read_bytes()


def test_L11_a_commit_releases_the_locks_of_its_paths_alone(team, checkpoints):
    put(checkpoints, 0, "other.safetensors")
    team.admin.mlv("add", ".", cwd=checkpoints)
    team.admin.mlv("commit", "-m", "a second model", cwd=checkpoints)
    team.admin.mlv("edit", MODEL, "other.safetensors", cwd=checkpoints)
    put(checkpoints, 2)
    team.admin.mlv("commit", MODEL, "-m", "one of two", cwd=checkpoints)
    held = team.admin.mlv("locks", "--json", cwd=checkpoints).json
    assert [lock["path"] for lock in held] == ["other.safetensors"]


def test_a_releaser_labels_but_does_not_commit_and_a_label_never_moves(team, repository, checkpoints, member):
    releaser = member("releaser", repository)
    theirs = checkout(releaser, repository)
    releaser.mlv("label", "v1.0", "@2", "-m", "meets the specification", cwd=theirs)
    (theirs / "notes.txt").write_text("hello\n")
    releaser.mlv("add", "notes.txt", cwd=theirs)
    releaser.mlv("commit", "-m", "not mine to do", cwd=theirs, code=5)
    releaser.mlv("label", "v1.0", "@1", cwd=theirs, code=9)
    labels = releaser.mlv("labels", "--json", cwd=theirs).json
    assert [(one["name"], one["changeset"]) for one in labels] == [("v1.0", 2)]


def test_C4_disjoint_commits_from_one_base_both_land_and_the_second_remembers_its_base(repository, checkpoints, member):
    one, two = member("contributor", repository), member("contributor", repository)
    first, second = checkout(one, repository), checkout(two, repository)
    (first / "a.txt").write_text("a\n")
    (second / "b.txt").write_text("b\n")
    one.mlv("add", "a.txt", cwd=first)
    two.mlv("add", "b.txt", cwd=second)
    one.mlv("commit", "-m", "a", cwd=first)
    two.mlv("commit", "-m", "b", cwd=second)
    newest = two.mlv("log", "-l", "1", "--json", cwd=second).json[0]
    assert newest["parents"] == [3]
    assert newest["prepared_on"] in (2, [2, 2], "2")


def test_C4_a_changed_path_is_refused_with_its_author_and_nothing_local_is_lost(team, repository, checkpoints, member):
    one, two = member("contributor", repository), member("contributor", repository)
    (checkpoints / "notes.md").write_text("one\n")
    team.admin.mlv("add", ".", cwd=checkpoints)
    team.admin.mlv("commit", "-m", "notes", cwd=checkpoints)
    first, second = checkout(one, repository), checkout(two, repository)
    (first / "notes.md").write_text("first\n")
    (second / "notes.md").write_text("second\n")
    one.mlv("commit", "-m", "first", cwd=first)
    refused = two.mlv("commit", "-m", "second", "--json", cwd=second, code=3).json
    assert refused["code"] == "HEAD_MOVED"
    assert one.name in str(refused)
    assert (second / "notes.md").read_text() == "second\n"


def test_C7_a_foreign_lock_refuses_before_content_is_sent(team, repository, checkpoints, member):
    other = member("contributor", repository)
    theirs = checkout(other, repository)
    team.admin.mlv("edit", MODEL, cwd=checkpoints)
    (theirs / MODEL).chmod(0o644)
    put(theirs, 2)
    refused = other.mlv("commit", "-m", "sneaky", "--json", cwd=theirs, code=4).json
    assert refused["code"] in {"LOCK_HELD", "LOCK_NEEDED"}


def test_C9_undo_to_the_first_version_moves_no_content(team, checkpoints):
    done = team.admin.mlv("undo", "--to", "@1", "--json", cwd=checkpoints).json
    assert done["changeset"] == 3
    assert done["sent_bytes"] < 64 * 1024
    team.admin.mlv("update", cwd=checkpoints)
    assert (checkpoints / MODEL).read_bytes() == BF16[0].read_bytes()
    assert len(team.admin.mlv("log", "--json", cwd=checkpoints).json) == 3


def test_F5_update_never_overwrites_a_changed_file(team, repository, checkpoints, member):
    other = member("contributor", repository)
    theirs = checkout(other, f"{repository}@1")
    (theirs / MODEL).chmod(0o644)
    put(theirs, 2)
    other.mlv("update", cwd=theirs, code=None)
    assert (theirs / MODEL).read_bytes() == BF16[2].read_bytes()
    state = other.mlv("status", "--json", cwd=theirs).json
    assert [(one["path"], one["state"]) for one in state["files"]] == [(MODEL, "conflict")]
    other.mlv("resolve", "--accept", "theirs", MODEL, cwd=theirs)
    assert (theirs / MODEL).read_bytes() == BF16[1].read_bytes()
    rescued = [file.read_bytes() for file in (theirs / ".mlv" / "rescue").rglob("*") if file.is_file()]
    assert BF16[2].read_bytes() in rescued


def test_local_verbs_work_while_the_server_is_away(team, checkpoints):
    team.admin.mlv("edit", MODEL, cwd=checkpoints)
    put(checkpoints, 2)
    team.server.stop()
    try:
        state = team.admin.mlv("status", "--json", cwd=checkpoints).json
        assert [(one["path"], one["state"], one["lock"]) for one in state["files"]] == [(MODEL, "modified", "mine")]
        team.admin.mlv("diff", cwd=checkpoints)
        team.admin.mlv("revert", "-k", MODEL, cwd=checkpoints, code=None)
        team.admin.mlv("revert", MODEL, cwd=checkpoints)
        assert (checkpoints / MODEL).read_bytes() == BF16[1].read_bytes()
        away = team.admin.mlv("update", "--timeout", "1", "--json", cwd=checkpoints, code=6).json
        assert away["code"] == "UNREACHABLE"
    finally:
        team.server.start()


def test_C6_the_workspace_can_be_used_while_a_commit_waits_for_the_server(team, checkpoints):
    team.admin.mlv("edit", MODEL, cwd=checkpoints)
    put(checkpoints, 2)
    (checkpoints / "later.txt").write_text("not in this commit\n")
    assert team.server.process is not None
    team.server.process.send_signal(signal.SIGSTOP)
    try:
        running = team.admin.popen("commit", "-m", "slow line", "--json", "--timeout", "60", cwd=checkpoints)
        for verb in (("status",), ("diff",), ("add", "later.txt"), ("status", "--json")):
            team.admin.mlv(*verb, cwd=checkpoints)
        assert running.poll() is None
    finally:
        team.server.process.send_signal(signal.SIGCONT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert '"changeset": 3' in out or '"changeset":3' in out


def test_R1_an_environment_that_did_not_change_is_sent_and_stored_once_and_shown_with_every_version(team, repository):
    team.admin.mlv("checkout", repository, "env" + repository[-2:])
    workspace = team.admin.home / ("env" + repository[-2:])
    packages = workspace.parent / "packages.txt"
    packages.write_text("\n".join(f"package-{number}=={number}.0" for number in range(500)))
    sizes = []
    for number in range(2):
        (workspace / "note.txt").write_text(f"{number}\n")
        team.admin.mlv("add", "note.txt", cwd=workspace)
        done = team.admin.mlv("commit", "-m", "x", "--env", str(packages), "--json", cwd=workspace).json
        sizes.append((done["sent_bytes"], done["stored_bytes"]))
    assert sizes[1][0] < sizes[0][0] - 5000
    assert sizes[1][1] < sizes[0][1] - 500
    shown = [team.admin.mlv("show", f"@{number}", "--json", cwd=workspace).json for number in (1, 2)]
    assert "package-499" in str(shown[0])
    assert shown[0]["records"]["environment"] == shown[1]["records"]["environment"]
    assert team.server.verify()["damaged"] == []
