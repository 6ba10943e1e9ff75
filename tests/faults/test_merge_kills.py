"""A merge is there whole or not at all, wherever the server dies (N1, N2)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.servers import Team, running_team

from mlv_core.failpoints import EXIT_CODE, VARIABLE


@pytest.mark.parametrize("point", ["merge.proved", "merge.written"])
def test_N1_N2_C3_a_server_killed_in_a_merge_has_it_whole_or_not_at_all(tmp_path: Path, point: str) -> None:
    with running_team(tmp_path / "team") as team:
        place = _branched(team, tmp_path)
        server = team.server
        server.stop()
        server.environment[VARIABLE] = f"{point}=exit"
        server.start()
        died = server.process
        assert died is not None
        assert (
            team.admin.mlv("--timeout", "1", "merge", "dev", "--json", cwd=place, code=6).json["code"] == "UNREACHABLE"
        )
        assert died.wait(60) == EXIT_CODE
        del server.environment[VARIABLE]
        server.start()
        told = team.admin.mlv("log", "--json", cwd=place)
        assert [one["changeset"] for one in told.json] == [3, 1]
        assert told.err.count("An interrupted merge had not reached the server; nothing was changed there.") == 1
        again = team.admin.mlv("merge", "dev", "--json", cwd=place)
        assert (again.json["changeset"], "interrupted" in again.err) == (4, False)
        team.admin.mlv("update", cwd=place)
        assert (place / "train.py").read_bytes() == b"A\nb\nc\nd\nE\n"
        server.stop()
        assert server.verify()["damaged"] == []
        server.start()


def _branched(team: Team, folder: Path) -> Path:
    """A workspace of main at @3 beside the branch dev at @2: both edited one text."""
    main, dev = folder / "main", folder / "dev"
    team.admin.mlv("repo", "create", "n/r")
    team.admin.mlv("checkout", "n/r", str(main))
    (main / "train.py").write_bytes(b"a\nb\nc\nd\ne\n")
    team.admin.mlv("add", ".", cwd=main)
    team.admin.mlv("commit", "-m", "base", cwd=main)
    team.admin.mlv("branch", "dev", cwd=main)
    team.admin.mlv("checkout", "n/r@dev", str(dev), "--branch", "dev")
    (dev / "train.py").write_bytes(b"a\nb\nc\nd\nE\n")
    team.admin.mlv("commit", "-m", "dev", cwd=dev)
    (main / "train.py").write_bytes(b"A\nb\nc\nd\ne\n")
    team.admin.mlv("commit", "-m", "main", cwd=main)
    return main
