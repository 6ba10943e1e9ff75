"""One real server a module, and repositories that no other test uses."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from tests.servers import Team, running_team

SLICE = Path(__file__).parents[2] / "examples" / "minilm-slice"
BF16 = sorted((SLICE / "finetune-bf16").glob("*.safetensors"))
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory):
    """A running server with its admin signed in."""
    with running_team(tmp_path_factory.mktemp("team")) as made:
        yield made


@pytest.fixture
def repository(team: Team) -> str:
    """A new, empty repository of the admin."""
    name = f"test/r{next(_numbers)}"
    team.admin.mlv("repo", "create", name)
    return name


@pytest.fixture
def member(team: Team):
    """A function that makes a new user with a role on a repository."""

    def make(role: str, repository: str):
        return team.member(f"u{next(_numbers)}", **{role: repository.replace("/", "__")})

    return make
