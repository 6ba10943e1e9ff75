"""Small things that a user types or reads: spans, dry runs, empty checkouts, one form of times."""

from __future__ import annotations

import json
import os

import pytest
from tests.servers import run_server_command

BYTES = os.fsdecode(b"caf\xe9")
"""As a terminal in Latin-1 hands it over."""


@pytest.fixture
def five(workspace):
    """A workspace at @5, each version with one more line file."""
    made = workspace()
    for number in range(1, 6):
        made.write(f"{number}.txt", b"%d\n" % number)
        made.mlv("add", ".")
        made.mlv("commit", "-m", str(number))
    return made


@pytest.mark.parametrize("span", ["@3:@5", "@3:5"])
def test_C9_a_span_is_taken_back_however_it_is_written(five, span):
    assert [change["path"] for change in five.json("undo", span, "-n")["changes"]] == ["3.txt", "4.txt", "5.txt"]


def test_a_dry_update_does_not_promise_a_merge(five, workspace):
    other = workspace()
    five.write("1.txt", b"mine\n")
    five.mlv("commit", "-m", "mine")
    other.write("2.txt", b"local\n")
    assert "conflict" not in other.mlv("update", "-n")
    other.write("1.txt", b"other\n")
    told = other.mlv("update", "-n")
    assert "G 1.txt (or a conflict)" in told
    assert "dry run: main @6: 1 merged or in conflict" in told
    assert other.json("update")["conflicts"] == ["1.txt"]


def test_a_checkout_of_no_file_says_so(five, team, repository, tmp_path):
    told = team.admin.mlv("checkout", repository, str(tmp_path / "none"), "--only", "typo/**").err
    assert "No file of @5 is left by --only and --exclude" in told
    assert "No file" not in team.admin.mlv("checkout", repository, str(tmp_path / "one"), "--only", "1.txt").err


def test_the_host_and_a_client_write_users_and_tokens_alike(team, five, member):
    name = member().name
    where = ("--dir", str(team.server.directory), "--json")
    for verbs in (("user", "list"), ("token", "list", name)):
        ours = five.json(*verbs[:2], *(("--user", name) if len(verbs) > 2 else ()))
        theirs = json.loads(run_server_command(*verbs, *where).stdout)
        assert [item.keys() for item in ours] == [item.keys() for item in theirs]
        assert [item["created_at"] for item in ours] == [item["created_at"] for item in theirs]
    assert {**ours[0], "last_used_at": None} == {**theirs[0], "last_used_at": None}


def test_a_dry_run_is_told_as_one(five):
    assert five.mlv("repo", "create", "cli/never", "-n") == "dry run: created cli/never\n"


@pytest.mark.parametrize(
    "typed",
    [
        ("commit", "-m", BYTES, "--param", "lr=1"),
        ("shelve", "-m", BYTES),
        ("lock", "1.txt", "-m", BYTES),
        ("label", BYTES),
        ("branch", BYTES),
        ("merge", BYTES),
        ("cat", BYTES),
        ("log", "--author", BYTES),
        ("watch", "--once", "--kind", BYTES),
    ],
    ids=lambda typed: typed[0],
)
def test_bytes_that_are_no_text_are_refused_before_anything_is_begun(five, typed):
    """A message typed in Latin-1 was a bug's report, and the next command told of an interrupted commit."""
    assert "'caf\\udce9' is no text in UTF-8." in five.mlv(*typed, code=2)
    assert five.noticed("log") == ""
    (five.here / BYTES).write_bytes(b"a name on the disk may be any bytes")
    assert five.json("status", BYTES)["files"][0]["path"] == BYTES
    assert "no text in UTF-8" in five.mlv("cat", BYTES, code=2)
    (five.here / BYTES).unlink()


def test_a_slip_in_a_name_is_told_with_what_was_meant(five):
    five.mlv("branch", "Sweep")
    assert "Did you mean 'Sweep'?" in five.mlv("switch", "sweep", code=9)
    five.write("me@home.txt", b"mine")
    five.mlv("add", ".")
    five.mlv("commit", "-m", "an odd name")
    assert "is written with a final '@': 'me@home.txt@'" in five.mlv("cat", "me@home.txt", code=9)
    assert five.json("cat", "me@home.txt@")["text"] == "mine"
    assert "Neither @1 nor @5 has 'typo.txt'." in five.mlv("diff", "@1:@5", "typo.txt", code=9)
    assert five.mlv("diff", "@2:@5", "1.txt") == ""
    assert "5.txt" in five.mlv("diff", "@1:@5", "5.txt")
