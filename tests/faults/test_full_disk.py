"""No room on the disk of either side: told with what to do, what was complete stays, the same command goes on."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.conftest import checkout, files_of, new_repository, noise
from tests.servers import RunningServer, Team, User, running_team

MODEL = noise(3 << 20, 1)
SMALL = 1 << 20


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path | None]:
    """A disk of `size` bytes at `folder`; None where this user may not mount one."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=False, capture_output=True
    )
    try:
        yield folder if made.returncode == 0 else None
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def limited(user: User, limit: int, *arguments: str, cwd: Path) -> tuple[int, str]:
    """Run a command that can write no file longer than `limit`: what a full disk is to who may mount none."""
    done = subprocess.run(
        [sys.executable, "-m", "mlv.cli.main", *arguments],
        cwd=cwd,
        env={**os.environ, "MLV_CONFIG_DIR": str(user.config)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def published(team):
    """A repository with a small first version and a second of 3 MB."""
    repository = new_repository(team)
    workspace = checkout(team.admin, repository)
    (workspace / "notes.txt").write_text("notes\n")
    (workspace / "model.dat").write_bytes(noise(1000, 2))
    team.admin.mlv("add", ".", cwd=workspace)
    team.admin.mlv("commit", "-m", "one", cwd=workspace)
    team.admin.mlv("edit", "model.dat", cwd=workspace)
    (workspace / "model.dat").write_bytes(MODEL)
    team.admin.mlv("commit", "-m", "two", cwd=workspace)
    return repository


def test_an_update_that_has_no_room_is_told_and_goes_on_when_there_is(team, published):
    workspace = checkout(team.admin, f"{published}@1")
    (workspace / "mine.txt").write_text("mine\n")
    before = files_of(workspace)
    code, said = limited(team.admin, SMALL, "update", cwd=workspace)
    assert code == 8, said
    assert "Make room" in said
    assert files_of(workspace) == before
    team.admin.mlv("update", cwd=workspace)
    assert files_of(workspace) == {"notes.txt": b"notes\n", "model.dat": MODEL, "mine.txt": b"mine\n"}


def test_an_edit_that_has_no_room_for_the_base_is_told_and_keeps_the_file(team, published):
    workspace = checkout(team.admin, published)
    code, said = limited(team.admin, SMALL, "edit", "model.dat", cwd=workspace)
    assert code in {0, 8}, said  # 0 where the file system shares the blocks
    assert files_of(workspace)["model.dat"] == MODEL
    team.admin.mlv("edit", "model.dat", cwd=workspace)
    (workspace / "model.dat").write_bytes(b"edited")
    team.admin.mlv("revert", "model.dat", cwd=workspace)
    assert files_of(workspace)["model.dat"] == MODEL


def test_a_workspace_on_a_really_full_disk_loses_nothing(team, published, tmp_path):
    with small_disk(tmp_path / "disk", 2 << 20) as disk:
        if disk is None:
            pytest.skip("this user may not mount a disk")
        team.admin.mlv("checkout", f"{published}@1", str(disk / "w"))
        workspace = disk / "w"
        (workspace / "mine.txt").write_text("mine\n")
        before = files_of(workspace)
        refused = team.admin.mlv("update", "--json", cwd=workspace, code=8).json
        assert refused["code"] == "DISK_FULL"
        assert files_of(workspace) == before
        # Now to the last byte: what only reads goes on, and what writes says why it cannot.
        filler = workspace / "filler.bin"
        with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            while True:
                stream.write(bytes(4096))
        team.admin.mlv("status", cwd=workspace)
        told = team.admin.mlv("edit", "model.dat", "--json", cwd=workspace, code=None)
        assert told.code == 3, told
        (workspace / "more.txt").write_bytes(b"")
        told = team.admin.mlv("add", "more.txt", "--json", cwd=workspace, code=None)
        assert told.code in {0, 8}, told
        filler.unlink()
        assert team.admin.mlv("update", "--json", cwd=workspace, code=8).json["code"] == "DISK_FULL"
        subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
        team.admin.mlv("update", "--force", cwd=workspace)
        found = files_of(workspace)
        assert found["model.dat"] == MODEL
        assert found["mine.txt"] == b"mine\n"


def test_a_server_whose_disk_is_full_refuses_and_goes_on_when_there_is_room(tmp_path):
    with small_disk(tmp_path / "disk", 40 << 20) as disk:
        if disk is None:
            pytest.skip("this user may not mount a disk")
        server = RunningServer.create(disk / "server").start()
        try:
            team = Team(server, tmp_path / "people")
            repository = new_repository(team)
            workspace = checkout(team.admin, repository)
            (workspace / "small.dat").write_bytes(noise(1000, 3))
            team.admin.mlv("add", ".", cwd=workspace)
            team.admin.mlv("commit", "-m", "small", cwd=workspace)
            model = noise(40 << 20, 4)
            (workspace / "model.dat").write_bytes(model)
            team.admin.mlv("add", ".", cwd=workspace)
            refused = team.admin.mlv("commit", "-m", "large", "--json", cwd=workspace, code=8).json
            assert refused["code"] in {"DISK_FULL", "LIMIT_EXCEEDED"}
            assert refused["advice"]
            assert files_of(workspace)["model.dat"] == model
            assert files_of(checkout(team.admin, repository)) == {"small.dat": noise(1000, 3)}
            subprocess.run(["mount", "-o", "remount,size=300m", str(disk)], check=True)
            team.admin.mlv("commit", "-m", "large", cwd=workspace)
            assert files_of(checkout(team.admin, repository))["model.dat"] == model
        finally:
            server.stop()
        report = server.verify()
        assert (report["damaged"], report["foreign"]) == ([], [])


def test_a_server_that_can_write_no_long_file_refuses_and_keeps_what_it_has(tmp_path):
    with running_team(tmp_path / "team") as team:
        repository = new_repository(team)
        workspace = checkout(team.admin, repository)
        (workspace / "small.dat").write_bytes(noise(1000, 3))
        team.admin.mlv("add", ".", cwd=workspace)
        team.admin.mlv("commit", "-m", "small", cwd=workspace)
        (workspace / "model.dat").write_bytes(MODEL)
        team.admin.mlv("add", ".", cwd=workspace)
        assert team.server.process is not None
        resource.prlimit(team.server.process.pid, resource.RLIMIT_FSIZE, (2 << 20, resource.RLIM_INFINITY))
        refused = team.admin.mlv("commit", "-m", "large", "--json", cwd=workspace, code=8).json
        assert refused["code"] == "DISK_FULL"
        assert len(team.admin.mlv("log", "--json", cwd=workspace).json) == 1
        resource.prlimit(
            team.server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )
        team.admin.mlv("commit", "-m", "large", cwd=workspace)
        assert files_of(checkout(team.admin, repository))["model.dat"] == MODEL


def test_a_server_without_file_handles_refuses_and_goes_on(tmp_path):
    with running_team(tmp_path / "team") as team:
        repository = new_repository(team)
        workspace = checkout(team.admin, repository)
        (workspace / "model.dat").write_bytes(MODEL)
        team.admin.mlv("add", ".", cwd=workspace)
        assert team.server.process is not None
        pid = team.server.process.pid
        _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        held = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (held + 2, most))
        refused = team.admin.mlv("--timeout", "2", "commit", "-m", "large", cwd=workspace, code=None)
        assert refused.code in {0, 6, 8}, refused
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
        done = team.admin.mlv("commit", "-m", "large", cwd=workspace, code=None)
        assert done.code == (2 if refused.code == 0 else 0), done
        assert files_of(checkout(team.admin, repository))["model.dat"] == MODEL
