"""A shelf is there whole or not at all, and nothing local is lost, whoever dies in the middle (N1-N4, C3)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.servers import Team, running_team

from mlv_core.failpoints import EXIT_CODE, VARIABLE

WEIGHTS = b"\0weights" * 50_000


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    with running_team(tmp_path_factory.mktemp("shelve-kills")) as made:
        yield made


def place_of(team: Team, folder: Path, name: str) -> Path:
    """A workspace with a changed text, a new file, a moved one and a deleted one."""
    place = folder / name
    team.admin.mlv("repo", "create", f"s/{name}")
    team.admin.mlv("checkout", f"s/{name}", str(place))
    for path in ("train.py", "old.txt", "gone.txt"):
        (place / path).write_bytes(b"a\nb\n" + path.encode())
    team.admin.mlv("add", ".", cwd=place)
    team.admin.mlv("commit", "-m", "base", cwd=place)
    (place / "train.py").write_bytes(b"A\nb\n")
    (place / "new.bin").write_bytes(WEIGHTS)
    team.admin.mlv("add", "new.bin", cwd=place)
    team.admin.mlv("move", "old.txt", "new.txt", cwd=place)
    team.admin.mlv("delete", "gone.txt", cwd=place)
    return place


def states(team: Team, place: Path) -> dict[str, str]:
    return {one["path"]: one["state"] for one in team.admin.mlv("status", "--json", cwd=place).json["files"]}


def files(place: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(place)): one.read_bytes()
        for one in place.rglob("*")
        if one.is_file() and ".mlv" not in one.parts
    }


CHANGED = {"train.py": "modified", "new.bin": "added", "new.txt": "moved", "gone.txt": "deleted"}


@pytest.mark.parametrize(
    ("point", "kept"), [("shelve.proved", False), ("shelve.written", False), ("shelve.committed", True)]
)
def test_N1_N2_a_server_killed_in_a_shelve_has_it_whole_or_not_at_all(tmp_path: Path, point: str, kept: bool) -> None:
    with running_team(tmp_path / "team") as team:
        place = place_of(team, tmp_path, "killed")
        before = files(place)
        server = team.server
        server.stop()
        server.environment[VARIABLE] = f"{point}=exit"
        server.start()
        died = server.process
        assert died is not None
        refused = team.admin.mlv("--timeout", "1", "shelve", "--name", "try", "--revert", "--json", cwd=place, code=6)
        assert refused.json["code"] == "UNREACHABLE"
        assert died.wait(60) == EXIT_CODE
        del server.environment[VARIABLE]
        server.start()
        assert files(place) == before
        assert states(team, place) == CHANGED
        told = team.admin.mlv("shelves", "--json", cwd=place)
        assert [one["shelf"] for one in told.json] == (["try"] if kept else [])
        assert ("had reached the server" in told.err, "had not reached" in told.err) == (kept, not kept)
        if not kept:
            team.admin.mlv("shelve", "--name", "try", "--json", cwd=place)
        team.admin.mlv("revert", ".", cwd=place)
        (place / "new.bin").unlink()
        team.admin.mlv("unshelve", "try", cwd=place)
        assert files(place) == before
        assert states(team, place) == CHANGED
        server.stop()
        assert server.verify()["damaged"] == []
        server.start()


@pytest.mark.parametrize(
    ("point", "kept"),
    [("shelve.sent", False), ("shelve.journal", False), ("shelve.answered", True), ("shelve.acknowledged", True)],
)
def test_C3_a_client_killed_in_a_shelve_leaves_the_whole_of_it_or_nothing(
    team: Team, tmp_path: Path, point: str, kept: bool
) -> None:
    name = point.replace(".", "-")
    place = place_of(team, tmp_path, name)
    before = files(place)
    dying = replace(team.admin, environment={VARIABLE: f"{point}=exit"})
    dying.mlv("shelve", "--name", "try", "--revert", cwd=place, code=EXIT_CODE)
    assert files(place) == before
    assert states(team, place) == CHANGED
    told = team.admin.mlv("shelves", "--json", cwd=place)
    assert [one["shelf"] for one in told.json] == (["try"] if kept else [])
    assert ("An interrupted shelve" in told.err) == (point in {"shelve.journal", "shelve.answered"})
    # It is told once, and the same command again does what was meant.
    assert "interrupted" not in team.admin.mlv("shelves", cwd=place).err
    team.admin.mlv("shelve", "--name", "try", "-f", "--revert", cwd=place)
    assert states(team, place) == {}
    team.admin.mlv("unshelve", cwd=place)
    assert files(place) == before


@pytest.mark.parametrize(
    "point",
    ["journal.synced", "update.synced", "update.switching", "update.placed", "update.renamed", "update.recorded"],
)
@pytest.mark.parametrize("verb", ["revert", "unshelve"])
def test_N3_N4_killed_while_files_are_exchanged_nothing_is_lost(
    team: Team, tmp_path: Path, point: str, verb: str
) -> None:
    place = place_of(team, tmp_path, f"{verb}-{point.replace('.', '-')}")
    before = files(place)
    dying = replace(team.admin, environment={VARIABLE: f"{point}=exit"})
    if verb == "revert":
        hit = replace(
            team.admin, environment={VARIABLE: f"{point}=exit@2" if point == "journal.synced" else f"{point}=exit"}
        )
        hit.mlv("shelve", "--name", "try", "--revert", cwd=place, code=EXIT_CODE)
    else:
        team.admin.mlv("shelve", "--name", "try", "--revert", cwd=place)
        dying.mlv("unshelve", "try", cwd=place, code=EXIT_CODE)
    # The next command ends what was begun, or nothing had begun.
    found = states(team, place)
    assert found in ({}, CHANGED)
    if not found:
        team.admin.mlv("unshelve", "try", cwd=place)
    assert files(place) == before
    assert states(team, place) == CHANGED
    rescue = place / ".mlv" / "rescue"
    assert [one for one in rescue.rglob("*") if one.is_file()] == []
