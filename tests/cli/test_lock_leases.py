"""Leases, stealing, renewing: what people see of them, on a real server whose time the test moves (L7, L8, L9, L11)."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import typist
from tests.cli.people import Typist
from tests.servers import Team, run_server_command, running_team

import mlv

MODEL = "w.safetensors"
OTHER = "v.safetensors"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory):
    """A server whose time can be moved."""
    with running_team(tmp_path_factory.mktemp("leases"), clock=True) as made:
        yield made


@pytest.fixture
def repository(team: Team) -> str:
    name = f"lease/r{next(_numbers)}"
    team.admin.mlv("repo", "create", name)
    return name


@pytest.fixture
def desks(team: Team, repository: str, tmp_path: Path):
    """A function that checks out for new users: the admin, then as many others as roles are named."""

    def make(*roles: str) -> list[Typist]:
        users = [team.admin]
        users += [team.member(f"p{next(_numbers)}", **{role: repository.replace("/", "__")}) for role in roles]
        found = []
        for user in users:
            place = tmp_path / user.name
            typist(user, tmp_path).mlv("checkout", repository, str(place))
            found.append(typist(user, place))
            if len(found) == 1:
                found[0].write(MODEL, b"\0weights 1")
                found[0].write(OTHER, b"\0weights 2")
                found[0].mlv("add", ".")
                found[0].mlv("commit", "-m", "base")
        return found

    return make


def held(who: Typist) -> dict[str, dict]:
    return {lock["path"]: lock for lock in who.json("locks")}


def test_L8_a_lock_has_a_lease_that_shows(desks) -> None:
    (admin,) = desks()
    admin.mlv("edit", MODEL)
    lock = held(admin)[MODEL]
    assert (lock["expired"], lock["ttl_seconds"], lock["scope"]) == (False, 12 * 3600, "line")
    assert lock["acquired_at"] < lock["lease_until"] < lock["lease_limit"]
    shown = admin.mlv("locks")
    assert "11h 59m" in shown or "12h" in shown
    assert lock["workspace"] in admin.mlv("locks", "-v")


def test_L8_an_expired_lock_is_taken_by_anybody_and_its_holder_is_told_by_the_next_commit(desks, team: Team) -> None:
    admin, bob = desks("contributor")
    admin.mlv("edit", MODEL, "--ttl", "2h")
    bob.mlv("lock", MODEL, code=4)
    team.server.later(2.01)
    assert held(bob)[MODEL]["expired"]
    bob.mlv("lock", MODEL, "-m", "my turn")
    assert held(bob)[MODEL]["owner"] == bob.name
    admin.write(MODEL, b"\0weights 3")
    refused = admin.mlv("commit", "-m", "late", code=4)
    assert "LOCK_LOST" in refused or "lost" in refused
    assert f"expired, and taken by {bob.name}" in refused
    assert "my turn" in refused
    assert admin.read(MODEL) == b"\0weights 3"


def test_L8_an_expired_lock_that_nobody_took_is_renewed_by_its_holder_and_serves_the_commit(desks, team: Team) -> None:
    admin, bob = desks("contributor")
    admin.mlv("edit", MODEL, OTHER, "--ttl", "1h")
    token = held(bob)[MODEL]["fencing_token"]
    team.server.later(30)
    assert held(bob)[MODEL]["expired"]
    renewed = admin.json("lock", "--renew")["locks"]
    assert [(lock["path"], lock["expired"]) for lock in renewed] == [(OTHER, False), (MODEL, False)]
    assert (held(bob)[MODEL]["fencing_token"], held(bob)[MODEL]["expired"]) == (token, False)
    bob.mlv("lock", MODEL, code=4)
    team.server.later(2)
    admin.write(MODEL, b"\0weights 3")
    admin.mlv("commit", "-m", "after the lease", MODEL)
    assert list(held(bob)) == [OTHER]


def test_L8_no_renewal_leads_past_the_limit_of_policy(desks, team: Team) -> None:
    admin, bob = desks("contributor")
    admin.mlv("edit", MODEL)
    first = held(admin)[MODEL]
    for _ in range(28):
        team.server.later(11.99)
        admin.mlv("lock", "--renew")
    last = held(bob)[MODEL]
    assert last["lease_until"] == last["lease_limit"] == first["lease_limit"]
    assert "ends soon" in admin.mlv("locks")
    team.server.later(12)
    admin.mlv("lock", "--renew")
    assert held(bob)[MODEL]["expired"]
    admin.mlv("lock", MODEL)
    again = held(bob)[MODEL]
    assert again["fencing_token"] > first["fencing_token"]
    assert not again["expired"]


def test_L8_a_lease_is_no_longer_than_policy_allows(desks) -> None:
    (admin,) = desks()
    assert "2w" in admin.mlv("lock", "--ttl", "15d", MODEL, code=2)
    assert "5m" in admin.mlv("lock", "--ttl", "10s", MODEL, code=2)


def test_L8_a_heartbeat_of_the_sdk_renews(desks, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    admin, bob = desks("contributor")
    admin.mlv("edit", MODEL, "--ttl", "1h")
    before = held(bob)[MODEL]["lease_until"]
    team.server.later(0.9)
    monkeypatch.setenv("MLV_CONFIG_DIR", str(admin.config))
    with mlv.open_workspace(admin.here) as workspace:
        assert [lock.path for lock in workspace.heartbeat()] == [MODEL]
    assert held(bob)[MODEL]["lease_until"] > before


def test_L9_a_steal_kills_the_token_at_once_and_tells_the_loser_who_when_and_why(desks) -> None:
    admin, bob, carol = desks("contributor", "maintainer")
    bob.mlv("edit", MODEL, "-m", "tuning")
    bob.write(MODEL, b"\0bob's work")
    admin.mlv("lock", "--steal", MODEL, code=2)
    token = held(bob)[MODEL]["fencing_token"]
    carol.mlv("lock", "--steal", "-m", "urgent fix", MODEL)
    taken = held(bob)[MODEL]
    assert (taken["owner"], taken["fencing_token"] > token) == (carol.name, True)
    refused = bob.mlv("commit", "-m", "too late", code=4)
    assert f"stolen by {carol.name}" in refused
    assert "urgent fix" in refused
    assert "mlv shelve" in refused
    assert bob.read(MODEL) == b"\0bob's work"


def test_L9_stealing_needs_the_right(desks) -> None:
    admin, bob, carol = desks("contributor", "contributor")
    bob.mlv("edit", MODEL)
    refused = carol.mlv("lock", "--steal", "-m", "mine now", MODEL, code=5)
    assert "lock.break" in refused
    assert held(admin)[MODEL]["owner"] == bob.name


def test_L7_ones_own_lock_of_another_workspace_is_moved_here_without_any_right(
    desks, repository: str, tmp_path: Path
) -> None:
    _, bob = desks("contributor")
    bob.mlv("edit", MODEL)
    there = tmp_path / "second"
    bob.mlv("checkout", repository, str(there))
    second = Typist(bob.name, bob.config, there)
    second.mlv("lock", MODEL, code=4)
    second.mlv("lock", "--steal", MODEL)
    bob.write(MODEL, b"\0from the first")
    assert "another workspace" in bob.mlv("commit", "-m", "x", code=4)
    second.write(MODEL, b"\0from the second")
    second.mlv("commit", "-m", "y")


def test_L1_N1_locks_survive_a_restart_a_kill_and_a_restore_from_the_backup(desks, team: Team, tmp_path: Path) -> None:
    admin, bob = desks("contributor")
    admin.mlv("edit", MODEL, "-m", "mine", "--ttl", "3h")
    bob.mlv("lock", "--scope", "repo", OTHER)
    before = admin.json("locks", "-v")
    team.server.stop()
    team.server.start()
    assert admin.json("locks", "-v") == before
    team.server.crash()
    team.server.start()
    assert admin.json("locks", "-v") == before
    bob.mlv("lock", MODEL, code=4)
    run_server_command("backup", str(team.server.directory), str(tmp_path / "backup"))
    run_server_command("restore", str(tmp_path / "backup"), str(tmp_path / "restored"))
    with closing(sqlite3.connect(tmp_path / "restored" / "mlv.db")) as restored:
        told = "SELECT path, token, lease_until, lease_limit, ttl, scope FROM locks ORDER BY path"
        found = restored.execute(told).fetchall()
    with closing(sqlite3.connect(f"file:{team.server.directory / 'mlv.db'}?mode=ro", uri=True)) as source:
        known = source.execute(told).fetchall()
    assert set(found) <= set(known)
    assert {row[0] for row in found} >= {MODEL, OTHER}
