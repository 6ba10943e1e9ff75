"""Old snapshots of a backup are listed and dropped; the others stay whole, wherever it is killed."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest
from tests.faults.conftest import checkout, new_repository, noise
from tests.faults.test_backup_kills import command, kept
from tests.servers import RunningServer, Team

from mlv_core.failpoints import EXIT_CODE, VARIABLE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A server's folder and its backup with the snapshots a, b and c, each with a version more."""
    folder = tmp_path_factory.mktemp("three")
    server = RunningServer.create(folder / "server").start()
    try:
        team = Team(server, folder / "people")
        workspace = checkout(team.admin, new_repository(team))
        for number, name in enumerate("abc"):
            (workspace / f"{name}.dat").write_bytes(noise(300_000, number))
            team.admin.mlv("add", ".", cwd=workspace)
            team.admin.mlv("commit", "-m", name, cwd=workspace)
            command("backup", server.directory, folder / "backup", "--name", name)
    finally:
        server.stop()
    return folder


def copy(three: Path, tmp_path: Path) -> Path:
    shutil.copytree(three / "backup", tmp_path / "backup")
    (tmp_path / "backup" / "packs" / "1" / "left").mkdir(parents=True, exist_ok=True)
    (tmp_path / "backup" / "packs" / "1" / "left" / "over").write_bytes(b"of an interrupted backup")
    return tmp_path / "backup"


def files(backup: Path) -> set[str]:
    return {path.relative_to(backup).as_posix() for path in backup.rglob("*") if path.is_file()} - {"lock"}


def test_snapshots_are_listed_from_the_oldest_on(three):
    told = command("snapshots", three / "backup")
    assert [one["name"] for one in told["snapshots"]] == ["a", "b", "c"]
    assert [one["packs"] for one in told["snapshots"]] == [1, 2, 3]
    assert told["dropped"] == []


def test_a_dry_run_says_what_would_go_and_changes_nothing(three, tmp_path):
    backup = copy(three, tmp_path)
    before = files(backup)
    told = command("snapshots", backup, "--keep", "1", "-n")
    assert (told["dropped"], told["files"] > 0) == (["a", "b"], True)
    assert files(backup) == before


def test_what_is_kept_is_restored_and_what_only_others_needed_is_gone(three, tmp_path):
    backup = copy(three, tmp_path)
    assert command("snapshots", backup, "--keep", "1")["dropped"] == ["a", "b"]
    assert command("restore", backup, tmp_path / "c")["changesets"] == 3
    assert kept(tmp_path / "c") == kept(three / "server")
    assert command("restore", backup, tmp_path / "a", "--snapshot", "a", code=9)["code"] == "NOT_FOUND"
    assert not (tmp_path / "a").exists()
    assert not [name for name in files(backup) if name.endswith("over")]
    assert command("snapshots", backup, "--keep", "1")["files"] == 0
    command("backup", three / "server", backup, "--name", "d")
    assert command("restore", backup, tmp_path / "d")["changesets"] == 3


@pytest.mark.parametrize("point", ["thin.dropped", "thin.removed"])
def test_N1_dropping_killed_anywhere_leaves_the_others_whole_and_goes_on(three, tmp_path, point):
    backup = copy(three, tmp_path)
    command("snapshots", backup, "--keep", "1", code=EXIT_CODE, **{VARIABLE: f"{point}=exit"})
    for one in command("snapshots", backup)["snapshots"]:
        assert command("restore", backup, tmp_path / one["name"], "--snapshot", one["name"])["damaged"] == []
    command("snapshots", backup, "--keep", "1")
    told = command("snapshots", backup, "--keep", "1")
    assert ([one["name"] for one in told["snapshots"]], told["files"]) == (["c"], 0)


def test_with_a_damaged_manifest_nothing_is_dropped(three, tmp_path):
    backup = copy(three, tmp_path)
    (backup / "snapshots" / "b.json").write_bytes(b"{}")
    before = files(backup)
    refused = command("snapshots", backup, "--keep", "1", code=7)
    assert refused["items"] == ["snapshot b"]
    assert files(backup) == before


def test_two_restores_into_one_folder_are_refused(three, tmp_path):
    (tmp_path / "back").mkdir()
    handle = os.open(tmp_path / "back", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert command("restore", three / "backup", tmp_path / "back", code=3)["code"] == "FOLDER_BUSY"
    finally:
        os.close(handle)
    assert command("restore", three / "backup", tmp_path / "back")["damaged"] == []
