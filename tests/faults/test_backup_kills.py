"""Backup, restore and gc killed at any point between two durable steps: the same command again, and all is whole."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.conftest import checkout, files_of, new_repository, noise
from tests.servers import COMMAND_SECONDS, RunningServer, Team, User

from mlv_core.failpoints import EXIT_CODE, VARIABLE

pytestmark = pytest.mark.slow

PACK = ("content.pack.written", "content.pack.synced", "content.pack.renamed", "content.pack.sealed")
"""Every file of a backup and of a restored folder is sealed as a pack is."""
BACKUP = (
    "backup.begun",
    "backup.snapshot",
    "backup.pack",
    "backup.packs",
    "backup.database",
    "backup.files",
    "backup.finished",
)
RESTORE = (
    "restore.begun",
    "restore.pack",
    "restore.packs",
    "restore.database",
    "restore.files",
    "restore.verified",
    "restore.finished",
)
GC = ("gc.marked", "gc.dropping", "gc.dropped", "gc.unlinking", "gc.unlinked", "gc.cleared")
NOW = {"MLV_STORAGE_COLLECT_AFTER": "0", "MLV_STORAGE_UNLINK_AFTER": "0"}
MODEL, NEXT, LOST = noise(400_000, 31), noise(400_000, 32), noise(600_000, 33)


def command(*arguments: object, code: int = 0, **environment: str) -> dict:
    """What `mlv-server` answers to these arguments."""
    done = subprocess.run(
        [sys.executable, "-m", "mlv_server.cli.main", *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == code, f"{arguments} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout) if done.stdout else {}


def kept(server: Path) -> dict[str, list[tuple]]:
    """Every row of a server's database but those that say where content lies."""
    with sqlite3.connect(f"file:{server}/mlv.db?mode=ro", uri=True) as database:
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        rows = {
            name: sorted(database.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name in tables - {"packs", "frames", "segments", "sweeps"}
        }
    database.close()
    return rows


def whole(server: Path) -> None:
    """`verify` finds nothing wrong and nothing strange."""
    found = command("verify", server)
    assert (found["damaged"], found["foreign"]) == ([], [])


def abandon_upload(team: Team, repository: str, data: bytes) -> None:
    """A commit whose content arrived and whose user then thought better of it."""
    workspace = checkout(team.admin, repository)
    (workspace / "lost.dat").write_bytes(data)
    team.admin.mlv("add", "lost.dat", cwd=workspace)
    mortal = User("admin", team.admin.config, team.admin.home, {VARIABLE: "commit.sent=exit"})
    mortal.mlv("commit", "-m", "never", cwd=workspace, code=EXIT_CODE)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A server's folder at rest: two versions, a label, a lock, a dead upload; `before` backed up at @1."""
    folder = tmp_path_factory.mktemp("source")
    server = RunningServer.create(folder / "server").start()
    try:
        team = Team(server, folder / "people")
        repository = new_repository(team)
        workspace = checkout(team.admin, repository)
        (workspace / "model.dat").write_bytes(MODEL)
        team.admin.mlv("add", ".", cwd=workspace)
        team.admin.mlv("commit", "-m", "first", cwd=workspace)
        command("backup", server.directory, folder / "backup")
        team.admin.mlv("edit", "model.dat", cwd=workspace)
        (workspace / "model.dat").write_bytes(NEXT)
        team.admin.mlv("commit", "-m", "second", cwd=workspace)
        team.admin.mlv("label", "v1.0", "@2", cwd=workspace)
        team.admin.mlv("edit", "model.dat", cwd=workspace)
        abandon_upload(team, repository, LOST)
    finally:
        server.stop()
    return folder


@pytest.mark.parametrize("point", [*BACKUP, *PACK])
def test_N1_N2_a_backup_killed_anywhere_goes_on_and_is_never_half(source, tmp_path, point):
    shutil.copytree(source / "backup", tmp_path / "backup")
    (first,) = (tmp_path / "backup" / "snapshots").iterdir()
    command("backup", source / "server", tmp_path / "backup", code=EXIT_CODE, **{VARIABLE: f"{point}=exit"})
    made = set((tmp_path / "backup" / "snapshots").iterdir()) - {first}
    assert len(made) == (point == "backup.finished")
    assert command("restore", tmp_path / "backup", tmp_path / "first", "--snapshot", first.stem)["changesets"] == 1
    again = command("backup", source / "server", tmp_path / "backup")
    copied = {"backup.pack": 1, "content.pack.renamed": 1, "content.pack.sealed": 1}
    late = point in {"backup.packs", "backup.database", "backup.files", "backup.finished"}
    assert again["packs"] == 3
    assert again["packs_copied"] == (0 if late else 2 - copied.get(point, 0))
    command("restore", tmp_path / "backup", tmp_path / "back")
    assert kept(tmp_path / "back") == kept(source / "server")
    whole(tmp_path / "back")


def test_a_full_disk_is_told_and_the_same_command_goes_on(source, tmp_path):
    full = {VARIABLE: "content.pack.synced=full"}
    told = command("backup", source / "server", tmp_path / "backup", code=8, **full)
    assert told["code"] == "DISK_FULL"
    assert str(tmp_path / "backup") in told["message"]
    assert command("backup", source / "server", tmp_path / "backup")["damaged"] == []
    assert command("restore", tmp_path / "backup", tmp_path / "back", code=8, **full)["code"] == "DISK_FULL"
    assert command("restore", tmp_path / "backup", tmp_path / "back")["damaged"] == []


@pytest.fixture(scope="module")
def backed_up(source):
    """The server's folder backed up as it is."""
    command("backup", source / "server", source / "full")
    return source / "full"


@pytest.mark.parametrize("point", [*RESTORE, *PACK])
def test_N1_N2_a_restore_killed_anywhere_is_no_server_and_goes_on(source, backed_up, tmp_path, point):
    back = tmp_path / "back"
    command("restore", backed_up, back, code=EXIT_CODE, **{VARIABLE: f"{point}=exit"})
    if point == "restore.finished":
        assert command("restore", backed_up, back, code=9)["code"] == "ALREADY_EXISTS"
    else:
        assert command("gc", back, code=2)["code"] == "INVALID_SETTINGS"
        assert command("restore", backed_up, back)["damaged"] == []
    assert kept(back) == kept(source / "server")
    whole(back)


def test_N1_a_restored_server_serves_the_clients_of_the_first(source, backed_up, tmp_path):
    command("restore", backed_up, tmp_path / "back")
    first = json.loads((source / "people" / "admin-config" / "credentials.json").read_text())
    assert first
    server = RunningServer(tmp_path / "back").start()
    try:
        admin = User("admin", source / "people" / "admin-config", tmp_path)
        name = admin.mlv("repo", "list", "--json").json[0]["name"]
        admin.mlv("checkout", name, "w")
        assert files_of(tmp_path / "w") == {"model.dat": NEXT}
        admin.mlv("checkout", f"{name}@1", "w1")
        assert files_of(tmp_path / "w1") == {"model.dat": MODEL}
        assert [one["path"] for one in admin.mlv("locks", "--json", cwd=tmp_path / "w").json] == ["model.dat"]
        assert [one["name"] for one in admin.mlv("labels", "--json", cwd=tmp_path / "w").json] == ["v1.0"]
    finally:
        server.stop()


@pytest.mark.parametrize("point", GC)
def test_N1_gc_killed_anywhere_removes_nothing_that_is_needed_and_goes_on(source, tmp_path, point):
    server = tmp_path / "server"
    shutil.copytree(source / "server", server)
    before = kept(server)
    told = command("gc", server, "-n", **NOW)
    assert told["segments"] > 0
    assert told["segment_bytes"] > len(LOST)
    command("gc", server, code=EXIT_CODE, **{**NOW, VARIABLE: f"{point}=exit"})
    whole(server)
    command("gc", server, **NOW)
    whole(server)
    after = kept(server)
    assert len(after.pop("audit")) == len(before.pop("audit")) + 1
    assert after == before
    assert command("gc", server, "-n", **NOW)["segments"] == 0
    on_disk = sum(path.stat().st_size for path in (server / "content").glob("*/packs/*/*"))
    assert on_disk < 2.1 * len(MODEL)
