"""Backups of real servers: what they copy, what they refuse, and that they are taken beside commits."""

from __future__ import annotations

import json
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.faults.conftest import checkout, files_of, new_repository, noise
from tests.faults.test_backup_kills import NOW, command, kept, whole
from tests.servers import RunningServer, Team, User, running_team

from mlv_server.content.archive import Archive
from mlv_server.content.blobs import local

FILES = 200
SIZE = 20_000


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A running server with its admin signed in."""
    with running_team(tmp_path_factory.mktemp("backup")) as made:
        yield made


@pytest.fixture(scope="module")
def workspace(team):
    """A workspace of a first version of many small files."""
    folder = checkout(team.admin, new_repository(team))
    for n in range(FILES):
        (folder / f"{n}.dat").write_bytes(noise(SIZE, n))
    team.admin.mlv("add", ".", cwd=folder)
    team.admin.mlv("commit", "-m", "first", cwd=folder)
    return folder


def change(user: User, workspace: Path, numbers: range, seed: int) -> int:
    """Commit other content of some files; their bytes."""
    names = [f"{n}.dat" for n in numbers]
    user.mlv("edit", *names, cwd=workspace)
    for n, name in zip(numbers, names, strict=True):
        (workspace / name).write_bytes(noise(SIZE, seed + n))
    user.mlv("commit", "-m", "more", cwd=workspace)
    return SIZE * len(names)


def test_only_what_changed_is_copied_again(team, workspace, tmp_path):
    source, backup = team.server.directory, tmp_path / "backup"
    full = command("backup", source, backup)
    assert full["bytes_copied"] > FILES * SIZE
    same = command("backup", source, backup)
    assert (same["packs_copied"], same["database_bytes_copied"]) == (0, 0)
    changed = change(team.admin, workspace, range(4), 10_000)
    more = command("backup", source, backup, "--name", "after")
    assert changed < more["bytes_copied"] <= 1.2 * changed
    on_disk = sum(path.stat().st_size for path in backup.rglob("*") if path.is_file())
    assert on_disk <= full["bytes_copied"] + same["bytes_copied"] + more["bytes_copied"] + 100


@pytest.mark.slow
def test_every_snapshot_can_be_restored(team, workspace, tmp_path):
    source, backup = team.server.directory, tmp_path / "backup"
    heads = []
    for name in ("one", "two", "three"):
        change(team.admin, workspace, range(2), hash(name) % 1000 + 20_000)
        command("backup", source, backup, "--name", name)
        heads.append(len(team.admin.mlv("log", "--json", cwd=workspace).json))
    for name, head in zip(("one", "two", "three"), heads, strict=True):
        found = command("restore", backup, tmp_path / name, "--snapshot", name)
        assert (found["changesets"], found["damaged"]) == (head, [])
    assert kept(tmp_path / "three")["changesets"] == kept(source)["changesets"]


def test_what_release_managers_did_is_kept(team, workspace, tmp_path):
    change(team.admin, workspace, range(1), 30_000)
    for typed in (
        ("label", "v1", "@1", "-m", "first"),
        ("label", "v1", "@2", "--move", "-m", "the data was wrong"),
        ("label", "--reserve", "v*", "--for", "user:admin"),
        ("freeze", "--path", "frozen/**", "-m", "looked at"),
        ("branch", "attempt"),
        ("branch", "attempt", "--abandon", "-m", "it led nowhere"),
    ):
        team.admin.mlv(*typed, cwd=workspace)
    command("backup", team.server.directory, tmp_path / "backup")
    command("restore", tmp_path / "backup", tmp_path / "back")
    found = kept(tmp_path / "back")
    assert [row[2:5] for row in found["label_history"]] == [(1, 1, 1), (2, 2, 2)]
    assert (len(found["label_reservations"]), len(found["freezes"])) == (1, 1)
    for table in ("labels", "label_history", "label_reservations", "freezes", "branches", "names"):
        assert found[table] == kept(team.server.directory)[table]
    whole(tmp_path / "back")


def test_only_the_owner_reads_a_backup(team, workspace, tmp_path):
    backup = tmp_path / "backup"
    command("backup", team.server.directory, backup)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in backup.rglob("*") if path.is_file()}
    assert modes == {0o600}
    command("restore", backup, tmp_path / "back")
    assert stat.S_IMODE((tmp_path / "back" / "tls" / "server.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "back" / "tls" / "ca.key").stat().st_mode) == 0o600
    assert (tmp_path / "back" / "tls" / "ca.pem").read_bytes() == (
        team.server.directory / "tls" / "ca.pem"
    ).read_bytes()


@pytest.mark.slow
def test_what_cannot_be_is_refused_with_advice(team, workspace, tmp_path):
    source, backup = team.server.directory, tmp_path / "backup"
    assert command("backup", source, source / "backup", code=2)["code"] == "USAGE"
    assert command("backup", source, source / "content" / "backup", code=2)["code"] == "USAGE"
    assert command("backup", source, source.parent, code=2)["code"] == "USAGE"
    assert command("backup", tmp_path, backup, code=2)["code"] == "INVALID_SETTINGS"
    assert command("gc", tmp_path, code=2)["code"] == "INVALID_SETTINGS"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "own.txt").write_text("mine")
    assert command("backup", source, tmp_path / "full", code=9)["code"] == "ALREADY_EXISTS"
    assert command("restore", tmp_path / "full", tmp_path / "back", code=9)["code"] == "NOT_FOUND"
    command("backup", source, backup, "--name", "a")
    assert command("backup", source, backup, "--name", "a", code=9)["code"] == "ALREADY_EXISTS"
    assert command("backup", source, backup, "--name", "../a", code=2)["code"] == "USAGE"
    assert command("restore", backup, tmp_path / "full", code=9)["code"] == "ALREADY_EXISTS"
    unknown = command("restore", backup, tmp_path / "back", "--snapshot", "b", code=9)
    assert unknown["items"] == ["a"]
    assert not (tmp_path / "back").exists()
    (backup / "mlv-backup.json").write_text('{"format": 2}')
    assert command("backup", source, backup, code=6)["code"] == "VERSION_SKEW"
    assert command("restore", backup, tmp_path / "back", code=6)["code"] == "VERSION_SKEW"


def test_F4_damage_in_a_backup_is_named_and_never_restored_in_silence(team, workspace, tmp_path):
    backup = tmp_path / "backup"
    command("backup", team.server.directory, backup, "--name", "a")
    pack = max(backup.glob("packs/*/*/*"), key=lambda path: path.stat().st_size)
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    found = command("restore", backup, tmp_path / "back", code=7)
    assert f"pack {pack.name.split('.')[0]}" in found["damaged"]
    for victim in (backup / "snapshots" / "a.json", backup / "databases" / "a"):
        good = victim.read_bytes()
        for at in (len(good) // 3, len(good) // 2):
            victim.write_bytes(good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :])
            assert command("restore", backup, tmp_path / f"{victim.name}-{at}", code=7)["code"] == "DAMAGED_CONTENT"
        victim.write_bytes(good)


@pytest.mark.slow
def test_F4_damage_in_the_server_is_named_and_a_healed_pack_is_copied_again(tmp_path):
    with running_team(tmp_path / "team") as team:
        folder = checkout(team.admin, new_repository(team))
        (folder / "a.dat").write_bytes(noise(400_000, 1))
        team.admin.mlv("add", ".", cwd=folder)
        team.admin.mlv("commit", "-m", "first", cwd=folder)
        source, backup = team.server.directory, tmp_path / "backup"
        (pack,) = (source / "content").glob("*/packs/*/*")
        good = pack.read_bytes()
        pack.write_bytes(good[:2000] + bytes([good[2000] ^ 1]) + good[2001:])
        found = command("backup", source, backup, code=7)
        assert found["damaged"] == [f"pack {pack.name}"]
        pack.write_bytes(good)
        assert command("backup", source, backup)["packs_copied"] == 1
        command("restore", backup, tmp_path / "back")


def test_settings_that_lead_elsewhere_lead_into_the_restored_folder(tmp_path):
    server = RunningServer.create(tmp_path / "server")
    content = tmp_path / "elsewhere"
    (server.directory / "content").rename(content)
    settings = server.directory / "mlv-server.toml"
    text = settings.read_text().replace('"file:content"', f'"file:{content}"').replace("lifetime = 90", "lifetime = 9")
    settings.write_text(text)
    command("backup", server.directory, tmp_path / "backup")
    found = command("restore", tmp_path / "backup", tmp_path / "back")
    assert len(found["notes"]) == 1
    restored = (tmp_path / "back" / "mlv-server.toml").read_text()
    assert str(content) not in restored
    assert "lifetime = 9\n" in restored
    RunningServer(tmp_path / "back").start().stop()


@pytest.mark.slow
def test_N1_N2_backups_and_gc_beside_commits_lose_nothing(tmp_path):
    """No grace, and packs are unlinked at once: as hostile as it can be. Commits that are hit are typed again."""
    os.environ.update(NOW)
    try:
        with running_team(tmp_path / "team") as team:
            _work_beside(team, tmp_path)
    finally:
        for name in NOW:
            del os.environ[name]


def _work_beside(team: Team, folder: Path) -> None:
    source, backup = team.server.directory, folder / "backup"
    repositories = [new_repository(team) for _ in range(2)]
    done = threading.Event()
    refused: list[str] = []

    def commit_many(repository: str) -> None:
        workspace = checkout(team.admin, repository)
        for n in range(12):
            (workspace / "big.dat").unlink(missing_ok=True)
            (workspace / f"{n}.dat").write_bytes(noise(400_000 + n, hash(repository) % 1000 + n))
            (workspace / f"{n}.txt").write_text(f"{n}\n")
            team.admin.mlv("add", ".", cwd=workspace)
            for _ in range(20):
                answer = team.admin.mlv("commit", "-m", f"{n}", "--json", cwd=workspace, code=None)
                if answer.code == 0:
                    break
                refused.append(json.loads(answer.out)["code"])
            assert answer.code == 0, answer.out

    def collect_on() -> None:
        while not done.is_set():
            command("gc", source, **NOW)

    def back_up_on() -> list[str]:
        names = []
        while not done.is_set():
            names.append(command("backup", source, backup)["snapshot"])
        return names

    with ThreadPoolExecutor(4) as pool:
        collecting, copying = pool.submit(collect_on), pool.submit(back_up_on)
        committing = [pool.submit(commit_many, repository) for repository in repositories]
        try:
            for one in committing:
                one.result()
        finally:
            done.set()
        collecting.result()
        names = copying.result()
    assert set(refused) <= {"NOT_FOUND", "UNREACHABLE"}
    team.server.stop()
    whole(source)
    command("backup", source, backup, "--name", "z-last")
    command("restore", backup, folder / "last", "--snapshot", "z-last")
    assert kept(folder / "last") == kept(source)
    for name in {names[0], names[len(names) // 2], names[-1]}:
        assert command("restore", backup, folder / name, "--snapshot", name)["damaged"] == []
    team.server.start()
    for repository in repositories:
        assert len(files_of(checkout(team.admin, repository))) == 24


def test_a_new_backup_folder_has_its_name_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut takes the folder away after the backup was acknowledged; found by replayed power cuts."""
    synced: list[Path] = []
    monkeypatch.setattr(local, "sync_folder", synced.append)
    with Archive.writing(tmp_path / "disk" / "backup"):
        pass
    assert {tmp_path, tmp_path / "disk"} <= set(synced)
