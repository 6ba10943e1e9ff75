"""Shelves in a backup, in what is restored from it, and beside gc: with real servers, the content with them."""

from __future__ import annotations

import os

import pytest
from tests.faults.conftest import checkout, new_repository, noise
from tests.faults.test_backup_kills import command, kept, whole
from tests.servers import running_team

DATA = noise(400_000, 5)


@pytest.fixture
def team(tmp_path):
    """A server of the test's own: what is dropped in one test must not be missed in another."""
    with running_team(tmp_path) as made:
        yield made


@pytest.fixture
def place(team):
    """A workspace with a shelf of a changed and of a new file; its own changes are gone."""
    folder = checkout(team.admin, new_repository(team))
    (folder / "w.bin").write_bytes(DATA)
    team.admin.mlv("add", ".", cwd=folder)
    team.admin.mlv("commit", "-m", "base", cwd=folder)
    team.admin.mlv("edit", "w.bin", cwd=folder)
    (folder / "w.bin").write_bytes(DATA[:1000] + b"edited" + DATA[1000:])
    (folder / "new.bin").write_bytes(noise(300_000, 6))
    team.admin.mlv("add", "new.bin", cwd=folder)
    team.admin.mlv("shelve", "--name", "kept", "--revert", cwd=folder)
    return folder


def test_a_restored_server_has_the_shelves_and_their_content(team, place, tmp_path):
    source, backup, back = team.server.directory, tmp_path / "backup", tmp_path / "back"
    assert command("backup", source, backup)["damaged"] == []
    command("restore", backup, back)
    rows = kept(back)
    assert [row[3] for row in rows["shelves"]] == ["kept"]
    assert len(rows["shelf_contents"]) == 2
    assert {name: rows[name] for name in ("shelves", "shelf_parts", "shelf_contents")} == {
        name: kept(source)[name] for name in ("shelves", "shelf_parts", "shelf_contents")
    }
    whole(back)
    # The damage of content that only a shelf has is found there too.
    stored = (one for one in (back / "content").rglob("*") if one.is_file())
    packs = sorted(stored, key=lambda one: one.stat().st_size)
    data = bytearray(packs[-2].read_bytes())
    data[len(data) // 2] ^= 1
    packs[-2].chmod(0o644)
    packs[-2].write_bytes(data)
    found = command("verify", back, code=7)["damaged"]
    assert any("shelf admin/kept, new.bin" in one for one in found), found


def test_gc_keeps_what_is_shelved_and_takes_what_was_dropped(team, place):
    now = {"MLV_STORAGE_COLLECT_AFTER": "0"}
    server = team.server.directory
    assert command("gc", server, **now)["segments"] == 0
    team.admin.mlv("unshelve", "kept", cwd=place)
    assert (place / "w.bin").read_bytes() == DATA[:1000] + b"edited" + DATA[1000:]
    assert (place / "new.bin").read_bytes() == noise(300_000, 6)
    team.admin.mlv("shelves", "delete", "kept", cwd=place)
    for path in (server / "content").rglob("*"):
        if path.is_file():  # an hour is left to uploads under way, whatever the settings say
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 2 * 3600))
    assert command("gc", server, **now)["segments"] > 0
    whole(server)
