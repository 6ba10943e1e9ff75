"""A workspace whose files change meanwhile or whose database is damaged, and names that break the rules."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest
from tests.integration.workspaces import checkout, commit, printable
from tests.servers import run_server_command

# --- a file that changes while it is committed -----------------------------------------------------------------------


def test_a_file_that_changes_while_it_is_committed_is_refused_by_name_and_the_rest_waits(team, repository):
    workspace = checkout(team.admin, repository)
    busy = workspace / "busy.bin"
    busy.write_bytes(os.urandom(8 << 20))
    team.admin.mlv("add", ".", cwd=workspace)
    stop = threading.Event()

    def write() -> None:
        with busy.open("r+b", buffering=0) as stream:
            while not stop.is_set():
                stream.seek(0)
                stream.write(os.urandom(64))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        refused = team.admin.mlv("commit", "-m", "busy", "--json", cwd=workspace, code=2).json
    finally:
        stop.set()
        writer.join()
    assert refused["code"] == "FILE_CHANGING"
    assert "busy.bin" in str(refused)
    assert team.admin.mlv("log", "--json", cwd=workspace).json == []
    data = busy.read_bytes()
    team.admin.mlv("commit", "-m", "still", cwd=workspace)
    assert (checkout(team.admin, repository) / "busy.bin").read_bytes() == data


# --- a damaged workspace database ------------------------------------------------------------------------------------


def damage(file: Path, how: str) -> None:
    data = file.read_bytes()
    if how == "garbage":
        file.write_bytes(os.urandom(len(data)))
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif how == "page":
        file.write_bytes(data[:4096] + bytes(4096) + data[8192:])
    elif how == "tables":
        file.unlink()
        with sqlite3.connect(file) as made:
            made.execute("PRAGMA user_version = 1")
        made.close()


@pytest.mark.parametrize("how", ["garbage", "empty", "cut", "page", "tables"])
def test_a_damaged_workspace_database_is_rebuilt_and_no_file_is_touched(team, repository, how):
    source = checkout(team.admin, repository)
    for n in range(40):
        (source / f"f{n}.txt").write_text(f"{n}\n")
    (source / "model.bin").write_bytes(os.urandom(100_000))
    commit(team.admin, source)
    (source / "f1.txt").write_text("edited\n")
    (source / "own.txt").write_text("own\n")
    files = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.iterdir() if path.is_file()}
    damage(source / ".mlv" / "state.db", how)
    refused = team.admin.mlv("status", "--json", cwd=source, code=7).json
    assert refused["code"] == "DAMAGED_CONTENT"
    assert "mlv update --verify" in refused["advice"]
    team.admin.mlv("update", "--verify", cwd=source)
    assert files == {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.iterdir() if path.is_file()
    }
    state = {one["path"]: one["state"] for one in team.admin.mlv("status", "--json", cwd=source).json["files"]}
    assert state == {"f1.txt": "modified", "own.txt": "untracked"}
    team.admin.mlv("commit", "-m", "after", cwd=source)


# --- names and arguments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["have", "HEAD", "123", "2026-11-22", "a@b", "a:b", "a..b", "", "x" * 300, "a\x1bb", "-x/y"]
)
def test_a_name_that_breaks_the_rules_is_refused_and_shown_escaped(team, repository, name):
    workspace = checkout(team.admin, repository)
    (workspace / "a.txt").write_text("a\n")
    commit(team.admin, workspace)
    for verb in ("branch", "label"):
        refused = team.admin.mlv(verb, "--", name, cwd=workspace, code=2)
        assert printable(refused.err)
    refused = team.admin.mlv("repo", "create", "--", f"ns/{name}", code=2)
    assert printable(refused.err)


def test_settings_that_are_wrong_are_named_with_their_line(tmp_path):
    for text, word in (
        ("[server]\nlisten = 5\n", "listen"),
        ("[server]\nlisten = 'nowhere'\n", "listen"),
        ("[server]\nunknown = 1\n", "unknown"),
        ("[server\n", "line 1"),
    ):
        file = tmp_path / "mlv-server.toml"
        file.write_text(text)
        done = run_server_command("check-config", str(file), check=False)
        assert done.returncode == 2, done
        assert word in done.stderr
