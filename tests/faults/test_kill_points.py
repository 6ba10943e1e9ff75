"""A process that dies at any point between two durable steps: the same command again, and everything is whole."""

from __future__ import annotations

import contextlib
import random
import re
import subprocess
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from tests.faults.conftest import checkout, files_of, kept_bytes, new_repository, noise
from tests.servers import Answer, Team, User, running_team

from mlv_core.failpoints import EXIT_CODE, POINTS, VARIABLE

ROOT = Path(__file__).parents[2]
SERVER_COMMIT = (
    "content.pack.written",
    "content.pack.synced",
    "content.pack.renamed",
    "content.pack.sealed",
    "content.pack.indexed",
    "publish.proved",
    "publish.written",
    "publish.committed",
)
CLIENT_COMMIT = (
    "commit.sent",
    "journal.written",
    "journal.synced",
    "commit.journal",
    "commit.published",
    "commit.recorded",
    "commit.finished",
)
CLIENT_UPDATE = (
    "update.staged",
    "update.synced",
    "journal.written",
    "journal.synced",
    "update.switching",
    "update.placed",
    "update.renamed",
    "update.recorded",
    "update.finished",
)
CLIENT_CHECKOUT = ("workspace.tables", "workspace.written", "workspace.made")
PUBLISHED = {"commit.published", "commit.recorded", "publish.committed"}
"""Where the server has the commit and the workspace does not know it yet."""
OLD, NEW, ADDED = noise(400_000, 1), noise(400_000, 2), noise(1000, 3)


USUAL = {
    "publish.committed",
    "content.pack.renamed",
    "commit.sent",
    "commit.published",
    "update.synced",
    "update.placed",
}
"""Killed at in every run of the tests; the others are slow only because they are many."""


def every(points: tuple[str, ...]) -> list[ParameterSet]:
    """All points, as parameters."""
    return [pytest.param(point, marks=() if point in USUAL else pytest.mark.slow) for point in points]


def test_every_point_is_in_the_code_and_has_a_kill():
    found: set[str] = set()
    for folder in ("proto", "server", "client"):
        for path in (ROOT / folder).rglob("*.py"):
            found.update(re.findall(r'failpoint\("([^"]+)"\)', path.read_text(encoding="utf-8")))
    assert found == POINTS
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [point for point in sorted(POINTS) if f'"{point}"' not in tests] == []


def prepared(team: Team, repository: str) -> Path:
    """A workspace in which a changed file and a new one wait to be committed as @2."""
    workspace = checkout(team.admin, repository)
    (workspace / "model.dat").write_bytes(OLD)
    team.admin.mlv("add", ".", cwd=workspace)
    team.admin.mlv("commit", "-m", "base", cwd=workspace)
    team.admin.mlv("edit", "model.dat", cwd=workspace)
    (workspace / "model.dat").write_bytes(NEW)
    (workspace / "added.dat").write_bytes(ADDED)
    team.admin.mlv("add", "added.dat", cwd=workspace)
    return workspace


def dying(user: User, point: str, *arguments: str, cwd: Path) -> Answer:
    """Run a command that dies at `point`."""
    mortal = User(user.name, user.config, user.home, {VARIABLE: f"{point}=exit"})
    return mortal.mlv(*arguments, cwd=cwd, code=EXIT_CODE)


def committed_once(team: Team, repository: str, workspace: Path, point: str) -> None:
    """The same command again lands the commit, once, and a second client sees just that."""
    assert files_of(workspace) == {"model.dat": NEW, "added.dat": ADDED}
    again = team.admin.mlv("commit", "-m", "again", cwd=workspace, code=None)
    if point in PUBLISHED:
        assert again.code == 2, again.err
        assert again.err.count("An interrupted commit had reached the server: it is @2.") == 1
    elif point == "commit.finished":
        assert again.code == 2
    else:
        assert again.code == 0, again.err
    assert [one["changeset"] for one in team.admin.mlv("log", "--json", cwd=workspace).json] == [2, 1]
    assert team.admin.mlv("status", "--json", cwd=workspace).json["files"] == []
    assert team.admin.mlv("locks", "--json", cwd=workspace).json == []
    assert not [name for name in ("journal", "commit") if (workspace / ".mlv" / name).exists()]
    assert files_of(workspace) == {"model.dat": NEW, "added.dat": ADDED}
    assert files_of(checkout(team.admin, repository)) == {"model.dat": NEW, "added.dat": ADDED}
    assert files_of(checkout(team.admin, f"{repository}@1")) == {"model.dat": OLD}


@pytest.mark.parametrize("point", every(CLIENT_COMMIT))
def test_C2_C3_a_client_killed_in_a_commit_lands_it_once(team, repository, point):
    workspace = prepared(team, repository)
    dying(team.admin, point, "commit", "-m", "new", cwd=workspace)
    committed_once(team, repository, workspace, point)


@pytest.mark.parametrize("point", CLIENT_CHECKOUT)
def test_a_checkout_killed_before_its_workspace_is_whole_is_typed_again(team, repository, tmp_path, point):
    """A database without tables, or without settings, was a workspace in which no command worked any more."""
    prepared(team, repository)
    dying(team.admin, point, "checkout", repository, str(tmp_path / "w"), cwd=tmp_path)
    assert (point == "workspace.made") == (tmp_path / "w/.mlv/state.db").exists()
    team.admin.mlv("checkout", repository, str(tmp_path / "w"), cwd=tmp_path)
    assert files_of(tmp_path / "w") == {"model.dat": OLD}
    assert team.admin.mlv("status", "--json", cwd=tmp_path / "w").json["files"] == []


@pytest.mark.parametrize("point", CLIENT_CHECKOUT)
def test_a_damaged_workspace_killed_while_it_is_rebuilt_is_rebuilt_by_the_same_command(
    team, repository, tmp_path, point
):
    workspace = prepared(team, repository)
    (workspace / ".mlv/state.db").write_bytes(b"no database")
    dying(team.admin, point, "update", "--verify", cwd=workspace)
    team.admin.mlv("update", "--verify", cwd=workspace)
    assert files_of(workspace) == {"model.dat": NEW, "added.dat": ADDED}
    states = {one["path"]: one["state"] for one in team.admin.mlv("status", "--json", cwd=workspace).json["files"]}
    assert states == {"model.dat": "modified", "added.dat": "untracked"}


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """A server that tests let die; at the end, everything in it is whole."""
    with running_team(tmp_path_factory.mktemp("mortal")) as made:
        yield made
        made.server.stop()
        report = made.server.verify()
        assert (report["damaged"], report["foreign"]) == ([], [])


@pytest.mark.parametrize("point", every(SERVER_COMMIT))
def test_N1_N2_a_server_killed_in_a_commit_has_it_whole_or_not_at_all(mortal, point):
    repository = new_repository(mortal)
    workspace = prepared(mortal, repository)
    server = mortal.server
    server.stop()
    server.environment[VARIABLE] = f"{point}=exit"
    server.start()
    died = server.process
    away = mortal.admin.mlv("--timeout", "1", "commit", "-m", "new", "--json", cwd=workspace, code=6).json
    assert away["code"] == "UNREACHABLE"
    assert died.wait(60) == EXIT_CODE
    del server.environment[VARIABLE]
    server.start()
    committed_once(mortal, repository, workspace, point)


def test_C3_a_revert_meanwhile_does_not_lose_the_outcome_of_a_commit(team, repository):
    workspace = prepared(team, repository)
    dying(team.admin, "commit.published", "commit", "-m", "new", cwd=workspace)
    (workspace / "model.dat").write_bytes(b"later")
    told = team.admin.mlv("revert", "model.dat", cwd=workspace)
    assert told.err.count("An interrupted commit had reached the server: it is @2.") == 1
    assert b"later" in kept_bytes(workspace)
    assert files_of(workspace) == {"model.dat": NEW, "added.dat": ADDED}
    state = team.admin.mlv("status", "--json", cwd=workspace).json
    assert (state["base"], state["files"]) == (2, [])


def test_C3_a_revert_while_the_server_is_away_keeps_the_question_open(mortal):
    repository = new_repository(mortal)
    workspace = prepared(mortal, repository)
    dying(mortal.admin, "commit.published", "commit", "-m", "new", cwd=workspace)
    mortal.server.stop()
    (workspace / "model.dat").write_bytes(b"later")
    mortal.admin.mlv("revert", "model.dat", cwd=workspace)
    mortal.server.start()
    assert b"later" in kept_bytes(workspace)
    assert files_of(workspace)["model.dat"] == OLD
    told = mortal.admin.mlv("update", cwd=workspace)
    assert told.err.count("An interrupted commit had reached the server: it is @2.") == 1
    state = mortal.admin.mlv("status", "--json", cwd=workspace).json
    assert state["base"] == 2
    assert [(one["path"], one["state"]) for one in state["files"]] == [("model.dat", "modified")]


# --- update ---------------------------------------------------------------------------------------------------------

FIRST = {
    "model.dat": OLD,
    "gone.dat": noise(2000, 4),
    "here/moved.dat": noise(2000, 5),
    "notes.txt": b"one\ntwo\nthree\nfour\nfive\n",
    "mine.dat": noise(2000, 6),
    **{f"many/{n}.dat": noise(100, 100 + n) for n in range(20)},
}
SECOND = {
    "model.dat": NEW,
    "there/moved.dat": FIRST["here/moved.dat"],
    "new/deep/added.dat": ADDED,
    "notes.txt": b"one\ntwo\nthree\nfour\nFIVE\n",
    "mine.dat": noise(2000, 7),
    **{f"many/{n}.dat": noise(100, 200 + n) for n in range(20)},
}
MINE = noise(1500, 8)
EDITED = b"ONE\ntwo\nthree\nfour\nfive\n"
OWN = b"never added\n"


def put(workspace: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).unlink(missing_ok=True)
        (workspace / name).write_bytes(data)


@pytest.fixture(scope="module")
def two_versions(team):
    """A repository whose second version changes, adds, moves and deletes."""
    repository = new_repository(team)
    workspace = checkout(team.admin, repository)
    put(workspace, FIRST)
    team.admin.mlv("add", ".", cwd=workspace)
    team.admin.mlv("commit", "-m", "first", cwd=workspace)
    changed = sorted(name for name in SECOND if name in FIRST)
    team.admin.mlv("edit", *changed, "gone.dat", "here/moved.dat", cwd=workspace)
    team.admin.mlv("delete", "gone.dat", cwd=workspace)
    team.admin.mlv("move", "here/moved.dat", "there/moved.dat", cwd=workspace)
    put(workspace, SECOND)
    team.admin.mlv("add", "new", cwd=workspace)
    team.admin.mlv("commit", "-m", "second", cwd=workspace)
    return repository


def edited(team: Team, repository: str) -> Path:
    """A workspace of @1 with local work: an edit that merges, one that conflicts, an untracked file."""
    workspace = checkout(team.admin, f"{repository}@1")
    put(workspace, {"notes.txt": EDITED, "mine.dat": MINE, "own.txt": OWN})
    return workspace


def brought(workspace: Path) -> None:
    """All of @2 is there, and all that the user wrote."""
    merged = b"ONE\ntwo\nthree\nfour\nFIVE\n"
    assert files_of(workspace) == {**SECOND, "notes.txt": merged, "mine.dat": MINE, "own.txt": OWN}
    assert {MINE, OWN} <= kept_bytes(workspace)
    assert not [name for name in ("journal", "commit") if (workspace / ".mlv" / name).exists()]


@pytest.mark.parametrize("point", every(CLIENT_UPDATE))
def test_N3_N4_a_client_killed_in_an_update_is_finished_and_loses_nothing(team, two_versions, point):
    workspace = edited(team, two_versions)
    dying(team.admin, point, "update", cwd=workspace)
    assert {MINE, EDITED, OWN} <= kept_bytes(workspace) | {EDITED if point == "update.finished" else b""}
    told = team.admin.mlv("status", cwd=workspace)
    finished = "Finished what an interrupted command had begun: an update to @2."
    begun = point in {"update.switching", "update.placed", "update.renamed", "update.recorded"}
    assert told.err.count(finished) == int(begun)
    team.admin.mlv("update", cwd=workspace)
    brought(workspace)
    state = {one["path"]: one["state"] for one in team.admin.mlv("status", "--json", cwd=workspace).json["files"]}
    assert state == {"mine.dat": "conflict", "notes.txt": "modified", "own.txt": "untracked"}


def test_N4_what_the_user_writes_between_kill_and_next_command_is_rescued(team, two_versions):
    workspace = edited(team, two_versions)
    dying(team.admin, "update.switching", "update", cwd=workspace)
    put(workspace, {"model.dat": b"trained meanwhile", "new/deep/added.dat": b"made meanwhile"})
    told = team.admin.mlv("status", cwd=workspace)
    assert "Your local 'model.dat' was moved to .mlv/rescue/." in told.err
    brought(workspace)
    assert {b"trained meanwhile", b"made meanwhile"} <= kept_bytes(workspace)


@pytest.mark.parametrize("act", ["error", "full"])
@pytest.mark.parametrize("point", every(("update.staged", "update.switching", "update.placed", "update.recorded")))
def test_N3_a_disk_that_fails_in_an_update_is_told_and_the_next_command_finishes(team, two_versions, point, act):
    workspace = edited(team, two_versions)
    unlucky = User("admin", team.admin.config, team.admin.home, {VARIABLE: f"{point}={act}"})
    refused = unlucky.mlv("update", "--json", cwd=workspace, code=8 if act == "full" else 1)
    assert refused.json["code"] == ("DISK_FULL" if act == "full" else "INTERNAL")
    team.admin.mlv("update", cwd=workspace)
    brought(workspace)


def test_a_checkout_that_was_killed_is_finished_by_an_update(team, two_versions):
    team.admin.home.joinpath("half").mkdir()
    dying(team.admin, "update.placed", "checkout", two_versions, "half", cwd=team.admin.home)
    team.admin.mlv("update", cwd=team.admin.home / "half")
    assert files_of(team.admin.home / "half") == SECOND


# --- at any moment --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(4))
def test_N4_a_client_killed_at_any_moment_of_an_update_loses_nothing(team, two_versions, seed):
    pick = random.Random(seed)
    workspace = edited(team, two_versions)
    for _ in range(4):
        running = team.admin.popen("update", cwd=workspace)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(pick.uniform(0.2, 1.2))
        running.kill()
        running.communicate()
        assert {MINE, OWN} <= kept_bytes(workspace)
    team.admin.mlv("update", cwd=workspace)
    brought(workspace)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(4))
def test_C3_a_client_killed_at_any_moment_of_a_commit_commits_once(team, repository, seed):
    pick = random.Random(seed)
    workspace = prepared(team, repository)
    for _ in range(4):
        running = team.admin.popen("commit", "-m", "new", cwd=workspace)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(pick.uniform(0.2, 1.2))
        running.kill()
        running.communicate()
    team.admin.mlv("commit", "-m", "new", cwd=workspace, code=None)
    assert [one["changeset"] for one in team.admin.mlv("log", "--json", cwd=workspace).json] == [2, 1]
    assert files_of(checkout(team.admin, repository)) == {"model.dat": NEW, "added.dat": ADDED}
    assert team.admin.mlv("status", "--json", cwd=workspace).json["files"] == []
