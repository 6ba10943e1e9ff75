"""One real server a module for faults that leave it whole, and content that nothing compresses."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from tests.servers import Team, User, running_team

_numbers = itertools.count(1)


def noise(size: int, seed: int) -> bytes:
    """`size` bytes that no codec makes smaller, the same for each `seed`."""
    return random.Random(seed).randbytes(size)


def new_repository(team: Team) -> str:
    """A new, empty repository of the admin."""
    name = f"test/f{next(_numbers)}"
    team.admin.mlv("repo", "create", name)
    return name


def checkout(user: User, repository: str, *more: str) -> Path:
    """A new workspace of `repository`."""
    folder = f"w{next(_numbers)}"
    user.mlv("checkout", repository, folder, *more)
    return user.home / folder


def files_of(workspace: Path) -> dict[str, bytes]:
    """The user's files of a workspace: all but mlv's own."""
    found = {path.relative_to(workspace).as_posix(): path for path in workspace.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".mlv/")}


def kept_bytes(workspace: Path) -> set[bytes]:
    """The content of every file that a user can find: in the workspace and in the rescue folder."""
    rescued = [path.read_bytes() for path in (workspace / ".mlv" / "rescue").rglob("*") if path.is_file()]
    return {*files_of(workspace).values(), *rescued}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory):
    """A running server with its admin signed in."""
    with running_team(tmp_path_factory.mktemp("team")) as made:
        yield made


@pytest.fixture
def repository(team: Team) -> str:
    """A new, empty repository of the admin."""
    return new_repository(team)
