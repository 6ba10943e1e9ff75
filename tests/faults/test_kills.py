"""Hundreds of kills during users' work, and what earlier runs of them found, each by its name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.conftest import checkout, files_of, new_repository, noise
from tests.servers import Team, running_team

from mlv_core.failpoints import EXIT_CODE, POINTS, VARIABLE

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 900


def driven(module: str, tmp_path: Path, *options: str) -> dict:
    """The report of a driver, which is a process of its own: forks need one without threads."""
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", f"tests.faults.{module}", *options, "--report", str(report)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(report.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.mark.slow
@pytest.mark.timeout(RUN_SECONDS)
@pytest.mark.parametrize("seed", [11, 12])
def test_N1_N2_N3_N4_hold_over_hundreds_of_kills(tmp_path, seed):
    report = driven("kills", tmp_path, "--kills", "260", "--seed", str(seed))
    assert report["kills"] >= 260
    assert report["failure"] == ""
    for victim in ("client", "server"):
        assert report["kills_by_place"][f"{victim}: any instant"] > 0
    met = {place.partition(": ")[2] for place in report["kills_by_place"]} & POINTS
    assert len(met) > 10
    assert report["checks"]["verify of everything"] >= 5


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """A server that tests let die; at the end, everything in it is whole."""
    with running_team(tmp_path_factory.mktemp("mortal")) as made:
        yield made
        made.server.stop()
        report = made.server.verify()
        assert (report["damaged"], report["foreign"]) == ([], [])


def with_a_model(team: Team) -> Path:
    """A workspace of a new repository with one committed file that needs a lock."""
    workspace = checkout(team.admin, new_repository(team))
    (workspace / "model.bin").write_bytes(noise(2000, 1))
    team.admin.mlv("add", ".", cwd=workspace)
    team.admin.mlv("commit", "-m", "first", cwd=workspace)
    return workspace


@pytest.mark.parametrize("point", ["database.committing", "database.committed"])
def test_N1_a_server_killed_in_an_unlock_has_it_done_or_not_and_the_answer_is_true(mortal, point):
    workspace = with_a_model(mortal)
    mortal.admin.mlv("edit", "model.bin", cwd=workspace)
    mortal.server.stop()
    mortal.server.environment[VARIABLE] = f"{point}=exit"
    mortal.server.start()
    died = mortal.server.process
    told = mortal.admin.mlv("--timeout", "1", "unlock", "model.bin", "--json", cwd=workspace, code=6).json
    assert told["code"] == "UNREACHABLE"
    assert died.wait(60) == EXIT_CODE
    del mortal.server.environment[VARIABLE]
    mortal.server.start()
    held = mortal.admin.mlv("locks", "--json", cwd=workspace).json
    assert len(held) == (point == "database.committing")
    mortal.admin.mlv("unlock", "model.bin", cwd=workspace, code=0 if held else 9)
    assert mortal.admin.mlv("locks", "--json", cwd=workspace).json == []
    assert mortal.admin.mlv("status", "--json", cwd=workspace).json.get("opened", []) == []


@pytest.mark.parametrize("point", ["database.committing", "database.committed"])
def test_C3_C9_a_server_killed_in_an_undo_has_it_done_or_not_and_the_next_command_tells_which(mortal, point):
    workspace = with_a_model(mortal)
    mortal.admin.mlv("edit", "model.bin", cwd=workspace)
    (workspace / "model.bin").write_bytes(noise(2000, 2))
    mortal.admin.mlv("commit", "--keep-locks", "-m", "second", cwd=workspace)
    mortal.server.stop()
    mortal.server.environment[VARIABLE] = f"{point}=exit"
    mortal.server.start()
    died = mortal.server.process
    told = mortal.admin.mlv("--timeout", "1", "undo", "@2", "--json", cwd=workspace, code=6).json
    assert told["code"] == "UNREACHABLE"
    assert died.wait(60) == EXIT_CODE
    # Nobody can be asked: local verbs go on, and online ones do not forget the question.
    assert mortal.admin.mlv("status", "--json", cwd=workspace).json["opened"] == ["model.bin"]
    mortal.admin.mlv("--timeout", "1", "log", cwd=workspace, code=6)
    del mortal.server.environment[VARIABLE]
    mortal.server.start()
    landed = point == "database.committed"
    heard = mortal.admin.mlv("log", "--json", cwd=workspace)
    assert [one["changeset"] for one in heard.json] == ([3, 2, 1] if landed else [2, 1])
    assert heard.err.count("An interrupted undo had reached the server: it is @3.") == landed
    assert heard.err.count("An interrupted undo had not reached the server") == (not landed)
    held = [] if landed else ["model.bin"]
    assert [one["path"] for one in mortal.admin.mlv("locks", "--json", cwd=workspace).json] == held
    assert mortal.admin.mlv("status", "--json", cwd=workspace).json.get("opened", []) == held
    if not landed:
        assert mortal.admin.mlv("undo", "@2", "--json", cwd=workspace).json["changeset"] == 3
    mortal.admin.mlv("update", cwd=workspace)
    assert files_of(workspace) == {"model.bin": noise(2000, 1)}
    mortal.admin.mlv("edit", "model.bin", cwd=workspace)
    (workspace / "model.bin").write_bytes(noise(2000, 3))
    assert mortal.admin.mlv("commit", "-m", "third", "--json", cwd=workspace).json["changeset"] == 4


def test_L11_a_revert_without_a_server_says_that_the_lock_stays_and_gives_it_back_when_typed_again(mortal):
    workspace = with_a_model(mortal)
    mortal.admin.mlv("edit", "model.bin", cwd=workspace)
    mortal.server.stop()
    told = mortal.admin.mlv("--timeout", "1", "revert", "model.bin", cwd=workspace)
    mortal.server.start()
    assert "stay" in told.out + told.err
    assert mortal.admin.mlv("status", "--json", cwd=workspace).json["opened"] == ["model.bin"]
    assert len(mortal.admin.mlv("locks", "--json", cwd=workspace).json) == 1
    mortal.admin.mlv("revert", "model.bin", cwd=workspace)
    assert mortal.admin.mlv("locks", "--json", cwd=workspace).json == []
    assert mortal.admin.mlv("status", "--json", cwd=workspace).json.get("opened", []) == []


def test_L11_a_revert_of_a_moved_file_by_its_new_path_closes_it_and_gives_its_lock_back(team):
    workspace = with_a_model(team)
    team.admin.mlv("edit", "model.bin", cwd=workspace)
    team.admin.mlv("move", "model.bin", "best.bin", cwd=workspace)
    team.admin.mlv("revert", "best.bin", cwd=workspace)
    assert files_of(workspace) == {"model.bin": noise(2000, 1)}
    assert team.admin.mlv("locks", "--json", cwd=workspace).json == []
    state = team.admin.mlv("status", "--json", cwd=workspace).json
    assert (state["files"], state.get("opened", [])) == ([], [])
    assert not (workspace / "model.bin").stat().st_mode & 0o200


def test_a_forced_unlock_forgets_a_lock_that_only_the_workspace_believes_in(team):
    workspace = with_a_model(team)
    team.admin.mlv("edit", "model.bin", cwd=workspace)
    repository = team.admin.mlv("status", "--json", cwd=workspace).json["repository"]
    elsewhere = checkout(team.admin, repository)
    team.admin.mlv("unlock", "model.bin", cwd=elsewhere)
    assert team.admin.mlv("status", "--json", cwd=workspace).json["opened"] == ["model.bin"]
    team.admin.mlv("unlock", "--force", "-m", "gone", "model.bin", cwd=workspace, code=9)
    assert team.admin.mlv("status", "--json", cwd=workspace).json.get("opened", []) == []
