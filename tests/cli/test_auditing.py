"""The audit trail as an admin reads it: who did what, who was refused, and whether the trail is what was written."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from tests.cli.people import Typist, changed
from tests.servers import Team


@pytest.fixture
def admin(team: Team) -> Typist:
    return Typist(team.admin.name, team.admin.config, team.admin.home)


@pytest.fixture
def worked(pair, repository: str, team: Team) -> Typist:
    """A contributor of a repository in which something was done and something was refused; all of it is in the trail.

    Reads are written down in batches, some seconds later, and when the server stops.
    """
    first, second = pair
    first.write("train.py", changed(3, b"three"))
    first.mlv("commit", "-m", "three")
    first.mlv("lock", "w.safetensors")
    second.json("policy", "grant", "admin", second.name, repository, code=5)
    team.server.stop()
    team.server.start()
    return second


def test_the_trail_says_who_did_what(worked, admin, repository):
    found = admin.json("audit", "log", repository)
    assert {"commit", "lock.acquired"} <= {one["action"] for one in found}
    commits = admin.json("audit", "log", repository, "--action", "commit", "--user", admin.name)
    assert commits[0]["detail"]["changeset"] == "2"
    assert commits[0]["allowed"] is True
    assert commits[0]["peer"].startswith("ipv4:127.0.0.1")
    assert admin.json("audit", "log", repository, "-l", "1") == found[:1]
    locks = admin.json("audit", "log", repository, "--action", "lock.*", "--object", "w.safetensors")
    assert [one["object"] for one in locks] == ["w.safetensors"]
    assert admin.json("audit", "log", repository, "--until", "2001-01-01") == []


def test_what_was_refused_is_there_too(worked, admin, repository):
    (denied,) = admin.json("audit", "log", repository, "--denied")
    assert (denied["action"], denied["allowed"]) == ("policy.write", False)
    assert denied["reason"]


def test_only_auditors_and_admins_read_the_trail(worked, repository):
    assert worked.json("audit", "log", repository, code=5)["code"] == "DENIED"
    assert worked.json("audit", "log", code=5)["code"] == "DENIED"
    assert worked.json("audit", "verify", "no/where", code=9)["code"] == "NOT_FOUND"


def test_an_export_is_the_chain_and_verify_knows_its_end(worked, admin, repository):
    lines = admin.mlv("audit", "export", repository).splitlines()
    entries = [json.loads(line) for line in lines]
    assert [one["sequence"] for one in entries] == list(range(1, len(entries) + 1))
    rest = admin.mlv("audit", "export", repository, "--after", "2").splitlines()
    assert rest == lines[2:]
    verdict = admin.json("audit", "verify", repository)
    assert verdict == {"entries": len(entries), "end": f"{len(entries)}:{entries[-1]['hash']}", "sound": True}
    assert admin.json("audit", "verify", repository, "--known", verdict["end"])["sound"]
    assert admin.json("audit", "verify")["entries"] > 0
    refused = admin.json("audit", "verify", repository, "--known", "5", code=2)
    assert refused["code"] == "USAGE"


def test_an_edit_and_a_cut_of_the_end_are_found(worked, admin, repository, team: Team):
    verdict = admin.json("audit", "verify", repository)
    (database,) = Path(team.server.directory).rglob("*.db")

    def change(statement: str) -> None:
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            found = "SELECT id FROM repositories WHERE name = ?"
            chain = connection.execute(found, [repository]).fetchone()[0]
            connection.execute(statement, {"chain": chain})

    change(
        "DELETE FROM audit WHERE chain = :chain AND sequence = (SELECT max(sequence) FROM audit WHERE chain = :chain)"
    )
    assert admin.json("audit", "verify", repository)["sound"]
    cut = admin.json("audit", "verify", repository, "--known", verdict["end"], code=7)
    assert cut["items"] == [f"{repository}, entry {verdict['entries']}"]
    change(
        "UPDATE audit SET record = CAST(replace(CAST(record AS TEXT), 'commit', 'update') AS BLOB) "
        "WHERE chain = :chain AND action = 'commit'"
    )
    edited = admin.json("audit", "verify", repository, code=7)
    assert "first that is wrong" in edited["message"]
    assert worked.name
