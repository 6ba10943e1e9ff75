"""A call that runs into its deadline while the server writes: what became of it is not known, and is asked for (C3)."""

from __future__ import annotations

from pathlib import Path

from tests.servers import RunningServer, Team

from mlv_core.failpoints import VARIABLE


def test_C3_a_commit_whose_deadline_passed_is_found_by_the_next_command(tmp_path: Path) -> None:
    server = RunningServer.create(tmp_path / "server")
    server.environment |= {VARIABLE: "publish.written=delay@2", "MLV_LIMITS_CALL_TIME": "1"}
    server.start()
    try:
        admin = Team(server, tmp_path / "people").admin
        place = tmp_path / "work"
        admin.mlv("repo", "create", "n/r")
        admin.mlv("checkout", "n/r", str(place))
        (place / "a.txt").write_bytes(b"1\n")
        admin.mlv("add", ".", cwd=place)
        admin.mlv("commit", "-m", "one", cwd=place)
        (place / "a.txt").write_bytes(b"2\n")
        late = admin.mlv("commit", "-m", "two", "--json", cwd=place, code=8)
        assert late.json["code"] == "DEADLINE_EXCEEDED"
        told = admin.mlv("log", cwd=place)
        assert "An interrupted commit had reached the server: it is @2." in told.err
        assert admin.mlv("status", "--json", cwd=place).json["files"] == []
    finally:
        server.stop()
