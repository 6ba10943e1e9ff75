"""The server as a process: one a folder, how it stops, what it logs; and that verify finds what was edited."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.conftest import BF16
from tests.servers import RunningServer, Team, run_server_command, running_team
from tests.wire import wire

from mlv_proto.v1 import repositories_pb2

REPOSITORY = "fraud/detector"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    made = RunningServer.create(tmp_path / "server").start()
    yield made
    made.stop()


def test_a_second_server_on_the_same_folder_is_refused_and_says_why(server: RunningServer) -> None:
    second = run_server_command("start", str(server.directory), "--listen", "127.0.0.1:0", check=False)
    assert second.returncode == 2
    assert "already runs" in second.stderr
    assert server.process is not None
    assert str(server.process.pid) in second.stderr
    assert "Stop it first" in second.stderr


def test_commands_on_the_host_work_beside_a_running_server(server: RunningServer) -> None:
    assert "token" in run_server_command("user", "add", "alice", "--dir", str(server.directory)).stdout
    assert server.verify()["damaged"] == []


def test_a_killed_server_leaves_no_claim(server: RunningServer) -> None:
    server.crash()
    server.start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_graceful(server: RunningServer, number: signal.Signals) -> None:
    assert server.process is not None
    server.process.send_signal(number)
    assert server.process.wait(60) == 0
    server.process = None
    assert any('"stopped"' in line for line in server.log)


def test_start_says_what_is_wrong_with_its_database(tmp_path: Path) -> None:
    folder = RunningServer.create(tmp_path / "server").directory
    with sqlite3.connect(folder / "mlv.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    newer = run_server_command("start", str(folder), check=False)
    assert (newer.returncode, "schema 9999" in newer.stderr) == (2, True)
    (folder / "mlv.db").unlink()
    gone = run_server_command("start", str(folder), check=False)
    assert (gone.returncode, "no tables" in gone.stderr) == (2, True)


def test_start_refuses_a_file_that_is_no_database(tmp_path: Path) -> None:
    folder = RunningServer.create(tmp_path / "server").directory
    (folder / "mlv.db").write_bytes(b"this is no database, and long enough to be looked at" * 100)
    done = run_server_command("start", str(folder), check=False)
    assert done.returncode == 7
    assert "restore the database" in done.stderr


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A repository with two versions of a model, made by somebody who also was refused something."""
    with running_team(tmp_path_factory.mktemp("team")) as made:
        made.admin.mlv("repo", "create", REPOSITORY)
        alice = made.member("alice", contributor="fraud__detector")
        alice.mlv("checkout", REPOSITORY)
        folder = alice.home / "detector"
        for number, version in enumerate(BF16[:2], start=1):
            if number > 1:
                alice.mlv("edit", "model.safetensors", cwd=folder)
            (folder / "model.safetensors").write_bytes(version.read_bytes())
            (folder / "notes.txt").write_text(f"{number}\n")
            alice.mlv("add", ".", cwd=folder)
            alice.mlv("commit", "-m", str(number), cwd=folder)
        yield made


def tokens_of(team: Team) -> list[str]:
    """The secret part of every token that this session has seen."""
    found = [team.server.admin_token]
    for person in (team.admin.config, team.admin.config.parent / "alice-config"):
        found += [text for file in person.rglob("*") if file.is_file() for text in _tokens(file.read_text())]
    return [token.rpartition("_")[2] for token in found]


def _tokens(text: str) -> list[str]:
    return [word for word in text.replace('"', " ").replace(",", " ").split() if word.startswith("mlv_")]


def test_the_log_holds_no_secret_and_names_each_refused_call(team: Team) -> None:
    with wire(team.admin) as line:
        request = repositories_pb2.GetRepositoryRequest(repository="fraud/nobody")
        line.send(
            "mlv.v1.RepositoriesService.GetRepository",
            request.SerializeToString(),
            (("mlv-request-id", "look-for-me"),),
        )
    team.admin.mlv("token", "revoke", team.server.admin_token, code=9)
    text = "".join(team.server.log)
    secrets = tokens_of(team)
    assert len(secrets) >= 3
    assert not [secret for secret in secrets if secret in text]
    (entry,) = [json.loads(line) for line in team.server.log if "look-for-me" in line]
    assert entry["method"] == "mlv.v1.RepositoriesService.GetRepository"
    assert (entry["user"], entry["status"], entry["code"]) == ("admin", "NOT_FOUND", "NOT_FOUND")
    assert entry["level"] == "info"


EDITS = {
    "audit": "UPDATE audit SET record = replace(CAST(record AS TEXT), 'alice', 'mallo') WHERE sequence = 3",
    "audit cut": "DELETE FROM audit WHERE sequence = 2 AND chain = 1",
    "author": "UPDATE changesets SET author = 'mallory' WHERE number = 1",
    "message": "UPDATE changesets SET message = 'nothing to see' WHERE number = 2",
    "list": "UPDATE change_lists SET data = CAST(substr(data, 1, length(data) - 1) || x'00' AS BLOB)",
    "list of another type": "UPDATE change_lists SET data = substr(data, 1, length(data) - 1) || x'00'",
    "records": "UPDATE changesets SET records = 'text' WHERE number = 1",
    "environment": "UPDATE environments SET data = x'00'",
    "list gone": "DELETE FROM change_lists WHERE changeset = 1",
    "changeset gone": "DELETE FROM changesets WHERE number = 1",
    "head": "UPDATE branches SET head = 77 WHERE name = 'main'",
    "content": "DELETE FROM contents",
}


@pytest.mark.parametrize("name", EDITS)
def test_verify_names_what_was_edited_in_the_database(team: Team, tmp_path: Path, name: str) -> None:
    folder = copy_of(team, tmp_path)
    database = sqlite3.connect(folder / "mlv.db")
    assert database.execute(EDITS[name]).rowcount > 0
    database.commit()
    database.close()
    done = run_server_command("verify", str(folder), "--json", check=False)
    assert done.returncode == 7
    assert json.loads(done.stdout)["damaged"]


def test_verify_names_a_pack_with_a_flipped_byte(team: Team, tmp_path: Path) -> None:
    folder = copy_of(team, tmp_path)
    pack = max(
        (file for file in (folder / "content").rglob("packs/*/*") if file.is_file()), key=lambda f: f.stat().st_size
    )
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    done = run_server_command("verify", str(folder), "--json", check=False)
    assert done.returncode == 7
    damaged = json.loads(done.stdout)["damaged"]
    assert any(pack.name[:12] in line for line in damaged)
    assert any(".safetensors@" in line for line in damaged)


def copy_of(team: Team, folder: Path) -> Path:
    """A copy of the server's folder, taken while it stands still."""
    team.server.stop()
    copied = folder / "copy"
    shutil.copytree(team.server.directory, copied)
    team.server.start()
    return copied
