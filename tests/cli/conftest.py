"""A workspace made by hand, which needs no server; and a real server with users who type."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from blake3 import blake3
from tests.cli.people import LINES, Typist
from tests.servers import Team, User, running_team

from mlv.cli.main import run
from mlv.workspace import materialize
from mlv.workspace.journal import UpdateJournal
from mlv.workspace.opened import Workspace
from mlv.workspace.state import TrackedFile

REQUIRED = 3
_numbers = itertools.count(1)


@dataclass
class Desk:
    """A workspace and the command, run in it."""

    root: Path
    capsys: pytest.CaptureFixture[str]
    workspace: Workspace
    ids: int = field(default=0)

    def track(self, files: dict[str, bytes], *, need: int = 1, changeset: int = 1, mode: int = 0) -> None:
        rows = []
        for path, data in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            materialize.set_read_only(str(target), mode, read_only=need == REQUIRED)
            self.ids += 1
            text = b"\0" not in data
            rows.append(TrackedFile(path, self.ids, mode, int(text), len(data), blake3(data).digest(), changeset, need))
        journal = UpdateJournal("a test", rows=tuple(rows), trusted=tuple(row.path for row in rows))
        materialize.finish(self.workspace.layout, self.workspace.state, journal)

    def mlv(self, *arguments: str, exit_code: int = 0) -> str:
        before = Path.cwd()
        os.chdir(self.root)
        try:
            code = run(arguments)
        finally:
            os.chdir(before)
        captured = self.capsys.readouterr()
        assert code == exit_code, captured.out + captured.err
        return captured.out if exit_code == 0 else captured.out + captured.err

    def json(self, *arguments: str, exit_code: int = 0):
        return json.loads(self.mlv(*arguments, "--json", exit_code=exit_code))

    def states(self) -> dict[str, str]:
        return {file["path"]: file["state"] for file in self.json("status")["files"]}

    def write(self, path: str, data: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.chmod(0o644)
        target.write_bytes(data)

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = tmp_path / "work"
    root.mkdir()
    settings = {
        "workspace": "w-1",
        "repository": "fraud/detector",
        "server": "mlv://localhost:1",
        "branch": "main",
        "base": "1",
        "only": "[]",
        "exclude": "[]",
        "properties": "{}",
    }
    workspace = Workspace.create(str(root), settings)
    yield Desk(root, capsys, workspace)
    workspace.close()


@pytest.fixture(scope="session")
def team(tmp_path_factory: pytest.TempPathFactory):
    """A running server with its admin signed in."""
    before = os.environ.get("MLV_CONFIG_DIR")
    with running_team(tmp_path_factory.mktemp("team")) as made:
        yield made
    assert os.environ.get("MLV_CONFIG_DIR") == before


@pytest.fixture
def repository(team: Team) -> str:
    """A new, empty repository of the admin."""
    name = f"cli/r{next(_numbers)}"
    typist(team.admin, team.admin.home).mlv("repo", "create", name)
    return name


def typist(user: User, here: Path) -> Typist:
    return Typist(user.name, user.config, here)


@pytest.fixture
def workspace(team: Team, repository: str, tmp_path: Path):
    """A function that checks the repository out for a user (None: the admin)."""

    def make(user: User | None = None, *options: str, name: str = "") -> Typist:
        who = user or team.admin
        place = tmp_path / (name or f"{who.name}-{next(_numbers)}")
        typist(who, tmp_path).mlv("checkout", repository, str(place), *options)
        return typist(who, place)

    return make


@pytest.fixture
def member(team: Team, repository: str):
    """A function that makes a user with a role on the repository."""

    def make(role: str = "contributor") -> User:
        return team.member(f"u{next(_numbers)}", **{role: repository.replace("/", "__")})

    return make


@pytest.fixture
def pair(workspace, member):
    """Two workspaces at @1 with code, weights and a data folder."""
    first = workspace()
    first.write("train.py", LINES)
    first.write("w.safetensors", b"\0weights 1")
    first.write("data/a.txt", b"a\n")
    first.mlv("add", ".")
    first.mlv("commit", "-m", "base")
    return first, workspace(member())
